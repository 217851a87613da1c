/* SPDX-License-Identifier: MIT */
#include "rekey/calendar.h"

#include <errno.h>
#include <stdlib.h>

int calendar_init(struct calendar *c)
{
	*c = (struct calendar){.day = calloc(CALENDAR_DAYS, sizeof(*c->day))};
	return c->day ? 0 : -ENOMEM;
}

void calendar_free(struct calendar *c)
{
	heap_free(&c->near);
	free(c->day);
	*c = (struct calendar){0};
}

int calendar_reserve(struct calendar *c, uint32_t n)
{
	return heap_reserve(&c->near, n);
}

static uint64_t day_of(uint64_t at)
{
	return at >> CALENDAR_SHIFT;
}

static void ring_put(struct calendar *c, struct rekey_node *n)
{
	unsigned int i = (unsigned int)(day_of(n->at.key) % CALENDAR_DAYS);
	struct calendar_day *d = &c->day[i];

	n->next = d->first;
	n->pprev = &d->first;
	if (n->next)
		n->next->pprev = &n->next;
	if (!d->first || n->at.key < d->least)
		d->least = n->at.key;
	d->first = n;
	d->count++;
	c->count++;
	c->week[i / CALENDAR_WEEK]++;
	c->busy[i / 64] |= UINT64_C(1) << (i % 64);
}

static void ring_take(struct calendar *c, struct rekey_node *n)
{
	unsigned int i = (unsigned int)(day_of(n->at.key) % CALENDAR_DAYS);
	struct calendar_day *d = &c->day[i];

	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
	n->next = NULL;
	n->pprev = NULL;
	c->count--;
	c->week[i / CALENDAR_WEEK]--;
	if (!--d->count)
		c->busy[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

void calendar_remove(struct calendar *c, struct rekey_node *n)
{
	if (n->pprev)
		ring_take(c, n);
	else
		heap_remove(&c->near, &n->at);
}

void calendar_set(struct calendar *c, struct rekey_node *n, uint64_t at)
{
	if (day_of(at) < c->dawn) {
		if (n->pprev)
			ring_take(c, n);
		(void)heap_set(&c->near, &n->at, at); /* there is room: calendar_reserve() */
		return;
	}
	calendar_remove(c, n);
	if (day_of(at) - c->dawn >= CALENDAR_DAYS)
		at = (c->dawn + CALENDAR_DAYS - 1) << CALENDAR_SHIFT;
	n->at.key = at;
	ring_put(c, n);
}

/* The number of the first day from `dawn` on that has nodes; there is one. */
static uint64_t day_next(const struct calendar *c)
{
	unsigned int start = (unsigned int)(c->dawn % CALENDAR_DAYS), word = start / 64;
	uint64_t bits = c->busy[word] & (UINT64_MAX << (start % 64));

	for (unsigned int k = 0; !bits; k++) {
		word = (start / 64 + k + 1) % (CALENDAR_DAYS / 64);
		bits = c->busy[word];
	}
	return c->dawn + (word * 64 + (unsigned int)__builtin_ctzll(bits) - start) % CALENDAR_DAYS;
}

struct rekey_node *calendar_dawn(struct calendar *c, uint64_t until)
{
	uint64_t day = c->count ? day_next(c) : UINT64_MAX;
	struct rekey_node *list, *n;
	struct calendar_day *d;
	unsigned int i;

	if (day > day_of(until)) {
		if (c->dawn <= day_of(until))
			c->dawn = day_of(until) + 1;
		return NULL;
	}
	i = (unsigned int)(day % CALENDAR_DAYS);
	d = &c->day[i];
	list = d->first;
	c->dawn = day + 1;
	c->count -= d->count;
	c->week[i / CALENDAR_WEEK] -= d->count;
	c->busy[i / 64] &= ~(UINT64_C(1) << (i % 64));
	d->first = NULL;
	d->count = 0;
	for (n = list; n; n = n->next)
		n->pprev = NULL;
	return list;
}

struct rekey_node *calendar_first(const struct calendar *c, uint64_t until)
{
	const struct heap_node *n = heap_first(&c->near);

	return n && n->key <= until ? heap_entry(n, struct rekey_node, at) : NULL;
}

struct rekey_node *calendar_early(const struct calendar *c, uint64_t until)
{
	uint64_t day;

	if (c->near.len)
		return calendar_first(c, until);
	day = c->count ? day_next(c) : UINT64_MAX;
	return day <= day_of(until) ? c->day[day % CALENDAR_DAYS].first : NULL;
}

uint64_t calendar_next(const struct calendar *c)
{
	const struct heap_node *n = heap_first(&c->near);

	if (n)
		return n->key;
	return c->count ? c->day[day_next(c) % CALENDAR_DAYS].least : UINT64_MAX;
}

/* Work that must have begun by the end of a span of days, against what can. */
struct sum {
	double work, per_node, grace; /* ns of all servers together; ns */
	uint64_t now;
	struct calendar_load load;
};

static void sum_add(struct sum *s, uint32_t nodes, uint64_t day_last)
{
	uint64_t by = (day_last + 1) << CALENDAR_SHIFT;
	double slack;

	if (!nodes)
		return;
	s->work += nodes * s->per_node;
	slack = s->grace + (by > s->now ? (double)(by - s->now) : 0) - s->work;
	if (slack < s->load.slack_ns)
		s->load.slack_ns = slack;
	if (slack < 0)
		s->load.until = by;
}

struct calendar_load calendar_load_get(const struct calendar *c, const struct calendar_servers *servers,
				       uint64_t before, uint64_t now)
{
	struct sum s = {.per_node = (double)servers->hold_ns / servers->n,
			.grace = (double)servers->hold_ns + (double)servers->patience_ns,
			.now = now,
			.load.slack_ns = (double)calendar_span_ns()};
	uint64_t day = c->dawn, end = c->dawn + CALENDAR_DAYS;

	s.work = (double)before * s.per_node;
	sum_add(&s, c->near.len, day_of(now));
	/* day by day to the end of a week, then by weeks, which ends with a part of the week that it began in */
	for (unsigned int fine = 0; fine < CALENDAR_FINE || day % CALENDAR_WEEK; day++, fine++)
		sum_add(&s, c->day[day % CALENDAR_DAYS].count, day);
	for (; day + CALENDAR_WEEK <= end; day += CALENDAR_WEEK)
		sum_add(&s, c->week[day % CALENDAR_DAYS / CALENDAR_WEEK], day + CALENDAR_WEEK - 1);
	return s.load;
}
