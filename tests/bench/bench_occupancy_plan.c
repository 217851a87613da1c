/* SPDX-License-Identifier: MIT */
/* The tunnels: how many queues, how fast, how far away. */
#include "bench_occupancy.h"

#include <math.h>
#include <stdlib.h>

/* Pairs of the tunnels in turn: a few large hosts, more small ones. */
static const uint32_t shapes[] = {64, 8, 32, 8, 16};

/*
 * Rates are heavy-tailed over tunnels: Pareto with this exponent from the slowest on, cut at `rate_most` times that.
 * The slowest sends 2 MB/s on each queue, which only sets the scale: what counts is the ratio of L to the rate.
 */
static const double rate_least = 2000, rate_alpha = 1.2;
static const double rtt_least_ms = 1, rtt_most_ms = 100, loss_most = 0.02;

const struct occ_workload occ_workloads[] = {
	{
		/* hosts of all kinds: from packet spraying over all queues to few large flows under RSS */
		.name = "tail",
		.rate_most = 30,
		.asymmetry_most = 10,
		.spread_least = 0.001,
		.spread_most = 0.1,
		.burst = 3,
		.day = 0.6,
	},
	{
		/* every SA alike: an all-to-all exchange, sprayed over all queues */
		.name = "even",
		.rate_most = 1,
		.asymmetry_most = 1,
		.spread_least = 0.001,
		.spread_most = 0.01,
		.burst = 1,
		.day = 0,
	},
	{0},
};

static double log_uniform(struct prng *rng, double lo, double hi)
{
	return lo * pow(hi / lo, prng_unit(rng));
}

/* Inverse of the bounded Pareto distribution on [1, most]. */
static double pareto(struct prng *rng, double most)
{
	double u = prng_unit(rng), tail = pow(most, -rate_alpha);

	return pow(1 - u * (1 - tail), -1 / rate_alpha);
}

static void tunnel_draw(const struct occ_options *o, struct prng *rng, struct occ_tunnel *t)
{
	const struct occ_workload *l = o->workload;
	double x = rate_least * pareto(rng, l->rate_most), back = x / log_uniform(rng, 1, l->asymmetry_most);
	unsigned int more = (unsigned int)prng_below(rng, 2);
	double rtt = log_uniform(rng, rtt_least_ms, rtt_most_ms), loss = loss_most * prng_unit(rng);

	t->rate[more] = x;
	t->rate[!more] = back;
	t->spread = log_uniform(rng, l->spread_least, l->spread_most);
	t->phase = 2 * M_PI * prng_unit(rng);
	t->delay_ns = (uint64_t)((o->rtt_ms < 0 ? rtt : o->rtt_ms) / 2 * (double)OCC_MS);
	t->loss = o->loss < 0 ? loss : o->loss;
	t->seed = prng_next(rng);
}

struct occ_plan occ_plan_make(const struct occ_options *o, uint32_t pairs)
{
	struct occ_plan p = {.pairs = pairs};
	struct prng rng = prng_init(o->seed);
	double top = rate_least * o->workload->rate_most * o->workload->burst * (1 + o->workload->day);

	p.life_bytes = (uint64_t)(o->life_s * top * OCC_PACKET_BYTES);
	p.tunnels = calloc(pairs ? pairs : 1, sizeof(*p.tunnels));
	if (!p.tunnels)
		abort();
	while (pairs) {
		uint32_t want = shapes[p.n_tunnels % (sizeof(shapes) / sizeof(shapes[0]))];
		struct occ_tunnel *t = &p.tunnels[p.n_tunnels++];

		t->pairs = want < pairs ? want : pairs;
		pairs -= t->pairs;
		tunnel_draw(o, &rng, t);
	}
	return p;
}

void occ_plan_free(struct occ_plan *p)
{
	free(p->tunnels);
}
