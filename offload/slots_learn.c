/* SPDX-License-Identifier: MIT */
/* How large the tables are, as far as is known, and what may be taken of them for which purpose. */
#include <errno.h>

#include "offload/slots_priv.h"

enum {
	RESERVE_SHARE = 64, /* one slot in so many is kept for replacements ... */
	RESERVE_MAX = 64,   /* ... up to this; more would only idle */
	TRY_SHARE = 16,     /* the first wait before a replacement dares more: one part in so many of dare_ns */
	DOUBTS_MAX = 4,     /* refusals in a row where there was room once: then the table is smaller than it was */
};

uint32_t slots_reserve_default(uint32_t size, bool shared)
{
	uint32_t least = shared ? 2 : 1, n = (size ? size : SLOTS_ASSUMED) / RESERVE_SHARE;

	n = n > RESERVE_MAX ? RESERVE_MAX : n;
	n = n < least ? least : n;
	return shared ? n & ~1u : n;
}

uint32_t slots_pool_capacity(const struct pool *p)
{
	return p->learned < p->limit ? p->learned : p->limit;
}

uint32_t slots_pool_used(const struct pool *p)
{
	return p->count[SLOTS_RESERVED] + p->count[SLOTS_OCCUPIED] + p->count[SLOTS_DRAINING];
}

/* A pool that has turned out to be smaller keeps no more than one of that size would. */
uint32_t slots_pool_reserve(const struct pool *p)
{
	uint32_t most = p->learned < p->limit ? slots_reserve_default(p->learned, p->shared) : p->reserve;

	return p->reserve < most ? p->reserve : most;
}

uint32_t slots_pool_room(const struct pool *p, enum slots_purpose purpose)
{
	uint64_t taken = slots_pool_used(p), capacity = slots_pool_capacity(p);

	if (purpose == SLOTS_FOR_NEW)
		taken += slots_pool_reserve(p);
	if (purpose == SLOTS_FOR_REPLACEMENT && p->trying)
		capacity += p->shared ? 2 : 1;
	if (capacity > p->limit)
		capacity = p->limit;
	return taken < capacity ? (uint32_t)(capacity - taken) : 0;
}

struct pool *slots_pool_for(const struct slots *s, enum slots_dir dir, enum slots_family family)
{
	return (struct pool *)&s->pool[s->map[dir][family]];
}

/* So many SAs fit, as far as is known. */
static void learn(struct pool *p, uint64_t size)
{
	if (size < p->limit) {
		p->learned = (uint32_t)size;
		return;
	}
	p->learned = UINT32_MAX;
	p->trying = false;
	p->try_wait = 0;
}

void slots_pool_proves(struct pool *p)
{
	p->doubts = 0;
	if (p->count[SLOTS_OCCUPIED] > p->proven)
		p->proven = p->count[SLOTS_OCCUPIED];
	if (p->learned < p->proven)
		learn(p, p->proven);
}

static void dare(struct pool *p, uint64_t now, uint64_t every)
{
	uint64_t times;

	if (p->learned == UINT32_MAX || !every || now < p->dare_at)
		return;
	times = (now - p->dare_at) / every + 1;
	p->dare_at += times * every;
	learn(p, p->learned + times);
}

void slots_pool_tick(struct pool *p, uint64_t now, uint64_t dare_ns)
{
	dare(p, now, dare_ns);
	p->trying = p->trying || (p->try_wait && p->try_at <= now);
}

uint64_t slots_pool_next(const struct pool *p, uint64_t dare_ns)
{
	uint64_t next = dare_ns && p->learned != UINT32_MAX ? p->dare_at : UINT64_MAX;

	return p->try_wait && !p->trying && p->try_at < next ? p->try_at : next;
}

bool slots_errno_is_full(int err)
{
	return err == ENOSPC || err == ENOMEM || err == EAGAIN || err == EBUSY;
}

bool slots_learn(struct slots *s, enum slots_dir dir, enum slots_family family, int err, uint64_t now)
{
	struct pool *p = slots_pool_for(s, dir, family);

	if (!slots_errno_is_full(err) || p->count[SLOTS_DRAINING])
		return false;
	/* more fitted once: it holds what was deleted for longer than let_go_ns says */
	if (p->count[SLOTS_OCCUPIED] < p->proven && ++p->doubts < DOUBTS_MAX)
		return false;
	p->doubts = 0;
	p->proven = p->count[SLOTS_OCCUPIED];
	p->learned = p->count[SLOTS_OCCUPIED];
	p->learned_events++;
	p->dare_at = now + s->dare_ns;
	p->try_wait = p->try_wait ? 2 * p->try_wait : (s->dare_ns + TRY_SHARE - 1) / TRY_SHARE;
	if (p->try_wait > s->dare_ns)
		p->try_wait = s->dare_ns;
	p->try_at = now + p->try_wait;
	p->trying = false;
	return true;
}

uint32_t slots_room(const struct slots *s, enum slots_dir dir, enum slots_family family, enum slots_purpose purpose)
{
	return slots_pool_room(slots_pool_for(s, dir, family), purpose);
}

uint32_t slots_excess(const struct slots *s, enum slots_dir dir, enum slots_family family)
{
	const struct pool *p = slots_pool_for(s, dir, family);
	uint64_t taken = (uint64_t)p->count[SLOTS_RESERVED] + p->count[SLOTS_OCCUPIED] + slots_pool_reserve(p);

	return p->learned < p->limit && taken > p->learned ? (uint32_t)(taken - p->learned) : 0;
}
