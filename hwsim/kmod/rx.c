// SPDX-License-Identifier: GPL-2.0 OR MIT
/* From the cable to the host: queue, interrupt, NAPI, SA, policy. */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/udp.h>

#include "krnic.h"

/* ---- a packet, on its queue's CPU ---- */

static __be16 type_of(const struct sk_buff *skb)
{
	return ((const struct ethhdr *)skb->data)->h_proto;
}

static bool is_ip(__be16 type)
{
	return type == htons(ETH_P_IP) || type == htons(ETH_P_IPV6);
}

/*
 * ESP, perhaps in UDP, that the card has the SA for; with a reference to its state. Fragments, and in crypto offload
 * what is behind IP options, are left to the host.
 */
static struct krnic_sa *sa_for(struct krnic *nic, const struct sk_buff *skb, const struct krnic_flow *f,
			       unsigned int *esp_at)
{
	unsigned int at = f->protocol == IPPROTO_UDP ? f->l4 + sizeof(struct udphdr) : f->l4;
	struct krnic_sa *sa;
	__be32 spi;

	if ((f->protocol != IPPROTO_ESP && f->protocol != IPPROTO_UDP) || f->fragment || f->end < at + 8)
		return NULL;
	spi = (__force __be32)get_unaligned((const u32 *)(skb->data + at));
	if (!spi) /* IKE, not ESP, in UDP: RFC 3948 2.2 */
		return NULL;
	*esp_at = at;
	sa = krnic_sa_for_rx(nic, f, spi);
	if (!sa && f->protocol == IPPROTO_ESP)
		krnic_count(nic, KRNIC_rx_no_sa);
	if (sa && sa->crypto && f->options) {
		xfrm_state_put(sa->x);
		return NULL;
	}
	return sa;
}

/* Says to the stack what the card has done. Takes over the reference to the state if it returns true. */
static bool mark_done(struct sk_buff *skb, struct krnic_sa *sa, u32 status)
{
	struct sec_path *sp = secpath_set(skb);
	struct xfrm_offload *xo;

	if (!sp)
		return false;
	sp->xvec[sp->len++] = sa->x;
	sp->olen++;
	xo = xfrm_offload(skb);
	xo->flags = CRYPTO_DONE;
	xo->status = status;
	if (sa->x->encap && sa->x->props.mode == XFRM_MODE_TRANSPORT)
		skb->ip_summed = CHECKSUM_UNNECESSARY; /* a NAT may have changed addresses below it: RFC 3948 3.1.2 */
	return true;
}

/*
 * The stack asks no policy about what the card has decrypted in packet offload (net/xfrm.h, __xfrm_policy_check2): the
 * card does. sa: of packet offload, or NULL.
 */
static bool is_allowed(struct krnic *nic, const struct krnic_flow *f, const struct krnic_sa *sa)
{
	struct xfrm_tmpl tmpl;

	if (sa && sa->x->sel.family && !krnic_flow_matches(f, &sa->x->sel))
		return false;
	switch (krnic_policy_lookup(nic, XFRM_DEV_OFFLOAD_IN, f, &tmpl)) {
	case KRNIC_NO_POLICY:
	case KRNIC_BYPASS:
		return !sa;
	case KRNIC_PROTECT:
		/* ESP without an SA in the card is for the host, which has policies too */
		return sa ? sa->x->props.reqid == tmpl.reqid : f->protocol == IPPROTO_ESP;
	case KRNIC_BLOCK:
		break;
	}
	return false;
}

/* The reference to the SA's state goes with the packet, or is put. */
static bool ingress_packet(struct krnic *nic, struct sk_buff *skb, struct krnic_sa *sa, const struct krnic_flow *f,
			   unsigned int esp_at)
{
	struct krnic_flow inner;

	if (krnic_esp_decapsulate(nic, sa, skb, f, esp_at))
		goto drop;
	if (!krnic_flow_read(&inner, skb, ETH_HLEN, type_of(skb)) || !is_allowed(nic, &inner, sa)) {
		krnic_count(nic, KRNIC_rx_policy);
		goto drop;
	}
	if (mark_done(skb, sa, CRYPTO_SUCCESS)) {
		krnic_count(nic, KRNIC_rx_esp);
		return true;
	}
	krnic_count(nic, KRNIC_rx_drop);
drop:
	xfrm_state_put(sa->x);
	return false;
}

static bool ingress_crypto(struct krnic *nic, struct sk_buff *skb, struct krnic_sa *sa, const struct krnic_flow *f,
			   unsigned int esp_at)
{
	int err = krnic_esp_decrypt(nic, sa, skb, f, esp_at);
	bool tunnel = sa->x->props.mode == XFRM_MODE_TUNNEL;
	u32 status = CRYPTO_SUCCESS;

	if (err && err != -EBADMSG)
		goto drop;
	if (err)
		status = tunnel ? CRYPTO_TUNNEL_ESP_AUTH_FAILED : CRYPTO_TRANSPORT_ESP_AUTH_FAILED;
	if (mark_done(skb, sa, status)) {
		if (!err)
			krnic_count(nic, KRNIC_rx_esp);
		return true;
	}
	krnic_count(nic, KRNIC_rx_drop);
drop:
	xfrm_state_put(sa->x);
	return false;
}

/* False: dropped and counted. */
static bool ingress(struct krnic *nic, struct sk_buff *skb)
{
	unsigned int esp_at = 0;
	struct krnic_flow f;
	struct krnic_sa *sa;

	if (!is_ip(type_of(skb)) || !krnic_flow_read(&f, skb, ETH_HLEN, type_of(skb)))
		return true;
	sa = sa_for(nic, skb, &f, &esp_at);
	if (sa)
		return sa->crypto ? ingress_crypto(nic, skb, sa, &f, esp_at) :
				    ingress_packet(nic, skb, sa, &f, esp_at);
	if (!is_allowed(nic, &f, NULL)) {
		krnic_count(nic, KRNIC_rx_policy);
		return false;
	}
	krnic_count(nic, KRNIC_rx_plain);
	return true;
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
	napi_gro_receive(&rxq->napi, skb); /* crypto offload goes on in esp4_gro_receive and esp6_gro_receive */
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

	for (q = 0; q < nic->queues_max; q++) {
		/* the peer may just have looked whether this end is up when it went down */
		skb_queue_purge(&nic->rxq[q].list);
		napi_enable(&nic->rxq[q].napi);
	}
}

void krnic_rxqs_stop(struct krnic *nic)
{
	unsigned int q;

	for (q = 0; q < nic->queues_max; q++) {
		napi_disable(&nic->rxq[q].napi);
		skb_queue_purge(&nic->rxq[q].list);
	}
}
