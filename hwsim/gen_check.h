/* SPDX-License-Identifier: MIT */
/*
 * The receiving half of the generator: says of every packet whether it arrived whole, once, in order and on the right
 * queue. No clock, no sockets, no locks.
 */
#ifndef HWSIM_GEN_CHECK_H
#define HWSIM_GEN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hwsim/gen_packet.h"

enum { GEN_WINDOW = 65536 }; /* numbers behind the highest within which a duplicate is told from a late packet */

struct gen_check_stream {
	bool seen;
	uint64_t highest;  /* number */
	uint64_t received; /* different packets */
	uint64_t bytes;    /* of IP packets, of those */
	uint64_t duplicates;
	uint64_t reordered; /* received after one with a higher number */
	uint64_t late;      /* older than the window: not counted as received */
	uint64_t misrouted; /* arrived on an RX queue whose number is not the stream's */
	uint64_t bitmap[GEN_WINDOW / 64];
};

struct gen_check {
	unsigned int queues;
	uint64_t run; /* the one being counted: the highest seen; 0: none */
	uint64_t foreign, payload_errors;
	uint64_t stale;                                 /* of a run before */
	uint64_t latency_min, latency_max, latency_sum; /* ns; meaningful when both ends are on one host */
	struct gen_check_stream stream[GEN_MAX_STREAMS];
	uint64_t *arrived; /* [stream * queues + queue]: packets, duplicates included */
};

/* NULL: no memory. queues: of this card, 1.. */
struct gen_check *gen_check_new(unsigned int queues);
void gen_check_free(struct gen_check *c);

/* Forgets everything, the run as well. */
void gen_check_reset(struct gen_check *c);

/* One packet that came in on `queue` at `now` (ns). A packet of a later run starts the counts again. */
void gen_check_packet(struct gen_check *c, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len);

/* Numbers up to the highest that were not received. What was lost behind the highest only the sender knows. */
uint64_t gen_check_gaps(const struct gen_check_stream *s);

#endif
