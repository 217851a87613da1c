/* SPDX-License-Identifier: MIT */
/* What is asked: the messages of the ethtool family, and the structures of the ioctl. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "offload/ethtool_priv.h"

static struct nlmsghdr *begin(struct ethtool *e, struct op *op, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh;

	memset(&e->out, 0, sizeof(e->out.nlh));
	nlh = mnl_nlmsg_put_header(&e->out);
	op->seq = ++e->seq;
	nlh->nlmsg_seq = op->seq;
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return nlh;
}

static struct nlmsghdr *begin_generic(struct ethtool *e, struct op *op, uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = begin(e, op, type, flags);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = cmd;
	genl->version = ETHTOOL_GENL_VERSION;
	return nlh;
}

static int ask_family(struct ethtool *e, struct op *op)
{
	struct nlmsghdr *nlh = begin_generic(e, op, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	return 0;
}

/* A message of the family; a reply answers a question, an ACK a change. */
static struct nlmsghdr *begin_device(struct ethtool *e, struct op *op, uint8_t cmd, bool change)
{
	struct nlmsghdr *nlh = begin_generic(e, op, e->family, cmd, change ? NLM_F_ACK : 0);
	/* the header attribute is number 1 in every message */
	struct nlattr *nest = mnl_attr_nest_start(nlh, KR_ETHTOOL_A_RSS_HEADER);

	mnl_attr_put_u32(nlh, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)e->ifindex);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

static int ask_rss_set(struct ethtool *e, struct op *op)
{
	struct nlmsghdr *nlh = begin_device(e, op, KR_ETHTOOL_MSG_RSS_SET, true);
	const struct nic_rss *rss = op->rss;
	uint32_t indir[ETHTOOL_INDIR_MAX];

	for (uint32_t i = 0; i < rss->indir_size; i++)
		indir[i] = rss->indir[i];
	if (op->indir_default)
		mnl_attr_put(nlh, KR_ETHTOOL_A_RSS_INDIR, 0, NULL);
	else if (rss->indir_size)
		mnl_attr_put(nlh, KR_ETHTOOL_A_RSS_INDIR, rss->indir_size * sizeof(indir[0]), indir);
	if (rss->key_size)
		mnl_attr_put(nlh, KR_ETHTOOL_A_RSS_HKEY, rss->key_size, rss->key);
	return 0;
}

/* A structure of `size` bytes, zero but for the command; NULL: too large. */
static void *begin_ioctl(struct ethtool *e, struct op *op, uint32_t cmd, size_t size)
{
	struct nlmsghdr *nlh = begin(e, op, KR_ETHTOOL_IOCTL, 0);
	struct kr_ethtool_ioctl *head;

	if (size > sizeof(e->out) - NLMSG_HDRLEN - sizeof(*head))
		return NULL;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->ifindex = e->ifindex;
	memset(head + 1, 0, size);
	memcpy(head + 1, &cmd, sizeof(cmd));
	nlh->nlmsg_len += (uint32_t)size;
	e->counters.ioctls++;
	return head + 1;
}

static int ask_rxfh_get(struct ethtool *e, struct op *op)
{
	bool data = op->step == STEP_IOCTL_DATA;
	size_t room = data ? op->indir_size * sizeof(uint32_t) + op->key_size : 0;
	struct ethtool_rxfh *h = begin_ioctl(e, op, ETHTOOL_GRSSH, sizeof(*h) + room);

	if (!h)
		return -EMSGSIZE;
	if (data) {
		h->indir_size = op->indir_size;
		h->key_size = op->key_size;
	}
	return 0;
}

static int ask_rxfh_set(struct ethtool *e, struct op *op)
{
	const struct nic_rss *rss = op->rss;
	uint32_t n = op->indir_default ? 0 : rss->indir_size;
	struct ethtool_rxfh *h = begin_ioctl(e, op, ETHTOOL_SRSSH, sizeof(*h) + n * sizeof(uint32_t) + rss->key_size);

	if (!h)
		return -EMSGSIZE;
	h->indir_size = n || op->indir_default ? n : ETH_RXFH_INDIR_NO_CHANGE;
	h->key_size = rss->key_size;
	for (uint32_t i = 0; i < n; i++)
		h->rss_config[i] = rss->indir[i];
	memcpy((uint8_t *)(h->rss_config + n), rss->key, rss->key_size);
	return 0;
}

static int ask_stats(struct ethtool *e, struct op *op)
{
	struct ethtool_sset_info *info;
	struct ethtool_gstrings *strings;
	struct ethtool_stats *stats;

	switch (op->step) {
	case STEP_NETLINK:
	case STEP_IOCTL:
		info = begin_ioctl(e, op, ETHTOOL_GSSET_INFO, sizeof(*info) + sizeof(uint32_t));
		if (info)
			info->sset_mask = UINT64_C(1) << ETH_SS_STATS;
		return info ? 0 : -EMSGSIZE;
	case STEP_IOCTL_NAMES:
		strings = begin_ioctl(e, op, ETHTOOL_GSTRINGS, sizeof(*strings) + (size_t)op->count * ETH_GSTRING_LEN);
		if (strings) {
			strings->string_set = ETH_SS_STATS;
			strings->len = op->count;
		}
		return strings ? 0 : -EMSGSIZE;
	case STEP_IOCTL_DATA:
		stats = begin_ioctl(e, op, ETHTOOL_GSTATS, sizeof(*stats) + op->count * sizeof(uint64_t));
		if (stats)
			stats->n_stats = op->count;
		return stats ? 0 : -EMSGSIZE;
	}
	return -EMSGSIZE;
}

static void put_rule(struct ethtool_rx_flow_spec *fs, const struct nic_rule *rule)
{
	fs->ring_cookie = rule->queue;
	fs->location = RX_CLS_LOC_ANY;
	if (rule->dst.family == AF_INET) {
		fs->flow_type = ESP_V4_FLOW;
		memcpy(&fs->h_u.esp_ip4_spec.ip4dst, rule->dst.ip, 4);
		fs->m_u.esp_ip4_spec.ip4dst = UINT32_MAX;
		fs->h_u.esp_ip4_spec.spi = htonl(rule->spi);
		fs->m_u.esp_ip4_spec.spi = UINT32_MAX;
		return;
	}
	fs->flow_type = ESP_V6_FLOW;
	memcpy(fs->h_u.esp_ip6_spec.ip6dst, rule->dst.ip, 16);
	memset(fs->m_u.esp_ip6_spec.ip6dst, 0xff, 16);
	fs->h_u.esp_ip6_spec.spi = htonl(rule->spi);
	fs->m_u.esp_ip6_spec.spi = UINT32_MAX;
}

static int ask_rule(struct ethtool *e, struct op *op)
{
	bool add = op->kind == OP_RULE_ADD;
	struct ethtool_rxnfc *n = begin_ioctl(e, op, add ? ETHTOOL_SRXCLSRLINS : ETHTOOL_SRXCLSRLDEL, sizeof(*n));

	if (!n)
		return -EMSGSIZE;
	if (add)
		put_rule(&n->fs, &op->rule);
	else
		n->fs.location = op->location;
	return 0;
}

int ethtool_ask(struct ethtool *e, struct op *op)
{
	/* without the family, the ioctl does what it can */
	if (op->step == STEP_NETLINK && op->kind != OP_FAMILY && !e->family)
		op->step = STEP_IOCTL;
	switch (op->kind) {
	case OP_FAMILY:
		return ask_family(e, op);
	case OP_CHANNELS_GET:
		if (op->step == STEP_NETLINK)
			return begin_device(e, op, ETHTOOL_MSG_CHANNELS_GET, false) ? 0 : -EMSGSIZE;
		return begin_ioctl(e, op, ETHTOOL_GCHANNELS, sizeof(struct ethtool_channels)) ? 0 : -EMSGSIZE;
	case OP_RSS_GET:
		if (op->step == STEP_NETLINK && !e->no_rss_get)
			return begin_device(e, op, KR_ETHTOOL_MSG_RSS_GET, false) ? 0 : -EMSGSIZE;
		op->step = op->step == STEP_NETLINK ? STEP_IOCTL : op->step;
		return ask_rxfh_get(e, op);
	case OP_RSS_SET:
		if (op->step == STEP_NETLINK && !e->no_rss_set)
			return ask_rss_set(e, op);
		op->step = STEP_IOCTL;
		return ask_rxfh_set(e, op);
	case OP_FEATURES_GET:
		if (op->step != STEP_NETLINK)
			return -EOPNOTSUPP;
		return begin_device(e, op, ETHTOOL_MSG_FEATURES_GET, false) ? 0 : -EMSGSIZE;
	case OP_DRIVER_GET:
		op->step = STEP_IOCTL;
		return begin_ioctl(e, op, ETHTOOL_GDRVINFO, sizeof(struct ethtool_drvinfo)) ? 0 : -EMSGSIZE;
	case OP_STATS_GET:
		return ask_stats(e, op);
	case OP_RULE_ADD:
	case OP_RULE_DELETE:
		op->step = STEP_IOCTL;
		return ask_rule(e, op);
	}
	return -EOPNOTSUPP;
}
