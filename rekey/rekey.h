/* SPDX-License-Identifier: MIT */
/*
 * When a key is replaced: lifetimes by count and by time, and the scheduler that starts replacements.
 *
 * Knows nothing of IKE or of cards: an SA here is a `struct rekey_entry` inside its owner, with limits, counts and a
 * measured rate. Sans-I/O: the owner brings counts, events and the time (ns, monotonic) and asks what to start now.
 * What the scheduler does with one SA does not depend on the number of SAs, but for the logarithm of how many come due
 * within a quarter of a second or wait for a slot.
 */
#ifndef REKEY_REKEY_H
#define REKEY_REKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/prng.h"

/* "No limit", as XFRM spells it (XFRM_INF). */
#define REKEY_INF UINT64_MAX

/* One dimension as swanctl.conf has it: rekey_X, life_X, rand_X. 0: off. */
struct rekey_band {
	uint64_t rekey; /* soft: start replacing at the latest here */
	uint64_t life;  /* hard: never used beyond; 0: rekey + 10 % (strongSwan's default) */
	uint64_t rand;  /* the soft limit is drawn from [rekey - rand, rekey]; REKEY_INF: life - rekey (the default) */
};

struct rekey_config {
	struct rekey_band bytes, packets;
	struct rekey_band time; /* ns */
};

/* What is drawn for one SA pair. REKEY_INF: no such limit. soft < hard always, both at least 1. */
struct rekey_limits {
	uint64_t soft_bytes, hard_bytes;
	uint64_t soft_packets, hard_packets;
	uint64_t soft_ns, hard_ns; /* of age */
};

/*
 * The ceilings that no configuration may exceed. Packets: 2^32 - 1 sequence numbers without ESN (RFC 4303 3.3.3);
 * bytes: the cipher's bound from lifetimes.c, a row per IANA ENCR number with its source (AES-GCM: SP 800-38D and RFC
 * 8750's 2^64 blocks divided by a safety margin, AES-CBC: birthday bound, ...).
 */
struct rekey_ceiling {
	uint64_t packets, bytes;
};

/* -ENOENT: no row for this cipher (then nothing may be sent with it). */
int rekey_ceiling_find(uint16_t encr, uint16_t key_bits, bool esn, struct rekey_ceiling *out);

/*
 * Checks a configuration: life > rekey, rand <= rekey, ... 0 or -EINVAL with a sentence that quotes the offending
 * values.
 */
int rekey_config_check(const struct rekey_config *config, char *text, unsigned int size);

/*
 * Draws the limits of one SA pair: hard = min(configuration, ceiling); soft uniform in the stratum `stratum` of
 * `strata` equal and disjoint parts of the band, so that siblings do not come due together (strata 1: the whole band).
 * Where a ceiling lies below the configured band, the band is scaled down under it; a dimension that is off but has a
 * ceiling gets the default band under it (soft 80..90 %). Exact for all values up to 2^64 - 1. margin_bytes and
 * margin_packets (rate x time a replacement takes; 0 if unknown) move the band down so that a replacement is finished
 * before hard; more than half of hard is taken as half. 0 or -EINVAL (stratum >= strata, strata 0, a ceiling below 2, a
 * configuration that rekey_config_check() refuses).
 */
int rekey_limits_draw(const struct rekey_config *config, const struct rekey_ceiling *ceiling, unsigned int stratum,
		      unsigned int strata, uint64_t margin_bytes, uint64_t margin_packets, struct prng *rng,
		      struct rekey_limits *out);

/* ---- the scheduler ---- */

enum rekey_reason {
	REKEY_NONE,
	REKEY_BYTES,
	REKEY_PACKETS,
	REKEY_TIME,
	REKEY_CARD,  /* the card raised soft expiry */
	REKEY_ASKED, /* an operator */
};

enum rekey_state {
	REKEY_IDLE,     /* not known to a scheduler */
	REKEY_WATCHED,  /* in use, not due */
	REKEY_DUE,      /* should be replaced, waits for a slot or its back-off */
	REKEY_RUNNING,  /* its replacement is under way */
	REKEY_REPLACED, /* the new one works; draining */
};

/* A place in the scheduler's queues, by time. */
struct rekey_node {
	struct heap_node at;
	struct rekey_node *next, **pprev;
};

/*
 * One SA pair. Lives in its owner; zero-initialise. All fields are the scheduler's.
 *
 * The estimate of its traffic has two parts. The rate is smoothed: it follows growth within a second and a decline
 * within ten, and while an SA is young it is the mean of what was measured, so that a first measurement counts in full
 * and a rate taken over from a predecessor (rekey_sched_inherit) fades after a few. The peak is the largest rate seen
 * lately, over at least a second: it rises at once, above what was measured by as much as that was above the rate
 * (traffic that grows is believed to grow on, up to twice), and fades within a minute. What is expected (when soft
 * will be reached) goes by the rate; what must be safe (margins, how soon hard can come) by the peak.
 */
struct rekey_entry {
	struct rekey_node node;
	struct rekey_limits limits;
	uint64_t bytes, packets;      /* last counts known */
	uint64_t counted_ns, born_ns; /* when */
	float byte_rate, packet_rate; /* a second, smoothed */
	float byte_peak, packet_peak; /* a second, the largest of late */
	uint64_t retry_ns;            /* not before */
	uint8_t state;                /* enum rekey_state */
	uint8_t reason;               /* enum rekey_reason; REKEY_NONE while nobody wanted it replaced */
	uint8_t failures;             /* in a row */
	uint8_t deferred;             /* already counted in deferred_no_slot */
	uint8_t place;                /* which of the scheduler's queues it is in */
};

/* What an SA pair carries, and ages, while something takes its time. */
struct rekey_margin {
	uint64_t bytes, packets, ns;
};

struct rekey_settings {
	uint64_t replace_ns; /* how long a replacement takes at most: counter poll + round trips + install + free */
	uint64_t backoff_ns; /* first wait after a failed try; doubles, randomised, up to backoff_max_ns */
	uint64_t backoff_max_ns;
	uint64_t retry_least_ns, retry_most_ns; /* if set: each wait is random between them, and never doubles */
	uint32_t in_flight_max;                 /* never more at once, whatever the slots allow; 0: no such bound */
	bool late;                              /* never start before soft, whatever rates and queue say */
};

/* All of them set: one poll of a second, a few round trips and installs; back-off from 1 s to 1 min. */
void rekey_settings_default(struct rekey_settings *s);

struct rekey_sched;

/* The settings are copied; the seed is for what is random in waits. Freed by rekey_sched_free(). NULL: no memory. */
struct rekey_sched *rekey_sched_new(const struct rekey_settings *settings, uint64_t seed);
/* How long a replacement takes, as measured by now. What was estimated before follows as new counts come. */
void rekey_sched_replace_set(struct rekey_sched *s, uint64_t replace_ns);
/* The entries are the owner's; none may be used with it afterwards. */
void rekey_sched_free(struct rekey_sched *s);
/*
 * What limits the number of replacements, as measured by now. There can be `servers` at once if none is under way, and
 * each keeps the slots that others are waiting for during hold_ns: from its start until the old SA's are free again
 * (round trips, install, proof that it works, drain, the card's own delay). 0: not known, then nothing is started
 * early.
 */
void rekey_sched_servers_set(struct rekey_sched *s, uint32_t servers, uint64_t hold_ns);

/* Watch an SA that has just come into use. 0, -ENOMEM, or -EEXIST (it is watched already). */
int rekey_sched_add(struct rekey_sched *s, struct rekey_entry *e, const struct rekey_limits *limits, uint64_t now);
/*
 * `e` takes the place of `old` (of any state, also forgotten since): until it has been measured it is believed to carry
 * what `old` carried. To be called after rekey_sched_add().
 */
void rekey_sched_inherit(struct rekey_sched *s, struct rekey_entry *e, const struct rekey_entry *old, uint64_t now);
/* Forget it, in whatever state. Nothing happens if it is not known. */
void rekey_sched_remove(struct rekey_sched *s, struct rekey_entry *e);

/*
 * Counts as the card shows them: cumulative, of the direction that has more. Stale and repeated values are harmless:
 * counts never go back, and a value that stands still for less than 2 s is taken for lag, not for silence.
 */
void rekey_sched_count(struct rekey_sched *s, struct rekey_entry *e, uint64_t bytes, uint64_t packets, uint64_t now);
/*
 * It must be replaced now: a soft event from the card, or an operator (who also ends a back-off). Repeats and events
 * for an SA that is already being replaced are harmless.
 */
void rekey_sched_want(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason, uint64_t now);

/*
 * The SA whose replacement is to start now, or NULL. `slots` is how many replacements the free slots can take on top of
 * those running. The entry is then RUNNING until rekey_sched_done(). Most urgent (time to hard) first. Call it until it
 * returns NULL, also with slots 0: that is how the scheduler learns that it was asked.
 *
 * An SA is due when a count or its age has reached the soft limit; counts that are older than a moment are extended
 * at the measured rate, by 2 s and an eighth of the limit at most. It is also due when at its peak rate hard is nearer
 * than replace_ns, but not before half of soft.
 *
 * Back-pressure: where more SAs will come due by some time than can have started by then (rekey_sched_servers_set), the
 * ones that come due first are started now, before soft but not before half of it, so that no slot is idle while a
 * crowd approaches. Which time that is, is looked up ten times a second at most, in constant time.
 */
struct rekey_entry *rekey_sched_start(struct rekey_sched *s, uint32_t slots, uint64_t now);
/*
 * The replacement ended: ok (REPLACED; the owner removes it when drained) or not: back-off and DUE again, or WATCHED
 * again if it was the peer's replacement of an SA that was not due. The wait is random in [b/2, b], b = backoff_ns
 * doubled for each failure in a row up to backoff_max_ns, and at most half the time to hard (but at least
 * backoff_ns/16), so that further tries fit before hard.
 */
void rekey_sched_done(struct rekey_sched *s, struct rekey_entry *e, bool ok, uint64_t now);
/* Somebody else (the peer) replaces it: counts as RUNNING. */
void rekey_sched_taken(struct rekey_sched *s, struct rekey_entry *e, uint64_t now);

/* When to call rekey_sched_start() next; in the past: now. UINT64_MAX: no time known, only an event or a free slot. */
uint64_t rekey_sched_next(const struct rekey_sched *s);

/* ---- reading the counters ---- */

/* How an SA's counters come to be known. */
struct rekey_reading {
	uint64_t poll_ns;      /* the shortest time between two readings of one SA: near its soft limit */
	uint64_t max_gap_ns;   /* the longest, however idle it is */
	bool card_events;      /* the card itself raises an event at the soft limit */
	double line_rate;      /* bytes a second that the link can carry at most; 0: not known */
	uint32_t packet_least; /* bytes of the smallest packet on that link; 0: 64 */
};

/*
 * When the counters of an SA that was added or read just now should be read next. Halfway to the soft limit at its peak
 * rate, but at least poll_ns and at most max_gap_ns from now: an SA far from its limit is read seldom, and over a life
 * the number of readings grows with the logarithm of the life.
 *
 * The worst case is a burst at line rate out of silence. Where the card raises soft events it is the event that starts
 * the replacement, and readings only keep the estimates true. Where it does not, the gap is also at most what the line
 * needs from the counts last read to the hard limit, less replace_ns: even then it is read in time to be replaced.
 * With neither events nor a known line rate nothing better than poll_ns is safe, and that is the answer.
 */
uint64_t rekey_entry_read_at(const struct rekey_entry *e, const struct rekey_reading *r, uint64_t replace_ns,
			     uint64_t now);

/*
 * Estimated ns until the hard limit / the soft limit at the measured rate, whichever dimension is first; 0: reached;
 * UINT64_MAX: never at this rate. `now` may not lie before the last call with a time.
 */
uint64_t rekey_entry_to_hard(const struct rekey_entry *e, uint64_t now);
uint64_t rekey_entry_to_soft(const struct rekey_entry *e, uint64_t now);
/* What it may carry within ns at its peak rate: what its successor's limits leave room for. ns is passed on. */
struct rekey_margin rekey_entry_margin(const struct rekey_entry *e, uint64_t ns);
/* Wear: share of the nearest hard (soft) limit used, by the counts last known: 0..1 and above. */
double rekey_entry_wear_hard(const struct rekey_entry *e, uint64_t now);
double rekey_entry_wear_soft(const struct rekey_entry *e, uint64_t now);

struct rekey_counters {
	uint64_t started;                                        /* by us */
	uint64_t taken;                                          /* by the peer */
	uint64_t done, failed;                                   /* of both */
	uint64_t by_bytes, by_packets, by_time, by_card, by_ask; /* became due, by the first reason */
	uint64_t early;                                          /* started before soft, for the length of the queue */
	uint64_t deferred_no_slot; /* came first in order and found no slot (or in_flight_max reached), once each */
	uint32_t watched, due, running, replaced; /* entries in each state */
};

/*
 * Begins to fetch an entry into the cache. For whoever asks for the counters of several SAs at once: when it asks, so
 * that all of them are there when the answers come.
 */
static inline void rekey_entry_prefetch(const struct rekey_entry *e)
{
	for (const char *p = (const char *)e; p < (const char *)(e + 1); p += 64)
		__builtin_prefetch(p, 1);
	__builtin_prefetch((const char *)(e + 1) - 1, 1);
}

/* Since rekey_sched_new(), and what is as it is now. */
void rekey_sched_counters(const struct rekey_sched *s, struct rekey_counters *out);
const char *rekey_reason_name(enum rekey_reason reason); /* "none", "bytes", "packets", "time", "card", "asked" */

#endif
