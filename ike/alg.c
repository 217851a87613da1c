/* SPDX-License-Identifier: MIT */
/* The algorithms, one row for each algorithm and key length. Numbers: IANA's IKEv2 registry. */
#include <stddef.h>
#include <string.h>

#include "ike/crypto_impl.h"

/* clang-format off */
#define AES_GCM(bits) \
	{ .type = IKE_T_ENCR, .id = IKE_ENCR_AES_GCM_16, .key_bits = bits, .keyword = "aes" #bits "gcm16", \
	  .name = "AES_GCM_16", .ossl = "AES-" #bits "-GCM", .key_len = bits / 8, .salt_len = 4, .iv_len = 8, \
	  .icv_len = 16, .block = 1, .aead = true }
#define AES_CBC(bits) \
	{ .type = IKE_T_ENCR, .id = IKE_ENCR_AES_CBC, .key_bits = bits, .keyword = "aes" #bits, \
	  .name = "AES_CBC", .ossl = "AES-" #bits "-CBC", .key_len = bits / 8, .iv_len = 16, .block = 16 }
#define PRF_HMAC(number, text, hmac, digest, octets) \
	{ .type = IKE_T_PRF, .id = number, .keyword = text, .name = "PRF_HMAC_" hmac, .ossl = digest, \
	  .key_len = octets, .out_len = octets }
#define INTEG_HMAC(number, text, hmac, digest, octets) \
	{ .type = IKE_T_INTEG, .id = number, .keyword = text, .name = "HMAC_" hmac, .ossl = digest, \
	  .key_len = octets, .icv_len = octets / 2, .out_len = octets }
#define KE(number, text, group, openssl, octets) \
	{ .type = IKE_T_KE, .id = number, .keyword = text, .name = group, .ossl = openssl, .out_len = octets }

static const struct ike_alg algs[] = {
	AES_GCM(128), AES_GCM(192), AES_GCM(256), /* RFC 5282 */
	{ .type = IKE_T_ENCR, .id = IKE_ENCR_CHACHA20_POLY1305, .keyword = "chacha20poly1305",
	  .name = "CHACHA20_POLY1305", .ossl = "ChaCha20-Poly1305", .key_len = 32, .salt_len = 4, .iv_len = 8,
	  .icv_len = 16, .block = 1, .aead = true }, /* RFC 7634: no Key Length attribute */
	AES_CBC(128), AES_CBC(192), AES_CBC(256), /* RFC 3602 */
	{ .type = IKE_T_ENCR, .id = IKE_ENCR_AES_CCM_12, .key_bits = 128, .name = "AES_CCM_12",
	  .ossl = "AES-128-CCM", .key_len = 16, .salt_len = 3, .iv_len = 8, .icv_len = 12, .block = 1,
	  .aead = true }, /* RFC 5282 */
	PRF_HMAC(IKE_PRF_HMAC_SHA2_256, "prfsha256", "SHA2_256", "SHA256", 32), /* RFC 4868 */
	PRF_HMAC(IKE_PRF_HMAC_SHA2_384, "prfsha384", "SHA2_384", "SHA384", 48),
	PRF_HMAC(IKE_PRF_HMAC_SHA2_512, "prfsha512", "SHA2_512", "SHA512", 64),
	PRF_HMAC(IKE_PRF_HMAC_SHA1, NULL, "SHA1", "SHA1", 20), /* RFC 2104 */
	INTEG_HMAC(IKE_INTEG_HMAC_SHA2_256_128, "sha256", "SHA2_256_128", "SHA256", 32), /* RFC 4868 */
	INTEG_HMAC(IKE_INTEG_HMAC_SHA2_384_192, "sha384", "SHA2_384_192", "SHA384", 48),
	INTEG_HMAC(IKE_INTEG_HMAC_SHA2_512_256, "sha512", "SHA2_512_256", "SHA512", 64),
	KE(IKE_KE_X25519, "x25519", "CURVE_25519", "X25519", 32),         /* RFC 8031 */
	KE(IKE_KE_ECP_256, "ecp256", "ECP_256", "P-256", 64),             /* RFC 5903 */
	KE(IKE_KE_ECP_384, "ecp384", "ECP_384", "P-384", 96),
	KE(IKE_KE_MODP_3072, "modp3072", "MODP_3072", "modp_3072", 384),  /* RFC 3526 */
	KE(IKE_KE_MODP_2048, "modp2048", "MODP_2048", "modp_2048", 256),
	{ .type = IKE_T_ESN, .id = IKE_ESN_NO, .keyword = "noesn", .name = "NO_EXT_SEQ" },
	{ .type = IKE_T_ESN, .id = IKE_ESN_YES, .keyword = "esn", .name = "EXT_SEQ" },
};

/* Other spellings that strongSwan understands. */
static const struct {
	const char *alias, *keyword;
} aliases[] = {
	{ "aes", "aes128" }, { "aes128gcm128", "aes128gcm16" }, { "aes192gcm128", "aes192gcm16" },
	{ "aes256gcm128", "aes256gcm16" }, { "aes128cbc", "aes128" }, { "aes192cbc", "aes192" },
	{ "aes256cbc", "aes256" }, { "sha2_256", "sha256" }, { "sha2_384", "sha384" }, { "sha2_512", "sha512" },
	{ "sha256_128", "sha256" }, { "sha384_192", "sha384" }, { "sha512_256", "sha512" },
	{ "curve25519", "x25519" },
};
/* clang-format on */

enum { ALGS = sizeof(algs) / sizeof(algs[0]) };

_Static_assert((int)ALGS <= (int)IKE_ALGS_MAX, "struct ike_crypto has room for every row");

unsigned int ike_alg_index(const struct ike_alg *alg)
{
	return (unsigned int)(alg - algs);
}

const struct ike_alg *ike_alg_at(unsigned int n)
{
	return n < ALGS ? &algs[n] : NULL;
}

const struct ike_alg *ike_alg_find(uint8_t type, uint16_t id, uint16_t key_bits)
{
	for (unsigned int i = 0; i < ALGS; i++)
		if (algs[i].type == type && algs[i].id == id && algs[i].key_bits == key_bits)
			return &algs[i];
	return NULL;
}

const struct ike_alg *ike_alg_keyword(uint8_t type, const char *keyword)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcmp(aliases[i].alias, keyword))
			keyword = aliases[i].keyword;
	for (unsigned int i = 0; i < ALGS; i++)
		if (algs[i].type == type && algs[i].keyword && !strcmp(algs[i].keyword, keyword))
			return &algs[i];
	return NULL;
}
