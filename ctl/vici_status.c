/* SPDX-License-Identifier: MIT */
/* get-status (ours), and what charon tells of itself: stats, get-counters, get-algorithms. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/vici_server_impl.h"
#include "ike/crypto.h"

/* ---- get-status ---- */

#define WRITE_COUNTER(name) vici_format(w, #name, "%llu", (unsigned long long)c->name);

/* Fields of structs that have no list of their own. */
/* clang-format off */
#define XFRM_COUNTERS(X) \
	X(requests) X(errors) X(installs) X(deletes) X(not_offloaded) X(expires_soft) X(expires_hard) \
	X(acquires) X(overruns) X(malformed)
#define REKEY_COUNTERS(X) \
	X(started) X(taken) X(done) X(failed) X(by_bytes) X(by_packets) X(by_time) X(by_card) X(by_ask) \
	X(early) X(deferred_no_slot) X(watched) X(due) X(running) X(replaced)
#define VICI_COUNTERS(X) X(sessions) X(commands) X(unknown) X(malformed) X(events) X(events_dropped)
/* clang-format on */

static void controller_counters_write(struct vici_writer *w, const struct controller_counters *c)
{
	vici_section(w, "counters");
	CONTROLLER_COUNTERS(WRITE_COUNTER)
	vici_section_end(w);
}

static void ike_counters_write(struct vici_writer *w, const struct ike_counters *c)
{
	vici_section(w, "ike_counters");
	IKE_COUNTERS(WRITE_COUNTER)
	vici_section_end(w);
}

static void xfrm_counters_write(struct vici_writer *w, const struct xfrm_counters *c)
{
	vici_section(w, "xfrm_counters");
	XFRM_COUNTERS(WRITE_COUNTER)
	vici_section_end(w);
}

static void rekey_counters_write(struct vici_writer *w, const struct rekey_counters *c)
{
	vici_section(w, "rekey_counters");
	REKEY_COUNTERS(WRITE_COUNTER)
	vici_section_end(w);
}

static void vici_counters_write(struct vici_writer *w, const struct vici_counters *c)
{
	vici_section(w, "vici_counters");
	VICI_COUNTERS(WRITE_COUNTER)
	vici_section_end(w);
}

void vici_get_status(struct vici_request *r)
{
	const struct conf_nic *nic = &r->server->nic, *nic_now = controller_nic_conf(r->server->controller);
	struct controller_counters c = {0};
	struct vici_writer *w = &r->reply;

	controller_counters_get(r->server->controller, &c);
	vici_text(w, "version", KEYRACK_VERSION);
	vici_format(w, "uptime", "%.3f", (double)(r->now - r->server->started) / 1e9);
	vici_text(w, "backend", nic->backend == CONF_BACKEND_HWSIM ? "hwsim" : "xfrm");
	if (nic->backend == CONF_BACKEND_HWSIM)
		vici_text(w, "device", nic->socket);
	else if (nic->device[0])
		vici_text(w, "device", nic->device);
	if (nic->profile[0])
		vici_text(w, "profile", nic->profile);
	vici_format(w, "counter_poll", "%.3f", (double)nic_now->counter_poll_ns / 1e9);
	vici_format(w, "drain", "%.3f", (double)nic_now->drain_ns / 1e9);
	if (nic_now->let_go_ns)
		vici_format(w, "let_go", "%.3f", (double)nic_now->let_go_ns / 1e9);
	vici_format(w, "ike_sas", "%u", c.ike.sas);
	vici_format(w, "half_open", "%u", c.ike.half_open);
	vici_format(w, "children", "%u", c.ike.children);
	controller_counters_write(w, &c);
	ike_counters_write(w, &c.ike);
	xfrm_counters_write(w, &c.xfrm);
	rekey_counters_write(w, &c.rekey);
	vici_counters_write(w, &r->server->counters);
	vici_pools_write(w, controller_slots(r->server->controller));
}

/* ---- stats ---- */

static const char *uptime_print(uint64_t seconds, char *buf, size_t size)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
	size_t i = 0;

	while (i < 3 && seconds < 2 * units[i].seconds)
		i++;
	snprintf(buf, size, "%llu %s", (unsigned long long)(seconds / units[i].seconds), units[i].name);
	return buf;
}

/* charon's job priorities; keyrackd has one thread and no job queues. */
static void priorities_write(struct vici_writer *w, const char *section)
{
	static const char *const names[] = {"critical", "high", "medium", "low"};

	vici_section(w, section);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		vici_text(w, names[i], "0");
	vici_section_end(w);
}

void vici_stats(struct vici_request *r)
{
	uint64_t up = vici_seconds(r->now - r->server->started);
	time_t since = (time_t)(r->server->env.unix_time(r->server->env.ctx) - up);
	struct controller_counters c = {0};
	struct vici_writer *w = &r->reply;
	char text[64] = "";
	struct tm tm;

	controller_counters_get(r->server->controller, &c);
	vici_section(w, "uptime");
	vici_text(w, "running", uptime_print(up, text, sizeof(text)));
	if (localtime_r(&since, &tm) && strftime(text, sizeof(text), "%b %d %H:%M:%S %Y", &tm))
		vici_text(w, "since", text);
	vici_section_end(w);
	vici_section(w, "workers");
	vici_text(w, "total", "1");
	vici_text(w, "idle", "0");
	priorities_write(w, "active");
	vici_section_end(w);
	priorities_write(w, "queues");
	vici_format(w, "scheduled", "%u", c.rekey.watched);
	vici_section(w, "ikesas");
	vici_format(w, "total", "%u", c.ike.sas);
	vici_format(w, "half-open", "%u", c.ike.half_open);
	vici_section_end(w);
	vici_list(w, "plugins");
	vici_item(w, "openssl");
	vici_item(w, r->server->nic.backend == CONF_BACKEND_HWSIM ? "hwsim" : "xfrm");
	vici_list_end(w);
}

/* ---- get-counters ---- */

void vici_get_counters(struct vici_request *r)
{
	static const struct {
		const char *name; /* charon's */
		size_t at;
	} rows[] = {
		{"ike-rekey-init", offsetof(struct ike_counters, ike_rekey_init)},
		{"ike-rekey-resp", offsetof(struct ike_counters, ike_rekey_resp)},
		{"invalid", offsetof(struct ike_counters, invalid)},
		{"invalid-spi", offsetof(struct ike_counters, invalid_spi)},
		{"ike-init-in-req", offsetof(struct ike_counters, ike_init_in_req)},
		{"ike-init-in-resp", offsetof(struct ike_counters, ike_init_in_resp)},
		{"ike-init-out-req", offsetof(struct ike_counters, ike_init_out_req)},
		{"ike-init-out-resp", offsetof(struct ike_counters, ike_init_out_resp)},
		{"ike-auth-in-req", offsetof(struct ike_counters, ike_auth_in_req)},
		{"ike-auth-in-resp", offsetof(struct ike_counters, ike_auth_in_resp)},
		{"ike-auth-out-req", offsetof(struct ike_counters, ike_auth_out_req)},
		{"ike-auth-out-resp", offsetof(struct ike_counters, ike_auth_out_resp)},
		{"create-child-in-req", offsetof(struct ike_counters, create_child_in_req)},
		{"create-child-in-resp", offsetof(struct ike_counters, create_child_in_resp)},
		{"create-child-out-req", offsetof(struct ike_counters, create_child_out_req)},
		{"create-child-out-resp", offsetof(struct ike_counters, create_child_out_resp)},
		{"info-in-req", offsetof(struct ike_counters, info_in_req)},
		{"info-in-resp", offsetof(struct ike_counters, info_in_resp)},
		{"info-out-req", offsetof(struct ike_counters, info_out_req)},
		{"info-out-resp", offsetof(struct ike_counters, info_out_resp)},
	};
	struct controller_counters c = {0};
	struct vici_writer *w = &r->reply;
	uint64_t value;

	if (conf_tree_get(r->args, "name", "")[0]) {
		vici_refuse(w, "keyrackd counts for all connections together");
		return;
	}
	controller_counters_get(r->server->controller, &c);
	vici_section(w, "counters");
	vici_section(w, ""); /* charon's name for "all connections" */
	value = c.ike.child_rekey_init + c.ike.child_rekey_resp;
	vici_format(w, "child-rekey", "%llu", (unsigned long long)value);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(&value, (const char *)&c.ike + rows[i].at, sizeof(value));
		vici_format(w, rows[i].name, "%llu", (unsigned long long)value);
	}
	vici_section_end(w);
	vici_section_end(w);
	vici_succeed(w);
}

/* ---- get-algorithms ---- */

static void algorithms_write(struct vici_writer *w, const char *section, enum ike_transform_type type, bool aead)
{
	const struct ike_alg *a;
	const char *last = "";

	vici_section(w, section);
	for (unsigned int n = 0; (a = ike_alg_at(n)); n++) {
		if (a->type != type || !a->keyword || a->aead != aead || !strcmp(a->name, last))
			continue;
		last = a->name;
		vici_text(w, a->name, "openssl");
	}
	vici_section_end(w);
}

void vici_get_algorithms(struct vici_request *r)
{
	algorithms_write(&r->reply, "encryption", IKE_T_ENCR, false);
	algorithms_write(&r->reply, "integrity", IKE_T_INTEG, false);
	algorithms_write(&r->reply, "aead", IKE_T_ENCR, true);
	algorithms_write(&r->reply, "prf", IKE_T_PRF, false);
	algorithms_write(&r->reply, "ke", IKE_T_KE, false);
}
