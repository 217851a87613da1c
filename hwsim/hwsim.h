/* SPDX-License-Identifier: MIT */
/*
 * hwsim: a NIC that does IPsec packet offload, in software.
 *
 * The card has a fixed SA table (its size and shape come from a profile), ESP tunnel and transport mode with
 * AES-GCM, replay windows, byte and packet limits that raise soft and hard expiry, RSS, queues, and a netlink
 * front door that takes and gives the bytes a Linux kernel with such a card would (NETLINK_XFRM). It knows
 * nothing of IKE.
 *
 * Threads: every call may be made from any thread. Control calls (netlink, tick, faults, stats) are
 * serialised by the card's own lock; hwsim_tx/hwsim_rx run at the same time as each other on different
 * queues, and take turns on one. Time and randomness are passed in: `now` is in ns on a monotonic clock of
 * the caller's choice, virtual or real.
 *
 * What an SA counts: packets, and the bytes of the plaintext IP packet (header included) that went in or came
 * out, so that both ends of an SA count alike. An SA with a hard limit of n packets carries n packets; the
 * soft event comes with the packet that reaches the soft limit. A byte limit is reached by the packet that
 * makes the sum equal or larger.
 *
 * Sources: RFC 4303 (ESP), RFC 4106 (AES-GCM in ESP), RFC 3948 (UDP encapsulation), Linux
 * include/uapi/linux/xfrm.h, net/xfrm/xfrm_user.c and xfrm_device.c for what the front door accepts and
 * answers, and the drivers named in profiles.c for sizes.
 */
#ifndef HWSIM_HWSIM_H
#define HWSIM_HWSIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

struct hwsim;

/* What the card is like. Rows of profiles.c; every number there names its source. */
struct hwsim_profile {
	const char *name;   /* "cx7", "ixgbe-1024", "nfp-16k", "netdevsim-33", "tiny-33" */
	const char *driver; /* what ethtool would call it */
	uint32_t sa_in;     /* slots for inbound SAs */
	uint32_t sa_out;    /* slots for outbound SAs */
	bool shared;        /* one table: sa_in is its size, sa_out is ignored */
	bool packet_offload;
	bool crypto_offload;
	bool esn;
	bool tx_by_reqid;           /* mlx5 in packet mode: the outbound SA is found by reqid alone, not by CPU */
	bool rss;                   /* spreads what it receives over the queues; always true but for netdevsim */
	bool rss_spi;               /* the SPI of ESP is part of what is hashed */
	bool rss_settable;          /* key and indirection table can be changed */
	uint32_t ntuple_esp;        /* flow rules (ESP with an SPI to a queue) the card holds; 0: none */
	uint32_t replay_windows;    /* bit n set: a window of 32 << n packets is supported */
	uint32_t counter_period_ms; /* how stale the counters that a dump shows may be; 0: exact */
	int full_errno;             /* positive errno for a full table: ENOSPC, EBUSY, ... */
	const char *full_text;      /* extack text with it */
	const char *full_text_out;  /* the same for an outbound SA, where the driver says something else; or
				       NULL */
};

/* NULL when there is no profile of that name. hwsim_profile_at(n) walks them all, NULL at the end. */
const struct hwsim_profile *hwsim_profile_find(const char *name);
const struct hwsim_profile *hwsim_profile_at(unsigned int n);

struct hwsim_config {
	const struct hwsim_profile *profile;
	uint32_t slots;           /* overrides the profile's table size when not 0 (both directions together if shared)
				   */
	uint32_t policies;        /* policy table size; 0: 1024 */
	unsigned int queues;      /* TX/RX queue pairs, 1..HWSIM_MAX_QUEUES; queue n is served by CPU n */
	int ifindex;              /* what XFRMA_OFFLOAD_DEV must name (or 0); greater than 0 */
	uint32_t acquire_seconds; /* how long a larval SA waits (net.core.xfrm_acq_expires); 0: 30 */
	uint64_t seed;
	const struct log *log; /* may be NULL */
	bool reqid_oldest;     /* with tx_by_reqid: of several SAs the oldest carries the traffic; false: the
				  newest */
};

enum {
	HWSIM_MAX_QUEUES = 256,
	HWSIM_MAX_PACKET = 16000,   /* bytes of the largest IP packet the card takes or makes */
	HWSIM_GROUP_ETHTOOL = 31,   /* the event group of the ethtool family's "monitor" */
	HWSIM_MAX_DATAGRAM = 65536, /* bytes of the largest netlink datagram it takes; it gives at most 16384, and
				       hwsim_generic as many as it takes */
};

/*
 * Where packets leave the card. All packets are IP packets (IPv4 or IPv6) without an Ethernet header: the
 * port drivers add and strip link layers. wire_out and host_in are called on the thread that called hwsim_tx
 * or hwsim_rx, with no lock held: they may call any card. event and link are called with the card's control
 * lock held: they must not call this card, they queue.
 */
struct hwsim_ops {
	/* towards the network: ESP (or UDP-encapsulated ESP), or a packet no policy protects */
	void (*wire_out)(void *ctx, unsigned int queue, const uint8_t *packet, size_t len);
	/* towards the host: a decapsulated or unprotected packet; queue is the RX queue that RSS or a rule
	 * chose */
	void (*host_in)(void *ctx, unsigned int queue, const uint8_t *packet, size_t len);
	/* one multicast netlink message (EXPIRE, ACQUIRE, ...) for everybody who joined `group` (XFRMNLGRP_*, or
	 * HWSIM_GROUP_ETHTOOL) */
	void (*event)(void *ctx, unsigned int group, const void *msg, size_t len);
	/* the link went down or came up (faults link_down and reset); what RTM_NEWLINK tells on a kernel. May
	 * be NULL. */
	void (*link)(void *ctx, bool up);
	void *ctx;
};

/* A card with empty tables. NULL and errno (EINVAL: config out of range, ENOMEM). The config is copied. */
struct hwsim *hwsim_new(const struct hwsim_config *config, const struct hwsim_ops *ops);
/* Frees the card; keys are wiped. */
void hwsim_free(struct hwsim *card);

/*
 * One datagram from a netlink client: one or more nlmsghdr. Every reply datagram (ACK with extack TLVs, dump
 * parts, NLMSG_DONE) is handed to `reply` before the call returns; `reply` must not call this card. A
 * malformed message gets the error a kernel gives. Keys are never given back: dumps carry zeros in their
 * place, as a locked-down kernel's do.
 */
void hwsim_netlink(struct hwsim *card, uint64_t now, const void *buf, size_t len,
		   void (*reply)(void *ctx, const void *msg, size_t len), void *ctx);

/*
 * The same for NETLINK_GENERIC: the control family, which resolves "ethtool"; ethtool's channels, RSS, features and
 * strings (Documentation/networking/ethtool-netlink.rst); and ethtool's ioctl as a message (base/ethtool_uapi.h), for
 * flow rules, hash fields and counters, and RSS as older kernels have it.
 */
void hwsim_generic(struct hwsim *card, uint64_t now, const void *buf, size_t len,
		   void (*reply)(void *ctx, const void *msg, size_t len), void *ctx);

/*
 * A plaintext packet from the host on TX queue `queue`, sent by the CPU of that number: looked up, protected or dropped
 * or passed on. With fewer channels in use than queues, several of them share what is left; wire_out is told `queue`.
 */
void hwsim_tx(struct hwsim *card, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len);
/* The same for a packet that CPU `cpu` sends: the TX queue is the one XPS gives it. */
void hwsim_tx_cpu(struct hwsim *card, unsigned int cpu, uint64_t now, const uint8_t *packet, size_t len);
/* A packet from the wire: flow rules or RSS, decrypt, check policy, deliver; or dropped and counted. */
void hwsim_rx(struct hwsim *card, uint64_t now, const uint8_t *packet, size_t len);

/* Runs what is due: delayed frees, counter sampling, time limits, delayed events. */
void hwsim_tick(struct hwsim *card, uint64_t now);
/* When hwsim_tick must be called next (ns), or UINT64_MAX. */
uint64_t hwsim_next(const struct hwsim *card);

/*
 * Faults, by the names in faults.c (refuse, refuse_nth, full, slow_install, delayed_free, lose_event, ...).
 * `count`: how often it strikes before it disarms itself, UINT32_MAX for always; `arg` as the fault's row
 * says (errno, ms, n). 0, -ENOENT (no such fault), -EINVAL (argument out of range).
 */
int hwsim_fault(struct hwsim *card, const char *name, uint32_t count, uint64_t arg);
/* The n-th fault's name (NULL at the end) and, in `help` if not NULL, what it does and what `arg` is. */
const char *hwsim_fault_at(unsigned int n, const char **help);

struct hwsim_stats {
	struct {
		uint32_t size, used, freeing, peak;
	} in, out, total; /* with a shared table in.size == out.size == total.size */
	uint64_t installs, deletes, refused, soft_expired, hard_expired, events_lost;
	uint64_t tx_esp, tx_plain, tx_no_sa, tx_drop; /* packets; tx_no_sa: a policy covers it but no SA: dropped */
	uint64_t rx_esp, rx_plain, rx_no_sa, rx_auth_fail, rx_replay, rx_policy_drop, rx_malformed;
	uint64_t tx_bytes, rx_bytes;
	uint32_t policies;
};

void hwsim_stats(struct hwsim *card, struct hwsim_stats *out);
/* Per queue: packets sent and received on it. */
void hwsim_queue_stats(struct hwsim *card, unsigned int queue, uint64_t *tx_packets, uint64_t *rx_packets);

/*
 * Checks every invariant: used + freeing + free = size per table, no two SAs with one (direction,
 * destination, SPI), no key without an owner, no nonce used twice with one key. 0, or -EPROTO with the first
 * violation in `why`.
 */
int hwsim_check(struct hwsim *card, char *why, size_t size);

/* The table as text, one line a slot (slot, dir, spi, reqid, pcpu, seq, packets, bytes, state), never keys.
 */
void hwsim_dump(struct hwsim *card, FILE *to);

/* The Toeplitz hash (Microsoft RSS specification). key: at least len + 4 bytes. */
uint32_t hwsim_toeplitz(const uint8_t *key, const uint8_t *data, size_t len);

enum {
	HWSIM_RSS_KEY = 40,    /* bytes: two IPv6 addresses and 4 bytes more, plus 4 */
	HWSIM_RSS_INDIR = 512, /* entries: twice HWSIM_MAX_QUEUES, so that every queue can be reached */
};

/*
 * Receive side scaling. The hash covers, in this order and in network byte order: source address, destination
 * address, then the SPI (ESP, where the profile says so), or source and destination port (TCP, UDP; so also
 * UDP-encapsulated ESP), or nothing (else, and fragments). The queue is indir[hash % HWSIM_RSS_INDIR].
 */
struct hwsim_rss {
	uint8_t key[HWSIM_RSS_KEY];
	uint16_t indir[HWSIM_RSS_INDIR]; /* queue numbers */
};

/* A new card has a key made from its seed and the queues in turn. */
void hwsim_rss_get(struct hwsim *card, struct hwsim_rss *out);
/* 0, or -EINVAL when an entry names a queue that is not in use (nothing is changed then). */
int hwsim_rss_set(struct hwsim *card, const struct hwsim_rss *rss);
/* The RX queue that a packet from the wire goes to, by a flow rule or RSS. */
unsigned int hwsim_rss_queue(struct hwsim *card, const uint8_t *packet, size_t len);

/*
 * Transmit packet steering: the TX queue that a CPU sends on. A new card, and one whose number of channels was changed,
 * has queue cpu % channels. 0, or -EINVAL (no such CPU or queue; there are as many CPUs as queues).
 */
int hwsim_xps_set(struct hwsim *card, unsigned int cpu, unsigned int queue);
/* The queue, or -EINVAL. */
int hwsim_xps_get(struct hwsim *card, unsigned int cpu);

#endif
