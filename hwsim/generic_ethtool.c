/* SPDX-License-Identifier: MIT */
/* The "ethtool" family: Documentation/networking/ethtool-netlink.rst says what is in which message. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/ethtool_stats.h"
#include "hwsim/events.h"
#include "hwsim/generic.h"

static struct nlmsghdr *put_message(void *buf, const struct hwsim *card, const struct nlmsghdr *request, uint8_t cmd,
				    uint16_t header)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	struct nlattr *nest;

	nlh->nlmsg_type = GENERIC_FAMILY;
	if (request) {
		nlh->nlmsg_seq = request->nlmsg_seq;
		nlh->nlmsg_pid = request->nlmsg_pid;
	}
	genl->cmd = cmd;
	genl->version = ETHTOOL_GENL_VERSION;
	nest = mnl_attr_nest_start(nlh, header);
	mnl_attr_put_u32(nlh, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)card->config.ifindex);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

static struct nlmsghdr *put_answer(struct request *r, uint8_t cmd, uint16_t header)
{
	return put_message(r->card->generic, r->card, r->nlh, cmd, header);
}

static void put_channels(struct nlmsghdr *nlh, const struct hwsim *card)
{
	mnl_attr_put_u32(nlh, ETHTOOL_A_CHANNELS_COMBINED_MAX, card->config.queues);
	mnl_attr_put_u32(nlh, ETHTOOL_A_CHANNELS_COMBINED_COUNT, card->steer.channels);
}

static void put_rss(struct nlmsghdr *nlh, const struct hwsim *card)
{
	const struct rss *rss = &card->steer.rss;
	uint32_t indir[HWSIM_RSS_INDIR];

	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		indir[i] = rss->indir[i];
	mnl_attr_put(nlh, KR_ETHTOOL_A_RSS_INDIR, sizeof(indir), indir);
	mnl_attr_put_u32(nlh, KR_ETHTOOL_A_RSS_HFUNC, KR_ETH_RSS_HASH_TOP);
	mnl_attr_put(nlh, KR_ETHTOOL_A_RSS_HKEY, sizeof(rss->key), rss->key);
}

static int channels_get(struct request *r)
{
	struct nlmsghdr *nlh = put_answer(r, ETHTOOL_MSG_CHANNELS_GET_REPLY, ETHTOOL_A_CHANNELS_HEADER);

	put_channels(nlh, r->card);
	request_reply(r, nlh);
	return 0;
}

static int fail_at(struct request *r, unsigned int attr, int err, const char *text)
{
	if (r->attr[attr])
		r->offset = request_offset(r, attr);
	return text ? request_fail(r, err, text) : err;
}

/* A card with combined channels only, as mlx5. */
static int channels_set(struct request *r)
{
	static const unsigned int others[] = {ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_TX_COUNT,
					      ETHTOOL_A_CHANNELS_OTHER_COUNT};
	const unsigned int attr = ETHTOOL_A_CHANNELS_COMBINED_COUNT;
	const char *why = NULL;
	uint32_t want;
	int err;

	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (request_u32(r, others[i], 0))
			return fail_at(r, others[i], -EINVAL, "requested channel count exceeds maximum");
	want = request_u32(r, attr, r->card->steer.channels);
	if (want > r->card->config.queues)
		return fail_at(r, attr, -EINVAL, "requested channel count exceeds maximum");
	if (!want)
		return fail_at(r, attr, -EINVAL,
			       "requested channel counts would result in no RX or TX channel being configured");
	if (want == r->card->steer.channels)
		return 0;
	err = steer_set_channels(r->card, want, &why);
	if (err)
		return request_fail(r, err, why);
	ethtool_notify(r->card, ETHTOOL_MSG_CHANNELS_NTF);
	return 0;
}

static int rss_get(struct request *r)
{
	struct nlmsghdr *nlh;

	if (!r->card->profile.rss)
		return -EOPNOTSUPP;
	if (request_u32(r, KR_ETHTOOL_A_RSS_CONTEXT, 0))
		return -EOPNOTSUPP;
	nlh = put_answer(r, KR_ETHTOOL_MSG_RSS_GET_REPLY, KR_ETHTOOL_A_RSS_HEADER);
	put_rss(nlh, r->card);
	request_reply(r, nlh);
	return 0;
}

/* A table shorter than the card's is repeated; an empty one means the default (RSS_SET in ethtool-netlink.rst). */
static int rss_read_indir(struct request *r, struct hwsim_rss *rss)
{
	const struct nlattr *attr = r->attr[KR_ETHTOOL_A_RSS_INDIR];
	size_t n = mnl_attr_get_payload_len(attr) / sizeof(uint32_t);
	uint32_t v;

	if (mnl_attr_get_payload_len(attr) % sizeof(uint32_t) || n > HWSIM_RSS_INDIR || (n && HWSIM_RSS_INDIR % n))
		return fail_at(r, KR_ETHTOOL_A_RSS_INDIR, -EINVAL, NULL);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++) {
		v = i % r->card->steer.channels;
		if (n)
			memcpy(&v, (const uint8_t *)mnl_attr_get_payload(attr) + i % n * sizeof(v), sizeof(v));
		if (v >= r->card->steer.channels)
			return fail_at(r, KR_ETHTOOL_A_RSS_INDIR, -EINVAL, "entry in indirection table out of range");
		rss->indir[i] = (uint16_t)v;
	}
	return 0;
}

static int rss_set_request(struct request *r)
{
	const struct nlattr *indir = r->attr[KR_ETHTOOL_A_RSS_INDIR], *key = r->attr[KR_ETHTOOL_A_RSS_HKEY];
	struct steer *s = &r->card->steer;
	struct hwsim_rss rss;
	int err;

	if (!r->card->profile.rss_settable || request_u32(r, KR_ETHTOOL_A_RSS_CONTEXT, 0))
		return -EOPNOTSUPP;
	if (request_u32(r, KR_ETHTOOL_A_RSS_HFUNC, KR_ETH_RSS_HASH_TOP) != KR_ETH_RSS_HASH_TOP)
		return fail_at(r, KR_ETHTOOL_A_RSS_HFUNC, -EOPNOTSUPP, NULL);
	memcpy(rss.key, s->rss.key, sizeof(rss.key));
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = s->rss.indir[i];
	if (indir && (err = rss_read_indir(r, &rss)))
		return err;
	if (key && mnl_attr_get_payload_len(key) != sizeof(rss.key))
		return fail_at(r, KR_ETHTOOL_A_RSS_HKEY, -EINVAL, NULL);
	if (key)
		memcpy(rss.key, mnl_attr_get_payload(key), sizeof(rss.key));
	rss_set(&s->rss, &rss);
	if (indir)
		s->rss_configured = mnl_attr_get_payload_len(indir) != 0;
	ethtool_notify(r->card, KR_ETHTOOL_MSG_RSS_NTF);
	return 0;
}

/* A bit set without a mask: only the bits that are on, by name (the verbose form). */
static void put_features(struct nlmsghdr *nlh, unsigned int attr, uint32_t bits)
{
	struct nlattr *set = mnl_attr_nest_start(nlh, (uint16_t)attr), *list, *bit;

	mnl_attr_put(nlh, ETHTOOL_A_BITSET_NOMASK, 0, NULL);
	mnl_attr_put_u32(nlh, ETHTOOL_A_BITSET_SIZE, FEATURES);
	list = mnl_attr_nest_start(nlh, ETHTOOL_A_BITSET_BITS);
	for (unsigned int n = 0; n < FEATURES; n++) {
		if (!(bits >> n & 1))
			continue;
		bit = mnl_attr_nest_start(nlh, ETHTOOL_A_BITSET_BITS_BIT);
		mnl_attr_put_u32(nlh, ETHTOOL_A_BITSET_BIT_INDEX, n);
		mnl_attr_put_strz(nlh, ETHTOOL_A_BITSET_BIT_NAME, feature_name((enum feature)n));
		mnl_attr_nest_end(nlh, bit);
	}
	mnl_attr_nest_end(nlh, list);
	mnl_attr_nest_end(nlh, set);
}

static int features_get(struct request *r)
{
	struct nlmsghdr *nlh = put_answer(r, ETHTOOL_MSG_FEATURES_GET_REPLY, ETHTOOL_A_FEATURES_HEADER);
	uint32_t all = feature_defaults(r->card);

	put_features(nlh, ETHTOOL_A_FEATURES_HW, all);
	put_features(nlh, ETHTOOL_A_FEATURES_WANTED, r->card->steer.features);
	put_features(nlh, ETHTOOL_A_FEATURES_ACTIVE, r->card->steer.features);
	put_features(nlh, ETHTOOL_A_FEATURES_NOCHANGE, 0);
	request_reply(r, nlh);
	return 0;
}

static void put_string(struct nlmsghdr *nlh, uint32_t index, const char *text)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, ETHTOOL_A_STRINGS_STRING);

	mnl_attr_put_u32(nlh, ETHTOOL_A_STRING_INDEX, index);
	mnl_attr_put_strz(nlh, ETHTOOL_A_STRING_VALUE, text);
	mnl_attr_nest_end(nlh, nest);
}

/* One set of strings; false: this card has none of that number. */
static bool put_strings(struct nlmsghdr *nlh, const struct hwsim *card, uint32_t id)
{
	uint32_t count = id == ETH_SS_STATS ? stats_count(card) : id == ETH_SS_FEATURES ? FEATURES : 0;
	struct nlattr *set, *list;
	char name[STAT_NAME];

	if (!count)
		return false;
	set = mnl_attr_nest_start(nlh, ETHTOOL_A_STRINGSETS_STRINGSET);
	mnl_attr_put_u32(nlh, ETHTOOL_A_STRINGSET_ID, id);
	mnl_attr_put_u32(nlh, ETHTOOL_A_STRINGSET_COUNT, count);
	list = mnl_attr_nest_start(nlh, ETHTOOL_A_STRINGSET_STRINGS);
	for (uint32_t n = 0; n < count; n++) {
		if (id == ETH_SS_STATS)
			stats_name(card, n, name);
		put_string(nlh, n, id == ETH_SS_STATS ? name : feature_name((enum feature)n));
	}
	mnl_attr_nest_end(nlh, list);
	mnl_attr_nest_end(nlh, set);
	return true;
}

/* The id in one nested ETHTOOL_A_STRINGSETS_STRINGSET; UINT32_MAX: none. */
static uint32_t stringset_id(const struct nlattr *set)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, set) {
		if (mnl_attr_get_type(attr) == ETHTOOL_A_STRINGSET_ID && mnl_attr_get_payload_len(attr) >= 4)
			return mnl_attr_get_u32(attr);
	}
	return UINT32_MAX;
}

/* One set a request: two of the largest would not fit into an attribute. */
static int strset_get(struct request *r)
{
	const struct nlattr *sets = r->attr[ETHTOOL_A_STRSET_STRINGSETS], *set;
	struct nlmsghdr *nlh;
	struct nlattr *nest;

	if (!sets)
		return -EINVAL;
	nlh = put_answer(r, ETHTOOL_MSG_STRSET_GET_REPLY, ETHTOOL_A_STRSET_HEADER);
	nest = mnl_attr_nest_start(nlh, ETHTOOL_A_STRSET_STRINGSETS);
	mnl_attr_for_each_nested (set, sets) {
		if (!put_strings(nlh, r->card, stringset_id(set)))
			return fail_at(r, ETHTOOL_A_STRSET_STRINGSETS, -EOPNOTSUPP, NULL);
		break;
	}
	mnl_attr_nest_end(nlh, nest);
	request_reply(r, nlh);
	return 0;
}

static const struct command_row {
	uint8_t cmd;
	uint16_t header;
	int (*handle)(struct request *r);
} commands[] = {
	{ETHTOOL_MSG_STRSET_GET, ETHTOOL_A_STRSET_HEADER, strset_get},
	{ETHTOOL_MSG_FEATURES_GET, ETHTOOL_A_FEATURES_HEADER, features_get},
	{ETHTOOL_MSG_CHANNELS_GET, ETHTOOL_A_CHANNELS_HEADER, channels_get},
	{ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_HEADER, channels_set},
	{KR_ETHTOOL_MSG_RSS_GET, KR_ETHTOOL_A_RSS_HEADER, rss_get},
	{KR_ETHTOOL_MSG_RSS_SET, KR_ETHTOOL_A_RSS_HEADER, rss_set_request},
};

static int fail_in_header(struct request *r, const struct nlattr *at, int err, const char *text)
{
	r->offset = (uint32_t)((const char *)at - (const char *)r->nlh);
	return request_fail(r, err, text);
}

/* ethnl_parse_header_dev_get, for a host that has this one device, which has a number and no name. */
static int check_header(struct request *r, const struct nlattr *header)
{
	const struct nlattr *attr, *index = NULL, *name = NULL;

	if (!header)
		return -EINVAL;
	mnl_attr_for_each_nested (attr, header) {
		if (mnl_attr_get_type(attr) == ETHTOOL_A_HEADER_DEV_INDEX && mnl_attr_get_payload_len(attr) >= 4)
			index = attr;
		if (mnl_attr_get_type(attr) == ETHTOOL_A_HEADER_DEV_NAME)
			name = attr;
	}
	if (index && mnl_attr_get_u32(index) != (uint32_t)r->card->config.ifindex)
		return fail_in_header(r, index, -ENODEV, "no device matches ifindex");
	if (!index && name)
		return fail_in_header(r, name, -ENODEV, "no device matches name");
	return index ? 0 : fail_in_header(r, header, -EINVAL, "neither ifindex nor name specified");
}

/* Every number in these messages is 4 bytes long; the kernel's policies say the same attribute by attribute. */
static int check_numbers(struct request *r, const struct command_row *row)
{
	static const uint16_t numbers[] = {ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_TX_COUNT,
					   ETHTOOL_A_CHANNELS_OTHER_COUNT, ETHTOOL_A_CHANNELS_COMBINED_COUNT};
	static const uint16_t rss_numbers[] = {KR_ETHTOOL_A_RSS_CONTEXT, KR_ETHTOOL_A_RSS_HFUNC};
	bool rss = row->cmd == KR_ETHTOOL_MSG_RSS_GET || row->cmd == KR_ETHTOOL_MSG_RSS_SET;
	const uint16_t *list = rss ? rss_numbers : numbers;
	size_t n = rss ? sizeof(rss_numbers) / sizeof(rss_numbers[0]) : sizeof(numbers) / sizeof(numbers[0]);

	if (!rss && row->cmd != ETHTOOL_MSG_CHANNELS_SET)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (r->attr[list[i]] && mnl_attr_get_payload_len(r->attr[list[i]]) != 4) {
			r->offset = request_offset(r, list[i]);
			return request_fail(r, -EINVAL, "invalid attribute length");
		}
	return 0;
}

int ethtool_request(struct request *r, uint8_t cmd)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int err;

		if (commands[i].cmd != cmd)
			continue;
		err = check_header(r, r->attr[commands[i].header]);
		if (!err)
			err = check_numbers(r, &commands[i]);
		return err ? err : commands[i].handle(r);
	}
	return -EOPNOTSUPP;
}

void ethtool_notify(struct hwsim *card, uint8_t cmd)
{
	/* not in card->generic, where the answer to an ioctl may be; the header attribute is number 1 in both */
	struct nlmsghdr *nlh = put_message(card->message, card, NULL, cmd, ETHTOOL_A_CHANNELS_HEADER);

	if (cmd == ETHTOOL_MSG_CHANNELS_NTF)
		put_channels(nlh, card);
	else
		put_rss(nlh, card);
	if (card->ops.event)
		card->ops.event(card->ops.ctx, HWSIM_GROUP_ETHTOOL, nlh, nlh->nlmsg_len);
}
