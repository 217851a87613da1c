/* SPDX-License-Identifier: MIT */
/* What tests of queue SAs look at: which queues have one, what they carried, what the card's policies say. */
#ifndef LANES_VIEW_H
#define LANES_VIEW_H

#include "controller_rig.h"

#define LANE(q)  (1u << (q))
#define LANE_ANY (1u << 31)

/* A bit for each queue with a Child SA that is up. */
unsigned int lanes_with_sa(struct side *s);
/* Of all SAs that the queue has had, as last read. */
uint64_t lane_packets_out(struct side *s, uint32_t queue);
bool lane_sends_from_any_cpu(struct side *s, uint32_t queue); /* and says so */
bool lane_explains_mode(struct side *s, uint32_t queue);
/* Inbound SAs in the card. */
uint32_t lane_halves_in(struct side *s);
/* Whether the card's outbound policies have the kernel ask for SAs of CPUs. */
bool cpu_acquire_is_set(struct side *s);
/* Whether what was logged by either side says so (the last WORLD_LINES lines). */
bool log_has(const struct world *w, const char *text);

/* Traffic from one side on one CPU, instead of or besides what flows already. */
void stream_only(struct world *w, unsigned int from, unsigned int queue, double rate);
void stream_more(struct world *w, unsigned int from, unsigned int queue, double rate);

#endif
