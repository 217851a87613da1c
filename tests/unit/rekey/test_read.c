/* SPDX-License-Identifier: MIT */
/* When counters are read: seldom far from the soft limit, in time before the hard one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "rekey/entry.h"
#include "rekey/rekey.h"

static const uint64_t s = 1000000000u;

static const struct rekey_reading with_events = {
	.poll_ns = 1000000000u, .max_gap_ns = 60000000000u, .card_events = true};

static struct rekey_entry entry_bytes(uint64_t soft, uint64_t hard)
{
	return (struct rekey_entry){.limits = {soft, hard, REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF}};
}

static void the_gap_is_bounded(void **state)
{
	struct rekey_entry e = entry_bytes(1000000000000, 1100000000000);

	(void)state;
	assert_true(rekey_entry_read_at(&e, &with_events, s, 5 * s) == 65 * s);
	e.bytes = e.limits.soft_bytes; /* at soft */
	e.byte_rate = e.byte_peak = 1e6f;
	assert_true(rekey_entry_read_at(&e, &with_events, s, 5 * s) == 6 * s);
	e.bytes = e.limits.hard_bytes + 7;
	assert_true(rekey_entry_read_at(&e, &with_events, s, 5 * s) == 6 * s);
	e.bytes = e.limits.soft_bytes - 20 * 1000000; /* 20 s before it */
	assert_true(rekey_entry_read_at(&e, &with_events, s, 0) == 10 * s);
	assert_true(rekey_entry_read_at(&e, &with_events, s, UINT64_MAX - 5) == UINT64_MAX);
}

/* A steady SA that lives an hour is read far less often than 3600 times, and near soft at the poll period. */
static void a_life_needs_few_readings(void **state)
{
	struct rekey_entry e = entry_bytes(3600 * 1000000ull, 4000 * 1000000ull);
	struct rekey_reading r = with_events;
	unsigned int readings = 0;
	uint64_t now = 0, last = 0;

	(void)state;
	r.max_gap_ns = 3600 * s;
	e.byte_rate = e.byte_peak = 1e6f; /* inherited */
	while (e.bytes < e.limits.soft_bytes) {
		last = now;
		now = rekey_entry_read_at(&e, &r, s, now);
		assert_true(now > last);
		rekey_entry_count(&e, now / 1000, 0, now);
		readings++;
		assert_true(now < 3603 * s);
	}
	assert_true(now - last <= s);
	assert_true(readings < 25);
}

static void without_limits_there_is_nothing_to_miss(void **state)
{
	struct rekey_entry e = entry_bytes(REKEY_INF, REKEY_INF);
	struct rekey_reading r = {.poll_ns = 1000000000u, .max_gap_ns = 60000000000u};

	(void)state;
	assert_true(rekey_entry_read_at(&e, &r, s, 0) == 60 * s);
}

static void without_events_and_line_rate_each_poll_counts(void **state)
{
	struct rekey_entry e = entry_bytes(1000000000000, 1100000000000);
	struct rekey_reading r = {.poll_ns = 1000000000u, .max_gap_ns = 60000000000u};

	(void)state;
	assert_true(rekey_entry_read_at(&e, &r, s, 0) == s);
	r.line_rate =
		12.5e9; /* 100 Gbit/s: 88 s to hard, less 2 s for the replacement, but never more than max_gap_ns */
	assert_true(rekey_entry_read_at(&e, &r, 2 * s, 0) == 60 * s);
	r.max_gap_ns = 3600 * s;
	assert_true(rekey_entry_read_at(&e, &r, 2 * s, 0) == 86 * s);
	e.limits.hard_packets = e.limits.soft_packets = 1953125000; /* 64 octets each: 10 s of such a line */
	assert_true(rekey_entry_read_at(&e, &r, 2 * s, 0) == 8 * s);
	r.packet_least = 1280;
	assert_true(rekey_entry_read_at(&e, &r, 2 * s, 0) == 86 * s);
}

/* The promise in the header: an SA that has been silent bursts at line rate, and still there is time to replace it. */
static void a_burst_from_idle_is_read_in_time(void **state)
{
	const struct rekey_reading r = {
		.poll_ns = 1000000000u, .max_gap_ns = UINT64_C(3600) * 1000000000u, .line_rate = 12.5e9};
	const uint64_t replace_ns = 3 * s;
	struct prng rng = prng_init(6);

	(void)state;
	for (int run = 0; run < 20000; run++) {
		uint64_t hard = 100000000000 + prng_below(&rng, 4000000000000), gap;
		struct rekey_entry e = entry_bytes(hard / 10 * 8, hard);
		double at_reading;

		e.bytes = prng_below(&rng, hard / 10 * 8);
		gap = rekey_entry_read_at(&e, &r, replace_ns, 0);
		at_reading = (double)e.bytes + 12.5e9 * (double)gap / 1e9; /* the burst began just after the last one */
		if (gap > r.poll_ns)
			assert_true(at_reading + 12.5e9 * 3 <= (double)hard * 1.000001);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gap_is_bounded),
		cmocka_unit_test(a_life_needs_few_readings),
		cmocka_unit_test(without_limits_there_is_nothing_to_miss),
		cmocka_unit_test(without_events_and_line_rate_each_poll_counts),
		cmocka_unit_test(a_burst_from_idle_is_read_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
