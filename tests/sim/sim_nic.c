/* SPDX-License-Identifier: MIT */
#include "sim_nic.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "base/ethtool_uapi.h"

static void queue_put(struct nic *n, struct nic_queue *q, const void *msg, size_t len)
{
	struct nic_message *m = malloc(sizeof(*m) + len);
	uint64_t due = *n->now + prng_below(&n->rng, n->delay_ns + 1);

	if (!m)
		abort();
	if (due < q->last)
		due = q->last;
	q->last = due;
	m->due = due;
	m->len = len;
	memcpy(m->data, msg, len);
	STAILQ_INSERT_TAIL(&q->messages, m, link);
}

static ssize_t queue_take(struct nic *n, struct nic_queue *q, void *buf, size_t size)
{
	struct nic_message *m = STAILQ_FIRST(&q->messages);
	ssize_t len;

	if (q->lost) {
		q->lost = false;
		return -ENOBUFS;
	}
	if (!m || m->due > *n->now)
		return -EAGAIN;
	STAILQ_REMOVE_HEAD(&q->messages, link);
	len = (ssize_t)(m->len < size ? m->len : size);
	memcpy(buf, m->data, (size_t)len);
	free(m);
	return len;
}

static void queue_clear(struct nic_queue *q)
{
	struct nic_message *m;

	while ((m = STAILQ_FIRST(&q->messages))) {
		STAILQ_REMOVE_HEAD(&q->messages, link);
		free(m);
	}
}

static void reply(void *ctx, const void *msg, size_t len)
{
	struct nic *n = ctx;

	queue_put(n, &n->replies, msg, len);
}

static int request_send(void *ctx, const void *buf, size_t len)
{
	struct nic *n = ctx;

	hwsim_netlink(n->card, *n->now, buf, len, reply, n);
	return 0;
}

static ssize_t request_recv(void *ctx, void *buf, size_t size)
{
	struct nic *n = ctx;

	return queue_take(n, &n->replies, buf, size);
}

static int multicast_send(void *ctx, const void *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return -EOPNOTSUPP;
}

static ssize_t multicast_recv(void *ctx, void *buf, size_t size)
{
	struct nic *n = ctx;

	return queue_take(n, &n->events, buf, size);
}

static void generic_reply(void *ctx, const void *msg, size_t len)
{
	struct nic *n = ctx;

	queue_put(n, &n->generic_replies, msg, len);
}

struct ioctl_message {
	struct nlmsghdr nlh;
	struct kr_ethtool_ioctl ioctl;
	uint32_t cmd;
};

static bool asks_for_rule(const void *buf, size_t len)
{
	const struct ioctl_message *m = buf;

	return len >= sizeof(*m) && m->nlh.nlmsg_type == KR_ETHTOOL_IOCTL && m->cmd == ETHTOOL_SRXCLSRLINS;
}

static void refuse(struct nic *n, const struct nlmsghdr *request, int err)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr e;
	} m = {.nlh = {sizeof(m), NLMSG_ERROR, NLM_F_CAPPED, request->nlmsg_seq, 0}, .e = {err, *request}};

	queue_put(n, &n->generic_replies, &m, sizeof(m));
}

static int generic_send(void *ctx, const void *buf, size_t len)
{
	struct nic *n = ctx;

	if (n->no_rules && asks_for_rule(buf, len))
		refuse(n, buf, -ENOSPC);
	else
		hwsim_generic(n->card, *n->now, buf, len, generic_reply, n);
	return 0;
}

static ssize_t generic_recv(void *ctx, void *buf, size_t size)
{
	struct nic *n = ctx;

	return n->no_ethtool ? -EAGAIN : queue_take(n, &n->generic_replies, buf, size);
}

static ssize_t monitor_recv(void *ctx, void *buf, size_t size)
{
	struct nic *n = ctx;

	return n->no_ethtool ? -EAGAIN : queue_take(n, &n->generic_events, buf, size);
}

void nic_init(struct nic *n, const uint64_t *now, uint64_t seed, uint64_t delay_ns)
{
	*n = (struct nic){.now = now, .rng = prng_init(seed), .delay_ns = delay_ns};
	STAILQ_INIT(&n->replies.messages);
	STAILQ_INIT(&n->events.messages);
	n->requests = (struct xfrm_transport){.ctx = n, .send = request_send, .recv = request_recv};
	n->multicast = (struct xfrm_transport){.ctx = n, .send = multicast_send, .recv = multicast_recv};
	STAILQ_INIT(&n->generic_replies.messages);
	STAILQ_INIT(&n->generic_events.messages);
	n->generic_requests = (struct xfrm_transport){.ctx = n, .send = generic_send, .recv = generic_recv};
	n->generic_multicast = (struct xfrm_transport){.ctx = n, .send = multicast_send, .recv = monitor_recv};
}

void nic_free(struct nic *n)
{
	nic_forget(n);
	hwsim_free(n->card);
}

void nic_event(struct nic *n, unsigned int group, const void *msg, size_t len)
{
	if (group == XFRMNLGRP_EXPIRE || group == XFRMNLGRP_ACQUIRE)
		queue_put(n, &n->events, msg, len);
	else if (group == HWSIM_GROUP_ETHTOOL)
		queue_put(n, &n->generic_events, msg, len);
}

void nic_overrun(struct nic *n)
{
	queue_clear(&n->events);
	n->events.lost = true;
}

void nic_forget(struct nic *n)
{
	queue_clear(&n->replies);
	queue_clear(&n->events);
	queue_clear(&n->generic_replies);
	queue_clear(&n->generic_events);
	n->replies.lost = n->events.lost = false;
}

/* Nobody asked for an acknowledgement, so it is an error. */
static void channels_refused(void *ctx, const void *msg, size_t len)
{
	(void)ctx;
	(void)msg;
	(void)len;
	abort();
}

void nic_channels(struct nic *n, uint32_t channels)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr header, index;
		uint32_t ifindex;
		struct nlattr count;
		uint32_t channels;
	} m = {
		.nlh = {sizeof(m), 21, NLM_F_REQUEST, 1, 0},
		.genl = {.cmd = ETHTOOL_MSG_CHANNELS_SET, .version = 1},
		.header = {12, ETHTOOL_A_CHANNELS_HEADER},
		.index = {8, ETHTOOL_A_HEADER_DEV_INDEX},
		.ifindex = n->ifindex,
		.count = {8, ETHTOOL_A_CHANNELS_COMBINED_COUNT},
		.channels = channels,
	};

	hwsim_generic(n->card, *n->now, &m, sizeof(m), channels_refused, NULL);
}

static uint64_t first_due(const struct nic *n, const struct nic_queue *a, const struct nic_queue *b)
{
	const struct nic_message *r = STAILQ_FIRST(&a->messages), *e = STAILQ_FIRST(&b->messages);
	uint64_t at = r ? r->due : UINT64_MAX;

	if (b->lost)
		return *n->now;
	return e && e->due < at ? e->due : at;
}

uint64_t nic_next(const struct nic *n)
{
	return first_due(n, &n->replies, &n->events);
}

uint64_t nic_generic_next(const struct nic *n)
{
	return n->no_ethtool ? UINT64_MAX : first_due(n, &n->generic_replies, &n->generic_events);
}

bool nic_is_idle(const struct nic *n)
{
	return STAILQ_EMPTY(&n->replies.messages);
}
