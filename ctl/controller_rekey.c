/* SPDX-License-Identifier: MIT */
/* Between the scheduler, the card's counts and events, and the engine. */
#include <errno.h>
#include <string.h>

#include "ctl/controller_internal.h"

struct rekey_sched *sched_of(const struct ctl_child *ch)
{
	return ch->c->sched[ch->sched];
}

static enum ctl_sched sched_choose(const struct ctl_child *ch)
{
	const struct ctl_tunnel *t = ch->tunnel;

	if (t->mode[SLOTS_IN] == OFFLOAD_SOFTWARE && t->mode[SLOTS_OUT] == OFFLOAD_SOFTWARE)
		return SCHED_SOFTWARE;
	return ch->c->profile->in_per_family && child_family(ch) == SLOTS_IPV6 ? SCHED_SLOTS_IPV6 : SCHED_SLOTS;
}

void rekey_watch(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	if (ch->watched)
		return;
	ch->sched = sched_choose(ch);
	if (rekey_sched_add(sched_of(ch), &ch->entry, &ch->limits, c->now)) {
		log_at(c->log, LOG_LEVEL_ERROR, "controller.memory", "%s: no memory to watch Child SA %u",
		       ch->tunnel->name, ch->id);
		return;
	}
	ch->watched = true;
	pace_tell(c);
	if (ch->replaces)
		rekey_sched_inherit(sched_of(ch), &ch->entry, &ch->replaces->entry, c->now);
	if (!ch->installed_ns)
		ch->installed_ns = c->now;
	read_plan(ch);
	if (ch->lost)
		rekey_ask(ch);
}

void rekey_unwatch(struct ctl_child *ch)
{
	if (!ch->watched)
		return;
	ch->watched = false;
	read_stop(ch);
	rekey_sched_remove(sched_of(ch), &ch->entry);
}

void rekey_ask(struct ctl_child *ch)
{
	if (ch->watched)
		rekey_sched_want(sched_of(ch), &ch->entry, REKEY_ASKED, ch->c->now);
}

/* ---- starting ---- */

/* Replacements that fit on top of those under way. A pool for both directions gives two slots to each. */
static uint32_t budget(const struct controller *c, enum ctl_sched sched)
{
	enum slots_family family = sched == SCHED_SLOTS_IPV6 ? SLOTS_IPV6 : SLOTS_IPV4;
	uint32_t in, out;

	if (sched == SCHED_SOFTWARE || !c->policy->budget)
		return UINT32_MAX;
	in = slots_room(c->slots, SLOTS_IN, family, SLOTS_FOR_REPLACEMENT);
	out = slots_room(c->slots, SLOTS_OUT, family, SLOTS_FOR_REPLACEMENT);
	if (c->profile->shared)
		in /= 2;
	in = in < out ? in : out;
	return in > wait_kept(c) ? in - wait_kept(c) : 0;
}

static void rekey_begin(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	enum rekey_reason reason = (enum rekey_reason)ch->entry.reason;
	int err;

	child_hurry(ch);
	err = ike_child_rekey(c->ike, c->now, ch->id, NULL);
	if (!err) {
		log_at(c->log, LOG_LEVEL_INFO, "rekey.start", "%s: Child SA %u is being replaced (%s)",
		       ch->tunnel->name, ch->id, rekey_reason_name(reason));
		return;
	}
	if (err == -EALREADY && ch->running)
		return; /* the peer does it: the end of that exchange ends this one */
	rekey_sched_done(sched_of(ch), &ch->entry, false, c->now);
	if (err == -EALREADY || err == -EAGAIN)
		c->counters.retries++;
	else
		log_at(c->log, LOG_LEVEL_WARN, "rekey.start", "%s: Child SA %u cannot be replaced now: %s",
		       ch->tunnel->name, ch->id, strerror(-err));
}

void rekey_run(struct controller *c)
{
	for (unsigned int i = 0; i < CTL_SCHEDS; i++) {
		enum ctl_sched sched = (enum ctl_sched)((c->sched_first + i) % CTL_SCHEDS);
		struct rekey_entry *e;

		while (!c->stopping && (e = rekey_sched_start(c->sched[sched], budget(c, sched), c->now)))
			rekey_begin(heap_entry(e, struct ctl_child, entry));
	}
	c->sched_first =
		(c->sched_first + 1) % CTL_SCHEDS; /* tables for both families: not always the same one first */
}

/* ---- counts and events ---- */

static uint64_t beyond(uint64_t count, uint64_t allowance)
{
	return count > allowance ? count - allowance : 0;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * The scheduler sees one count per pair: what we sent, or what we received beyond what the peer may send before it must
 * have started a rekey itself, so that our inbound soft limit counts as our soft limit.
 */
static void counts_feed(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	uint64_t bytes = beyond(ch->in.bytes, beyond(ch->limits_in.soft_bytes, ch->limits.soft_bytes));
	uint64_t packets = beyond(ch->in.packets, beyond(ch->limits_in.soft_packets, ch->limits.soft_packets));

	rekey_sched_count(sched_of(ch), &ch->entry, most(bytes, ch->out.bytes), most(packets, ch->out.packets), c->now);
	if (ch->entry.byte_rate > c->top_byte_rate)
		c->top_byte_rate = ch->entry.byte_rate;
	if (ch->entry.packet_rate > c->top_packet_rate)
		c->top_packet_rate = ch->entry.packet_rate;
}

/* An SA whose limits the card does not keep may have run past them. */
static bool past_hard(const struct ctl_half *h)
{
	const struct ctl_child *ch = h->child;
	const struct rekey_limits *l = h->out ? &ch->limits : &ch->limits_in;

	return !h->limits_in_card && (h->bytes >= l->hard_bytes || h->packets >= l->hard_packets);
}

/* Nothing may use it any more; a new one is made by tunnel_child_down(). */
static void hard_expired(struct ctl_half *h)
{
	struct ctl_child *ch = h->child;
	struct controller *c = ch->c;

	c->counters.hard_expired++;
	log_at(c->log, LOG_LEVEL_ERROR, "child.hard_expired",
	       "%s: %s SA %08x has reached its hard limit (%llu bytes, %llu packets)", ch->tunnel->name,
	       h->out ? "outbound" : "inbound", h->id.spi, (unsigned long long)h->bytes,
	       (unsigned long long)h->packets);
	half_remove(h); /* the kernel has done so; ESRCH says it */
	if (ch->replacement || ch->down)
		return;
	ch->expired = true;
	child_delete(ch);
}

/* Counts may come late, so never backwards. */
static void half_counted(struct ctl_half *h, uint64_t bytes, uint64_t packets)
{
	struct ctl_lane *l = h->child->lane;

	if (packets > h->packets)
		lane_carried(l, h->out);
	if (bytes > h->bytes) {
		l->bytes[h->out] += bytes - h->bytes;
		h->bytes = bytes;
	}
	if (packets > h->packets) {
		l->packets[h->out] += packets - h->packets;
		h->packets = packets;
	}
}

void rekey_counts(struct ctl_half *h, const struct xfrm_sa_counts *counts)
{
	struct ctl_child *ch = h->child;
	bool advanced = counts->packets > h->packets;

	half_counted(h, counts->bytes, counts->packets);
	if (h->out)
		lane_measure(ch->lane);
	h->use_time = counts->use_time;
	if (advanced && !h->out && ch->peer) {
		ch->peer->seen_on = ch->id;
		ike_sa_alive(ch->c->ike, ch->c->now, ch->peer->id);
	}
	if (advanced && !ch->down)
		child_carried(ch, h->out ? SLOTS_OUT : SLOTS_IN);
	if (h->state == HALF_INSTALLED && past_hard(h)) {
		hard_expired(h);
		return;
	}
	if (ch->watched)
		counts_feed(ch);
}

void rekey_expire(void *ctx, const struct xfrm_expire *e)
{
	struct controller *c = ctx;
	struct ctl_half *h = half_find(c, &e->id, true);
	struct ctl_child *ch;

	if (!h)
		h = half_find(c, &e->id, false);
	if (!h)
		return; /* it has gone meanwhile, or is somebody else's */
	ch = h->child;
	half_counted(h, e->bytes, e->packets);
	if (e->hard) {
		hard_expired(h);
		return;
	}
	c->counters.soft_events++;
	if (ch->watched) {
		counts_feed(ch);
		rekey_sched_want(sched_of(ch), &ch->entry, REKEY_CARD, c->now);
	}
}
