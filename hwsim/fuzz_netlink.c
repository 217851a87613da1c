/* SPDX-License-Identifier: MIT */
/* The front door: the input is one netlink datagram. Afterwards packets pass, time goes by, and the tables are sound.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xfrm_uapi.h"
#include "hwsim/hwsim.h"

enum { IFINDEX = 7 };

static const uint8_t packet[28] = {0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10,
				   1,    0, 5, 10, 2, 0, 9, 0, 1,  0,  2, 0, 8};

static void reply(void *ctx, const void *msg, size_t len)
{
	volatile uint8_t *last = ctx;

	*last = ((const uint8_t *)msg)[len - 1]; /* so that a sanitizer sees a length that is wrong */
}

static void event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	(void)group;
	reply(ctx, msg, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct nlmsghdr dump[] = {
		{sizeof(dump[0]), XFRM_MSG_GETSA, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
		{sizeof(dump[0]), XFRM_MSG_GETPOLICY, NLM_F_REQUEST | NLM_F_DUMP, 2, 0},
	};
	const struct hwsim_profile *profile = hwsim_profile_find(size % 2 ? "cx7" : "tiny-33");
	struct hwsim_config config = {.profile = profile, .slots = 4, .policies = 4, .queues = 2, .ifindex = IFINDEX};
	uint8_t last;
	struct hwsim_ops ops = {.event = event, .ctx = &last};
	struct hwsim *card = hwsim_new(&config, &ops);
	char why[200];

	if (!card)
		return 0;
	hwsim_netlink(card, 1, data, size, reply, &last);
	hwsim_tx(card, 0, 2, packet, sizeof(packet));
	hwsim_rx(card, 3, packet, sizeof(packet));
	hwsim_netlink(card, 4, dump, sizeof(dump), reply, &last);
	/* an input may install a key twice: that it is found out is right */
	if (hwsim_check(card, why, sizeof(why)) && !strstr(why, "nonce")) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	hwsim_tick(card, 40000000000u);
	hwsim_free(card);
	return 0;
}
