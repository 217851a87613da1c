// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Which SA a packet gets. */
#include "krnic.h"

/* ---- out ---- */

/* What Linux asks of a state (net/xfrm/xfrm_state.c, xfrm_state_find): the template's addresses in tunnel mode. */
static bool fits(const struct xfrm_state *x, const struct xfrm_tmpl *t, const struct krnic_flow *f)
{
	bool tunnel = t->mode == XFRM_MODE_TUNNEL;
	u16 family = tunnel ? t->encap_family : f->family;
	const xfrm_address_t *saddr = tunnel ? &t->saddr : &f->saddr, *daddr = tunnel ? &t->id.daddr : &f->daddr;

	return x->props.mode == t->mode && x->props.family == family && xfrm_addr_equal(&x->id.daddr, daddr, family) &&
	       (xfrm_addr_any(saddr, family) || xfrm_addr_any(&x->props.saddr, family) ||
		xfrm_addr_equal(&x->props.saddr, saddr, family)) &&
	       (!x->sel.family || krnic_flow_matches(f, &x->sel));
}

static bool is_better(const struct krnic_sa *a, const struct krnic_sa *b, u32 cpu)
{
	bool own_a = a->x->pcpu_num == cpu, own_b = b->x->pcpu_num == cpu;

	return own_a != own_b ? own_a : a->serial > b->serial;
}

struct krnic_sa *krnic_sa_for_tx(struct krnic *nic, const struct xfrm_tmpl *t, const struct krnic_flow *f)
{
	bool by_reqid = READ_ONCE(nic->tx_by_reqid);
	u32 i, cpu = smp_processor_id();
	struct krnic_sa *best = NULL;

	spin_lock(&nic->lock);
	for (i = 0; i < nic->out.room; i++) {
		struct krnic_sa *sa = nic->out.sa[i];

		if (!sa || sa->crypto || sa->x->props.reqid != t->reqid || sa->x->km.state != XFRM_STATE_VALID)
			continue;
		if (!krnic_sa_is_active(sa))
			continue;
		if (by_reqid) {
			if (!best || sa->serial > best->serial)
				best = sa;
			continue;
		}
		if ((sa->x->pcpu_num == UINT_MAX || sa->x->pcpu_num == cpu) && fits(sa->x, t, f) &&
		    (!best || is_better(sa, best, cpu)))
			best = sa;
	}
	if (best)
		xfrm_state_hold(best->x);
	spin_unlock(&nic->lock);
	return best;
}

/* By the table, not by the state's handle: the packet may have waited in a queue, and the SA is gone meanwhile. */
struct krnic_sa *krnic_sa_for_crypto(struct krnic *nic, const struct xfrm_state *x)
{
	struct krnic_sa *found = NULL;
	u32 i;

	spin_lock(&nic->lock);
	for (i = 0; i < nic->out.room && !found; i++)
		if (nic->out.sa[i] && nic->out.sa[i]->x == x && nic->out.sa[i]->crypto &&
		    krnic_sa_is_active(nic->out.sa[i]))
			found = nic->out.sa[i];
	spin_unlock(&nic->lock);
	return found;
}

/* ---- in ---- */

struct krnic_sa *krnic_sa_for_rx(struct krnic *nic, const struct krnic_flow *f, __be32 spi)
{
	bool encap = f->protocol == IPPROTO_UDP;
	struct krnic_sa *found = NULL;
	u32 i;

	spin_lock(&nic->lock);
	for (i = 0; i < nic->in.room && !found; i++) {
		struct krnic_sa *sa = nic->in.sa[i];
		const struct xfrm_state *x = sa ? sa->x : NULL;

		if (x && x->id.spi == spi && x->props.family == f->family && !x->encap == !encap &&
		    (!encap || x->encap->encap_dport == f->dport) &&
		    xfrm_addr_equal(&x->id.daddr, &f->daddr, f->family) && krnic_sa_is_active(sa))
			found = sa;
	}
	if (found)
		xfrm_state_hold(found->x);
	spin_unlock(&nic->lock);
	return found;
}
