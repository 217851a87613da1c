/* SPDX-License-Identifier: MIT */
/* The multicast channel: messages laid out by hand at the kernel's offsets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tests/unit/offload/wire.h"

enum {
	HEADER = 16,
	EXPIRE = 24,
	EXPIRE_SIZE = 232,
	ACQUIRE = 23,
	ACQUIRE_SIZE = 280,
	FLUSHSA = 28,
	A_TMPL = 5,
	A_SA_PCPU = 35
};

static void put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static uint8_t *header(uint8_t *buf, uint16_t type, uint32_t len)
{
	memset(buf, 0, len);
	put32(buf, len);
	put16(buf + 4, type);
	return buf + HEADER;
}

static size_t expire(uint8_t *buf, uint32_t spi, uint8_t hard)
{
	uint8_t *b = header(buf, EXPIRE, HEADER + EXPIRE_SIZE);

	b[56] = 192;
	b[56 + 3] = 2;
	put_be32(b + 56 + 16, spi);
	b[56 + 20] = 50;
	b[80] = 192;
	b[80 + 3] = 1;
	put64(b + 160, 5000);
	put64(b + 168, 50);
	put32(b + 208, 7);
	put16(b + 212, AF_INET);
	b[224] = hard;
	return HEADER + EXPIRE_SIZE;
}

static size_t attribute(uint8_t *buf, size_t at, uint16_t type, const void *data, uint16_t len)
{
	put16(buf + at, (uint16_t)(4 + len));
	put16(buf + at + 2, type);
	memcpy(buf + at + 4, data, len);
	put32(buf, (uint32_t)(at + 4 + len));
	return at + 4 + len;
}

static void test_expire(void **state)
{
	struct wire *w = *state;
	uint8_t buf[2 * (HEADER + EXPIRE_SIZE)];
	struct xfrm_counters c;
	size_t n = expire(buf, 0x1111, 0);

	n += expire(buf + n, 0x2222, 1); /* two in one datagram */
	wire_put(w, WIRE_EVENTS, buf, n);
	xfrm_process(w->x);
	assert_int_equal(w->n_expire, 2);
	assert_int_equal(w->expire[0].id.spi, 0x1111);
	assert_int_equal(w->expire[0].id.dst.family, AF_INET);
	assert_int_equal(w->expire[0].id.dst.ip[3], 2);
	assert_int_equal(w->expire[0].id.src.ip[3], 1);
	assert_int_equal(w->expire[0].reqid, 7);
	assert_false(w->expire[0].hard);
	assert_int_equal(w->expire[0].bytes, 5000);
	assert_int_equal(w->expire[0].packets, 50);
	assert_int_equal(w->expire[1].id.spi, 0x2222);
	assert_true(w->expire[1].hard);
	xfrm_counters_get(w->x, &c);
	assert_int_equal(c.expires_soft, 1);
	assert_int_equal(c.expires_hard, 1);
}

static size_t acquire(uint8_t *buf, uint16_t family)
{
	uint8_t *b = header(buf, ACQUIRE, HEADER + ACQUIRE_SIZE);

	b[0] = 192;
	b[3] = 2;
	b[20] = 50;
	b[24] = 192;
	b[24 + 3] = 1;
	b[40] = 10; /* the selector: daddr, saddr, ports, family, prefixes */
	b[40 + 16] = 172;
	put_be16(b + 40 + 32, 443);
	put_be16(b + 40 + 34, 0xffff);
	put_be16(b + 40 + 36, 999);
	put_be16(b + 40 + 38, 0xffff);
	put16(b + 40 + 40, family);
	b[40 + 42] = 32;
	b[40 + 43] = 31;
	b[40 + 44] = 6;
	put32(b + 276, 4711);
	return HEADER + ACQUIRE_SIZE;
}

static void test_acquire(void **state)
{
	struct wire *w = *state;
	uint8_t buf[HEADER + ACQUIRE_SIZE + 200], tmpl[64] = {0};
	uint32_t cpu = 5;
	size_t n = acquire(buf, AF_INET);

	wire_put(w, WIRE_EVENTS, buf, n); /* without attributes */
	put16(tmpl + 24, AF_INET);
	put32(tmpl + 44, 9);
	n = attribute(buf, n, A_TMPL, tmpl, sizeof(tmpl));
	n = attribute(buf, n, A_SA_PCPU, &cpu, 4);
	wire_put(w, WIRE_EVENTS, buf, n);
	xfrm_process(w->x);
	assert_int_equal(w->n_acquire, 2);
	assert_true(w->acquire[0].cpu == UINT32_MAX);
	assert_int_equal(w->acquire[0].reqid, 0);
	assert_int_equal(w->acquire[0].seq, 4711);
	assert_int_equal(w->acquire[0].dst.ip[3], 2);
	assert_int_equal(w->acquire[0].src.ip[3], 1);
	assert_int_equal(w->acquire[0].sel.dst[0], 10);
	assert_int_equal(w->acquire[0].sel.src[0], 172);
	assert_int_equal(w->acquire[0].sel.dst_len, 32);
	assert_int_equal(w->acquire[0].sel.src_len, 31);
	assert_int_equal(w->acquire[0].sel.dport, 443);
	assert_int_equal(w->acquire[0].sel.sport, 999);
	assert_int_equal(w->acquire[0].sel.protocol, 6);
	assert_int_equal(w->acquire[1].cpu, 5);
	assert_int_equal(w->acquire[1].reqid, 9);
}

/* IPv6 through an IPv4 tunnel: the addresses are the template's family. */
static void test_acquire_mixed(void **state)
{
	struct wire *w = *state;
	uint8_t buf[HEADER + ACQUIRE_SIZE + 200], tmpl[64] = {0};
	size_t n = acquire(buf, AF_INET6);

	put16(tmpl + 24, AF_INET);
	n = attribute(buf, n, A_TMPL, tmpl, sizeof(tmpl));
	wire_put(w, WIRE_EVENTS, buf, n);
	xfrm_process(w->x);
	assert_int_equal(w->n_acquire, 1);
	assert_int_equal(w->acquire[0].sel.family, AF_INET6);
	assert_int_equal(w->acquire[0].dst.family, AF_INET);
}

static void test_lost(void **state)
{
	struct wire *w = *state;
	uint8_t buf[HEADER + EXPIRE_SIZE];
	struct xfrm_counters c;
	size_t n = expire(buf, 0x1111, 0);

	wire_put_result(w, WIRE_EVENTS, -ENOBUFS);
	wire_put(w, WIRE_EVENTS, buf, n); /* what came after the gap is taken all the same */
	xfrm_process(w->x);
	assert_int_equal(w->n_resync, 1);
	assert_int_equal(w->n_expire, 1);
	header(buf, NLMSG_OVERRUN, HEADER);
	wire_put(w, WIRE_EVENTS, buf, HEADER);
	header(buf, FLUSHSA, HEADER + 4);
	wire_put(w, WIRE_EVENTS, buf, HEADER + 4);
	xfrm_process(w->x);
	assert_int_equal(w->n_resync, 3);
	assert_string_equal(w->resync, "all SAs were flushed");
	xfrm_counters_get(w->x, &c);
	assert_int_equal(c.overruns, 2);
}

static void test_not_ours(void **state)
{
	struct wire *w = *state;
	uint8_t buf[HEADER + ACQUIRE_SIZE];
	struct xfrm_counters c;
	size_t n = expire(buf, 0x1111, 0);

	buf[HEADER + 56 + 20] = 51; /* AH */
	wire_put(w, WIRE_EVENTS, buf, n);
	n = acquire(buf, AF_INET);
	buf[HEADER + 20] = 51;
	wire_put(w, WIRE_EVENTS, buf, n);
	header(buf, 999, HEADER);
	wire_put(w, WIRE_EVENTS, buf, HEADER);
	xfrm_process(w->x);
	xfrm_counters_get(w->x, &c);
	assert_int_equal(c.malformed, 0);
	n = expire(buf, 0x1111, 0);
	buf[HEADER + 212] = 77; /* no family that we know */
	wire_put(w, WIRE_EVENTS, buf, n);
	header(buf, EXPIRE, HEADER + EXPIRE_SIZE - 1);
	wire_put(w, WIRE_EVENTS, buf, HEADER + EXPIRE_SIZE - 1);
	header(buf, ACQUIRE, HEADER);
	wire_put(w, WIRE_EVENTS, buf, HEADER);
	xfrm_process(w->x);
	xfrm_counters_get(w->x, &c);
	assert_int_equal(c.malformed, 3);
	assert_int_equal(w->n_expire + w->n_acquire, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, wire_setup, wire_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_expire), CASE(test_acquire), CASE(test_acquire_mixed), CASE(test_lost), CASE(test_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
