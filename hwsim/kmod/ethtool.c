// SPDX-License-Identifier: GPL-2.0 OR MIT
/* ethtool: channels, RSS key and indirection, hash fields, flow rules, counters. */
#include "krnic.h"

static void krnic_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "krnic", sizeof(info->driver));
}

/* ---- channels ---- */

static void krnic_get_channels(struct net_device *dev, struct ethtool_channels *c)
{
	struct krnic *nic = netdev_priv(dev);

	c->max_combined = nic->queues_max;
	c->combined_count = nic->queues;
}

static int krnic_set_channels(struct net_device *dev, struct ethtool_channels *c)
{
	struct krnic *nic = netdev_priv(dev);
	int err = netif_set_real_num_queues(dev, c->combined_count, c->combined_count);

	if (err)
		return err;
	spin_lock_bh(&nic->lock);
	nic->queues = c->combined_count;
	if (!netif_is_rxfh_configured(dev))
		krnic_rss_default(nic);
	spin_unlock_bh(&nic->lock);
	return 0;
}

static u32 krnic_get_rx_ring_count(struct net_device *dev)
{
	struct krnic *nic = netdev_priv(dev);

	return nic->queues;
}

/* ---- RSS ---- */

static u32 krnic_get_rxfh_key_size(struct net_device *dev)
{
	return KRNIC_KEY;
}

static u32 krnic_get_rxfh_indir_size(struct net_device *dev)
{
	return KRNIC_INDIR;
}

static int krnic_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *p)
{
	struct krnic *nic = netdev_priv(dev);

	p->hfunc = ETH_RSS_HASH_TOP;
	spin_lock_bh(&nic->lock);
	if (p->indir)
		memcpy(p->indir, nic->indir, sizeof(nic->indir));
	if (p->key)
		memcpy(p->key, nic->key, sizeof(nic->key));
	spin_unlock_bh(&nic->lock);
	return 0;
}

static int krnic_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *p, struct netlink_ext_ack *extack)
{
	struct krnic *nic = netdev_priv(dev);

	if (p->hfunc != ETH_RSS_HASH_NO_CHANGE && p->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG_MOD(extack, "only the Toeplitz hash");
		return -EOPNOTSUPP;
	}
	spin_lock_bh(&nic->lock);
	if (p->indir)
		memcpy(nic->indir, p->indir, sizeof(nic->indir));
	if (p->key)
		memcpy(nic->key, p->key, sizeof(nic->key));
	spin_unlock_bh(&nic->lock);
	return 0;
}

/*
 * There is no word for the SPI; the octets where ports would be are what it is in (rss.c), and what other drivers call
 * it. They are fixed.
 */
static int krnic_get_rxfh_fields(struct net_device *dev, struct ethtool_rxfh_fields *f)
{
	switch (f->flow_type) {
	case TCP_V4_FLOW:
	case UDP_V4_FLOW:
	case ESP_V4_FLOW:
	case AH_ESP_V4_FLOW:
	case TCP_V6_FLOW:
	case UDP_V6_FLOW:
	case ESP_V6_FLOW:
	case AH_ESP_V6_FLOW:
		f->data = RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 | RXH_L4_B_2_3;
		return 0;
	case IPV4_FLOW:
	case IPV6_FLOW:
		f->data = RXH_IP_SRC | RXH_IP_DST;
		return 0;
	default:
		f->data = 0;
		return 0;
	}
}

/* ---- flow rules ---- */

static int rules_list(const struct krnic *nic, struct ethtool_rxnfc *c, u32 *locations)
{
	u32 i, n = 0;

	for (i = 0; i < KRNIC_RULES; i++) {
		if (!nic->rule[i].used)
			continue;
		if (locations && n == c->rule_cnt)
			return -EMSGSIZE;
		if (locations)
			locations[n] = i;
		n++;
	}
	c->rule_cnt = n;
	c->data = KRNIC_RULES | RX_CLS_LOC_SPECIAL;
	return 0;
}

static int rule_get(const struct krnic *nic, struct ethtool_rxnfc *c)
{
	if (c->fs.location >= KRNIC_RULES || !nic->rule[c->fs.location].used)
		return -ENOENT;
	c->fs = nic->rule[c->fs.location].fs;
	return 0;
}

static int krnic_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *c, u32 *locations)
{
	struct krnic *nic = netdev_priv(dev);
	int err = -EOPNOTSUPP;

	spin_lock_bh(&nic->lock);
	if (c->cmd == ETHTOOL_GRXCLSRLCNT)
		err = rules_list(nic, c, NULL);
	else if (c->cmd == ETHTOOL_GRXCLSRLALL)
		err = rules_list(nic, c, locations);
	else if (c->cmd == ETHTOOL_GRXCLSRULE)
		err = rule_get(nic, c);
	spin_unlock_bh(&nic->lock);
	return err;
}

/* ESP, by addresses and SPI. */
static bool rule_is_known(const struct ethtool_rx_flow_spec *fs)
{
	return (fs->flow_type == ESP_V4_FLOW && !fs->m_u.esp_ip4_spec.tos) ||
	       (fs->flow_type == ESP_V6_FLOW && !fs->m_u.esp_ip6_spec.tclass);
}

static int rule_insert(struct krnic *nic, struct ethtool_rxnfc *c)
{
	u32 at = c->fs.location;

	if (!rule_is_known(&c->fs))
		return -EOPNOTSUPP;
	if (c->fs.ring_cookie >= nic->queues)
		return -EINVAL;
	if (at & RX_CLS_LOC_SPECIAL)
		for (at = 0; at < KRNIC_RULES && nic->rule[at].used; at++)
			;
	if (at >= KRNIC_RULES)
		return -ENOSPC;
	c->fs.location = at;
	nic->rule[at] = (struct krnic_rule){.used = true, .fs = c->fs};
	return 0;
}

static int krnic_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *c)
{
	struct krnic *nic = netdev_priv(dev);
	int err = -EOPNOTSUPP;

	spin_lock_bh(&nic->lock);
	if (c->cmd == ETHTOOL_SRXCLSRLINS) {
		err = rule_insert(nic, c);
	} else if (c->cmd == ETHTOOL_SRXCLSRLDEL) {
		err = c->fs.location < KRNIC_RULES && nic->rule[c->fs.location].used ? 0 : -ENOENT;
		if (!err)
			nic->rule[c->fs.location].used = false;
	}
	spin_unlock_bh(&nic->lock);
	return err;
}

/* ---- counters ---- */

static const char counter_names[KRNIC_COUNTERS_N][ETH_GSTRING_LEN] = {
#define KRNIC_COUNTER_NAME(name) #name,
	KRNIC_COUNTERS(KRNIC_COUNTER_NAME)
#undef KRNIC_COUNTER_NAME
};

static int krnic_get_sset_count(struct net_device *dev, int set)
{
	struct krnic *nic = netdev_priv(dev);

	return set == ETH_SS_STATS ? KRNIC_COUNTERS_N + 2 * nic->queues_max : -EOPNOTSUPP;
}

static void krnic_get_strings(struct net_device *dev, u32 set, u8 *out)
{
	struct krnic *nic = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < KRNIC_COUNTERS_N; i++)
		ethtool_puts(&out, counter_names[i]);
	for (i = 0; i < nic->queues_max; i++) {
		ethtool_sprintf(&out, "rx%u_packets", i);
		ethtool_sprintf(&out, "tx%u_packets", i);
	}
}

static void krnic_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *out)
{
	struct krnic *nic = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < KRNIC_COUNTERS_N; i++)
		*out++ = atomic64_read(&nic->counter[i]);
	for (i = 0; i < nic->queues_max; i++) {
		*out++ = READ_ONCE(nic->rxq[i].packets);
		*out++ = READ_ONCE(nic->txq_packets[i]);
	}
}

const struct ethtool_ops krnic_ethtool_ops = {
	.get_drvinfo = krnic_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_channels = krnic_get_channels,
	.set_channels = krnic_set_channels,
	.get_rx_ring_count = krnic_get_rx_ring_count,
	.get_rxfh_key_size = krnic_get_rxfh_key_size,
	.get_rxfh_indir_size = krnic_get_rxfh_indir_size,
	.get_rxfh = krnic_get_rxfh,
	.set_rxfh = krnic_set_rxfh,
	.get_rxfh_fields = krnic_get_rxfh_fields,
	.get_rxnfc = krnic_get_rxnfc,
	.set_rxnfc = krnic_set_rxnfc,
	.get_sset_count = krnic_get_sset_count,
	.get_strings = krnic_get_strings,
	.get_ethtool_stats = krnic_get_ethtool_stats,
};
