/* SPDX-License-Identifier: MIT */
#include "tests/unit/offload/datagrams.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void datagrams_put(struct datagrams *q, const void *msg, size_t len)
{
	struct datagram *d = malloc(sizeof(*d) + len);

	assert_non_null(d);
	d->len = len;
	memcpy(d->data, msg, len);
	STAILQ_INSERT_TAIL(q, d, next);
}

ssize_t datagrams_take(struct datagrams *q, void *buf, size_t size)
{
	struct datagram *d = STAILQ_FIRST(q);
	size_t len;

	if (!d)
		return -EAGAIN;
	len = d->len;
	assert_true(len <= size);
	memcpy(buf, d->data, len);
	STAILQ_REMOVE_HEAD(q, next);
	free(d);
	return (ssize_t)len;
}
