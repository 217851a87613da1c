// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Policies. As in hardware, the card matches packets itself: a protected packet comes down without a mark of its SA. */
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "krnic.h"

static struct krnic_policy *policy_of(const struct xfrm_policy *xp)
{
	return (struct krnic_policy *)xp->xdo.offload_handle;
}

static const char *policy_objection(const struct xfrm_policy *xp)
{
	if (xp->family != AF_INET)
		return "only IPv4";
	if (xp->xdo.dir != XFRM_DEV_OFFLOAD_IN && xp->xdo.dir != XFRM_DEV_OFFLOAD_OUT)
		return "only policies in and out";
	if (xp->xfrm_nr > 1)
		return "only one template";
	if (xp->xfrm_nr && xp->xfrm_vec[0].id.proto != IPPROTO_ESP)
		return "only ESP";
	if (xp->xfrm_nr && !xp->xfrm_vec[0].reqid)
		return "a template needs a reqid";
	return NULL;
}

static struct krnic_policy *policy_new(const struct xfrm_policy *xp)
{
	struct krnic_policy *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	INIT_LIST_HEAD(&p->link);
	p->sel = xp->selector;
	p->priority = xp->priority;
	p->index = xp->index;
	p->dir = xp->xdo.dir;
	if (xp->action != XFRM_POLICY_ALLOW) {
		p->verdict = KRNIC_BLOCK;
	} else if (!xp->xfrm_nr) {
		p->verdict = KRNIC_BYPASS;
	} else {
		p->verdict = KRNIC_PROTECT;
		p->reqid = xp->xfrm_vec[0].reqid;
	}
	return p;
}

int krnic_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack)
{
	struct krnic *nic = netdev_priv(xp->xdo.dev);
	const char *objection = policy_objection(xp);
	struct krnic_policy *p;
	int err = -ENOSPC;

	if (objection) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "%s", objection);
		return -EINVAL;
	}
	p = policy_new(xp);
	if (!p)
		return -ENOMEM;
	spin_lock_bh(&nic->lock);
	if (nic->n_policies < nic->policies_size) {
		list_add_tail(&p->link, &nic->policies);
		nic->n_policies++;
		err = 0;
	}
	spin_unlock_bh(&nic->lock);
	if (err) {
		NL_SET_ERR_MSG_MOD(extack, "the policy table is full");
		kfree(p);
		return err;
	}
	xp->xdo.offload_handle = (unsigned long)p;
	return 0;
}

void krnic_policy_delete(struct xfrm_policy *xp)
{
	struct krnic *nic = netdev_priv(xp->xdo.dev);
	struct krnic_policy *p = policy_of(xp);

	spin_lock_bh(&nic->lock);
	if (!list_empty(&p->link)) {
		list_del_init(&p->link);
		nic->n_policies--;
	}
	spin_unlock_bh(&nic->lock);
}

/* Also without a delete before it, where the kernel has not inserted the policy after all. */
void krnic_policy_free(struct xfrm_policy *xp)
{
	krnic_policy_delete(xp);
	kfree(policy_of(xp));
}

/* ---- matching ---- */

struct flow {
	__be32 saddr, daddr;
	__be16 sport, dport; /* 0 where there are none */
	u8 protocol;
};

static void flow_read(struct flow *f, const struct sk_buff *skb)
{
	const struct iphdr *ip = ip_hdr(skb);
	const __be16 *ports;
	__be16 room[2];

	*f = (struct flow){.saddr = ip->saddr, .daddr = ip->daddr, .protocol = ip->protocol};
	if ((ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP) || ip->frag_off & htons(IP_OFFSET))
		return;
	ports = skb_header_pointer(skb, skb_network_offset(skb) + ip->ihl * 4, sizeof(room), room);
	if (ports) {
		f->sport = ports[0];
		f->dport = ports[1];
	}
}

static bool sel_match(const struct xfrm_selector *s, const struct flow *f)
{
	return addr4_match(f->daddr, s->daddr.a4, s->prefixlen_d) &&
	       addr4_match(f->saddr, s->saddr.a4, s->prefixlen_s) && (!s->proto || s->proto == f->protocol) &&
	       !((f->sport ^ s->sport) & s->sport_mask) && !((f->dport ^ s->dport) & s->dport_mask);
}

enum krnic_verdict krnic_policy_lookup(struct krnic *nic, u8 dir, const struct sk_buff *skb, u32 *reqid)
{
	enum krnic_verdict verdict = KRNIC_NO_POLICY;
	struct krnic_policy *p, *best = NULL;
	struct flow flow;

	flow_read(&flow, skb);
	spin_lock(&nic->lock);
	list_for_each_entry(p, &nic->policies, link) if (p->dir == dir && (!best || p->priority < best->priority) &&
							 sel_match(&p->sel, &flow)) best = p;
	if (best) {
		best->hits++;
		verdict = best->verdict;
		*reqid = best->reqid;
	}
	spin_unlock(&nic->lock);
	return verdict;
}
