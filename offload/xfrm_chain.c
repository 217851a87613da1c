/* SPDX-License-Identifier: MIT */
#include "offload/xfrm_chain.h"

#include <arpa/inet.h>
#include <string.h>

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

/* lookup3 (Bob Jenkins, 2006) of four words in the machine's order: jhash2() in include/linux/jhash.h. */
static uint32_t hash_of_words(const uint32_t w[4])
{
	static const uint8_t mix[] = {4, 6, 8, 16, 19, 4}, last[] = {14, 11, 25, 16, 4, 14, 24};
	const uint32_t start = 0xdeadbeef + 16;
	uint32_t s[3] = {start + w[0], start + w[1], start + w[2]};
	unsigned int x = 0; /* which of the three is next */

	for (unsigned int i = 0; i < sizeof(mix); i++, x = (x + 1) % 3) {
		uint32_t *before = &s[(x + 2) % 3];

		s[x] = (s[x] - *before) ^ rotate(*before, mix[i]);
		*before += s[(x + 1) % 3];
	}
	s[0] += w[3];
	x = 2;
	for (unsigned int i = 0; i < sizeof(last); i++, x = (x + 1) % 3) {
		uint32_t before = s[(x + 2) % 3];

		s[x] = (s[x] ^ before) - rotate(before, last[i]);
	}
	return s[2];
}

static uint32_t hash_ipv4(const struct xfrm_addr *a, const struct xfrm_addr *b)
{
	uint32_t x, y;

	memcpy(&x, a->ip, sizeof(x));
	memcpy(&y, b->ip, sizeof(y));
	return ntohl(x + y);
}

static uint32_t hash_ipv6(const struct xfrm_addr *a)
{
	uint32_t w[4];

	memcpy(w, a->ip, sizeof(w));
	return hash_of_words(w);
}

uint32_t xfrm_chain_hash(uint32_t reqid, const struct xfrm_addr *a, const struct xfrm_addr *b)
{
	uint32_t h = a->family ^ reqid;

	h ^= a->family == AF_INET ? hash_ipv4(a, b) : hash_ipv6(a) ^ hash_ipv6(b);
	return h ^ h >> 16;
}
