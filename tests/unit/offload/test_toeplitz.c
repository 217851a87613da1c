/* SPDX-License-Identifier: MIT */
/* The hash against the rss_vectors that are published for it (Microsoft, "Verifying the RSS Hash Calculation"). */
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
#include "tests/unit/rss_vectors.h"

/* Source, destination, source port, destination port; the length of the addresses. */
static size_t input(size_t n, uint8_t in[TOEPLITZ_INPUT_MAX])
{
	int family = strchr(rss_vectors[n].src, ':') ? AF_INET6 : AF_INET;
	size_t len = family == AF_INET ? 4 : 16;

	assert_int_equal(inet_pton(family, rss_vectors[n].src, in), 1);
	assert_int_equal(inet_pton(family, rss_vectors[n].dst, in + len), 1);
	put_be16(in + 2 * len, rss_vectors[n].sport);
	put_be16(in + 2 * len + 2, rss_vectors[n].dport);
	return 2 * len;
}

static void published_vectors(void **state)
{
	uint8_t in[TOEPLITZ_INPUT_MAX];

	(void)state;
	for (size_t n = 0; n < sizeof(rss_vectors) / sizeof(rss_vectors[0]); n++) {
		size_t len = input(n, in);

		assert_int_equal(toeplitz_hash(rss_key, in, len), rss_vectors[n].addresses);
		assert_int_equal(toeplitz_hash(rss_key, in, len + 4), rss_vectors[n].ports);
	}
}

/* Addresses and word apart give what they give together. */
static void a_word_is_added(void **state)
{
	struct prng rng = prng_init(1);
	uint8_t in[TOEPLITZ_INPUT_MAX];
	struct toeplitz_word word;

	(void)state;
	for (size_t n = 0; n < sizeof(rss_vectors) / sizeof(rss_vectors[0]); n++) {
		size_t len = input(n, in);

		toeplitz_word_init(&word, rss_key, len);
		assert_int_equal(toeplitz_hash(rss_key, in, len) ^ toeplitz_word_hash(&word, get_be32(in + len)),
				 rss_vectors[n].ports);
		for (int i = 0; i < 200; i++) {
			uint32_t v = (uint32_t)prng_next(&rng), base = toeplitz_hash(rss_key, in, len);

			put_be32(in + len, v);
			assert_int_equal(base ^ toeplitz_word_hash(&word, v), toeplitz_hash(rss_key, in, len + 4));
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
