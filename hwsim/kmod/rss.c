// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Receive side scaling: Toeplitz over source address, destination address, and then the SPI of ESP or the ports of TCP
 * and UDP, all as they are on the wire; and the rules that come before it.
 */
#include <linux/etherdevice.h>
#include <linux/unaligned.h>
#include <net/ip.h>

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

static bool rule_matches(const struct krnic_rule *rule, const struct iphdr *ip, __be32 spi)
{
	const struct ethtool_ah_espip4_spec *v = &rule->fs.h_u.esp_ip4_spec, *m = &rule->fs.m_u.esp_ip4_spec;

	return rule->used && !((spi ^ v->spi) & m->spi) && !((ip->saddr ^ v->ip4src) & m->ip4src) &&
	       !((ip->daddr ^ v->ip4dst) & m->ip4dst);
}

static struct krnic_rule *rule_find(struct krnic *nic, const struct iphdr *ip, __be32 spi)
{
	int i;

	for (i = 0; i < KRNIC_RULES; i++)
		if (rule_matches(&nic->rule[i], ip, spi))
			return &nic->rule[i];
	return NULL;
}

/* The first four octets behind the IP header, where they are hashed. */
static bool has_ports(const struct iphdr *ip)
{
	return (ip->protocol == IPPROTO_ESP || ip->protocol == IPPROTO_UDP || ip->protocol == IPPROTO_TCP) &&
	       !ip_is_fragment(ip);
}

unsigned int krnic_queue_pick(struct krnic *nic, struct sk_buff *skb)
{
	const struct iphdr *ip = (const struct iphdr *)(skb->data + ETH_HLEN);
	struct krnic_rule *rule = NULL;
	unsigned int queue, len = 8;
	u8 in[12];
	u32 hash;

	if (((const struct ethhdr *)skb->data)->h_proto != htons(ETH_P_IP) || skb->len < ETH_HLEN + sizeof(*ip) + 4 ||
	    ip->ihl < 5 || skb->len < ETH_HLEN + ip->ihl * 4 + 4)
		return 0;
	memcpy(in, &ip->saddr, 4);
	memcpy(in + 4, &ip->daddr, 4);
	if (has_ports(ip)) {
		memcpy(in + len, (const u8 *)ip + ip->ihl * 4, 4);
		len += 4;
	}
	spin_lock(&nic->lock);
	hash = toeplitz(nic->key, in, len);
	queue = nic->indir[hash % KRNIC_INDIR];
	if (ip->protocol == IPPROTO_ESP && len > 8)
		rule = rule_find(nic, ip, (__force __be32)get_unaligned((u32 *)(in + 8)));
	if (rule) {
		rule->hits++;
		queue = rule->fs.ring_cookie;
	}
	spin_unlock(&nic->lock);
	skb_set_hash(skb, hash, len > 8 ? PKT_HASH_TYPE_L4 : PKT_HASH_TYPE_L3);
	return queue % nic->queues;
}

void krnic_rss_default(struct krnic *nic)
{
	int i;

	for (i = 0; i < KRNIC_INDIR; i++)
		nic->indir[i] = ethtool_rxfh_indir_default(i, nic->queues);
}
