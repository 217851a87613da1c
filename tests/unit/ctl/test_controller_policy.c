/* SPDX-License-Identifier: MIT */
/* Policies in the card: where the selectors cover IKE itself, there are some that let it pass. */
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

static void ike_passes_between_hosts(void **state)
{
	static const struct {
		bool transport;
		const char *offload;
		uint32_t policies;
	} rows[] = {
		{true, "packet", 2 + 4}, /* in and out; two ports of IKE, each in and out */
		{true, "no", 2},         /* IKE's sockets have policies of their own, and the kernel sees sockets */
		{false, "packet", 3},    /* the networks behind the hosts: in, out, forward */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = rig_config();
		struct world w;

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_passes_between_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
