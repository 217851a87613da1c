/* SPDX-License-Identifier: MIT */
/*
 * The traffic generator and checker behind the `gen` host port: one stream per TX queue, paced, every packet numbered;
 * what arrives from the other card is checked.
 *
 * Threads: gen_build and gen_next of stream n are called by the owner of queue n; the rest by anybody.
 */
#ifndef HWSIM_GEN_H
#define HWSIM_GEN_H

#include "hwsim/gen_check.h"

struct gen;

enum {
	GEN_MAX_SIZES = 64,
	GEN_DEFAULT_PPS = 20000,        /* packets per second over all streams when none is asked for */
	GEN_MAX_PPS = 10000000,         /* per stream */
	GEN_MAX_LAG_NS = 100 * 1000000, /* a sender that was not run for longer does not catch up */
};

struct gen_config {
	struct gen_flow flow;
	unsigned int first;           /* the first stream's number: its TX queue */
	unsigned int streams;         /* 1..queues of the card - first */
	uint64_t pps;                 /* per stream; 0: GEN_DEFAULT_PPS shared by the streams */
	uint64_t count;               /* packets per stream, then the stream stops; 0: until stopped */
	uint64_t run;                 /* not 0, higher than the run before */
	unsigned int sizes;           /* how many of size[] */
	uint16_t size[GEN_MAX_SIZES]; /* payload bytes; packet n of a stream has size[n % sizes] */
};

/* queues: of the card, 1..GEN_MAX_STREAMS. NULL: no memory. */
struct gen *gen_new(unsigned int queues);
void gen_free(struct gen *g);

/* What is wrong with the configuration, or NULL. */
const char *gen_config_error(const struct gen *g, const struct gen_config *c);

/* Starts all streams at `now` (ns); a running generator is started anew. The configuration must be without error. */
void gen_start(struct gen *g, const struct gen_config *c, uint64_t now);
/* Stops; what was built is still counted as sent. */
void gen_stop(struct gen *g);
/* Forgets what was received. */
void gen_reset(struct gen *g);

/* When (ns) the stream has a packet due, or UINT64_MAX. */
uint64_t gen_next(struct gen *g, unsigned int stream);
/* The stream's next packet if one is due by `now`: its length, or 0. */
size_t gen_build(struct gen *g, unsigned int stream, uint64_t now, uint8_t *packet, size_t cap);
/* A packet from the card. */
void gen_receive(struct gen *g, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len);

struct gen_stream_status {
	bool running;
	uint64_t sent, sent_bytes; /* in the run that gen_start named last; bytes of IP packets */
};

unsigned int gen_queues(const struct gen *g);
/* The run that is being sent, or was last; 0: never started. */
uint64_t gen_run(struct gen *g);
void gen_stream_status(struct gen *g, unsigned int stream, struct gen_stream_status *out);
/* The checker, locked until gen_check_release. */
const struct gen_check *gen_check_lock(struct gen *g);
void gen_check_release(struct gen *g);

#endif
