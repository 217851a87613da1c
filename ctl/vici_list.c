/* SPDX-License-Identifier: MIT */
/* list-sas, list-conns, list-policies: charon's lists, streamed as events. */
#include <stdio.h>
#include <string.h>

#include "ctl/vici_server_impl.h"

enum {
	/* A packet holds 512 KiB: an IKE SA with more children than this comes in several events. */
	SPLIT_AT = 400 * 1024,
};

/* ---- list-sas ---- */

struct sas {
	struct vici_request *r;
	const char *ike, *child;
	int64_t ike_id, child_id;
	const struct ike_sa_info *sa; /* being written */
	struct vici_writer w;
};

static void sa_open(struct sas *l)
{
	vici_event_start(&l->w, VICI_EV_LIST_SA);
	vici_section(&l->w, l->sa->conn->name);
	vici_ike_write(&l->w, l->sa, l->r->now);
	vici_section(&l->w, "child-sas");
}

static void sa_close(struct sas *l)
{
	vici_section_end(&l->w);
	vici_section_end(&l->w);
	vici_stream(l->r, VICI_EV_LIST_SA, &l->w);
}

static void sas_child(void *ctx, const struct controller_child *child)
{
	struct sas *l = ctx;
	const char *name = child->ike && child->ike->cfg ? child->ike->cfg->name : "child";
	char section[CONF_NAME_MAX + 16];

	if ((l->child && strcmp(l->child, name) != 0) || (l->child_id && l->child_id != child->id))
		return;
	if (l->w.len > SPLIT_AT) {
		sa_close(l);
		sa_open(l);
	}
	snprintf(section, sizeof(section), "%s-%u", name, child->id);
	vici_section(&l->w, section);
	vici_child_write(l->r->server, &l->w, child, l->r->now);
	vici_section_end(&l->w);
}

static void sas_ike(void *ctx, const struct ike_sa_info *sa)
{
	struct sas *l = ctx;

	if (!sa->conn || (l->ike && strcmp(l->ike, sa->conn->name) != 0) || (l->ike_id && l->ike_id != sa->id))
		return;
	l->sa = sa;
	sa_open(l);
	controller_child_each(l->r->server->controller, l->r->now, sa->id, sas_child, l);
	sa_close(l);
}

void vici_list_sas(struct vici_request *r)
{
	struct sas l = {
		.r = r,
		.ike = conf_tree_get(r->args, "ike", NULL),
		.child = conf_tree_get(r->args, "child", NULL),
		.ike_id = vici_arg_number(r, "ike-id"),
		.child_id = vici_arg_number(r, "child-id"),
	};

	if (vici_registered(r->session, VICI_EV_LIST_SA))
		controller_ike_each(r->server->controller, sas_ike, &l);
}

/* ---- list-conns ---- */

static void seconds_write(struct vici_writer *w, const char *key, uint64_t ns)
{
	vici_format(w, key, "%llu", (unsigned long long)vici_seconds(ns));
}

static void addrs_write(struct vici_writer *w, const char *list, const struct ike_addr *a, unsigned int n)
{
	char text[64];

	vici_list(w, list);
	for (unsigned int i = 0; i < n; i++)
		vici_item(w, conf_addr_print(&a[i], text, sizeof(text)));
	if (!n)
		vici_item(w, "%any");
	vici_list_end(w);
}

static void auth_write(struct vici_writer *w, const char *section, const struct ike_id *id)
{
	char text[2 * IKE_ID_LEN_MAX + 16];

	vici_section(w, section);
	vici_text(w, "class", "pre-shared key");
	if (id->kind)
		vici_text(w, "id", conf_id_print(id, text, sizeof(text)));
	vici_section_end(w);
}

/* "dynamic" where the configuration says nothing. */
static void configured_selectors_write(struct vici_writer *w, const char *list, const struct ike_ts *ts, unsigned int n)
{
	if (n) {
		vici_selectors_write(w, list, ts, n);
		return;
	}
	vici_list(w, list);
	vici_item(w, "dynamic");
	vici_list_end(w);
}

/* charon lists the soft limits; what they are drawn from and the hard ones are ours. A default is left out. */
static void band_write(struct vici_writer *w, const char *what, const struct rekey_band *b, uint64_t unit)
{
	const struct {
		const char *word;
		uint64_t value;
	} rows[] = {{"rekey", b->rekey}, {"life", b->life}, {"rand", b->rand == REKEY_INF ? 0 : b->rand}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_%s", rows[i].word, what);
		if (!i || rows[i].value)
			vici_format(w, key, "%llu", (unsigned long long)(rows[i].value / unit));
	}
}

static void conn_child_write(struct vici_writer *w, const struct conf_child *c)
{
	vici_section(w, c->ike.name);
	vici_text(w, "mode", c->ike.mode == IKE_MODE_TRANSPORT ? "TRANSPORT" : "TUNNEL");
	band_write(w, "time", &c->rekey.time, 1000000000u);
	band_write(w, "bytes", &c->rekey.bytes, 1);
	band_write(w, "packets", &c->rekey.packets, 1);
	vici_text(w, "dpd_action", conf_action_name(c->dpd_action));
	vici_text(w, "close_action", conf_action_name(c->close_action));
	if (c->priority)
		vici_format(w, "priority", "%u", c->priority);
	if (c->per_cpu_sas == CONF_PER_CPU_YES)
		vici_text(w, "per_cpu_sas", "yes");
	else if (c->per_cpu_sas)
		vici_format(w, "per_cpu_sas", "%d", c->per_cpu_sas);
	if (c->per_cpu_sas)
		vici_text(w, "per_cpu_start", c->per_cpu_start == CONF_PER_CPU_DEMAND ? "demand" : "all");
	configured_selectors_write(w, "local-ts", c->ike.local_ts, c->ike.n_local_ts);
	configured_selectors_write(w, "remote-ts", c->ike.remote_ts, c->ike.n_remote_ts);
	vici_section_end(w);
}

struct conns {
	struct vici_request *r;
	const char *ike;
};

static void conns_conn(void *ctx, const struct conf_conn *c)
{
	struct conns *l = ctx;
	struct vici_writer w;

	if (l->ike && strcmp(l->ike, c->ike.name) != 0)
		return;
	vici_event_start(&w, VICI_EV_LIST_CONN);
	vici_section(&w, c->ike.name);
	addrs_write(&w, "local_addrs", c->local_addrs, c->n_local_addrs);
	addrs_write(&w, "remote_addrs", c->remote_addrs, c->n_remote_addrs);
	vici_format(&w, "remote_port", "%u", c->ike.remote.port);
	vici_text(&w, "version", "IKEv2");
	vici_text(&w, "reauth_time", "0");
	seconds_write(&w, "rekey_time", c->ike.rekey_time_ns);
	seconds_write(&w, "dpd_delay", c->ike.dpd_delay_ns);
	vici_text(&w, "unique", "UNIQUE_NO");
	auth_write(&w, "local-1", &c->ike.local_id);
	auth_write(&w, "remote-1", &c->ike.remote_id);
	vici_section(&w, "children");
	for (unsigned int i = 0; i < c->n_children; i++)
		conn_child_write(&w, &c->children[i]);
	vici_section_end(&w);
	vici_section_end(&w);
	vici_stream(l->r, VICI_EV_LIST_CONN, &w);
}

void vici_list_conns(struct vici_request *r)
{
	struct conns l = {r, conf_tree_get(r->args, "ike", NULL)};

	if (vici_registered(r->session, VICI_EV_LIST_CONN))
		controller_conn_each(r->server->controller, conns_conn, &l);
}

/* ---- list-policies ---- */

struct policies {
	struct vici_request *r;
	const char *ike, *child;
};

static void policies_policy(void *ctx, const struct controller_policy *p)
{
	struct policies *l = ctx;
	char name[2 * CONF_NAME_MAX + 2];
	struct vici_writer w;

	if ((l->ike && strcmp(l->ike, p->conn->name) != 0) || (l->child && strcmp(l->child, p->child->name) != 0))
		return;
	snprintf(name, sizeof(name), "%s/%s", p->conn->name, p->child->name);
	vici_event_start(&w, VICI_EV_LIST_POLICY);
	vici_section(&w, name);
	vici_text(&w, "child", p->child->name);
	vici_text(&w, "ike", p->conn->name);
	vici_text(&w, "mode", p->child->mode == IKE_MODE_TRANSPORT ? "TRANSPORT" : "TUNNEL");
	vici_format(&w, "reqid", "%u", p->reqid);
	vici_text(&w, "offload", offload_mode_name(p->mode));
	vici_text(&w, "installed", p->installed ? "yes" : "no");
	configured_selectors_write(&w, "local-ts", p->child->local_ts, p->child->n_local_ts);
	configured_selectors_write(&w, "remote-ts", p->child->remote_ts, p->child->n_remote_ts);
	vici_section_end(&w);
	vici_stream(l->r, VICI_EV_LIST_POLICY, &w);
}

void vici_list_policies(struct vici_request *r)
{
	struct policies l = {r, conf_tree_get(r->args, "ike", NULL), conf_tree_get(r->args, "child", NULL)};
	bool drop = conf_tree_find(r->args, "drop"), pass = conf_tree_find(r->args, "pass");

	/* ours are what charon calls trap policies; of the other kinds there are none */
	if ((drop || pass) && !conf_tree_find(r->args, "trap"))
		return;
	if (vici_registered(r->session, VICI_EV_LIST_POLICY))
		controller_policy_each(r->server->controller, policies_policy, &l);
}
