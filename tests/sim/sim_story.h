/* SPDX-License-Identifier: MIT */
/* What stories are made of: conditions to wait for, traffic that counts, the end that every story has. */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "sim_world.h"

/* So many lanes have a Child SA, on both sides. */
bool story_one_up(struct world *w);
bool story_two_up(struct world *w);
bool story_three_up(struct world *w);
bool story_five_up(struct world *w);
bool story_nine_up(struct world *w);
bool story_none_up(struct world *w);
/* No slot is reserved or drains. */
bool story_drained(struct world *w);
bool story_cards_are_empty(struct world *w);

/* Waits for the condition, and from then on every packet counts. False: something has failed. */
bool story_flow(struct world *w, bool (*condition)(struct world *), unsigned int queues, double rate);
void story_expect_rekeys(struct world *w, unsigned int least);
/* Nothing was lost, nothing expired; both sides stop, and nothing is left behind. */
void story_finish(struct world *w);

/* A network as bad as the seed says, 64 slots, 4 queues; A starts. */
void story_common(struct world_config *c, struct prng *rng);
/* Limits by packets: soft about `rekey`, hard twice that. */
void story_limits(struct world_config *c, struct prng *rng, uint64_t rekey);
void story_per_queue(struct world_config *c, const char *n);
/* All of that: an SA per queue, replaced every few seconds. */
void story_rekeys(struct world_config *c, struct prng *rng);

/* Traffic on four queues of five SAs for a while: all arrives, and keys are replaced. */
void story_rekeys_play(struct world *w);

#endif
