// SPDX-License-Identifier: GPL-2.0 OR MIT
/* ESP on the way out (RFC 4303 3.3): the whole of it in packet offload, encryption alone in crypto offload. */
#include <linux/etherdevice.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/inet_ecn.h>
#include <net/ip6_checksum.h>

#include "krnic.h"

struct layout {
	const u8 *from;        /* what is protected: all of the packet in tunnel mode, else what is behind its header */
	unsigned int len, pad; /* octets of it, and of padding */
	unsigned int header;   /* octets of the IP header in front */
	unsigned int outer;    /* octets in front of ESP: the IP header, and UDP's if there is one */
	unsigned int total;    /* octets of the whole IP packet */
	u8 next;
};

/* False: the packet is not one that can be taken apart (transport mode). */
static bool layout_make(struct layout *l, const struct xfrm_state *x, const struct sk_buff *skb,
			const struct krnic_flow *f)
{
	if (x->props.mode == XFRM_MODE_TUNNEL) {
		l->from = skb->data + f->l3;
		l->next = f->family == AF_INET ? IPPROTO_IPIP : IPPROTO_IPV6;
	} else if (f->options || f->fragment || f->family != x->props.family) {
		return false;
	} else {
		l->from = skb->data + f->l4;
		l->next = f->protocol;
	}
	l->len = skb->data + f->end - l->from;
	l->pad = ALIGN(l->len + 2, 4) - l->len - 2;
	l->header = x->props.family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	l->outer = l->header + (x->encap ? sizeof(struct udphdr) : 0);
	l->total = l->outer + KRNIC_ESP_HEADER + l->len + l->pad + 2 + KRNIC_ICV;
	return true;
}

/* ---- the header in front: the packet's own in transport mode, a new one in tunnel mode ---- */

/* As Linux chooses them (net/xfrm/xfrm_output.c, xfrm4_tunnel_encap_add). */
static u8 outer_dsfield(const struct xfrm_state *x, u8 inner)
{
	u8 outer = x->props.extra_flags & XFRM_SA_XFLAG_DONT_ENCAP_DSCP ? 0 : inner;

	outer = INET_ECN_encapsulate(outer, inner);
	return x->props.flags & XFRM_STATE_NOECN ? outer & ~INET_ECN_MASK : outer;
}

static u8 dsfield_of(const u8 *packet, u8 family)
{
	return family == AF_INET ? ipv4_get_dsfield((const struct iphdr *)packet) :
				   ipv6_get_dsfield((const struct ipv6hdr *)packet);
}

static bool has_df(const struct xfrm_state *x, const u8 *packet, u8 family)
{
	if (x->props.flags & XFRM_STATE_NOPMTUDISC)
		return false;
	return family == AF_INET6 || ((const struct iphdr *)packet)->frag_off & htons(IP_DF);
}

static void ipv4_put(u8 *to, const struct xfrm_state *x, const struct layout *l, const u8 *packet, u8 family, u64 seq)
{
	struct iphdr *o = (struct iphdr *)to;

	if (x->props.mode == XFRM_MODE_TUNNEL) {
		*o = (struct iphdr){
			.version = 4,
			.ihl = 5,
			.tos = outer_dsfield(x, dsfield_of(packet, family)),
			.id = htons((u16)seq),
			.frag_off = has_df(x, packet, family) ? htons(IP_DF) : 0,
			.ttl = IPDEFTTL,
			.saddr = x->props.saddr.a4,
			.daddr = x->id.daddr.a4,
		};
	} else {
		memcpy(o, packet, sizeof(*o));
	}
	o->protocol = x->encap ? IPPROTO_UDP : IPPROTO_ESP;
	o->tot_len = htons(l->total);
	o->check = 0;
	o->check = ip_fast_csum(o, o->ihl);
}

static void ipv6_put(u8 *to, const struct xfrm_state *x, const struct layout *l, const u8 *packet, u8 family)
{
	struct ipv6hdr *o = (struct ipv6hdr *)to;

	if (x->props.mode == XFRM_MODE_TUNNEL) {
		*o = (struct ipv6hdr){
			.version = 6,
			.hop_limit = IPDEFTTL,
			.saddr = x->props.saddr.in6,
			.daddr = x->id.daddr.in6,
		};
		ipv6_change_dsfield(o, 0, outer_dsfield(x, dsfield_of(packet, family)));
	} else {
		memcpy(o, packet, sizeof(*o));
	}
	o->nexthdr = x->encap ? IPPROTO_UDP : IPPROTO_ESP;
	o->payload_len = htons(l->total - sizeof(*o));
}

/* The last thing to be written: with IPv6 its checksum covers the rest (RFC 3948 2.1 has none with IPv4). */
static void udp_put(u8 *packet, const struct xfrm_state *x, const struct layout *l)
{
	struct udphdr *udp = (struct udphdr *)(packet + l->header);
	unsigned int len = l->total - l->header;
	const struct ipv6hdr *ip = (const struct ipv6hdr *)packet;

	udp->source = x->encap->encap_sport;
	udp->dest = x->encap->encap_dport;
	udp->len = htons(len);
	udp->check = 0;
	if (x->props.family == AF_INET)
		return;
	udp->check = csum_ipv6_magic(&ip->saddr, &ip->daddr, len, IPPROTO_UDP, csum_partial(udp, len, 0));
	if (!udp->check)
		udp->check = CSUM_MANGLED_0;
}

/* ---- ESP ---- */

static int esp_put(struct krnic_sa *sa, u8 *esp, const struct layout *l, u64 seq)
{
	__be32 head[2] = {sa->x->id.spi, htonl((u32)seq)};
	u8 *body = esp + KRNIC_ESP_HEADER;
	unsigned int i;

	memcpy(esp, head, sizeof(head));
	memcpy(body, l->from, l->len);
	for (i = 0; i < l->pad; i++)
		body[l->len + i] = i + 1;
	body[l->len + l->pad] = l->pad;
	body[l->len + l->pad + 1] = l->next;
	return krnic_cipher_seal(sa, esp, l->len + l->pad + 2, seq);
}

static bool packet_put(struct krnic_sa *sa, u8 *to, const struct layout *l, const u8 *packet, u8 family, u64 seq)
{
	if (sa->x->props.family == AF_INET)
		ipv4_put(to, sa->x, l, packet, family, seq);
	else
		ipv6_put(to, sa->x, l, packet, family);
	if (esp_put(sa, to + l->outer, l, seq))
		return false;
	if (sa->x->encap)
		udp_put(to, sa->x, l);
	return true;
}

struct sk_buff *krnic_esp_encapsulate(struct krnic *nic, struct krnic_sa *sa, const struct sk_buff *skb,
				      const struct krnic_flow *f)
{
	enum krnic_counter why = KRNIC_tx_drop;
	struct sk_buff *n = NULL;
	struct layout l;
	u64 seq;

	if (!layout_make(&l, sa->x, skb, f)) {
		why = KRNIC_tx_header;
		goto drop;
	}
	if (l.total > READ_ONCE(nic->dev->mtu)) {
		why = KRNIC_tx_too_big;
		goto drop;
	}
	n = netdev_alloc_skb(nic->peer->dev, NET_IP_ALIGN + ETH_HLEN + l.total);
	if (!n)
		goto drop;
	if (!krnic_sa_take_seq(sa, f->end - f->l3, &seq)) {
		if (READ_ONCE(sa->x->km.state) == XFRM_STATE_VALID)
			goto drop;
		kfree_skb(n);
		return ERR_PTR(-ESTALE);
	}
	skb_reserve(n, NET_IP_ALIGN + ETH_HLEN);
	if (!packet_put(sa, skb_put(n, l.total), &l, skb->data + f->l3, f->family, seq))
		goto drop;
	eth_header(n, nic->peer->dev, sa->x->props.family == AF_INET ? ETH_P_IP : ETH_P_IPV6, nic->peer->dev->dev_addr,
		   nic->dev->dev_addr, l.total);
	krnic_count(nic, KRNIC_tx_esp);
	return n;
drop:
	kfree_skb(n);
	krnic_count(nic, why);
	return NULL;
}

/* ---- crypto offload: the kernel has built it all but the IV, the cipher text and the ICV ---- */

/*
 * The low half is in the packet. Of a segment of a large one, the kernel has counted on to the next one's number (net/
 * ipv4/esp4_offload.c, esp_xmit), and that may have been over the edge.
 */
static u64 seq_of(const struct xfrm_offload *xo, const u8 *esp)
{
	u32 lo = get_unaligned_be32(esp + 4), hi = xo->seq.hi;

	if (xo->flags & XFRM_GSO_SEGMENT && lo == U32_MAX && !xo->seq.low)
		hi--;
	return (u64)hi << 32 | lo;
}

bool krnic_esp_encrypt(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb, const struct krnic_flow *f)
{
	int len = f->end - f->l4 - KRNIC_ESP_HEADER - KRNIC_ICV;
	u8 *esp = skb->data + f->l4;
	u64 seq;

	if (f->protocol != IPPROTO_ESP || f->options || f->fragment || len < 4 ||
	    get_unaligned((u32 *)esp) != (__force u32)sa->x->id.spi) {
		krnic_count(nic, KRNIC_tx_header);
		return false;
	}
	if (f->end - f->l3 > READ_ONCE(nic->dev->mtu)) {
		krnic_count(nic, KRNIC_tx_too_big);
		return false;
	}
	seq = seq_of(xfrm_offload(skb), esp);
	if (!krnic_sa_note_seq(sa, f->end - f->l3, seq) || krnic_cipher_seal(sa, esp, len, seq)) {
		krnic_count(nic, KRNIC_tx_drop);
		return false;
	}
	krnic_count(nic, KRNIC_tx_esp);
	return true;
}
