// SPDX-License-Identifier: GPL-2.0 OR MIT
/* From the host to the cable: policy, SA, ESP. */
#include <linux/etherdevice.h>

#include "krnic.h"

/* ---- what becomes of a packet: each returns the frame that leaves, or NULL, and has taken the packet over ---- */

static struct sk_buff *drop(struct krnic *nic, struct sk_buff *skb, enum krnic_counter reason)
{
	krnic_count(nic, reason);
	kfree_skb(skb);
	return NULL;
}

/* The frame itself goes, without what the sending host knows of it. */
static struct sk_buff *forget_host(struct sk_buff *skb)
{
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
	return skb;
}

static struct sk_buff *pass(struct krnic *nic, struct sk_buff *skb, enum krnic_counter reason)
{
	skb = skb_unshare(skb, GFP_ATOMIC);
	if (!skb) {
		krnic_count(nic, KRNIC_tx_drop);
		return NULL;
	}
	krnic_count(nic, reason);
	return forget_host(skb);
}

static struct sk_buff *protect(struct krnic *nic, struct sk_buff *skb, const struct krnic_flow *f,
			       const struct xfrm_tmpl *t)
{
	struct krnic_sa *sa;
	struct sk_buff *n;

	do { /* again if it was deleted after it was chosen: what replaces it was there before that */
		sa = krnic_sa_for_tx(nic, t, f);
		if (!sa)
			return drop(nic, skb, KRNIC_tx_no_sa);
		n = krnic_esp_encapsulate(nic, sa, skb, f);
		xfrm_state_put(sa->x);
	} while (IS_ERR(n));
	consume_skb(skb);
	return n;
}

/* The kernel has built ESP in clear, for this card to encrypt: never does it leave as it is. */
static bool wants_crypto(struct sk_buff *skb)
{
	const struct xfrm_offload *xo = xfrm_offload(skb);

	return xo && xo->flags & XFRM_XMIT;
}

static struct sk_buff *encrypt(struct krnic *nic, struct sk_buff *skb, const struct krnic_flow *f)
{
	struct krnic_sa *sa;

	skb = skb_unshare(skb, GFP_ATOMIC);
	sa = skb ? krnic_sa_for_crypto(nic, xfrm_input_state(skb)) : NULL;
	if (!sa)
		return drop(nic, skb, KRNIC_tx_drop);
	if (!krnic_esp_encrypt(nic, sa, skb, f)) {
		kfree_skb(skb);
		return NULL;
	}
	return forget_host(skb);
}

static struct sk_buff *egress(struct krnic *nic, struct sk_buff *skb)
{
	struct xfrm_tmpl tmpl;
	struct krnic_flow f;

	if (skb->protocol != htons(ETH_P_IP) && skb->protocol != htons(ETH_P_IPV6))
		return pass(nic, skb, KRNIC_tx_other);
	if (!krnic_flow_read(&f, skb, skb_network_offset(skb), skb->protocol))
		return drop(nic, skb, KRNIC_tx_header);
	if (wants_crypto(skb))
		return encrypt(nic, skb, &f);
	switch (krnic_policy_lookup(nic, XFRM_DEV_OFFLOAD_OUT, &f, &tmpl)) {
	case KRNIC_NO_POLICY:
		return pass(nic, skb, KRNIC_tx_plain);
	case KRNIC_BYPASS:
		return pass(nic, skb, KRNIC_tx_bypass);
	case KRNIC_PROTECT:
		return protect(nic, skb, &f, &tmpl);
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
