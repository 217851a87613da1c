/* SPDX-License-Identifier: MIT */
/* The peer rekeys the IKE SA: RFC 7296 1.3.2, 2.8.2, 2.25.2. */
#include <errno.h>
#include <string.h>

#include "ike/engine.h"

struct rekey_ask {
	struct ike_sa *old;
	const struct ike_message *m;
	const struct ike_payload *ke, *nonce;
	bool optimized;
	struct ike_proposal chosen;
	uint16_t group;
	uint8_t nr[IKE_NONCE_LEN];
	struct ike_ke *own;
};

static uint16_t rekey_choose_inherited(struct rekey_ask *a)
{
	const struct ike_sa *old = a->old;

	if (!a->ke || !a->nonce || old->changed || !ike_sa_rekey_inherited(old, a->m, &a->chosen) ||
	    a->ke->u.ke.group != old->suite.ke->id)
		return IKE_N_NO_PROPOSAL_CHOSEN;
	a->group = old->suite.ke->id;
	return 0;
}

static uint16_t rekey_choose(struct rekey_ask *a)
{
	const struct ike_conn_cfg *cfg = a->old->conn->cfg;
	const struct ike_payload *p = ike_message_find(a->m, IKE_P_SA);
	struct ike_proposal theirs[IKE_PROPOSALS_MAX];
	struct ike_parse_error err = {0};
	struct ike_suite suite;
	int n;

	a->ke = ike_message_find(a->m, IKE_P_KE);
	a->nonce = ike_message_find(a->m, IKE_P_NONCE);
	a->optimized = ike_optimized_find(a->m) != NULL;
	if (a->optimized)
		return rekey_choose_inherited(a);
	n = p && a->ke && a->nonce ? ike_proposals_parse(p, theirs, IKE_PROPOSALS_MAX, &err) : -EBADMSG;
	if (n < 0)
		return IKE_N_INVALID_SYNTAX;
	if (ike_proposal_select(a->old->ike->crypto, cfg->proposals, cfg->n_proposals, theirs, (unsigned int)n,
				a->ke->u.ke.group, false, &a->chosen))
		return IKE_N_NO_PROPOSAL_CHOSEN;
	ike_suite_of(&a->chosen, &suite);
	if (!ike_suite_whole(&suite))
		return IKE_N_NO_PROPOSAL_CHOSEN;
	if (a->chosen.spi_size != IKE_SPI_LEN || !get_be64(a->chosen.spi))
		return IKE_N_INVALID_SYNTAX;
	a->group = suite.ke->id;
	return a->group == a->ke->u.ke.group ? 0 : IKE_N_INVALID_KE_PAYLOAD;
}

static struct ike_sa *rekey_make(struct rekey_ask *a)
{
	struct ike *ike = a->old->ike;
	struct ike_sa *sa = ike_sa_rekey_spare(a->old, false);
	int err;

	if (!sa)
		return NULL;
	memcpy(sa->spi_i, a->chosen.spi, IKE_SPI_LEN);
	ike_sa_choose_spi(ike, sa->spi_r);
	ike_sa_index_spi(sa);
	ike_random(ike, a->nr, sizeof(a->nr));
	a->own = ike_ke_new(ike->crypto, ike_alg_find(IKE_T_KE, a->group, 0), &err);
	if (!a->own || ike_sa_rekey_keys(a->old, sa, &a->chosen, a->own, a->ke,
					 (struct ike_chunk){a->nonce->data, a->nonce->data_len},
					 (struct ike_chunk){a->nr, sizeof(a->nr)})) {
		ike_sa_end(sa, IKE_DOWN_PROTOCOL, 0, false);
		return NULL;
	}
	return sa;
}

static void rekey_answer(struct rekey_ask *a, struct ike_sa *sa)
{
	struct ike_builder b;
	const uint8_t *pub;
	size_t len;

	memcpy(a->chosen.spi, sa->spi_r, IKE_SPI_LEN);
	pub = ike_ke_public(a->own, &len);
	ike_send_start(a->old, &b, IKE_X_CREATE_CHILD_SA, true, a->m->hdr.msgid);
	if (a->optimized)
		ike_optimized_build(&b, sa->spi_r, IKE_SPI_LEN);
	else
		ike_build_sa(&b, &a->chosen, 1);
	ike_build_nonce(&b, a->nr, sizeof(a->nr));
	ike_build_ke(&b, a->group, pub, len);
	ike_answer_send(a->old, a->m->hdr.msgid, ike_send_seal(a->old, &b));
}

/* The new IKE SA is there: it takes over at once, unless our own rekey is in flight, too. */
static void rekey_theirs(struct rekey_ask *a, struct ike_sa *sa)
{
	struct ike_sa *old = a->old;

	if (!old->rekey_sent) {
		ike_sa_rekey_adopt(old, sa, false);
		return;
	}
	old->ike->counters.collisions++;
	sa->rekey = old->rekey;
	old->rekey->theirs = sa;
	ike_nonce_lowest((struct ike_chunk){a->nonce->data, a->nonce->data_len},
			 (struct ike_chunk){a->nr, sizeof(a->nr)}, &old->rekey->low_theirs);
	ike_sa_log(old, LOG_LEVEL_INFO, "ike.collision", "both ends rekey this IKE SA");
}

static uint16_t rekey_ask(struct rekey_ask *a)
{
	struct ike_verdict v = ike_collide(a->old, IKE_ASK_SA_REKEY, NULL);
	struct ike_sa *sa;
	uint16_t notify;

	if (v.notify) {
		a->old->ike->counters.temporary_failures++;
		ike_sa_log(a->old, LOG_LEVEL_INFO, "ike.collision", "the peer cannot rekey it now: %s", v.sentence);
		if (a->old->phase == IKE_PHASE_UP) /* let its next attempt find a quiet moment */
			ike_sa_due(a->old, IKE_DUE_YIELD, a->old->ike->now + IKE_YIELD_NS);
		return v.notify;
	}
	notify = rekey_choose(a);
	if (notify)
		return notify;
	sa = rekey_make(a);
	if (!sa)
		return a->optimized ? IKE_N_NO_PROPOSAL_CHOSEN : IKE_N_INVALID_SYNTAX;
	a->old->ike->counters.optimized_resp += a->optimized;
	rekey_answer(a, sa);
	rekey_theirs(a, sa);
	return 0;
}

void ike_sa_rekey_request(struct ike_sa *sa, const struct ike_message *m)
{
	struct rekey_ask a = {.old = sa, .m = m};
	uint16_t notify = rekey_ask(&a);
	uint8_t data[2];

	put_be16(data, a.group);
	if (notify)
		ike_answer_notify(sa, IKE_X_CREATE_CHILD_SA, m->hdr.msgid, notify, data,
				  notify == IKE_N_INVALID_KE_PAYLOAD ? sizeof(data) : 0);
	ike_ke_free(a.own);
}
