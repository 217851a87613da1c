/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "rekey/lifetimes.h"
#include "rekey/range.h"

/* Uniform in [0, n) for any n > 0: prng_below() is exact only well below 2^63. */
static uint64_t draw_below(struct prng *rng, uint64_t n)
{
	uint64_t unfair = -n % n, x; /* 2^64 mod n: the values that would come up once too often */

	do
		x = prng_next(rng);
	while (x < unfair);
	return x % n;
}

uint64_t rekey_scale(uint64_t v, uint64_t num, uint64_t den)
{
	return (uint64_t)((unsigned __int128)v * num / den);
}

bool rekey_band_under(const struct rekey_band *config, uint64_t ceiling, struct rekey_band *out)
{
	const struct rekey_band whole = {.life = ceiling, .rand = REKEY_INF};

	if (!rekey_band_resolve(config, out)) {
		if (ceiling == REKEY_INF)
			return false;
		rekey_band_resolve(&whole, out);
	}
	if (out->life > ceiling) {
		out->rekey = rekey_scale(out->rekey, ceiling, out->life);
		out->rand = rekey_scale(out->rand, ceiling, out->life);
		out->life = ceiling;
	}
	return true;
}

struct rekey_range rekey_range_of(const struct rekey_band *b, uint64_t margin)
{
	uint64_t lo, hi = b->rekey, least = 1;

	/*
	 * More than half is not taken off: where a replacement takes longer than half a key's life, these limits
	 * cannot be kept anyway, and every key would be replaced at its first packet.
	 */
	if (margin > b->life / 2)
		margin = b->life / 2;
	if (hi > b->life - margin) {
		hi = b->life - margin; /* the band moves down, as wide as it was, but not to where keys last no time */
		least = hi / 2 ? hi / 2 : 1;
	}
	if (hi >= b->life)
		hi = b->life - 1;
	if (!hi)
		hi = 1;
	lo = hi > b->rand ? hi - b->rand : 1;
	if (lo < least)
		lo = least;
	return (struct rekey_range){lo, hi};
}

struct rekey_range rekey_range_lower(struct rekey_range r, uint64_t by)
{
	uint64_t least = r.hi / 2 ? r.hi / 2 : 1, most = r.lo > least ? r.lo - least : 0;

	if (by > most)
		by = most;
	return (struct rekey_range){r.lo - by, r.hi - by};
}

/*
 * Offset k * width / count starts part k: the parts are disjoint, cover the range and differ by at most one in size. In
 * a range narrower than the number of parts some are empty, and share their first value with a neighbour.
 */
uint64_t rekey_range_draw(struct rekey_range r, unsigned int index, unsigned int count, struct prng *rng)
{
	uint64_t width = r.hi - r.lo + 1; /* fits: lo >= 1 */
	uint64_t from = rekey_scale(width, index, count), to = rekey_scale(width, index + 1ull, count);

	return r.lo + from + (to > from ? draw_below(rng, to - from) : 0);
}

/* The limits of one dimension. Both REKEY_INF if neither the configuration nor the ceiling bounds it. */
static void dimension_draw(const struct rekey_band *config, uint64_t ceiling, uint64_t margin, unsigned int stratum,
			   unsigned int strata, struct prng *rng, uint64_t *soft, uint64_t *hard)
{
	struct rekey_band b;

	*soft = *hard = REKEY_INF;
	if (!rekey_band_under(config, ceiling, &b))
		return;
	*hard = b.life;
	*soft = rekey_range_draw(rekey_range_of(&b, margin), stratum, strata, rng);
}

int rekey_limits_draw(const struct rekey_config *config, const struct rekey_ceiling *ceiling, unsigned int stratum,
		      unsigned int strata, uint64_t margin_bytes, uint64_t margin_packets, struct prng *rng,
		      struct rekey_limits *out)
{
	char text[160];

	/* A ceiling of one packet or byte leaves no room for a soft limit below it. */
	if (!strata || stratum >= strata || ceiling->packets < 2 || ceiling->bytes < 2)
		return -EINVAL;
	if (rekey_config_check(config, text, sizeof(text)))
		return -EINVAL;
	dimension_draw(&config->bytes, ceiling->bytes, margin_bytes, stratum, strata, rng, &out->soft_bytes,
		       &out->hard_bytes);
	dimension_draw(&config->packets, ceiling->packets, margin_packets, stratum, strata, rng, &out->soft_packets,
		       &out->hard_packets);
	dimension_draw(&config->time, REKEY_INF, 0, stratum, strata, rng, &out->soft_ns, &out->hard_ns);
	return 0;
}
