/* SPDX-License-Identifier: MIT */
/* Connections: loading, replacing, forgetting. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

struct ctl_conn *conn_by_cfg(struct controller *c, const struct ike_conn_cfg *cfg)
{
	struct ctl_conn *conn;

	HASH_FIND(hh_cfg, c->conns_by_cfg, &cfg, sizeof(cfg), conn);
	return conn;
}

struct ctl_conn *conn_by_name(struct controller *c, const char *name)
{
	struct ctl_conn *conn;

	HASH_FIND(hh_name, c->conns_by_name, name, strlen(name), conn);
	return conn;
}

/* Both indexes, or none and -ENOMEM. */
static int conn_index(struct controller *c, struct ctl_conn *conn)
{
	const char *name = conn->conf->ike.name;

	conn->cfg = &conn->conf->ike;
	conn->hash_failed = false;
	HASH_ADD(hh_cfg, c->conns_by_cfg, cfg, sizeof(conn->cfg), conn);
	if (conn->hash_failed)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh_name, c->conns_by_name, name, strlen(name), conn);
	if (conn->hash_failed) {
		HASH_DELETE(hh_cfg, c->conns_by_cfg, conn);
		return -ENOMEM;
	}
	return 0;
}

static void conn_unindex(struct controller *c, struct ctl_conn *conn)
{
	HASH_DELETE(hh_cfg, c->conns_by_cfg, conn);
	if (!conn->unloaded)
		HASH_DELETE(hh_name, c->conns_by_name, conn);
}

const struct conf_child *conn_child(const struct conf_conn *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->n_children; i++)
		if (!strcmp(conf->children[i].ike.name, name))
			return &conf->children[i];
	return NULL;
}

bool conn_is_idle(const struct ctl_conn *conn)
{
	return conn->unloaded && TAILQ_EMPTY(&conn->peers) && TAILQ_EMPTY(&conn->tunnels);
}

void conn_free(struct controller *c, struct ctl_conn *conn)
{
	conn_unindex(c, conn);
	TAILQ_REMOVE(&c->conns, conn, link);
	conf_conn_unref(conn->conf);
	free(conn);
}

void conns_free(struct controller *c)
{
	struct ctl_conn *conn;
	struct ctl_child *ch;
	struct ctl_peer *p;
	struct ctl_tunnel *t;

	while ((ch = TAILQ_FIRST(&c->children)))
		child_free(ch);
	while ((ch = TAILQ_FIRST(&c->dead)))
		child_free(ch);
	while ((p = TAILQ_FIRST(&c->dead_peers)))
		peer_free(c, p);
	while ((conn = TAILQ_FIRST(&c->conns))) {
		while ((p = TAILQ_FIRST(&conn->peers)))
			peer_free(c, p);
		while ((t = TAILQ_FIRST(&conn->tunnels)))
			tunnel_free(t);
		conn_free(c, conn);
	}
}

/* Carries out start_action for one child section. */
static void child_start_action(struct controller *c, struct ctl_conn *conn, const struct conf_child *cfg)
{
	struct ctl_tunnel *t;

	if (cfg->start_action == CONF_ACTION_NONE)
		return;
	t = tunnel_for_conn(c, conn, cfg);
	if (t)
		tunnel_want(t, cfg->start_action == CONF_ACTION_START ? WANT_UP : WANT_POLICIES);
}

static int conn_new(struct controller *c, struct conf_conn *conf)
{
	struct ctl_conn *conn = calloc(1, sizeof(*conn));
	int err;

	if (!conn)
		return -ENOMEM;
	conn->conf = conf;
	err = conn_index(c, conn);
	if (err) {
		free(conn);
		return err;
	}
	err = ike_conn_add(c->ike, &conf->ike);
	if (err) {
		log_at(c->log, LOG_LEVEL_ERROR, "conn.load", "%s: %s", conf->ike.name, strerror(-err));
		conn_unindex(c, conn);
		free(conn);
		return err;
	}
	conf_conn_ref(conf);
	TAILQ_INIT(&conn->peers);
	TAILQ_INIT(&conn->tunnels);
	TAILQ_INSERT_TAIL(&c->conns, conn, link);
	log_at(c->log, LOG_LEVEL_INFO, "conn.loaded", "%s: loaded", conf->ike.name);
	for (unsigned int i = 0; i < conf->n_children; i++)
		child_start_action(c, conn, &conf->children[i]);
	return 0;
}

/* ---- replacing ---- */

static bool id_same(const struct ike_id *a, const struct ike_id *b)
{
	return a->kind == b->kind && a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static bool addr_same(const struct ike_addr *a, const struct ike_addr *b)
{
	return a->family == b->family && a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static bool proposals_same(const struct ike_conn_cfg *a, const struct ike_conn_cfg *b)
{
	if (a->n_proposals != b->n_proposals)
		return false;
	for (unsigned int i = 0; i < a->n_proposals; i++) {
		const struct ike_proposal *p = &a->proposals[i], *q = &b->proposals[i];

		if (p->n != q->n)
			return false;
		for (unsigned int j = 0; j < p->n; j++)
			if (p->t[j].type != q->t[j].type || p->t[j].id != q->t[j].id ||
			    p->t[j].key_bits != q->t[j].key_bits)
				return false;
	}
	return true;
}

/* Is it the same IKE SA that both would make? The rest (timers, windows, children) may change under a living one. */
static bool ike_same(const struct ike_conn_cfg *a, const struct ike_conn_cfg *b)
{
	return addr_same(&a->local, &b->local) && addr_same(&a->remote, &b->remote) &&
	       id_same(&a->local_id, &b->local_id) && id_same(&a->remote_id, &b->remote_id) && proposals_same(a, b) &&
	       a->encap == b->encap;
}

static bool child_same(const struct conf_child *a, const struct conf_child *b)
{
	return !memcmp(a->fingerprint, b->fingerprint, sizeof(a->fingerprint));
}

/* The Child SAs of a tunnel refer to the new configuration from now on. */
static void tunnel_rebase(struct ctl_tunnel *t, struct conf_conn *conf, const struct conf_child *cfg)
{
	tunnel_ref_conf(t, conf, cfg);
	for (unsigned int i = 0; i < t->lanes_made; i++) {
		struct ctl_child *ch;

		TAILQ_FOREACH (ch, &t->lanes[i]->children, lane_link) {
			const struct ike_child_sa *sa = ch->down ? NULL : ike_child_get(t->c->ike, ch->id);

			if (!sa)
				continue;
			conf_conn_ref(conf);
			conf_conn_unref(ch->conf);
			ch->conf = conf;
			ch->sa.conn = sa->conn;
			ch->sa.cfg = sa->cfg;
		}
	}
}

static void tunnel_replace(struct ctl_tunnel *t, struct conf_conn *conf, bool same_ike, bool moved)
{
	const struct conf_child *cfg = conn_child(conf, t->cfg->ike.name);
	bool same;

	if (!cfg || moved) { /* its Child SAs are deleted, by the engine or with their IKE SA */
		t->configured = false;
		t->restart = false;
		tunnel_want(t, WANT_NOTHING);
		return;
	}
	same = same_ike && child_same(cfg, t->cfg);
	tunnel_rebase(t, conf, cfg);
	if (same)
		return;
	log_at(t->c->log, LOG_LEVEL_NOTICE, "conn.changed", "%s: changed, its SAs are made anew", t->name);
	if (t->n_fresh) {
		t->restart = true;
		tunnel_delete_children(t);
	} else {
		tunnel_reopen(t);
	}
}

static int conn_replace(struct controller *c, struct ctl_conn *conn, struct conf_conn *conf)
{
	struct conf_conn *old = conn->conf;
	bool same = ike_same(&old->ike, &conf->ike), moved = !addr_same(&old->ike.remote, &conf->ike.remote);
	struct ctl_tunnel *t, *next;
	struct ctl_peer *p;
	int err;

	ike_conn_remove(c->ike, &old->ike);
	err = ike_conn_add(c->ike, &conf->ike);
	if (err) {
		int again = ike_conn_add(c->ike, &old->ike);

		log_at(c->log, LOG_LEVEL_ERROR, "conn.load", "%s: %s; the old one stays%s", conf->ike.name,
		       strerror(-err), again ? ", but takes no new IKE SAs" : "");
		return err;
	}
	conf_conn_ref(conf);
	conn_unindex(c, conn);
	conn->conf = conf;
	err = conn_index(c, conn);
	if (err) /* nothing of it can be found any more: let it go */
		log_at(c->log, LOG_LEVEL_ERROR, "controller.memory", "%s: no memory for its index", conf->ike.name);
	ike_conn_replace(c->ike, &old->ike, &conf->ike);
	for (t = TAILQ_FIRST(&conn->tunnels); t; t = next) {
		next = TAILQ_NEXT(t, link);
		tunnel_replace(t, conf, same, moved);
	}
	if (!same)
		TAILQ_FOREACH (p, &conn->peers, link)
			peer_close(c, p);
	log_at(c->log, LOG_LEVEL_NOTICE, "conn.replaced", "%s: replaced", conf->ike.name);
	for (unsigned int i = 0; i < conf->n_children; i++) {
		const struct conf_child *was = conn_child(old, conf->children[i].ike.name);

		if (!same || !was || !child_same(was, &conf->children[i]))
			child_start_action(c, conn, &conf->children[i]);
	}
	conf_conn_unref(old);
	return 0;
}

int controller_conn_load(struct controller *c, uint64_t now, struct conf_conn *conf)
{
	struct ctl_conn *conn = conn_by_name(c, conf->ike.name);
	int err = 0;

	controller_enter(c, now);
	if (!conn)
		err = conn_new(c, conf);
	else if (memcmp(conn->conf->fingerprint, conf->fingerprint, sizeof(conf->fingerprint)))
		err = conn_replace(c, conn, conf);
	else
		conn->conf->from_vici = conf->from_vici; /* whose it is may change even so */
	controller_leave(c);
	return err;
}

static void conn_unload(struct controller *c, struct ctl_conn *conn, bool close)
{
	struct ctl_tunnel *t;
	struct ctl_peer *p;

	ike_conn_remove(c->ike, &conn->conf->ike);
	HASH_DELETE(hh_name, c->conns_by_name, conn);
	conn->unloaded = true;
	c->conns_idle = true;
	TAILQ_FOREACH (t, &conn->tunnels, link) {
		t->configured = false;
		t->restart = false;
		tunnel_want(t, WANT_NOTHING);
	}
	if (close)
		TAILQ_FOREACH (p, &conn->peers, link)
			peer_close(c, p);
	log_at(c->log, LOG_LEVEL_NOTICE, "conn.unloaded", "%s: unloaded", conn->conf->ike.name);
}

int controller_conn_unload(struct controller *c, uint64_t now, const char *name, bool close)
{
	struct ctl_conn *conn = conn_by_name(c, name);

	if (!conn)
		return -ENOENT;
	controller_enter(c, now);
	conn_unload(c, conn, close);
	guards_review(c);
	controller_leave(c);
	return 0;
}

void controller_conn_each(struct controller *c, void (*each)(void *ctx, const struct conf_conn *conn), void *ctx)
{
	struct ctl_conn *conn;

	TAILQ_FOREACH (conn, &c->conns, link)
		if (!conn->unloaded)
			each(ctx, conn->conf);
}

/* ---- the whole configuration ---- */

static bool conf_has_conn(const struct conf *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->n_conns; i++)
		if (!strcmp(conf->conns[i]->ike.name, name))
			return true;
	return false;
}

static bool conf_has_secret(const struct conf *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->n_secrets; i++)
		if (!strcmp(conf->secrets[i].name, name))
			return true;
	return false;
}

static int secrets_reload(struct controller *c, const struct conf *conf)
{
	int err = 0;

	for (unsigned int i = c->n_secrets; i-- > 0;)
		if (!c->secrets[i].from_vici && !conf_has_secret(conf, c->secrets[i].name))
			err = controller_secret_unload(c, c->secrets[i].name);
	for (unsigned int i = 0; i < conf->n_secrets && !err; i++)
		err = controller_secret_load(c, &conf->secrets[i]);
	return err;
}

static bool listen_same(const struct conf_daemon *a, const struct conf_daemon *b)
{
	if (a->n_listen != b->n_listen)
		return false;
	for (unsigned int i = 0; i < a->n_listen; i++)
		if (!addr_same(&a->listen[i], &b->listen[i]))
			return false;
	return true;
}

/* Names of the settings that changed and only a restart can change. */
static void restart_text(const struct controller *c, const struct conf *conf, char *text, size_t size)
{
	const struct conf_nic *a = &c->nic, *b = &conf->nic;
	const struct conf_daemon *was = &c->daemon, *is = &conf->daemon;
	const struct {
		const char *key;
		bool changed;
	} rows[] = {
		{"nic.backend", a->backend != b->backend},
		{"nic.device", strcmp(a->device, b->device) != 0},
		{"nic.ifindex", b->backend == CONF_BACKEND_HWSIM && a->ifindex != b->ifindex},
		{"nic.socket", strcmp(a->socket, b->socket) != 0},
		{"nic.profile", b->profile[0] && strcmp(a->profile, b->profile) != 0},
		{"nic.slots", a->slots != b->slots},
		{"nic.reserve", a->reserve != b->reserve},
		{"nic.let_go", a->let_go_ns != b->let_go_ns},
		{"nic.event_buffer", a->event_buffer != b->event_buffer},
		{"nic.queues", b->queues && a->queues != b->queues},
		{"nic.manage_queues", a->manage_queues != b->manage_queues},
		{"daemon.listen", !listen_same(was, is)},
		{"daemon.port", was->ike.port != is->ike.port},
		{"daemon.port_nat_t", was->ike.port_natt != is->ike.port_natt},
		{"daemon.control", strcmp(was->control, is->control) != 0},
		{"daemon.metrics_port", was->metrics_port != is->metrics_port},
		{"daemon.metrics_address", !addr_same(&was->metrics_addr, &is->metrics_addr)},
		{"daemon.rekey_policy", c->policy != (is->rekey_policy ? is->rekey_policy : rekey_policy_at(0))},
		{"daemon.log_level", was->log_level != is->log_level},
		{"daemon.half_open_max", was->ike.half_open_max != is->ike.half_open_max},
		{"daemon.half_open_per_ip", was->ike.half_open_per_ip != is->ike.half_open_per_ip},
		{"daemon.half_open_timeout", was->ike.half_open_ns != is->ike.half_open_ns},
		{"daemon.cookie_threshold", was->ike.cookie_threshold != is->ike.cookie_threshold},
		{"daemon.retransmit_timeout", was->ike.retransmit_ns != is->ike.retransmit_ns},
		{"daemon.retransmit_base", was->ike.retransmit_base != is->ike.retransmit_base},
		{"daemon.retransmit_tries", was->ike.retransmit_tries != is->ike.retransmit_tries},
		{"daemon.unauth_reply_rate", was->ike.unauth_reply_rate != is->ike.unauth_reply_rate},
	};
	size_t len = 0;

	if (size)
		text[0] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n;

		if (!rows[i].changed)
			continue;
		n = snprintf(text + len, size - len, "%s%s", len ? ", " : "needs a restart: ", rows[i].key);
		if (n < 0 || (size_t)n >= size - len)
			break;
		len += (size_t)n;
	}
}

int controller_reload(struct controller *c, uint64_t now, const struct conf *conf, char *text, size_t size)
{
	struct ctl_tunnel *t, *next;
	struct ctl_conn *conn;
	int err;

	controller_enter(c, now);
	restart_text(c, conf, text, size);
	c->nic.counter_poll_ns = conf->nic.counter_poll_ns ? conf->nic.counter_poll_ns : c->nic.counter_poll_ns;
	c->nic.counter_gap_ns = conf->nic.counter_gap_ns;
	c->nic.drain_ns = conf->nic.drain_ns;
	err = secrets_reload(c, conf);
	TAILQ_FOREACH (conn, &c->conns, link)
		if (!conn->unloaded && !conn->conf->from_vici && !conf_has_conn(conf, conn->conf->ike.name))
			conn_unload(c, conn, true);
	for (unsigned int i = 0; i < conf->n_conns; i++) {
		int e = controller_conn_load(c, now, conf->conns[i]);

		err = err ? err : e;
	}
	HASH_ITER (hh, c->tunnels, t, next)
		if (c->now < t->held_ns)
			lanes_retry(t, "the configuration was read again");
	guards_review(c);
	controller_leave(c);
	return err;
}
