/* SPDX-License-Identifier: MIT */
/*
 * Two heaps. `due` holds what waits for a time: WATCHED entries by the time they are estimated to come due, DUE
 * entries in back-off by the time it ends. `ready` holds DUE entries that only wait for a slot, by the time they are
 * estimated to reach their hard limit. RUNNING and REPLACED entries are in neither.
 */
#include <errno.h>
#include <stdlib.h>

#include "rekey/entry.h"
#include "rekey/rekey.h"

/* An estimate that came early is not made again before this. */
static const uint64_t recheck_ns = 100000000u;

enum { BACKOFF_DOUBLINGS_MAX = 16, BACKOFF_FLOOR_DIVISOR = 16 };

struct rekey_sched {
	struct rekey_settings settings;
	struct prng rng;
	struct heap due, ready;
	uint32_t known;
	uint32_t in_state[REKEY_REPLACED + 1];
	struct rekey_counters counters;
};

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

	if (!s)
		return NULL;
	s->settings = *settings;
	s->rng = prng_init(seed);
	return s;
}

void rekey_sched_free(struct rekey_sched *s)
{
	if (!s)
		return;
	heap_free(&s->due);
	heap_free(&s->ready);
	free(s);
}

static uint64_t later(uint64_t now, uint64_t ns)
{
	return now > UINT64_MAX - ns ? UINT64_MAX : now + ns;
}

/* A heap has room for every known entry (rekey_sched_add), so this cannot fail. */
static void place(struct heap *h, struct heap_node *n, uint64_t key)
{
	(void)heap_set(h, n, key);
}

static void state_set(struct rekey_sched *s, struct rekey_entry *e, enum rekey_state state)
{
	s->in_state[e->state]--;
	s->in_state[state]++;
	e->state = (uint8_t)state;
}

static void heaps_leave(struct rekey_sched *s, struct rekey_entry *e)
{
	heap_remove(&s->due, &e->due);
	heap_remove(&s->ready, &e->hard);
}

/* What is assumed for being early in time: nothing where the policy starts at soft, whatever comes. */
static uint64_t replace_ns(const struct rekey_sched *s)
{
	return s->settings.late ? 0 : s->settings.replace_ns;
}

static void due_estimate(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	place(&s->due, &e->due, rekey_entry_due_at(e, replace_ns(s), now));
}

static void ready_estimate(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	place(&s->ready, &e->hard, later(now, rekey_entry_urgency(e, now)));
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

/* WATCHED to DUE; rekey_sched_start() moves it on to `ready`. */
static void due_set(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason, uint64_t now)
{
	e->reason = (uint8_t)reason;
	reason_count(&s->counters, reason);
	state_set(s, e, REKEY_DUE);
	place(&s->due, &e->due, now);
}

int rekey_sched_add(struct rekey_sched *s, struct rekey_entry *e, const struct rekey_limits *limits, uint64_t now)
{
	if (e->state != REKEY_IDLE)
		return -EEXIST;
	if (heap_reserve(&s->due, s->known + 1) || heap_reserve(&s->ready, s->known + 1))
		return -ENOMEM;
	s->known++;
	s->in_state[REKEY_IDLE]++;
	*e = (struct rekey_entry){.limits = *limits, .counted_ns = now, .born_ns = now};
	state_set(s, e, REKEY_WATCHED);
	due_estimate(s, e, now);
	return 0;
}

void rekey_sched_inherit(struct rekey_sched *s, struct rekey_entry *e, const struct rekey_entry *old, uint64_t now)
{
	rekey_entry_inherit(e, old);
	if (e->state == REKEY_WATCHED)
		due_estimate(s, e, now);
}

void rekey_sched_remove(struct rekey_sched *s, struct rekey_entry *e)
{
	if (e->state == REKEY_IDLE)
		return;
	heaps_leave(s, e);
	state_set(s, e, REKEY_IDLE);
	s->in_state[REKEY_IDLE]--;
	s->known--;
}

void rekey_sched_count(struct rekey_sched *s, struct rekey_entry *e, uint64_t bytes, uint64_t packets, uint64_t now)
{
	enum rekey_reason reason;

	if (e->state == REKEY_IDLE || !rekey_entry_count(e, bytes, packets, now))
		return;
	if (heap_has(&e->hard))
		ready_estimate(s, e, now);
	if (e->state != REKEY_WATCHED)
		return;
	reason = rekey_entry_reason(e, replace_ns(s), now);
	if (reason != REKEY_NONE)
		due_set(s, e, reason, now);
	else
		due_estimate(s, e, now);
}

void rekey_sched_want(struct rekey_sched *s, struct rekey_entry *e, enum rekey_reason reason, uint64_t now)
{
	if (e->state == REKEY_WATCHED) {
		due_set(s, e, reason, now);
	} else if (e->state == REKEY_DUE && reason == REKEY_ASKED && heap_has(&e->due)) {
		e->retry_ns = 0;
		place(&s->due, &e->due, now);
	}
}

/* The estimate for a WATCHED entry has come: is it so? */
static void estimate_check(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	enum rekey_reason reason = rekey_entry_reason(e, replace_ns(s), now);

	if (reason == REKEY_NONE) {
		uint64_t at = rekey_entry_due_at(e, replace_ns(s), now), not_before = later(now, recheck_ns);

		place(&s->due, &e->due, at > not_before ? at : not_before);
		return;
	}
	due_set(s, e, reason, now);
}

struct rekey_entry *rekey_sched_start(struct rekey_sched *s, uint32_t slots, uint64_t now)
{
	struct heap_node *n;
	struct rekey_entry *e;

	while ((n = heap_first(&s->due)) && n->key <= now) {
		e = heap_entry(n, struct rekey_entry, due);
		if (e->state == REKEY_WATCHED) {
			estimate_check(s, e, now);
			continue;
		}
		heap_remove(&s->due, n);
		ready_estimate(s, e, now);
	}
	n = heap_first(&s->ready);
	if (!n)
		return NULL;
	e = heap_entry(n, struct rekey_entry, hard);
	if (!slots || (s->settings.in_flight_max && s->in_state[REKEY_RUNNING] >= s->settings.in_flight_max)) {
		if (!e->deferred)
			s->counters.deferred_no_slot++;
		e->deferred = 1;
		return NULL;
	}
	heap_remove(&s->ready, n);
	e->deferred = 0;
	state_set(s, e, REKEY_RUNNING);
	s->counters.started++;
	return e;
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
		state_set(s, e, REKEY_REPLACED);
		return;
	}
	s->counters.failed++;
	if (e->reason == REKEY_NONE) {
		state_set(s, e, REKEY_WATCHED);
		due_estimate(s, e, now);
		return;
	}
	if (e->failures < UINT8_MAX)
		e->failures++;
	e->retry_ns = later(now, backoff_draw(s, e, now));
	state_set(s, e, REKEY_DUE);
	place(&s->due, &e->due, e->retry_ns);
}

void rekey_sched_taken(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	(void)now;
	if (e->state != REKEY_WATCHED && e->state != REKEY_DUE)
		return;
	heaps_leave(s, e);
	e->deferred = 0;
	state_set(s, e, REKEY_RUNNING);
	s->counters.taken++;
}

uint64_t rekey_sched_next(const struct rekey_sched *s)
{
	const struct heap_node *n = heap_first(&s->due);

	return n ? n->key : UINT64_MAX;
}

void rekey_sched_counters(const struct rekey_sched *s, struct rekey_counters *out)
{
	*out = s->counters;
	out->watched = s->in_state[REKEY_WATCHED];
	out->due = s->in_state[REKEY_DUE];
	out->running = s->in_state[REKEY_RUNNING];
	out->replaced = s->in_state[REKEY_REPLACED];
}
