/* SPDX-License-Identifier: MIT */
/*
 * What ethtool shows besides channels and RSS: feature bits and counters, by the names that drivers and the kernel give
 * them. Under control.
 */
#ifndef HWSIM_ETHTOOL_STATS_H
#define HWSIM_ETHTOOL_STATS_H

#include <stdbool.h>
#include <stdint.h>

struct hwsim;

/* net/ethtool/common.c netdev_features_strings; the bits' numbers are ours, as they are any kernel's own. */
enum feature { FEATURE_NTUPLE, FEATURE_RXHASH, FEATURE_ESP, FEATURE_ESP_TX_CSUM, FEATURE_GSO_ESP, FEATURES };

const char *feature_name(enum feature feature);
/* What a new card has on: bits 1 << enum feature. */
uint32_t feature_defaults(const struct hwsim *card);
bool feature_active(const struct hwsim *card, enum feature feature);

enum { STAT_NAME = 32 }; /* ETH_GSTRING_LEN */

/* Counters of the card and of every queue, also those out of use. */
unsigned int stats_count(const struct hwsim *card);
/* The name of counter n < stats_count(), zero-padded. */
void stats_name(const struct hwsim *card, unsigned int n, char name[STAT_NAME]);
/* All values. */
void stats_read(struct hwsim *card, uint64_t *values);

#endif
