/* SPDX-License-Identifier: MIT */
/* A new configuration: what a reload cannot change is named by its key, and the rest takes effect. */
#include "controller_rig.h"

#include "ctl/controller_internal.h"

static void what_waits_for_a_restart_is_named(void **state)
{
	static const struct {
		const char *key;
		size_t at; /* in struct conf */
	} rows[] = {
		{"nic.ifindex", offsetof(struct conf, nic.ifindex)},
		{"nic.slots", offsetof(struct conf, nic.slots)},
		{"nic.reserve", offsetof(struct conf, nic.reserve)},
		{"nic.let_go", offsetof(struct conf, nic.let_go_ns)},
		{"daemon.listen", offsetof(struct conf, daemon.n_listen)},
		{"daemon.port", offsetof(struct conf, daemon.ike.port)},
		{"daemon.port_nat_t", offsetof(struct conf, daemon.ike.port_natt)},
		{"daemon.control", offsetof(struct conf, daemon.control)},
		{"daemon.log_level", offsetof(struct conf, daemon.log_level)},
		{"daemon.half_open_max", offsetof(struct conf, daemon.ike.half_open_max)},
		{"daemon.half_open_timeout", offsetof(struct conf, daemon.ike.half_open_ns)},
		{"daemon.cookie_threshold", offsetof(struct conf, daemon.ike.cookie_threshold)},
		{"daemon.retransmit_tries", offsetof(struct conf, daemon.ike.retransmit_tries)},
		{"daemon.unauth_reply_rate", offsetof(struct conf, daemon.ike.unauth_reply_rate)},
	};
	struct world_config config = rig_config();
	struct controller *c;
	char text[512], want[64];
	struct world w;

	(void)state;
	rig_make(&w, &config);
	c = w.side[0].c;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf conf = {.nic = c->nic, .daemon = c->daemon};

		assert_int_equal(controller_reload(c, w.now, &conf, text, sizeof(text)), 0);
		assert_string_equal(text, "");
		((uint8_t *)&conf)[rows[i].at] ^= 1;
		assert_int_equal(controller_reload(c, w.now, &conf, text, sizeof(text)), 0);
		snprintf(want, sizeof(want), "needs a restart: %s", rows[i].key);
		assert_string_equal(text, want);
	}
	rig_free(&w);
}

static void poll_and_drain_change_at_once(void **state)
{
	struct world_config config = rig_config();
	struct conf conf;
	char text[64];
	struct world w;

	(void)state;
	rig_make(&w, &config);
	conf = (struct conf){.nic = w.side[0].c->nic, .daemon = w.side[0].c->daemon};
	conf.nic.counter_poll_ns = 1;
	conf.nic.drain_ns = 2;
	assert_int_equal(controller_reload(w.side[0].c, w.now, &conf, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(w.side[0].c->nic.counter_poll_ns, 1);
	assert_int_equal(w.side[0].c->nic.drain_ns, 2);
	rig_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_for_a_restart_is_named),
		cmocka_unit_test(poll_and_drain_change_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
