/* SPDX-License-Identifier: MIT */
/* IKE SAs, as far as the controller needs to know of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

struct ctl_peer *peer_find(struct controller *c, uint32_t id)
{
	struct ctl_peer *p;

	HASH_FIND(hh, c->peers, &id, sizeof(id), p);
	return p;
}

struct ctl_peer *peer_get(struct controller *c, uint32_t id, struct ctl_conn *conn)
{
	struct ctl_peer *p = peer_find(c, id);
	struct ike_sa_info info;

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->id = id;
	p->conn = conn;
	p->initiator = ike_sa_get(c->ike, id, &info) && info.initiator;
	TAILQ_INIT(&p->children);
	TAILQ_INIT(&p->lost);
	LIST_INIT(&p->waiters);
	HASH_ADD(hh, c->peers, id, sizeof(p->id), p);
	if (p->hash_failed) {
		free(p);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&conn->peers, p, link);
	return p;
}

void peer_free(struct controller *c, struct ctl_peer *p)
{
	struct ctl_tunnel *t;

	ctl_timer_stop(c, &p->timer);
	while ((t = TAILQ_FIRST(&p->lost))) {
		TAILQ_REMOVE(&p->lost, t, lost_link);
		t->lost_with = NULL;
	}
	if (p->dead) {
		TAILQ_REMOVE(&c->dead_peers, p, link);
	} else {
		TAILQ_REMOVE(&p->conn->peers, p, link);
		if (!p->hash_failed)
			HASH_DEL(c->peers, p);
	}
	c->conns_idle = true;
	free(p);
}

/* To be freed when nobody can be using it any more. */
static void peer_bury(struct controller *c, struct ctl_peer *p)
{
	struct ctl_child *ch;

	if (p->dead)
		return;
	ctl_timer_stop(c, &p->timer);
	while ((ch = TAILQ_FIRST(&p->children))) {
		TAILQ_REMOVE(&p->children, ch, peer_link);
		ch->peer = NULL;
	}
	TAILQ_REMOVE(&p->conn->peers, p, link);
	if (!p->hash_failed)
		HASH_DEL(c->peers, p);
	p->dead = true;
	TAILQ_INSERT_TAIL(&c->dead_peers, p, link);
	c->conns_idle = true;
}

void peer_unref(struct controller *c, struct ctl_peer *p)
{
	/* the half-open IKE SAs of peers come and go without events; ours and those that came up end with SA_DOWN */
	if (!p->up && !p->initiator && TAILQ_EMPTY(&p->children))
		peer_bury(c, p);
}

struct ctl_peer *peer_for_tunnel(const struct ctl_tunnel *t, bool *connecting)
{
	struct ctl_peer *p;

	*connecting = false;
	for (unsigned int i = 0; i < t->n_lanes; i++) {
		struct ctl_child *ch = lane_current(t->lanes[i]);

		if (ch && ch->peer && ch->peer->up && !ch->peer->closing)
			return ch->peer;
	}
	if (!t->configured)
		return NULL;
	TAILQ_FOREACH (p, &t->conn->peers, link) {
		if (p->up && !p->closing)
			return p;
		*connecting = *connecting || (!p->up && p->initiator && !p->closing);
	}
	return NULL;
}

void peer_close(struct controller *c, struct ctl_peer *p)
{
	if (p->terminated)
		return;
	p->closing = p->terminated = true;
	ike_sa_delete(c->ike, c->now, p->id); /* -ENOENT and -EALREADY: it ends anyway, and SA_DOWN says so */
}

static void retire_fire(struct controller *c, struct ctl_timer *timer)
{
	struct ctl_peer *p = heap_entry(timer, struct ctl_peer, timer), *other;

	TAILQ_FOREACH (other, &p->conn->peers, link)
		if (other != p && other->up && !other->closing)
			break;
	if (!other) /* the one that was to stay has gone */
		p->closing = false;
	else if (p->initiator)
		ike_sa_delete(c->ike, c->now, p->id);
}

void peer_retire(struct controller *c, struct ctl_peer *p, uint64_t at)
{
	p->closing = true;
	ctl_timer_set(c, &p->timer, at, retire_fire);
}

static void tell(struct controller *c, enum controller_event_kind kind, const struct ike_event *ev)
{
	const struct controller_event out = {
		.kind = kind,
		.ike_sa = ev->ike_sa,
		.old_ike_sa = ev->old_ike_sa,
		.conn = ev->conn,
		.down = ev->down,
		.notify = ev->notify,
	};

	if (c->env.event)
		c->env.event(c->env.ctx, &out);
}

static void sa_up(struct controller *c, const struct ike_event *ev)
{
	struct ctl_conn *conn = conn_by_cfg(c, ev->conn);
	struct ctl_peer *p = conn ? peer_get(c, ev->ike_sa, conn) : NULL;

	if (!p) { /* nobody would ever close it */
		log_at(c->log, LOG_LEVEL_ERROR, "ike.unknown", "IKE SA %u of no known connection is closed",
		       ev->ike_sa);
		ike_sa_delete(c->ike, c->now, ev->ike_sa);
		return;
	}
	p->up = true;
	tell(c, CONTROLLER_IKE_UP, ev);
	tunnel_peer_up(p);
}

static void sa_rekeyed(struct controller *c, const struct ike_event *ev)
{
	struct ctl_peer *p = peer_find(c, ev->old_ike_sa);
	struct ctl_tunnel *t;

	if (!p)
		return;
	HASH_DEL(c->peers, p);
	p->id = ev->ike_sa;
	HASH_ADD(hh, c->peers, id, sizeof(p->id), p);
	if (p->hash_failed)
		log_at(c->log, LOG_LEVEL_ERROR, "controller.memory", "%s: no memory for IKE SA %u", ev->conn->name,
		       ev->ike_sa);
	tell(c, CONTROLLER_IKE_REKEYED, ev);
	TAILQ_FOREACH (t, &p->conn->tunnels, link)
		if (c->now < t->held_ns)
			lanes_retry(t, "the IKE SA has been rekeyed");
}

/* XFRM keeps an SA's addresses for life: its Child SAs are made anew at the new ones. */
static void sa_moved(struct controller *c, const struct ike_event *ev)
{
	struct ctl_peer *p = peer_find(c, ev->ike_sa);
	struct ctl_child *ch;

	if (!p)
		return;
	TAILQ_FOREACH (ch, &p->children, peer_link)
		rekey_ask(ch);
}

static void sa_down(struct controller *c, const struct ike_event *ev)
{
	struct ctl_peer *p = peer_find(c, ev->ike_sa);
	struct ctl_tunnel *t;
	char text[160];

	tell(c, CONTROLLER_IKE_DOWN, ev);
	if (!p)
		return;
	snprintf(text, sizeof(text), "IKE SA %u is down (%s)", ev->ike_sa, ike_down_name(ev->down));
	command_left(&p->waiters, 0, text);
	while ((t = TAILQ_FIRST(&p->lost))) {
		TAILQ_REMOVE(&p->lost, t, lost_link);
		t->lost_with = NULL;
		if (p->up)
			tunnel_lost(t, p->terminated ? IKE_DOWN_LOCAL : ev->down, ev->notify);
		else
			tunnel_failed(t, ev->down, ev->notify);
	}
	peer_bury(c, p);
	tunnel_peer_down(p, ev->down, ev->notify);
}

void peer_event(struct controller *c, const struct ike_event *ev)
{
	switch (ev->kind) {
	case IKE_EV_SA_UP:
		sa_up(c, ev);
		break;
	case IKE_EV_SA_REKEYED:
		sa_rekeyed(c, ev);
		break;
	case IKE_EV_SA_MOVED:
		sa_moved(c, ev);
		break;
	case IKE_EV_SA_DOWN:
		sa_down(c, ev);
		break;
	case IKE_EV_CHILD_INSTALL:
	case IKE_EV_CHILD_UP:
	case IKE_EV_CHILD_OUTBOUND:
	case IKE_EV_CHILD_DOWN:
		break;
	}
}
