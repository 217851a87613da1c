// SPDX-License-Identifier: GPL-2.0 OR MIT
/* From the cable to the host: queue, interrupt, NAPI, SA, policy. */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <net/ip.h>

#include "krnic.h"

/* ---- a packet, on its queue's CPU ---- */

static bool is_ipv4(const struct sk_buff *skb)
{
	const struct iphdr *ip = (const struct iphdr *)(skb->data + ETH_HLEN);

	return ((const struct ethhdr *)skb->data)->h_proto == htons(ETH_P_IP) && skb->len >= ETH_HLEN + sizeof(*ip) &&
	       ip->version == 4 && ip->ihl >= 5 && ntohs(ip->tot_len) >= ip->ihl * 4 &&
	       skb->len >= ETH_HLEN + ntohs(ip->tot_len);
}

static __be32 spi_of(const struct iphdr *ip)
{
	return (__force __be32)get_unaligned((const u32 *)((const u8 *)ip + ip->ihl * 4));
}

/* ESP that the card has the SA for; with a reference to its state. */
static struct krnic_sa *sa_for(struct krnic *nic, const struct sk_buff *skb)
{
	const struct iphdr *ip = ip_hdr(skb);
	struct krnic_sa *sa;

	if (ip->protocol != IPPROTO_ESP || ip_is_fragment(ip) || ntohs(ip->tot_len) < ip->ihl * 4 + 8)
		return NULL;
	sa = krnic_sa_for_rx(nic, spi_of(ip), ip->daddr);
	if (!sa)
		krnic_count(nic, KRNIC_rx_no_sa);
	return sa;
}

/* Says to the stack that the card has done it all. Takes over the reference to the state if it returns true. */
static bool mark_done(struct sk_buff *skb, struct krnic_sa *sa)
{
	struct sec_path *sp = secpath_set(skb);
	struct xfrm_offload *xo;

	if (!sp)
		return false;
	sp->xvec[sp->len++] = sa->x;
	sp->olen++;
	xo = xfrm_offload(skb);
	xo->flags = CRYPTO_DONE;
	xo->status = CRYPTO_SUCCESS;
	return true;
}

/* The stack asks no policy about what the card has decrypted (net/xfrm.h, __xfrm_policy_check2): the card does. */
static bool is_allowed(struct krnic *nic, const struct sk_buff *skb, const struct krnic_sa *sa)
{
	u32 reqid = 0;

	switch (krnic_policy_lookup(nic, XFRM_DEV_OFFLOAD_IN, skb, &reqid)) {
	case KRNIC_NO_POLICY:
	case KRNIC_BYPASS:
		return !sa;
	case KRNIC_PROTECT:
		/* ESP without an SA in the card is for the host, which has policies too */
		return sa ? sa->x->props.reqid == reqid : ip_hdr(skb)->protocol == IPPROTO_ESP;
	case KRNIC_BLOCK:
		break;
	}
	return false;
}

static bool ingress(struct krnic *nic, struct sk_buff *skb)
{
	struct krnic_sa *sa;

	if (!is_ipv4(skb))
		return true;
	skb_set_network_header(skb, ETH_HLEN);
	sa = sa_for(nic, skb);
	if (sa && krnic_esp_decrypt(nic, sa, skb))
		goto drop;
	if (!is_allowed(nic, skb, sa)) {
		krnic_count(nic, KRNIC_rx_policy);
		goto drop;
	}
	krnic_count(nic, sa ? KRNIC_rx_esp : KRNIC_rx_plain);
	if (!sa || mark_done(skb, sa))
		return true;
	krnic_count(nic, KRNIC_rx_drop);
drop:
	if (sa)
		xfrm_state_put(sa->x);
	return false;
}

static void deliver(struct krnic_rxq *rxq, struct sk_buff *skb)
{
	struct krnic *nic = rxq->nic;

	rxq->packets++;
	if (!ingress(nic, skb)) {
		kfree_skb(skb);
		return;
	}
	dev_sw_netstats_rx_add(nic->dev, skb->len);
	skb->protocol = eth_type_trans(skb, nic->dev);
	skb_record_rx_queue(skb, rxq->index);
	netif_receive_skb(skb);
}

static int krnic_poll(struct napi_struct *napi, int budget)
{
	struct krnic_rxq *rxq = container_of(napi, struct krnic_rxq, napi);
	struct sk_buff *skb;
	int done = 0;

	while (done < budget && (skb = skb_dequeue(&rxq->list))) {
		deliver(rxq, skb);
		done++;
	}
	if (done < budget && napi_complete_done(napi, done) && !skb_queue_empty(&rxq->list))
		napi_schedule(napi); /* one came between the look and the completion, without an interrupt */
	return done;
}

/* ---- interrupts ---- */

static void krnic_interrupt(void *data)
{
	struct krnic_rxq *rxq = data;

	napi_schedule(&rxq->napi);
}

/* With BH off. A call that is under way already will find this packet too. */
static void interrupt_raise(struct krnic_rxq *rxq)
{
	unsigned int cpu = READ_ONCE(rxq->cpu);

	if (cpu >= nr_cpu_ids || !cpu_online(cpu)) /* as the kernel moves a vector away from a CPU that goes */
		cpu = cpumask_first(cpu_online_mask);
	if (cpu == smp_processor_id())
		napi_schedule(&rxq->napi);
	else
		smp_call_function_single_async(cpu, &rxq->interrupt);
}

void krnic_receive(struct krnic *nic, struct sk_buff *skb)
{
	struct krnic_rxq *rxq = &nic->rxq[krnic_queue_pick(nic, skb)];

	if (skb_queue_len_lockless(&rxq->list) >= KRNIC_BACKLOG) {
		krnic_count(nic, KRNIC_rx_drop);
		kfree_skb(skb);
		return;
	}
	skb->dev = nic->dev;
	skb_queue_tail(&rxq->list, skb);
	interrupt_raise(rxq);
}

/* ---- life ---- */

int krnic_rxqs_init(struct krnic *nic)
{
	unsigned int q;

	nic->rxq = kcalloc(nic->queues_max, sizeof(*nic->rxq), GFP_KERNEL);
	if (!nic->rxq)
		return -ENOMEM;
	for (q = 0; q < nic->queues_max; q++) {
		struct krnic_rxq *rxq = &nic->rxq[q];

		rxq->nic = nic;
		rxq->index = q;
		rxq->cpu = q % nr_cpu_ids;
		skb_queue_head_init(&rxq->list);
		INIT_CSD(&rxq->interrupt, krnic_interrupt, rxq);
		netif_napi_add(nic->dev, &rxq->napi, krnic_poll);
	}
	return 0;
}

void krnic_rxqs_free(struct krnic *nic)
{
	unsigned int q;

	if (!nic->rxq)
		return;
	for (q = 0; q < nic->queues_max; q++) {
		netif_napi_del(&nic->rxq[q].napi);
		skb_queue_purge(&nic->rxq[q].list);
	}
	kfree(nic->rxq);
}

void krnic_rxqs_start(struct krnic *nic)
{
	unsigned int q;

	for (q = 0; q < nic->queues_max; q++)
		napi_enable(&nic->rxq[q].napi);
}

void krnic_rxqs_stop(struct krnic *nic)
{
	unsigned int q;

	for (q = 0; q < nic->queues_max; q++) {
		napi_disable(&nic->rxq[q].napi);
		skb_queue_purge(&nic->rxq[q].list);
	}
}
