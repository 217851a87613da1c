/* SPDX-License-Identifier: MIT */
/*
 * The driver on the kernel of this machine, in a network namespace of its own: SPIs, policies, dumps, refusals with
 * their extended text, and the offload that a kernel without CONFIG_XFRM_OFFLOAD acknowledges and does not do. Needs
 * root and NETLINK_XFRM; skips with the reason otherwise. What depends on the kernel's options is not judged, only that
 * the driver reports it.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "offload/xfrm.h"

enum { SKIPPED = 77, ANSWER_MS = 5000 };

struct fixture {
	struct xfrm *x;
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd;
	unsigned int n_resync;
	struct log log;
};

struct outcome {
	unsigned int calls, n_counts;
	struct xfrm_result result;
	char text[256];
	struct xfrm_sa_counts counts[64];
};

static void on_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	(void)ctx;
	print_message("    %s %s: %s\n", log_level_name(level), event, text);
}

static void on_resync(void *ctx, const char *why)
{
	(void)why;
	((struct fixture *)ctx)->n_resync++;
}

static void done(void *ctx, const struct xfrm_result *result)
{
	struct outcome *o = ctx;

	o->calls++;
	o->result = *result;
	snprintf(o->text, sizeof(o->text), "%s", result->text ? result->text : "");
}

static void each(void *ctx, const struct xfrm_sa_counts *counts)
{
	struct outcome *o = ctx;

	o->counts[o->n_counts++ % 64] = *counts;
}

static int setup(void **state)
{
	static struct fixture f;
	struct xfrm_events events = {.ctx = &f, .resync = on_resync};

	memset(&f, 0, sizeof(f));
	f.log = (struct log){LOG_LEVEL_DEBUG, &f, on_line};
	assert_int_equal(xfrm_kernel_open(&f.requests, &f.request_fd, &f.multicast, &f.multicast_fd, 0), 0);
	f.x = xfrm_new(&f.requests, &f.multicast, &events, &f.log);
	assert_non_null(f.x);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->n_resync, 0);
	xfrm_free(f->x);
	xfrm_transport_close(&f->requests);
	xfrm_transport_close(&f->multicast);
	return 0;
}

static void wait_for(struct fixture *f, const struct outcome *o, unsigned int calls)
{
	while (o->calls < calls) {
		struct pollfd p = {f->request_fd, POLLIN, 0};

		assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
		xfrm_process(f->x);
	}
	assert_int_equal(o->calls, calls);
}

static const struct xfrm_addr here = {AF_INET, {198, 51, 100, 1}}, there = {AF_INET, {198, 51, 100, 2}};

static void test_spi(void **state)
{
	struct fixture *f = *state;
	struct outcome o = {0};
	struct xfrm_sa_id id = {0, there, here};

	assert_int_equal(xfrm_spi_alloc(f->x, &here, &there, 7, 0x1000, 0x1fff, done, &o), 0);
	wait_for(f, &o, 1);
	assert_int_equal(o.result.err, 0);
	assert_true(o.result.spi >= 0x1000 && o.result.spi <= 0x1fff);
	id.spi = o.result.spi;
	/* the larval state is in the dump */
	assert_int_equal(xfrm_sa_dump(f->x, each, done, &o), 0);
	wait_for(f, &o, 2);
	assert_int_equal(o.result.err, 0);
	assert_int_equal(o.n_counts, 1);
	assert_int_equal(o.counts[0].id.spi, id.spi);
	assert_int_equal(o.counts[0].reqid, 7);
	assert_int_equal(o.counts[0].mode, OFFLOAD_SOFTWARE);
	assert_memory_equal(o.counts[0].id.dst.ip, there.ip, 4);
	assert_int_equal(xfrm_sa_delete(f->x, &id, done, &o), 0);
	wait_for(f, &o, 3);
	assert_int_equal(o.result.err, 0);
	assert_int_equal(xfrm_sa_delete(f->x, &id, done, &o), 0);
	wait_for(f, &o, 4);
	assert_int_equal(o.result.err, -ESRCH);
}

/* More requests than the window, dumps among them: all answered, in order, none lost. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	struct outcome o = {0}, dump = {0};
	struct xfrm_sa_id id = {0, there, here};

	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(xfrm_spi_alloc(f->x, &here, &there, i + 1, 0x2000 + i, 0x2000 + i, done, &o), 0);
	assert_int_equal(xfrm_sa_dump(f->x, each, done, &dump), 0);
	wait_for(f, &o, 40);
	wait_for(f, &dump, 1);
	assert_int_equal(dump.n_counts, 40);
	for (uint32_t i = 0; i < 40; i++) {
		id.spi = 0x2000 + i;
		assert_int_equal(xfrm_sa_delete(f->x, &id, done, &o), 0);
	}
	wait_for(f, &o, 80);
	assert_int_equal(o.result.err, 0);
}

/* An SPI that is taken is refused with the kernel's words, if the kernel is new enough to have any here. */
static void test_extack(void **state)
{
	struct fixture *f = *state;
	struct outcome o = {0};
	struct xfrm_sa_id id = {0x3000, there, here};

	assert_int_equal(xfrm_spi_alloc(f->x, &here, &there, 1, 0x3000, 0x3000, done, &o), 0);
	assert_int_equal(xfrm_spi_alloc(f->x, &here, &there, 2, 0x3000, 0x3000, done, &o), 0);
	wait_for(f, &o, 2);
	assert_int_equal(o.result.err, -ENOENT);
	print_message("    kernel says: \"%s\"\n", o.text);
	assert_int_equal(xfrm_sa_delete(f->x, &id, done, &o), 0);
	wait_for(f, &o, 3);
}

static struct xfrm_policy_cfg policy(void)
{
	return (struct xfrm_policy_cfg){
		.dir = XFRM_DIR_OUT,
		.sel = {.family = AF_INET, .src = {10, 1}, .dst = {10, 2}, .src_len = 16, .dst_len = 16},
		.priority = 1000,
		.reqid = 7,
		.tunnel = true,
		.tmpl_src = here,
		.tmpl_dst = there,
	};
}

static void test_policy(void **state)
{
	struct fixture *f = *state;
	struct xfrm_policy_cfg p = policy();
	struct outcome o = {0};

	assert_int_equal(xfrm_policy_add(f->x, &p, false, done, &o), 0);
	wait_for(f, &o, 1);
	assert_int_equal(o.result.err, 0);
	assert_int_equal(xfrm_policy_add(f->x, &p, false, done, &o), 0);
	wait_for(f, &o, 2);
	assert_int_equal(o.result.err, -EEXIST);
	p.priority = 500;
	assert_int_equal(xfrm_policy_add(f->x, &p, true, done, &o), 0);
	wait_for(f, &o, 3);
	assert_int_equal(o.result.err, 0);
	assert_int_equal(xfrm_policy_delete(f->x, &p, done, &o), 0);
	wait_for(f, &o, 4);
	assert_int_equal(o.result.err, 0);
	assert_int_equal(xfrm_policy_delete(f->x, &p, done, &o), 0);
	wait_for(f, &o, 5);
	assert_int_equal(o.result.err, -ENOENT);
	p.dir = XFRM_DIR_FWD;
	p.block = true;
	assert_int_equal(xfrm_policy_add(f->x, &p, false, done, &o), 0);
	assert_int_equal(xfrm_policy_delete(f->x, &p, done, &o), 0);
	wait_for(f, &o, 7);
	assert_int_equal(o.result.err, 0);
}

/* The loopback device offloads nothing: refused, or acknowledged and found out. Nothing may stay behind. */
static void test_policy_offload(void **state)
{
	struct fixture *f = *state;
	struct xfrm_policy_cfg p = policy();
	struct xfrm_counters c;
	struct outcome o = {0};

	p.packet = true;
	p.ifindex = (int)if_nametoindex("lo");
	assert_true(p.ifindex > 0);
	assert_int_equal(xfrm_policy_add(f->x, &p, false, done, &o), 0);
	wait_for(f, &o, 1);
	assert_true(o.result.err < 0);
	xfrm_counters_get(f->x, &c);
	print_message("    %s, \"%s\"\n", strerrorname_np(-o.result.err), o.text);
	if (c.not_offloaded)
		assert_int_equal(o.result.err, -EOPNOTSUPP);
	assert_int_equal(xfrm_policy_delete(f->x, &p, done, &o), 0);
	wait_for(f, &o, 2);
	assert_int_equal(o.result.err, -ENOENT);
}

/* An SA: in software where the kernel has ESP; else refused. Never in the card. */
static void test_sa(void **state)
{
	struct fixture *f = *state;
	struct xfrm_limits none = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0};
	struct xfrm_sa sa = {
		.out = true,
		.spi = 0x4000,
		.reqid = 7,
		.src = here,
		.dst = there,
		.tunnel = true,
		.encr = 20,
		.encr_bits = 128,
		.esn = true,
		.limits = none,
		.cpu = UINT32_MAX,
		.mode = OFFLOAD_PACKET,
		.ifindex = (int)if_nametoindex("lo"),
	};
	struct xfrm_key key = {.encr_len = 20};
	struct outcome o = {0};
	struct xfrm_sa_id id = {0x4000, there, here};

	memset(key.encr, 7, 20);
	assert_int_equal(xfrm_sa_add(f->x, &sa, &key, done, &o), 0);
	wait_for(f, &o, 1);
	assert_true(o.result.err < 0);
	print_message("    packet: %s, \"%s\"\n", strerrorname_np(-o.result.err), o.text);
	sa.mode = OFFLOAD_SOFTWARE;
	assert_int_equal(xfrm_sa_add(f->x, &sa, &key, done, &o), 0);
	wait_for(f, &o, 2);
	print_message("    software: %s, \"%s\"\n", o.result.err ? strerrorname_np(-o.result.err) : "ok", o.text);
	if (!o.result.err) {
		assert_int_equal(o.result.mode, OFFLOAD_SOFTWARE);
		sa.limits.soft_packets = 100;
		sa.limits.hard_packets = 200;
		assert_int_equal(xfrm_sa_update(f->x, &sa, &key, done, &o), 0);
		assert_int_equal(xfrm_sa_delete(f->x, &id, done, &o), 0);
		wait_for(f, &o, 4);
		assert_int_equal(o.result.err, 0);
	}
	/* in either case nothing is left of it (a refused ALLOCSPI leaves a larval state without SPI for a while) */
	o = (struct outcome){0};
	assert_int_equal(xfrm_sa_dump(f->x, each, done, &o), 0);
	wait_for(f, &o, 1);
	for (unsigned int i = 0; i < o.n_counts; i++)
		assert_int_not_equal(o.counts[i].id.spi, 0x4000);
}

static int bring_up_loopback(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = ioctl(fd, SIOCGIFFLAGS, &r) ? -errno : 0;
	r.ifr_flags |= IFF_UP;
	if (!err)
		err = ioctl(fd, SIOCSIFFLAGS, &r) ? -errno : 0;
	close(fd);
	return err;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_spi),    CASE(test_many),           CASE(test_extack),
		CASE(test_policy), CASE(test_policy_offload), CASE(test_sa),
	};
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd, err;

	if (unshare(CLONE_NEWNET)) {
		printf("skipped: no network namespace of its own: %s\n", strerror(errno));
		return SKIPPED;
	}
	err = xfrm_kernel_open(&requests, &request_fd, &multicast, &multicast_fd, 0);
	if (err) {
		printf("skipped: no NETLINK_XFRM: %s\n", strerror(-err));
		return SKIPPED;
	}
	xfrm_transport_close(&requests);
	xfrm_transport_close(&multicast);
	err = bring_up_loopback();
	if (err) {
		printf("skipped: loopback does not come up: %s\n", strerror(-err));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
