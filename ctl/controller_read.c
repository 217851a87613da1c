/* SPDX-License-Identifier: MIT */
/*
 * When the counters of each SA are read. A dump of all of them every second is out of the question with a million
 * SAs, and most are far from any limit, so each Child SA is read when its own counts make it worth it:
 *
 *  - halfway to its soft limit at its peak rate (rekey_entry_read_at), so at the poll period when it comes close;
 *  - after half the time in which it would reach its hard limit if, from this moment on, it ran as fast as the fastest
 *    SA that was ever seen here, because a silent SA may do that. So it does not matter for a key's life whether the
 *    card raises events, and whether one gets lost: with them the soft limit is only seen earlier.
 *  - not seldom while it is young: what was seen of it says less. The gap is at most its age.
 *  - one that per_cpu_idle is about, or whose traffic brings idle queues back, twice in that time.
 *  - the one on which a peer was seen last, twice in the time after which its silence is asked about (DPD).
 *  - one that has just replaced another, often, for a moment: whether traffic has moved decides when the other goes.
 *  - one that somebody looks at, at the poll period.
 *
 * The gap is never shorter than the poll period (but for the moment after a replacement) nor longer than gap_most(). In
 * each poll period one SA is read at least, so that a card that has lost all of them is found out as soon. A bounded
 * number of questions is under way, so that installs are not kept waiting behind them.
 */
#include <errno.h>

#include "ctl/controller_internal.h"

enum {
	READS_MAX = 16,    /* under way, of xfrm.h's XFRM_WINDOW */
	HARD_SHARE = 2,    /* read after one part in so many of the time to hard at the highest rate */
	SILENCE_SHARE = 2, /* ... of the DPD delay */
	CHECK_SHARE = 4,   /* read after one part in so many of its age */
};

/* A new one is read no sooner. Its first traffic comes after the path's delay, and is noticed a part of that later. */
static const uint64_t check_ns = 5000000u;
/*
 * The longest gap, if not configured: as few SAs are, they are read at the poll period; with many, so seldom that it
 * makes 100 a second; but not more seldom than every ten seconds as long as that makes no more than 2000 a second.
 */
static const uint64_t gap_lively_ns = 10000000u, gap_most_ns = 10000000000u, gap_busy_ns = 500000u;

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- when ---- */

static uint64_t gap_most(const struct controller *c)
{
	uint64_t ns = least(c->n_installed * gap_lively_ns, most(gap_most_ns, c->n_installed * gap_busy_ns));

	return most(c->nic.counter_gap_ns ? c->nic.counter_gap_ns : ns, c->nic.counter_poll_ns);
}

/* ns in which `limit` is reached from `used` at so many a second. */
static uint64_t ns_to(uint64_t used, uint64_t limit, double rate)
{
	double ns;

	if (limit == REKEY_INF || rate <= 0)
		return UINT64_MAX;
	if (used >= limit)
		return 0;
	ns = (double)(limit - used) / rate * (double)second_ns;
	return ns >= 0x1p63 ? UINT64_MAX : (uint64_t)ns;
}

static uint64_t to_hard_at_top(const struct ctl_half *h, const struct rekey_limits *l)
{
	const struct controller *c = h->child->c;

	if (h->state != HALF_INSTALLED)
		return UINT64_MAX;
	if (!h->limits_in_card && c->top_byte_rate <= 0)
		return 0; /* nothing was ever seen here, and nobody will tell when it begins */
	return least(ns_to(h->bytes, l->hard_bytes, c->top_byte_rate),
		     ns_to(h->packets, l->hard_packets, c->top_packet_rate));
}

static uint64_t gap_silence(const struct ctl_child *ch)
{
	uint64_t dpd = ch->peer ? ch->peer->conn->cfg->dpd_delay_ns : 0;

	return dpd && ch->peer->seen_on == ch->id ? dpd / SILENCE_SHARE : UINT64_MAX;
}

static uint64_t gap(const struct ctl_child *ch)
{
	const struct controller *c = ch->c;
	uint64_t poll = c->nic.counter_poll_ns, ns;
	struct rekey_reading reading = {.poll_ns = poll, .max_gap_ns = gap_most(c), .card_events = true};

	if (child_is_checked(ch))
		return least(most((c->now - ch->installed_ns) / CHECK_SHARE, check_ns), poll);
	if (!ch->read_ns || !ch->want_out)
		return poll; /* its rate is not known; or what comes in on it is the sign to send on it */
	ns = rekey_entry_read_at(&ch->entry, &reading, 0, c->now) - c->now;
	ns = least(ns, to_hard_at_top(&ch->in, &ch->limits_in) / HARD_SHARE);
	ns = least(ns, to_hard_at_top(&ch->out, &ch->limits) / HARD_SHARE);
	ns = least(ns, gap_silence(ch));
	ns = least(ns, lane_gap_ns(ch));
	ns = least(ns, c->now - ch->installed_ns);
	return least(most(ns, poll), gap_most(c));
}

static void read_at(struct ctl_child *ch, uint64_t at)
{
	if (heap_set(&ch->c->reads, &ch->read, at))
		log_at(ch->c->log, LOG_LEVEL_ERROR, "controller.memory",
		       "%s: no memory to read the counters of Child SA %u", ch->tunnel->name, ch->id);
}

void read_plan(struct ctl_child *ch)
{
	if (ch->up && !ch->down && ch->watched && !ch->reading)
		read_at(ch, ch->c->now + gap(ch));
}

void read_soon(struct ctl_child *ch)
{
	uint64_t at = ch->read_ns + ch->c->nic.counter_poll_ns;

	if (heap_has(&ch->read) && ch->read.key > at)
		read_at(ch, at);
}

void read_stop(struct ctl_child *ch)
{
	heap_remove(&ch->c->reads, &ch->read);
}

/* ---- reading ---- */

static void child_read_end(struct ctl_child *ch)
{
	if (--ch->reading)
		return;
	ch->c->reading--;
	ch->read_ns = ch->c->now;
	if (ch->down)
		child_release(ch);
	else
		lane_read(ch);
	read_plan(ch);
}

static void half_read(struct ctl_half *h, const struct xfrm_result *result, const struct xfrm_sa_counts *counts)
{
	struct controller *c = h->child->c;

	if (c->freeing)
		return;
	if (!result->err)
		rekey_counts(h, counts);
	else if (result->err == -ESRCH && h->state == HALF_INSTALLED &&
		 !c->sweep) /* and perhaps it is not the only one */
		resync_wanted(c, "an SA is not in the card any more");
	child_read_end(h->child);
}

static void read_done(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts)
{
	half_read(ctx, result, counts);
}

static void half_ask(struct ctl_half *h)
{
	struct ctl_child *ch = h->child;

	if (h->state != HALF_INSTALLED)
		return;
	ch->reading++;
	if (xfrm_sa_get(ch->c->xfrm, &h->id, read_done, h))
		ch->reading--;
}

static void child_read(struct ctl_child *ch)
{
	ch->c->reading++;
	ch->c->read_ns = ch->c->now;
	ch->reading = 1; /* so that an answer that comes at once does not end it */
	rekey_entry_prefetch(&ch->entry);
	half_ask(&ch->in);
	half_ask(&ch->out);
	child_read_end(ch);
}

uint64_t read_next(const struct controller *c)
{
	const struct heap_node *n = heap_first(&c->reads);

	if (!n || c->reading >= READS_MAX || c->closed)
		return UINT64_MAX;
	return least(n->key, c->read_ns + c->nic.counter_poll_ns);
}

void read_run(struct controller *c)
{
	while (read_next(c) <= c->now) {
		struct heap_node *n = heap_first(&c->reads);

		heap_remove(&c->reads, n);
		child_read(heap_entry(n, struct ctl_child, read));
	}
}

/* ---- the last time ---- */

static void last_done(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts)
{
	struct ctl_half *h = ctx;

	if (h->child->c->freeing)
		return;
	h->child->parting--;
	if (!result->err)
		rekey_counts(h, counts);
	child_release(h->child);
}

void read_last(struct ctl_half *h)
{
	h->child->parting++;
	if (xfrm_sa_get(h->child->c->xfrm, &h->id, last_done, h))
		h->child->parting--;
}
