/* SPDX-License-Identifier: MIT */
#include "rekey/policy.h"

#include <errno.h>
#include <string.h>

#include "rekey/range.h"

enum { WHOLE = 1000000 }; /* shares are in millionths */

/* The draft's figures for the ends with and without the designation, in millionths of the lifetime. */
enum { DRAFT_FIRST = 800000, DRAFT_SECOND = 950001, DRAFT_RAND = 50000 };

static const uint64_t second_ns = 1000000000u;

static const struct rekey_policy policies[] = {
	{
		.name = "keyrack",
		.source = "this file's header",
		.configured = true,
		.margins = true,
		.split = true,
		.strata = true,
		.counts = true,
		.budget = true,
		.admission = true,
		.early = true,
		.backoff = true,
	},
	{
		.name = "fixed",
		.source = "both ends at 90 % of hard: a soft limit without randomness",
		.share = {{900000, 900000}, {900000, 900000}, {900000, 900000}},
		.inbound = true,
		.retry_least_ns = 5 * second_ns,
		.retry_most_ns = 15 * second_ns,
	},
	{
		.name = "strongswan",
		.source = "swanctl.conf(5): rekey_bytes, life_bytes, rand_bytes; charon's RETRY_INTERVAL 15 s less "
			  "RETRY_JITTER 10 s",
		.configured = true,
		.inbound = true,
		.retry_least_ns = 5 * second_ns,
		.retry_most_ns = 15 * second_ns,
	},
	{
		.name = "libreswan",
		.source = "ipsec.conf(5): ipsec-max-bytes, ipsec-max-packets, rekeymargin 9 m, rekeyfuzz 100 %",
		.share = {{250000, 312500}, {250000, 312500}, {500000, 437500}},
		.fuzz_least = 16384,
		.time_margin_ns = 540 * second_ns,
		.inbound = true,
		.retry_least_ns = 5 * second_ns,
		.retry_most_ns = 15 * second_ns,
	},
	{
		.name = "draft",
		.source = "draft-liu-ipsecme-ikev2-rekey-redundant-sas-01: X_i = 80 %, X_r just above 95 %, both plus "
			  "0..5 %",
		.share = {{DRAFT_FIRST, DRAFT_FIRST + DRAFT_RAND},
			  {DRAFT_FIRST, DRAFT_FIRST + DRAFT_RAND},
			  {DRAFT_SECOND, DRAFT_SECOND + DRAFT_RAND}},
		.counts = true,
		.inbound = true,
		.retry_least_ns = 5 * second_ns,
		.retry_most_ns = 15 * second_ns,
	},
};

enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

const struct rekey_policy *rekey_policy_at(unsigned int i)
{
	return i < POLICIES ? &policies[i] : NULL;
}

const struct rekey_policy *rekey_policy_find(const char *name)
{
	for (unsigned int i = 0; i < POLICIES; i++)
		if (!strcmp(policies[i].name, name))
			return &policies[i];
	return NULL;
}

void rekey_policy_settings(const struct rekey_policy *p, struct rekey_settings *s)
{
	s->late = !p->early;
	if (p->backoff)
		return;
	s->retry_least_ns = p->retry_least_ns;
	s->retry_most_ns = p->retry_most_ns;
}

/* One of bytes, packets, time. */
struct dimension {
	const struct rekey_band *config; /* as configured */
	struct rekey_band band;          /* with its defaults and under the ceiling */
	uint64_t margin;
	uint64_t agreed; /* 0: nothing was */
};

static uint64_t share_of(uint64_t hard, uint32_t share)
{
	uint64_t v = rekey_scale(hard, share < WHOLE ? share : WHOLE, WHOLE);

	if (share > WHOLE) {
		uint64_t more = rekey_scale(hard, share - WHOLE, WHOLE);

		v = v > UINT64_MAX - more ? UINT64_MAX : v + more;
	}
	return v ? v : 1;
}

static struct rekey_range range_shared(const struct rekey_policy *p, const struct dimension *d, enum rekey_role role)
{
	uint64_t from = share_of(d->band.life, p->share[role].from), to = share_of(d->band.life, p->share[role].to);

	if (d->band.life < p->fuzz_least)
		to = from;
	return from < to ? (struct rekey_range){from, to} : (struct rekey_range){to, from};
}

/* `margin` before hard, and up to as much again for the end that should come first. */
static struct rekey_range range_by_margin(uint64_t margin, uint64_t hard, enum rekey_role role)
{
	struct rekey_range r;

	if (margin > hard / 2)
		margin = hard / 2;
	if (role == REKEY_ROLE_SECOND)
		r = (struct rekey_range){hard - margin / 2, hard - margin / 2};
	else
		r = (struct rekey_range){hard - 2 * margin, hard - margin};
	if (r.hi >= hard)
		r.hi = hard - 1;
	if (r.lo > r.hi)
		r.lo = r.hi;
	if (!r.lo)
		r.lo = 1;
	return r;
}

static struct rekey_range range_half(struct rekey_range r, bool upper)
{
	uint64_t half = (r.hi - r.lo) / 2 + (r.hi - r.lo) % 2; /* of a range of one value: both have it */

	if (half == 0)
		return r;
	if (upper)
		return (struct rekey_range){r.lo + half, r.hi};
	return (struct rekey_range){r.lo, r.lo + half - 1};
}

/*
 * The draft's S_r, which could reach the lifetime and beyond: X_r * L + rand(0, min(5 %, (1 - X_r) * L - reserve)), and
 * not above L - reserve.
 */
static struct rekey_range range_backstop(const struct dimension *d)
{
	uint64_t hard = d->band.life, reserve = d->margin < hard / 2 ? d->margin : hard / 2;
	struct rekey_range r = {share_of(hard, DRAFT_SECOND), hard - (reserve ? reserve : 1)};

	if (r.lo > r.hi)
		r.lo = r.hi;
	return r;
}

/* The local band is the local promise: where it ends below what the draft has the other end wait for, it is kept. */
static bool band_bounds(const struct dimension *d)
{
	struct rekey_band b;

	return rekey_band_under(d->config, REKEY_INF, &b) && b.rekey < share_of(d->band.life, DRAFT_SECOND);
}

static struct rekey_range range_split(const struct dimension *d, enum rekey_role role)
{
	struct rekey_range r = rekey_range_of(&d->band, d->margin), half;
	uint64_t most = share_of(d->band.life, DRAFT_FIRST + DRAFT_RAND);

	if (role == REKEY_ROLE_SECOND)
		return d->agreed && !band_bounds(d) ? range_backstop(d) : range_half(r, true);
	half = rekey_range_lower(range_half(r, false), d->margin);
	if (d->agreed && half.hi > most)
		half = rekey_range_lower(half, half.hi - most);
	return half;
}

static struct rekey_range range_choose(const struct rekey_policy *p, const struct dimension *d, enum rekey_role role)
{
	if (!p->configured)
		return range_shared(p, d, role);
	if (p->split && role != REKEY_ROLE_NONE)
		return range_split(d, role);
	return rekey_range_of(&d->band, d->margin);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int rekey_policy_draw_part(const struct rekey_policy *p, const struct rekey_draw *in, unsigned int part,
			   unsigned int parts, struct prng *rng, struct rekey_limits *out)
{
	const struct rekey_margin none = {0}, *margin = p->margins ? &in->margin : &none;
	uint64_t agreed = p->counts ? in->agreed_bytes : 0;
	uint64_t ceilings[] = {agreed ? least(agreed, in->ceiling.bytes) : in->ceiling.bytes, in->ceiling.packets,
			       REKEY_INF};
	struct dimension d[] = {
		{.config = &in->config->bytes, .margin = margin->bytes, .agreed = agreed},
		{.config = &in->config->packets, .margin = margin->packets},
		{.config = &in->config->time, .margin = margin->ns},
	};
	uint64_t *soft[] = {&out->soft_bytes, &out->soft_packets, &out->soft_ns};
	uint64_t *hard[] = {&out->hard_bytes, &out->hard_packets, &out->hard_ns};
	char text[160];

	if (part >= parts || ceilings[0] < 2 || ceilings[1] < 2 || rekey_config_check(in->config, text, sizeof(text)))
		return -EINVAL;
	for (unsigned int i = 0; i < 3; i++) {
		bool by_margin = i == 2 && p->time_margin_ns;
		struct rekey_range r;

		*soft[i] = *hard[i] = REKEY_INF;
		if (!rekey_band_under(d[i].config, ceilings[i], &d[i].band))
			continue;
		*hard[i] = d[i].band.life;
		r = by_margin ? range_by_margin(p->time_margin_ns, *hard[i], in->role)
			      : range_choose(p, &d[i], in->role);
		*soft[i] = rekey_range_draw(r, part, parts, rng);
	}
	return 0;
}

int rekey_policy_draw(const struct rekey_policy *p, const struct rekey_draw *in, struct prng *rng,
		      struct rekey_limits *out)
{
	unsigned int n = in->siblings ? in->siblings : 1;

	if (in->sibling >= n)
		return -EINVAL;
	if (!p->strata)
		return rekey_policy_draw_part(p, in, 0, 1, rng, out);
	return rekey_policy_draw_part(p, in, rekey_stratum(in->sibling, n, in->seed), n, rng, out);
}
