/* SPDX-License-Identifier: MIT */
#include "hwsim/netlink.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const struct message_row {
	size_t body;                      /* bytes of the fixed part, which a dump may come without */
	bool may_dump;                    /* with NLM_F_DUMP */
	bool may_have_dir;                /* XFRMA_SA_DIR and _PCPU are for messages that make an SA */
	bool own_attrs;                   /* its attributes are not XFRMA_*; none of them matters here */
	int (*handle)(struct request *r); /* NULL: there is none */
} messages[] = {
#define ROW(type, body, dump, dir, handler) [XFRM_MSG_##type - XFRM_MSG_BASE] = {body, dump, dir, false, handler}
#define INFO_ROW(type, handler)             [XFRM_MSG_##type - XFRM_MSG_BASE] = {sizeof(uint32_t), false, true, true, handler}
	ROW(NEWSA, sizeof(struct xfrm_usersa_info), false, true, request_new_sa),
	ROW(UPDSA, sizeof(struct xfrm_usersa_info), false, true, request_new_sa),
	ROW(DELSA, sizeof(struct xfrm_usersa_id), false, false, request_del_sa),
	ROW(GETSA, sizeof(struct xfrm_usersa_id), true, false, request_get_sa),
	ROW(FLUSHSA, sizeof(struct xfrm_usersa_flush), false, false, request_flush_sa),
	ROW(ALLOCSPI, sizeof(struct xfrm_userspi_info), false, true, request_alloc_spi),
	INFO_ROW(GETSADINFO, request_get_sadinfo),
	ROW(GETAE, sizeof(struct xfrm_aevent_id), false, false, request_get_ae),
	ROW(NEWPOLICY, sizeof(struct xfrm_userpolicy_info), false, false, request_new_policy),
	ROW(UPDPOLICY, sizeof(struct xfrm_userpolicy_info), false, false, request_new_policy),
	ROW(DELPOLICY, sizeof(struct xfrm_userpolicy_id), false, false, request_get_policy),
	ROW(GETPOLICY, sizeof(struct xfrm_userpolicy_id), true, false, request_get_policy),
	ROW(FLUSHPOLICY, 0, false, false, request_flush_policy),
	INFO_ROW(GETSPDINFO, request_get_spdinfo),
	INFO_ROW(NEWSPDINFO, request_set_spdinfo),
	/* not for a client to send, or of no use to one of a card: their length is all that is looked at */
	ROW(ACQUIRE, sizeof(struct xfrm_user_acquire), false, true, NULL),
	ROW(EXPIRE, sizeof(struct xfrm_user_expire), false, true, NULL),
	ROW(POLEXPIRE, sizeof(struct xfrm_user_polexpire), false, true, NULL),
	ROW(NEWAE, sizeof(struct xfrm_aevent_id), false, true, NULL),
	ROW(REPORT, sizeof(struct xfrm_user_report), false, true, NULL),
	ROW(MIGRATE, sizeof(struct xfrm_userpolicy_id), false, true, NULL),
	ROW(MAPPING, sizeof(struct xfrm_user_mapping), false, true, NULL),
	ROW(SETDEFAULT, sizeof(struct xfrm_userpolicy_default), false, true, NULL),
	ROW(GETDEFAULT, sizeof(struct xfrm_userpolicy_default), false, true, NULL),
#undef ROW
#undef INFO_ROW
};

/* xfrma_policy: the least length of each attribute. From SA_DIR on the kernel is strict and wants it exactly. */
static const uint16_t attr_len[KR_XFRMA_MAX] = {
	[XFRMA_SA] = sizeof(struct xfrm_usersa_info),
	[XFRMA_POLICY] = sizeof(struct xfrm_userpolicy_info),
	[XFRMA_LASTUSED] = 8,
	[XFRMA_ALG_AUTH_TRUNC] = sizeof(struct xfrm_algo_auth),
	[XFRMA_ALG_AEAD] = sizeof(struct xfrm_algo_aead),
	[XFRMA_ALG_AUTH] = sizeof(struct xfrm_algo),
	[XFRMA_ALG_CRYPT] = sizeof(struct xfrm_algo),
	[XFRMA_ALG_COMP] = sizeof(struct xfrm_algo),
	[XFRMA_ENCAP] = sizeof(struct xfrm_encap_tmpl),
	[XFRMA_TMPL] = sizeof(struct xfrm_user_tmpl),
	[XFRMA_SEC_CTX] = sizeof(struct xfrm_user_sec_ctx),
	[XFRMA_LTIME_VAL] = sizeof(struct xfrm_lifetime_cur),
	[XFRMA_REPLAY_VAL] = sizeof(struct xfrm_replay_state),
	[XFRMA_REPLAY_THRESH] = 4,
	[XFRMA_ETIMER_THRESH] = 4,
	[XFRMA_SRCADDR] = sizeof(xfrm_address_t),
	[XFRMA_COADDR] = sizeof(xfrm_address_t),
	[XFRMA_POLICY_TYPE] = sizeof(struct xfrm_userpolicy_type),
	[XFRMA_MIGRATE] = sizeof(struct xfrm_user_migrate),
	[XFRMA_KMADDRESS] = sizeof(struct xfrm_user_kmaddress),
	[XFRMA_MARK] = sizeof(struct xfrm_mark),
	[XFRMA_TFCPAD] = 4,
	[XFRMA_REPLAY_ESN_VAL] = sizeof(struct xfrm_replay_state_esn),
	[XFRMA_SA_EXTRA_FLAGS] = 4,
	[XFRMA_PROTO] = 1,
	[XFRMA_ADDRESS_FILTER] = sizeof(struct xfrm_address_filter),
	[XFRMA_OFFLOAD_DEV] = sizeof(struct xfrm_user_offload),
	[XFRMA_SET_MARK] = 4,
	[XFRMA_SET_MARK_MASK] = 4,
	[XFRMA_IF_ID] = 4,
	[KR_XFRMA_MTIMER_THRESH] = 4,
	[KR_XFRMA_SA_DIR] = 1,
	[KR_XFRMA_SA_PCPU] = 4,
};

/* Numbers, in the policy: who sends one of another size is told the policy. */
static bool is_number(uint16_t type)
{
	switch (type) {
	case XFRMA_REPLAY_THRESH:
	case XFRMA_ETIMER_THRESH:
	case XFRMA_TFCPAD:
	case XFRMA_SA_EXTRA_FLAGS:
	case XFRMA_PROTO:
	case XFRMA_SET_MARK:
	case XFRMA_SET_MARK_MASK:
	case XFRMA_IF_ID:
	case KR_XFRMA_MTIMER_THRESH:
	case KR_XFRMA_SA_DIR:
	case KR_XFRMA_SA_PCPU:
		return true;
	default:
		return false;
	}
}

/* What is wrong with an attribute, and which one it is; with its policy if it is a number. */
static int attr_fail(struct request *r, uint16_t type, int err, const char *text)
{
	r->offset = request_offset(r, type);
	if (is_number(type))
		r->policy = (struct nl_number_policy){
			.size = (uint8_t)attr_len[type],
			.min = type == KR_XFRMA_SA_DIR ? KR_XFRM_SA_DIR_IN : 0,
			.max = type == KR_XFRMA_SA_DIR ? KR_XFRM_SA_DIR_OUT
			       : attr_len[type] == 1   ? UINT8_MAX
						       : UINT32_MAX,
		};
	return request_fail(r, err, text);
}

int request_fail(struct request *r, int err, const char *text)
{
	snprintf(r->text, sizeof(r->text), "%s", text);
	return err;
}

int request_fail_driver(struct request *r, int err, const char *text)
{
	const char *driver = r->card->profile.driver;

	if (strcmp(driver, "mlx5_core") != 0 && strcmp(driver, "krnic") != 0)
		return request_fail(r, err, text);
	snprintf(r->text, sizeof(r->text), "%s: %s", driver, text);
	return err;
}

const void *request_attr(const struct request *r, unsigned int type)
{
	return r->attr[type] ? mnl_attr_get_payload(r->attr[type]) : NULL;
}

uint32_t request_u32(const struct request *r, unsigned int type, uint32_t absent)
{
	return r->attr[type] ? mnl_attr_get_u32(r->attr[type]) : absent;
}

uint32_t request_offset(const struct request *r, unsigned int type)
{
	return (uint32_t)((const char *)r->attr[type] - (const char *)r->nlh);
}

struct nl_id request_id(const struct request *r, uint16_t type, uint16_t flags)
{
	return (struct nl_id){type, flags, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid};
}

void request_reply(struct request *r, const struct nlmsghdr *nlh)
{
	r->reply(r->ctx, nlh, nlh->nlmsg_len);
}

void *dump_room(struct dump *d)
{
	return d->request->card->message;
}

void dump_added(struct dump *d, const struct nlmsghdr *nlh)
{
	struct request *r = d->request;
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len);

	if (d->len + len > CARD_REPLY) {
		r->reply(r->ctx, r->card->reply, d->len);
		d->len = 0;
	}
	/* copied, because in a datagram messages are aligned to 4 bytes only, and what is built in place needs 8 */
	memset(r->card->reply + d->len, 0, len);
	memcpy(r->card->reply + d->len, nlh, nlh->nlmsg_len);
	d->len += len;
}

void dump_end(struct dump *d)
{
	dump_added(d, nl_put_done(dump_room(d), d->request->nlh));
	d->request->reply(d->request->ctx, d->request->card->reply, d->len);
}

/* One attribute against attr_len, as validate_nla does. */
static int attr_check(struct request *r, const struct nlattr *attr)
{
	uint16_t type = mnl_attr_get_type(attr), len = mnl_attr_get_payload_len(attr);
	bool strict = type >= KR_XFRMA_SA_DIR;

	if (type >= KR_XFRMA_MAX)
		return 0; /* newer than this kernel: ignored */
	r->attr[type] = attr;
	if (strict && attr_len[type] && len != attr_len[type])
		return attr_fail(r, type, -EINVAL, "invalid attribute length");
	if (len < attr_len[type])
		return attr_fail(r, type, -ERANGE, "Attribute failed policy validation");
	if (type == KR_XFRMA_SA_DIR &&
	    (mnl_attr_get_u8(attr) < KR_XFRM_SA_DIR_IN || mnl_attr_get_u8(attr) > KR_XFRM_SA_DIR_OUT))
		return attr_fail(r, type, -ERANGE, "integer out of range");
	return 0;
}

static const struct message_row *row_of(const struct nlmsghdr *nlh)
{
	int type = (int)nlh->nlmsg_type - XFRM_MSG_BASE;

	if (type < 0 || (size_t)type >= sizeof(messages) / sizeof(messages[0]))
		return NULL;
	return &messages[type];
}

static int request_run(struct request *r, const struct message_row *row, bool dump)
{
	const struct nlattr *attr;
	int err;

	if (!row)
		return -EINVAL;
	if (dump) /* its attributes are filters, and come without a fixed part */
		return row->handle(r);
	if (mnl_nlmsg_get_payload_len(r->nlh) < row->body)
		return request_fail(r, -EINVAL, "Invalid header length");
	if (!row->handle)
		return -EINVAL;
	if (row->own_attrs)
		return row->handle(r);
	mnl_attr_for_each (attr, r->nlh, row->body) {
		err = attr_check(r, attr);
		if (err)
			return err;
	}
	if (r->attr[KR_XFRMA_SA_DIR] && !row->may_have_dir)
		return request_fail(r, -EINVAL, "Invalid attribute SA_DIR");
	if (r->attr[KR_XFRMA_SA_PCPU] && !row->may_have_dir)
		return request_fail(r, -EINVAL, "Invalid attribute SA_PCPU");
	return row->handle(r);
}

/* netlink_rcv_skb for one message. */
static void message(struct hwsim *card, const struct nlmsghdr *nlh, netlink_reply *reply, void *ctx)
{
	struct request r = {.card = card, .nlh = nlh, .body = mnl_nlmsg_get_payload(nlh), .reply = reply, .ctx = ctx};
	const struct message_row *row = row_of(nlh);
	bool dump = row && row->may_dump && nlh->nlmsg_flags & NLM_F_DUMP;
	const char *text;
	int err = 0;

	if (nlh->nlmsg_flags & NLM_F_REQUEST && nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
		err = request_run(&r, row, dump);
		if (!err && dump)
			return; /* NLMSG_DONE was the answer */
	}
	text = r.text[0] ? r.text : NULL;
	if (err)
		log_at(card->config.log, LOG_LEVEL_DEBUG, "hwsim.refused", "message type %u: error %d: %s",
		       nlh->nlmsg_type, -err, text ? text : "no text");
	if (err || nlh->nlmsg_flags & NLM_F_ACK)
		request_reply(&r, nl_put_ack(card->message, nlh, err, text, r.offset, &r.policy));
}

void netlink_datagram(struct hwsim *card, uint64_t now, const void *buf, size_t len,
		      void (*each)(struct hwsim *card, const struct nlmsghdr *nlh, netlink_reply *reply, void *ctx),
		      netlink_reply *reply, void *ctx)
{
	const uint8_t *p = buf;
	struct nlmsghdr nlh;

	if (len > HWSIM_MAX_DATAGRAM)
		return;
	card_lock(card, now);
	while (len >= sizeof(nlh)) {
		size_t step;

		memcpy(&nlh, p, sizeof(nlh));
		if (nlh.nlmsg_len < sizeof(nlh) || nlh.nlmsg_len > len)
			break;
		/* a copy for each message, because it is aligned, and ours to wipe */
		memcpy(card->datagram, p, nlh.nlmsg_len);
		each(card, (const void *)card->datagram, reply, ctx);
		OPENSSL_cleanse(card->datagram, nlh.nlmsg_len);
		step = NLMSG_ALIGN((size_t)nlh.nlmsg_len);
		step = step < len ? step : len;
		p += step;
		len -= step;
	}
	card_unlock(card);
	card_run_due(card, now);
}

void hwsim_netlink(struct hwsim *card, uint64_t now, const void *buf, size_t len,
		   void (*reply)(void *ctx, const void *msg, size_t len), void *ctx)
{
	netlink_datagram(card, now, buf, len, message, reply, ctx);
}
