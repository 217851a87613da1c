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
		{"nic.event_buffer", offsetof(struct conf, nic.event_buffer)},
		{"daemon.listen", offsetof(struct conf, daemon.n_listen)},
		{"daemon.port", offsetof(struct conf, daemon.ike.port)},
		{"daemon.port_nat_t", offsetof(struct conf, daemon.ike.port_natt)},
		{"daemon.control", offsetof(struct conf, daemon.control)},
		{"daemon.rekey_policy", offsetof(struct conf, daemon.rekey_policy)},
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
	conf.nic.counter_gap_ns = 3;
	conf.nic.drain_ns = 2;
	assert_int_equal(controller_reload(w.side[0].c, w.now, &conf, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(w.side[0].c->nic.counter_poll_ns, 1);
	assert_int_equal(w.side[0].c->nic.counter_gap_ns, 3);
	assert_int_equal(w.side[0].c->nic.drain_ns, 2);
	rig_free(&w);
}

/* ---- what came over VICI ---- */

static void conn_name_add(void *ctx, const struct conf_conn *conn)
{
	char *names = ctx;

	snprintf(names + strlen(names), 100 - strlen(names), "%s ", conn->ike.name);
}

static void secret_name_add(void *ctx, const char *name)
{
	char *names = ctx;

	snprintf(names + strlen(names), 100 - strlen(names), "%s ", name);
}

/* Connections and secrets that the controller has, in its order. */
static void assert_loaded(struct controller *c, const char *names)
{
	char loaded[100] = "";

	controller_conn_each(c, conn_name_add, loaded);
	controller_secret_each(c, secret_name_add, loaded);
	assert_string_equal(loaded, names);
}

static void reload(struct world *w, const struct conf *conf)
{
	char text[512];

	assert_int_equal(controller_reload(w->side[0].c, w->now, conf, text, sizeof(text)), 0);
}

static struct conf *second_conf(void)
{
	static const char text[] =
		"connections {\n second {\n remote_addrs = 192.0.2.9\n local {\n auth = psk\n }\n remote {\n auth = "
		"psk\n }\n"
		" children {\n net {\n }\n }\n }\n}\nsecrets {\n ike-second {\n secret = second\n }\n}\n";
	char error[CONF_ERROR_MAX];
	struct conf *conf = conf_parse("second", text, sizeof(text) - 1, error);

	if (!conf)
		fail_msg("%s", error);
	return conf;
}

static void what_came_over_vici_stays(void **state)
{
	struct world_config config = rig_config();
	struct conf *vici = second_conf(), *file = second_conf(), nothing;
	struct controller *c;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	c = w.side[0].c;
	nothing = (struct conf){.nic = c->nic, .daemon = c->daemon};
	vici->conns[0]->from_vici = true;
	vici->secrets[0].from_vici = true;
	assert_int_equal(controller_conn_load(c, w.now, vici->conns[0]), 0);
	assert_int_equal(controller_secret_load(c, &vici->secrets[0]), 0);
	assert_loaded(c, "peer second ike-sim ike-second ");
	reload(&w, &nothing); /* what the file had goes */
	assert_loaded(c, "second ike-second ");
	/* the file names them now, unchanged: from here on they are the file's */
	reload(&w, file);
	assert_loaded(c, "second ike-second ");
	reload(&w, &nothing);
	assert_loaded(c, "");
	rig_free(&w);
	conf_free(vici);
	conf_free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_for_a_restart_is_named),
		cmocka_unit_test(poll_and_drain_change_at_once),
		cmocka_unit_test(what_came_over_vici_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
