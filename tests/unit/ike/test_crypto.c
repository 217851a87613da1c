/* SPDX-License-Identifier: MIT */
/* Known answers and tampering for prf, prf+, the key schedules and SK protection. */
#include "vectors.h"

#include <errno.h>

#include "ike/crypto.h"
#include "ike/message.h"

static int setup(void **state)
{
	*state = ike_crypto_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	ike_crypto_free(*state);
	return 0;
}

static const struct ike_alg *alg_of(uint8_t type, uint16_t id, uint16_t key_bits)
{
	const struct ike_alg *alg = ike_alg_find(type, id, key_bits);

	assert_non_null(alg);
	return alg;
}

/* RFC 4231, cases 2 and 6. */
static void hmac_known_answers(void **state)
{
	static const struct {
		uint16_t prf;
		const char *jefe, *large_key;
	} rows[] = {
		{IKE_PRF_HMAC_SHA2_256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{IKE_PRF_HMAC_SHA2_384,
		 "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
		 "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"},
		{IKE_PRF_HMAC_SHA2_512,
		 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		 "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
		 "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		 "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
	};
	static const char case6[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t large[131], out[IKE_PRF_MAX];

	memset(large, 0xaa, sizeof(large));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ike_alg *prf = alg_of(IKE_T_PRF, rows[i].prf, 0);
		/* in pieces: a prf's input is a concatenation */
		struct ike_chunk jefe[] = {{"what do ya", 10}, {NULL, 0}, {" want for nothing?", 18}};
		struct ike_chunk hash_first = {case6, sizeof(case6) - 1};

		assert_int_equal(ike_prf(*state, prf, (const uint8_t *)"Jefe", 4, jefe, 3, out), 0);
		assert_memory_equal(out, hex(rows[i].jefe).p, prf->out_len);
		assert_int_equal(ike_prf(*state, prf, large, sizeof(large), &hash_first, 1, out), 0);
		assert_memory_equal(out, hex(rows[i].large_key).p, prf->out_len);
	}
}

static void sha1_known_answer(void **state)
{
	struct ike_chunk abc[] = {{"a", 1}, {"bc", 2}};
	uint8_t out[20];

	assert_int_equal(ike_sha1(*state, abc, 2, out), 0);
	assert_memory_equal(out, hex("a9993e364706816aba3e25717850c26c9cd0d89d").p, 20);
}

/* NIST SP 800-135: SKEYSEED, the IKE SA's and Child SA's key material, and a rekey's SKEYSEED. */
static void sp800_135(void **state)
{
	json_t *root = vectors_load("ikev2-kdf.json");
	const struct ike_alg *prf = alg_of(IKE_T_PRF, IKE_PRF_HMAC_SHA1, 0);
	struct octets g = vectors_hex(root, "g_ir"), g_new = vectors_hex(root, "g_ir_new");
	struct octets ni = vectors_hex(root, "ni"), nr = vectors_hex(root, "nr"), nonces = ni;
	struct octets spi_i = vectors_hex(root, "spi_i"), spi_r = vectors_hex(root, "spi_r");
	struct octets seed = vectors_hex(root, "skeyseed"), dkm = vectors_hex(root, "dkm");
	struct octets child = vectors_hex(root, "child_dkm"), child_dh = vectors_hex(root, "child_dh_dkm");
	struct ike_chunk c_ni = {ni.p, ni.len}, c_nr = {nr.p, nr.len}, c_g = {g.p, g.len};
	struct ike_chunk c_g_new = {g_new.p, g_new.len}, none = {NULL, 0};
	struct ike_chunk in[] = {c_ni, c_nr, {spi_i.p, 8}, {spi_r.p, 8}}, rekey[] = {c_g_new, c_ni, c_nr};
	uint8_t out[VECTOR_MAX];

	memcpy(nonces.p + ni.len, nr.p, nr.len);
	assert_int_equal(ike_prf(*state, prf, nonces.p, ni.len + nr.len, &c_g, 1, out), 0);
	assert_memory_equal(out, seed.p, seed.len);
	assert_int_equal(ike_prf_plus(*state, prf, seed.p, seed.len, in, 4, out, dkm.len), 0);
	assert_memory_equal(out, dkm.p, dkm.len);
	/* SK_d is the first key of the IKE SA's key material */
	assert_int_equal(ike_child_keymat(*state, prf, dkm.p, none, c_ni, c_nr, out, child.len), 0);
	assert_memory_equal(out, child.p, child.len);
	assert_int_equal(ike_child_keymat(*state, prf, dkm.p, c_g_new, c_ni, c_nr, out, child_dh.len), 0);
	assert_memory_equal(out, child_dh.p, child_dh.len);
	assert_int_equal(ike_prf(*state, prf, dkm.p, prf->key_len, rekey, 3, out), 0);
	assert_memory_equal(out, vectors_hex(root, "rekey_skeyseed").p, 20);
	json_decref(root);
}

/* The same case through ike_keys_derive(), with the order of the seven keys. */
static void keys_are_cut_in_order(void **state)
{
	json_t *root = vectors_load("ikev2-kdf.json");
	const struct ike_alg *encr = alg_of(IKE_T_ENCR, IKE_ENCR_AES_CBC, 128);
	const struct ike_alg *integ = alg_of(IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0);
	struct ike_suite suite = {.encr = encr, .integ = NULL, .prf = alg_of(IKE_T_PRF, IKE_PRF_HMAC_SHA1, 0)};
	struct octets g = vectors_hex(root, "g_ir"), ni = vectors_hex(root, "ni"), nr = vectors_hex(root, "nr");
	struct octets spi_i = vectors_hex(root, "spi_i"), spi_r = vectors_hex(root, "spi_r");
	struct octets g_new = vectors_hex(root, "g_ir_new"), seed = vectors_hex(root, "rekey_skeyseed");
	struct octets dkm = vectors_hex(root, "dkm");
	struct ike_chunk c_ni = {ni.p, ni.len}, c_nr = {nr.p, nr.len};
	struct ike_chunk in[] = {c_ni, c_nr, {spi_i.p, 8}, {spi_r.p, 8}};
	struct ike_sa_keys keys, again;
	uint8_t want[512];

	/* without INTEG, 112 of the 132 octets: d 20, ei 16, er 16, pi 20, pr 20 */
	assert_int_equal(ike_keys_derive(*state, &suite, c_ni, c_nr, (struct ike_chunk){g.p, g.len}, spi_i.p, spi_r.p,
					 NULL, NULL, &keys),
			 0);
	assert_memory_equal(keys.d, dkm.p, 20);
	assert_memory_equal(keys.i.encr, dkm.p + 20, 16);
	assert_memory_equal(keys.r.encr, dkm.p + 36, 16);
	assert_memory_equal(keys.pi, dkm.p + 52, 20);
	assert_memory_equal(keys.pr, dkm.p + 72, 20);

	/* rekeyed, with INTEG: d 20, ai 32, ar 32, ei 16, er 16, pi 20, pr 20 */
	suite.integ = integ;
	assert_int_equal(ike_prf_plus(*state, suite.prf, seed.p, seed.len, in, 4, want, 156), 0);
	assert_int_equal(ike_keys_derive(*state, &suite, c_ni, c_nr, (struct ike_chunk){g_new.p, g_new.len}, spi_i.p,
					 spi_r.p, suite.prf, keys.d, &again),
			 0);
	assert_memory_equal(again.d, want, 20);
	assert_memory_equal(again.i.integ, want + 20, 32);
	assert_memory_equal(again.r.integ, want + 52, 32);
	assert_memory_equal(again.i.encr, want + 84, 16);
	assert_memory_equal(again.r.encr, want + 100, 16);
	assert_memory_equal(again.pi, want + 116, 20);
	assert_memory_equal(again.pr, want + 136, 20);
	json_decref(root);
}

static void prf_plus_has_an_end(void **state)
{
	const struct ike_alg *prf = alg_of(IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	static uint8_t out[255 * 32 + 1];
	struct ike_chunk in = {"x", 1};

	assert_int_equal(ike_prf_plus(*state, prf, (const uint8_t *)"k", 1, &in, 1, out, 255 * 32), 0);
	assert_int_equal(ike_prf_plus(*state, prf, (const uint8_t *)"k", 1, &in, 1, out, 255 * 32 + 1), -EINVAL);
}

static void auth_psk_is_nested_prf(void **state)
{
	const struct ike_alg *prf = alg_of(IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	struct ike_chunk psk = {"secret", 6}, message = {"message", 7}, nonce = {"nonce", 5}, id = {"\1\0\0\0abcd", 8};
	struct ike_chunk pad = {"Key Pad for IKEv2", 17};
	uint8_t sk_p[32] = {7}, key[32], maced[32], want[32], out[IKE_PRF_MAX];
	struct ike_chunk all[] = {message, nonce, {maced, 32}};

	assert_int_equal(ike_prf(*state, prf, psk.p, psk.len, &pad, 1, key), 0);
	assert_int_equal(ike_prf(*state, prf, sk_p, 32, &id, 1, maced), 0);
	assert_int_equal(ike_prf(*state, prf, key, 32, all, 3, want), 0);
	assert_int_equal(ike_auth_psk(*state, prf, psk, message, nonce, sk_p, id, out), 0);
	assert_memory_equal(out, want, 32);
}

/* Published vectors: the GCM specification's cases 4, 10 and 16, RFC 8439 2.8.2. Nonce: salt | IV. */
static void aead_known_answers(void **state)
{
	static const char gcm_text[] = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809"
				       "532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
	static const char gcm_aad[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
	static const struct {
		uint16_t id, bits;
		const char *key_salt, *iv, *aad, *text, *sealed;
	} rows[] = {
		{IKE_ENCR_AES_GCM_16, 128, "feffe9928665731c6d6a8f9467308308cafebabe", "facedbaddecaf888", gcm_aad,
		 gcm_text,
		 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba3"
		 "0b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"},
		{IKE_ENCR_AES_GCM_16, 192, "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe",
		 "facedbaddecaf888", gcm_aad, gcm_text,
		 "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2"
		 "448b2fe324d9ccda27102519498e80f1478f37ba55bd6d27618c"},
		{IKE_ENCR_AES_GCM_16, 256, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308cafebabe",
		 "facedbaddecaf888", gcm_aad, gcm_text,
		 "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f6"
		 "1e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
		{IKE_ENCR_CHACHA20_POLY1305, 0,
		 "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f07000000", "4041424344454647",
		 "50515253c0c1c2c3c4c5c6c7",
		 "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f75"
		 "6c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e7363726565"
		 "6e20776f756c642062652069742e",
		 "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71"
		 "de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def0"
		 "8e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ike_alg *encr = alg_of(IKE_T_ENCR, rows[i].id, rows[i].bits);
		struct octets aad = hex(rows[i].aad), iv = hex(rows[i].iv), text = hex(rows[i].text);
		struct octets key = hex(rows[i].key_salt), sealed = hex(rows[i].sealed), buf = aad;
		uint8_t *at = buf.p + aad.len + iv.len;
		struct ike_sk_key sk = {0};

		assert_int_equal(key.len, encr->key_len + encr->salt_len);
		memcpy(sk.encr, key.p, key.len);
		memcpy(at, text.p, text.len);
		assert_int_equal(ike_sk_seal(*state, encr, NULL, &sk, buf.p, aad.len, iv.p, text.len), 0);
		assert_memory_equal(at - iv.len, iv.p, iv.len);
		assert_memory_equal(at, sealed.p, sealed.len);
		assert_int_equal(ike_sk_open(*state, encr, NULL, &sk, buf.p, aad.len,
					     aad.len + iv.len + text.len + encr->icv_len),
				 0);
		assert_memory_equal(at, text.p, text.len);
	}
}

/* RFC 3602 case 1 for the cipher; the ICV is HMAC over header, IV and ciphertext. */
static void cbc_known_answer(void **state)
{
	const struct ike_alg *encr = alg_of(IKE_T_ENCR, IKE_ENCR_AES_CBC, 128);
	const struct ike_alg *integ = alg_of(IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0);
	const struct ike_alg *prf = alg_of(IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	struct octets iv = hex("3dafba429d9eb430b422da802c9fac41"), buf = hex("0102030405060708");
	struct ike_sk_key key = {.integ = {9, 8, 7}};
	struct ike_chunk covered = {buf.p, 8 + 16 + 16};
	uint8_t icv[32];

	memcpy(key.encr, hex("06a9214036b8a15b512e03d534120006").p, 16);
	memcpy(buf.p + 24, "Single block msg", 16);
	assert_int_equal(ike_sk_seal(*state, encr, integ, &key, buf.p, 8, iv.p, 16), 0);
	assert_memory_equal(buf.p + 24, hex("e353779c1079aeb82708942dbe77181a").p, 16);
	assert_int_equal(ike_prf(*state, prf, key.integ, 32, &covered, 1, icv), 0);
	assert_memory_equal(buf.p + 40, icv, 16);
	assert_int_equal(ike_sk_open(*state, encr, integ, &key, buf.p, 8, 56), 0);
	assert_memory_equal(buf.p + 24, "Single block msg", 16);
	/* not whole blocks */
	assert_int_equal(ike_sk_seal(*state, encr, integ, &key, buf.p, 8, iv.p, 15), -EIO);
	assert_int_equal(ike_sk_open(*state, encr, integ, &key, buf.p, 8, 55), -EBADMSG);
}

static const struct {
	uint16_t encr, bits, integ;
} suites[] = {
	{IKE_ENCR_AES_GCM_16, 128, 0},
	{IKE_ENCR_AES_GCM_16, 192, 0},
	{IKE_ENCR_AES_GCM_16, 256, 0},
	{IKE_ENCR_CHACHA20_POLY1305, 0, 0},
	{IKE_ENCR_AES_CCM_12, 128, 0},
	{IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128},
	{IKE_ENCR_AES_CBC, 192, IKE_INTEG_HMAC_SHA2_384_192},
	{IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_512_256},
};
enum { SUITES = sizeof(suites) / sizeof(suites[0]) };

/* A sealed message opens again; one with any single octet changed, a wrong key or a cut end does not. */
static void tampering_is_refused(void **state)
{
	struct prng rng = prng_init(1);

	for (size_t s = 0; s < SUITES; s++) {
		struct ike_suite suite = {.encr = alg_of(IKE_T_ENCR, suites[s].encr, suites[s].bits)};
		struct ike_header hdr = {.spi_i = {1}, .spi_r = {2}, .version = 0x20, .exchange = IKE_X_INFORMATIONAL};
		uint8_t buf[256], copy[256], iv[16];
		struct ike_parse_error err;
		struct ike_builder b;
		struct ike_message m;
		struct ike_sk_key key;
		int len;

		if (suites[s].integ)
			suite.integ = alg_of(IKE_T_INTEG, suites[s].integ, 0);
		fill(&rng, &key, sizeof(key));
		fill(&rng, iv, sizeof(iv));
		ike_build_start(&b, buf, sizeof(buf), &hdr);
		ike_build_sk(&b, &suite);
		ike_build_delete(&b, IKE_PROTO_ESP, 4, (const uint8_t *)"abcdefgh", 2);
		len = ike_build_seal(&b, *state, &suite, &key, iv);
		assert_true(len > 0);

		memcpy(copy, buf, sizeof(copy));
		assert_int_equal(ike_message_parse(copy, (size_t)len, &m, &err), 0);
		assert_int_equal(ike_message_open(*state, &suite, &key, copy, &m, &err), 0);
		assert_int_equal(m.n, 2);
		assert_memory_equal(ike_delete_spi(&m.p[1], 1), "efgh", 4);

		for (int i = 0; i < len; i++) {
			memcpy(copy, buf, sizeof(copy));
			copy[i] ^= (uint8_t)(1u << (i % 8));
			err.notify = 1;
			if (ike_message_parse(copy, (size_t)len, &m, &err) == 0) {
				assert_int_equal(ike_message_open(*state, &suite, &key, copy, &m, &err), -EBADMSG);
				assert_int_equal(err.notify, 0); /* nothing that an attacker could make us answer */
			}
		}
		memcpy(copy, buf, sizeof(copy));
		key.encr[0] ^= 1;
		key.integ[0] ^= 1;
		assert_int_equal(ike_message_parse(copy, (size_t)len, &m, &err), 0);
		assert_int_equal(ike_message_open(*state, &suite, &key, copy, &m, &err), -EBADMSG);
	}
}

/* Every total length from nothing to the whole: never a crash, only the whole opens. */
static void short_text_is_refused(void **state)
{
	for (size_t s = 0; s < SUITES; s++) {
		const struct ike_alg *encr = alg_of(IKE_T_ENCR, suites[s].encr, suites[s].bits);
		const struct ike_alg *integ = suites[s].integ ? alg_of(IKE_T_INTEG, suites[s].integ, 0) : NULL;
		size_t total = 32u + encr->iv_len + 32u + (integ ? integ->icv_len : encr->icv_len);
		uint8_t buf[160] = {0}, copy[160], iv[16] = {0};
		struct ike_sk_key key = {0};

		assert_int_equal(ike_sk_seal(*state, encr, integ, &key, buf, 32, iv, 32), 0);
		for (size_t len = 32; len <= total; len++) {
			memcpy(copy, buf, sizeof(copy));
			assert_int_equal(ike_sk_open(*state, encr, integ, &key, copy, 32, len),
					 len == total ? 0 : -EBADMSG);
		}
	}
}

static void table_is_sound(void **state)
{
	const struct ike_alg *alg;

	for (unsigned int i = 0; (alg = ike_alg_at(i)); i++) {
		assert_ptr_equal(ike_alg_find(alg->type, alg->id, alg->key_bits), alg);
		assert_true(ike_crypto_has(*state, alg)); /* Debian 12's OpenSSL has them all */
		assert_true(alg->key_len + alg->salt_len <= IKE_KEY_MAX);
		if (alg->keyword)
			assert_ptr_equal(ike_alg_keyword(alg->type, alg->keyword), alg);
	}
	assert_null(ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 0));
	assert_null(ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 100));
	assert_null(ike_alg_keyword(IKE_T_PRF, "sha256"));
	assert_ptr_equal(ike_alg_keyword(IKE_T_KE, "curve25519"), ike_alg_keyword(IKE_T_KE, "x25519"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac_known_answers),
		cmocka_unit_test(sha1_known_answer),
		cmocka_unit_test(sp800_135),
		cmocka_unit_test(keys_are_cut_in_order),
		cmocka_unit_test(prf_plus_has_an_end),
		cmocka_unit_test(auth_psk_is_nested_prf),
		cmocka_unit_test(aead_known_answers),
		cmocka_unit_test(cbc_known_answer),
		cmocka_unit_test(tampering_is_refused),
		cmocka_unit_test(short_text_is_refused),
		cmocka_unit_test(table_is_sound),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
