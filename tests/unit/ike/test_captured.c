/* SPDX-License-Identifier: MIT */
/* Four messages of a real exchange (tests/data/ikev2-captured.json says whose): read, decrypt, build again. */
#include "vectors.h"

#include "ike/message.h"

struct capture {
	json_t *root;
	struct ike_crypto *crypto;
	struct ike_suite suite;
	struct ike_sk_key ei, er;
};

static struct ike_sk_key key_of(const json_t *root, const char *name)
{
	struct octets k = vectors_hex(root, name);
	struct ike_sk_key key = {0};

	assert_int_equal(k.len, 19);
	memcpy(key.encr, k.p, k.len);
	return key;
}

static int setup(void **state)
{
	static struct capture c;

	c.root = vectors_load("ikev2-captured.json");
	c.crypto = ike_crypto_new();
	c.suite.encr = ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_CCM_12, 128);
	c.ei = key_of(c.root, "sk_ei");
	c.er = key_of(c.root, "sk_er");
	*state = &c;
	return c.crypto && c.suite.encr ? 0 : -1;
}

static int teardown(void **state)
{
	struct capture *c = *state;

	json_decref(c->root);
	ike_crypto_free(c->crypto);
	return 0;
}

static struct octets message(const struct capture *c, unsigned int n)
{
	return vectors_hex(json_array_get(json_object_get(c->root, "messages"), n), "hex");
}

static void parse(const struct octets *raw, struct ike_message *m)
{
	struct ike_parse_error err;

	if (ike_message_parse(raw->p, raw->len, m, &err))
		fail_msg("%s", err.text);
}

static void init_request(void **state)
{
	struct octets raw = message(*state, 0);
	struct ike_parse_error err;
	struct ike_proposal sa[2];
	struct ike_message m;
	char text[128];

	parse(&raw, &m);
	assert_int_equal(ike_message_check(&m, &err), 0);
	assert_string_equal(ike_message_print(&m, text, sizeof(text)),
			    "IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) N(HASH_ALG) ]");
	assert_int_equal(ike_message_find(&m, IKE_P_KE)->u.ke.group, IKE_KE_ECP_256);
	assert_int_equal(ike_message_find(&m, IKE_P_NONCE)->data_len, 32);
	assert_int_equal(ike_message_notify(&m, IKE_N_NAT_DETECTION_SOURCE_IP)->data_len, 20);
	assert_int_equal(ike_proposals_parse(ike_message_find(&m, IKE_P_SA), sa, 2, &err), 1);
	assert_int_equal(sa[0].n, 3);
	assert_string_equal(ike_proposal_print(&sa[0], text, sizeof(text)), "AES_CCM_12-prfsha256-ecp256");
}

static void init_response(void **state)
{
	struct octets raw = message(*state, 1);
	struct ike_parse_error err;
	struct ike_message m;
	char text[128];

	parse(&raw, &m);
	assert_int_equal(ike_message_check(&m, &err), 0);
	assert_string_equal(ike_message_print(&m, text, sizeof(text)),
			    "IKE_SA_INIT response 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) N(MULT_AUTH) ]");
}

/* The Delete of the IKE SA and its empty answer, decrypted, checked, and sealed again to the same octets. */
static void informational(void **state)
{
	struct capture *c = *state;

	for (unsigned int i = 2; i < 4; i++) {
		struct octets raw = message(c, i), buf = raw;
		struct octets plain = vectors_hex(json_array_get(json_object_get(c->root, "messages"), i), "plaintext");
		const struct ike_sk_key *key = i == 2 ? &c->ei : &c->er;
		struct ike_parse_error err;
		struct ike_builder b;
		struct ike_message m;
		uint8_t out[128];
		char text[64];

		parse(&buf, &m);
		assert_int_equal(ike_message_open(c->crypto, &c->suite, key, buf.p, &m, &err), 0);
		assert_memory_equal(m.p[0].data + 8, plain.p, plain.len);
		assert_int_equal(ike_message_check(&m, &err), 0);
		assert_string_equal(ike_message_print(&m, text, sizeof(text)),
				    i == 2 ? "INFORMATIONAL request 2 [ D ]" : "INFORMATIONAL response 2 [ ]");
		ike_build_start(&b, out, sizeof(out), &m.hdr);
		ike_build_sk(&b, &c->suite);
		if (i == 2)
			ike_build_delete(&b, IKE_PROTO_IKE, 0, NULL, 0);
		assert_int_equal(ike_build_seal(&b, c->crypto, &c->suite, key, raw.p + 32), raw.len);
		assert_memory_equal(out, raw.p, raw.len);
	}
}

static void other_direction_key_fails(void **state)
{
	struct capture *c = *state;
	struct octets raw = message(c, 2);
	struct ike_parse_error err;
	struct ike_message m;

	parse(&raw, &m);
	assert_int_not_equal(ike_message_open(c->crypto, &c->suite, &c->er, raw.p, &m, &err), 0);
	assert_string_equal(err.text, "SK payload: integrity check failed");
}

/* build(parse(x)) == x, for the encrypted ones with the SK payload as it is. */
static void rebuilt_is_identical(void **state)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct octets raw = message(*state, i);
		struct ike_builder b;
		struct ike_message m;
		uint8_t out[VECTOR_MAX];

		parse(&raw, &m);
		assert_false(m.reserved);
		ike_build_start(&b, out, sizeof(out), &m.hdr);
		for (unsigned int k = 0; k < m.n; k++)
			ike_build_payload(&b, &m.p[k]);
		assert_int_equal(ike_build_finish(&b), raw.len);
		assert_memory_equal(out, raw.p, raw.len);
	}
}

/* The SA payload too, from its decoded proposals. */
static void proposals_are_inverse(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct octets raw = message(*state, i);
		struct ike_parse_error err;
		struct ike_builder b;
		struct ike_message m;
		struct ike_proposal sa[4];
		uint8_t out[VECTOR_MAX];
		int n;

		parse(&raw, &m);
		n = ike_proposals_parse(&m.p[0], sa, 4, &err);
		assert_int_equal(n, 1);
		ike_build_start(&b, out, sizeof(out), &m.hdr);
		ike_build_sa(&b, sa, (unsigned int)n);
		assert_int_equal(ike_build_finish(&b), IKE_HEADER_LEN + 4 + m.p[0].len);
		assert_memory_equal(out + IKE_HEADER_LEN + 4, m.p[0].body, m.p[0].len);
	}
}

/* A message cut anywhere is refused, whether the header's length says so or not. */
static void truncation_is_refused(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct octets raw = message(*state, i);

		for (size_t len = 0; len < raw.len; len++) {
			struct octets cut = raw;
			struct ike_parse_error err;
			struct ike_message m;

			assert_int_not_equal(ike_message_parse(cut.p, len, &m, &err), 0);
			put_be32(cut.p + 24, (uint32_t)len);
			if (len > IKE_HEADER_LEN)
				assert_int_not_equal(ike_message_parse(cut.p, len, &m, &err), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_request),          cmocka_unit_test(init_response),
		cmocka_unit_test(informational),         cmocka_unit_test(other_direction_key_fails),
		cmocka_unit_test(rebuilt_is_identical),  cmocka_unit_test(proposals_are_inverse),
		cmocka_unit_test(truncation_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
