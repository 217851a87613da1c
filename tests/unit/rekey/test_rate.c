/* SPDX-License-Identifier: MIT */
/* The estimate of an SA's traffic: steady, bursty, growing, and taken over from a predecessor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "rekey/entry.h"
#include "rekey/rekey.h"

static const uint64_t s = 1000000000u, ms = 1000000u;

static struct rekey_entry entry_at(uint64_t born_ns)
{
	return (struct rekey_entry){
		.limits = {REKEY_INF, REKEY_INF, UINT64_C(1) << 40, UINT64_C(1) << 41, REKEY_INF, REKEY_INF},
		.born_ns = born_ns,
		.counted_ns = born_ns,
	};
}

static void a_first_measurement_counts(void **state)
{
	struct rekey_entry e = entry_at(0);

	(void)state;
	rekey_entry_count(&e, 0, 1000, s);
	assert_true(e.packet_rate > 900 && e.packet_rate <= 1000);
	assert_true(e.packet_peak >= 999 && e.packet_peak <= 1001);
}

static void steady_rate_and_peak_agree(void **state)
{
	struct rekey_entry e = entry_at(0);

	(void)state;
	for (uint64_t t = 1; t <= 30; t++)
		rekey_entry_count(&e, 0, 1000 * t, t * s);
	assert_true(e.packet_rate > 999 && e.packet_rate < 1001);
	assert_true(e.packet_peak >= e.packet_rate && e.packet_peak < 1100);
}

/* 100 a second with a burst of 5000 a second for 2 s in each 30: the peak stays above the burst, the rate does not. */
static void bursts_are_remembered(void **state)
{
	struct rekey_entry e = entry_at(0);
	uint64_t sent = 0;

	(void)state;
	for (uint64_t t = 1; t <= 300; t++) {
		sent += t % 30 < 2 ? 5000 : 100;
		rekey_entry_count(&e, 0, sent, t * s);
		if (t <= 60)
			continue;
		assert_true(e.packet_peak > 4500 && e.packet_peak <= 10000);
		if (t % 30 == 29)
			assert_true(e.packet_rate < 1000);
	}
}

/* A rate that doubles each 10 s: what the SA is expected to carry in the next 1.5 s is not less than what it does. */
static void growth_is_believed_to_go_on(void **state)
{
	struct rekey_entry e = entry_at(0);
	double rate = 1000, sent = 0;

	(void)state;
	for (uint64_t t = 1; t <= 100; t++) {
		for (int i = 0; i < 10; i++) {
			sent += rate / 10;
			rate *= 1.00695555;
		}
		rekey_entry_count(&e, 0, (uint64_t)sent, t * s);
		if (t > 3)
			assert_true((double)rekey_entry_margin(&e, 1500 * ms).packets >= rate * 1.58);
	}
}

/* A card that shows new counts once a second, read at any time: no reading makes a peak that never was. */
static void lumps_of_a_lagging_card_are_no_peaks(void **state)
{
	struct prng rng = prng_init(2);
	struct rekey_entry e = entry_at(0);

	(void)state;
	for (uint64_t now = 0; now < 200 * s; now += 1 * ms + prng_below(&rng, 700 * ms))
		rekey_entry_count(&e, 0, now / s * 1000, now);
	assert_true(e.packet_peak < 3100);
	assert_true(e.packet_rate > 700 && e.packet_rate < 1800);
}

static void a_successor_inherits_and_soon_knows_better(void **state)
{
	struct rekey_entry old = entry_at(0), e = entry_at(100 * s), idle = entry_at(100 * s);

	(void)state;
	for (uint64_t t = 1; t <= 100; t++)
		rekey_entry_count(&old, 64000 * t, 1000 * t, t * s);
	rekey_entry_inherit(&e, &old);
	rekey_entry_inherit(&idle, &old);
	assert_true(e.packet_rate == old.packet_rate && e.byte_peak == old.byte_peak);
	assert_true(e.bytes == 0 && e.packets == 0);
	/* at once: when will it be due? */
	e.limits.soft_packets = 50000;
	assert_true(rekey_entry_to_soft(&e, 100 * s) > 49 * s && rekey_entry_to_soft(&e, 100 * s) < 51 * s);
	/* the new one carries a tenth: after 10 s of measurement, most of what was inherited is gone */
	for (uint64_t t = 1; t <= 10; t++)
		rekey_entry_count(&e, 6400 * t, 100 * t, (100 + t) * s);
	assert_true(e.packet_rate > 100 && e.packet_rate < 200);
	/* and it never carries anything */
	for (uint64_t t = 1; t <= 60; t++)
		rekey_entry_count(&idle, 0, 0, (100 + t) * s);
	assert_true(idle.packet_rate < 10);
}

/* As in the demo: lives of two seconds, 2000 packets, polled once a second. What is inherited must not end a life
 * early. */
static void short_lives_are_not_cut_by_what_is_inherited(void **state)
{
	struct rekey_entry old = entry_at(0), e;
	uint64_t born = 0;

	(void)state;
	old.limits.soft_packets = 2000;
	old.limits.hard_packets = 6000;
	for (int life = 0; life < 50; life++) {
		uint64_t now = born;

		e = entry_at(born);
		e.limits = old.limits;
		rekey_entry_inherit(&e, &old);
		if (life) {
			assert_true(rekey_entry_to_soft(&e, now) > 1800 * ms);
			assert_true(rekey_entry_to_soft(&e, now) < 2200 * ms);
		}
		while (rekey_entry_reason(&e, 1250 * ms, now) == REKEY_NONE) {
			now += 100 * ms;
			if ((now - born) % s == 0)
				rekey_entry_count(&e, 0, (now - born) / ms, now);
			assert_true(now - born < 3 * s);
		}
		assert_true(now - born >= 1700 * ms); /* an eighth may be made up */
		old = e;
		born = now;
	}
}

static void margins_never_overflow(void **state)
{
	struct rekey_entry e = entry_at(0);
	struct rekey_margin m;

	(void)state;
	rekey_entry_count(&e, UINT64_MAX, UINT64_MAX, 1);
	m = rekey_entry_margin(&e, UINT64_MAX);
	assert_true(m.bytes == UINT64_MAX && m.packets == UINT64_MAX && m.ns == UINT64_MAX);
	m = rekey_entry_margin(&e, 0);
	assert_true(m.bytes == 0 && m.packets == 0 && m.ns == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_measurement_counts),
		cmocka_unit_test(steady_rate_and_peak_agree),
		cmocka_unit_test(bursts_are_remembered),
		cmocka_unit_test(growth_is_believed_to_go_on),
		cmocka_unit_test(lumps_of_a_lagging_card_are_no_peaks),
		cmocka_unit_test(a_successor_inherits_and_soon_knows_better),
		cmocka_unit_test(short_lives_are_not_cut_by_what_is_inherited),
		cmocka_unit_test(margins_never_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
