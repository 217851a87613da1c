/* SPDX-License-Identifier: MIT */
/* Traffic selectors on the wire: RFC 7296 3.13.1. */
#include <errno.h>
#include <string.h>

#include "ike/payload.h"

enum { TS_HEADER_LEN = 4, TS_IPV4_LEN = 16, TS_IPV6_LEN = 40 };

/* Octets of one address, 0 for a type that we do not know. */
static unsigned int address_len(uint8_t type)
{
	return type == IKE_TS_IPV4 ? 4 : type == IKE_TS_IPV6 ? 16 : 0;
}

static int check_range(const struct ike_ts *ts, const char *payload, struct ike_parse_error *err)
{
	bool opaque = ts->start_port == 65535 && ts->end_port == 0; /* RFC 7296 3.13.1: OPAQUE */

	if (ts->start_port > ts->end_port && !opaque)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: ports %u to %u", payload, ts->start_port,
				      ts->end_port);
	if (memcmp(ts->start, ts->end, sizeof(ts->start)) > 0)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: a range that ends before it starts",
				      payload);
	return 0;
}

/* One selector. 1: *ts is filled in; 0: its type is unknown; -EBADMSG. */
static int parse_selector(struct rd *r, struct ike_ts *ts, const char *payload, struct ike_parse_error *err)
{
	uint8_t type = rd_u8(r), protocol = rd_u8(r);
	unsigned int octets = address_len(type), len = rd_be16(r);
	const uint8_t *body;

	if (r->bad || len < TS_HEADER_LEN || len - TS_HEADER_LEN > r->left)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: selector length %u with %zu octets left",
				      payload, len, r->left + TS_HEADER_LEN);
	body = rd_bytes(r, len - TS_HEADER_LEN);
	if (!octets)
		return 0;
	if (len != 8 + 2 * octets)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: selector of type %u with length %u",
				      payload, type, len);
	*ts = (struct ike_ts){.type = type, .protocol = protocol};
	ts->start_port = get_be16(body);
	ts->end_port = get_be16(body + 2);
	memcpy(ts->start, body + 4, octets);
	memcpy(ts->end, body + 4 + octets, octets);
	return check_range(ts, payload, err) ? -EBADMSG : 1;
}

int ike_ts_parse(const struct ike_payload *ts, struct ike_ts *out, unsigned int max, struct ike_parse_error *err)
{
	struct rd r = rd_init(ts->data, ts->data_len);
	const char *payload = ts->type == IKE_P_TSI ? "TSi" : "TSr";
	unsigned int n = 0;

	for (unsigned int i = 0; i < ts->u.ts.count; i++) {
		struct ike_ts one;
		int known = parse_selector(&r, &one, payload, err);

		if (known < 0)
			return known;
		if (known && n < max)
			out[n++] = one;
	}
	if (r.left)
		return ike_parse_fail(err, IKE_N_INVALID_SYNTAX, "%s payload: %zu octets after %u selectors", payload,
				      r.left, ts->u.ts.count);
	return (int)n;
}

void ike_ts_encode(const struct ike_ts *ts, struct wr *w)
{
	unsigned int octets = address_len(ts->type);

	if (!octets) {
		w->bad = true;
		return;
	}
	wr_u8(w, ts->type);
	wr_u8(w, ts->protocol);
	wr_be16(w, ts->type == IKE_TS_IPV4 ? TS_IPV4_LEN : TS_IPV6_LEN);
	wr_be16(w, ts->start_port);
	wr_be16(w, ts->end_port);
	wr_bytes(w, ts->start, octets);
	wr_bytes(w, ts->end, octets);
}
