/* SPDX-License-Identifier: MIT */
/* The chains of SAs in Linux, against what its own functions give (7.3.4, net/xfrm/xfrm_hash.h compiled as it is). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "offload/xfrm_chain.h"

static const struct {
	uint32_t reqid;
	const char *src, *dst;
	uint32_t hash;
} rows[] = {
	{0x4b520002, "192.0.2.1", "192.0.2.2", 0xcb53cf50},
	{0x4b520003, "192.0.2.1", "192.0.2.2", 0xcb53cf51},
	{0x4b5b1234, "192.0.2.1", "192.0.2.2", 0xcb5add6f},
	{0x00000007, "192.0.2.1", "192.0.2.2", 0x80018407},
	{0x4b520002, "10.0.0.1", "203.0.113.77", 0x9e52ef1c},
	{0x4b520003, "10.0.0.1", "203.0.113.77", 0x9e52ef1d},
	{0x4b5b1234, "10.0.0.1", "203.0.113.77", 0x9e5bfd23},
	{0x00000007, "10.0.0.1", "203.0.113.77", 0xd500a44b},
	{0x4b520002, "198.51.100.255", "192.168.255.254", 0xcd8eae70},
	{0x4b520003, "198.51.100.255", "192.168.255.254", 0xcd8eae71},
	{0x4b5b1234, "198.51.100.255", "192.168.255.254", 0xcd87bc4f},
	{0x00000007, "198.51.100.255", "192.168.255.254", 0x86dce527},
	{0x4b520002, "255.255.255.255", "1.2.3.4", 0x4b504854},
	{0x4b520003, "255.255.255.255", "1.2.3.4", 0x4b504855},
	{0x4b5b1234, "255.255.255.255", "1.2.3.4", 0x4b595a6b},
	{0x00000007, "255.255.255.255", "1.2.3.4", 0x00020303},
	{0x4b520002, "2001:db8::1", "2001:db8::2", 0x4bd1b6d1},
	{0x4b520003, "2001:db8::1", "2001:db8::2", 0x4bd1b6d0},
	{0x4b5b1234, "2001:db8::1", "2001:db8::2", 0x4bd8a4ee},
	{0x00000007, "2001:db8::1", "2001:db8::2", 0x0083fd86},
	{0x4b520002, "fe80::1:2:3:4", "2001:db8:5:6:7:8:9:a", 0x2f588b84},
	{0x4b520003, "fe80::1:2:3:4", "2001:db8:5:6:7:8:9:a", 0x2f588b85},
	{0x4b5b1234, "fe80::1:2:3:4", "2001:db8:5:6:7:8:9:a", 0x2f5199bb},
	{0x00000007, "fe80::1:2:3:4", "2001:db8:5:6:7:8:9:a", 0x640ac0d3},
	{0x4b520002, "::1", "fd00::ffff", 0x6adae8d7},
	{0x4b520003, "::1", "fd00::ffff", 0x6adae8d6},
	{0x4b5b1234, "::1", "fd00::ffff", 0x6ad3fae8},
	{0x00000007, "::1", "fd00::ffff", 0x2188a380},
	{0x4b520002, "2001:db8:ffff::1", "2001:db8:fffe::1", 0x067f3fff},
	{0x4b520003, "2001:db8:ffff::1", "2001:db8:fffe::1", 0x067f3ffe},
	{0x4b5b1234, "2001:db8:ffff::1", "2001:db8:fffe::1", 0x06762dc0},
	{0x00000007, "2001:db8:ffff::1", "2001:db8:fffe::1", 0x4d2d74a8},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct xfrm_addr address(const char *text)
{
	struct xfrm_addr a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	assert_int_equal(inet_pton(a.family, text, a.ip), 1);
	return a;
}

static void as_linux(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		struct xfrm_addr src = address(rows[i].src), dst = address(rows[i].dst);

		assert_int_equal(xfrm_chain_hash(rows[i].reqid, &src, &dst), rows[i].hash);
	}
}

static void same_both_ways(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		struct xfrm_addr src = address(rows[i].src), dst = address(rows[i].dst);

		assert_int_equal(xfrm_chain_hash(rows[i].reqid, &dst, &src), rows[i].hash);
	}
}

/* However large the table is: its size is a power of two, so bit 0 is always part of the index. */
static void bit_0_follows_the_reqid(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		struct xfrm_addr src = address(rows[i].src), dst = address(rows[i].dst);

		assert_int_equal(xfrm_chain_hash(rows[i].reqid ^ 1, &src, &dst), rows[i].hash ^ 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_linux),
		cmocka_unit_test(same_both_ways),
		cmocka_unit_test(bit_0_follows_the_reqid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
