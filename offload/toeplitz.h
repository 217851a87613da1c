/* SPDX-License-Identifier: MIT */
/*
 * The Toeplitz hash of receive side scaling (Microsoft, "RSS Hashing Functions"). It is linear: the hash of addresses
 * and SPI is the hash of the addresses with a zero SPI, XOR what the SPI adds. So trying many SPIs costs little.
 */
#ifndef OFFLOAD_TOEPLITZ_H
#define OFFLOAD_TOEPLITZ_H

#include <stddef.h>
#include <stdint.h>

enum {
	TOEPLITZ_BEYOND = 4,     /* bytes of key that it needs beyond the length of the input */
	TOEPLITZ_INPUT_MAX = 36, /* two IPv6 addresses, then the SPI or two ports */
};

/* The hash of `len` bytes in network order; key: at least len + TOEPLITZ_BEYOND bytes. */
uint32_t toeplitz_hash(const uint8_t *key, const uint8_t *data, size_t len);

/* What 4 bytes add to a hash, where they stand at byte `at` of the input; key: at least at + 4 + TOEPLITZ_BEYOND. */
struct toeplitz_word {
	uint32_t part[4][256];
};

void toeplitz_word_init(struct toeplitz_word *w, const uint8_t *key, size_t at);

/* `value` in host order stands in the packet in network order. */
static inline uint32_t toeplitz_word_hash(const struct toeplitz_word *w, uint32_t value)
{
	return w->part[0][value >> 24] ^ w->part[1][value >> 16 & 255] ^ w->part[2][value >> 8 & 255] ^
	       w->part[3][value & 255];
}

#endif
