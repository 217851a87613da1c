/* SPDX-License-Identifier: MIT */
#include "hwsim/generic.h"

#include <errno.h>
#include <string.h>

static struct nlmsghdr *put_family(struct request *r)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->card->generic);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	struct nlattr *groups, *group;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_seq = r->nlh->nlmsg_seq;
	nlh->nlmsg_pid = r->nlh->nlmsg_pid;
	genl->cmd = CTRL_CMD_NEWFAMILY;
	genl->version = 2;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, GENERIC_FAMILY);
	mnl_attr_put_u32(nlh, CTRL_ATTR_VERSION, ETHTOOL_GENL_VERSION);
	mnl_attr_put_u32(nlh, CTRL_ATTR_HDRSIZE, 0);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MAXATTR, 0);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, HWSIM_GROUP_ETHTOOL);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, ETHTOOL_MCGRP_MONITOR_NAME);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	return nlh;
}

/* A string attribute need not end in NUL. */
static bool names_ethtool(const struct nlattr *attr)
{
	const char *name = mnl_attr_get_payload(attr);
	size_t len = strnlen(name, mnl_attr_get_payload_len(attr));

	return len == strlen(ETHTOOL_GENL_NAME) && !memcmp(name, ETHTOOL_GENL_NAME, len);
}

static int control(struct request *r, uint8_t cmd)
{
	const struct nlattr *name = r->attr[CTRL_ATTR_FAMILY_NAME], *id = r->attr[CTRL_ATTR_FAMILY_ID];

	if (cmd != CTRL_CMD_GETFAMILY)
		return -EOPNOTSUPP;
	if (!name && !id)
		return -EINVAL;
	if (name && !names_ethtool(name))
		return -ENOENT;
	if (id && (mnl_attr_get_payload_len(id) < 2 || mnl_attr_get_u16(id) != GENERIC_FAMILY))
		return -ENOENT;
	request_reply(r, put_family(r));
	return 0;
}

/* The structure is copied to where it is aligned, and the whole message given back. */
static int ioctl_request(struct request *r)
{
	size_t len = mnl_nlmsg_get_payload_len(r->nlh);
	struct kr_ethtool_ioctl *head;
	struct nlmsghdr *nlh = (void *)r->card->generic;
	int err;

	if (len < sizeof(*head) + sizeof(uint32_t) || r->nlh->nlmsg_len > KR_ETHTOOL_IOCTL_MAX)
		return -EINVAL;
	memcpy(nlh, r->nlh, r->nlh->nlmsg_len);
	nlh->nlmsg_flags = 0;
	head = mnl_nlmsg_get_payload(nlh);
	if (head->ifindex != r->card->config.ifindex)
		return -ENODEV;
	err = ethtool_ioctl(r->card, head + 1, len - sizeof(*head));
	if (!err)
		request_reply(r, nlh);
	return err;
}

static int generic_request(struct request *r)
{
	const struct genlmsghdr *genl = r->body;
	const struct nlattr *attr;

	if (r->nlh->nlmsg_type == KR_ETHTOOL_IOCTL)
		return ioctl_request(r);
	if (r->nlh->nlmsg_type != GENL_ID_CTRL && r->nlh->nlmsg_type != GENERIC_FAMILY)
		return -ENOENT;
	if (mnl_nlmsg_get_payload_len(r->nlh) < sizeof(*genl))
		return -EINVAL;
	if (r->nlh->nlmsg_flags & NLM_F_DUMP)
		return -EOPNOTSUPP;
	mnl_attr_for_each (attr, r->nlh, sizeof(*genl)) {
		if (mnl_attr_get_type(attr) < KR_XFRMA_MAX)
			r->attr[mnl_attr_get_type(attr)] = attr;
	}
	if (r->nlh->nlmsg_type == GENL_ID_CTRL)
		return control(r, genl->cmd);
	return ethtool_request(r, genl->cmd);
}

static void message(struct hwsim *card, const struct nlmsghdr *nlh, netlink_reply *reply, void *ctx)
{
	struct request r = {.card = card, .nlh = nlh, .body = mnl_nlmsg_get_payload(nlh), .reply = reply, .ctx = ctx};
	int err = 0;

	if (nlh->nlmsg_flags & NLM_F_REQUEST && nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		err = generic_request(&r);
	if (err || nlh->nlmsg_flags & NLM_F_ACK)
		request_reply(&r, nl_put_ack(card->message, nlh, err, r.text[0] ? r.text : NULL, r.offset, NULL));
}

void hwsim_generic(struct hwsim *card, uint64_t now, const void *buf, size_t len,
		   void (*reply)(void *ctx, const void *msg, size_t len), void *ctx)
{
	netlink_datagram(card, now, buf, len, message, reply, ctx);
}
