/* SPDX-License-Identifier: MIT */
/* All policies that there are: Linux net/xfrm/xfrm_user.c, dump_one_policy(). */
#include <errno.h>
#include <netinet/in.h>

#include "offload/xfrm_priv.h"

/* False: a socket's own (its direction is above XFRM_POLICY_FWD), or of a family that we do not know. */
static bool policy_read(const struct nlmsghdr *nlh, const struct xfrm_userpolicy_info *info,
			struct xfrm_policy_cfg *out)
{
	static const enum xfrm_policy_dir dirs[] = {
		[XFRM_POLICY_IN] = XFRM_DIR_IN, [XFRM_POLICY_OUT] = XFRM_DIR_OUT, [XFRM_POLICY_FWD] = XFRM_DIR_FWD};
	struct xfrm_readback back = xfrm_readback_get(nlh, sizeof(*info), NULL);
	struct xfrm_user_tmpl t;

	if (info->dir > XFRM_POLICY_FWD || !xfrm_family_ok(info->sel.family))
		return false;
	*out = (struct xfrm_policy_cfg){
		.dir = dirs[info->dir],
		.sel = xfrm_selector_get(&info->sel),
		.priority = info->priority,
		.packet = back.mode == OFFLOAD_PACKET,
		.ifindex = back.ifindex,
		.cpu_acquire = info->flags & KR_XFRM_POLICY_CPU_ACQUIRE,
		.block = info->action == XFRM_POLICY_BLOCK,
	};
	if (!xfrm_attr_get(nlh, sizeof(*info), XFRMA_TMPL, &t, sizeof(t))) {
		out->bypass = !out->block;
		return true;
	}
	out->reqid = t.id.proto == IPPROTO_ESP ? t.reqid : 0;
	out->tunnel = t.mode == XFRM_MODE_TUNNEL;
	if (out->tunnel) {
		if (!xfrm_family_ok(t.family))
			return false;
		out->tmpl_src = xfrm_address_get(&t.saddr, t.family);
		out->tmpl_dst = xfrm_address_get(&t.id.daddr, t.family);
	}
	return true;
}

static void dump_data(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh)
{
	struct xfrm_userpolicy_info info;
	struct xfrm_policy_cfg cfg;

	if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY || !xfrm_body(nlh, &info, sizeof(info)))
		x->counters.malformed++;
	else if (policy_read(nlh, &info, &cfg))
		op->u.policy_dump.each(op->ctx, &cfg);
}

static void dump_end(struct xfrm *x, struct xfrm_op *op)
{
	xfrm_op_finish_plain(x, op);
}

static const struct xfrm_op_kind dump_kind = {"GETPOLICY (dump)", dump_data, dump_end};

int xfrm_policy_dump(struct xfrm *x, void (*each)(void *ctx, const struct xfrm_policy_cfg *policy), xfrm_done done,
		     void *ctx)
{
	struct xfrm_op *op = xfrm_op_new_dump(x, &dump_kind, XFRM_MSG_GETPOLICY, done, ctx);

	if (!op)
		return -errno;
	op->u.policy_dump.each = each;
	xfrm_op_send(x, op);
	return 0;
}
