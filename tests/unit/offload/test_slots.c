/* SPDX-License-Identifier: MIT */
/* The ledger, case by case. test_slots_model.c has the random comparison. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "offload/slots.h"

static struct slots_config one_pool(uint32_t size, uint32_t reserve)
{
	return (struct slots_config){
		.n_pools = 1,
		.pool = {{.name = "shared", .size = size, .reserve = reserve}},
		.let_go_ns = 100,
	};
}

static int64_t take(struct slots *s, enum slots_purpose purpose)
{
	return slots_reserve(s, SLOTS_IN, SLOTS_IPV4, purpose, NULL);
}

static uint32_t occupy(struct slots *s)
{
	int64_t n = take(s, SLOTS_FOR_NEW);

	assert_true(n >= 0);
	slots_commit(s, (uint32_t)n);
	return (uint32_t)n;
}

static struct slots_count count(const struct slots *s, unsigned int pool)
{
	struct slots_count c;

	slots_count_get(s, pool, &c);
	return c;
}

static void test_life(void **state)
{
	struct slots_config config = one_pool(2, 0);
	struct slots *s = slots_new(&config);
	uint32_t a, b;

	(void)state;
	a = occupy(s);
	assert_int_equal(a, 0);
	b = (uint32_t)take(s, SLOTS_FOR_NEW);
	assert_int_equal(b, 1);
	assert_int_equal(take(s, SLOTS_FOR_NEW), -ENOSPC);
	assert_int_equal(count(s, 0).refused, 1);
	slots_release(s, b);
	assert_int_equal(take(s, SLOTS_FOR_NEW), 1);
	slots_commit(s, 1);
	slots_drain(s, a);
	assert_int_equal(take(s, SLOTS_FOR_NEW), -ENOSPC); /* the card may still hold it */
	assert_true(slots_next(s) == UINT64_MAX);          /* not even acknowledged */
	slots_gone(s, a, 1000, false);
	slots_gone(s, a, 1001, false); /* said twice */
	assert_int_equal(slots_next(s), 1100);
	slots_tick(s, 1099);
	assert_int_equal(count(s, 0).draining, 1);
	slots_tick(s, 1100);
	assert_int_equal(count(s, 0).draining, 0);
	assert_int_equal(count(s, 0).free, 1);
	assert_int_equal(take(s, SLOTS_FOR_NEW), 0);
	assert_int_equal(count(s, 0).peak, 2);
	slots_free(s);
}

static void test_at_once(void **state)
{
	struct slots_config config = one_pool(3, 0);
	struct slots *s = slots_new(&config);

	(void)state;
	occupy(s);
	slots_drain(s, 0);
	slots_gone(s, 0, 5, true);
	assert_int_equal(count(s, 0).free, 3);
	assert_true(slots_next(s) == UINT64_MAX);
	slots_free(s);
}

static void test_purposes(void **state)
{
	struct slots_config config = one_pool(5, 2);
	struct slots *s = slots_new(&config);

	(void)state;
	assert_int_equal(slots_room(s, SLOTS_OUT, SLOTS_IPV6, SLOTS_FOR_NEW), 3);
	assert_int_equal(slots_room(s, SLOTS_OUT, SLOTS_IPV6, SLOTS_FOR_REPLACEMENT), 5);
	for (int i = 0; i < 3; i++)
		occupy(s);
	assert_int_equal(take(s, SLOTS_FOR_NEW), -ENOSPC);
	assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), 3);
	assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), 4);
	assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), -ENOSPC);
	/* while a replacement holds the reserve, what it replaces does not make room for new ones */
	slots_release(s, 4);
	assert_int_equal(take(s, SLOTS_FOR_NEW), -ENOSPC);
	slots_free(s);
}

static void test_learn(void **state)
{
	struct slots_config config = one_pool(10, 4);
	struct slots *s = slots_new(&config);
	int64_t refused;

	(void)state;
	for (int i = 0; i < 4; i++)
		occupy(s);
	refused = take(s, SLOTS_FOR_NEW);
	slots_drain(s, 0);
	assert_false(slots_learn(s, SLOTS_IN, SLOTS_IPV4, ENOSPC, 1)); /* the draining one may have been in the way */
	assert_int_equal(count(s, 0).size, 10);
	assert_int_equal(slots_excess(s, SLOTS_IN, SLOTS_IPV4), 0);
	slots_gone(s, 0, 1, true);
	assert_false(slots_learn(s, SLOTS_IN, SLOTS_IPV4, EINVAL, 1)); /* says nothing about room */
	for (int i = 0; i < 3; i++)                                    /* 4 were in: it holds what was deleted */
		assert_false(slots_learn(s, SLOTS_IN, SLOTS_IPV4, EBUSY, 1));
	assert_true(slots_learn(s, SLOTS_IN, SLOTS_IPV4, EBUSY, 1)); /* it does not look so any more */
	/* 3 are in, the refused one is still reserved: over size, so nothing is free */
	assert_int_equal(count(s, 0).size, 3);
	assert_int_equal(count(s, 0).free, 0);
	slots_release(s, (uint32_t)refused);
	assert_int_equal(count(s, 0).reserve, 2); /* that of a shared pool of 3; and it is in use */
	assert_int_equal(slots_excess(s, SLOTS_IN, SLOTS_IPV4), 2);
	assert_int_equal(count(s, 0).learned, 3);
	assert_int_equal(count(s, 0).configured, 10);
	assert_int_equal(count(s, 0).learned_events, 1);
	assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), -ENOSPC);
	slots_drain(s, 3); /* a slot above the learned size comes back too */
	assert_int_equal(slots_excess(s, SLOTS_IN, SLOTS_IPV4), 1);
	slots_gone(s, 3, 2, true);
	assert_int_equal(count(s, 0).free, 1);
	assert_int_equal(slots_excess(s, SLOTS_IN, SLOTS_IPV4), 1);
	assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), 0);
	slots_free(s);
}

static void test_dare(void **state)
{
	struct slots_config config = one_pool(4, 0);
	struct slots *s;

	(void)state;
	config.dare_ns = 1000;
	s = slots_new(&config);
	occupy(s);
	assert_true(slots_learn(s, SLOTS_IN, SLOTS_IPV4, ENOSPC, 500));
	slots_tick(s, 1000);
	assert_int_equal(slots_next(s), 1500);
	slots_tick(s, 1499);
	assert_int_equal(count(s, 0).size, 1);
	slots_tick(s, 1500);
	assert_int_equal(count(s, 0).size, 2);
	assert_int_equal(slots_next(s), 2500);
	slots_tick(s, 100000); /* long enough for all of it */
	assert_int_equal(count(s, 0).size, 4);
	assert_int_equal(count(s, 0).learned, UINT32_MAX);
	assert_true(slots_next(s) == UINT64_MAX);
	slots_free(s);
}

/* Without slots nothing can be replaced: a replacement of ours dares one more, sooner, and then it is known. */
static void test_try(void **state)
{
	struct slots_config config = one_pool(6, 0);
	uint64_t now = 500;
	struct slots *s;

	(void)state;
	config.map[SLOTS_OUT][SLOTS_IPV4] = config.map[SLOTS_OUT][SLOTS_IPV6] = 1;
	config.n_pools = 2;
	config.pool[1] = config.pool[0];
	config.dare_ns = 16000;
	s = slots_new(&config);
	occupy(s);
	for (unsigned int i = 0; i < 6; i++) { /* the table is full indeed: tried less and less often */
		static const uint64_t waits[] = {1000, 2000, 4000, 8000, 16000, 16000};
		int64_t refused;

		assert_true(slots_learn(s, SLOTS_IN, SLOTS_IPV4, ENOSPC, now));
		assert_int_equal(slots_next(s), now + waits[i]);
		slots_tick(s, now + waits[i] - 1);
		assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), -ENOSPC);
		now += waits[i];
		if (i == 4)
			break; /* one more is dared for all */
		slots_tick(s, now);
		assert_int_equal(take(s, SLOTS_FOR_NEW), -ENOSPC);
		assert_int_equal(take(s, SLOTS_FOR_PEERS), -ENOSPC);
		refused = take(s, SLOTS_FOR_REPLACEMENT);
		assert_int_equal(refused, 1);
		assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), -ENOSPC);
		slots_release(s, (uint32_t)refused);
	}
	slots_tick(s, now);
	assert_int_equal(count(s, 0).learned, 2);
	for (uint32_t i = 1; i < 5; i++) {
		slots_commit(s, (uint32_t)take(s, SLOTS_FOR_REPLACEMENT));
		assert_int_equal(count(s, 0).learned, i + 1);
		assert_int_equal(slots_room(s, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_PEERS), 0);
	}
	slots_commit(s, (uint32_t)take(s, SLOTS_FOR_REPLACEMENT));
	assert_int_equal(count(s, 0).learned, UINT32_MAX);
	assert_true(slots_next(s) == UINT64_MAX);
	slots_free(s);
}

static void test_pools(void **state)
{
	/* mlx5: inbound per family, outbound together */
	struct slots_config config = {
		.n_pools = 3,
		.pool = {{.name = "in-ipv4", .size = 2}, {.name = "in-ipv6", .assume = 3}, {.name = "out", .size = 4}},
		.map = {[SLOTS_IN] = {[SLOTS_IPV4] = 0, [SLOTS_IPV6] = 1}, [SLOTS_OUT] = {2, 2}},
	};
	struct slots *s = slots_new(&config);

	(void)state;
	assert_int_equal(slots_reserve(s, SLOTS_OUT, SLOTS_IPV6, SLOTS_FOR_NEW, NULL), 5);
	assert_int_equal(slots_reserve(s, SLOTS_IN, SLOTS_IPV6, SLOTS_FOR_NEW, NULL), 2);
	assert_int_equal(slots_reserve(s, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL), 0);
	assert_int_equal(slots_reserve(s, SLOTS_OUT, SLOTS_IPV4, SLOTS_FOR_NEW, NULL), 6);
	assert_int_equal(slots_pools(s), 3);
	assert_int_equal(count(s, 2).reserved, 2);
	assert_int_equal(count(s, 1).configured, 3);
	assert_string_equal(count(s, 1).name, "in-ipv6");
	slots_free(s);
}

struct seen {
	unsigned int n;
	struct slots_view view[8];
};

static void see(void *ctx, const struct slots_view *slot)
{
	struct seen *seen = ctx;

	assert_true(seen->n < 8);
	seen->view[seen->n++] = *slot;
}

static void test_each(void **state)
{
	struct slots_config config = one_pool(100, 0);
	struct slots *s = slots_new(&config);
	struct seen seen = {0};
	int owner;

	(void)state;
	for (int i = 0; i < 3; i++)
		slots_reserve(s, i ? SLOTS_OUT : SLOTS_IN, i == 2 ? SLOTS_IPV6 : SLOTS_IPV4, SLOTS_FOR_NEW, &owner);
	slots_commit(s, 1);
	slots_commit(s, 2);
	slots_drain(s, 2);
	slots_disown(s, 2);
	slots_each(s, see, &seen);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.view[0].state, SLOTS_RESERVED);
	assert_int_equal(seen.view[1].state, SLOTS_OCCUPIED);
	assert_int_equal(seen.view[1].dir, SLOTS_OUT);
	assert_ptr_equal(seen.view[1].owner, &owner);
	assert_int_equal(seen.view[2].state, SLOTS_DRAINING);
	assert_int_equal(seen.view[2].family, SLOTS_IPV6);
	assert_null(seen.view[2].owner);
	assert_string_equal(slots_state_name(SLOTS_DRAINING), "draining");
	slots_free(s);
}

static void test_config(void **state)
{
	struct slots_config config = one_pool(10, 10);

	(void)state;
	assert_null(slots_new(&config)); /* a reserve that leaves nothing */
	assert_int_equal(errno, EINVAL);
	config = one_pool(10, 9);
	config.map[1][1] = 1;
	assert_null(slots_new(&config)); /* no such pool */
	config = one_pool((uint32_t)SLOTS_SIZE_MAX + 1, 0);
	assert_null(slots_new(&config));
	config.n_pools = 0;
	assert_null(slots_new(&config));
	config.n_pools = SLOTS_POOLS_MAX + 1;
	assert_null(slots_new(&config));
	slots_free(NULL);
}

/* Of unknown size: grows through several doublings, and shrinks to what the card says. */
static void test_growing(void **state)
{
	struct slots_config config = one_pool(0, 5);
	struct slots *s = slots_new(&config);
	struct slots_count c;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(occupy(s), i);
	c = count(s, 0);
	assert_int_equal(c.configured, 0);
	assert_int_equal(c.occ, 5000);
	assert_int_equal(c.occ + c.reserved + c.draining + c.free, c.size);
	assert_true(slots_room(s, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW) > 1000000);
	for (uint32_t i = 0; i < 5000; i += 2)
		slots_drain(s, i);
	for (uint32_t i = 0; i < 5000; i += 2)
		slots_gone(s, i, 0, false);
	slots_tick(s, 100);
	assert_int_equal(count(s, 0).occ, 2500);
	for (int i = 0; i < 3; i++)
		assert_false(slots_learn(s, SLOTS_IN, SLOTS_IPV4, ENOMEM, 200));
	assert_true(slots_learn(s, SLOTS_IN, SLOTS_IPV4, ENOMEM, 200));
	assert_int_equal(count(s, 0).size, 2500);
	assert_int_equal(take(s, SLOTS_FOR_REPLACEMENT), -ENOSPC);
	slots_free(s);
}

/* The lowest number, at any size: what is freed below a long full stretch is taken first, and then what lies above it.
 */
static void test_large(void **state)
{
	enum { N = 1 << 20 };
	struct slots_config config = one_pool(N, 0);
	struct slots *s = slots_new(&config);

	(void)state;
	config.let_go_ns = 0;
	for (uint32_t i = 0; i < N - 1; i++)
		assert_int_equal(occupy(s), i);
	for (uint32_t i = 0; i < 200000; i++) { /* minutes, if it searched */
		uint32_t low = i % 3;

		slots_drain(s, low);
		slots_gone(s, low, 0, true);
		assert_int_equal(occupy(s), low);
		assert_int_equal(occupy(s), N - 1);
		assert_int_equal(take(s, SLOTS_FOR_NEW), -ENOSPC);
		slots_drain(s, N - 1);
		slots_gone(s, N - 1, 0, true);
	}
	slots_free(s);
}

static void test_reserve_default(void **state)
{
	static const struct {
		uint32_t size;
		bool shared;
		uint32_t reserve;
	} rows[] = {
		{1, false, 1},        {63, false, 1}, {128, false, 2},   {4096, false, 64},
		{1 << 20, false, 64}, {0, false, 16}, {4, true, 2},      {33, true, 2},
		{64 * 5, true, 4},    {0, true, 16},  {32768, true, 64},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(slots_reserve_default(rows[i].size, rows[i].shared), rows[i].reserve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),    cmocka_unit_test(test_at_once), cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_learn),   cmocka_unit_test(test_dare),    cmocka_unit_test(test_try),
		cmocka_unit_test(test_pools),   cmocka_unit_test(test_each),    cmocka_unit_test(test_config),
		cmocka_unit_test(test_growing), cmocka_unit_test(test_large),   cmocka_unit_test(test_reserve_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
