/* SPDX-License-Identifier: MIT */
#include "tests/unit/offload/card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/xfrm_uapi.h"

enum { ENCR_AES_GCM_16 = 20 };

static void on_reply(void *ctx, const void *msg, size_t len)
{
	datagrams_put(&((struct card_rig *)ctx)->answers, msg, len);
}

static int send_request(void *ctx, const void *buf, size_t len)
{
	struct card_rig *r = ctx;

	hwsim_netlink(r->card, r->now, buf, len, on_reply, r);
	return 0;
}

static int send_nothing(void *ctx, const void *buf, size_t len)
{
	(void)ctx, (void)buf, (void)len;
	return -EINVAL;
}

static ssize_t recv_answer(void *ctx, void *buf, size_t size)
{
	return datagrams_take(&((struct card_rig *)ctx)->answers, buf, size);
}

static ssize_t recv_event(void *ctx, void *buf, size_t size)
{
	return datagrams_take(&((struct card_rig *)ctx)->events, buf, size);
}

static void on_event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	if (group == XFRMNLGRP_EXPIRE || group == XFRMNLGRP_ACQUIRE)
		datagrams_put(&((struct card_rig *)ctx)->events, msg, len);
}

static void on_wire(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	(void)queue, (void)packet, (void)len;
	((struct card_rig *)ctx)->n_wire++;
}

static void on_host(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	(void)ctx, (void)queue, (void)packet, (void)len;
}

static void on_expire(void *ctx, const struct xfrm_expire *e)
{
	struct card_rig *r = ctx;

	r->expire[r->n_expire++ % 16] = *e;
}

static void on_acquire(void *ctx, const struct xfrm_acquire *a)
{
	struct card_rig *r = ctx;

	r->acquire = *a;
	r->n_acquire++;
}

static void on_resync(void *ctx, const char *why)
{
	(void)why;
	((struct card_rig *)ctx)->n_resync++;
}

static void on_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	(void)ctx;
	print_message("    %s %s: %s\n", log_level_name(level), event, text);
}

void card_start(struct card_rig *r, const char *profile, uint32_t slots)
{
	struct hwsim_config config = {.profile = hwsim_profile_find(profile),
				      .slots = slots,
				      .queues = 4,
				      .ifindex = CARD_IFINDEX,
				      .seed = 1};
	struct hwsim_ops ops = {.wire_out = on_wire, .host_in = on_host, .event = on_event, .ctx = r};
	struct xfrm_transport requests = {r, send_request, recv_answer}, multicast = {r, send_nothing, recv_event};
	struct xfrm_events events = {r, on_expire, on_acquire, on_resync, NULL};

	memset(r, 0, sizeof(*r));
	STAILQ_INIT(&r->answers);
	STAILQ_INIT(&r->events);
	r->now = 1000 * SECOND;
	r->log = (struct log){LOG_LEVEL_INFO, r, on_line};
	assert_non_null(config.profile);
	r->card = hwsim_new(&config, &ops);
	assert_non_null(r->card);
	r->x = xfrm_new(&requests, &multicast, &events, &r->log);
	assert_non_null(r->x);
}

void card_finish(struct card_rig *r)
{
	char why[256] = "";

	assert_int_equal(xfrm_pending(r->x), 0);
	if (hwsim_check(r->card, why, sizeof(why)))
		fail_msg("%s", why);
	xfrm_free(r->x);
	hwsim_free(r->card);
	assert_true(STAILQ_EMPTY(&r->answers));
}

void card_done(void *ctx, const struct xfrm_result *result)
{
	struct card_outcome *o = ctx;

	o->calls++;
	o->err = result->err;
	o->mode = result->mode;
	o->spi = result->spi;
	snprintf(o->text, sizeof(o->text), "%s", result->text ? result->text : "");
}

static void card_got(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts)
{
	card_done(ctx, result);
	((struct card_outcome *)ctx)->counts = *counts;
}

void card_each(void *ctx, const struct xfrm_sa_counts *counts)
{
	struct card_outcome *o = ctx;

	assert_int_equal(counts->id.spi, 0x1000 + o->n_counts);
	o->n_counts++;
	o->counts = *counts;
}

static const struct xfrm_addr gateway = {AF_INET, {192, 0, 2, 1}}, peer = {AF_INET, {192, 0, 2, 2}};

struct xfrm_sa card_sa(bool out, uint32_t spi)
{
	return (struct xfrm_sa){
		.out = out,
		.spi = spi,
		.reqid = 7,
		.src = out ? gateway : peer,
		.dst = out ? peer : gateway,
		.tunnel = true,
		.encr = ENCR_AES_GCM_16,
		.encr_bits = 128,
		.esn = true,
		.replay_window = 64,
		.limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0},
		.cpu = UINT32_MAX,
		.mode = OFFLOAD_PACKET,
		.ifindex = CARD_IFINDEX,
	};
}

struct xfrm_key card_key(uint32_t spi)
{
	struct xfrm_key k = {.encr_len = 20};

	put_be32(k.encr, spi);
	return k;
}

static struct xfrm_sa_id card_id(const struct xfrm_sa *s)
{
	return (struct xfrm_sa_id){s->spi, s->dst, s->src};
}

struct card_outcome card_add(struct card_rig *r, const struct xfrm_sa *s)
{
	struct xfrm_key k = card_key(s->spi);
	struct card_outcome o = {0};

	assert_int_equal(xfrm_sa_add(r->x, s, &k, card_done, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

struct card_outcome card_delete(struct card_rig *r, const struct xfrm_sa *s)
{
	struct xfrm_sa_id i = card_id(s);
	struct card_outcome o = {0};

	assert_int_equal(xfrm_sa_delete(r->x, &i, card_done, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

struct card_outcome card_get(struct card_rig *r, const struct xfrm_sa *s)
{
	struct xfrm_sa_id i = card_id(s);
	struct card_outcome o = {0};

	assert_int_equal(xfrm_sa_get(r->x, &i, card_got, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

struct xfrm_policy_cfg card_policy(enum xfrm_policy_dir dir)
{
	return (struct xfrm_policy_cfg){
		.dir = dir,
		.sel = {.family = AF_INET, .src = {10, 1}, .dst = {10, 2}, .src_len = 16, .dst_len = 16},
		.priority = 1000,
		.reqid = 7,
		.tunnel = true,
		.tmpl_src = gateway,
		.tmpl_dst = peer,
		.packet = true,
		.ifindex = CARD_IFINDEX,
	};
}

struct card_outcome card_policy_add(struct card_rig *r, const struct xfrm_policy_cfg *p, bool update)
{
	struct card_outcome o = {0};

	assert_int_equal(xfrm_policy_add(r->x, p, update, card_done, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

uint32_t card_used(const struct card_rig *r)
{
	struct hwsim_stats s;

	hwsim_stats(r->card, &s);
	return s.total.used;
}

void card_transmit(struct card_rig *r)
{
	uint8_t p[28 + 100] = {0x45, [9] = 17, [12] = 10, 1, 0, 1, 10, 2, 0, 1, 0, 1, 0, 2};
	uint32_t sum = 0;

	put_be16(p + 2, sizeof(p));
	p[8] = 64;
	put_be16(p + 24, sizeof(p) - 20);
	for (int i = 0; i < 20; i += 2)
		sum += get_be16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(p + 10, (uint16_t) ~(sum + (sum >> 16)));
	hwsim_tx(r->card, 0, r->now, p, sizeof(p));
	xfrm_process(r->x);
}

void card_at(struct card_rig *r, uint64_t now)
{
	r->now = now;
	hwsim_tick(r->card, now);
	xfrm_process(r->x);
}
