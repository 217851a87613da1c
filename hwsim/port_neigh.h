/* SPDX-License-Identifier: MIT */
/*
 * Who is the next hop to an address on this interface, and what is its MAC address? The kernel's route and neighbour
 * tables are asked over rtnetlink; an address that was seen as a sender is the second-best answer. Thread-safe.
 */
#ifndef HWSIM_PORT_NEIGH_H
#define HWSIM_PORT_NEIGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct neigh;

enum {
	NEIGH_SLOTS = 1024,                  /* remembered addresses; one more replaces one */
	NEIGH_FRESH_NS = 1000 * 1000 * 1000, /* the kernel is asked again after this */
	NEIGH_MISSING_NS = 50 * 1000 * 1000, /* and after this when it did not know */
};

/* For the interface. NULL with a sentence in `why`. */
struct neigh *neigh_new(int ifindex, char *why, size_t size);
void neigh_free(struct neigh *n);

/*
 * The MAC address to send to for `addr` (family 4 or 6, network order) at `now` (ns). False: not known; if there is a
 * route, the kernel has been told to find out.
 */
bool neigh_lookup(struct neigh *n, uint8_t family, const uint8_t *addr, uint64_t now, uint8_t mac[6]);

/* A frame from this address and MAC came in. */
void neigh_learn(struct neigh *n, uint8_t family, const uint8_t *addr, const uint8_t mac[6]);

#endif
