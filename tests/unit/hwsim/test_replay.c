/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdlib.h>

#include "base/prng.h"
#include "hwsim/replay.h"

/* One step after the other on one window of 32; `take`: the packet is authentic. */
static void the_window_takes_each_number_once(void **state)
{
	static const struct {
		uint32_t seq;
		bool accepted;
	} steps[] = {
		{0, false},  {1, true},          {1, false},          {3, true},  {2, true},    {2, false},
		{40, true},  {8, false},         {9, true},           {9, false}, {40, false},  {39, true},
		{100, true}, {68, false},        {69, true},          {70, true}, {100, false}, {0xffffffff, true},
		{1, false},  {0xfffffffe, true}, {0xfffffffe, false},
	};
	struct replay r;
	uint64_t seq;

	(void)state;
	replay_init(&r, 32, false, 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		bool ok = replay_check(&r, steps[i].seq, &seq);

		if (ok != steps[i].accepted)
			fail_msg("step %zu: %u", i, steps[i].seq);
		if (ok)
			replay_advance(&r, seq);
	}
}

static void without_a_window_everything_goes(void **state)
{
	struct replay r;
	uint64_t seq;

	(void)state;
	replay_init(&r, 0, false, 0);
	assert_true(replay_check(&r, 5, &seq));
	replay_advance(&r, seq);
	assert_true(replay_check(&r, 5, &seq));
	assert_true(replay_check(&r, 0, &seq));
}

/* RFC 4303 A2.2, the cases of figure A1: which 2^32 period a low half belongs to. */
static void the_high_half_is_inferred(void **state)
{
	static const struct {
		uint64_t top;
		uint32_t low;
		uint64_t whole;
	} rows[] = {
		{0, 1, 1},
		{100, 90, 90},
		{100, 30, 0x10000001eull}, /* below the window: the next period, and then not authentic */
		{0xfffffff0, 0xfffffff5, 0xfffffff5},
		{0xfffffff0, 3, 0x100000003ull},
		{0x100000005ull, 0xfffffff8, 0xfffffff8}, /* the window reaches back into the last period */
		{0x100000005ull, 6, 0x100000006ull},
		{0x7ffffffffull, 0, 0x800000000ull},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct replay r;
		uint64_t seq;

		replay_init(&r, 64, true, rows[i].top);
		replay_check(&r, rows[i].low, &seq);
		if (seq != rows[i].whole)
			fail_msg("row %zu: %llx", i, (unsigned long long)seq);
	}
}

enum { SPAN = 5000 };

/* Shuffled and repeated numbers over the 2^32 boundary, against a plain list of what was seen. */
static void it_agrees_with_a_list(void **state)
{
	static const uint32_t windows[] = {32, 33, 64, 100, 256, 4096};
	static bool seen[SPAN];
	struct prng rng = prng_init(5);

	(void)state;
	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		uint64_t base = 0xffffffffull - SPAN / 2, top = base;
		struct replay r;

		memset(seen, 0, sizeof(seen));
		replay_init(&r, windows[w], true, base);
		for (int i = 0; i < 20000 && top < base + SPAN - 300; i++) {
			int64_t jump = (int64_t)prng_below(&rng, windows[w] * 2) - (int64_t)windows[w] * 3 / 2;
			uint64_t want = prng_below(&rng, 10) ? top + (uint64_t)jump : top + 1 + prng_below(&rng, 200);
			bool expect, ok;
			uint64_t seq;

			if (want <= base || want >= base + SPAN || want + windows[w] < top)
				continue;
			expect = want > top || (top - want < windows[w] && !seen[want - base]);
			ok = replay_check(&r, (uint32_t)want, &seq) && seq == want;
			assert_int_equal(ok, expect);
			if (!ok)
				continue;
			replay_advance(&r, seq);
			seen[want - base] = true;
			top = want > top ? want : top;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_takes_each_number_once),
		cmocka_unit_test(without_a_window_everything_goes),
		cmocka_unit_test(the_high_half_is_inferred),
		cmocka_unit_test(it_agrees_with_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
