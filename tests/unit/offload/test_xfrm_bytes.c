/* SPDX-License-Identifier: MIT */
/*
 * What is sent, octet by octet, against offsets of the kernel's structures on x86-64 written by hand
 * (include/uapi/linux/ xfrm.h, Linux 6.17; they were measured, not taken from the headers that the code is built with).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tests/unit/offload/wire.h"

enum { /* message types, attributes, and the sizes of the fixed parts */
       NEWSA = 16,
       DELSA = 17,
       GETSA = 18,
       NEWPOLICY = 19,
       DELPOLICY = 20,
       GETPOLICY = 21,
       ALLOCSPI = 22,
       UPDPOLICY = 25,
       UPDSA = 26,
       A_CRYPT = 2,
       A_ENCAP = 4,
       A_TMPL = 5,
       A_SRCADDR = 13,
       A_AEAD = 18,
       A_AUTH_TRUNC = 20,
       A_REPLAY_ESN = 23,
       A_OFFLOAD = 28,
       A_SA_DIR = 33,
       A_SA_PCPU = 35,
       HEADER = 16,
       SA_INFO = 224,
       SA_ID = 24,
       SPI_INFO = 232,
       POLICY_INFO = 168,
       POLICY_ID = 64,
};

/* Nothing is answered here: requests end when the driver is freed, after the test. */
static struct outcome o;

static uint32_t host32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t host64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t host16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The body of a message that has this type and these flags (NLM_F_REQUEST 1, ACK 4, ...). */
static const uint8_t *body(const struct wire *w, unsigned int datagram, unsigned int message, uint16_t type,
			   uint16_t flags)
{
	const uint8_t *p = (const uint8_t *)wire_sent(w, datagram, message);

	assert_int_equal(host16(p + 4), type);
	assert_int_equal(host16(p + 6), flags);
	assert_int_not_equal(host32(p + 8), 0);
	return p + HEADER;
}

static const uint8_t *attr(const struct wire *w, unsigned int datagram, size_t fixed, uint16_t type, size_t len)
{
	size_t got = 0;
	const uint8_t *p = wire_attr(wire_sent(w, datagram, 0), fixed, type, &got);

	assert_non_null(p);
	assert_int_equal(got, len);
	return p;
}

static void no_attr(const struct wire *w, unsigned int datagram, size_t fixed, uint16_t type)
{
	assert_null(wire_attr(wire_sent(w, datagram, 0), fixed, type, NULL));
}

/* 192.0.2.`last` and nothing after it. */
static void is_address(const uint8_t *p, uint8_t last)
{
	const uint8_t want[16] = {192, 0, 2, last};

	assert_memory_equal(p, want, 16);
}

static void add(struct wire *w, const struct xfrm_sa *sa, const struct xfrm_key *key)
{
	assert_int_equal(xfrm_sa_add(w->x, sa, key, outcome_done, &o), 0);
}

static void test_newsa_in_packet(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = sample_key();
	const uint8_t *b, *a;

	sa.esn = true;
	sa.replay_window = 128;
	sa.seq = 77;
	add(w, &sa, &key);
	b = body(w, 0, 0, NEWSA, 1 | 4 | 0x200 | 0x400);
	for (int i = 0; i < 56; i++)
		assert_int_equal(b[i], 0); /* a tunnel's SA carries any selector */
	is_address(b + 56, 2);
	assert_int_equal(get_be32(b + 56 + 16), 0xc0ffee01);
	assert_int_equal(b[56 + 20], 50);
	is_address(b + 80, 1);
	assert_int_equal(host64(b + 96), 1000);
	assert_int_equal(host64(b + 96 + 8), 2000);
	assert_int_equal(host64(b + 96 + 16), 10);
	assert_int_equal(host64(b + 96 + 24), 20);
	assert_int_equal(host64(b + 96 + 32), 0); /* no time limits */
	assert_int_equal(host64(b + 96 + 40), 0);
	assert_int_equal(host32(b + 204), 77);
	assert_int_equal(host32(b + 208), 7);
	assert_int_equal(host16(b + 212), 2);
	assert_int_equal(b[214], 1);
	assert_int_equal(b[215], 0);        /* the window is in the attribute */
	assert_int_equal(b[216], 128 | 32); /* ESN, AF_UNSPEC */
	a = attr(w, 0, SA_INFO, A_AEAD, 72 + 20);
	assert_string_equal((const char *)a, "rfc4106(gcm(aes))");
	assert_int_equal(host32(a + 64), 160);
	assert_int_equal(host32(a + 68), 128);
	assert_memory_equal(a + 72, key.encr, 20);
	a = attr(w, 0, SA_INFO, A_REPLAY_ESN, 24 + 4 * 4);
	assert_int_equal(host32(a), 4);
	for (int i = 1; i < 5; i++)
		assert_int_equal(host32(a + 4 * i), 0);
	assert_int_equal(host32(a + 20), 128);
	a = attr(w, 0, SA_INFO, A_OFFLOAD, 8);
	assert_int_equal(host32(a), 3);
	assert_int_equal(a[4], 2 | 4);
	a = attr(w, 0, SA_INFO, A_SA_DIR, 1);
	assert_int_equal(a[0], 1);
	no_attr(w, 0, SA_INFO, A_SA_PCPU);
	no_attr(w, 0, SA_INFO, A_ENCAP);
	/* the read-back in the same datagram, with the next sequence number */
	b = body(w, 0, 1, GETSA, 1 | 4);
	is_address(b, 2);
	assert_int_equal(get_be32(b + 16), 0xc0ffee01);
	assert_int_equal(host16(b + 20), 2);
	assert_int_equal(b[22], 50);
	assert_int_equal(wire_sent(w, 0, 0)->nlmsg_seq, 1);
	assert_int_equal(wire_sent(w, 0, 1)->nlmsg_seq, 2);
}

static void test_newsa_out_pcpu(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = sample_key();
	const uint8_t *b, *a;

	sa.out = true;
	sa.cpu = 5;
	sa.mode = OFFLOAD_CRYPTO;
	sa.esn = true;
	sa.limits = (struct xfrm_limits){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 3600, 4000};
	add(w, &sa, &key);
	b = body(w, 0, 0, NEWSA, 1 | 4 | 0x200 | 0x400);
	for (int i = 0; i < 4; i++)
		assert_true(host64(b + 96 + 8 * i) == UINT64_MAX); /* XFRM_INF: 0 would be refused */
	assert_int_equal(host64(b + 96 + 32), 3600);
	assert_int_equal(host64(b + 96 + 40), 4000);
	assert_int_equal(b[215], 0);
	a = attr(w, 0, SA_INFO, A_REPLAY_ESN, 24); /* no window for what is sent */
	for (int i = 0; i < 6; i++)
		assert_int_equal(host32(a + 4 * i), 0);
	a = attr(w, 0, SA_INFO, A_OFFLOAD, 8);
	assert_int_equal(a[4], 0);
	assert_int_equal(attr(w, 0, SA_INFO, A_SA_DIR, 1)[0], 2);
	assert_int_equal(host32(attr(w, 0, SA_INFO, A_SA_PCPU, 4)), 5);
}

static void test_newsa_software(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = {.encr_len = 32, .integ_len = 48};
	const uint8_t *b, *a;

	sa.mode = OFFLOAD_SOFTWARE;
	sa.encr = 12;
	sa.encr_bits = 256;
	sa.integ = 13;
	sa.tunnel = false;
	sa.sel = (struct xfrm_selector_cfg){
		.family = AF_INET,
		.src = {192, 0, 2, 1},
		.dst = {192, 0, 2, 2},
		.src_len = 32,
		.dst_len = 31,
		.protocol = 6,
		.sport = 1000,
		.dport = 443,
		.sport_mask = 0xfff8,
		.dport_mask = 0xffff,
	};
	sa.encap = true;
	sa.encap_sport = 4500;
	sa.encap_dport = 1234;
	sa.cpu = 1; /* an inbound SA has none */
	memset(key.encr, 0x11, 32);
	memset(key.integ, 0x22, 48);
	add(w, &sa, &key);
	b = body(w, 0, 0, NEWSA, 1 | 4 | 0x200 | 0x400);
	is_address(b, 2);
	is_address(b + 16, 1);
	assert_int_equal(get_be16(b + 32), 443);
	assert_int_equal(get_be16(b + 34), 0xffff);
	assert_int_equal(get_be16(b + 36), 1000);
	assert_int_equal(get_be16(b + 38), 0xfff8);
	assert_int_equal(host16(b + 40), 2);
	assert_int_equal(b[42], 31);
	assert_int_equal(b[43], 32);
	assert_int_equal(b[44], 6);
	assert_int_equal(b[214], 0);
	assert_int_equal(b[215], 32); /* small enough for the old field */
	assert_int_equal(b[216], 0);
	a = attr(w, 0, SA_INFO, A_AUTH_TRUNC, 72 + 48);
	assert_string_equal((const char *)a, "hmac(sha384)");
	assert_int_equal(host32(a + 64), 384);
	assert_int_equal(host32(a + 68), 192);
	assert_int_equal(a[72 + 47], 0x22);
	a = attr(w, 0, SA_INFO, A_CRYPT, 68 + 32);
	assert_string_equal((const char *)a, "cbc(aes)");
	assert_int_equal(host32(a + 64), 256);
	assert_int_equal(a[68 + 31], 0x11);
	a = attr(w, 0, SA_INFO, A_ENCAP, 24);
	assert_int_equal(host16(a), 2);
	assert_int_equal(get_be16(a + 2), 4500);
	assert_int_equal(get_be16(a + 4), 1234);
	no_attr(w, 0, SA_INFO, A_OFFLOAD);
	no_attr(w, 0, SA_INFO, A_SA_DIR);
	no_attr(w, 0, SA_INFO, A_SA_PCPU);
	no_attr(w, 0, SA_INFO, A_REPLAY_ESN);
}

/* A kernel that is not told the direction of an SA wants a replay window with ESN, even of what is sent. */
static void test_newsa_old_kernel(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = sample_key();

	xfrm_sa_dir_set(w->x, false);
	sa.out = true;
	sa.esn = true;
	sa.cpu = 2;
	add(w, &sa, &key);
	assert_int_equal(host32(attr(w, 0, SA_INFO, A_REPLAY_ESN, 24 + 4) + 20), 32);
	no_attr(w, 0, SA_INFO, A_SA_DIR);
	no_attr(w, 0, SA_INFO, A_SA_PCPU);
	xfrm_sa_dir_set(w->x, true);
	sa.mode = OFFLOAD_SOFTWARE;
	sa.cpu = UINT32_MAX;
	add(w, &sa, &key);
	assert_int_equal(host32(attr(w, 1, SA_INFO, A_REPLAY_ESN, 24 + 4) + 20), 32);
	no_attr(w, 1, SA_INFO, A_SA_DIR);
}

static void test_chacha_ipv6(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = {.encr_len = 36};
	const uint8_t *b, *a;

	sa.encr = 28;
	sa.encr_bits = 0;
	sa.replay_window = 64; /* too large for the old field, without ESN too */
	sa.src = (struct xfrm_addr){AF_INET6, {0x20, 1, 0xd, 0xb8, [15] = 1}};
	sa.dst = (struct xfrm_addr){AF_INET6, {0x20, 1, 0xd, 0xb8, [15] = 2}};
	add(w, &sa, &key);
	b = body(w, 0, 0, NEWSA, 1 | 4 | 0x200 | 0x400);
	assert_memory_equal(b + 56, sa.dst.ip, 16);
	assert_memory_equal(b + 80, sa.src.ip, 16);
	assert_int_equal(host16(b + 212), 10);
	assert_int_equal(b[215], 0);
	assert_int_equal(b[216], 32);
	a = attr(w, 0, SA_INFO, A_AEAD, 72 + 36);
	assert_string_equal((const char *)a, "rfc7539esp(chacha20,poly1305)");
	assert_int_equal(host32(a + 64), 288);
	assert_int_equal(host32(attr(w, 0, SA_INFO, A_REPLAY_ESN, 24 + 8) + 20), 64);
}

static void test_updsa(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = sample_key();

	sa.larval = true;
	add(w, &sa, &key);
	body(w, 0, 0, UPDSA, 1 | 4);
	attr(w, 0, SA_INFO, A_OFFLOAD, 8);
	body(w, 0, 1, GETSA, 1 | 4);
	sa.larval = false;
	assert_int_equal(xfrm_sa_update(w->x, &sa, &key, outcome_done, &o), 0);
	body(w, 1, 0, UPDSA, 1 | 4);
	no_attr(w, 1, SA_INFO, A_OFFLOAD); /* it would need a slot of its own */
	attr(w, 1, SA_INFO, A_SA_DIR, 1);  /* or the kernel does not find it */
}

static void test_delsa(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_sa_id id = {sa.spi, sa.dst, sa.src};
	const uint8_t *b;

	assert_int_equal(xfrm_sa_delete(w->x, &id, outcome_done, &o), 0);
	b = body(w, 0, 0, DELSA, 1 | 4);
	is_address(b, 2);
	assert_int_equal(get_be32(b + 16), 0xc0ffee01);
	assert_int_equal(host16(b + 20), 2);
	assert_int_equal(b[22], 50);
	is_address(attr(w, 0, SA_ID, A_SRCADDR, 16), 1);
	assert_int_equal(xfrm_sa_get(w->x, &id, outcome_got, &o), 0);
	body(w, 1, 0, GETSA, 1 | 4);
	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &o), 0);
	body(w, 2, 0, GETSA, 1 | 0x300);
	assert_int_equal(wire_sent(w, 2, 0)->nlmsg_len, HEADER);
}

static void test_allocspi(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	const uint8_t *b;

	assert_int_equal(xfrm_spi_alloc(w->x, &sa.src, &sa.dst, 7, 0x100, 0xffffffff, outcome_done, &o), 0);
	b = body(w, 0, 0, ALLOCSPI, 1 | 4);
	is_address(b + 56, 2);
	assert_int_equal(b[56 + 20], 50);
	is_address(b + 80, 1);
	assert_int_equal(host32(b + 208), 7);
	assert_int_equal(host16(b + 212), 2);
	assert_int_equal(host32(b + 224), 0x100);
	assert_true(host32(b + 228) == 0xffffffff);
	assert_int_equal(attr(w, 0, SPI_INFO, A_SA_DIR, 1)[0], 1);
}

static void test_newpolicy(void **state)
{
	struct wire *w = *state;
	struct xfrm_policy_cfg p = sample_policy();
	const uint8_t *b, *a;

	p.cpu_acquire = true;
	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), 0);
	b = body(w, 0, 0, NEWPOLICY, 1 | 4 | 0x200 | 0x400);
	assert_int_equal(b[0], 10); /* destination first */
	assert_int_equal(b[1], 2);
	assert_int_equal(b[16 + 1], 1);
	assert_int_equal(host16(b + 40), 2);
	assert_int_equal(b[42], 16);
	for (int i = 0; i < 4; i++)
		assert_true(host64(b + 56 + 8 * i) == UINT64_MAX);
	assert_int_equal(host32(b + 152), 1000);
	assert_int_equal(host32(b + 156), 0);
	assert_int_equal(b[160], 1); /* out */
	assert_int_equal(b[161], 0); /* allow */
	assert_int_equal(b[162], 4); /* CPU_ACQUIRE */
	a = attr(w, 0, POLICY_INFO, A_TMPL, 64);
	is_address(a, 2);
	assert_int_equal(a[20], 50);
	assert_int_equal(host16(a + 24), 2);
	is_address(a + 28, 1);
	assert_int_equal(host32(a + 44), 7);
	assert_int_equal(a[48], 1);
	assert_int_equal(a[50], 0);
	for (int i = 0; i < 3; i++)
		assert_true(host32(a + 52 + 4 * i) == UINT32_MAX);
	a = attr(w, 0, POLICY_INFO, A_OFFLOAD, 8);
	assert_int_equal(host32(a), 3);
	assert_int_equal(a[4], 4); /* PACKET and nothing else */
	b = body(w, 0, 1, GETPOLICY, 1 | 4);
	assert_int_equal(b[0], 10);
	assert_int_equal(host32(b + 56), 0);
	assert_int_equal(b[60], 1);
}

static void test_other_policies(void **state)
{
	struct wire *w = *state;
	struct xfrm_policy_cfg p = sample_policy();
	const uint8_t *b;

	p.dir = XFRM_DIR_FWD;
	p.packet = false;
	p.tunnel = false;
	assert_int_equal(xfrm_policy_add(w->x, &p, true, outcome_done, &o), 0);
	b = body(w, 0, 0, UPDPOLICY, 1 | 4 | 0x100);
	assert_int_equal(b[160], 2);
	assert_int_equal(attr(w, 0, POLICY_INFO, A_TMPL, 64)[48], 0);
	no_attr(w, 0, POLICY_INFO, A_OFFLOAD);
	p.block = true;
	p.dir = XFRM_DIR_IN;
	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), 0);
	b = body(w, 1, 0, NEWPOLICY, 1 | 4 | 0x200 | 0x400);
	assert_int_equal(b[160], 0);
	assert_int_equal(b[161], 1);
	assert_memory_equal(attr(w, 1, POLICY_INFO, A_TMPL, 64) + 44, &p.reqid, 4);
	p.block = false;
	p.bypass = true;
	p.packet = true;
	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), 0);
	b = body(w, 2, 0, NEWPOLICY, 1 | 4 | 0x200 | 0x400);
	assert_int_equal(b[161], 0);
	no_attr(w, 2, POLICY_INFO, A_TMPL);
	attr(w, 2, POLICY_INFO, A_OFFLOAD, 8);
	assert_int_equal(xfrm_policy_delete(w->x, &p, outcome_done, &o), 0);
	b = body(w, 3, 0, DELPOLICY, 1 | 4);
	assert_int_equal(wire_sent(w, 3, 0)->nlmsg_len, HEADER + POLICY_ID);
	assert_int_equal(b[60], 0);
}

/* The largest message: it must fit, and a window beyond the kernel's must not be sent. */
static void test_largest(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = {.encr_len = 32, .integ_len = 64};

	sa.encr = 12;
	sa.encr_bits = 256;
	sa.integ = 14;
	sa.encap = true;
	sa.replay_window = 4096;
	add(w, &sa, &key);
	attr(w, 0, SA_INFO, A_REPLAY_ESN, 24 + 512);
	body(w, 0, 1, GETSA, 1 | 4);
	sa.replay_window = 4097;
	assert_int_equal(xfrm_sa_add(w->x, &sa, &key, outcome_done, &o), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newsa_in_packet, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_newsa_out_pcpu, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_newsa_software, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_newsa_old_kernel, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_chacha_ipv6, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_updsa, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_delsa, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_allocspi, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_newpolicy, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_other_policies, wire_setup, wire_teardown),
		cmocka_unit_test_setup_teardown(test_largest, wire_setup, wire_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
