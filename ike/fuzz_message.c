/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: everything that reads what a peer sent before and after decryption. An input is a message; the same
 * octets are also tried as the inside of an SK payload (first octet: the first payload's type).
 */
#include <stdlib.h>

#include "ike/count.h"
#include "ike/payload.h"
#include "ike/vendor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 65536 };

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void ignore_line(void *ctx, const char *text)
{
	*(size_t *)ctx += strlen(text);
}

/* Proposals are built back to what reads the same, and a choice among them answers them. */
static void read_proposals(const struct ike_payload *sa)
{
	static struct ike_proposal all[IKE_PROPOSALS_MAX], again[IKE_PROPOSALS_MAX];
	static uint8_t out[MESSAGE_MAX];
	struct ike_payload built = {.type = IKE_P_SA, .data = out};
	struct ike_proposal chosen;
	struct ike_parse_error err;
	struct wr w = wr_init(out, sizeof(out));
	int count = ike_proposals_parse(sa, all, IKE_PROPOSALS_MAX, &err);
	unsigned int n = count < 0 ? 0 : (unsigned int)count;
	bool whole = n > 0;

	for (unsigned int i = 0; i < n; i++) {
		ike_proposal_encode(&all[i], 0, i + 1 == n, &w);
		for (unsigned int k = 0; k < all[i].n; k++)
			whole &= !all[i].t[k].unknown; /* its attributes are not kept */
	}
	built.data_len = (uint16_t)w.len;
	if (whole)
		expect(ike_proposals_parse(&built, again, IKE_PROPOSALS_MAX, &err) == count &&
		       !memcmp(all, again, n * sizeof(*all)));
	if (n && ike_proposal_select(NULL, all, n, all, n, 0, false, &chosen) == 0)
		expect(ike_proposal_verify(all, n, &chosen) == 0);
}

static void read_selectors(const struct ike_payload *p)
{
	struct ike_ts ts[IKE_TS_MAX];
	struct ike_parse_error err;
	int n = ike_ts_parse(p, ts, IKE_TS_MAX, &err);
	uint8_t buf[4 + 40 * IKE_TS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	for (int i = 0; i < n; i++)
		ike_ts_encode(&ts[i], &w);
	if (n == p->u.ts.count) /* none skipped: building is the inverse */
		expect(w.len == p->data_len && !memcmp(buf, p->data, w.len));
}

/* Count-based SAs: what can be read is built back to the same octets. */
static void read_counts(const struct ike_message *m)
{
	static uint8_t out[MESSAGE_MAX];
	struct ike_count_selected s;
	struct ike_count_entry e;
	const char *why;

	for (unsigned int i = 0; i < m->n; i++) {
		const struct ike_payload *p = &m->p[i];
		struct wr w = wr_init(out, sizeof(out));

		if (p->type != IKE_P_NOTIFY || p->u.notify.kind != IKE_N_COUNT_BASED_SA_PROPOSED)
			continue;
		for (unsigned int k = 0; ike_count_entry_decode(p, k, &e); k++) {
			ike_count_entry_encode(&e, &w);
			expect(ike_count_proposed(m, e.encr, &e, &why) != IKE_COUNT_ABSENT);
		}
		expect(w.len == p->data_len / IKE_COUNT_ENTRY_LEN * (size_t)IKE_COUNT_ENTRY_LEN &&
		       !memcmp(out, p->data, w.len));
	}
	if (ike_count_selected(m, &s, &why) == IKE_COUNT_GOOD)
		expect(s.bytes != 0 && !why);
	ike_vendor_seen(m);
}

static void use(struct ike_message *m)
{
	struct ike_parse_error err;
	char line[256];
	size_t total = 0;

	for (int keyrack = 0; keyrack < 2; keyrack++) {
		m->keyrack = keyrack;
		ike_message_check(m, &err);
	}
	read_counts(m);
	ike_message_print(m, line, sizeof(line));
	ike_message_dump(m, ignore_line, &total);
	for (unsigned int i = 0; i < m->n; i++) {
		if (m->p[i].type == IKE_P_SA)
			read_proposals(&m->p[i]);
		if (m->p[i].type == IKE_P_TSI || m->p[i].type == IKE_P_TSR)
			read_selectors(&m->p[i]);
	}
}

/* build(parse(x)) == x, unless x has reserved bits set. */
static void rebuild(const struct ike_message *m)
{
	static uint8_t out[MESSAGE_MAX];
	struct ike_builder b;

	ike_build_start(&b, out, sizeof(out), &m->hdr);
	for (unsigned int i = 0; i < m->n; i++)
		ike_build_payload(&b, &m->p[i]);
	expect(ike_build_finish(&b) == (int)m->hdr.length);
	expect(m->reserved || !memcmp(out, m->raw, m->hdr.length));
}

/* Without the right key nothing opens, and the sizes are what matters. */
static void try_open(const uint8_t *data, size_t size, const struct ike_suite *suite)
{
	static struct ike_crypto *crypto;
	static const struct ike_sk_key key;
	uint8_t *copy = malloc(size ? size : 1);
	struct ike_parse_error err;
	struct ike_message m;

	if (!crypto)
		crypto = ike_crypto_new();
	if (copy && crypto) {
		memcpy(copy, data, size);
		if (ike_message_parse(copy, size, &m, &err) == 0 &&
		    ike_message_open(crypto, suite, &key, copy, &m, &err) == 0)
			use(&m);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ike_suite gcm = {.encr = ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128)};
	const struct ike_suite cbc = {
		.encr = ike_alg_find(IKE_T_ENCR, IKE_ENCR_AES_CBC, 128),
		.integ = ike_alg_find(IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0),
	};
	struct ike_parse_error err;
	struct ike_message m = {0};

	if (size > MESSAGE_MAX)
		return 0;
	if (size && ike_message_parse_inner(&m, data[0], data + 1, size - 1, &err) == 0)
		use(&m);
	if (ike_message_parse(data, size, &m, &err) == 0) {
		use(&m);
		rebuild(&m);
		try_open(data, size, &gcm);
		try_open(data, size, &cbc);
	}
	return 0;
}
