/* SPDX-License-Identifier: MIT */
/* The card and the controller lose sight of each other, and find back. */
#include "controller_rig.h"

#include <errno.h>

static void what_an_earlier_run_left_is_removed(void **state)
{
	struct world_config config = rig_config();
	struct hwsim_stats st;
	struct world w;

	(void)state;
	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = "4";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	side_restart(&w.side[0]);
	w.starved = true; /* the ledger of the new one begins empty */
	rig_run(&w, 100);
	hwsim_stats(w.side[0].nic.card, &st);
	assert_int_equal(st.total.used, 0);
	assert_int_equal(st.policies, 3); /* what they cover is still to be protected */
	assert_int_equal(rig_counters(&w.side[0]).orphans_removed, 10);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(side_children(&w.side[0]), 5);
	rig_free(&w);
}

/* Of a connection that there is no more, an earlier run's policies go too. */
static void what_an_earlier_run_guarded_goes_with_its_connection(void **state)
{
	struct world_config config = rig_config();
	struct hwsim_stats st;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	side_restart(&w.side[0]);
	w.starved = true;
	rig_run(&w, 100);
	hwsim_stats(w.side[0].nic.card, &st);
	assert_int_equal(st.policies, 3);
	assert_int_equal(controller_conn_unload(w.side[0].c, w.now, "peer", true), 0);
	rig_run(&w, 100);
	hwsim_stats(w.side[0].nic.card, &st);
	assert_int_equal(st.policies, 0);
	assert_int_equal(rig_counters(&w.side[0]).orphans_removed, 2 + 3);
	rig_free(&w);
}

static void a_flushed_card_is_filled_again(void **state)
{
	struct world_config config = rig_config();
	struct hwsim_stats st;
	struct world w;

	(void)state;
	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = "4";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.side[1].flushed = true;
	hwsim_fault(w.side[1].nic.card, "reset", 1, 0);
	hwsim_stats(w.side[1].nic.card, &st);
	assert_int_equal(st.total.used, 0);
	assert_int_equal(st.policies, 1);
	controller_resync(w.side[1].c, w.now, "the link went down and up");
	rig_run(&w, 2); /* policies are back before any key is */
	hwsim_stats(w.side[1].nic.card, &st);
	assert_int_equal(st.policies, 3);
	assert_int_equal(st.total.used, 0);
	rig_run(&w, 4000);
	w.side[1].flushed = false;
	hwsim_stats(w.side[1].nic.card, &st);
	assert_int_equal(st.total.used, 10);
	assert_int_equal(st.policies, 3);
	assert_int_equal(rig_counters(&w.side[1]).resyncs, 1);
	w.strict = w.closed = true;
	world_streams(&w, 4, 100);
	rig_run(&w, 1000);
	rig_free(&w);
}

/* Every soft event is lost: the counters are polled, and tell the same. */
static void lost_events_are_made_up_for(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].rekey_packets = 2000;
		config.side[i].life_packets = 4000;
	}
	rig_make(&w, &config);
	for (unsigned int i = 0; i < 2; i++)
		hwsim_fault(w.side[i].nic.card, "lose_event", UINT32_MAX, 0);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 4, 100);
	rig_run(&w, 30000);
	assert_true(w.side[0].rekeys >= 3);
	assert_int_equal(rig_counters(&w.side[0]).hard_expired + rig_counters(&w.side[1]).hard_expired, 0);
	assert_int_equal(rig_counters(&w.side[0]).soft_events + rig_counters(&w.side[1]).soft_events, 0);
	rig_free(&w);
}

/* No replacement gets into the card, and the key wears out: nothing is sent any more, and then it is made anew. */
static void a_hard_limit_is_the_end_of_a_key_and_not_of_a_tunnel(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].rekey_packets = 500;
	config.side[0].life_packets = 1000;
	config.side[1].close_action = "trap"; /* the peer deletes, for a moment */
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.closed = w.starved = true;
	world_streams(&w, 1, 200);
	hwsim_fault(w.side[0].nic.card, "refuse", UINT32_MAX, EINVAL);
	for (unsigned int i = 0; i < 200 && !rig_counters(&w.side[0]).hard_expired; i++)
		rig_run(&w, 100);
	assert_int_equal(rig_counters(&w.side[0]).hard_expired, 1);
	hwsim_fault(w.side[0].nic.card, "refuse", 0, EINVAL);
	rig_run(&w, 10000);
	assert_int_equal(side_children(&w.side[0]), 1);
	w.strict = true;
	rig_run(&w, 1000);
	rig_free(&w);
}

static void an_overrun_reads_everything_back(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	nic_overrun(&w.side[0].nic);
	rig_run(&w, 100);
	assert_int_equal(rig_counters(&w.side[0]).resyncs, 1);
	assert_int_equal(side_children(&w.side[0]), 1);
	rig_free(&w);
}

/* An acquire's event is lost, and the kernel does not repeat it while it is open: it is found among the SAs. */
static void a_lost_acquire_is_found(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].start_action = "trap";
	rig_make(&w, &config);
	rig_run(&w, 100);
	hwsim_fault(w.side[0].nic.card, "lose_event", UINT32_MAX, 3);
	world_streams(&w, 1, 100);
	rig_run(&w, 1000);
	assert_int_equal(rig_counters(&w.side[0]).xfrm.acquires, 0);
	assert_int_equal(side_children(&w.side[0]), 0);
	nic_overrun(&w.side[0].nic);
	rig_run(&w, 100);
	assert_int_equal(side_children(&w.side[0]), 1);
	w.strict = w.closed = true;
	rig_run(&w, 1000);
	rig_free(&w);
}

/* Killed and started again it asks for all of its SAs: the other end does not ask for those that it has lost, too. */
static void a_peer_that_comes_anew_asks_alone(void **state)
{
	struct world_config config = rig_config();
	struct world w;
	uint64_t asked;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].per_cpu_sas = "4";
		config.side[i].start_action = "start";
	}
	rig_make(&w, &config);
	rig_run(&w, 20000);
	assert_int_equal(side_children(&w.side[1]), 5);
	asked = rig_counters(&w.side[1]).ike.create_child_out_req;
	side_restart(&w.side[0]);
	w.starved = true;
	rig_run(&w, 10000);
	assert_int_equal(side_children(&w.side[0]), 5);
	assert_int_equal(side_children(&w.side[1]), 5);
	assert_int_equal(rig_counters(&w.side[1]).ike.create_child_out_req, asked);
	rig_free(&w);
}

/* The end that was killed only has traps: the peer need not wait for its traffic. */
static void a_trap_is_sprung_by_what_an_earlier_run_left(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[1].start_action = "trap";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	side_restart(&w.side[1]);
	w.starved = true;
	rig_run(&w, 1000);
	assert_int_equal(side_children(&w.side[0]), 1);
	assert_int_equal(side_children(&w.side[1]), 1);
	w.strict = w.closed = true;
	world_streams(&w, 1, 100);
	rig_run(&w, 1000);
	rig_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_earlier_run_left_is_removed),
		cmocka_unit_test(what_an_earlier_run_guarded_goes_with_its_connection),
		cmocka_unit_test(a_flushed_card_is_filled_again),
		cmocka_unit_test(lost_events_are_made_up_for),
		cmocka_unit_test(a_hard_limit_is_the_end_of_a_key_and_not_of_a_tunnel),
		cmocka_unit_test(an_overrun_reads_everything_back),
		cmocka_unit_test(a_lost_acquire_is_found),
		cmocka_unit_test(a_peer_that_comes_anew_asks_alone),
		cmocka_unit_test(a_trap_is_sprung_by_what_an_earlier_run_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
