/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "ike/crypto_impl.h"

/* One HMAC; key NULL: with the key of the call before. */
static int hmac_run(EVP_MAC_CTX *mac, const uint8_t *key, size_t key_len, const struct ike_chunk *data, unsigned int n,
		    uint8_t out[EVP_MAX_MD_SIZE])
{
	size_t len;
	bool ok = mac && EVP_MAC_init(mac, key, key_len, NULL) > 0;

	for (unsigned int i = 0; ok && i < n; i++)
		ok = data[i].len == 0 || EVP_MAC_update(mac, data[i].p, data[i].len) > 0;
	ok = ok && EVP_MAC_final(mac, out, &len, EVP_MAX_MD_SIZE) > 0;
	if (!ok)
		ERR_clear_error();
	return ok ? 0 : -EIO;
}

int ike_hmac(struct ike_crypto *c, const struct ike_alg *alg, const uint8_t *key, size_t key_len,
	     const struct ike_chunk *data, unsigned int n, uint8_t *out, size_t out_len)
{
	static const uint8_t no_key[1];
	uint8_t full[EVP_MAX_MD_SIZE];
	int err = hmac_run(c->row[ike_alg_index(alg)].mac, key ? key : no_key, key_len, data, n, full);

	if (!err)
		memcpy(out, full, out_len);
	OPENSSL_cleanse(full, sizeof(full));
	return err;
}

int ike_prf(struct ike_crypto *c, const struct ike_alg *alg, const uint8_t *key, size_t key_len,
	    const struct ike_chunk *data, unsigned int n, uint8_t *out)
{
	return ike_hmac(c, alg, key, key_len, data, n, out, alg->out_len);
}

enum { PRF_PLUS_CHUNKS_MAX = 8 };

int ike_prf_plus(struct ike_crypto *c, const struct ike_alg *alg, const uint8_t *key, size_t key_len,
		 const struct ike_chunk *data, unsigned int n, uint8_t *out, size_t len)
{
	EVP_MAC_CTX *mac = c->row[ike_alg_index(alg)].mac;
	struct ike_chunk in[PRF_PLUS_CHUNKS_MAX + 2];
	uint8_t block[EVP_MAX_MD_SIZE], counter = 0;
	int err = 0;

	if (n > PRF_PLUS_CHUNKS_MAX || len > 255u * alg->out_len)
		return -EINVAL;
	in[0] = (struct ike_chunk){block, 0}; /* nothing before the first block */
	for (unsigned int i = 0; i < n; i++)
		in[1 + i] = data[i];
	in[1 + n] = (struct ike_chunk){&counter, 1};
	while (len && !err) {
		size_t take = len < alg->out_len ? len : alg->out_len;

		counter++;
		/* keyed once: the following blocks start from the context's stored inner and outer state */
		err = hmac_run(mac, counter == 1 ? key : NULL, counter == 1 ? key_len : 0, in, n + 2, block);
		if (err)
			break;
		memcpy(out, block, take);
		out += take;
		len -= take;
		in[0].len = alg->out_len;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return err;
}

int ike_sha1(struct ike_crypto *c, const struct ike_chunk *data, unsigned int n, uint8_t out[20])
{
	bool ok = EVP_DigestInit_ex2(c->md, c->sha1, NULL) > 0;

	for (unsigned int i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(c->md, data[i].p, data[i].len) > 0;
	ok = ok && EVP_DigestFinal_ex(c->md, out, NULL) > 0;
	if (!ok)
		ERR_clear_error();
	return ok ? 0 : -EIO;
}
