// SPDX-License-Identifier: GPL-2.0 OR MIT
/* ESP with AES-GCM over IPv4 (RFC 4303, 4106), sequence numbers, replay window, and counting against the limits. */
#include <linux/etherdevice.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "krnic.h"

/* ---- counters and limits ---- */

/*
 * With x->lock held: one more packet, and whether the SA may carry it. The limits are the kernel's to judge: it sends
 * the soft event, and at hard it ends the state (net/xfrm/xfrm_state.c, xfrm_state_check_expire); so the packet that
 * reaches the hard limit is the last one.
 */
static bool sa_account(struct krnic_sa *sa, unsigned int bytes)
{
	struct xfrm_state *x = sa->x;

	if (x->km.state != XFRM_STATE_VALID)
		return false;
	sa->packets++;
	sa->bytes += bytes;
	x->lastused = ktime_get_real_seconds();
	(void)xfrm_state_check_expire(x);
	return true;
}

/* ---- out ---- */

static bool sa_take_seq(struct krnic_sa *sa, unsigned int bytes, u64 *seq)
{
	u64 last = sa->x->props.flags & XFRM_STATE_ESN ? U64_MAX : U32_MAX;
	bool good;

	spin_lock(&sa->x->lock);
	good = sa->seq < last && sa_account(sa, bytes);
	if (good)
		*seq = ++sa->seq;
	spin_unlock(&sa->x->lock);
	return good;
}

/* RFC 4106 section 5: SPI and sequence number, of 64 bits with ESN. */
static int aad_put(u8 aad[12], const struct xfrm_state *x, u64 seq)
{
	__be32 hi = htonl(seq >> 32), lo = htonl((u32)seq);
	bool esn = x->props.flags & XFRM_STATE_ESN;

	memcpy(aad, &x->id.spi, 4);
	memcpy(aad + 4, esn ? &hi : &lo, 4);
	memcpy(aad + 8, &lo, 4);
	return esn ? 12 : 8;
}

static void nonce_put(u8 nonce[GCM_AES_IV_SIZE], const struct krnic_sa *sa, const void *iv)
{
	memcpy(nonce, sa->salt, sizeof(sa->salt));
	memcpy(nonce + sizeof(sa->salt), iv, 8);
}

/* The header in front of ESP: the packet's own in transport mode, a new one in tunnel mode. */
static void outer_put(struct iphdr *o, const struct iphdr *ip, const struct xfrm_state *x, unsigned int len, u64 seq)
{
	*o = *ip;
	o->ihl = 5;
	o->protocol = IPPROTO_ESP;
	o->tot_len = htons(len);
	if (x->props.mode == XFRM_MODE_TUNNEL) {
		o->saddr = x->props.saddr.a4;
		o->daddr = x->id.daddr.a4;
		o->ttl = IPDEFTTL;
		o->id = htons((u16)seq);
		o->frag_off = ip->frag_off & htons(IP_DF);
	}
	o->check = 0;
	o->check = ip_fast_csum(o, o->ihl);
}

/* The body: what is protected, the trailer, the ICV. */
static void body_put(struct krnic_sa *sa, u8 *esp, const u8 *from, unsigned int len, unsigned int pad, u8 next, u64 seq)
{
	u8 nonce[GCM_AES_IV_SIZE], aad[12], *body = esp + KRNIC_ESP_HEADER;
	__be32 head[2] = {sa->x->id.spi, htonl((u32)seq)};
	__be64 iv = cpu_to_be64(seq);
	unsigned int i;
	int aad_len = aad_put(aad, sa->x, seq);

	memcpy(esp, head, sizeof(head));
	memcpy(esp + sizeof(head), &iv, sizeof(iv));
	memcpy(body, from, len);
	for (i = 0; i < pad; i++)
		body[len + i] = i + 1;
	body[len + pad] = pad;
	body[len + pad + 1] = next;
	len += pad + 2;
	nonce_put(nonce, sa, &iv);
	aesgcm_encrypt(&sa->gcm, body, body, len, aad, aad_len, nonce, body + len);
}

struct sk_buff *krnic_esp_encrypt(struct krnic *nic, struct krnic_sa *sa, const struct sk_buff *skb)
{
	const struct iphdr *ip = ip_hdr(skb);
	bool tunnel = sa->x->props.mode == XFRM_MODE_TUNNEL;
	unsigned int skip = tunnel ? 0 : sizeof(*ip), bytes = ntohs(ip->tot_len);
	unsigned int len = bytes - skip, pad = ALIGN(len + 2, 4) - len - 2;
	unsigned int outer_len = sizeof(*ip) + KRNIC_ESP_HEADER + len + pad + 2 + KRNIC_ICV;
	struct sk_buff *n;
	struct iphdr *o;
	u64 seq;

	/* as mlx5: a header with options is not a header that the card can split off */
	if ((ip->ihl != 5 && !tunnel) || outer_len > IP_MAX_MTU)
		goto drop;
	n = netdev_alloc_skb(nic->peer->dev, NET_IP_ALIGN + ETH_HLEN + outer_len);
	if (!n)
		goto drop;
	if (!sa_take_seq(sa, bytes, &seq)) {
		kfree_skb(n);
		goto drop;
	}
	skb_reserve(n, NET_IP_ALIGN + ETH_HLEN);
	o = skb_put(n, outer_len);
	outer_put(o, ip, sa->x, outer_len, seq);
	body_put(sa, (u8 *)(o + 1), (const u8 *)ip + skip, len, pad, tunnel ? IPPROTO_IPIP : ip->protocol, seq);
	skb_reset_network_header(n);
	eth_header(n, nic->peer->dev, ETH_P_IP, nic->peer->dev->dev_addr, nic->dev->dev_addr, outer_len);
	krnic_count(nic, KRNIC_tx_esp);
	return n;
drop:
	krnic_count(nic, KRNIC_tx_drop);
	return NULL;
}

/* ---- in ---- */

/* RFC 4303 appendix A2: the high half that the sequence number must have, by the highest one seen. */
static u64 seq_infer(const struct krnic_sa *sa, u32 lo)
{
	u32 window = sa->window ?: 1, top_lo = (u32)sa->seq;
	u64 hi = sa->seq >> 32;

	if (!(sa->x->props.flags & XFRM_STATE_ESN))
		return lo;
	if (top_lo >= window - 1) {
		if (lo < top_lo - window + 1)
			hi++;
	} else if (lo >= top_lo - window + 1 && hi) { /* the bottom of the window is in the half before */
		hi--;
	}
	return hi << 32 | lo;
}

static bool is_replay(const struct krnic_sa *sa, u64 seq)
{
	if (!seq)
		return true;
	if (!sa->window || seq > sa->seq)
		return false;
	return sa->seq - seq >= sa->window || test_bit(seq % KRNIC_WINDOW, sa->seen);
}

static void window_advance(struct krnic_sa *sa, u64 seq)
{
	u64 i;

	if (seq > sa->seq) {
		if (seq - sa->seq >= KRNIC_WINDOW)
			bitmap_zero(sa->seen, KRNIC_WINDOW);
		else
			for (i = sa->seq + 1; i < seq; i++)
				__clear_bit(i % KRNIC_WINDOW, sa->seen);
		sa->seq = seq;
	}
	__set_bit(seq % KRNIC_WINDOW, sa->seen);
}

/* Before decryption: which sequence number it is, and whether it can be a new one. */
static bool seq_check(struct krnic_sa *sa, u32 lo, u64 *seq)
{
	bool replay;

	spin_lock(&sa->x->lock);
	*seq = seq_infer(sa, lo);
	replay = is_replay(sa, *seq);
	if (replay)
		sa->replayed++;
	spin_unlock(&sa->x->lock);
	return !replay;
}

/* After it: another CPU may have taken the same one meanwhile. */
static int seq_accept(struct krnic *nic, struct krnic_sa *sa, u64 seq, unsigned int bytes)
{
	int err = 0;

	spin_lock(&sa->x->lock);
	if (is_replay(sa, seq)) {
		sa->replayed++;
		krnic_count(nic, KRNIC_rx_replay);
		err = -EALREADY;
	} else if (sa_account(sa, bytes)) {
		window_advance(sa, seq);
	} else {
		krnic_count(nic, KRNIC_rx_drop);
		err = -EKEYEXPIRED;
	}
	spin_unlock(&sa->x->lock);
	return err;
}

static bool body_open(struct krnic_sa *sa, u8 *esp, unsigned int len, u64 seq)
{
	u8 nonce[GCM_AES_IV_SIZE], aad[12], *body = esp + KRNIC_ESP_HEADER;
	int aad_len = aad_put(aad, sa->x, seq);

	nonce_put(nonce, sa, esp + 8);
	if (aesgcm_decrypt(&sa->gcm, body, body, len, aad, aad_len, nonce, body + len))
		return true;
	spin_lock(&sa->x->lock);
	sa->unauthentic++;
	spin_unlock(&sa->x->lock);
	return false;
}

/*
 * What was protected becomes the packet: in tunnel mode all of it, in transport mode behind its own header. The MAC
 * header moves up to it.
 */
static bool inner_restore(struct sk_buff *skb, const struct krnic_sa *sa, unsigned int len)
{
	struct ethhdr eth = *(struct ethhdr *)skb->data;
	struct iphdr outer = *ip_hdr(skb), *ip;
	u8 *body = (u8 *)(ip_hdr(skb) + 1) + KRNIC_ESP_HEADER;
	u8 next = body[len - 1], pad = body[len - 2];
	bool tunnel = sa->x->props.mode == XFRM_MODE_TUNNEL;

	if (pad + 2u > len || (tunnel && next != IPPROTO_IPIP))
		return false;
	len -= pad + 2;
	if (tunnel) {
		ip = (struct iphdr *)body;
		if (len < sizeof(*ip) || ip->version != 4 || ip->ihl < 5 || ip->ihl * 4 > len ||
		    ntohs(ip->tot_len) < ip->ihl * 4 || ntohs(ip->tot_len) > len)
			return false;
		skb_pull(skb, body - skb->data - ETH_HLEN);
		skb_trim(skb, ETH_HLEN + ntohs(ip->tot_len));
	} else {
		memmove(body - sizeof(*ip), &outer, sizeof(outer));
		ip = (struct iphdr *)(body - sizeof(*ip));
		ip->protocol = next;
		ip->tot_len = htons(sizeof(*ip) + len);
		ip->check = 0;
		ip->check = ip_fast_csum(ip, ip->ihl);
		skb_pull(skb, (u8 *)ip - skb->data - ETH_HLEN);
		skb_trim(skb, ETH_HLEN + sizeof(*ip) + len);
	}
	memcpy(skb->data, &eth, ETH_HLEN);
	skb_set_network_header(skb, ETH_HLEN);
	return true;
}

int krnic_esp_decrypt(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb)
{
	struct iphdr *ip = ip_hdr(skb);
	u8 *esp = (u8 *)(ip + 1);
	int len = ntohs(ip->tot_len) - (int)sizeof(*ip) - KRNIC_ESP_HEADER - KRNIC_ICV;
	u64 seq;

	if (ip->ihl != 5 || len < 4 || len % 4) {
		krnic_count(nic, KRNIC_rx_malformed);
		return -EINVAL;
	}
	if (!seq_check(sa, get_unaligned_be32(esp + 4), &seq)) {
		krnic_count(nic, KRNIC_rx_replay);
		return -EALREADY;
	}
	if (!body_open(sa, esp, len, seq)) {
		krnic_count(nic, KRNIC_rx_auth_fail);
		return -EBADMSG;
	}
	if (!inner_restore(skb, sa, len)) {
		krnic_count(nic, KRNIC_rx_malformed);
		return -EINVAL;
	}
	return seq_accept(nic, sa, seq, ntohs(ip_hdr(skb)->tot_len));
}
