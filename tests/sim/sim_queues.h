/* SPDX-License-Identifier: MIT */
/* Stories of the queue map: on which RX queue packets arrive. */
#ifndef SIM_QUEUES_H
#define SIM_QUEUES_H

#include "sim_world.h"

/* Rekeys under traffic, and nearly all packets arrive on the RX queue that was wanted; or none of them can be led. */
void queues_steered_play(struct world *w);
void queues_unsteered_play(struct world *w);
/* Cards whose RSS does not see the SPI, with flow rules. */
void queues_rules_configure(struct world_config *c, struct prng *rng);
/* Somebody else changes the number of channels now and then. */
void queues_channels_play(struct world *w);

#endif
