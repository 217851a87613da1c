/* SPDX-License-Identifier: MIT */
/* Policies in the card: where the selectors cover IKE itself or neighbour discovery, there are some that let it pass.
 */
#include "controller_rig.h"

static uint32_t card_policies(struct side *s)
{
	struct hwsim_stats stats;

	hwsim_stats(s->nic.card, &stats);
	return stats.policies;
}

static void down(struct world *w)
{
	struct controller_match all = {.child = "net"};
	struct rig_answer a = {0};
	unsigned int n;

	controller_terminate(w->side[0].c, w->now, &all, false, 0, rig_done, &a, &n);
	rig_run(w, 2000);
	assert_int_equal(a.calls, 1);
}

static void what_must_pass_between_hosts_does(void **state)
{
	static const struct {
		bool v6, transport;
		const char *offload;
		uint32_t policies;
	} rows[] = {
		{false, true, "packet", 2 + 4}, /* in and out; two ports of IKE, each in and out */
		{false, true, "no", 2},      /* IKE's sockets have policies of their own, and the kernel sees sockets */
		{false, false, "packet", 3}, /* the networks behind the hosts: in, out, forward */
		{true, true, "packet", 2 + 4 + 4}, /* solicitations and advertisements, each in and out */
		{true, true, "no", 2 + 4},
		{true, false, "packet", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = rig_config();
		struct world w;

		config.side[0].profile = config.side[1].profile = "krnic";
		config.v6 = rows[i].v6;
		config.transport = rows[i].transport;
		config.side[0].hw_offload = config.side[1].hw_offload = rows[i].offload;
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		for (unsigned int s = 0; s < 2; s++)
			assert_int_equal(card_policies(&w.side[s]), rows[i].policies);
		down(&w);
		for (unsigned int s = 0; s < 2; s++)
			assert_int_equal(card_policies(&w.side[s]), 0);
		rig_free(&w);
	}
}

static void unload(struct world *w)
{
	assert_int_equal(controller_conn_unload(w->side[0].c, w->now, "peer", true), 0);
	rig_run(w, 100);
}

static void stop(struct world *w)
{
	struct rig_answer a = {0};

	controller_stop(w->side[0].c, w->now, w->now + 1000000000u, rig_done, &a);
	rig_run(w, 2000);
	assert_int_equal(a.calls, 1);
}

static void up(struct world *w)
{
	assert_int_equal(rig_up(w), 0);
}

static void up_in_software(struct world *w)
{
	w->side[0].config.hw_offload = "no";
	side_reload(&w->side[0]);
	up(w);
	rig_run(w, 100);
}

/* Tunnels do not stay down because a card takes no policy for neighbour discovery, as mlx5 does not. */
static void neighbours_are_no_condition(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.v6 = config.transport = true;
	config.side[0].profile = config.side[1].profile = "cx7";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(card_policies(&w.side[0]), 2 + 4);
	down(&w);
	assert_int_equal(card_policies(&w.side[0]), 0);
	rig_free(&w);
}

/* A controller killed: what let IKE pass stays with what it served, and goes with it, in each of these ways. */
static void what_let_ike_pass_goes_with_what_it_served(void **state)
{
	static const struct {
		const char *name;
		void (*end)(struct world *w);
		uint32_t policies, orphans; /* then; SAs and policies */
	} rows[] = {
		{"the connection is unloaded", unload, 0, 2 + 2 + 4 + 4},
		{"the controller stops", stop, 0, 2 + 2 + 4 + 4},
		{"the tunnel comes up in the card", up, 2 + 4 + 4, 2},
		{"the tunnel comes up in software", up_in_software, 2 + 4, 2 + 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = rig_config();
		struct world w;

		config.side[0].profile = "krnic";
		config.v6 = config.transport = true;
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		side_restart(&w.side[0]);
		w.starved = true;
		rig_run(&w, 100);
		assert_int_equal(card_policies(&w.side[0]), 2 + 4 + 4);
		print_message("%s\n", rows[i].name);
		rows[i].end(&w);
		assert_int_equal(card_policies(&w.side[0]), rows[i].policies);
		assert_int_equal(rig_counters(&w.side[0]).orphans_removed, rows[i].orphans);
		rig_free(&w);
	}
}

/* SAs and policies with a reqid that the configuration names are known by it. */
static void a_configured_reqid_is_ours(void **state)
{
	struct world_config config = rig_config();
	struct hwsim_stats stats;
	struct world w;

	(void)state;
	config.side[0].child_extra = "reqid = 7";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(rig_child(&w.side[0], 0).reqid, 7);
	side_restart(&w.side[0]);
	w.starved = true;
	rig_run(&w, 100);
	hwsim_stats(w.side[0].nic.card, &stats);
	assert_int_equal(stats.total.used, 0);
	assert_int_equal(rig_counters(&w.side[0]).orphans_removed, 2);
	stop(&w);
	assert_int_equal(card_policies(&w.side[0]), 0);
	rig_free(&w);
}

/* SAs go to the card, and then policies are acknowledged and left to software: nothing of all that stays. */
static void what_was_not_done_does_not_stay(void **state)
{
	struct world_config config = rig_config();
	struct rig_answer a = {0};
	struct hwsim_stats stats;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	controller_initiate(w.side[0].c, w.now, "peer", "net", 0, rig_done, &a);
	do { /* its second SA is in, and it does not know yet */
		assert_true(world_run(&w, sim_ms / 50));
		hwsim_stats(w.side[0].nic.card, &stats);
	} while (stats.total.used < 2);
	assert_int_equal(stats.policies, 0);
	hwsim_fault(w.side[0].nic.card, "silent_no_offload", UINT32_MAX, 0);
	rig_run(&w, 5000);
	assert_int_equal(a.calls, 1);
	assert_int_not_equal(a.err, 0);
	assert_true(rig_counters(&w.side[0]).xfrm.not_offloaded > 0);
	hwsim_stats(w.side[0].nic.card, &stats);
	assert_int_equal(stats.total.used, 0);
	stop(&w);
	assert_int_equal(card_policies(&w.side[0]), 0);
	rig_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_pass_between_hosts_does),
		cmocka_unit_test(neighbours_are_no_condition),
		cmocka_unit_test(what_let_ike_pass_goes_with_what_it_served),
		cmocka_unit_test(a_configured_reqid_is_ours),
		cmocka_unit_test(what_was_not_done_does_not_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
