/* SPDX-License-Identifier: MIT */
#include "hwsim/rss.h"

#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"

uint32_t hwsim_toeplitz(const uint8_t *key, const uint8_t *data, size_t len)
{
	uint32_t hash = 0, window = get_be32(key);

	for (size_t i = 0; i < len; i++)
		for (unsigned int bit = 8; bit-- > 0;) {
			if (data[i] >> bit & 1)
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	return hash;
}

/* The 32 key bits that begin at bit `at`, which is a bit of the input: there are always 4 bytes after its byte. */
static uint32_t key_window(const uint8_t *key, unsigned int at)
{
	uint64_t bits = (uint64_t)get_be32(key + at / 8) << 8 | key[at / 8 + 4];

	return (uint32_t)(bits >> (8 - at % 8));
}

void rss_set(struct rss *rss, const struct hwsim_rss *to)
{
	memcpy(rss->key, to->key, sizeof(rss->key));
	for (unsigned int nibble = 0; nibble < 2 * RSS_INPUT_MAX; nibble++)
		for (unsigned int value = 0; value < 16; value++) {
			uint32_t part = 0;

			for (unsigned int bit = 0; bit < 4; bit++)
				if (value >> (3 - bit) & 1)
					part ^= key_window(to->key, nibble * 4 + bit);
			atomic_store_explicit(&rss->part[nibble][value], part, memory_order_relaxed);
		}
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		atomic_store_explicit(&rss->indir[i], to->indir[i], memory_order_relaxed);
}

static uint32_t rss_hash(const struct rss *rss, const uint8_t *data, size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++) {
		hash ^= atomic_load_explicit(&rss->part[2 * i][data[i] >> 4], memory_order_relaxed);
		hash ^= atomic_load_explicit(&rss->part[2 * i + 1][data[i] & 15], memory_order_relaxed);
	}
	return hash;
}

unsigned int rss_queue(const struct rss *rss, const struct packet *packet)
{
	const struct flow *flow = &packet->flow;
	size_t alen = flow->family == AF_INET ? 4 : 16, len = 2 * alen;
	uint8_t in[RSS_INPUT_MAX];

	memcpy(in, flow->src, alen);
	memcpy(in + alen, flow->dst, alen);
	if (rss->spi && flow->proto == IPPROTO_ESP && packet->l4 && packet->len - packet->l4 >= 4) {
		memcpy(in + len, packet->data + packet->l4, 4);
		len += 4;
	} else if ((flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP) && packet->l4 && packet->has_ports) {
		put_be16(in + len, flow->sport);
		put_be16(in + len + 2, flow->dport);
		len += 4;
	}
	return atomic_load_explicit(&rss->indir[rss_hash(rss, in, len) % HWSIM_RSS_INDIR], memory_order_relaxed);
}
