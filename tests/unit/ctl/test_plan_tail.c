/* SPDX-License-Identifier: MIT */
/* The tails against exact values and against draws from a fixed seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "ctl/plan_tail.h"

/* Exact, from sums of n! / k! (n - k)! q^k (1 - q)^(n - k) in rational arithmetic. */
static void binomial_is_exact(void **state)
{
	static const struct {
		uint64_t n;
		double q, p;
		uint64_t c;
	} rows[] = {
		{10, 0.5, 0.05, 8}, /* P(X > 8) = 11 / 1024, P(X > 7) = 56 / 1024 */
		{100, 0.01, 1e-6, 8}, {1000, 0.3, 1e-3, 345}, {50, 0.02, 1e-6, 8}, {7, 0.999, 1e-9, 7},
		{1, 0.5, 0.4, 1},     {0, 0.5, 1e-6, 0},      {9, 0, 1e-6, 0},     {9, 1, 1e-6, 9},
		{9, 1.5, 1e-6, 9},    {9, -1, 1e-6, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (plan_binomial_most(rows[i].n, rows[i].q, rows[i].p) != rows[i].c)
			fail_msg("row %zu: %llu", i,
				 (unsigned long long)plan_binomial_most(rows[i].n, rows[i].q, rows[i].p));
}

/* A million trials: near the normal distribution's 4.753 deviations for 1e-6, and quick. */
static void binomial_of_many(void **state)
{
	uint64_t c = plan_binomial_most(1000000, 0.5, 1e-6);

	(void)state;
	assert_in_range(c, 500000 + 2370, 500000 + 2385);
	assert_in_range(plan_binomial_most(UINT64_C(1) << 28, 1e-7, 1e-6), 54, 57); /* Poisson, mean 26.8 */
}

static void together_by_hand(void **state)
{
	static const struct plan_span row[] = {{0, 1, 5}, {1, 2, 5}, {2, 3, 5}, {3, 4, 5}};
	static const struct plan_span point[] = {{7, 7, 3}, {7, 7, 4}};
	double edges[8];

	(void)state;
	assert_int_equal(plan_due_together(row, 4, 4, 1e-6, edges), 20);
	assert_int_equal(plan_due_together(row, 4, 100, 1e-6, edges), 20);
	/* three certain, and of the fourth next to nothing */
	assert_int_equal(plan_due_together(row, 4, 3, 1e-6, edges), 15);
	/* five certain; of five more each with one half, all five: 1/32 > 1e-6 */
	assert_int_equal(plan_due_together(row, 4, 1.5, 1e-6, edges), 10);
	/* ... and four are enough if one in twenty may be worse: P(X > 4) = 1/32 */
	assert_int_equal(plan_due_together(row, 4, 1.5, 0.05, edges), 9);
	assert_int_equal(plan_due_together(point, 2, 0.001, 1e-6, edges), 7);
	assert_int_equal(plan_due_together(NULL, 0, 60, 1e-6, edges), 0);
}

static void any_by_hand(void **state)
{
	static const struct plan_span tenth[] = {{9, 11, 4}};

	(void)state;
	assert_int_equal(plan_due_any(tenth, 1, 60, 0, 1e-6), 24);  /* six times each */
	assert_int_equal(plan_due_any(tenth, 1, 65, 0, 1e-6), 28);  /* and half a time: all four, 1/16 */
	assert_int_equal(plan_due_any(tenth, 1, 65, 0, 0.1), 27);   /* P(X > 3) = 1/16 */
	assert_int_equal(plan_due_any(tenth, 1, 60, 10, 1e-6), 12); /* twenty seconds each */
}

/* ---- draws ---- */

enum { TUNNELS = 50, LANES = 8, DRAWS = 20000, RENEWALS = 2000 };

/* A tunnel's lanes in strata of a band from 50 to 100 seconds, the lower half of each. */
static void spans_make(struct plan_span spans[LANES])
{
	for (int k = 0; k < LANES; k++)
		spans[k] = (struct plan_span){50 + 50.0 * (2 * k) / (2 * LANES), 50 + 50.0 * (2 * k + 1) / (2 * LANES),
					      TUNNELS};
}

static double draw(struct prng *rng, const struct plan_span *s)
{
	return s->from_s + (s->to_s - s->from_s) * prng_unit(rng);
}

/*
 * Of windows at the same place, no more than p exceed the figure. And it is no more than Hoeffding's bound costs: one
 * SA in twenty less is exceeded more often.
 */
static void together_as_drawn(void **state)
{
	static const double window = 5, p = 0.01;
	struct plan_span spans[LANES];
	double edges[2 * LANES];
	struct prng rng = prng_init(20);
	uint64_t most, exceeded = 0, near = 0;

	(void)state;
	spans_make(spans);
	most = plan_due_together(spans, LANES, window, p, edges);
	for (int i = 0; i < DRAWS; i++) {
		unsigned int due = 0;

		for (int k = 0; k < LANES; k++)
			for (int t = 0; t < TUNNELS; t++) {
				double at = draw(&rng, &spans[k]);

				due += at >= spans[0].from_s && at <= spans[0].from_s + window;
			}
		exceeded += due > most;
		near += due > most - most / 20;
	}
	assert_true((double)exceeded <= p * DRAWS);
	assert_true((double)near > p * DRAWS);
}

/* How often an SA at a random age, renewed again and again, is due in [0, window]. */
static unsigned int times_due(struct prng *rng, const struct plan_span *s, double window, double pause)
{
	double at = -200 - 100 * prng_unit(rng);
	unsigned int n = 0;

	while (at < window) {
		n += at >= 0;
		at += draw(rng, s) + pause;
	}
	return n;
}

/* The count of all in a window, its tail and its mean. */
static void any_as_drawn(void **state)
{
	static const double window = 60, p = 0.01, pause = 1;
	struct plan_span spans[LANES];
	struct prng rng = prng_init(21);
	uint64_t most, exceeded = 0, near = 0;
	double sum = 0, mean = 0;

	(void)state;
	spans_make(spans);
	for (int k = 0; k < LANES; k++)
		mean += TUNNELS * window / ((spans[k].from_s + spans[k].to_s) / 2 + pause);
	most = plan_due_any(spans, LANES, window, pause, p);
	for (int i = 0; i < RENEWALS; i++) {
		unsigned int due = 0;

		for (int k = 0; k < LANES; k++)
			for (int t = 0; t < TUNNELS; t++)
				due += times_due(&rng, &spans[k], window, pause);
		exceeded += due > most;
		near += due > most - most / 20;
		sum += due;
	}
	assert_true((double)exceeded <= p * RENEWALS);
	assert_true((double)near > p * RENEWALS);
	sum /= RENEWALS;
	assert_true(sum > 0.99 * mean && sum < 1.01 * mean);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binomial_is_exact), cmocka_unit_test(binomial_of_many),
		cmocka_unit_test(together_by_hand),  cmocka_unit_test(any_by_hand),
		cmocka_unit_test(together_as_drawn), cmocka_unit_test(any_as_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
