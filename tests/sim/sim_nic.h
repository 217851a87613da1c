/* SPDX-License-Identifier: MIT */
/*
 * A card and the netlink transports to it, in memory: XFRM's and ethtool's. Requests reach the card at once; answers
 * and events come back after a while, in order, so that the controller has to live with not knowing.
 */
#ifndef SIM_NIC_H
#define SIM_NIC_H

#include <sys/queue.h>

#include "base/prng.h"
#include "hwsim/hwsim.h"
#include "offload/xfrm.h"

struct nic_message {
	STAILQ_ENTRY(nic_message) link;
	uint64_t due;
	size_t len;
	uint8_t data[];
};

struct nic_queue {
	STAILQ_HEAD(, nic_message) messages;
	uint64_t last; /* due time of the newest: order is kept */
	bool lost;     /* the next recv says ENOBUFS */
};

struct nic {
	struct hwsim *card;
	const uint64_t *now;
	struct prng rng;
	uint64_t delay_ns; /* the longest */
	uint32_t ifindex;
	struct nic_queue replies, events;
	struct xfrm_transport requests, multicast;
	struct nic_queue generic_replies, generic_events;
	struct xfrm_transport generic_requests, generic_multicast;
	bool no_ethtool; /* its answers do not come */
	bool no_rules;   /* flow rules are refused */
};

void nic_init(struct nic *n, const uint64_t *now, uint64_t seed, uint64_t delay_ns);
void nic_free(struct nic *n);
/* What the card's hwsim_ops.event hands over. Only what the controller's socket has joined gets in. */
void nic_event(struct nic *n, unsigned int group, const void *msg, size_t len);
/* The socket overran: what waits is gone, and the reader is told. */
void nic_overrun(struct nic *n);
/* The socket's owner has closed it: what was under way to him is gone. */
void nic_forget(struct nic *n);
/* Somebody else sets the number of channels, and everybody who listens is told. */
void nic_channels(struct nic *n, uint32_t channels);
/* When there is something to read; UINT64_MAX: nothing is under way. */
uint64_t nic_next(const struct nic *n);
uint64_t nic_generic_next(const struct nic *n); /* the same for ethtool's transports */
/* Every request is answered and read. */
bool nic_is_idle(const struct nic *n);

#endif
