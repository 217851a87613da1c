/* SPDX-License-Identifier: MIT */
/* Random operations on the ledger and on a model that searches and counts: both must agree after every step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "offload/slots.h"

enum { MODEL_SLOTS = 200, STEPS = 20000, SEEDS = 20, LET_GO = 50, DARE = 90 };

struct model_slot {
	enum slots_state state;
	uint64_t due; /* UINT64_MAX: not acknowledged */
	char *owner;
};

struct model {
	unsigned int n_pools;
	uint32_t base[SLOTS_POOLS_MAX], size[SLOTS_POOLS_MAX], learned[SLOTS_POOLS_MAX], reserve[SLOTS_POOLS_MAX];
	uint32_t peak[SLOTS_POOLS_MAX], proven[SLOTS_POOLS_MAX];
	unsigned int doubts[SLOTS_POOLS_MAX];
	uint64_t refused[SLOTS_POOLS_MAX], dare_at[SLOTS_POOLS_MAX], try_at[SLOTS_POOLS_MAX], try_wait[SLOTS_POOLS_MAX];
	bool trying[SLOTS_POOLS_MAX];
	uint8_t map[2][2];
	struct model_slot slot[MODEL_SLOTS];
	uint64_t now;
};

static uint32_t model_in(const struct model *m, unsigned int pool, enum slots_state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->size[pool]; i++)
		n += m->slot[m->base[pool] + i].state == state;
	return n;
}

static uint32_t model_used(const struct model *m, unsigned int pool)
{
	return m->size[pool] - model_in(m, pool, SLOTS_FREE);
}

static bool model_is_shared(const struct model *m, unsigned int pool)
{
	return (m->map[SLOTS_IN][0] == pool || m->map[SLOTS_IN][1] == pool) &&
	       (m->map[SLOTS_OUT][0] == pool || m->map[SLOTS_OUT][1] == pool);
}

static uint32_t model_kept(const struct model *m, unsigned int pool)
{
	uint32_t most = slots_reserve_default(m->learned[pool], model_is_shared(m, pool));

	return m->learned[pool] < m->size[pool] && most < m->reserve[pool] ? most : m->reserve[pool];
}

static void model_learn(struct model *m, unsigned int pool, uint32_t size)
{
	bool all = size >= m->size[pool];

	m->learned[pool] = all ? UINT32_MAX : size;
	m->trying[pool] = m->trying[pool] && !all;
	m->try_wait[pool] = all ? 0 : m->try_wait[pool];
}

static int64_t model_reserve(struct model *m, unsigned int pool, enum slots_purpose purpose, char *owner)
{
	uint32_t more = purpose == SLOTS_FOR_REPLACEMENT && m->trying[pool] ? (model_is_shared(m, pool) ? 2 : 1) : 0;
	uint32_t capacity = m->learned[pool] < m->size[pool] ? m->learned[pool] + more : m->size[pool];
	uint32_t want = model_used(m, pool) + (purpose == SLOTS_FOR_NEW ? model_kept(m, pool) : 0);

	if (want >= capacity || want >= m->size[pool]) {
		m->refused[pool]++;
		return -ENOSPC;
	}
	for (uint32_t i = 0; i < m->size[pool]; i++) {
		struct model_slot *slot = &m->slot[m->base[pool] + i];

		if (slot->state != SLOTS_FREE)
			continue;
		*slot = (struct model_slot){SLOTS_RESERVED, UINT64_MAX, owner};
		if (model_used(m, pool) > m->peak[pool])
			m->peak[pool] = model_used(m, pool);
		return m->base[pool] + i;
	}
	return -ENOSPC;
}

static struct slots_config setup(struct model *m, struct prng *rng)
{
	struct slots_config config = {
		.n_pools = 1 + (unsigned int)prng_below(rng, 4), .let_go_ns = LET_GO, .dare_ns = DARE};
	uint32_t base = 0;

	*m = (struct model){.n_pools = config.n_pools, .now = 1};
	for (unsigned int i = 0; i < m->n_pools; i++) {
		config.pool[i].name = "pool";
		config.pool[i].size = m->size[i] = 1 + (uint32_t)prng_below(rng, MODEL_SLOTS / SLOTS_POOLS_MAX);
		config.pool[i].reserve = m->reserve[i] = (uint32_t)prng_below(rng, m->size[i]);
		m->base[i] = base;
		m->learned[i] = UINT32_MAX;
		base += m->size[i];
	}
	for (int i = 0; i < 4; i++)
		config.map[i / 2][i % 2] = m->map[i / 2][i % 2] = (uint8_t)prng_below(rng, m->n_pools);
	return config;
}

/* A random slot in this state, or -1. */
static int64_t pick(const struct model *m, struct prng *rng, enum slots_state state)
{
	uint32_t start = (uint32_t)prng_below(rng, MODEL_SLOTS);

	for (uint32_t i = 0; i < MODEL_SLOTS; i++)
		if (m->slot[(start + i) % MODEL_SLOTS].state == state)
			return (start + i) % MODEL_SLOTS;
	return -1;
}

static void step_reserve(struct slots *s, struct model *m, struct prng *rng, char *owners)
{
	enum slots_dir dir = prng_below(rng, 2) ? SLOTS_OUT : SLOTS_IN;
	enum slots_family family = prng_below(rng, 2) ? SLOTS_IPV6 : SLOTS_IPV4;
	enum slots_purpose purpose = (enum slots_purpose)prng_below(rng, 3);
	char *owner = owners + prng_below(rng, 100);
	uint32_t room = slots_room(s, dir, family, purpose);
	int64_t got = slots_reserve(s, dir, family, purpose, owner);

	assert_int_equal(got, model_reserve(m, m->map[dir][family], purpose, owner));
	assert_int_equal(got >= 0, room > 0);
}

static void step_gone(struct slots *s, struct model *m, struct prng *rng)
{
	int64_t i = pick(m, rng, SLOTS_DRAINING);
	bool at_once = prng_below(rng, 4) == 0;

	if (i < 0 || m->slot[i].due != UINT64_MAX)
		return;
	slots_gone(s, (uint32_t)i, m->now, at_once);
	if (at_once)
		m->slot[i] = (struct model_slot){0};
	else
		m->slot[i].due = m->now + LET_GO;
}

static void step_time(struct slots *s, struct model *m, struct prng *rng)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < MODEL_SLOTS; i++)
		if (m->slot[i].state == SLOTS_DRAINING && m->slot[i].due < next)
			next = m->slot[i].due;
	for (unsigned int i = 0; i < m->n_pools; i++) {
		if (m->learned[i] != UINT32_MAX && m->dare_at[i] < next)
			next = m->dare_at[i];
		if (m->try_wait[i] && !m->trying[i] && m->try_at[i] < next)
			next = m->try_at[i];
	}
	assert_true(slots_next(s) == next);
	m->now += prng_below(rng, 40);
	slots_tick(s, m->now);
	for (uint32_t i = 0; i < MODEL_SLOTS; i++)
		if (m->slot[i].state == SLOTS_DRAINING && m->slot[i].due <= m->now)
			m->slot[i] = (struct model_slot){0};
	for (unsigned int i = 0; i < m->n_pools; i++)
		while (m->learned[i] != UINT32_MAX && m->dare_at[i] <= m->now) {
			m->dare_at[i] += DARE;
			model_learn(m, i, m->learned[i] + 1);
		}
	for (unsigned int i = 0; i < m->n_pools; i++)
		m->trying[i] = m->trying[i] || (m->try_wait[i] && m->try_at[i] <= m->now);
}

static void step_learn(struct slots *s, struct model *m, struct prng *rng)
{
	unsigned int pool = m->map[SLOTS_IN][SLOTS_IPV4];
	uint32_t in = model_in(m, pool, SLOTS_OCCUPIED);
	bool may;

	if (prng_below(rng, 50))
		return;
	may = !model_in(m, pool, SLOTS_DRAINING) && (in >= m->proven[pool] || ++m->doubts[pool] == 4);
	assert_int_equal(slots_learn(s, SLOTS_IN, SLOTS_IPV4, ENOSPC, m->now), may);
	if (!may)
		return;
	m->learned[pool] = m->proven[pool] = in;
	m->doubts[pool] = 0;
	m->dare_at[pool] = m->now + DARE;
	m->try_wait[pool] = m->try_wait[pool] ? 2 * m->try_wait[pool] : (DARE + 15) / 16;
	m->try_wait[pool] = m->try_wait[pool] > DARE ? DARE : m->try_wait[pool];
	m->try_at[pool] = m->now + m->try_wait[pool];
	m->trying[pool] = false;
}

static unsigned int model_pool(const struct model *m, uint32_t slot)
{
	unsigned int pool = 0;

	while (slot - m->base[pool] >= m->size[pool])
		pool++;
	return pool;
}

/* An SA is in: the table has room for so many. */
static void model_proves(struct model *m, unsigned int pool)
{
	uint32_t in = model_in(m, pool, SLOTS_OCCUPIED);

	m->doubts[pool] = 0;
	if (in > m->proven[pool])
		m->proven[pool] = in;
	if (m->learned[pool] < m->proven[pool])
		model_learn(m, pool, m->proven[pool]);
}

static void step_move(struct slots *s, struct model *m, struct prng *rng, enum slots_state from, enum slots_state to)
{
	int64_t i = pick(m, rng, from);

	if (i < 0)
		return;
	if (to == SLOTS_OCCUPIED)
		slots_commit(s, (uint32_t)i);
	else if (to == SLOTS_DRAINING)
		slots_drain(s, (uint32_t)i);
	else
		slots_release(s, (uint32_t)i);
	if (to == SLOTS_FREE)
		m->slot[i] = (struct model_slot){0};
	m->slot[i].state = to;
	if (to == SLOTS_OCCUPIED)
		model_proves(m, model_pool(m, (uint32_t)i));
}

struct check {
	const struct model *m;
	uint32_t next, seen;
};

static void check_view(void *ctx, const struct slots_view *view)
{
	struct check *c = ctx;

	assert_true(view->slot >= c->next);
	c->next = view->slot + 1;
	c->seen++;
	assert_int_equal(view->state, c->m->slot[view->slot].state);
	assert_ptr_equal(view->owner, c->m->slot[view->slot].owner);
	assert_int_equal(c->m->map[view->dir][view->family], view->pool);
}

static void check(const struct slots *s, const struct model *m)
{
	struct check c = {m, 0, 0};
	uint32_t used = 0;

	for (unsigned int i = 0; i < m->n_pools; i++) {
		uint32_t size = m->learned[i] < m->size[i] ? m->learned[i] : m->size[i];
		struct slots_count count;

		slots_count_get(s, i, &count);
		assert_int_equal(count.size, size);
		assert_int_equal(count.occ, model_in(m, i, SLOTS_OCCUPIED));
		assert_int_equal(count.reserved, model_in(m, i, SLOTS_RESERVED));
		assert_int_equal(count.draining, model_in(m, i, SLOTS_DRAINING));
		assert_int_equal(count.free, size > model_used(m, i) ? size - model_used(m, i) : 0);
		assert_int_equal(count.peak, m->peak[i]);
		assert_int_equal(count.refused, m->refused[i]);
		used += model_used(m, i);
	}
	slots_each(s, check_view, &c);
	assert_int_equal(c.seen, used);
}

static void run(uint64_t seed)
{
	struct prng rng = prng_init(seed);
	static char owners[100];
	struct model m;
	struct slots_config config = setup(&m, &rng);
	struct slots *s = slots_new(&config);

	assert_non_null(s);
	print_message("seed %llu\n", (unsigned long long)seed);
	for (int step = 0; step < STEPS; step++) {
		switch (prng_below(&rng, 8)) {
		case 0:
		case 1:
			step_reserve(s, &m, &rng, owners);
			break;
		case 2:
			step_move(s, &m, &rng, SLOTS_RESERVED, SLOTS_OCCUPIED);
			break;
		case 3:
			step_move(s, &m, &rng, SLOTS_RESERVED, SLOTS_FREE);
			break;
		case 4:
			step_move(s, &m, &rng, SLOTS_OCCUPIED, SLOTS_DRAINING);
			break;
		case 5:
			step_gone(s, &m, &rng);
			break;
		case 6:
			step_time(s, &m, &rng);
			break;
		case 7:
			step_learn(s, &m, &rng);
			break;
		}
		check(s, &m);
	}
	slots_free(s);
}

static void test_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
