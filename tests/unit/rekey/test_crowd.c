/* SPDX-License-Identifier: MIT */
/* More SAs come due than slots serve: those that come first are started early, and none of them reaches hard. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/prng.h"
#include "rekey/policy.h"
#include "rekey/rekey.h"

static const uint64_t s = 1000000000u, ms = 1000000u;

enum { SAS = 400, SERVERS = 4 };

struct sa {
	struct rekey_entry entry;
	uint64_t born_ns, ends_ns; /* ends_ns: when the replacement under way is done and its slots are free */
};

struct world {
	struct rekey_sched *sched;
	struct sa sa[SAS];
	struct prng rng;
	uint64_t now;
	unsigned int free, past_hard, in_first_half;
	uint64_t early_ns; /* how much of their lives was given up, in all */
};

/* 1000 packets a second: soft at 600 s, hard at 660 s. */
static const struct rekey_limits limits = {REKEY_INF, REKEY_INF, 600000, 660000, REKEY_INF, REKEY_INF};

static struct world *world_new(uint32_t servers, uint64_t hold_ns, bool late)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rekey_settings settings;

	assert_non_null(w);
	rekey_settings_default(&settings);
	settings.late = late;
	w->sched = rekey_sched_new(&settings, 1);
	assert_non_null(w->sched);
	rekey_sched_servers_set(w->sched, servers, hold_ns);
	w->rng = prng_init(3);
	w->free = SERVERS;
	for (int i = 0; i < SAS; i++) /* all within ten seconds, as after a start */
		w->sa[i].born_ns = (uint64_t)i * 10 * s / SAS;
	return w;
}

static struct rekey_counters world_free(struct world *w)
{
	struct rekey_counters c;

	rekey_sched_counters(w->sched, &c);
	rekey_sched_free(w->sched);
	free(w);
	return c;
}

static void sa_step(struct world *w, struct sa *sa)
{
	uint64_t packets = w->now > sa->born_ns ? (w->now - sa->born_ns) / ms : 0;

	if (sa->entry.state == REKEY_IDLE && w->now >= sa->born_ns)
		assert_int_equal(rekey_sched_add(w->sched, &sa->entry, &limits, w->now), 0);
	if (sa->ends_ns && w->now >= sa->ends_ns) {
		struct rekey_entry old = sa->entry;

		rekey_sched_done(w->sched, &sa->entry, true, w->now);
		rekey_sched_remove(w->sched, &sa->entry);
		sa->born_ns = w->now;
		sa->ends_ns = 0;
		assert_int_equal(rekey_sched_add(w->sched, &sa->entry, &limits, w->now), 0);
		rekey_sched_inherit(w->sched, &sa->entry, &old, w->now);
		w->free++;
		return;
	}
	if (packets >= limits.hard_packets && sa->entry.state != REKEY_IDLE)
		w->past_hard++;
	if (w->now % s == 0)
		rekey_sched_count(w->sched, &sa->entry, packets * 1000, packets, w->now);
}

/* Runs until `end`; replacements take hold_ns. */
static void world_run(struct world *w, uint64_t end, uint64_t hold_ns)
{
	for (; w->now < end; w->now += 250 * ms) {
		struct rekey_entry *e;

		for (int i = 0; i < SAS; i++)
			sa_step(w, &w->sa[i]);
		while ((e = rekey_sched_start(w->sched, w->free, w->now))) {
			struct sa *sa = (struct sa *)(void *)e;
			uint64_t age = w->now - sa->born_ns;

			w->free--;
			sa->ends_ns = w->now + hold_ns;
			if (age < 600 * s)
				w->early_ns += 600 * s - age;
			w->in_first_half += age < 299 * s;
		}
	}
}

/* 400 SAs come due within ten seconds, and four slots replace one each 2.4 seconds: 240 s of work, 70 s until hard. */
static void a_crowd_is_started_early(void **state)
{
	const uint64_t hold_ns = 2400 * ms;
	struct world *w = world_new(SERVERS, hold_ns, false);
	struct rekey_counters c;

	(void)state;
	world_run(w, 700 * s, hold_ns);
	assert_int_equal(w->past_hard, 0);
	assert_int_equal(w->in_first_half, 0);
	/* not earlier than it must be: the work is 240 s, so the first starts about that long before soft */
	assert_true(w->early_ns / SAS < 140 * s);
	world_run(w, 3600 * s, hold_ns);
	assert_int_equal(w->past_hard, 0);
	c = world_free(w);
	assert_true(c.early > 300);
	assert_true(c.done >= 5 * SAS);
}

static void unknown_slots_or_a_late_policy_start_nothing_early(void **state)
{
	const uint64_t hold_ns = 2400 * ms;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct world *w = world_new(i == 0 ? 0 : SERVERS, i == 1 ? 0 : hold_ns, i == 2);

		world_run(w, 700 * s, hold_ns);
		assert_true(w->past_hard > 0);
		assert_true(w->early_ns / SAS < 2 * s);
		assert_int_equal(world_free(w).early, 0);
	}
}

/* Where slots serve twice as many as come, nothing is early. */
static void plenty_of_slots_give_no_reason(void **state)
{
	const uint64_t hold_ns = 250 * ms;
	struct world *w = world_new(SERVERS, hold_ns, false);

	(void)state;
	for (int i = 0; i < SAS; i++) /* 8 a second; 16 can be */
		w->sa[i].born_ns = (uint64_t)i * 50 * s / SAS;
	world_run(w, 700 * s, hold_ns);
	assert_int_equal(w->past_hard, 0);
	assert_int_equal(world_free(w).early, 0);
}

/* More than can ever be done: no slot is idle, and still nobody is replaced in the first half of its life. */
static void overload_keeps_every_slot_busy(void **state)
{
	const uint64_t hold_ns = 12 * s;
	struct world *w = world_new(SERVERS, hold_ns, false);
	struct rekey_counters c;

	(void)state;
	world_run(w, 1200 * s, hold_ns);
	assert_int_equal(w->in_first_half, 0);
	c = world_free(w);
	assert_true(c.done >= (1200 - 320) / 12 * SERVERS);
}

/* The owner may sleep until rekey_sched_next(): it wakes in time for a crowd even if no counts come. */
static void the_next_time_is_in_time_for_a_crowd(void **state)
{
	const uint64_t hold_ns = 2 * s;
	const struct rekey_limits by_time = {REKEY_INF, REKEY_INF, REKEY_INF, REKEY_INF, 600 * s, 660 * s};
	struct world *w = world_new(SERVERS, hold_ns, false);
	struct rekey_entry *e;
	unsigned int wakes = 0;
	uint64_t now = 0;

	(void)state;
	for (int i = 0; i < SAS; i++)
		assert_int_equal(rekey_sched_add(w->sched, &w->sa[i].entry, &by_time, 0), 0);
	while (!(e = rekey_sched_start(w->sched, SERVERS, now))) {
		uint64_t next = rekey_sched_next(w->sched);

		assert_true(next != UINT64_MAX);
		now = next > now ? next : now + 1;
		assert_true(wakes++ < 1000);
	}
	/* 200 s of work; a quarter of the time from soft to hard may be waited */
	assert_true(now > 385 * s && now < 435 * s);
	assert_int_equal(e->reason, REKEY_TIME);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crowd_is_started_early),
		cmocka_unit_test(unknown_slots_or_a_late_policy_start_nothing_early),
		cmocka_unit_test(plenty_of_slots_give_no_reason),
		cmocka_unit_test(overload_keeps_every_slot_busy),
		cmocka_unit_test(the_next_time_is_in_time_for_a_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
