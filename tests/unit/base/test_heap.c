/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/heap.h"
#include "base/prng.h"

enum { N = 2000 };

/* Random sets, moves and removals against a plain scan. */
static void heap_agrees_with_a_scan(void **state)
{
	static struct heap_node n[N];
	struct prng rng = prng_init(7);
	struct heap h = {0};

	(void)state;
	for (int step = 0; step < 40000; step++) {
		struct heap_node *x = &n[prng_below(&rng, N)];

		if (prng_below(&rng, 3))
			assert_int_equal(heap_set(&h, x, prng_below(&rng, 1000)), 0);
		else
			heap_remove(&h, x);
		if (step % 97)
			continue;
		uint64_t least = UINT64_MAX;
		uint32_t len = 0;

		for (int i = 0; i < N; i++)
			if (heap_has(&n[i])) {
				len++;
				least = n[i].key < least ? n[i].key : least;
			}
		assert_int_equal(len, h.len);
		if (len)
			assert_int_equal(heap_first(&h)->key, least);
	}
	uint64_t last = 0;

	while (heap_first(&h)) {
		assert_true(heap_first(&h)->key >= last);
		last = heap_first(&h)->key;
		heap_remove(&h, heap_first(&h));
	}
	heap_free(&h);
}

static void reserved_room_is_enough(void **state)
{
	static struct heap_node n[N];
	struct heap h = {0};
	struct heap_node **at;

	(void)state;
	assert_int_equal(heap_reserve(&h, N), 0);
	assert_true(h.cap >= N);
	at = h.at;
	for (int i = 0; i < N; i++)
		assert_int_equal(heap_set(&h, &n[i], (uint64_t)i), 0);
	assert_ptr_equal(h.at, at);
	assert_int_equal(heap_reserve(&h, 1), 0);
	assert_ptr_equal(h.at, at);
	heap_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap_agrees_with_a_scan),
		cmocka_unit_test(reserved_room_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
