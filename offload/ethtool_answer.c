/* SPDX-License-Identifier: MIT */
/* What comes back, read without trust in its lengths. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offload/ethtool_priv.h"

/*
 * Not mnl_nlmsg_ok(): in libmnl 1.0.4 that takes a length above 2^31 for a negative number, and lets it pass.
 */
const struct nlmsghdr *ethtool_next(const uint8_t **p, size_t *left, bool *bad)
{
	const struct nlmsghdr *nlh = (const void *)*p;
	size_t step;

	if (!*left)
		return NULL;
	if (*left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > *left) {
		*bad = true;
		return NULL;
	}
	step = NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	step = step < *left ? step : *left;
	*p += step;
	*left -= step;
	return nlh;
}

static bool is_generic(const struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct genlmsghdr);
}

/* The attribute of that number with at least `min` bytes; the last one counts. NULL: none. */
static const struct nlattr *find(const struct nlmsghdr *nlh, unsigned int type, size_t min)
{
	const struct nlattr *attr, *found = NULL;

	mnl_attr_for_each (attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == type && mnl_attr_get_payload_len(attr) >= min)
			found = attr;
	}
	return found;
}

static const struct nlattr *find_in(const struct nlattr *nest, unsigned int type, size_t min)
{
	const struct nlattr *attr, *found = NULL;

	mnl_attr_for_each_nested (attr, nest) {
		if (mnl_attr_get_type(attr) == type && mnl_attr_get_payload_len(attr) >= min)
			found = attr;
	}
	return found;
}

static uint32_t number(const struct nlmsghdr *nlh, unsigned int type)
{
	const struct nlattr *attr = find(nlh, type, sizeof(uint32_t));

	return attr ? mnl_attr_get_u32(attr) : 0;
}

int ethtool_ifindex(const struct nlmsghdr *nlh)
{
	const struct nlattr *header = is_generic(nlh) ? find(nlh, KR_ETHTOOL_A_RSS_HEADER, 0) : NULL;
	const struct nlattr *index = header ? find_in(header, ETHTOOL_A_HEADER_DEV_INDEX, sizeof(uint32_t)) : NULL;

	return index ? (int)mnl_attr_get_u32(index) : -1;
}

static int read_family(struct ethtool *e, const struct nlmsghdr *nlh)
{
	const struct nlattr *id = find(nlh, CTRL_ATTR_FAMILY_ID, sizeof(uint16_t));

	if (!id)
		return -EPROTO;
	e->family = mnl_attr_get_u16(id);
	return 0;
}

static int read_channels(struct ethtool *e, const struct nlmsghdr *nlh)
{
	e->value.channels = (struct nic_channels){
		.rx = number(nlh, ETHTOOL_A_CHANNELS_RX_COUNT),
		.tx = number(nlh, ETHTOOL_A_CHANNELS_TX_COUNT),
		.combined = number(nlh, ETHTOOL_A_CHANNELS_COMBINED_COUNT),
		.rx_max = number(nlh, ETHTOOL_A_CHANNELS_RX_MAX),
		.tx_max = number(nlh, ETHTOOL_A_CHANNELS_TX_MAX),
		.combined_max = number(nlh, ETHTOOL_A_CHANNELS_COMBINED_MAX),
	};
	return 0;
}

/* Table and key, from wherever they came. */
static int take_rss(struct nic_rss *rss, const uint8_t *indir, size_t indir_size, const uint8_t *key, size_t key_size)
{
	uint32_t v;

	if (indir_size > ETHTOOL_INDIR_MAX || key_size > ETHTOOL_KEY_MAX)
		return -E2BIG;
	for (size_t i = 0; i < indir_size; i++) {
		memcpy(&v, indir + i * sizeof(v), sizeof(v));
		if (v > UINT16_MAX)
			return -EPROTO;
		rss->indir[i] = (uint16_t)v;
	}
	if (key_size)
		memcpy(rss->key, key, key_size);
	rss->indir_size = (uint32_t)indir_size;
	rss->key_size = (uint32_t)key_size;
	return 0;
}

static int read_rss(struct ethtool *e, const struct nlmsghdr *nlh)
{
	const struct nlattr *indir = find(nlh, KR_ETHTOOL_A_RSS_INDIR, 0), *key = find(nlh, KR_ETHTOOL_A_RSS_HKEY, 0);

	/* symmetric-xor and the like change the input of the hash */
	e->value.rss.toeplitz =
		number(nlh, KR_ETHTOOL_A_RSS_HFUNC) == KR_ETH_RSS_HASH_TOP && !number(nlh, KR_ETHTOOL_A_RSS_INPUT_XFRM);
	return take_rss(&e->value.rss, indir ? mnl_attr_get_payload(indir) : NULL,
			indir ? mnl_attr_get_payload_len(indir) / sizeof(uint32_t) : 0,
			key ? mnl_attr_get_payload(key) : NULL, key ? mnl_attr_get_payload_len(key) : 0);
}

static const struct feature_row {
	const char *name; /* net/ethtool/common.c netdev_features_strings */
	size_t at;
} feature_rows[] = {
	{"esp-hw-offload", offsetof(struct nic_features, esp)},
	{"esp-tx-csum-hw-offload", offsetof(struct nic_features, esp_csum)},
	{"tx-esp-segmentation", offsetof(struct nic_features, esp_gso)},
	{"rx-ntuple-filter", offsetof(struct nic_features, ntuple)},
	{"rx-hashing", offsetof(struct nic_features, rxhash)},
};

static bool bit_is(const struct nlattr *bit, const char *name)
{
	const struct nlattr *attr = find_in(bit, ETHTOOL_A_BITSET_BIT_NAME, 1);
	const char *have = attr ? mnl_attr_get_payload(attr) : NULL;
	size_t len = attr ? strnlen(have, mnl_attr_get_payload_len(attr)) : 0;

	return attr && strlen(name) == len && !memcmp(name, have, len);
}

static void read_feature(struct nic_features *f, const struct nlattr *bit)
{
	for (size_t i = 0; i < sizeof(feature_rows) / sizeof(feature_rows[0]); i++)
		if (bit_is(bit, feature_rows[i].name))
			*(bool *)((char *)f + feature_rows[i].at) = true;
}

/* What could be turned on: a bit set that lists all there are, with a flag at those, or one without a mask. */
static bool can_be_on(const struct nlmsghdr *nlh, const char *name)
{
	const struct nlattr *set = find(nlh, ETHTOOL_A_FEATURES_HW, 0), *bits, *bit;

	bits = set ? find_in(set, ETHTOOL_A_BITSET_BITS, 0) : NULL;
	if (!bits)
		return true;
	mnl_attr_for_each_nested (bit, bits) {
		if (bit_is(bit, name))
			return find_in(bit, ETHTOOL_A_BITSET_BIT_VALUE, 0) || find_in(set, ETHTOOL_A_BITSET_NOMASK, 0);
	}
	return false;
}

/* Active ones: a verbose bit set without a mask lists those that are on. */
static int read_features(struct ethtool *e, const struct nlmsghdr *nlh)
{
	const struct nlattr *set = find(nlh, ETHTOOL_A_FEATURES_ACTIVE, 0), *bits, *bit;

	e->value.features = (struct nic_features){.esp_can = can_be_on(nlh, feature_rows[0].name)};
	bits = set ? find_in(set, ETHTOOL_A_BITSET_BITS, 0) : NULL;
	if (!bits)
		return -EPROTO;
	mnl_attr_for_each_nested (bit, bits) {
		read_feature(&e->value.features, bit);
	}
	return 0;
}

static int read_generic(struct ethtool *e, struct op *op, const struct nlmsghdr *nlh)
{
	if (!is_generic(nlh))
		return -EPROTO;
	switch (op->kind) {
	case OP_FAMILY:
		return read_family(e, nlh);
	case OP_CHANNELS_GET:
		return read_channels(e, nlh);
	case OP_RSS_GET:
		return read_rss(e, nlh);
	case OP_FEATURES_GET:
		return read_features(e, nlh);
	case OP_RSS_SET:
	case OP_DRIVER_GET:
	case OP_STATS_GET:
	case OP_RULE_ADD:
	case OP_RULE_DELETE:
		return -EPROTO;
	}
	return -EPROTO;
}

/* Sizes first, then the whole (1: ask for it). */
static int read_rxfh(struct ethtool *e, struct op *op, const uint8_t *data, size_t len)
{
	struct ethtool_rxfh h;
	const uint8_t *config = data + sizeof(h);

	if (len < sizeof(h))
		return -EPROTO;
	memcpy(&h, data, sizeof(h));
	if (op->step == STEP_IOCTL) {
		if (h.indir_size > ETHTOOL_INDIR_MAX || h.key_size > ETHTOOL_KEY_MAX)
			return -E2BIG;
		op->indir_size = h.indir_size;
		op->key_size = h.key_size;
		op->step = STEP_IOCTL_DATA;
		return 1;
	}
	if (len < sizeof(h) + op->indir_size * sizeof(uint32_t) + op->key_size)
		return -EPROTO;
	/* rsvd8[0] is input_xfrm since Linux 6.8 */
	e->value.rss.toeplitz = h.hfunc == KR_ETH_RSS_HASH_TOP && !h.rsvd8[0];
	return take_rss(&e->value.rss, config, op->indir_size, config + op->indir_size * sizeof(uint32_t),
			op->key_size);
}

static int read_channels_ioctl(struct ethtool *e, const uint8_t *data, size_t len)
{
	struct ethtool_channels c;

	if (len < sizeof(c))
		return -EPROTO;
	memcpy(&c, data, sizeof(c));
	e->value.channels = (struct nic_channels){
		.rx = c.rx_count,
		.tx = c.tx_count,
		.combined = c.combined_count,
		.rx_max = c.max_rx,
		.tx_max = c.max_tx,
		.combined_max = c.max_combined,
	};
	return 0;
}

static int read_driver(struct ethtool *e, const uint8_t *data, size_t len)
{
	struct ethtool_drvinfo info;

	if (len < sizeof(info))
		return -EPROTO;
	memcpy(&info, data, sizeof(info));
	snprintf(e->value.driver, sizeof(e->value.driver), "%.*s", (int)strnlen(info.driver, sizeof(info.driver)),
		 info.driver);
	return 0;
}

static int read_stats_size(struct op *op, const uint8_t *data, size_t len)
{
	struct ethtool_sset_info info;
	uint32_t count;

	if (len < sizeof(info) + sizeof(count))
		return -EPROTO;
	memcpy(&info, data, sizeof(info));
	memcpy(&count, data + sizeof(info), sizeof(count));
	if (!(info.sset_mask >> ETH_SS_STATS & 1) || !count)
		return -EOPNOTSUPP;
	if (count > KR_ETHTOOL_IOCTL_MAX / ETH_GSTRING_LEN)
		return -E2BIG;
	op->count = count;
	op->names = calloc(count, sizeof(*op->names));
	op->step = STEP_IOCTL_NAMES;
	return op->names ? 1 : -ENOMEM;
}

static int read_stats(struct op *op, const uint8_t *data, size_t len)
{
	struct ethtool_gstrings strings;
	struct ethtool_stats stats;
	uint64_t value;

	if (op->step == STEP_IOCTL || op->step == STEP_NETLINK)
		return read_stats_size(op, data, len);
	if (op->step == STEP_IOCTL_NAMES) {
		if (len < sizeof(strings) + (size_t)op->count * ETH_GSTRING_LEN)
			return -EPROTO;
		for (uint32_t n = 0; n < op->count; n++)
			memcpy(op->names[n], data + sizeof(strings) + (size_t)n * ETH_GSTRING_LEN, ETHTOOL_NAME - 1);
		op->step = STEP_IOCTL_DATA;
		return 1;
	}
	if (len < sizeof(stats) + op->count * sizeof(value))
		return -EPROTO;
	for (uint32_t n = 0; n < op->count; n++) {
		memcpy(&value, data + sizeof(stats) + n * sizeof(value), sizeof(value));
		op->each(op->ctx, op->names[n], value);
	}
	return 0;
}

static int read_rule(struct ethtool *e, struct op *op, const uint8_t *data, size_t len)
{
	struct ethtool_rxnfc n;

	if (len < sizeof(n))
		return -EPROTO;
	memcpy(&n, data, sizeof(n));
	e->value.location = op->kind == OP_RULE_ADD ? n.fs.location : op->location;
	return 0;
}

static int read_ioctl(struct ethtool *e, struct op *op, const uint8_t *data, size_t len)
{
	switch (op->kind) {
	case OP_CHANNELS_GET:
		return read_channels_ioctl(e, data, len);
	case OP_RSS_GET:
		return read_rxfh(e, op, data, len);
	case OP_RSS_SET:
		return 0;
	case OP_DRIVER_GET:
		return read_driver(e, data, len);
	case OP_STATS_GET:
		return read_stats(op, data, len);
	case OP_RULE_ADD:
	case OP_RULE_DELETE:
		return read_rule(e, op, data, len);
	case OP_FAMILY:
	case OP_FEATURES_GET:
		return -EPROTO;
	}
	return -EPROTO;
}

int ethtool_read_reply(struct ethtool *e, struct op *op, const struct nlmsghdr *nlh)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh), head = sizeof(struct kr_ethtool_ioctl);

	if (nlh->nlmsg_type != KR_ETHTOOL_IOCTL)
		return read_generic(e, op, nlh);
	if (len < head)
		return -EPROTO;
	return read_ioctl(e, op, (const uint8_t *)mnl_nlmsg_get_payload(nlh) + head, len - head);
}

int ethtool_read_error(struct ethtool *e, struct op *op, int error)
{
	bool *no = op->kind == OP_RSS_GET ? &e->no_rss_get : op->kind == OP_RSS_SET ? &e->no_rss_set : NULL;

	if (!error)
		return op->kind == OP_RSS_SET ? 0 : -EPROTO; /* a question is answered by more than an ACK */
	if (op->kind == OP_FAMILY)
		return 0; /* then the ioctl has to do */
	if (error == -EOPNOTSUPP && op->step == STEP_NETLINK && no) {
		*no = true;
		op->step = STEP_IOCTL;
		return 1;
	}
	return error;
}
