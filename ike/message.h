/* SPDX-License-Identifier: MIT */
/*
 * IKEv2 messages (RFC 7296 section 3): parse, check against the grammar, build, print.
 *
 * Payload layouts are rows in payload.c; they drive parse, build and print alike, so the three cannot disagree.
 * Parsing copies nothing: a parsed message points into the buffer it came from. All integers in these structs are in
 * host order; SPIs are byte arrays as on the wire.
 */
#ifndef IKE_MESSAGE_H
#define IKE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ike/crypto.h"
#include "ike/ike.h" /* struct ike_ts, struct ike_proposal, notify numbers */

enum ike_payload_type {
	IKE_P_NONE = 0,
	IKE_P_SA = 33,
	IKE_P_KE = 34,
	IKE_P_IDI = 35,
	IKE_P_IDR = 36,
	IKE_P_CERT = 37,
	IKE_P_CERTREQ = 38,
	IKE_P_AUTH = 39,
	IKE_P_NONCE = 40,
	IKE_P_NOTIFY = 41,
	IKE_P_DELETE = 42,
	IKE_P_VENDOR = 43,
	IKE_P_TSI = 44,
	IKE_P_TSR = 45,
	IKE_P_SK = 46,
	IKE_P_CP = 47,
	IKE_P_EAP = 48,
	IKE_P_SKF = 53,
};

enum ike_exchange {
	IKE_X_SA_INIT = 34,
	IKE_X_AUTH = 35,
	IKE_X_CREATE_CHILD_SA = 36,
	IKE_X_INFORMATIONAL = 37,
};

enum {
	IKE_FLAG_INITIATOR = 0x08,
	IKE_FLAG_VERSION = 0x10,
	IKE_FLAG_RESPONSE = 0x20,
	IKE_HEADER_LEN = 28,
	IKE_PAYLOADS_MAX = 96,  /* payloads a message may have */
	IKE_PROPOSALS_MAX = 32, /* proposals looked at in one SA payload */
	IKE_NONCE_MIN = 16,
	IKE_NONCE_MAX = 256,
	IKE_SPIS_MAX = 1024, /* SPIs in one Delete payload */
};

struct ike_header {
	uint8_t spi_i[8], spi_r[8];
	uint8_t next;    /* first payload */
	uint8_t version; /* 0x20 */
	uint8_t exchange;
	uint8_t flags;
	uint32_t msgid;
	uint32_t length;
};

/* One payload, decoded by its layout. `body` is everything after the generic header. */
struct ike_payload {
	uint8_t type;
	bool critical;
	uint16_t len;      /* of body */
	uint16_t data_len; /* of data */
	const uint8_t *body;
	union {
		struct {
			uint16_t group;
		} ke; /* data: rest */
		struct {
			uint8_t kind;
		} id; /* IDi, IDr: data is the identification */
		struct {
			uint8_t encoding;
		} cert; /* CERT, CERTREQ */
		struct {
			uint8_t method;
		} auth;
		struct {
			uint8_t protocol, spi_size;
			uint16_t kind;
			const uint8_t *spi;
		} notify;
		struct {
			uint8_t protocol, spi_size;
			uint16_t count;
		} del; /* data: count * spi_size octets */
		struct {
			uint8_t count;
		} ts; /* data: the selectors */
		struct {
			uint8_t kind;
		} cp; /* data: attributes */
		struct {
			uint8_t next; /* first payload inside; data is IV .. ICV */
		} sk;
	} u;
	const uint8_t *data; /* the variable part after the fixed fields (and a notify's SPI) */
};

struct ike_message {
	struct ike_header hdr;
	const uint8_t *raw; /* the whole message, hdr.length octets */
	bool keyrack;       /* its sender is known to have sent our Vendor ID: set by who knows, before the check */
	bool reserved;      /* a reserved bit was set somewhere: ignored, but building it again gives other bytes */
	unsigned int n;
	struct ike_payload p[IKE_PAYLOADS_MAX];
};

/* Why a message cannot be read: what to answer (RFC 7296 2.21) and a sentence that quotes the offending value. */
struct ike_parse_error {
	/* IKE_N_INVALID_SYNTAX, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, IKE_N_INVALID_MAJOR_VERSION; 0: drop */
	uint16_t notify;
	uint8_t critical; /* the payload type, for UNSUPPORTED_CRITICAL_PAYLOAD */
	char text[120];
};

/* Just the header; len must be the datagram's (without non-ESP marker) and equal the Length field. 0 or -EBADMSG. */
int ike_header_parse(const uint8_t *buf, size_t len, struct ike_header *hdr, struct ike_parse_error *err);
/*
 * Header and the chain of payloads up to and including SK (whose inside is still encrypted). 0 or -EBADMSG.
 * Unknown payloads without the critical bit are kept (type and body); with it: UNSUPPORTED_CRITICAL_PAYLOAD.
 */
int ike_message_parse(const uint8_t *buf, size_t len, struct ike_message *m, struct ike_parse_error *err);
/* The payloads inside an SK payload once decrypted: appends to m. `first` is sk.next; len without padding and ICV. */
int ike_message_parse_inner(struct ike_message *m, uint8_t first, const uint8_t *text, size_t len,
			    struct ike_parse_error *err);
/*
 * Decrypts m's SK payload in place (buf is m->raw's memory) with the key the peer sends with and parses what is
 * inside. 0; -EBADMSG with err->notify 0: integrity failed (drop); otherwise err says what to answer.
 */
int ike_message_open(struct ike_crypto *c, const struct ike_suite *suite, const struct ike_sk_key *key, uint8_t *buf,
		     struct ike_message *m, struct ike_parse_error *err);
/*
 * The grammar (grammar.c): counts of each payload for {exchange, request/response}, and that what must be protected is
 * inside SK and nothing else is outside. 0 or -EBADMSG.
 */
int ike_message_check(const struct ike_message *m, struct ike_parse_error *err);

/* The first payload of this type, or NULL. */
const struct ike_payload *ike_message_find(const struct ike_message *m, uint8_t type);
/* The first notify of this kind, or NULL. */
const struct ike_payload *ike_message_notify(const struct ike_message *m, uint16_t kind);
/* The first error notify (kind < 16384), or NULL. */
const struct ike_payload *ike_message_error(const struct ike_message *m);

/* The proposals of an SA payload, at most max. Count, or -EBADMSG. Selection skips unknown transforms: kept here. */
int ike_proposals_parse(const struct ike_payload *sa, struct ike_proposal *out, unsigned int max,
			struct ike_parse_error *err);
/* The selectors of a TSi/TSr payload, at most max (unknown TS types are skipped). Count, or -EBADMSG. */
int ike_ts_parse(const struct ike_payload *ts, struct ike_ts *out, unsigned int max, struct ike_parse_error *err);
/* SPI n of a Delete payload. */
const uint8_t *ike_delete_spi(const struct ike_payload *del, unsigned int n);

/* ---- building: payloads are appended; the chain of Next Payload fields and the lengths are kept right ---- */

struct ike_builder {
	struct wr w;
	size_t next_at; /* where the type of the next payload goes */
	size_t sk_at;   /* start of the SK payload, 0: none */
};

/* Starts a message in buf. hdr.next and hdr.length are filled in later. */
void ike_build_start(struct ike_builder *b, void *buf, size_t cap, const struct ike_header *hdr);
/* Opens the SK payload: everything appended after this is inside it. */
void ike_build_sk(struct ike_builder *b, const struct ike_suite *suite);
/* A proposal whose number is 0 is numbered by its place, from 1. */
void ike_build_sa(struct ike_builder *b, const struct ike_proposal *proposals, unsigned int n);
void ike_build_ke(struct ike_builder *b, uint16_t group, const uint8_t *pub, size_t len);
void ike_build_nonce(struct ike_builder *b, const uint8_t *nonce, size_t len);
void ike_build_id(struct ike_builder *b, uint8_t type, uint8_t kind, const uint8_t *data, size_t len);
void ike_build_auth(struct ike_builder *b, uint8_t method, const uint8_t *data, size_t len);
void ike_build_notify(struct ike_builder *b, uint8_t protocol, const uint8_t *spi, uint8_t spi_size, uint16_t kind,
		      const void *data, size_t len);
/* spi_size 0 and n 0 delete the IKE SA; else n SPIs of 4 octets, ESP. */
void ike_build_delete(struct ike_builder *b, uint8_t protocol, uint8_t spi_size, const uint8_t *spis, unsigned int n);
void ike_build_ts(struct ike_builder *b, uint8_t type, const struct ike_ts *ts, unsigned int n);
void ike_build_vendor(struct ike_builder *b, const void *data, size_t len);
/* Any payload of a known layout, from its decoded form (CERT, CERTREQ, CP, EAP, and all the others). */
void ike_build_payload(struct ike_builder *b, const struct ike_payload *p);
/* Completes an unprotected message. Its length, or -EMSGSIZE. */
int ike_build_finish(struct ike_builder *b);
/*
 * Pads, encrypts and completes a protected one; iv has encr->iv_len octets and is never reused by the caller.
 * Its length, -EMSGSIZE or -EIO.
 */
int ike_build_seal(struct ike_builder *b, struct ike_crypto *c, const struct ike_suite *suite,
		   const struct ike_sk_key *key, const uint8_t *iv);

/* ---- proposals ---- */

/*
 * Reads a proposal in strongSwan's spelling ("aes128gcm16-prfsha256-x25519") for protocol IKE_PROTO_IKE or
 * IKE_PROTO_ESP. Several algorithms of one type are alternatives. 0 or -EINVAL with a sentence in text.
 */
int ike_proposal_read(struct ike_proposal *out, uint8_t protocol, const char *spec, char *text, size_t size);
/* The same, backwards. Returns buf. */
const char *ike_proposal_print(const struct ike_proposal *p, char *buf, size_t size);
/*
 * RFC 7296 3.3.6: the first of ours that one of theirs satisfies, as one proposal with one transform per type, number
 * and SPI of theirs. prefer_ke: a KE group whose value the peer already sent (wins among acceptable ones); no_ke: leave
 * KE out (IKE_AUTH's child). 0, or -ENOENT: NO_PROPOSAL_CHOSEN.
 */
int ike_proposal_select(struct ike_crypto *c, const struct ike_proposal *ours, unsigned int n_ours,
			const struct ike_proposal *theirs, unsigned int n_theirs, uint16_t prefer_ke, bool no_ke,
			struct ike_proposal *chosen);
/*
 * A response's single proposal must be one transform of each type of what we offered, as it was sent (without KE in
 * IKE_AUTH): 0, or -EBADMSG.
 */
int ike_proposal_verify(const struct ike_proposal *offered, unsigned int n, const struct ike_proposal *chosen);
/* The transform of this type in a chosen proposal as a row of the table, or NULL (none, or NONE). */
const struct ike_alg *ike_proposal_alg(const struct ike_proposal *p, uint8_t type);

/* ---- for people ---- */

const char *ike_exchange_name(uint8_t exchange); /* "IKE_SA_INIT"; unknown: "EXCHANGE_n" is made by the caller: NULL */
const char *ike_payload_name(uint8_t type);      /* "SA", "KE", "N" ...; NULL if unknown */
const char *ike_notify_name(uint16_t kind);      /* "TS_MAX_QUEUE"; NULL if unknown */
/* One line as strongSwan logs it: "CREATE_CHILD_SA request 4 [ N(REKEY_SA) SA No TSi TSr ]". Returns buf. */
const char *ike_message_print(const struct ike_message *m, char *buf, size_t size);
/*
 * Every field of every payload, a line each, by the layout tables. Keys are never on the wire, and what AUTH holds is
 * left out: no secrets are in it.
 */
void ike_message_dump(const struct ike_message *m, void (*line)(void *ctx, const char *text), void *ctx);

#endif
