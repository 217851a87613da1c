/* SPDX-License-Identifier: MIT */
/* Selectors, identities, addresses and units, as tables: what is read, how it prints, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "ctl/conf.h"
#include "ctl/conf_time.h"

#define ROWS(a) (sizeof(a) / sizeof((a)[0]))

static void selectors(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
	} rows[] = {
		{"10.1.2.3", "10.1.2.3/32"},
		{"10.1.2.3/16", "10.1.0.0/16"},
		{"10.0.0.0/0", "0.0.0.0/0"},
		{"10.1.2.3/31", "10.1.2.2/31"},
		{"10.0.0.1-10.0.0.9", "10.0.0.1..10.0.0.9"},
		{"10.0.0.1..10.0.0.9", "10.0.0.1..10.0.0.9"},
		{"10.0.0.0-10.0.0.255", "10.0.0.0/24"},
		{"::/0", "::/0"},
		{"2001:db8::1/64", "2001:db8::/64"},
		{"2001:db8::1-2001:db8::5", "2001:db8::1..2001:db8::5"},
		{"10.0.0.0/24[tcp/80]", "10.0.0.0/24[tcp/80]"},
		{"10.0.0.0/24[6/80-90]", "10.0.0.0/24[tcp/80-90]"},
		{"10.0.0.0/24[udp]", "10.0.0.0/24[udp]"},
		{"10.0.0.0/24[icmp]", "10.0.0.0/24[icmp]"},
		{"10.0.0.0/24[200]", "10.0.0.0/24[200]"},
		{"::1/128[ipv6-icmp]", "::1/128[ipv6-icmp]"},
		{"", NULL},
		{"dynamic", NULL},
		{"%any", NULL},
		{"10.0.0.0/33", NULL},
		{"10.0.0.0/-1", NULL},
		{"10.0.0.0/", NULL},
		{"10.0.0/24", NULL},
		{"10.0.0.9-10.0.0.1", NULL},
		{"10.0.0.1-::1", NULL},
		{"10.0.0.1-10.0.0.9/24", NULL},
		{"10.0.0.0/24[", NULL},
		{"10.0.0.0/24[]", NULL},
		{"10.0.0.0/24[tcp/80", NULL},
		{"10.0.0.0/24[tcp/90-80]", NULL},
		{"10.0.0.0/24[tcp/65536]", NULL},
		{"10.0.0.0/24[icmp/8]", NULL},
		{"10.0.0.0/24[/80]", NULL},
		{"10.0.0.0/24[256]", NULL},
		{"10.0.0.0/24[nonsense]", NULL},
		{"host.example.org", NULL},
	};
	struct ike_ts ts, again;
	char text[128];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int err = conf_ts_read(rows[i].text, &ts);

		if (!rows[i].printed) {
			assert_int_not_equal(err, 0);
			continue;
		}
		assert_int_equal(err, 0);
		assert_string_equal(conf_ts_print(&ts, text, sizeof(text)), rows[i].printed);
		assert_int_equal(conf_ts_read(text, &again), 0);
		assert_memory_equal(&ts, &again, sizeof(ts));
	}
}

static void a_peers_opaque_ports_print(void **state)
{
	const struct ike_ts ts = {.type = IKE_TS_IPV4, .protocol = 6, .start_port = 65535, .end_port = 0};
	char text[64];

	(void)state;
	assert_string_equal(conf_ts_print(&ts, text, sizeof(text)), "0.0.0.0/32[tcp/OPAQUE]");
}

static void identities(void **state)
{
	static const struct {
		const char *text;
		int kind; /* -1: refused */
		const char *data;
		int len;
		const char *printed;
	} rows[] = {
		{"%any", 0, "", 0, "%any"},
		{"10.1.2.3", IKE_ID_IPV4, "\x0a\x01\x02\x03", 4, "10.1.2.3"},
		{"::1", IKE_ID_IPV6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, "::1"},
		{"gw.example.org", IKE_ID_FQDN, "gw.example.org", 14, "gw.example.org"},
		{"@gw.example.org", IKE_ID_FQDN, "gw.example.org", 14, "gw.example.org"},
		{"fqdn:gw", IKE_ID_FQDN, "gw", 2, "gw"},
		{"me@example.org", IKE_ID_RFC822, "me@example.org", 14, "me@example.org"},
		{"@@me@example.org", IKE_ID_RFC822, "me@example.org", 14, "me@example.org"},
		{"keyid:abc", IKE_ID_KEY, "abc", 3, "abc"},
		{"keyid:#00ff", IKE_ID_KEY, "\x00\xff", 2, "keyid:#00ff"},
		{"@#00ff", IKE_ID_KEY, "\x00\xff", 2, "keyid:#00ff"},
		{"ipv4:#0a010203", IKE_ID_IPV4, "\x0a\x01\x02\x03", 4, "10.1.2.3"},
		{"", -1, NULL, 0, NULL},
		{"keyid:", -1, NULL, 0, NULL},
		{"keyid:#0", -1, NULL, 0, NULL},
		{"keyid:#0g", -1, NULL, 0, NULL},
		{"*.example.org", -1, NULL, 0, NULL},
		{"C=CH, O=strongSwan", -1, NULL, 0, NULL},
	};
	struct ike_id id;
	char text[64];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int err = conf_id_read(rows[i].text, &id);

		if (rows[i].kind < 0) {
			assert_int_not_equal(err, 0);
			continue;
		}
		assert_int_equal(err, 0);
		assert_int_equal(id.kind, rows[i].kind);
		assert_int_equal(id.len, rows[i].len);
		assert_memory_equal(id.data, rows[i].data, (size_t)rows[i].len);
		assert_string_equal(conf_id_print(&id, text, sizeof(text)), rows[i].printed);
	}
}

static void identities_have_a_bound(void **state)
{
	char text[IKE_ID_LEN_MAX + 2];
	struct ike_id id;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_not_equal(conf_id_read(text, &id), 0);
	text[IKE_ID_LEN_MAX] = '\0';
	assert_int_equal(conf_id_read(text, &id), 0);
	assert_int_equal(id.len, IKE_ID_LEN_MAX);
}

static void addresses(void **state)
{
	struct ike_addr a;
	char text[64];

	(void)state;
	assert_int_equal(conf_addr_read("192.0.2.1", &a), 0);
	assert_int_equal(a.family, AF_INET);
	assert_string_equal(conf_addr_print(&a, text, sizeof(text)), "192.0.2.1");
	assert_int_equal(conf_addr_read("2001:db8::1", &a), 0);
	assert_int_equal(a.family, AF_INET6);
	assert_string_equal(conf_addr_print(&a, text, sizeof(text)), "2001:db8::1");
	assert_int_equal(conf_addr_read("%any", &a), 0);
	assert_int_equal(a.family, 0);
	assert_string_equal(conf_addr_print(&a, text, sizeof(text)), "%any");
	assert_int_not_equal(conf_addr_read("host", &a), 0);
	assert_int_not_equal(conf_addr_read("10.0.0.0/8", &a), 0);
}

static void units(void **state)
{
	static const struct {
		int (*read)(const char *text, uint64_t *value);
		const char *text;
		int err;
		uint64_t value;
	} rows[] = {
		{conf_time_read, "0", 0, 0},
		{conf_time_read, "90", 0, 90000000000u},
		{conf_time_read, "0.5", 0, 500000000},
		{conf_time_read, "1.25s", 0, 1250000000},
		{conf_time_read, "500ms", 0, 500000000},
		{conf_time_read, "5m", 0, 300000000000u},
		{conf_time_read, "4h", 0, 14400000000000u},
		{conf_time_read, "1d", 0, 86400000000000u},
		{conf_time_read, "1 H", 0, 3600000000000u},
		{conf_time_read, "1w", -22, 0},
		{conf_time_read, "1.", -22, 0},
		{conf_time_read, "-1", -22, 0},
		{conf_time_read, "", -22, 0},
		{conf_time_read, "999999999999d", -34, 0},
		{conf_bytes_read, "18446744073709551615", 0, UINT64_MAX},
		{conf_bytes_read, "18446744073709551616", -34, 0},
		{conf_bytes_read, "2k", 0, 2048},
		{conf_bytes_read, "3M", 0, 3 << 20},
		{conf_bytes_read, "1t", 0, 1ull << 40},
		{conf_bytes_read, "16777216t", -34, 0},
		{conf_bytes_read, "1.5k", -22, 0},
		{conf_number_read, "007", 0, 7},
		{conf_number_read, "0x7", -22, 0},
		{conf_number_read, " 7", -22, 0},
		{conf_number_read, "7k", -22, 0},
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(rows[i].read(rows[i].text, &value), rows[i].err);
		if (!rows[i].err)
			assert_int_equal(value, rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors),  cmocka_unit_test(a_peers_opaque_ports_print),
		cmocka_unit_test(identities), cmocka_unit_test(identities_have_a_bound),
		cmocka_unit_test(addresses),  cmocka_unit_test(units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
