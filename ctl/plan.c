/* SPDX-License-Identifier: MIT */
#include "ctl/plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "ctl/plan_tail.h"
#include "offload/slots.h"
#include "rekey/policy.h"

static const uint64_t ms_ns = 1000000u;
static const double ns_per_s = 1e9;

enum {
	STRATA = 1 << 20, /* so finely a place in the soft band is named */
	WINDOWS = 200,    /* looked at, each longer than the one before */
};

static const double window_growth = 1.1, window_first = 0.25, window_longest_s = 1e7, hold_least_s = 1e-3;

void plan_ask_default(struct plan_ask *ask)
{
	*ask = (struct plan_ask){
		.reserve = UINT32_MAX,
		.rtt_ns = 10 * ms_ns,
		.poll_ns = 1000 * ms_ns,
		.install_ns = 5 * ms_ns, /* three requests to the card: two installs and what reads them back */
		.watch_ns = 50 * ms_ns,  /* controller_replace.c looks that often whether the new SA carries traffic */
		.drain_ns = 1000 * ms_ns,
		.retransmit_ns = 1000 * ms_ns, /* ike_settings_default() */
		.card_esn = true,
	};
}

const char *plan_limit_name(enum plan_limit limit)
{
	switch (limit) {
	case PLAN_LIMIT_NONE:
		return "none";
	case PLAN_LIMIT_BYTES:
		return "bytes";
	case PLAN_LIMIT_PACKETS:
		return "packets";
	case PLAN_LIMIT_TIME:
		return "time";
	}
	return "?";
}

static double seconds(uint64_t ns)
{
	return (double)ns / ns_per_s;
}

/* ---- one SA ---- */

/* A group with what is the same for all its SAs. */
struct share {
	const struct plan_group *g;
	uint32_t lanes;        /* SAs of a tunnel */
	double bytes, packets; /* a second, of an SA with traffic */
	double byte_peak, packet_peak;
	double margin_s; /* what the draw is told a replacement takes */
};

static struct share share_of(const struct plan_group *g, double margin_s)
{
	double with_traffic = (double)g->tunnels * (g->queues ? g->queues : 1);
	struct share s = {
		.g = g,
		.lanes = g->queues ? g->queues + 1 : 1,
		.bytes = g->byte_rate / with_traffic,
		.packets = g->packet_rate / with_traffic,
		.margin_s = margin_s,
	};

	s.byte_peak = fmax(s.bytes, g->byte_peak);
	s.packet_peak = fmax(s.packets, g->packet_peak);
	return s;
}

static uint64_t to_count(double x)
{
	return x >= 0x1p63 ? UINT64_MAX / 2 : (uint64_t)x;
}

/* The limits at a place in the soft range, 0 to 1, as the controller would draw them. 0 or -EINVAL. */
static int limits_at(const struct share *s, enum rekey_role role, double place, double margin_s,
		     struct rekey_limits *out)
{
	unsigned int stratum = place * STRATA < STRATA - 1 ? (unsigned int)(place * STRATA) : STRATA - 1;
	struct prng rng = prng_init(0); /* such a stratum has next to no width */

	const struct rekey_draw in = {
		.config = &s->g->limits,
		.ceiling = s->g->ceiling,
		.role = role,
		.margin = {to_count(s->byte_peak * margin_s), to_count(s->packet_peak * margin_s),
			   to_count(ns_per_s * margin_s)},
	};

	return rekey_policy_draw_part(rekey_policy_at(0), &in, stratum, STRATA, &rng, out);
}

static double count_s(uint64_t count, double rate)
{
	return count == REKEY_INF || !(rate > 0) ? INFINITY : (double)count / rate;
}

/* Age at which the first soft limit is reached; *limit: which. */
static double due_s(const struct rekey_limits *l, double byte_rate, double packet_rate, enum plan_limit *limit)
{
	double times[] = {
		[PLAN_LIMIT_NONE] = INFINITY,
		[PLAN_LIMIT_BYTES] = count_s(l->soft_bytes, byte_rate),
		[PLAN_LIMIT_PACKETS] = count_s(l->soft_packets, packet_rate),
		[PLAN_LIMIT_TIME] = count_s(l->soft_ns, ns_per_s),
	};

	*limit = PLAN_LIMIT_NONE;
	for (int i = PLAN_LIMIT_BYTES; i <= PLAN_LIMIT_TIME; i++)
		if (times[i] < times[*limit])
			*limit = (enum plan_limit)i;
	return times[*limit];
}

/* ---- one group ---- */

/* The ages at which the SAs of one lane of all tunnels come due. */
static int lane_span(const struct share *s, uint32_t lane, struct plan_span *out)
{
	bool idle = s->lanes > 1 && !lane; /* the fallback */
	enum plan_limit limit;

	*out = (struct plan_span){.n = s->g->tunnels};
	for (int end = 0; end < 2; end++) {
		double place = ((double)lane + end) / s->lanes;
		struct rekey_limits l;
		int err = limits_at(s, REKEY_ROLE_FIRST, place, s->margin_s, &l); /* it is the one that starts */

		if (err)
			return err;
		*(end ? &out->to_s : &out->from_s) = due_s(&l, idle ? 0 : s->bytes, idle ? 0 : s->packets, &limit);
	}
	return 0;
}

/* The least hard limit with room for `late` between soft and hard. */
static uint64_t safe_limit(uint64_t soft, uint64_t hard, double peak, double late_s)
{
	if (hard == REKEY_INF || !(peak > 0))
		return 0;
	return to_count(ceil(peak * late_s / ((double)(hard - soft) / (double)hard)));
}

static double slack_s(const struct share *s, const struct rekey_limits *l, double late_s)
{
	double bytes = l->hard_bytes == REKEY_INF ? INFINITY : count_s(l->hard_bytes - l->soft_bytes, s->byte_peak);
	double packets =
		l->hard_packets == REKEY_INF ? INFINITY : count_s(l->hard_packets - l->soft_packets, s->packet_peak);
	double age = l->hard_ns == REKEY_INF ? INFINITY : seconds(l->hard_ns - l->soft_ns);

	return fmin(fmin(bytes, packets), age) - late_s;
}

static bool from_ceiling(const struct plan_group *g, const struct rekey_limits *l, enum plan_limit limit)
{
	const struct rekey_band *b = limit == PLAN_LIMIT_BYTES ? &g->limits.bytes : &g->limits.packets;

	if (limit != PLAN_LIMIT_BYTES && limit != PLAN_LIMIT_PACKETS)
		return false;
	if (!b->rekey && !b->life)
		return true;
	return limit == PLAN_LIMIT_BYTES ? l->hard_bytes == g->ceiling.bytes : l->hard_packets == g->ceiling.packets;
}

static int part_make(const struct share *s, const struct plan *p, struct plan_part *out)
{
	struct rekey_limits top, middle;
	int err = limits_at(s, REKEY_ROLE_NONE, 1, 0, &top);

	if (err)
		return err;
	err = limits_at(s, REKEY_ROLE_FIRST, 0.5, s->margin_s, &middle);
	if (err)
		return err;
	*out = (struct plan_part){
		.bytes = top.hard_bytes,
		.packets = top.hard_packets,
		.safe_bytes = safe_limit(top.soft_bytes, top.hard_bytes, s->byte_peak, p->late_s),
		.safe_packets = safe_limit(top.soft_packets, top.hard_packets, s->packet_peak, p->late_s),
		.slack_s = slack_s(s, &top, p->late_s),
		.wrap_s = count_s(UINT64_C(1) << 32, s->packets),
	};
	out->life_s = due_s(&middle, s->bytes, s->packets, &out->limit) + p->switch_s;
	out->from_ceiling = from_ceiling(s->g, &top, out->limit);
	return 0;
}

/* ---- all groups ---- */

static int ask_check(const struct plan_ask *ask, size_t *n_spans, uint64_t *pairs)
{
	*n_spans = 0;
	*pairs = 0;
	if (ask->n_groups > PLAN_GROUPS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < ask->n_groups; i++) {
		const struct plan_group *g = &ask->groups[i];
		uint32_t lanes = g->queues ? g->queues + 1 : 1;

		if (!g->tunnels || g->tunnels > PLAN_TUNNELS_MAX || g->queues > PLAN_QUEUES_MAX)
			return -EINVAL;
		*n_spans += lanes;
		*pairs += (uint64_t)lanes * g->tunnels;
	}
	return *pairs > PLAN_PAIRS_MAX ? -EINVAL : 0;
}

/* What comes due in the worst window. */
struct demand {
	struct plan_span *spans;
	size_t n;
	double *edges;  /* room for 2 n */
	double pause_s; /* from due to the next one's first packet, at the least */
};

static uint64_t demand_most(const struct demand *d, double window_s, bool *start)
{
	uint64_t together = plan_due_together(d->spans, d->n, window_s, PLAN_RISK, d->edges);
	uint64_t any = plan_due_any(d->spans, d->n, window_s, d->pause_s, PLAN_RISK);

	*start = together > any;
	return *start ? together : any;
}

/* The budget with which everything that comes due in any window starts in time. */
static uint64_t budget_needed(const struct demand *d, const struct plan *p)
{
	double hold = fmax(p->hold_s, hold_least_s), slack = fmax(p->slack_s, 0), window = hold * window_first;
	double longest = 0;
	uint64_t needed = (uint64_t)floor(p->rekeys * hold) + 1;
	bool start;

	for (size_t i = 0; i < d->n; i++)
		longest = fmax(longest, d->spans[i].to_s);
	for (int i = 0; i < WINDOWS && window <= fmin(2 * longest, window_longest_s); i++) {
		double turns = 1 + floor(fmin((window + slack) / hold, window_longest_s));
		double widest = turns * hold - slack; /* that is served in as many turns */
		uint64_t b = (uint64_t)ceil((double)demand_most(d, fmax(widest, window), &start) / turns);

		needed = b > needed ? b : needed;
		window *= window_growth;
	}
	return needed;
}

static int groups_count(const struct plan_ask *ask, struct demand *d, struct plan *p, struct plan_part *parts)
{
	double margin_s = seconds(ask->poll_ns) + p->switch_s;

	p->limits_safe = true;
	for (size_t i = 0; i < ask->n_groups; i++) {
		struct share s = share_of(&ask->groups[i], margin_s);
		struct plan_part part;
		int err = part_make(&s, p, &part);

		for (uint32_t lane = 0; !err && lane < s.lanes; lane++) {
			struct plan_span *span = &d->spans[d->n];

			err = lane_span(&s, lane, span);
			if (err || !isfinite(span->to_s))
				continue; /* it never comes due */
			part.rekeys += (double)span->n / ((span->from_s + span->to_s) / 2 + p->switch_s);
			d->n++;
		}
		if (err)
			return err;
		p->rekeys += part.rekeys;
		p->life_s = fmin(p->life_s, part.life_s);
		p->slack_s = fmin(p->slack_s, part.slack_s);
		p->limits_safe = p->limits_safe && part.slack_s >= 0;
		if (parts)
			parts[i] = part;
	}
	return 0;
}

/* ---- slots ---- */

static uint64_t beyond(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint32_t pool_least(const struct plan_ask *ask)
{
	return ask->shared || ask->size_in < ask->size_out ? ask->size_in : ask->size_out;
}

static void slots_count_up(const struct plan_ask *ask, struct plan *p)
{
	uint64_t each = ask->shared ? 2 : 1, size = pool_least(ask), used = p->pairs * each;

	p->used_in = used;
	p->used_out = ask->shared ? 0 : used;
	p->reserve = ask->reserve == UINT32_MAX ? slots_reserve_default((uint32_t)size, ask->shared) : ask->reserve;
	p->sas_fit = used + p->reserve <= size;
	p->budget = beyond(size, used) / each;
}

/* How large a pool must be; its own reserve grows with it. */
static uint64_t size_needed(const struct plan_ask *ask, const struct plan *p)
{
	uint64_t each = ask->shared ? 2 : 1, size = (p->pairs + p->needed) * each;

	for (int i = 0; i < 2; i++) {
		uint32_t reserve = ask->reserve;

		if (reserve == UINT32_MAX)
			reserve = slots_reserve_default(size < SLOTS_SIZE_MAX ? (uint32_t)size : SLOTS_SIZE_MAX,
							ask->shared);
		if (size < p->pairs * each + reserve)
			size = p->pairs * each + reserve;
	}
	return size;
}

/* ---- the whole ---- */

static void times_set(const struct plan_ask *ask, struct plan *p)
{
	uint64_t change = ask->rtt_ns + ask->install_ns;

	p->switch_s = seconds(change);
	p->late_s = seconds(ask->poll_ns) + seconds(change) + seconds(ask->retransmit_ns);
	p->hold_s = seconds(change) + seconds(ask->watch_ns) + seconds(ask->rtt_ns) + seconds(ask->drain_ns) +
		    seconds(ask->let_go_ns);
}

int plan_count(const struct plan_ask *ask, struct plan *out, struct plan_part *parts)
{
	struct plan p = {.life_s = INFINITY, .slack_s = INFINITY};
	struct demand d = {0};
	size_t n_spans;
	int err = ask_check(ask, &n_spans, &p.pairs);

	if (err)
		return err;
	times_set(ask, &p);
	slots_count_up(ask, &p);
	d.pause_s = p.switch_s - seconds(ask->poll_ns);
	d.spans = calloc(n_spans + 1, sizeof(*d.spans));
	d.edges = calloc(n_spans + 1, 2 * sizeof(*d.edges));
	err = d.spans && d.edges ? groups_count(ask, &d, &p, parts) : -ENOMEM;
	if (!err) {
		p.needed = budget_needed(&d, &p);
		p.worst_minute = demand_most(&d, 60, &p.worst_is_start);
		p.load = p.budget ? p.rekeys * p.hold_s / (double)p.budget : INFINITY;
		p.size_needed = size_needed(ask, &p);
		p.reserve_short = p.reserve / (ask->shared ? 2 : 1) < p.needed;
		p.fits = p.sas_fit && p.limits_safe && p.needed <= p.budget;
		*out = p;
	}
	free(d.spans);
	free(d.edges);
	return err;
}

/*
 * The largest number of tunnels or queues for which the slots suffice; 0: none. Each queue sends what it sends now, so
 * what does not fit does not fit with more either.
 */
static int most_that_fits(const struct plan_ask *ask, bool tunnels, uint32_t most, uint32_t *out)
{
	struct plan_group group = ask->groups[0];
	struct plan_ask changed = *ask;
	uint32_t *number = tunnels ? &group.tunnels : &group.queues, now = *number;
	uint32_t low = 0, high = most;

	changed.groups = &group;
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		struct plan p;
		int err;

		*number = middle;
		group.byte_rate = ask->groups[0].byte_rate * middle / now;
		group.packet_rate = ask->groups[0].packet_rate * middle / now;
		err = plan_count(&changed, &p, NULL);
		if (err)
			return err;
		if (p.sas_fit && p.needed <= p.budget)
			low = middle;
		else
			high = middle - 1;
	}
	*out = low;
	return 0;
}

static uint32_t least(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

int plan_make(const struct plan_ask *ask, struct plan *out, struct plan_part *parts)
{
	const struct plan_group *g = ask->groups;
	uint64_t pairs_max = pool_least(ask) / (ask->shared ? 2 : 1);
	int err = plan_count(ask, out, parts);

	if (err || ask->n_groups != 1)
		return err;
	err = most_that_fits(ask, true, least(pairs_max / (g->queues ? g->queues + 1 : 1), PLAN_TUNNELS_MAX),
			     &out->tunnels_max);
	if (!err && g->queues)
		err = most_that_fits(ask, false, least(pairs_max / g->tunnels, PLAN_QUEUES_MAX), &out->queues_max);
	return err;
}
