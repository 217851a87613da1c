/* SPDX-License-Identifier: MIT */
#include "nic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void on_reply(void *ctx, const void *msg, size_t len)
{
	datagrams_put(&((struct nic *)ctx)->answers, msg, len);
}

static void refuse(struct nic *nic, const struct nlmsghdr *request, int err)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr e;
	} m = {.nlh = {sizeof(m), NLMSG_ERROR, NLM_F_CAPPED, request->nlmsg_seq, 0}, .e = {err, *request}};

	datagrams_put(&nic->answers, &m, sizeof(m));
}

/* What an older kernel answers to what it does not know; 0: it knows it. */
static int old_kernel(const struct nic *nic, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = (const void *)(nlh + 1);

	if (nlh->nlmsg_type == KR_ETHTOOL_IOCTL)
		return nic->fail;
	if (nlh->nlmsg_type == GENL_ID_CTRL)
		return nic->no_family ? -ENOENT : 0;
	if ((nic->no_rss_get && genl->cmd == KR_ETHTOOL_MSG_RSS_GET) ||
	    (nic->no_rss_set && genl->cmd == KR_ETHTOOL_MSG_RSS_SET))
		return -EOPNOTSUPP;
	return 0;
}

static int send_request(void *ctx, const void *buf, size_t len)
{
	struct nic *nic = ctx;
	int err;

	if (nic->closed)
		return -EPIPE;
	if (nic->send_error)
		return nic->send_error;
	nic->sent++;
	err = old_kernel(nic, buf);
	if (err)
		refuse(nic, buf, err);
	else
		hwsim_generic(nic->card, 1, buf, len, on_reply, nic);
	return 0;
}

static int send_nothing(void *ctx, const void *buf, size_t len)
{
	(void)ctx, (void)buf, (void)len;
	return -EINVAL;
}

static ssize_t recv_answer(void *ctx, void *buf, size_t size)
{
	struct nic *nic = ctx;
	ssize_t n;

	if (nic->closed)
		return 0;
	if (nic->hold)
		return -EAGAIN;
	n = datagrams_take(&nic->answers, buf, size);
	if (n > 0 && nic->lose) {
		nic->lose = false;
		return -ENOBUFS;
	}
	return n;
}

static ssize_t recv_event(void *ctx, void *buf, size_t size)
{
	return datagrams_take(&((struct nic *)ctx)->events, buf, size);
}

static void on_event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	if (group == HWSIM_GROUP_ETHTOOL)
		datagrams_put(&((struct nic *)ctx)->events, msg, len);
}

static void on_changed(void *ctx, const char *what)
{
	struct nic *nic = ctx;

	nic->changes++;
	snprintf(nic->what, sizeof(nic->what), "%s", what);
	if (nic->changed)
		nic->changed(nic->ctx, what);
}

static void on_closed(void *ctx)
{
	((struct nic *)ctx)->closes++;
}

static void on_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	(void)ctx;
	print_message("    %s %s: %s\n", log_level_name(level), event, text);
}

struct nic *nic_new(const char *profile, unsigned int queues)
{
	struct nic *nic = calloc(1, sizeof(*nic));
	struct xfrm_transport requests = {nic, send_request, recv_answer}, multicast = {nic, send_nothing, recv_event};
	struct ethtool_events events = {nic, on_changed, on_closed};
	struct hwsim_ops ops = {.event = on_event, .ctx = nic};
	struct hwsim_config config = {
		.profile = hwsim_profile_find(profile), .queues = queues, .ifindex = NIC_IFINDEX, .seed = 5};

	assert_non_null(nic);
	STAILQ_INIT(&nic->answers);
	STAILQ_INIT(&nic->events);
	nic->log = (struct log){LOG_LEVEL_INFO, NULL, on_line};
	nic->card = hwsim_new(&config, &ops);
	assert_non_null(nic->card);
	nic->ethtool = ethtool_new(&requests, &multicast, &events, NIC_IFINDEX, &nic->log);
	assert_non_null(nic->ethtool);
	return nic;
}

static void drain(struct datagrams *q)
{
	struct datagram *d;

	while ((d = STAILQ_FIRST(q))) {
		STAILQ_REMOVE_HEAD(q, next);
		free(d);
	}
}

void nic_free_ethtool(struct nic *nic)
{
	ethtool_free(nic->ethtool);
	nic->ethtool = NULL;
}

void nic_free(struct nic *nic)
{
	nic_free_ethtool(nic);
	hwsim_free(nic->card);
	drain(&nic->answers);
	drain(&nic->events);
	free(nic);
}
