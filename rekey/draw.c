/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "rekey/lifetimes.h"
#include "rekey/rekey.h"

/* Uniform in [0, n) for any n > 0: prng_below() is exact only well below 2^63. */
static uint64_t draw_below(struct prng *rng, uint64_t n)
{
	uint64_t unfair = -n % n, x; /* 2^64 mod n: the values that would come up once too often */

	do
		x = prng_next(rng);
	while (x < unfair);
	return x % n;
}

static uint64_t scale(uint64_t v, uint64_t num, uint64_t den)
{
	return (uint64_t)((unsigned __int128)v * num / den);
}

struct strata {
	unsigned int index, count;
};

/*
 * Offset k * width / count starts stratum k: the strata are disjoint, cover the band and differ by at most one in
 * size. In a band narrower than the number of strata some are empty, and share their first value with a neighbour.
 */
static uint64_t strata_draw(const struct strata *st, uint64_t lo, uint64_t hi, struct prng *rng)
{
	uint64_t width = hi - lo + 1; /* fits: lo >= 1 */
	uint64_t from = scale(width, st->index, st->count), to = scale(width, st->index + 1, st->count);

	return lo + from + (to > from ? draw_below(rng, to - from) : 0);
}

/* The limits of one dimension. Both REKEY_INF if neither the configuration nor the ceiling bounds it. */
static void dimension_draw(const struct rekey_band *config, uint64_t ceiling, uint64_t margin, const struct strata *st,
			   struct prng *rng, uint64_t *soft, uint64_t *hard)
{
	struct rekey_band b, whole = {.life = ceiling, .rand = REKEY_INF};
	uint64_t lo, hi, least = 1;

	*soft = *hard = REKEY_INF;
	if (!rekey_band_resolve(config, &b)) {
		if (ceiling == REKEY_INF)
			return;
		rekey_band_resolve(&whole, &b);
	}
	if (b.life > ceiling) {
		b.rekey = scale(b.rekey, ceiling, b.life);
		b.rand = scale(b.rand, ceiling, b.life);
		b.life = ceiling;
	}
	*hard = b.life;
	hi = b.rekey;
	/*
	 * More than half is not taken off: where a replacement takes longer than half a key's life, these limits
	 * cannot be kept anyway, and every key would be replaced at its first packet.
	 */
	if (margin > b.life / 2)
		margin = b.life / 2;
	if (hi > b.life - margin) {
		hi = b.life - margin; /* the band moves down, as wide as it was, but not to where keys last no time */
		least = hi / 2 ? hi / 2 : 1;
	}
	if (hi >= b.life)
		hi = b.life - 1;
	if (!hi)
		hi = 1;
	lo = hi > b.rand ? hi - b.rand : 1;
	if (lo < least)
		lo = least;
	*soft = strata_draw(st, lo, hi, rng);
}

int rekey_limits_draw(const struct rekey_config *config, const struct rekey_ceiling *ceiling, unsigned int stratum,
		      unsigned int strata, uint64_t margin_bytes, uint64_t margin_packets, struct prng *rng,
		      struct rekey_limits *out)
{
	const struct strata st = {stratum, strata};
	char text[160];

	/* A ceiling of one packet or byte leaves no room for a soft limit below it. */
	if (!strata || stratum >= strata || ceiling->packets < 2 || ceiling->bytes < 2)
		return -EINVAL;
	if (rekey_config_check(config, text, sizeof(text)))
		return -EINVAL;
	dimension_draw(&config->bytes, ceiling->bytes, margin_bytes, &st, rng, &out->soft_bytes, &out->hard_bytes);
	dimension_draw(&config->packets, ceiling->packets, margin_packets, &st, rng, &out->soft_packets,
		       &out->hard_packets);
	dimension_draw(&config->time, REKEY_INF, 0, &st, rng, &out->soft_ns, &out->hard_ns);
	return 0;
}
