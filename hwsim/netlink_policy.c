/* SPDX-License-Identifier: MIT */
/* Requests about policies (xfrm_add_policy, xfrm_get_policy and the rest of net/xfrm/xfrm_user.c). */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/events.h"
#include "hwsim/faults.h"
#include "hwsim/netlink.h"

/* A policy's index holds its direction in the low three bits (xfrm_gen_index). */
enum { INDEX_STEP = 8, TEMPLATES_MAX = 6 /* XFRM_MAX_DEPTH */ };

static int verify_policy(struct request *r, const struct xfrm_userpolicy_info *p)
{
	const struct xfrm_selector *sel = &p->sel;

	if (p->share > XFRM_SHARE_UNIQUE)
		return request_fail(r, -EINVAL, "Invalid policy share");
	if (p->action != XFRM_POLICY_ALLOW && p->action != XFRM_POLICY_BLOCK)
		return request_fail(r, -EINVAL, "Invalid policy action");
	if (sel->family != AF_INET && sel->family != AF_INET6)
		return request_fail(r, -EINVAL, "Invalid selector family");
	if (sel->family == AF_INET && (sel->prefixlen_d > 32 || sel->prefixlen_s > 32))
		return request_fail(r, -EINVAL, "Invalid prefix length in selector (must be <= 32 for IPv4)");
	if (sel->prefixlen_d > 128 || sel->prefixlen_s > 128)
		return request_fail(r, -EINVAL, "Invalid prefix length in selector (must be <= 128 for IPv6)");
	if (p->dir >= SPD_DIRS)
		return request_fail(r, -EINVAL, "Invalid policy direction");
	if (p->index && p->index % INDEX_STEP != p->dir)
		return request_fail(r, -EINVAL, "Policy index doesn't match direction");
	return 0;
}

static int verify_template(struct request *r, struct policy *policy)
{
	struct xfrm_user_tmpl *t = &policy->tmpl;

	if (!t->family)
		t->family = policy->info.sel.family;
	if (t->mode != XFRM_MODE_TUNNEL && t->mode != XFRM_MODE_BEET && t->mode != KR_XFRM_MODE_IPTFS &&
	    t->family != policy->info.sel.family)
		return request_fail(r, -EINVAL, "Mode in template doesn't support a family change");
	if (t->mode > KR_XFRM_MODE_IPTFS)
		return request_fail(r, -EINVAL, "Mode in template must be < XFRM_MODE_MAX (6)");
	if (t->family != AF_INET && t->family != AF_INET6)
		return request_fail(r, -EINVAL, "Invalid family in template");
	switch (t->id.proto) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
	case IPPROTO_COMP:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return 0;
	default:
		return request_fail(r, -EINVAL, "Invalid XFRM protocol in template");
	}
}

/* Fixed part, template and attributes into a new policy in no table; NULL and *err. */
static struct policy *policy_read(struct request *r, unsigned int *templates, int *err)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	const struct xfrm_userpolicy_type *type = request_attr(r, XFRMA_POLICY_TYPE);
	const struct nlattr *tmpl = r->attr[XFRMA_TMPL];

	if (!policy) {
		*err = -ENOMEM;
		return NULL;
	}
	memcpy(&policy->info, r->body, sizeof(policy->info));
	policy->if_id = request_u32(r, XFRMA_IF_ID, 0);
	policy->has_if_id = r->attr[XFRMA_IF_ID];
	policy->has_mark = r->attr[XFRMA_MARK];
	if (policy->has_mark)
		memcpy(&policy->mark, request_attr(r, XFRMA_MARK), sizeof(policy->mark));
	*templates = tmpl ? mnl_attr_get_payload_len(tmpl) / sizeof(policy->tmpl) : 0;
	*err = 0;
	if (type && type->type != XFRM_POLICY_TYPE_MAIN)
		*err = request_fail(r, -EINVAL, "Invalid policy type");
	else if (*templates > TEMPLATES_MAX)
		*err = request_fail(r, -EINVAL, "Template count must be <= XFRM_MAX_DEPTH (6)");
	if (!*err && *templates) {
		policy->has_tmpl = true;
		memcpy(&policy->tmpl, request_attr(r, XFRMA_TMPL), sizeof(policy->tmpl));
		*err = verify_template(r, policy);
	}
	if (*err) {
		free(policy);
		return NULL;
	}
	return policy;
}

/* xfrm_dev_policy_add, and room for the policy wherever it goes. */
static int policy_offload(struct request *r, struct policy *policy, unsigned int templates)
{
	struct hwsim *card = r->card;
	int err;

	if (r->attr[XFRMA_OFFLOAD_DEV]) {
		err = offload_check_policy(r, policy, templates);
		if (err)
			return err;
		if (!fault_strikes(card, FAULT_SILENT_NO_OFFLOAD, NULL)) {
			policy->packet = true;
			policy->offload.ifindex = card->config.ifindex;
			policy->offload.flags = KR_XFRM_OFFLOAD_PACKET;
		}
	}
	if (templates > 1)
		return request_fail(r, -EINVAL, "hwsim: no more than one template");
	if (policy->packet && card->spd.offloaded >= card->config.policies)
		return request_fail_driver(r, -ENOSPC, "Device failed to offload this policy");
	return !policy->packet && card->spd.software >= CARD_SOFT_POLICIES ? -ENOMEM : 0;
}

int request_new_policy(struct request *r)
{
	bool update = r->nlh->nlmsg_type == XFRM_MSG_UPDPOLICY;
	struct hwsim *card = r->card;
	struct policy *policy, *old;
	unsigned int templates;
	int err = verify_policy(r, r->body);

	if (err)
		return err;
	policy = policy_read(r, &templates, &err);
	if (!policy)
		return err;
	err = policy_offload(r, policy, templates);
	old = spd_find(card, policy->info.dir, &policy->info.sel, policy->if_id);
	if (!err && old && !update)
		err = -EEXIST;
	if (err) {
		free(policy);
		return err;
	}
	if (old)
		policy->info.index = old->info.index;
	else if (!policy->info.index)
		policy->info.index = (card->policy_index += INDEX_STEP) | policy->info.dir;
	card_stop(card);
	if (old)
		spd_remove(card, old);
	spd_insert(card, policy);
	event_policy_changed(card, r->nlh->nlmsg_type, policy, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid);
	return 0;
}

static void policy_dump(struct request *r)
{
	struct dump d = {.request = r};
	const struct policy *p;

	for (unsigned int dir = 0; dir < SPD_DIRS; dir++)
		TAILQ_FOREACH (p, &r->card->spd.list[dir], entry)
			dump_added(&d, nl_put_policy(dump_room(&d), request_id(r, XFRM_MSG_NEWPOLICY, NLM_F_MULTI), p));
	dump_end(&d);
}

/* GETPOLICY and DELPOLICY find their policy alike. */
int request_get_policy(struct request *r)
{
	const struct xfrm_userpolicy_id *p = r->body;
	struct hwsim *card = r->card;
	struct policy *policy;

	if (r->nlh->nlmsg_type == XFRM_MSG_GETPOLICY && r->nlh->nlmsg_flags & NLM_F_DUMP) {
		policy_dump(r);
		return 0;
	}
	if (p->dir >= SPD_DIRS)
		return request_fail(r, -EINVAL, "Invalid policy direction");
	policy = p->index ? spd_find_index(card, p->dir, p->index)
			  : spd_find(card, p->dir, &p->sel, request_u32(r, XFRMA_IF_ID, 0));
	if (!policy)
		return -ENOENT;
	if (r->nlh->nlmsg_type == XFRM_MSG_GETPOLICY) {
		request_reply(r, nl_put_policy(card->message, request_id(r, XFRM_MSG_NEWPOLICY, 0), policy));
		return 0;
	}
	card_stop(card);
	event_policy_deleted(card, policy, p->index, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid);
	spd_remove(card, policy);
	return 0;
}

int request_flush_policy(struct request *r)
{
	struct hwsim *card = r->card;
	bool any = false;

	card_stop(card);
	for (unsigned int dir = 0; dir < SPD_DIRS; dir++)
		while (!TAILQ_EMPTY(&card->spd.list[dir])) {
			spd_remove(card, TAILQ_FIRST(&card->spd.list[dir]));
			any = true;
		}
	if (any)
		event_flushed(card, XFRM_MSG_FLUSHPOLICY, 0, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid);
	return 0;
}

int request_get_spdinfo(struct request *r)
{
	const struct spd *spd = &r->card->spd;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->card->message);
	struct xfrmu_spdinfo info = {
		.incnt = spd->count[XFRM_POLICY_IN],
		.outcnt = spd->count[XFRM_POLICY_OUT],
		.fwdcnt = spd->count[XFRM_POLICY_FWD],
	};
	struct xfrmu_spdhinfo hash = {.spdhcnt = 0, .spdhmcnt = CARD_SOFT_POLICIES};
	uint32_t *flags = mnl_nlmsg_put_extra_header(nlh, sizeof(*flags));

	nlh->nlmsg_type = XFRM_MSG_NEWSPDINFO;
	nlh->nlmsg_seq = r->nlh->nlmsg_seq;
	nlh->nlmsg_pid = r->nlh->nlmsg_pid;
	memcpy(flags, r->body, sizeof(*flags));
	mnl_attr_put(nlh, XFRMA_SPD_INFO, sizeof(info), &info);
	mnl_attr_put(nlh, XFRMA_SPD_HINFO, sizeof(hash), &hash);
	request_reply(r, nlh);
	return 0;
}

/* Hash thresholds, which daemons set: there is no hash they would apply to. */
int request_set_spdinfo(struct request *r)
{
	(void)r;
	return 0;
}
