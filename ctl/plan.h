/* SPDX-License-Identifier: MIT */
/*
 * `keyrack plan`: do so many SAs fit a card, and can their keys be replaced in time within the slots that are left?
 * Pure: no I/O, no clock, no randomness.
 *
 * The model, for T tunnels of Q queues on a card (SLOTS: in each direction, or for both together):
 *
 *   SAs         T * (Q + 1) pairs: one for each queue and the fallback that every queue may use (RFC 9611). One slot in
 *               each direction for each pair, so twice as many where the table is shared. New SAs may not take the
 *               reserve (slots_reserve_default(), or nic.reserve).
 *   switch      RTT + install: from the start of a replacement until the new outbound SA is used.
 *   late        poll + RTT + install + one retransmission: from a count's passing soft until it is used, at worst.
 *   hold        RTT + install + watch + RTT + drain + let go: how long a replacement holds a pair of slots that the old
 *               SA does not give back yet (reserved with the offer; the old inbound SA drains, then the card lets go).
 *   due         soft limit / rate, of whichever limit is reached first. The soft limits of the queues of a tunnel are
 *               drawn from strata of the soft band, one a queue, of which the end that made the IKE SA has the lower
 *               half (child_limits_draw()). The limits are those of rekey_limits_draw(): configuration, cipher and
 *               sequence numbers.
 *   rekeys/s    the sum over all SAs of 1 / (due + switch): one renewal each such time.
 *   worst       how many are due in a window, but for probability PLAN_RISK (plan_tail.h): of SAs that all came up
 *               together, or of SAs at any age, whichever is more. The latter may be replaced a counter poll early:
 *               counts are brought up to the present with a rate that follows growth faster than decline.
 *   slack       time from the highest soft limit to hard at the highest rate of a queue, less `late`: so long a
 *               replacement may wait for a slot.
 *   needed      the least budget B (pairs of slots) so that in every window t what comes due can be started in time:
 *               worst(t) <= B * (1 + floor((t + slack) / hold)), and B > rekeys/s * hold.
 *   safe        the hard limit L must leave room for `late` in the part of it that lies above soft:
 *               L * gap >= M * late, gap = (hard - highest soft) / hard, M the highest rate of a queue
 *               (draft-liu-ipsecme-ikev2-rekey-redundant-sas-01: L >> M * (T_sad + T_ike) / gap).
 *   fits        the SAs and the reserve fit the table, the slots left are at least `needed`, and all limits are safe.
 *
 * All queue SAs are taken to be up, also where they are made on demand. Rates are taken as steady; bursts belong into
 * the peak rate of a queue. The peer's card must have the slots, too.
 */
#ifndef CTL_PLAN_H
#define CTL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rekey/rekey.h"

/* What "worst" leaves out: once in a million windows; of minutes, about once in two years. */
#define PLAN_RISK 1e-6

enum {
	PLAN_GROUPS_MAX = 1 << 16,
	PLAN_TUNNELS_MAX = 1 << 24,
	PLAN_QUEUES_MAX = 1024, /* of one tunnel */
	PLAN_PAIRS_MAX = 1 << 28,
};

/* Tunnels that are alike. */
struct plan_group {
	char name[64];
	uint32_t tunnels;
	uint32_t queues;               /* of each; 0: one SA for all */
	double byte_rate, packet_rate; /* a second, in one direction, of all of them together, spread evenly */
	double byte_peak, packet_peak; /* the most that one queue sends; below its share: its share */
	struct rekey_config limits;
	struct rekey_ceiling ceiling;
	bool esn;
};

struct plan_ask {
	uint32_t size_in, size_out; /* slots; shared: size_in is both, size_out nothing */
	bool shared;
	uint32_t reserve; /* slots a pool; UINT32_MAX: by slots_reserve_default() */
	uint64_t rtt_ns, poll_ns, install_ns, watch_ns, drain_ns, let_go_ns, retransmit_ns;
	bool tx_by_reqid; /* offload_profile.tx_by_reqid */
	bool card_esn;    /* the card can do extended sequence numbers */
	size_t n_groups;
	const struct plan_group *groups;
};

/* Times and sizes with which keyrackd works when it is not told otherwise; no groups, no slots. */
void plan_ask_default(struct plan_ask *ask);

/* Which limit comes first. */
enum plan_limit { PLAN_LIMIT_NONE, PLAN_LIMIT_BYTES, PLAN_LIMIT_PACKETS, PLAN_LIMIT_TIME };

const char *plan_limit_name(enum plan_limit limit); /* "none", "bytes", "packets", "time" */

/* One group in numbers. Times are seconds, and INFINITY where nothing bounds them. */
struct plan_part {
	enum plan_limit limit;             /* of an SA with traffic */
	bool from_ceiling;                 /* it is the cipher's or the sequence numbers', not the configuration's */
	double life_s;                     /* of an SA with traffic, on average */
	double rekeys;                     /* a second */
	double slack_s;                    /* below 0: a limit is not safe */
	uint64_t bytes, packets;           /* hard limits in force; REKEY_INF: none */
	uint64_t safe_bytes, safe_packets; /* the least that is safe at the rate; 0: no traffic or no such limit */
	double wrap_s;                     /* until 2^32 packets have been sent, at the average rate */
};

struct plan {
	uint64_t pairs;             /* Child SAs */
	uint32_t reserve;           /* slots a pool */
	uint64_t used_in, used_out; /* slots; shared: all in used_in */
	uint64_t size_needed;       /* slots a pool that would do, of equal pools (or of the shared one) */
	bool sas_fit, limits_safe, fits;
	uint64_t budget, needed; /* pairs of slots for replacements: there are, and it takes */
	bool reserve_short;      /* others may take what replacements need */
	double switch_s, late_s, hold_s;
	double rekeys;          /* a second */
	double load;            /* share of the budget in use on average; above 1: it does not work */
	uint64_t worst_minute;  /* rekeys, but for probability PLAN_RISK */
	bool worst_is_start;    /* it is the first one of SAs that came up together */
	double life_s, slack_s; /* the shortest of all groups */
	/*
	 * Of one group: how many tunnels, or queues of each tunnel, the slots suffice for if each queue sends what it
	 * sends now. 0: not even one, or several groups.
	 */
	uint32_t tunnels_max, queues_max;
};

/*
 * Computes everything. `parts` has room for one per group, or is NULL. 0; -EINVAL: a group's limits are not possible
 * (rekey_config_check()), or a number is beyond its maximum above; -ENOMEM.
 */
int plan_make(const struct plan_ask *ask, struct plan *out, struct plan_part *parts);
/* The same without tunnels_max and queues_max, which cost a search. */
int plan_count(const struct plan_ask *ask, struct plan *out, struct plan_part *parts);

/* ---- what to change ---- */

enum { PLAN_ADVICE_MAX = 16, PLAN_ADVICE_TEXT = 320 };

struct plan_advice {
	const char *code; /* stable, for scripts: "slots", "budget", "limit", ... */
	bool must;        /* without it, it does not fit */
	char text[PLAN_ADVICE_TEXT];
};

/* At most `max` of them, the necessary ones first. Their number. `p` and `parts` are what plan_make() said of `ask`. */
size_t plan_advise(const struct plan_ask *ask, const struct plan *p, const struct plan_part *parts,
		   struct plan_advice *out, size_t max);

#endif
