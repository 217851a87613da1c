/* SPDX-License-Identifier: MIT */
/* Key exchange: X25519 (RFC 8031), the NIST curves (RFC 5903) and the MODP groups (RFC 3526). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dh.h>
#include <openssl/err.h>

#include "ike/crypto_impl.h"

struct ike_ke {
	const struct ike_alg *group;
	EVP_PKEY *pkey; /* ours, private half included: OpenSSL wipes it when it is freed */
	uint8_t public[IKE_KE_PUB_MAX];
};

/* What OpenSSL calls the encoded point starts with this octet; the KE payload leaves it out (RFC 5903 7). */
enum { EC_UNCOMPRESSED = 4 };

static bool group_is_ec(const struct ike_alg *group)
{
	return group->id == IKE_KE_ECP_256 || group->id == IKE_KE_ECP_384;
}

static bool export_public(struct ike_ke *ke)
{
	size_t skip = group_is_ec(ke->group) ? 1 : 0, len = sizeof(ke->public);
	unsigned char *encoded = NULL;
	bool ok;

	if (ke->group->id == IKE_KE_X25519)
		return EVP_PKEY_get_raw_public_key(ke->pkey, ke->public, &len) > 0 && len == ke->group->out_len;
	len = EVP_PKEY_get1_encoded_public_key(ke->pkey, &encoded);
	ok = len == skip + ke->group->out_len; /* MODP: OpenSSL has padded it to the prime's length */
	if (ok)
		memcpy(ke->public, encoded + skip, ke->group->out_len);
	OPENSSL_free(encoded);
	return ok;
}

struct ike_ke *ike_ke_new(struct ike_crypto *c, const struct ike_alg *group, int *err)
{
	EVP_PKEY_CTX *keygen = c->row[ike_alg_index(group)].keygen;
	struct ike_ke *ke;

	if (!keygen) {
		*err = -ENOTSUP;
		return NULL;
	}
	ke = calloc(1, sizeof(*ke));
	if (!ke) {
		*err = -ENOMEM;
		return NULL;
	}
	ke->group = group;
	if (EVP_PKEY_generate(keygen, &ke->pkey) <= 0 || !export_public(ke)) {
		ERR_clear_error();
		ike_ke_free(ke);
		*err = -EIO;
		return NULL;
	}
	*err = 0;
	return ke;
}

void ike_ke_free(struct ike_ke *ke)
{
	if (!ke)
		return;
	EVP_PKEY_free(ke->pkey);
	free(ke);
}

const uint8_t *ike_ke_public(const struct ike_ke *ke, size_t *len)
{
	*len = ke->group->out_len;
	return ke->public;
}

/*
 * RFC 6989 2.1: 1 < r < p - 1 is all that a group over a safe prime needs. OpenSSL's own full check also raises r to
 * the group order, which costs as much as the exchange itself.
 */
static bool modp_in_range(const EVP_PKEY *pkey, const uint8_t *peer, size_t len)
{
	BIGNUM *p = NULL, *r = BN_bin2bn(peer, (int)len, NULL);
	bool ok = r && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_FFC_P, &p) > 0 && BN_sub_word(p, 1) > 0 &&
		  BN_cmp(r, BN_value_one()) > 0 && BN_cmp(r, p) < 0;

	BN_free(p);
	BN_free(r);
	return ok;
}

/* The peer's public value as a key of our group, or NULL. */
static EVP_PKEY *import_public(const struct ike_ke *ke, const uint8_t *peer, size_t len)
{
	uint8_t point[1 + IKE_KE_PUB_MAX] = {EC_UNCOMPRESSED};
	bool ec = group_is_ec(ke->group);
	EVP_PKEY *pkey;

	if (ke->group->id == IKE_KE_X25519)
		return EVP_PKEY_new_raw_public_key_ex(NULL, ke->group->ossl, NULL, peer, len);
	if (!ec && !modp_in_range(ke->pkey, peer, len))
		return NULL;
	memcpy(point + 1, peer, len);
	pkey = EVP_PKEY_new();
	/* For a curve, decoding fails for a point that is not on it: enough, as both have cofactor 1 (RFC 6989 2.3) */
	if (pkey && EVP_PKEY_copy_parameters(pkey, ke->pkey) > 0 &&
	    EVP_PKEY_set1_encoded_public_key(pkey, ec ? point : point + 1, ec ? len + 1 : len) > 0)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

static int derive(const struct ike_ke *ke, EVP_PKEY *peer, uint8_t *out)
{
	bool dh = ke->group->id == IKE_KE_MODP_2048 || ke->group->id == IKE_KE_MODP_3072;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ke->pkey, NULL);
	size_t len = IKE_KE_SHARED_MAX;
	bool ok = ctx && EVP_PKEY_derive_init(ctx) > 0 && (!dh || EVP_PKEY_CTX_set_dh_pad(ctx, 1) > 0) &&
		  EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) > 0 && /* 0: validated above */
		  EVP_PKEY_derive(ctx, out, &len) > 0;             /* fails for X25519's all-zero output */

	EVP_PKEY_CTX_free(ctx);
	return ok ? (int)len : -EBADMSG;
}

int ike_ke_derive(struct ike_crypto *c, struct ike_ke *ke, const uint8_t *peer, size_t peer_len, uint8_t *out)
{
	EVP_PKEY *pkey;
	int len = -EBADMSG;

	(void)c;
	if (peer_len != ke->group->out_len)
		return -EBADMSG;
	pkey = import_public(ke, peer, peer_len);
	if (pkey)
		len = derive(ke, pkey, out);
	EVP_PKEY_free(pkey);
	if (len < 0)
		ERR_clear_error();
	return len;
}
