/* SPDX-License-Identifier: MIT */
/*
 * A set of numbers 0..n-1 that finds its smallest member in constant time: a tree of 64-bit words in which a bit of one
 * level says that the word below it is not empty. Five levels hold 2^30 numbers at little more than one bit each.
 */
#ifndef OFFLOAD_SLOTS_SET_H
#define OFFLOAD_SLOTS_SET_H

#include <stdbool.h>
#include <stdint.h>

enum { SLOTS_SET_LEVELS = 5, SLOTS_SET_NONE = UINT32_MAX };

struct slots_set {                         /* zero-initialise */
	uint64_t *level[SLOTS_SET_LEVELS]; /* 0: one bit a number */
	uint32_t words[SLOTS_SET_LEVELS];
	uint32_t n;
};

/* Grows the set to numbers below n; the new ones are members. 0, or -ENOMEM (the set is then as before). */
int slots_set_grow(struct slots_set *set, uint32_t n);
void slots_set_free(struct slots_set *set);

void slots_set_add(struct slots_set *set, uint32_t i);
void slots_set_remove(struct slots_set *set, uint32_t i);
/* The smallest member, or SLOTS_SET_NONE. */
uint32_t slots_set_first(const struct slots_set *set);

#endif
