// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Policies. As in hardware, the card matches packets itself: a protected packet comes down without a mark of its SA. */
#include <linux/slab.h>

#include "krnic.h"

static struct krnic_policy *policy_of(const struct xfrm_policy *xp)
{
	return (struct krnic_policy *)xp->xdo.offload_handle;
}

static const char *policy_objection(const struct xfrm_policy *xp)
{
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
		p->tmpl = xp->xfrm_vec[0];
		p->reqid = p->tmpl.reqid;
	}
	return p;
}

/* Acknowledged and not offloaded: what xfrm_dev_policy_add (net/xfrm/xfrm_device.c) does when a driver refuses. */
static int policy_leave(struct xfrm_policy *xp)
{
	struct net_device *dev = xp->xdo.dev;

	xp->xdo.dev = NULL;
	xp->xdo.type = XFRM_DEV_OFFLOAD_UNSPECIFIED;
	xp->xdo.dir = 0;
	netdev_put(dev, &xp->xdo.dev_tracker);
	return 0;
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
	if (krnic_fault_strikes(nic, KRNIC_SILENT_NO_OFFLOAD, NULL))
		return policy_leave(xp);
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

enum krnic_verdict krnic_policy_lookup(struct krnic *nic, u8 dir, const struct krnic_flow *f, struct xfrm_tmpl *tmpl)
{
	enum krnic_verdict verdict = KRNIC_NO_POLICY;
	struct krnic_policy *p, *best = NULL;

	spin_lock(&nic->lock);
	list_for_each_entry(p, &nic->policies, link) if (p->dir == dir && (!best || p->priority < best->priority) &&
							 krnic_flow_matches(f, &p->sel)) best = p;
	if (best) {
		best->hits++;
		verdict = best->verdict;
		*tmpl = best->tmpl;
	}
	spin_unlock(&nic->lock);
	return verdict;
}
