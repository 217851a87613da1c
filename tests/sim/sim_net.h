/* SPDX-License-Identifier: MIT */
/*
 * A bad network between two hosts: packets are lost, doubled, delayed and so reordered, as one seed decides. It carries
 * IKE datagrams and what the cards put on the wire alike.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/prng.h"
#include "ike/ike.h"

struct net_config {
	double loss, twice;           /* probabilities */
	uint64_t delay_ns, jitter_ns; /* one way: delay, and up to jitter more */
};

enum net_kind { NET_IKE, NET_ESP };

enum { NET_UNTAGGED = -1 };

struct net_packet {
	struct heap_node due;
	enum net_kind kind;
	unsigned int to;      /* side */
	bool copy;            /* the second one of a doubled packet */
	int64_t tag;          /* which of the traffic's packets is inside; NET_UNTAGGED: none */
	struct ike_path path; /* IKE: as the receiver sees it */
	size_t len;
	uint8_t data[];
};

struct net {
	struct net_config config;
	struct prng rng;
	struct heap heap;
	uint64_t lost, carried;
	bool cut; /* nothing gets through */
};

/* Onto the wire. True: it, or a copy of it, will arrive. Packets are copied. */
bool net_send(struct net *n, uint64_t now, const struct net_packet *head, const void *data, size_t len);
/* The next packet that is due, or NULL. The caller frees it. */
struct net_packet *net_take(struct net *n, uint64_t now);
uint64_t net_next(const struct net *n);
void net_free(struct net *n);

#endif
