/* SPDX-License-Identifier: MIT */
#include "rekey/rekey.h"

static const double ns_per_s = 1e9;

/* The smallest Ethernet frame; no ESP packet is smaller on the wire. */
enum { PACKET_LEAST = 64 };

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t left(uint64_t used, uint64_t limit)
{
	return limit > used ? limit - used : 0;
}

/* ns that `count` more take at this rate; UINT64_MAX: never, or there is no limit. */
static uint64_t ns_for(uint64_t count, uint64_t limit, double rate)
{
	double ns;

	if (limit == REKEY_INF || rate <= 0)
		return UINT64_MAX;
	ns = (double)count / rate * ns_per_s;
	return ns >= 0x1p64 ? UINT64_MAX : (uint64_t)ns;
}

/* From the last reading: how long until the nearest soft limit at the peak rate. */
static uint64_t soft_at_peak(const struct rekey_entry *e)
{
	const struct rekey_limits *l = &e->limits;

	return least(ns_for(left(e->bytes, l->soft_bytes), l->soft_bytes, (double)e->byte_peak),
		     ns_for(left(e->packets, l->soft_packets), l->soft_packets, (double)e->packet_peak));
}

/* From the last reading: how long until the nearest hard limit if all of the line were this SA's from now on. */
static uint64_t hard_at_line(const struct rekey_entry *e, const struct rekey_reading *r)
{
	const struct rekey_limits *l = &e->limits;
	double packets = r->line_rate / (r->packet_least ? r->packet_least : PACKET_LEAST);

	return least(ns_for(left(e->bytes, l->hard_bytes), l->hard_bytes, r->line_rate),
		     ns_for(left(e->packets, l->hard_packets), l->hard_packets, packets));
}

static bool counts_bound(const struct rekey_limits *l)
{
	return l->hard_bytes != REKEY_INF || l->hard_packets != REKEY_INF || l->soft_bytes != REKEY_INF ||
	       l->soft_packets != REKEY_INF;
}

uint64_t rekey_entry_read_at(const struct rekey_entry *e, const struct rekey_reading *r, uint64_t replace_ns,
			     uint64_t now)
{
	uint64_t gap = least(soft_at_peak(e) / 2, r->max_gap_ns), burst;

	if (!r->card_events && counts_bound(&e->limits)) {
		burst = r->line_rate > 0 ? hard_at_line(e, r) : 0;
		gap = least(gap, burst > replace_ns ? burst - replace_ns : 0);
	}
	if (gap < r->poll_ns)
		gap = r->poll_ns;
	return now > UINT64_MAX - gap ? UINT64_MAX : now + gap;
}
