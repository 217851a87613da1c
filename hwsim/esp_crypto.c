/* SPDX-License-Identifier: MIT */
#include "hwsim/esp_crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { SALT = 4, NONCE = 12, AAD_MAX = 12, AES_BLOCK = 16 };

struct esp_crypto {
	const struct esp_row *row;
	struct esp_shape shape;
	uint8_t salt[SALT];
	EVP_CIPHER_CTX *seal, *open;
	EVP_CIPHER_CTX *iv; /* CBC: the counter encrypted with the key, so that IVs cannot be foretold */
	EVP_MAC_CTX *mac;   /* CBC: keyed, used for both directions under the SA's lock */
};

struct esp_row {
	const char *name, *evp;
	bool aead;
	uint8_t key_len, iv, icv, block; /* bytes; key_len without the salt */
	uint8_t icv_min;                 /* AEAD: and up in steps of 4 (RFC 4106: 8, 12 or 16) */
};

static const struct esp_row ciphers[] = {
	{"rfc4106(gcm(aes))", "AES-128-GCM", true, 16, 8, 16, 4, 8},
	{"rfc4106(gcm(aes))", "AES-192-GCM", true, 24, 8, 16, 4, 8},
	{"rfc4106(gcm(aes))", "AES-256-GCM", true, 32, 8, 16, 4, 8},
	{"rfc7539esp(chacha20,poly1305)", "ChaCha20-Poly1305", true, 32, 8, 16, 4, 16},
	{"cbc(aes)", "AES-128-CBC", false, 16, 16, 0, 16, 0},
	{"cbc(aes)", "AES-192-CBC", false, 24, 16, 0, 16, 0},
	{"cbc(aes)", "AES-256-CBC", false, 32, 16, 0, 16, 0},
};

static const struct mac_row {
	const char *name, *evp;
	uint8_t key_len, full, trunc; /* bytes; trunc: net/xfrm/xfrm_algo.c, when the request names no length */
} macs[] = {
	{"hmac(sha256)", "SHA2-256", 32, 32, 12},
	{"hmac(sha384)", "SHA2-384", 48, 48, 24},
	{"hmac(sha512)", "SHA2-512", 64, 64, 32},
};

/* Finds the row for a name and key length; 0, -ENOSYS for the name, -EINVAL for the length. */
static int cipher_find(const char *name, bool aead, size_t key_len, const struct esp_row **row)
{
	int err = -ENOSYS;

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if (strcmp(ciphers[i].name, name) || ciphers[i].aead != aead)
			continue;
		if (ciphers[i].key_len + (aead ? SALT : 0u) == key_len) {
			*row = &ciphers[i];
			return 0;
		}
		err = -EINVAL;
	}
	return err;
}

static EVP_CIPHER_CTX *cipher_ctx(const char *evp, const uint8_t *key, int encrypt)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, evp, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!cipher || !ctx || !EVP_CipherInit_ex2(ctx, cipher, key, NULL, encrypt, NULL)) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	/* with AEAD there is no padding to turn off, and OpenSSL would do it again for every packet */
	if (ctx && EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CBC_MODE)
		EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_CIPHER_free(cipher); /* the context holds its own reference */
	return ctx;
}

/* A parameter list with the ICV in it: what EVP_CIPHER_CTX_ctrl would build, without its detours. */
static void icv_params(OSSL_PARAM params[2], const struct esp_crypto *c, uint8_t *icv)
{
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, icv, c->shape.icv);
	params[1] = OSSL_PARAM_construct_end();
}

static int mac_find(const struct esp_suite *s, const struct mac_row **row, const char **why)
{
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
		if (!strcmp(macs[i].name, s->auth))
			*row = &macs[i];
	if (!*row) {
		*why = ESP_NO_AUTH;
		return -ENOSYS;
	}
	if (s->icv_bits > (*row)->full * 8u || s->icv_bits % 8) {
		*why = "Invalid length requested for truncated ICV";
		return -EINVAL;
	}
	return 0;
}

static int mac_setup(struct esp_crypto *c, const struct esp_suite *s, const struct mac_row *row, const char **why)
{
	OSSL_PARAM params[2];
	EVP_MAC *mac;

	c->shape.icv = s->icv_bits ? (uint8_t)(s->icv_bits / 8) : row->trunc;
	if (s->auth_key_len != row->key_len) {
		*why = "Kernel was unable to initialize cryptographic operations";
		return -EINVAL;
	}
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	c->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)row->evp, 0);
	params[1] = OSSL_PARAM_construct_end();
	return c->mac && EVP_MAC_init(c->mac, s->auth_key, s->auth_key_len, params) ? 0 : -ENOMEM;
}

/* "AES-n-ECB" for "AES-n-CBC". */
static const char *ecb_name(const struct esp_row *row)
{
	return row->key_len == 16 ? "AES-128-ECB" : row->key_len == 24 ? "AES-192-ECB" : "AES-256-ECB";
}

static bool icv_fits(const struct esp_row *row, uint32_t bits)
{
	return bits % 32 == 0 && bits >= row->icv_min * 8u && bits <= row->icv * 8u;
}

static int suite_setup(struct esp_crypto *c, const struct esp_suite *s, bool seal, bool open, const char **why)
{
	const struct esp_row *row = NULL;
	const struct mac_row *mac = NULL;
	bool aead = s->aead != NULL;
	int err;

	*why = NULL;
	/* a kernel looks for the hash first (net/xfrm/xfrm_user.c, xfrm_state_construct) */
	if (!aead && s->auth && (err = mac_find(s, &mac, why)))
		return err;
	if (!aead && (!s->cipher || !s->auth)) {
		*why = "Requested CRYPT algorithm not found";
		return -ENOSYS;
	}
	err = cipher_find(aead ? s->aead : s->cipher, aead, s->key_len, &row);
	if (err) {
		*why = err == -EINVAL ? "Kernel was unable to initialize cryptographic operations"
		       : aead         ? "Requested AEAD algorithm not found"
				      : "Requested CRYPT algorithm not found";
		return err;
	}
	if (aead && !icv_fits(row, s->icv_bits)) {
		*why = "Requested AEAD algorithm not found";
		return -ENOSYS;
	}
	c->row = row;
	c->shape = (struct esp_shape){row->iv, aead ? (uint8_t)(s->icv_bits / 8) : row->icv, row->block};
	if (aead)
		memcpy(c->salt, s->key + row->key_len, SALT);
	else if ((err = mac_setup(c, s, mac, why)))
		return err;
	if (seal && !(c->seal = cipher_ctx(row->evp, s->key, 1)))
		return -ENOMEM;
	if (open && !(c->open = cipher_ctx(row->evp, s->key, 0)))
		return -ENOMEM;
	if (seal && !aead && !(c->iv = cipher_ctx(ecb_name(row), s->key, 1)))
		return -ENOMEM;
	return 0;
}

int esp_crypto_new(struct esp_crypto **out, const struct esp_suite *suite, bool seal, bool open, const char **why)
{
	struct esp_crypto *c = calloc(1, sizeof(*c));
	int err;

	*out = NULL;
	*why = NULL;
	if (!c)
		return -ENOMEM;
	err = suite_setup(c, suite, seal, open, why);
	if (err)
		esp_crypto_free(c);
	else
		*out = c;
	return err;
}

void esp_crypto_free(struct esp_crypto *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->seal); /* OpenSSL wipes the key schedules */
	EVP_CIPHER_CTX_free(c->open);
	EVP_CIPHER_CTX_free(c->iv);
	EVP_MAC_CTX_free(c->mac);
	OPENSSL_cleanse(c, sizeof(*c));
	free(c);
}

const struct esp_shape *esp_crypto_shape(const struct esp_crypto *c)
{
	return &c->shape;
}

/* RFC 4106 section 5: SPI, [high half,] low half. `esp` is the ESP header. */
static int aead_aad(uint8_t aad[AAD_MAX], const uint8_t *esp, uint64_t seq, bool esn)
{
	memcpy(aad, esp, 4);
	if (!esn) {
		memcpy(aad + 4, esp + 4, 4);
		return 8;
	}
	put_be32(aad + 4, (uint32_t)(seq >> 32));
	memcpy(aad + 8, esp + 4, 4);
	return 12;
}

static int aead_seal(struct esp_crypto *c, uint8_t *esp, size_t text_len, uint64_t seq, bool esn)
{
	uint8_t *text = esp + ESP_HEADER + c->shape.iv;
	uint8_t nonce[NONCE], aad[AAD_MAX];
	int aad_len = aead_aad(aad, esp, seq, esn), len;
	OSSL_PARAM params[2];

	put_be64(esp + ESP_HEADER, seq);
	icv_params(params, c, text + text_len);
	memcpy(nonce, c->salt, SALT);
	memcpy(nonce + SALT, esp + ESP_HEADER, 8);
	if (!EVP_EncryptInit_ex2(c->seal, NULL, NULL, nonce, NULL) ||
	    !EVP_EncryptUpdate(c->seal, NULL, &len, aad, aad_len) ||
	    !EVP_EncryptUpdate(c->seal, text, &len, text, (int)text_len) ||
	    !EVP_EncryptFinal_ex(c->seal, text + text_len, &len) || !EVP_CIPHER_CTX_get_params(c->seal, params))
		return -EIO;
	return 0;
}

static int aead_open(struct esp_crypto *c, const uint8_t *esp, size_t text_len, uint64_t seq, bool esn, uint8_t *text)
{
	const uint8_t *in = esp + ESP_HEADER + c->shape.iv;
	uint8_t nonce[NONCE], aad[AAD_MAX], icv[ESP_ICV_MAX];
	int aad_len = aead_aad(aad, esp, seq, esn), len;
	OSSL_PARAM params[2];

	memcpy(nonce, c->salt, SALT);
	memcpy(nonce + SALT, esp + ESP_HEADER, 8);
	memcpy(icv, in + text_len, c->shape.icv);
	icv_params(params, c, icv);
	if (!EVP_DecryptInit_ex2(c->open, NULL, NULL, nonce, params) ||
	    !EVP_DecryptUpdate(c->open, NULL, &len, aad, aad_len) ||
	    !EVP_DecryptUpdate(c->open, text, &len, in, (int)text_len) ||
	    EVP_DecryptFinal_ex(c->open, text + text_len, &len) <= 0)
		return -EBADMSG;
	return 0;
}

/* RFC 4303 3.3.2.1: the ICV covers header, IV and text, then the high half that is not sent. */
static int cbc_icv(struct esp_crypto *c, const uint8_t *esp, size_t text_len, uint64_t seq, bool esn, uint8_t *icv)
{
	uint8_t high[4];
	size_t len;

	put_be32(high, (uint32_t)(seq >> 32));
	if (!EVP_MAC_init(c->mac, NULL, 0, NULL) || !EVP_MAC_update(c->mac, esp, ESP_HEADER + c->shape.iv + text_len) ||
	    (esn && !EVP_MAC_update(c->mac, high, sizeof(high))) || !EVP_MAC_final(c->mac, icv, &len, 64))
		return -EIO;
	return 0;
}

static int cbc_seal(struct esp_crypto *c, uint8_t *esp, size_t text_len, uint64_t seq, bool esn)
{
	uint8_t *iv = esp + ESP_HEADER, *text = iv + c->shape.iv;
	uint8_t counter[AES_BLOCK] = {0}, icv[64];
	int len;

	/* NIST SP 800-38A appendix C: an unpredictable IV is the cipher applied to a nonce */
	put_be64(counter + 8, seq);
	if (!EVP_EncryptUpdate(c->iv, iv, &len, counter, AES_BLOCK) ||
	    !EVP_EncryptInit_ex2(c->seal, NULL, NULL, iv, NULL) ||
	    !EVP_EncryptUpdate(c->seal, text, &len, text, (int)text_len) || cbc_icv(c, esp, text_len, seq, esn, icv))
		return -EIO;
	memcpy(text + text_len, icv, c->shape.icv);
	return 0;
}

static int cbc_open(struct esp_crypto *c, const uint8_t *esp, size_t text_len, uint64_t seq, bool esn, uint8_t *text)
{
	const uint8_t *iv = esp + ESP_HEADER, *in = iv + c->shape.iv;
	uint8_t icv[64];
	int len;

	if (text_len % AES_BLOCK || cbc_icv(c, esp, text_len, seq, esn, icv) ||
	    CRYPTO_memcmp(icv, in + text_len, c->shape.icv))
		return -EBADMSG;
	if (!EVP_DecryptInit_ex2(c->open, NULL, NULL, iv, NULL) ||
	    !EVP_DecryptUpdate(c->open, text, &len, in, (int)text_len))
		return -EBADMSG;
	return 0;
}

int esp_crypto_seal(struct esp_crypto *c, uint8_t *esp, size_t text_len, uint64_t seq, bool esn)
{
	return c->row->aead ? aead_seal(c, esp, text_len, seq, esn) : cbc_seal(c, esp, text_len, seq, esn);
}

int esp_crypto_open(struct esp_crypto *c, const uint8_t *esp, size_t text_len, uint64_t seq, bool esn, uint8_t *text)
{
	return c->row->aead ? aead_open(c, esp, text_len, seq, esn, text) : cbc_open(c, esp, text_len, seq, esn, text);
}
