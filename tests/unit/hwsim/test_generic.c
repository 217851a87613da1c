/* SPDX-License-Identifier: MIT */
/* The front door of NETLINK_GENERIC: ethtool's family and its ioctl. */
#include "rig.h"

#include <stdio.h>

#include "base/ethtool_uapi.h"

enum { FAMILY = 21 };

static union {
	struct nlmsghdr nlh;
	uint8_t room[KR_ETHTOOL_IOCTL_MAX];
} u;

static struct nlmsghdr *start(uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;

	memset(&u, 0, sizeof(u));
	nlh = mnl_nlmsg_put_header(&u);
	nlh->nlmsg_type = type;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

/* With the header attribute (number 1 or, for string sets, 1 as well) that names the device. */
static struct nlmsghdr *device(uint8_t cmd, uint32_t ifindex)
{
	struct nlmsghdr *nlh = start(FAMILY, cmd);
	struct nlattr *nest = mnl_attr_nest_start(nlh, 1);

	mnl_attr_put_u32(nlh, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

static const struct nlattr *answer(struct rig *rig, uint8_t cmd, unsigned int type)
{
	const struct nlmsghdr *nlh = (const void *)rig->reply;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	assert_true(rig->reply_len >= NLMSG_HDRLEN + sizeof(*genl));
	assert_int_equal(nlh->nlmsg_seq, rig->seq);
	assert_int_equal(genl->cmd, cmd);
	return rig_attr(nlh, sizeof(*genl), type);
}

static uint32_t number(const struct nlattr *attr)
{
	assert_non_null(attr);
	return mnl_attr_get_u32(attr);
}

/* One ioctl: the structure goes and comes back. 0 or -errno. */
static int ioctl_send(struct rig *rig, void *data, size_t len)
{
	struct nlmsghdr *nlh;
	struct kr_ethtool_ioctl *head;
	size_t at = NLMSG_HDRLEN + sizeof(*head);
	int err;

	memset(&u, 0, sizeof(u));
	nlh = mnl_nlmsg_put_header(&u);
	nlh->nlmsg_type = KR_ETHTOOL_IOCTL;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->ifindex = RIG_IFINDEX;
	memcpy(u.room + at, data, len);
	nlh->nlmsg_len = (uint32_t)(at + len);
	err = rig_send_generic(rig, nlh);
	if (!err) {
		assert_int_equal(rig->reply_len, at + len);
		memcpy(data, rig->reply + at, len);
	}
	return err;
}

static void the_family_is_found_by_name_or_number(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	const struct nlattr *attr;
	struct nlmsghdr *nlh = start(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);

	(void)state;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "ethtool");
	assert_int_equal(rig_send_generic(rig, nlh), 0);
	attr = answer(rig, CTRL_CMD_NEWFAMILY, CTRL_ATTR_FAMILY_ID);
	assert_int_equal(mnl_attr_get_u16(attr), FAMILY);
	attr = answer(rig, CTRL_CMD_NEWFAMILY, CTRL_ATTR_MCAST_GROUPS);
	attr = mnl_attr_get_payload(attr); /* the first group */
	attr = mnl_attr_get_payload(attr); /* its number */
	assert_int_equal(mnl_attr_get_u32(attr), HWSIM_GROUP_ETHTOOL);

	nlh = start(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	assert_int_equal(rig_send_generic(rig, nlh), 0);
	nlh = start(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "ethtoo");
	assert_int_equal(rig_send_generic(rig, nlh), -ENOENT);
	assert_int_equal(rig_send_generic(rig, start(GENL_ID_CTRL, CTRL_CMD_GETFAMILY)), -EINVAL);
	assert_int_equal(rig_send_generic(rig, start(FAMILY + 1, 1)), -ENOENT);
	assert_int_equal(rig_send_generic(rig, start(FAMILY, 200)), -EOPNOTSUPP);
	rig_free(rig);
}

/* What a Linux 6.18 answers to the same bytes. */
static void a_device_must_be_named(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct nlmsghdr *nlh;
	struct nlattr *nest;

	(void)state;
	assert_int_equal(rig_send_generic(rig, start(FAMILY, ETHTOOL_MSG_CHANNELS_GET)), -EINVAL);
	assert_int_equal(rig_send_generic(rig, device(ETHTOOL_MSG_CHANNELS_GET, 99)), -ENODEV);
	assert_string_equal(rig->text, "no device matches ifindex");
	assert_int_equal(rig->offset, 24);
	nlh = start(FAMILY, ETHTOOL_MSG_CHANNELS_GET);
	nest = mnl_attr_nest_start(nlh, ETHTOOL_A_CHANNELS_HEADER);
	mnl_attr_nest_end(nlh, nest);
	assert_int_equal(rig_send_generic(rig, nlh), -EINVAL);
	assert_string_equal(rig->text, "neither ifindex nor name specified");
	assert_int_equal(rig->offset, 20);
	rig_free(rig);
}

static int set_channels(struct rig *rig, uint32_t n)
{
	struct nlmsghdr *nlh = device(ETHTOOL_MSG_CHANNELS_SET, RIG_IFINDEX);

	mnl_attr_put_u32(nlh, ETHTOOL_A_CHANNELS_COMBINED_COUNT, n);
	return rig_send_generic(rig, nlh);
}

static void channels_are_read_and_set_and_told(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	const struct nlmsghdr *event;
	struct hwsim_rss rss;

	(void)state;
	assert_int_equal(rig_send_generic(rig, device(ETHTOOL_MSG_CHANNELS_GET, RIG_IFINDEX)), 0);
	assert_int_equal(number(answer(rig, ETHTOOL_MSG_CHANNELS_GET_REPLY, ETHTOOL_A_CHANNELS_COMBINED_MAX)), 4);
	assert_int_equal(number(answer(rig, ETHTOOL_MSG_CHANNELS_GET_REPLY, ETHTOOL_A_CHANNELS_COMBINED_COUNT)), 4);
	assert_int_equal(set_channels(rig, 5), -EINVAL);
	assert_string_equal(rig->text, "requested channel count exceeds maximum");
	assert_int_equal(set_channels(rig, 0), -EINVAL);
	assert_int_equal(set_channels(rig, 4), 0);
	assert_int_equal(rig->events, 0); /* nothing changed */
	assert_int_equal(set_channels(rig, 2), 0);
	event = rig_event(rig, 0, FAMILY);
	assert_int_equal(rig->event[0].group, HWSIM_GROUP_ETHTOOL);
	assert_int_equal(((const struct genlmsghdr *)mnl_nlmsg_get_payload(event))->cmd, ETHTOOL_MSG_CHANNELS_NTF);
	assert_int_equal(number(rig_attr(event, 4, ETHTOOL_A_CHANNELS_COMBINED_COUNT)), 2);
	/* nobody set the table, so it follows */
	hwsim_rss_get(rig->card, &rss);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		assert_int_equal(rss.indir[i], i % 2);
	assert_int_equal(hwsim_xps_get(rig->card, 3), 1);
	assert_int_equal(set_channels(rig, 4), 0);
	hwsim_rss_get(rig->card, &rss);
	rss.indir[5] = 3;
	assert_int_equal(hwsim_rss_set(rig->card, &rss), 0);
	assert_int_equal(set_channels(rig, 3), -EINVAL);
	assert_string_equal(rig->text, "requested channel counts are too low for existing indirection table settings");
	rig_free(rig);
}

static int set_rss(struct rig *rig, const uint32_t *indir, size_t n, const uint8_t *key, size_t key_len)
{
	struct nlmsghdr *nlh = device(KR_ETHTOOL_MSG_RSS_SET, RIG_IFINDEX);

	if (indir)
		mnl_attr_put(nlh, KR_ETHTOOL_A_RSS_INDIR, n * sizeof(*indir), indir);
	if (key)
		mnl_attr_put(nlh, KR_ETHTOOL_A_RSS_HKEY, key_len, key);
	return rig_send_generic(rig, nlh);
}

static void rss_is_read_and_set_and_told(void **state)
{
	static const uint32_t some[4] = {3, 1, 1, 0}, bad[2] = {0, 4}, three[3];
	struct rig *rig = rig_new("tiny-33", 0);
	uint8_t key[HWSIM_RSS_KEY] = {7, 7, 7};
	const struct nlattr *attr;
	struct hwsim_rss rss;
	uint32_t v;

	(void)state;
	hwsim_rss_get(rig->card, &rss);
	assert_int_equal(rig_send_generic(rig, device(KR_ETHTOOL_MSG_RSS_GET, RIG_IFINDEX)), 0);
	attr = answer(rig, KR_ETHTOOL_MSG_RSS_GET_REPLY, KR_ETHTOOL_A_RSS_HKEY);
	assert_int_equal(mnl_attr_get_payload_len(attr), HWSIM_RSS_KEY);
	assert_memory_equal(mnl_attr_get_payload(attr), rss.key, HWSIM_RSS_KEY);
	attr = answer(rig, KR_ETHTOOL_MSG_RSS_GET_REPLY, KR_ETHTOOL_A_RSS_INDIR);
	assert_int_equal(mnl_attr_get_payload_len(attr), HWSIM_RSS_INDIR * 4);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++) {
		memcpy(&v, (const uint8_t *)mnl_attr_get_payload(attr) + 4 * (size_t)i, 4);
		assert_int_equal(v, rss.indir[i]);
	}
	assert_int_equal(number(answer(rig, KR_ETHTOOL_MSG_RSS_GET_REPLY, KR_ETHTOOL_A_RSS_HFUNC)), 1);

	assert_int_equal(set_rss(rig, some, 4, key, sizeof(key)), 0);
	hwsim_rss_get(rig->card, &rss);
	assert_memory_equal(rss.key, key, sizeof(key));
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		assert_int_equal(rss.indir[i], some[i % 4]);
	rig_event(rig, 0, FAMILY);
	assert_int_equal(set_rss(rig, bad, 2, NULL, 0), -EINVAL);
	assert_int_equal(set_rss(rig, three, 3, NULL, 0), -EINVAL);
	assert_int_equal(set_rss(rig, NULL, 0, key, 39), -EINVAL);
	assert_int_equal(rig->events, 1);
	/* an empty table: the default, which then follows the channels again */
	assert_int_equal(set_rss(rig, some, 0, NULL, 0), 0);
	hwsim_rss_get(rig->card, &rss);
	assert_int_equal(rss.indir[3], 3);
	assert_int_equal(set_channels(rig, 2), 0);
	rig_free(rig);
}

static void what_a_card_cannot_do_it_says(void **state)
{
	static const uint32_t some[2] = {1, 0};
	struct rig *rules = rig_new("rules-33", 0), *netdevsim = rig_new("netdevsim-33", 0);
	struct ethtool_rxfh size = {.cmd = ETHTOOL_SRSSH};

	(void)state;
	assert_int_equal(set_rss(rules, some, 2, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(ioctl_send(rules, &size, sizeof(size)), -EOPNOTSUPP);
	assert_int_equal(rig_send_generic(netdevsim, device(KR_ETHTOOL_MSG_RSS_GET, RIG_IFINDEX)), -EOPNOTSUPP);
	size.cmd = ETHTOOL_GRSSH;
	assert_int_equal(ioctl_send(netdevsim, &size, sizeof(size)), -EOPNOTSUPP);
	rig_free(netdevsim);
	rig_free(rules);
}

static bool has_feature(struct rig *rig, unsigned int set, const char *name)
{
	const struct nlattr *attr = answer(rig, ETHTOOL_MSG_FEATURES_GET_REPLY, set), *bits = NULL, *bit, *a;

	mnl_attr_for_each_nested (a, attr) {
		if (mnl_attr_get_type(a) == ETHTOOL_A_BITSET_BITS)
			bits = a;
	}
	assert_non_null(bits);
	mnl_attr_for_each_nested (bit, bits) {
		mnl_attr_for_each_nested (a, bit) {
			if (mnl_attr_get_type(a) == ETHTOOL_A_BITSET_BIT_NAME && !strcmp(mnl_attr_get_str(a), name))
				return true;
		}
	}
	return false;
}

static void features_have_their_names(void **state)
{
	struct rig *rig = rig_new("rules-33", 0), *cx7 = rig_new("cx7", 0);

	(void)state;
	assert_int_equal(rig_send_generic(rig, device(ETHTOOL_MSG_FEATURES_GET, RIG_IFINDEX)), 0);
	assert_true(has_feature(rig, ETHTOOL_A_FEATURES_ACTIVE, "esp-hw-offload"));
	assert_true(has_feature(rig, ETHTOOL_A_FEATURES_ACTIVE, "rx-ntuple-filter"));
	assert_true(has_feature(rig, ETHTOOL_A_FEATURES_HW, "rx-hashing"));
	assert_false(has_feature(rig, ETHTOOL_A_FEATURES_NOCHANGE, "rx-hashing"));
	assert_int_equal(rig_send_generic(cx7, device(ETHTOOL_MSG_FEATURES_GET, RIG_IFINDEX)), 0);
	assert_false(has_feature(cx7, ETHTOOL_A_FEATURES_ACTIVE, "rx-ntuple-filter"));
	rig_free(cx7);
	rig_free(rig);
}

/* The value of a counter, by the three ioctls that `ethtool -S` makes. */
static uint64_t stat(struct rig *rig, const char *name)
{
	static union {
		struct ethtool_sset_info info;
		struct ethtool_gstrings strings;
		struct ethtool_stats stats;
		uint8_t room[32768];
	} d;
	static char names[512][ETH_GSTRING_LEN];
	uint32_t count;

	memset(&d, 0, sizeof(d));
	d.info.cmd = ETHTOOL_GSSET_INFO;
	d.info.sset_mask = 1 << ETH_SS_STATS;
	assert_int_equal(ioctl_send(rig, &d, sizeof(d.info) + 4), 0);
	assert_int_equal(d.info.sset_mask, 1 << ETH_SS_STATS);
	count = d.info.data[0];
	assert_in_range(count, 1, 512);
	memset(&d, 0, sizeof(d));
	d.strings.cmd = ETHTOOL_GSTRINGS;
	d.strings.string_set = ETH_SS_STATS;
	assert_int_equal(ioctl_send(rig, &d, sizeof(d.strings) + (size_t)count * ETH_GSTRING_LEN), 0);
	assert_int_equal(d.strings.len, count);
	memcpy(names, d.strings.data, (size_t)count * ETH_GSTRING_LEN);
	memset(&d, 0, sizeof(d));
	d.stats.cmd = ETHTOOL_GSTATS;
	assert_int_equal(ioctl_send(rig, &d, sizeof(d.stats) + count * sizeof(uint64_t)), 0);
	assert_int_equal(d.stats.n_stats, count);
	for (uint32_t n = 0; n < count; n++)
		if (!strcmp(names[n], name))
			return d.stats.data[n];
	fail_msg("no counter %s", name);
	return 0;
}

static void counters_count(void **state)
{
	static const struct spec tunnel = {
		RIG_TUNNEL,
		.spi = 0x500,
		.reqid = 3,
	};
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	uint8_t p[200];
	size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, 20);
	unsigned int rx = 0;
	char name[32];

	(void)state;
	rig_connect(a, b, &tunnel);
	a->peer = b;
	rig_tx(a, 2, p, n);
	rig_tx(a, 2, p, n);
	assert_int_equal(stat(a, "ipsec_tx_pkts"), 2);
	assert_int_equal(stat(a, "ipsec_tx_bytes"), 2 * n);
	assert_int_equal(stat(a, "tx2_packets"), 2);
	assert_int_equal(stat(a, "tx1_packets"), 0);
	assert_int_equal(stat(a, "tx2_bytes"), 2 * n);
	assert_int_equal(stat(b, "ipsec_rx_pkts"), 2);
	for (unsigned int q = 0; q < 4; q++) {
		snprintf(name, sizeof(name), "rx%u_packets", q);
		rx += (unsigned int)stat(b, name);
	}
	assert_int_equal(rx, 2);
	rig_rx(b, a->wire[0].data, a->wire[0].len); /* a replay */
	assert_int_equal(stat(b, "ipsec_rx_drop_pkts"), 1);
	assert_int_equal(stat(b, "ipsec_rx_drop_sadb_miss"), 0);
	rig_rx(a, a->wire[0].data, a->wire[0].len);
	assert_int_equal(stat(a, "ipsec_rx_drop_sadb_miss"), 1);
	rig_free(b);
	rig_free(a);
}

static void string_sets_come_by_netlink_too(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct nlmsghdr *nlh = device(ETHTOOL_MSG_STRSET_GET, RIG_IFINDEX);
	struct nlattr *sets = mnl_attr_nest_start(nlh, ETHTOOL_A_STRSET_STRINGSETS), *set;
	const struct nlattr *attr;

	(void)state;
	set = mnl_attr_nest_start(nlh, ETHTOOL_A_STRINGSETS_STRINGSET);
	mnl_attr_put_u32(nlh, ETHTOOL_A_STRINGSET_ID, ETH_SS_STATS);
	mnl_attr_nest_end(nlh, set);
	mnl_attr_nest_end(nlh, sets);
	assert_int_equal(rig_send_generic(rig, nlh), 0);
	attr = answer(rig, ETHTOOL_MSG_STRSET_GET_REPLY, ETHTOOL_A_STRSET_STRINGSETS);
	assert_non_null(attr);
	assert_true(mnl_attr_get_payload_len(attr) > 16 * ETH_GSTRING_LEN);
	rig_free(rig);
}

/* The ioctl's way of reading and setting RSS: first the sizes, then the rest. */
static void rss_by_ioctl(void **state)
{
	static union {
		struct ethtool_rxfh head;
		uint8_t room[sizeof(struct ethtool_rxfh) + HWSIM_RSS_INDIR * 4 + HWSIM_RSS_KEY];
	} d;
	uint32_t *indir = d.head.rss_config;
	uint8_t *key = (uint8_t *)(indir + HWSIM_RSS_INDIR);
	struct rig *rig = rig_new("tiny-33", 0);
	struct hwsim_rss rss;

	(void)state;
	d.head.cmd = ETHTOOL_GRSSH;
	assert_int_equal(ioctl_send(rig, &d, sizeof(d.head)), 0);
	assert_int_equal(d.head.indir_size, HWSIM_RSS_INDIR);
	assert_int_equal(d.head.key_size, HWSIM_RSS_KEY);
	assert_int_equal(ioctl_send(rig, &d, sizeof(d) - 1), -EFAULT);
	assert_int_equal(ioctl_send(rig, &d, sizeof(d)), 0);
	hwsim_rss_get(rig->card, &rss);
	assert_memory_equal(key, rss.key, HWSIM_RSS_KEY);
	assert_int_equal(indir[2], 2);
	d.head.cmd = ETHTOOL_SRSSH;
	indir[2] = 1;
	key[0] ^= 1;
	assert_int_equal(ioctl_send(rig, &d, sizeof(d)), 0);
	rig_event(rig, 0, FAMILY);
	hwsim_rss_get(rig->card, &rss);
	assert_memory_equal(key, rss.key, HWSIM_RSS_KEY);
	assert_int_equal(rss.indir[2], 1);
	indir[2] = 4;
	assert_int_equal(ioctl_send(rig, &d, sizeof(d)), -EINVAL);
	d.head.cmd = ETHTOOL_GRSSH;
	d.head.indir_size = 128;
	assert_int_equal(ioctl_send(rig, &d, sizeof(d)), -EINVAL);
	rig_free(rig);
}

static void other_ioctls(void **state)
{
	struct ethtool_rxnfc fields = {.cmd = ETHTOOL_GRXFH, .flow_type = ESP_V4_FLOW};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct rig *rig = rig_new("cx7", 0);
	uint32_t cmd = ETHTOOL_GWOL;

	(void)state;
	assert_int_equal(ioctl_send(rig, &fields, sizeof(fields)), 0);
	assert_int_equal(fields.data, RXH_IP_SRC | RXH_IP_DST); /* there is no bit for the SPI */
	fields.flow_type = UDP_V4_FLOW;
	assert_int_equal(ioctl_send(rig, &fields, sizeof(fields)), 0);
	assert_true(fields.data & RXH_L4_B_2_3);
	assert_int_equal(ioctl_send(rig, &channels, sizeof(channels)), 0);
	assert_int_equal(channels.max_combined, 4);
	assert_int_equal(channels.combined_count, 4);
	assert_int_equal(ioctl_send(rig, &info, sizeof(info)), 0);
	assert_string_equal(info.driver, "mlx5_core");
	assert_int_equal(ioctl_send(rig, &info, sizeof(info) - 1), -EFAULT);
	assert_int_equal(ioctl_send(rig, &cmd, sizeof(cmd)), -EOPNOTSUPP);
	assert_int_equal(ioctl_send(rig, &cmd, 0), -EINVAL);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_family_is_found_by_name_or_number),
		cmocka_unit_test(a_device_must_be_named),
		cmocka_unit_test(channels_are_read_and_set_and_told),
		cmocka_unit_test(rss_is_read_and_set_and_told),
		cmocka_unit_test(what_a_card_cannot_do_it_says),
		cmocka_unit_test(features_have_their_names),
		cmocka_unit_test(counters_count),
		cmocka_unit_test(string_sets_come_by_netlink_too),
		cmocka_unit_test(rss_by_ioctl),
		cmocka_unit_test(other_ioctls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
