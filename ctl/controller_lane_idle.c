/* SPDX-License-Identifier: MIT */
/*
 * Queue SAs that are not needed where they are: those without traffic for per_cpu_idle, and those that both ends have
 * asked for.
 *
 * Both ends see the same traffic, so the one that asked for an SA deletes it and the other waits a little longer. What
 * was deleted comes back when traffic wants it: on demand by the kernel's acquire of that CPU; otherwise the fallback's
 * own traffic says that some CPU lacks its SA, but not which one, so that all come back, and those that nobody used
 * stay away longer each time.
 */
#include <string.h>

#include "ctl/controller_internal.h"

static const uint64_t useless_most_ns = 3600000000000u;
/* While the other of two SAs is not in use yet. */
static const uint64_t look_ns = 1000000000u;

/* The other end's clock, and counters that both read at their own times. */
static uint64_t idle_limit(const struct ctl_tunnel *t, const struct ctl_child *ch)
{
	uint64_t idle = t->cfg->per_cpu_idle_ns;

	return ch->ours ? idle : idle + idle / 4 + 2 * t->c->nic.counter_poll_ns;
}

static void lane_rest(struct ctl_lane *l)
{
	struct ctl_child *ch, *next;

	log_at(l->tunnel->c->log, LOG_LEVEL_INFO, "queue.idle", "%s: the SA of queue %u is idle and goes",
	       l->tunnel->name, l->index - 1);
	for (ch = TAILQ_FIRST(&l->children); ch; ch = next) {
		next = TAILQ_NEXT(ch, lane_link);
		if (!ch->fresh)
			continue;
		ch->idle = true;
		child_delete(ch);
	}
}

void lane_rests(struct ctl_lane *l)
{
	struct ctl_child *fallback = lane_current(l->tunnel->lanes[0]);

	l->by_traffic = true;
	if (fallback)
		read_soon(fallback);
}

void lane_idled(struct ctl_lane *l)
{
	struct ctl_tunnel *t = l->tunnel;
	uint64_t wait = t->cfg->per_cpu_idle_ns;

	lane_rests(l);
	l->failures = 0;
	l->useless = l->used ? 0 : l->useless + 1;
	for (unsigned int i = 1; i < l->useless && wait < useless_most_ns; i++)
		wait *= 2;
	if (l->useless && !tunnel_on_demand(t))
		l->barred_ns = t->c->now + (wait < useless_most_ns ? wait : useless_most_ns);
}

/* Queues whose SAs come back with traffic on the fallback. */
static bool has_resting(const struct ctl_tunnel *t)
{
	for (unsigned int i = 1; i < t->n_lanes && !tunnel_on_demand(t); i++)
		if (t->lanes[i]->by_traffic && !t->lanes[i]->fresh)
			return true;
	return false;
}

static void lanes_revive(struct ctl_tunnel *t)
{
	unsigned int n = 0;

	for (unsigned int i = 1; i < t->n_lanes; i++) {
		struct ctl_lane *l = t->lanes[i];

		if (!l->by_traffic || t->c->now < l->barred_ns)
			continue;
		l->by_traffic = false;
		n += !l->fresh;
	}
	if (!n)
		return;
	log_at(t->c->log, LOG_LEVEL_INFO, "queue.wanted", "%s: the fallback carries traffic: SAs for %u queues again",
	       t->name, n);
	lanes_unsettle(t); /* the other end sees the same */
	lanes_fill(t);
}

void lane_carried(struct ctl_lane *l, bool out)
{
	l->active_ns = l->tunnel->c->now;
	l->used = true;
	if (!l->index && out)
		l->tunnel->fallback_used = true;
}

uint64_t lane_gap_ns(const struct ctl_child *ch)
{
	const struct ctl_tunnel *t = ch->tunnel;

	if (!ch->lane->index)
		return has_resting(t) ? t->c->nic.counter_poll_ns : UINT64_MAX;
	return t->cfg->per_cpu_idle_ns ? t->cfg->per_cpu_idle_ns / 2 : UINT64_MAX;
}

void lane_read(struct ctl_child *ch)
{
	struct ctl_tunnel *t = ch->tunnel;
	struct ctl_lane *l = ch->lane;
	bool used = t->fallback_used;

	if (ch != lane_current(l) || t->n_lanes == 1 || t->restart || t->c->stopping)
		return;
	if (!l->index) {
		bool based = t->fallback_based;

		t->fallback_used = false;
		t->fallback_based = has_resting(t);
		if (used && based && t->fallback_based)
			lanes_revive(t);
	} else if (t->cfg->per_cpu_idle_ns && tunnel_binds_cpus(t) && !ch->running && !ch->deleting &&
		   ch->read_ns >= l->active_ns + idle_limit(t, ch)) {
		lane_rest(l);
	}
}

/* ---- one queue has two, another has none ---- */

/* The peer has asked for it, and we do not send on it yet. */
static bool may_move(const struct ctl_child *ch)
{
	return ch->up && ch->fresh && !ch->ours && !ch->want_out && !ch->running && !ch->deleting && ch->keys;
}

static void child_move(struct ctl_child *ch, struct ctl_lane *to)
{
	struct ctl_lane *from = ch->lane;

	log_at(ch->c->log, LOG_LEVEL_INFO, "queue.moved",
	       "%s: Child SA %u goes from queue %u to queue %u, which had none", ch->tunnel->name, ch->id,
	       from->index - 1, to->index - 1);
	TAILQ_REMOVE(&from->children, ch, lane_link);
	from->fresh--;
	ch->lane = to;
	TAILQ_INSERT_TAIL(&to->children, ch, lane_link);
	to->fresh++;
	to->active_ns = ch->c->now;
	child_steer(ch);
}

bool lane_adopt(struct ctl_lane *l)
{
	struct ctl_tunnel *t = l->tunnel;

	for (unsigned int i = 1; i < t->n_lanes && l->index; i++) {
		struct ctl_child *ch;

		if (t->lanes[i]->fresh < t->lanes[i]->replacing + 2)
			continue;
		TAILQ_FOREACH (ch, &t->lanes[i]->children, lane_link)
			if (may_move(ch)) {
				child_move(ch, l);
				return true;
			}
	}
	return false;
}

/* ---- asked for from both ends ---- */

/* On the same IKE SA, so that both ends see the same two. */
static bool peer_asked_too(const struct ctl_child *ch)
{
	const struct ctl_child *other;

	TAILQ_FOREACH (other, &ch->lane->children, lane_link)
		if (other != ch && other->up && other->fresh && !other->deleting && !other->ours &&
		    other->out.state == HALF_INSTALLED && other->peer == ch->peer)
			return true;
	return false;
}

/*
 * Of two SAs for one lane that were asked for from both ends, the one that the IKE SA's responder has asked for goes,
 * and the responder deletes it. An SA that only the peer has asked for stays, however many a lane has: the peer may
 * have more queues.
 */
void lanes_tidy(struct ctl_tunnel *t)
{
	for (unsigned int i = 0; i < t->n_lanes && t->n_up && !t->c->stopping; i++) {
		struct ctl_child *ch, *next;

		for (ch = TAILQ_FIRST(&t->lanes[i]->children); ch && t->lanes[i]->fresh > 1; ch = next) {
			next = TAILQ_NEXT(ch, lane_link);
			if (!ch->up || !ch->fresh || !ch->ours || ch->deleting || !ch->peer || ch->peer->initiator ||
			    ch->peer->closing)
				continue;
			lanes_later(t, t->c->now + look_ns);
			if (ch->running || !peer_asked_too(ch))
				continue;
			log_at(t->c->log, LOG_LEVEL_INFO, "queue.twice",
			       "%s: both ends have asked for an SA of lane %u: Child SA %u goes", t->name, i, ch->id);
			child_delete(ch);
		}
	}
}
