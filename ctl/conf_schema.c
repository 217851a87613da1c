/* SPDX-License-Identifier: MIT */
/*
 * Which keys there are. Names and meanings are swanctl.conf(5)'s where it has the key; window, children_max,
 * count_sa, optimized_rekey, per_cpu_*, and the sections nic and daemon are ours.
 */
#include "ctl/conf_schema.h"

#include <limits.h>

#define S  1000000000ull /* ns */
#define MS 1000000ull

#define AT(type, field) .at = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field)

#define ONLY(name, allowed, reason)                                             \
	{                                                                       \
		.key = name, .type = CONF_ONLY, .words = allowed, .why = reason \
	}
#define NOT(name, reason)                                    \
	{                                                    \
		.key = name, .type = CONF_NOT, .why = reason \
	}
#define UNIT_MAX(unit) (UINT64_MAX / (unit) * (unit)-1)

static const struct conf_word only_no[] = {{"no", 0}, {NULL}};
static const struct conf_word only_yes[] = {{"yes", 0}, {NULL}};
static const struct conf_word only_0[] = {{"0", 0}, {NULL}};
static const struct conf_word only_0s[] = {{"0", 0}, {"0s", 0}, {NULL}};
static const struct conf_word only_2[] = {{"2", 0}, {NULL}};
static const struct conf_word only_psk[] = {{"psk", 0}, {NULL}};
static const struct conf_word only_out[] = {{"out", 0}, {NULL}};
static const struct conf_word only_dscp[] = {{"000000", 0}, {NULL}};
static const struct conf_word only_never[] = {{"never", 0}, {NULL}};
static const struct conf_word only_no_cert[] = {{"never", 0}, {"ifasked", 0}, {NULL}};
static const struct conf_word only_no_fragments[] = {{"no", 0}, {"accept", 0}, {NULL}};
static const struct conf_word only_one_round[] = {{"0", 0}, {"1", 0}, {NULL}};
static const struct conf_word only_no_mark[] = {{"0", 0}, {"0/0x00000000", 0}, {NULL}};

static const struct conf_word modes[] = {{"tunnel", IKE_MODE_TUNNEL}, {"transport", IKE_MODE_TRANSPORT}, {NULL}};
static const struct conf_word start_actions[] = {
	{"none", CONF_ACTION_NONE}, {"trap", CONF_ACTION_TRAP}, {"start", CONF_ACTION_START}, {NULL}};
/* "clear" and "restart" are what swanctl 5.9.5 and older call "none" and "start" */
static const struct conf_word dpd_actions[] = {{"none", CONF_ACTION_NONE},     {"clear", CONF_ACTION_NONE},
					       {"trap", CONF_ACTION_TRAP},     {"start", CONF_ACTION_START},
					       {"restart", CONF_ACTION_START}, {NULL}};
static const struct conf_word offloads[] = {{"packet", HW_OFFLOAD_PACKET},
					    {"crypto", HW_OFFLOAD_CRYPTO},
					    {"auto", HW_OFFLOAD_AUTO},
					    {"no", HW_OFFLOAD_NO},
					    {NULL}};
static const struct conf_word per_cpu_starts[] = {{"all", CONF_PER_CPU_ALL}, {"demand", CONF_PER_CPU_DEMAND}, {NULL}};
static const struct conf_word per_cpu_modes[] = {{"auto", CONF_PER_CPU_MODE_AUTO},
						 {"packet", CONF_PER_CPU_MODE_PACKET},
						 {"crypto", CONF_PER_CPU_MODE_CRYPTO},
						 {NULL}};
static const struct conf_word backends[] = {{"xfrm", CONF_BACKEND_XFRM}, {"hwsim", CONF_BACKEND_HWSIM}, {NULL}};
static const struct conf_word levels[] = {{"error", LOG_LEVEL_ERROR},   {"warning", LOG_LEVEL_WARN},
					  {"notice", LOG_LEVEL_NOTICE}, {"info", LOG_LEVEL_INFO},
					  {"debug", LOG_LEVEL_DEBUG},   {NULL}};

static const char no_certificates[] = "keyrack authenticates by pre-shared key only";
static const char no_vips[] = "keyrack does not do virtual addresses (configuration payloads)";
static const char no_marks[] = "keyrack does not set marks";
static const char no_if_ids[] = "keyrack does not do XFRM interfaces";
static const char no_mediation[] = "keyrack does not do mediation";
static const char no_copy[] = "keyrack leaves this to the card, which does it only so";
static const char no_ppk[] = "keyrack does not do post-quantum preshared keys";
static const char no_labels[] = "keyrack does not do security labels";

#define CONN(field) AT(conf_conn_draft, field)

const struct conf_row conf_rows_conn[] = {
	ONLY("version", only_2, "keyrack speaks IKEv2 only"),
	{.key = "local_addrs", .type = CONF_ADDRS, CONN(local), .max = 1},
	{.key = "remote_addrs", .type = CONF_ADDRS, CONN(remote), .max = 1},
	{.key = "local_port", .type = CONF_UINT, CONN(local_port), .max = 65535},
	{.key = "remote_port", .type = CONF_UINT, CONN(remote_port), .min = 1, .max = 65535},
	{.key = "proposals", .type = CONF_PROPOSALS, CONN(proposals), .min = IKE_PROTO_IKE},
	{.key = "encap", .type = CONF_BOOL, CONN(encap)},
	ONLY("mobike", only_no, "keyrack does not do MOBIKE"),
	{.key = "dpd_delay", .type = CONF_TIME, CONN(dpd_delay), .max = 86400 * S},
	{.key = "dpd_timeout", .type = CONF_TIME, CONN(dpd_timeout), .max = UNIT_MAX(S)}, /* no effect with IKEv2 */
	ONLY("fragmentation", only_no_fragments, "keyrack does not fragment IKE messages"),
	ONLY("childless", only_never, "keyrack makes the first Child SA in IKE_AUTH"),
	{.key = "keyingtries", .type = CONF_UINT, CONN(keyingtries), .max = UINT32_MAX},
	ONLY("unique", only_no, "keyrack replaces older IKE SAs of a peer when it sends INITIAL_CONTACT"),
	ONLY("reauth_time", only_0s, "keyrack rekeys IKE SAs and does not reauthenticate them"),
	{.key = "rekey_time", .type = CONF_TIME, CONN(rekey_time), .max = 365 * 86400 * S},
	{.key = "over_time", .type = CONF_TIME, CONN(over_time), .max = 365 * 86400 * S},
	{.key = "rand_time", .type = CONF_TIME, CONN(rand_time), .max = 365 * 86400 * S},
	{.key = "window", .type = CONF_UINT, CONN(window), .min = 1, .max = IKE_WINDOW_MAX},
	{.key = "children_max", .type = CONF_UINT, CONN(children_max), .min = 1, .max = 1000000},
	{.key = "count_sa", .type = CONF_BOOL, CONN(count_sa)},
	{.key = "optimized_rekey", .type = CONF_BOOL, CONN(optimized_rekey)},
	{.key = "local*", .type = CONF_ENTER, .enter = conf_enter_local},
	{.key = "remote*", .type = CONF_ENTER, .enter = conf_enter_remote},
	{.key = "children", .type = CONF_ENTER, .enter = conf_enter_children},
	NOT("vips", no_vips),
	NOT("pools", no_vips),
	ONLY("pull", only_yes, no_vips),
	ONLY("aggressive", only_no, "keyrack speaks IKEv2 only"),
	ONLY("dscp", only_dscp, "keyrack does not mark its IKE packets"),
	ONLY("send_certreq", only_no, no_certificates),
	ONLY("send_cert", only_no_cert, no_certificates),
	NOT("ppk_id", no_ppk),
	ONLY("ppk_required", only_no, no_ppk),
	ONLY("if_id_in", only_0, no_if_ids),
	ONLY("if_id_out", only_0, no_if_ids),
	ONLY("mediation", only_no, no_mediation),
	NOT("mediated_by", no_mediation),
	NOT("mediation_peer", no_mediation),
	{NULL},
};

#define ROUND(id_field)                                                                                               \
	ONLY("auth", only_psk, no_certificates), {.key = "id", .type = CONF_IDENTITY, CONN(id_field)},                \
		ONLY("round", only_one_round, "keyrack does one round of authentication"),                            \
		NOT("certs", no_certificates), NOT("cert*", no_certificates), NOT("pubkeys", no_certificates),        \
		NOT("eap_id", no_certificates), NOT("aaa_id", no_certificates), NOT("xauth_id", no_certificates),     \
		NOT("groups", no_certificates), NOT("cert_policy", no_certificates), NOT("cacerts", no_certificates), \
		NOT("cacert*", no_certificates), NOT("ca_id", no_certificates), NOT("revocation", no_certificates)

const struct conf_row conf_rows_local[] = {ROUND(local_id), {NULL}};
const struct conf_row conf_rows_remote[] = {ROUND(remote_id), {NULL}};

#define CHILD(field) AT(conf_child_draft, field)

const struct conf_row conf_rows_child[] = {
	{.key = "local_ts", .type = CONF_SELECTORS, CHILD(local_ts)},
	{.key = "remote_ts", .type = CONF_SELECTORS, CHILD(remote_ts)},
	{.key = "esp_proposals", .type = CONF_PROPOSALS, CHILD(proposals), .min = IKE_PROTO_ESP},
	{.key = "mode", .type = CONF_WORD, CHILD(mode), .words = modes},
	{.key = "rekey_time", .type = CONF_TIME, CHILD(rekey.time.rekey), .max = 365 * 86400 * S},
	{.key = "life_time", .type = CONF_TIME, CHILD(rekey.time.life), .max = 365 * 86400 * S},
	{.key = "rand_time", .type = CONF_TIME, CHILD(rekey.time.rand), .max = 365 * 86400 * S},
	{.key = "rekey_bytes", .type = CONF_BYTES, CHILD(rekey.bytes.rekey)},
	{.key = "life_bytes", .type = CONF_BYTES, CHILD(rekey.bytes.life)},
	{.key = "rand_bytes", .type = CONF_BYTES, CHILD(rekey.bytes.rand)},
	{.key = "rekey_packets", .type = CONF_UINT, CHILD(rekey.packets.rekey), .max = UINT64_MAX - 1},
	{.key = "life_packets", .type = CONF_UINT, CHILD(rekey.packets.life), .max = UINT64_MAX - 1},
	{.key = "rand_packets", .type = CONF_UINT, CHILD(rekey.packets.rand), .max = UINT64_MAX - 1},
	{.key = "per_cpu_sas", .type = CONF_QUEUES, CHILD(per_cpu_sas), .max = 1024},
	{.key = "per_cpu_start", .type = CONF_WORD, CHILD(per_cpu_start), .words = per_cpu_starts},
	{.key = "per_cpu_idle", .type = CONF_TIME, CHILD(per_cpu_idle), .max = 365 * 86400 * S},
	{.key = "per_cpu_mode", .type = CONF_WORD, CHILD(per_cpu_mode), .words = per_cpu_modes},
	{.key = "hw_offload", .type = CONF_WORD, CHILD(hw_offload), .words = offloads},
	{.key = "start_action", .type = CONF_WORD, CHILD(start_action), .words = start_actions},
	{.key = "close_action", .type = CONF_WORD, CHILD(close_action), .words = start_actions},
	{.key = "dpd_action", .type = CONF_WORD, CHILD(dpd_action), .words = dpd_actions},
	{.key = "reqid", .type = CONF_UINT, CHILD(reqid), .max = UINT32_MAX},
	{.key = "priority", .type = CONF_UINT, CHILD(priority), .max = UINT32_MAX},
	{.key = "replay_window", .type = CONF_UINT, CHILD(replay_window), .max = 4096}, /* XFRMA_REPLAY_ESN_MAX */
	{.key = "policies", .type = CONF_BOOL, CHILD(policies)},
	NOT("ah_proposals", "keyrack does ESP only"),
	ONLY("sha256_96", only_no, "keyrack does HMAC-SHA-256 as RFC 4868 has it only"),
	NOT("updown", "keyrack runs no scripts; use `keyrack monitor`"),
	ONLY("hostaccess", only_no, "keyrack runs no scripts"),
	ONLY("policies_fwd_out", only_no, "keyrack does not install them"),
	ONLY("ipcomp", only_no, "keyrack does not do IPComp"),
	ONLY("inactivity", only_0s, "of idle Child SAs keyrack closes those of queues only (per_cpu_idle)"),
	NOT("interface", "keyrack does not bind policies to interfaces"),
	ONLY("mark_in", only_no_mark, no_marks),
	ONLY("mark_in_sa", only_no, no_marks),
	ONLY("mark_out", only_no_mark, no_marks),
	ONLY("set_mark_in", only_no_mark, no_marks),
	ONLY("set_mark_out", only_no_mark, no_marks),
	ONLY("if_id_in", only_0, no_if_ids),
	ONLY("if_id_out", only_0, no_if_ids),
	NOT("label", no_labels),
	NOT("label_mode", no_labels),
	ONLY("tfc_padding", only_0, "cards do not pad for traffic flow confidentiality"),
	ONLY("copy_df", only_yes, no_copy),
	ONLY("copy_ecn", only_yes, no_copy),
	ONLY("copy_dscp", only_out, no_copy),
	{NULL},
};

const struct conf_row conf_rows_secret[] = {
	{.key = "secret", .type = CONF_PSK},
	{.key = "id*", .type = CONF_IDENTITIES},
	{NULL},
};

#define NIC(field) AT(conf_nic_draft, nic.field)

const struct conf_row conf_rows_nic[] = {
	{.key = "backend", .type = CONF_WORD, NIC(backend), .words = backends},
	{.key = "device", .type = CONF_TEXT, NIC(device)},
	{.key = "ifindex", .type = CONF_UINT, NIC(ifindex), .min = 1, .max = INT_MAX},
	{.key = "socket", .type = CONF_TEXT, NIC(socket)},
	{.key = "profile", .type = CONF_PROFILE, NIC(profile)},
	{.key = "slots", .type = CONF_UINT, NIC(slots), .min = 2, .max = 1 << 24},
	{.key = "reserve", .type = CONF_UINT, NIC(reserve), .max = 1 << 24},
	{.key = "queues", .type = CONF_UINT, NIC(queues), .min = 1, .max = 1024},
	{.key = "manage_queues", .type = CONF_BOOL, NIC(manage_queues)},
	{.key = "counter_poll", .type = CONF_TIME, NIC(counter_poll_ns), .min = MS, .max = 3600 * S},
	{.key = "counter_gap", .type = CONF_TIME, NIC(counter_gap_ns), .max = 3600 * S},
	{.key = "drain", .type = CONF_TIME, NIC(drain_ns), .max = 3600 * S},
	{.key = "let_go", .type = CONF_TIME, NIC(let_go_ns), .min = MS, .max = 60 * S},
	{.key = "event_buffer", .type = CONF_BYTES, NIC(event_buffer), .min = 4096, .max = 1 << 29},
	{NULL},
};

#define DAEMON(field) AT(conf_daemon_draft, daemon.field)

const struct conf_row conf_rows_daemon[] = {
	{.key = "listen", .type = CONF_ADDRS, AT(conf_daemon_draft, listen), .max = CONF_ADDRS_MAX},
	{.key = "port", .type = CONF_UINT, DAEMON(ike.port), .min = 1, .max = 65535},
	{.key = "port_nat_t", .type = CONF_UINT, DAEMON(ike.port_natt), .min = 1, .max = 65535},
	{.key = "control", .type = CONF_TEXT, DAEMON(control)},
	{.key = "metrics_address", .type = CONF_ADDRS, AT(conf_daemon_draft, metrics), .max = 1},
	{.key = "metrics_port", .type = CONF_UINT, DAEMON(metrics_port), .max = 65535},
	{.key = "rekey_policy", .type = CONF_POLICY, DAEMON(rekey_policy)},
	{.key = "log_level", .type = CONF_WORD, DAEMON(log_level), .words = levels},
	{.key = "half_open_max", .type = CONF_UINT, DAEMON(ike.half_open_max), .min = 1, .max = UINT32_MAX},
	{.key = "half_open_per_ip", .type = CONF_UINT, DAEMON(ike.half_open_per_ip), .min = 1, .max = UINT32_MAX},
	{.key = "half_open_timeout", .type = CONF_TIME, DAEMON(ike.half_open_ns), .min = S, .max = 3600 * S},
	{.key = "cookie_threshold", .type = CONF_UINT, DAEMON(ike.cookie_threshold), .max = UINT32_MAX},
	{.key = "retransmit_timeout", .type = CONF_TIME, DAEMON(ike.retransmit_ns), .min = 10 * MS, .max = 60 * S},
	{.key = "retransmit_base", .type = CONF_REAL, DAEMON(ike.retransmit_base), .min = 1, .max = 10},
	{.key = "retransmit_tries", .type = CONF_UINT, DAEMON(ike.retransmit_tries), .min = 1, .max = 20},
	{.key = "unauth_reply_rate", .type = CONF_UINT, DAEMON(ike.unauth_reply_rate), .max = 1000000},
	{NULL},
};
