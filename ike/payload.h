/* SPDX-License-Identifier: MIT */
/*
 * Private to ike/: the layout of every payload as rows of fields. Parsing, building and dumping walk the same rows.
 */
#ifndef IKE_PAYLOAD_H
#define IKE_PAYLOAD_H

#include <stdarg.h>
#include <stdio.h>

#include "ike/message.h"

enum ike_field_kind {
	IKE_FIELD_END,      /* what follows is the payload's data */
	IKE_FIELD_U8,       /* into the uint8_t at `at` */
	IKE_FIELD_U16,      /* into the uint16_t at `at` */
	IKE_FIELD_RESERVED, /* `octets` of zero */
	IKE_FIELD_SPI,      /* a notify's SPI, spi_size octets */
};

enum { IKE_FIELDS_MAX = 5, IKE_GENERIC_LEN = 4 };

struct ike_field {
	enum ike_field_kind kind;
	uint16_t at; /* offset in struct ike_payload */
	uint8_t octets;
	const char *name;
	const char *(*value)(unsigned int v); /* the name of a value for people, NULL: plain number */
};

struct ike_layout {
	uint8_t type;
	uint16_t data_min, data_max; /* octets after the fields */
	const char *title;           /* "key exchange" */
	struct ike_field field[IKE_FIELDS_MAX];
	/* what the fields' values demand of the lengths; NULL: nothing. 0 or -EBADMSG */
	int (*check)(const struct ike_payload *p, struct ike_parse_error *err);
};

/* The row, or NULL for a payload type that is not RFC 7296's. */
const struct ike_layout *ike_layout_find(uint8_t type);
/* Fills in p's fields and data from p->body by the row; *reserved is set if a reserved octet is. 0 or -EBADMSG. */
int ike_payload_decode(const struct ike_layout *layout, struct ike_payload *p, bool *reserved,
		       struct ike_parse_error *err);
/* Appends p's body (fields, then data) by the row. */
void ike_payload_encode(const struct ike_layout *layout, const struct ike_payload *p, struct wr *w);

/* One proposal substructure (RFC 7296 3.3.1); `number` is used if p->number is 0. */
void ike_proposal_encode(const struct ike_proposal *p, unsigned int number, bool last, struct wr *w);
/* One traffic selector; an unknown type marks w bad. */
void ike_ts_encode(const struct ike_ts *ts, struct wr *w);

/* "KE", or "type 200" made in buf. */
enum { IKE_LABEL_LEN = 16 };
const char *ike_payload_label(uint8_t type, char buf[IKE_LABEL_LEN]);

/* Writes the sentence. Always -EBADMSG, so that a caller can return it. */
int ike_parse_fail(struct ike_parse_error *err, uint16_t notify, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What is known of a notify: its names and the sizes RFC 7296 3.10.1 (or the RFC in the row's comment) gives it. */
struct ike_notify_info {
	uint16_t kind;
	int16_t spi_size;  /* -1: any */
	uint16_t min, max; /* octets of data */
	const char *name;  /* "NO_PROPOSAL_CHOSEN" */
	const char *brief; /* as strongSwan logs it: "NO_PROP" */
};
const struct ike_notify_info *ike_notify_find(uint16_t kind);

/* Names of field values; NULL if unknown. */
const char *ike_protocol_name(unsigned int protocol);
const char *ike_id_kind_name(unsigned int kind);
const char *ike_auth_method_name(unsigned int method);
const char *ike_cp_kind_name(unsigned int kind);
const char *ike_cert_encoding_name(unsigned int encoding);
const char *ike_ke_name(unsigned int group);
const char *ike_transform_type_name(unsigned int type);

/* Text that grows in a fixed buffer; what does not fit is cut off. */
struct ike_text {
	char *buf;
	size_t size, len;
};
struct ike_text ike_text_init(char *buf, size_t size);
void ike_text_add(struct ike_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ike_text_hex(struct ike_text *t, const uint8_t *p, size_t len);

#endif
