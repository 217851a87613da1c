/* SPDX-License-Identifier: MIT */
#include "rekey/policy.h"

/* 6 log2(n) rounds are the paper's rule; this is enough for a thousand siblings, and still below a microsecond. */
enum { ROUNDS = 60 };

/* The finaliser of splitmix64. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

unsigned int rekey_stratum(unsigned int i, unsigned int n, uint64_t seed)
{
	uint64_t key = mix(seed);

	if (n < 2)
		return 0;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t k = mix(key + round);
		unsigned int partner = (unsigned int)((k % n + n - i) % n);
		unsigned int either = partner > i ? partner : i; /* so that both of a pair decide alike */

		if (mix(k ^ either) & 1)
			i = partner;
	}
	return i;
}
