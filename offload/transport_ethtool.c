/* SPDX-License-Identifier: MIT */
/*
 * Transports for the ethtool driver. To the kernel: a NETLINK_GENERIC socket, and beside it a socket for the ioctl; an
 * ioctl that comes as a message is carried out when it is sent, and its answer waits for the next recv. To
 * keyrack-hwsim: its socket, with the hello of a generic channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "base/ethtool_uapi.h"
#include "offload/ethtool_priv.h"
#include "offload/transport_fd.h"

enum {
	HELLO_GENERIC = 0x6c6e6567, /* docs/hwsim.md */
	HELLO_MONITOR = 1 << 30,    /* the same: the ethtool family's group */
	EVENT_BUFFER = 1 << 20,     /* bytes */
	FAMILY_REPLY = 16384,       /* bytes: the family's description lists its commands */
};

struct kernel {
	struct xfrm_transport netlink; /* its ctx is a file descriptor */
	int ioctl;
	size_t held; /* bytes of the answer in `answer`; 0: none */
	union {
		struct nlmsghdr nlh;
		uint8_t room[KR_ETHTOOL_IOCTL_MAX];
	} answer;
};

static void hold_error(struct kernel *k, const struct nlmsghdr *request, int err)
{
	struct nlmsgerr *e;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&k->answer);

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED;
	nlh->nlmsg_seq = request->nlmsg_seq;
	e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	e->error = err;
	e->msg = *request;
	k->held = nlh->nlmsg_len;
}

/* SIOCETHTOOL goes by name; a device may have been renamed since. */
static int run_ioctl(struct kernel *k, const struct nlmsghdr *request)
{
	struct kr_ethtool_ioctl *head;
	struct ifreq ifr = {0};

	if (request->nlmsg_len > sizeof(k->answer) ||
	    mnl_nlmsg_get_payload_len(request) < sizeof(*head) + sizeof(uint32_t))
		return -EMSGSIZE;
	memcpy(&k->answer, request, request->nlmsg_len);
	head = mnl_nlmsg_get_payload(&k->answer.nlh);
	k->held = request->nlmsg_len;
	if (!if_indextoname((unsigned int)head->ifindex, ifr.ifr_name)) {
		hold_error(k, request, -ENODEV);
		return 0;
	}
	ifr.ifr_data = (void *)(head + 1);
	if (ioctl(k->ioctl, SIOCETHTOOL, &ifr))
		hold_error(k, request, -errno);
	return 0;
}

static int kernel_send(void *ctx, const void *buf, size_t len)
{
	struct kernel *k = ctx;
	const struct nlmsghdr *nlh = buf;

	if (len >= sizeof(*nlh) && nlh->nlmsg_type == KR_ETHTOOL_IOCTL)
		return nlh->nlmsg_len == len ? run_ioctl(k, nlh) : -EMSGSIZE;
	return k->netlink.send(k->netlink.ctx, buf, len);
}

static ssize_t kernel_recv(void *ctx, void *buf, size_t size)
{
	struct kernel *k = ctx;
	size_t len = k->held;

	if (!len)
		return k->netlink.recv(k->netlink.ctx, buf, size);
	k->held = 0;
	if (len > size)
		return -ENOBUFS;
	memcpy(buf, &k->answer, len);
	return (ssize_t)len;
}

/* The number of the group "monitor" in a CTRL_CMD_NEWFAMILY; 0: none. */
static uint32_t monitor_group(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr, *group, *part;

	mnl_attr_for_each (attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested (group, attr) {
			const char *name = NULL;
			uint32_t id = 0;

			mnl_attr_for_each_nested (part, group) {
				if (mnl_attr_get_type(part) == CTRL_ATTR_MCAST_GRP_NAME &&
				    mnl_attr_validate(part, MNL_TYPE_NUL_STRING) >= 0)
					name = mnl_attr_get_str(part);
				if (mnl_attr_get_type(part) == CTRL_ATTR_MCAST_GRP_ID &&
				    mnl_attr_validate(part, MNL_TYPE_U32) >= 0)
					id = mnl_attr_get_u32(part);
			}
			if (name && !strcmp(name, ETHTOOL_MCGRP_MONITOR_NAME))
				return id;
		}
	}
	return 0;
}

/* Asks the kernel, which answers before send() returns. 0: it has no such family or group. */
static uint32_t find_group(const struct xfrm_transport *t)
{
	union {
		struct nlmsghdr nlh;
		uint8_t room[FAMILY_REPLY];
	} u = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&u);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	const uint8_t *p = u.room;
	bool bad = false;
	size_t left;
	ssize_t n;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	genl->cmd = CTRL_CMD_GETFAMILY;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	if (t->send(t->ctx, nlh, nlh->nlmsg_len))
		return 0;
	n = t->recv(t->ctx, &u, sizeof(u));
	left = n > 0 ? (size_t)n : 0;
	nlh = (struct nlmsghdr *)(uintptr_t)ethtool_next(&p, &left, &bad);
	if (!nlh || nlh->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return 0;
	return monitor_group(nlh);
}

static int join_monitor(struct xfrm_transport *multicast, int *fd, uint32_t group)
{
	int err = transport_netlink_open(multicast, NETLINK_GENERIC, 0, EVENT_BUFFER);

	if (err)
		return err;
	*fd = transport_fd_get(multicast);
	if (setsockopt(*fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))) {
		err = -errno;
		xfrm_transport_close(multicast);
	}
	return err;
}

int ethtool_kernel_open(struct xfrm_transport *requests, int *request_fd, struct xfrm_transport *multicast,
			int *multicast_fd)
{
	struct kernel *k = calloc(1, sizeof(*k));
	uint32_t group;
	int err;

	*multicast = (struct xfrm_transport){0};
	*multicast_fd = -1;
	if (!k)
		return -ENOMEM;
	k->ioctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = k->ioctl < 0 ? -errno : transport_netlink_open(&k->netlink, NETLINK_GENERIC, 0, EVENT_BUFFER);
	if (err)
		goto fail;
	*request_fd = transport_fd_get(&k->netlink);
	group = find_group(&k->netlink);
	err = group ? join_monitor(multicast, multicast_fd, group) : 0;
	if (err)
		goto fail;
	*requests = (struct xfrm_transport){k, kernel_send, kernel_recv};
	return 0;
fail:
	xfrm_transport_close(&k->netlink);
	if (k->ioctl >= 0)
		close(k->ioctl);
	free(k);
	return err;
}

int ethtool_hwsim_open(const char *path, struct xfrm_transport *requests, int *request_fd,
		       struct xfrm_transport *multicast, int *multicast_fd)
{
	int err = transport_hwsim_open(requests, path, HELLO_GENERIC);

	if (err)
		return err;
	err = transport_hwsim_open(multicast, path, HELLO_MONITOR);
	if (err) {
		xfrm_transport_close(requests);
		return err;
	}
	*request_fd = transport_fd_get(requests);
	*multicast_fd = transport_fd_get(multicast);
	return 0;
}

void ethtool_transport_close(struct xfrm_transport *t)
{
	struct kernel *k = t->ctx;

	if (t->send != kernel_send) {
		xfrm_transport_close(t);
		return;
	}
	xfrm_transport_close(&k->netlink);
	close(k->ioctl);
	free(k);
	*t = (struct xfrm_transport){0};
}
