/* SPDX-License-Identifier: MIT */
/* The hash against the vectors that are published for it (Microsoft, "Verifying the RSS Hash Calculation"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "offload/toeplitz.h"

static const uint8_t key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
	const char *dst, *src;
	uint16_t dport, sport;
	uint32_t addresses, ports;
} vectors[] = {
	{"161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{"65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea},
	{"12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{"209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f},
	{"202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2},
	{"3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d},
	{"ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf},
	{"fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251, 0x4b61e985, 0x02d1feef},
};

/* Source, destination, source port, destination port; the length of the addresses. */
static size_t input(size_t n, uint8_t in[TOEPLITZ_INPUT_MAX])
{
	int family = strchr(vectors[n].src, ':') ? AF_INET6 : AF_INET;
	size_t len = family == AF_INET ? 4 : 16;

	assert_int_equal(inet_pton(family, vectors[n].src, in), 1);
	assert_int_equal(inet_pton(family, vectors[n].dst, in + len), 1);
	put_be16(in + 2 * len, vectors[n].sport);
	put_be16(in + 2 * len + 2, vectors[n].dport);
	return 2 * len;
}

static void published_vectors(void **state)
{
	uint8_t in[TOEPLITZ_INPUT_MAX];

	(void)state;
	for (size_t n = 0; n < sizeof(vectors) / sizeof(vectors[0]); n++) {
		size_t len = input(n, in);

		assert_int_equal(toeplitz_hash(key, in, len), vectors[n].addresses);
		assert_int_equal(toeplitz_hash(key, in, len + 4), vectors[n].ports);
	}
}

/* Addresses and word apart give what they give together. */
static void a_word_is_added(void **state)
{
	struct prng rng = prng_init(1);
	uint8_t in[TOEPLITZ_INPUT_MAX];
	struct toeplitz_word word;

	(void)state;
	for (size_t n = 0; n < sizeof(vectors) / sizeof(vectors[0]); n++) {
		size_t len = input(n, in);

		toeplitz_word_init(&word, key, len);
		assert_int_equal(toeplitz_hash(key, in, len) ^ toeplitz_word_hash(&word, get_be32(in + len)),
				 vectors[n].ports);
		for (int i = 0; i < 200; i++) {
			uint32_t v = (uint32_t)prng_next(&rng), base = toeplitz_hash(key, in, len);

			put_be32(in + len, v);
			assert_int_equal(base ^ toeplitz_word_hash(&word, v), toeplitz_hash(key, in, len + 4));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(a_word_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
