/* SPDX-License-Identifier: MIT */
#include "xfrm_requests.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/xfrm_uapi.h"

enum { KEY_SIZE = 16 + 4, WINDOW = 256 };

static struct nlmsghdr *begin(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = 1;
	return nlh;
}

static void put_aead(struct nlmsghdr *nlh, uint32_t spi)
{
	uint8_t room[sizeof(struct xfrm_algo_aead) + KEY_SIZE] = {0};
	struct xfrm_algo_aead *a = (struct xfrm_algo_aead *)room;

	memcpy(a->alg_name, "rfc4106(gcm(aes))", sizeof("rfc4106(gcm(aes))"));
	a->alg_key_len = KEY_SIZE * 8;
	a->alg_icv_len = 128;
	for (int i = 0; i < KEY_SIZE; i++)
		a->alg_key[i] = (char)(spi * 31 + (uint32_t)i * 7);
	mnl_attr_put(nlh, XFRMA_ALG_AEAD, sizeof(room), room);
}

static void put_replay(struct nlmsghdr *nlh, bool in)
{
	uint8_t room[sizeof(struct xfrm_replay_state_esn) + WINDOW / 8] = {0};
	struct xfrm_replay_state_esn *r = (struct xfrm_replay_state_esn *)room;

	r->replay_window = in ? WINDOW : 0;
	r->bmp_len = in ? WINDOW / 32 : 0;
	mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(*r) + r->bmp_len * 4, room);
}

static void put_offload(struct nlmsghdr *nlh, int ifindex, bool in)
{
	struct xfrm_user_offload o = {ifindex, (uint8_t)(KR_XFRM_OFFLOAD_PACKET | (in ? XFRM_OFFLOAD_INBOUND : 0))};

	mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(o), &o);
}

static struct xfrm_lifetime_cfg no_limit(void)
{
	return (struct xfrm_lifetime_cfg){XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, 0};
}

struct nlmsghdr *xfrm_new_sa(void *buf, const struct xfrm_sa *sa)
{
	struct nlmsghdr *nlh = begin(buf, XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL);
	struct xfrm_usersa_info *u = mnl_nlmsg_put_extra_header(nlh, sizeof(*u));

	u->sel.family = AF_INET;
	u->id.daddr.a4 = htonl(sa->dst);
	u->id.spi = htonl(sa->spi);
	u->id.proto = IPPROTO_ESP;
	u->saddr.a4 = htonl(sa->src);
	u->lft = no_limit();
	u->family = AF_INET;
	u->mode = XFRM_MODE_TUNNEL;
	u->reqid = sa->reqid;
	u->flags = XFRM_STATE_ESN;
	put_aead(nlh, sa->spi);
	put_replay(nlh, sa->in);
	mnl_attr_put_u8(nlh, KR_XFRMA_SA_DIR, sa->in ? KR_XFRM_SA_DIR_IN : KR_XFRM_SA_DIR_OUT);
	if (sa->cpu >= 0)
		mnl_attr_put_u32(nlh, KR_XFRMA_SA_PCPU, (uint32_t)sa->cpu);
	put_offload(nlh, sa->ifindex, sa->in);
	return nlh;
}

struct nlmsghdr *xfrm_del_sa(void *buf, const struct xfrm_sa *sa)
{
	struct nlmsghdr *nlh = begin(buf, XFRM_MSG_DELSA, 0);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));

	id->daddr.a4 = htonl(sa->dst);
	id->spi = htonl(sa->spi);
	id->family = AF_INET;
	id->proto = IPPROTO_ESP;
	return nlh;
}

static struct xfrm_selector selector(const struct xfrm_policy *p)
{
	return (struct xfrm_selector){
		.daddr.a4 = htonl(p->inner_dst),
		.saddr.a4 = htonl(p->inner_src),
		.family = AF_INET,
		.prefixlen_d = 32,
		.prefixlen_s = 32,
	};
}

struct nlmsghdr *xfrm_new_policy(void *buf, const struct xfrm_policy *p)
{
	struct nlmsghdr *nlh = begin(buf, XFRM_MSG_NEWPOLICY, NLM_F_CREATE | NLM_F_EXCL);
	struct xfrm_userpolicy_info *u = mnl_nlmsg_put_extra_header(nlh, sizeof(*u));
	struct xfrm_user_tmpl t = {
		.id = {.daddr.a4 = htonl(p->dst), .proto = IPPROTO_ESP},
		.family = AF_INET,
		.saddr.a4 = htonl(p->src),
		.reqid = p->reqid,
		.mode = XFRM_MODE_TUNNEL,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};

	u->sel = selector(p);
	u->lft = no_limit();
	u->priority = 1000;
	u->dir = p->in ? XFRM_POLICY_IN : XFRM_POLICY_OUT;
	u->action = XFRM_POLICY_ALLOW;
	mnl_attr_put(nlh, XFRMA_TMPL, sizeof(t), &t);
	put_offload(nlh, p->ifindex, false);
	return nlh;
}

struct nlmsghdr *xfrm_get_sadinfo(void *buf)
{
	struct nlmsghdr *nlh = begin(buf, XFRM_MSG_GETSADINFO, 0);
	uint32_t *flags = mnl_nlmsg_put_extra_header(nlh, sizeof(*flags));

	nlh->nlmsg_flags = NLM_F_REQUEST;
	*flags = UINT32_MAX;
	return nlh;
}

int xfrm_ack(const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	const struct nlmsgerr *err;

	if (len < NLMSG_LENGTH(sizeof(*err)) || nlh->nlmsg_type != NLMSG_ERROR)
		return -1;
	err = mnl_nlmsg_get_payload(nlh);
	return -err->error;
}
