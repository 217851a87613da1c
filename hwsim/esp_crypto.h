/* SPDX-License-Identifier: MIT */
/*
 * The cryptography of one ESP SA, by OpenSSL's EVP, prepared once so that a packet costs no allocation and no key
 * schedule. Algorithms are named as NETLINK_XFRM names them:
 *
 *   rfc4106(gcm(aes))                    AES-128/192/256-GCM, 16-byte ICV (RFC 4106)
 *   rfc7539esp(chacha20,poly1305)        RFC 7634
 *   cbc(aes) with hmac(sha256|384|512)   RFC 3602, RFC 4868
 */
#ifndef HWSIM_ESP_CRYPTO_H
#define HWSIM_ESP_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct esp_crypto;

/* Either `aead`, or `cipher` and `auth`; the others are NULL. Keys are read, not kept. */
struct esp_suite {
	const char *aead, *cipher, *auth;
	const uint8_t *key; /* of aead (with its 4 bytes of salt at the end) or cipher */
	size_t key_len;     /* bytes */
	const uint8_t *auth_key;
	size_t auth_key_len;
	unsigned int icv_bits; /* 0: what the kernel takes when XFRMA_ALG_AUTH names no length */
};

/* What the algorithms make of a packet: bytes of IV and ICV, and what IV-less text is padded to a multiple of. */
struct esp_shape {
	uint8_t iv, icv, block;
};

/* What esp_crypto_new says of a hash that it does not have. */
#define ESP_NO_AUTH "Requested AUTH_TRUNC algorithm not found"

enum {
	ESP_HEADER = 8,
	ESP_ICV_MAX = 32,
};

/*
 * Makes *out for sealing, opening or both. 0; -ENOSYS (algorithm not known), -EINVAL (key or ICV length), -ENOMEM;
 * *why then says what a kernel says.
 */
int esp_crypto_new(struct esp_crypto **out, const struct esp_suite *suite, bool seal, bool open, const char **why);
/* Wipes and frees; NULL is allowed. */
void esp_crypto_free(struct esp_crypto *c);

const struct esp_shape *esp_crypto_shape(const struct esp_crypto *c);

/*
 * Seals in place. `esp` holds the ESP header (8 bytes, written), room for the IV, text_len bytes of padded text, room
 * for the ICV. `seq` is the whole sequence number: it makes the IV, so one number must never be sealed twice. 0 or
 * -EIO.
 */
int esp_crypto_seal(struct esp_crypto *c, uint8_t *esp, size_t text_len, uint64_t seq, bool esn);

/* Opens an ESP packet of ESP_HEADER + iv + text_len + icv bytes into `text`. 0, or -EBADMSG: do not look at `text`. */
int esp_crypto_open(struct esp_crypto *c, const uint8_t *esp, size_t text_len, uint64_t seq, bool esn, uint8_t *text);

#endif
