/* SPDX-License-Identifier: MIT */
/*
 * A calendar queue: nodes by time, with the node inside its owner. What comes within the current day is in a heap,
 * which is small; what comes later is in a ring of days (a quarter of a second each), where a node is one of a list, so
 * that putting it in and taking it out cost the same however many there are. It also knows how many come within a time.
 */
#ifndef REKEY_CALENDAR_H
#define REKEY_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "rekey/rekey.h"

enum {
	CALENDAR_SHIFT = 28,   /* a day is 2^28 ns: 268 ms */
	CALENDAR_DAYS = 16384, /* the ring: 73 minutes */
	CALENDAR_WEEK = 64,    /* days that are also counted together */
	CALENDAR_FINE = 1024,  /* days that are looked at one by one when the load is summed up */
	CALENDAR_WEEKS = CALENDAR_DAYS / CALENDAR_WEEK,
};

struct calendar_day {
	struct rekey_node *first;
	uint64_t least; /* no node of this day is before; may be less than the first one's time */
	uint32_t count;
};

struct calendar {
	struct heap near;
	uint64_t dawn;                     /* number of the first day that is in the ring; earlier ones are in `near` */
	uint32_t count;                    /* in the ring */
	struct calendar_day *day;          /* [CALENDAR_DAYS], by number modulo that */
	uint32_t week[CALENDAR_WEEKS];     /* nodes in its days */
	uint64_t busy[CALENDAR_DAYS / 64]; /* a bit per day with nodes */
};

/* 0 or -ENOMEM. */
int calendar_init(struct calendar *c);
void calendar_free(struct calendar *c);
/* Room for n nodes in all, so that calendar_set() cannot fail. 0 or -ENOMEM. */
int calendar_reserve(struct calendar *c, uint32_t n);

/* Put it in, or move it. A time beyond the ring becomes the ring's last day: look at the owner again then. */
void calendar_set(struct calendar *c, struct rekey_node *n, uint64_t at);
void calendar_remove(struct calendar *c, struct rekey_node *n);
static inline bool calendar_has(const struct rekey_node *n)
{
	return n->pprev || heap_has(&n->at);
}

/* The first node in the heap, if it comes at or before `until`; NULL: none, or calendar_dawn() has to be asked. */
struct rekey_node *calendar_first(const struct calendar *c, uint64_t until);
/*
 * With an empty heap: takes out all nodes of the next day that is not after `until`, which is the current one from then
 * on. A list by `next`, of nodes that are in no queue; NULL: no such day.
 */
struct rekey_node *calendar_dawn(struct calendar *c, uint64_t until);
/* A node of the first day that is not after `until`, whichever; it stays. NULL: none. */
struct rekey_node *calendar_early(const struct calendar *c, uint64_t until);
/* No node comes before this; exact but for nodes that were removed. UINT64_MAX: none. */
uint64_t calendar_next(const struct calendar *c);

/* Whether what comes can be served in time. */
struct calendar_load {
	uint64_t until;  /* the latest time up to which too many come; 0: none */
	double slack_ns; /* for how much longer nothing needs to begin early */
};

struct calendar_servers {
	uint32_t n;
	uint64_t hold_ns;     /* each node keeps one for so long */
	uint64_t patience_ns; /* and may begin so long after its time */
};

/*
 * Every node takes a server, after `before` others: nodes up to a time t are too many if their work is more than the
 * servers can do until t + patience_ns, and in the hold_ns in which the last of them may end after that.
 */
struct calendar_load calendar_load_get(const struct calendar *c, const struct calendar_servers *servers,
				       uint64_t before, uint64_t now);

/* The longest time ahead that fits into the ring. */
static inline uint64_t calendar_span_ns(void)
{
	return (uint64_t)(CALENDAR_DAYS - 2) << CALENDAR_SHIFT;
}

#endif
