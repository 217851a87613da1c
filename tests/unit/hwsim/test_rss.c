/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "base/prng.h"
#include "hwsim/rss.h"

/* Microsoft, "Verifying the RSS Hash Calculation": key and table. */
static const uint8_t ms_key[HWSIM_RSS_KEY] = {
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

static void toeplitz_matches_the_published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t in[36], addr[16];
		size_t n = rig_addr(vectors[i].src, addr, NULL) == AF_INET ? 4 : 16;

		memcpy(in, addr, n);
		rig_addr(vectors[i].dst, addr, NULL);
		memcpy(in + n, addr, n);
		put_be16(in + 2 * n, vectors[i].sport);
		put_be16(in + 2 * n + 2, vectors[i].dport);
		assert_int_equal(hwsim_toeplitz(ms_key, in, 2 * n), vectors[i].addresses);
		assert_int_equal(hwsim_toeplitz(ms_key, in, 2 * n + 4), vectors[i].ports);
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
	memcpy(rss.key, ms_key, sizeof(rss.key));
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = (uint16_t)(i * 5 / 3 % 4);
	assert_int_equal(hwsim_rss_set(rig->card, &rss), 0);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t len = rig_packet(p, vectors[i].src, vectors[i].dst, vectors[i].sport, vectors[i].dport, 20);

		assert_int_equal(hwsim_rss_queue(rig->card, p, len), rss.indir[vectors[i].ports % HWSIM_RSS_INDIR]);
		/* as ESP, the same four bytes are the SPI */
		p[strchr(vectors[i].src, ':') ? 6 : 9] = 50;
		assert_int_equal(hwsim_rss_queue(rig->card, p, len), rss.indir[vectors[i].ports % HWSIM_RSS_INDIR]);
		/* as something else, they do not count */
		p[strchr(vectors[i].src, ':') ? 6 : 9] = 89;
		assert_int_equal(hwsim_rss_queue(rig->card, p, len), rss.indir[vectors[i].addresses % HWSIM_RSS_INDIR]);
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
