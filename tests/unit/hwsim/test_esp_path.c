/* SPDX-License-Identifier: MIT */
/* Packets through two cards: what goes in at one host comes out at the other, and is not seen in between. */
#include "rig.h"

#include <netinet/in.h>

#include "hwsim/packet.h"

static const char *const gateways[2][2] = {{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8::2"}};
static const char *const hosts[2][2] = {{"10.1.0.5", "10.2.0.9"}, {"fd01::5", "fd02::9"}};
static const char *const nets[2][2] = {{"10.1.0.0/16", "10.2.0.0/16"}, {"fd01::/64", "fd02::/64"}};

struct shape {
	bool transport, esn, software;
	int outer, inner; /* index of the tables above */
	uint16_t encap;
	const char *aead;
	unsigned int key_bits;
};

static void through(const struct shape *sh)
{
	const char *const *gw = gateways[sh->outer], *const *host = sh->transport ? gw : hosts[sh->inner];
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = {
		.src = gw[0],
		.dst = gw[1],
		.spi = 0x1000,
		.reqid = 5,
		.transport = sh->transport,
		.esn = sh->esn,
		.from = sh->transport ? NULL : nets[sh->inner][0],
		.to = sh->transport ? NULL : nets[sh->inner][1],
		.software = sh->software,
		.encap = sh->encap,
		.key = 9,
		.aead = sh->aead,
		.key_bits = sh->key_bits,
		.seq = sh->esn ? 0xfffffffcull : 0, /* crosses 2^32 on the way */
	};
	uint8_t p[2000];

	a->peer = b;
	rig_connect(a, b, &s);
	for (size_t len = 0; len < 60; len++) {
		size_t n = rig_packet(p, host[0], host[1], 7777, 53, len * (len % 3 ? 1 : 20));
		const struct rig_packet *w, *h;

		rig_tx(a, 0, p, n);
		assert_int_equal(a->wires, len + 1);
		assert_int_equal(b->hosts, len + 1);
		w = &a->wire[len % RIG_PACKETS];
		h = &b->host[len % RIG_PACKETS];
		assert_int_equal(h->len, n);
		assert_memory_equal(h->data, p, n);
		if (n > 60) /* the content is not on the wire */
			assert_null(memmem(w->data, w->len, p + n - 20, 20));
	}
	assert_int_equal(rig_stats(a).tx_esp, 60);
	assert_int_equal(rig_stats(b).rx_esp, 60);
	assert_int_equal(rig_stats(a).tx_bytes, rig_stats(b).rx_bytes);
	rig_free(a);
	rig_free(b);
}

static void every_shape_goes_through(void **state)
{
	(void)state;
	for (int bits = 0; bits < 64; bits++) {
		struct shape sh = {
			.outer = bits & 1,
			.inner = bits >> 1 & 1,
			.transport = bits >> 2 & 1,
			.esn = bits >> 3 & 1,
			.encap = bits >> 4 & 1 ? 4500 : 0,
			.key_bits = bits >> 5 & 1 ? 288 : 160,
		};

		through(&sh);
	}
}

static void software_algorithms_go_through(void **state)
{
	(void)state;
	for (int bits = 0; bits < 16; bits++) {
		struct shape sh = {
			.outer = bits & 1,
			.transport = bits >> 1 & 1,
			.esn = bits >> 2 & 1,
			.software = true,
			.aead = bits >> 3 & 1 ? "" : "rfc7539esp(chacha20,poly1305)",
			.key_bits = 288,
		};

		through(&sh);
	}
}

/* One tunnel over IPv4 from a to b. */
static void tunnel(struct rig *a, struct rig *b, bool software)
{
	struct spec s = {RIG_TUNNEL, .spi = 0x77, .reqid = 1, .software = software};

	rig_connect(a, b, &s);
}

static size_t inner(uint8_t *p, size_t len)
{
	return rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, len);
}

static void a_packet_is_taken_once_and_only_whole(void **state)
{
	struct rig *a = rig_new("cx7", 0), *b = rig_new("cx7", 0);
	uint8_t p[300];
	struct rig_packet *w;
	size_t n = inner(p, 100);

	(void)state;
	tunnel(a, b, false);
	rig_tx(a, 0, p, n);
	rig_tx(a, 0, p, n);
	w = &a->wire[0];
	for (size_t at = 20; at < w->len; at++) { /* from the ESP header on */
		w->data[at] ^= 0x10;
		rig_rx(b, w->data, w->len);
		w->data[at] ^= 0x10;
		rig_rx(b, w->data, at); /* cut off */
	}
	assert_int_equal(b->hosts, 0);
	rig_rx(b, a->wire[1].data, a->wire[1].len);
	rig_rx(b, w->data, w->len); /* late, but new */
	assert_int_equal(b->hosts, 2);
	rig_rx(b, w->data, w->len);
	assert_int_equal(b->hosts, 2);
	assert_int_equal(rig_stats(b).rx_replay, 1);
	assert_true(rig_stats(b).rx_auth_fail > 80);
	rig_free(a);
	rig_free(b);
}

/*
 * RFC 4301 5.1.2: DF, TTL, and the DS fields, with each flag as tests/lab/t/card.sh has seen them from Linux's own ESP:
 * what the outer header gets for each inner one, and what the inner one has where the outer one comes with another.
 */
static const uint8_t ds_inner[4] = {0xb8, 0xb9, 0xba, 0xbb}, ds_outer[4] = {0x28, 0x29, 0x2a, 0x2b};

static const struct ds_row {
	uint32_t flags, extra_flags; /* of the receiver, of the sender; NOECN: of both */
	uint8_t leaves[4];           /* by ds_inner */
	uint8_t arrives[4][4];       /* by ds_inner and ds_outer */
} ds_rows[] = {
	{0,
	 0,
	 {0xb8, 0xb9, 0xba, 0xba},
	 {{0xb8, 0xb8, 0xb8, 0xb8}, {0xb9, 0xb9, 0xb9, 0xbb}, {0xba, 0xba, 0xba, 0xbb}, {0xbb, 0xbb, 0xbb, 0xbb}}},
	{XFRM_STATE_DECAP_DSCP,
	 XFRM_SA_XFLAG_DONT_ENCAP_DSCP,
	 {0x00, 0x01, 0x02, 0x02},
	 {{0x28, 0x28, 0x28, 0x28}, {0x29, 0x29, 0x29, 0x2b}, {0x2a, 0x2a, 0x2a, 0x2b}, {0x2b, 0x2b, 0x2b, 0x2b}}},
	{XFRM_STATE_NOECN,
	 0,
	 {0xb8, 0xb8, 0xb8, 0xb8},
	 {{0xb8, 0xb8, 0xb8, 0xb8}, {0xb9, 0xb9, 0xb9, 0xb9}, {0xba, 0xba, 0xba, 0xba}, {0xbb, 0xbb, 0xbb, 0xbb}}},
};

static void ds_tunnel(struct rig *a, struct rig *b, const struct ds_row *row)
{
	struct spec in = {RIG_TUNNEL, .spi = 0x77, .reqid = 1, .in = true, .dir = XFRM_POLICY_IN, .flags = row->flags};
	struct spec out = {RIG_TUNNEL, .spi = 0x77, .reqid = 1, .dir = XFRM_POLICY_OUT,
			   .extra_flags = row->extra_flags};

	out.flags = row->flags & XFRM_STATE_NOECN;
	assert_int_equal(rig_sa(b, XFRM_MSG_NEWSA, &in), 0);
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &out), 0);
	in.flags = out.flags = 0;
	assert_int_equal(rig_policy(b, XFRM_MSG_NEWPOLICY, &in), 0);
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &out), 0);
}

/* One packet from a to b, whose outer DS field changes on its way. */
static void ds_check(struct rig *a, struct rig *b, const struct ds_row *row, unsigned int i, unsigned int o)
{
	struct rig_packet *w = &a->wire[a->wires], *h = &b->host[b->hosts];
	unsigned int arrived = b->hosts;
	uint8_t p[300];
	size_t n = inner(p, 40);

	p[1] = ds_inner[i];
	ipv4_set_checksum(p);
	rig_tx(a, 0, p, n);
	assert_int_equal(w->data[1], row->leaves[i]);
	assert_int_equal(w->data[8], 64);
	assert_int_equal(get_be16(w->data + 6) & 0x4000, 0x4000);
	assert_int_equal(checksum_end(checksum_add(0, w->data, 20)), 0);
	w->data[1] = ds_outer[o];
	ipv4_set_checksum(w->data);
	rig_rx(b, w->data, w->len);
	assert_int_equal(b->hosts, arrived + 1);
	assert_int_equal(h->data[1], row->arrives[i][o]);
	assert_int_equal(checksum_end(checksum_add(0, h->data, 20)), 0);
}

static void tunnel_headers_follow_the_rules(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof(ds_rows) / sizeof(ds_rows[0]); r++) {
		struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);

		ds_tunnel(a, b, &ds_rows[r]);
		for (unsigned int i = 0; i < 4; i++)
			for (unsigned int o = 0; o < 4; o++)
				ds_check(a, b, &ds_rows[r], i, o);
		rig_free(a);
		rig_free(b);
	}
}

static void udp_encapsulation_is_told_from_ike(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = {.src = "2001:db8::1",
			 .dst = "2001:db8::2",
			 .from = "10.1.0.0/16",
			 .to = "10.2.0.0/16",
			 .spi = 0x4242,
			 .reqid = 1,
			 .encap = 4500};
	uint8_t p[300], udp_sum[40];
	struct rig_packet *w = &a->wire[0];
	size_t n = inner(p, 64), ike;
	uint32_t sum;

	(void)state;
	rig_connect(a, b, &s);
	rig_tx(a, 0, p, n);
	assert_int_equal(w->data[6], IPPROTO_UDP);
	assert_int_equal(get_be16(w->data + 40), 4500);
	assert_int_equal(get_be16(w->data + 42), 4500);
	assert_int_equal(get_be16(w->data + 44), w->len - 40);
	/* with IPv6 the UDP checksum counts */
	memcpy(udp_sum, w->data + 8, 32);
	sum = checksum_add(IPPROTO_UDP + (uint32_t)(w->len - 40), udp_sum, 32);
	assert_int_equal(checksum_end(checksum_add(sum, w->data + 40, w->len - 40)), 0);
	rig_rx(b, w->data, w->len);
	assert_int_equal(b->hosts, 1);
	/* four zero bytes: IKE, for the host. One 0xff: keepalive, for the host. */
	ike = rig_packet(p, "2001:db8::1", "2001:db8::2", 4500, 4500, 60);
	memset(p + 48, 0, 4);
	rig_rx(b, p, ike);
	ike = rig_packet(p, "2001:db8::1", "2001:db8::2", 4500, 4500, 1);
	rig_rx(b, p, ike);
	assert_int_equal(b->hosts, 3);
	/* an SPI nobody knows */
	ike = rig_packet(p, "2001:db8::1", "2001:db8::2", 4500, 4500, 60);
	put_be32(p + 48, 0x9999);
	rig_rx(b, p, ike);
	/* the right SPI, but not encapsulated */
	memmove(w->data + 40, w->data + 48, w->len - 48);
	w->data[6] = IPPROTO_ESP;
	put_be16(w->data + 4, (uint16_t)(w->len - 48));
	rig_rx(b, w->data, w->len - 8);
	assert_int_equal(b->hosts, 3);
	assert_int_equal(rig_stats(b).rx_no_sa, 2);
	rig_free(a);
	rig_free(b);
}

/* XFRMA_TFCPAD on a software SA: all packets of one size on the wire, and whole again behind it. */
static void tfc_padding_is_taken_off(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = {RIG_TUNNEL, .spi = 0x1, .reqid = 1, .software = true};
	_Alignas(8) uint8_t buf[4096];
	struct nlmsghdr *nlh = rig_put_sa(buf, XFRM_MSG_NEWSA, &s);
	struct spec in = s, out = s;
	uint8_t p[300];

	(void)state;
	mnl_attr_put_u32(nlh, XFRMA_TFCPAD, 500);
	assert_int_equal(rig_send(a, nlh), 0);
	in.in = true;
	in.dir = XFRM_POLICY_IN;
	out.dir = XFRM_POLICY_OUT;
	assert_int_equal(rig_sa(b, XFRM_MSG_NEWSA, &in), 0);
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &out), 0);
	assert_int_equal(rig_policy(b, XFRM_MSG_NEWPOLICY, &in), 0);
	a->peer = b;
	for (size_t len = 0; len < 40; len++) {
		size_t n = inner(p, len);

		rig_tx(a, 0, p, n);
		assert_int_equal(a->wire[len].len, a->wire[0].len);
		assert_int_equal(b->host[len].len, n);
		assert_memory_equal(b->host[len].data, p, n);
	}
	rig_free(a);
	rig_free(b);
}

static void sequence_numbers_do_not_wrap(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = {RIG_TUNNEL, .spi = 0x1, .reqid = 1, .seq = 0xfffffffd};
	uint8_t p[100];
	size_t n = inner(p, 20);

	(void)state;
	a->peer = b;
	rig_connect(a, b, &s);
	for (int i = 0; i < 5; i++)
		rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 2); /* 0xfffffffe and 0xffffffff */
	assert_int_equal(b->hosts, 2);
	assert_int_equal(rig_stats(a).tx_drop, 3);
	rig_free(a);
	rig_free(b);
}

static void offload_and_transport_mode_have_limits(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = {.src = "192.0.2.1", .dst = "192.0.2.2", .spi = 0x1, .reqid = 1, .transport = true};
	uint8_t p[200], q[200];
	size_t n = rig_packet(p, "192.0.2.1", "192.0.2.2", 1, 2, 60);

	(void)state;
	a->peer = b;
	rig_connect(a, b, &s);
	memcpy(q, p, n);
	put_be16(q + 6, 0x2000); /* first fragment */
	ipv4_set_checksum(q);
	rig_tx(a, 0, q, n);
	put_be16(q + 6, 0x0003); /* last fragment */
	ipv4_set_checksum(q);
	rig_tx(a, 0, q, n);
	memcpy(q, p, n);
	q[0] = 0x46; /* an option */
	ipv4_set_checksum(q);
	rig_tx(a, 0, q, n);
	assert_int_equal(a->wires, 0);
	assert_int_equal(rig_stats(a).tx_drop, 3);
	rig_tx(a, 0, p, n);
	assert_int_equal(b->hosts, 1);
	rig_free(a);
	rig_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shape_goes_through),
		cmocka_unit_test(software_algorithms_go_through),
		cmocka_unit_test(a_packet_is_taken_once_and_only_whole),
		cmocka_unit_test(tunnel_headers_follow_the_rules),
		cmocka_unit_test(udp_encapsulation_is_told_from_ike),
		cmocka_unit_test(tfc_padding_is_taken_off),
		cmocka_unit_test(sequence_numbers_do_not_wrap),
		cmocka_unit_test(offload_and_transport_mode_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
