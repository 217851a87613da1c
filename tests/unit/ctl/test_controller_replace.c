/* SPDX-License-Identifier: MIT */
/* One Child SA after another: who is counted, how long both are there, what is measured. */
#include "controller_rig.h"

#include "ctl/controller_internal.h"

static const struct controller_match all = {.child = "net"};

static uint64_t replacements(struct side *s)
{
	struct controller_counters c = rig_counters(s);

	return c.rekeys_done + c.rekeys_peer;
}

/* Both ends rekey at the same moment: one replacement, one redundant SA, at both ends. */
static void a_collision_is_one_replacement(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 4, 100);
	for (unsigned int i = 1; i <= 10; i++) {
		for (unsigned int side = 0; side < 2; side++)
			assert_int_equal(controller_rekey(w.side[side].c, w.now, &all, NULL), 0);
		rig_run(&w, 5000);
		for (unsigned int side = 0; side < 2; side++) {
			assert_int_equal(rig_counters(&w.side[side]).ike.collisions, i);
			assert_int_equal(rig_counters(&w.side[side]).collisions, i);
			assert_int_equal(replacements(&w.side[side]), i);
			assert_int_equal(rig_slots(&w.side[side]).occ, 2);
		}
	}
	rig_free(&w);
}

/* What has lost a collision never sends, and where it was asked for it takes no place in the card at all. */
static void what_lost_a_collision_is_not_installed_outbound(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.net.delay_ns = 100 * sim_ms;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t installs[2];

		for (unsigned int side = 0; side < 2; side++)
			installs[side] = rig_counters(&w.side[side]).installs;
		for (unsigned int side = 0; side < 2; side++)
			assert_int_equal(controller_rekey(w.side[side].c, w.now, &all, NULL), 0);
		rig_run(&w, 6000);
		for (unsigned int side = 0; side < 2; side++)
			installs[side] = rig_counters(&w.side[side]).installs - installs[side];
		/* the winner's two at both ends, and inbound at the end that had to answer for the loser */
		assert_int_equal(installs[0] + installs[1], 5);
		assert_true(installs[0] == 2 || installs[0] == 3);
	}
	rig_free(&w);
}

/* How long the old one stays after the new one is up, on the side that deletes it. */
static uint64_t both_there_ms(struct world *w)
{
	uint32_t id = rig_child(&w->side[0], 0).id;
	uint64_t up = 0;

	assert_int_equal(controller_rekey(w->side[0].c, w->now, &all, NULL), 0);
	for (unsigned int i = 0; i < 10000; i++) {
		rig_run(w, 1);
		if (!up && rig_child(&w->side[0], 0).id != id)
			up = w->now;
		if (up && rig_counters(&w->side[0]).ike.children == 1)
			return (w->now - up) / sim_ms;
	}
	fail_msg("the old one is still there");
	return 0;
}

static void the_old_one_goes_when_traffic_has_moved(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 1, 500);
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(both_there_ms(&w) < 150);
		rig_run(&w, 2000);
	}
	rig_free(&w);
}

/* Nothing is sent at all, or only one way: a second, and no longer. */
static void the_old_one_goes_after_a_bounded_time(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t ms = both_there_ms(&w);

		assert_true(ms >= 1000 && ms < 1100);
		rig_run(&w, 2000);
		w.strict = w.closed = true;
		world_streams(&w, 1, 500);
		w.n_streams = 1; /* only from the first to the second */
	}
	rig_free(&w);
}

static void what_a_replacement_takes_is_measured(void **state)
{
	static const uint64_t delay_ms[] = {1, 20, 100};
	uint64_t before = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(delay_ms) / sizeof(delay_ms[0]); i++) {
		struct world_config config = rig_config();
		uint64_t poll = 1000 * sim_ms, ns;
		struct world w;

		config.net.delay_ns = delay_ms[i] * sim_ms;
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		assert_int_equal(pace_replace_ns(w.side[0].c, NULL), poll + 250 * sim_ms);
		for (unsigned int n = 0; n < 20; n++) {
			controller_rekey(w.side[n % 2].c, w.now, &all, NULL);
			rig_run(&w, 3000);
		}
		ns = pace_replace_ns(w.side[0].c, NULL) - poll;
		assert_true(ns >= 2 * delay_ms[i] * sim_ms && ns > before);
		assert_true(ns < 8 * delay_ms[i] * sim_ms + 50 * sim_ms);
		before = ns;
		rig_free(&w);
	}
}

/* Which SA's soft limit starts a rekey: that of what is sent; by the policies of others that of either direction. */
static void limits_of_both_directions(void **state)
{
	static const struct {
		const char *policy;
		uint64_t soft_in_least, soft_in_most; /* of a hard limit of 1000000 bytes */
	} rows[] = {
		{"keyrack", 1000000, 1000000},
		{"fixed", 900000, 900000},
		{"strongswan", 800000, 900000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = rig_config();
		struct controller_child ch;
		struct world w;

		config.side[0].child_extra = config.side[1].child_extra = "life_bytes = 1000000\n";
		rig_make(&w, &config);
		w.side[1].c->policy = rekey_policy_find(rows[i].policy);
		assert_int_equal(rig_up(&w), 0);
		ch = rig_child(&w.side[1], 0);
		assert_int_equal(ch.out.limits.hard_bytes, 1000000);
		assert_in_range(ch.in.limits.soft_bytes, rows[i].soft_in_least, rows[i].soft_in_most);
		assert_true(ch.in.limits.hard_bytes > ch.out.limits.hard_bytes);
		rig_free(&w);
	}
}

/* Slots for one replacement at a time, and both ends want one now and then: neither ever refuses the other. */
static void with_one_spare_pair_each_waits_for_the_other(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].slots = config.side[1].slots = 4;
	config.side[0].drain_ms = config.side[1].drain_ms = 300;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 1, 100);
	for (unsigned int i = 0; i < 60; i++) {
		assert_int_equal(controller_rekey(w.side[i % 2].c, w.now, &all, NULL), 0);
		rig_run(&w, 150 + prng_below(&w.rng, 800));
	}
	assert_true(replacements(&w.side[0]) > 40);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rig_counters(&w.side[i]).admission_refused, 0);
		assert_int_equal(w.side[i].c->n_waiting, 0);
	}
	rig_free(&w);
}

/* Of two keyrackd alike the one that made the IKE SA rekeys; but one whose table is tight does so itself. */
static void the_designated_end_rekeys(void **state)
{
	(void)state;
	for (unsigned int tight = 0; tight < 2; tight++) {
		struct world_config config = rig_config();
		unsigned int who = tight ? 1 : 0;
		struct world w;

		for (unsigned int i = 0; i < 2; i++) {
			config.side[i].per_cpu_sas = "4";
			config.side[i].rekey_packets = 2000;
			config.side[i].life_packets = 4000;
		}
		if (tight)
			config.side[1].slots = 12;
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		w.strict = w.closed = true;
		world_streams(&w, 4, 200);
		rig_run(&w, 40000);
		assert_true(rig_counters(&w.side[0]).ike.count_agreed > 0);
		/* the first SAs were made before the table was tight */
		assert_true(rig_counters(&w.side[who]).rekeys_done > 3 * rig_counters(&w.side[!who]).rekeys_done);
		assert_int_equal(rig_counters(&w.side[0]).collisions, 0);
		rig_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_of_both_directions),
		cmocka_unit_test(a_collision_is_one_replacement),
		cmocka_unit_test(what_lost_a_collision_is_not_installed_outbound),
		cmocka_unit_test(the_old_one_goes_when_traffic_has_moved),
		cmocka_unit_test(the_old_one_goes_after_a_bounded_time),
		cmocka_unit_test(what_a_replacement_takes_is_measured),
		cmocka_unit_test(with_one_spare_pair_each_waits_for_the_other),
		cmocka_unit_test(the_designated_end_rekeys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
