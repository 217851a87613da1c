/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "text_priv.h"

static void say_new_sa(struct text *t, const void *body)
{
	say_sa(t, body);
}

static void say_del_sa(struct text *t, const void *body)
{
	say_sa_id(t, body);
}

static void say_expire(struct text *t, const void *body)
{
	const struct xfrm_user_expire *e = body;

	say(t, " %s", e->hard ? "hard" : "soft");
	say_sa(t, &e->state);
}

static void say_acquire(struct text *t, const void *body)
{
	const struct xfrm_user_acquire *a = body;

	say(t, " ");
	say_address(t, &a->saddr, a->sel.family);
	say(t, ">");
	say_address(t, &a->id.daddr, a->sel.family);
	say(t, " %s %08x%s", proto_name(a->id.proto), ntohl(a->id.spi), a->seq ? " seq set" : "");
	say_selector(t, &a->sel);
	say(t, " algs %x/%x/%x policy", a->aalgos, a->ealgos, a->calgos);
	say_policy(t, &a->policy);
}

static void say_new_policy(struct text *t, const void *body)
{
	say_policy(t, body);
}

static void say_del_policy(struct text *t, const void *body)
{
	const struct xfrm_userpolicy_id *id = body;

	say(t, " %s%s",
	    id->dir == XFRM_POLICY_IN    ? "in"
	    : id->dir == XFRM_POLICY_OUT ? "out"
					 : "fwd",
	    id->index ? " index" : "");
	say_selector(t, &id->sel);
}

static void say_flush(struct text *t, const void *body)
{
	const struct xfrm_usersa_flush *f = body;

	say(t, " %s", proto_name(f->proto));
}

static void say_aevent(struct text *t, const void *body)
{
	const struct xfrm_aevent_id *a = body;

	say_sa_id(t, &a->sa_id);
	say(t, " from ");
	say_address(t, &a->saddr, a->sa_id.family);
	say(t, " reqid %u flags %x", a->reqid, a->flags);
}

static const struct message_row {
	uint16_t type;
	const char *name;
	size_t body;
	void (*say)(struct text *t, const void *body);
} messages[] = {
	{XFRM_MSG_NEWSA, "NEWSA", sizeof(struct xfrm_usersa_info), say_new_sa},
	{XFRM_MSG_UPDSA, "UPDSA", sizeof(struct xfrm_usersa_info), say_new_sa},
	{XFRM_MSG_DELSA, "DELSA", sizeof(struct xfrm_usersa_id), say_del_sa},
	{XFRM_MSG_FLUSHSA, "FLUSHSA", sizeof(struct xfrm_usersa_flush), say_flush},
	{XFRM_MSG_EXPIRE, "EXPIRE", sizeof(struct xfrm_user_expire), say_expire},
	{XFRM_MSG_ACQUIRE, "ACQUIRE", sizeof(struct xfrm_user_acquire), say_acquire},
	{XFRM_MSG_NEWPOLICY, "NEWPOLICY", sizeof(struct xfrm_userpolicy_info), say_new_policy},
	{XFRM_MSG_UPDPOLICY, "UPDPOLICY", sizeof(struct xfrm_userpolicy_info), say_new_policy},
	{XFRM_MSG_DELPOLICY, "DELPOLICY", sizeof(struct xfrm_userpolicy_id), say_del_policy},
	{XFRM_MSG_FLUSHPOLICY, "FLUSHPOLICY", 0, NULL},
	{XFRM_MSG_NEWAE, "NEWAE", sizeof(struct xfrm_aevent_id), say_aevent},
};

/* GETSADINFO's answer has attributes of its own. */
static void say_sadinfo(struct text *t, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	say(t, "NEWSADINFO");
	mnl_attr_for_each (attr, nlh, sizeof(uint32_t)) {
		uint16_t type = mnl_attr_get_type(attr), len = mnl_attr_get_payload_len(attr);

		if (type == XFRMA_SAD_CNT && len == sizeof(uint32_t))
			say(t, " count %u", mnl_attr_get_u32(attr));
		else if (type == XFRMA_SAD_HINFO && len == sizeof(struct xfrmu_sadhinfo))
			say(t, " hash");
		else
			say(t, " attribute %u of %u octets", type, len);
	}
}

static void say_who(struct text *t, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq == t->ctx->seq && nlh->nlmsg_pid == t->ctx->pid)
		return; /* an answer, or the news of what was just asked for */
	say(t, "[%s %s] ", nlh->nlmsg_seq ? "other-seq" : "seq-0", nlh->nlmsg_pid ? "other-pid" : "pid-0");
}

void text_message(char *out, size_t size, const struct nlmsghdr *nlh, const struct text_context *ctx)
{
	struct text t = {out, size, ctx};

	say_who(&t, nlh);
	if (nlh->nlmsg_type == XFRM_MSG_NEWSADINFO) {
		say_sadinfo(&t, nlh);
		return;
	}
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		const struct message_row *row = &messages[i];
		_Alignas(8) uint8_t body[512];

		if (row->type != nlh->nlmsg_type || mnl_nlmsg_get_payload_len(nlh) < row->body)
			continue;
		memcpy(body, mnl_nlmsg_get_payload(nlh), row->body);
		say(&t, "%s", row->name);
		if (row->say)
			row->say(&t, body);
		say_attributes(&t, nlh, row->body);
		return;
	}
	say(&t, "message %u of %u octets", nlh->nlmsg_type, nlh->nlmsg_len);
}

struct ack {
	const char *text;
	uint32_t offset;
	bool policy, other;
};

/* The attribute at fault, which is named by its place in the request. */
static void say_culprit(struct text *t, uint32_t offset)
{
	const struct nlmsghdr *request = t->ctx->request;
	const struct nlattr *attr;

	mnl_attr_for_each (attr, request, t->ctx->body)
		if ((uint32_t)((const char *)attr - (const char *)request) == offset) {
			const char *name = attribute_name(mnl_attr_get_type(attr));

			say(t, " at %s", name ? name : "another");
			return;
		}
	say(t, " at octet %u", offset);
}

static struct ack ack_read(const struct nlmsghdr *nlh, size_t body)
{
	const struct nlattr *attr;
	struct ack a = {0};

	mnl_attr_for_each (attr, nlh, body)
		switch (mnl_attr_get_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			a.text = mnl_attr_get_str(attr);
			break;
		case NLMSGERR_ATTR_OFFS:
			a.offset = mnl_attr_get_u32(attr);
			break;
		case NLMSGERR_ATTR_POLICY:
			a.policy = true;
			break;
		default:
			a.other = true;
		}
	return a;
}

void text_answer(char *out, size_t size, const struct nlmsghdr *nlh, const struct text_context *ctx)
{
	struct text t = {out, size, ctx};
	bool end = nlh->nlmsg_type == NLMSG_DONE;
	int error = *(const int *)mnl_nlmsg_get_payload(nlh);
	struct ack a = {0};

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		a = ack_read(nlh, end ? sizeof(int) : sizeof(struct nlmsgerr));
	if (!end && !(nlh->nlmsg_flags & NLM_F_CAPPED))
		say(&t, "(not capped) ");
	say(&t, "%s", error ? strerrorname_np(-error) : "ok");
	if (a.offset)
		say_culprit(&t, a.offset);
	say(&t, "%s%s", a.policy ? " with policy" : "", a.other ? " with more" : "");
	if (a.text)
		say(&t, ": %s", a.text);
}
