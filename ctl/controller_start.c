/* SPDX-License-Identifier: MIT */
/* Bringing tunnels up, keeping them up, and what follows when they go down. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* Between tries to bring a tunnel up: doubled each time, half of it at random. */
static const uint64_t retry_first_ns = 1000000000u, retry_most_ns = 60000000000u;
/* The end that did not make the IKE SA gives the one that did so long to close what both have made. */
static const uint64_t twin_ns = 3000000000u;

/* ---- what is wanted ---- */

static enum ctl_want want_of_action(enum conf_action action)
{
	switch (action) {
	case CONF_ACTION_NONE:
		return WANT_NOTHING;
	case CONF_ACTION_TRAP:
		return WANT_POLICIES;
	case CONF_ACTION_START:
		return WANT_UP;
	}
	return WANT_NOTHING;
}

/* What the configuration wants of it when nobody has said otherwise. */
static enum ctl_want want_configured(const struct ctl_tunnel *t)
{
	return t->configured && !t->conn->unloaded ? want_of_action(t->cfg->start_action) : WANT_NOTHING;
}

static enum ctl_want want_most(enum ctl_want a, enum ctl_want b)
{
	return a > b ? a : b;
}

/* What is wanted of a tunnel that was up and is not any more. */
static enum ctl_want want_after(const struct ctl_tunnel *t, enum ike_down why)
{
	enum ctl_want want = want_configured(t);

	if (!t->configured || t->conn->unloaded)
		return WANT_NOTHING;
	switch (why) {
	case IKE_DOWN_LOCAL: /* an operator's wish; a trap stays set */
		return t->cfg->start_action == CONF_ACTION_TRAP ? WANT_POLICIES : WANT_NOTHING;
	case IKE_DOWN_PEER:
		return want_most(want_of_action(t->cfg->close_action), want == WANT_UP ? WANT_POLICIES : want);
	case IKE_DOWN_TIMEOUT:
	case IKE_DOWN_AUTH:
	case IKE_DOWN_IKE_SA:
	case IKE_DOWN_DUPLICATE:
		return want_most(want, want_of_action(t->cfg->dpd_action));
	case IKE_DOWN_NONE:
	case IKE_DOWN_REPLACED:
	case IKE_DOWN_REDUNDANT:
	case IKE_DOWN_REFUSED:
	case IKE_DOWN_INSTALL:
	case IKE_DOWN_PROTOCOL:
	case IKE_DOWN_EXPIRED:
	case IKE_DOWN_LOST:
		break; /* nobody wanted that: all is as it was */
	}
	return want_most(want, t->want);
}

/* bring it up: now, or when there is an IKE SA for it */
static void tunnel_start(struct ctl_tunnel *t);

void tunnel_want(struct ctl_tunnel *t, enum ctl_want want)
{
	t->want = want;
	switch (want) {
	case WANT_NOTHING:
		ctl_timer_stop(t->c, &t->timer);
		if (!t->n_fresh)
			tunnel_policies_drop(t);
		tunnel_release(t);
		break;
	case WANT_POLICIES:
		if (!t->n_fresh)
			ctl_timer_stop(t->c, &t->timer);
		if (!t->policies_set)
			tunnel_policies_set(t, NULL);
		break;
	case WANT_UP:
		tunnel_start(t);
		break;
	}
}

void tunnel_reopen(struct ctl_tunnel *t)
{
	t->restart = false;
	t->tries = 0;
	t->retry_ns = 0;
	t->mode_known = false;
	tunnel_policies_drop(t);
	if (tunnel_lanes_make(t)) {
		log_at(t->c->log, LOG_LEVEL_ERROR, "controller.memory", "%s: no memory for its queues", t->name);
		return;
	}
	lanes_reset(t);
	lanes_tell(t);
	tunnel_want(t, want_configured(t));
}

void tunnel_to_software(struct ctl_tunnel *t, struct ctl_child *ch)
{
	ch->moves = true;
	t->want = WANT_UP;
}

/* ---- starting ---- */

static void tunnel_timer(struct controller *c, struct ctl_timer *timer);

static void start_later(struct ctl_tunnel *t, uint64_t at)
{
	if (heap_has(&t->timer.node) && t->timer.node.key <= at)
		return;
	ctl_timer_set(t->c, &t->timer, at, tunnel_timer);
}

static int first_ask(struct ctl_tunnel *t)
{
	bool connecting;
	struct ctl_peer *p = peer_for_tunnel(t, &connecting);
	uint32_t id;
	int err;

	if (p)
		return lane_ask(t->lanes[0], p);
	if (connecting)
		return 0; /* tunnel_peer_up() comes back here */
	err = ike_initiate(t->c->ike, t->c->now, &t->conn->conf->ike, &t->cfg->ike, t->lanes[0], &id);
	if (err)
		return err;
	p = peer_get(t->c, id, t->conn);
	if (p)
		p->initiator = true;
	return 0;
}

static void tunnel_start(struct ctl_tunnel *t)
{
	int err;

	if (t->c->stopping || t->conn->unloaded)
		return;
	if (t->n_fresh) {
		lanes_fill(t);
		return;
	}
	if (t->c->now < t->retry_ns) {
		start_later(t, t->retry_ns);
		return;
	}
	t->starter = true;
	if (tunnel_mode_check(t)) {
		tunnel_failed(t, IKE_DOWN_INSTALL, 0);
		return;
	}
	err = first_ask(t);
	if (err) {
		log_at(t->c->log, LOG_LEVEL_WARN, "tunnel.start", "%s: cannot be initiated now: %s", t->name,
		       strerror(-err));
		tunnel_failed(t, IKE_DOWN_INSTALL, 0);
	}
}

static void tunnel_timer(struct controller *c, struct ctl_timer *timer)
{
	struct ctl_tunnel *t = heap_entry(timer, struct ctl_tunnel, timer);

	(void)c;
	if (t->want == WANT_UP)
		tunnel_start(t);
}

void tunnel_peer_up(struct ctl_peer *p)
{
	struct ctl_tunnel *t;

	if (!p->conn->conf->ike.remote.family)
		return; /* such connections are never initiated */
	TAILQ_FOREACH (t, &p->conn->tunnels, link)
		if (t->want == WANT_UP && !t->n_fresh)
			tunnel_start(t);
}

void tunnel_peer_down(struct ctl_peer *p, enum ike_down why, uint16_t notify)
{
	struct ctl_tunnel *t;

	struct ctl_tunnel *next;

	if (!p->conn->conf->ike.remote.family)
		return;
	for (t = TAILQ_FIRST(&p->conn->tunnels); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->n_fresh)
			continue;
		if (!p->up && t->want == WANT_UP && t->c->now >= t->retry_ns) /* it waited for it to come up */
			tunnel_failed(t, why, notify);
		else if (p->up && t->want == WANT_POLICIES) /* kept for as long as the peer was there */
			tunnel_want(t, want_after(t, why));
	}
}

void tunnel_acquire(struct ctl_tunnel *t, const struct xfrm_acquire *a)
{
	if (t->n_up) {
		lane_acquired(t, a);
	} else if (t->want != WANT_NOTHING && !t->lanes[0]->fresh) { /* the fallback comes first (RFC 9611 section 3) */
		t->lanes[0]->acquire_seq = a->seq;
		tunnel_start(t);
	}
}

/* ---- up ---- */

bool tunnel_complete(const struct ctl_tunnel *t)
{
	if (!t->n_up || t->policies_waited)
		return false;
	for (unsigned int i = 0; i < t->n_lanes; i++) {
		const struct ctl_lane *l = t->lanes[i];

		bool comes = t->starter && !l->failures && !l->by_traffic && t->c->now >= t->held_ns;

		if (!lane_current(l) && !l->offline && (l->fresh || comes))
			return false;
	}
	return true;
}

void tunnel_settle(struct ctl_tunnel *t)
{
	char text[240];

	if (LIST_EMPTY(&t->waiters) || !tunnel_complete(t))
		return;
	snprintf(text, sizeof(text), "%s is up, with %u Child SA%s", t->name, t->n_up, t->n_up == 1 ? "" : "s");
	command_left(&t->waiters, 0, text);
}

static bool spi_lower(const struct ike_sa_info *a, const struct ike_sa_info *b)
{
	return memcmp(a->spi_i, b->spi_i, sizeof(a->spi_i)) < 0;
}

/*
 * Both ends have made an IKE SA at once. Both see the same two, and agree that the one with the lower SPI goes; the end
 * that made it closes it. If the other end knows only one of them, it closes nothing, and DPD finds what is dead.
 */
static void twin_close(struct ctl_tunnel *t, struct ctl_peer *a, struct ctl_peer *b)
{
	struct controller *c = t->c;
	struct ike_sa_info ia, ib;
	struct ctl_peer *loser;

	if (!a || !b || a == b || a->initiator == b->initiator || a->closing || b->closing ||
	    !t->conn->conf->ike.remote.family)
		return;
	if (!ike_sa_get(c->ike, a->id, &ia) || !ike_sa_get(c->ike, b->id, &ib))
		return;
	loser = spi_lower(&ia, &ib) ? a : b;
	t->starter = !loser->initiator;
	log_at(c->log, LOG_LEVEL_INFO, "ike.twins", "%s: IKE SAs %u and %u were made from both ends at once; %u goes",
	       t->name, a->id, b->id, loser->id);
	peer_retire(c, loser, c->now + twin_ns); /* the other end may not have finished making the one that stays */
}

static void twins_check(struct ctl_tunnel *t, const struct ctl_child *ch)
{
	struct ctl_child *other;

	TAILQ_FOREACH (other, &t->lanes[0]->children, lane_link)
		if (other != ch && other->up && other->fresh)
			twin_close(t, ch->peer, other->peer);
}

void tunnel_child_up(struct ctl_tunnel *t, struct ctl_child *ch, bool replaces)
{
	if (!replaces && !ch->lane->index) {
		t->starter = ch->initiator;
		if (t->n_up == 1)
			lanes_reset(t);
		twins_check(t, ch);
	}
	t->was_up = true;
	t->tries = 0;
	t->retry_ns = 0;
	if (t->want == WANT_POLICIES || t->want == WANT_NOTHING)
		t->want = want_most(t->want, t->configured ? WANT_POLICIES : WANT_NOTHING);
	lane_up(ch, replaces);
	tunnel_settle(t);
}

/* ---- down ---- */

static void waiters_fail(struct ctl_tunnel *t, enum ike_down why, uint16_t notify)
{
	char text[240], name[32];

	if (notify)
		snprintf(text, sizeof(text), "%s did not come up: %s (%s)", t->name, ike_down_name(why),
			 ike_notify_text(notify, name));
	else
		snprintf(text, sizeof(text), "%s did not come up: %s", t->name, ike_down_name(why));
	command_left(&t->waiters, -ECONNREFUSED, text);
}

static void restart_later(struct ctl_tunnel *t)
{
	t->c->counters.retries++;
	t->retry_ns = t->c->now + backoff_ns(t->c, ++t->tries, retry_first_ns, retry_most_ns);
	start_later(t, t->retry_ns);
}

void tunnel_failed(struct ctl_tunnel *t, enum ike_down why, uint16_t notify)
{
	unsigned int most = t->conf->keyingtries;

	waiters_fail(t, why, notify);
	if (t->restart) {
		tunnel_reopen(t);
		return;
	}
	if (t->want == WANT_UP && !t->was_up && most && t->tries + 1 >= most) {
		log_at(t->c->log, LOG_LEVEL_WARN, "tunnel.given_up", "%s: given up after %u tries", t->name, most);
		tunnel_want(t, t->policies_set ? WANT_POLICIES : WANT_NOTHING);
		return;
	}
	if (t->want == WANT_UP)
		restart_later(t);
	else
		tunnel_want(t, t->want);
}

void tunnel_lost(struct ctl_tunnel *t, enum ike_down why, uint16_t notify)
{
	char name[32];

	if (t->n_fresh || t->c->stopping)
		return;
	waiters_fail(t, why, notify);
	if (t->restart) {
		tunnel_reopen(t);
		return;
	}
	log_at(t->c->log, LOG_LEVEL_NOTICE, "tunnel.down", "%s: down (%s%s%s)", t->name, ike_down_name(why),
	       notify ? ", " : "", notify ? ike_notify_text(notify, name) : "");
	t->want = want_after(t, why);
	if (t->want == WANT_UP && (why == IKE_DOWN_EXPIRED || why == IKE_DOWN_LOST) && !t->tries++)
		start_later(t, t->c->now); /* the IKE SA is there, and so is the traffic */
	else if (t->want == WANT_UP)
		restart_later(t);
	else
		tunnel_want(t, t->want);
}

/* Others of its IKE SA, which will follow it. */
static bool more_go(const struct ctl_tunnel *t, const struct ctl_child *ch)
{
	const struct ctl_child *other;

	for (unsigned int i = 0; i < t->lanes_made; i++)
		TAILQ_FOREACH (other, &t->lanes[i]->children, lane_link)
			if (other != ch && other->up && other->fresh && other->peer == ch->peer)
				return true;
	return false;
}

void tunnel_child_down(struct ctl_tunnel *t, struct ctl_child *ch, enum ike_down why, uint16_t notify)
{
	struct ctl_lane *l = ch->lane;
	bool was_up = ch->up || ch->rekeys, with_ike_sa = why == IKE_DOWN_IKE_SA && ch->peer;

	if (ch->expired || ch->lost || ch->moves)
		why = IKE_DOWN_EXPIRED;
	if (ch->moves) /* no slot is free for another one */
		t->mode_known = false;
	if (ch->up)
		l->lost_why = why;
	else if (ch->rekeys) /* what it was to replace has gone first, and that is why the lane is empty */
		why = l->lost_why;
	if (l->fresh)
		return; /* what it replaces, or what replaces it */
	lane_lost(l, ch, why, notify);
	lanes_policy(t);
	if (t->n_up) {
		if (with_ike_sa && more_go(t, ch))
			return; /* the peer may have come anew, and ask for all of them itself */
		lanes_fill(t);
		tunnel_settle(t);
		return;
	}
	if (t->n_fresh || t->c->stopping)
		return;
	if (why == IKE_DOWN_IKE_SA && ch->peer) { /* SA_DOWN comes next and says why */
		if (!t->lost_with) {
			t->lost_with = ch->peer;
			TAILQ_INSERT_TAIL(&ch->peer->lost, t, lost_link);
		}
		return;
	}
	if (was_up)
		tunnel_lost(t, why, notify);
	else
		tunnel_failed(t, why, notify);
}
