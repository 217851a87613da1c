/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says unasked. Linux net/xfrm/xfrm_user.c: xfrm_exp_state_notify(), build_acquire(); a hard EXPIRE
 * comes after the SA is gone and no DELSA follows it.
 */
#include <arpa/inet.h>

#include "offload/xfrm_priv.h"

static bool take_expire(struct xfrm *x, const struct nlmsghdr *nlh)
{
	struct xfrm_user_expire e;
	struct xfrm_expire out;

	if (!xfrm_body(nlh, &e, sizeof(e)) || !xfrm_family_ok(e.state.family))
		return false;
	if (e.state.id.proto != IPPROTO_ESP)
		return true; /* not ours */
	out = (struct xfrm_expire){
		.id = {ntohl(e.state.id.spi), xfrm_address_get(&e.state.id.daddr, e.state.family),
		       xfrm_address_get(&e.state.saddr, e.state.family)},
		.reqid = e.state.reqid,
		.hard = e.hard,
		.bytes = e.state.curlft.bytes,
		.packets = e.state.curlft.packets,
	};
	if (out.hard)
		x->counters.expires_hard++;
	else
		x->counters.expires_soft++;
	if (x->events.expire)
		x->events.expire(x->events.ctx, &out);
	return true;
}

static bool take_acquire(struct xfrm *x, const struct nlmsghdr *nlh)
{
	struct xfrm_user_acquire a;
	struct xfrm_user_tmpl tmpl = {0};
	struct xfrm_acquire out = {.cpu = UINT32_MAX};
	uint16_t family;

	if (!xfrm_body(nlh, &a, sizeof(a)) || !xfrm_family_ok(a.sel.family))
		return false;
	if (a.id.proto != IPPROTO_ESP)
		return true;
	(void)xfrm_attr_get(nlh, sizeof(a), XFRMA_TMPL, &tmpl, sizeof(tmpl));
	family = xfrm_family_ok(tmpl.family) ? tmpl.family : a.sel.family; /* of the addresses outside */
	out.seq = a.seq;
	out.reqid = tmpl.reqid;
	(void)xfrm_attr_get(nlh, sizeof(a), KR_XFRMA_SA_PCPU, &out.cpu, sizeof(out.cpu));
	out.sel = xfrm_selector_get(&a.sel);
	out.src = xfrm_address_get(&a.saddr, family);
	out.dst = xfrm_address_get(&a.id.daddr, family);
	x->counters.acquires++;
	if (x->events.acquire)
		x->events.acquire(x->events.ctx, &out);
	return true;
}

void xfrm_event_take(struct xfrm *x, const struct nlmsghdr *nlh)
{
	bool understood = true;

	switch (nlh->nlmsg_type) {
	case XFRM_MSG_EXPIRE:
		understood = take_expire(x, nlh);
		break;
	case XFRM_MSG_ACQUIRE:
		understood = take_acquire(x, nlh);
		break;
	case XFRM_MSG_FLUSHSA:
		if (x->events.resync)
			x->events.resync(x->events.ctx, "all SAs were flushed");
		break;
	default: /* other groups' messages; not ours to judge */
		break;
	}
	if (!understood)
		x->counters.malformed++;
}
