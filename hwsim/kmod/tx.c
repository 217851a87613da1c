// SPDX-License-Identifier: GPL-2.0 OR MIT
/* From the host to the cable: policy, SA, ESP. */
#include <linux/etherdevice.h>
#include <net/ip.h>

#include "krnic.h"

static bool is_ipv4(const struct sk_buff *skb)
{
	unsigned int at = skb_network_offset(skb);
	const struct iphdr *ip;

	if (skb->protocol != htons(ETH_P_IP) || skb->len < at + sizeof(*ip))
		return false;
	ip = ip_hdr(skb);
	return ip->version == 4 && ip->ihl >= 5 && ntohs(ip->tot_len) >= ip->ihl * 4 &&
	       skb->len >= at + ntohs(ip->tot_len);
}

/* In clear: the frame itself goes, without what the sending host knows of it. NULL: dropped. */
static struct sk_buff *pass(struct krnic *nic, struct sk_buff *skb, enum krnic_counter reason)
{
	skb = skb_unshare(skb, GFP_ATOMIC);
	if (!skb) {
		krnic_count(nic, KRNIC_tx_drop);
		return NULL;
	}
	krnic_count(nic, reason);
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	return skb;
}

static struct sk_buff *drop(struct krnic *nic, struct sk_buff *skb, enum krnic_counter reason)
{
	krnic_count(nic, reason);
	kfree_skb(skb);
	return NULL;
}

static struct sk_buff *protect(struct krnic *nic, struct sk_buff *skb, u32 reqid)
{
	struct krnic_sa *sa = krnic_sa_for_tx(nic, reqid);
	struct sk_buff *n;

	if (!sa)
		return drop(nic, skb, KRNIC_tx_no_sa);
	n = krnic_esp_encrypt(nic, sa, skb);
	xfrm_state_put(sa->x);
	consume_skb(skb);
	return n;
}

/* What leaves for this packet, which it takes over; NULL: nothing. */
static struct sk_buff *egress(struct krnic *nic, struct sk_buff *skb)
{
	u32 reqid = 0;

	if (!is_ipv4(skb))
		return pass(nic, skb, KRNIC_tx_other);
	switch (krnic_policy_lookup(nic, XFRM_DEV_OFFLOAD_OUT, skb, &reqid)) {
	case KRNIC_NO_POLICY:
		return pass(nic, skb, KRNIC_tx_plain);
	case KRNIC_BYPASS:
		return pass(nic, skb, KRNIC_tx_bypass);
	case KRNIC_PROTECT:
		return protect(nic, skb, reqid);
	case KRNIC_BLOCK:
		break;
	}
	return drop(nic, skb, KRNIC_tx_block);
}

netdev_tx_t krnic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct krnic *nic = netdev_priv(dev);

	if (skb_linearize(skb)) {
		drop(nic, skb, KRNIC_tx_drop);
		return NETDEV_TX_OK;
	}
	dev_sw_netstats_tx_add(dev, 1, skb->len);
	nic->txq_packets[skb_get_queue_mapping(skb)]++;
	skb = egress(nic, skb);
	if (skb && netif_running(nic->peer->dev))
		krnic_receive(nic->peer, skb);
	else if (skb)
		drop(nic, skb, KRNIC_tx_drop);
	return NETDEV_TX_OK;
}
