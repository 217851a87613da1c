/* SPDX-License-Identifier: MIT */
#include "hwsim/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/hwsim.h"

enum {
	PROTO_HOPOPTS = 0,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_DSTOPTS = 60,
	PROTO_AH = 51,
	PROTO_MH = 135,
};

/* Ports (or ICMP type and code) of a packet whose upper header begins at p->l4. */
static void parse_ports(struct packet *p)
{
	const uint8_t *l4 = p->data + p->l4;
	size_t left = p->len - p->l4;

	switch (p->flow.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_UDPLITE:
		if (left < 4) {
			p->flow.opaque = 1;
			return;
		}
		p->flow.sport = get_be16(l4);
		p->flow.dport = get_be16(l4 + 2);
		p->has_ports = true;
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case PROTO_MH:
		if (left < 3) {
			p->flow.opaque = 1;
			return;
		}
		p->flow.sport = p->flow.proto == PROTO_MH ? l4[2] : l4[0];
		p->flow.dport = p->flow.proto == PROTO_MH ? 0 : l4[1];
		return;
	default:
		return; /* a protocol without ports */
	}
}

static int parse_ipv4(struct packet *p, size_t len)
{
	const uint8_t *h = p->data;
	size_t ihl = (h[0] & 15) * 4u, total;
	uint16_t off;

	if (len < IPV4_HEADER || ihl < IPV4_HEADER)
		return -EINVAL;
	total = get_be16(h + 2);
	if (total < ihl || total > len)
		return -EINVAL;
	p->len = total;
	p->tos = h[1];
	p->ttl = h[8];
	off = get_be16(h + 6);
	p->df = off & 0x4000;
	p->options = ihl > IPV4_HEADER;
	p->fragment = off & 0x3fff;
	p->flow.family = AF_INET;
	p->flow.proto = h[9];
	memcpy(p->flow.src, h + 12, 4);
	memcpy(p->flow.dst, h + 16, 4);
	p->l4_field = 9;
	if (off & 0x1fff) {
		p->flow.opaque = 1;
		return 0;
	}
	p->l4 = (uint16_t)ihl;
	parse_ports(p);
	return 0;
}

/* Walks the extension headers. A chain that cannot be followed leaves the flow opaque, never guessed. */
static void parse_ipv6_chain(struct packet *p)
{
	size_t at = IPV6_HEADER;

	p->l4_field = 6;
	p->flow.proto = p->data[6];
	for (unsigned int n = 0; n <= PACKET_EXT_MAX; n++) {
		const uint8_t *h = p->data + at;
		bool later = false;
		size_t size;

		switch (p->flow.proto) {
		case PROTO_HOPOPTS:
		case PROTO_ROUTING:
		case PROTO_DSTOPTS:
			size = p->len - at >= 8 ? 8 + h[1] * 8u : 0;
			break;
		case PROTO_AH:
			size = p->len - at >= 8 ? 8 + h[1] * 4u : 0;
			break;
		case PROTO_FRAGMENT:
			size = 8;
			p->fragment = true;
			later = p->len - at >= 8 && get_be16(h + 2) & 0xfff8;
			break;
		default:
			p->l4 = (uint16_t)at;
			parse_ports(p);
			return;
		}
		p->options = true;
		if (!size || size > p->len - at)
			break;
		p->flow.proto = h[0];
		p->l4_field = (uint16_t)at;
		at += size;
		if (later)
			break;
	}
	p->flow.opaque = 1;
}

static int parse_ipv6(struct packet *p, size_t len)
{
	const uint8_t *h = p->data;
	size_t total;

	if (len < IPV6_HEADER)
		return -EINVAL;
	total = IPV6_HEADER + (size_t)get_be16(h + 4);
	if (total > len)
		return -EINVAL;
	p->len = total;
	p->tos = (uint8_t)(get_be16(h) >> 4);
	p->ttl = h[7];
	p->df = true;
	p->flow.family = AF_INET6;
	memcpy(p->flow.src, h + 8, 16);
	memcpy(p->flow.dst, h + 24, 16);
	parse_ipv6_chain(p);
	return 0;
}

int packet_parse(struct packet *p, const uint8_t *data, size_t len)
{
	int err = -EINVAL;

	memset(p, 0, sizeof(*p));
	p->data = data;
	if (!len)
		return err;
	if (data[0] >> 4 == 4)
		err = parse_ipv4(p, len);
	else if (data[0] >> 4 == 6)
		err = parse_ipv6(p, len);
	if (!err && p->len > HWSIM_MAX_PACKET)
		err = -EINVAL;
	return err;
}

uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	uint64_t wide = sum;

	for (; len >= 2; data += 2, len -= 2)
		wide += get_be16(data);
	if (len)
		wide += (uint32_t)data[0] << 8;
	while (wide >> 32)
		wide = (wide & 0xffffffff) + (wide >> 32);
	return (uint32_t)wide;
}

uint16_t checksum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void ipv4_set_checksum(uint8_t *p)
{
	put_be16(p + 10, 0);
	put_be16(p + 10, checksum_end(checksum_add(0, p, (p[0] & 15) * 4u)));
}

size_t ip_write_header(uint8_t *p, uint16_t family, size_t len, const uint8_t *src, const uint8_t *dst, uint8_t proto,
		       uint8_t tos, uint8_t ttl, bool df, uint16_t id)
{
	if (family == AF_INET) {
		p[0] = 0x45;
		p[1] = tos;
		put_be16(p + 2, (uint16_t)len);
		put_be16(p + 4, id);
		put_be16(p + 6, df ? 0x4000 : 0);
		p[8] = ttl;
		p[9] = proto;
		memcpy(p + 12, src, 4);
		memcpy(p + 16, dst, 4);
		ipv4_set_checksum(p);
		return IPV4_HEADER;
	}
	put_be32(p, 6u << 28 | (uint32_t)tos << 20);
	put_be16(p + 4, (uint16_t)(len - IPV6_HEADER));
	p[6] = proto;
	p[7] = ttl;
	memcpy(p + 8, src, 16);
	memcpy(p + 24, dst, 16);
	return IPV6_HEADER;
}
