/* SPDX-License-Identifier: MIT */
/* Parsing and building are inverses: every payload, and random messages from a printed seed. */
#include "vectors.h"

#include <errno.h>

#include "ike/message.h"

static const struct ike_header init_hdr = {
	.spi_i = {1, 2, 3, 4, 5, 6, 7, 8}, .version = 0x20, .exchange = IKE_X_SA_INIT, .flags = IKE_FLAG_INITIATOR};

static void parse_back(const struct ike_builder *b, int len, struct ike_message *m)
{
	struct ike_parse_error err;

	assert_true(len > 0);
	if (ike_message_parse(b->w.start, (size_t)len, m, &err))
		fail_msg("%s", err.text);
}

/* One payload of each type through the convenience builders, read back field by field. */
static void every_payload(void **state)
{
	static const struct ike_ts ts[] = {
		{.type = IKE_TS_IPV4,
		 .protocol = 6,
		 .start_port = 80,
		 .end_port = 443,
		 .start = {10},
		 .end = {10, 255}},
		{.type = IKE_TS_IPV6, .start_port = 65535, .end_port = 0, .start = {0xfd}, .end = {0xfd, 1}},
	};
	struct ike_proposal p;
	uint8_t buf[2048], nonce[32] = {5}, pub[32] = {6};
	struct ike_message m;
	struct ike_builder b;
	struct ike_ts back[2];
	struct ike_parse_error err;
	char text[256];

	(void)state;
	assert_int_equal(ike_proposal_read(&p, IKE_PROTO_IKE, "default", text, sizeof(text)), 0);
	ike_build_start(&b, buf, sizeof(buf), &init_hdr);
	ike_build_sa(&b, &p, 1);
	ike_build_ke(&b, IKE_KE_X25519, pub, sizeof(pub));
	ike_build_nonce(&b, nonce, sizeof(nonce));
	ike_build_id(&b, IKE_P_IDI, IKE_ID_FQDN, (const uint8_t *)"moon", 4);
	ike_build_id(&b, IKE_P_IDR, IKE_ID_IPV4, (const uint8_t *)"\12\1\2\3", 4);
	ike_build_auth(&b, 2, nonce, 32);
	ike_build_notify(&b, IKE_PROTO_ESP, (const uint8_t *)"\1\2\3\4", 4, IKE_N_REKEY_SA, NULL, 0);
	ike_build_notify(&b, 0, NULL, 0, IKE_N_COOKIE, "cookie", 6);
	ike_build_delete(&b, IKE_PROTO_ESP, 4, (const uint8_t *)"aaaabbbbcccc", 3);
	ike_build_vendor(&b, "keyrack", 7);
	ike_build_ts(&b, IKE_P_TSI, ts, 2);
	ike_build_ts(&b, IKE_P_TSR, ts, 1);
	ike_build_payload(
		&b, &(struct ike_payload){.type = IKE_P_CERT, .u.cert.encoding = 4, .data = nonce, .data_len = 9});
	ike_build_payload(&b, &(struct ike_payload){.type = IKE_P_CERTREQ, .u.cert.encoding = 4});
	ike_build_payload(&b, &(struct ike_payload){.type = IKE_P_CP,
						    .u.cp.kind = 1,
						    .data = (const uint8_t *)"\0\1\0\4abcd\0\3\0\0",
						    .data_len = 12});
	ike_build_payload(&b,
			  &(struct ike_payload){.type = IKE_P_EAP, .data = (const uint8_t *)"\3\1\0\4", .data_len = 4});
	ike_build_payload(&b, &(struct ike_payload){.type = 200, .data = nonce, .data_len = 3});
	parse_back(&b, ike_build_finish(&b), &m);

	assert_int_equal(m.n, 17);
	assert_memory_equal(&m.hdr.spi_i, init_hdr.spi_i, 8);
	assert_int_equal(m.hdr.length, b.w.len);
	assert_int_equal(ike_message_find(&m, IKE_P_KE)->u.ke.group, IKE_KE_X25519);
	assert_memory_equal(ike_message_find(&m, IKE_P_KE)->data, pub, 32);
	assert_int_equal(ike_message_find(&m, IKE_P_IDI)->u.id.kind, IKE_ID_FQDN);
	assert_int_equal(ike_message_find(&m, IKE_P_IDI)->data_len, 4);
	assert_int_equal(ike_message_find(&m, IKE_P_IDI)->len, 8); /* the body that AUTH covers */
	assert_int_equal(ike_message_find(&m, IKE_P_AUTH)->u.auth.method, 2);
	assert_memory_equal(ike_message_notify(&m, IKE_N_REKEY_SA)->u.notify.spi, "\1\2\3\4", 4);
	assert_int_equal(ike_message_notify(&m, IKE_N_REKEY_SA)->data_len, 0);
	assert_memory_equal(ike_message_notify(&m, IKE_N_COOKIE)->data, "cookie", 6);
	assert_null(ike_message_error(&m));
	assert_int_equal(ike_message_find(&m, IKE_P_DELETE)->u.del.count, 3);
	assert_memory_equal(ike_delete_spi(ike_message_find(&m, IKE_P_DELETE), 2), "cccc", 4);
	assert_int_equal(ike_ts_parse(ike_message_find(&m, IKE_P_TSI), back, 2, &err), 2);
	assert_memory_equal(back, ts, sizeof(ts));
	assert_int_equal(ike_message_find(&m, IKE_P_CP)->u.cp.kind, 1);
	assert_int_equal(ike_message_find(&m, IKE_P_EAP)->data_len, 4);
	assert_int_equal(ike_message_find(&m, 200)->data_len, 3);
}

static const uint8_t types[] = {IKE_P_SA,   IKE_P_KE,    IKE_P_IDI,    IKE_P_IDR,    IKE_P_CERT,   IKE_P_CERTREQ,
				IKE_P_AUTH, IKE_P_NONCE, IKE_P_NOTIFY, IKE_P_DELETE, IKE_P_VENDOR, IKE_P_TSI,
				IKE_P_TSR,  IKE_P_CP,    IKE_P_EAP,    200};

/* A payload of random but legal contents; its data goes into *data. */
static struct ike_payload random_payload(struct prng *rng, uint8_t data[512])
{
	struct ike_payload p = {.type = types[prng_below(rng, sizeof(types))]};

	fill(rng, data, 512);
	p.data = data;
	p.data_len = (uint16_t)(16 + prng_below(rng, 240));
	switch (p.type) {
	case IKE_P_KE:
		p.u.ke.group = (uint16_t)(1000 + prng_below(rng, 1000));
		break;
	case IKE_P_IDI:
	case IKE_P_IDR:
		p.u.id.kind = IKE_ID_KEY;
		break;
	case IKE_P_NOTIFY:
		p.u.notify.kind = (uint16_t)(40000 + prng_below(rng, 1000));
		p.u.notify.spi_size = (uint8_t)prng_below(rng, 9);
		p.u.notify.spi = data;
		break;
	case IKE_P_DELETE:
		p.u.del.protocol = IKE_PROTO_ESP;
		p.u.del.spi_size = 4;
		p.u.del.count = (uint16_t)prng_below(rng, 100);
		p.data_len = (uint16_t)(4 * p.u.del.count);
		break;
	case IKE_P_TSI:
	case IKE_P_TSR:
		p.u.ts.count = 1;
		break;
	case IKE_P_CP:
		p.data_len = 0;
		break;
	case IKE_P_EAP:
		put_be16(data + 2, p.data_len);
		break;
	case 200:
		p.critical = false;
		break;
	default:
		p.u.cert.encoding = p.type == IKE_P_CERT || p.type == IKE_P_CERTREQ || p.type == IKE_P_AUTH ? 9 : 0;
	}
	return p;
}

static void random_messages(void **state)
{
	static uint8_t data[IKE_PAYLOADS_MAX][512], buf[65536], again[65536];

	(void)state;
	for (unsigned int seed = 1; seed <= 300; seed++) {
		struct prng rng = prng_init(seed);
		unsigned int n = 1 + (unsigned int)prng_below(&rng, IKE_PAYLOADS_MAX);
		struct ike_payload sent[IKE_PAYLOADS_MAX];
		struct ike_parse_error err;
		struct ike_builder b;
		struct ike_message m;
		int len;

		ike_build_start(&b, buf, sizeof(buf), &init_hdr);
		for (unsigned int i = 0; i < n; i++) {
			sent[i] = random_payload(&rng, data[i]);
			ike_build_payload(&b, &sent[i]);
		}
		len = ike_build_finish(&b);
		if (ike_message_parse(buf, (size_t)len, &m, &err))
			fail_msg("seed %u: %s", seed, err.text);
		assert_int_equal(m.n, n);
		assert_false(m.reserved);
		ike_build_start(&b, again, sizeof(again), &m.hdr);
		for (unsigned int i = 0; i < n; i++) {
			assert_int_equal(m.p[i].type, sent[i].type);
			assert_int_equal(m.p[i].data_len, sent[i].data_len);
			assert_memory_equal(m.p[i].data, sent[i].data, sent[i].data_len);
			ike_build_payload(&b, &m.p[i]);
		}
		assert_int_equal(ike_build_finish(&b), len);
		assert_memory_equal(again, buf, len);
	}
}

/* In every size too small the builder says so and writes nothing past the end. */
static void small_buffers(void **state)
{
	uint8_t buf[512], nonce[32] = {1};
	struct ike_proposal p;
	struct ike_builder b;
	char text[256];
	int want = 0;

	(void)state;
	assert_int_equal(ike_proposal_read(&p, IKE_PROTO_ESP, "aes128gcm16", text, sizeof(text)), 0);
	for (size_t cap = sizeof(buf); cap-- > 0;) {
		int len;

		memset(buf, 0xee, sizeof(buf));
		ike_build_start(&b, buf, cap, &init_hdr);
		ike_build_sa(&b, &p, 1);
		ike_build_nonce(&b, nonce, sizeof(nonce));
		len = ike_build_finish(&b);
		if (cap == sizeof(buf) - 1)
			want = len;
		assert_int_equal(len, (int)cap >= want ? want : -EMSGSIZE);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0xee);
	}
}

/* What a payload's 16-bit length cannot say is an error, not a short payload. */
static void payloads_too_long(void **state)
{
	static uint8_t buf[200000], data[70000];
	const struct ike_ts no_type = {0};
	struct ike_builder b;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		static const size_t sizes[] = {65531, 65532, sizeof(data)}; /* the header adds four octets */

		ike_build_start(&b, buf, sizeof(buf), &init_hdr);
		ike_build_vendor(&b, data, sizes[i]);
		assert_int_equal(ike_build_finish(&b), i ? -EMSGSIZE : 28 + 4 + 65531);
	}
	ike_build_start(&b, buf, sizeof(buf), &init_hdr);
	ike_build_ts(&b, IKE_P_TSI, &no_type, 1);
	assert_int_equal(ike_build_finish(&b), -EMSGSIZE);
}

/* A protected message of every padding length, with a CBC suite (blocks of 16) and an AEAD one. */
static void sealed_messages(void **state)
{
	struct ike_crypto *c = ike_crypto_new();
	const struct ike_suite all[] = {
		{.encr = ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 256)},
		{.encr = ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_CBC, 256),
		 .integ = ike_alg_find(IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0)},
	};
	struct ike_header hdr = init_hdr;
	struct ike_sk_key key = {.encr = {1}, .integ = {2}};

	(void)state;
	hdr.exchange = IKE_X_INFORMATIONAL;
	for (size_t s = 0; s < 2; s++)
		for (size_t size = 0; size < 40; size++) {
			uint8_t buf[256], iv[16] = {3}, data[40] = {4};
			struct ike_parse_error err;
			struct ike_builder b;
			struct ike_message m;
			int len;

			ike_build_start(&b, buf, sizeof(buf), &hdr);
			ike_build_sk(&b, &all[s]);
			ike_build_vendor(&b, data, size);
			len = ike_build_seal(&b, c, &all[s], &key, iv);
			parse_back(&b, len, &m);
			assert_int_equal(m.p[0].u.sk.next, IKE_P_VENDOR);
			assert_int_equal(ike_message_open(c, &all[s], &key, buf, &m, &err), 0);
			assert_int_equal(m.n, 2);
			assert_int_equal(m.p[1].data_len, size);
			assert_memory_equal(m.p[1].data, data, size);
		}
	ike_crypto_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_payload),   cmocka_unit_test(random_messages),   cmocka_unit_test(small_buffers),
		cmocka_unit_test(sealed_messages), cmocka_unit_test(payloads_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
