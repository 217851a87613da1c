/* SPDX-License-Identifier: MIT */
/* Which replacement is started next. */
#include "rekey/sched.h"

/* An estimate that came early is not made again before this; nor is the length of the queue. */
static const uint64_t recheck_ns = 100000000u, crowd_recheck_ns = 100000000u;

/* How many are looked at in one call that turn out not to be ones that can be started early. */
enum { CROWD_LOOKS = 32 };

/* The time for which it was estimated has come: is it so? */
static void estimate_check(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	enum rekey_reason reason = rekey_entry_reason(e, sched_replace_ns(s), now);

	if (reason == REKEY_NONE)
		sched_estimate(s, e, sched_later(now, recheck_ns), now);
	else
		sched_due(s, e, reason, now);
}

/*
 * The first entry whose time has come. When a day begins, all of its entries are estimated anew: most of them
 * were only to be looked at, and go on to a later day.
 */
static struct rekey_entry *watched_first(struct rekey_sched *s, uint64_t now)
{
	struct rekey_node *first, *list;

	while (!(first = calendar_first(&s->watched, now)) && !s->watched.near.len) {
		list = calendar_dawn(&s->watched, now);
		if (!list)
			return NULL;
		while (list) {
			struct rekey_entry *e = heap_entry(list, struct rekey_entry, node);

			list = list->next;
			if (list)
				rekey_entry_prefetch(heap_entry(list, struct rekey_entry, node));
			e->node.next = NULL;
			e->place = SCHED_NOWHERE;
			sched_estimate(s, e, 0, now);
		}
	}
	return first ? heap_entry(first, struct rekey_entry, node) : NULL;
}

/* Whatever has waited for a time that has come. */
static void time_passes(struct rekey_sched *s, uint64_t now)
{
	struct rekey_entry *e;
	struct heap_node *h;

	while ((e = watched_first(s, now)))
		estimate_check(s, e, now);
	while ((h = heap_first(&s->waiting)) && h->key <= now) {
		e = heap_entry(h, struct rekey_entry, node.at);
		if (e->state == REKEY_WATCHED)
			sched_estimate(s, e, 0, now);
		else
			sched_ready(s, e, now);
	}
}

/* ---- before soft ---- */

static bool crowd_is_possible(const struct rekey_sched *s)
{
	return !s->settings.late && s->hold_ns && s->servers && s->in_state[REKEY_WATCHED] >= s->servers;
}

/*
 * Is this the one to start? Due by crowd_until it comes first; but not in the first half of its life: then it waits
 * until that is over.
 */
static bool crowd_takes(struct rekey_sched *s, struct rekey_entry *e, uint64_t now)
{
	uint64_t due = rekey_entry_due_at(e, sched_replace_ns(s), now);
	enum rekey_reason reason;
	double wear;

	if (due > s->crowd_until) {
		sched_estimate(s, e, sched_later(s->crowd_until, 1), now);
		return false;
	}
	if (!s->patience_known) { /* nothing has come due before: first see whether it is as bad as it looks */
		sched_patience_take(s, e, due, now);
		s->crowd_until = 0;
		s->crowd_slack_ns = 0;
		return false;
	}
	reason = rekey_entry_foremost(e, now, &wear);
	if (wear < 0.5) {
		uint64_t half = now + (uint64_t)((double)(due - now) * (0.5 - wear) / (1 - wear));

		sched_wait(s, e, half > now ? half : now + 1);
		return false;
	}
	sched_mark_due(s, e, reason);
	sched_ready(s, e, now);
	return true;
}

/* Nothing changes while time and the entries that came nearer have not used up the slack. */
static void crowd_look(struct rekey_sched *s, uint64_t now)
{
	uint64_t age = now - s->crowd_looked_ns;
	struct calendar_load load;

	if (!crowd_is_possible(s)) {
		s->crowd_until = 0;
		return;
	}
	if (age < crowd_recheck_ns || (double)age < s->crowd_slack_ns)
		return;
	load = calendar_load_get(&s->watched, &(struct calendar_servers){s->servers, s->hold_ns, sched_patience_ns(s)},
				 s->in_state[REKEY_RUNNING] + s->in_state[REKEY_DUE], now);
	s->crowd_looked_ns = now;
	s->crowd_until = load.until;
	s->crowd_slack_ns = load.slack_ns;
}

/* Puts one entry into `ready` though it is not due, if too many are coming. */
static void crowd_relieve(struct rekey_sched *s, uint64_t now)
{
	struct rekey_node *n;
	struct rekey_entry *e;

	for (int i = 0; i < CROWD_LOOKS && s->crowd_until; i++) {
		n = calendar_early(&s->watched, s->crowd_until);
		if (!n) {
			s->crowd_until = 0;
			return;
		}
		e = heap_entry(n, struct rekey_entry, node);
		if (crowd_takes(s, e, now)) {
			s->counters.early++;
			return;
		}
	}
}

/* ---- the next one ---- */

struct rekey_entry *rekey_sched_start(struct rekey_sched *s, uint32_t slots, uint64_t now)
{
	struct rekey_entry *e;
	bool full = s->settings.in_flight_max && s->in_state[REKEY_RUNNING] >= s->settings.in_flight_max;

	time_passes(s, now);
	crowd_look(s, now);
	if (!heap_first(&s->ready) && slots && !full)
		crowd_relieve(s, now);
	if (!heap_first(&s->ready))
		return NULL;
	e = heap_entry(heap_first(&s->ready), struct rekey_entry, node.at);
	if (!slots || full) {
		if (!e->deferred)
			s->counters.deferred_no_slot++;
		e->deferred = 1;
		return NULL;
	}
	sched_leave(s, e);
	e->deferred = 0;
	sched_state_set(s, e, REKEY_RUNNING);
	s->counters.started++;
	return e;
}

/* When there may be a crowd. While there is one, it is free slots that are waited for, and no time is of any use. */
static uint64_t crowd_next(const struct rekey_sched *s)
{
	double slack = s->crowd_slack_ns;

	if (s->crowd_until || !crowd_is_possible(s))
		return UINT64_MAX;
	if (slack < (double)crowd_recheck_ns)
		slack = (double)crowd_recheck_ns;
	return sched_later(s->crowd_looked_ns, (uint64_t)slack + 1);
}

uint64_t rekey_sched_next(const struct rekey_sched *s)
{
	uint64_t next = calendar_next(&s->watched);
	const struct heap_node *n = heap_first(&s->waiting);

	if (n && n->key < next)
		next = n->key;
	if (crowd_next(s) < next)
		next = crowd_next(s);
	return next;
}
