/* SPDX-License-Identifier: MIT */
/* The arithmetic of `keyrack plan` against what plan_cases.h gives by hand, and its budget against a simulated queue.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "plan_cases.h"

static const uint64_t giga = 1000000000u;

static void near(double value, double wanted)
{
	if (!(fabs(value - wanted) <= 1e-4 * fabs(wanted)))
		fail_msg("%g is not %g", value, wanted);
}

static void by_hand(void **state)
{
	struct plan_case c;
	struct plan_part part;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	p = plan_case_plan(&c, &part);
	assert_true(p.fits && p.sas_fit && p.limits_safe);
	assert_int_equal(p.pairs, 50);
	assert_int_equal(p.used_in, 50);
	assert_int_equal(p.used_out, 50);
	assert_int_equal(p.budget, 950);
	near(p.switch_s, 0.1);
	near(p.late_s, 2.1);
	near(p.hold_s, 1);
	/* 100 s, and 1.1 s earlier, which a replacement takes at most; 0.1 s later the new one is in use */
	near(p.rekeys, 40 / 99.0);
	near(p.life_s, 99.0);
	near(p.slack_s, 97.9);
	near(p.load, 40 / 99.0 / 950);
	assert_int_equal(p.worst_minute, 40); /* all at once */
	assert_true(p.worst_is_start);
	assert_int_equal(p.needed, 1); /* 40 in 98 turns of a second */
	assert_int_equal(part.limit, PLAN_LIMIT_BYTES);
	assert_false(part.from_ceiling);
	assert_int_equal(part.bytes, 200 * giga);
	assert_int_equal(part.safe_bytes, 4200000000u);
	assert_int_equal(p.tunnels_max, 196); /* 5 * 196 + 16 <= 1000 */
	assert_int_equal(p.queues_max, 97);   /* 10 * (97 + 1) + 16 <= 1000 */
}

/* Little time between soft and hard: all 40 within three turns. */
static void little_slack_needs_budget(void **state)
{
	struct plan_case c;
	struct plan_part part;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	c.group.limits.bytes.life = 104 * giga;
	p = plan_case_plan(&c, &part);
	near(p.slack_s, 1.9);
	assert_int_equal(p.needed, 14);
	assert_int_equal(part.safe_bytes, 54600000000u); /* 2.1 GB / (4 / 104) */
	assert_true(p.fits);
	c.ask.size_out = 63;
	p = plan_case_plan(&c, NULL);
	assert_false(p.sas_fit); /* 50 and 16 */
	c.ask.reserve = 4;
	p = plan_case_plan(&c, NULL);
	assert_true(p.sas_fit);
	assert_int_equal(p.budget, 13);
	assert_false(p.fits);
	assert_true(p.reserve_short);
	assert_int_equal(p.size_needed, 64);
	c.ask.size_out = 64;
	assert_true(plan_case_plan(&c, NULL).fits);
	c.group.limits.bytes.life = 102 * giga; /* 2 s are less than 2.1 */
	p = plan_case_plan(&c, NULL);
	assert_false(p.limits_safe || p.fits);
}

static void shared_table(void **state)
{
	struct plan_case c;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	c.ask.shared = true;
	c.ask.size_out = 0;
	p = plan_case_plan(&c, NULL);
	assert_int_equal(p.used_in, 100);
	assert_int_equal(p.used_out, 0);
	assert_int_equal(p.budget, 450);
	assert_int_equal(p.tunnels_max, 98); /* 2 * 5 * 98 + 16 <= 1000 */
	c.ask.reserve = UINT32_MAX;
	p = plan_case_plan(&c, NULL);
	assert_int_equal(p.reserve, 14); /* slots_reserve_default() */
	c.ask.size_in = 101;
	assert_false(plan_case_plan(&c, NULL).sas_fit);
	c.ask.size_in = 102;
	assert_true(plan_case_plan(&c, NULL).fits);
}

/* The strata of the controller: of 2 * 5 parts of the band, the fallback's two first, then each queue's lower one. */
static void soft_limits_by_stratum(void **state)
{
	struct plan_case c;
	struct plan p;
	double sum = 0;

	(void)state;
	plan_case_make(&c);
	c.group.limits.bytes.rand = 50 * giga;
	p = plan_case_plan(&c, NULL);
	for (int lane = 1; lane <= 4; lane++)
		sum += 10 / (50 + 25 * (lane + 0.5) / 5 - 1.1 + 0.1); /* the lower half of the band */
	near(p.rekeys, sum);
	near(p.life_s, 61.5);
}

static void fallbacks_age(void **state)
{
	struct plan_case c;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	c.group.limits.time = (struct rekey_band){1000 * giga, 1100 * giga, 0};
	p = plan_case_plan(&c, NULL);
	near(p.rekeys, 40 / 99.0 + 10 / 999.0);
	c.group.byte_rate = c.group.packet_rate = 0;
	p = plan_case_plan(&c, NULL);
	near(p.rekeys, 50 / 999.0);
	c.group.limits.time = (struct rekey_band){0, 0, REKEY_INF};
	p = plan_case_plan(&c, NULL);
	near(1 + p.rekeys, 1);
	assert_true(isinf(p.life_s));
	assert_int_equal(p.worst_minute, 0);
	assert_true(p.fits);
}

static void sequence_numbers(void **state)
{
	struct plan_case c;
	struct plan_part part;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	c.group.esn = false;
	c.group.ceiling.packets = UINT32_MAX;
	c.group.limits.bytes = (struct rekey_band){0, 0, REKEY_INF};
	p = plan_case_plan(&c, &part);
	near(part.wrap_s, 4294.967);
	assert_int_equal(part.limit, PLAN_LIMIT_PACKETS);
	assert_true(part.from_ceiling);
	near(p.life_s, 0.825 * 4294.967 - 1.1 + 0.1); /* the default band: 80 to 90 %; of it the lower half */
	near((double)part.safe_packets, 21e6);
	assert_true(p.fits);
	c.group.packet_peak = 1e9; /* a thousand times as many from one queue, now and then */
	p = plan_case_plan(&c, &part);
	assert_true(part.safe_packets > UINT32_MAX);
	assert_false(p.fits);
}

static void rates_near_the_top(void **state)
{
	struct plan_case c;
	struct plan_part part;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	c.group.limits.bytes = (struct rekey_band){UINT64_MAX - 3, UINT64_MAX - 1, 1};
	c.group.byte_rate = 1e30;
	p = plan_case_plan(&c, &part);
	assert_false(p.fits);
	assert_true(part.safe_bytes > UINT64_MAX / 4);
}

static void impossible(void **state)
{
	struct plan_case c;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	c.group.tunnels = 0;
	assert_int_equal(plan_make(&(struct plan_ask){.n_groups = 1, .groups = &c.group}, &p, NULL), -EINVAL);
	plan_case_make(&c);
	c.group.queues = PLAN_QUEUES_MAX + 1;
	assert_int_equal(plan_make(&(struct plan_ask){.n_groups = 1, .groups = &c.group}, &p, NULL), -EINVAL);
	plan_case_make(&c);
	c.group.tunnels = PLAN_PAIRS_MAX / 5 + 1;
	assert_int_equal(plan_make(&(struct plan_ask){.n_groups = 1, .groups = &c.group}, &p, NULL), -EINVAL);
	plan_case_make(&c);
	c.group.limits.bytes.life = giga; /* below rekey */
	assert_int_equal(plan_make(&(struct plan_ask){.n_groups = 1, .groups = &c.group}, &p, NULL), -EINVAL);
}

/* ---- the budget, simulated: everything came up together, first come first served ---- */

enum { SAS = 400, RUNS = 50 };

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The longest that one waits for one of `servers`, each busy for hold_s. */
static double longest_wait(double *due, unsigned int servers, double hold_s)
{
	double *free_at = calloc(servers, sizeof(*free_at)), longest = 0;

	assert_non_null(free_at);
	qsort(due, SAS, sizeof(*due), compare);
	for (unsigned int i = 0; i < SAS; i++) {
		double *first = free_at, start;

		for (unsigned int k = 1; k < servers; k++)
			if (free_at[k] < *first)
				first = &free_at[k];
		start = fmax(due[i], *first);
		longest = fmax(longest, start - due[i]);
		*first = start + hold_s;
	}
	free(free_at);
	return longest;
}

static void soft_drawn(struct prng *rng, double *due)
{
	for (unsigned int i = 0; i < SAS; i++) {
		unsigned int lane = 1 + i % 4;

		due[i] = 80 - 1.1 + 10 * (lane + prng_unit(rng)) / 5;
	}
}

static void needed_is_enough_and_not_much_more(void **state)
{
	struct plan_case c;
	struct prng rng = prng_init(7);
	double due[SAS];
	unsigned int late = 0;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	c.ask.size_in = c.ask.size_out = 4000;
	c.group.tunnels = SAS / 4;
	c.group.byte_rate *= 10;
	c.group.packet_rate *= 10;
	c.group.limits.bytes = (struct rekey_band){100 * giga, 104 * giga, 20 * giga};
	p = plan_case_plan(&c, NULL);
	assert_true(p.fits);
	for (int i = 0; i < RUNS; i++) {
		soft_drawn(&rng, due);
		assert_true(longest_wait(due, (unsigned int)p.needed, p.hold_s) <= p.slack_s);
		late += longest_wait(due, (unsigned int)p.needed * 2 / 3, p.hold_s) > p.slack_s;
	}
	assert_int_equal(late, RUNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		cmocka_unit_test(little_slack_needs_budget),
		cmocka_unit_test(shared_table),
		cmocka_unit_test(soft_limits_by_stratum),
		cmocka_unit_test(fallbacks_age),
		cmocka_unit_test(sequence_numbers),
		cmocka_unit_test(rates_near_the_top),
		cmocka_unit_test(impossible),
		cmocka_unit_test(needed_is_enough_and_not_much_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
