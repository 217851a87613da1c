/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "ike/crypto_impl.h"

/* What every peer is expected to have: without these there is no point in starting. */
static const struct {
	uint8_t type;
	uint16_t id, key_bits;
} needed[] = {
	{IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128},
	{IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0},
	{IKE_T_KE, IKE_KE_ECP_256, 0},
};

static EVP_MAC_CTX *fetch_hmac(const char *digest)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
		OSSL_PARAM_construct_end(),
	};

	EVP_MAC_free(mac); /* the context holds a reference */
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) <= 0) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static EVP_CIPHER_CTX *fetch_cipher(const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;

	if (ctx && EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL) <= 0) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher);
	return ctx;
}

static EVP_PKEY_CTX *fetch_group(const struct ike_alg *alg)
{
	bool dh = alg->id == IKE_KE_MODP_2048 || alg->id == IKE_KE_MODP_3072;
	bool x25519 = alg->id == IKE_KE_X25519;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, x25519 ? "X25519" : dh ? "DH" : "EC", NULL);

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 || (!x25519 && EVP_PKEY_CTX_set_group_name(ctx, alg->ossl) <= 0)) {
		EVP_PKEY_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static void fetch_row(struct ike_crypto_row *row, const struct ike_alg *alg)
{
	switch ((enum ike_transform_type)alg->type) {
	case IKE_T_ENCR:
		row->cipher = fetch_cipher(alg->ossl);
		break;
	case IKE_T_PRF:
	case IKE_T_INTEG:
		row->mac = fetch_hmac(alg->ossl);
		break;
	case IKE_T_KE:
		row->keygen = fetch_group(alg);
		break;
	case IKE_T_ESN:
		break; /* no cryptography in it */
	}
}

struct ike_crypto *ike_crypto_new(void)
{
	struct ike_crypto *c = calloc(1, sizeof(*c));
	const struct ike_alg *alg;

	if (!c)
		return NULL;
	for (unsigned int i = 0; (alg = ike_alg_at(i)); i++)
		fetch_row(&c->row[i], alg);
	c->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	c->md = EVP_MD_CTX_new();
	if (!c->sha1 || !c->md)
		goto fail;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!ike_crypto_has(c, ike_alg_find(needed[i].type, needed[i].id, needed[i].key_bits)))
			goto fail;
	ERR_clear_error(); /* rows that this OpenSSL lacks have left something */
	return c;
fail:
	ERR_clear_error();
	ike_crypto_free(c);
	return NULL;
}

void ike_crypto_free(struct ike_crypto *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < IKE_ALGS_MAX; i++) {
		EVP_MAC_CTX_free(c->row[i].mac);
		EVP_CIPHER_CTX_free(c->row[i].cipher);
		EVP_PKEY_CTX_free(c->row[i].keygen);
	}
	EVP_MD_free(c->sha1);
	EVP_MD_CTX_free(c->md);
	free(c);
}

bool ike_crypto_has(const struct ike_crypto *c, const struct ike_alg *alg)
{
	const struct ike_crypto_row *row = &c->row[ike_alg_index(alg)];

	return row->mac || row->cipher || row->keygen || alg->type == IKE_T_ESN;
}

bool ike_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
