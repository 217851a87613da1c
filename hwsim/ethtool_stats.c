/* SPDX-License-Identifier: MIT */
#include "hwsim/ethtool_stats.h"

#include <stdio.h>
#include <string.h>

#include "hwsim/card.h"

static const char *const feature_names[FEATURES] = {
	[FEATURE_NTUPLE] = "rx-ntuple-filter",     [FEATURE_RXHASH] = "rx-hashing",
	[FEATURE_ESP] = "esp-hw-offload",          [FEATURE_ESP_TX_CSUM] = "esp-tx-csum-hw-offload",
	[FEATURE_GSO_ESP] = "tx-esp-segmentation",
};

const char *feature_name(enum feature feature)
{
	return feature_names[feature];
}

uint32_t feature_defaults(const struct hwsim *card)
{
	const struct hwsim_profile *p = &card->profile;
	bool esp = p->packet_offload || p->crypto_offload;

	return (uint32_t)(p->ntuple_esp > 0) << FEATURE_NTUPLE | 1u << FEATURE_RXHASH | (uint32_t)esp << FEATURE_ESP |
	       (uint32_t)esp << FEATURE_ESP_TX_CSUM;
}

bool feature_active(const struct hwsim *card, enum feature feature)
{
	return card->steer.features >> feature & 1;
}

/*
 * Names as mlx5 has them (Documentation/networking/device_drivers/ethernet/mellanox/mlx5/counters.rst). Each is the sum
 * of up to four of the lanes' counters.
 */
static const struct stat_row {
	const char *name;
	enum counter from[4]; /* COUNTERS: none more */
} card_rows[] = {
	{"rx_packets", {RX_ESP, RX_PLAIN, COUNTERS}},
	{"rx_bytes", {RX_BYTES, COUNTERS}},
	{"tx_packets", {TX_ESP, TX_PLAIN, COUNTERS}},
	{"tx_bytes", {TX_BYTES, COUNTERS}},
	{"ipsec_rx_pkts", {RX_ESP, COUNTERS}},
	{"ipsec_rx_bytes", {RX_ESP_BYTES, COUNTERS}},
	{"ipsec_rx_drop_pkts", {RX_AUTH_FAIL, RX_REPLAY, RX_POLICY_DROP, RX_MALFORMED}},
	{"ipsec_rx_drop_sadb_miss", {RX_NO_SA, COUNTERS}},
	{"ipsec_tx_pkts", {TX_ESP, COUNTERS}},
	{"ipsec_tx_bytes", {TX_ESP_BYTES, COUNTERS}},
	{"ipsec_tx_drop_pkts", {TX_DROP, COUNTERS}},
	{"ipsec_tx_drop_no_state", {TX_NO_SA, COUNTERS}},
};

/* The same for one queue; %u is its number. */
static const struct stat_row queue_rows[] = {
	{"rx%u_packets", {RX_ESP, RX_PLAIN, COUNTERS}},
	{"rx%u_bytes", {RX_BYTES, COUNTERS}},
	{"tx%u_packets", {TX_ESP, TX_PLAIN, COUNTERS}},
	{"tx%u_bytes", {TX_BYTES, COUNTERS}},
};

enum {
	CARD_ROWS = sizeof(card_rows) / sizeof(card_rows[0]),
	QUEUE_ROWS = sizeof(queue_rows) / sizeof(queue_rows[0]),
};

unsigned int stats_count(const struct hwsim *card)
{
	return CARD_ROWS + card->config.queues * QUEUE_ROWS;
}

void stats_name(const struct hwsim *card, unsigned int n, char name[STAT_NAME])
{
	const char *pattern, *mark;
	unsigned int queue = 0;

	(void)card;
	memset(name, 0, STAT_NAME);
	if (n < CARD_ROWS) {
		snprintf(name, STAT_NAME, "%s", card_rows[n].name);
		return;
	}
	queue = (n - CARD_ROWS) / QUEUE_ROWS;
	pattern = queue_rows[(n - CARD_ROWS) % QUEUE_ROWS].name;
	mark = strstr(pattern, "%u");
	snprintf(name, STAT_NAME, "%.*s%u%s", (int)(mark - pattern), pattern, queue, mark + 2);
}

static uint64_t sum(const struct stat_row *row, const uint64_t count[COUNTERS])
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < 4 && row->from[i] != COUNTERS; i++)
		total += count[row->from[i]];
	return total;
}

static void add_lane(struct lane *lane, uint64_t count[COUNTERS])
{
	pthread_mutex_lock(&lane->lock);
	for (unsigned int i = 0; i < COUNTERS; i++)
		count[i] += lane->count[i];
	pthread_mutex_unlock(&lane->lock);
}

void stats_read(struct hwsim *card, uint64_t *values)
{
	uint64_t all[COUNTERS] = {0};

	for (unsigned int q = 0; q < card->config.queues; q++) {
		uint64_t one[COUNTERS] = {0};

		add_lane(&card->queues[q].tx, one);
		add_lane(&card->queues[q].rx, one);
		for (unsigned int i = 0; i < COUNTERS; i++)
			all[i] += one[i];
		for (unsigned int row = 0; row < QUEUE_ROWS; row++)
			values[CARD_ROWS + q * QUEUE_ROWS + row] = sum(&queue_rows[row], one);
	}
	for (unsigned int row = 0; row < CARD_ROWS; row++)
		values[row] = sum(&card_rows[row], all);
}
