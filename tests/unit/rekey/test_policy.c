/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rekey/policy.h"

static const struct rekey_ceiling no_ceiling = {REKEY_INF, REKEY_INF};

/* rekey 900000, life 1000000, rand 100000 bytes */
static const struct rekey_config million = {.bytes = {900000, 1000000, 100000}};

struct extent {
	uint64_t lo, hi;
};

/* The smallest and the largest soft_bytes of many draws; hard_bytes must always be `hard`. */
static struct extent extent_of(const struct rekey_policy *p, const struct rekey_draw *in, uint64_t hard,
			       unsigned int draws)
{
	struct extent x = {UINT64_MAX, 0};
	struct prng rng = prng_init(7);

	for (unsigned int i = 0; i < draws; i++) {
		struct rekey_limits l;

		assert_int_equal(rekey_policy_draw(p, in, &rng, &l), 0);
		assert_true(l.hard_bytes == hard);
		x.lo = l.soft_bytes < x.lo ? l.soft_bytes : x.lo;
		x.hi = l.soft_bytes > x.hi ? l.soft_bytes : x.hi;
	}
	return x;
}

static void rows_are_found_by_name(void **state)
{
	static const char *const names[] = {"keyrack", "fixed", "strongswan", "libreswan", "draft"};
	unsigned int i;

	(void)state;
	for (i = 0; rekey_policy_at(i); i++) {
		assert_true(i < sizeof(names) / sizeof(names[0]));
		assert_string_equal(rekey_policy_at(i)->name, names[i]);
		assert_ptr_equal(rekey_policy_find(names[i]), rekey_policy_at(i));
		assert_non_null(rekey_policy_at(i)->source);
	}
	assert_int_equal(i, sizeof(names) / sizeof(names[0]));
	assert_null(rekey_policy_find("Keyrack"));
	assert_null(rekey_policy_find(""));
}

/* Both ends of every row's range, where hard is a million. */
static void each_row_draws_where_its_source_says(void **state)
{
	static const struct {
		const char *policy;
		enum rekey_role role;
		uint64_t lo, hi;
	} rows[] = {
		{"keyrack", REKEY_ROLE_NONE, 800000, 900000},      {"keyrack", REKEY_ROLE_FIRST, 800000, 849999},
		{"keyrack", REKEY_ROLE_SECOND, 850000, 900000},    {"fixed", REKEY_ROLE_NONE, 900000, 900000},
		{"fixed", REKEY_ROLE_FIRST, 900000, 900000},       {"strongswan", REKEY_ROLE_NONE, 800000, 900000},
		{"strongswan", REKEY_ROLE_SECOND, 800000, 900000}, {"libreswan", REKEY_ROLE_FIRST, 250000, 312500},
		{"libreswan", REKEY_ROLE_SECOND, 437500, 500000},  {"draft", REKEY_ROLE_FIRST, 800000, 850000},
		{"draft", REKEY_ROLE_SECOND, 950001, 1000001}, /* its defect: past hard */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rekey_draw in = {.config = &million, .ceiling = no_ceiling, .role = rows[i].role};
		struct extent x = extent_of(rekey_policy_find(rows[i].policy), &in, 1000000, 40000);
		uint64_t slack = (rows[i].hi - rows[i].lo) / 1000;

		if (x.lo < rows[i].lo || x.lo > rows[i].lo + slack || x.hi > rows[i].hi || x.hi + slack < rows[i].hi)
			fail_msg("row %zu: %llu..%llu", i, (unsigned long long)x.lo, (unsigned long long)x.hi);
	}
}

static void libreswan_has_no_fuzz_below_16384_and_margins_in_time(void **state)
{
	const struct rekey_policy *p = rekey_policy_find("libreswan");
	const uint64_t s = 1000000000u;
	struct rekey_config config = {.bytes = {0, 16383, 0}, .time = {0, 28800 * s, 0}};
	struct rekey_draw in = {.config = &config, .ceiling = no_ceiling, .role = REKEY_ROLE_FIRST};
	struct prng rng = prng_init(1);
	struct rekey_limits l;

	(void)state;
	for (int i = 0; i < 200; i++) {
		in.role = REKEY_ROLE_FIRST;
		assert_int_equal(rekey_policy_draw(p, &in, &rng, &l), 0);
		assert_int_equal(l.soft_bytes, 16383 / 4);
		assert_true(l.soft_ns >= (28800 - 1080) * s && l.soft_ns <= (28800 - 540) * s);
		in.role = REKEY_ROLE_SECOND;
		assert_int_equal(rekey_policy_draw(p, &in, &rng, &l), 0);
		assert_int_equal(l.soft_bytes, 16383 / 2);
		assert_true(l.soft_ns == (28800 - 270) * s);
	}
	config.time.life = 60 * s; /* far less than its margin */
	assert_int_equal(rekey_policy_draw(p, &in, &rng, &l), 0);
	assert_true(l.soft_ns >= 1 && l.soft_ns < l.hard_ns);
}

/* Pearson's chi-square over 60 cells: siblings together cover the whole range evenly, at any size of numbers. */
static void siblings_together_are_uniform(void **state)
{
	enum { CELLS = 60, PER_CELL = 1000, SIBLINGS = 6 };
	static const uint64_t lives[] = {1000000, UINT64_C(1) << 48, UINT64_MAX - 1};
	const struct rekey_policy *p = rekey_policy_find("keyrack");
	struct prng rng = prng_init(3);

	(void)state;
	for (size_t k = 0; k < sizeof(lives) / sizeof(lives[0]); k++)
		for (int role = REKEY_ROLE_NONE; role <= REKEY_ROLE_SECOND; role++) {
			struct rekey_config config = {.bytes = {lives[k] / 10 * 9, lives[k], lives[k] / 5}};
			uint64_t lo = config.bytes.rekey - config.bytes.rand, width = config.bytes.rand + 1;
			unsigned int cells[CELLS] = {0};
			double chi = 0;

			if (role != REKEY_ROLE_NONE) {
				lo += role == REKEY_ROLE_SECOND ? width / 2 : 0;
				width = width / 2;
			}
			for (unsigned int i = 0; i < CELLS * PER_CELL; i++) {
				struct rekey_draw in = {
					.config = &config,
					.ceiling = no_ceiling,
					.role = (enum rekey_role)role,
					.sibling = i % SIBLINGS,
					.siblings = SIBLINGS,
					.seed = i / SIBLINGS,
				};
				struct rekey_limits l;
				uint64_t cell;

				assert_int_equal(rekey_policy_draw(p, &in, &rng, &l), 0);
				assert_true(l.soft_bytes >= lo && l.soft_bytes - lo <= width);
				cell = (uint64_t)((unsigned __int128)(l.soft_bytes - lo) * CELLS / width);
				cells[cell < CELLS ? cell : CELLS - 1]++;
			}
			for (int i = 0; i < CELLS; i++)
				chi += (cells[i] - (double)PER_CELL) * (cells[i] - (double)PER_CELL) / PER_CELL;
			if (chi > 107) /* 59 degrees of freedom, 99.99 % */
				fail_msg("life %zu, role %d: chi-square %.1f", k, role, chi);
		}
}

/* The parts of siblings are disjoint: by part, what is drawn in one is below all that is drawn in the next. */
static void siblings_share_no_stratum(void **state)
{
	enum { SIBLINGS = 16 };
	const struct rekey_policy *p = rekey_policy_find("keyrack");

	(void)state;
	for (int role = REKEY_ROLE_NONE; role <= REKEY_ROLE_SECOND; role++)
		for (uint64_t seed = 0; seed < 20; seed++) {
			struct extent x[SIBLINGS];

			for (unsigned int i = 0; i < SIBLINGS; i++) {
				struct rekey_draw in = {.config = &million,
							.ceiling = no_ceiling,
							.role = (enum rekey_role)role,
							.sibling = i,
							.siblings = SIBLINGS,
							.seed = seed,
							.margin = {.bytes = 120000, .ns = 1}};

				x[rekey_stratum(i, SIBLINGS, seed)] = extent_of(p, &in, 1000000, 300);
			}
			for (unsigned int i = 1; i < SIBLINGS; i++)
				assert_true(x[i].lo > x[i - 1].hi);
		}
}

/* What one end carries while a replacement is made lies between the last count of FIRST and the first of SECOND. */
static void the_ends_are_kept_apart(void **state)
{
	static const uint64_t margins[] = {0, 1000, 20000, 100000, 150000};
	const struct rekey_policy *p = rekey_policy_find("keyrack");

	(void)state;
	for (size_t i = 0; i < sizeof(margins) / sizeof(margins[0]); i++) {
		struct rekey_draw in = {.config = &million, .ceiling = no_ceiling, .margin = {.bytes = margins[i]}};
		struct extent first, second;

		in.role = REKEY_ROLE_FIRST;
		first = extent_of(p, &in, 1000000, 5000);
		in.role = REKEY_ROLE_SECOND;
		second = extent_of(p, &in, 1000000, 5000);
		assert_true(second.lo > first.hi && second.lo - first.hi > margins[i]);
		assert_true(second.hi <= 1000000 - margins[i]);
		assert_true(first.hi - first.lo > 40000); /* the range is moved, not cut */
	}
}

static void an_agreed_lifetime_is_the_hard_limit(void **state)
{
	static const struct {
		uint64_t agreed, hard;
		enum rekey_role role;
		uint64_t margin, lo, hi;
	} rows[] = {
		/* as agreed with ourselves: the local band is kept by both */
		{1000000, 1000000, REKEY_ROLE_FIRST, 0, 800000, 849999},
		{1000000, 1000000, REKEY_ROLE_SECOND, 0, 850000, 900000},
		{1000000, 1000000, REKEY_ROLE_NONE, 0, 800000, 900000},
		/* more than our own limit: each sender enforces its own */
		{5000000, 1000000, REKEY_ROLE_FIRST, 0, 800000, 849999},
		/* less than the local band: the draft's ranges */
		{100000, 100000, REKEY_ROLE_FIRST, 0, 80000, 84999},
		{100000, 100000, REKEY_ROLE_SECOND, 0, 95000, 99999},
		{100000, 100000, REKEY_ROLE_SECOND, 2000, 95000, 98000},
		{100000, 100000, REKEY_ROLE_SECOND, 5000, 95000, 95000},
		{100000, 100000, REKEY_ROLE_SECOND, 20000, 80000, 80000}, /* a replacement must still fit */
		{100000, 100000, REKEY_ROLE_SECOND, UINT64_MAX, 50000, 50000},
		{2, 2, REKEY_ROLE_FIRST, 0, 1, 1},
		{2, 2, REKEY_ROLE_SECOND, 0, 1, 1},
	};
	const struct rekey_policy *p = rekey_policy_find("keyrack");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rekey_draw in = {.config = &million,
					.ceiling = no_ceiling,
					.role = rows[i].role,
					.margin = {.bytes = rows[i].margin},
					.agreed_bytes = rows[i].agreed};
		struct extent x = extent_of(p, &in, rows[i].hard, 30000);
		uint64_t slack = (rows[i].hi - rows[i].lo) / 100 + 1;

		if (x.lo < rows[i].lo || x.lo > rows[i].lo + slack || x.hi > rows[i].hi || x.hi + slack < rows[i].hi)
			fail_msg("row %zu: %llu..%llu", i, (unsigned long long)x.lo, (unsigned long long)x.hi);
	}
}

/* The designated end may not be above 85 % of the lifetime, however late the local band is. */
static void the_designated_end_keeps_to_85_percent(void **state)
{
	struct rekey_config late = {.bytes = {990000, 1000000, 10000}};
	struct rekey_draw in = {
		.config = &late, .ceiling = no_ceiling, .role = REKEY_ROLE_FIRST, .agreed_bytes = 1000000};
	struct extent x = extent_of(rekey_policy_find("keyrack"), &in, 1000000, 20000);

	(void)state;
	assert_true(x.hi <= 850000 && x.hi > 849900);
	assert_true(x.lo >= 844990);
	in.role = REKEY_ROLE_SECOND; /* above 95 % as the draft wants, for the local band allows it */
	x = extent_of(rekey_policy_find("keyrack"), &in, 1000000, 20000);
	assert_true(x.lo >= 950001 && x.hi < 1000000);
}

/* No row but keyrack moves for a rate; no row but keyrack and draft knows of an agreement. */
static void other_rows_know_neither_rates_nor_agreements(void **state)
{
	(void)state;
	for (unsigned int i = 1; rekey_policy_at(i); i++) {
		const struct rekey_policy *p = rekey_policy_at(i);
		struct rekey_draw in = {.config = &million, .ceiling = no_ceiling, .role = REKEY_ROLE_FIRST}, more = in;
		struct prng a = prng_init(5), b = prng_init(5);
		struct rekey_limits one, other;

		more.margin = (struct rekey_margin){400000, 400000, 400000};
		more.agreed_bytes = p->counts ? 0 : 500000;
		for (int k = 0; k < 100; k++) {
			assert_int_equal(rekey_policy_draw(p, &in, &a, &one), 0);
			assert_int_equal(rekey_policy_draw(p, &more, &b, &other), 0);
			assert_memory_equal(&one, &other, sizeof(one));
		}
		if (p->counts) {
			more.agreed_bytes = 500000;
			assert_int_equal(rekey_policy_draw(p, &more, &b, &other), 0);
			assert_true(other.hard_bytes == 500000);
			assert_true(other.soft_bytes >= 400000 && other.soft_bytes <= 425000);
		}
	}
}

/* Any accepted configuration, ceiling, role, margin, agreement: 1 <= soft < hard <= what is allowed. */
static void limits_hold_for_all_input(void **state)
{
	struct prng rng = prng_init(77);
	unsigned int accepted = 0;

	(void)state;
	for (int i = 0; i < 400000; i++) {
		const struct rekey_policy *p = rekey_policy_at((unsigned int)i % 5);
		bool may_pass = !strcmp(p->name, "draft");
		uint64_t v[6];
		struct rekey_config c;
		struct rekey_limits l;
		struct rekey_draw in = {.config = &c};

		for (int k = 0; k < 6; k++)
			v[k] = prng_next(&rng) >> prng_below(&rng, 64);
		c.bytes = (struct rekey_band){v[0], prng_below(&rng, 4) ? v[0] + v[1] : v[1],
					      prng_below(&rng, 2) ? REKEY_INF : v[2]};
		c.time = c.packets = c.bytes;
		in.ceiling = (struct rekey_ceiling){v[3], v[3]};
		in.role = (enum rekey_role)prng_below(&rng, 3);
		in.siblings = (unsigned int)prng_below(&rng, 70);
		in.sibling = (unsigned int)prng_below(&rng, in.siblings ? in.siblings : 1);
		in.seed = (uint64_t)i;
		in.margin = (struct rekey_margin){v[4], v[4], v[4]};
		in.agreed_bytes = prng_below(&rng, 2) ? v[5] : 0;
		if (rekey_policy_draw(p, &in, &rng, &l))
			continue;
		accepted++;
		assert_true(l.hard_packets <= v[3] && l.hard_bytes <= v[3]);
		assert_true(!p->counts || !in.agreed_bytes || l.hard_bytes <= in.agreed_bytes);
		assert_true(!c.packets.life || l.hard_packets <= c.packets.life);
		assert_true(l.soft_packets >= 1 && l.soft_bytes >= 1 && l.soft_ns >= 1);
		if (may_pass)
			continue;
		assert_true(l.hard_packets == REKEY_INF || l.soft_packets < l.hard_packets);
		assert_true(l.hard_bytes == REKEY_INF || l.soft_bytes < l.hard_bytes);
		assert_true(l.hard_ns == REKEY_INF || l.soft_ns < l.hard_ns);
	}
	assert_true(accepted > 150000);
}

static void nonsense_is_refused(void **state)
{
	const struct rekey_policy *p = rekey_policy_find("keyrack");
	struct rekey_config bad = {.bytes = {200, 100, 0}};
	struct prng rng = prng_init(1);
	struct rekey_limits l;
	struct rekey_draw rows[] = {
		{.config = &million, .ceiling = no_ceiling, .sibling = 1, .siblings = 1},
		{.config = &million, .ceiling = no_ceiling, .sibling = 1},
		{.config = &million, .ceiling = {1, REKEY_INF}},
		{.config = &million, .ceiling = {REKEY_INF, 1}},
		{.config = &million, .ceiling = no_ceiling, .agreed_bytes = 1},
		{.config = &bad, .ceiling = no_ceiling},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(rekey_policy_draw(p, &rows[i], &rng, &l), -EINVAL);
}

static void rows_set_the_scheduler(void **state)
{
	struct rekey_settings s;

	(void)state;
	rekey_settings_default(&s);
	rekey_policy_settings(rekey_policy_find("keyrack"), &s);
	assert_false(s.late);
	assert_int_equal(s.retry_most_ns, 0);
	rekey_policy_settings(rekey_policy_find("strongswan"), &s);
	assert_true(s.late);
	assert_true(s.retry_least_ns && s.retry_least_ns < s.retry_most_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_found_by_name),
		cmocka_unit_test(each_row_draws_where_its_source_says),
		cmocka_unit_test(libreswan_has_no_fuzz_below_16384_and_margins_in_time),
		cmocka_unit_test(siblings_together_are_uniform),
		cmocka_unit_test(siblings_share_no_stratum),
		cmocka_unit_test(the_ends_are_kept_apart),
		cmocka_unit_test(an_agreed_lifetime_is_the_hard_limit),
		cmocka_unit_test(the_designated_end_keeps_to_85_percent),
		cmocka_unit_test(other_rows_know_neither_rates_nor_agreements),
		cmocka_unit_test(limits_hold_for_all_input),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(rows_set_the_scheduler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
