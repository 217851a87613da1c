/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "ike/payload.h"

enum { HEADER_NEXT_AT = 16, HEADER_LENGTH_AT = 24 };

void ike_build_start(struct ike_builder *b, void *buf, size_t cap, const struct ike_header *hdr)
{
	*b = (struct ike_builder){.w = wr_init(buf, cap), .next_at = HEADER_NEXT_AT};
	wr_bytes(&b->w, hdr->spi_i, 8);
	wr_bytes(&b->w, hdr->spi_r, 8);
	wr_u8(&b->w, IKE_P_NONE);
	wr_u8(&b->w, hdr->version);
	wr_u8(&b->w, hdr->exchange);
	wr_u8(&b->w, hdr->flags);
	wr_be32(&b->w, hdr->msgid);
	wr_be32(&b->w, 0);
}

/* What has been written at this place, to be filled in afterwards; NULL if it did not fit. */
static uint8_t *written(const struct ike_builder *b, size_t at)
{
	return b->w.bad ? NULL : b->w.start + at;
}

/* Chains a payload in and writes its generic header. Where it starts. */
static size_t payload_begin(struct ike_builder *b, uint8_t type, bool critical)
{
	size_t start = b->w.len;
	uint8_t *next;

	wr_u8(&b->w, IKE_P_NONE);
	wr_u8(&b->w, critical ? 0x80 : 0);
	wr_be16(&b->w, 0);
	next = written(b, b->next_at);
	if (next)
		*next = type;
	b->next_at = start;
	return start;
}

static void payload_end(struct ike_builder *b, size_t start)
{
	uint8_t *length;

	if (b->w.len - start > UINT16_MAX)
		b->w.bad = true;
	length = written(b, start + 2);
	if (length)
		put_be16(length, (uint16_t)(b->w.len - start));
}

void ike_build_payload(struct ike_builder *b, const struct ike_payload *p)
{
	const struct ike_layout *layout = ike_layout_find(p->type);
	size_t start = payload_begin(b, p->type, p->critical);
	uint8_t *next = written(b, start);

	if (layout)
		ike_payload_encode(layout, p, &b->w);
	else
		wr_bytes(&b->w, p->data, p->data_len);
	if (p->type == IKE_P_SK && next)
		*next = p->u.sk.next;
	payload_end(b, start);
}

/* For the callers below: a length that does not fit a payload makes the message fail, it is not cut off. */
static void build_data(struct ike_builder *b, struct ike_payload p, const void *data, size_t len)
{
	if (len > UINT16_MAX) {
		b->w.bad = true;
		return;
	}
	p.data = data;
	p.data_len = (uint16_t)len;
	ike_build_payload(b, &p);
}

void ike_build_sk(struct ike_builder *b, const struct ike_suite *suite)
{
	b->sk_at = payload_begin(b, IKE_P_SK, false);
	wr_room(&b->w, suite->encr->iv_len);
}

void ike_build_ke(struct ike_builder *b, uint16_t group, const uint8_t *pub, size_t len)
{
	build_data(b, (struct ike_payload){.type = IKE_P_KE, .u.ke.group = group}, pub, len);
}

void ike_build_nonce(struct ike_builder *b, const uint8_t *nonce, size_t len)
{
	build_data(b, (struct ike_payload){.type = IKE_P_NONCE}, nonce, len);
}

void ike_build_id(struct ike_builder *b, uint8_t type, uint8_t kind, const uint8_t *data, size_t len)
{
	build_data(b, (struct ike_payload){.type = type, .u.id.kind = kind}, data, len);
}

void ike_build_auth(struct ike_builder *b, uint8_t method, const uint8_t *data, size_t len)
{
	build_data(b, (struct ike_payload){.type = IKE_P_AUTH, .u.auth.method = method}, data, len);
}

void ike_build_notify(struct ike_builder *b, uint8_t protocol, const uint8_t *spi, uint8_t spi_size, uint16_t kind,
		      const void *data, size_t len)
{
	struct ike_payload p = {
		.type = IKE_P_NOTIFY,
		.u.notify = {.protocol = protocol, .spi_size = spi_size, .kind = kind, .spi = spi},
	};

	build_data(b, p, data, len);
}

void ike_build_delete(struct ike_builder *b, uint8_t protocol, uint8_t spi_size, const uint8_t *spis, unsigned int n)
{
	struct ike_payload p = {
		.type = IKE_P_DELETE,
		.u.del = {.protocol = protocol, .spi_size = spi_size, .count = (uint16_t)n},
	};

	build_data(b, p, spis, (size_t)n * spi_size);
}

void ike_build_vendor(struct ike_builder *b, const void *data, size_t len)
{
	build_data(b, (struct ike_payload){.type = IKE_P_VENDOR}, data, len);
}

void ike_build_sa(struct ike_builder *b, const struct ike_proposal *proposals, unsigned int n)
{
	size_t start = payload_begin(b, IKE_P_SA, false);

	for (unsigned int i = 0; i < n; i++)
		ike_proposal_encode(&proposals[i], i + 1, i + 1 == n, &b->w);
	payload_end(b, start);
}

void ike_build_ts(struct ike_builder *b, uint8_t type, const struct ike_ts *ts, unsigned int n)
{
	static const uint8_t reserved[3];
	size_t start = payload_begin(b, type, false);

	wr_u8(&b->w, (uint8_t)n);
	wr_bytes(&b->w, reserved, sizeof(reserved));
	for (unsigned int i = 0; i < n; i++)
		ike_ts_encode(&ts[i], &b->w);
	if (n > UINT8_MAX)
		b->w.bad = true;
	payload_end(b, start);
}

int ike_build_finish(struct ike_builder *b)
{
	uint8_t *length = written(b, HEADER_LENGTH_AT);

	if (!length)
		return -EMSGSIZE;
	put_be32(length, (uint32_t)b->w.len);
	return (int)b->w.len;
}

int ike_build_seal(struct ike_builder *b, struct ike_crypto *c, const struct ike_suite *suite,
		   const struct ike_sk_key *key, const uint8_t *iv)
{
	const struct ike_alg *encr = suite->encr;
	size_t aad = b->sk_at + IKE_GENERIC_LEN, text = b->w.len - aad - encr->iv_len;
	size_t pad = (encr->block - (text + 1) % encr->block) % encr->block;
	uint8_t *p = wr_room(&b->w, pad + 1);
	int len;

	if (p) {
		memset(p, 0, pad);
		p[pad] = (uint8_t)pad;
	}
	wr_room(&b->w, encr->aead ? encr->icv_len : suite->integ->icv_len);
	payload_end(b, b->sk_at);
	len = ike_build_finish(b);
	if (len > 0 && ike_sk_seal(c, encr, suite->integ, key, b->w.start, aad, iv, text + pad + 1))
		return -EIO;
	return len;
}
