/* SPDX-License-Identifier: MIT */
/*
 * IKE_SA_INIT, responder: cheap refusals first, state and public-key operations last (RFC 7296 2.6). A request that
 * is repeated octet by octet gets the same answer; one that belongs to an IKE SA past IKE_AUTH is ignored (2.1).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/engine.h"

struct init_ask {
	struct ike *ike;
	const struct ike_path *path;
	const struct ike_message *m;
	const struct ike_payload *sa, *ke, *nonce;
	uint64_t hash; /* of the whole request */
	struct ike_conn *conn;
	struct ike_proposal chosen;
};

static uint64_t init_key(const struct ike *ike, const struct ike_addr *from, const uint8_t spi_i[IKE_SPI_LEN])
{
	return ike_table_hash(ike->seed, from->ip, sizeof(from->ip)) ^
	       ike_table_mix(ike->seed ^ from->port, get_be64(spi_i));
}

static struct ike_sa *init_known(struct ike *ike, const struct ike_addr *from, const struct ike_header *hdr,
				 uint64_t hash)
{
	struct ike_node *n = ike_table_first(&ike->sa_by_init, init_key(ike, from, hdr->spi_i));

	for (; n; n = ike_table_next(n)) {
		struct ike_sa *sa = ike_entry(n, struct ike_sa, by_init);

		if (sa->init_hash == hash && ike_addr_equal(&sa->init_from, from) &&
		    !memcmp(sa->spi_i, hdr->spi_i, IKE_SPI_LEN))
			return sa;
	}
	return NULL;
}

static void init_refuse(const struct init_ask *a, uint16_t kind, const void *data, size_t len)
{
	if (ike_logs(a->ike, LOG_LEVEL_INFO)) {
		char from[IKE_TEXT_MAX], text[32];

		log_at(a->ike->log, LOG_LEVEL_INFO, "ike.refuse", "IKE_SA_INIT from %s answered with %s",
		       ike_addr_text(&a->path->remote, from), ike_notify_text(kind, text));
	}
	ike_send_unprotected(a->ike, a->path, &a->m->hdr, kind, data, len);
}

/* The bounds on half-open IKE SAs. True: go on. */
static bool init_admit(const struct init_ask *a)
{
	struct ike *ike = a->ike;
	const struct ike_payload *cookie = ike_message_notify(a->m, IKE_N_COOKIE);
	uint32_t total = ike->counters.half_open, same = ike_half_open_of(ike, &a->path->remote);
	uint8_t made[IKE_COOKIE_MAX];
	bool good;
	int len;

	if (total >= ike->set.cookie_threshold || same >= (ike->set.half_open_per_ip + 1) / 2) {
		good = cookie && ike_cookie_good(ike, &a->path->remote, a->m->hdr.spi_i, a->nonce, cookie);
		if (!good) {
			len = ike_cookie_make(ike, &a->path->remote, a->m->hdr.spi_i, a->nonce, made);
			if (cookie)
				ike->counters.cookies_bad++;
			if (len > 0) {
				ike->counters.cookies_sent++;
				init_refuse(a, IKE_N_COOKIE, made, (size_t)len);
			}
			return false;
		}
	}
	if (total >= ike->set.half_open_max || same >= ike->set.half_open_per_ip) {
		ike->counters.half_open_dropped++;
		return false;
	}
	return true;
}

/* The first connection for these addresses that one of the proposals fits. 0 or the notify. */
static uint16_t init_choose(struct init_ask *a)
{
	struct ike_proposal theirs[IKE_PROPOSALS_MAX];
	struct ike_parse_error err = {0};
	int n = ike_proposals_parse(a->sa, theirs, IKE_PROPOSALS_MAX, &err);
	struct ike_suite suite;

	if (n < 0)
		return IKE_N_INVALID_SYNTAX;
	while ((a->conn = ike_conn_next(a->ike, a->path, a->conn))) {
		const struct ike_conn_cfg *cfg = a->conn->cfg;

		if (ike_proposal_select(a->ike->crypto, cfg->proposals, cfg->n_proposals, theirs, (unsigned int)n,
					a->ke->u.ke.group, false, &a->chosen))
			continue;
		ike_suite_of(&a->chosen, &suite);
		if (a->chosen.protocol == IKE_PROTO_IKE && ike_suite_whole(&suite))
			return 0;
	}
	return IKE_N_NO_PROPOSAL_CHOSEN;
}

static struct ike_buf *init_answer(struct ike_sa *sa, const struct init_ask *a)
{
	struct ike_init *init = sa->init;
	struct ike_header hdr = a->m->hdr;
	struct ike_builder b;
	const uint8_t *pub;
	size_t len;

	pub = ike_ke_public(init->ke, &len);
	memcpy(hdr.spi_r, sa->spi_r, IKE_SPI_LEN);
	hdr.version = 0x20;
	hdr.flags = IKE_FLAG_RESPONSE;
	ike_build_start(&b, sa->ike->scratch, IKE_MESSAGE_MAX, &hdr);
	ike_build_sa(&b, &init->chosen, 1);
	ike_build_ke(&b, sa->suite.ke->id, pub, len);
	ike_build_nonce(&b, init->nr.data, init->nr.len);
	if (sa->natt)
		ike_nat_build(sa, &b, sa->spi_i, sa->spi_r);
	if (sa->keyrack)
		ike_vendor_build(&b);
	return ike_send_copy(&b, ike_build_finish(&b));
}

static uint16_t init_start(struct ike_sa *sa, const struct init_ask *a)
{
	struct ike_init *init = calloc(1, sizeof(*init));
	struct ike_builder raw = {.w = {.start = (uint8_t *)(uintptr_t)a->m->raw}};
	int err;

	sa->init = init;
	if (!init)
		return IKE_N_TEMPORARY_FAILURE;
	init->chosen = a->chosen;
	init->request = ike_send_copy(&raw, (int)a->m->hdr.length);
	ike_nonce_set(&init->ni, (struct ike_chunk){a->nonce->data, a->nonce->data_len});
	init->nr.len = IKE_NONCE_LEN;
	ike_random(sa->ike, init->nr.data, IKE_NONCE_LEN);
	memcpy(sa->spi_i, a->m->hdr.spi_i, IKE_SPI_LEN);
	ike_sa_choose_spi(sa->ike, sa->spi_r);
	init->ke = ike_ke_new(sa->ike->crypto, ike_proposal_alg(&a->chosen, IKE_T_KE), &err);
	if (!init->ke || !init->request)
		return IKE_N_TEMPORARY_FAILURE;
	if (ike_init_keys(sa, a->ke))
		return IKE_N_INVALID_SYNTAX; /* not a public value of this group */
	ike_nat_detect(sa, a->path, a->m);
	sa->keyrack = ike_vendor_seen(a->m); /* a peer that does not know our Vendor ID never sees it */
	init->response = init_answer(sa, a);
	ike_ke_free(init->ke);
	init->ke = NULL;
	return init->response ? 0 : IKE_N_TEMPORARY_FAILURE;
}

static void init_begin(struct init_ask *a)
{
	struct ike *ike = a->ike;
	struct ike_sa *sa = ike_sa_new(ike, a->conn, false, a->path);
	uint16_t notify;

	if (!sa)
		return;
	sa->phase = IKE_PHASE_INIT_ANSWERED;
	sa->init_from = a->path->remote;
	sa->init_hash = a->hash;
	sa->ans.base = sa->ans.top = 1; /* IKE_AUTH comes next */
	notify = init_start(sa, a);
	if (notify) {
		ike_sa_end(sa, IKE_DOWN_PROTOCOL, notify, false);
		if (notify == IKE_N_INVALID_SYNTAX && ike_unauth_allowed(ike))
			init_refuse(a, notify, NULL, 0);
		return;
	}
	ike_sa_index_spi(sa);
	ike_table_add(&ike->sa_by_init, &sa->by_init, init_key(ike, &sa->init_from, sa->spi_i));
	ike_sa_half_open(sa, true);
	ike_sa_due(sa, IKE_DUE_LIMIT, ike->now + ike->set.half_open_ns);
	ike->counters.ike_init_out_resp++;
	ike_emit(ike, a->path, sa->init->response);
}

static void init_ask(struct init_ask *a)
{
	const struct ike_alg *group;
	uint16_t notify;
	uint8_t data[2];

	if (!init_admit(a))
		return;
	notify = init_choose(a);
	group = notify ? NULL : ike_proposal_alg(&a->chosen, IKE_T_KE);
	if (notify) {
		if (ike_unauth_allowed(a->ike))
			init_refuse(a, notify, NULL, 0);
	} else if (group->id != a->ke->u.ke.group) {
		put_be16(data, group->id);
		init_refuse(a, IKE_N_INVALID_KE_PAYLOAD, data, sizeof(data));
	} else {
		init_begin(a);
	}
}

static void init_faulty(struct ike *ike, const struct ike_path *path, const struct ike_header *hdr,
			const struct ike_parse_error *err)
{
	bool critical = err->notify == IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD;

	ike->counters.invalid++;
	if (ike_logs(ike, LOG_LEVEL_INFO)) {
		char from[IKE_TEXT_MAX];

		log_at(ike->log, LOG_LEVEL_INFO, "ike.invalid", "IKE_SA_INIT request from %s: %s",
		       ike_addr_text(&path->remote, from), err->text);
	}
	if (err->notify && ike_unauth_allowed(ike))
		ike_send_unprotected(ike, path, hdr, err->notify, &err->critical, critical ? 1 : 0);
}

void ike_init_request(struct ike *ike, const struct ike_path *path, const uint8_t *buf, size_t len,
		      const struct ike_header *hdr)
{
	uint64_t hash = ike_table_hash(ike->seed, buf, len);
	struct ike_sa *known = init_known(ike, &path->remote, hdr, hash);
	struct ike_parse_error err = {0};
	struct ike_message m;
	struct init_ask a = {.ike = ike, .path = path, .m = &m, .hash = hash};

	ike->counters.ike_init_in_req++;
	if (known) {
		if (known->phase == IKE_PHASE_INIT_ANSWERED && known->init && known->init->response) {
			ike->counters.retransmits_answered++;
			ike_emit(ike, path, known->init->response);
		}
		return;
	}
	if (hdr->msgid || get_be64(hdr->spi_r) || !get_be64(hdr->spi_i)) {
		ike->counters.invalid++;
		return;
	}
	if (ike_message_parse(buf, len, &m, &err) || ike_message_check(&m, &err)) {
		init_faulty(ike, path, hdr, &err);
		return;
	}
	a.sa = ike_message_find(&m, IKE_P_SA);
	a.ke = ike_message_find(&m, IKE_P_KE);
	a.nonce = ike_message_find(&m, IKE_P_NONCE);
	if (a.sa && a.ke && a.nonce)
		init_ask(&a);
	else
		ike->counters.invalid++;
}
