/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/port_ip.h"

/* An IPv4 or IPv6 packet from ::1/127.0.0.1-like addresses with `len` bytes behind the header. */
static size_t make(uint8_t *p, bool six, uint8_t proto, const void *payload, size_t len)
{
	size_t head = six ? 40 : 20;

	memset(p, 0, head);
	p[0] = six ? 0x60 : 0x45;
	put_be16(p + (six ? 4 : 2), (uint16_t)(six ? len : head + len));
	p[six ? 6 : 9] = proto;
	memset(p + (six ? 8 : 12), 10, six ? 32 : 8);
	memcpy(p + head, payload, len);
	return head + len;
}

/* The example of RFC 1071, section 3. */
static void the_checksum_is_the_internet_checksum(void **state)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(ip_checksum(data, sizeof(data)), (uint16_t)~0xddf2);
	assert_int_equal(ip_checksum(data, 7), (uint16_t)~0xdcfb);
}

static void esp_is_told_from_ike_and_keepalives(void **state)
{
	static const struct {
		unsigned int proto;
		uint16_t sport, dport;
		uint32_t first;
		unsigned int len; /* of the IP payload */
		bool esp;
	} rows[] = {
		{IPPROTO_ESP, 0, 0, 1, 40, true},
		{IPPROTO_UDP, 4500, 4500, 0xc0000001, 60, true},
		{IPPROTO_UDP, 4500, 31000, 1, 60, true},
		{IPPROTO_UDP, 31000, 4500, 1, 60, true},
		{IPPROTO_UDP, 4500, 4500, 0, 60, false},         /* IKE behind the non-ESP marker */
		{IPPROTO_UDP, 500, 500, 0x12345678, 60, false},  /* IKE */
		{IPPROTO_UDP, 4500, 4500, 0xff000000, 9, false}, /* keepalive */
		{IPPROTO_UDP, 4500, 4500, 1, 16, false},         /* no room for SPI and number and more */
		{IPPROTO_TCP, 4500, 4500, 1, 60, false},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int six = 0; six < 2; six++) {
			uint8_t body[64] = {0}, packet[128];
			struct ip_view view;

			put_be16(body, rows[i].sport);
			put_be16(body + 2, rows[i].dport);
			put_be32(body + 8, rows[i].first);
			assert_true(
				ip_parse(packet, make(packet, six, (uint8_t)rows[i].proto, body, rows[i].len), &view));
			assert_int_equal(ip_is_esp(&view), rows[i].esp);
		}
}

static void what_is_not_a_whole_packet_is_not_parsed(void **state)
{
	uint8_t packet[128] = {0}, body[16] = {0};
	struct ip_view view;
	size_t n;

	(void)state;
	assert_false(ip_parse(packet, 0, &view));
	for (int six = 0; six < 2; six++) {
		n = make(packet, six, IPPROTO_UDP, body, sizeof(body));
		for (size_t len = 0; len < n; len++)
			assert_false(ip_parse(packet, len, &view));
		assert_true(ip_parse(packet, n + 10, &view)); /* padding */
		assert_int_equal(view.total, n);
	}
	n = make(packet, false, IPPROTO_UDP, body, sizeof(body));
	packet[0] = 0x44;
	assert_false(ip_parse(packet, n, &view));
	packet[0] = 0x4f;
	assert_false(ip_parse(packet, n, &view));
	packet[0] = 0x55;
	assert_false(ip_parse(packet, n, &view));
}

static void fragments_are_not_esp(void **state)
{
	uint8_t packet[128], body[40] = {0, 0, 0, 1};
	struct ip_view view;
	size_t n = make(packet, false, IPPROTO_ESP, body, sizeof(body));

	(void)state;
	put_be16(packet + 6, 0x2000);
	assert_true(ip_parse(packet, n, &view) && view.fragment && !ip_is_esp(&view));
	put_be16(packet + 6, 0x4000);
	assert_true(ip_parse(packet, n, &view) && !view.fragment && ip_is_esp(&view));
}

static void link_local_traffic_is_recognised(void **state)
{
	static const struct {
		bool six;
		uint8_t dst[16];
		bool local;
	} rows[] = {
		{false, {224, 0, 0, 22}, true},       {false, {224, 0, 1, 1}, false},
		{false, {169, 254, 1, 1}, true},      {false, {255, 255, 255, 255}, true},
		{false, {10, 1, 2, 3}, false},        {true, {0xff, 2, [15] = 1}, true},
		{true, {0xfe, 0x80, [15] = 1}, true}, {true, {0xff, 0x0e, [15] = 1}, false},
		{true, {0x20, 1, [15] = 1}, false},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t packet[128] = {0}, body[16] = {0};
		struct ip_view view;
		size_t n = make(packet, rows[i].six, IPPROTO_UDP, body, sizeof(body));

		memcpy(packet + (rows[i].six ? 24 : 16), rows[i].dst, rows[i].six ? 16 : 4);
		assert_true(ip_parse(packet, n, &view));
		assert_int_equal(ip_is_link_local(&view), rows[i].local);
	}
}

/* A completed checksum makes the sum over pseudo-header and payload come out as zero. */
static void checksums_are_completed(void **state)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		for (int six = 0; six < 2; six++) {
			uint8_t packet[128], body[33], sum[128];
			struct ip_view view;
			size_t n, addrs = six ? 32 : 8;

			for (size_t k = 0; k < sizeof(body); k++)
				body[k] = (uint8_t)(k * 37 + 1);
			n = make(packet, six, protos[i], body, sizeof(body));
			ip_complete_checksum(packet, n);
			assert_true(ip_parse(packet, n, &view));
			memcpy(sum, view.src, addrs);
			put_be32(sum + addrs, (uint32_t)view.payload_len);
			put_be32(sum + addrs + 4, view.proto);
			memcpy(sum + addrs + 8, view.payload, view.payload_len);
			assert_int_equal(ip_checksum(sum, addrs + 8 + view.payload_len), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_the_internet_checksum),
		cmocka_unit_test(esp_is_told_from_ike_and_keepalives),
		cmocka_unit_test(what_is_not_a_whole_packet_is_not_parsed),
		cmocka_unit_test(fragments_are_not_esp),
		cmocka_unit_test(link_local_traffic_is_recognised),
		cmocka_unit_test(checksums_are_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
