// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Receive side scaling: Toeplitz over source address, destination address, and then the SPI of ESP or the ports of TCP
 * and UDP (ESP in UDP is UDP), all as they are on the wire; and the rules that come before it.
 */
#include <linux/etherdevice.h>
#include <linux/unaligned.h>

#include "krnic.h"

static u32 toeplitz(const u8 key[KRNIC_KEY], const u8 *data, unsigned int len)
{
	u32 hash = 0, window = get_unaligned_be32(key);
	unsigned int i;
	int bit;

	for (i = 0; i < len; i++)
		for (bit = 7; bit >= 0; bit--) {
			if (data[i] >> bit & 1)
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	return hash;
}

static bool rule_matches_ipv4(const struct ethtool_rx_flow_spec *fs, const struct krnic_flow *f, __be32 spi)
{
	const struct ethtool_ah_espip4_spec *v = &fs->h_u.esp_ip4_spec, *m = &fs->m_u.esp_ip4_spec;

	return !((spi ^ v->spi) & m->spi) && !((f->saddr.a4 ^ v->ip4src) & m->ip4src) &&
	       !((f->daddr.a4 ^ v->ip4dst) & m->ip4dst);
}

static bool rule_matches_ipv6(const struct ethtool_rx_flow_spec *fs, const struct krnic_flow *f, __be32 spi)
{
	const struct ethtool_ah_espip6_spec *v = &fs->h_u.esp_ip6_spec, *m = &fs->m_u.esp_ip6_spec;
	int i;

	for (i = 0; i < 4; i++)
		if ((f->saddr.a6[i] ^ v->ip6src[i]) & m->ip6src[i] || (f->daddr.a6[i] ^ v->ip6dst[i]) & m->ip6dst[i])
			return false;
	return !((spi ^ v->spi) & m->spi);
}

static struct krnic_rule *rule_find(struct krnic *nic, const struct krnic_flow *f, __be32 spi)
{
	int i;

	for (i = 0; i < KRNIC_RULES; i++) {
		struct krnic_rule *rule = &nic->rule[i];

		if (!rule->used || rule->fs.flow_type != (f->family == AF_INET ? ESP_V4_FLOW : ESP_V6_FLOW))
			continue;
		if (f->family == AF_INET ? rule_matches_ipv4(&rule->fs, f, spi) : rule_matches_ipv6(&rule->fs, f, spi))
			return rule;
	}
	return NULL;
}

/* The first four octets behind the IP header, where they are hashed: SPI or ports. */
static const u8 *hashed_l4(const struct krnic_flow *f, const struct sk_buff *skb)
{
	if (f->protocol != IPPROTO_ESP && f->protocol != IPPROTO_UDP && f->protocol != IPPROTO_TCP)
		return NULL;
	return !f->fragment && f->end >= f->l4 + 4 ? skb->data + f->l4 : NULL;
}

unsigned int krnic_queue_pick(struct krnic *nic, struct sk_buff *skb)
{
	__be16 type = ((const struct ethhdr *)skb->data)->h_proto;
	struct krnic_rule *rule = NULL;
	unsigned int queue, len;
	struct krnic_flow f;
	const u8 *l4;
	u8 in[36];
	u32 hash;

	if ((type != htons(ETH_P_IP) && type != htons(ETH_P_IPV6)) || !krnic_flow_read(&f, skb, ETH_HLEN, type))
		return 0;
	len = f.family == AF_INET ? 4 : 16;
	memcpy(in, &f.saddr, len);
	memcpy(in + len, &f.daddr, len);
	len *= 2;
	l4 = hashed_l4(&f, skb);
	if (l4) {
		memcpy(in + len, l4, 4);
		len += 4;
	}
	spin_lock(&nic->lock);
	hash = toeplitz(nic->key, in, len);
	queue = nic->indir[hash % KRNIC_INDIR];
	if (l4 && f.protocol == IPPROTO_ESP)
		rule = rule_find(nic, &f, (__force __be32)get_unaligned((const u32 *)l4));
	if (rule) {
		rule->hits++;
		queue = rule->fs.ring_cookie;
	}
	spin_unlock(&nic->lock);
	skb_set_hash(skb, hash, l4 ? PKT_HASH_TYPE_L4 : PKT_HASH_TYPE_L3);
	return queue % nic->queues;
}

void krnic_rss_default(struct krnic *nic)
{
	int i;

	for (i = 0; i < KRNIC_INDIR; i++)
		nic->indir[i] = ethtool_rxfh_indir_default(i, nic->queues);
}
