/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "ike/payload.h"

/* Identities that are addresses have the address's length (RFC 7296 3.5). */
static int check_id(const struct ike_payload *p, struct ike_parse_error *err)
{
	unsigned int want = p->u.id.kind == IKE_ID_IPV4 ? 4 : p->u.id.kind == IKE_ID_IPV6 ? 16 : 0;

	if (want && p->data_len != want)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: %s of %u octets, it has %u",
				      ike_payload_name(p->type), ike_id_kind_name(p->u.id.kind), p->data_len, want);
	return 0;
}

/* A group that we know has a fixed length (RFC 7296 3.4, RFC 5903, RFC 8031); others are refused by their number. */
static int check_ke(const struct ike_payload *p, struct ike_parse_error *err)
{
	const struct ike_alg *group = ike_alg_find(IKE_T_KE, p->u.ke.group, 0);

	if (group && p->data_len != group->out_len)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "KE payload: %s value of %u octets, it has %u",
				      group->name, p->data_len, group->out_len);
	return 0;
}

static int check_notify(const struct ike_payload *p, struct ike_parse_error *err)
{
	const struct ike_notify_info *info = ike_notify_find(p->u.notify.kind);

	if (!info)
		return 0;
	if (info->spi_size >= 0 && p->u.notify.spi_size != info->spi_size)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "N(%s): SPI of %u octets, it has %d", info->name,
				      p->u.notify.spi_size, info->spi_size);
	if (p->data_len < info->min || p->data_len > info->max)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "N(%s): data of %u octets, it has %u to %u",
				      info->name, p->data_len, info->min, info->max);
	return 0;
}

/* RFC 7296 3.11: for an IKE SA neither SPI nor count, for ESP and AH four octets each. */
static int check_delete(const struct ike_payload *p, struct ike_parse_error *err)
{
	unsigned int protocol = p->u.del.protocol, size = p->u.del.spi_size, count = p->u.del.count;

	if (!ike_protocol_name(protocol))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "D payload: protocol %u is none of IKE, AH, ESP",
				      protocol);
	if (size != (protocol == IKE_PROTO_IKE ? 0u : 4u))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "D payload: SPI size %u for %s", size,
				      ike_protocol_name(protocol));
	if (count > IKE_SPIS_MAX || (protocol == IKE_PROTO_IKE && count))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "D payload: %u SPIs, at most %d", count,
				      protocol == IKE_PROTO_IKE ? 0 : IKE_SPIS_MAX);
	if (p->data_len != size * count)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "D payload: %u SPIs of %u octets in %u octets", count,
				      size, p->data_len);
	return 0;
}

static int check_ts(const struct ike_payload *p, struct ike_parse_error *err)
{
	/* the shortest selector is a header of 4 octets */
	if (!p->u.ts.count || p->data_len < 4u * p->u.ts.count)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: %u selectors in %u octets",
				      ike_payload_name(p->type), p->u.ts.count, p->data_len);
	return 0;
}

/* Attributes: reserved bit and type, length, value (RFC 7296 3.15.1). */
static int check_cp(const struct ike_payload *p, struct ike_parse_error *err)
{
	struct rd r = rd_init(p->data, p->data_len);

	while (r.left && !r.bad) {
		uint16_t type = rd_be16(&r) & 0x7fff, len = rd_be16(&r);

		if (!rd_bytes(&r, len))
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX,
					      "CP payload: attribute %u of %u octets with %zu left", type, len, r.left);
	}
	return 0;
}

/* RFC 3748 4: code, identifier, length; success and failure are just that. */
static int check_eap(const struct ike_payload *p, struct ike_parse_error *err)
{
	if (get_be16(p->data + 2) != p->data_len)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "EAP payload: length %u in %u octets",
				      get_be16(p->data + 2), p->data_len);
	return 0;
}

/* clang-format off */
#define U8(member, text, value) {IKE_FIELD_U8, offsetof(struct ike_payload, u.member), 1, text, value}
#define U16(member, text, value) {IKE_FIELD_U16, offsetof(struct ike_payload, u.member), 2, text, value}
#define RESERVED(n) {IKE_FIELD_RESERVED, 0, n, NULL, NULL}
#define SPI {IKE_FIELD_SPI, 0, 0, "spi", NULL}

static const char *notify_value(unsigned int v)
{
	return ike_notify_name((uint16_t)v);
}

static const struct ike_layout layouts[] = {
	{IKE_P_SA, 8, UINT16_MAX, "security association", {{IKE_FIELD_END}}, NULL},
	{IKE_P_KE, 1, UINT16_MAX, "key exchange", {U16(ke.group, "group", ike_ke_name), RESERVED(2)}, check_ke},
	{IKE_P_IDI, 0, UINT16_MAX, "initiator's identity", {U8(id.kind, "type", ike_id_kind_name), RESERVED(3)}, check_id},
	{IKE_P_IDR, 0, UINT16_MAX, "responder's identity", {U8(id.kind, "type", ike_id_kind_name), RESERVED(3)}, check_id},
	{IKE_P_CERT, 0, UINT16_MAX, "certificate", {U8(cert.encoding, "encoding", ike_cert_encoding_name)}, NULL},
	{IKE_P_CERTREQ, 0, UINT16_MAX, "certificate request", {U8(cert.encoding, "encoding", ike_cert_encoding_name)}, NULL},
	{IKE_P_AUTH, 0, UINT16_MAX, "authentication", {U8(auth.method, "method", ike_auth_method_name), RESERVED(3)}, NULL},
	{IKE_P_NONCE, IKE_NONCE_MIN, IKE_NONCE_MAX, "nonce", {{IKE_FIELD_END}}, NULL},
	{IKE_P_NOTIFY, 0, UINT16_MAX, "notify", {U8(notify.protocol, "protocol", ike_protocol_name),
		U8(notify.spi_size, "spi size", NULL), U16(notify.kind, "kind", notify_value), SPI}, check_notify},
	{IKE_P_DELETE, 0, UINT16_MAX, "delete", {U8(del.protocol, "protocol", ike_protocol_name),
		U8(del.spi_size, "spi size", NULL), U16(del.count, "count", NULL)}, check_delete},
	{IKE_P_VENDOR, 0, UINT16_MAX, "vendor id", {{IKE_FIELD_END}}, NULL},
	{IKE_P_TSI, 4, UINT16_MAX, "initiator's selectors", {U8(ts.count, "count", NULL), RESERVED(3)}, check_ts},
	{IKE_P_TSR, 4, UINT16_MAX, "responder's selectors", {U8(ts.count, "count", NULL), RESERVED(3)}, check_ts},
	{IKE_P_SK, 0, UINT16_MAX, "encrypted", {{IKE_FIELD_END}}, NULL},
	{IKE_P_CP, 0, UINT16_MAX, "configuration", {U8(cp.kind, "type", ike_cp_kind_name), RESERVED(3)}, check_cp},
	{IKE_P_EAP, 4, UINT16_MAX, "EAP", {{IKE_FIELD_END}}, check_eap},
};
/* clang-format on */

const struct ike_layout *ike_layout_find(uint8_t type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return NULL;
}

int ike_parse_fail(struct ike_parse_error *err, uint16_t notify, const char *fmt, ...)
{
	va_list ap;

	err->notify = notify;
	err->critical = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

const char *ike_payload_label(uint8_t type, char buf[IKE_LABEL_LEN])
{
	const char *name = ike_payload_name(type);

	if (name)
		snprintf(buf, IKE_LABEL_LEN, "%s", name);
	else
		snprintf(buf, IKE_LABEL_LEN, "type %u", type);
	return buf;
}

static bool any_set(const uint8_t *p, size_t n)
{
	for (size_t i = 0; p && i < n; i++)
		if (p[i])
			return true;
	return false;
}

int ike_payload_decode(const struct ike_layout *layout, struct ike_payload *p, bool *reserved,
		       struct ike_parse_error *err)
{
	struct rd r = rd_init(p->body, p->len);

	for (const struct ike_field *f = layout->field; f->kind != IKE_FIELD_END; f++) {
		uint8_t *to = (uint8_t *)p + f->at;

		switch (f->kind) {
		case IKE_FIELD_U8:
			*to = rd_u8(&r);
			break;
		case IKE_FIELD_U16: {
			uint16_t v = rd_be16(&r);

			memcpy(to, &v, sizeof(v));
			break;
		}
		case IKE_FIELD_RESERVED:
			*reserved |= any_set(rd_bytes(&r, f->octets), f->octets);
			break;
		case IKE_FIELD_SPI:
			p->u.notify.spi = rd_bytes(&r, p->u.notify.spi_size);
			break;
		case IKE_FIELD_END:
			break;
		}
	}
	if (r.bad)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: %u octets are too few for its fields",
				      ike_payload_name(p->type), p->len);
	p->data = r.p;
	p->data_len = (uint16_t)r.left;
	if (p->data_len < layout->data_min || p->data_len > layout->data_max)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: data of %u octets, it has %u to %u",
				      ike_payload_name(p->type), p->data_len, layout->data_min, layout->data_max);
	return layout->check ? layout->check(p, err) : 0;
}

void ike_payload_encode(const struct ike_layout *layout, const struct ike_payload *p, struct wr *w)
{
	static const uint8_t zero[4];

	for (const struct ike_field *f = layout->field; f->kind != IKE_FIELD_END; f++) {
		const uint8_t *from = (const uint8_t *)p + f->at;
		uint16_t v;

		switch (f->kind) {
		case IKE_FIELD_U8:
			wr_u8(w, *from);
			break;
		case IKE_FIELD_U16:
			memcpy(&v, from, sizeof(v));
			wr_be16(w, v);
			break;
		case IKE_FIELD_RESERVED:
			wr_bytes(w, zero, f->octets);
			break;
		case IKE_FIELD_SPI:
			wr_bytes(w, p->u.notify.spi, p->u.notify.spi_size);
			break;
		case IKE_FIELD_END:
			break;
		}
	}
	wr_bytes(w, p->data, p->data_len);
}
