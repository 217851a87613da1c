/* SPDX-License-Identifier: MIT */
/* The queue map on a card in memory, with files in a directory of the test's own. */
#ifndef TESTS_OFFLOAD_QUEUES_RIG_H
#define TESTS_OFFLOAD_QUEUES_RIG_H

#include "files.h"
#include "nic.h"

#include "base/prng.h"
#include "offload/queues.h"

struct rig {
	struct nic *nic;
	struct files *files;
	struct queues *queues;
	struct prng rng;
	unsigned int changed;
	char what[QUEUES_TEXT];
	bool restored;
	uint32_t taken; /* SPIs that are multiples of this are; 0: none */
	int rule_err;
	unsigned int rule_calls;
};

/* A card of a profile with its map, nothing read yet. cpus 0: no files. */
struct rig *rig_start(const char *profile, unsigned int queues, unsigned int cpus, bool manage);
/* Reads everything, and waits until that is done. */
void rig_refresh(struct rig *r);
/* Both. */
struct rig *rig_begin(const char *profile, unsigned int queues, unsigned int cpus, bool manage);
void rig_end(struct rig *r);

void rig_changed(void *ctx, const char *what);
uint32_t rig_random(void *ctx);
bool rig_taken(void *ctx, uint32_t spi);
/* Counts, and keeps the error. */
void rig_rule(void *ctx, const struct ethtool_result *result);

struct queues_flow rig_flow(const char *src, const char *dst);
/* An SPI, which there must be. */
struct queues_spi rig_choose(struct rig *r, const struct queues_flow *flow, int rx);
/* Where the card puts an ESP packet of that flow. */
int rig_card_queue(struct rig *r, const struct queues_flow *flow, uint32_t spi);

#endif
