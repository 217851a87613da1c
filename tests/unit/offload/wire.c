/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offload/wire.h"

static int wire_send(void *ctx, const void *buf, size_t len)
{
	struct wire *w = ctx;

	if (w->send_result)
		return w->send_result;
	assert_true(w->n_sent < WIRE_SENT_MAX && len <= WIRE_DATAGRAM_MAX);
	memcpy(w->sent[w->n_sent].data, buf, len);
	w->sent[w->n_sent++].len = (ssize_t)len;
	return 0;
}

static ssize_t take(struct wire_queue *q, void *buf, size_t size)
{
	const struct wire_datagram *d = &q->at[q->read];

	if (q->read == q->n)
		return -EAGAIN;
	q->read++;
	if (d->len > 0) {
		assert_true((size_t)d->len <= size);
		memcpy(buf, d->data, (size_t)d->len);
	}
	return d->len;
}

static ssize_t recv_answer(void *ctx, void *buf, size_t size)
{
	return take(&((struct wire *)ctx)->queue[WIRE_REQUESTS], buf, size);
}

static ssize_t recv_event(void *ctx, void *buf, size_t size)
{
	return take(&((struct wire *)ctx)->queue[WIRE_EVENTS], buf, size);
}

static void on_expire(void *ctx, const struct xfrm_expire *e)
{
	struct wire *w = ctx;

	w->expire[w->n_expire++ % 8] = *e;
}

static void on_acquire(void *ctx, const struct xfrm_acquire *a)
{
	struct wire *w = ctx;

	w->acquire[w->n_acquire++ % 8] = *a;
}

static void on_resync(void *ctx, const char *why)
{
	struct wire *w = ctx;

	snprintf(w->resync, sizeof(w->resync), "%s", why);
	w->n_resync++;
}

static void on_closed(void *ctx)
{
	((struct wire *)ctx)->n_closed++;
}

static void on_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	struct wire *w = ctx;

	(void)level;
	snprintf(w->logged[w->n_logged++ % WIRE_LOG_MAX], sizeof(w->logged[0]), "%.32s: %.200s", event, text);
}

void wire_open(struct wire *w)
{
	struct xfrm_transport requests = {w, wire_send, recv_answer}, multicast = {w, wire_send, recv_event};
	struct xfrm_events events = {w, on_expire, on_acquire, on_resync, on_closed};

	memset(w, 0, sizeof(*w));
	w->log = (struct log){LOG_LEVEL_DEBUG, w, on_line};
	w->x = xfrm_new(&requests, &multicast, &events, &w->log);
	assert_non_null(w->x);
}

void wire_close(struct wire *w)
{
	assert_int_equal(w->queue[0].read, w->queue[0].n);
	assert_int_equal(w->queue[1].read, w->queue[1].n);
	xfrm_free(w->x);
}

int wire_setup(void **state)
{
	static struct wire w;

	wire_open(&w);
	*state = &w;
	return 0;
}

int wire_teardown(void **state)
{
	wire_close(*state);
	return 0;
}

const struct nlmsghdr *wire_sent(const struct wire *w, unsigned int datagram, unsigned int message)
{
	const struct nlmsghdr *nlh;
	int left;

	assert_true(datagram < w->n_sent);
	nlh = (const struct nlmsghdr *)(const void *)w->sent[datagram].data;
	left = (int)w->sent[datagram].len;
	for (unsigned int i = 0; mnl_nlmsg_ok(nlh, left); i++, nlh = mnl_nlmsg_next(nlh, &left))
		if (i == message)
			return nlh;
	fail_msg("datagram %u has no message %u", datagram, message);
	return NULL;
}

const void *wire_attr(const struct nlmsghdr *nlh, size_t body, uint16_t type, size_t *len)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, body) {
		if (mnl_attr_get_type(attr) != type)
			continue;
		if (len)
			*len = mnl_attr_get_payload_len(attr);
		return mnl_attr_get_payload(attr);
	}
	return NULL;
}

void wire_put(struct wire *w, enum wire_channel channel, const void *data, size_t len)
{
	struct wire_queue *q = &w->queue[channel];

	assert_true(q->n < WIRE_QUEUE_MAX && len <= WIRE_DATAGRAM_MAX);
	memcpy(q->at[q->n].data, data, len);
	q->at[q->n++].len = (ssize_t)len;
}

void wire_put_result(struct wire *w, enum wire_channel channel, ssize_t result)
{
	struct wire_queue *q = &w->queue[channel];

	assert_true(q->n < WIRE_QUEUE_MAX);
	q->at[q->n++].len = result;
}

static struct nlmsghdr *begin(uint8_t *buf, uint16_t type, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	return nlh;
}

void wire_ack(struct wire *w, uint32_t seq, int err, const char *text, size_t echo)
{
	alignas(8) uint8_t buf[WIRE_DATAGRAM_MAX];
	struct nlmsghdr *nlh = begin(buf, NLMSG_ERROR, echo ? 0 : NLM_F_CAPPED, seq);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = err;
	e->msg.nlmsg_len = (uint32_t)(sizeof(e->msg) + echo);
	if (echo)
		memset(mnl_nlmsg_put_extra_header(nlh, echo), 0xee, echo);
	if (text) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, 336);
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	}
	wire_put(w, WIRE_REQUESTS, buf, nlh->nlmsg_len);
}

void wire_int(struct wire *w, uint16_t type, uint16_t flags, uint32_t seq, int value)
{
	alignas(8) uint8_t buf[64];
	struct nlmsghdr *nlh = begin(buf, type, flags, seq);

	*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = value;
	wire_put(w, WIRE_REQUESTS, buf, nlh->nlmsg_len);
}

void wire_newsa(struct wire *w, uint16_t flags, uint32_t seq, const struct wire_sa *sa)
{
	alignas(8) uint8_t buf[WIRE_DATAGRAM_MAX];
	struct nlmsghdr *nlh = begin(buf, XFRM_MSG_NEWSA, flags, seq);
	struct xfrm_usersa_info *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	struct xfrm_replay_state_esn replay = {.replay_window = sa->window};
	struct xfrm_user_offload dev = {.ifindex = sa->ifindex};
	uint8_t key[sizeof(struct xfrm_algo_aead) + 20] = {0};

	info->id.daddr.a4 = htonl(0xc0000202);
	info->id.spi = htonl(sa->spi);
	info->id.proto = IPPROTO_ESP;
	info->saddr.a4 = htonl(0xc0000201);
	info->family = AF_INET;
	info->reqid = sa->reqid;
	info->curlft.bytes = sa->bytes;
	info->curlft.packets = sa->packets;
	info->stats.replay = 5;
	info->stats.integrity_failed = 6;
	mnl_attr_put(nlh, XFRMA_ALG_AEAD, sizeof(key), key);
	if (sa->window)
		mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(replay), &replay);
	dev.flags = (uint8_t)((sa->packet ? KR_XFRM_OFFLOAD_PACKET : 0) | (sa->inbound ? XFRM_OFFLOAD_INBOUND : 0));
	if (sa->offloaded)
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(dev), &dev);
	if (sa->dir)
		mnl_attr_put_u8(nlh, KR_XFRMA_SA_DIR, sa->dir);
	wire_put(w, WIRE_REQUESTS, buf, nlh->nlmsg_len);
}

void wire_newpolicy(struct wire *w, uint32_t seq, int ifindex)
{
	alignas(8) uint8_t buf[WIRE_DATAGRAM_MAX];
	struct nlmsghdr *nlh = begin(buf, XFRM_MSG_NEWPOLICY, 0, seq);
	struct xfrm_user_offload dev = {.ifindex = ifindex, .flags = KR_XFRM_OFFLOAD_PACKET};

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct xfrm_userpolicy_info));
	if (ifindex)
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(dev), &dev);
	wire_put(w, WIRE_REQUESTS, buf, nlh->nlmsg_len);
}

void outcome_done(void *ctx, const struct xfrm_result *result)
{
	struct outcome *o = ctx;

	o->calls++;
	o->err = result->err;
	snprintf(o->text, sizeof(o->text), "%s", result->text ? result->text : "");
	o->mode = result->mode;
	o->spi = result->spi;
}

void outcome_got(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts)
{
	struct outcome *o = ctx;

	outcome_done(o, result);
	o->counts[0] = *counts;
}

void outcome_each(void *ctx, const struct xfrm_sa_counts *counts)
{
	struct outcome *o = ctx;

	o->counts[o->n_counts++ % 8] = *counts;
}

struct xfrm_sa sample_sa(void)
{
	return (struct xfrm_sa){
		.spi = 0xc0ffee01,
		.reqid = 7,
		.src = {AF_INET, {192, 0, 2, 1}},
		.dst = {AF_INET, {192, 0, 2, 2}},
		.tunnel = true,
		.encr = 20,
		.encr_bits = 128,
		.replay_window = 32,
		.limits = {1000, 2000, 10, 20, 0, UINT64_MAX},
		.cpu = UINT32_MAX,
		.mode = OFFLOAD_PACKET,
		.ifindex = 3,
	};
}

struct xfrm_key sample_key(void)
{
	struct xfrm_key key = {.encr_len = 20};

	for (unsigned int i = 0; i < 20; i++)
		key.encr[i] = (uint8_t)(0xa0 + i);
	return key;
}

struct xfrm_policy_cfg sample_policy(void)
{
	return (struct xfrm_policy_cfg){
		.dir = XFRM_DIR_OUT,
		.sel = {.family = AF_INET, .src = {10, 1}, .dst = {10, 2}, .src_len = 16, .dst_len = 16},
		.priority = 1000,
		.reqid = 7,
		.tunnel = true,
		.tmpl_src = {AF_INET, {192, 0, 2, 1}},
		.tmpl_dst = {AF_INET, {192, 0, 2, 2}},
		.packet = true,
		.ifindex = 3,
	};
}
