/* SPDX-License-Identifier: MIT */
/* A queue of datagrams in memory: what a socket would hold until it is read. */
#ifndef TESTS_OFFLOAD_DATAGRAMS_H
#define TESTS_OFFLOAD_DATAGRAMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct datagram {
	STAILQ_ENTRY(datagram) next;
	size_t len;
	uint8_t data[];
};

STAILQ_HEAD(datagrams, datagram);

void datagrams_put(struct datagrams *q, const void *msg, size_t len);
/* The oldest: its length, or -EAGAIN. Fails the test when it does not fit. */
ssize_t datagrams_take(struct datagrams *q, void *buf, size_t size);

#endif
