/* SPDX-License-Identifier: MIT */
/* The responder's half of a Child SA: what IKE_AUTH and CREATE_CHILD_SA have in common. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

struct nego_theirs {
	struct ike_proposal proposals[IKE_PROPOSALS_MAX];
	struct ike_ts local[IKE_TS_MAX], remote[IKE_TS_MAX];
	unsigned int n_proposals, n_local, n_remote;
	uint16_t ke; /* group of their KE payload, 0: none */
};

static uint16_t nego_read(const struct ike_nego *n, struct nego_theirs *t)
{
	const struct ike_payload *sa = ike_message_find(n->m, IKE_P_SA), *ke = ike_message_find(n->m, IKE_P_KE);
	const struct ike_payload *tsi = ike_message_find(n->m, IKE_P_TSI), *tsr = ike_message_find(n->m, IKE_P_TSR);
	struct ike_parse_error err = {0};
	int props, local, remote;

	if (!sa || !tsi || !tsr)
		return IKE_N_INVALID_SYNTAX;
	props = ike_proposals_parse(sa, t->proposals, IKE_PROPOSALS_MAX, &err);
	remote = ike_ts_parse(tsi, t->remote, IKE_TS_MAX, &err);
	local = ike_ts_parse(tsr, t->local, IKE_TS_MAX, &err);
	if (props < 0 || local < 0 || remote < 0)
		return IKE_N_INVALID_SYNTAX;
	t->n_proposals = (unsigned int)props;
	t->n_local = (unsigned int)local;
	t->n_remote = (unsigned int)remote;
	t->ke = ke ? ke->u.ke.group : 0;
	return 0;
}

static unsigned int nego_policy(const struct ike_nego *n, const struct ike_child_cfg *cfg, bool local,
				struct ike_ts out[IKE_TS_MAX])
{
	const struct ike_ts *ts = local ? cfg->local_ts : cfg->remote_ts;
	unsigned int count = local ? cfg->n_local_ts : cfg->n_remote_ts;

	if (n->rekeys) { /* the replacement has the selectors of the old one, RFC 7296 2.8 */
		ts = local ? n->rekeys->pub.local_ts : n->rekeys->pub.remote_ts;
		count = local ? n->rekeys->pub.n_local_ts : n->rekeys->pub.n_remote_ts;
	}
	if (!count) {
		ike_ts_host(local ? &n->sa->path.local : &n->sa->path.remote, out);
		return 1;
	}
	memcpy(out, ts, count * sizeof(*ts));
	return count;
}

/* Does this configuration fit? 0, or why not; the later it fails the better it fits. */
static uint16_t nego_try(struct ike_nego *n, const struct ike_child_cfg *cfg, struct nego_theirs *t)
{
	struct ike_ts policy[IKE_TS_MAX], local[IKE_TS_MAX], remote[IKE_TS_MAX];
	enum ike_mode mode = n->rekeys ? n->rekeys->pub.mode : cfg->mode;
	bool transport = ike_message_notify(n->m, IKE_N_USE_TRANSPORT_MODE) && mode == IKE_MODE_TRANSPORT;

	memcpy(local, t->local, sizeof(local));
	memcpy(remote, t->remote, sizeof(remote));
	if (transport && n->sa->nat_local)
		ike_ts_substitute(local, t->n_local, &n->sa->path.local);
	if (transport && n->sa->nat_remote)
		ike_ts_substitute(remote, t->n_remote, &n->sa->path.remote);
	n->n_local = ike_ts_narrow(policy, nego_policy(n, cfg, true, policy), local, t->n_local, n->local);
	n->n_remote = ike_ts_narrow(policy, nego_policy(n, cfg, false, policy), remote, t->n_remote, n->remote);
	if (!n->n_local || !n->n_remote)
		return IKE_N_TS_UNACCEPTABLE;
	if (mode == IKE_MODE_TRANSPORT && !transport)
		return IKE_N_NO_PROPOSAL_CHOSEN;
	if (ike_proposal_select(n->sa->ike->crypto, cfg->proposals, cfg->n_proposals, t->proposals, t->n_proposals,
				t->ke, n->in_auth, &n->chosen))
		return IKE_N_NO_PROPOSAL_CHOSEN;
	n->cfg = cfg;
	n->transport = transport;
	return 0;
}

static uint16_t nego_choose(struct ike_nego *n, struct nego_theirs *t)
{
	const struct ike_conn_cfg *conn = n->sa->conn->cfg;
	uint16_t why = IKE_N_TS_UNACCEPTABLE, notify;

	if (n->rekeys)
		return nego_try(n, n->rekeys->pub.cfg, t);
	for (unsigned int i = 0; i < conn->n_children; i++) {
		notify = nego_try(n, conn->children[i], t);
		if (!notify)
			return 0;
		if (notify == IKE_N_NO_PROPOSAL_CHOSEN)
			why = notify;
	}
	return why;
}

static uint16_t nego_ke(struct ike_nego *n)
{
	const struct ike_alg *alg = n->in_auth ? NULL : ike_proposal_alg(&n->chosen, IKE_T_KE);
	const struct ike_payload *ke = ike_message_find(n->m, IKE_P_KE);
	int err;

	if (!alg)
		return 0;
	if (!ke || ke->u.ke.group != alg->id) {
		n->group = alg->id;
		return IKE_N_INVALID_KE_PAYLOAD;
	}
	n->ke = ike_ke_new(n->sa->ike->crypto, alg, &err);
	if (!n->ke)
		return IKE_N_TEMPORARY_FAILURE;
	err = ike_ke_derive(n->sa->ike->crypto, n->ke, ke->data, ke->data_len, n->shared);
	if (err < 0)
		return IKE_N_INVALID_SYNTAX;
	n->shared_len = (size_t)err;
	return 0;
}

static uint16_t nego_reserve(struct ike_nego *n)
{
	const struct ike_payload *p = ike_message_notify(n->m, IKE_N_SA_RESOURCE_INFO);
	size_t len = p ? p->data_len : 0;
	struct ike_rekey *k;
	uint16_t notify;
	uint32_t max;

	n->resource = n->rekeys ? n->rekeys->pub.resource : p && n->cfg->per_resource;
	/* each may have one replacement at its side, or a peer that never deletes the old ones could go on for ever */
	max = ike_conn_children_max(n->sa->conn->cfg) * (n->rekeys ? 2 : 1);
	if (n->sa->n_children >= max) {
		n->sa->ike->counters.children_max_refused++;
		return p ? IKE_N_TS_MAX_QUEUE : IKE_N_NO_ADDITIONAL_SAS;
	}
	n->child = ike_child_new(n->sa, n->cfg, false);
	if (!n->child)
		return IKE_N_TEMPORARY_FAILURE;
	n->child->pub.mode = n->transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL;
	n->child->pub.resource = n->resource;
	n->child->pub.optimized = n->optimized;
	n->child->resource_asked = p || (n->optimized && n->resource); /* there it is inherited, not said */
	ike_child_set_algs(n->child, &n->chosen);
	if (ike_child_set_ts(n->child, n->local, n->n_local, n->remote, n->n_remote))
		return IKE_N_TEMPORARY_FAILURE;
	if (n->rekeys) {
		k = ike_rekey_start(n->rekeys);
		if (!k)
			return IKE_N_TEMPORARY_FAILURE;
		k->theirs = n->child;
		n->child->of = k;
	}
	if (len > IKE_RESOURCE_MAX)
		len = IKE_RESOURCE_MAX;
	notify = ike_child_reserve(n->child, p ? p->data : NULL, len, NULL);
	return notify;
}

uint16_t ike_nego_decide(struct ike_nego *n)
{
	struct nego_theirs t;
	uint16_t notify;
	uint32_t spi_out;

	if (n->optimized) {
		notify = ike_optimized_nego(n) ? 0 : IKE_N_NO_PROPOSAL_CHOSEN;
	} else {
		notify = nego_read(n, &t);
		if (!notify)
			notify = nego_choose(n, &t);
	}
	if (notify)
		return notify;
	spi_out = get_be32(n->chosen.spi);
	if (n->chosen.spi_size != 4 || !spi_out)
		return IKE_N_INVALID_SYNTAX;
	if (ike_child_by_spi_out(n->sa,
				 spi_out)) /* the peer has done with it, our half of its end is still on the way */
		return IKE_N_TEMPORARY_FAILURE;
	notify = nego_ke(n);
	if (!notify)
		notify = nego_reserve(n);
	if (notify) {
		if (n->child)
			ike_child_down(n->child, IKE_DOWN_REFUSED, notify);
		n->child = NULL;
		return notify;
	}
	ike_child_set_spi_out(n->child, spi_out);
	ike_count_decide(n->child, &n->chosen, n->m);
	return 0;
}

static void nego_build_ke(const struct ike_nego *n, struct ike_builder *b)
{
	const uint8_t *pub;
	size_t len;

	if (!n->ke)
		return;
	pub = ike_ke_public(n->ke, &len);
	ike_build_ke(b, ike_proposal_alg(&n->chosen, IKE_T_KE)->id, pub, len);
}

void ike_nego_build(struct ike_nego *n, struct ike_builder *b)
{
	put_be32(n->chosen.spi, n->child->pub.spi_in);
	if (n->optimized) {
		ike_optimized_build(b, n->chosen.spi, n->chosen.spi_size);
		ike_build_nonce(b, n->nr.p, n->nr.len);
		nego_build_ke(n, b);
		ike_count_select(n->child, b);
		return;
	}
	if (n->transport)
		ike_build_notify(b, 0, NULL, 0, IKE_N_USE_TRANSPORT_MODE, NULL, 0);
	if (n->resource && n->child->resource_asked)
		ike_build_notify(b, 0, NULL, 0, IKE_N_SA_RESOURCE_INFO, NULL, 0);
	ike_build_sa(b, &n->chosen, 1);
	if (!n->in_auth)
		ike_build_nonce(b, n->nr.p, n->nr.len);
	nego_build_ke(n, b);
	ike_build_ts(b, IKE_P_TSI, n->remote, n->n_remote);
	ike_build_ts(b, IKE_P_TSR, n->local, n->n_local);
	ike_count_select(n->child, b);
}

int ike_nego_install(struct ike_nego *n)
{
	struct ike_child *c = n->child;

	c->answer_id = n->m->hdr.msgid;
	c->holding = true;
	c->in_auth = n->in_auth;
	if (c->of)
		ike_rekey_theirs(c->of, c, n->ni, n->nr);
	return ike_child_install(c, &n->chosen, (struct ike_chunk){n->shared, n->shared_len}, n->ni, n->nr);
}

void ike_nego_free(struct ike_nego *n)
{
	ike_ke_free(n->ke);
	OPENSSL_cleanse(n->shared, sizeof(n->shared));
}
