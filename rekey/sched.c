/* SPDX-License-Identifier: MIT */
/* Entries come, are counted, wanted, taken over, and end. Which one is started next is in sched_start.c. */
#include "rekey/sched.h"

#include <errno.h>
#include <stdlib.h>

enum { BACKOFF_DOUBLINGS_MAX = 16, BACKOFF_FLOOR_DIVISOR = 16, PATIENCE_PART = 16 };

/* A place in the queue that is nearer than this must be right. */
static const uint64_t exact_ns = 4000000000u;

void rekey_settings_default(struct rekey_settings *s)
{
	*s = (struct rekey_settings){
		.replace_ns = 1250000000u, /* counters polled once a second, and a few round trips and installs */
		.backoff_ns = 1000000000u,
		.backoff_max_ns = 60000000000u,
	};
}

struct rekey_sched *rekey_sched_new(const struct rekey_settings *settings, uint64_t seed)
{
	struct rekey_sched *s = calloc(1, sizeof(*s));

	if (!s || calendar_init(&s->watched)) {
		free(s);
		return NULL;
	}
	s->settings = *settings;
	s->rng = prng_init(seed);
	return s;
}

void rekey_sched_replace_set(struct rekey_sched *s, uint64_t replace_ns)
{
	s->settings.replace_ns = replace_ns;
}

void rekey_sched_free(struct rekey_sched *s)
{
	if (!s)
		return;
	calendar_free(&s->watched);
	heap_free(&s->waiting);
	heap_free(&s->ready);
	free(s);
}

void rekey_sched_servers_set(struct rekey_sched *s, uint32_t servers, uint64_t hold_ns)
{
	if (s->hold_ns == hold_ns && s->servers == servers)
		return;
	s->hold_ns = hold_ns;
	s->servers = servers;
	s->crowd_slack_ns = 0;
}

uint64_t sched_later(uint64_t now, uint64_t ns)
{
	return now > UINT64_MAX - ns ? UINT64_MAX : now + ns;
}

uint64_t sched_replace_ns(const struct rekey_sched *s)
{
	return s->settings.late ? 0 : s->settings.replace_ns;
}

void sched_state_set(struct rekey_sched *s, struct rekey_entry *e, enum rekey_state state)
{
	s->in_state[e->state]--;
	s->in_state[state]++;
	e->state = (uint8_t)state;
}

/* ---- the queues ---- */

void sched_leave(struct rekey_sched *s, struct rekey_entry *e)
{
	switch ((enum sched_place)e->place) {
	case SCHED_NOWHERE:
		break;
	case SCHED_WATCHED:
		calendar_remove(&s->watched, &e->node);
		break;
	case SCHED_WAITING:
		heap_remove(&s->waiting, &e->node.at);
		break;
	case SCHED_READY:
		heap_remove(&s->ready, &e->node.at);
		break;
	}
	e->place = SCHED_NOWHERE;
}

static void place_set(struct rekey_sched *s, struct rekey_entry *e, enum sched_place place)
{
	if (e->place != place)
		sched_leave(s, e);
	e->place = (uint8_t)place;
}

/*
 * One more comes at `at`: that takes its share of the slack; and there cannot have been more slack than there is time
 * until then.
 */
static void crowd_grows(struct rekey_sched *s, uint64_t at)
{
	double each, room;

	if (!s->servers)
		return;
	each = (double)s->hold_ns / s->servers;
	room = (at > s->crowd_looked_ns ? (double)(at - s->crowd_looked_ns) : 0) + (double)s->hold_ns +
	       (double)sched_patience_ns(s) - each * (s->in_state[REKEY_RUNNING] + s->in_state[REKEY_DUE]);
	if (room < s->crowd_slack_ns)
		s->crowd_slack_ns = room;
	s->crowd_slack_ns -= each;
}

/* The queues have room for every known entry (rekey_sched_add), so none of these can fail. */

void sched_watch(struct rekey_sched *s, struct rekey_entry *e, uint64_t at)
{
	place_set(s, e, SCHED_WATCHED);
	crowd_grows(s, at);
	calendar_set(&s->watched, &e->node, at);
}

void sched_wait(struct rekey_sched *s, struct rekey_entry *e, uint64_t at)
{
	place_set(s, e, SCHED_WAITING);
	(void)heap_set(&s->waiting, &e->node.at, at);
}

void sched_ready(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	place_set(s, e, SCHED_READY);
	(void)heap_set(&s->ready, &e->node.at, sched_later(now, rekey_entry_urgency(e, now)));
}

void sched_estimate(struct rekey_sched *s, struct rekey_entry *e, uint64_t not_before, uint64_t now)
{
	uint64_t due = rekey_entry_due_at(e, sched_replace_ns(s), now), span = calendar_span_ns();

	if (due == UINT64_MAX) {
		sched_leave(s, e); /* at this rate never: counts will tell */
		return;
	}
	if (due - now > span)
		due = now + span / 2 + prng_below(&s->rng, span / 2); /* not all of them in the same day */
	sched_watch(s, e, due > not_before ? due : not_before);
}

static void reason_count(struct rekey_counters *c, enum rekey_reason reason)
{
	switch (reason) {
	case REKEY_NONE:
		break;
	case REKEY_BYTES:
		c->by_bytes++;
		break;
	case REKEY_PACKETS:
		c->by_packets++;
		break;
	case REKEY_TIME:
		c->by_time++;
		break;
	case REKEY_CARD:
		c->by_card++;
		break;
	case REKEY_ASKED:
		c->by_ask++;
		break;
	}
}

void sched_patience_take(struct rekey_sched *s, const struct rekey_entry *e, uint64_t due, uint64_t now)
{
	uint64_t left = rekey_entry_urgency(e, now), gone = due - now + s->settings.replace_ns, spare;

	if (left == UINT64_MAX)
		return;
	spare = left > gone ? left - gone : 0;
	if (!s->patience_known || spare < s->patience_ns)
		s->patience_ns = spare;
	else
		s->patience_ns += (spare - s->patience_ns) / PATIENCE_PART;
	s->patience_known = true;
}

uint64_t sched_patience_ns(const struct rekey_sched *s)
{
	return s->patience_ns / 4;
}

void sched_mark_due(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason)
{
	e->reason = (uint8_t)reason;
	reason_count(&s->counters, reason);
	sched_state_set(s, e, REKEY_DUE);
}

void sched_due(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason, uint64_t now)
{
	if (reason != REKEY_ASKED)
		sched_patience_take(s, e, now, now);
	sched_mark_due(s, e, reason);
	sched_wait(s, e, now);
}

/* ---- entries ---- */

int rekey_sched_add(struct rekey_sched *s, struct rekey_entry *e, const struct rekey_limits *limits, uint64_t now)
{
	if (e->state != REKEY_IDLE)
		return -EEXIST;
	if (calendar_reserve(&s->watched, s->known + 1) || heap_reserve(&s->waiting, s->known + 1) ||
	    heap_reserve(&s->ready, s->known + 1))
		return -ENOMEM;
	s->known++;
	s->in_state[REKEY_IDLE]++;
	*e = (struct rekey_entry){.limits = *limits, .counted_ns = now, .born_ns = now};
	sched_state_set(s, e, REKEY_WATCHED);
	sched_estimate(s, e, 0, now);
	return 0;
}

void rekey_sched_inherit(struct rekey_sched *s, struct rekey_entry *e, const struct rekey_entry *old, uint64_t now)
{
	rekey_entry_inherit(e, old);
	if (e->state == REKEY_WATCHED)
		sched_estimate(s, e, 0, now);
}

void rekey_sched_remove(struct rekey_sched *s, struct rekey_entry *e)
{
	if (e->state == REKEY_IDLE)
		return;
	sched_leave(s, e);
	sched_state_set(s, e, REKEY_IDLE);
	s->in_state[REKEY_IDLE]--;
	s->known--;
}

/*
 * Is it in the wrong place of the queue? Too early does not matter: it is estimated anew when that time comes. Too late
 * does where it is near; where it is far, a sixteenth of the time to it is left alone, for estimates go up and down.
 */
static bool comes_sooner(const struct rekey_sched *s, const struct rekey_entry *e, uint64_t now)
{
	uint64_t at = e->node.at.key, left = at > now ? at - now : 0;

	if (!left)
		return false;
	if (left > exact_ns)
		at -= left / 16;
	return rekey_entry_due_by(e, sched_replace_ns(s), now, at);
}

void rekey_sched_count(struct rekey_sched *s, struct rekey_entry *e, uint64_t bytes, uint64_t packets, uint64_t now)
{
	enum rekey_reason reason;

	rekey_entry_prefetch(e); /* all of it is needed */
	if (e->state == REKEY_IDLE || !rekey_entry_count(e, bytes, packets, now))
		return;
	if (e->place == SCHED_READY)
		sched_ready(s, e, now);
	if (e->state != REKEY_WATCHED)
		return;
	reason = rekey_entry_reason(e, sched_replace_ns(s), now);
	if (reason != REKEY_NONE)
		sched_due(s, e, reason, now);
	else if (e->place == SCHED_NOWHERE)
		sched_estimate(s, e, 0, now);
	else if (e->place == SCHED_WATCHED && comes_sooner(s, e, now))
		sched_estimate(s, e, 0, now);
}

void rekey_sched_want(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason, uint64_t now)
{
	if (e->state == REKEY_WATCHED) {
		sched_due(s, e, reason, now);
	} else if (e->state == REKEY_DUE && reason == REKEY_ASKED && e->place == SCHED_WAITING) {
		e->retry_ns = 0;
		sched_wait(s, e, now);
	}
}

static uint64_t backoff_draw(struct rekey_sched *s, const struct rekey_entry *e, uint64_t now)
{
	unsigned int doublings = e->failures - 1u;
	uint64_t most = s->settings.backoff_max_ns, least = s->settings.backoff_ns / BACKOFF_FLOOR_DIVISOR;
	uint64_t wait = s->settings.backoff_ns, half_left = rekey_entry_urgency(e, now) / 2;

	if (s->settings.retry_most_ns)
		return s->settings.retry_least_ns +
		       prng_below(&s->rng, s->settings.retry_most_ns - s->settings.retry_least_ns + 1);
	for (unsigned int i = 0; i < doublings && i < BACKOFF_DOUBLINGS_MAX && wait < most; i++)
		wait *= 2;
	if (wait > most)
		wait = most;
	wait = wait - prng_below(&s->rng, wait / 2 + 1);
	if (wait > half_left)
		wait = half_left;
	return wait > least ? wait : least;
}

void rekey_sched_done(struct rekey_sched *s, struct rekey_entry *e, bool ok, uint64_t now)
{
	if (e->state != REKEY_RUNNING)
		return;
	if (ok) {
		s->counters.done++;
		e->failures = 0;
		sched_state_set(s, e, REKEY_REPLACED);
		return;
	}
	s->counters.failed++;
	if (e->reason == REKEY_NONE) {
		sched_state_set(s, e, REKEY_WATCHED);
		sched_estimate(s, e, 0, now);
		return;
	}
	if (e->failures < UINT8_MAX)
		e->failures++;
	e->retry_ns = sched_later(now, backoff_draw(s, e, now));
	sched_state_set(s, e, REKEY_DUE);
	sched_wait(s, e, e->retry_ns);
}

void rekey_sched_taken(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	(void)now;
	if (e->state != REKEY_WATCHED && e->state != REKEY_DUE)
		return;
	sched_leave(s, e);
	e->deferred = 0;
	sched_state_set(s, e, REKEY_RUNNING);
	s->counters.taken++;
}

void rekey_sched_counters(const struct rekey_sched *s, struct rekey_counters *out)
{
	*out = s->counters;
	out->watched = s->in_state[REKEY_WATCHED];
	out->due = s->in_state[REKEY_DUE];
	out->running = s->in_state[REKEY_RUNNING];
	out->replaced = s->in_state[REKEY_REPLACED];
}
