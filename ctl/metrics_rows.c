/* SPDX-License-Identifier: MIT */
#include "ctl/metrics_rows.h"

#include "ctl/controller.h"

/* clang-format off */
#define OF(field)                    offsetof(struct controller_counters, field)
#define COUNT(name, help, field)     {"keyrack_" name "_total", NULL, help, OF(field), METRICS_COUNTER}
#define BY(name, labels, help, field) {"keyrack_" name "_total", labels, help, OF(field), METRICS_COUNTER}
#define NOW(name, help, field)       {"keyrack_" name, NULL, help, OF(field), METRICS_GAUGE}

#define MESSAGES     "IKE messages, by exchange."
#define IKE_MESSAGE(exchange, dir, kind, field) \
	BY("ike_messages", "exchange=\"" exchange "\",direction=\"" dir "\",kind=\"" kind "\"", MESSAGES, ike.field)
#define IKE_EXCHANGE(exchange, field)                          \
	IKE_MESSAGE(exchange, "in", "request", field##_in_req),   \
	IKE_MESSAGE(exchange, "in", "response", field##_in_resp), \
	IKE_MESSAGE(exchange, "out", "request", field##_out_req), \
	IKE_MESSAGE(exchange, "out", "response", field##_out_resp)
#define IKE_REKEYS   "Rekey exchanges, by what was rekeyed and who asked."
#define IKE_DROPPED  "IKE messages that were dropped, or answered with an error only, by reason."
#define IKE_DROP(reason, field) BY("ike_dropped", "reason=\"" reason "\"", IKE_DROPPED, ike.field)
#define BOUNDS       "Requests turned down because a bound was reached, by bound."
#define BOUND(bound, field) BY("ike_bounds", "bound=\"" bound "\"", BOUNDS, ike.field)

#define REKEYS       "Child SAs replaced, by who asked for it."
#define REKEYS_DUE   "Child SAs that became due for replacement, by the first reason."
#define FALLBACKS    "Tunnels that run in a lesser mode than asked for, by that mode."
#define SCHEDULED    "Child SAs known to the rekey scheduler, by state."
#define EXPIRES      "Limit events from the card or kernel, by kind."

const struct metrics_row metrics_rows[] = {
	/* Child SAs and their keys */
	BY("rekeys", "by=\"us\"", REKEYS, rekeys_done),
	BY("rekeys", "by=\"peer\"", REKEYS, rekeys_peer),
	COUNT("rekeys_failed", "Replacements that were started and did not end in a new Child SA.", rekeys_failed),
	COUNT("collisions", "Child SAs deleted because both ends replaced one at once.", collisions),
	COUNT("hard_expiries", "SAs that reached their hard limit: traffic stopped. Must stay 0.", hard_expired),
	COUNT("soft_events", "Soft limit events that led to a look at the SA.", soft_events),
	COUNT("retries", "Things tried again later: tunnels, rekeys, installs.", retries),
	BY("rekeys_due", "reason=\"bytes\"", REKEYS_DUE, rekey.by_bytes),
	BY("rekeys_due", "reason=\"packets\"", REKEYS_DUE, rekey.by_packets),
	BY("rekeys_due", "reason=\"time\"", REKEYS_DUE, rekey.by_time),
	BY("rekeys_due", "reason=\"card\"", REKEYS_DUE, rekey.by_card),
	BY("rekeys_due", "reason=\"operator\"", REKEYS_DUE, rekey.by_ask),
	COUNT("rekeys_started", "Replacements started by the scheduler.", rekey.started),
	COUNT("rekeys_taken", "Replacements that the peer started first.", rekey.taken),
	BY("rekeys_ended", "result=\"done\"", "Replacements that the scheduler saw end, by result.", rekey.done),
	BY("rekeys_ended", "result=\"failed\"", NULL, rekey.failed),
	COUNT("rekeys_early", "Replacements started before soft, for more were coming than slots.", rekey.early),
	COUNT("rekeys_deferred", "Replacements that were due and found no free slot at first.", rekey.deferred_no_slot),
	{"keyrack_rekey_child_sas", "state=\"watched\"", SCHEDULED, OF(rekey.watched), METRICS_GAUGE},
	{"keyrack_rekey_child_sas", "state=\"due\"", NULL, OF(rekey.due), METRICS_GAUGE},
	{"keyrack_rekey_child_sas", "state=\"running\"", NULL, OF(rekey.running), METRICS_GAUGE},
	{"keyrack_rekey_child_sas", "state=\"replaced\"", NULL, OF(rekey.replaced), METRICS_GAUGE},
	/* the card */
	COUNT("sa_installs", "SAs installed, each direction by itself.", installs),
	COUNT("sa_installs_refused", "Installs that the card or kernel refused.", install_refused),
	BY("offload_fallbacks", "mode=\"crypto\"", FALLBACKS, fallback_crypto),
	BY("offload_fallbacks", "mode=\"software\"", FALLBACKS, fallback_software),
	COUNT("admissions_refused", "Child SAs refused before or during negotiation, for want of a slot or by a bound.", admission_refused),
	COUNT("child_sas_taken_back", "Child SAs given back, or moved to software, because the card has less room than was believed.", taken_back),
	COUNT("resyncs", "Times that everything was read back from the card, after a reset, link change or lost events.", resyncs),
	COUNT("orphans_removed", "SAs and policies of an earlier run that were removed.", orphans_removed),
	COUNT("datagrams_too_long", "Datagrams to the IKE ports that were longer than any IKE message taken, and dropped.", datagrams_too_long),
	COUNT("queue_maps", "Times that the map of CPUs and queues was read and had changed.", queue_maps),
	COUNT("queue_rekeys", "Child SAs replaced because their packets came to another queue than theirs.", queue_rekeys),
	COUNT("queue_rules", "Flow rules set for inbound SAs.", queue_rules),
	COUNT("queue_rules_refused", "Flow rules that the card refused.", queue_rules_refused),
	COUNT("nic_requests", "Netlink requests sent.", xfrm.requests),
	COUNT("nic_errors", "Netlink requests answered with an error.", xfrm.errors),
	COUNT("nic_installs", "SAs that the card or kernel took.", xfrm.installs),
	COUNT("nic_deletes", "SAs that it deleted when asked to.", xfrm.deletes),
	COUNT("nic_not_offloaded", "Installs acknowledged but found not offloaded when read back.", xfrm.not_offloaded),
	BY("nic_expires", "kind=\"soft\"", EXPIRES, xfrm.expires_soft),
	BY("nic_expires", "kind=\"hard\"", EXPIRES, xfrm.expires_hard),
	COUNT("nic_acquires", "Acquires: a policy met traffic and there was no SA.", xfrm.acquires),
	COUNT("nic_overruns", "Times that netlink events were lost.", xfrm.overruns),
	COUNT("nic_malformed", "Netlink messages that made no sense.", xfrm.malformed),
	/* IKE */
	NOW("ike_sas", "IKE SAs, half-open ones included.", ike.sas),
	NOW("ike_sas_half_open", "IKE SAs that are not authenticated yet.", ike.half_open),
	NOW("ike_child_sas", "Child SAs that the IKE engine knows.", ike.children),
	IKE_EXCHANGE("ike_sa_init", ike_init),
	IKE_EXCHANGE("ike_auth", ike_auth),
	IKE_EXCHANGE("create_child_sa", create_child),
	IKE_EXCHANGE("informational", info),
	BY("ike_rekeys", "sa=\"ike\",by=\"us\"", IKE_REKEYS, ike.ike_rekey_init),
	BY("ike_rekeys", "sa=\"ike\",by=\"peer\"", IKE_REKEYS, ike.ike_rekey_resp),
	BY("ike_rekeys", "sa=\"child\",by=\"us\"", IKE_REKEYS, ike.child_rekey_init),
	BY("ike_rekeys", "sa=\"child\",by=\"peer\"", IKE_REKEYS, ike.child_rekey_resp),
	COUNT("ike_collisions", "Exchanges of both ends about one SA at once.", ike.collisions),
	COUNT("ike_redundant_child_sas", "Child SAs that lost such a collision.", ike.redundant_children),
	COUNT("ike_old_child_sas", "Child SAs that the peer replaced and did not delete: deleted here.", ike.old_children),
	COUNT("ike_retransmits", "Requests sent again.", ike.retransmits),
	COUNT("ike_retransmits_answered", "Requests of the peer that came again and were answered again.", ike.retransmits_answered),
	COUNT("ike_timeouts", "Requests never answered: the peer was given up.", ike.timeouts),
	COUNT("ike_auth_failures", "Failed authentications.", ike.auth_failed),
	IKE_DROP("malformed", invalid),
	IKE_DROP("unknown_spi", invalid_spi),
	IKE_DROP("integrity", integrity_failed),
	IKE_DROP("out_of_window", out_of_window),
	IKE_DROP("replayed", replayed),
	IKE_DROP("bad_cookie", cookies_bad),
	IKE_DROP("half_open_limit", half_open_dropped),
	IKE_DROP("reply_rate", unauth_suppressed),
	IKE_DROP("esp", esp_on_natt),
	COUNT("ike_cookies", "IKE_SA_INIT requests answered with a cookie.", ike.cookies_sent),
	COUNT("ike_temporary_failures", "TEMPORARY_FAILURE answers sent or received.", ike.temporary_failures),
	COUNT("ike_windows_widened", "Peers that granted a window larger than 1.", ike.windows_widened),
	BOUND("children", children_max_refused),
	BOUND("queue", queue_full),
	BY("ike_count_sas", "result=\"agreed\"", "Child SAs for which a count was negotiated, by result.", ike.count_agreed),
	BY("ike_count_sas", "result=\"ignored\"", NULL, ike.count_ignored),
	BY("ike_optimized_rekeys", "by=\"us\"", "Optimized rekeys of IKE and Child SAs, by who asked.", ike.optimized_init),
	BY("ike_optimized_rekeys", "by=\"peer\"", NULL, ike.optimized_resp),
	COUNT("ike_optimized_refused", "Optimized rekeys that the peer refused and that were tried again the regular way.",
	      ike.optimized_refused),
	{NULL},
};
/* clang-format on */
