/* SPDX-License-Identifier: MIT */
/* What the ledger's files share: its pools. */
#ifndef OFFLOAD_SLOTS_PRIV_H
#define OFFLOAD_SLOTS_PRIV_H

#include "offload/slots.h"
#include "offload/slots_set.h"

struct pool {
	const char *name;
	uint32_t base;       /* number of its first slot */
	uint32_t cap;        /* slots there is memory for */
	uint32_t limit;      /* configured or assumed size; SLOTS_SIZE_MAX while it grows */
	uint32_t configured; /* as shown */
	uint32_t learned;
	uint32_t proven;     /* so many SAs were in at once */
	unsigned int doubts; /* refusals with fewer, since the last install */
	uint32_t reserve;
	bool shared;       /* by both directions */
	uint32_t count[4]; /* by state; FREE is not kept here */
	uint32_t peak;
	uint64_t refused, learned_events;
	uint64_t dare_at;
	uint64_t try_at, try_wait; /* when a replacement may dare more; try_wait 0: nothing is learned */
	bool trying;               /* it may */
	struct slots_set free;
	void **owner;
	uint8_t *mark;
};

/* What drains, in the order in which it will be free: a ring with room for every slot, so that nothing fails late. */
struct ring {
	uint32_t *slot;
	uint64_t *due;
	uint32_t head, len, cap;
};

struct slots {
	unsigned int n_pools;
	uint8_t map[2][2];
	uint64_t let_go_ns, dare_ns;
	struct pool pool[SLOTS_POOLS_MAX];
	struct ring ring;
};

/* slots_learn.c: how large a pool is, as far as is known */
uint32_t slots_pool_capacity(const struct pool *p);
uint32_t slots_pool_used(const struct pool *p);
uint32_t slots_pool_reserve(const struct pool *p);
uint32_t slots_pool_room(const struct pool *p, enum slots_purpose purpose);
void slots_pool_proves(struct pool *p); /* an SA is in: so many fit */
void slots_pool_tick(struct pool *p, uint64_t now, uint64_t dare_ns);
uint64_t slots_pool_next(const struct pool *p, uint64_t dare_ns); /* when that has something to do */
struct pool *slots_pool_for(const struct slots *s, enum slots_dir dir, enum slots_family family);

#endif
