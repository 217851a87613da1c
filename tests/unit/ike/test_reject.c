/* SPDX-License-Identifier: MIT */
/* What must not be read, and the sentence that says why. */
#include "vectors.h"

#include <errno.h>

#include "ike/message.h"

/* A header with this first payload, then the payloads given in hex. */
static int parse_as(const char *payloads, uint8_t first, struct ike_message *m, struct octets *raw,
		    struct ike_parse_error *err)
{
	struct octets body = hex(payloads);

	*raw = hex("0102030405060708 0000000000000000 00 20 22 08 00000000 00000000");
	raw->p[16] = first;
	memcpy(raw->p + raw->len, body.p, body.len);
	raw->len += body.len;
	put_be32(raw->p + 24, (uint32_t)raw->len);
	return ike_message_parse(raw->p, raw->len, m, err);
}

static void headers(void **state)
{
	static const struct {
		const char *hex;
		uint16_t notify;
		const char *text;
	} rows[] = {
		{"01", 0, "message of 1 octets, the header has 28"},
		{"0102030405060708 0000000000000000 00 30 22 08 00000000 0000001c", IKE_N_INVALID_MAJOR_VERSION,
		 "header: major version 3, we speak 2"},
		{"0102030405060708 0000000000000000 00 10 22 08 00000000 0000001c", 0,
		 "header: major version 1, we speak 2"},
		{"0102030405060708 0000000000000000 00 20 22 08 00000000 0000001d", 0,
		 "header: length 29 in a datagram of 28 octets"},
		{"0102030405060708 0000000000000000 00 20 22 08 00000000 ffffffff", 0,
		 "header: length 4294967295 in a datagram of 28 octets"},
		{"0000000000000000 0000000000000000 00 20 22 08 00000000 0000001c", 0,
		 "header: the initiator's SPI is zero"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct octets raw = hex(rows[i].hex);
		struct ike_parse_error err;
		struct ike_message m;

		assert_int_not_equal(ike_message_parse(raw.p, raw.len, &m, &err), 0);
		assert_string_equal(err.text, rows[i].text);
		assert_int_equal(err.notify, rows[i].notify);
	}
}

static void payloads(void **state)
{
	static const struct {
		uint8_t first;
		const char *hex, *text;
	} rows[] = {
		{IKE_P_NONCE, "000000", "No payload: header cut off after 3 octets"},
		{IKE_P_NONCE, "00000003", "No payload: length 3 with 4 octets left"},
		{IKE_P_NONCE, "00000000", "No payload: length 0 with 4 octets left"},
		{IKE_P_NONCE, "0000ffff 00112233", "No payload: length 65535 with 8 octets left"},
		{IKE_P_NONE, "00", "1 octets after the last payload"},
		{IKE_P_VENDOR, "00000005 aa bb", "1 octets after the last payload"},
		{IKE_P_VENDOR, "c8000005 aa", "type 200 payload: header cut off after 0 octets"},
		{IKE_P_NONCE, "00000013 00112233445566778899aabbccddee",
		 "No payload: data of 15 octets, it has 16 to 256"},
		{IKE_P_KE, "00000007 001f00", "KE payload: 3 octets are too few for its fields"},
		{IKE_P_KE, "0000000a 001f0000 aabb", "KE payload: CURVE_25519 value of 2 octets, it has 32"},
		{IKE_P_IDI, "0000000b 01000000 0a0000", "IDi payload: IPV4_ADDR of 3 octets, it has 4"},
		{IKE_P_IDR, "0000000c 05000000 0a000000", "IDr payload: IPV6_ADDR of 4 octets, it has 16"},
		{IKE_P_NOTIFY, "00000008 0004 4000", "N payload: 4 octets are too few for its fields"},
		{IKE_P_NOTIFY, "00000009 0000 0011 1f", "N(INVALID_KE_PAYLOAD): data of 1 octets, it has 2 to 2"},
		{IKE_P_NOTIFY, "00000008 0300 4009", "N(REKEY_SA): SPI of 0 octets, it has 4"},
		{IKE_P_NOTIFY, "00000008 0000 4006", "N(COOKIE): data of 0 octets, it has 1 to 64"},
		{IKE_P_NOTIFY, "0000000b 0000 4001 000000", "N(SET_WINDOW_SIZE): data of 3 octets, it has 4 to 4"},
		{IKE_P_DELETE, "00000008 00000000", "D payload: protocol 0 is none of IKE, AH, ESP"},
		{IKE_P_DELETE, "00000008 01080000", "D payload: SPI size 8 for IKE"},
		{IKE_P_DELETE, "00000008 01000001", "D payload: 1 SPIs, at most 0"},
		{IKE_P_DELETE, "00000008 0304ffff", "D payload: 65535 SPIs, at most 1024"},
		{IKE_P_DELETE, "00000008 03040001", "D payload: 1 SPIs of 4 octets in 0 octets"},
		{IKE_P_DELETE, "0000000d 03040001 0102030405", "D payload: 1 SPIs of 4 octets in 5 octets"},
		{IKE_P_TSI, "00000008 00000000", "TSi payload: data of 0 octets, it has 4 to 65535"},
		{IKE_P_TSR, "0000000c 00000000 07000004", "TSr payload: 0 selectors in 4 octets"},
		{IKE_P_TSR, "0000000c 02000000 07000004", "TSr payload: 2 selectors in 4 octets"},
		{IKE_P_CP, "0000000d 01000000 00010002 aa", "CP payload: attribute 1 of 2 octets with 1 left"},
		{IKE_P_EAP, "00000008 01010005", "EAP payload: length 5 in 4 octets"},
		{IKE_P_EAP, "00000006 0101", "EAP payload: data of 2 octets, it has 4 to 65535"},
		{IKE_P_SA, "00000008 00000000", "SA payload: data of 4 octets, it has 8 to 65535"},
		{IKE_P_SK, "21000005 aa 00000004", "4 octets after the last payload"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_parse_error err = {.text = "accepted"};
		struct ike_message m;
		struct octets raw;
		int rc = parse_as(rows[i].hex, rows[i].first, &m, &raw, &err);

		assert_string_equal(err.text, rows[i].text);
		assert_int_not_equal(rc, 0);
		assert_int_equal(err.notify, IKE_N_INVALID_SYNTAX);
	}
}

static void too_many_payloads(void **state)
{
	struct octets raw = hex("0102030405060708 0000000000000000 2b 20 22 08 00000000 00000000");
	struct ike_parse_error err;
	struct ike_message m;

	(void)state;
	for (int i = 0; i <= IKE_PAYLOADS_MAX; i++) {
		uint8_t *p = raw.p + raw.len;

		p[0] = i < IKE_PAYLOADS_MAX ? IKE_P_VENDOR : 0;
		p[3] = 4;
		raw.len += 4;
	}
	put_be32(raw.p + 24, (uint32_t)raw.len);
	assert_int_not_equal(ike_message_parse(raw.p, raw.len, &m, &err), 0);
	assert_string_equal(err.text, "more than 96 payloads");
	/* one fewer is fine */
	raw.len -= 4;
	raw.p[raw.len - 4] = 0;
	put_be32(raw.p + 24, (uint32_t)raw.len);
	assert_int_equal(ike_message_parse(raw.p, raw.len, &m, &err), 0);
	assert_int_equal(m.n, IKE_PAYLOADS_MAX);
}

/* RFC 7296 2.5: unknown payloads are skipped unless they are marked critical; the mark on known ones is ignored. */
static void critical_payloads(void **state)
{
	struct ike_parse_error err;
	struct ike_message m;
	struct octets raw;

	(void)state;
	assert_int_equal(parse_as("2b000006 aabb 00000004", 200, &m, &raw, &err), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.p[0].data_len, 2);
	assert_int_equal(parse_as("2b800006 aabb 00000004", 200, &m, &raw, &err), -EBADMSG);
	assert_int_equal(err.notify, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_int_equal(err.critical, 200);
	assert_string_equal(err.text, "payload of unknown type 200 is critical");
	assert_int_equal(parse_as("2b000006 aabb 00800004", 1, &m, &raw, &err), 0);
	assert_true(m.p[1].critical);
	assert_false(m.reserved);
	assert_int_equal(parse_as("007f0004", IKE_P_VENDOR, &m, &raw, &err), 0);
	assert_true(m.reserved);
	assert_int_equal(parse_as("00000009 02000001 aa", IKE_P_IDI, &m, &raw, &err), 0);
	assert_true(m.reserved);
}

/* Inside an SK payload whose integrity is right: the peer is told. */
static void inside_of_sk(void **state)
{
	static const struct {
		uint8_t first;
		const char *text_and_pad, *text;
	} rows[] = {
		{IKE_P_NONE, "05", "SK payload: pad length 5 in 0 octets"},
		{IKE_P_NONE, "0000ff", "SK payload: pad length 255 in 2 octets"},
		{IKE_P_NONE, "0000000400", "4 octets after the last payload"},
		{IKE_P_SK, "0000000400", "SK payload inside an SK payload"},
		{IKE_P_VENDOR, "00", "V payload: header cut off after 0 octets"},
	};
	struct ike_crypto *c = ike_crypto_new();
	struct ike_suite suite = {.encr = ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128)};
	struct ike_sk_key key = {.encr = {1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct octets inner = hex(rows[i].text_and_pad), raw;
		struct ike_parse_error err;
		struct ike_message m;
		char sk[512];
		uint8_t iv[8] = {2};
		int n = snprintf(sk, sizeof(sk), "%02x00%04zx0000000000000000%s00000000000000000000000000000000",
				 rows[i].first, 4 + 8 + inner.len + 16, rows[i].text_and_pad);

		assert_true(n > 0);
		assert_int_equal(parse_as(sk, IKE_P_SK, &m, &raw, &err), 0);
		assert_int_equal(ike_sk_seal(c, suite.encr, NULL, &key, raw.p, 32, iv, inner.len), 0);
		assert_int_not_equal(ike_message_open(c, &suite, &key, raw.p, &m, &err), 0);
		assert_string_equal(err.text, rows[i].text);
		assert_int_equal(err.notify, IKE_N_INVALID_SYNTAX);
	}
	ike_crypto_free(c);
}

static void nothing_to_open(void **state)
{
	struct ike_crypto *c = ike_crypto_new();
	struct ike_suite suite = {.encr = ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128)};
	struct ike_sk_key key = {0};
	struct ike_parse_error err;
	struct ike_message m;
	struct octets raw;

	(void)state;
	assert_int_equal(parse_as("", 0, &m, &raw, &err), 0);
	assert_int_not_equal(ike_message_open(c, &suite, &key, raw.p, &m, &err), 0);
	assert_string_equal(err.text, "no SK payload");
	assert_int_equal(parse_as("00000008 aabbccdd", IKE_P_SK, &m, &raw, &err), 0);
	assert_int_not_equal(ike_message_open(c, &suite, &key, raw.p, &m, &err), 0);
	assert_string_equal(err.text, "SK payload: 4 octets, too few for IV, pad length and ICV (25)");
	ike_crypto_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),           cmocka_unit_test(payloads),
		cmocka_unit_test(too_many_payloads), cmocka_unit_test(critical_payloads),
		cmocka_unit_test(inside_of_sk),      cmocka_unit_test(nothing_to_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
