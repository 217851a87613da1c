/* SPDX-License-Identifier: MIT */
/* When the counters of an SA are read. */
#include "controller_rig.h"

#include "ctl/controller_internal.h"

static struct world_config seldom(void)
{
	struct world_config config = rig_config();

	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].queues = 8;
		config.side[i].per_cpu_sas = "8";
		config.side[i].counter_gap_ms = 60000;
	}
	return config;
}

static uint64_t requests_in(struct world *w, uint64_t ms)
{
	uint64_t before = rig_counters(&w->side[0]).xfrm.requests;

	rig_run(w, ms);
	return rig_counters(&w->side[0]).xfrm.requests - before;
}

/* Nine pairs that do nothing: one of them a second, and a sweep a minute. */
static void idle_ones_are_read_seldom(void **state)
{
	struct world_config config = seldom();
	struct world w;
	uint64_t n;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	rig_run(&w, 120000);
	n = requests_in(&w, 120000);
	assert_true(n >= 2 * 110 && n <= 2 * 130 + 3);
	rig_free(&w);
}

/* As few as these are read at the poll period where nothing else is configured. */
static void few_are_read_at_the_poll_period(void **state)
{
	struct world_config config = seldom();
	struct world w;
	uint64_t n;

	(void)state;
	config.side[0].counter_gap_ms = 0;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	n = requests_in(&w, 60000);
	assert_true(n >= 18 * 55 && n <= 18 * 65);
	rig_free(&w);
}

static void who_looks_sees_it_move(void **state)
{
	struct world_config config = seldom();
	struct world w;
	uint64_t packets;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	rig_run(&w, 120000);
	world_streams(&w, 8, 100);
	for (unsigned int i = 0; i < 2; i++) { /* the first look may be answered before the first packet */
		rig_child(&w.side[0], 5);
		rig_run(&w, 2000);
	}
	packets = rig_child(&w.side[0], 5).out.packets;
	assert_true(packets > 0);
	rig_run(&w, 2000);
	assert_true(rig_child(&w.side[0], 5).out.packets > packets);
	rig_free(&w);
}

/* A silent SA that nobody has read for long begins to send, and no event tells: its limits are kept all the same. */
static void a_burst_out_of_silence_is_seen_before_the_hard_limit(void **state)
{
	struct world_config config = seldom();
	struct world w;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].rekey_packets = 2000;
		config.side[i].life_packets = 3000;
	}
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 1, 200); /* what the fastest can do is seen on one queue */
	rig_run(&w, 60000);
	for (unsigned int i = 0; i < 2; i++)
		hwsim_fault(w.side[i].nic.card, "lose_event", UINT32_MAX, 0);
	world_streams(&w, 8, 200);
	rig_run(&w, 60000);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(rig_counters(&w.side[i]).hard_expired, 0);
	assert_true(w.side[0].rekeys + w.side[1].rekeys > 30);
	rig_free(&w);
}

/* Nobody says that the card has lost everything, and no SA is to be read for a minute. */
static void a_reset_is_found_in_a_poll_period(void **state)
{
	struct world_config config = seldom();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	rig_run(&w, 120000);
	w.side[0].flushed = true;
	hwsim_fault(w.side[0].nic.card, "reset", 1, 0);
	rig_run(&w, 1500);
	assert_int_equal(rig_counters(&w.side[0]).resyncs, 1);
	rig_run(&w, 3000);
	w.side[0].flushed = false;
	assert_int_equal(rig_slots(&w.side[0]).occ, 18);
	rig_free(&w);
}

/* Traffic on one of nine SAs is proof of life: nobody asks. */
static void traffic_is_seen_in_time_for_the_liveness_check(void **state)
{
	struct world_config config = seldom();
	struct world w;
	uint64_t before;

	(void)state;
	config.side[0].conn_extra = "dpd_delay = 10s";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 1, 20);
	rig_run(&w, 30000);
	before = rig_counters(&w.side[0]).ike.info_out_req;
	rig_run(&w, 300000);
	assert_int_equal(rig_counters(&w.side[0]).ike.info_out_req, before);
	w.flowing = false;
	rig_run(&w, 60000);
	assert_true(rig_counters(&w.side[0]).ike.info_out_req > before);
	rig_free(&w);
}

/* What an SA has carried up to its end is in its queue's sum. */
static void the_last_packets_of_an_sa_are_counted(void **state)
{
	struct world_config config = rig_config();
	struct controller_match all = {.child = "net"};
	struct world w;
	const struct ctl_lane *lane;

	(void)state;
	config.side[0].counter_gap_ms = 60000;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	for (unsigned int i = 0; i < 3; i++) {
		world_streams(&w, 1, 100);
		assert_int_equal(controller_rekey(w.side[0].c, w.now, &all, NULL), 0);
		rig_run(&w, 2000);
	}
	assert_true(world_quiet(&w));
	assert_int_equal(controller_rekey(w.side[0].c, w.now, &all, NULL), 0);
	rig_run(&w, 5000);
	lane = w.side[0].c->tunnels->lanes[0];
	assert_int_equal(lane->packets[0] + lane->packets[1], w.sent);
	assert_int_equal(w.sent, w.received);
	rig_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_ones_are_read_seldom),
		cmocka_unit_test(few_are_read_at_the_poll_period),
		cmocka_unit_test(who_looks_sees_it_move),
		cmocka_unit_test(a_burst_out_of_silence_is_seen_before_the_hard_limit),
		cmocka_unit_test(a_reset_is_found_in_a_poll_period),
		cmocka_unit_test(traffic_is_seen_in_time_for_the_liveness_check),
		cmocka_unit_test(the_last_packets_of_an_sa_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
