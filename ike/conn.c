/* SPDX-License-Identifier: MIT */
/* Connections: which one answers a peer, and which IKE SAs refer to which. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ike/engine.h"

uint32_t ike_conn_window(const struct ike_conn_cfg *cfg)
{
	if (!cfg->window)
		return 1;
	return cfg->window < IKE_WINDOW_MAX ? cfg->window : IKE_WINDOW_MAX;
}

uint32_t ike_conn_children_max(const struct ike_conn_cfg *cfg)
{
	return cfg->children_max ? cfg->children_max : IKE_CHILDREN_MAX;
}

bool ike_id_equal(const struct ike_id *a, const struct ike_id *b)
{
	return a->kind == b->kind && a->len == b->len && !memcmp(a->data, b->data, a->len);
}

bool ike_id_matches(const struct ike_id *pattern, const struct ike_id *id)
{
	return !pattern->kind || ike_id_equal(pattern, id);
}

void ike_id_or_addr(const struct ike_id *cfg, const struct ike_addr *addr, struct ike_id *out)
{
	if (cfg->kind) {
		*out = *cfg;
		return;
	}
	out->kind = addr->family == AF_INET6 ? IKE_ID_IPV6 : IKE_ID_IPV4;
	out->len = (uint16_t)ike_addr_len(addr);
	memcpy(out->data, addr->ip, out->len);
}

struct ike_id *ike_id_copy(const struct ike_id *id)
{
	size_t len = offsetof(struct ike_id, data) + id->len;
	struct ike_id *copy = malloc(len);

	if (copy)
		memcpy(copy, id, len);
	return copy;
}

/* Connections with one remote address share a chain; "any" is the address with family 0. */
static uint64_t conn_hash(const struct ike *ike, const struct ike_addr *remote)
{
	return remote->family ? ike_table_hash(ike->seed, remote->ip, sizeof(remote->ip)) ^ remote->family : ike->seed;
}

static bool conn_addr_fits(const struct ike_addr *pattern, const struct ike_addr *addr)
{
	return !pattern->family ||
	       (pattern->family == addr->family && !memcmp(pattern->ip, addr->ip, ike_addr_len(addr)));
}

struct ike_conn *ike_conn_find(struct ike *ike, const struct ike_conn_cfg *cfg)
{
	struct ike_node *n = ike_table_first(&ike->conn_by_remote, conn_hash(ike, &cfg->remote));

	for (; n; n = ike_table_next(n))
		if (ike_entry(n, struct ike_conn, by_remote)->cfg == cfg)
			return ike_entry(n, struct ike_conn, by_remote);
	return NULL;
}

/* Best first: a given local address before any, identities given before any, then the older one. */
static unsigned int conn_rank(const struct ike_conn_cfg *cfg)
{
	return (cfg->local.family ? 0 : 4) + (cfg->remote_id.kind ? 0 : 2) + (cfg->local_id.kind ? 0 : 1);
}

static bool conn_before(const struct ike_conn *a, const struct ike_conn *b)
{
	unsigned int ra = conn_rank(a->cfg), rb = conn_rank(b->cfg);

	return ra < rb || (ra == rb && a->order < b->order);
}

/* The best of one chain that comes after `after`. */
static struct ike_conn *conn_best(struct ike *ike, const struct ike_path *path, const struct ike_addr *remote,
				  const struct ike_conn *after)
{
	struct ike_node *n = ike_table_first(&ike->conn_by_remote, conn_hash(ike, remote));
	struct ike_conn *best = NULL;

	for (; n; n = ike_table_next(n)) {
		struct ike_conn *c = ike_entry(n, struct ike_conn, by_remote);

		if (c->removed || !conn_addr_fits(&c->cfg->local, &path->local) ||
		    !conn_addr_fits(&c->cfg->remote, &path->remote) || c->cfg->remote.family != remote->family)
			continue;
		if ((!after || conn_before(after, c)) && (!best || conn_before(c, best)))
			best = c;
	}
	return best;
}

struct ike_conn *ike_conn_next(struct ike *ike, const struct ike_path *path, struct ike_conn *after)
{
	static const struct ike_addr any;
	struct ike_conn *c;

	if (!after || after->cfg->remote.family) {
		c = conn_best(ike, path, &path->remote, after);
		if (c)
			return c;
		after = NULL;
	}
	return conn_best(ike, path, &any, after);
}

void ike_conn_hold(struct ike_sa *sa, struct ike_conn *conn)
{
	sa->conn = conn;
	conn->sas++;
}

static void conn_free(struct ike *ike, struct ike_conn *conn)
{
	TAILQ_REMOVE(&ike->conns, conn, all);
	ike_table_remove(&ike->conn_by_remote, &conn->by_remote);
	free(conn);
}

void ike_conn_drop(struct ike *ike, struct ike_conn *conn)
{
	if (--conn->sas == 0 && conn->removed)
		conn_free(ike, conn);
}

void ike_conns_free(struct ike *ike)
{
	struct ike_conn *c;

	while ((c = TAILQ_FIRST(&ike->conns))) {
		TAILQ_REMOVE(&ike->conns, c, all);
		free(c);
	}
}

int ike_conn_add(struct ike *ike, const struct ike_conn_cfg *conn)
{
	struct ike_conn *c;

	TAILQ_FOREACH (c, &ike->conns, all)
		if (!c->removed && !strcmp(c->cfg->name, conn->name))
			return -EEXIST;
	c = ike_conn_find(ike, conn);
	if (c) { /* removed, and now wanted again */
		c->removed = false;
		return 0;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->cfg = conn;
	c->order = ++ike->conn_order;
	TAILQ_INSERT_TAIL(&ike->conns, c, all);
	ike_table_add(&ike->conn_by_remote, &c->by_remote, conn_hash(ike, &conn->remote));
	return 0;
}

void ike_conn_remove(struct ike *ike, const struct ike_conn_cfg *conn)
{
	struct ike_conn *c = ike_conn_find(ike, conn);

	if (!c)
		return;
	c->removed = true;
	if (!c->sas)
		conn_free(ike, c);
}

static const struct ike_child_cfg *conn_child_named(const struct ike_conn_cfg *conn, const char *name)
{
	for (unsigned int i = 0; i < conn->n_children; i++)
		if (!strcmp(conn->children[i]->name, name))
			return conn->children[i];
	return NULL;
}

static bool conn_same_proposals(const struct ike_proposal *a, unsigned int n_a, const struct ike_proposal *b,
				unsigned int n_b)
{
	if (n_a != n_b)
		return false;
	for (unsigned int i = 0; i < n_a; i++)
		if (a[i].n != b[i].n || memcmp(a[i].t, b[i].t, a[i].n * sizeof(a[i].t[0])))
			return false;
	return true;
}

static bool conn_same_ts(const struct ike_ts *a, unsigned int n_a, const struct ike_ts *b, unsigned int n_b)
{
	return n_a == n_b && !memcmp(a, b, n_a * sizeof(*a));
}

/* Would the two lead to the same Child SAs? */
static bool conn_same_child(const struct ike_child_cfg *a, const struct ike_child_cfg *b)
{
	return a->mode == b->mode && a->per_resource == b->per_resource &&
	       conn_same_ts(a->local_ts, a->n_local_ts, b->local_ts, b->n_local_ts) &&
	       conn_same_ts(a->remote_ts, a->n_remote_ts, b->remote_ts, b->n_remote_ts) &&
	       conn_same_proposals(a->proposals, a->n_proposals, b->proposals, b->n_proposals);
}

static void conn_replace_sa(struct ike_sa *sa, struct ike_conn *to)
{
	struct ike_conn *from = sa->conn;
	struct ike_child *c;

	if (!conn_same_proposals(from->cfg->proposals, from->cfg->n_proposals, to->cfg->proposals,
				 to->cfg->n_proposals))
		sa->changed = true;
	ike_conn_hold(sa, to);
	ike_conn_drop(sa->ike, from);
	TAILQ_FOREACH (c, &sa->children, link) {
		const struct ike_child_cfg *cfg = conn_child_named(to->cfg, c->pub.cfg->name);

		c->pub.conn = to->cfg;
		if (!cfg) {
			ike_child_abandon(c);
			continue;
		}
		if (!conn_same_child(c->pub.cfg, cfg))
			c->changed = true;
		c->pub.cfg = cfg;
	}
}

void ike_conn_replace(struct ike *ike, const struct ike_conn_cfg *old, const struct ike_conn_cfg *conn)
{
	struct ike_conn *from = ike_conn_find(ike, old), *to = ike_conn_find(ike, conn);
	struct ike_sa *sa;

	if (!from || !to || from == to)
		return;
	ike_enter(ike, ike->now);
	to->sas++; /* neither goes away half-way */
	from->sas++;
	TAILQ_FOREACH (sa, &ike->sas, all)
		if (sa->conn == from)
			conn_replace_sa(sa, to);
	ike_conn_drop(ike, from);
	ike_conn_drop(ike, to);
	ike_leave(ike);
}

bool ike_conn_in_use(const struct ike *ike, const struct ike_conn_cfg *conn)
{
	const struct ike_conn *c;

	TAILQ_FOREACH (c, &ike->conns, all)
		if (c->cfg == conn)
			return c->sas != 0;
	return false;
}
