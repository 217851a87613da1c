/* SPDX-License-Identifier: MIT */
/*
 * A seeded pseudo-random generator (xoshiro256**, Blackman and Vigna, public domain algorithm) for simulations and
 * for spreading work in time. Never for real keys, SPIs or nonces.
 */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct prng {
	uint64_t s[4];
};

static inline uint64_t prng_rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static inline struct prng prng_init(uint64_t seed)
{
	struct prng p;

	for (int i = 0; i < 4; i++) { /* splitmix64, so that near seeds give far states */
		uint64_t z = seed += 0x9e3779b97f4a7c15u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		p.s[i] = z ^ z >> 31;
	}
	return p;
}

static inline uint64_t prng_next(struct prng *p)
{
	uint64_t r = prng_rotl(p->s[1] * 5, 7) * 9, t = p->s[1] << 17;

	p->s[2] ^= p->s[0];
	p->s[3] ^= p->s[1];
	p->s[1] ^= p->s[2];
	p->s[0] ^= p->s[3];
	p->s[2] ^= t;
	p->s[3] = prng_rotl(p->s[3], 45);
	return r;
}

/* n octets: what a simulation passes in where the real thing has getrandom(2). */
static inline void prng_fill(struct prng *p, uint8_t *out, size_t n)
{
	while (n) {
		uint64_t r = prng_next(p);
		size_t take = n < sizeof(r) ? n : sizeof(r);

		memcpy(out, &r, take);
		out += take;
		n -= take;
	}
}

/* Uniform in [0, n), without bias worth naming for n below 2^63; 0 for n = 0. */
static inline uint64_t prng_below(struct prng *p, uint64_t n)
{
	return (uint64_t)((unsigned __int128)prng_next(p) * n >> 64);
}

/* Uniform in [0, 1). */
static inline double prng_unit(struct prng *p)
{
	return (double)(prng_next(p) >> 11) * 0x1p-53;
}

#endif
