/* SPDX-License-Identifier: MIT */
/* Private to ike/crypto*.c: what one `struct ike_crypto` holds. */
#ifndef IKE_CRYPTO_IMPL_H
#define IKE_CRYPTO_IMPL_H

#include <openssl/evp.h>

#include "ike/crypto.h"

enum { IKE_ALGS_MAX = 40 };

/*
 * One per row of the algorithm table; the member that the row's type uses is set if this OpenSSL has the algorithm.
 * A context keeps the last key it was given until the next use or ike_crypto_free(), which wipes it.
 */
struct ike_crypto_row {
	EVP_MAC_CTX *mac;       /* PRF, INTEG: HMAC with its digest set */
	EVP_CIPHER_CTX *cipher; /* ENCR: the cipher set, no key */
	EVP_PKEY_CTX *keygen;   /* KE: ready to generate */
};

struct ike_crypto {
	struct ike_crypto_row row[IKE_ALGS_MAX];
	EVP_MD *sha1;
	EVP_MD_CTX *md;
};

/* The row's place in the table. */
unsigned int ike_alg_index(const struct ike_alg *alg);

/* HMAC over the chunks with a row of type PRF or INTEG, out_len octets (at most EVP_MAX_MD_SIZE) of it. 0 or -EIO. */
int ike_hmac(struct ike_crypto *c, const struct ike_alg *alg, const uint8_t *key, size_t key_len,
	     const struct ike_chunk *data, unsigned int n, uint8_t *out, size_t out_len);

#endif
