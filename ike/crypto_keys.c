/* SPDX-License-Identifier: MIT */
/* Key schedules: RFC 7296 2.14 (IKE SA), 2.17 (Child SA), 2.15 (AUTH with a shared key). */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/bytes.h"
#include "ike/crypto_impl.h"

enum { IKE_KEYMAT_MAX = 3 * IKE_PRF_MAX + 4 * IKE_KEY_MAX };

static int skeyseed(struct ike_crypto *c, const struct ike_suite *suite, const struct ike_chunk nonces[2],
		    struct ike_chunk shared, const struct ike_alg *old_prf, const uint8_t *old_sk_d, uint8_t *out)
{
	uint8_t key[512]; /* two nonces of 256 octets */

	if (old_sk_d) {
		struct ike_chunk in[] = {shared, nonces[0], nonces[1]};

		return ike_prf(c, old_prf, old_sk_d, old_prf->key_len, in, 3, out);
	}
	if (nonces[0].len + nonces[1].len > sizeof(key))
		return -EINVAL;
	memcpy(key, nonces[0].p, nonces[0].len);
	memcpy(key + nonces[0].len, nonces[1].p, nonces[1].len);
	return ike_prf(c, suite->prf, key, nonces[0].len + nonces[1].len, &shared, 1, out);
}

static void take(struct rd *r, uint8_t *out, size_t len)
{
	const uint8_t *p = rd_bytes(r, len);

	if (p && len)
		memcpy(out, p, len);
}

int ike_keys_derive(struct ike_crypto *c, const struct ike_suite *suite, struct ike_chunk ni, struct ike_chunk nr,
		    struct ike_chunk shared, const uint8_t spi_i[8], const uint8_t spi_r[8],
		    const struct ike_alg *old_prf, const uint8_t *old_sk_d, struct ike_sa_keys *out)
{
	size_t prf = suite->prf->key_len, integ = suite->integ ? suite->integ->key_len : 0;
	size_t encr = suite->encr->key_len + suite->encr->salt_len, len = 3 * prf + 2 * integ + 2 * encr;
	/* the new prf may be shorter or longer than the old one that makes SKEYSEED */
	size_t seed_len = old_sk_d ? old_prf->out_len : suite->prf->out_len;
	struct ike_chunk in[] = {ni, nr, {spi_i, 8}, {spi_r, 8}};
	uint8_t seed[IKE_PRF_MAX], keymat[IKE_KEYMAT_MAX];
	struct rd r;
	int err;

	err = skeyseed(c, suite, in, shared, old_prf, old_sk_d, seed);
	if (!err)
		err = ike_prf_plus(c, suite->prf, seed, seed_len, in, 4, keymat, len);
	if (!err) {
		r = rd_init(keymat, len);
		take(&r, out->d, prf);
		take(&r, out->i.integ, integ);
		take(&r, out->r.integ, integ);
		take(&r, out->i.encr, encr);
		take(&r, out->r.encr, encr);
		take(&r, out->pi, prf);
		take(&r, out->pr, prf);
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	OPENSSL_cleanse(keymat, sizeof(keymat));
	return err;
}

int ike_child_keymat(struct ike_crypto *c, const struct ike_alg *prf, const uint8_t *sk_d, struct ike_chunk shared,
		     struct ike_chunk ni, struct ike_chunk nr, uint8_t *out, size_t len)
{
	struct ike_chunk in[] = {shared, ni, nr};

	return ike_prf_plus(c, prf, sk_d, prf->key_len, in, 3, out, len);
}

int ike_auth_psk(struct ike_crypto *c, const struct ike_alg *prf, struct ike_chunk psk, struct ike_chunk message,
		 struct ike_chunk nonce, const uint8_t *sk_p, struct ike_chunk id_body, uint8_t *out)
{
	static const char pad[] = "Key Pad for IKEv2"; /* 17 octets, without the terminating NUL */
	struct ike_chunk padding = {pad, sizeof(pad) - 1};
	uint8_t key[IKE_PRF_MAX], maced_id[IKE_PRF_MAX];
	struct ike_chunk signed_octets[] = {message, nonce, {maced_id, prf->out_len}};
	int err = ike_prf(c, prf, psk.p, psk.len, &padding, 1, key);

	if (!err)
		err = ike_prf(c, prf, sk_p, prf->key_len, &id_body, 1, maced_id);
	if (!err)
		err = ike_prf(c, prf, key, prf->out_len, signed_octets, 3, out);
	OPENSSL_cleanse(key, sizeof(key));
	return err;
}
