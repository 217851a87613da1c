/* SPDX-License-Identifier: MIT */
/*
 * What IKEv2 needs of cryptography, all of it OpenSSL's. One table of algorithms; one `struct ike_crypto` per engine
 * that has every algorithm fetched once (EVP_*_fetch costs microseconds) and reuses its contexts. Not thread-safe.
 */
#ifndef IKE_CRYPTO_H
#define IKE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 7296 3.3.2 */
enum ike_transform_type {
	IKE_T_ENCR = 1,
	IKE_T_PRF = 2,
	IKE_T_INTEG = 3,
	IKE_T_KE = 4, /* the RFC's "D-H", renamed by RFC 9370 */
	IKE_T_ESN = 5,
};

/* transform IDs in use here, by type */
enum ike_alg_id {
	IKE_ENCR_AES_CBC = 12,
	IKE_ENCR_AES_CCM_12 = 15, /* decoding captures only: never offered */
	IKE_ENCR_AES_GCM_16 = 20,
	IKE_ENCR_CHACHA20_POLY1305 = 28,
	IKE_PRF_HMAC_SHA1 = 2, /* known answers only: never offered */
	IKE_PRF_HMAC_SHA2_256 = 5,
	IKE_PRF_HMAC_SHA2_384 = 6,
	IKE_PRF_HMAC_SHA2_512 = 7,
	IKE_INTEG_NONE = 0,
	IKE_INTEG_HMAC_SHA2_256_128 = 12,
	IKE_INTEG_HMAC_SHA2_384_192 = 13,
	IKE_INTEG_HMAC_SHA2_512_256 = 14,
	IKE_KE_NONE = 0,
	IKE_KE_MODP_2048 = 14,
	IKE_KE_MODP_3072 = 15,
	IKE_KE_ECP_256 = 19,
	IKE_KE_ECP_384 = 20,
	IKE_KE_X25519 = 31,
	IKE_ESN_NO = 0,
	IKE_ESN_YES = 1,
};

enum {
	IKE_PRF_MAX = 64,     /* octets of the longest PRF output */
	IKE_KEY_MAX = 64,     /* longest ENCR key with salt, or INTEG key */
	IKE_KE_PUB_MAX = 384, /* MODP-3072 */
	IKE_KE_SHARED_MAX = 384,
};

/* One row per algorithm and key length. Octets unless said otherwise. */
struct ike_alg {
	uint8_t type; /* enum ike_transform_type */
	uint16_t id;
	uint16_t key_bits;   /* the Key Length attribute; 0: none is sent */
	const char *keyword; /* as strongSwan's proposals spell it: "aes128gcm16", "sha256_128" ... NULL: not offered */
	const char *name;    /* for people and VICI: "AES_GCM_16" ... as swanctl prints it */
	const char *ossl;    /* what to fetch: "AES-128-GCM", "SHA256", "X25519" */
	uint16_t key_len;    /* ENCR without salt, INTEG, PRF preferred key */
	uint16_t salt_len;   /* ENCR: implicit nonce part taken from the key material */
	uint16_t iv_len;     /* ENCR: explicit IV on the wire */
	uint16_t icv_len;    /* AEAD tag, or truncated INTEG output */
	uint16_t block;      /* ENCR: padding multiple */
	uint16_t out_len;    /* PRF output; KE: public value */
	bool aead;
};

/* The row, or NULL. key_bits must match exactly for ENCR with variable keys. */
const struct ike_alg *ike_alg_find(uint8_t type, uint16_t id, uint16_t key_bits);
/* By strongSwan keyword (or one of its aliases) and type; NULL if unknown or never offered. */
const struct ike_alg *ike_alg_keyword(uint8_t type, const char *keyword);
/* Walks the whole table: NULL at the end. */
const struct ike_alg *ike_alg_at(unsigned int n);

struct ike_crypto;
struct ike_ke;

/* NULL: this OpenSSL lacks something every build needs. */
struct ike_crypto *ike_crypto_new(void);
void ike_crypto_free(struct ike_crypto *c);
/* Can this OpenSSL do it? Rows it cannot are not offered. */
bool ike_crypto_has(const struct ike_crypto *c, const struct ike_alg *alg);

struct ike_chunk {
	const void *p;
	size_t len;
};

/*
 * prf(key, chunk[0] | chunk[1] | ...) into out, alg->out_len octets. RFC 7296 2.13. 0 or -EIO.
 * HMAC takes keys of any length.
 */
int ike_prf(struct ike_crypto *c, const struct ike_alg *alg, const uint8_t *key, size_t key_len,
	    const struct ike_chunk *data, unsigned int n, uint8_t *out);
/* prf+(key, data), len octets. RFC 7296 2.13. 0, -EINVAL (more than 255 blocks), -EIO. */
int ike_prf_plus(struct ike_crypto *c, const struct ike_alg *alg, const uint8_t *key, size_t key_len,
		 const struct ike_chunk *data, unsigned int n, uint8_t *out, size_t len);

/* The four keys of one direction of SK protection. Wiped by the owner. */
struct ike_sk_key {
	uint8_t encr[IKE_KEY_MAX]; /* key, then salt for AEAD */
	uint8_t integ[IKE_KEY_MAX];
};

/*
 * Protect and unprotect an SK payload body in place (RFC 7296 3.14, RFC 5282).
 * buf holds: aad_len octets (IKE header .. SK generic header), IV, text of text_len octets (payloads, padding, pad
 * length, already padded), room for the ICV. seal fills in IV (given) and ICV; for CBC the ICV covers everything
 * before. open verifies and decrypts in place: 0 or -EBADMSG. For CBC total must leave whole blocks.
 */
int ike_sk_seal(struct ike_crypto *c, const struct ike_alg *encr, const struct ike_alg *integ,
		const struct ike_sk_key *key, uint8_t *buf, size_t aad_len, const uint8_t *iv, size_t text_len);
int ike_sk_open(struct ike_crypto *c, const struct ike_alg *encr, const struct ike_alg *integ,
		const struct ike_sk_key *key, uint8_t *buf, size_t aad_len, size_t total_len);

/* A fresh ephemeral key of the group. NULL: -errno in *err. */
struct ike_ke *ike_ke_new(struct ike_crypto *c, const struct ike_alg *group, int *err);
void ike_ke_free(struct ike_ke *ke);
/* The public value as the KE payload carries it (RFC 7296 3.4, RFC 5903, RFC 8031): alg->out_len octets. */
const uint8_t *ike_ke_public(const struct ike_ke *ke, size_t *len);
/*
 * The shared secret with the peer's public value; out has IKE_KE_SHARED_MAX octets. The peer's value is validated
 * (length, point on curve, MODP range, RFC 6989; X25519 all-zero output). Returns its length or -EBADMSG.
 */
int ike_ke_derive(struct ike_crypto *c, struct ike_ke *ke, const uint8_t *peer, size_t peer_len, uint8_t *out);

/* SHA-1 of the chunks, 20 octets: NAT detection (RFC 7296 2.23) needs it, nothing else does. 0 or -EIO. */
int ike_sha1(struct ike_crypto *c, const struct ike_chunk *data, unsigned int n, uint8_t out[20]);

/* Constant-time comparison: true if equal. */
bool ike_equal(const void *a, const void *b, size_t len);

/* IKE SA keys of RFC 7296 2.14, derived in one call. */
struct ike_sa_keys {
	uint8_t d[IKE_PRF_MAX], pi[IKE_PRF_MAX], pr[IKE_PRF_MAX]; /* prf->key_len octets each */
	struct ike_sk_key i, r;                                   /* what the initiator, the responder sends with */
};

struct ike_suite {
	const struct ike_alg *encr, *prf, *integ, *ke; /* integ NULL with AEAD */
};

/*
 * SKEYSEED = prf(Ni | Nr, g^ir) for a first IKE SA, prf(SK_d (old), g^ir | Ni | Nr) for a rekeyed one (old_sk_d not
 * NULL, with the old SA's prf), then {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr}. SPIs in network order.
 */
int ike_keys_derive(struct ike_crypto *c, const struct ike_suite *suite, struct ike_chunk ni, struct ike_chunk nr,
		    struct ike_chunk shared, const uint8_t spi_i[8], const uint8_t spi_r[8],
		    const struct ike_alg *old_prf, const uint8_t *old_sk_d, struct ike_sa_keys *out);
/* KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr), RFC 7296 2.17. */
int ike_child_keymat(struct ike_crypto *c, const struct ike_alg *prf, const uint8_t *sk_d, struct ike_chunk shared,
		     struct ike_chunk ni, struct ike_chunk nr, uint8_t *out, size_t len);
/* AUTH = prf(prf(PSK, "Key Pad for IKEv2"), message | nonce | prf(SK_p, ID payload body)), RFC 7296 2.15. */
int ike_auth_psk(struct ike_crypto *c, const struct ike_alg *prf, struct ike_chunk psk, struct ike_chunk message,
		 struct ike_chunk nonce, const uint8_t *sk_p, struct ike_chunk id_body, uint8_t *out);

#endif
