/* SPDX-License-Identifier: MIT */
/* Proposals on the wire: RFC 7296 3.3.1 to 3.3.5. */
#include <errno.h>
#include <string.h>

#include "ike/payload.h"

enum {
	PROPOSAL_LEN = 8,
	TRANSFORM_LEN = 8,
	MORE_PROPOSALS = 2,
	MORE_TRANSFORMS = 3,
	ATTRIBUTE_TV = 0x8000, /* the value is in the length field */
	ATTRIBUTE_KEY_LENGTH = 14,
};

/* Attributes: the only one in use is Key Length, once; anything else makes the transform one to skip. */
static bool parse_attributes(struct rd r, struct ike_transform *t)
{
	while (r.left && !r.bad) {
		uint16_t type = rd_be16(&r), value = rd_be16(&r);

		if (!(type & ATTRIBUTE_TV))
			rd_bytes(&r, value);
		if (type == (ATTRIBUTE_TV | ATTRIBUTE_KEY_LENGTH) && value && !t->key_bits)
			t->key_bits = value;
		else
			t->unknown = 1;
	}
	return !r.bad;
}

/* A peer may offer more than we keep: what we know then has precedence over what selection would skip anyway. */
static void keep_transform(struct ike_proposal *p, const struct ike_transform *t)
{
	if (p->n < IKE_TRANSFORMS_MAX) {
		p->t[p->n++] = *t;
		return;
	}
	if (t->unknown || !ike_alg_find(t->type, t->id, t->key_bits))
		return;
	for (unsigned int i = p->n; i-- > 0;) {
		const struct ike_transform *old = &p->t[i];

		/* a transform type we do not know must stay: it makes the whole proposal unacceptable */
		if (ike_transform_type_name(old->type) && !ike_alg_find(old->type, old->id, old->key_bits)) {
			p->t[i] = *t;
			return;
		}
	}
}

/* One transform of proposal p; `last` says that no more are expected. */
static int parse_transform(struct rd *r, struct ike_proposal *p, bool last, struct ike_parse_error *err)
{
	uint8_t more = rd_u8(r);
	struct ike_transform t = {0};
	size_t left = r->left + 1;
	uint16_t len;

	rd_u8(r); /* reserved */
	len = rd_be16(r);
	t.type = rd_u8(r);
	rd_u8(r); /* reserved */
	t.id = rd_be16(r);
	if (r->bad || len < TRANSFORM_LEN || len - TRANSFORM_LEN > (int)r->left)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
				      "SA payload: proposal %u: transform length %u with %zu octets left", p->number,
				      len, left);
	if (more != (last ? 0 : MORE_TRANSFORMS))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
				      "SA payload: proposal %u: transform marked %u, it should be %d", p->number, more,
				      last ? 0 : MORE_TRANSFORMS);
	if (!parse_attributes(rd_init(rd_bytes(r, len - TRANSFORM_LEN), len - TRANSFORM_LEN), &t))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
				      "SA payload: proposal %u: attribute beyond the transform's %u octets", p->number,
				      len);
	keep_transform(p, &t);
	return 0;
}

static bool spi_size_fits(uint8_t protocol, uint8_t size)
{
	switch (protocol) {
	case IKE_PROTO_IKE:
		return size == 0 || size == 8; /* none in the first IKE SA's proposals */
	case IKE_PROTO_AH:
	case IKE_PROTO_ESP:
		return size == 4;
	default:
		return true; /* a protocol from elsewhere: never selected */
	}
}

/* The proposal whose header (from its number on) is next in r, all of it. */
static int parse_proposal(struct rd *r, struct ike_proposal *p, struct ike_parse_error *err)
{
	const uint8_t *spi;
	unsigned int transforms;

	*p = (struct ike_proposal){0};
	p->number = rd_u8(r);
	p->protocol = rd_u8(r);
	p->spi_size = rd_u8(r);
	transforms = rd_u8(r);
	spi = rd_bytes(r, p->spi_size);
	if (!spi || !spi_size_fits(p->protocol, p->spi_size))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
				      "SA payload: proposal %u: SPI of %u octets for protocol %u", p->number,
				      p->spi_size, p->protocol);
	if (p->spi_size <= sizeof(p->spi))
		memcpy(p->spi, spi, p->spi_size);
	else
		p->spi_size = 0;
	if (!transforms)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "SA payload: proposal %u: no transforms", p->number);
	for (unsigned int i = 0; i < transforms; i++)
		if (parse_transform(r, p, i + 1 == transforms, err))
			return -EBADMSG;
	if (r->left)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
				      "SA payload: proposal %u: %zu octets after %u transforms", p->number, r->left,
				      transforms);
	return 0;
}

int ike_proposals_parse(const struct ike_payload *sa, struct ike_proposal *out, unsigned int max,
			struct ike_parse_error *err)
{
	struct rd r = rd_init(sa->data, sa->data_len);
	unsigned int n = 0, seen = 0, last_number = 0;
	uint8_t more = MORE_PROPOSALS;

	while (more) {
		struct ike_proposal spare, *p = n < max ? &out[n] : &spare; /* cppcheck-suppress uninitvar */
		size_t left = r.left;
		uint16_t len;
		struct rd body;

		more = rd_u8(&r);
		rd_u8(&r); /* reserved */
		len = rd_be16(&r);
		if (r.bad || len < PROPOSAL_LEN || len > left)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
					      "SA payload: proposal length %u with %zu octets left", len, left);
		if (more != 0 && more != MORE_PROPOSALS)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
					      "SA payload: proposal marked %u, it should be 0 or %d", more,
					      MORE_PROPOSALS);
		body = rd_init(rd_bytes(&r, len - 4u), len - 4u);
		if (parse_proposal(&body, p, err))
			return -EBADMSG;
		if (p->number == 0 || (seen && p->number != last_number + 1))
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "SA payload: proposal %u after proposal %u",
					      p->number, last_number);
		last_number = p->number;
		seen++;
		if (n < max)
			n++;
	}
	if (r.left)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "SA payload: %zu octets after proposal %u", r.left,
				      last_number);
	return (int)n;
}

static void encode_transform(const struct ike_transform *t, bool last, struct wr *w)
{
	wr_u8(w, last ? 0 : MORE_TRANSFORMS);
	wr_u8(w, 0);
	wr_be16(w, TRANSFORM_LEN + (t->key_bits ? 4 : 0));
	wr_u8(w, t->type);
	wr_u8(w, 0);
	wr_be16(w, t->id);
	if (t->key_bits) {
		wr_be16(w, ATTRIBUTE_TV | ATTRIBUTE_KEY_LENGTH);
		wr_be16(w, t->key_bits);
	}
}

void ike_proposal_encode(const struct ike_proposal *p, unsigned int number, bool last, struct wr *w)
{
	size_t start = w->len;

	wr_u8(w, last ? 0 : MORE_PROPOSALS);
	wr_u8(w, 0);
	wr_be16(w, 0);
	wr_u8(w, p->number ? p->number : (uint8_t)number);
	wr_u8(w, p->protocol);
	wr_u8(w, p->spi_size);
	wr_u8(w, p->n);
	wr_bytes(w, p->spi, p->spi_size);
	for (unsigned int i = 0; i < p->n; i++)
		encode_transform(&p->t[i], i + 1 == p->n, w);
	if (!w->bad)
		put_be16(w->start + start + 2, (uint16_t)(w->len - start));
}
