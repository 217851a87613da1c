/* SPDX-License-Identifier: MIT */
/*
 * Answers and events of the XFRM driver, fed as fuzz_feed.h says. One request of every kind is open, so that sequence
 * numbers 1 to 12 are waited for.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "offload/fuzz_feed.h"

struct input {
	struct fuzz_feed feed;
	int done, calls;
};

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
	struct input in = {{data, size}, 0, 0};
	struct xfrm_transport requests = fuzz_feed_answers(&in.feed), multicast = fuzz_feed_events(&in.feed);
	struct xfrm_events events = {0};
	struct xfrm *x = xfrm_new(&requests, &multicast, &events, NULL);
	size_t left;

	if (!x)
		abort();
	open_requests(x, &in);
	do {
		left = in.feed.left;
		xfrm_process(x);
	} while (in.feed.left < left);
	xfrm_free(x);
	if (in.done != in.calls) /* every request ends exactly once */
		abort();
	return 0;
}
