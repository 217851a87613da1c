/* SPDX-License-Identifier: MIT */
/* SIOCETHTOOL, as net/ethtool/ioctl.c takes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hwsim/ethtool_stats.h"
#include "hwsim/generic.h"

static int drvinfo(struct hwsim *card, void *data, size_t len)
{
	struct ethtool_drvinfo *d = data;

	(void)len;
	*d = (struct ethtool_drvinfo){.cmd = d->cmd, .n_stats = stats_count(card)};
	snprintf(d->driver, sizeof(d->driver), "%s", card->profile.driver);
	return 0;
}

static uint32_t set_size(const struct hwsim *card, uint32_t set)
{
	return set == ETH_SS_STATS ? stats_count(card) : set == ETH_SS_FEATURES ? FEATURES : 0;
}

/* Of the sets in the mask, those that are there, and their sizes one after the other. */
static int sset_info(struct hwsim *card, void *data, size_t len)
{
	struct ethtool_sset_info *info = data;
	size_t room = (len - sizeof(*info)) / sizeof(uint32_t), n = 0;
	uint64_t found = 0;

	for (uint32_t set = 0; set < ETH_SS_COUNT && n < room; set++)
		if (info->sset_mask >> set & 1 && set_size(card, set)) {
			info->data[n++] = set_size(card, set);
			found |= UINT64_C(1) << set;
		}
	info->sset_mask = found;
	return 0;
}

static int gstrings(struct hwsim *card, void *data, size_t len)
{
	struct ethtool_gstrings *g = data;
	uint32_t count = set_size(card, g->string_set);

	if (!count)
		return -EOPNOTSUPP;
	if ((len - sizeof(*g)) / STAT_NAME < count)
		return -EFAULT;
	g->len = count;
	for (uint32_t n = 0; n < count; n++) {
		char name[STAT_NAME] = {0};

		if (g->string_set == ETH_SS_STATS)
			stats_name(card, n, name);
		else
			snprintf(name, sizeof(name), "%s", feature_name((enum feature)n));
		memcpy(g->data + (size_t)n * STAT_NAME, name, STAT_NAME);
	}
	return 0;
}

static int gstats(struct hwsim *card, void *data, size_t len)
{
	struct ethtool_stats *s = data;
	unsigned int count = stats_count(card);

	if ((len - sizeof(*s)) / sizeof(uint64_t) < count)
		return -EFAULT;
	s->n_stats = count;
	stats_read(card, (uint64_t *)s->data);
	return 0;
}

static int gchannels(struct hwsim *card, void *data, size_t len)
{
	struct ethtool_channels *c = data;

	(void)len;
	*c = (struct ethtool_channels){
		.cmd = c->cmd, .max_combined = card->config.queues, .combined_count = card->steer.channels};
	return 0;
}

/* Sizes of zero ask for the sizes; then both must be right (ethtool_get_rxfh). */
static int grssh(struct hwsim *card, void *data, size_t len)
{
	struct ethtool_rxfh *h = data;
	const struct rss *rss = &card->steer.rss;
	uint32_t indir = h->indir_size, key = h->key_size;

	if (!card->profile.rss || h->rss_context)
		return -EOPNOTSUPP;
	h->indir_size = HWSIM_RSS_INDIR;
	h->key_size = HWSIM_RSS_KEY;
	h->hfunc = KR_ETH_RSS_HASH_TOP;
	if ((indir && indir != HWSIM_RSS_INDIR) || (key && key != HWSIM_RSS_KEY))
		return -EINVAL;
	if (len < sizeof(*h) + (size_t)indir * sizeof(uint32_t) + key)
		return -EFAULT;
	for (uint32_t i = 0; i < indir; i++)
		h->rss_config[i] = rss->indir[i];
	memcpy((uint8_t *)(h->rss_config + indir), rss->key, key);
	return 0;
}

static int srssh(struct hwsim *card, void *data, size_t len)
{
	struct steer *s = &card->steer;
	struct ethtool_rxfh *h = data;
	bool change = h->indir_size != ETH_RXFH_INDIR_NO_CHANGE;
	uint32_t indir = change ? h->indir_size : 0, key = h->key_size;
	struct hwsim_rss rss;

	if (!card->profile.rss_settable || h->rss_context || (h->hfunc && h->hfunc != KR_ETH_RSS_HASH_TOP))
		return -EOPNOTSUPP;
	if ((indir && indir != HWSIM_RSS_INDIR) || (key && key != HWSIM_RSS_KEY))
		return -EINVAL;
	if (len < sizeof(*h) + (size_t)indir * sizeof(uint32_t) + key)
		return -EFAULT;
	memcpy(rss.key, key ? (const uint8_t *)(h->rss_config + indir) : s->rss.key, sizeof(rss.key));
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++) {
		uint32_t v = indir ? h->rss_config[i] : change ? i % s->channels : s->rss.indir[i];

		if (v >= s->channels)
			return -EINVAL;
		rss.indir[i] = (uint16_t)v;
	}
	rss_set(&s->rss, &rss);
	if (change)
		s->rss_configured = indir != 0;
	ethtool_notify(card, KR_ETHTOOL_MSG_RSS_NTF);
	return 0;
}

/* What the hash covers. There is no bit for an SPI: of ESP only the addresses can be told (mlx5 does so too). */
static int grxfh(struct hwsim *card, struct ethtool_rxnfc *n)
{
	if (!card->profile.rss)
		return -EOPNOTSUPP;
	switch (n->flow_type) {
	case TCP_V4_FLOW:
	case UDP_V4_FLOW:
	case TCP_V6_FLOW:
	case UDP_V6_FLOW:
		n->data = RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 | RXH_L4_B_2_3;
		return 0;
	case AH_ESP_V4_FLOW:
	case AH_ESP_V6_FLOW:
	case ESP_V4_FLOW:
	case ESP_V6_FLOW:
	case IPV4_FLOW:
	case IPV6_FLOW:
		n->data = RXH_IP_SRC | RXH_IP_DST;
		return 0;
	default:
		return -EINVAL;
	}
}

static int rule_get(struct hwsim *card, struct ethtool_rxnfc *n)
{
	const struct steer *s = &card->steer;

	if (n->fs.location >= s->table_size || !s->table[n->fs.location].used)
		return -ENOENT;
	n->fs = s->table[n->fs.location].spec;
	n->data = s->table_size;
	return 0;
}

static int rule_list(struct hwsim *card, struct ethtool_rxnfc *n, size_t len)
{
	const struct steer *s = &card->steer;
	size_t room = (len - sizeof(*n)) / sizeof(uint32_t);
	uint32_t found = 0;

	if (n->rule_cnt < room)
		room = n->rule_cnt;
	for (uint32_t i = 0; i < s->table_size; i++) {
		if (!s->table[i].used)
			continue;
		if (found == room)
			return -EMSGSIZE;
		n->rule_locs[found++] = i;
	}
	n->rule_cnt = found;
	n->data = s->table_size;
	return 0;
}

static int rxnfc(struct hwsim *card, void *data, size_t len)
{
	struct ethtool_rxnfc *n = data;

	switch (n->cmd) {
	case ETHTOOL_GRXFH:
		return grxfh(card, n);
	case ETHTOOL_GRXRINGS:
		n->data = card->steer.channels;
		return 0;
	case ETHTOOL_SRXCLSRLINS:
		return steer_rule_insert(card, &n->fs);
	case ETHTOOL_SRXCLSRLDEL:
		return card->steer.table_size ? steer_rule_delete(card, n->fs.location) : -EOPNOTSUPP;
	case ETHTOOL_GRXCLSRLCNT:
		if (!card->steer.table_size)
			return -EOPNOTSUPP;
		n->rule_cnt = card->steer.rules;
		n->data = card->steer.table_size | RX_CLS_LOC_SPECIAL;
		return 0;
	case ETHTOOL_GRXCLSRULE:
		return rule_get(card, n);
	case ETHTOOL_GRXCLSRLALL:
		return rule_list(card, n, len);
	default:
		return -EOPNOTSUPP;
	}
}

static const struct ioctl_row {
	uint32_t cmd;
	size_t size; /* the structure without what follows it */
	int (*handle)(struct hwsim *card, void *data, size_t len);
} ioctls[] = {
	{ETHTOOL_GDRVINFO, sizeof(struct ethtool_drvinfo), drvinfo},
	{ETHTOOL_GSSET_INFO, sizeof(struct ethtool_sset_info), sset_info},
	{ETHTOOL_GSTRINGS, sizeof(struct ethtool_gstrings), gstrings},
	{ETHTOOL_GSTATS, sizeof(struct ethtool_stats), gstats},
	{ETHTOOL_GCHANNELS, sizeof(struct ethtool_channels), gchannels},
	{ETHTOOL_GRSSH, sizeof(struct ethtool_rxfh), grssh},
	{ETHTOOL_SRSSH, sizeof(struct ethtool_rxfh), srssh},
	{ETHTOOL_GRXFH, sizeof(struct ethtool_rxnfc), rxnfc},
	{ETHTOOL_GRXRINGS, sizeof(struct ethtool_rxnfc), rxnfc},
	{ETHTOOL_SRXCLSRLINS, sizeof(struct ethtool_rxnfc), rxnfc},
	{ETHTOOL_SRXCLSRLDEL, sizeof(struct ethtool_rxnfc), rxnfc},
	{ETHTOOL_GRXCLSRLCNT, sizeof(struct ethtool_rxnfc), rxnfc},
	{ETHTOOL_GRXCLSRULE, sizeof(struct ethtool_rxnfc), rxnfc},
	{ETHTOOL_GRXCLSRLALL, sizeof(struct ethtool_rxnfc), rxnfc},
};

int ethtool_ioctl(struct hwsim *card, void *data, size_t len)
{
	uint32_t cmd;

	memcpy(&cmd, data, sizeof(cmd));
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		if (ioctls[i].cmd == cmd)
			return len < ioctls[i].size ? -EFAULT : ioctls[i].handle(card, data, len);
	return -EOPNOTSUPP;
}
