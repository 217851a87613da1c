/* SPDX-License-Identifier: MIT */
#include "offload/slots_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	GROW_FIRST = 64, /* slots of a growing pool at its first use */
};

/* One byte a slot: the state, what it serves, and whether its delete was acknowledged. */
enum {
	MARK_STATE = 3,
	MARK_DIR = 1 << 2,
	MARK_FAMILY = 1 << 3,
	MARK_GONE = 1 << 4,
};

static int ring_grow(struct ring *r, uint32_t cap)
{
	uint32_t *slot = malloc(cap * sizeof(*slot));
	uint64_t *due = malloc(cap * sizeof(*due));

	if (!slot || !due) {
		free(slot);
		free(due);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < r->len; i++) {
		slot[i] = r->slot[(r->head + i) % r->cap];
		due[i] = r->due[(r->head + i) % r->cap];
	}
	free(r->slot);
	free(r->due);
	*r = (struct ring){slot, due, 0, r->len, cap};
	return 0;
}

static void ring_push(struct ring *r, uint32_t slot, uint64_t due)
{
	uint32_t i = (r->head + r->len) % r->cap;

	r->slot[i] = slot;
	r->due[i] = due;
	r->len++;
}

static uint32_t ring_pop(struct ring *r)
{
	uint32_t slot = r->slot[r->head];

	r->head = (r->head + 1) % r->cap;
	r->len--;
	return slot;
}

/* Memory for `cap` slots. On failure what was there is as it was. */
static int pool_grow(struct slots *s, struct pool *p, uint32_t cap)
{
	uint32_t total = cap;
	void **owner;
	uint8_t *mark;
	int err;

	for (unsigned int i = 0; i < s->n_pools; i++)
		if (&s->pool[i] != p)
			total += s->pool[i].cap;
	if (total > s->ring.cap && (err = ring_grow(&s->ring, total)))
		return err;
	owner = realloc(p->owner, cap * sizeof(*owner));
	if (!owner)
		return -ENOMEM;
	p->owner = owner;
	mark = realloc(p->mark, cap);
	if (!mark)
		return -ENOMEM;
	p->mark = mark;
	err = slots_set_grow(&p->free, cap);
	if (err)
		return err;
	memset(p->owner + p->cap, 0, (cap - p->cap) * sizeof(*owner));
	memset(p->mark + p->cap, SLOTS_FREE, cap - p->cap);
	p->cap = cap;
	return 0;
}

static int config_check(const struct slots_config *c)
{
	if (!c->n_pools || c->n_pools > SLOTS_POOLS_MAX)
		return -EINVAL;
	for (int i = 0; i < 4; i++)
		if (c->map[i / 2][i % 2] >= c->n_pools)
			return -EINVAL;
	for (unsigned int i = 0; i < c->n_pools; i++) {
		uint32_t size = c->pool[i].size ? c->pool[i].size : c->pool[i].assume;

		if (size > SLOTS_SIZE_MAX || (size && c->pool[i].reserve >= size))
			return -EINVAL;
	}
	return 0;
}

static bool config_shares(const struct slots_config *c, unsigned int pool)
{
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < 2; j++)
			if (c->map[SLOTS_IN][i] == pool && c->map[SLOTS_OUT][j] == pool)
				return true;
	return false;
}

struct slots *slots_new(const struct slots_config *config)
{
	struct slots *s;
	uint32_t base = 0;
	int err = config_check(config);

	if (err) {
		errno = -err;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->n_pools = config->n_pools;
	s->let_go_ns = config->let_go_ns;
	s->dare_ns = config->dare_ns;
	memcpy(s->map, config->map, sizeof(s->map));
	for (unsigned int i = 0; i < s->n_pools && !err; i++) {
		struct pool *p = &s->pool[i];

		p->name = config->pool[i].name;
		p->configured = config->pool[i].size ? config->pool[i].size : config->pool[i].assume;
		p->limit = p->configured ? p->configured : SLOTS_SIZE_MAX;
		p->reserve = config->pool[i].reserve;
		p->learned = UINT32_MAX;
		p->shared = config_shares(config, i);
		p->base = base;
		base += p->limit;
		err = pool_grow(s, p, p->configured ? p->configured : GROW_FIRST);
	}
	if (err) {
		slots_free(s);
		errno = -err;
		return NULL;
	}
	return s;
}

void slots_free(struct slots *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < s->n_pools; i++) {
		free(s->pool[i].owner);
		free(s->pool[i].mark);
		slots_set_free(&s->pool[i].free);
	}
	free(s->ring.slot);
	free(s->ring.due);
	free(s);
}

/* The pool of a slot that is in the state `expected`, and its index there; NULL for anybody else's mistake. */
static struct pool *pool_at(struct slots *s, uint32_t slot, enum slots_state expected, uint32_t *index)
{
	for (unsigned int i = 0; i < s->n_pools; i++) {
		struct pool *p = &s->pool[i];

		if (slot < p->base || slot - p->base >= p->cap)
			continue;
		*index = slot - p->base;
		if ((p->mark[*index] & MARK_STATE) == expected)
			return p;
	}
	assert(!"the slot is in the state that this call is for");
	return NULL;
}

static void move(struct pool *p, uint32_t index, enum slots_state to)
{
	enum slots_state from = p->mark[index] & MARK_STATE;

	p->mark[index] = (uint8_t)((p->mark[index] & ~MARK_STATE) | to);
	if (from != SLOTS_FREE)
		p->count[from]--;
	if (to != SLOTS_FREE)
		p->count[to]++;
}

static void make_free(struct pool *p, uint32_t index)
{
	move(p, index, SLOTS_FREE);
	p->mark[index] = SLOTS_FREE;
	p->owner[index] = NULL;
	slots_set_add(&p->free, index);
}

int64_t slots_reserve(struct slots *s, enum slots_dir dir, enum slots_family family, enum slots_purpose purpose,
		      void *owner)
{
	struct pool *p = slots_pool_for(s, dir, family);
	uint32_t index;

	if (!slots_pool_room(p, purpose)) {
		p->refused++;
		return -ENOSPC;
	}
	index = slots_set_first(&p->free);
	if (index == SLOTS_SET_NONE) { /* only a growing pool has room without a free slot */
		int err = pool_grow(s, p, p->cap > p->limit / 2 ? p->limit : p->cap * 2);

		if (err) {
			p->refused++;
			return err;
		}
		index = slots_set_first(&p->free);
	}
	slots_set_remove(&p->free, index);
	p->mark[index] =
		(uint8_t)(SLOTS_FREE | (dir == SLOTS_OUT ? MARK_DIR : 0) | (family == SLOTS_IPV6 ? MARK_FAMILY : 0));
	p->owner[index] = owner;
	move(p, index, SLOTS_RESERVED);
	if (slots_pool_used(p) > p->peak)
		p->peak = slots_pool_used(p);
	return (int64_t)p->base + index;
}

void slots_commit(struct slots *s, uint32_t slot)
{
	uint32_t index;
	struct pool *p = pool_at(s, slot, SLOTS_RESERVED, &index);

	if (!p)
		return;
	move(p, index, SLOTS_OCCUPIED);
	slots_pool_proves(p);
}

void slots_release(struct slots *s, uint32_t slot)
{
	uint32_t index;
	struct pool *p = pool_at(s, slot, SLOTS_RESERVED, &index);

	if (p)
		make_free(p, index);
}

void slots_drain(struct slots *s, uint32_t slot)
{
	uint32_t index;
	struct pool *p = pool_at(s, slot, SLOTS_OCCUPIED, &index);

	if (p)
		move(p, index, SLOTS_DRAINING);
}

void slots_gone(struct slots *s, uint32_t slot, uint64_t now, bool at_once)
{
	uint32_t index;
	struct pool *p = pool_at(s, slot, SLOTS_DRAINING, &index);

	if (!p || (p->mark[index] & MARK_GONE))
		return; /* said twice: it is in the ring */
	if (at_once || !s->let_go_ns) {
		make_free(p, index);
		return;
	}
	p->mark[index] |= MARK_GONE;
	ring_push(&s->ring, slot, now + s->let_go_ns);
}

void slots_tick(struct slots *s, uint64_t now)
{
	while (s->ring.len && s->ring.due[s->ring.head] <= now) {
		uint32_t index;
		struct pool *p = pool_at(s, ring_pop(&s->ring), SLOTS_DRAINING, &index);

		if (p)
			make_free(p, index);
	}
	for (unsigned int i = 0; i < s->n_pools; i++)
		slots_pool_tick(&s->pool[i], now, s->dare_ns);
}

uint64_t slots_next(const struct slots *s)
{
	uint64_t next = s->ring.len ? s->ring.due[s->ring.head] : UINT64_MAX;

	for (unsigned int i = 0; i < s->n_pools; i++) {
		uint64_t at = slots_pool_next(&s->pool[i], s->dare_ns);

		next = at < next ? at : next;
	}
	return next;
}

unsigned int slots_pools(const struct slots *s)
{
	return s->n_pools;
}

void slots_count_get(const struct slots *s, unsigned int pool, struct slots_count *out)
{
	const struct pool *p = &s->pool[pool];
	uint32_t capacity = slots_pool_capacity(p), size = capacity < p->cap ? capacity : p->cap;

	*out = (struct slots_count){
		.name = p->name,
		.size = size,
		.occ = p->count[SLOTS_OCCUPIED],
		.reserved = p->count[SLOTS_RESERVED],
		.draining = p->count[SLOTS_DRAINING],
		.free = size > slots_pool_used(p) ? size - slots_pool_used(p) : 0,
		.peak = p->peak,
		.configured = p->configured,
		.learned = p->learned,
		.reserve = slots_pool_reserve(p),
		.refused = p->refused,
		.learned_events = p->learned_events,
	};
}

void slots_each(const struct slots *s, void (*each)(void *ctx, const struct slots_view *slot), void *ctx)
{
	for (unsigned int i = 0; i < s->n_pools; i++) {
		const struct pool *p = &s->pool[i];

		for (uint32_t index = 0, left = slots_pool_used(p); left; index++) {
			uint8_t mark = p->mark[index];
			struct slots_view view = {
				.slot = p->base + index,
				.pool = i,
				.state = mark & MARK_STATE,
				.dir = mark & MARK_DIR ? SLOTS_OUT : SLOTS_IN,
				.family = mark & MARK_FAMILY ? SLOTS_IPV6 : SLOTS_IPV4,
				.owner = p->owner[index],
			};

			if (view.state == SLOTS_FREE)
				continue;
			left--;
			each(ctx, &view);
		}
	}
}

void slots_disown(struct slots *s, uint32_t slot)
{
	for (unsigned int i = 0; i < s->n_pools; i++) {
		struct pool *p = &s->pool[i];

		if (slot >= p->base && slot - p->base < p->cap)
			p->owner[slot - p->base] = NULL;
	}
}

const char *slots_state_name(enum slots_state state)
{
	switch (state) {
	case SLOTS_FREE:
		return "free";
	case SLOTS_RESERVED:
		return "reserved";
	case SLOTS_OCCUPIED:
		return "occupied";
	case SLOTS_DRAINING:
		return "draining";
	}
	return "?";
}
