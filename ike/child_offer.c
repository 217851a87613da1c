/* SPDX-License-Identifier: MIT */
/* The initiator's half of a Child SA: what IKE_AUTH and CREATE_CHILD_SA have in common. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

static unsigned int offer_ts(const struct ike_child *c, bool local, struct ike_ts out[IKE_TS_MAX])
{
	const struct ike_child *old = c->of ? c->of->old : NULL;
	const struct ike_child_cfg *cfg = c->pub.cfg;
	unsigned int n = local ? cfg->n_local_ts : cfg->n_remote_ts;
	const struct ike_ts *ts = local ? cfg->local_ts : cfg->remote_ts;

	if (c->ts) { /* as it was offered: the old one may be gone meanwhile */
		n = local ? c->pub.n_local_ts : c->pub.n_remote_ts;
		ts = local ? c->pub.local_ts : c->pub.remote_ts;
	} else if (old) {
		n = local ? old->pub.n_local_ts : old->pub.n_remote_ts;
		ts = local ? old->pub.local_ts : old->pub.remote_ts;
	}
	if (!n) {
		ike_ts_host(local ? &c->sa->path.local : &c->sa->path.remote, out);
		return 1;
	}
	memcpy(out, ts, n * sizeof(*ts));
	return n;
}

/* RFC 9611 section 2: an additional Child SA has the algorithms of the first. PFS is none of its properties. */
static bool offer_takes(const struct ike_child *c, const struct ike_transform *t)
{
	if (!c->additional)
		return true;
	switch (t->type) {
	case IKE_T_ENCR:
		return t->id == c->pub.encr && t->key_bits == c->pub.encr_bits;
	case IKE_T_INTEG:
		return t->id == c->pub.integ;
	case IKE_T_ESN:
		return (t->id == IKE_ESN_YES) == c->pub.esn;
	default:
		return true;
	}
}

static bool offer_has_cipher(const struct ike_proposal *p)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == IKE_T_ENCR)
			return true;
	return false;
}

/* Our proposals with our SPI; without KE in IKE_AUTH, which has no KE payload (RFC 7296 1.2). How many. */
static unsigned int offer_proposals(const struct ike_child *c, bool in_auth,
				    struct ike_proposal out[IKE_PROPOSALS_CFG_MAX])
{
	const struct ike_child_cfg *cfg = c->pub.cfg;
	unsigned int n = 0;

	for (unsigned int i = 0; i < cfg->n_proposals; i++) {
		const struct ike_proposal *from = &cfg->proposals[i];
		struct ike_proposal *p = &out[n];

		p->number = (uint8_t)(n + 1);
		p->protocol = IKE_PROTO_ESP;
		p->spi_size = 4;
		put_be32(p->spi, c->pub.spi_in);
		p->n = 0;
		for (unsigned int j = 0; j < from->n; j++)
			if ((!in_auth || from->t[j].type != IKE_T_KE) && offer_takes(c, &from->t[j]))
				p->t[p->n++] = from->t[j];
		n += offer_has_cipher(p);
	}
	return n;
}

bool ike_proposals_offer(const struct ike_proposal *p, unsigned int n, uint16_t group)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < p[i].n; j++)
			if (p[i].t[j].type == IKE_T_KE && p[i].t[j].id == group)
				return true;
	return false;
}

uint16_t ike_proposals_group(const struct ike_proposal *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < p[i].n; j++)
			if (p[i].t[j].type == IKE_T_KE && p[i].t[j].id != IKE_KE_NONE)
				return p[i].t[j].id;
	return 0;
}

/* The group of our KE payload: the peer's wish, else what the old one used, else our first. 0: none. */
static uint16_t offer_group(const struct ike_request *r, const struct ike_child *c)
{
	const struct ike_child_cfg *cfg = c->pub.cfg;
	const struct ike_child *old = c->of ? c->of->old : NULL;

	if (r->group)
		return r->group;
	if (old && old->pub.ke && ike_proposals_offer(cfg->proposals, cfg->n_proposals, old->pub.ke))
		return old->pub.ke;
	return ike_proposals_group(cfg->proposals, cfg->n_proposals);
}

int ike_offer_ke(struct ike_request *r, struct ike_builder *b)
{
	const uint8_t *pub;
	size_t len;
	int err;

	r->ke = ike_ke_new(r->sa->ike->crypto, ike_alg_find(IKE_T_KE, r->group, 0), &err);
	if (!r->ke)
		return err;
	pub = ike_ke_public(r->ke, &len);
	ike_build_ke(b, r->group, pub, len);
	return 0;
}

int ike_offer_build(struct ike_request *r, struct ike_child *c, struct ike_builder *b, bool in_auth)
{
	const struct ike_child *old = c->of ? c->of->old : NULL;
	struct ike_proposal proposals[IKE_PROPOSALS_CFG_MAX];
	struct ike_ts local[IKE_TS_MAX], remote[IKE_TS_MAX];
	unsigned int n_local = offer_ts(c, true, local), n_remote = offer_ts(c, false, remote);
	unsigned int n = offer_proposals(c, in_auth, proposals);
	uint8_t spi[4];
	int err;

	if (old && !r->regular && ike_optimized_child_may(old) && r->sa->conn->cfg->optimized_rekey)
		return ike_optimized_offer(r, c, b);
	err = ike_child_set_ts(c, local, n_local, remote, n_remote);
	if (err)
		return err;
	if (old) {
		put_be32(spi, old->pub.spi_in);
		ike_build_notify(b, IKE_PROTO_ESP, spi, sizeof(spi), IKE_N_REKEY_SA, NULL, 0);
	}
	if (c->pub.mode == IKE_MODE_TRANSPORT)
		ike_build_notify(b, 0, NULL, 0, IKE_N_USE_TRANSPORT_MODE, NULL, 0);
	ike_build_sa(b, proposals, n);
	if (!in_auth) {
		ike_random(r->sa->ike, r->nonce, IKE_NONCE_LEN);
		ike_build_nonce(b, r->nonce, IKE_NONCE_LEN);
		r->group = offer_group(r, c);
		err = r->group ? ike_offer_ke(r, b) : 0;
		if (err)
			return err;
	}
	ike_build_ts(b, IKE_P_TSI, local, n_local);
	ike_build_ts(b, IKE_P_TSR, remote, n_remote);
	if (c->pub.resource)
		ike_build_notify(b, 0, NULL, 0, IKE_N_SA_RESOURCE_INFO, r->resource, r->resource_len);
	ike_count_offer(r, c, proposals, n, b);
	return 0;
}

static const char *offer_check_ts(struct ike_child *c, const struct ike_message *m)
{
	const struct ike_payload *tsi = ike_message_find(m, IKE_P_TSI), *tsr = ike_message_find(m, IKE_P_TSR);
	struct ike_ts local[IKE_TS_MAX], remote[IKE_TS_MAX], mine[IKE_TS_MAX], theirs[IKE_TS_MAX];
	unsigned int n_mine = offer_ts(c, true, mine), n_theirs = offer_ts(c, false, theirs);
	struct ike_parse_error err = {0};
	int n_local = tsi ? ike_ts_parse(tsi, local, IKE_TS_MAX, &err) : 0;
	int n_remote = tsr ? ike_ts_parse(tsr, remote, IKE_TS_MAX, &err) : 0;

	if (n_local <= 0 || n_remote <= 0)
		return "it has no traffic selectors";
	if (c->pub.mode == IKE_MODE_TRANSPORT && c->sa->nat_local)
		ike_ts_substitute(local, (unsigned int)n_local, &c->sa->path.local);
	if (c->pub.mode == IKE_MODE_TRANSPORT && c->sa->nat_remote)
		ike_ts_substitute(remote, (unsigned int)n_remote, &c->sa->path.remote);
	if (!ike_ts_within(local, (unsigned int)n_local, mine, n_mine) ||
	    !ike_ts_within(remote, (unsigned int)n_remote, theirs, n_theirs))
		return "its traffic selectors are wider than what was asked for";
	if (c->additional && (!ike_ts_within(mine, n_mine, local, (unsigned int)n_local) ||
			      !ike_ts_within(theirs, n_theirs, remote, (unsigned int)n_remote)))
		return "its traffic selectors are not those of the Child SA that it is to be like";
	return ike_child_set_ts(c, local, (unsigned int)n_local, remote, (unsigned int)n_remote) ? "no memory" : NULL;
}

static const char *offer_check_ke(struct ike_request *r, const struct ike_proposal *chosen, const struct ike_message *m,
				  uint8_t shared[IKE_KE_SHARED_MAX], size_t *shared_len)
{
	const struct ike_alg *alg = ike_proposal_alg(chosen, IKE_T_KE);
	const struct ike_payload *ke = ike_message_find(m, IKE_P_KE);
	int len;

	*shared_len = 0;
	if (!alg)
		return NULL;
	if (!ke || !r->ke || alg->id != r->group || ke->u.ke.group != r->group)
		return "its KE payload does not fit the chosen group";
	len = ike_ke_derive(r->sa->ike->crypto, r->ke, ke->data, ke->data_len, shared);
	if (len < 0)
		return "its KE value is not valid";
	*shared_len = (size_t)len;
	return NULL;
}

static const char OFFER_DELETED[] = "it is deleted already";

static const char *offer_check_spi(struct ike_child *c, const struct ike_proposal *chosen)
{
	uint32_t spi_out = get_be32(chosen->spi);

	if (chosen->spi_size != 4 || !spi_out)
		return "its SPI is not valid";
	if (ike_window_deleted_early(c->sa, spi_out))
		return OFFER_DELETED;
	if (ike_child_by_spi_out(c->sa, spi_out))
		return "its SPI belongs to another Child SA";
	ike_child_set_spi_out(c, spi_out);
	return NULL;
}

static const char *offer_check(struct ike_child *c, const struct ike_message *m, bool in_auth,
			       struct ike_proposal *chosen)
{
	const struct ike_payload *p = ike_message_find(m, IKE_P_SA);
	struct ike_proposal offered[IKE_PROPOSALS_CFG_MAX], got[2];
	bool transport = ike_message_notify(m, IKE_N_USE_TRANSPORT_MODE);
	struct ike_parse_error err = {0};
	const char *wrong;

	if (!p || ike_proposals_parse(p, got, 2, &err) != 1 ||
	    ike_proposal_verify(offered, offer_proposals(c, in_auth, offered), &got[0]))
		return "its proposal is not one of ours";
	*chosen = got[0];
	wrong = offer_check_spi(c, chosen);
	if (wrong)
		return wrong;
	if (transport != (c->pub.mode == IKE_MODE_TRANSPORT))
		return transport ? "it wants transport mode" : "it does not want transport mode";
	return offer_check_ts(c, m);
}

int ike_offer_answered(struct ike_request *r, struct ike_child *c, const struct ike_message *m, struct ike_chunk ni,
		       struct ike_chunk nr)
{
	bool in_auth = r->job == IKE_JOB_AUTH;
	uint8_t shared[IKE_KE_SHARED_MAX];
	struct ike_proposal chosen;
	size_t shared_len = 0;
	const char *wrong;

	if (r->optimized) {
		wrong = ike_optimized_answer(c, m, &chosen);
		if (!wrong)
			wrong = offer_check_spi(c, &chosen);
	} else {
		wrong = offer_check(c, m, in_auth, &chosen);
	}
	if (!wrong && !in_auth)
		wrong = offer_check_ke(r, &chosen, m, shared, &shared_len);
	if (!wrong) {
		if (!r->optimized)
			c->pub.resource = c->pub.resource && ike_message_notify(m, IKE_N_SA_RESOURCE_INFO);
		c->pub.optimized = r->optimized;
		c->in_auth = in_auth;
		r->sa->ike->counters.optimized_init += r->optimized;
		ike_count_answered(r, c, &chosen, m);
		if (c->of)
			ike_rekey_resolve(c->of, ni, nr);
		if (c->redundant && ike_window_open(c->sa, IKE_JOB_CHILD_DELETE))
			ike_child_close(c, IKE_DOWN_REDUNDANT, 0); /* the peer is told before it could send on it */
		else if (ike_child_install(c, &chosen, (struct ike_chunk){shared, shared_len}, ni, nr))
			wrong = "no keys could be derived";
	}
	OPENSSL_cleanse(shared, sizeof(shared));
	if (!wrong)
		return 0;
	ike_child_log(c, LOG_LEVEL_WARN, "child.answer", "the peer's answer cannot be used: %s", wrong);
	return wrong == OFFER_DELETED ? -ECANCELED : -EBADMSG;
}
