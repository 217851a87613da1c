/* SPDX-License-Identifier: MIT */
/*
 * Card events on their way from the data threads to the loop thread: bounded, in order, and honest about what it had to
 * drop.
 */
#ifndef HWSIM_EVENT_QUEUE_H
#define HWSIM_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_queue;

enum {
	EVENT_QUEUE_MAX = 8192, /* messages waiting */
	EVENT_SIZE_MAX = 4096,  /* bytes of one message */
};

struct event_queue *event_queue_new(void);
void event_queue_free(struct event_queue *q);

/* Any thread. Copies the message. False when it was lost (full, too large, no memory); the loss is remembered. */
bool event_queue_put(struct event_queue *q, unsigned int group, const void *msg, size_t len);

/* Hands over everything that waits, oldest first. True when messages were lost since the last call. One thread. */
bool event_queue_drain(struct event_queue *q, void (*fn)(void *ctx, unsigned int group, const void *msg, size_t len),
		       void *ctx);

/* Messages lost so far. */
uint64_t event_queue_lost(struct event_queue *q);

#endif
