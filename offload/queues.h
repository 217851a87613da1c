/* SPDX-License-Identifier: MIT */
/*
 * The queue map: which CPU sends on which TX queue, which RX queue is its own, and whose they are (one Child SA pair
 * per row, RFC 9611). And the two ways to have a packet of a Child SA arrive on the RX queue that is wanted: the
 * receiver picks an inbound SPI whose hash lands there, or a flow rule says so.
 *
 * Sans-I/O but for files: it asks an ethtool driver (ethtool.h), and reads /sys and /proc below a directory that it is
 * told. It never blocks on either. One thread.
 *
 * How it is used (by the controller, whose integration has no other file of offload/ to know):
 *   queues_new, queues_refresh       then wait for changed(); from then on queues_at() has a row for every CPU
 *   queues_choose_spi                for each inbound SA, before the SPI is offered to the peer
 *   queues_rule_add, _delete         when it answered QUEUES_IN_RULE: after the SA is installed, and when it is deleted
 *   queue->cpu                       is XFRMA_SA_PCPU of the row's outbound SA
 *   queues_owner_set                 who has the row
 *   queues_refresh                   also when the link came up, and now and then for CPUs and XPS, which tell nobody.
 *                                    The driver's own notifications (channels, RSS) make it refresh by itself.
 *   queues_restore                   before the end: what was set is put back
 *
 * Sources: RFC 9611; Linux Documentation/networking/scaling.rst (RSS, XPS), ethtool-netlink.rst.
 */
#ifndef OFFLOAD_QUEUES_H
#define OFFLOAD_QUEUES_H

#include "base/log.h"
#include "offload/cpuset.h"
#include "offload/ethtool.h"
#include "offload/profile.h"

struct queues;

enum {
	QUEUES_MAX = 1024,        /* rows, and queues in each direction, that are looked at; the rest is left alone */
	QUEUES_RULES_MAX = 8192,  /* flow rules of ours; beyond that SAs go unsteered */
	QUEUES_SPI_TRIES = 16384, /* SPIs tried; with one table entry in 512 for the queue, none fits once in 10^13 */
	QUEUES_SPI_MIN = 256,     /* RFC 4303 2.1: below are reserved */
	QUEUES_TEXT = 160,        /* bytes of a sentence */
};

/* How an SA's packets come to the RX queue that is wanted. */
enum queues_in {
	QUEUES_IN_HASH,    /* the SPI's hash lands there */
	QUEUES_IN_ASSUMED, /* the same, if the card hashes the SPI, which its profile does not know */
	QUEUES_IN_RULE,    /* by a flow rule, once queues_rule_add() has set it */
	QUEUES_IN_ONE,     /* there is one RX queue */
	QUEUES_IN_ANY,     /* not at all: wherever the card puts them */
};

/* How a CPU's packets come to a TX queue. */
enum queues_out {
	QUEUES_OUT_XPS,    /* XPS gives the CPU this queue */
	QUEUES_OUT_SHARED, /* XPS gives it this queue, and other CPUs too */
	QUEUES_OUT_FIXED,  /* without sysfs (hwsim): CPU n sends on TX queue n modulo their number */
	QUEUES_OUT_HASH,   /* no XPS: the kernel hashes flows over all queues */
};

struct queue {
	uint32_t cpu;    /* also what names the row */
	int tx, rx;      /* queue numbers; -1: none of its own (tx: QUEUES_OUT_HASH) */
	uint32_t rx_cpu; /* where the RX queue's interrupt is served; UINT32_MAX: not known */
	enum queues_out out;
	bool online;    /* false: the CPU is gone; the row stays while it has an owner */
	bool rx_shared; /* another row has the same RX queue */
	void *owner;    /* queues_owner_set() */
};

struct queues_config {
	const char *ifname;   /* for sysfs; copied */
	const char *root;     /* the directory that has "sys" and "proc": "" on a real machine; NULL: no files (hwsim).
				 Copied */
	unsigned int cpus;    /* with root NULL: how many CPUs; 0: as many as TX queues */
	bool manage;          /* set XPS and RSS so that every row has queues of its own, as far as there are any */
	enum rss_spi rss_spi; /* of the device's profile */
	bool esp_rules;       /* the same */
	const struct log *log;
};

struct queues_events {
	void *ctx;
	/* rows, or where packets land, are not what they were (always once after the first refresh); what: for the log
	 */
	void (*changed)(void *ctx, const char *what);
};

/* NULL and errno. The driver's events.changed must call queues_notified(). */
struct queues *queues_new(const struct queues_config *config, struct ethtool *ethtool,
			  const struct queues_events *events);
/* Puts nothing back. The driver is freed before it, so that open requests end while there is somebody to be told. */
void queues_free(struct queues *q);

/*
 * Reads everything again. changed() is called when that is done and something is different. While one is under way,
 * a second call makes it start over. 0, or -errno of the driver.
 */
int queues_refresh(struct queues *q);
/* From the driver's events.changed. */
void queues_notified(struct queues *q, const char *what);
/* Whether the first refresh is done. */
bool queues_ready(const struct queues *q);
/* Why the map is poorer than it could be (no channels, no RSS, no sysfs); NULL: it is whole. */
const char *queues_poor(const struct queues *q);

/* Rows in order of CPUs. Pointers are valid until the next changed(). */
unsigned int queues_count(const struct queues *q);
const struct queue *queues_at(const struct queues *q, unsigned int n);
/* NULL: there is none. */
const struct queue *queues_by_cpu(const struct queues *q, uint32_t cpu);
/* Any row with this RX queue, one with an owner first. */
const struct queue *queues_by_rx(const struct queues *q, int rx);
/* -ENOENT: no such row. NULL: nobody's; then a row whose CPU is gone goes with the next refresh. */
int queues_owner_set(struct queues *q, uint32_t cpu, void *owner);

/* RX and TX queues in use, as far as QUEUES_MAX. */
unsigned int queues_rx_count(const struct queues *q);
unsigned int queues_tx_count(const struct queues *q);

/* An inbound SA as the hash sees it: src is the peer, dst is us. */
struct queues_flow {
	struct xfrm_addr src, dst;
	bool encap; /* in UDP: the card sees ports, and no SPI */
};

struct queues_spi {
	uint32_t spi;
	enum queues_in in;
	unsigned int tries;
	char why[QUEUES_TEXT]; /* with QUEUES_IN_ANY: why it cannot be steered; else empty */
};

/*
 * An inbound SPI, free by `taken` (NULL: all are), that lands on RX queue `rx` (-1: any will do) if that can be had;
 * otherwise any free one, and out->in and out->why say so. random: 32 bits from the caller's source, which decides how
 * well SPIs can be foretold. 0; -ENOSPC: none of QUEUES_SPI_TRIES was free.
 */
int queues_choose_spi(const struct queues *q, const struct queues_flow *flow, int rx, uint32_t (*random)(void *ctx),
		      bool (*taken)(void *ctx, uint32_t spi), void *ctx, struct queues_spi *out);

/*
 * How an SA that has this SPI already can be received on RX queue `rx` as things are now: out->in and out->why. True:
 * another SPI would land there, and this one does not.
 */
bool queues_look(const struct queues *q, const struct queues_flow *flow, int rx, uint32_t spi, struct queues_spi *out);

/* The RX queue on which an SA's packets arrive now, by a rule of ours or by the hash; -1: cannot be told. */
int queues_rx_of(const struct queues *q, const struct queues_flow *flow, uint32_t spi);

/*
 * A flow rule for an inbound SA. done: 0 or -errno and a sentence. A device that answers -EOPNOTSUPP is not asked
 * again: from then on queues_choose_spi() does without. 0, or -errno and `done` is never called: -EEXIST (that SA has
 * one), -ENOSPC (QUEUES_RULES_MAX), or the driver's.
 */
int queues_rule_add(struct queues *q, const struct xfrm_addr *dst, uint32_t spi, int rx, ethtool_done done, void *ctx);
/* Takes it away; nothing happens if the SA has none. */
void queues_rule_delete(struct queues *q, const struct xfrm_addr *dst, uint32_t spi);

/*
 * Puts back XPS, RSS and rules where they are still as they were set here; done is called once. The map is not managed
 * any more. 0, or -errno and done is never called (what is in files has been put back all the same).
 */
int queues_restore(struct queues *q, void (*done)(void *ctx), void *ctx);

/* A sentence for `keyrack queues`: how the row sends, and how an SA that came with `in` is received. buf: QUEUES_TEXT.
 */
const char *queues_describe_out(const struct queue *row, char *buf);
const char *queues_describe_in(const struct queue *row, enum queues_in in, char *buf);
/* "hash", "assumed", "rule", "one", "any"; "xps", "shared", "fixed", "hash". */
const char *queues_in_name(enum queues_in in);
const char *queues_out_name(enum queues_out out);

#endif
