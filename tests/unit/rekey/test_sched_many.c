/* SPDX-License-Identifier: MIT */
/* Many SAs: the cost of an event does not depend on how many there are, and over hours none reaches its hard limit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "rekey/rekey.h"

static const uint64_t s = 1000000000u;

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* CPU ns per event: a count each, and a replacement each. */
static double event_cost(uint32_t n)
{
	enum { EVENTS = 400000 };
	const struct rekey_limits l = {REKEY_INF, REKEY_INF, 800000, 1000000, REKEY_INF, REKEY_INF};
	struct rekey_settings settings;
	struct rekey_entry *e = calloc(n, sizeof(*e));
	struct rekey_sched *sched;
	struct prng rng = prng_init(1);
	uint64_t begun, now = s;

	assert_non_null(e);
	rekey_settings_default(&settings);
	sched = rekey_sched_new(&settings, 1);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(rekey_sched_add(sched, &e[i], &l, i), 0);
	begun = cpu_ns();
	for (unsigned int i = 0; i < EVENTS; i++) {
		struct rekey_entry *x = &e[prng_below(&rng, n)];

		now += 1000;
		rekey_sched_count(sched, x, 0, x->packets + prng_below(&rng, 4000), now);
		if (!(i & 7))
			rekey_sched_want(sched, x, REKEY_CARD, now);
		while ((x = rekey_sched_start(sched, 1, now))) {
			rekey_sched_done(sched, x, true, now);
			rekey_sched_remove(sched, x);
			assert_int_equal(rekey_sched_add(sched, x, &l, now), 0);
		}
	}
	begun = cpu_ns() - begun;
	rekey_sched_free(sched);
	free(e);
	return (double)begun / EVENTS;
}

static void cost_does_not_grow_with_the_number(void **state)
{
	double few = event_cost(1000), many = event_cost(100000);

	(void)state;
	printf("event: %.0f ns at 1000 SAs, %.0f ns at 100000\n", few, many);
	/* the aim is 2 x and 1000 ns, and bench_rekey measures it; here a linear cost (100 x) must not pass */
	assert_true(many < 15 * few);
}

struct sa {
	struct rekey_entry entry;
	double rate, sent;
	uint64_t done_at;
};

static void sa_renew(struct rekey_sched *sched, struct sa *sa, struct prng *rng, uint64_t now)
{
	const struct rekey_config config = {.packets = {800000, 1000000, REKEY_INF}};
	const struct rekey_ceiling ceiling = {UINT32_MAX, REKEY_INF};
	struct rekey_limits l;

	rekey_sched_remove(sched, &sa->entry);
	sa->sent = 0;
	sa->done_at = 0;
	assert_int_equal(rekey_limits_draw(&config, &ceiling, (unsigned int)prng_below(rng, 8), 8, 0,
					   (uint64_t)(sa->rate * 8), rng, &l),
			 0);
	assert_int_equal(rekey_sched_add(sched, &sa->entry, &l, now), 0);
}

/*
 * 2000 SAs with rates from 1 to 30,000 packets a second that change by bursts, polled once a second, never an event
 * from the card, every twentieth replacement fails, and a budget of 40 slots: none passes its hard limit in an hour.
 */
static void nobody_reaches_hard(void **state)
{
	enum { N = 2000, SLOTS = 40, STEPS = 36000 };
	const uint64_t step = s / 10;
	struct rekey_settings settings;
	static struct sa sas[N];
	struct sa *flying[SLOTS] = {0};
	struct prng rng = prng_init(21);
	struct rekey_sched *sched;
	struct rekey_counters c;

	(void)state;
	rekey_settings_default(&settings);
	sched = rekey_sched_new(&settings, 3);
	for (int i = 0; i < N; i++) {
		double u = prng_unit(&rng);

		sas[i].rate = 1 + 30000 * u * u * u * u * u * u * u * u;
		sa_renew(sched, &sas[i], &rng, 0);
	}
	for (uint64_t k = 1; k <= STEPS; k++) {
		uint64_t now = k * step;
		uint32_t slots = 0;
		struct rekey_entry *x;

		for (uint64_t i = 0; i < N; i++) {
			double burst = prng_below(&rng, 50) ? 1 : 3;

			sas[i].sent += sas[i].rate * burst / 10;
			if (sas[i].sent > 1000000)
				fail_msg("SA %u at step %u is past its hard limit", (unsigned int)i, (unsigned int)k);
			if (k % 10 == i % 10)
				rekey_sched_count(sched, &sas[i].entry, 0, (uint64_t)sas[i].sent, now);
		}
		for (int i = 0; i < SLOTS; i++) {
			struct sa *sa = flying[i];

			if (sa && now >= sa->done_at) {
				bool ok = prng_below(&rng, 20) != 0;

				rekey_sched_done(sched, &sa->entry, ok, now);
				if (ok)
					sa_renew(sched, sa, &rng, now);
				flying[i] = NULL;
			}
			slots += !flying[i];
		}
		while ((x = rekey_sched_start(sched, slots, now))) {
			struct sa *sa = (struct sa *)(void *)x;

			sa->done_at = now + s / 5 + prng_below(&rng, s / 2);
			for (int i = 0; i < SLOTS; i++)
				if (!flying[i]) {
					flying[i] = sa;
					break;
				}
			slots--;
		}
	}
	rekey_sched_counters(sched, &c);
	printf("replaced %u, failed %u, deferred %u\n", (unsigned int)c.done, (unsigned int)c.failed,
	       (unsigned int)c.deferred_no_slot);
	assert_true(c.done > 5000 && c.failed > 250);
	rekey_sched_free(sched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cost_does_not_grow_with_the_number),
		cmocka_unit_test(nobody_reaches_hard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
