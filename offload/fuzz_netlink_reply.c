/* SPDX-License-Identifier: MIT */
/*
 * Answers and events of the XFRM driver. An input is datagrams: one octet (bit 0: the channel), two of length (little
 * end first), then the bytes. One request of every kind is open, so that sequence numbers 1 to 12 are waited for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "offload/xfrm.h"

struct input {
	const uint8_t *p;
	size_t left;
	int done, calls;
};

static int take(void *ctx, const void *buf, size_t len)
{
	(void)ctx, (void)buf, (void)len;
	return 0;
}

static ssize_t give(struct input *in, int channel, void *buf, size_t size)
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

static void done(void *ctx, const struct xfrm_result *result)
{
	struct input *in = ctx;

	in->done++;
	if (result->err > 0 || (result->text && strlen(result->text) > 1023))
		abort();
}

static void got(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts)
{
	(void)counts;
	done(ctx, result);
}

static void each(void *ctx, const struct xfrm_sa_counts *counts)
{
	(void)ctx, (void)counts;
}

static void open_requests(struct xfrm *x, struct input *in)
{
	struct xfrm_addr a = {AF_INET, {192, 0, 2, 1}}, b = {AF_INET, {192, 0, 2, 2}};
	struct xfrm_sa_id id = {0x1000, b, a};
	struct xfrm_limits none = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0};
	struct xfrm_sa sa = {
		.spi = 0x1000, .src = a, .dst = b, .encr = 20, .encr_bits = 128, .limits = none, .ifindex = 3};
	struct xfrm_policy_cfg policy = {.sel.family = AF_INET, .packet = true, .ifindex = 3};
	struct xfrm_key key = {.encr_len = 20};

	sa.mode = OFFLOAD_PACKET;
	in->calls += !xfrm_sa_add(x, &sa, &key, done, in);
	in->calls += !xfrm_sa_get(x, &id, got, in);
	in->calls += !xfrm_sa_dump(x, each, done, in);
	in->calls += !xfrm_spi_alloc(x, &a, &b, 1, 256, 512, done, in);
	in->calls += !xfrm_policy_add(x, &policy, false, done, in);
	in->calls += !xfrm_sa_update(x, &sa, &key, done, in);
	in->calls += !xfrm_sa_delete(x, &id, done, in);
	in->calls += !xfrm_policy_delete(x, &policy, done, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size, 0, 0};
	struct xfrm_transport requests = {&in, take, give_answer}, multicast = {&in, take, give_event};
	struct xfrm_events events = {0};
	struct xfrm *x = xfrm_new(&requests, &multicast, &events, NULL);
	size_t left;

	if (!x)
		abort();
	open_requests(x, &in);
	do {
		left = in.left;
		xfrm_process(x);
	} while (in.left < left);
	xfrm_free(x);
	if (in.done != in.calls) /* every request ends exactly once */
		abort();
	return 0;
}
