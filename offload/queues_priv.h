/* SPDX-License-Identifier: MIT */
/*
 * The queue map inside. queues.c drives the reading; queues_map.c makes rows of what was read; queues_manage.c sets and
 * puts back; queues_spi.c chooses SPIs; queues_rules.c keeps the flow rules; queues_text.c says it in words.
 */
#ifndef OFFLOAD_QUEUES_PRIV_H
#define OFFLOAD_QUEUES_PRIV_H

#include <net/if.h>
#include <sys/queue.h>

#include "offload/queues.h"
#include "offload/toeplitz.h"

/* What a refresh reads. */
struct queues_facts {
	struct nic_channels channels;
	struct nic_rss rss; /* indir_size 0: not known */
	struct nic_features features;
	bool has_features;
	unsigned int rx, tx;
	struct cpuset online;
	bool has_xps;                 /* the files are there, and at least one mask is not empty */
	struct cpuset *xps;           /* of each TX queue; `tx` of them, owned */
	uint32_t irq_cpu[QUEUES_MAX]; /* of each RX queue */
};

struct queues_rule {
	LIST_ENTRY(queues_rule) link;
	struct queues *queues;
	struct nic_rule rule;
	uint32_t location;
	bool set;      /* location is valid */
	bool unwanted; /* deleted before the driver had answered */
	ethtool_done done;
	void *ctx;
};

LIST_HEAD(queues_rules, queues_rule);

/* One TX queue's XPS: what was found, and what was set over it. */
struct queues_xps_saved {
	bool changed;
	struct cpuset found, set;
};

struct queues {
	char ifname[IF_NAMESIZE], *root; /* root NULL: no files */
	struct queues_config config;
	struct ethtool *ethtool;
	struct queues_events events;
	struct queues_facts facts, fresh; /* fresh: being read */
	bool ready, refreshing, again;
	char poor[QUEUES_TEXT]; /* empty: nothing is missing */
	struct queue *rows;     /* QUEUES_MAX, the first n in use */
	unsigned int n;

	/* the hash, prepared: of the SPI behind IPv4 and behind IPv6 addresses */
	struct toeplitz_word spi4, spi6;
	bool hash4, hash6; /* the key is long enough */

	struct queues_rules rules;
	unsigned int n_rules;
	bool no_rules; /* the device said that it has none */

	/* what manage has set */
	struct queues_xps_saved *xps; /* QUEUES_MAX; NULL until something was set */
	struct nic_rss *rss_found, *rss_set;
	bool rss_refused; /* the device's table cannot be changed: not tried again */
	void (*restored)(void *ctx);
	void *restored_ctx;
	unsigned int restoring; /* requests at the driver */
};

/* Makes rows of q->facts; owners stay with their CPUs. What is different, in words, or NULL. */
const char *queues_build(struct queues *q, const struct queues_facts *before, char *buf);
/* After q->facts.rss changed. */
void queues_hash_prepare(struct queues *q);

/*
 * XPS, at once, by what is in q->fresh (and changes it there): one TX queue for each CPU, as far as there are any. Then
 * RSS, when an RX queue that a row needs gets nothing: 1: a request is under way, which ends in queues_managed(). 0:
 * nothing to wait for.
 */
void queues_manage_xps(struct queues *q);
int queues_manage_rss(struct queues *q);
void queues_managed(struct queues *q);
void queues_manage_free(struct queues *q);

/* The rule for an SA, or NULL. */
struct queues_rule *queues_rule_find(const struct queues *q, const struct xfrm_addr *dst, uint32_t spi);
void queues_rules_free(struct queues *q);

#endif
