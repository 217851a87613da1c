// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What the headers of a packet say, as Linux reads them for policies (net/xfrm/xfrm_policy.c, decode_session4, 6). */
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/sctp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "krnic.h"

static bool read_ipv4(struct krnic_flow *f, const struct sk_buff *skb)
{
	const struct iphdr *ip = (const struct iphdr *)(skb->data + f->l3);

	if (skb->len < f->l3 + sizeof(*ip) || ip->version != 4 || ip->ihl < 5 || ntohs(ip->tot_len) < ip->ihl * 4)
		return false;
	f->family = AF_INET;
	f->protocol = ip->protocol;
	f->options = ip->ihl > 5;
	f->fragment = ip_is_fragment(ip);
	f->l4 = f->l3 + ip->ihl * 4;
	f->end = f->l3 + ntohs(ip->tot_len);
	f->saddr.a4 = ip->saddr;
	f->daddr.a4 = ip->daddr;
	return f->end <= skb->len;
}

/* The kernel stops at the header of a later fragment; what it is a fragment of is the first octet there. */
static bool read_extensions(struct krnic_flow *f, const struct sk_buff *skb)
{
	__be16 fragment = 0;
	int at = ipv6_skip_exthdr(skb, f->l4, &f->protocol, &fragment);

	if (at < 0 || at > f->end)
		return false;
	f->options = at != f->l4;
	f->fragment = fragment != 0;
	f->l4 = at;
	if (f->protocol == NEXTHDR_FRAGMENT)
		f->protocol = skb->data[at];
	return true;
}

static bool read_ipv6(struct krnic_flow *f, const struct sk_buff *skb)
{
	const struct ipv6hdr *ip = (const struct ipv6hdr *)(skb->data + f->l3);

	if (skb->len < f->l3 + sizeof(*ip) || ip->version != 6)
		return false;
	f->family = AF_INET6;
	f->protocol = ip->nexthdr;
	f->l4 = f->l3 + sizeof(*ip);
	f->end = f->l4 + ntohs(ip->payload_len);
	f->saddr.in6 = ip->saddr;
	f->daddr.in6 = ip->daddr;
	return f->end <= skb->len && read_extensions(f, skb);
}

static void read_ports(struct krnic_flow *f, const struct sk_buff *skb)
{
	const u8 *l4 = skb->data + f->l4;
	unsigned int left = f->end - f->l4;

	switch (f->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (left < 4)
			return;
		f->sport = (__force __be16)get_unaligned((const u16 *)l4);
		f->dport = (__force __be16)get_unaligned((const u16 *)(l4 + 2));
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (left < 2)
			return;
		f->sport = htons(l4[0]);
		f->dport = htons(l4[1]);
		return;
	}
}

bool krnic_flow_read(struct krnic_flow *f, const struct sk_buff *skb, unsigned int l3, __be16 type)
{
	*f = (struct krnic_flow){.l3 = l3};
	if (!(type == htons(ETH_P_IP) ? read_ipv4(f, skb) : read_ipv6(f, skb)))
		return false;
	if (!f->fragment)
		read_ports(f, skb);
	return true;
}

bool krnic_flow_matches(const struct krnic_flow *f, const struct xfrm_selector *s)
{
	if (s->family != f->family)
		return false;
	if (f->family == AF_INET && !(addr4_match(f->daddr.a4, s->daddr.a4, s->prefixlen_d) &&
				      addr4_match(f->saddr.a4, s->saddr.a4, s->prefixlen_s)))
		return false;
	if (f->family == AF_INET6 && !(addr_match(&f->daddr, &s->daddr, s->prefixlen_d) &&
				       addr_match(&f->saddr, &s->saddr, s->prefixlen_s)))
		return false;
	return (!s->proto || s->proto == f->protocol) && !((f->sport ^ s->sport) & s->sport_mask) &&
	       !((f->dport ^ s->dport) & s->dport_mask);
}
