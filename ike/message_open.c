/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "ike/payload.h"

int ike_message_open(struct ike_crypto *c, const struct ike_suite *suite, const struct ike_sk_key *key, uint8_t *buf,
		     struct ike_message *m, struct ike_parse_error *err)
{
	const struct ike_payload *sk = m->n ? &m->p[m->n - 1] : NULL;
	unsigned int iv = suite->encr->iv_len;
	unsigned int icv = suite->encr->aead ? suite->encr->icv_len : suite->integ->icv_len;
	size_t aad, text_len, pad;
	uint8_t *text;

	if (!sk || sk->type != IKE_P_SK)
		return ike_parse_fail(err, 0, "no SK payload");
	if (sk->len < iv + icv + 1)
		return ike_parse_fail(err, 0, "SK payload: %u octets, too few for IV, pad length and ICV (%u)", sk->len,
				      iv + icv + 1);
	aad = (size_t)(sk->body - m->raw);
	if (ike_sk_open(c, suite->encr, suite->integ, key, buf, aad, m->hdr.length))
		return ike_parse_fail(err, 0, "SK payload: integrity check failed");
	text = buf + aad + iv;
	text_len = sk->len - iv - icv - 1u;
	pad = text[text_len];
	if (pad > text_len)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "SK payload: pad length %zu in %zu octets", pad,
				      text_len);
	return ike_message_parse_inner(m, sk->u.sk.next, text, text_len - pad, err);
}
