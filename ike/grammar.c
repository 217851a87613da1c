/* SPDX-License-Identifier: MIT */
/*
 * What each message consists of: RFC 7296 sections 1.2 to 1.5 and appendix C, a row for each payload that may be
 * there. Order is free (RFC 7296 2.5); notifies and vendor IDs may be anywhere.
 */
#include <errno.h>
#include <string.h>

#include "ike/payload.h"

enum {
	ANY = IKE_PAYLOADS_MAX,
	/* CREATE_CHILD_SA in another shape, that of an optimized rekey; no exchange has this number here */
	IKE_X_OPTIMIZED = 255,
};

struct rule {
	uint8_t exchange;
	bool response;
	uint8_t payload, min, max;
	bool protected;
};

#define REQUEST(exchange, payload, min, max, sk)                       \
	{                                                              \
		IKE_X_##exchange, false, IKE_P_##payload, min, max, sk \
	}
#define RESPONSE(exchange, payload, min, max, sk)                     \
	{                                                             \
		IKE_X_##exchange, true, IKE_P_##payload, min, max, sk \
	}
#define BOTH(exchange, payload, min, max, sk) \
	REQUEST(exchange, payload, min, max, sk), RESPONSE(exchange, payload, min, max, sk)

/* clang-format off */
static const struct rule rules[] = {
	BOTH(SA_INIT, SA, 1, 1, false),
	BOTH(SA_INIT, KE, 1, 1, false),
	BOTH(SA_INIT, NONCE, 1, 1, false),
	RESPONSE(SA_INIT, CERTREQ, 0, ANY, false),
	BOTH(SA_INIT, NOTIFY, 0, ANY, false),
	BOTH(SA_INIT, VENDOR, 0, ANY, false),

	REQUEST(AUTH, IDI, 1, 1, true),
	REQUEST(AUTH, IDR, 0, 1, true),
	RESPONSE(AUTH, IDR, 1, 1, true),
	BOTH(AUTH, CERT, 0, ANY, true),
	REQUEST(AUTH, CERTREQ, 0, ANY, true),
	REQUEST(AUTH, AUTH, 0, 1, true),  /* none: it asks for EAP (2.16) */
	RESPONSE(AUTH, AUTH, 1, 1, true),
	RESPONSE(AUTH, EAP, 0, 1, true),
	BOTH(AUTH, CP, 0, 1, true),
	BOTH(AUTH, SA, 0, 1, true),       /* none: the Child SA was refused (1.2), or none is wanted (RFC 6023) */
	BOTH(AUTH, TSI, 0, 1, true),
	BOTH(AUTH, TSR, 0, 1, true),
	BOTH(AUTH, NOTIFY, 0, ANY, true),
	BOTH(AUTH, VENDOR, 0, ANY, true),

	BOTH(CREATE_CHILD_SA, SA, 1, 1, true),
	BOTH(CREATE_CHILD_SA, NONCE, 1, 1, true),
	BOTH(CREATE_CHILD_SA, KE, 0, 1, true),
	BOTH(CREATE_CHILD_SA, CP, 0, 1, true),
	BOTH(CREATE_CHILD_SA, TSI, 0, 1, true), /* none: it rekeys the IKE SA (1.3.2) */
	BOTH(CREATE_CHILD_SA, TSR, 0, 1, true),
	BOTH(CREATE_CHILD_SA, NOTIFY, 0, ANY, true),
	BOTH(CREATE_CHILD_SA, VENDOR, 0, ANY, true),

	/* draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt-07 4, 5: what SA, TSi and TSr would say is inherited */
	BOTH(OPTIMIZED, NOTIFY, 1, ANY, true),
	BOTH(OPTIMIZED, NONCE, 1, 1, true),
	BOTH(OPTIMIZED, KE, 0, 1, true),
	BOTH(OPTIMIZED, VENDOR, 0, ANY, true),

	BOTH(INFORMATIONAL, NOTIFY, 0, ANY, true),
	BOTH(INFORMATIONAL, DELETE, 0, ANY, true),
	BOTH(INFORMATIONAL, CP, 0, 1, true),
	BOTH(INFORMATIONAL, VENDOR, 0, ANY, true),
};
/* clang-format on */

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static const char *direction(const struct ike_message *m)
{
	return m->hdr.flags & IKE_FLAG_RESPONSE ? "response" : "request";
}

/* Which rows are meant: those of its exchange, or of the other shape that it may have. */
struct shape {
	uint8_t exchange;
	bool response;
};

static struct shape shape_of(const struct ike_message *m)
{
	bool optimized =
		m->keyrack && m->hdr.exchange == IKE_X_CREATE_CHILD_SA && ike_message_notify(m, IKE_N_OPTIMIZED_REKEY);

	return (struct shape){
		.exchange = optimized ? IKE_X_OPTIMIZED : m->hdr.exchange,
		.response = m->hdr.flags & IKE_FLAG_RESPONSE,
	};
}

static bool applies(const struct rule *rule, const struct shape *shape)
{
	return rule->exchange == shape->exchange && rule->response == shape->response;
}

/* SPIs and message ID as far as the exchange fixes them (RFC 7296 2.2, 2.6). */
static int check_header(const struct ike_message *m, struct ike_parse_error *err)
{
	static const uint8_t zero[8];
	bool init = m->hdr.exchange == IKE_X_SA_INIT, response = m->hdr.flags & IKE_FLAG_RESPONSE;
	bool spi_r = memcmp(m->hdr.spi_r, zero, 8) != 0;

	if (init && m->hdr.msgid)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "IKE_SA_INIT %s: message ID %u, it is always 0",
				      direction(m), m->hdr.msgid);
	if (init && !response && spi_r)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "IKE_SA_INIT request: has a responder's SPI already");
	if (!init && !spi_r)
		return ike_parse_fail(err, 0, "%s %s: the responder's SPI is zero", ike_exchange_name(m->hdr.exchange),
				      direction(m));
	return 0;
}

/* Each payload has a row, is where it belongs, and is not there too often. Fills in how often each row applied. */
static int check_payloads(const struct ike_message *m, const struct shape *shape, bool protected, uint8_t count[RULES],
			  struct ike_parse_error *err)
{
	const char *exchange = ike_exchange_name(m->hdr.exchange);
	bool inside = false;

	for (unsigned int i = 0; i < m->n; i++) {
		const struct ike_payload *p = &m->p[i];
		unsigned int at = 0;

		if (p->type == IKE_P_SK && protected) {
			inside = true;
			continue;
		}
		if (!ike_layout_find(p->type) && p->type != IKE_P_SKF)
			continue; /* unknown and not critical: ignored wherever it is */
		while (at < RULES && (!applies(&rules[at], shape) || rules[at].payload != p->type))
			at++;
		if (at == RULES)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s %s: %s payload has no place in it",
					      exchange, direction(m), ike_payload_name(p->type));
		if (rules[at].protected && !inside)
			return ike_parse_fail(err, 0, "%s %s: %s payload is not protected", exchange, direction(m),
					      ike_payload_name(p->type));
		if (++count[at] > rules[at].max)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s %s: more than %u %s payloads", exchange,
					      direction(m), rules[at].max, ike_payload_name(p->type));
	}
	if (protected && !inside)
		return ike_parse_fail(err, 0, "%s %s: is not protected", exchange, direction(m));
	return 0;
}

/* A response that only says what went wrong, or that asks for a cookie (RFC 7296 2.6), has nothing else in it. */
static bool may_be_short(const struct ike_message *m)
{
	return m->hdr.flags & IKE_FLAG_RESPONSE &&
	       (ike_message_error(m) || (m->hdr.exchange == IKE_X_SA_INIT && ike_message_notify(m, IKE_N_COOKIE)));
}

static int check_shape(const struct ike_message *m, const struct shape *shape, struct ike_parse_error *err)
{
	const char *exchange = ike_exchange_name(m->hdr.exchange);
	uint8_t count[RULES] = {0};

	if (check_header(m, err) || check_payloads(m, shape, m->hdr.exchange != IKE_X_SA_INIT, count, err))
		return -EBADMSG;
	if (may_be_short(m))
		return 0;
	for (unsigned int i = 0; i < RULES; i++)
		if (applies(&rules[i], shape) && count[i] < rules[i].min)
			return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s %s: no %s payload", exchange, direction(m),
					      ike_payload_name(rules[i].payload));
	if (!ike_message_find(m, IKE_P_TSI) != !ike_message_find(m, IKE_P_TSR))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s %s: %s payload without its counterpart", exchange,
				      direction(m), ike_message_find(m, IKE_P_TSI) ? "TSi" : "TSr");
	return 0;
}

int ike_message_check(const struct ike_message *m, struct ike_parse_error *err)
{
	struct shape shape = shape_of(m);
	int bad;

	if (!ike_exchange_name(m->hdr.exchange))
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "exchange type %u is unknown", m->hdr.exchange);
	bad = check_shape(m, &shape, err);
	/* an optimized rekey that is not understood must not cost more than that: the regular way is still open */
	if (bad && err->notify == IKE_N_INVALID_SYNTAX && shape.exchange == IKE_X_OPTIMIZED && !shape.response)
		err->notify = IKE_N_NO_PROPOSAL_CHOSEN;
	return bad;
}
