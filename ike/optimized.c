/* SPDX-License-Identifier: MIT */
/*
 * Optimized rekeys (draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt-07): no SA and TS payloads, the new SPI in a notify,
 * and all but keys and SPIs is inherited. What both kinds of SA have in common, and Child SAs, both roles; IKE SAs are
 * in rekey_ike.c.
 */
#include <string.h>

#include "ike/engine.h"

/* ---- the agreement: OPTIMIZED_REKEY_SUPPORTED in IKE_AUTH, section 3 ---- */

bool ike_optimized_wanted(const struct ike_sa *sa)
{
	return sa->keyrack && sa->conn->cfg->optimized_rekey;
}

void ike_optimized_agree(struct ike_sa *sa, const struct ike_message *m)
{
	sa->optimized = ike_optimized_wanted(sa) && ike_message_notify(m, IKE_N_OPTIMIZED_REKEY_SUPPORTED);
}

void ike_optimized_build_supported(struct ike_builder *b)
{
	ike_build_notify(b, 0, NULL, 0, IKE_N_OPTIMIZED_REKEY_SUPPORTED, NULL, 0);
}

/* ---- the notify ---- */

const struct ike_payload *ike_optimized_find(const struct ike_message *m)
{
	return m->keyrack ? ike_message_notify(m, IKE_N_OPTIMIZED_REKEY) : NULL;
}

bool ike_optimized_spi(const struct ike_message *m, uint8_t *spi, size_t len)
{
	static const uint8_t zero[IKE_SPI_LEN];
	const struct ike_payload *found = NULL;

	for (unsigned int i = 0; i < m->n; i++) {
		const struct ike_payload *p = &m->p[i];

		if (p->type != IKE_P_NOTIFY || p->u.notify.kind != IKE_N_OPTIMIZED_REKEY)
			continue;
		if (found) /* which one? */
			return false;
		found = p;
	}
	if (!found || found->u.notify.protocol || found->u.notify.spi_size || found->data_len != len ||
	    !memcmp(found->data, zero, len))
		return false;
	memcpy(spi, found->data, len);
	return true;
}

void ike_optimized_build(struct ike_builder *b, const uint8_t *spi, size_t len)
{
	ike_build_notify(b, 0, NULL, 0, IKE_N_OPTIMIZED_REKEY, spi, len);
}

/* ---- Child SAs, section 5 ---- */

bool ike_optimized_child_may(const struct ike_child *old)
{
	return old->sa->optimized && !old->in_auth && !old->changed;
}

/* As if its algorithms had just been negotiated. */
static void child_algs(const struct ike_child_sa *sa, struct ike_proposal *out)
{
	const struct ike_transform t[] = {
		{.type = IKE_T_ENCR, .id = sa->encr, .key_bits = sa->encr_bits},
		{.type = IKE_T_INTEG, .id = sa->integ},
		{.type = IKE_T_KE, .id = sa->ke},
		{.type = IKE_T_ESN, .id = sa->esn ? IKE_ESN_YES : IKE_ESN_NO},
	};

	*out = (struct ike_proposal){.number = 1, .protocol = IKE_PROTO_ESP, .spi_size = 4};
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (t[i].id || t[i].type == IKE_T_ESN)
			out->t[out->n++] = t[i];
}

int ike_optimized_offer(struct ike_request *r, struct ike_child *c, struct ike_builder *b)
{
	const struct ike_child *old = c->of->old;
	struct ike_proposal algs;
	uint8_t spi[4];
	int err = ike_child_set_ts(c, old->pub.local_ts, old->pub.n_local_ts, old->pub.remote_ts, old->pub.n_remote_ts);

	if (err)
		return err;
	child_algs(&old->pub, &algs);
	ike_child_set_algs(c, &algs); /* the old one may be gone when the answer comes */
	r->optimized = true;
	put_be32(spi, old->pub.spi_in);
	ike_build_notify(b, IKE_PROTO_ESP, spi, sizeof(spi), IKE_N_REKEY_SA, NULL, 0);
	put_be32(spi, c->pub.spi_in);
	ike_optimized_build(b, spi, sizeof(spi));
	ike_random(r->sa->ike, r->nonce, IKE_NONCE_LEN);
	ike_build_nonce(b, r->nonce, IKE_NONCE_LEN);
	r->group = old->pub.ke;
	err = r->group ? ike_offer_ke(r, b) : 0;
	if (!err)
		ike_count_offer(r, c, &algs, 1, b);
	return err;
}

const char *ike_optimized_answer(const struct ike_child *c, const struct ike_message *m, struct ike_proposal *chosen)
{
	child_algs(&c->pub, chosen);
	if (!ike_optimized_find(m))
		return "it is not the answer to an optimized rekey";
	if (!ike_optimized_spi(m, chosen->spi, 4))
		return "its SPI is not valid";
	if (!c->pub.ke && ike_message_find(m, IKE_P_KE))
		return "it has a KE payload, and there is no PFS to inherit";
	return NULL;
}

bool ike_optimized_nego(struct ike_nego *n)
{
	const struct ike_child *old = n->rekeys;
	const struct ike_payload *ke = ike_message_find(n->m, IKE_P_KE);

	child_algs(&old->pub, &n->chosen);
	if (!ike_optimized_child_may(old) || !ike_optimized_spi(n->m, n->chosen.spi, 4) ||
	    (ke ? ke->u.ke.group : 0) != old->pub.ke)
		return false;
	n->cfg = old->pub.cfg;
	n->transport = old->pub.mode == IKE_MODE_TRANSPORT;
	n->n_local = old->pub.n_local_ts;
	n->n_remote = old->pub.n_remote_ts;
	memcpy(n->local, old->pub.local_ts, n->n_local * sizeof(n->local[0]));
	memcpy(n->remote, old->pub.remote_ts, n->n_remote * sizeof(n->remote[0]));
	return true;
}
