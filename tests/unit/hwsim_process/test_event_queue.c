/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "hwsim/event_queue.h"

static void count(void *ctx, unsigned int group, const void *msg, size_t len)
{
	unsigned int *n = ctx;
	unsigned int number;

	assert_int_equal(group, 2);
	assert_int_equal(len, sizeof(number));
	memcpy(&number, msg, len);
	assert_int_equal(number, *n);
	(*n)++;
}

static void order_is_kept(void **state)
{
	struct event_queue *q = event_queue_new();
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		assert_true(event_queue_put(q, 2, &i, sizeof(i)));
	assert_false(event_queue_drain(q, count, &n));
	assert_int_equal(n, 100);
	assert_false(event_queue_drain(q, count, &n));
	assert_int_equal(n, 100);
	event_queue_free(q);
}

static void a_loss_is_told_once(void **state)
{
	struct event_queue *q = event_queue_new();
	static uint8_t huge[EVENT_SIZE_MAX + 1];
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < EVENT_QUEUE_MAX; i++)
		assert_true(event_queue_put(q, 2, &i, sizeof(i)));
	assert_false(event_queue_put(q, 2, &n, sizeof(n)));
	assert_int_equal(event_queue_lost(q), 1);
	assert_true(event_queue_drain(q, count, &n));
	assert_int_equal(n, EVENT_QUEUE_MAX);
	assert_false(event_queue_drain(q, count, &n));
	assert_false(event_queue_put(q, 2, huge, sizeof(huge)));
	assert_true(event_queue_drain(q, count, &n));
	assert_int_equal(event_queue_lost(q), 2);
	assert_true(event_queue_put(q, 2, &n, sizeof(n)));
	event_queue_free(q); /* with one left in it */
}

enum { THREADS = 4, EACH = 1000 };

static void *put_many(void *arg)
{
	for (unsigned int i = 0; i < EACH; i++)
		event_queue_put(arg, 1, &i, sizeof(i));
	return NULL;
}

static void tally(void *ctx, unsigned int group, const void *msg, size_t len)
{
	(void)msg;
	(void)len;
	*(unsigned int *)ctx += group;
}

static void many_threads_lose_nothing(void **state)
{
	struct event_queue *q = event_queue_new();
	pthread_t id[THREADS];
	unsigned int n = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&id[i], NULL, put_many, q), 0);
	while (n < THREADS * EACH)
		assert_false(event_queue_drain(q, tally, &n));
	for (int i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	assert_int_equal(n, THREADS * EACH);
	event_queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(a_loss_is_told_once),
		cmocka_unit_test(many_threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
