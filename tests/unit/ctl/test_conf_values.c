/* SPDX-License-Identifier: MIT */
/* Every key read back, the defaults, and what makes two configurations the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "ctl/conf.h"
#include "ike/message.h"

#define S 1000000000ull

static struct conf *read_text(const char *text)
{
	char error[CONF_ERROR_MAX];
	struct conf *c = conf_parse("x.conf", text, strlen(text), error);

	if (!c)
		fail_msg("%s", error);
	return c;
}

static const char full[] =
	"nic {\n backend = hwsim\n socket = /tmp/card\n ifindex = 7\n profile = tiny-33\n slots = 33\n reserve = 3\n"
	" queues = 4\n counter_poll = 0.2\n counter_gap = 7s\n drain = 250ms\n let_go = 20ms\n event_buffer = 64k\n}\n"
	"daemon {\n listen = 192.0.2.1, 2001:db8::1\n port = 5500\n port_nat_t = 5501\n control = /tmp/c.vici\n"
	" log_level = debug\n rekey_policy = libreswan\n half_open_max = 11\n half_open_per_ip = 12\n "
	"half_open_timeout = 13s\n"
	" cookie_threshold = 14\n retransmit_timeout = 1.5\n retransmit_base = 1.8\n retransmit_tries = 6\n"
	" unauth_reply_rate = 15\n}\n"
	"connections {\n gw {\n"
	"  version = 2\n local_addrs = 192.0.2.1\n remote_addrs = 198.51.100.1\n local_port = 5501\n"
	"  remote_port = 4500\n proposals = aes256gcm16-prfsha384-ecp384, aes128gcm16-prfsha256-x25519\n encap = yes\n"
	"  mobike = no\n dpd_delay = 30s\n dpd_timeout = 2m\n fragmentation = no\n keyingtries = 0\n unique = no\n"
	"  reauth_time = 0s\n rekey_time = 2h\n over_time = 5m\n rand_time = 4m\n window = 8\n children_max = 77\n"
	"  count_sa = no\n optimized_rekey = no\n"
	"  local {\n   auth = psk\n   id = left@example.org\n  }\n"
	"  remote-1 {\n   auth = psk\n   id = right.example.org\n   round = 1\n  }\n"
	"  children {\n   net {\n"
	"    local_ts = 10.1.0.0/16, 10.3.0.0/16[tcp/80]\n    remote_ts = 10.2.0.0/16\n    esp_proposals = "
	"aes256gcm16-esn\n"
	"    mode = transport\n    rekey_time = 30m\n    life_time = 40m\n    rand_time = 5m\n"
	"    rekey_bytes = 10g\n    life_bytes = 12g\n    rand_bytes = 1g\n"
	"    rekey_packets = 1000\n    life_packets = 1200\n    rand_packets = 100\n"
	"    per_cpu_sas = 16\n    hw_offload = packet\n    start_action = start\n    close_action = trap\n"
	"    dpd_action = restart\n    reqid = 5\n    priority = 6\n    replay_window = 128\n    policies = yes\n"
	"   }\n   second { }\n  }\n }\n}\n"
	"secrets {\n ike-1 {\n  id-a = right.example.org\n  id-b = %any\n  secret = 0x00ff10\n }\n"
	" ike-2 { secret = 0sAP8Q }\n ike-3 { secret = \"plain text\" }\n}\n";

static void every_key_of_nic_and_daemon(void **state)
{
	struct conf *c = read_text(full);
	const struct conf_daemon *d = &c->daemon;
	const struct conf_nic *n = &c->nic;

	(void)state;
	assert_int_equal(n->backend, CONF_BACKEND_HWSIM);
	assert_string_equal(n->socket, "/tmp/card");
	assert_string_equal(n->profile, "tiny-33");
	assert_int_equal(n->ifindex, 7);
	assert_int_equal(n->slots, 33);
	assert_int_equal(n->reserve, 3);
	assert_int_equal(n->queues, 4);
	assert_int_equal(n->counter_poll_ns, S / 5);
	assert_int_equal(n->counter_gap_ns, 7 * S);
	assert_int_equal(n->drain_ns, S / 4);
	assert_int_equal(n->let_go_ns, S / 50);
	assert_int_equal(n->event_buffer, 65536);
	assert_int_equal(d->n_listen, 2);
	assert_int_equal(d->listen[0].family, AF_INET);
	assert_int_equal(d->listen[1].family, AF_INET6);
	assert_int_equal(d->ike.port, 5500);
	assert_int_equal(d->ike.port_natt, 5501);
	assert_string_equal(d->control, "/tmp/c.vici");
	assert_int_equal(d->log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(d->rekey_policy->name, "libreswan");
	assert_int_equal(d->ike.half_open_max, 11);
	assert_int_equal(d->ike.half_open_per_ip, 12);
	assert_int_equal(d->ike.half_open_ns, 13 * S);
	assert_int_equal(d->ike.cookie_threshold, 14);
	assert_int_equal(d->ike.retransmit_ns, 3 * S / 2);
	assert_true(d->ike.retransmit_base > 1.79 && d->ike.retransmit_base < 1.81);
	assert_int_equal(d->ike.retransmit_tries, 6);
	assert_int_equal(d->ike.unauth_reply_rate, 15);
	conf_free(c);
}

static void every_key_of_a_connection(void **state)
{
	struct conf *c = read_text(full);
	const struct conf_conn *conn = c->conns[0];
	const struct ike_conn_cfg *i = &conn->ike;
	char text[200];

	(void)state;
	assert_int_equal(c->n_conns, 1);
	assert_string_equal(i->name, "gw");
	assert_int_equal(conn->n_local_addrs, 1);
	assert_int_equal(conn->n_remote_addrs, 1);
	assert_string_equal(conf_addr_print(&i->local, text, sizeof(text)), "192.0.2.1");
	assert_string_equal(conf_addr_print(&i->remote, text, sizeof(text)), "198.51.100.1");
	assert_int_equal(i->local.port, 5501);
	assert_int_equal(i->remote.port, 4500);
	assert_string_equal(conf_id_print(&i->local_id, text, sizeof(text)), "left@example.org");
	assert_string_equal(conf_id_print(&i->remote_id, text, sizeof(text)), "right.example.org");
	assert_int_equal(i->n_proposals, 2);
	assert_int_equal(i->proposals[0].protocol, IKE_PROTO_IKE);
	assert_true(i->encap);
	assert_int_equal(i->window, 8);
	assert_int_equal(i->children_max, 77);
	assert_false(i->count_sa);
	assert_false(i->optimized_rekey);
	assert_int_equal(i->dpd_delay_ns, 30 * S);
	assert_int_equal(i->rekey_time_ns, 7200 * S);
	assert_int_equal(i->over_time_ns, 300 * S);
	assert_int_equal(i->rand_time_ns, 240 * S);
	assert_int_equal(conn->keyingtries, 0);
	assert_int_equal(i->n_children, 2);
	assert_ptr_equal(i->children[0], &conn->children[0].ike);
	assert_ptr_equal(conf_child_of(i->children[1]), &conn->children[1]);
	assert_ptr_equal(conf_conn_of(i), conn);
	conf_free(c);
}

static void every_key_of_a_child(void **state)
{
	struct conf *c = read_text(full);
	const struct conf_child *k = &c->conns[0]->children[0];
	char text[200];

	(void)state;
	assert_string_equal(k->ike.name, "net");
	assert_int_equal(k->ike.n_local_ts, 2);
	assert_string_equal(conf_ts_print(&k->ike.local_ts[1], text, sizeof(text)), "10.3.0.0/16[tcp/80]");
	assert_int_equal(k->ike.n_remote_ts, 1);
	assert_int_equal(k->ike.n_proposals, 1);
	assert_int_equal(k->ike.proposals[0].protocol, IKE_PROTO_ESP);
	assert_int_equal(k->ike.mode, IKE_MODE_TRANSPORT);
	assert_true(k->ike.per_resource);
	assert_int_equal(k->rekey.time.rekey, 1800 * S);
	assert_int_equal(k->rekey.time.life, 2400 * S);
	assert_int_equal(k->rekey.time.rand, 300 * S);
	assert_int_equal(k->rekey.bytes.rekey, 10ull << 30);
	assert_int_equal(k->rekey.bytes.life, 12ull << 30);
	assert_int_equal(k->rekey.bytes.rand, 1ull << 30);
	assert_int_equal(k->rekey.packets.rekey, 1000);
	assert_int_equal(k->rekey.packets.life, 1200);
	assert_int_equal(k->rekey.packets.rand, 100);
	assert_int_equal(k->per_cpu_sas, 16);
	assert_int_equal(k->hw_offload, HW_OFFLOAD_PACKET);
	assert_int_equal(k->start_action, CONF_ACTION_START);
	assert_int_equal(k->close_action, CONF_ACTION_TRAP);
	assert_int_equal(k->dpd_action, CONF_ACTION_START);
	assert_int_equal(k->reqid, 5);
	assert_int_equal(k->priority, 6);
	assert_int_equal(k->replay_window, 128);
	assert_true(k->policies);
	conf_free(c);
}

static void every_way_to_write_a_secret(void **state)
{
	struct conf *c = read_text(full);

	(void)state;
	assert_int_equal(c->n_secrets, 3);
	assert_string_equal(c->secrets[0].name, "ike-1");
	assert_int_equal(c->secrets[0].n_ids, 2);
	assert_int_equal(c->secrets[0].ids[0].kind, IKE_ID_FQDN);
	assert_int_equal(c->secrets[0].ids[1].kind, 0);
	assert_int_equal(c->secrets[0].len, 3);
	assert_memory_equal(c->secrets[0].secret, "\x00\xff\x10", 3);
	assert_int_equal(c->secrets[1].len, 3);
	assert_memory_equal(c->secrets[1].secret, "\x00\xff\x10", 3);
	assert_int_equal(c->secrets[2].len, 10);
	assert_memory_equal(c->secrets[2].secret, "plain text", 10);
	conf_free(c);
}

static const char small[] =
	"connections { a { remote_addrs = 192.0.2.9\n local { auth = psk }\n remote { auth = psk }\n"
	"children { c { } } } }\n";

static void defaults_are_swanctls(void **state)
{
	struct conf *c = read_text(small);
	const struct conf_conn *conn = c->conns[0];
	const struct conf_child *k = &conn->children[0];

	(void)state;
	assert_int_equal(c->nic.backend, CONF_BACKEND_XFRM);
	assert_int_equal(c->nic.reserve, UINT32_MAX);
	assert_int_equal(c->daemon.ike.port, 500);
	assert_int_equal(c->daemon.ike.port_natt, 4500);
	assert_string_equal(c->daemon.control, "/run/keyrack/keyrackd.vici");
	assert_int_equal(conn->ike.local.family, 0);
	assert_int_equal(conn->ike.local.port, 0);
	assert_int_equal(conn->ike.remote.port, 500);
	assert_int_equal(conn->ike.rekey_time_ns, 14400 * S);
	assert_int_equal(conn->ike.over_time_ns, 1440 * S);
	assert_int_equal(conn->ike.rand_time_ns, 1440 * S);
	assert_int_equal(conn->ike.dpd_delay_ns, 0);
	assert_int_equal(conn->ike.window, 64);
	assert_true(conn->ike.count_sa);
	assert_true(conn->ike.optimized_rekey);
	assert_int_equal(conn->keyingtries, 1);
	assert_int_equal(conn->ike.n_proposals, 2);
	assert_int_equal(k->rekey.time.rekey, 3600 * S);
	assert_int_equal(k->rekey.time.life, 0);
	assert_int_equal(k->rekey.time.rand, REKEY_INF);
	assert_int_equal(k->rekey.bytes.rekey, 0);
	assert_int_equal(k->rekey.packets.rekey, 0);
	assert_int_equal(k->ike.n_local_ts, 0);
	assert_int_equal(k->ike.mode, IKE_MODE_TUNNEL);
	assert_int_equal(k->ike.n_proposals, 2);
	assert_false(k->ike.per_resource);
	assert_int_equal(k->hw_offload, HW_OFFLOAD_AUTO);
	assert_int_equal(k->replay_window, 32);
	assert_int_equal(k->start_action, CONF_ACTION_NONE);
	assert_true(k->policies);
	conf_free(c);
}

/* life alone: rekey is that less 10 %, as in strongSwan. */
static void life_gives_rekey(void **state)
{
	struct conf *c = read_text("connections { a { local { auth = psk }\n remote { auth = psk }\n"
				   "children { c { life_packets = 1100\n life_time = 11m\n } } } }\n");
	const struct conf_child *k = &c->conns[0]->children[0];

	(void)state;
	assert_int_equal(k->rekey.packets.rekey, 1000);
	assert_int_equal(k->rekey.packets.life, 1100);
	assert_int_equal(k->rekey.time.rekey, 600 * S);
	conf_free(c);
}

/* ---- fingerprints ---- */

static void conn_print(uint64_t out[2], uint64_t child[2], const char *text)
{
	struct conf *c = read_text(text);

	memcpy(out, c->conns[0]->fingerprint, 16);
	memcpy(child, c->conns[0]->children[0].fingerprint, 16);
	conf_free(c);
}

#define CONN(name, keys, child_keys)                                                                                \
	"connections { " name " { remote_addrs = 192.0.2.9\n" keys "local { auth = psk }\n remote { auth = psk }\n" \
	"children { c { " child_keys " } } } }\n"

static void spelling_does_not_change_a_fingerprint(void **state)
{
	static const char *const same[] = {
		CONN("a", "rekey_time = 4h\n", ""),
		CONN("a", "rekey_time = 14400s\n over_time = 24m\n", "rekey_time = 60m\n"),
		CONN("a", "mobike = no\n version = 2\n proposals = default\n", "mode = tunnel\n local_ts = dynamic\n"),
	};
	uint64_t base[2], child[2], f[2], g[2];

	(void)state;
	conn_print(base, child, CONN("a", "", ""));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		conn_print(f, g, same[i]);
		assert_memory_equal(f, base, sizeof(f));
		assert_memory_equal(g, child, sizeof(g));
	}
}

static void every_change_changes_the_fingerprint(void **state)
{
	static const struct {
		const char *text;
		bool child; /* the child has changed, too */
	} rows[] = {
		{CONN("b", "", ""), false},
		{CONN("a", "local_addrs = 192.0.2.1\n", ""), false},
		{CONN("a", "encap = yes\n", ""), false},
		{CONN("a", "window = 1\n", ""), false},
		{CONN("a", "proposals = aes128gcm16-prfsha256-x25519\n", ""), false},
		{CONN("a", "", "mode = transport\n"), true},
		{CONN("a", "", "local_ts = 10.0.0.0/8\n"), true},
		{CONN("a", "", "remote_ts = 10.0.0.0/8\n"), true},
		{CONN("a", "", "hw_offload = no\n"), true},
		{CONN("a", "", "per_cpu_sas = yes\n"), true},
		{CONN("a", "", "rekey_packets = 5000\n"), true},
		{CONN("a", "", "policies = no\n"), true},
		{CONN("a", "", "esp_proposals = aes128gcm16\n"), true},
	};
	uint64_t base[2], child[2], f[2], g[2];

	(void)state;
	conn_print(base, child, CONN("a", "", ""));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		conn_print(f, g, rows[i].text);
		assert_memory_not_equal(f, base, sizeof(f));
		assert_int_equal(memcmp(g, child, sizeof(g)) != 0, rows[i].child);
	}
}

static void references_keep_a_connection(void **state)
{
	struct conf *c = read_text(small);
	struct conf_conn *conn = c->conns[0];

	(void)state;
	conf_conn_ref(conn);
	conf_free(c);
	assert_string_equal(conn->ike.name, "a");
	assert_string_equal(conn->ike.children[0]->name, "c");
	conf_conn_unref(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_nic_and_daemon),
		cmocka_unit_test(every_key_of_a_connection),
		cmocka_unit_test(every_key_of_a_child),
		cmocka_unit_test(every_way_to_write_a_secret),
		cmocka_unit_test(defaults_are_swanctls),
		cmocka_unit_test(life_gives_rekey),
		cmocka_unit_test(spelling_does_not_change_a_fingerprint),
		cmocka_unit_test(every_change_changes_the_fingerprint),
		cmocka_unit_test(references_keep_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
