/* SPDX-License-Identifier: MIT */
/*
 * Algorithms: IANA's IKEv2 numbers and what XFRM calls them.
 *
 * Names: Linux net/xfrm/xfrm_algo.c. Salts: RFC 4106 8.1 (AES-GCM), RFC 7634 2 (ChaCha20-Poly1305). ICVs: RFC 4106 6,
 * RFC 7634 2, RFC 4868 2.6 (HMAC-SHA-2, truncated to half).
 */
#include <stddef.h>

#include "offload/xfrm_priv.h"

static const struct xfrm_alg encr[] = {
	{.iana = 12, .name = "cbc(aes)", .key_bits = {128, 192, 256}},
	{.iana = 20,
	 .name = "rfc4106(gcm(aes))",
	 .aead = true,
	 .salt_bits = 32,
	 .icv_bits = 128,
	 .key_bits = {128, 192, 256}},
	{.iana = 28,
	 .name = "rfc7539esp(chacha20,poly1305)",
	 .aead = true,
	 .salt_bits = 32,
	 .icv_bits = 128,
	 .key_bits = {256}},
};

static const struct xfrm_alg integ[] = {
	{.iana = 12, .name = "hmac(sha256)", .icv_bits = 128, .key_bits = {256}},
	{.iana = 13, .name = "hmac(sha384)", .icv_bits = 192, .key_bits = {384}},
	{.iana = 14, .name = "hmac(sha512)", .icv_bits = 256, .key_bits = {512}},
};

const struct xfrm_alg *xfrm_alg_encr(uint16_t iana, uint16_t bits)
{
	for (size_t i = 0; i < sizeof(encr) / sizeof(encr[0]); i++) {
		if (encr[i].iana != iana)
			continue;
		if (!bits && !encr[i].key_bits[1]) /* IKE names no length where there is one only */
			return &encr[i];
		for (size_t k = 0; k < 4 && encr[i].key_bits[k]; k++)
			if (encr[i].key_bits[k] == bits)
				return &encr[i];
	}
	return NULL;
}

const struct xfrm_alg *xfrm_alg_integ(uint16_t iana)
{
	for (size_t i = 0; i < sizeof(integ) / sizeof(integ[0]); i++)
		if (integ[i].iana == iana)
			return &integ[i];
	return NULL;
}
