/* SPDX-License-Identifier: MIT */
#include "hwsim/event_queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct event {
	STAILQ_ENTRY(event) next;
	unsigned int group;
	size_t len;
	uint8_t msg[];
};

STAILQ_HEAD(event_list, event);

struct event_queue {
	pthread_mutex_t lock;
	struct event_list list;
	unsigned int len;
	uint64_t lost, lost_reported;
};

struct event_queue *event_queue_new(void)
{
	struct event_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	STAILQ_INIT(&q->list);
	return q;
}

void event_queue_free(struct event_queue *q)
{
	struct event *e;

	if (!q)
		return;
	while ((e = STAILQ_FIRST(&q->list))) {
		STAILQ_REMOVE_HEAD(&q->list, next);
		free(e);
	}
	pthread_mutex_destroy(&q->lock);
	free(q);
}

bool event_queue_put(struct event_queue *q, unsigned int group, const void *msg, size_t len)
{
	struct event *e = len <= EVENT_SIZE_MAX ? malloc(sizeof(*e) + len) : NULL;
	bool kept = false;

	if (e) {
		e->group = group;
		e->len = len;
		memcpy(e->msg, msg, len);
	}
	pthread_mutex_lock(&q->lock);
	if (e && q->len < EVENT_QUEUE_MAX) {
		STAILQ_INSERT_TAIL(&q->list, e, next);
		q->len++;
		kept = true;
	} else {
		q->lost++;
	}
	pthread_mutex_unlock(&q->lock);
	if (!kept)
		free(e);
	return kept;
}

bool event_queue_drain(struct event_queue *q, void (*fn)(void *ctx, unsigned int group, const void *msg, size_t len),
		       void *ctx)
{
	struct event_list batch = STAILQ_HEAD_INITIALIZER(batch);
	struct event *e;
	bool lost;

	pthread_mutex_lock(&q->lock);
	STAILQ_CONCAT(&batch, &q->list);
	q->len = 0;
	lost = q->lost != q->lost_reported;
	q->lost_reported = q->lost;
	pthread_mutex_unlock(&q->lock);
	while ((e = STAILQ_FIRST(&batch))) {
		STAILQ_REMOVE_HEAD(&batch, next);
		fn(ctx, e->group, e->msg, e->len);
		free(e);
	}
	return lost;
}

uint64_t event_queue_lost(struct event_queue *q)
{
	uint64_t lost;

	pthread_mutex_lock(&q->lock);
	lost = q->lost;
	pthread_mutex_unlock(&q->lock);
	return lost;
}
