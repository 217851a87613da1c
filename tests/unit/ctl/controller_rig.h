/* SPDX-License-Identifier: MIT */
/* Two simulated hosts for the controller's unit tests: a good network, one seed, and short cuts. */
#ifndef CONTROLLER_RIG_H
#define CONTROLLER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim_world.h"

/* Both ends alike, tunnel mode, packet offload, 64 slots, 4 queues, nothing starts by itself. */
struct world_config rig_config(void);
void rig_make(struct world *w, const struct world_config *config);
/* Both controllers check themselves, and are freed. */
void rig_free(struct world *w);
/* Time passes; a failure of the simulation is a failure of the test. */
void rig_run(struct world *w, uint64_t ms);

struct rig_answer {
	unsigned int calls;
	int err;
	char text[256];
};
/* A controller_done that keeps what it is told. ctx: a struct rig_answer. */
void rig_done(void *ctx, int err, const char *text);
/* Initiates peer/net on side A and waits; the command's error. */
int rig_up(struct world *w);

struct controller_counters rig_counters(struct side *s);
struct slots_count rig_slots(struct side *s); /* of the first pool */
/* The n-th Child SA in the queue view; fails if there is none. */
struct controller_child rig_child(struct side *s, unsigned int n);

#endif
