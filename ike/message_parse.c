/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "ike/payload.h"

int ike_header_parse(const uint8_t *buf, size_t len, struct ike_header *hdr, struct ike_parse_error *err)
{
	static const uint8_t zero[8];
	struct rd r = rd_init(buf, len);

	if (len < IKE_HEADER_LEN)
		return ike_parse_fail(err, 0, "message of %zu octets, the header has %d", len, IKE_HEADER_LEN);
	memcpy(hdr->spi_i, rd_bytes(&r, 8), 8);
	memcpy(hdr->spi_r, rd_bytes(&r, 8), 8);
	hdr->next = rd_u8(&r);
	hdr->version = rd_u8(&r);
	hdr->exchange = rd_u8(&r);
	hdr->flags = rd_u8(&r);
	hdr->msgid = rd_be32(&r);
	hdr->length = rd_be32(&r);
	/* only a higher version is told ours (RFC 7296 2.5); IKEv1 would not understand it */
	if (hdr->version >> 4 != 2)
		return ike_parse_fail(err, hdr->version >> 4 > 2 ? IKE_N_INVALID_MAJOR_VERSION : 0,
				      "header: major version %u, we speak 2", hdr->version >> 4);
	if (hdr->length != len)
		return ike_parse_fail(err, 0, "header: length %u in a datagram of %zu octets", hdr->length, len);
	if (!memcmp(hdr->spi_i, zero, 8))
		return ike_parse_fail(err, 0, "header: the initiator's SPI is zero");
	return 0;
}

/* One payload whose generic header has been read; p->body and p->len are set. */
static int parse_payload(struct ike_message *m, struct ike_payload *p, struct ike_parse_error *err)
{
	const struct ike_layout *layout = ike_layout_find(p->type);

	if (layout)
		return ike_payload_decode(layout, p, &m->reserved, err);
	if (p->critical) {
		ike_parse_fail(err, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, "payload of unknown type %u is critical",
			       p->type);
		err->critical = p->type;
		return -EBADMSG;
	}
	p->data = p->body;
	p->data_len = p->len;
	return 0;
}

static int parse_chain(struct ike_message *m, uint8_t type, struct rd r, bool inner, struct ike_parse_error *err)
{
	char label[IKE_LABEL_LEN];

	while (type != IKE_P_NONE) {
		struct ike_payload *p = &m->p[m->n];
		const uint8_t *generic;
		uint16_t len;

		if (m->n == IKE_PAYLOADS_MAX)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "more than %d payloads", IKE_PAYLOADS_MAX);
		generic = rd_bytes(&r, IKE_GENERIC_LEN);
		if (!generic)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: header cut off after %zu octets",
					      ike_payload_label(type, label), r.left);
		len = get_be16(generic + 2);
		if (len < IKE_GENERIC_LEN || (size_t)len - IKE_GENERIC_LEN > r.left)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: length %u with %zu octets left",
					      ike_payload_label(type, label), len, r.left + IKE_GENERIC_LEN);
		*p = (struct ike_payload){.type = type, .critical = generic[1] & 0x80};
		m->reserved |= generic[1] & 0x7f;
		p->len = (uint16_t)(len - IKE_GENERIC_LEN);
		p->body = rd_bytes(&r, p->len);
		if (type == IKE_P_SK && inner)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "SK payload inside an SK payload");
		if (parse_payload(m, p, err))
			return -EBADMSG;
		m->n++;
		type = generic[0];
		if (p->type == IKE_P_SK) { /* always the last (RFC 7296 3.14): its next payload is inside it */
			p->u.sk.next = type;
			break;
		}
	}
	if (r.left)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%zu octets after the last payload", r.left);
	return 0;
}

int ike_message_parse(const uint8_t *buf, size_t len, struct ike_message *m, struct ike_parse_error *err)
{
	m->raw = buf;
	m->n = 0;
	m->reserved = false;
	m->keyrack = false;
	if (ike_header_parse(buf, len, &m->hdr, err))
		return -EBADMSG;
	return parse_chain(m, m->hdr.next, rd_init(buf + IKE_HEADER_LEN, len - IKE_HEADER_LEN), false, err);
}

int ike_message_parse_inner(struct ike_message *m, uint8_t first, const uint8_t *text, size_t len,
			    struct ike_parse_error *err)
{
	return parse_chain(m, first, rd_init(text, len), true, err);
}

const struct ike_payload *ike_message_find(const struct ike_message *m, uint8_t type)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (m->p[i].type == type)
			return &m->p[i];
	return NULL;
}

const struct ike_payload *ike_message_notify(const struct ike_message *m, uint16_t kind)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (m->p[i].type == IKE_P_NOTIFY && m->p[i].u.notify.kind == kind)
			return &m->p[i];
	return NULL;
}

const struct ike_payload *ike_message_error(const struct ike_message *m)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (m->p[i].type == IKE_P_NOTIFY && m->p[i].u.notify.kind < IKE_N_STATUS)
			return &m->p[i];
	return NULL;
}

const uint8_t *ike_delete_spi(const struct ike_payload *del, unsigned int n)
{
	return del->data + (size_t)n * del->u.del.spi_size;
}
