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
