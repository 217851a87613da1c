/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rekey/rekey.h"

static const uint64_t s = 1000000000u, ms = 1000000u;

static const struct rekey_settings settings = {
	.replace_ns = 0, .backoff_ns = 1000000000u, .backoff_max_ns = 8000000000u};

static const struct rekey_limits packets_100 = {REKEY_INF, REKEY_INF, 80, 100, REKEY_INF, REKEY_INF};
static const struct rekey_limits unlimited = {REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF};

static struct rekey_counters counters(const struct rekey_sched *sched)
{
	struct rekey_counters c;

	rekey_sched_counters(sched, &c);
	return c;
}

static void starts_in_order_of_time_to_hard(void **state)
{
	enum { N = 50 };
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry e[N] = {0}, *x;
	uint64_t last = 0;
	int started = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		struct rekey_limits l = packets_100;

		/* all soft limits are reached at 4000 packets; the rates and what is left to hard differ */
		l.soft_packets = 4000;
		l.hard_packets = 5000 + 97 * (uint64_t)((i * 31) % N);
		assert_int_equal(rekey_sched_add(sched, &e[i], &l, 0), 0);
	}
	for (uint64_t t = 1; t <= 10; t++)
		for (int i = 0; i < N; i++)
			rekey_sched_count(sched, &e[i], 0, t * (400 + (uint64_t)((i * 7) % N)), t * s);
	assert_int_equal(counters(sched).due, N);
	while ((x = rekey_sched_start(sched, 1, 10 * s))) {
		uint64_t left = rekey_entry_to_hard(x, 10 * s);

		assert_true(left >= last);
		assert_int_equal(x->reason, REKEY_PACKETS);
		last = left;
		started++;
	}
	assert_int_equal(started, N);
	assert_int_equal(counters(sched).running, N);
	assert_int_equal(counters(sched).by_packets, N);
	rekey_sched_free(sched);
}

static void order_follows_counts_that_come_while_waiting(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry a = {0}, b = {0};
	struct rekey_limits l = {REKEY_INF, REKEY_INF, 1000, 100000, REKEY_INF, REKEY_INF};

	(void)state;
	rekey_sched_add(sched, &a, &l, 0);
	rekey_sched_add(sched, &b, &l, 0);
	rekey_sched_count(sched, &a, 0, 2000, s);
	rekey_sched_count(sched, &b, 0, 1000, s);
	assert_null(rekey_sched_start(sched, 0, s)); /* a is first now */
	for (uint64_t t = 2; t < 6; t++)
		rekey_sched_count(sched, &b, 0, t * 15000, t * s);
	assert_ptr_equal(rekey_sched_start(sched, 1, 6 * s), &b);
	assert_ptr_equal(rekey_sched_start(sched, 1, 6 * s), &a);
	rekey_sched_free(sched);
}

static void budget_is_respected(void **state)
{
	enum { N = 10 };
	struct rekey_settings limited = settings;
	struct rekey_sched *sched;
	struct rekey_entry e[N] = {0}, *x, *y;

	(void)state;
	limited.in_flight_max = 3;
	sched = rekey_sched_new(&limited, 1);
	for (int i = 0; i < N; i++) {
		assert_int_equal(rekey_sched_add(sched, &e[i], &packets_100, 0), 0);
		rekey_sched_want(sched, &e[i], REKEY_CARD, s);
	}
	assert_null(rekey_sched_start(sched, 0, s));
	assert_null(rekey_sched_start(sched, 0, s));
	assert_int_equal(counters(sched).deferred_no_slot, 1);
	x = rekey_sched_start(sched, 8, s);
	y = rekey_sched_start(sched, 7, s);
	assert_non_null(x);
	assert_non_null(y);
	assert_non_null(rekey_sched_start(sched, 6, s));
	assert_null(rekey_sched_start(sched, 5, s)); /* in_flight_max */
	rekey_sched_done(sched, x, true, 2 * s);
	rekey_sched_done(sched, y, true, 2 * s);
	assert_int_equal(x->state, REKEY_REPLACED);
	assert_non_null(rekey_sched_start(sched, 1, 2 * s));
	assert_null(rekey_sched_start(sched, 0, 2 * s));
	assert_int_equal(counters(sched).running, 2);
	assert_int_equal(counters(sched).replaced, 2);
	assert_int_equal(counters(sched).due, N - 4);
	assert_int_equal(counters(sched).started, 4);
	rekey_sched_free(sched);
}

/* The card never says a word: counts that are polled, or only the estimate from them, make the SA due. */
static void lost_soft_events_do_no_harm(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry counted = {0}, guessed = {0};
	unsigned int wakes = 0;
	uint64_t now;

	(void)state;
	rekey_sched_add(sched, &counted, &packets_100, 0);
	rekey_sched_count(sched, &counted, 0, 79, 0);
	assert_null(rekey_sched_start(sched, 1, 0));
	rekey_sched_count(sched, &counted, 0, 80, 0);
	assert_ptr_equal(rekey_sched_start(sched, 1, 0), &counted);

	rekey_sched_add(sched, &guessed, &packets_100, 0);
	for (uint64_t t = 1; t <= 7; t++)
		rekey_sched_count(sched, &guessed, 0, 10 * t, t * s);
	for (now = 7 * s; !rekey_sched_start(sched, 1, now); now = rekey_sched_next(sched)) {
		assert_true(!wakes || rekey_sched_next(sched) > now);
		assert_true(wakes++ < 20);
	}
	assert_int_equal(guessed.state, REKEY_RUNNING);
	assert_true(now > 7 * s + 800 * ms && now < 9 * s);
	rekey_sched_free(sched);
}

static void an_estimate_that_was_wrong_is_made_again(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry e = {0};
	struct rekey_limits l = {REKEY_INF, REKEY_INF, 1000, 1200, REKEY_INF, REKEY_INF};
	unsigned int calls = 0;

	(void)state;
	rekey_sched_add(sched, &e, &l, 0);
	for (uint64_t t = 1; t <= 5; t++)
		rekey_sched_count(sched, &e, 0, 100 * t, t * s);
	/* now it is silent, and polled: no replacement, and not asked more often than each 100 ms */
	for (uint64_t now = 5 * s; now < 600 * s; calls++) {
		uint64_t next = rekey_sched_next(sched), poll = now + s;

		now = next < poll ? next : poll;
		rekey_sched_count(sched, &e, 0, 500, now);
		assert_null(rekey_sched_start(sched, 1, now));
		assert_true(rekey_sched_next(sched) > now);
	}
	assert_true(calls < 800);
	rekey_sched_free(sched);
}

static void repeats_and_late_events_are_harmless(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry e = {0}, stranger = {0};

	(void)state;
	rekey_sched_add(sched, &e, &packets_100, 0);
	assert_int_equal(rekey_sched_add(sched, &e, &packets_100, 0), -EEXIST);
	for (int i = 0; i < 3; i++)
		rekey_sched_want(sched, &e, REKEY_CARD, s);
	assert_int_equal(counters(sched).by_card, 1);
	assert_ptr_equal(rekey_sched_start(sched, 1, s), &e);
	rekey_sched_want(sched, &e, REKEY_CARD, s);
	rekey_sched_count(sched, &e, 0, 90, s);
	assert_null(rekey_sched_start(sched, 1, s));
	rekey_sched_done(sched, &e, true, 2 * s);
	rekey_sched_done(sched, &e, false, 2 * s);
	rekey_sched_want(sched, &e, REKEY_CARD, 2 * s);
	rekey_sched_count(sched, &e, 0, 99, 2 * s);
	assert_int_equal(e.state, REKEY_REPLACED);
	assert_null(rekey_sched_start(sched, 1, 3 * s));
	assert_int_equal(counters(sched).failed, 0);

	rekey_sched_want(sched, &stranger, REKEY_CARD, s);
	rekey_sched_count(sched, &stranger, 5, 5, s);
	rekey_sched_taken(sched, &stranger, s);
	rekey_sched_done(sched, &stranger, true, s);
	rekey_sched_remove(sched, &stranger);
	assert_int_equal(stranger.state, REKEY_IDLE);
	rekey_sched_free(sched);
}

static void backoff_doubles_is_random_and_bounded(void **state)
{
	enum { N = 200, TRIES = 7 };
	struct rekey_sched *sched = rekey_sched_new(&settings, 4);
	static struct rekey_entry e[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		assert_int_equal(rekey_sched_add(sched, &e[i], &unlimited, 0), 0);
		rekey_sched_want(sched, &e[i], REKEY_ASKED, 0);
	}
	for (int try = 0; try < TRIES; try++) {
		uint64_t now = (uint64_t)(try + 1) * 100 * s, least = UINT64_MAX, most = 0;
		uint64_t full = s << (try < 3 ? try : 3); /* backoff_max_ns is 8 s */

		for (int i = 0; i < N; i++)
			assert_non_null(rekey_sched_start(sched, 1, now));
		for (int i = 0; i < N; i++) {
			uint64_t wait;

			rekey_sched_done(sched, &e[i], false, now);
			wait = e[i].retry_ns - now;
			assert_true(wait >= full / 2 && wait <= full);
			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
		assert_true(most - least > full / 3);
		assert_null(rekey_sched_start(sched, N, now + full / 2 - 1));
		assert_true(rekey_sched_next(sched) == now + least);
	}
	assert_int_equal(counters(sched).failed, N * TRIES);
	assert_int_equal(counters(sched).due, N);
	rekey_sched_free(sched);
}

/* An SA close to its hard limit is tried again and again before it gets there, but not without pause. */
static void backoff_leaves_time_for_more_tries(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry e = {0};
	struct rekey_limits l = {REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF, 100 * s, 102 * s};
	unsigned int tries = 0;
	uint64_t now = 100 * s;

	(void)state;
	rekey_sched_add(sched, &e, &l, 0);
	while (now < 102 * s) {
		assert_ptr_equal(rekey_sched_start(sched, 1, now), &e);
		assert_int_equal(e.reason, REKEY_TIME);
		rekey_sched_done(sched, &e, false, now);
		assert_true(rekey_sched_next(sched) >= now + s / 16);
		now = rekey_sched_next(sched);
		tries++;
	}
	assert_true(tries >= 4 && tries <= 32);
	rekey_sched_free(sched);
}

static void an_operator_ends_a_backoff_and_the_card_does_not(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry e = {0};

	(void)state;
	rekey_sched_add(sched, &e, &unlimited, 0);
	rekey_sched_want(sched, &e, REKEY_CARD, s);
	assert_ptr_equal(rekey_sched_start(sched, 1, s), &e);
	rekey_sched_done(sched, &e, false, s);
	rekey_sched_want(sched, &e, REKEY_CARD, s);
	assert_null(rekey_sched_start(sched, 1, s));
	rekey_sched_want(sched, &e, REKEY_ASKED, s);
	assert_ptr_equal(rekey_sched_start(sched, 1, s), &e);
	rekey_sched_done(sched, &e, true, s);
	assert_int_equal(e.failures, 0);
	rekey_sched_free(sched);
}

static void the_peer_may_take_it(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry watched = {0}, due = {0}, waiting = {0}, ours = {0};

	(void)state;
	rekey_sched_add(sched, &watched, &packets_100, 0);
	rekey_sched_add(sched, &due, &packets_100, 0);
	rekey_sched_add(sched, &waiting, &packets_100, 0);
	rekey_sched_add(sched, &ours, &packets_100, 0);
	rekey_sched_want(sched, &ours, REKEY_CARD, s);
	assert_ptr_equal(rekey_sched_start(sched, 1, s), &ours);
	rekey_sched_want(sched, &waiting, REKEY_CARD, s);
	assert_null(rekey_sched_start(sched, 0, s));
	rekey_sched_want(sched, &due, REKEY_CARD, s);

	rekey_sched_taken(sched, &watched, s);
	rekey_sched_taken(sched, &due, s);
	rekey_sched_taken(sched, &waiting, s);
	rekey_sched_taken(sched, &ours, s); /* both at once: already running */
	assert_int_equal(counters(sched).running, 4);
	assert_int_equal(counters(sched).taken, 3);
	assert_int_equal(counters(sched).started, 1);
	assert_null(rekey_sched_start(sched, 9, s));

	/* the peer gives up: what was not due is as before, what was due stays due */
	rekey_sched_done(sched, &watched, false, 2 * s);
	rekey_sched_done(sched, &due, false, 2 * s);
	rekey_sched_done(sched, &waiting, true, 2 * s);
	assert_int_equal(watched.state, REKEY_WATCHED);
	assert_int_equal(due.state, REKEY_DUE);
	assert_int_equal(waiting.state, REKEY_REPLACED);
	rekey_sched_count(sched, &watched, 0, 85, 4 * s);
	assert_non_null(rekey_sched_start(sched, 2, 4 * s));
	assert_non_null(rekey_sched_start(sched, 1, 4 * s));
	assert_null(rekey_sched_start(sched, 1, 4 * s));
	rekey_sched_free(sched);
}

static void removal_works_in_every_state(void **state)
{
	struct rekey_sched *sched = rekey_sched_new(&settings, 1);
	struct rekey_entry e = {0};
	struct rekey_counters c;

	(void)state;
	for (int step = 0; step < 6; step++) {
		assert_int_equal(rekey_sched_add(sched, &e, &packets_100, 0), 0);
		if (step >= 1)
			rekey_sched_want(sched, &e, REKEY_CARD, s);
		if (step == 2)
			assert_null(rekey_sched_start(sched, 0, s)); /* ready, no slot */
		if (step >= 3)
			assert_ptr_equal(rekey_sched_start(sched, 1, s), &e);
		if (step == 4)
			rekey_sched_done(sched, &e, false, s); /* in back-off */
		if (step == 5)
			rekey_sched_done(sched, &e, true, s);
		rekey_sched_remove(sched, &e);
		rekey_sched_remove(sched, &e);
		assert_int_equal(e.state, REKEY_IDLE);
		c = counters(sched);
		assert_int_equal(c.watched + c.due + c.running + c.replaced, 0);
		assert_true(rekey_sched_next(sched) == UINT64_MAX);
		assert_null(rekey_sched_start(sched, 9, 1000 * s));
	}
	rekey_sched_free(sched);
	rekey_sched_free(NULL);
}

static void default_settings_are_sane(void **state)
{
	struct rekey_settings d;

	(void)state;
	rekey_settings_default(&d);
	assert_true(d.replace_ns > s); /* a card that is polled once a second */
	assert_true(d.backoff_ns && d.backoff_ns < d.backoff_max_ns);
	assert_int_equal(d.in_flight_max, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_in_order_of_time_to_hard),
		cmocka_unit_test(order_follows_counts_that_come_while_waiting),
		cmocka_unit_test(budget_is_respected),
		cmocka_unit_test(lost_soft_events_do_no_harm),
		cmocka_unit_test(an_estimate_that_was_wrong_is_made_again),
		cmocka_unit_test(repeats_and_late_events_are_harmless),
		cmocka_unit_test(backoff_doubles_is_random_and_bounded),
		cmocka_unit_test(backoff_leaves_time_for_more_tries),
		cmocka_unit_test(an_operator_ends_a_backoff_and_the_card_does_not),
		cmocka_unit_test(the_peer_may_take_it),
		cmocka_unit_test(removal_works_in_every_state),
		cmocka_unit_test(default_settings_are_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
