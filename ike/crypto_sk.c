/* SPDX-License-Identifier: MIT */
/* Protection of the SK payload: RFC 5282 (AEAD), RFC 7634 (ChaCha20-Poly1305), RFC 7296 3.14 (CBC and HMAC). */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "ike/crypto_impl.h"

/* Where the parts of one protected message are. */
struct sk_parts {
	const uint8_t *aad;
	size_t aad_len;
	uint8_t *text; /* after the IV; encrypted in place */
	size_t text_len;
	uint8_t *icv;
};

static void sk_split(struct sk_parts *part, const struct ike_alg *encr, uint8_t *buf, size_t aad_len, size_t text_len)
{
	part->aad = buf;
	part->aad_len = aad_len;
	part->text = buf + aad_len + encr->iv_len;
	part->text_len = text_len;
	part->icv = part->text + text_len;
}

/* CCM wants the sizes of nonce and tag before the key, and the length of the text before the text. */
static bool ccm_prepare(EVP_CIPHER_CTX *ctx, const struct ike_alg *encr, uint8_t *icv, bool seal)
{
	return EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, seal, NULL) > 0 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, encr->salt_len + encr->iv_len, NULL) > 0 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, encr->icv_len, seal ? NULL : icv) > 0;
}

static bool aead_run(EVP_CIPHER_CTX *ctx, const struct ike_alg *encr, const struct ike_sk_key *key,
		     const struct sk_parts *part, bool seal)
{
	bool ccm = encr->id == IKE_ENCR_AES_CCM_12;
	uint8_t nonce[EVP_MAX_IV_LENGTH];
	int n;

	memcpy(nonce, key->encr + encr->key_len, encr->salt_len);
	memcpy(nonce + encr->salt_len, part->text - encr->iv_len, encr->iv_len);
	if (ccm && !ccm_prepare(ctx, encr, part->icv, seal))
		return false;
	if (EVP_CipherInit_ex2(ctx, NULL, key->encr, nonce, seal, NULL) <= 0)
		return false;
	if (ccm && EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)part->text_len) <= 0)
		return false;
	if (EVP_CipherUpdate(ctx, NULL, &n, part->aad, (int)part->aad_len) <= 0)
		return false;
	if (!ccm && !seal && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, encr->icv_len, part->icv) <= 0)
		return false;
	/* with CCM this is where a wrong tag shows */
	if (EVP_CipherUpdate(ctx, part->text, &n, part->text, (int)part->text_len) <= 0)
		return false;
	if (!ccm && EVP_CipherFinal_ex(ctx, part->text + n, &n) <= 0)
		return false;
	return !seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, encr->icv_len, part->icv) > 0;
}

static bool cbc_run(EVP_CIPHER_CTX *ctx, const struct ike_alg *encr, const struct ike_sk_key *key,
		    const struct sk_parts *part, bool seal)
{
	int n;

	return EVP_CipherInit_ex2(ctx, NULL, key->encr, part->text - encr->iv_len, seal, NULL) > 0 &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) > 0 &&
	       EVP_CipherUpdate(ctx, part->text, &n, part->text, (int)part->text_len) > 0 &&
	       EVP_CipherFinal_ex(ctx, part->text + n, &n) > 0;
}

/* The ICV of a CBC suite covers everything before it (RFC 7296 3.14). */
static int cbc_icv(struct ike_crypto *c, const struct ike_alg *integ, const struct ike_sk_key *key,
		   const struct sk_parts *part, uint8_t *icv)
{
	struct ike_chunk all = {part->aad, (size_t)(part->icv - part->aad)};

	return ike_hmac(c, integ, key->integ, integ->key_len, &all, 1, icv, integ->icv_len);
}

int ike_sk_seal(struct ike_crypto *c, const struct ike_alg *encr, const struct ike_alg *integ,
		const struct ike_sk_key *key, uint8_t *buf, size_t aad_len, const uint8_t *iv, size_t text_len)
{
	EVP_CIPHER_CTX *ctx = c->row[ike_alg_index(encr)].cipher;
	struct sk_parts part;
	int err = 0;

	if (!ctx || text_len % encr->block || text_len > INT_MAX || (!encr->aead && !integ))
		return -EIO;
	sk_split(&part, encr, buf, aad_len, text_len);
	memcpy(part.text - encr->iv_len, iv, encr->iv_len);
	if (!(encr->aead ? aead_run : cbc_run)(ctx, encr, key, &part, true))
		err = -EIO;
	if (!err && !encr->aead)
		err = cbc_icv(c, integ, key, &part, part.icv);
	if (err)
		ERR_clear_error();
	return err;
}

int ike_sk_open(struct ike_crypto *c, const struct ike_alg *encr, const struct ike_alg *integ,
		const struct ike_sk_key *key, uint8_t *buf, size_t aad_len, size_t total_len)
{
	EVP_CIPHER_CTX *ctx = c->row[ike_alg_index(encr)].cipher;
	uint8_t icv[IKE_PRF_MAX];
	struct sk_parts part;
	size_t text_len, icv_len;

	if (!ctx || (!encr->aead && !integ))
		return -EIO;
	icv_len = encr->aead ? encr->icv_len : integ->icv_len;
	if (total_len > INT_MAX || total_len < aad_len + encr->iv_len + icv_len + 1)
		return -EBADMSG;
	text_len = total_len - aad_len - encr->iv_len - icv_len;
	if (text_len % encr->block)
		return -EBADMSG;
	sk_split(&part, encr, buf, aad_len, text_len);
	if (!encr->aead) {
		if (cbc_icv(c, integ, key, &part, icv))
			return -EIO;
		if (!ike_equal(icv, part.icv, icv_len))
			return -EBADMSG;
	}
	if (!(encr->aead ? aead_run : cbc_run)(ctx, encr, key, &part, false)) {
		ERR_clear_error();
		return -EBADMSG;
	}
	return 0;
}
