/* SPDX-License-Identifier: MIT */
/*
 * How long a replacement of ours takes, as measured: from the reservation of its slots until the new outbound SA is in
 * the card; with each peer, because what differs is the round trip. Estimated as TCP does the round trip (RFC 6298 2):
 * the mean and four times the mean deviation, so that a retransmission now and then is within it.
 */
#include "ctl/controller_internal.h"

/* Before anything was measured: round trips and two installs. */
static const uint64_t exchange_ns = 250000000u;

enum { MEAN_PART = 8, DEVIATION_PART = 4, DEVIATIONS = 4 };

static void pace_add(struct ctl_pace *p, uint64_t ns)
{
	uint64_t off = ns > p->mean_ns ? ns - p->mean_ns : p->mean_ns - ns;

	if (!p->known) {
		*p = (struct ctl_pace){.known = true, .mean_ns = ns, .deviation_ns = ns / 2};
		return;
	}
	p->deviation_ns += off / DEVIATION_PART - p->deviation_ns / DEVIATION_PART;
	p->mean_ns += ns / MEAN_PART - p->mean_ns / MEAN_PART;
}

static uint64_t pace_ns(const struct ctl_pace *p)
{
	return p->known ? p->mean_ns + DEVIATIONS * p->deviation_ns : exchange_ns;
}

uint64_t pace_exchange_ns(const struct controller *c, const struct ctl_peer *p)
{
	return pace_ns(p && p->pace.known ? &p->pace : &c->pace);
}

uint64_t pace_replace_ns(const struct controller *c, const struct ctl_peer *p)
{
	return c->nic.counter_poll_ns + pace_exchange_ns(c, p);
}

void pace_began(struct ctl_child *ch)
{
	ch->began_ns = ch->c->now;
}

void pace_installed(struct ctl_child *ch)
{
	uint64_t ns = ch->c->now - ch->began_ns;

	if (!ch->began_ns)
		return;
	ch->began_ns = 0;
	pace_add(&ch->c->pace, ns);
	if (ch->peer)
		pace_add(&ch->peer->pace, ns);
	for (unsigned int i = 0; i < CTL_SCHEDS; i++)
		rekey_sched_replace_set(ch->c->sched[i], pace_replace_ns(ch->c, NULL));
}

/* ---- how many at once ---- */

uint64_t pace_let_go_ns(const struct controller *c)
{
	return c->nic.let_go_ns ? c->nic.let_go_ns : c->profile->let_go_ms * ms_ns;
}

static uint32_t in_service(const struct controller *c, enum ctl_sched sched)
{
	struct rekey_counters n;

	rekey_sched_counters(c->sched[sched], &n);
	return n.watched + n.due + n.running;
}

static uint32_t pool_beyond(const struct controller *c, unsigned int pool, uint32_t used)
{
	struct slots_count n;

	slots_count_get(c->slots, pool, &n);
	return n.size > used ? n.size - used : 0;
}

/* SAs that fit into the card besides those in service, in the pools as slots_make() has them. */
static uint32_t servers(const struct controller *c, enum ctl_sched sched)
{
	uint32_t own = in_service(c, sched), all = in_service(c, SCHED_SLOTS) + in_service(c, SCHED_SLOTS_IPV6), in,
		 out;

	if (c->profile->shared)
		return pool_beyond(c, 0, 2 * all) / 2;
	in = pool_beyond(c, sched == SCHED_SLOTS_IPV6 ? 1 : 0, own);
	out = pool_beyond(c, slots_pools(c->slots) - 1, all);
	return in < out ? in : out;
}

void pace_tell(struct controller *c)
{
	if (!c->turn.known || !c->policy->budget)
		return;
	for (enum ctl_sched i = SCHED_SLOTS; i < CTL_SCHEDS; i++)
		rekey_sched_servers_set(c->sched[i], servers(c, i), c->turn.mean_ns);
}

void pace_left(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	if (ch->doubled_ns && ch->replacement) {
		pace_add(&c->turn, c->now - ch->doubled_ns + pace_let_go_ns(c));
		pace_tell(c);
	}
	ch->doubled_ns = 0;
}
