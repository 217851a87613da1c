/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "hwsim/port.h"

struct row {
	enum port_side side;
	enum port_kind kind;
	const char *text;
	const char *ifname;
	unsigned int mtu;
};

static void good_specs_are_read(void **state)
{
	static const struct row rows[] = {
		{PORT_WIRE, PORT_PACKET, "packet:eth0", "eth0", 0},
		{PORT_WIRE, PORT_PACKET, "packet:a23456789012345", "a23456789012345", 0},
		{PORT_WIRE, PORT_NONE, "none", "", 0},
		{PORT_HOST, PORT_NONE, "none", "", 0},
		{PORT_HOST, PORT_GEN, "gen", "", 0},
		{PORT_HOST, PORT_TAP, "tap:kr0", "kr0", PORT_TAP_MTU},
		{PORT_HOST, PORT_TUN, "tun:kr0,mtu=576", "kr0", 576},
		{PORT_HOST, PORT_TAP, "tap:kr0,mtu=9000", "kr0", 9000},
	};
	char why[256];

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct port_spec spec;

		assert_int_equal(port_spec_parse(&spec, rows[i].side, rows[i].text, why, sizeof(why)), 0);
		assert_int_equal(spec.kind, rows[i].kind);
		assert_string_equal(spec.ifname, rows[i].ifname);
		assert_int_equal(spec.mtu, rows[i].mtu);
	}
}

static void udp_addresses_are_read(void **state)
{
	struct port_spec spec;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&spec.local;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&spec.remote;
	char why[256];

	(void)state;
	assert_int_equal(port_spec_parse(&spec, PORT_WIRE, "udp:127.0.0.1:4001,127.0.0.2:65535", why, sizeof(why)), 0);
	assert_int_equal(spec.kind, PORT_UDP);
	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(ntohs(v4->sin_port), 4001);
	assert_int_equal(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(port_spec_parse(&spec, PORT_WIRE, "udp:[::1]:1,[fd00::2]:4500", why, sizeof(why)), 0);
	assert_int_equal(v6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(v6->sin6_port), 4500);
	assert_int_equal(v6->sin6_addr.s6_addr[15], 2);
}

/* Each mistake is refused, and the sentence quotes the piece that is wrong. */
static void bad_specs_are_refused_and_quoted(void **state)
{
	static const struct {
		enum port_side side;
		const char *text, *quoted;
	} rows[] = {
		{PORT_WIRE, "", "known: udp:"},
		{PORT_WIRE, "udp", "'udp'"},
		{PORT_WIRE, "udp:", "''"},
		{PORT_WIRE, "udp:127.0.0.1:4001", "'127.0.0.1:4001'"},
		{PORT_WIRE, "udp:127.0.0.1,127.0.0.1:4", "'127.0.0.1'"},
		{PORT_WIRE, "udp:127.0.0.1:1,127.0.0.1:0", "'127.0.0.1:0'"},
		{PORT_WIRE, "udp:127.0.0.1:1,127.0.0.1:65536", "'127.0.0.1:65536'"},
		{PORT_WIRE, "udp:127.0.0.1:1,127.0.0.1:4x", "'127.0.0.1:4x'"},
		{PORT_WIRE, "udp:127.0.0.1:-1,127.0.0.1:4", "'127.0.0.1:-1'"},
		{PORT_WIRE, "udp:localhost:1,127.0.0.1:4", "'localhost:1'"},
		{PORT_WIRE, "udp:::1:1,::1:2", "'::1:1'"},
		{PORT_WIRE, "udp:[::1]:1,127.0.0.1:2", "one family"},
		{PORT_WIRE, "udp:[::1:1,[::1]:2", "'[::1:1'"},
		{PORT_WIRE, "packet:", "''"},
		{PORT_WIRE, "packet:a234567890123456", "'a234567890123456'"},
		{PORT_WIRE, "packet:a/b", "'a/b'"},
		{PORT_WIRE, "tap:kr0", "'tap:kr0' is not a wire port"},
		{PORT_WIRE, "none:x", "'none:x'"},
		{PORT_HOST, "udp:127.0.0.1:1,127.0.0.1:2", "is not a host port"},
		{PORT_HOST, "tap:kr0,mtu=", "'mtu='"},
		{PORT_HOST, "tap:kr0,mtu=575", "'575'"},
		{PORT_HOST, "tap:kr0,mtu=9001", "'9001'"},
		{PORT_HOST, "tap:kr0,queues=2", "'queues=2'"},
		{PORT_HOST, "gen:2", "'gen:2'"},
		{PORT_HOST, "generator", "'generator'"},
		{PORT_HOST, "ge", "'ge'"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct port_spec spec;
		char why[256] = "";

		assert_int_not_equal(port_spec_parse(&spec, rows[i].side, rows[i].text, why, sizeof(why)), 0);
		if (!strstr(why, rows[i].quoted))
			fail_msg("'%s' gives: %s", rows[i].text, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_specs_are_read),
		cmocka_unit_test(udp_addresses_are_read),
		cmocka_unit_test(bad_specs_are_refused_and_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
