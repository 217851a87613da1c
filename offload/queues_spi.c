/* SPDX-License-Identifier: MIT */
/* Inbound SPIs that land where they are wanted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "offload/queues_priv.h"

enum { IPV4_INPUT = 8, IPV6_INPUT = 32, SPI_SIZE = 4 };

void queues_hash_prepare(struct queues *q)
{
	const struct nic_rss *rss = &q->facts.rss;

	q->hash4 = rss->key_size >= IPV4_INPUT + SPI_SIZE + TOEPLITZ_BEYOND;
	q->hash6 = rss->key_size >= IPV6_INPUT + SPI_SIZE + TOEPLITZ_BEYOND;
	if (q->hash4)
		toeplitz_word_init(&q->spi4, rss->key, IPV4_INPUT);
	if (q->hash6)
		toeplitz_word_init(&q->spi6, rss->key, IPV6_INPUT);
}

/* The hash of the addresses: source, destination. */
static uint32_t hash_addresses(const struct queues *q, const struct queues_flow *flow)
{
	uint8_t in[IPV6_INPUT];
	size_t n = flow->src.family == AF_INET ? IPV4_INPUT / 2 : IPV6_INPUT / 2;

	memcpy(in, flow->src.ip, n);
	memcpy(in + n, flow->dst.ip, n);
	return toeplitz_hash(q->facts.rss.key, in, 2 * n);
}

static int queue_of(const struct queues *q, uint32_t hash)
{
	return q->facts.rss.indir[hash % q->facts.rss.indir_size];
}

static bool in_table(const struct nic_rss *rss, int rx)
{
	for (uint32_t i = 0; i < rss->indir_size; i++)
		if (rss->indir[i] == rx)
			return true;
	return false;
}

/* Whether the hash can be computed at all; *why if not. */
static bool hash_known(const struct queues *q, uint16_t family, const char **why)
{
	const struct nic_rss *rss = &q->facts.rss;

	*why = NULL;
	if (!rss->indir_size)
		*why = "the device tells no RSS indirection table";
	else if (!rss->toeplitz)
		*why = "the device's RSS hash is not Toeplitz";
	else if (!(family == AF_INET ? q->hash4 : q->hash6))
		*why = "the device tells no RSS key";
	return !*why;
}

static bool rules_work(const struct queues *q, const char **why)
{
	*why = NULL;
	if (!q->config.esp_rules)
		*why = "it has no flow rules for SPIs";
	else if (q->no_rules)
		*why = "it refuses flow rules for SPIs";
	else if (q->facts.has_features && !q->facts.features.ntuple)
		*why = "flow rules are off (ethtool -K ntuple on)";
	else if (q->n_rules >= QUEUES_RULES_MAX)
		*why = "there are no more flow rules";
	return !*why;
}

/* How an SA can be had on queue rx; with QUEUES_IN_ANY, why not. */
static enum queues_in method(const struct queues *q, const struct queues_flow *flow, int rx, char *why)
{
	const char *hash_why, *rules_why;
	bool hash = hash_known(q, flow->src.family, &hash_why), rules = rules_work(q, &rules_why);

	why[0] = '\0';
	if (q->facts.rx == 1)
		return QUEUES_IN_ONE;
	if (rx < 0 || flow->encap) {
		snprintf(why, QUEUES_TEXT, "%s",
			 rx < 0 ? "no queue is wanted" : "in UDP: the device hashes ports, and sees no SPI");
		return QUEUES_IN_ANY;
	}
	if (hash && q->config.rss_spi != RSS_SPI_NO && !in_table(&q->facts.rss, rx)) {
		hash = false;
		hash_why = "the RSS indirection table sends nothing to that queue";
	}
	if (hash && q->config.rss_spi == RSS_SPI_YES)
		return QUEUES_IN_HASH;
	if (rules)
		return QUEUES_IN_RULE;
	if (hash && q->config.rss_spi == RSS_SPI_UNKNOWN)
		return QUEUES_IN_ASSUMED;
	snprintf(why, QUEUES_TEXT, "%s, and %s",
		 q->config.rss_spi == RSS_SPI_NO ? "the device's RSS does not hash the SPI" : hash_why, rules_why);
	return QUEUES_IN_ANY;
}

/* None of the tries fitted: the last free one is taken, and steered by a rule if that can be. */
static void give_up(const struct queues *q, int rx, uint32_t spi, struct queues_spi *out)
{
	const char *why;

	out->spi = spi;
	out->in = rules_work(q, &why) ? QUEUES_IN_RULE : QUEUES_IN_ANY;
	if (out->in == QUEUES_IN_ANY)
		snprintf(out->why, sizeof(out->why), "none of %u SPIs lands on queue %d", out->tries, rx);
}

int queues_choose_spi(const struct queues *q, const struct queues_flow *flow, int rx, uint32_t (*random)(void *ctx),
		      bool (*taken)(void *ctx, uint32_t spi), void *ctx, struct queues_spi *out)
{
	const struct toeplitz_word *word = flow->src.family == AF_INET ? &q->spi4 : &q->spi6;
	uint32_t base = 0, last = 0;
	bool hash;

	*out = (struct queues_spi){0};
	out->in = method(q, flow, rx, out->why);
	hash = out->in == QUEUES_IN_HASH || out->in == QUEUES_IN_ASSUMED;
	if (hash)
		base = hash_addresses(q, flow);
	for (out->tries = 1; out->tries <= QUEUES_SPI_TRIES; out->tries++) {
		uint32_t spi = random(ctx);

		if (spi < QUEUES_SPI_MIN || (taken && taken(ctx, spi)))
			continue;
		last = spi;
		if (!hash || queue_of(q, base ^ toeplitz_word_hash(word, spi)) == rx) {
			out->spi = spi;
			return 0;
		}
	}
	out->tries = QUEUES_SPI_TRIES;
	if (!last)
		return -ENOSPC;
	give_up(q, rx, last, out);
	return 0;
}

bool queues_look(const struct queues *q, const struct queues_flow *flow, int rx, uint32_t spi, struct queues_spi *out)
{
	const struct toeplitz_word *word = flow->src.family == AF_INET ? &q->spi4 : &q->spi6;
	int lands;

	*out = (struct queues_spi){.spi = spi};
	out->in = method(q, flow, rx, out->why);
	if (out->in != QUEUES_IN_HASH && out->in != QUEUES_IN_ASSUMED)
		return false;
	lands = queue_of(q, hash_addresses(q, flow) ^ toeplitz_word_hash(word, spi));
	if (lands == rx)
		return false;
	out->in = QUEUES_IN_ANY;
	snprintf(out->why, sizeof(out->why), "its SPI lands on queue %d", lands);
	return true;
}

int queues_rx_of(const struct queues *q, const struct queues_flow *flow, uint32_t spi)
{
	const struct toeplitz_word *word = flow->src.family == AF_INET ? &q->spi4 : &q->spi6;
	const struct queues_rule *rule = queues_rule_find(q, &flow->dst, spi);
	const char *why;

	if (q->facts.rx == 1)
		return 0;
	if (flow->encap)
		return -1;
	if (rule && rule->set)
		return (int)rule->rule.queue;
	if (q->config.rss_spi == RSS_SPI_UNKNOWN || !hash_known(q, flow->src.family, &why))
		return -1;
	if (q->config.rss_spi == RSS_SPI_NO)
		return queue_of(q, hash_addresses(q, flow));
	return queue_of(q, hash_addresses(q, flow) ^ toeplitz_word_hash(word, spi));
}
