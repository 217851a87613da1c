/* SPDX-License-Identifier: MIT */
/* Chosen SPIs and flow rules: the card must put packets where the map says. */
#include "queues_rig.h"

#include <errno.h>
#include <string.h>

/* The chosen SPI lands where it was wanted, whatever key, table, addresses and numbers of queues. */
static void a_chosen_spi_lands_on_its_queue(void **state)
{
	static const unsigned int sizes[] = {1, 2, 3, 8, 16, 33, 64, 255, 256};
	static const char *const pairs[][2] = {
		{"192.0.2.1", "192.0.2.2"},
		{"10.255.0.1", "203.0.113.77"},
		{"2001:db8::1", "2001:db8:ffff::2"},
		{"fe80::1", "fe80::2"},
	};

	(void)state;
	for (unsigned int size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
		const unsigned int queues = sizes[size];
		struct rig *r = rig_start("tiny-33", queues, 0, false);
		struct hwsim_rss rss;
		unsigned int tries = 0, n = 0, weight[256] = {0};
		double expected = 0;

		hwsim_rss_get(r->nic->card, &rss);
		for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
			rss.indir[i] = (uint16_t)((i * 7 + i / 5) % queues);
		for (unsigned int i = 0; i < queues; i++) /* each is reached */
			rss.indir[i * (HWSIM_RSS_INDIR / queues)] = (uint16_t)i;
		for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
			weight[rss.indir[i]]++;
		for (unsigned int i = 0; i < sizeof(rss.key); i++)
			rss.key[i] = (uint8_t)prng_next(&r->rng);
		assert_int_equal(hwsim_rss_set(r->nic->card, &rss), 0);
		rig_refresh(r);
		r->taken = 3;
		for (unsigned int p = 0; p < 4; p++) {
			struct queues_flow flow = rig_flow(pairs[p][0], pairs[p][1]);

			for (unsigned int rx = 0; rx < queues; rx++) {
				struct queues_spi spi = rig_choose(r, &flow, (int)rx);

				assert_int_equal(spi.in, queues == 1 ? QUEUES_IN_ONE : QUEUES_IN_HASH);
				assert_string_equal(spi.why, "");
				assert_int_not_equal(spi.spi % 3, 0);
				assert_int_equal(rig_card_queue(r, &flow, spi.spi), rx);
				assert_int_equal(queues_rx_of(r->queues, &flow, spi.spi), rx);
				tries += spi.tries;
				expected +=
					queues == 1 ? 1.5 : 1.5 * HWSIM_RSS_INDIR / weight[rx]; /* a third is taken */
				n++;
			}
		}
		assert_true(tries < 2 * expected + 20 && n == 4 * queues);
		rig_end(r);
	}
}

static void what_cannot_be_steered_is_said(void **state)
{
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2"), v6 = rig_flow("2001:db8::1", "2001:db8::2");
	struct rig *r = rig_begin("tiny-33", 4, 0, false);
	struct queues_spi spi;
	struct hwsim_rss rss;
	char text[QUEUES_TEXT];

	(void)state;
	flow.encap = true;
	spi = rig_choose(r, &flow, 2);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_string_equal(spi.why, "in UDP: the device hashes ports, and sees no SPI");
	assert_int_equal(queues_rx_of(r->queues, &flow, spi.spi), -1);
	assert_string_equal(queues_describe_in(queues_at(r->queues, 2), spi.in, text), "not steered: any RX queue");
	flow.encap = false;
	spi = rig_choose(r, &flow, -1);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	hwsim_rss_get(r->nic->card, &rss);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = (uint16_t)(i % 3);
	assert_int_equal(hwsim_rss_set(r->nic->card, &rss), 0);
	rig_refresh(r);
	assert_int_equal(r->changed, 2);
	assert_string_equal(r->what, "RSS has changed");
	spi = rig_choose(r, &flow, 3);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_non_null(strstr(spi.why, "the RSS indirection table sends nothing to that queue"));
	/* no row has that queue any more */
	assert_null(queues_by_rx(r->queues, 3));
	assert_true(queues_at(r->queues, 0)->rx_shared);
	rig_end(r);

	r = rig_begin("ixgbe-1024", 4, 0, false);
	spi = rig_choose(r, &v6, 1);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_string_equal(spi.why, "the device's RSS does not hash the SPI, and it has no flow rules for SPIs");
	assert_int_equal(queues_rx_of(r->queues, &v6, spi.spi), rig_card_queue(r, &v6, spi.spi));
	rig_end(r);

	r = rig_begin("netdevsim-33", 4, 0, false);
	assert_non_null(strstr(queues_poor(r->queues), "RSS cannot be read"));
	assert_int_equal(rig_choose(r, &flow, 1).in, QUEUES_IN_ANY);
	rig_end(r);
}

/* A profile that does not know whether the SPI is hashed: it is tried, and called an assumption. */
static void an_unknown_card(void **state)
{
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2");
	struct rig *r = rig_start("tiny-33", 4, 0, false);
	struct queues_config config = {.ifname = "eth7", .log = &r->nic->log};
	struct queues_events events = {r, rig_changed};
	struct queues_spi spi;

	(void)state;
	queues_free(r->queues);
	r->queues = queues_new(&config, r->nic->ethtool, &events);
	rig_refresh(r);
	spi = rig_choose(r, &flow, 2);
	assert_int_equal(spi.in, QUEUES_IN_ASSUMED);
	assert_int_equal(rig_card_queue(r, &flow, spi.spi), 2);
	assert_int_equal(queues_rx_of(r->queues, &flow, spi.spi), -1);
	rig_end(r);
}

static uint32_t always_same(void *ctx)
{
	(void)ctx;
	return 0x1000;
}

static uint32_t always_reserved(void *ctx)
{
	(void)ctx;
	return 255;
}

static void the_search_ends(void **state)
{
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2");
	struct rig *r = rig_begin("tiny-33", 4, 0, false);
	struct queues_spi spi;
	int lands = queues_rx_of(r->queues, &flow, 0x1000);

	(void)state;
	assert_int_equal(queues_choose_spi(r->queues, &flow, (lands + 1) % 4, always_same, NULL, r, &spi), 0);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_int_equal(spi.spi, 0x1000);
	assert_int_equal(spi.tries, QUEUES_SPI_TRIES);
	assert_non_null(strstr(spi.why, "none of 16384 SPIs lands on queue"));
	assert_int_equal(queues_choose_spi(r->queues, &flow, 1, always_reserved, NULL, r, &spi), -ENOSPC);
	r->taken = 1;
	assert_int_equal(queues_choose_spi(r->queues, &flow, 1, rig_random, rig_taken, r, &spi), -ENOSPC);
	rig_end(r);
}

static void rules_steer_where_the_hash_does_not(void **state)
{
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2");
	struct rig *r = rig_begin("rules-33", 4, 0, false);
	struct queues_spi spi[4];

	(void)state;
	for (int rx = 0; rx < 4; rx++) {
		spi[rx] = rig_choose(r, &flow, rx);
		assert_int_equal(spi[rx].in, QUEUES_IN_RULE);
		assert_int_equal(queues_rule_add(r->queues, &flow.dst, spi[rx].spi, rx, rig_rule, r), 0);
		assert_int_equal(r->rule_err, 0);
		assert_int_equal(queues_rule_add(r->queues, &flow.dst, spi[rx].spi, rx, rig_rule, r), -EEXIST);
	}
	assert_int_equal(r->rule_calls, 4);
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, 1000, 4, rig_rule, r), -EINVAL);
	for (int rx = 0; rx < 4; rx++) {
		assert_int_equal(rig_card_queue(r, &flow, spi[rx].spi), rx);
		assert_int_equal(queues_rx_of(r->queues, &flow, spi[rx].spi), rx);
	}
	queues_rule_delete(r->queues, &flow.dst, spi[1].spi);
	queues_rule_delete(r->queues, &flow.dst, spi[1].spi);
	assert_int_equal(queues_rx_of(r->queues, &flow, spi[1].spi), rig_card_queue(r, &flow, spi[1].spi));
	/* deleted before the answer came: it goes all the same */
	r->nic->hold = true;
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, 5000, 2, rig_rule, r), 0);
	queues_rule_delete(r->queues, &flow.dst, 5000);
	r->nic->hold = false;
	ethtool_process(r->nic->ethtool);
	assert_int_equal(r->rule_calls, 5);
	assert_int_equal(rig_card_queue(r, &flow, 5000), rig_card_queue(r, &flow, 5001));
	/* what is left goes with the rest */
	assert_int_equal(queues_rx_of(r->queues, &flow, spi[2].spi), 2);
	rig_end(r);
}

static void a_card_without_rules_is_asked_once(void **state)
{
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2");
	struct rig *r = rig_begin("rules-33", 4, 0, false);
	struct queues_spi spi;

	(void)state;
	r->nic->fail = -EOPNOTSUPP;
	spi = rig_choose(r, &flow, 1);
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, spi.spi, 1, rig_rule, r), 0);
	assert_int_equal(r->rule_err, -EOPNOTSUPP);
	spi = rig_choose(r, &flow, 1);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_non_null(strstr(spi.why, "it refuses flow rules for SPIs"));
	rig_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chosen_spi_lands_on_its_queue),
		cmocka_unit_test(what_cannot_be_steered_is_said),
		cmocka_unit_test(an_unknown_card),
		cmocka_unit_test(the_search_ends),
		cmocka_unit_test(rules_steer_where_the_hash_does_not),
		cmocka_unit_test(a_card_without_rules_is_asked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
