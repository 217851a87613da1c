/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/ipsec.h>
#include <netinet/in.h>
#include <string.h>

enum { ATTR_ROOM = 600, FIXED_ROOM = 320, KEY = 20 /* octets: AES-128 and the salt */, REQID = 7, SPI = 0x100 };

struct draft {
	uint16_t type, flags;
	uint8_t fixed[FIXED_ROOM];
	size_t fixed_len;
	struct {
		bool there;
		uint16_t len;
		uint8_t data[ATTR_ROOM];
	} attr[KR_XFRMA_MAX];
};

const char *message_host(enum side side, bool six)
{
	static const char *const text[2][SIDES] = {{"192.0.2.1", "192.0.2.2"}, {"fd00::1", "fd00::2"}};

	return text[six][side];
}

const char *message_inner(enum side side, bool six)
{
	static const char *const text[2][SIDES] = {{"10.1.0.1", "10.2.0.1"}, {"fd00:1::1", "fd00:2::1"}};

	return text[six][side];
}

static enum side other(enum side side)
{
	return side == LEFT ? RIGHT : LEFT;
}

static uint16_t family_of(const struct request *r)
{
	return r->six ? AF_INET6 : AF_INET;
}

static xfrm_address_t address(const char *text)
{
	xfrm_address_t a = {0};
	int good = inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &a);

	assert(good == 1);
	(void)good;
	return a;
}

static void put(struct draft *d, uint16_t attr, const void *data, size_t len)
{
	assert(attr < KR_XFRMA_MAX && len <= ATTR_ROOM);
	d->attr[attr].there = true;
	d->attr[attr].len = (uint16_t)len;
	memset(d->attr[attr].data, 0, ATTR_ROOM);
	if (data)
		memcpy(d->attr[attr].data, data, len);
}

static void fix(struct draft *d, const void *data, size_t len)
{
	memcpy(d->fixed, data, len);
	d->fixed_len = len;
}

/* ---- the bases ---- */

static uint64_t or_none(uint64_t limit)
{
	return limit ? limit : XFRM_INF;
}

static struct xfrm_lifetime_cfg limits(const struct request *r)
{
	return (struct xfrm_lifetime_cfg){or_none(r->soft_bytes),
					  or_none(r->hard_bytes),
					  or_none(r->soft_packets),
					  or_none(r->hard_packets),
					  0,
					  0,
					  0,
					  0};
}

static void put_key(struct draft *d, uint32_t spi, uint32_t key)
{
	uint8_t room[sizeof(struct xfrm_algo_aead) + KEY] = {0};
	struct xfrm_algo_aead a = {.alg_name = "rfc4106(gcm(aes))", .alg_key_len = KEY * 8, .alg_icv_len = 128};

	memcpy(room, &a, sizeof(a));
	memcpy(room + sizeof(a), &spi, sizeof(spi));
	memcpy(room + sizeof(a) + sizeof(spi), &key, sizeof(key));
	put(d, XFRMA_ALG_AEAD, room, sizeof(room));
}

static void put_offload(struct draft *d, const struct request *r, int ifindex, bool in)
{
	struct xfrm_user_offload o = {ifindex, (uint8_t)(r->crypto ? 0 : KR_XFRM_OFFLOAD_PACKET)};

	if (in)
		o.flags |= XFRM_OFFLOAD_INBOUND;
	if (!r->software)
		put(d, XFRMA_OFFLOAD_DEV, &o, sizeof(o));
}

static struct xfrm_usersa_info sa_info(const struct request *r)
{
	return (struct xfrm_usersa_info){
		.id = {.daddr = address(message_host(other(r->from), r->six)),
		       .spi = htonl(r->spi ? r->spi : SPI),
		       .proto = IPPROTO_ESP},
		.saddr = address(message_host(r->from, r->six)),
		.lft = limits(r),
		.reqid = r->reqid ? r->reqid : REQID,
		.family = family_of(r),
		.mode = r->transport ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL,
	};
}

static void put_direction(struct draft *d, const struct request *r)
{
	uint8_t dir = r->in ? KR_XFRM_SA_DIR_IN : KR_XFRM_SA_DIR_OUT;
	uint32_t cpu = (uint32_t)r->cpu - 1;

	put(d, KR_XFRMA_SA_DIR, &dir, sizeof(dir));
	if (r->cpu != NO_CPU)
		put(d, KR_XFRMA_SA_PCPU, &cpu, sizeof(cpu));
}

static void base_sa(struct draft *d, const struct request *r, const struct request_context *ctx)
{
	struct xfrm_usersa_info info = sa_info(r);
	struct xfrm_replay_state_esn esn = {.replay_window = r->in ? 64 : 0, .bmp_len = r->in ? 2 : 0};

	d->type = XFRM_MSG_NEWSA;
	info.flags = XFRM_STATE_ESN;
	fix(d, &info, sizeof(info));
	put_key(d, r->spi ? r->spi : SPI, ctx->key);
	put(d, XFRMA_REPLAY_ESN_VAL, NULL, sizeof(esn) + esn.bmp_len * 4u);
	memcpy(d->attr[XFRMA_REPLAY_ESN_VAL].data, &esn, sizeof(esn));
	put_direction(d, r);
	put_offload(d, r, ctx->ifindex, r->in);
}

static struct xfrm_usersa_id sa_id(const struct request *r)
{
	struct xfrm_usersa_info info = sa_info(r);

	return (struct xfrm_usersa_id){info.id.daddr, info.id.spi, info.family, info.id.proto};
}

static void base_sa_id(struct draft *d, const struct request *r)
{
	struct xfrm_usersa_id id = sa_id(r);

	d->type = XFRM_MSG_GETSA;
	fix(d, &id, sizeof(id));
}

static void base_spi(struct draft *d, const struct request *r)
{
	struct xfrm_userspi_info spi = {.info = sa_info(r), .min = 0x400, .max = 0x40f};

	d->type = XFRM_MSG_ALLOCSPI;
	spi.info.id.spi = 0;
	memset(&spi.info.lft, 0, sizeof(spi.info.lft));
	fix(d, &spi, sizeof(spi));
	put_direction(d, r);
}

static void base_ae(struct draft *d, const struct request *r)
{
	struct xfrm_aevent_id ae = {.sa_id = sa_id(r),
				    .saddr = address(message_host(r->from, r->six)),
				    .reqid = r->reqid ? r->reqid : REQID};

	d->type = XFRM_MSG_GETAE;
	fix(d, &ae, sizeof(ae));
}

static struct xfrm_selector selector(const struct request *r)
{
	const char *src = r->transport ? message_host(r->from, r->six) : message_inner(r->from, r->six);
	const char *dst = r->transport ? message_host(other(r->from), r->six) : message_inner(other(r->from), r->six);
	struct xfrm_selector sel = {
		.saddr = address(src),
		.daddr = address(dst),
		.family = family_of(r),
		.prefixlen_s = r->six ? 128 : 32,
		.prefixlen_d = r->six ? 128 : 32,
	};

	if (r->transport)
		return sel;
	sel.prefixlen_s = sel.prefixlen_d = r->six ? 32 : 16;
	if (r->six) {
		sel.saddr.a6[3] = sel.daddr.a6[3] = 0;
	} else {
		sel.saddr.a4 &= htonl(0xffff0000);
		sel.daddr.a4 &= htonl(0xffff0000);
	}
	return sel;
}

static void base_policy(struct draft *d, const struct request *r, const struct request_context *ctx)
{
	struct xfrm_userpolicy_info info = {
		.sel = selector(r),
		.lft = limits(r),
		.priority = 100,
		.dir = r->in ? XFRM_POLICY_IN : XFRM_POLICY_OUT,
		.action = XFRM_POLICY_ALLOW,
		.share = XFRM_SHARE_ANY,
	};
	struct xfrm_user_tmpl tmpl = {
		.id = {.proto = IPPROTO_ESP},
		.family = family_of(r),
		.reqid = r->reqid ? r->reqid : REQID,
		.mode = r->transport ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL,
		.share = XFRM_SHARE_UNIQUE,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};

	if (!r->transport) {
		tmpl.id.daddr = address(message_host(other(r->from), r->six));
		tmpl.saddr = address(message_host(r->from, r->six));
	}
	d->type = XFRM_MSG_NEWPOLICY;
	fix(d, &info, sizeof(info));
	put(d, XFRMA_TMPL, &tmpl, sizeof(tmpl));
	put_offload(d, r, ctx->ifindex, false);
}

static void base_policy_id(struct draft *d, const struct request *r)
{
	struct xfrm_userpolicy_id id = {.sel = selector(r), .dir = r->in ? XFRM_POLICY_IN : XFRM_POLICY_OUT};

	d->type = XFRM_MSG_GETPOLICY;
	fix(d, &id, sizeof(id));
}

static void base_fill(struct draft *d, const struct request *r, const struct request_context *ctx)
{
	struct xfrm_usersa_flush flush = {IPPROTO_ESP};
	uint32_t flags = UINT32_MAX;

	switch (r->base) {
	case BASE_SA:
		base_sa(d, r, ctx);
		return;
	case BASE_SA_ID:
		base_sa_id(d, r);
		return;
	case BASE_SPI:
		base_spi(d, r);
		return;
	case BASE_FLUSH_SA:
		d->type = XFRM_MSG_FLUSHSA;
		fix(d, &flush, sizeof(flush));
		return;
	case BASE_AE:
		base_ae(d, r);
		return;
	case BASE_POLICY:
		base_policy(d, r, ctx);
		return;
	case BASE_POLICY_ID:
		base_policy_id(d, r);
		return;
	case BASE_NOTHING:
		d->type = XFRM_MSG_FLUSHPOLICY;
		return;
	case BASE_INFO:
		d->type = XFRM_MSG_GETSADINFO;
		fix(d, &flags, sizeof(flags));
		return;
	case BASE_DUMP_SA:
		d->type = XFRM_MSG_GETSA;
		d->flags = NLM_F_DUMP;
		return;
	case BASE_DUMP_POLICY:
		d->type = XFRM_MSG_GETPOLICY;
		d->flags = NLM_F_DUMP;
		return;
	}
}

/* ---- changes ---- */

static void store(uint8_t *to, const struct edit *e, bool network)
{
	for (unsigned int i = 0; i < e->size; i++) {
		uint8_t octet = (uint8_t)(e->value >> 8 * i);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		to[network ? e->size - 1u - i : i] = octet;
#else
		(void)network;
		to[e->size - 1u - i] = octet;
#endif
	}
}

static void put_algorithm(struct draft *d, const struct edit *e)
{
	struct xfrm_algo plain = {.alg_key_len = (unsigned int)e->value};
	struct xfrm_algo_auth auth = {.alg_key_len = (unsigned int)e->value, .alg_trunc_len = e->size};
	bool icv = e->attr == XFRMA_ALG_AEAD || e->attr == XFRMA_ALG_AUTH_TRUNC; /* the two are alike */
	size_t header = icv ? sizeof(auth) : sizeof(plain);

	strncpy(plain.alg_name, e->text, sizeof(plain.alg_name) - 1);
	strncpy(auth.alg_name, e->text, sizeof(auth.alg_name) - 1);
	put(d, e->attr, NULL, header + (e->value + 7) / 8);
	memcpy(d->attr[e->attr].data, icv ? (void *)&auth : (void *)&plain, header);
	for (size_t i = header; i < d->attr[e->attr].len; i++)
		d->attr[e->attr].data[i] = (uint8_t)i; /* XTS and the like refuse keys of zeros */
}

static void repeat_template(struct draft *d, unsigned int times)
{
	struct xfrm_user_tmpl one;

	memcpy(&one, d->attr[XFRMA_TMPL].data, sizeof(one));
	put(d, XFRMA_TMPL, NULL, times * sizeof(one));
	for (unsigned int i = 0; i < times; i++)
		memcpy(d->attr[XFRMA_TMPL].data + i * sizeof(one), &one, sizeof(one));
}

static void resize(struct draft *d, uint16_t attr, size_t len)
{
	assert(attr < KR_XFRMA_MAX && len <= ATTR_ROOM);
	d->attr[attr].there = true;
	if (len < d->attr[attr].len)
		memset(d->attr[attr].data + len, 0, d->attr[attr].len - len);
	d->attr[attr].len = (uint16_t)len;
}

static void apply(struct draft *d, const struct edit *e)
{
	switch (e->kind) {
	case EDIT_END:
		return;
	case EDIT_FIXED:
	case EDIT_FIXED_BE:
		store(d->fixed + e->at, e, e->kind == EDIT_FIXED_BE);
		return;
	case EDIT_FIXED_LENGTH:
		d->fixed_len = e->value;
		return;
	case EDIT_DROP:
		d->attr[e->attr].there = false;
		return;
	case EDIT_PUT:
		put(d, e->attr, NULL, e->size);
		store(d->attr[e->attr].data, e, false);
		return;
	case EDIT_FIELD:
	case EDIT_FIELD_BE:
		store(d->attr[e->attr].data + e->at, e, e->kind == EDIT_FIELD_BE);
		return;
	case EDIT_LENGTH:
		resize(d, e->attr, e->value);
		return;
	case EDIT_ALGORITHM:
		put_algorithm(d, e);
		return;
	case EDIT_TEMPLATES:
		repeat_template(d, (unsigned int)e->value);
		return;
	}
}

static void fill(struct draft *d, const struct request *r, const struct request_context *ctx)
{
	base_fill(d, r, ctx);
	for (unsigned int i = 0; i < EDITS; i++)
		apply(d, &r->edit[i]);
}

size_t message_body(const struct request *r)
{
	struct draft d = {0};

	fill(&d, r, &(struct request_context){0});
	return d.fixed_len;
}

struct nlmsghdr *message_build(void *buf, const struct request *r, const struct request_context *ctx)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct draft d = {0};

	fill(&d, r, ctx);
	nlh->nlmsg_type = r->type ? r->type : d.type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | d.flags | r->flags);
	nlh->nlmsg_seq = ctx->seq;
	nlh->nlmsg_pid = ctx->pid;
	if (d.fixed_len)
		memcpy(mnl_nlmsg_put_extra_header(nlh, d.fixed_len), d.fixed, d.fixed_len);
	for (uint16_t a = 0; a < KR_XFRMA_MAX; a++)
		if (d.attr[a].there)
			mnl_attr_put(nlh, a, d.attr[a].len, d.attr[a].data);
	return nlh;
}
