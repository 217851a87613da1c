/* SPDX-License-Identifier: MIT */
/* Two engines (pair.h) that have agreed on optimized rekeys, and what their tests ask again and again. */
#ifndef TESTS_UNIT_IKE_OPTIMIZED_RIG_H
#define TESTS_UNIT_IKE_OPTIMIZED_RIG_H

#include "pair.h"

/* pair_config() with optimized_rekey at both ends. */
void optimized_config(struct pair *p);

/* Both ends' ESP proposals, as pair_proposal() has them. */
void optimized_proposals(struct pair *p, const char *spec);

/* Up, and past the first rekey, which is always a regular one. */
void optimized_begin(struct pair *p);

/* The newest Child SA of a side, as the side's owner and as its engine has it. */
struct pair_child *optimized_last(struct pair *p, int side);
const struct ike_child_sa *optimized_newest(struct pair *p, int side);

/* The side asks for a rekey of its newest Child SA; the second also has it done, and one Child SA is left. */
void optimized_rekey_begin(struct pair *p, int side);
void optimized_rekey(struct pair *p, int side);

/* The same for the IKE SA, asked for only. */
void optimized_sa_rekey_begin(struct pair *p, int side);

/* The payloads of the message that this side has sent last, "[ ... ]"; valid until the next call. */
const char *optimized_look(struct pair *p, int from);

/* The error notify of that message, 0: none. */
uint16_t optimized_answered(struct pair *p, int from);

#endif
