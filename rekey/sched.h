/* SPDX-License-Identifier: MIT */
/*
 * Between sched.c and sched_start.c. Three queues; an entry is in one of them at most, RUNNING and REPLACED ones in
 * none: `watched`, by the time at which it may have come due, or should be looked at again; `waiting`, by the end of a
 * back-off (DUE), or by the time from which it may be started early (WATCHED); `ready`, DUE and only waiting for a
 * slot, by the time at which it may reach its hard limit.
 */
#ifndef REKEY_SCHED_H
#define REKEY_SCHED_H

#include "rekey/calendar.h"
#include "rekey/entry.h"
#include "rekey/rekey.h"

enum sched_place { SCHED_NOWHERE, SCHED_WATCHED, SCHED_WAITING, SCHED_READY };

struct rekey_sched {
	struct rekey_settings settings;
	uint64_t hold_ns; /* see rekey_sched_servers_set() */
	uint32_t servers;
	struct prng rng;
	struct calendar watched;
	struct heap waiting, ready;
	uint32_t known;
	uint32_t in_state[REKEY_REPLACED + 1];
	/* Back-pressure: what was last found, and for how long it is good (less with every entry that comes nearer). */
	uint64_t crowd_until; /* entries due up to this time are started now; 0: none */
	uint64_t crowd_looked_ns;
	double crowd_slack_ns;
	bool patience_known;
	uint64_t patience_ns; /* how long SAs that came due of late could have waited */
	struct rekey_counters counters;
};

/* now + ns, at most UINT64_MAX. */
uint64_t sched_later(uint64_t now, uint64_t ns);
/* What is assumed for being early in time: nothing where the policy starts at soft, whatever comes. */
uint64_t sched_replace_ns(const struct rekey_sched *s);
/*
 * What one that comes due at `due` could wait: the time to hard at its peak rate less that of a replacement. The
 * shortest of late is kept.
 */
void sched_patience_take(struct rekey_sched *s, const struct rekey_entry *e, uint64_t due, uint64_t now);
/* How long one that has come due may wait for a slot without danger. */
uint64_t sched_patience_ns(const struct rekey_sched *s);
void sched_state_set(struct rekey_sched *s, struct rekey_entry *e, enum rekey_state state);

/* Into a queue, out of whichever it is in. */
void sched_watch(struct rekey_sched *s, struct rekey_entry *e, uint64_t at);
void sched_wait(struct rekey_sched *s, struct rekey_entry *e, uint64_t at);
void sched_ready(struct rekey_sched *s, struct rekey_entry *e, uint64_t now);
void sched_leave(struct rekey_sched *s, struct rekey_entry *e);

/* Into `watched`, by when it is estimated to come due, but not before `not_before`. */
void sched_estimate(struct rekey_sched *s, struct rekey_entry *e, uint64_t not_before, uint64_t now);
/* WATCHED to DUE, in the queue that it was in. */
void sched_mark_due(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason);
/* The same for one that is due at its soft limit; rekey_sched_start() moves it on to `ready`. */
void sched_due(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason, uint64_t now);

#endif
