/* SPDX-License-Identifier: MIT */
/*
 * Policies. Linux net/xfrm/xfrm_user.c: xfrm_add_policy(), xfrm_get_policy(); xfrm_device.c: xfrm_dev_policy_add(). A
 * kernel without CONFIG_XFRM_OFFLOAD acknowledges an offloaded policy and keeps it in software: hence the read-back.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "offload/xfrm_priv.h"

static uint8_t direction(enum xfrm_policy_dir dir)
{
	switch (dir) {
	case XFRM_DIR_IN:
		return XFRM_POLICY_IN;
	case XFRM_DIR_OUT:
		return XFRM_POLICY_OUT;
	case XFRM_DIR_FWD:
		return XFRM_POLICY_FWD;
	}
	return XFRM_POLICY_IN;
}

static const char *direction_name(uint8_t dir)
{
	return dir == XFRM_POLICY_IN ? "in" : dir == XFRM_POLICY_OUT ? "out" : "fwd";
}

/* One that blocks does not use it: its reqid tells whose it is. */
static bool has_template(const struct xfrm_policy_cfg *p)
{
	return !p->bypass && (!p->block || p->reqid);
}

static int check(struct xfrm *x, const struct xfrm_policy_cfg *p)
{
	const char *what = NULL;

	if (!xfrm_family_ok(p->sel.family))
		what = "selector without an address family";
	else if (p->bypass && p->block)
		what = "both bypass and block";
	else if (p->tunnel && has_template(p) &&
		 (!xfrm_family_ok(p->tmpl_dst.family) || p->tmpl_src.family != p->tmpl_dst.family))
		what = "tunnel end points of no or of different families";
	else if (p->packet && p->ifindex <= 0)
		what = "packet offload without a device";
	if (!what)
		return 0;
	log_at(x->log, LOG_LEVEL_ERROR, "policy.invalid", "%s, reqid %u: %s", direction_name(direction(p->dir)),
	       p->reqid, what);
	return -EINVAL;
}

static void put_template(struct xfrm_msg *m, const struct xfrm_policy_cfg *p)
{
	struct xfrm_user_tmpl t = {
		.id.proto = IPPROTO_ESP,
		.family = p->sel.family,
		.reqid = p->reqid,
		.mode = p->tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};

	if (p->tunnel) {
		t.family = p->tmpl_dst.family;
		t.id.daddr = xfrm_address_put(&p->tmpl_dst);
		t.saddr = xfrm_address_put(&p->tmpl_src);
	}
	xfrm_msg_attr(m, XFRMA_TMPL, &t, sizeof(t));
}

static void put_policy(struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct xfrm_policy_cfg *p)
{
	struct xfrm_userpolicy_info *info = xfrm_msg_begin(m, type, flags, sizeof(*info));
	struct xfrm_user_offload dev = {.ifindex = p->ifindex, .flags = KR_XFRM_OFFLOAD_PACKET};

	info->sel = xfrm_selector_put(&p->sel);
	info->lft.soft_byte_limit = XFRM_INF;
	info->lft.hard_byte_limit = XFRM_INF;
	info->lft.soft_packet_limit = XFRM_INF;
	info->lft.hard_packet_limit = XFRM_INF;
	info->priority = p->priority;
	info->dir = direction(p->dir);
	info->action = p->block ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	info->flags = p->cpu_acquire ? KR_XFRM_POLICY_CPU_ACQUIRE : 0;
	info->share = XFRM_SHARE_ANY;
	if (has_template(p))
		put_template(m, p);
	if (p->packet)
		xfrm_msg_attr(m, XFRMA_OFFLOAD_DEV, &dev, sizeof(dev));
}

static struct xfrm_userpolicy_id policy_id(const struct xfrm_policy_cfg *p)
{
	return (struct xfrm_userpolicy_id){.sel = xfrm_selector_put(&p->sel), .dir = direction(p->dir)};
}

static void put_id(struct xfrm_msg *m, uint16_t type, const struct xfrm_userpolicy_id *id)
{
	memcpy(xfrm_msg_begin(m, type, NLM_F_ACK, sizeof(*id)), id, sizeof(*id));
}

static void log_refused(struct xfrm *x, const struct xfrm_op *op)
{
	log_at(x->log, LOG_LEVEL_WARN, "policy.refused", "%s, %s, %s: %s (%s): %s", op->kind->name,
	       direction_name(op->u.policy.id.dir), op->u.policy.packet ? "packet" : "software",
	       strerrorname_np(-op->err), strerrordesc_np(-op->err), op->text ? op->text : "the kernel says no more");
}

static void not_offloaded(struct xfrm *x, struct xfrm_op *op)
{
	struct xfrm_result result = {.err = op->lost ? -ENOBUFS : -EOPNOTSUPP};

	result.text = op->lost ? "an answer was lost: the policy is removed again"
			       : "acknowledged but not offloaded: the policy is in software";
	log_at(x->log, LOG_LEVEL_WARN, "policy.not_offloaded", "%s: %s", direction_name(op->u.policy.id.dir),
	       result.text);
	xfrm_op_finish(x, op, &result);
}

static const struct xfrm_op_kind undo_kind = {"DELPOLICY (undo)", NULL, not_offloaded};

static void add_data(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == XFRM_MSG_NEWPOLICY)
		op->u.policy.back = xfrm_readback_get(nlh, sizeof(struct xfrm_userpolicy_info), NULL);
	else
		x->counters.malformed++;
}

static void add_end(struct xfrm *x, struct xfrm_op *op)
{
	const struct xfrm_readback *back = &op->u.policy.back;
	struct xfrm_result result = {.text = op->text, .mode = back->mode};
	struct xfrm_msg m;

	if (op->err && !op->lost && op->err_at == 0) {
		log_refused(x, op);
		xfrm_op_finish_plain(x, op);
		return;
	}
	if (!op->err &&
	    (!op->u.policy.packet || (back->mode == OFFLOAD_PACKET && back->ifindex == op->u.policy.ifindex))) {
		xfrm_op_finish(x, op, &result);
		return;
	}
	if (!op->lost)
		x->counters.not_offloaded++;
	if (op->u.policy.update) {
		not_offloaded(x, op);
		return;
	}
	xfrm_msg_init(&m);
	put_id(&m, XFRM_MSG_DELPOLICY, &op->u.policy.id);
	xfrm_op_again(x, op, &undo_kind, &m);
}

static const struct xfrm_op_kind add_kind = {"NEWPOLICY", add_data, add_end};

int xfrm_policy_add(struct xfrm *x, const struct xfrm_policy_cfg *policy, bool update, xfrm_done done, void *ctx)
{
	struct xfrm_userpolicy_id id = policy_id(policy);
	struct xfrm_msg m;
	struct xfrm_op *op;
	int err = check(x, policy);

	if (err)
		return err;
	xfrm_msg_init(&m);
	if (update)
		put_policy(&m, XFRM_MSG_UPDPOLICY, NLM_F_ACK | NLM_F_REPLACE, policy);
	else
		put_policy(&m, XFRM_MSG_NEWPOLICY, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, policy);
	if (policy->packet)
		put_id(&m, XFRM_MSG_GETPOLICY, &id);
	op = xfrm_op_new(x, &add_kind, &m, done, ctx);
	if (!op)
		return -errno;
	op->u.policy.id = id;
	op->u.policy.packet = policy->packet;
	op->u.policy.update = update;
	op->u.policy.ifindex = policy->ifindex;
	xfrm_op_send(x, op);
	return 0;
}

static void delete_end(struct xfrm *x, struct xfrm_op *op)
{
	if (op->err)
		log_refused(x, op);
	xfrm_op_finish_plain(x, op);
}

static const struct xfrm_op_kind delete_kind = {"DELPOLICY", NULL, delete_end};

int xfrm_policy_delete(struct xfrm *x, const struct xfrm_policy_cfg *policy, xfrm_done done, void *ctx)
{
	struct xfrm_userpolicy_id id = policy_id(policy);
	struct xfrm_msg m;
	struct xfrm_op *op;

	if (!xfrm_family_ok(policy->sel.family))
		return check(x, policy);
	xfrm_msg_init(&m);
	put_id(&m, XFRM_MSG_DELPOLICY, &id);
	op = xfrm_op_new(x, &delete_kind, &m, done, ctx);
	if (!op)
		return -errno;
	op->u.policy.id = id;
	op->u.policy.packet = policy->packet;
	xfrm_op_send(x, op);
	return 0;
}
