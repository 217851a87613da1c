/* SPDX-License-Identifier: MIT */
/*
 * Flows. Nothing happens packet by packet: what a flow has sent since it was last looked at is charged to its SA when
 * somebody reads that SA's counters, the SA or its successor comes or goes, the rate changes, or a limit is due. On the
 * other side the same packets are charged one way's delay later, less what the network has lost.
 */
#include "bench_occupancy.h"

#include <math.h>
#include <stdlib.h>

#include "bench_occupancy_flow.h"

/* Bursts of a whole tunnel, exponential on average so long and so far apart. */
static const double burst_s = 15, calm_s = 120;
/* The day and RSS's luck with the flows of the moment. */
static const uint64_t step_ns = 300 * OCC_S;
static const double fallback_share = 0.01;
static const double day_ns = 86400e9;

/* ---- rates ---- */

static double normal(struct prng *rng)
{
	return sqrt(-2 * log(1 - prng_unit(rng))) * cos(2 * M_PI * prng_unit(rng));
}

static uint64_t exponential(struct prng *rng, double mean_s)
{
	return (uint64_t)(-log(1 - prng_unit(rng)) * mean_s * 1e9) + 1;
}

/* Half of what makes a queue's share uneven lasts, half changes with the step: `share` is the half that lasts. */
static double share_now(struct prng *rng, const struct occ_flow *f, double spread)
{
	double s = f->share + spread * M_SQRT1_2 * normal(rng);

	return s < 0 ? 0 : s;
}

static void live_rates(struct occ_world *w, struct occ_live *l, bool shares)
{
	const struct occ_tunnel *t = l->plan;
	const struct occ_workload *k = w->options->workload;
	double day = 1 + k->day * sin(2 * M_PI * (double)w->now / day_ns + t->phase);
	double factor = day * (l->burst ? k->burst : 1);

	for (uint32_t i = 0; i < 2 * t->pairs; i++) {
		struct occ_flow *f = &l->flows[i];

		occ_flow_settle(w, f);
		if (shares)
			f->share_now = share_now(&l->rng, f, t->spread);
		f->rate = t->rate[f->from] * factor * f->share_now * (f->cpu == OCC_FALLBACK_CPU ? fallback_share : 1);
		occ_flow_plan(w, f);
	}
}

static void live_plan(struct occ_world *w, struct occ_live *l)
{
	if (heap_set(&w->tunnels, &l->due, l->burst_at < l->step_at ? l->burst_at : l->step_at))
		abort();
}

static void live_run(struct occ_world *w, struct occ_live *l)
{
	bool step = l->step_at <= w->now;

	if (l->burst_at <= w->now) {
		l->burst = !l->burst;
		l->burst_at = w->now + exponential(&l->rng, l->burst ? burst_s : calm_s);
	}
	if (step)
		l->step_at = w->now + step_ns;
	live_rates(w, l, step);
	live_plan(w, l);
}

static void live_start(struct occ_world *w, struct occ_live *l, uint32_t number)
{
	const struct occ_tunnel *t = &w->plan->tunnels[number];

	l->plan = t;
	l->number = number;
	l->rng = prng_init(t->seed);
	l->flows = calloc(2 * (size_t)t->pairs, sizeof(*l->flows));
	if (!l->flows)
		abort();
	for (uint32_t i = 0; i < 2 * t->pairs; i++)
		l->flows[i] = (struct occ_flow){
			.live = l,
			.from = i & 1,
			.cpu = i / 2 ? i / 2 - 1 : OCC_FALLBACK_CPU,
			.busy = t->rate[i & 1] >= t->rate[!(i & 1)],
			.share = 1 + t->spread * M_SQRT1_2 * normal(&l->rng),
			.sent_to = w->now,
		};
	if (t->pairs == 1) /* no queues: the fallback carries everything */
		l->flows[0].cpu = l->flows[1].cpu = 0;
	l->burst_at = w->now + exponential(&l->rng, calm_s);
	l->step_at = w->now + 1 + prng_below(&l->rng, step_ns);
	live_rates(w, l, true);
	live_plan(w, l);
}

void occ_traffic_start(struct occ_world *w)
{
	w->live = calloc(w->plan->n_tunnels, sizeof(*w->live));
	w->seen = calloc(1u << OCC_SEEN_BITS, sizeof(*w->seen));
	if (!w->live || !w->seen)
		abort();
	for (uint32_t n = 0; n < w->plan->n_tunnels; n++)
		live_start(w, &w->live[n], n);
}

void occ_traffic_free(struct occ_world *w)
{
	for (uint32_t n = 0; w->live && n < w->plan->n_tunnels; n++)
		free(w->live[n].flows);
	free(w->live);
	free(w->seen);
	heap_free(&w->flows);
	heap_free(&w->tunnels);
}

/* ---- time ---- */

uint64_t occ_traffic_next(const struct occ_world *w)
{
	struct heap_node *f = heap_first(&w->flows), *t = heap_first(&w->tunnels);
	uint64_t at = f ? f->key : UINT64_MAX;

	return t && t->key < at ? t->key : at;
}

void occ_traffic_run(struct occ_world *w)
{
	struct heap_node *n;

	while ((n = heap_first(&w->tunnels)) && n->key <= w->now)
		live_run(w, heap_entry(n, struct occ_live, due));
	while ((n = heap_first(&w->flows)) && n->key <= w->now) {
		struct occ_flow *f = heap_entry(n, struct occ_flow, due);

		occ_flow_settle(w, f);
		occ_flow_plan(w, f);
	}
}

void occ_traffic_settle(struct occ_world *w)
{
	for (uint32_t n = 0; w->live && n < w->plan->n_tunnels; n++)
		for (uint32_t i = 0; i < 2 * w->live[n].plan->pairs; i++)
			occ_flow_settle(w, &w->live[n].flows[i]);
}
