/* SPDX-License-Identifier: MIT */
#include "offload/toeplitz.h"

#include "base/bytes.h"

/* A 64-bit window over the key, of which the upper half is what the next input bit may add. */
uint32_t toeplitz_hash(const uint8_t *key, const uint8_t *data, size_t len)
{
	uint64_t window = (uint64_t)get_be32(key) << 32;
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++) {
		window |= (uint64_t)key[i + 4] << 24;
		for (unsigned int bit = 0; bit < 8; bit++, window <<= 1)
			if (data[i] << bit & 0x80)
				hash ^= (uint32_t)(window >> 32);
	}
	return hash;
}

void toeplitz_word_init(struct toeplitz_word *w, const uint8_t *key, size_t at)
{
	for (unsigned int byte = 0; byte < 4; byte++)
		for (unsigned int value = 0; value < 256; value++) {
			uint8_t in = (uint8_t)value;

			w->part[byte][value] = toeplitz_hash(key + at + byte, &in, 1);
		}
}
