/* SPDX-License-Identifier: MIT */
/* Receive side scaling: from a packet of the wire to the queue that serves it. */
#ifndef HWSIM_RSS_H
#define HWSIM_RSS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hwsim/hwsim.h"
#include "hwsim/packet.h"

enum { RSS_INPUT_MAX = HWSIM_RSS_KEY - 4 };

/*
 * The key as tables of partial hashes, one for each half byte of the input, because bit by bit is too slow
 * for every packet. The words are atomic: a packet may be hashed while the key changes, and is then hashed by
 * either or by a mix.
 */
struct rss {
	_Atomic uint32_t part[2 * RSS_INPUT_MAX][16];
	_Atomic uint16_t indir[HWSIM_RSS_INDIR];
	uint8_t key[HWSIM_RSS_KEY];
	bool spi; /* hash the SPI of ESP */
};

void rss_set(struct rss *rss, const struct hwsim_rss *to);
/* The queue for a parsed packet, as struct hwsim_rss says. */
unsigned int rss_queue(const struct rss *rss, const struct packet *packet);

#endif
