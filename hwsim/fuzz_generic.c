/* SPDX-License-Identifier: MIT */
/* The front door of NETLINK_GENERIC: the input is one datagram. Afterwards packets still find queues that there are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ethtool_uapi.h"
#include "hwsim/hwsim.h"

enum { IFINDEX = 7, QUEUES = 2 };

static const uint8_t esp[28] = {0x45, 0, 0,  28, 0, 1, 0, 0, 64, 50, 0, 0, 10, 1,
				0,    5, 10, 2,  0, 9, 0, 0, 1,  0,  0, 0, 0,  1};

static void reply(void *ctx, const void *msg, size_t len)
{
	volatile uint8_t *last = ctx;

	*last = ((const uint8_t *)msg)[len - 1]; /* so that a sanitizer sees a length that is wrong */
}

static void event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	if (group != HWSIM_GROUP_ETHTOOL)
		abort();
	reply(ctx, msg, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hwsim_profile *profile = hwsim_profile_find(size % 2 ? "rules-33" : "tiny-33");
	struct hwsim_config config = {.profile = profile, .slots = 2, .queues = QUEUES, .ifindex = IFINDEX};
	uint8_t last;
	struct hwsim_ops ops = {.event = event, .ctx = &last};
	struct hwsim *card = hwsim_new(&config, &ops);
	struct hwsim_rss rss;

	if (!card)
		return 0;
	hwsim_generic(card, 1, data, size, reply, &last);
	if (hwsim_rss_queue(card, esp, sizeof(esp)) >= QUEUES || hwsim_xps_get(card, 1) >= QUEUES)
		abort();
	hwsim_rx(card, 2, esp, sizeof(esp));
	hwsim_tx_cpu(card, 1, 2, esp, sizeof(esp));
	hwsim_rss_get(card, &rss);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		if (rss.indir[i] >= QUEUES)
			abort();
	hwsim_free(card);
	return 0;
}
