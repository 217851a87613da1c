/* SPDX-License-Identifier: MIT */
/*
 * Rekey policies side by side: how keyrack draws limits and starts replacements, and how others do it, as rows of one
 * table, so that the same controller can run any of them and be compared. All rows share what is not policy: hard
 * limits never exceed the cipher's ceiling, the sequence space, or the configuration.
 *
 * Roles. Both ends of an SA pair see nearly the same counts. If both may start at the same count they often start at
 * the same moment, and for a while there are three SA pairs instead of two. So one end should come first:
 *
 *   keyrack     who is designated by the count-based SA notifies, else the end that made the IKE SA, is FIRST: it draws
 *               from the lower half of the band, moved down by what is carried while a replacement is made; the other
 *               end is SECOND and draws from the upper half. Both keep to the configured band: a designation never
 *               postpones a rekey past the local soft limit.
 *   draft       FIRST: [80 %, 85 %] of the agreed lifetime, SECOND: above 95 % (draft-liu-ipsecme-ikev2-rekey-
 *               redundant-sas-01, "Protocol Description").
 *   libreswan   FIRST is the initiator of the exchange that made this SA: 25 % plus 0..6.25 %; SECOND: 50 % less 0..
 *               6.25 % (ipsec.conf(5): ipsec-max-bytes, ipsec-max-packets; rekeyfuzz.c). By time: rekeymargin,
 *               rekeyfuzz with their defaults.
 *   strongswan  no roles: rekey - rand[0..rand] (swanctl.conf(5): rekey_bytes, life_bytes, rand_bytes).
 *   fixed       no roles: 90 % of hard at both ends.
 *
 * Directions. The other software gives the SAs of both directions a soft limit each, and whichever is reached first
 * starts a rekey (strongSwan: child_sa.c, install; libreswan: kernel.c, setup_half_kernel_state). In keyrack each end
 * starts by what it sends; by what it receives only when the peer has gone past what we would allow ourselves, or where
 * it was agreed that we start.
 *
 * Strata. N siblings (the queues of one tunnel) that carry the same load and were made together would come due
 * together. keyrack cuts the range into N equal parts, and each sibling draws from another part, which it keeps from
 * generation to generation (dealt out by a permutation per tunnel, so that not every tunnel's queue 0 has the shortest
 * lives). Keeping it is what spreads them best: the siblings drift apart by the width of a part with every generation,
 * until they fill the whole life, and what they draw within their parts keeps them from meeting again all at once.
 * Parts that rotate give all siblings the same sum, and bring them together, every N generations; parts dealt anew in
 * each generation cross from the second on. test_stratum.c measures all three.
 */
#ifndef REKEY_POLICY_H
#define REKEY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "rekey/rekey.h"

enum rekey_role {
	REKEY_ROLE_NONE,   /* nothing tells the ends apart */
	REKEY_ROLE_FIRST,  /* should start: designated, or the end that made the IKE SA */
	REKEY_ROLE_SECOND, /* should wait for the other end */
};

/* From `from` (where no randomness is added) to `to` (all of it), in millionths of the hard limit. */
struct rekey_share {
	uint32_t from, to;
};

struct rekey_policy {
	const char *name; /* as in the configuration: rekey_policy */
	const char *source;

	/* the draw */
	bool configured;             /* soft from the configured band (rekey, rand), else from share[role] */
	struct rekey_share share[3]; /* by enum rekey_role */
	uint64_t fuzz_least;         /* hard limits below this get no randomness; 0: all do */
	uint64_t time_margin_ns;     /* soft time: this much before hard, plus 0..this much for FIRST and NONE, half of
					it for SECOND; 0: as the counts */
	bool margins;                /* the range moves down by what a replacement takes at the measured rate */
	bool split;                  /* FIRST and SECOND draw from different halves of the band */
	bool strata;                 /* siblings draw from different parts */
	bool inbound;                /* the inbound SA has a soft limit of its own, drawn like the outbound one's */
	bool counts;                 /* offers and answers the count-based SA notifies */

	/* the scheduler */
	bool budget;    /* a replacement starts only when there are free slots for it */
	bool admission; /* a new SA is taken only while all SAs can still be replaced */
	bool early;     /* starts before soft when rates or the queue say that it would be too late at soft */
	bool backoff;   /* waits for retries double; else each is random in [retry_least_ns, retry_most_ns] */
	uint64_t retry_least_ns, retry_most_ns;
};

/* NULL: no such row. */
const struct rekey_policy *rekey_policy_find(const char *name);
/* The rows in turn, the default (keyrack) first; NULL after the last. */
const struct rekey_policy *rekey_policy_at(unsigned int i);
/* What of the scheduler's settings the policy decides: retries and early starts. */
void rekey_policy_settings(const struct rekey_policy *p, struct rekey_settings *s);

/* What the limits of one SA pair are drawn from. */
struct rekey_draw {
	const struct rekey_config *config;
	struct rekey_ceiling ceiling;
	enum rekey_role role;
	unsigned int sibling, siblings; /* this queue's number and how many there are; 0 of 0: one */
	uint64_t seed;                  /* the same for all siblings: of the tunnel */
	struct rekey_margin margin;     /* rekey_entry_margin() of the SA that is replaced; zero if there is none */
	uint64_t agreed_bytes;          /* L of the count-based SA notifies; 0: none agreed */
};

/*
 * Draws the limits. Exact for all values up to 2^64 - 1. soft < hard, both at least 1; only the row `draft` may give
 * soft >= hard, as its text does (X_r + 5 % reaches the lifetime). With agreed_bytes the hard limit is the smaller of
 * it and our own. In the row keyrack an agreed lifetime also bounds FIRST by 85 % of it (X_i <= 80 % plus 5 %), and
 * lets SECOND wait until above 95 %, but never so long that a replacement would not be finished before hard, nor past
 * its own configured soft limit. 0, or -EINVAL as rekey_limits_draw(), also for agreed_bytes 1.
 */
int rekey_policy_draw(const struct rekey_policy *p, const struct rekey_draw *in, struct prng *rng,
		      struct rekey_limits *out);

/* The same, but in part `part` of `parts` (part < parts) of the range instead of the sibling's: for looking ahead. */
int rekey_policy_draw_part(const struct rekey_policy *p, const struct rekey_draw *in, unsigned int part,
			   unsigned int parts, struct prng *rng, struct rekey_limits *out);

/*
 * The part of sibling `i` of `n` (i < n): a permutation of 0..n-1, another one for each seed. The swap-or-not shuffle
 * of Hoang, Morris and Rogaway (CRYPTO 2012), which needs no memory; its mixing function is not for secrets.
 */
unsigned int rekey_stratum(unsigned int i, unsigned int n, uint64_t seed);

#endif
