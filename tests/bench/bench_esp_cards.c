/* SPDX-License-Identifier: MIT */
#include "bench_esp_cards.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "offload/xfrm.h"

enum {
	IFINDEX = 3,
	ENCR_AES_GCM_16 = 20,
	KEY = 20, /* bytes, with the salt */
	WINDOW = 256,
	ANSWER = 16384,
};

void die(const char *what)
{
	fprintf(stderr, "bench_esp: %s\n", what);
	exit(1);
}

/* The XFRM driver's transport to a card: an answer at a time. */
struct door {
	struct hwsim *card;
	uint8_t answer[8][ANSWER];
	size_t len[8];
	unsigned int put, taken;
};

static void on_reply(void *ctx, const void *msg, size_t len)
{
	struct door *d = ctx;

	if (len > ANSWER)
		die("an answer is too long");
	memcpy(d->answer[d->put % 8], msg, len);
	d->len[d->put++ % 8] = len;
}

static int door_send(void *ctx, const void *buf, size_t len)
{
	struct door *d = ctx;

	hwsim_netlink(d->card, 1, buf, len, on_reply, d);
	return 0;
}

static ssize_t door_recv(void *ctx, void *buf, size_t size)
{
	struct door *d = ctx;
	size_t len = d->len[d->taken % 8];

	if (d->taken == d->put)
		return -EAGAIN;
	if (len > size)
		return -ENOBUFS;
	memcpy(buf, d->answer[d->taken++ % 8], len);
	return (ssize_t)len;
}

static ssize_t no_event(void *ctx, void *buf, size_t size)
{
	(void)ctx, (void)buf, (void)size;
	return -EAGAIN;
}

static void done(void *ctx, const struct xfrm_result *result)
{
	(void)ctx;
	if (result->err) {
		fprintf(stderr, "bench_esp: %s\n", result->text ? result->text : strerror(-result->err));
		exit(1);
	}
}

static const struct xfrm_addr left = {AF_INET, {192, 0, 2, 1}}, right = {AF_INET, {192, 0, 2, 2}};

/* An SPI whose packets arrive on this queue of b. */
static uint32_t spi_for(struct hwsim *b, unsigned int queue, struct prng *rng)
{
	uint8_t p[40] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 50};

	memcpy(p + 12, left.ip, 4);
	memcpy(p + 16, right.ip, 4);
	do
		put_be32(p + 20, (uint32_t)prng_next(rng) | 0x1000);
	while (hwsim_rss_queue(b, p, sizeof(p)) != queue);
	return get_be32(p + 20);
}

static void install_sa(struct xfrm *x, bool out, uint32_t spi, unsigned int queue)
{
	struct xfrm_sa sa = {
		.out = out,
		.spi = spi,
		.reqid = 1,
		.src = left,
		.dst = right,
		.tunnel = true,
		.encr = ENCR_AES_GCM_16,
		.encr_bits = 128,
		.esn = true,
		.replay_window = out ? 0 : WINDOW,
		.limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0},
		.cpu = out ? queue : UINT32_MAX,
		.mode = OFFLOAD_PACKET,
		.ifindex = IFINDEX,
	};
	struct xfrm_key key = {.encr_len = KEY};

	memset(key.encr, (int)queue + 1, KEY);
	if (xfrm_sa_add(x, &sa, &key, done, NULL))
		die("an SA cannot be asked for");
	xfrm_process(x);
}

static void install_policy(struct xfrm *x, enum xfrm_policy_dir dir)
{
	struct xfrm_policy_cfg policy = {
		.dir = dir,
		.sel = {.family = AF_INET, .src = {10, 1}, .dst = {10, 2}, .src_len = 16, .dst_len = 16},
		.priority = 1,
		.reqid = 1,
		.tunnel = true,
		.tmpl_src = left,
		.tmpl_dst = right,
		.packet = true,
		.ifindex = IFINDEX,
	};

	if (xfrm_policy_add(x, &policy, false, done, NULL))
		die("a policy cannot be asked for");
	xfrm_process(x);
}

static struct xfrm *driver(struct door *door, struct hwsim *card)
{
	struct xfrm_transport requests = {door, door_send, door_recv}, events = {door, door_send, no_event};
	struct xfrm_events none = {0};
	struct xfrm *x;

	*door = (struct door){.card = card};
	x = xfrm_new(&requests, &events, &none, NULL);
	if (!x)
		die("no memory");
	return x;
}

void cards_connect(struct cards *cards, unsigned int queues, const struct hwsim_ops *ops)
{
	struct hwsim_config config = {
		.profile = hwsim_profile_find("tiny-33"), .queues = queues, .ifindex = IFINDEX, .seed = 7};
	static struct door doors[2];
	struct prng rng = prng_init(1);
	struct xfrm *xa, *xb;

	cards->a = hwsim_new(&config, ops);
	cards->b = hwsim_new(&config, ops);
	if (!cards->a || !cards->b)
		die("no memory");
	xa = driver(&doors[0], cards->a);
	xb = driver(&doors[1], cards->b);
	for (unsigned int q = 0; q < queues; q++) {
		uint32_t spi = spi_for(cards->b, q, &rng);

		install_sa(xb, false, spi, q);
		install_sa(xa, true, spi, q);
	}
	install_policy(xb, XFRM_DIR_IN);
	install_policy(xa, XFRM_DIR_OUT);
	if (xfrm_pending(xa) || xfrm_pending(xb))
		die("a request was not answered");
	xfrm_free(xa);
	xfrm_free(xb);
}

void cards_free(struct cards *cards)
{
	char why[200];

	if (hwsim_check(cards->a, why, sizeof(why)) || hwsim_check(cards->b, why, sizeof(why)))
		die(why);
	hwsim_free(cards->a);
	hwsim_free(cards->b);
}
