/* SPDX-License-Identifier: MIT */
/* Between draw.c and policy.c: from where to where a soft limit is drawn. */
#ifndef REKEY_RANGE_H
#define REKEY_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "rekey/rekey.h"

/* Both ends included. lo at least 1. */
struct rekey_range {
	uint64_t lo, hi;
};

/* v * num / den, rounded down, exact for all values (the result must fit). */
uint64_t rekey_scale(uint64_t v, uint64_t num, uint64_t den);

/*
 * The configured band of one dimension with its defaults, scaled down under the ceiling where its life lies above it;
 * for a dimension that is off but has a ceiling, the default band under it. False: nothing bounds this dimension.
 */
bool rekey_band_under(const struct rekey_band *config, uint64_t ceiling, struct rekey_band *out);

/* The soft range of a band, moved down (as wide as it was) so that it ends `margin` or half of life below life. */
struct rekey_range rekey_range_of(const struct rekey_band *b, uint64_t margin);

/* Down by `by`, as wide as it was, but not to where it would begin below half its end. */
struct rekey_range rekey_range_lower(struct rekey_range r, uint64_t by);

/* Uniform in part `index` of `count` equal and disjoint parts. */
uint64_t rekey_range_draw(struct rekey_range r, unsigned int index, unsigned int count, struct prng *rng);

#endif
