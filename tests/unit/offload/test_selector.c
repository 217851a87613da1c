/* SPDX-License-Identifier: MIT */
/* IKE's ranges as XFRM's prefixes: every address and port is in as many selectors as it should be: one or none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "offload/xfrm.h"

enum { MAX = 4096, TCP = 6, ICMP = 1, ICMPV6 = 58, MOBILITY = 135 };

static struct xfrm_range v4(uint32_t start, uint32_t end, uint8_t protocol, uint16_t start_port, uint16_t end_port)
{
	struct xfrm_range r = {.family = AF_INET, .protocol = protocol, .start_port = start_port, .end_port = end_port};

	put_be32(r.start, start);
	put_be32(r.end, end);
	return r;
}

static struct xfrm_range any4(void)
{
	return v4(0, UINT32_MAX, 0, 0, UINT16_MAX);
}

static bool prefix_has(const uint8_t *prefix, uint8_t len, const uint8_t *ip)
{
	for (unsigned int bit = 0; bit < len; bit++)
		if ((prefix[bit / 8] ^ ip[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static unsigned int hits(const struct xfrm_selector_cfg *sel, int n, const uint8_t *src, const uint8_t *dst,
			 uint16_t sport, uint16_t dport)
{
	unsigned int hit = 0;

	for (int i = 0; i < n; i++)
		hit += prefix_has(sel[i].src, sel[i].src_len, src) && prefix_has(sel[i].dst, sel[i].dst_len, dst) &&
		       !((sel[i].sport ^ sport) & sel[i].sport_mask) && !((sel[i].dport ^ dport) & sel[i].dport_mask);
	return hit;
}

/* A point at, beside or anywhere around an edge of the range. */
static uint32_t near(struct prng *rng, uint32_t lo, uint32_t hi)
{
	switch (prng_below(rng, 5)) {
	case 0:
		return lo - 1;
	case 1:
		return lo;
	case 2:
		return hi;
	case 3:
		return hi + 1;
	default:
		return lo + (uint32_t)prng_below(rng, (uint64_t)hi - lo + 1);
	}
}

static uint32_t magnitude(struct prng *rng)
{
	return (uint32_t)prng_next(rng) >> prng_below(rng, 32);
}

static void order(uint32_t *lo, uint32_t *hi)
{
	if (*lo > *hi) {
		uint32_t t = *lo;

		*lo = *hi;
		*hi = t;
	}
}

static void test_property_v4(void **state)
{
	static struct xfrm_selector_cfg sel[MAX];
	struct prng rng = prng_init(42);
	unsigned int exact = 0;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint32_t a = magnitude(&rng), b = magnitude(&rng), c = magnitude(&rng), d = c;
		uint32_t p = magnitude(&rng) & 0xffff, q = p;
		struct xfrm_range src, dst;
		int n;

		if (round % 2)
			d = c + (magnitude(&rng) & 0xfff);
		if (round % 3)
			q = magnitude(&rng) & 0xffff;
		order(&a, &b);
		order(&c, &d);
		order(&p, &q);
		src = v4(a, b, TCP, (uint16_t)p, (uint16_t)q);
		dst = v4(c, d, TCP, 0, UINT16_MAX);
		n = xfrm_selectors_from_ranges(&src, &dst, sel, MAX);
		if (n == -E2BIG)
			continue;
		assert_true(n > 0);
		exact++;
		for (int i = 0; i < 50; i++) {
			uint32_t s = near(&rng, a, b), t = near(&rng, c, d);
			uint16_t sport = (uint16_t)near(&rng, p, q);
			uint8_t si[4], ti[4];
			bool in = s >= a && s <= b && t >= c && t <= d && sport >= p && sport <= q;

			put_be32(si, s);
			put_be32(ti, t);
			assert_int_equal(hits(sel, n, si, ti, sport, (uint16_t)prng_next(&rng)), in);
		}
	}
	assert_true(exact > 1000);
}

static void test_property_v6(void **state)
{
	static struct xfrm_selector_cfg sel[MAX];
	struct prng rng = prng_init(43);
	struct xfrm_range any = {.family = AF_INET6, .end_port = UINT16_MAX};

	(void)state;
	memset(any.end, 0xff, 16);
	for (int round = 0; round < 500; round++) {
		struct xfrm_range r = any;
		uint64_t lo = prng_next(&rng) >> prng_below(&rng, 64), hi = prng_next(&rng) >> prng_below(&rng, 64);
		uint64_t top = prng_next(&rng);
		int n;

		/* the range straddles the middle of the address in every second round */
		put_be64(r.start, top);
		put_be64(r.start + 8, lo);
		put_be64(r.end, round % 2 ? top : top | 0xf);
		put_be64(r.end + 8, round % 2 && hi < lo ? lo : hi);
		if (memcmp(r.start, r.end, 16) > 0)
			continue;
		n = xfrm_selectors_from_ranges(&r, &any, sel, MAX);
		assert_true(n > 0 && n <= 254);
		assert_int_equal(hits(sel, n, r.start, any.start, 1, 2), 1);
		assert_int_equal(hits(sel, n, r.end, any.end, 1, 2), 1);
		for (int i = 0; i < 20; i++) {
			uint8_t ip[16];

			put_be64(ip, top ^ (prng_below(&rng, 4) ? 0 : prng_below(&rng, 32)));
			put_be64(ip + 8, prng_next(&rng) >> prng_below(&rng, 64));
			assert_int_equal(hits(sel, n, ip, any.end, 0, 0),
					 memcmp(ip, r.start, 16) >= 0 && memcmp(ip, r.end, 16) <= 0);
		}
	}
}

static void test_known(void **state)
{
	struct xfrm_selector_cfg sel[MAX];
	struct xfrm_range src = v4(0x0a000000, 0x0affffff, 0, 0, UINT16_MAX), dst = any4();

	(void)state;
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 1), 1);
	assert_int_equal(sel[0].src_len, 8);
	assert_int_equal(sel[0].dst_len, 0);
	assert_int_equal(sel[0].protocol, 0);
	assert_int_equal(sel[0].sport_mask, 0);
	assert_int_equal(sel[0].dport_mask, 0);
	src = v4(0x0a000001, 0x0a000006, TCP, 0, UINT16_MAX); /* .1 .2/31 .4/31 .6 */
	dst = v4(0x0a000009, 0x0a000009, 0, 443, 443);
	dst.protocol = TCP;
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 3), -E2BIG);
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 4), 4);
	assert_int_equal(sel[1].src[3], 2);
	assert_int_equal(sel[1].src_len, 31);
	assert_int_equal(sel[3].dst_len, 32);
	assert_int_equal(sel[3].dport, 443);
	assert_int_equal(sel[3].dport_mask, 0xffff);
	assert_int_equal(sel[3].protocol, TCP);
	src = v4(1, UINT32_MAX - 1, 0, 0, UINT16_MAX); /* the worst there is */
	dst = any4();
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, MAX), 62);
}

static void test_icmp(void **state)
{
	struct xfrm_selector_cfg sel[16];
	struct xfrm_range src = v4(1, 1, ICMP, 8 << 8, (8 << 8) | 0xff), dst = v4(2, 2, ICMP, 0, UINT16_MAX);

	(void)state;
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), 1); /* echo request, any code */
	assert_int_equal(sel[0].sport, 8);
	assert_int_equal(sel[0].sport_mask, 0xffff);
	assert_int_equal(sel[0].dport_mask, 0);
	dst = v4(2, 2, ICMP, (3 << 8) | 4, (3 << 8) | 4); /* fragmentation needed, stated by the other end */
	src = v4(1, 1, ICMP, 0, UINT16_MAX);
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), 1);
	assert_int_equal(sel[0].sport, 3);
	assert_int_equal(sel[0].dport, 4);
	assert_int_equal(sel[0].dport_mask, 0xffff);
	src.start_port = 5 << 8; /* the ends disagree */
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	src = dst;
	src.end_port = (4 << 8) | 9; /* types 3 to 4, but not all codes */
	dst = src;
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	src = dst = v4(1, 1, ICMP, 0, UINT16_MAX);
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), 1);
	assert_int_equal(sel[0].sport_mask, 0);
	src = dst = v4(1, 1, MOBILITY, 5 << 8, (6 << 8) | 0xff);
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), 2);
	assert_int_equal(sel[1].sport, 6);
}

static void test_refused(void **state)
{
	struct xfrm_selector_cfg sel[16];
	struct xfrm_range src = any4(), dst = any4();

	(void)state;
	dst.family = AF_INET6;
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	src.family = AF_UNIX;
	dst.family = AF_UNIX;
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	src = any4();
	dst = v4(2, 1, 0, 0, UINT16_MAX);
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	dst = v4(1, 1, TCP, UINT16_MAX, 0); /* OPAQUE */
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	dst = v4(1, 1, 0, 80, 80); /* a port of what protocol? */
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	src.protocol = TCP;
	dst = v4(1, 1, 17, 80, 80);
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), -EINVAL);
	src.protocol = 0; /* one end says any: the other decides */
	assert_int_equal(xfrm_selectors_from_ranges(&src, &dst, sel, 16), 1);
	assert_int_equal(sel[0].protocol, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_property_v4), cmocka_unit_test(test_property_v6), cmocka_unit_test(test_known),
		cmocka_unit_test(test_icmp),        cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
