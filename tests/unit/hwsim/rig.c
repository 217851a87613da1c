/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <linux/udp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "hwsim/packet.h"

static void wire_out(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct rig *rig = ctx;
	struct rig_packet *p = &rig->wire[rig->wires++ % RIG_PACKETS];

	p->queue = queue;
	p->len = len;
	memcpy(p->data, packet, len);
	if (rig->peer)
		rig_rx(rig->peer, packet, len);
}

static void host_in(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct rig *rig = ctx;
	struct rig_packet *p = &rig->host[rig->hosts++ % RIG_PACKETS];

	p->queue = queue;
	p->len = len;
	memcpy(p->data, packet, len);
}

static void event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	struct rig *rig = ctx;
	struct rig_message *m = &rig->event[rig->events++ % RIG_EVENTS];

	assert_true(len <= sizeof(m->data));
	m->group = group;
	m->len = len;
	memcpy(m->data, msg, len);
}

static void link_changed(void *ctx, bool up)
{
	struct rig *rig = ctx;

	(void)up;
	rig->links++;
}

struct rig *rig_new(const char *profile, uint32_t slots)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct hwsim_ops ops = {wire_out, host_in, event, link_changed, rig};
	struct hwsim_config config = {
		.profile = hwsim_profile_find(profile),
		.slots = slots,
		.policies = 8,
		.queues = 4,
		.ifindex = RIG_IFINDEX,
		.seed = 11,
	};

	assert_non_null(rig);
	rig->now = 5 * SEC;
	rig->card = hwsim_new(&config, &ops);
	assert_non_null(rig->card);
	return rig;
}

void rig_check(struct rig *rig)
{
	char why[200] = "";

	if (hwsim_check(rig->card, why, sizeof(why)))
		fail_msg("%s", why);
}

void rig_free(struct rig *rig)
{
	rig_check(rig);
	hwsim_free(rig->card);
	free(rig);
}

static void reply(void *ctx, const void *msg, size_t len)
{
	const struct nlmsghdr *nlh = msg;
	struct rig *rig = ctx;
	struct nlmsgerr err;

	rig->datagrams++;
	assert_true(len <= HWSIM_MAX_DATAGRAM);
	if (nlh->nlmsg_type != NLMSG_ERROR) {
		assert_true(rig->reply_len + len <= sizeof(rig->reply));
		memcpy(rig->reply + rig->reply_len, msg, len);
		rig->reply_len += len;
		return;
	}
	memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	rig->error = err.error;
	assert_int_equal(nlh->nlmsg_seq, rig->seq);
	assert_true(nlh->nlmsg_flags & NLM_F_CAPPED);
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		const struct nlattr *attr;

		mnl_attr_for_each (attr, nlh, sizeof(err)) {
			if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
				snprintf(rig->text, sizeof(rig->text), "%s", mnl_attr_get_str(attr));
			if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
				rig->offset = mnl_attr_get_u32(attr);
		}
	}
}

typedef void door_fn(struct hwsim *card, uint64_t now, const void *buf, size_t len,
		     void (*reply)(void *ctx, const void *msg, size_t len), void *ctx);

static int send_to(struct rig *rig, door_fn *door, struct nlmsghdr *nlh)
{
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++rig->seq;
	rig->error = 1; /* no answer at all would stay visible */
	rig->text[0] = 0;
	rig->offset = 0;
	rig->reply_len = 0;
	rig->datagrams = 0;
	door(rig->card, rig->now, nlh, nlh->nlmsg_len, reply, rig);
	return rig->error;
}

int rig_send(struct rig *rig, struct nlmsghdr *nlh)
{
	return send_to(rig, hwsim_netlink, nlh);
}

int rig_send_generic(struct rig *rig, struct nlmsghdr *nlh)
{
	return send_to(rig, hwsim_generic, nlh);
}

uint16_t rig_addr(const char *text, uint8_t addr[16], uint8_t *prefix)
{
	uint16_t family = strchr(text, ':') ? AF_INET6 : AF_INET;
	const char *slash = strchr(text, '/');
	char bare[64];

	snprintf(bare, sizeof(bare), "%.*s", slash ? (int)(slash - text) : (int)strlen(text), text);
	memset(addr, 0, 16);
	assert_int_equal(inet_pton(family, bare, addr), 1);
	if (prefix)
		*prefix = slash ? (uint8_t)strtoul(slash + 1, NULL, 10) : family == AF_INET ? 32 : 128;
	return family;
}

static uint64_t limit(uint64_t n)
{
	return n ? n : XFRM_INF;
}

static void put_keys(struct nlmsghdr *nlh, const struct spec *s)
{
	union {
		struct xfrm_algo_aead aead;
		struct xfrm_algo_auth auth;
		struct xfrm_algo cipher;
		char room[256];
	} u;
	unsigned int bits = s->key_bits ? s->key_bits : 160;

	memset(&u, s->key, sizeof(u));
	if (!s->aead || s->aead[0]) {
		memset(u.aead.alg_name, 0, sizeof(u.aead.alg_name));
		snprintf(u.aead.alg_name, sizeof(u.aead.alg_name), "%s", s->aead ? s->aead : "rfc4106(gcm(aes))");
		u.aead.alg_key_len = bits;
		u.aead.alg_icv_len = 128;
		mnl_attr_put(nlh, XFRMA_ALG_AEAD, sizeof(u.aead) + bits / 8, &u);
		return;
	}
	memset(u.auth.alg_name, 0, sizeof(u.auth.alg_name));
	snprintf(u.auth.alg_name, sizeof(u.auth.alg_name), "hmac(sha256)");
	u.auth.alg_key_len = 256;
	u.auth.alg_trunc_len = 128;
	mnl_attr_put(nlh, XFRMA_ALG_AUTH_TRUNC, sizeof(u.auth) + 32, &u);
	memset(&u, s->key, sizeof(u));
	memset(u.cipher.alg_name, 0, sizeof(u.cipher.alg_name));
	snprintf(u.cipher.alg_name, sizeof(u.cipher.alg_name), "cbc(aes)");
	u.cipher.alg_key_len = 128;
	mnl_attr_put(nlh, XFRMA_ALG_CRYPT, sizeof(u.cipher) + 16, &u);
}

static void put_window(struct nlmsghdr *nlh, const struct spec *s)
{
	uint32_t window = s->window ? s->window : 64, words = s->in ? (window + 31) / 32 : 0;
	uint32_t room[6 + 128] = {words};
	struct xfrm_replay_state_esn *v = (void *)room;

	if (s->in) {
		v->replay_window = window;
		v->seq = (uint32_t)s->seq;
		v->seq_hi = (uint32_t)(s->seq >> 32);
	} else {
		v->oseq = (uint32_t)s->seq;
		v->oseq_hi = (uint32_t)(s->seq >> 32);
	}
	mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(*v) + words * 4, v);
}

static void fill_sa(struct xfrm_usersa_info *p, const struct spec *s)
{
	p->family = rig_addr(s->src, (uint8_t *)&p->saddr, NULL);
	rig_addr(s->dst, (uint8_t *)&p->id.daddr, NULL);
	p->id.spi = htonl(s->spi);
	p->id.proto = IPPROTO_ESP;
	p->mode = s->transport ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL;
	p->reqid = s->reqid;
	p->seq = s->acquire;
	p->flags = (uint8_t)((s->esn ? XFRM_STATE_ESN : 0) | XFRM_STATE_AF_UNSPEC | s->flags);
	p->lft = (struct xfrm_lifetime_cfg){
		.soft_packet_limit = limit(s->soft_packets),
		.hard_packet_limit = limit(s->hard_packets),
		.soft_byte_limit = limit(s->soft_bytes),
		.hard_byte_limit = limit(s->hard_bytes),
		.soft_add_expires_seconds = s->soft_seconds,
		.hard_add_expires_seconds = s->hard_seconds,
		.soft_use_expires_seconds = s->soft_use,
		.hard_use_expires_seconds = s->hard_use,
	};
}

struct nlmsghdr *rig_put_sa(void *buf, uint16_t type, const struct spec *s)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_info *p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));
	struct xfrm_user_offload xuo = {.ifindex = RIG_IFINDEX};
	struct xfrm_encap_tmpl encap = {UDP_ENCAP_ESPINUDP, htons(s->encap), htons(s->encap), {0}};

	nlh->nlmsg_type = type;
	fill_sa(p, s);
	put_keys(nlh, s);
	put_window(nlh, s);
	if (s->encap)
		mnl_attr_put(nlh, XFRMA_ENCAP, sizeof(encap), &encap);
	if (!s->software) {
		xuo.flags = (uint8_t)((s->in ? XFRM_OFFLOAD_INBOUND : 0) | (s->crypto ? 0 : KR_XFRM_OFFLOAD_PACKET));
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(xuo), &xuo);
	}
	if (s->extra_flags)
		mnl_attr_put_u32(nlh, XFRMA_SA_EXTRA_FLAGS, s->extra_flags);
	if (s->pcpu)
		mnl_attr_put_u32(nlh, KR_XFRMA_SA_PCPU, (uint32_t)s->pcpu - 1);
	if (!s->no_dir)
		mnl_attr_put_u8(nlh, KR_XFRMA_SA_DIR, s->in ? KR_XFRM_SA_DIR_IN : KR_XFRM_SA_DIR_OUT);
	return nlh;
}

int rig_sa(struct rig *rig, uint16_t type, const struct spec *s)
{
	_Alignas(8) uint8_t buf[4096];
	struct nlmsghdr *nlh;
	struct xfrm_usersa_id *id;

	if (type == XFRM_MSG_NEWSA || type == XFRM_MSG_UPDSA)
		return rig_send(rig, rig_put_sa(buf, type, s));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	id->family = rig_addr(s->dst, (uint8_t *)&id->daddr, NULL);
	id->spi = htonl(s->spi);
	id->proto = IPPROTO_ESP;
	return rig_send(rig, nlh);
}

struct nlmsghdr *rig_put_policy(void *buf, uint16_t type, const struct spec *s)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_userpolicy_info *p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));
	struct xfrm_user_offload xuo = {RIG_IFINDEX, KR_XFRM_OFFLOAD_PACKET};
	struct xfrm_user_tmpl t = {.reqid = s->reqid, .id.proto = IPPROTO_ESP};

	nlh->nlmsg_type = type;
	p->sel.family = rig_addr(s->from ? s->from : s->src, (uint8_t *)&p->sel.saddr, &p->sel.prefixlen_s);
	rig_addr(s->to ? s->to : s->dst, (uint8_t *)&p->sel.daddr, &p->sel.prefixlen_d);
	p->sel.proto = s->proto;
	p->sel.dport = htons(s->dport);
	p->sel.dport_mask = s->dport ? 0xffff : 0;
	p->dir = (uint8_t)s->dir;
	p->priority = s->priority;
	p->flags = (uint8_t)s->policy_flags;
	p->action = s->block ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	t.mode = s->transport ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL;
	t.aalgos = t.ealgos = t.calgos = UINT32_MAX;
	t.family = rig_addr(s->src, (uint8_t *)&t.saddr, NULL);
	rig_addr(s->dst, (uint8_t *)&t.id.daddr, NULL);
	if (!s->block && !s->bypass)
		mnl_attr_put(nlh, XFRMA_TMPL, sizeof(t), &t);
	if (!s->software)
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(xuo), &xuo);
	return nlh;
}

int rig_policy(struct rig *rig, uint16_t type, const struct spec *s)
{
	_Alignas(8) uint8_t buf[4096];

	return rig_send(rig, rig_put_policy(buf, type, s));
}

struct xfrm_usersa_info rig_get(struct rig *rig, const struct spec *s)
{
	struct xfrm_usersa_info info;

	assert_int_equal(rig_sa(rig, XFRM_MSG_GETSA, s), 0);
	assert_true(rig->reply_len >= NLMSG_HDRLEN + sizeof(info));
	memcpy(&info, rig->reply + NLMSG_HDRLEN, sizeof(info));
	return info;
}

const struct nlattr *rig_attr(const struct nlmsghdr *nlh, size_t body, unsigned int type)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, body) {
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

void rig_connect(struct rig *a, struct rig *b, const struct spec *s)
{
	struct spec out = *s, in = *s;

	out.dir = XFRM_POLICY_OUT;
	in.in = true;
	in.dir = XFRM_POLICY_IN;
	in.software = in.crypto = false;
	in.software = s->software || s->crypto;
	in.crypto = false;
	in.pcpu = 0;
	out.software = s->software;
	assert_int_equal(rig_sa(b, XFRM_MSG_NEWSA, &in), 0);
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &out), 0);
	out.software = s->software || s->crypto;
	assert_int_equal(rig_policy(b, XFRM_MSG_NEWPOLICY, &in), 0);
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &out), 0);
}

size_t rig_packet(uint8_t *p, const char *src, const char *dst, uint16_t sport, uint16_t dport, size_t len)
{
	uint8_t s[16], d[16];
	uint16_t family = rig_addr(src, s, NULL);
	size_t header = family == AF_INET ? IPV4_HEADER : IPV6_HEADER, total = header + UDP_HEADER + len;
	uint8_t *udp = p + header;

	rig_addr(dst, d, NULL);
	ip_write_header(p, family, total, s, d, IPPROTO_UDP, 0xb8, 63, true, 99);
	put_be16(udp, sport);
	put_be16(udp + 2, dport);
	put_be16(udp + 4, (uint16_t)(UDP_HEADER + len));
	put_be16(udp + 6, 0);
	for (size_t i = 0; i < len; i++)
		udp[UDP_HEADER + i] = (uint8_t)(i * 7);
	return total;
}

void rig_tx(struct rig *rig, unsigned int queue, const uint8_t *packet, size_t len)
{
	hwsim_tx(rig->card, queue, rig->now, packet, len);
}

void rig_rx(struct rig *rig, const uint8_t *packet, size_t len)
{
	hwsim_rx(rig->card, rig->now, packet, len);
}

struct hwsim_stats rig_stats(struct rig *rig)
{
	struct hwsim_stats stats;

	hwsim_stats(rig->card, &stats);
	return stats;
}

const struct nlmsghdr *rig_event(struct rig *rig, unsigned int n, uint16_t type)
{
	const struct nlmsghdr *nlh;

	assert_true(n < rig->events && rig->events - n <= RIG_EVENTS);
	nlh = (const void *)rig->event[n % RIG_EVENTS].data;
	assert_int_equal(nlh->nlmsg_type, type);
	assert_int_equal(nlh->nlmsg_len, rig->event[n % RIG_EVENTS].len);
	return nlh;
}

void rig_wait(struct rig *rig, uint64_t ns)
{
	rig->now += ns;
	hwsim_tick(rig->card, rig->now);
}
