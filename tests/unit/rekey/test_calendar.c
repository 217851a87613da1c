/* SPDX-License-Identifier: MIT */
/* The queue of watched SAs: in order like a heap, over hours, and it knows when too many come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "rekey/calendar.h"

static const uint64_t s = 1000000000u, day = UINT64_C(1) << CALENDAR_SHIFT;

/* Takes the first node that comes by `until`, as the scheduler does, but without estimating anew. */
static struct rekey_node *take(struct calendar *c, uint64_t until)
{
	struct rekey_node *n, *list;

	while (!(n = calendar_first(c, until)) && !c->near.len && (list = calendar_dawn(c, until)))
		while (list) {
			struct rekey_node *next = list->next;

			list->next = NULL;
			calendar_set(c, list, list->at.key);
			list = next;
		}
	if (n)
		calendar_remove(c, n);
	return n;
}

static void comes_out_in_order(void **state)
{
	enum { N = 20000 };
	struct calendar c;
	static struct rekey_node n[N];
	struct prng rng = prng_init(1);
	uint64_t last = 0;

	(void)state;
	assert_int_equal(calendar_init(&c), 0);
	assert_int_equal(calendar_reserve(&c, N), 0);
	for (int i = 0; i < N; i++)
		calendar_set(&c, &n[i], prng_below(&rng, 4000 * s) >> prng_below(&rng, 20));
	for (int i = 0; i < N; i += 3) /* some move, some go */
		calendar_set(&c, &n[i], prng_below(&rng, 4000 * s));
	for (int i = 0; i < N; i += 5)
		calendar_remove(&c, &n[i]);
	for (int i = 0; i < N - N / 5; i++) {
		uint64_t next = calendar_next(&c);
		struct rekey_node *x = take(&c, UINT64_MAX);

		assert_non_null(x);
		assert_true(x->at.key >= last && next <= x->at.key);
		assert_false(calendar_has(x));
		last = x->at.key;
	}
	assert_null(take(&c, UINT64_MAX));
	assert_true(calendar_next(&c) == UINT64_MAX);
	assert_int_equal(c.count, 0);
	calendar_free(&c);
}

/* Against a plain array, with time going on by steps from a microsecond to hours. */
static void agrees_with_a_plain_list(void **state)
{
	enum { N = 200 };
	struct calendar c;
	static struct rekey_node n[N];
	static uint64_t at[N]; /* UINT64_MAX: not in it */
	struct prng rng = prng_init(2);
	uint64_t now = 12345;

	(void)state;
	memset(n, 0, sizeof(n));
	memset(at, 0xff, sizeof(at));
	assert_int_equal(calendar_init(&c), 0);
	assert_int_equal(calendar_reserve(&c, N), 0);
	for (int step = 0; step < 200000; step++) {
		unsigned int i = (unsigned int)prng_below(&rng, N);
		struct rekey_node *x;

		now += prng_below(&rng, 100 * s) >> prng_below(&rng, 30);
		if (prng_below(&rng, 5)) {
			at[i] = now + (prng_below(&rng, 3600 * s) >> prng_below(&rng, 30));
			calendar_set(&c, &n[i], at[i]);
		} else {
			calendar_remove(&c, &n[i]);
			at[i] = UINT64_MAX;
		}
		while ((x = take(&c, now))) {
			uint64_t least = UINT64_MAX;

			for (int k = 0; k < N; k++)
				least = at[k] < least ? at[k] : least;
			assert_true(x->at.key == least && at[x - n] == least);
			at[x - n] = UINT64_MAX;
		}
		for (int k = 0; k < N && step % 100 == 0; k++) {
			assert_true(calendar_has(&n[k]) == (at[k] != UINT64_MAX));
			assert_true(at[k] > now);
			assert_true(calendar_next(&c) <= at[k]);
		}
	}
	calendar_free(&c);
}

static void what_is_beyond_the_ring_comes_with_its_last_day(void **state)
{
	struct calendar c;
	struct rekey_node n = {0};

	(void)state;
	assert_int_equal(calendar_init(&c), 0);
	assert_int_equal(calendar_reserve(&c, 1), 0);
	calendar_set(&c, &n, UINT64_MAX - 1);
	assert_true(calendar_next(&c) > calendar_span_ns() && calendar_next(&c) <= CALENDAR_DAYS * day);
	assert_null(take(&c, calendar_span_ns()));
	assert_ptr_equal(take(&c, CALENDAR_DAYS * day), &n);
	calendar_free(&c);
}

/* n nodes at `at`, `servers` and hold: too many exactly if their work does not fit before `at` plus one hold. */
static void a_crowd_is_seen_when_it_must_be(void **state)
{
	static const struct {
		unsigned int nodes;
		uint64_t at_s;
		uint64_t before;
		uint32_t servers;
		uint64_t hold_s;
		bool crowd;
	} rows[] = {
		{0, 10, 0, 1, 1, false},      {1, 10, 0, 1, 100, false},   {2, 10, 0, 1, 100, true},
		{10, 10, 0, 1, 1, false},     {11, 10, 0, 1, 1, false},    {13, 10, 0, 1, 1, true},
		{100, 30, 0, 4, 1, false},    {130, 30, 0, 4, 1, true},    {100, 30, 30, 4, 1, true},
		{100, 1000, 0, 1, 10, false}, {105, 1000, 0, 1, 10, true}, {2, 3600, 0, 1, 3000, false},
		{3, 3600, 0, 1, 3000, true},
	};
	static struct rekey_node n[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t now = i * 777 * s;
		struct calendar_load load;
		struct calendar c;

		memset(n, 0, sizeof(n));
		assert_int_equal(calendar_init(&c), 0);
		assert_int_equal(calendar_reserve(&c, 200), 0);
		assert_null(take(&c, now));
		for (unsigned int k = 0; k < rows[i].nodes; k++)
			calendar_set(&c, &n[k], now + rows[i].at_s * s);
		load = calendar_load_get(&c, &(struct calendar_servers){rows[i].servers, rows[i].hold_s * s, 0},
					 rows[i].before, now);
		if (!!load.until != rows[i].crowd)
			fail_msg("row %zu: until %llu", i, (unsigned long long)load.until);
		if (load.until) /* by weeks, where it is far */
			assert_true(load.until > now + rows[i].at_s * s &&
				    load.until <= now + rows[i].at_s * s + 64 * day);
		assert_true((load.slack_ns < 0) == rows[i].crowd);
		calendar_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_out_in_order),
		cmocka_unit_test(agrees_with_a_plain_list),
		cmocka_unit_test(what_is_beyond_the_ring_comes_with_its_last_day),
		cmocka_unit_test(a_crowd_is_seen_when_it_must_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
