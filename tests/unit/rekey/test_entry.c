/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rekey/entry.h"
#include "rekey/rekey.h"

static const uint64_t s = 1000000000u, ms = 1000000u;

static struct rekey_entry entry_packets(uint64_t soft, uint64_t hard)
{
	return (struct rekey_entry){
		.limits = {REKEY_INF, REKEY_INF, soft, hard, REKEY_INF, REKEY_INF},
	};
}

static void steady_rate_is_found(void **state)
{
	struct rekey_entry e = entry_packets(100000, 110000);

	(void)state;
	for (uint64_t t = 1; t <= 20; t++)
		assert_true(rekey_entry_count(&e, 64000 * t, 1000 * t, t * s));
	assert_true(e.packet_rate > 995 && e.packet_rate <= 1000);
	assert_true(e.byte_rate > 63700 && e.byte_rate <= 64000);
	/* 20,000 of 100,000 at 1000 a second */
	assert_true(rekey_entry_to_soft(&e, 20 * s) > 79 * s && rekey_entry_to_soft(&e, 20 * s) < 81 * s);
	assert_true(rekey_entry_to_hard(&e, 20 * s) > 89 * s && rekey_entry_to_hard(&e, 20 * s) < 91 * s);
}

static void growth_is_believed_sooner_than_silence(void **state)
{
	struct rekey_entry up = entry_packets(1000000, 1100000), down = up;

	(void)state;
	for (uint64_t t = 1; t <= 20; t++) {
		rekey_entry_count(&up, 0, 100 * t, t * s);
		rekey_entry_count(&down, 0, 1000 * t, t * s);
	}
	rekey_entry_count(&up, 0, 2000 + 1000 * 3, 23 * s);
	rekey_entry_count(&down, 0, 20000 + 100 * 3, 23 * s);
	assert_true(up.packet_rate > 700);
	assert_true(down.packet_rate > 700);
}

static void stale_and_repeated_counts_change_nothing(void **state)
{
	struct rekey_entry e = entry_packets(100000, 110000), before;

	(void)state;
	for (uint64_t t = 1; t <= 5; t++)
		rekey_entry_count(&e, 64000 * t, 1000 * t, t * s);
	before = e;
	assert_false(rekey_entry_count(&e, 64000 * 5, 1000 * 5, 5 * s + 100 * ms));
	assert_false(rekey_entry_count(&e, 64000 * 3, 1000 * 3, 5 * s + 200 * ms));
	assert_memory_equal(&e, &before, sizeof(e));
	/* polled ten times a second from a card that refreshes once a second: the rate is the same */
	for (uint64_t t = 51; t <= 200; t++)
		rekey_entry_count(&e, 64000 * (t / 10), 1000 * (t / 10), t * 100 * ms);
	assert_true(e.packet_rate > 950 && e.packet_rate < 1001);
	/* one dimension may be stale alone */
	assert_true(rekey_entry_count(&e, 0, 21000, 21 * s));
	assert_true(e.packets == 21000 && e.bytes == 64000 * 20);
}

static void silence_lets_the_rate_fall(void **state)
{
	struct rekey_entry e = entry_packets(100000, 110000);
	double rate;

	(void)state;
	for (uint64_t t = 1; t <= 10; t++)
		rekey_entry_count(&e, 0, 1000 * t, t * s);
	rate = e.packet_rate;
	for (uint64_t t = 11; t <= 60; t++)
		rekey_entry_count(&e, 0, 10000, t * s);
	assert_true(e.packet_rate < rate / 50);
	assert_true(e.packets == 10000);
}

static void estimate_runs_on_for_a_moment_only(void **state)
{
	struct rekey_entry e = entry_packets(22500, 24000);

	(void)state;
	for (uint64_t t = 1; t <= 20; t++)
		rekey_entry_count(&e, 0, 1000 * t, t * s);
	/* no counts any more: at most 2000 packets are assumed */
	assert_int_equal(rekey_entry_reason(&e, 0, 20 * s), REKEY_NONE);
	assert_int_equal(rekey_entry_reason(&e, 0, 3600 * s), REKEY_NONE);
	e.limits.soft_packets = 21900;
	assert_int_equal(rekey_entry_reason(&e, 0, 20 * s), REKEY_NONE);
	assert_int_equal(rekey_entry_reason(&e, 0, 22 * s), REKEY_PACKETS);

	/* a short life: at most an eighth of its limit is assumed, here 1000 of 8000 */
	e = entry_packets(8000, 9000);
	for (uint64_t t = 1; t <= 10; t++)
		rekey_entry_count(&e, 0, 690 * t, t * s);
	assert_int_equal(rekey_entry_reason(&e, 0, 3600 * s), REKEY_NONE);
	rekey_entry_count(&e, 0, 7001, 10 * s);
	assert_int_equal(rekey_entry_reason(&e, 0, 3600 * s), REKEY_PACKETS);
}

static void due_when_hard_is_nearer_than_a_replacement(void **state)
{
	struct rekey_entry e = entry_packets(95000, 100000);

	(void)state;
	for (uint64_t t = 1; t <= 8; t++)
		rekey_entry_count(&e, 0, 10000 * t, t * s);
	/* 20,000 packets to hard, about 2 s */
	assert_int_equal(rekey_entry_reason(&e, s, 8 * s), REKEY_NONE);
	assert_int_equal(rekey_entry_reason(&e, 3 * s, 8 * s), REKEY_PACKETS);
	/* but never in the first half of soft */
	e.packets = 40000;
	assert_int_equal(rekey_entry_reason(&e, 3600 * s, 8 * s), REKEY_NONE);
	assert_true(rekey_entry_due_at(&e, 3600 * s, 8 * s) > 8 * s);
	assert_true(rekey_entry_due_at(&e, 3600 * s, 8 * s) < 9 * s);
}

static void first_dimension_decides(void **state)
{
	struct rekey_entry e = {.limits = {1000000, 1100000, 2000, 2200, 30 * s, 40 * s}};

	(void)state;
	for (uint64_t t = 1; t <= 10; t++)
		rekey_entry_count(&e, 1000 * t, 100 * t, t * s);
	assert_true(rekey_entry_to_soft(&e, 10 * s) < 11 * s); /* 1000 packets left at 100 a second */
	assert_true(rekey_entry_wear_soft(&e, 10 * s) == 0.5);
	assert_true(rekey_entry_wear_hard(&e, 10 * s) == 1000.0 / 2200);
	assert_int_equal(rekey_entry_reason(&e, 0, 30 * s), REKEY_TIME);
	assert_true(rekey_entry_to_hard(&e, 39 * s) <= s);
	assert_true(rekey_entry_to_hard(&e, 40 * s) == 0);
	assert_true(rekey_entry_wear_hard(&e, 60 * s) == 1.5);
}

static void nothing_overflows(void **state)
{
	struct rekey_entry e = {
		.limits = {UINT64_MAX - 2, UINT64_MAX - 1, UINT64_MAX - 2, UINT64_MAX - 1, UINT64_MAX - 2,
			   UINT64_MAX - 1},
	};

	(void)state;
	rekey_entry_count(&e, UINT64_MAX - 3, 1, 1);
	assert_true(e.bytes == UINT64_MAX - 3);
	assert_int_equal(rekey_entry_reason(&e, 0, 1), REKEY_NONE);
	rekey_entry_count(&e, UINT64_MAX - 2, 1, 2);
	assert_int_equal(rekey_entry_reason(&e, 0, 2), REKEY_BYTES);
	e = (struct rekey_entry){.limits = e.limits};
	assert_true(rekey_entry_due_at(&e, 0, 5) == UINT64_MAX - 2);
	assert_true(rekey_entry_due_at(&e, UINT64_MAX, 5) >= UINT64_MAX / 2 - 1);
	e.limits = (struct rekey_limits){REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF};
	rekey_entry_count(&e, UINT64_MAX, UINT64_MAX, 6);
	assert_true(rekey_entry_to_hard(&e, 7) == UINT64_MAX);
	assert_true(rekey_entry_due_at(&e, 0, 7) == UINT64_MAX);
	assert_true(rekey_entry_wear_hard(&e, 7) == 0);
}

static void names_are_stable(void **state)
{
	(void)state;
	assert_string_equal(rekey_reason_name(REKEY_NONE), "none");
	assert_string_equal(rekey_reason_name(REKEY_BYTES), "bytes");
	assert_string_equal(rekey_reason_name(REKEY_PACKETS), "packets");
	assert_string_equal(rekey_reason_name(REKEY_TIME), "time");
	assert_string_equal(rekey_reason_name(REKEY_CARD), "card");
	assert_string_equal(rekey_reason_name(REKEY_ASKED), "asked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_rate_is_found),
		cmocka_unit_test(growth_is_believed_sooner_than_silence),
		cmocka_unit_test(stale_and_repeated_counts_change_nothing),
		cmocka_unit_test(silence_lets_the_rate_fall),
		cmocka_unit_test(estimate_runs_on_for_a_moment_only),
		cmocka_unit_test(due_when_hard_is_nearer_than_a_replacement),
		cmocka_unit_test(first_dimension_decides),
		cmocka_unit_test(nothing_overflows),
		cmocka_unit_test(names_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
