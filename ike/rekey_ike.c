/* SPDX-License-Identifier: MIT */
/*
 * IKE SAs that replace one another, also from both ends at once: RFC 7296 2.8, 2.8.2, 2.18, 2.25.2. What both roles
 * have in common, and our own requests; those of the peer are in rekey_ike_r.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

enum { RESTARTS_MAX = 3, RETRY_SHIFT_MAX = 5 };

struct ike_sa *ike_sa_rekey_spare(struct ike_sa *old, bool initiator)
{
	struct ike_sa *sa = ike_sa_new(old->ike, old->conn, initiator, &old->path);

	if (!sa)
		return NULL;
	sa->phase = IKE_PHASE_SPARE;
	sa->lineage = old->lineage;
	sa->keyrack = old->keyrack;
	sa->optimized = old->optimized;
	sa->natt = old->natt;
	sa->nat_local = old->nat_local;
	sa->nat_remote = old->nat_remote;
	sa->ans.size = ike_conn_window(old->conn->cfg);
	return sa;
}

static struct ike_sa_rekey *rekey_context(struct ike_sa *old)
{
	if (!old->rekey) {
		old->rekey = calloc(1, sizeof(*old->rekey));
		if (old->rekey)
			old->rekey->old = old;
	}
	return old->rekey;
}

void ike_sa_rekey_forget(struct ike_sa *sa)
{
	struct ike_sa_rekey *k = sa->rekey;

	if (!k)
		return;
	sa->rekey = NULL;
	if (k->old == sa)
		k->old = NULL;
	if (k->ours == sa)
		k->ours = NULL;
	if (k->theirs == sa)
		k->theirs = NULL;
	if (!k->old && !k->ours && !k->theirs)
		free(k);
}

void ike_sa_rekey_leave(struct ike_sa *sa)
{
	struct ike_sa_rekey *k = sa->rekey;
	struct ike_sa *ours, *theirs;

	if (!k)
		return;
	ours = k->old == sa ? k->ours : NULL;
	theirs = k->old == sa ? k->theirs : NULL;
	ike_sa_rekey_forget(sa);
	if (ours)
		ike_sa_end(ours, IKE_DOWN_REDUNDANT, 0, false);
	if (theirs)
		ike_sa_end(theirs, IKE_DOWN_REDUNDANT, 0, false);
}

/* The rekey is over without a replacement: another one may start. */
static void rekey_dissolve(struct ike_sa *old)
{
	struct ike_sa_rekey *k = old->rekey;

	if (k && k->ours)
		ike_sa_end(k->ours, IKE_DOWN_REDUNDANT, 0, false);
	if (k && !k->theirs)
		ike_sa_rekey_forget(old);
}

/* RFC 7296 2.25: not at once, and not in step with the peer. */
static void rekey_retry(struct ike_sa *sa)
{
	uint64_t wait =
		IKE_RETRY_MIN_NS << (sa->rekey_failures < RETRY_SHIFT_MAX ? sa->rekey_failures : RETRY_SHIFT_MAX);

	if (wait > IKE_RETRY_MAX_NS / 2)
		wait = IKE_RETRY_MAX_NS / 2;
	if (sa->rekey_failures < UINT8_MAX)
		sa->rekey_failures++;
	ike_sa_due(sa, IKE_DUE_REKEY, sa->ike->now + wait + ike_random_below(sa->ike, wait));
}

void ike_sa_rekey_adopt(struct ike_sa *old, struct ike_sa *heir, bool by_us)
{
	struct ike_event ev = {.old_ike_sa = old->id};
	struct ike_child *c;

	ike_sa_rekey_forget(heir);
	ike_sa_rekey_forget(old);
	heir->phase = IKE_PHASE_UP;
	heir->known = true;
	ike_sa_due(heir, IKE_DUE_LIMIT, 0);
	if (ike_sa_set_ids(heir, old->local_id, old->remote_id)) /* works on, but INITIAL_CONTACT will not find it */
		ike_sa_log(heir, LOG_LEVEL_ERROR, "ike.memory", "no memory for its identities");
	old->phase = IKE_PHASE_REPLACED;
	old->heir = heir;
	for (unsigned int i = 0; i < IKE_DUES; i++)
		if (i != IKE_DUE_FORGET)
			ike_sa_due(old, (enum ike_due)i, 0);
	while ((c = TAILQ_FIRST(&old->children)))
		ike_child_move(c, heir);
	ike_window_move(old, heir);
	ike_sa_start_clocks(heir);
	ike_sa_log(heir, LOG_LEVEL_NOTICE, "ike.rekeyed", "replaces #%u, by %s", old->id, by_us ? "us" : "the peer");
	if (by_us) {
		old->ike->counters.ike_rekey_init++;
		ike_sa_queue_simple(old, IKE_JOB_DELETE);
		if (heir->ans.size > 1)
			ike_sa_queue_simple(heir, IKE_JOB_WINDOW);
	} else {
		old->ike->counters.ike_rekey_resp++;
		ike_sa_due(old, IKE_DUE_LIMIT, old->ike->now + IKE_ANSWERS_FORGET_NS);
	}
	ike_sa_event(heir, IKE_EV_SA_REKEYED, &ev);
}

/* ---- ours ---- */

int ike_sa_rekey_start(struct ike_sa *sa)
{
	struct ike_request *r;

	if (!ike_sa_usable(sa) || sa->rekey)
		return -EALREADY;
	r = ike_request_new(sa, IKE_JOB_REKEY);
	if (!r || !rekey_context(sa)) {
		ike_request_free(r);
		return -ENOMEM;
	}
	ike_request_queue(r, false);
	return 0;
}

int ike_sa_rekey(struct ike *ike, uint64_t now, uint32_t ike_sa)
{
	struct ike_sa *sa = ike_sa_by_id(ike, ike_sa);
	int err;

	if (!sa || (sa->phase != IKE_PHASE_UP && sa->phase != IKE_PHASE_REPLACED && sa->phase != IKE_PHASE_CLOSING))
		return -ENOENT;
	ike_enter(ike, now);
	err = ike_sa_rekey_start(sa);
	ike_leave(ike);
	return err;
}

static unsigned int rekey_proposals(const struct ike_conn_cfg *cfg, const uint8_t spi[IKE_SPI_LEN],
				    struct ike_proposal out[IKE_PROPOSALS_CFG_MAX])
{
	for (unsigned int i = 0; i < cfg->n_proposals; i++) {
		out[i] = cfg->proposals[i];
		out[i].number = (uint8_t)(i + 1);
		out[i].protocol = IKE_PROTO_IKE;
		out[i].spi_size = IKE_SPI_LEN;
		memcpy(out[i].spi, spi, IKE_SPI_LEN);
	}
	return cfg->n_proposals;
}

int ike_sa_rekey_build(struct ike_request *r, struct ike_builder *b)
{
	struct ike_sa *old = r->sa, *sa;
	const struct ike_conn_cfg *cfg = old->conn->cfg;
	struct ike_proposal proposals[IKE_PROPOSALS_CFG_MAX];
	const uint8_t *pub;
	size_t len;
	int err;

	if (!old->rekey || old->phase != IKE_PHASE_UP)
		return -ECANCELED;
	r->optimized = old->optimized && !r->regular && !old->changed && cfg->optimized_rekey;
	if (r->optimized)
		r->group = old->suite.ke->id;
	if (!r->group)
		r->group = ike_proposals_offer(cfg->proposals, cfg->n_proposals, old->suite.ke->id)
				   ? old->suite.ke->id
				   : ike_proposals_group(cfg->proposals, cfg->n_proposals);
	r->ke = ike_ke_new(old->ike->crypto, ike_alg_find(IKE_T_KE, r->group, 0), &err);
	if (!r->ke)
		return err;
	sa = ike_sa_rekey_spare(old, true);
	if (!sa)
		return -ENOMEM;
	ike_sa_choose_spi(old->ike, sa->spi_i);
	ike_sa_index_spi(sa);
	sa->rekey = old->rekey;
	old->rekey->ours = sa;
	old->rekey_sent = true;
	ike_random(old->ike, r->nonce, IKE_NONCE_LEN);
	if (r->optimized)
		ike_optimized_build(b, sa->spi_i, IKE_SPI_LEN);
	else
		ike_build_sa(b, proposals, rekey_proposals(cfg, sa->spi_i, proposals));
	ike_build_nonce(b, r->nonce, IKE_NONCE_LEN);
	pub = ike_ke_public(r->ke, &len);
	ike_build_ke(b, r->group, pub, len);
	return 0;
}

void ike_sa_rekey_cancel(struct ike_request *r, enum ike_down down, uint16_t notify)
{
	(void)down;
	(void)notify;
	r->sa->rekey_sent = false;
	if (r->sa->phase == IKE_PHASE_UP)
		rekey_dissolve(r->sa);
}

int ike_sa_rekey_keys(struct ike_sa *old, struct ike_sa *sa, const struct ike_proposal *chosen, struct ike_ke *own,
		      const struct ike_payload *ke, struct ike_chunk ni, struct ike_chunk nr)
{
	struct ike_crypto *crypto = old->ike->crypto;
	uint8_t shared[IKE_KE_SHARED_MAX];
	struct ike_sa_keys keys;
	int len, err;

	ike_suite_of(chosen, &sa->suite);
	if (!ike_suite_whole(&sa->suite)) {
		sa->suite = (struct ike_suite){0};
		return -EBADMSG;
	}
	len = ike_ke_derive(crypto, own, ke->data, ke->data_len, shared);
	err = len < 0 ? len : 0;
	if (!err)
		err = ike_keys_derive(crypto, &sa->suite, ni, nr, (struct ike_chunk){shared, (size_t)len}, sa->spi_i,
				      sa->spi_r, old->suite.prf, old->sk_d, &keys);
	if (!err)
		ike_sa_set_keys(sa, &keys);
	else
		sa->suite = (struct ike_suite){0};
	OPENSSL_cleanse(shared, sizeof(shared));
	OPENSSL_cleanse(&keys, sizeof(keys));
	return err;
}

bool ike_sa_rekey_inherited(const struct ike_sa *old, const struct ike_message *m, struct ike_proposal *chosen)
{
	ike_suite_proposal(&old->suite, chosen);
	chosen->spi_size = IKE_SPI_LEN;
	return ike_optimized_find(m) && ike_optimized_spi(m, chosen->spi, IKE_SPI_LEN);
}

/* The proposal that the peer has chosen, or inherits. False: none of ours. */
static bool rekey_chosen(const struct ike_request *r, const struct ike_sa *sa, const struct ike_message *m,
			 struct ike_proposal *chosen)
{
	const struct ike_payload *p = ike_message_find(m, IKE_P_SA);
	struct ike_proposal offered[IKE_PROPOSALS_CFG_MAX], got[2];
	struct ike_parse_error err = {0};

	if (r->optimized)
		return ike_sa_rekey_inherited(r->sa, m, chosen);
	if (!p || ike_proposals_parse(p, got, 2, &err) != 1 ||
	    ike_proposal_verify(offered, rekey_proposals(r->sa->conn->cfg, sa->spi_i, offered), &got[0]))
		return false;
	*chosen = got[0];
	return chosen->spi_size == IKE_SPI_LEN && get_be64(chosen->spi);
}

static int rekey_accept(struct ike_request *r, struct ike_sa *sa, const struct ike_message *m)
{
	const struct ike_payload *ke = ike_message_find(m, IKE_P_KE), *nonce = ike_message_find(m, IKE_P_NONCE);
	struct ike_proposal chosen;
	const struct ike_alg *group;

	if (!ke || !nonce || !rekey_chosen(r, sa, m, &chosen))
		return -EBADMSG;
	group = ike_proposal_alg(&chosen, IKE_T_KE);
	if (!group || group->id != r->group || ke->u.ke.group != r->group)
		return -EBADMSG;
	r->sa->ike->counters.optimized_init += r->optimized;
	memcpy(sa->spi_r, chosen.spi, IKE_SPI_LEN);
	ike_nonce_lowest((struct ike_chunk){r->nonce, IKE_NONCE_LEN}, (struct ike_chunk){nonce->data, nonce->data_len},
			 &r->sa->rekey->low_ours);
	return ike_sa_rekey_keys(r->sa, sa, &chosen, r->ke, ke, (struct ike_chunk){r->nonce, IKE_NONCE_LEN},
				 (struct ike_chunk){nonce->data, nonce->data_len});
}

/* Our request once more: with the group that the peer wants, or the regular way. NULL: neither would help. */
static struct ike_request *rekey_again(const struct ike_request *r, const struct ike_payload *error)
{
	const struct ike_conn_cfg *cfg = r->sa->conn->cfg;
	uint16_t kind = error->u.notify.kind;
	uint16_t group = kind == IKE_N_INVALID_KE_PAYLOAD && error->data_len == 2 ? get_be16(error->data) : 0;
	bool regular = r->optimized && (kind == IKE_N_NO_PROPOSAL_CHOSEN || kind == IKE_N_INVALID_KE_PAYLOAD);
	struct ike_request *again;

	if (regular)
		group = 0;
	else if (!group || group == r->group || r->restarts >= RESTARTS_MAX ||
		 !ike_proposals_offer(cfg->proposals, cfg->n_proposals, group))
		return NULL;
	again = ike_request_new(r->sa, IKE_JOB_REKEY);
	if (!again)
		return NULL;
	r->sa->ike->counters.optimized_refused += regular;
	again->group = group;
	again->regular = r->regular || regular;
	again->restarts = (uint8_t)(r->restarts + 1);
	return again;
}

static void rekey_refused(struct ike_request *r, const struct ike_payload *error)
{
	struct ike_sa *old = r->sa;
	struct ike_sa_rekey *k = old->rekey;
	uint16_t kind = error->u.notify.kind;
	struct ike_sa *theirs = k->theirs;
	struct ike_request *again;
	char text[32];

	ike_sa_end(k->ours, IKE_DOWN_REFUSED, kind, false);
	if (theirs) { /* the peer finished its own rekey before it saw ours, RFC 7296 2.8.2 */
		ike_sa_rekey_adopt(old, theirs, false);
		return;
	}
	ike_sa_log(old, LOG_LEVEL_INFO, "ike.refused", "the peer does not rekey now: %s", ike_notify_text(kind, text));
	if (kind == IKE_N_TEMPORARY_FAILURE)
		old->ike->counters.temporary_failures++;
	again = rekey_again(r, error);
	if (again) {
		ike_request_queue(again, true);
		return;
	}
	ike_sa_rekey_forget(old);
	rekey_retry(old);
}

/* Both exchanges have succeeded: the IKE SA with the lowest nonce goes, by the hand of who made it. RFC 7296 2.8.2. */
static void rekey_decide(struct ike_sa *old)
{
	struct ike_sa_rekey *k = old->rekey;
	struct ike_sa *ours = k->ours, *theirs = k->theirs;

	if (!theirs || !ike_nonce_lower(&k->low_ours, &k->low_theirs)) {
		if (theirs) {
			ike_sa_rekey_forget(theirs);
			ike_sa_due(theirs, IKE_DUE_LIMIT, old->ike->now + IKE_SPARE_NS);
		}
		ike_sa_rekey_adopt(old, ours, true);
		return;
	}
	ike_sa_log(ours, LOG_LEVEL_INFO, "ike.collision", "lost a simultaneous rekey of #%u: it has the lowest nonce",
		   old->id);
	ike_sa_rekey_forget(ours);
	ike_sa_rekey_adopt(old, theirs, false);
	ours->phase = IKE_PHASE_CLOSING;
	ours->reason = IKE_DOWN_REDUNDANT;
	if (!ike_sa_queue_simple(ours, IKE_JOB_DELETE))
		ike_sa_drop(ours, IKE_DOWN_REDUNDANT);
}

void ike_sa_rekey_answered(struct ike_request *r, const struct ike_message *m)
{
	const struct ike_payload *error = ike_message_error(m);
	struct ike_sa *old = r->sa, *ours = old->rekey ? old->rekey->ours : NULL;

	old->rekey_sent = false;
	if (!ours)
		return;
	if (old->phase != IKE_PHASE_UP) { /* being closed: what replaces it would have nothing to do */
		ike_sa_end(ours, IKE_DOWN_REDUNDANT, 0, false);
		return;
	}
	if (error && !ike_message_find(m, IKE_P_SA) && !ike_optimized_find(m)) {
		rekey_refused(r, error);
		return;
	}
	if (rekey_accept(r, ours, m)) {
		ike_sa_log(old, LOG_LEVEL_WARN, "ike.invalid", "the peer's answer to our rekey makes no sense");
		rekey_dissolve(old);
		if (old->rekey)
			ike_sa_rekey_adopt(old, old->rekey->theirs, false);
		else
			rekey_retry(old);
		return;
	}
	rekey_decide(old);
}

void ike_sa_rekey_settle_for_theirs(struct ike_sa *old)
{
	struct ike_sa_rekey *k = old->rekey;
	struct ike_sa *theirs = k ? k->theirs : NULL;

	if (!theirs)
		return;
	if (k->ours)
		ike_sa_end(k->ours, IKE_DOWN_REDUNDANT, 0, false);
	ike_sa_rekey_adopt(old, theirs, false);
}
