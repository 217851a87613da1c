// SPDX-License-Identifier: GPL-2.0 OR MIT
/* ESP on the way in (RFC 4303 3.4): the whole of it in packet offload, decryption alone in crypto offload. */
#include <linux/etherdevice.h>
#include <net/inet_ecn.h>

#include "krnic.h"

/* A number that may be new, then the cipher. Returns 0 and the number, or -errno: counted. */
static int body_open(struct krnic *nic, struct krnic_sa *sa, u8 *esp, int len, u64 *seq)
{
	int err;

	if (len < 4 || len % 4) {
		krnic_count(nic, KRNIC_rx_malformed);
		return -EINVAL;
	}
	if (!krnic_sa_check_seq(sa, get_unaligned_be32(esp + 4), seq)) {
		krnic_count(nic, KRNIC_rx_replay);
		return -EALREADY;
	}
	err = krnic_cipher_open(sa, esp, len, *seq);
	if (err == -EBADMSG)
		krnic_sa_count_forged(sa);
	if (err)
		krnic_count(nic, err == -EBADMSG ? KRNIC_rx_auth_fail : KRNIC_rx_drop);
	return err;
}

/* ---- packet offload ---- */

/* What the outer header tells the inner one (RFC 6040; net/xfrm/xfrm_input.c, xfrm4_remove_tunnel_encap). */
static void dsfield_restore(const struct xfrm_state *x, struct sk_buff *skb, u8 *inner, u8 outer)
{
	bool ce = !(x->props.flags & XFRM_STATE_NOECN) && INET_ECN_is_ce(outer);

	if (*inner >> 4 == 4) {
		struct iphdr *ip = (struct iphdr *)inner;

		if (x->props.flags & XFRM_STATE_DECAP_DSCP)
			ipv4_copy_dscp(outer, ip);
		if (ce)
			IP_ECN_set_ce(ip);
	} else {
		struct ipv6hdr *ip = (struct ipv6hdr *)inner;

		if (x->props.flags & XFRM_STATE_DECAP_DSCP)
			ipv6_copy_dscp(outer, ip);
		if (ce)
			IP6_ECN_set_ce(skb, ip);
	}
}

static u8 outer_dsfield(const u8 *ip)
{
	return *ip >> 4 == 4 ? ipv4_get_dsfield((const struct iphdr *)ip) :
			       ipv6_get_dsfield((const struct ipv6hdr *)ip);
}

/* Transport mode: the packet's own header moves up to what was protected, and says so. Returns where it is now. */
static u8 *header_restore(u8 *ip, unsigned int header, u8 *body, unsigned int len, u8 next)
{
	u8 *to = body - header;

	memmove(to, ip, header);
	if (*to >> 4 == 4) {
		struct iphdr *o = (struct iphdr *)to;

		o->protocol = next;
		o->tot_len = htons(header + len);
		o->check = 0;
		o->check = ip_fast_csum(o, o->ihl);
	} else {
		struct ipv6hdr *o = (struct ipv6hdr *)to;

		o->nexthdr = next;
		o->payload_len = htons(len);
	}
	return to;
}

/* What was protected, of len octets and named by next, becomes the packet; the MAC header moves up to it. */
static bool inner_restore(struct sk_buff *skb, const struct krnic_sa *sa, const struct krnic_flow *f, u8 *body,
			  unsigned int len, u8 next)
{
	struct ethhdr eth = *(struct ethhdr *)skb->data;
	u8 *ip = skb->data + f->l3, dsfield = outer_dsfield(ip);
	struct krnic_flow inner;

	if (sa->x->props.mode == XFRM_MODE_TUNNEL) {
		if (next != IPPROTO_IPIP && next != IPPROTO_IPV6)
			return false;
		eth.h_proto = next == IPPROTO_IPIP ? htons(ETH_P_IP) : htons(ETH_P_IPV6);
		ip = body;
	} else {
		if (next == IPPROTO_NONE) /* a dummy packet (RFC 4303 2.6) */
			return false;
		ip = header_restore(ip, f->l4 - f->l3, body, len, next);
		len += f->l4 - f->l3;
	}
	skb_pull(skb, ip - skb->data - ETH_HLEN);
	skb_trim(skb, ETH_HLEN + len);
	memcpy(skb->data, &eth, ETH_HLEN);
	if (!krnic_flow_read(&inner, skb, ETH_HLEN, eth.h_proto))
		return false;
	skb_trim(skb, inner.end); /* what is left is padding for secrecy (2.7) */
	if (sa->x->props.mode == XFRM_MODE_TUNNEL)
		dsfield_restore(sa->x, skb, ip, dsfield);
	return true;
}

int krnic_esp_decapsulate(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb, const struct krnic_flow *f,
			  unsigned int esp_at)
{
	int len = (int)(f->end - esp_at) - KRNIC_ESP_HEADER - KRNIC_ICV, err;
	u8 *esp = skb->data + esp_at, *body = esp + KRNIC_ESP_HEADER;
	unsigned int bytes;
	u64 seq;

	if (f->options) { /* as mlx5: not a header that the card can take off */
		krnic_count(nic, KRNIC_rx_malformed);
		return -EINVAL;
	}
	err = body_open(nic, sa, esp, len, &seq);
	if (err)
		return err;
	if (body[len - 2] + 2 > len) {
		krnic_count(nic, KRNIC_rx_malformed);
		return -EINVAL;
	}
	bytes = len - body[len - 2] - 2;
	err = krnic_sa_accept_seq(sa, seq, bytes + (sa->x->props.mode == XFRM_MODE_TUNNEL ? 0 : f->l4 - f->l3));
	if (err) {
		krnic_count(nic, err == -EALREADY ? KRNIC_rx_replay : KRNIC_rx_drop);
		return err;
	}
	if (!inner_restore(skb, sa, f, body, bytes, body[len - 1])) {
		krnic_count(nic, KRNIC_rx_malformed);
		return -EINVAL;
	}
	return 0;
}

/* ---- crypto offload ---- */

int krnic_esp_decrypt(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb, const struct krnic_flow *f,
		      unsigned int esp_at)
{
	int len = (int)(f->end - esp_at) - KRNIC_ESP_HEADER - KRNIC_ICV;
	u64 seq;
	int err = body_open(nic, sa, skb->data + esp_at, len, &seq);

	if (!err && !krnic_sa_note_seq(sa, f->end - f->l3, seq)) {
		krnic_count(nic, KRNIC_rx_drop);
		err = -EKEYEXPIRED;
	}
	return err;
}
