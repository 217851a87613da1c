/* SPDX-License-Identifier: MIT */
/*
 * The queues of a tunnel (RFC 9611): when the peer is asked for a Child SA of each, what its refusal means, and what
 * the kernel's acquires do. Lane 0 is the fallback: it comes first, and while it is there a queue without an SA of its
 * own loses nothing.
 *
 * With XFRM_POL_CPU_ACQUIRE on the policy Linux asks for an SA of each CPU that sends. While such an acquire is open it
 * drops what CPUs without an SA of their own send, although there is a fallback. So the flag is only there while an
 * answer can be expected soon: not while the peer grants no more, not before something may be tried again, and not when
 * the answer to an open acquire takes long.
 */
#include <stdio.h>

#include "ctl/controller_internal.h"

/* Between tries for one queue. There is no hurry: it uses the fallback. */
static const uint64_t lane_first_ns = 2000000000u, lane_most_ns = 120000000000u;
/* A peer that grants no more, or no room of our own: so long nothing is asked for any queue, unless something changes.
 */
static const uint64_t held_first_ns = 300000000000u, held_most_ns = 3600000000000u;
/* RFC 9611 section 4: what the peer has deleted is not created again at once. */
static const uint64_t deleted_first_ns = 60000000000u, deleted_most_ns = 3600000000000u;
/* One that has lived for so long does not count with those before it. */
static const uint64_t deleted_forget_ns = 600000000000u;
/* The end that did not ask for the fallback waits so long after the last SA before it asks for those that lack. */
static const uint64_t settle_ns = 3000000000u;
/* An acquire that is open for longer is slow: a request or its answer was lost. */
static const uint64_t patience_ns = 500000000u;

/* ---- what a lane is to have ---- */

bool tunnel_binds_cpus(const struct ctl_tunnel *t)
{
	return !t->c->nic.no_sa_dir;
}

bool tunnel_on_demand(const struct ctl_tunnel *t)
{
	return t->cfg->per_cpu_start == CONF_PER_CPU_DEMAND && tunnel_binds_cpus(t);
}

void lanes_reset(struct ctl_tunnel *t)
{
	for (unsigned int i = 0; i < t->n_lanes; i++) {
		struct ctl_lane *l = t->lanes[i];

		l->by_traffic = i && tunnel_on_demand(t);
		l->failures = l->deletions = l->useless = 0;
		l->retry_ns = l->barred_ns = l->asked_ns = 0;
	}
	t->held_ns = t->settle_ns = 0;
	t->refusals = 0;
}

void lanes_tell(const struct ctl_tunnel *t)
{
	if (t->n_lanes > 1 && !tunnel_binds_cpus(t))
		log_at(t->c->log, LOG_LEVEL_NOTICE, "queue.unbound",
		       "%s: this kernel does not bind SAs to CPUs (no XFRMA_SA_PCPU): queue SAs are for any CPU%s",
		       t->name,
		       t->cfg->per_cpu_start == CONF_PER_CPU_DEMAND || t->cfg->per_cpu_idle_ns
			       ? ", per_cpu_start is all, and per_cpu_idle has no effect"
			       : "");
}

static bool lane_is_wanted(const struct ctl_lane *l)
{
	return !l->fresh && !l->by_traffic && !l->offline;
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t lane_free_ns(const struct ctl_lane *l)
{
	return later_of(l->retry_ns, l->barred_ns);
}

/* When it may be asked for. */
static uint64_t lane_open_ns(const struct ctl_lane *l)
{
	const struct ctl_tunnel *t = l->tunnel;
	uint64_t at = lane_free_ns(l);

	if (l->index)
		at = later_of(at, t->held_ns);
	if (!t->starter && !l->asked_ns)
		at = later_of(at, t->settle_ns);
	return at;
}

/* ---- asking ---- */

/* An SA of that IKE SA which more of the tunnel's are to be like. */
static const struct ctl_child *lane_model(const struct ctl_tunnel *t, const struct ctl_peer *p)
{
	for (unsigned int i = 0; i < t->n_lanes; i++) {
		const struct ctl_child *ch = lane_current(t->lanes[i]);

		if (ch && ch->peer == p && !ch->down)
			return ch;
	}
	return NULL;
}

int lane_ask(struct ctl_lane *l, struct ctl_peer *p)
{
	struct ctl_tunnel *t = l->tunnel;
	struct controller *c = t->c;
	const struct ctl_child *like = lane_model(t, p);
	size_t len = l->index ? sizeof(l->resource) : 0;

	if (like)
		return ike_child_create_like(c->ike, c->now, p->id, like->id, l->resource, len, l);
	return ike_child_create(c->ike, c->now, p->id, &t->cfg->ike, l->resource, len, l);
}

static void lanes_fire(struct controller *c, struct ctl_timer *timer)
{
	struct ctl_tunnel *t = heap_entry(timer, struct ctl_tunnel, lanes_timer);

	(void)c;
	lanes_tidy(t);
	lanes_fill(t);
	tunnel_settle(t);
}

void lanes_later(struct ctl_tunnel *t, uint64_t at)
{
	if (heap_has(&t->lanes_timer.node) && t->lanes_timer.node.key <= at)
		return;
	ctl_timer_set(t->c, &t->lanes_timer, at, lanes_fire);
}

/* Requests that wait for a place in the window would only be refused one after the other. */
static void lanes_withdraw(struct ctl_tunnel *t)
{
	for (unsigned int i = 1; i < t->lanes_made; i++) {
		struct ctl_child *ch, *next;

		for (ch = TAILQ_FIRST(&t->lanes[i]->children); ch; ch = next) {
			next = TAILQ_NEXT(ch, lane_link);
			if (ch->initiator && !ch->rekeys && !ch->up && !ch->down)
				ike_child_withdraw(t->c->ike, t->c->now, ch->id);
		}
	}
}

static void lanes_hold(struct ctl_tunnel *t, const char *why)
{
	struct controller *c = t->c;
	uint64_t wait;

	if (c->now < t->held_ns)
		return;
	wait = backoff_ns(c, ++t->refusals, held_first_ns, held_most_ns);
	t->held_ns = c->now + wait;
	log_at(c->log, LOG_LEVEL_NOTICE, "queue.held",
	       "%s: %s: queues without an SA use the fallback, and none is asked for in the next %llu s", t->name, why,
	       (unsigned long long)(wait / second_ns));
	for (unsigned int i = 1; i < t->n_lanes; i++)
		if (!t->lanes[i]->fresh)
			t->lanes[i]->by_traffic = tunnel_on_demand(t);
	lanes_withdraw(t);
	lanes_later(t, t->held_ns);
}

static void lane_not_asked(struct ctl_lane *l)
{
	struct ctl_tunnel *t = l->tunnel;

	l->retry_ns = t->c->now + backoff_ns(t->c, ++l->failures, lane_first_ns, lane_most_ns);
	lanes_later(t, l->retry_ns);
	if (l->index && t->crowded)
		lanes_hold(t, "no slot is free here");
}

void lanes_fill(struct ctl_tunnel *t)
{
	struct ctl_peer *p;
	bool connecting;

	if (!t->n_up || t->c->stopping || t->restart || queues_awaited(t->c))
		return;
	p = peer_for_tunnel(t, &connecting);
	for (unsigned int i = 0; p && i < t->n_lanes; i++) {
		struct ctl_lane *l = t->lanes[i];
		uint64_t at = lane_open_ns(l);

		if (!lane_is_wanted(l))
			continue;
		if (lane_adopt(l))
			continue;
		if (t->c->now < at)
			lanes_later(t, at);
		else if (lane_ask(l, p))
			lane_not_asked(l);
	}
	lanes_policy(t);
}

void tunnel_lanes_changed(struct ctl_tunnel *t, bool at_once)
{
	if (!t->n_up)
		return;
	t->settle_ns = at_once ? 0 : t->c->now + settle_ns;
	if (at_once) /* a CPU that nobody has been asked for yet */
		t->held_ns = 0;
	lanes_fill(t);
	tunnel_settle(t);
}

void lanes_unsettle(struct ctl_tunnel *t)
{
	t->settle_ns = t->c->now + settle_ns;
}

void lanes_retry(struct ctl_tunnel *t, const char *why)
{
	if (t->c->now < t->held_ns)
		log_at(t->c->log, LOG_LEVEL_INFO, "queue.retry", "%s: queues without an SA are asked for again: %s",
		       t->name, why);
	t->held_ns = 0;
	t->refusals = 0;
	for (unsigned int i = 0; i < t->n_lanes; i++) {
		t->lanes[i]->failures = 0;
		t->lanes[i]->retry_ns = 0;
	}
	lanes_fill(t);
}

/* ---- slots of our own ---- */

void tunnel_crowd(struct ctl_tunnel *t, enum slots_family family)
{
	t->crowded_family = family;
	if (t->crowded)
		return;
	t->crowded = true;
	TAILQ_INSERT_TAIL(&t->c->crowded, t, crowded_link);
}

void tunnel_uncrowd(struct ctl_tunnel *t)
{
	if (t->crowded)
		TAILQ_REMOVE(&t->c->crowded, t, crowded_link);
	t->crowded = false;
}

static bool has_room(const struct controller *c, enum slots_family family)
{
	uint32_t in = slots_room(c->slots, SLOTS_IN, family, SLOTS_FOR_NEW);
	uint32_t out = slots_room(c->slots, SLOTS_OUT, family, SLOTS_FOR_NEW);

	return c->profile->shared ? in >= 2 : in && out;
}

void lanes_room(struct controller *c)
{
	struct ctl_tunnel *t;

	while (!c->stopping && (t = TAILQ_FIRST(&c->crowded)) && has_room(c, t->crowded_family)) {
		tunnel_uncrowd(t);
		lanes_retry(t, "slots are free");
		if (t->crowded)
			return;
	}
}

/* ---- the kernel's acquires ---- */

/* Why the kernel is not to ask for SAs of CPUs now; NULL: it may. */
static const char *silence_why(const struct ctl_tunnel *t)
{
	bool connecting;

	if (!tunnel_on_demand(t))
		return "per_cpu_start";
	if (!lane_current(t->lanes[0]) || !peer_for_tunnel(t, &connecting))
		return "there is no fallback";
	if (t->c->now < t->held_ns)
		return "no more are to be had now";
	for (unsigned int i = 1; i < t->n_lanes; i++) {
		const struct ctl_lane *l = t->lanes[i];
		const struct ctl_child *ch = lane_current(l);

		if (!l->fresh && t->c->now < lane_free_ns(l))
			return "a queue is not to be asked for yet";
		if (ch && ch->out.state != HALF_INSTALLED)
			return "an SA is about to be used";
		if (l->fresh && l->asked_ns && t->c->now >= l->asked_ns + patience_ns)
			return "the peer is slow to answer";
	}
	return NULL;
}

void lanes_policy(struct ctl_tunnel *t)
{
	const char *why;

	if (t->n_lanes == 1 || !(tunnel_on_demand(t) || t->cpu_acquire))
		return;
	why = silence_why(t);
	if (t->c->now < t->held_ns)
		lanes_later(t, t->held_ns);
	for (unsigned int i = 1; i < t->n_lanes; i++) {
		const struct ctl_lane *l = t->lanes[i];

		if (l->fresh && l->asked_ns && t->c->now < l->asked_ns + patience_ns)
			lanes_later(t, l->asked_ns + patience_ns);
		if (!why || l->fresh)
			continue;
		if (t->c->now < lane_free_ns(l))
			lanes_later(t, lane_free_ns(l));
	}
	if (t->cpu_acquire == !why)
		return;
	t->cpu_acquire = !why;
	log_at(t->c->log, LOG_LEVEL_INFO, "queue.acquires", "%s: the kernel %s SAs of CPUs%s%s%s", t->name,
	       why ? "does not ask for" : "asks for", why ? " (" : "", why ? why : "", why ? ")" : "");
	tunnel_policies_mark(t);
}

void lane_acquired(struct ctl_tunnel *t, const struct xfrm_acquire *a)
{
	unsigned int i = tunnel_lane_of_cpu(t, a->cpu);
	struct ctl_lane *l = t->lanes[i];

	if (!i && a->cpu != UINT32_MAX) {
		log_at(t->c->log, LOG_LEVEL_NOTICE, "queue.none",
		       "%s: the kernel asks for an SA of CPU %u, which has no queue", t->name, a->cpu);
		lanes_hold(t, "a CPU without a queue sends");
		queues_reread(t->c); /* it may be new */
		lanes_policy(t);
		return;
	}
	if (l->fresh && l->asked_ns)
		return;
	l->acquire_seq = a->seq;
	l->by_traffic = false;
	if (!lane_current(l))
		l->asked_ns = t->c->now;
	lanes_fill(t);
}

/* ---- up and down ---- */

void lane_up(struct ctl_child *ch, bool replaces)
{
	struct ctl_lane *l = ch->lane;
	struct ctl_tunnel *t = l->tunnel;

	l->failures = 0;
	l->retry_ns = l->barred_ns = l->asked_ns = 0;
	if (!replaces) {
		l->by_traffic = l->used = false;
		l->active_ns = t->c->now;
		lanes_unsettle(t);
		t->refusals = l->index ? 0 : t->refusals;
	}
	if (l->fresh > 1)
		lanes_later(t, t->c->now + settle_ns);
	if (t->n_lanes > 1)
		lanes_fill(t);
}

/* Refusals that say something of the one request only, not of the next. */
static bool is_passing(uint16_t notify)
{
	return !notify || notify == IKE_N_TEMPORARY_FAILURE || notify == IKE_N_INVALID_KE_PAYLOAD;
}

static void lane_refused(struct ctl_lane *l, uint16_t notify)
{
	char name[32], why[80];

	snprintf(why, sizeof(why), "the peer refuses one for queue %u (%s)", l->index - 1,
		 ike_notify_text(notify, name));
	tunnel_uncrowd(l->tunnel); /* slots of ours would not help */
	lanes_hold(l->tunnel, why);
}

static bool is_crowded(const struct ctl_tunnel *t)
{
	for (unsigned int i = 1; i < t->n_lanes; i++)
		if (t->lanes[i]->fresh > t->lanes[i]->replacing + 1)
			return true;
	return false;
}

/*
 * Both ends have asked for SAs at once, and the peer takes back some of its own (lanes_tidy()), one of which was all
 * that this queue had here, while another one has two.
 */
static bool is_taken_back(const struct ctl_lane *l, const struct ctl_child *ch)
{
	return !ch->ours && !tunnel_on_demand(l->tunnel) && is_crowded(l->tunnel);
}

/* By the peer: unless it was idle, it is not wanted there, and not asked for again soon. */
static void lane_deleted(struct ctl_lane *l, const struct ctl_child *ch)
{
	struct ctl_tunnel *t = l->tunnel;
	struct controller *c = t->c;

	if (c->now - ch->installed_ns >= deleted_forget_ns)
		l->deletions = 0;
	if (is_taken_back(l, ch)) {
		l->barred_ns = c->now + backoff_ns(c, ++l->deletions, settle_ns, deleted_most_ns);
		return;
	}
	if (tunnel_binds_cpus(t) && l->index && ch->read_ns >= l->active_ns + 2 * c->nic.counter_poll_ns) {
		lane_rests(l);
		return;
	}
	l->barred_ns = c->now + backoff_ns(c, ++l->deletions, deleted_first_ns, deleted_most_ns);
	l->by_traffic = l->index && tunnel_on_demand(t);
}

void lane_lost(struct ctl_lane *l, const struct ctl_child *ch, enum ike_down why, uint16_t notify)
{
	struct ctl_tunnel *t = l->tunnel;
	struct controller *c = t->c;

	l->asked_ns = 0;
	if (ch->expired || ch->lost) {
		l->failures = 0;
		l->retry_ns = 0;
	} else if (ch->idle) {
		lane_idled(l);
	} else if (why == IKE_DOWN_PEER) {
		lane_deleted(l, ch);
	} else if (ch->terminated) {
		l->barred_ns = c->now + deleted_first_ns;
		l->by_traffic = l->index && tunnel_on_demand(t);
	} else if (why == IKE_DOWN_LOCAL) {
		l->by_traffic = l->index && tunnel_on_demand(t); /* withdrawn, or one more than needed */
	} else if (why == IKE_DOWN_IKE_SA && t->n_up) {          /* there is another IKE SA */
		l->failures = 0;
		lanes_unsettle(t);
	} else {
		l->failures++;
		l->retry_ns = c->now + backoff_ns(c, l->failures, lane_first_ns, lane_most_ns);
		if (l->index && why == IKE_DOWN_REFUSED && !is_passing(notify))
			lane_refused(l, notify);
	}
}
