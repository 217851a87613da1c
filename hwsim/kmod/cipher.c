// SPDX-License-Identifier: GPL-2.0 OR MIT
/* AES-GCM for ESP (RFC 4106). */
#include <crypto/aead.h>
#include <linux/scatterlist.h>

#include "krnic.h"

/*
 * RFC 4106 section 5: the AAD is the SPI and the sequence number, of 64 bits with ESN; the kernel's rfc4106 wants the
 * IV behind it, too. Returns its length without the IV.
 */
static unsigned int aad_put(u8 aad[12 + KRNIC_IV], const struct xfrm_state *x, u64 seq, const u8 *iv)
{
	__be32 hi = htonl(seq >> 32), lo = htonl((u32)seq);
	unsigned int len = 4;

	memcpy(aad, &x->id.spi, 4);
	if (x->props.flags & XFRM_STATE_ESN) {
		memcpy(aad + len, &hi, 4);
		len += 4;
	}
	memcpy(aad + len, &lo, 4);
	len += 4;
	memcpy(aad + len, iv, KRNIC_IV);
	return len;
}

static int crypt(struct krnic_sa *sa, u8 *esp, unsigned int len, u64 seq, bool encrypt)
{
	struct aead_request *req = aead_request_alloc(sa->aead, GFP_ATOMIC);
	/* not on the stack, which may be mapped so that no scatterlist can have it */
	u8 *aad = kmalloc(12 + 2 * KRNIC_IV, GFP_ATOMIC), *iv = aad + 12 + KRNIC_IV;
	struct scatterlist sg[2];
	unsigned int aad_len;
	int err = -ENOMEM;

	if (req && aad) {
		memcpy(iv, esp + KRNIC_ESP_HEADER - KRNIC_IV, KRNIC_IV);
		aad_len = aad_put(aad, sa->x, seq, iv) + KRNIC_IV;
		sg_init_table(sg, ARRAY_SIZE(sg));
		sg_set_buf(&sg[0], aad, aad_len);
		sg_set_buf(&sg[1], esp + KRNIC_ESP_HEADER, len + KRNIC_ICV);
		aead_request_set_callback(req, 0, NULL, NULL);
		aead_request_set_ad(req, aad_len);
		aead_request_set_crypt(req, sg, sg, encrypt ? len : len + KRNIC_ICV, iv);
		err = encrypt ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
	}
	kfree(aad);
	aead_request_free(req);
	return err;
}

int krnic_cipher_seal(struct krnic_sa *sa, u8 *esp, unsigned int len, u64 seq)
{
	__be64 iv = cpu_to_be64(seq); /* never the same twice with one key: RFC 4106 section 3.1 */

	memcpy(esp + KRNIC_ESP_HEADER - KRNIC_IV, &iv, KRNIC_IV);
	return crypt(sa, esp, len, seq, true);
}

int krnic_cipher_open(struct krnic_sa *sa, u8 *esp, unsigned int len, u64 seq)
{
	return crypt(sa, esp, len, seq, false);
}
