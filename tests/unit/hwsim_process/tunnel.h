/* SPDX-License-Identifier: MIT */
/* One tunnel between two keyrack-hwsim, with an SA per queue in each direction, installed by hand. */
#ifndef TESTS_TUNNEL_H
#define TESTS_TUNNEL_H

#include "proc.h"
#include "xfrm_requests.h"

struct tunnel {
	uint32_t outer[2], inner[2]; /* IPv4, host order */
	unsigned int queues;
	int ifindex;       /* of both cards */
	struct proc *side; /* [2] */
};

/* Sends one request and expects an ACK. */
void tunnel_request(struct proc *p, const struct nlmsghdr *nlh);

/* The SA that protects what `from` sends on a queue, as `side` has it. */
struct xfrm_sa tunnel_sa(const struct tunnel *t, int side, int from, unsigned int queue);

/* All SAs, then the policies, on both sides. */
void tunnel_install(const struct tunnel *t);

/* Deletes the SAs for what `from` sends, on one side. */
void tunnel_remove(const struct tunnel *t, int side, int from);

#endif
