/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "base/prng.h"
#include "hwsim/rss.h"
#include "tests/unit/rss_vectors.h"

static void toeplitz_matches_the_published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rss_vectors) / sizeof(rss_vectors[0]); i++) {
		uint8_t in[36], addr[16];
		size_t n = rig_addr(rss_vectors[i].src, addr, NULL) == AF_INET ? 4 : 16;

		memcpy(in, addr, n);
		rig_addr(rss_vectors[i].dst, addr, NULL);
		memcpy(in + n, addr, n);
		put_be16(in + 2 * n, rss_vectors[i].sport);
		put_be16(in + 2 * n + 2, rss_vectors[i].dport);
		assert_int_equal(hwsim_toeplitz(rss_key, in, 2 * n), rss_vectors[i].addresses);
		assert_int_equal(hwsim_toeplitz(rss_key, in, 2 * n + 4), rss_vectors[i].ports);
	}
}

/* The card's tables give the queue that the plain hash gives, for UDP and for ESP. */
static void the_card_uses_that_hash(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct hwsim_rss rss;
	uint8_t p[200];

	(void)state;
	hwsim_rss_get(rig->card, &rss);
	memcpy(rss.key, rss_key, sizeof(rss.key));
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = (uint16_t)(i * 5 / 3 % 4);
	assert_int_equal(hwsim_rss_set(rig->card, &rss), 0);
	for (size_t i = 0; i < sizeof(rss_vectors) / sizeof(rss_vectors[0]); i++) {
		size_t len = rig_packet(p, rss_vectors[i].src, rss_vectors[i].dst, rss_vectors[i].sport,
					rss_vectors[i].dport, 20);

		assert_int_equal(hwsim_rss_queue(rig->card, p, len), rss.indir[rss_vectors[i].ports % HWSIM_RSS_INDIR]);
		/* as ESP, the same four bytes are the SPI */
		p[strchr(rss_vectors[i].src, ':') ? 6 : 9] = 50;
		assert_int_equal(hwsim_rss_queue(rig->card, p, len), rss.indir[rss_vectors[i].ports % HWSIM_RSS_INDIR]);
		/* as something else, they do not count */
		p[strchr(rss_vectors[i].src, ':') ? 6 : 9] = 89;
		assert_int_equal(hwsim_rss_queue(rig->card, p, len),
				 rss.indir[rss_vectors[i].addresses % HWSIM_RSS_INDIR]);
	}
	rss.indir[17] = 4;
	assert_int_equal(hwsim_rss_set(rig->card, &rss), -EINVAL);
	rig_free(rig);
}

/* Random SPIs spread over the queues. */
static void spis_spread_over_the_queues(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct prng rng = prng_init(3);
	unsigned int hits[4] = {0};
	uint8_t p[100];
	size_t len = rig_packet(p, "192.0.2.1", "192.0.2.2", 0, 0, 40);

	(void)state;
	p[9] = 50;
	for (int i = 0; i < 4000; i++) {
		put_be32(p + 20, (uint32_t)prng_next(&rng));
		hits[hwsim_rss_queue(rig->card, p, len)]++;
	}
	for (int q = 0; q < 4; q++)
		assert_in_range(hits[q], 850, 1150);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(toeplitz_matches_the_published_vectors),
		cmocka_unit_test(the_card_uses_that_hash),
		cmocka_unit_test(spis_spread_over_the_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
