/* SPDX-License-Identifier: MIT */
/* What an operator asks for, what he is told, and that he is told once. */
#include "controller_rig.h"

#include <errno.h>

static void initiate_what_is_not_there(void **state)
{
	static const struct {
		const char *conn, *child;
	} rows[] = {{"peer", "nothing"}, {"nobody", "net"}, {NULL, "nothing"}, {NULL, NULL}};
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig_answer a = {0};

		controller_initiate(w.side[0].c, w.now, rows[i].conn, rows[i].child, 0, rig_done, &a);
		assert_int_equal(a.calls, 1);
		assert_int_equal(a.err, -ENOENT);
	}
	rig_free(&w);
}

static void initiate_twice_is_up_already(void **state)
{
	struct world_config config = rig_config();
	struct rig_answer a = {0};
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	controller_initiate(w.side[0].c, w.now, NULL, "net", 0, rig_done, &a);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, 0);
	assert_non_null(strstr(a.text, "up already"));
	assert_int_equal(side_children(&w.side[0]), 1);
	rig_free(&w);
}

static void initiate_waits_for_every_queue(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = "4";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(side_children(&w.side[0]), 5);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(rig_child(&w.side[0], i).cpu, i ? i - 1 : UINT32_MAX);
	rig_free(&w);
}

static void a_timeout_ends_the_command_and_not_the_attempt(void **state)
{
	struct world_config config = rig_config();
	struct rig_answer a = {0};
	struct world w;

	(void)state;
	rig_make(&w, &config);
	w.net.cut = true;
	controller_initiate(w.side[0].c, w.now, "peer", "net", 500 * sim_ms, rig_done, &a);
	rig_run(&w, 400);
	assert_int_equal(a.calls, 0);
	rig_run(&w, 200);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -ETIMEDOUT);
	w.net.cut = false;
	rig_run(&w, 2000);
	assert_int_equal(side_children(&w.side[0]), 1);
	assert_int_equal(a.calls, 1);
	rig_free(&w);
}

static void wrong_secret(void **state)
{
	struct world_config config = rig_config();
	struct conf_secret other = {.name = "ike-sim", .len = 5, .secret = "wrong"};
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(controller_secret_load(w.side[1].c, &other), 0);
	assert_int_equal(rig_up(&w), -ECONNREFUSED);
	assert_int_equal(rig_slots(&w.side[0]).occ, 0);
	rig_free(&w);
}

static void terminate_what_is_not_there(void **state)
{
	static const struct controller_match rows[] = {
		{0}, {.ike = "nobody"}, {.child = "nothing"}, {.ike_id = 99}, {.child_id = 99}, {.reqid = 99}};
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig_answer a = {0};
		unsigned int n = 7;

		controller_terminate(w.side[0].c, w.now, &rows[i], false, 0, rig_done, &a, &n);
		assert_int_equal(a.calls, 1);
		assert_int_equal(a.err, -ENOENT);
		assert_int_equal(n, 0);
		assert_int_equal(controller_rekey(w.side[0].c, w.now, &rows[i], &n), -ENOENT);
	}
	assert_int_equal(side_children(&w.side[0]), 1);
	rig_free(&w);
}

/* One queue's SA goes: its packets use the fallback, and it is not made anew at once. */
static void terminate_one_of_many(void **state)
{
	struct world_config config = rig_config();
	struct controller_match match = {0};
	struct rig_answer a = {0};
	unsigned int n;
	struct world w;

	(void)state;
	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = "4";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	match.child_id = rig_child(&w.side[0], 2).id;
	w.strict = w.closed = true;
	world_streams(&w, 4, 100);
	controller_terminate(w.side[0].c, w.now, &match, false, 0, rig_done, &a, &n);
	assert_int_equal(n, 1);
	rig_run(&w, 5000);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, 0);
	assert_int_equal(side_children(&w.side[0]), 4);
	rig_free(&w);
}

static void force_does_not_wait(void **state)
{
	struct world_config config = rig_config();
	struct controller_match match = {.ike = "peer"};
	struct rig_answer a = {0};
	unsigned int n;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	controller_terminate(w.side[0].c, w.now, &match, true, 0, rig_done, &a, &n);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, 0);
	rig_run(&w, 3000);
	assert_int_equal(rig_slots(&w.side[1]).occ, 0);
	rig_free(&w);
}

static void stop_without_an_answer(void **state)
{
	struct world_config config = rig_config();
	struct rig_answer a = {0}, again = {0};
	struct hwsim_stats st;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.net.cut = true;
	controller_stop(w.side[0].c, w.now, w.now + 2 * sim_s, rig_done, &a);
	controller_stop(w.side[0].c, w.now, w.now + 2 * sim_s, rig_done, &again);
	assert_int_equal(again.err, -EALREADY);
	rig_run(&w, 1900);
	assert_int_equal(a.calls, 0);
	rig_run(&w, 1000);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -ETIMEDOUT);
	hwsim_stats(w.side[0].nic.card, &st);
	assert_int_equal(st.total.used + st.policies, 0);
	rig_free(&w);
}

static void stop_with_nothing_to_do(void **state)
{
	struct world_config config = rig_config();
	struct rig_answer a = {0};
	struct world w;

	(void)state;
	rig_make(&w, &config);
	controller_stop(w.side[0].c, w.now, w.now + sim_s, rig_done, &a);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, 0);
	rig_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initiate_what_is_not_there),
		cmocka_unit_test(initiate_twice_is_up_already),
		cmocka_unit_test(initiate_waits_for_every_queue),
		cmocka_unit_test(a_timeout_ends_the_command_and_not_the_attempt),
		cmocka_unit_test(wrong_secret),
		cmocka_unit_test(terminate_what_is_not_there),
		cmocka_unit_test(terminate_one_of_many),
		cmocka_unit_test(force_does_not_wait),
		cmocka_unit_test(stop_without_an_answer),
		cmocka_unit_test(stop_with_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
