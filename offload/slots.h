/* SPDX-License-Identifier: MIT */
/*
 * The slot ledger: every place for an SA in the card's tables and what it is used for, in the words of
 * `devlink resource` (size, occ, free) and two of ours (reserved, draining).
 *
 *            reserve            commit             drain              let_go
 *     FREE ----------> RESERVED -------> OCCUPIED -------> DRAINING ---------> FREE
 *                          `--- release ---> FREE
 *
 * Reserve before an offer leaves; commit when the card has taken the SA; drain when the delete has been sent;
 * let_go when the card has really freed it, which a DELSA's ACK does not prove (Linux: xfrm_state_gc_task).
 *
 * A card has one or more pools (tables); each (direction, address family) maps to one pool, so that "one table for
 * everything" (nfp), "in and out" (ixgbe) and "in per family, out shared" (mlx5) are all just data.
 */
#ifndef OFFLOAD_SLOTS_H
#define OFFLOAD_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

enum slots_dir { SLOTS_IN, SLOTS_OUT };
enum slots_family { SLOTS_IPV4, SLOTS_IPV6 };
enum slots_state { SLOTS_FREE, SLOTS_RESERVED, SLOTS_OCCUPIED, SLOTS_DRAINING };
/* New SAs may not touch the part of a pool that is kept for replacing the ones in it. */
enum slots_purpose {
	SLOTS_FOR_NEW,
	SLOTS_FOR_REPLACEMENT, /* that we ask for: if it is refused all is as before */
	SLOTS_FOR_PEERS,       /* one that the peer asks for: its outbound half comes when there is no way back */
};

enum {
	SLOTS_POOLS_MAX = 4,
	SLOTS_SIZE_MAX = 1 << 28, /* slots in one pool */
	SLOTS_ASSUMED = 1024,     /* in a pool of which nothing is known */
};

struct slots_config {
	unsigned int n_pools;
	struct {
		const char *name; /* "in", "out", "shared", "in-ipv4", ... */
		uint32_t size;    /* configured or known size; 0: unknown, then `assume` slots until learned */
		uint32_t assume;  /* 0 too: the pool grows as it is used, until the card refuses */
		uint32_t reserve; /* kept for replacements */
	} pool[SLOTS_POOLS_MAX];
	uint8_t map[2][2];  /* [enum slots_dir][enum slots_family] -> pool */
	uint64_t let_go_ns; /* how long after a delete a slot may still be held by the card */
	/*
	 * How long after capacity was learned one slot more is dared again, and then another each such time: what
	 * filled the card may have been another user of it, or a delete it was slow to finish. A replacement of ours
	 * may dare a sixteenth of that after it, and twice as long after each further refusal, since nothing can be
	 * replaced without slots. 0: what is learned stays.
	 */
	uint64_t dare_ns;
};

struct slots_count {
	const char *name;
	uint32_t size; /* capacity as believed now: min(configured, learned); of a growing pool: what it has grown to */
	uint32_t occ, reserved, draining,
		free;        /* occ + reserved + draining + free == size (free is 0 while over size) */
	uint32_t peak;       /* largest occ + reserved + draining ever */
	uint32_t configured; /* size, else assume; 0: a growing pool */
	uint32_t learned;    /* UINT32_MAX while nothing was learned */
	uint32_t reserve;
	uint64_t refused; /* reservations turned down */
	uint64_t learned_events;
};

struct slots;

/*
 * How many slots of a pool are kept for replacements when nobody has said: one in 64, at most 64, and at least what one
 * replacement takes, since without it nothing could ever be replaced: a slot, or a pair in a pool that both directions
 * share. size 0: unknown.
 */
uint32_t slots_reserve_default(uint32_t size, bool shared);

/*
 * NULL and errno. EINVAL: no pool or too many, a map entry without a pool, a size above SLOTS_SIZE_MAX, or a reserve
 * that leaves nothing. ENOMEM. The config is copied (names are not). A pool of known size gets all its memory here.
 */
struct slots *slots_new(const struct slots_config *config);
void slots_free(struct slots *s);

/*
 * Reserve a slot. The slot's number (unique over all pools, the lowest of its pool that is free), -ENOSPC, or -ENOMEM
 * (only a pool that grows). O(1) amortised.
 */
int64_t slots_reserve(struct slots *s, enum slots_dir dir, enum slots_family family, enum slots_purpose purpose,
		      void *owner);
/* RESERVED -> OCCUPIED. */
void slots_commit(struct slots *s, uint32_t slot);
/* RESERVED -> FREE: it was never installed. */
void slots_release(struct slots *s, uint32_t slot);
/* OCCUPIED -> DRAINING: the delete has been sent. It becomes free let_go_ns after slots_gone(). */
void slots_drain(struct slots *s, uint32_t slot);
/* The delete was acknowledged at `now` (or the card flushed itself: at_once). */
void slots_gone(struct slots *s, uint32_t slot, uint64_t now, bool at_once);
/* Frees what has drained. */
void slots_tick(struct slots *s, uint64_t now);
/* When slots_tick() has something to do, or UINT64_MAX. Slots are let go in the order of slots_gone(). */
uint64_t slots_next(const struct slots *s);

/*
 * The card refused an install for want of room (positive errno) though the ledger had it: learn the capacity. While
 * slots drain it is put down to them and nothing is learned (returns false: just retry), and so it is, a few times in a
 * row, where more SAs fitted once; else size := what is occupied, and true. False also for an errno that is not about
 * room (see slots_errno_is_full).
 */
bool slots_learn(struct slots *s, enum slots_dir dir, enum slots_family family, int err, uint64_t now);
/* Is this errno "table full" rather than "this SA cannot be offloaded"? (ENOSPC, ENOMEM, EAGAIN, EBUSY) */
bool slots_errno_is_full(int err);

/* How many SAs for this purpose fit right now. */
uint32_t slots_room(const struct slots *s, enum slots_dir dir, enum slots_family family, enum slots_purpose purpose);

/*
 * By how many slots what is in use intrudes into the reserve of a pool that has turned out to be smaller than believed:
 * that is learned when it is full. What drains does not count. 0: it does not. The reserve is then that of a pool of
 * the size learned, at most.
 */
uint32_t slots_excess(const struct slots *s, enum slots_dir dir, enum slots_family family);

/* How many pools the card has, and the counts of one of them (below that number). */
unsigned int slots_pools(const struct slots *s);
void slots_count_get(const struct slots *s, unsigned int pool, struct slots_count *out);

struct slots_view {
	uint32_t slot;
	unsigned int pool;
	enum slots_state state;
	enum slots_dir dir;
	enum slots_family family;
	void *owner; /* NULL when free; while DRAINING the owner may be gone: see slots_disown */
};

/* Every slot that is not free, by number. `each` may call slots_disown() and nothing else that changes the ledger. */
void slots_each(const struct slots *s, void (*each)(void *ctx, const struct slots_view *slot), void *ctx);
/* The owner is about to be freed: views show NULL from now on. */
void slots_disown(struct slots *s, uint32_t slot);
const char *slots_state_name(enum slots_state state);

#endif
