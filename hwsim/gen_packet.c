/* SPDX-License-Identifier: MIT */
#include "hwsim/gen_packet.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/port_ip.h"

enum { IP4_HEADER = 20, IP6_HEADER = 40, UDP_HEADER = 8 };

const uint8_t gen_magic[GEN_MAGIC_SIZE] = {0xb7, 'K', 'e', 'y', 'R', 'a', 'c', 0xe1};

/* Eight pattern bytes at a time: splitmix64 over a state that the header determines. */
static uint64_t pattern_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t pattern_seed(const struct gen_header *h)
{
	uint64_t seed = h->run, parts[] = {h->number, h->sent_ns, (uint64_t)h->stream << 16 | h->len};

	for (unsigned int i = 0; i < 3; i++) {
		pattern_next(&seed);
		seed ^= pattern_next(&seed) + parts[i];
	}
	return seed;
}

static void pattern_write(const struct gen_header *h, uint8_t *to, size_t len)
{
	uint64_t state = pattern_seed(h);
	uint8_t word[8];

	for (; len >= 8; to += 8, len -= 8)
		put_be64(to, pattern_next(&state));
	put_be64(word, pattern_next(&state));
	memcpy(to, word, len);
}

static bool pattern_matches(const struct gen_header *h, const uint8_t *at, size_t len)
{
	uint64_t state = pattern_seed(h);
	uint8_t word[8];

	for (; len >= 8; at += 8, len -= 8)
		if (get_be64(at) != pattern_next(&state))
			return false;
	put_be64(word, pattern_next(&state));
	return memcmp(at, word, len) == 0;
}

static void write_ip4(struct wr *w, const struct gen_flow *flow, size_t total)
{
	uint8_t *ip = w->start;

	wr_be16(w, 0x4500);
	wr_be16(w, (uint16_t)total);
	wr_be32(w, 0x00004000); /* do not fragment: the identification then has no meaning (RFC 6864) */
	wr_be16(w, 64 << 8 | IPPROTO_UDP);
	wr_be16(w, 0);
	wr_bytes(w, flow->src, 4);
	wr_bytes(w, flow->dst, 4);
	if (!w->bad)
		put_be16(ip + 10, ip_checksum(ip, IP4_HEADER));
}

static void write_ip6(struct wr *w, const struct gen_flow *flow, size_t total)
{
	wr_be32(w, 0x60000000);
	wr_be16(w, (uint16_t)(total - IP6_HEADER));
	wr_be16(w, IPPROTO_UDP << 8 | 64);
	wr_bytes(w, flow->src, 16);
	wr_bytes(w, flow->dst, 16);
}

size_t gen_packet_build(const struct gen_flow *flow, const struct gen_header *h, uint8_t *packet, size_t cap)
{
	size_t ip = flow->family == 6 ? IP6_HEADER : IP4_HEADER, total = ip + UDP_HEADER + h->len;
	struct wr w = wr_init(packet, cap);
	uint8_t *pattern;

	if (h->len < GEN_PAYLOAD_MIN || h->len > GEN_PAYLOAD_MAX)
		return 0;
	if (flow->family == 6)
		write_ip6(&w, flow, total);
	else
		write_ip4(&w, flow, total);
	wr_be16(&w, (uint16_t)(flow->sport + h->stream));
	wr_be16(&w, flow->dport);
	wr_be16(&w, (uint16_t)(UDP_HEADER + h->len));
	wr_be16(&w, 0);
	wr_bytes(&w, gen_magic, GEN_MAGIC_SIZE);
	wr_be64(&w, h->run);
	wr_be64(&w, h->number);
	wr_be64(&w, h->sent_ns);
	wr_be16(&w, h->stream);
	wr_be16(&w, h->len);
	pattern = wr_room(&w, h->len - (size_t)GEN_HEADER);
	if (!pattern)
		return 0;
	pattern_write(h, pattern, h->len - (size_t)GEN_HEADER);
	ip_complete_checksum(packet, total);
	return total;
}

enum gen_verdict gen_packet_parse(const uint8_t *packet, size_t len, struct gen_header *h)
{
	struct ip_view view;
	struct rd r;
	const uint8_t *magic;
	uint16_t udp_len;

	if (!ip_parse(packet, len, &view) || view.proto != IPPROTO_UDP || view.fragment)
		return GEN_FOREIGN;
	r = rd_init(view.payload, view.payload_len);
	rd_be32(&r);
	udp_len = rd_be16(&r);
	rd_be16(&r);
	magic = rd_bytes(&r, GEN_MAGIC_SIZE);
	if (!magic || memcmp(magic, gen_magic, GEN_MAGIC_SIZE) != 0)
		return GEN_FOREIGN;
	h->run = rd_be64(&r);
	h->number = rd_be64(&r);
	h->sent_ns = rd_be64(&r);
	h->stream = rd_be16(&r);
	h->len = rd_be16(&r);
	if (r.bad || view.total != len || udp_len != view.payload_len || h->len + UDP_HEADER != udp_len ||
	    h->len < GEN_PAYLOAD_MIN || h->stream >= GEN_MAX_STREAMS)
		return GEN_CORRUPT;
	return pattern_matches(h, r.p, r.left) ? GEN_GOOD : GEN_CORRUPT;
}
