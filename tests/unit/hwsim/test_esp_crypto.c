/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "hwsim/esp_crypto.h"

static unsigned int digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	assert_non_null(at);
	return (unsigned int)(at - digits);
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2)
		out[n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
	return n;
}

/* draft-mcgrew-gcm-test-01: whole ESP packets (SPI, number, IV, ciphertext, ICV), made by others. */
static const struct {
	const char *key, *spi, *esn, *seq, *iv, *text, *sealed;
} captured[] = {
	{"4c80cdefbb5d10da906ac73c3613a6342e443b68", "00004321", "87654321", "00000000", "4956ed7e3b244cfe",
	 "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f75647003736970096379626"
	 "5"
	 "726369747902646b000021000101020201",
	 "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5"
	 "ff6247aeabb786b93bce61bc17d768fd9732459018148f6cbe722fd04796562dfdb4"},
};

static void opens_published_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(captured) / sizeof(captured[0]); i++) {
		uint8_t key[36], esp[256] = {0}, text[256], expect[256], high[4] = {0};
		struct esp_suite suite = {.aead = "rfc4106(gcm(aes))", .key = key, .icv_bits = 128};
		struct esp_crypto *c;
		const char *why;
		size_t len, text_len;
		uint64_t seq;

		suite.key_len = unhex(captured[i].key, key);
		len = unhex(captured[i].spi, esp);
		len += unhex(captured[i].seq, esp + len);
		len += unhex(captured[i].iv, esp + len);
		unhex(captured[i].sealed, esp + len);
		text_len = unhex(captured[i].text, expect);
		unhex(captured[i].esn, high);
		seq = (uint64_t)get_be32(high) << 32 | get_be32(esp + 4);
		assert_int_equal(esp_crypto_new(&c, &suite, false, true, &why), 0);
		assert_int_equal(esp_crypto_open(c, esp, text_len, seq, true, text), 0);
		assert_memory_equal(text, expect, text_len);
		assert_int_equal(esp_crypto_open(c, esp, text_len, seq + (1ull << 32), true, text), -EBADMSG);
		esp_crypto_free(c);
	}
}

/* The same packet by plain EVP calls, written from RFC 4106 and RFC 7634 alone. */
static void reference_aead(const EVP_CIPHER *cipher, const uint8_t *key, size_t key_len, uint8_t *esp, size_t text_len,
			   uint64_t seq, bool esn)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[12];
	int len;

	memcpy(nonce, key + key_len - 4, 4);
	memcpy(nonce + 4, esp + 8, 8);
	memcpy(aad, esp, 4);
	put_be32(aad + (esn ? 8 : 4), (uint32_t)seq);
	if (esn)
		put_be32(aad + 4, (uint32_t)(seq >> 32));
	assert_int_equal(EVP_EncryptInit_ex(ctx, cipher, NULL, key, nonce), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len, aad, esn ? 12 : 8), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, esp + 16, &len, esp + 16, (int)text_len), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, esp + 16 + text_len, &len), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, esp + 16 + text_len), 1);
	EVP_CIPHER_CTX_free(ctx);
}

static void reference_cbc(const uint8_t *key, const uint8_t *auth_key, uint8_t *esp, size_t text_len, uint64_t seq,
			  bool esn)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t all[512], icv[32];
	size_t n = 24 + text_len;
	unsigned int icv_len;
	int len;

	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, esp + 8), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_int_equal(EVP_EncryptUpdate(ctx, esp + 24, &len, esp + 24, (int)text_len), 1);
	EVP_CIPHER_CTX_free(ctx);
	memcpy(all, esp, n);
	put_be32(all + n, (uint32_t)(seq >> 32));
	assert_non_null(HMAC(EVP_sha256(), auth_key, 32, all, n + (esn ? 4 : 0), icv, &icv_len));
	memcpy(esp + n, icv, 16);
}

static const struct {
	const char *name;
	size_t key_len;
} aeads[] = {
	{"rfc4106(gcm(aes))", 20},
	{"rfc4106(gcm(aes))", 28},
	{"rfc4106(gcm(aes))", 36},
	{"rfc7539esp(chacha20,poly1305)", 36},
};

static const EVP_CIPHER *evp_of(size_t i)
{
	return i == 0   ? EVP_aes_128_gcm()
	       : i == 1 ? EVP_aes_192_gcm()
	       : i == 2 ? EVP_aes_256_gcm()
			: EVP_chacha20_poly1305();
}

static void aead_agrees_with_plain_evp(void **state)
{
	const uint64_t seq = 0x123456789abull;

	(void)state;
	for (size_t i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++)
		for (int esn = 0; esn <= 1; esn++) {
			uint8_t key[36], mine[256] = {0}, ref[256], text[256];
			struct esp_suite suite = {
				.aead = aeads[i].name, .key = key, .key_len = aeads[i].key_len, .icv_bits = 128};
			struct esp_crypto *c;
			const char *why;

			for (size_t k = 0; k < sizeof(key); k++)
				key[k] = (uint8_t)(k * 31 + i);
			put_be32(mine, 0xc0ffee01);
			put_be32(mine + 4, (uint32_t)seq);
			for (int k = 0; k < 80; k++)
				mine[16 + k] = (uint8_t)k;
			memcpy(ref, mine, sizeof(ref));
			assert_int_equal(esp_crypto_new(&c, &suite, true, true, &why), 0);
			assert_int_equal(esp_crypto_seal(c, mine, 80, seq, esn), 0);
			put_be64(ref + 8, seq); /* the IV is the number */
			reference_aead(evp_of(i), key, suite.key_len, ref, 80, seq, esn);
			assert_memory_equal(mine, ref, 16 + 80 + 16);
			assert_int_equal(esp_crypto_open(c, mine, 80, seq, esn, text), 0);
			for (int k = 0; k < 80; k++)
				assert_int_equal(text[k], k);
			/* every bit counts */
			for (size_t at = 0; at < 16 + 80 + 16; at++) {
				mine[at] ^= 1;
				assert_int_equal(esp_crypto_open(c, mine, 80, seq, esn, text), -EBADMSG);
				mine[at] ^= 1;
			}
			esp_crypto_free(c);
		}
}

/* RFC 4106: an ICV of 8 or 12 bytes is the beginning of the one of 16. */
static void short_icvs_are_the_beginning(void **state)
{
	static const uint8_t key[20] = {1, 2, 3};
	uint8_t whole[256] = {0}, text[256];

	(void)state;
	for (unsigned int icv = 16; icv >= 8; icv -= 4) {
		struct esp_suite suite = {
			.aead = "rfc4106(gcm(aes))", .key = key, .key_len = sizeof(key), .icv_bits = icv * 8};
		uint8_t esp[256] = {0};
		struct esp_crypto *c;
		const char *why;

		assert_int_equal(esp_crypto_new(&c, &suite, true, true, &why), 0);
		assert_int_equal(esp_crypto_shape(c)->icv, icv);
		assert_int_equal(esp_crypto_seal(c, esp, 80, 1, false), 0);
		if (icv == 16)
			memcpy(whole, esp, sizeof(whole));
		assert_memory_equal(esp, whole, 16 + 80 + icv);
		assert_int_equal(esp_crypto_open(c, esp, 80, 1, false, text), 0);
		esp[16 + 80 + icv - 1] ^= 1;
		assert_int_equal(esp_crypto_open(c, esp, 80, 1, false, text), -EBADMSG);
		esp_crypto_free(c);
	}
}

static void cbc_agrees_with_plain_evp(void **state)
{
	const uint64_t seq = 0x200000003ull;

	(void)state;
	for (int esn = 0; esn <= 1; esn++) {
		uint8_t key[16], auth_key[32], mine[256] = {0}, ref[256], text[256];
		struct esp_suite suite = {.cipher = "cbc(aes)",
					  .key = key,
					  .key_len = 16,
					  .auth = "hmac(sha256)",
					  .auth_key = auth_key,
					  .auth_key_len = 32,
					  .icv_bits = 128};
		struct esp_crypto *c;
		const char *why;

		memset(key, 0x42, sizeof(key));
		memset(auth_key, 0x17, sizeof(auth_key));
		put_be32(mine, 0x1001);
		put_be32(mine + 4, (uint32_t)seq);
		memset(mine + 24, 0x33, 96);
		memcpy(ref, mine, sizeof(ref));
		assert_int_equal(esp_crypto_new(&c, &suite, true, true, &why), 0);
		assert_int_equal(esp_crypto_seal(c, mine, 96, seq, esn), 0);
		memcpy(ref + 8, mine + 8, 16);
		reference_cbc(key, auth_key, ref, 96, seq, esn);
		assert_memory_equal(mine, ref, 24 + 96 + 16);
		assert_int_equal(esp_crypto_open(c, mine, 96, seq, esn, text), 0);
		assert_memory_equal(text, "33333333", 8);
		mine[30] ^= 4;
		assert_int_equal(esp_crypto_open(c, mine, 96, seq, esn, text), -EBADMSG);
		mine[30] ^= 4;
		/* the IV of the next packet is not this one's plus one */
		esp_crypto_seal(c, ref, 96, seq + 1, esn);
		assert_memory_not_equal(mine + 8, ref + 8, 15);
		esp_crypto_free(c);
	}
}

static void refuses_what_a_kernel_refuses(void **state)
{
	static const uint8_t key[64];
	static const struct {
		struct esp_suite suite;
		int err;
		const char *why;
	} rows[] = {
		{{.aead = "rfc4106(gcm(foo))", .key_len = 20, .icv_bits = 128},
		 -ENOSYS,
		 "Requested AEAD algorithm not found"},
		{{.aead = "rfc4106(gcm(aes))", .key_len = 20, .icv_bits = 100},
		 -ENOSYS,
		 "Requested AEAD algorithm not found"},
		{{.aead = "rfc4106(gcm(aes))", .key_len = 19, .icv_bits = 128},
		 -EINVAL,
		 "Kernel was unable to initialize cryptographic operations"},
		{{.cipher = "cbc(des)", .key_len = 8, .auth = "hmac(sha256)"},
		 -ENOSYS,
		 "Requested CRYPT algorithm not found"},
		{{.cipher = "cbc(aes)", .key_len = 16, .auth = "hmac(md5)"},
		 -ENOSYS,
		 "Requested AUTH_TRUNC algorithm not found"},
		{{.cipher = "cbc(aes)", .key_len = 16, .auth = "hmac(sha256)", .auth_key_len = 32, .icv_bits = 300},
		 -EINVAL,
		 "Invalid length requested for truncated ICV"},
		{{.cipher = "cbc(aes)", .key_len = 16}, -ENOSYS, "Requested CRYPT algorithm not found"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct esp_suite suite = rows[i].suite;
		struct esp_crypto *c;
		const char *why;

		suite.key = suite.auth_key = key;
		assert_int_equal(esp_crypto_new(&c, &suite, true, true, &why), rows[i].err);
		assert_null(c);
		assert_string_equal(why, rows[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_published_packets),       cmocka_unit_test(aead_agrees_with_plain_evp),
		cmocka_unit_test(short_icvs_are_the_beginning),  cmocka_unit_test(cbc_agrees_with_plain_evp),
		cmocka_unit_test(refuses_what_a_kernel_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
