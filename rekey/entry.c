/* SPDX-License-Identifier: MIT */
#include "rekey/entry.h"

static const double ns_per_s = 1e9;

/* Beyond this a count that does not move means that nothing is sent; up to this it may only be late. */
static const uint64_t lag_ns = 2000000000u;

/* Time constants: quick to believe in more traffic, slow to believe in less; slower still to forget a burst. */
static const uint64_t rise_ns = 1000000000u, fall_ns = 10000000000u, peak_fall_ns = 60000000000u;

/* What is measured over less than this is not all of the truth: a young SA's rate follows it only in part. */
static const uint64_t young_rise_ns = 100000000u, young_fall_ns = 1000000000u;

/* A peak is over at least this: counts that a card brings up to date once a second come in lumps. */
static const uint64_t peak_least_ns = 1000000000u;

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

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How much of the way from an estimate of time constant tau_ns to a sample over dt_ns. */
static float weight(uint64_t dt_ns, uint64_t tau_ns)
{
	return (float)dt_ns / ((float)dt_ns + (float)tau_ns);
}

/*
 * measured_ns: for how long this SA has been measured before. Up to the time constant the weights are those of a plain
 * mean, in which the rate it began with counts as young_*_ns of measurement.
 */
static void rate_take(float *rate, float *peak, uint64_t delta, uint64_t dt_ns, uint64_t measured_ns)
{
	float sample = (float)((double)delta * ns_per_s / (double)dt_ns);
	float lump = (float)((double)delta * ns_per_s / (double)(dt_ns < peak_least_ns ? peak_least_ns : dt_ns));
	bool first = *rate <= 0;
	uint64_t tau = sample > *rate ? least(rise_ns, add_sat(measured_ns, young_rise_ns))
				      : least(fall_ns, add_sat(measured_ns, young_fall_ns));

	if (lump > *rate && !first)
		lump += lump - *rate;
	*rate += (sample - *rate) * weight(dt_ns, tau);
	*peak -= *peak * weight(dt_ns, peak_fall_ns);
	if (*peak < lump)
		*peak = lump;
	if (*peak < *rate)
		*peak = *rate;
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
	rate_take(&e->byte_rate, &e->byte_peak, db, dt, since(e->born_ns, e->counted_ns));
	rate_take(&e->packet_rate, &e->packet_peak, dp, dt, since(e->born_ns, e->counted_ns));
	e->counted_ns = now;
	return true;
}

/* One dimension of an entry, at a time. */
struct dimension {
	enum rekey_reason reason;
	uint64_t used; /* count or age, extended to now */
	uint64_t soft, hard;
	float rate, peak; /* a second */
};

enum { DIMENSIONS = 3 };

/*
 * A count as it may be by now. However fast it was, not more than an eighth of the limit is made up: otherwise a short
 * life would end, again and again, with traffic that never came.
 */
static uint64_t extended(uint64_t count, float rate, uint64_t age_ns, uint64_t soft)
{
	uint64_t more = to_u64((double)rate * (double)least(age_ns, lag_ns) / ns_per_s);

	return add_sat(count, least(more, soft / 8));
}

static void dimensions_get(const struct rekey_entry *e, uint64_t now, struct dimension d[static DIMENSIONS])
{
	const struct rekey_limits *l = &e->limits;
	uint64_t age = since(e->counted_ns, now);

	d[0] = (struct dimension){.reason = REKEY_BYTES,
				  .used = extended(e->bytes, e->byte_rate, age, l->soft_bytes),
				  .soft = l->soft_bytes,
				  .hard = l->hard_bytes,
				  .rate = e->byte_rate,
				  .peak = e->byte_peak};
	d[1] = (struct dimension){.reason = REKEY_PACKETS,
				  .used = extended(e->packets, e->packet_rate, age, l->soft_packets),
				  .soft = l->soft_packets,
				  .hard = l->hard_packets,
				  .rate = e->packet_rate,
				  .peak = e->packet_peak};
	d[2] = (struct dimension){
		.reason = REKEY_TIME, .used = since(e->born_ns, now), .soft = l->soft_ns, .hard = l->hard_ns};
}

/* What is added to a dimension within ns at this rate. */
static uint64_t amount(const struct dimension *d, float rate, uint64_t ns)
{
	return d->reason == REKEY_TIME ? ns : to_u64((double)rate * (double)ns / ns_per_s);
}

static uint64_t ns_until(const struct dimension *d, uint64_t limit, float rate)
{
	if (limit == REKEY_INF)
		return UINT64_MAX;
	if (d->used >= limit)
		return 0;
	if (d->reason == REKEY_TIME)
		return limit - d->used;
	if (rate <= 0)
		return UINT64_MAX;
	return add_sat(to_u64((double)(limit - d->used) / (double)rate * ns_per_s), 1);
}

/*
 * Where this dimension alone makes the entry due: at soft, or earlier where a replacement that takes replace_ns would
 * otherwise end past hard; but an SA is not given up in the first half of its life for that.
 */
static uint64_t due_count(const struct dimension *d, uint64_t replace_ns)
{
	uint64_t margin, early;

	if (d->hard == REKEY_INF)
		return d->soft;
	margin = amount(d, d->peak, replace_ns);
	early = d->hard > margin ? d->hard - margin : 0;
	if (d->soft == REKEY_INF)
		return early;
	if (early < d->soft / 2)
		early = d->soft / 2;
	return least(early, d->soft);
}

enum rekey_reason rekey_entry_reason(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now)
{
	struct dimension d[DIMENSIONS];

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++) {
		uint64_t due = due_count(&d[i], replace_ns);

		if (due != REKEY_INF && d[i].used >= due)
			return d[i].reason;
	}
	return REKEY_NONE;
}

uint64_t rekey_entry_due_at(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now)
{
	struct dimension d[DIMENSIONS];
	uint64_t ns = UINT64_MAX;

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++)
		ns = least(ns, ns_until(&d[i], due_count(&d[i], replace_ns), d[i].rate));
	return add_sat(now, ns);
}

bool rekey_entry_due_by(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now, uint64_t at)
{
	struct dimension d[DIMENSIONS];

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++) {
		uint64_t due = due_count(&d[i], replace_ns);

		if (due != REKEY_INF && add_sat(d[i].used, amount(&d[i], d[i].rate, at - now)) >= due)
			return true;
	}
	return false;
}

enum horizon { TO_SOFT, TO_HARD, TO_HARD_AT_PEAK };

/* Of the dimension that comes first. */
static uint64_t nearest(const struct rekey_entry *e, enum horizon horizon, uint64_t now)
{
	struct dimension d[DIMENSIONS];
	uint64_t ns = UINT64_MAX;

	dimensions_get(e, now, d);
	for (int i = 0; i < DIMENSIONS; i++)
		ns = least(ns, ns_until(&d[i], horizon == TO_SOFT ? d[i].soft : d[i].hard,
					horizon == TO_HARD_AT_PEAK ? d[i].peak : d[i].rate));
	return ns;
}

uint64_t rekey_entry_urgency(const struct rekey_entry *e, uint64_t now)
{
	return nearest(e, TO_HARD_AT_PEAK, now);
}

uint64_t rekey_entry_to_hard(const struct rekey_entry *e, uint64_t now)
{
	return nearest(e, TO_HARD, now);
}

uint64_t rekey_entry_to_soft(const struct rekey_entry *e, uint64_t now)
{
	return nearest(e, TO_SOFT, now);
}

struct rekey_margin rekey_entry_margin(const struct rekey_entry *e, uint64_t ns)
{
	return (struct rekey_margin){
		.bytes = to_u64((double)e->byte_peak * (double)ns / ns_per_s),
		.packets = to_u64((double)e->packet_peak * (double)ns / ns_per_s),
		.ns = ns,
	};
}

void rekey_entry_inherit(struct rekey_entry *e, const struct rekey_entry *old)
{
	e->byte_rate = old->byte_rate;
	e->packet_rate = old->packet_rate;
	e->byte_peak = old->byte_peak;
	e->packet_peak = old->packet_peak;
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

enum rekey_reason rekey_entry_foremost(const struct rekey_entry *e, uint64_t now, double *wear)
{
	double bytes = share(e->bytes, e->limits.soft_bytes), packets = share(e->packets, e->limits.soft_packets);
	double age = share(since(e->born_ns, now), e->limits.soft_ns);

	*wear = most(bytes, packets, age);
	if (*wear <= bytes)
		return REKEY_BYTES;
	return *wear <= packets ? REKEY_PACKETS : REKEY_TIME;
}

double rekey_entry_wear_hard(const struct rekey_entry *e, uint64_t now)
{
	const struct rekey_limits *l = &e->limits;

	return most(share(e->bytes, l->hard_bytes), share(e->packets, l->hard_packets),
		    share(since(e->born_ns, now), l->hard_ns));
}

double rekey_entry_wear_soft(const struct rekey_entry *e, uint64_t now)
{
	double wear;

	rekey_entry_foremost(e, now, &wear);
	return wear;
}

static const char *const reason_names[] = {
	[REKEY_NONE] = "none", [REKEY_BYTES] = "bytes", [REKEY_PACKETS] = "packets",
	[REKEY_TIME] = "time", [REKEY_CARD] = "card",   [REKEY_ASKED] = "asked",
};

const char *rekey_reason_name(enum rekey_reason reason)
{
	return reason_names[reason];
}
