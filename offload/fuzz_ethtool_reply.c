/* SPDX-License-Identifier: MIT */
/*
 * Answers and notifications of the ethtool driver, fed as fuzz_feed.h says, and the queue map that is made of them.
 * Sequence numbers are waited for from 1 on.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "offload/fuzz_feed.h"
#include "offload/queues.h"

struct input {
	struct fuzz_feed feed;
	int done, calls;
	uint32_t random;
	struct queues *queues;
};

static void done(void *ctx, const struct ethtool_result *result)
{
	struct input *in = ctx;

	in->done++;
	if (result->err > 0)
		abort();
}

static void on_driver(void *ctx, const struct ethtool_result *result, const char *name)
{
	done(ctx, result);
	if (name && strlen(name) >= ETHTOOL_NAME)
		abort();
}

static void each(void *ctx, const char *name, uint64_t value)
{
	(void)ctx, (void)value;
	if (strlen(name) >= ETHTOOL_NAME)
		abort();
}

static void on_changed(void *ctx, const char *what)
{
	struct input *in = ctx;

	if (in->queues)
		queues_notified(in->queues, what);
}

static uint32_t next_random(void *ctx)
{
	struct input *in = ctx;

	return in->random = in->random * 1664525 + 1013904223;
}

/* What the map promises, whatever it was made of. */
static void use_map(struct input *in)
{
	struct queues_flow flow = {{AF_INET, {192, 0, 2, 1}}, {AF_INET, {192, 0, 2, 2}}, false};
	struct queues_spi spi;

	for (unsigned int n = 0; n < queues_count(in->queues); n++) {
		const struct queue *q = queues_at(in->queues, n);

		if (q->rx < 0 || (unsigned int)q->rx >= queues_rx_count(in->queues) ||
		    q->tx >= (int)queues_tx_count(in->queues))
			abort();
	}
	flow.src.family = flow.dst.family = in->feed.left & 1 ? AF_INET6 : AF_INET;
	if (queues_choose_spi(in->queues, &flow, 1, next_random, NULL, in, &spi))
		abort();
	if (spi.in == QUEUES_IN_HASH && queues_rx_of(in->queues, &flow, spi.spi) != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {{data, size}, 0, 0, 1, NULL};
	struct xfrm_transport requests = fuzz_feed_answers(&in.feed), multicast = fuzz_feed_events(&in.feed);
	struct ethtool_events events = {&in, on_changed, NULL};
	struct queues_events none = {0};
	struct queues_config config = {.rss_spi = RSS_SPI_YES, .manage = size & 1};
	struct nic_rule rule = {{AF_INET, {192, 0, 2, 2}}, 77, 1};
	struct ethtool *e = ethtool_new(&requests, &multicast, &events, 7, NULL);
	size_t left;

	in.queues = e ? queues_new(&config, e, &none) : NULL;
	if (!in.queues)
		abort();
	queues_refresh(in.queues);
	in.calls += !ethtool_driver_get(e, on_driver, &in);
	in.calls += !ethtool_stats_get(e, each, done, &in);
	in.calls += !ethtool_rule_add(e, &rule, done, &in);
	do {
		left = in.feed.left;
		ethtool_process(e);
	} while (in.feed.left < left);
	if (queues_ready(in.queues))
		use_map(&in);
	ethtool_free(e);
	queues_free(in.queues);
	if (in.done != in.calls) /* every request ends exactly once */
		abort();
	return 0;
}
