/* SPDX-License-Identifier: MIT */
/* Proposals: as text, on the wire, and which one is chosen (RFC 7296 3.3.6). */
#include "vectors.h"

#include <errno.h>

#include "ike/message.h"

static struct ike_proposal read(uint8_t protocol, const char *spec)
{
	struct ike_proposal p;
	char text[256] = "";

	if (ike_proposal_read(&p, protocol, spec, text, sizeof(text)))
		fail_msg("%s", text);
	return p;
}

static void text_is_read(void **state)
{
	static const struct {
		uint8_t protocol;
		const char *spec, *printed;
	} rows[] = {
		{IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519"},
		{IKE_PROTO_IKE, "aes256gcm128-prfsha384-curve25519", "aes256gcm16-prfsha384-x25519"},
		{IKE_PROTO_IKE, "aes128-sha256-modp2048", "aes128-prfsha256-sha256-modp2048"},
		{IKE_PROTO_IKE, "aes256-sha512-prfsha384-ecp384", "aes256-prfsha384-sha512-ecp384"},
		{IKE_PROTO_IKE, "aes128-aes256-sha256-sha384-ecp256-modp3072",
		 "aes128-aes256-prfsha256-prfsha384-sha256-sha384-ecp256-modp3072"},
		{IKE_PROTO_IKE, "chacha20poly1305-sha512-x25519", "chacha20poly1305-prfsha512-x25519"},
		{IKE_PROTO_IKE, "x25519-prfsha256-aes128gcm16", "aes128gcm16-prfsha256-x25519"},
		{IKE_PROTO_ESP, "aes128gcm16", "aes128gcm16-noesn"},
		{IKE_PROTO_ESP, "aes256gcm16-esn", "aes256gcm16-esn"},
		{IKE_PROTO_ESP, "aes256gcm16-esn-noesn-x25519", "aes256gcm16-x25519-esn-noesn"},
		{IKE_PROTO_ESP, "aes192-sha384", "aes192-sha384-noesn"},
		{IKE_PROTO_ESP, "aes128gcm16-x25519-modpnone", "aes128gcm16-x25519-modpnone-noesn"},
		{IKE_PROTO_IKE, "default",
		 "aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-"
		 "x25519-ecp256-ecp384-modp3072-modp2048"},
		{IKE_PROTO_ESP, "default", "aes128gcm16-aes256gcm16-chacha20poly1305-noesn"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_proposal p = read(rows[i].protocol, rows[i].spec), again;
		char printed[256];

		assert_string_equal(ike_proposal_print(&p, printed, sizeof(printed)), rows[i].printed);
		again = read(rows[i].protocol, printed); /* what is printed is read back the same */
		assert_memory_equal(&again, &p, sizeof(p));
	}
}

static void text_is_refused(void **state)
{
	static const struct {
		uint8_t protocol;
		const char *spec, *text;
	} rows[] = {
		{IKE_PROTO_IKE, "aes128gcm12-prfsha256-x25519",
		 "proposal \"aes128gcm12-prfsha256-x25519\": \"aes128gcm12\" is not an algorithm we know"},
		{IKE_PROTO_IKE, "", "proposal \"\": an empty name"},
		{IKE_PROTO_IKE, "aes128gcm16--x25519", "proposal \"aes128gcm16--x25519\": an empty name"},
		{IKE_PROTO_IKE, "aes128gcm16-x25519-", "proposal \"aes128gcm16-x25519-\": an empty name"},
		{IKE_PROTO_IKE, "aes128gcm16-x25519",
		 "proposal \"aes128gcm16-x25519\": no pseudo-random function (like prfsha256)"},
		{IKE_PROTO_IKE, "aes128gcm16-prfsha256",
		 "proposal \"aes128gcm16-prfsha256\": no key exchange (like x25519)"},
		{IKE_PROTO_IKE, "aes128-prfsha256-x25519",
		 "proposal \"aes128-prfsha256-x25519\": no integrity algorithm (like sha256)"},
		{IKE_PROTO_ESP, "aes128", "proposal \"aes128\": no integrity algorithm (like sha256)"},
		{IKE_PROTO_ESP, "sha256", "proposal \"sha256\": no encryption algorithm"},
		{IKE_PROTO_ESP, "aes128gcm16-aes128-sha256",
		 "proposal \"aes128gcm16-aes128-sha256\": combined ciphers (like aes128gcm16) and others need "
		 "proposals of their own"},
		{IKE_PROTO_ESP, "aes128gcm16-prfsha256",
		 "proposal \"aes128gcm16-prfsha256\": \"prfsha256\" is for IKE, not for ESP"},
		{IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519-esn",
		 "proposal \"aes128gcm16-prfsha256-x25519-esn\": \"esn\" is for ESP, not for IKE"},
		{IKE_PROTO_IKE, "aes128gcm16-prfsha256-modpnone",
		 "proposal \"aes128gcm16-prfsha256-modpnone\": \"modpnone\": an IKE SA needs a key exchange"},
		{IKE_PROTO_ESP, "aes128gcm16-aes128gcm128",
		 "proposal \"aes128gcm16-aes128gcm128\": \"aes128gcm128\" is there twice"},
		{IKE_PROTO_ESP, "aes128gcm16aes128gcm16aes128gcm16",
		 "proposal \"aes128gcm16aes128gcm16aes128gcm16\": \"aes128gcm16aes128gcm16aes128gcm16\" is not an "
		 "algorithm we know"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256] = "accepted";
		struct ike_proposal p;

		assert_int_equal(ike_proposal_read(&p, rows[i].protocol, rows[i].spec, text, sizeof(text)), -EINVAL);
		assert_string_equal(text, rows[i].text);
	}
}

/* "ESP aes128gcm16-esn; ESP aes256gcm16-noesn" */
static unsigned int read_list(const char *list, struct ike_proposal out[4])
{
	unsigned int n = 0;

	for (const char *at = list; *at;) {
		size_t len = strcspn(at, ";");
		char spec[256];

		assert_true(len < sizeof(spec) && n < 4);
		memcpy(spec, at + 4, len - 4);
		spec[len - 4] = '\0';
		out[n] = read(memcmp(at, "IKE", 3) ? IKE_PROTO_ESP : IKE_PROTO_IKE, spec);
		out[n].number = (uint8_t)(n + 1);
		out[n].spi_size = 4;
		memset(out[n].spi, (int)(n + 1), 4);
		n++;
		at += len + strspn(at + len, "; ");
	}
	return n;
}

static void selection(void **state)
{
	static const struct {
		const char *ours, *theirs;
		uint16_t prefer_ke;
		bool no_ke;
		unsigned int number; /* 0: nothing fits */
		const char *chosen;
	} rows[] = {
		/* our order wins, among proposals and inside of one */
		{"IKE aes256gcm16-aes128gcm16-prfsha256-ecp256-x25519",
		 "IKE aes128gcm16-aes256gcm16-prfsha384-prfsha256-x25519-ecp256", 0, false, 1,
		 "aes256gcm16-prfsha256-ecp256"},
		{"ESP aes256gcm16; ESP aes128gcm16", "ESP aes128gcm16; ESP aes256gcm16", 0, false, 2,
		 "aes256gcm16-noesn"},
		/* unless the peer has sent the public value of another group that we accept */
		{"IKE aes128gcm16-prfsha256-ecp256-x25519", "IKE aes128gcm16-prfsha256-x25519-ecp256", IKE_KE_X25519,
		 false, 1, "aes128gcm16-prfsha256-x25519"},
		{"IKE aes128gcm16-prfsha256-ecp256", "IKE aes128gcm16-prfsha256-x25519-ecp256", IKE_KE_X25519, false, 1,
		 "aes128gcm16-prfsha256-ecp256"},
		/* key length is part of the algorithm */
		{"ESP aes256gcm16", "ESP aes128gcm16", 0, false, 0, NULL},
		{"IKE aes256-sha256-x25519", "IKE aes128-sha256-x25519", 0, false, 0, NULL},
		/* each type has to meet */
		{"IKE aes128-sha256-x25519", "IKE aes128-sha384-x25519", 0, false, 0, NULL},
		{"IKE aes128-sha256-x25519", "IKE aes128-sha256-prfsha512-x25519", 0, false, 0, NULL},
		{"IKE aes128-sha256-x25519", "IKE aes128-sha256-sha384-prfsha256-ecp256-x25519", 0, false, 1,
		 "aes128-prfsha256-sha256-x25519"},
		{"IKE aes128gcm16-prfsha256-x25519", "IKE aes128gcm16-prfsha256-ecp256", 0, false, 0, NULL},
		{"ESP aes128gcm16-esn", "ESP aes128gcm16-noesn", 0, false, 0, NULL},
		{"ESP aes128gcm16-esn-noesn", "ESP aes128gcm16-noesn", 0, false, 1, "aes128gcm16-noesn"},
		{"ESP aes128gcm16-noesn-esn", "ESP aes128gcm16-esn-noesn", 0, false, 1, "aes128gcm16-noesn"},
		/* protocols do not mix */
		{"ESP aes128-sha256", "IKE aes128-sha256-x25519", 0, false, 0, NULL},
		/* PFS: both or none, unless NONE is an alternative; not looked at in IKE_AUTH */
		{"ESP aes128gcm16-x25519", "ESP aes128gcm16", 0, false, 0, NULL},
		{"ESP aes128gcm16", "ESP aes128gcm16-x25519", 0, false, 0, NULL},
		{"ESP aes128gcm16-x25519", "ESP aes128gcm16", 0, true, 1, "aes128gcm16-noesn"},
		{"ESP aes128gcm16", "ESP aes128gcm16-x25519", 0, true, 1, "aes128gcm16-noesn"},
		{"ESP aes128gcm16", "ESP aes128gcm16-x25519-modpnone", 0, false, 1, "aes128gcm16-modpnone-noesn"},
		{"ESP aes128gcm16-x25519-modpnone", "ESP aes128gcm16", 0, false, 1, "aes128gcm16-noesn"},
		{"ESP aes128gcm16-x25519-modpnone", "ESP aes128gcm16-ecp256", 0, false, 0, NULL},
	};
	struct ike_crypto *c = ike_crypto_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_proposal ours[4], theirs[4], chosen;
		unsigned int n_ours = read_list(rows[i].ours, ours), n_theirs = read_list(rows[i].theirs, theirs);
		int err = ike_proposal_select(c, ours, n_ours, theirs, n_theirs, rows[i].prefer_ke, rows[i].no_ke,
					      &chosen);
		char text[256];

		if (err != (rows[i].number ? 0 : -ENOENT))
			fail_msg("%s <- %s: %d", rows[i].ours, rows[i].theirs, err);
		if (err)
			continue;
		assert_string_equal(ike_proposal_print(&chosen, text, sizeof(text)), rows[i].chosen);
		assert_int_equal(chosen.number, rows[i].number);
		assert_memory_equal(chosen.spi, theirs[rows[i].number - 1].spi, 8);
		/* and the other side finds that it answers its offer */
		if (!rows[i].no_ke || !strstr(rows[i].theirs, "x25519"))
			assert_int_equal(ike_proposal_verify(theirs, n_theirs, &chosen), 0);
	}
	ike_crypto_free(c);
}

static struct ike_transform t(uint8_t type, uint16_t id, uint16_t bits)
{
	return (struct ike_transform){.type = type, .id = id, .key_bits = bits};
}

/* What peers may send although we would not. */
static void odd_offers(void **state)
{
	struct ike_proposal ours = read(IKE_PROTO_ESP, "aes128gcm16"), cbc = read(IKE_PROTO_ESP, "aes128-sha256");
	struct ike_proposal offer = {.number = 1, .protocol = IKE_PROTO_ESP, .spi_size = 4}, chosen;

	(void)state;
	/* combined and other ciphers with one integrity algorithm in one proposal: GCM is taken without it */
	offer.t[0] = t(IKE_T_ENCR, IKE_ENCR_AES_CBC, 128);
	offer.t[1] = t(IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128);
	offer.t[2] = t(IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0);
	offer.t[3] = t(IKE_T_ESN, IKE_ESN_NO, 0);
	offer.n = 4;
	assert_int_equal(ike_proposal_select(NULL, &ours, 1, &offer, 1, 0, false, &chosen), 0);
	assert_int_equal(chosen.n, 2);
	assert_null(ike_proposal_alg(&chosen, IKE_T_INTEG));
	assert_int_equal(ike_proposal_verify(&offer, 1, &chosen), 0);
	assert_int_equal(ike_proposal_select(NULL, &cbc, 1, &offer, 1, 0, false, &chosen), 0);
	assert_int_equal(chosen.n, 3);

	/* INTEG NONE with a combined cipher is said back; with another cipher it is nothing for us */
	offer.t[2] = t(IKE_T_INTEG, IKE_INTEG_NONE, 0);
	assert_int_equal(ike_proposal_select(NULL, &ours, 1, &offer, 1, 0, false, &chosen), 0);
	assert_int_equal(chosen.n, 3);
	assert_null(ike_proposal_alg(&chosen, IKE_T_INTEG));
	assert_int_equal(ike_proposal_select(NULL, &cbc, 1, &offer, 1, 0, false, &chosen), -ENOENT);

	/* an attribute that we do not know makes the transform unusable, a type that we do not know the proposal */
	offer.t[1].unknown = 1;
	assert_int_equal(ike_proposal_select(NULL, &ours, 1, &offer, 1, 0, false, &chosen), -ENOENT);
	offer.t[1].unknown = 0;
	offer.t[2] = t(6, 1, 0);
	assert_int_equal(ike_proposal_select(NULL, &ours, 1, &offer, 1, 0, false, &chosen), -ENOENT);

	/* no ESN transform: mandatory (RFC 7296 3.3.3) */
	offer.t[2] = offer.t[1];
	offer.n = 3;
	assert_int_equal(ike_proposal_select(NULL, &ours, 1, &offer, 1, 0, false, &chosen), -ENOENT);
}

/* Answers that are not a choice from what was offered. */
static void bad_answers(void **state)
{
	struct ike_proposal offer[2] = {read(IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519-ecp256"),
					read(IKE_PROTO_IKE, "aes128-sha256-x25519")};
	struct ike_proposal good = read(IKE_PROTO_IKE, "aes128gcm16-prfsha256-ecp256"), bad;

	(void)state;
	good.number = 1;
	assert_int_equal(ike_proposal_verify(offer, 2, &good), 0);
	bad = good, bad.number = 2;
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = good, bad.number = 3;
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = good, bad.protocol = IKE_PROTO_ESP;
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = good, bad.t[0].key_bits = 256;
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = good, bad.n--; /* no KE */
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = good, bad.t[bad.n++] = t(IKE_T_KE, IKE_KE_X25519, 0); /* two */
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = good, bad.t[bad.n++] = t(IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0);
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = good, bad.t[2].unknown = 1;
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
	bad = read(IKE_PROTO_IKE, "aes128-sha256-x25519"), bad.number = 2;
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), 0);
	bad.t[2] = bad.t[3], bad.n = 3; /* no INTEG */
	assert_int_equal(ike_proposal_verify(offer, 2, &bad), -EBADMSG);
}

static int parse(const char *data, struct ike_proposal *out, unsigned int max, struct ike_parse_error *err)
{
	struct octets raw = hex(data);
	struct ike_payload sa = {.type = IKE_P_SA, .data = raw.p, .data_len = (uint16_t)raw.len};

	return ike_proposals_parse(&sa, out, max, err);
}

#define GCM   "0300000c01000014800e0080"
#define ESN   "0000000805000000"
#define ESP_1 "00000020 01030402 11223344" GCM ESN

static void wire_is_read(void **state)
{
	struct ike_parse_error err;
	struct ike_proposal p[2];

	(void)state;
	assert_int_equal(parse(ESP_1, p, 2, &err), 1);
	assert_int_equal(p[0].spi_size, 4);
	assert_memory_equal(p[0].spi, "\x11\x22\x33\x44", 4);
	assert_int_equal(p[0].n, 2);
	assert_int_equal(p[0].t[0].key_bits, 128);
	/* an attribute in TLV form, a repeated key length, a zero one: kept, but never to be chosen */
	assert_int_equal(parse("00000022 01030402 11223344 0300000e 01000014 000e0002 0080" ESN, p, 2, &err), 1);
	assert_int_equal(p[0].t[0].unknown, 1);
	assert_int_equal(parse("00000024 01030402 11223344 03000010 01000014 800e0080 800e0100" ESN, p, 2, &err), 1);
	assert_int_equal(p[0].t[0].unknown, 1);
	assert_int_equal(parse("00000020 01030402 11223344 0300000c 01000014 800e0000" ESN, p, 2, &err), 1);
	assert_int_equal(p[0].t[0].unknown, 1);
	/* more proposals than asked for are read and left out */
	assert_int_equal(parse("02000020 01030402 11223344" GCM ESN "00000020 02030402 11223344" GCM ESN, p, 1, &err),
			 1);
	/* a protocol from elsewhere with an SPI of any size */
	assert_int_equal(parse("0000001e 01090a01 00112233445566778899 0000000c01000014800e0080", p, 2, &err), 1);
	assert_int_equal(p[0].spi_size, 0);
}

static void wire_is_refused(void **state)
{
	static const struct {
		const char *hex, *text;
	} rows[] = {
		{"00000007 01030402", "SA payload: proposal length 7 with 8 octets left"},
		{"00000009 01030402", "SA payload: proposal length 9 with 8 octets left"},
		{"01000020 01030402 11223344" GCM ESN, "SA payload: proposal marked 1, it should be 0 or 2"},
		{"02000020 01030402 11223344" GCM ESN, "SA payload: proposal length 0 with 0 octets left"},
		{ESP_1 "00", "SA payload: 1 octets after proposal 1"},
		{"00000020 00030402 11223344" GCM ESN, "SA payload: proposal 0 after proposal 0"},
		{"02000020 01030402 11223344" GCM ESN "00000020 03030402 11223344" GCM ESN,
		 "SA payload: proposal 3 after proposal 1"},
		{"02000020 01030402 11223344" GCM ESN "00000020 01030402 11223344" GCM ESN,
		 "SA payload: proposal 1 after proposal 1"},
		{"0000001c 01030002" GCM ESN, "SA payload: proposal 1: SPI of 0 octets for protocol 3"},
		{"00000020 01010402 11223344" GCM ESN, "SA payload: proposal 1: SPI of 4 octets for protocol 1"},
		{"00000008 0103ff02", "SA payload: proposal 1: SPI of 255 octets for protocol 3"},
		{"0000000c 01030400 11223344", "SA payload: proposal 1: no transforms"},
		{"00000020 01030401 11223344" GCM ESN, "SA payload: proposal 1: transform marked 3, it should be 0"},
		{"00000020 01030403 11223344" GCM ESN, "SA payload: proposal 1: transform marked 0, it should be 3"},
		{"00000020 01030401 11223344 0000000c01000014800e0080" ESN,
		 "SA payload: proposal 1: 8 octets after 1 transforms"},
		{"00000014 01030401 11223344 0000000705000000",
		 "SA payload: proposal 1: transform length 7 with 8 octets left"},
		{"00000014 01030401 11223344 0000000905000000",
		 "SA payload: proposal 1: transform length 9 with 8 octets left"},
		{"00000010 01030401 11223344 00000008",
		 "SA payload: proposal 1: transform length 8 with 4 octets left"},
		{"00000016 01030401 11223344 0000000a01000014 800e",
		 "SA payload: proposal 1: attribute beyond the transform's 10 octets"},
		{"00000018 01030401 11223344 0000000c01000014 000e0001",
		 "SA payload: proposal 1: attribute beyond the transform's 12 octets"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_parse_error err = {.text = "accepted"};
		struct ike_proposal p[4];
		int n = parse(rows[i].hex, p, 4, &err);

		assert_string_equal(err.text, rows[i].text);
		assert_true(n < 0);
		assert_int_equal(err.notify, IKE_N_INVALID_SYNTAX);
	}
}

/* With more transforms than we keep, the ones that we know stay. */
static void long_offers_keep_what_we_know(void **state)
{
	uint8_t buf[4096];
	struct wr w = wr_init(buf, sizeof(buf));
	struct ike_payload sa = {.type = IKE_P_SA, .data = buf};
	struct ike_proposal ours = read(IKE_PROTO_ESP, "aes128gcm16"), p, chosen;
	struct ike_parse_error err;

	(void)state;
	wr_bytes(&w, hex("00000000 010304f0 11223344").p, 12);
	for (int i = 0; i < 238; i++)
		wr_bytes(&w, hex("030000080100ff00").p, 8);
	wr_bytes(&w, hex(GCM ESN).p, 20);
	put_be16(buf + 2, (uint16_t)w.len);
	sa.data_len = (uint16_t)w.len;
	assert_int_equal(ike_proposals_parse(&sa, &p, 1, &err), 1);
	assert_int_equal(p.n, IKE_TRANSFORMS_MAX);
	assert_int_equal(ike_proposal_select(NULL, &ours, 1, &p, 1, 0, false, &chosen), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read),    cmocka_unit_test(text_is_refused),
		cmocka_unit_test(selection),       cmocka_unit_test(odd_offers),
		cmocka_unit_test(bad_answers),     cmocka_unit_test(wire_is_read),
		cmocka_unit_test(wire_is_refused), cmocka_unit_test(long_offers_keep_what_we_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
