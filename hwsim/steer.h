/* SPDX-License-Identifier: MIT */
/*
 * From CPUs to TX queues, and from packets of the wire to RX queues: channels in use, XPS, flow rules, and RSS where no
 * rule matches. What packets need is atomic or behind a lock of its own, so that none of it stops the card.
 */
#ifndef HWSIM_STEER_H
#define HWSIM_STEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/ethtool_uapi.h"
#include "hwsim/hwsim.h"
#include "hwsim/packet.h"
#include "hwsim/rss.h"

enum { STEER_RULES = 1024 }; /* flow rules, when a profile names more */

/* A rule for ESP with an SPI; the place in the table is its location, and smaller ones are asked first. */
struct flow_rule {
	bool used;
	struct ethtool_rx_flow_spec spec;
};

struct steer {
	_Atomic unsigned int channels;          /* in use, 1..config.queues */
	_Atomic uint16_t xps[HWSIM_MAX_QUEUES]; /* TX queue of each CPU */
	bool rss_configured; /* by somebody: a new number of channels does not put back the default */
	uint32_t features;   /* bits of ethtool_stats.h; under control */
	struct rss rss;
	pthread_rwlock_t rules_lock; /* written under control only */
	atomic_uint rules;           /* used; packets look at the table only if there are any */
	uint32_t table_size;
	struct flow_rule *table;
};

int steer_init(struct hwsim *card);
void steer_free(struct hwsim *card);

/* The rest under control. */
/* 0, or -EINVAL with *why when a rule or the indirection table needs more. */
int steer_set_channels(struct hwsim *card, unsigned int channels, const char **why);
/* 0 and the location in spec; -EOPNOTSUPP (not ESP with an SPI, or no such card), -EINVAL (queue, location), -ENOSPC.
 */
int steer_rule_insert(struct hwsim *card, struct ethtool_rx_flow_spec *spec);
/* 0 or -ENOENT. */
int steer_rule_delete(struct hwsim *card, uint32_t location);

/* From a packet's way, with or without a lock. */
unsigned int steer_rx_queue(struct steer *steer, const struct packet *packet);
unsigned int steer_tx_queue(const struct steer *steer, unsigned int cpu);

#endif
