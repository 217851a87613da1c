/* SPDX-License-Identifier: MIT */
#include "hwsim/port_ip.h"

#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"

enum { IP4_HEADER = 20, IP6_HEADER = 40, UDP_HEADER = 8, TCP_HEADER = 20, NATT_PORT = 4500 };

static bool parse_ip4(const uint8_t *packet, size_t len, struct ip_view *view)
{
	size_t header = (size_t)(packet[0] & 15) * 4;

	if (len < IP4_HEADER || header < IP4_HEADER)
		return false;
	view->total = get_be16(packet + 2);
	if (view->total > len || header > view->total)
		return false;
	view->family = 4;
	view->proto = packet[9];
	view->fragment = (get_be16(packet + 6) & 0x3fff) != 0;
	view->src = packet + 12;
	view->dst = packet + 16;
	view->payload = packet + header;
	view->payload_len = view->total - header;
	return true;
}

static bool parse_ip6(const uint8_t *packet, size_t len, struct ip_view *view)
{
	if (len < IP6_HEADER)
		return false;
	view->payload_len = get_be16(packet + 4);
	view->total = IP6_HEADER + view->payload_len;
	if (view->total > len)
		return false;
	view->family = 6;
	view->proto = packet[6];
	view->fragment = packet[6] == IPPROTO_FRAGMENT;
	view->src = packet + 8;
	view->dst = packet + 24;
	view->payload = packet + IP6_HEADER;
	return true;
}

bool ip_parse(const uint8_t *packet, size_t len, struct ip_view *view)
{
	if (len == 0)
		return false;
	if (packet[0] >> 4 == 4)
		return parse_ip4(packet, len, view);
	return packet[0] >> 4 == 6 && parse_ip6(packet, len, view);
}

bool ip_is_esp(const struct ip_view *view)
{
	const uint8_t *udp = view->payload;

	if (view->fragment)
		return false;
	if (view->proto == IPPROTO_ESP)
		return true;
	if (view->proto != IPPROTO_UDP || view->payload_len <= UDP_HEADER + 8)
		return false;
	return (get_be16(udp) == NATT_PORT || get_be16(udp + 2) == NATT_PORT) && get_be32(udp + UDP_HEADER) != 0;
}

static bool link_local4(const uint8_t *a)
{
	uint32_t addr = get_be32(a);

	return addr >> 16 == 0xa9fe || addr >> 8 == 0xe00000 || addr == UINT32_MAX;
}

static bool link_local6(const uint8_t *a)
{
	return (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || (a[0] == 0xff && (a[1] & 15) <= 2);
}

bool ip_is_link_local(const struct ip_view *view)
{
	if (view->family == 4)
		return link_local4(view->src) || link_local4(view->dst);
	return link_local6(view->src) || link_local6(view->dst);
}

static uint64_t sum_words(const uint8_t *data, size_t len, uint64_t sum)
{
	for (; len >= 2; data += 2, len -= 2)
		sum += get_be16(data);
	return len ? sum + ((uint64_t)*data << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t ip_checksum(const uint8_t *data, size_t len)
{
	return fold(sum_words(data, len, 0));
}

void ip_complete_checksum(uint8_t *packet, size_t len)
{
	struct ip_view view;
	size_t at;
	uint8_t *field;
	uint64_t sum;
	uint16_t check;

	if (!ip_parse(packet, len, &view) || view.fragment)
		return;
	if (view.proto == IPPROTO_UDP && view.payload_len >= UDP_HEADER)
		at = 6;
	else if (view.proto == IPPROTO_TCP && view.payload_len >= TCP_HEADER)
		at = 16;
	else
		return;
	field = packet + (view.payload - packet) + at;
	put_be16(field, 0);
	sum = sum_words(view.src, view.family == 4 ? 8 : 32, view.proto + view.payload_len);
	check = fold(sum_words(view.payload, view.payload_len, sum));
	if (check == 0 && view.proto == IPPROTO_UDP)
		check = UINT16_MAX; /* in UDP, 0 means: no checksum */
	put_be16(field, check);
}
