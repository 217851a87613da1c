/* SPDX-License-Identifier: MIT */
#include "offload/fuzz_feed.h"

#include <errno.h>
#include <string.h>

static int take(void *ctx, const void *buf, size_t len)
{
	(void)ctx, (void)buf, (void)len;
	return 0;
}

static ssize_t give(struct fuzz_feed *in, int channel, void *buf, size_t size)
{
	size_t len;

	if (in->left < 3 || (in->p[0] & 1) != channel)
		return -EAGAIN;
	len = in->p[1] | (size_t)in->p[2] << 8;
	if (len > in->left - 3)
		len = in->left - 3;
	if (len > size)
		len = size;
	memcpy(buf, in->p + 3, len);
	in->p += 3 + len;
	in->left -= 3 + len;
	return len ? (ssize_t)len : -ENOBUFS;
}

static ssize_t give_answer(void *ctx, void *buf, size_t size)
{
	return give(ctx, 0, buf, size);
}

static ssize_t give_event(void *ctx, void *buf, size_t size)
{
	return give(ctx, 1, buf, size);
}

struct xfrm_transport fuzz_feed_answers(struct fuzz_feed *feed)
{
	return (struct xfrm_transport){feed, take, give_answer};
}

struct xfrm_transport fuzz_feed_events(struct fuzz_feed *feed)
{
	return (struct xfrm_transport){feed, take, give_event};
}
