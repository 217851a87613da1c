/* SPDX-License-Identifier: MIT */
/* Stories of replacements: what a card and two ends can do to them. */
#ifndef SIM_REKEYS_H
#define SIM_REKEYS_H

#include "sim_world.h"

void rekeys_deaf_configure(struct world_config *config, struct prng *rng);
void rekeys_deaf_play(struct world *w);
void rekeys_late_play(struct world *w);
void rekeys_frees_configure(struct world_config *config, struct prng *rng);
void rekeys_frees_play(struct world *w);
void rekeys_collide_play(struct world *w);
void rekeys_oneway_configure(struct world_config *config, struct prng *rng);
void rekeys_chain_configure(struct world_config *config, struct prng *rng);
void rekeys_bursts_configure(struct world_config *config, struct prng *rng);
void rekeys_bursts_play(struct world *w);

#endif
