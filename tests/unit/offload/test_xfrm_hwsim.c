/* SPDX-License-Identifier: MIT */
/* The driver against a card in memory: what one sends the other must understand, and both must count alike. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/xfrm_uapi.h"
#include "hwsim/hwsim.h"
#include "offload/offload.h"

#define SECOND UINT64_C(1000000000)

enum { IFINDEX = 9, GCM = 20 };

struct datagram {
	STAILQ_ENTRY(datagram) next;
	size_t len;
	uint8_t data[];
};

STAILQ_HEAD(datagrams, datagram);

struct rig {
	struct hwsim *card;
	struct xfrm *x;
	struct datagrams answers, events;
	uint64_t now;
	struct xfrm_expire expire[16];
	struct xfrm_acquire acquire;
	unsigned int n_expire, n_acquire, n_wire, n_resync;
	struct log log;
};

struct outcome {
	unsigned int calls, n_counts;
	int err;
	enum offload_mode mode;
	uint32_t spi;
	char text[256];
	struct xfrm_sa_counts counts;
};

static void put(struct datagrams *q, const void *msg, size_t len)
{
	struct datagram *d = malloc(sizeof(*d) + len);

	assert_non_null(d);
	d->len = len;
	memcpy(d->data, msg, len);
	STAILQ_INSERT_TAIL(q, d, next);
}

static ssize_t take(struct datagrams *q, void *buf, size_t size)
{
	struct datagram *d = STAILQ_FIRST(q);
	size_t len;

	if (!d)
		return -EAGAIN;
	len = d->len;
	assert_true(len <= size);
	memcpy(buf, d->data, len);
	STAILQ_REMOVE_HEAD(q, next);
	free(d);
	return (ssize_t)len;
}

static void on_reply(void *ctx, const void *msg, size_t len)
{
	put(&((struct rig *)ctx)->answers, msg, len);
}

static int send_request(void *ctx, const void *buf, size_t len)
{
	struct rig *r = ctx;

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
	return take(&((struct rig *)ctx)->answers, buf, size);
}

static ssize_t recv_event(void *ctx, void *buf, size_t size)
{
	return take(&((struct rig *)ctx)->events, buf, size);
}

static void on_event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	if (group == XFRMNLGRP_EXPIRE || group == XFRMNLGRP_ACQUIRE)
		put(&((struct rig *)ctx)->events, msg, len);
}

static void on_wire(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	(void)queue, (void)packet, (void)len;
	((struct rig *)ctx)->n_wire++;
}

static void on_host(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	(void)ctx, (void)queue, (void)packet, (void)len;
}

static void on_expire(void *ctx, const struct xfrm_expire *e)
{
	struct rig *r = ctx;

	r->expire[r->n_expire++ % 16] = *e;
}

static void on_acquire(void *ctx, const struct xfrm_acquire *a)
{
	struct rig *r = ctx;

	r->acquire = *a;
	r->n_acquire++;
}

static void on_resync(void *ctx, const char *why)
{
	(void)why;
	((struct rig *)ctx)->n_resync++;
}

static void on_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	(void)ctx;
	print_message("    %s %s: %s\n", log_level_name(level), event, text);
}

static void start(struct rig *r, const char *profile, uint32_t slots)
{
	struct hwsim_config config = {
		.profile = hwsim_profile_find(profile), .slots = slots, .queues = 4, .ifindex = IFINDEX, .seed = 1};
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

static void finish(struct rig *r)
{
	char why[256] = "";

	assert_int_equal(xfrm_pending(r->x), 0);
	if (hwsim_check(r->card, why, sizeof(why)))
		fail_msg("%s", why);
	xfrm_free(r->x);
	hwsim_free(r->card);
	assert_true(STAILQ_EMPTY(&r->answers));
}

static void done(void *ctx, const struct xfrm_result *result)
{
	struct outcome *o = ctx;

	o->calls++;
	o->err = result->err;
	o->mode = result->mode;
	o->spi = result->spi;
	snprintf(o->text, sizeof(o->text), "%s", result->text ? result->text : "");
}

static void got(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts)
{
	done(ctx, result);
	((struct outcome *)ctx)->counts = *counts;
}

static void each(void *ctx, const struct xfrm_sa_counts *counts)
{
	struct outcome *o = ctx;

	assert_int_equal(counts->id.spi, 0x1000 + o->n_counts);
	o->n_counts++;
	o->counts = *counts;
}

static const struct xfrm_addr gateway = {AF_INET, {192, 0, 2, 1}}, peer = {AF_INET, {192, 0, 2, 2}};

static struct xfrm_sa sa(bool out, uint32_t spi)
{
	return (struct xfrm_sa){
		.out = out,
		.spi = spi,
		.reqid = 7,
		.src = out ? gateway : peer,
		.dst = out ? peer : gateway,
		.tunnel = true,
		.encr = GCM,
		.encr_bits = 128,
		.esn = true,
		.replay_window = 64,
		.limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0},
		.cpu = UINT32_MAX,
		.mode = OFFLOAD_PACKET,
		.ifindex = IFINDEX,
	};
}

/* A key for each SPI: the card checks that no nonce is used twice. */
static struct xfrm_key key(uint32_t spi)
{
	struct xfrm_key k = {.encr_len = 20};

	put_be32(k.encr, spi);
	return k;
}

static struct xfrm_sa_id id(const struct xfrm_sa *s)
{
	return (struct xfrm_sa_id){s->spi, s->dst, s->src};
}

static struct outcome add(struct rig *r, const struct xfrm_sa *s)
{
	struct xfrm_key k = key(s->spi);
	struct outcome o = {0};

	assert_int_equal(xfrm_sa_add(r->x, s, &k, done, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

static struct outcome delete (struct rig *r, const struct xfrm_sa *s)
{
	struct xfrm_sa_id i = id(s);
	struct outcome o = {0};

	assert_int_equal(xfrm_sa_delete(r->x, &i, done, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

static struct outcome get(struct rig *r, const struct xfrm_sa *s)
{
	struct xfrm_sa_id i = id(s);
	struct outcome o = {0};

	assert_int_equal(xfrm_sa_get(r->x, &i, got, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

static struct xfrm_policy_cfg policy(enum xfrm_policy_dir dir)
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
		.ifindex = IFINDEX,
	};
}

static struct outcome add_policy(struct rig *r, const struct xfrm_policy_cfg *p, bool update)
{
	struct outcome o = {0};

	assert_int_equal(xfrm_policy_add(r->x, p, update, done, &o), 0);
	xfrm_process(r->x);
	assert_int_equal(o.calls, 1);
	return o;
}

static uint32_t used(const struct rig *r)
{
	struct hwsim_stats s;

	hwsim_stats(r->card, &s);
	return s.total.used;
}

/* A UDP packet that the policy covers. */
static void transmit(struct rig *r)
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

static void at(struct rig *r, uint64_t now)
{
	r->now = now;
	hwsim_tick(r->card, now);
	xfrm_process(r->x);
}

static void test_modes(void **state)
{
	struct rig r;
	struct xfrm_sa in = sa(false, 1), out = sa(true, 2), crypto = sa(true, 3), plain = sa(false, 4);

	(void)state;
	start(&r, "cx7", 0);
	assert_int_equal(add(&r, &in).mode, OFFLOAD_PACKET);
	assert_int_equal(add(&r, &out).mode, OFFLOAD_PACKET);
	crypto.mode = OFFLOAD_CRYPTO;
	crypto.cpu = 3;
	assert_int_equal(add(&r, &crypto).mode, OFFLOAD_CRYPTO);
	plain.mode = OFFLOAD_SOFTWARE;
	assert_int_equal(add(&r, &plain).mode, OFFLOAD_SOFTWARE);
	assert_int_equal(add(&r, &in).err, -EEXIST);
	assert_int_equal(used(&r), 3);
	assert_int_equal(get(&r, &in).counts.replay_window, 64);
	assert_false(get(&r, &in).counts.out);
	assert_true(get(&r, &crypto).counts.out);
	assert_int_equal(get(&r, &plain).counts.mode, OFFLOAD_SOFTWARE);
	assert_int_equal(delete (&r, &in).err, 0);
	assert_int_equal(delete (&r, &in).err, -ESRCH);
	assert_int_equal(delete (&r, &out).err, 0);
	assert_int_equal(delete (&r, &crypto).err, 0);
	assert_int_equal(delete (&r, &plain).err, 0);
	assert_int_equal(used(&r), 0);
	finish(&r);
}

/* Every kind of SA that the driver can write, on a card that takes all of them in one mode or another. */
static void test_kinds(void **state)
{
	struct rig r;
	uint32_t spi = 0x100;

	(void)state;
	start(&r, "tiny-33", 0);
	for (unsigned int bits = 0; bits < 64; bits++) {
		struct xfrm_sa s = sa(bits & 1, ++spi);
		struct outcome o;

		s.esn = bits & 2;
		s.replay_window = bits & 4 ? 32 : 1024;
		s.encap = bits & 8;
		s.encap_sport = s.encap_dport = 4500;
		s.tunnel = bits & 16;
		s.cpu = bits & 32 ? 1 : UINT32_MAX;
		if (!s.tunnel)
			s.sel = (struct xfrm_selector_cfg){
				.family = AF_INET, .src_len = 32, .dst_len = 32, .protocol = 6};
		o = add(&r, &s);
		if (o.err)
			fail_msg("kind %u: %s: %s", bits, strerror(-o.err), o.text);
		assert_int_equal(get(&r, &s).counts.replay_window, s.out ? 0 : s.replay_window);
		assert_int_equal(delete (&r, &s).err, 0);
	}
	finish(&r);
}

static void test_refused(void **state)
{
	struct rig r;
	struct xfrm_sa s = sa(false, 1);
	struct outcome o;

	(void)state;
	start(&r, "cx7", 0);
	s.replay_window = 96;
	o = add(&r, &s);
	assert_int_equal(o.err, -EINVAL);
	assert_string_equal(o.text, "mlx5_core: Unsupported replay window size");
	s.replay_window = 128;
	s.reqid = 0;
	o = add(&r, &s);
	assert_string_equal(o.text, "mlx5_core: Cannot offload without reqid");
	s.reqid = 1;
	assert_int_equal(hwsim_fault(r.card, "refuse", 1, ENOMEM), 0);
	assert_int_equal(add(&r, &s).err, -ENOMEM);
	assert_int_equal(add(&r, &s).err, 0);
	assert_int_equal(delete (&r, &s).err, 0);
	finish(&r);
}

/* A full table, and a ledger that believed in more, learns. */
static void test_full(void **state)
{
	struct slots_config config = {.n_pools = 1, .pool = {{.name = "shared", .size = 10}}};
	struct slots *slots = slots_new(&config);
	struct slots_count count;
	struct rig r;
	uint32_t n = 0;

	(void)state;
	start(&r, "tiny-33", 4);
	for (;;) {
		int64_t slot = slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL);
		struct xfrm_sa s = sa(n % 2, 0x100 + n);
		struct outcome o;

		if (slot < 0)
			break;
		o = add(&r, &s);
		if (!o.err) {
			slots_commit(slots, (uint32_t)slot);
			n++;
			continue;
		}
		assert_int_equal(o.err, -ENOSPC);
		assert_string_equal(o.text, "SA table full");
		assert_true(slots_errno_is_full(-o.err));
		slots_release(slots, (uint32_t)slot);
		assert_true(slots_learn(slots, SLOTS_IN, SLOTS_IPV4, -o.err, r.now));
	}
	slots_count_get(slots, 0, &count);
	assert_int_equal(n, 4);
	assert_int_equal(count.size, 4);
	assert_int_equal(count.occ, used(&r));
	slots_free(slots);
	for (uint32_t i = 0; i < n; i++) {
		struct xfrm_sa s = sa(i % 2, 0x100 + i);

		assert_int_equal(delete (&r, &s).err, 0);
	}
	finish(&r);
}

/* The card says yes and does it in software: found, taken back, said. */
static void test_silent(void **state)
{
	struct rig r;
	struct xfrm_sa s = sa(false, 1);
	struct xfrm_policy_cfg p = policy(XFRM_DIR_OUT);
	struct outcome o;

	(void)state;
	start(&r, "cx7", 0);
	assert_int_equal(hwsim_fault(r.card, "silent_no_offload", 2, 0), 0);
	o = add(&r, &s);
	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_non_null(strstr(o.text, "acknowledged but not offloaded"));
	assert_int_equal(get(&r, &s).err, -ESRCH);
	assert_int_equal(add_policy(&r, &p, false).err, -EOPNOTSUPP);
	assert_int_equal(add_policy(&r, &p, false).err, 0); /* it was removed, so it is new again */
	assert_int_equal(add(&r, &s).err, 0);
	finish(&r);
}

static void test_limits(void **state)
{
	struct rig r;
	struct xfrm_sa s = sa(true, 1);
	struct xfrm_policy_cfg p = policy(XFRM_DIR_OUT);
	struct outcome o;

	(void)state;
	start(&r, "tiny-33", 0);
	assert_int_equal(add_policy(&r, &p, false).err, 0);
	s.limits.soft_packets = 3;
	s.limits.hard_packets = 5;
	assert_int_equal(add(&r, &s).err, 0);
	transmit(&r);
	transmit(&r);
	at(&r, r.now);
	assert_int_equal(r.n_expire, 0);
	transmit(&r);
	at(&r, r.now);
	assert_int_equal(r.n_expire, 1);
	assert_false(r.expire[0].hard);
	assert_int_equal(r.expire[0].id.spi, 1);
	assert_int_equal(r.expire[0].reqid, 7);
	assert_int_equal(r.expire[0].packets, 3);
	o = get(&r, &s);
	assert_int_equal(o.counts.packets, 3);
	assert_true(o.counts.bytes > 300);
	assert_true(o.counts.use_time != 0);
	transmit(&r);
	transmit(&r);
	at(&r, r.now);
	assert_int_equal(r.n_expire, 2);
	assert_true(r.expire[1].hard);
	assert_int_equal(delete (&r, &s).err, -ESRCH); /* it is gone by the time one hears of it */
	finish(&r);
}

static void test_time_limits(void **state)
{
	struct rig r;
	struct xfrm_sa s = sa(false, 1);

	(void)state;
	start(&r, "cx7", 0);
	s.limits.soft_seconds = 10;
	s.limits.hard_seconds = 20;
	assert_int_equal(add(&r, &s).err, 0);
	at(&r, r.now + 9 * SECOND);
	assert_int_equal(r.n_expire, 0);
	at(&r, r.now + 2 * SECOND);
	assert_int_equal(r.n_expire, 1);
	assert_false(r.expire[0].hard);
	at(&r, r.now + 10 * SECOND);
	assert_int_equal(r.n_expire, 2);
	assert_true(r.expire[1].hard);
	finish(&r);
}

/* New limits for an SA that is in use take no slot, even when there is none. */
static void test_update(void **state)
{
	struct rig r;
	struct xfrm_sa s = sa(true, 1);
	struct xfrm_key k = key(1);
	struct outcome o = {0};

	(void)state;
	start(&r, "tiny-33", 1);
	assert_int_equal(add(&r, &s).err, 0);
	s.limits.hard_packets = 1000;
	s.limits.soft_packets = 900;
	assert_int_equal(xfrm_sa_update(r.x, &s, &k, done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.calls, 1);
	if (o.err)
		fail_msg("%s: %s", strerror(-o.err), o.text);
	assert_int_equal(used(&r), 1);
	assert_int_equal(get(&r, &s).counts.mode, OFFLOAD_PACKET);
	finish(&r);
}

static void test_larval(void **state)
{
	struct rig r;
	struct xfrm_sa s = sa(false, 0);
	struct outcome o = {0};

	(void)state;
	start(&r, "cx7", 0);
	assert_int_equal(xfrm_spi_alloc(r.x, &s.src, &s.dst, 7, 0x5000, 0x5fff, done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.err, 0);
	assert_true(o.spi >= 0x5000 && o.spi <= 0x5fff);
	assert_int_equal(used(&r), 0);
	s.spi = o.spi;
	assert_int_equal(add(&r, &s).err, -EEXIST); /* the SPI is taken, by ourselves */
	s.larval = true;
	o = add(&r, &s);
	if (o.err)
		fail_msg("%s: %s", strerror(-o.err), o.text);
	assert_int_equal(o.mode, OFFLOAD_PACKET);
	assert_int_equal(used(&r), 1);
	finish(&r);
}

static void test_dump(void **state)
{
	enum { N = 500 };
	struct rig r;
	struct outcome o = {0}, added = {0};

	(void)state;
	start(&r, "cx7", 0);
	for (uint32_t i = 0; i < N; i++) {
		struct xfrm_sa s = sa(i % 2, 0x1000 + i);
		struct xfrm_key k = key(s.spi);

		assert_int_equal(xfrm_sa_add(r.x, &s, &k, done, &added), 0); /* all at once */
	}
	assert_int_equal(xfrm_sa_dump(r.x, each, done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(added.calls, N);
	assert_int_equal(added.err, 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.n_counts, N);
	assert_int_equal(used(&r), N);
	finish(&r);
}

static void test_policies(void **state)
{
	struct rig r;
	struct xfrm_policy_cfg out = policy(XFRM_DIR_OUT), in = policy(XFRM_DIR_IN), fwd = policy(XFRM_DIR_FWD);
	struct outcome o = {0};

	(void)state;
	start(&r, "cx7", 0);
	assert_int_equal(add_policy(&r, &out, false).err, 0);
	assert_int_equal(add_policy(&r, &out, false).err, -EEXIST);
	out.priority = 10;
	o = add_policy(&r, &out, true);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.mode, OFFLOAD_PACKET);
	assert_int_equal(add_policy(&r, &in, false).err, 0);
	o = add_policy(&r, &fwd, false);
	assert_int_equal(o.err, -EINVAL);
	assert_string_equal(o.text, "mlx5_core: Cannot offload forward policy");
	fwd.packet = false;
	assert_int_equal(add_policy(&r, &fwd, false).err, 0);
	o = (struct outcome){0};
	assert_int_equal(xfrm_policy_delete(r.x, &out, done, &o), 0);
	assert_int_equal(xfrm_policy_delete(r.x, &in, done, &o), 0);
	assert_int_equal(xfrm_policy_delete(r.x, &fwd, done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.calls, 3);
	assert_int_equal(o.err, 0);
	assert_int_equal(xfrm_policy_delete(r.x, &fwd, done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.err, -ENOENT);
	finish(&r);
}

/* A packet that finds a policy and no SA asks for one, and is not sent in the clear. */
static void test_acquire(void **state)
{
	struct rig r;
	struct xfrm_policy_cfg p = policy(XFRM_DIR_OUT);
	struct xfrm_sa s = sa(true, 1);

	(void)state;
	start(&r, "tiny-33", 0);
	assert_int_equal(add_policy(&r, &p, false).err, 0);
	transmit(&r);
	at(&r, r.now);
	assert_int_equal(r.n_wire, 0);
	assert_int_equal(r.n_acquire, 1);
	assert_int_equal(r.acquire.reqid, 7);
	assert_memory_equal(r.acquire.dst.ip, peer.ip, 4);
	assert_int_equal(r.acquire.sel.family, AF_INET);
	s.seq = r.acquire.seq; /* answers it */
	assert_int_equal(add(&r, &s).err, 0);
	transmit(&r);
	assert_int_equal(r.n_wire, 1);
	finish(&r);
}

/* The delete is acknowledged before the slot is free: the ledger waits as long. */
static void test_delayed_free(void **state)
{
	struct slots_config config = {.n_pools = 1, .pool = {{.name = "shared", .size = 1}}, .let_go_ns = SECOND};
	struct slots *slots = slots_new(&config);
	struct rig r;
	struct xfrm_sa a = sa(false, 1), b = sa(false, 2);

	(void)state;
	start(&r, "tiny-33", 1);
	assert_int_equal(hwsim_fault(r.card, "delayed_free", UINT32_MAX, 1000), 0);
	slots_commit(slots, (uint32_t)slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL));
	assert_int_equal(add(&r, &a).err, 0);
	slots_drain(slots, 0);
	assert_int_equal(delete (&r, &a).err, 0);
	slots_gone(slots, 0, r.now, false);
	assert_int_equal(add(&r, &b).err, -ENOSPC); /* who does not wait is refused */
	assert_false(slots_learn(slots, SLOTS_IN, SLOTS_IPV4, ENOSPC, r.now));
	assert_int_equal(slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL), -ENOSPC);
	at(&r, slots_next(slots));
	slots_tick(slots, r.now);
	assert_int_equal(slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL), 0);
	assert_int_equal(add(&r, &b).err, 0);
	slots_free(slots);
	finish(&r);
}

/* hwsim's cards and our profiles of them agree on what is in both. */
static void test_profiles(void **state)
{
	const struct hwsim_profile *card;

	(void)state;
	for (unsigned int n = 0; (card = hwsim_profile_at(n)); n++) {
		const struct offload_profile *p = offload_profile_find(card->name);

		if (!p) {
			fail_msg("no profile %s", card->name);
			return;
		}
		assert_string_equal(p->driver, card->driver);
		assert_int_equal(p->size_in, card->sa_in);
		assert_int_equal(p->shared, card->shared);
		if (!card->shared)
			assert_int_equal(p->size_out, card->sa_out);
		assert_int_equal(p->packet, card->packet_offload);
		assert_int_equal(p->crypto, card->crypto_offload);
		assert_int_equal(p->esn, card->esn);
		assert_int_equal(p->tx_by_reqid, card->tx_by_reqid);
		assert_int_equal(p->rss_spi == RSS_SPI_YES, card->rss_spi);
		assert_int_equal(p->esp_rules, card->ntuple_esp > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),        cmocka_unit_test(test_kinds),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),         cmocka_unit_test(test_silent),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_time_limits),  cmocka_unit_test(test_update),   cmocka_unit_test(test_larval),
		cmocka_unit_test(test_dump),         cmocka_unit_test(test_policies), cmocka_unit_test(test_acquire),
		cmocka_unit_test(test_delayed_free), cmocka_unit_test(test_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
