/* SPDX-License-Identifier: MIT */
/* Tunnels and their lanes: making, finding, freeing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* FNV-1a, 64 bit (draft-eastlake-fnv); never 0. */
static uint64_t hash64(uint64_t salt, const uint8_t *data, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u ^ salt;

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * 0x100000001b3u;
	return h ? h : 1;
}

/* Tells identities apart where one connection is for many peers. */
static uint64_t id_hash(const struct ike_id *id)
{
	return hash64(id->kind, id->data, id->len);
}

/* 0: not known. */
static unsigned int queues_there(const struct controller *c)
{
	unsigned int rows = c->queues.n, configured = c->nic.queues;

	return configured && (!rows || configured < rows) ? configured : rows;
}

static unsigned int lanes_wanted(const struct controller *c, const struct conf_child *cfg)
{
	unsigned int queues = queues_there(c), n = (unsigned int)cfg->per_cpu_sas;

	if (cfg->per_cpu_sas == CONF_PER_CPU_YES)
		n = queues ? queues : 1;
	if (queues && n > queues)
		n = queues; /* an SA for a CPU that does not exist is refused (ERANGE) */
	return 1 + (n < TUNNEL_LANES_MAX - 1 ? n : TUNNEL_LANES_MAX - 1);
}

static struct ctl_lane *lane_new(struct ctl_tunnel *t, unsigned int index)
{
	struct ctl_lane *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->tunnel = t;
	l->index = index;
	l->by_traffic = index && tunnel_on_demand(t);
	lane_bind(l);
	TAILQ_INIT(&l->children);
	t->c->env.random(t->c->env.ctx, l->resource, sizeof(l->resource));
	return l;
}

int tunnel_lanes_make(struct ctl_tunnel *t)
{
	unsigned int n = lanes_wanted(t->c, t->cfg);

	if (n > t->lanes_made) {
		struct ctl_lane **lanes = realloc(t->lanes, n * sizeof(struct ctl_lane *));

		if (!lanes)
			return -ENOMEM;
		t->lanes = lanes;
	}
	for (; t->lanes_made < n; t->lanes_made++) {
		t->lanes[t->lanes_made] = lane_new(t, t->lanes_made);
		if (!t->lanes[t->lanes_made])
			return -ENOMEM;
	}
	t->n_lanes = n;
	return 0;
}

static void lanes_free(struct ctl_tunnel *t)
{
	for (unsigned int i = 0; i < t->lanes_made; i++)
		free(t->lanes[i]);
	free(t->lanes);
}

void tunnel_ref_conf(struct ctl_tunnel *t, struct conf_conn *conf, const struct conf_child *cfg)
{
	conf_conn_ref(conf);
	if (t->conf)
		conf_conn_unref(t->conf);
	t->conf = conf;
	t->cfg = cfg;
}

static struct ctl_tunnel *tunnel_new(struct controller *c, struct ctl_conn *conn, const struct conf_child *cfg,
				     const struct ctl_tunnel_key *key)
{
	struct ctl_tunnel *t;

	if (c->n_tunnels == TUNNELS_MAX) {
		log_at(c->log, LOG_LEVEL_WARN, "tunnel.limit", "%s/%s: there are %u tunnels already",
		       conn->conf->ike.name, cfg->ike.name, c->n_tunnels);
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->c = c;
	t->conn = conn;
	memcpy(&t->key, key, sizeof(*key));
	LIST_INIT(&t->waiters);
	tunnel_ref_conf(t, conn->conf, cfg);
	snprintf(t->name, sizeof(t->name), "%s/%s", conn->conf->ike.name, cfg->ike.name);
	if (!tunnel_reqid_choose(t) || tunnel_lanes_make(t))
		goto fail;
	HASH_ADD(hh, c->tunnels, reqid_key, sizeof(t->reqid_key), t);
	if (t->hash_failed)
		goto fail;
	HASH_ADD(hh_key, c->tunnels_by_key, key, sizeof(t->key), t);
	if (t->hash_failed) {
		HASH_DEL(c->tunnels, t);
		goto fail;
	}
	TAILQ_INSERT_TAIL(&conn->tunnels, t, link);
	lanes_tell(t);
	c->n_tunnels++;
	return t;
fail:
	log_at(c->log, LOG_LEVEL_ERROR, "controller.memory", "%s: no memory or no reqid for a tunnel", t->name);
	lanes_free(t);
	conf_conn_unref(t->conf);
	free(t);
	return NULL;
}

static struct ctl_tunnel *tunnel_find(struct controller *c, const struct ctl_tunnel_key *key)
{
	struct ctl_tunnel *t;

	HASH_FIND(hh_key, c->tunnels_by_key, key, sizeof(*key), t);
	return t;
}

static void key_fill(struct ctl_tunnel_key *key, const struct ctl_conn *conn, const struct conf_child *cfg,
		     const struct ike_addr *remote)
{
	memset(key, 0, sizeof(*key));
	key->conn = conn;
	key->remote.family = remote->family;
	memcpy(key->remote.ip, remote->ip, sizeof(key->remote.ip));
	snprintf(key->child, sizeof(key->child), "%s", cfg->ike.name);
}

struct ctl_tunnel *tunnel_for_conn(struct controller *c, struct ctl_conn *conn, const struct conf_child *cfg)
{
	struct ctl_tunnel_key key;
	struct ctl_tunnel *t;

	if (!conn->conf->ike.remote.family) {
		log_at(c->log, LOG_LEVEL_ERROR, "tunnel.no_remote",
		       "%s/%s: cannot be initiated: remote_addrs names no address", conn->conf->ike.name,
		       cfg->ike.name);
		return NULL;
	}
	key_fill(&key, conn, cfg, &conn->conf->ike.remote);
	t = tunnel_find(c, &key);
	if (!t)
		t = tunnel_new(c, conn, cfg, &key);
	if (t)
		t->configured = true;
	return t;
}

struct ctl_tunnel *tunnel_for_offer(struct controller *c, struct ctl_conn *conn, const struct ike_child_offer *offer)
{
	const struct conf_child *cfg = conf_child_of(offer->cfg);
	bool many = !conn->conf->ike.remote.family;
	struct ctl_tunnel_key key;
	struct ike_sa_info info;
	struct ctl_tunnel *t;

	key_fill(&key, conn, cfg, many ? &offer->path->remote : &conn->conf->ike.remote);
	if (many && ike_sa_get(c->ike, offer->ike_sa, &info) && info.remote_id)
		key.identity = id_hash(info.remote_id);
	t = tunnel_find(c, &key);
	if (!t)
		t = tunnel_new(c, conn, cfg, &key);
	if (t && !many)
		t->configured = true;
	return t;
}

static uint32_t lane_load(const struct ctl_lane *l)
{
	return l->fresh - l->replacing;
}

struct ctl_lane *tunnel_lane_for_peer(struct ctl_tunnel *t, const struct ike_child_offer *offer)
{
	struct ctl_lane *best = t->lanes[0];
	uint64_t id = offer->resource_len ? hash64(0, offer->resource_data, offer->resource_len) : 0;

	if (t->n_lanes == 1 || !t->lanes[0]->fresh)
		return best;
	for (unsigned int i = 1; i < t->n_lanes; i++) {
		struct ctl_lane *l = t->lanes[i];

		if (l->offline)
			continue;
		if (id && l->peer_resource == id)
			return l;
		if (!best->index || lane_load(l) < lane_load(best))
			best = l;
	}
	best->peer_resource = id;
	return best;
}

unsigned int tunnel_lane_of_cpu(const struct ctl_tunnel *t, uint32_t cpu)
{
	for (unsigned int i = 1; i < t->n_lanes; i++)
		if (t->lanes[i]->cpu == cpu)
			return i;
	return 0;
}

void tunnel_delete_children(struct ctl_tunnel *t)
{
	struct ctl_child *ch, *next;

	for (unsigned int i = 0; i < t->lanes_made; i++)
		for (ch = TAILQ_FIRST(&t->lanes[i]->children); ch; ch = next) {
			next = TAILQ_NEXT(ch, lane_link);
			child_delete(ch);
		}
}

bool tunnel_is_idle(const struct ctl_tunnel *t)
{
	return !t->n_children && t->want == WANT_NOTHING && !(t->configured && !LIST_EMPTY(&t->waiters));
}

void tunnel_release(struct ctl_tunnel *t)
{
	if (t->candidate || !tunnel_is_idle(t))
		return;
	t->candidate = true;
	TAILQ_INSERT_TAIL(&t->c->idle, t, idle_link);
}

void tunnel_free(struct ctl_tunnel *t)
{
	struct controller *c = t->c;

	command_left(&t->waiters, -ECANCELED, "the connection is gone");
	ctl_timer_stop(c, &t->timer);
	ctl_timer_stop(c, &t->lanes_timer);
	tunnel_uncrowd(t);
	tunnel_policies_drop(t);
	if (t->candidate)
		TAILQ_REMOVE(&c->idle, t, idle_link);
	if (t->settled)
		TAILQ_REMOVE(&c->settled, t, settled_link);
	if (t->lost_with)
		TAILQ_REMOVE(&t->lost_with->lost, t, lost_link);
	TAILQ_REMOVE(&t->conn->tunnels, t, link);
	HASH_DEL(c->tunnels, t);
	HASH_DELETE(hh_key, c->tunnels_by_key, t);
	c->n_tunnels--;
	c->conns_idle = true;
	lanes_free(t);
	conf_conn_unref(t->conf);
	free(t);
}

struct ctl_child *lane_current(const struct ctl_lane *l)
{
	struct ctl_child *ch;

	TAILQ_FOREACH_REVERSE(ch, &l->children, ctl_children, lane_link)
	if (ch->up && ch->fresh)
		return ch;
	return NULL;
}
