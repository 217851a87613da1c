/* SPDX-License-Identifier: MIT */
#include "offload/slots_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t words_for(uint32_t bits)
{
	return (uint32_t)(((uint64_t)bits + 63) / 64);
}

int slots_set_grow(struct slots_set *set, uint32_t n)
{
	uint32_t bits = n, old = set->n;

	for (int l = 0; l < SLOTS_SET_LEVELS; l++) {
		uint32_t words = words_for(bits);

		if (words > set->words[l]) {
			uint64_t *p = realloc(set->level[l], words * sizeof(*p));

			if (!p)
				return -ENOMEM; /* a level that is too long already does no harm: its bits are clear */
			memset(p + set->words[l], 0, (words - set->words[l]) * sizeof(*p));
			set->level[l] = p;
			set->words[l] = words;
		}
		bits = words;
	}
	set->n = n;
	for (uint32_t i = old; i < n; i++)
		slots_set_add(set, i);
	return 0;
}

void slots_set_free(struct slots_set *set)
{
	for (int l = 0; l < SLOTS_SET_LEVELS; l++)
		free(set->level[l]);
	*set = (struct slots_set){0};
}

void slots_set_add(struct slots_set *set, uint32_t i)
{
	for (int l = 0; l < SLOTS_SET_LEVELS; l++, i /= 64) {
		uint64_t *word = &set->level[l][i / 64], was = *word;

		*word |= UINT64_C(1) << (i % 64);
		if (was)
			return; /* the levels above know already */
	}
}

void slots_set_remove(struct slots_set *set, uint32_t i)
{
	for (int l = 0; l < SLOTS_SET_LEVELS; l++, i /= 64) {
		uint64_t *word = &set->level[l][i / 64];

		*word &= ~(UINT64_C(1) << (i % 64));
		if (*word)
			return;
	}
}

uint32_t slots_set_first(const struct slots_set *set)
{
	uint32_t i = 0;

	for (int l = SLOTS_SET_LEVELS - 1; l >= 0; l--) {
		uint64_t word = set->words[l] ? set->level[l][i] : 0;

		if (!word)
			return SLOTS_SET_NONE;
		i = i * 64 + (uint32_t)__builtin_ctzll(word);
	}
	return i;
}
