/* SPDX-License-Identifier: MIT */
#include "rekey/entry.h"

static const double ns_per_s = 1e9;

/* Beyond this a count that does not move means that nothing is sent; up to this it may only be late. */
static const uint64_t lag_ns = 2000000000u;

/* Time constants of the smoothed rate: quick to believe in more traffic, slow to believe in less. */
static const uint64_t rise_ns = 1000000000u, fall_ns = 10000000000u;

static uint64_t add_sat(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* To ns or a count; what does not fit is UINT64_MAX. */
static uint64_t to_u64(double x)
{
	return x >= 0x1p64 ? UINT64_MAX : (uint64_t)x;
}

static uint64_t since(uint64_t then, uint64_t now)
{
	return now > then ? now - then : 0;
}

static double rate_smooth(double rate, uint64_t delta, uint64_t dt)
{
	double sample = (double)delta * ns_per_s / (double)dt;
	double tau = (double)(sample > rate ? rise_ns : fall_ns);

	return rate + (sample - rate) * (double)dt / ((double)dt + tau);
}

bool rekey_entry_count(struct rekey_entry *e, uint64_t bytes, uint64_t packets, uint64_t now)
{
	uint64_t db = bytes > e->bytes ? bytes - e->bytes : 0;
	uint64_t dp = packets > e->packets ? packets - e->packets : 0;
	uint64_t dt = since(e->counted_ns, now);

	if (!db && !dp && dt < lag_ns)
		return false;
	e->bytes += db;
	e->packets += dp;
	if (!dt)
		return true; /* the rate follows when time has passed */
	e->byte_rate = rate_smooth(e->byte_rate, db, dt);
	e->packet_rate = rate_smooth(e->packet_rate, dp, dt);
	e->counted_ns = now;
	return true;
}

/* One dimension of an entry, at a time. */
struct dimension {
	enum rekey_reason reason;
	uint64_t used; /* count or age, extended to now */
	uint64_t soft, hard;
	double rate; /* a second */
};

enum { DIMENSIONS = 3 };

/*
 * A count as it may be by now. However fast it was, not more than an eighth of the limit is made up: otherwise a short
 * life would end, again and again, with traffic that never came.
 */
static uint64_t extended(uint64_t count, double rate, uint64_t age_ns, uint64_t soft)
{
	uint64_t more = to_u64(rate * (double)(age_ns < lag_ns ? age_ns : lag_ns) / ns_per_s);

	return add_sat(count, more < soft / 8 ? more : soft / 8);
}

static void dimensions_get(const struct rekey_entry *e, uint64_t now, struct dimension d[static DIMENSIONS])
{
	const struct rekey_limits *l = &e->limits;
	uint64_t age = since(e->counted_ns, now);

	d[0] = (struct dimension){REKEY_BYTES, extended(e->bytes, e->byte_rate, age, l->soft_bytes), l->soft_bytes,
				  l->hard_bytes, e->byte_rate};
	d[1] = (struct dimension){REKEY_PACKETS, extended(e->packets, e->packet_rate, age, l->soft_packets),
				  l->soft_packets, l->hard_packets, e->packet_rate};
	d[2] = (struct dimension){REKEY_TIME, since(e->born_ns, now), l->soft_ns, l->hard_ns, ns_per_s};
}

static uint64_t ns_until(const struct dimension *d, uint64_t limit)
{
	if (limit == REKEY_INF)
		return UINT64_MAX;
	if (d->used >= limit)
		return 0;
	if (d->reason == REKEY_TIME)
		return limit - d->used;
	if (d->rate <= 0)
		return UINT64_MAX;
	return add_sat(to_u64((double)(limit - d->used) / d->rate * ns_per_s), 1);
}

/* ns until this dimension alone makes the entry due. */
static uint64_t ns_until_due(const struct dimension *d, uint64_t replace_ns)
{
	uint64_t soft = ns_until(d, d->soft), hard = ns_until(d, d->hard), early;

	if (hard == UINT64_MAX)
		return soft;
	early = hard > replace_ns ? hard - replace_ns : 0;
	if (d->soft == REKEY_INF)
		return early;
	if (early < soft) {
		uint64_t half = ns_until(d, d->soft / 2);

		return early > half ? early : half;
	}
	return soft;
}

enum rekey_reason rekey_entry_reason(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now)
{
	struct dimension d[DIMENSIONS];

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++)
		if (!ns_until_due(&d[i], replace_ns))
			return d[i].reason;
	return REKEY_NONE;
}

uint64_t rekey_entry_due_at(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now)
{
	struct dimension d[DIMENSIONS];
	uint64_t least = UINT64_MAX;

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++) {
		uint64_t ns = ns_until_due(&d[i], replace_ns);

		least = ns < least ? ns : least;
	}
	return add_sat(now, least);
}

uint64_t rekey_entry_to_hard(const struct rekey_entry *e, uint64_t now)
{
	struct dimension d[DIMENSIONS];
	uint64_t least = UINT64_MAX;

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++) {
		uint64_t ns = ns_until(&d[i], d[i].hard);

		least = ns < least ? ns : least;
	}
	return least;
}

uint64_t rekey_entry_to_soft(const struct rekey_entry *e, uint64_t now)
{
	struct dimension d[DIMENSIONS];
	uint64_t least = UINT64_MAX;

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++) {
		uint64_t ns = ns_until(&d[i], d[i].soft);

		least = ns < least ? ns : least;
	}
	return least;
}

static double share(uint64_t used, uint64_t limit)
{
	return limit == REKEY_INF || !limit ? 0 : (double)used / (double)limit;
}

static double most(double a, double b, double c)
{
	double ab = a > b ? a : b;

	return ab > c ? ab : c;
}

double rekey_entry_wear_hard(const struct rekey_entry *e, uint64_t now)
{
	const struct rekey_limits *l = &e->limits;

	return most(share(e->bytes, l->hard_bytes), share(e->packets, l->hard_packets),
		    share(since(e->born_ns, now), l->hard_ns));
}

double rekey_entry_wear_soft(const struct rekey_entry *e, uint64_t now)
{
	const struct rekey_limits *l = &e->limits;

	return most(share(e->bytes, l->soft_bytes), share(e->packets, l->soft_packets),
		    share(since(e->born_ns, now), l->soft_ns));
}

static const char *const reason_names[] = {
	[REKEY_NONE] = "none", [REKEY_BYTES] = "bytes", [REKEY_PACKETS] = "packets",
	[REKEY_TIME] = "time", [REKEY_CARD] = "card",   [REKEY_ASKED] = "asked",
};

const char *rekey_reason_name(enum rekey_reason reason)
{
	return reason_names[reason];
}
