/* SPDX-License-Identifier: MIT */
/* Queue SAs (RFC 9611): who asks for them and when, and what a refusal does. */
#include "controller_rig.h"

#include "lanes_view.h"

static struct world_config queues_config(const char *n)
{
	struct world_config config = rig_config();

	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = n;
	return config;
}

/* ---- on demand ---- */

/* Only CPUs that send get an SA; the fallback comes first; what the peer was not asked for it does not get. */
static void on_demand_cpus_that_send_get_one(void **state)
{
	struct world_config config = queues_config("4");
	struct world w;

	(void)state;
	config.side[0].start_action = "trap";
	config.side[0].child_extra = config.side[1].child_extra = "per_cpu_start = demand";
	rig_make(&w, &config);
	rig_run(&w, 1000);
	assert_int_equal(lanes_with_sa(&w.side[0]), 0);
	stream_only(&w, 0, 2, 200);
	rig_run(&w, 2000);
	assert_int_equal(lanes_with_sa(&w.side[0]), LANE_ANY | LANE(2));
	w.strict = w.closed = true;
	rig_run(&w, 3000);
	assert_int_equal(lanes_with_sa(&w.side[0]), LANE_ANY | LANE(2));
	assert_int_equal(side_children(&w.side[1]), 2);
	w.strict = false; /* while the acquire is open, CPUs without an SA wait */
	stream_more(&w, 0, 0, 200);
	rig_run(&w, 2000);
	assert_int_equal(lanes_with_sa(&w.side[0]), LANE_ANY | LANE(0) | LANE(2));
	w.strict = true;
	rig_run(&w, 2000);
	assert_int_equal(rig_counters(&w.side[0]).ike.create_child_out_req, 2);
	/* each CPU's packets are on its own SA */
	assert_true(lane_packets_out(&w.side[0], 2) > 1000);
	assert_true(lane_packets_out(&w.side[0], 0) > 300);
	rig_free(&w);
}

static void a_trap_brings_up_all_at_once(void **state)
{
	struct world_config config = queues_config("4");
	struct world w;

	(void)state;
	config.side[0].start_action = "trap";
	rig_make(&w, &config);
	stream_only(&w, 0, 2, 200);
	rig_run(&w, 2000);
	assert_false(log_has(&w, "orphan")); /* the acquire's larval SA is none */
	assert_int_equal(lanes_with_sa(&w.side[0]), LANE_ANY | 0xf);
	assert_false(cpu_acquire_is_set(&w.side[0]));
	rig_free(&w);
}

/* The answer is late: the kernel must not drop for so long what the fallback can carry. */
static void a_slow_answer_takes_the_flag_off(void **state)
{
	struct world_config config = queues_config("4");
	struct world w;

	(void)state;
	config.side[0].start_action = "trap";
	config.side[0].child_extra = config.side[1].child_extra = "per_cpu_start = demand";
	rig_make(&w, &config);
	stream_only(&w, 0, 2, 100);
	rig_run(&w, 2000);
	assert_true(cpu_acquire_is_set(&w.side[0]));
	w.net.cut = true;
	stream_more(&w, 0, 1, 100);
	rig_run(&w, 1000);
	assert_false(cpu_acquire_is_set(&w.side[0]));
	w.net.cut = false;
	rig_run(&w, 2000);
	assert_int_equal(lanes_with_sa(&w.side[0]), LANE_ANY | LANE(1) | LANE(2));
	assert_true(cpu_acquire_is_set(&w.side[0]));
	rig_free(&w);
}

/* A kernel without XFRMA_SA_PCPU: SAs for any CPU, all at once, and it is said. */
static void without_sa_pcpu_they_are_for_any_cpu(void **state)
{
	struct world_config config = queues_config("4");
	struct world w;

	(void)state;
	config.side[0].no_sa_dir = true;
	config.side[0].child_extra = config.side[1].child_extra = "per_cpu_start = demand\nper_cpu_idle = 2s";
	config.side[0].start_action = "trap";
	rig_make(&w, &config);
	assert_true(log_has(&w, "queue.unbound"));
	stream_only(&w, 0, 2, 200);
	rig_run(&w, 2000);
	assert_int_equal(lanes_with_sa(&w.side[0]), LANE_ANY | 0xf);
	assert_true(lane_sends_from_any_cpu(&w.side[0], 1));
	w.strict = w.closed = true;
	rig_run(&w, 2000);
	rig_free(&w);
}

/* ---- refusals ---- */

/* TS_MAX_QUEUE: nothing more is asked, the fallback carries the rest, and the kernel does not drop. */
static void a_refused_queue_uses_the_fallback(void **state)
{
	static const char *const starts[] = {"all", "demand"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world_config config = queues_config("4");
		char extra[64];
		struct world w;
		uint64_t asked;

		snprintf(extra, sizeof(extra), "per_cpu_start = %s", starts[i]);
		config.side[0].child_extra = extra;
		config.side[0].start_action = "trap";
		config.side[1].slots = 8; /* three pairs and a replacement */
		rig_make(&w, &config);
		stream_only(&w, 0, 0, 50);
		for (unsigned int q = 1; q < 4; q++)
			stream_more(&w, 0, q, 50);
		rig_run(&w, 3000);
		assert_int_equal(side_children(&w.side[0]), 3);
		assert_true(log_has(&w, "TS_MAX_QUEUE"));
		assert_false(log_has(&w, "NO_ADDITIONAL_SAS"));
		assert_false(cpu_acquire_is_set(&w.side[0]));
		asked = rig_counters(&w.side[0]).ike.create_child_out_req;
		w.strict = w.closed = true;
		rig_run(&w, 100000);
		assert_int_equal(rig_counters(&w.side[0]).ike.create_child_out_req, asked);
		w.strict = false;
		rig_run(&w, 300000); /* the long back-off is over: it is tried again */
		if (rig_counters(&w.side[0]).ike.create_child_out_req == asked)
			fail_msg("per_cpu_start = %s: it does not ask again", starts[i]);
		assert_int_equal(side_children(&w.side[0]), 3);
		rig_free(&w);
	}
}

/* A peer with a window of 1 is asked one after the other: after its first refusal no more. */
static void what_waits_for_the_window_is_withdrawn(void **state)
{
	struct world_config config = queues_config("4");
	struct world w;

	(void)state;
	config.side[1].slots = 4;
	config.side[1].conn_extra = "window = 1";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(rig_counters(&w.side[1]).admission_refused, 1);
	assert_int_equal(rig_counters(&w.side[0]).ike.create_child_out_req, 1);
	assert_int_equal(rig_slots(&w.side[0]).occ, 2);
	assert_int_equal(rig_slots(&w.side[0]).reserved, 0);
	rig_free(&w);
}

static void change_nothing(struct world *w)
{
	(void)w;
}

static void change_ike_rekey(struct world *w)
{
	struct controller_match ike = {.ike = "peer"};

	assert_int_equal(controller_rekey(w->side[0].c, w->now, &ike, NULL), 0);
}

static void change_reload(struct world *w)
{
	w->side[0].config.conn_extra = "dpd_delay = 77s";
	side_reload(&w->side[0]);
}

static void change_ike_down_and_up(struct world *w)
{
	struct controller_match ike = {.ike = "peer"};

	controller_terminate(w->side[0].c, w->now, &ike, false, 0, NULL, NULL, NULL);
	rig_run(w, 1000);
	assert_int_equal(rig_up(w), 0);
}

/* After a refusal, what makes it ask again before the back-off is over. */
static void a_change_makes_it_ask_again(void **state)
{
	static const struct {
		const char *name;
		void (*change)(struct world *w);
		bool asks;
	} rows[] = {
		{"nothing", change_nothing, false},
		{"IKE SA rekeyed", change_ike_rekey, true},
		{"configuration read again", change_reload, true},
		{"IKE SA made anew", change_ike_down_and_up, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = queues_config("4");
		struct world w;
		uint64_t refused;

		config.side[1].slots = 8;
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		rig_run(&w, 5000);
		refused = rig_counters(&w.side[1]).admission_refused;
		rows[i].change(&w);
		rig_run(&w, 20000);
		if ((rig_counters(&w.side[1]).admission_refused > refused) != rows[i].asks)
			fail_msg("%s: refused %u times, then %u", rows[i].name, (unsigned int)refused,
				 (unsigned int)rig_counters(&w.side[1]).admission_refused);
		assert_int_equal(side_children(&w.side[0]), 3);
		rig_free(&w);
	}
}

/* No room of our own: none is asked for, until one is. */
static void own_slots_that_become_free_are_used(void **state)
{
	struct world_config config = queues_config("4");
	struct controller_match match = {0};
	struct world w;
	unsigned int had;

	(void)state;
	config.side[0].slots = 8;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	had = lanes_with_sa(&w.side[0]);
	assert_int_equal(side_children(&w.side[0]), 3);
	rig_run(&w, 30000);
	assert_int_equal(rig_counters(&w.side[0]).ike.create_child_out_req, 2);
	match.child_id = rig_child(&w.side[0], 1).id;
	controller_terminate(w.side[0].c, w.now, &match, false, 0, NULL, NULL, NULL);
	rig_run(&w, 5000);
	assert_int_equal(side_children(&w.side[0]), 3);
	assert_int_not_equal(lanes_with_sa(&w.side[0]), had);
	rig_free(&w);
}

/* The peer may have twice as many queues as there are here, and each of its SAs is installed. */
static void twice_the_cpus_are_allowed(void **state)
{
	static const struct {
		const char *ours, *theirs;
		unsigned int queues[2], children; /* children: what they end up with */
	} rows[] = {
		{"4", "8", {4, 8}, 9},  {"4", "9", {4, 9}, 9},  {"yes", "8", {4, 8}, 9}, {"3", "8", {3, 8}, 7},
		{"no", "8", {4, 8}, 1}, {"8", "no", {8, 4}, 1}, {"1", "16", {4, 16}, 9}, {"8", "3", {8, 3}, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int who = 0; who < 2; who++) {
			struct world_config config = rig_config();
			struct side_config *ours = &config.side[!who], *theirs = &config.side[who];
			struct world w;
			uint32_t installed;

			ours->per_cpu_sas = rows[i].ours;
			theirs->per_cpu_sas = rows[i].theirs;
			ours->queues = rows[i].queues[0];
			theirs->queues = rows[i].queues[1];
			theirs->start_action = "start";
			rig_make(&w, &config);
			rig_run(&w, 3000);
			w.strict = w.closed = true;
			world_streams(&w, 3, 50);
			rig_run(&w, 20000);
			installed = lane_halves_in(&w.side[!who]);
			if (lane_halves_in(&w.side[who]) != installed || installed < rows[i].children)
				fail_msg("%s here, %s there: %u and %u inbound SAs, %u expected", rows[i].ours,
					 rows[i].theirs, installed, lane_halves_in(&w.side[who]), rows[i].children);
			assert_false(log_has(&w, "NO_ADDITIONAL_SAS"));
			assert_int_equal(w.side[0].downs + w.side[1].downs, 0);
			rig_free(&w);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_demand_cpus_that_send_get_one),
		cmocka_unit_test(a_trap_brings_up_all_at_once),
		cmocka_unit_test(a_slow_answer_takes_the_flag_off),
		cmocka_unit_test(without_sa_pcpu_they_are_for_any_cpu),
		cmocka_unit_test(a_refused_queue_uses_the_fallback),
		cmocka_unit_test(what_waits_for_the_window_is_withdrawn),
		cmocka_unit_test(a_change_makes_it_ask_again),
		cmocka_unit_test(own_slots_that_become_free_are_used),
		cmocka_unit_test(twice_the_cpus_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
