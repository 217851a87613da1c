/* SPDX-License-Identifier: MIT */
/* Which proposal it is to be: RFC 7296 2.7 and 3.3.6. */
#include <errno.h>
#include <string.h>

#include "ike/payload.h"

static bool transform_equal(const struct ike_transform *a, const struct ike_transform *b)
{
	return !a->unknown && !b->unknown && a->type == b->type && a->id == b->id && a->key_bits == b->key_bits;
}

static bool has_transform(const struct ike_proposal *p, const struct ike_transform *t)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (transform_equal(&p->t[i], t))
			return true;
	return false;
}

static bool has_type(const struct ike_proposal *p, uint8_t type)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return true;
	return false;
}

/* Neither INTEG nor KE is there, or NONE is among them: going without is allowed. */
static bool may_lack(const struct ike_proposal *p, uint8_t type)
{
	const struct ike_transform none = {.type = type};

	return (type == IKE_T_INTEG || type == IKE_T_KE) && (!has_type(p, type) || has_transform(p, &none));
}

static const struct ike_transform *chosen_of(const struct ike_proposal *p, uint8_t type)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return &p->t[i];
	return NULL;
}

const struct ike_alg *ike_proposal_alg(const struct ike_proposal *p, uint8_t type)
{
	const struct ike_transform *t = chosen_of(p, type);

	return t && !t->unknown ? ike_alg_find(t->type, t->id, t->key_bits) : NULL;
}

/* What a proposal's transforms have to be found in: those of ours, those of theirs, and who is asking. */
struct match {
	const struct ike_crypto *crypto;
	const struct ike_proposal *ours, *theirs;
	uint16_t prefer_ke;
};

/* An IKE SA's algorithms run here, a Child SA's on the card; key exchange always runs here. */
static bool can_do(const struct match *m, const struct ike_transform *t)
{
	const struct ike_alg *alg = ike_alg_find(t->type, t->id, t->key_bits);

	if (!alg)
		return false;
	return !m->crypto || (m->ours->protocol != IKE_PROTO_IKE && t->type != IKE_T_KE) ||
	       ike_crypto_has(m->crypto, alg);
}

/* Our first transform of the type that they offer too, the preferred group before others. NULL: none. */
static const struct ike_transform *match_type(const struct match *m, uint8_t type)
{
	const struct ike_transform *first = NULL;

	for (unsigned int i = 0; i < m->ours->n; i++) {
		const struct ike_transform *t = &m->ours->t[i];

		if (t->type != type || !can_do(m, t) || !has_transform(m->theirs, t))
			continue;
		if (type == IKE_T_KE && t->id == m->prefer_ke)
			return t;
		if (!first)
			first = t;
	}
	return first;
}

/* Adds the choice for one type. false: the two proposals do not meet there. */
static bool select_type(const struct match *m, uint8_t type, struct ike_proposal *chosen)
{
	const struct ike_transform none = {.type = type};
	const struct ike_alg *encr = ike_proposal_alg(chosen, IKE_T_ENCR);
	bool combined = type == IKE_T_INTEG && encr && encr->aead; /* needs no INTEG, whatever else is offered */
	const struct ike_transform *t = combined ? NULL : match_type(m, type);

	if (t) {
		chosen->t[chosen->n++] = *t;
		return true;
	}
	if (combined ? has_transform(m->theirs, &none) : may_lack(m->ours, type) && may_lack(m->theirs, type)) {
		if (type == IKE_T_INTEG && !combined)
			return false;                /* encryption without integrity is not for us */
		if (has_transform(m->theirs, &none)) /* they named NONE: name it in the answer */
			chosen->t[chosen->n++] = none;
		return type != IKE_T_KE || m->ours->protocol != IKE_PROTO_IKE;
	}
	return combined;
}

/* Every type in theirs must be one that the protocol has and that we decide about (RFC 7296 3.3.6). */
static bool types_known(const struct ike_proposal *theirs)
{
	for (unsigned int i = 0; i < theirs->n; i++) {
		uint8_t type = theirs->t[i].type;

		if (!ike_transform_type_name(type) || (type == IKE_T_ESN && theirs->protocol == IKE_PROTO_IKE) ||
		    (type == IKE_T_PRF && theirs->protocol != IKE_PROTO_IKE))
			return false;
	}
	return true;
}

static bool select_pair(const struct match *m, bool no_ke, struct ike_proposal *chosen)
{
	bool ike = m->ours->protocol == IKE_PROTO_IKE;

	if (m->ours->protocol != m->theirs->protocol || !types_known(m->theirs))
		return false;
	*chosen = (struct ike_proposal){
		.number = m->theirs->number, .protocol = m->theirs->protocol, .spi_size = m->theirs->spi_size};
	memcpy(chosen->spi, m->theirs->spi, sizeof(chosen->spi));
	return select_type(m, IKE_T_ENCR, chosen) && (!ike || select_type(m, IKE_T_PRF, chosen)) &&
	       select_type(m, IKE_T_INTEG, chosen) && (no_ke || select_type(m, IKE_T_KE, chosen)) &&
	       (ike || select_type(m, IKE_T_ESN, chosen));
}

int ike_proposal_select(struct ike_crypto *c, const struct ike_proposal *ours, unsigned int n_ours,
			const struct ike_proposal *theirs, unsigned int n_theirs, uint16_t prefer_ke, bool no_ke,
			struct ike_proposal *chosen)
{
	for (unsigned int i = 0; i < n_ours; i++)
		for (unsigned int j = 0; j < n_theirs; j++) {
			struct match m = {c, &ours[i], &theirs[j], prefer_ke};

			if (select_pair(&m, no_ke, chosen))
				return 0;
		}
	return -ENOENT;
}

/* Is `chosen` one transform of each type that `offer` has, and nothing else? */
static bool answers(const struct ike_proposal *offer, const struct ike_proposal *chosen)
{
	const struct ike_alg *encr = ike_proposal_alg(chosen, IKE_T_ENCR);
	bool aead = encr && encr->aead;
	const struct ike_transform *integ = chosen_of(chosen, IKE_T_INTEG);
	unsigned int types = 0;

	for (unsigned int i = 0; i < chosen->n; i++) {
		unsigned int bit = 1u << (chosen->t[i].type & 7);

		if (!has_transform(offer, &chosen->t[i]) || (types & bit))
			return false;
		types |= bit;
	}
	for (unsigned int type = IKE_T_ENCR; type <= IKE_T_ESN; type++) {
		bool optional = type == IKE_T_INTEG ? aead : may_lack(offer, (uint8_t)type);

		if (has_type(offer, (uint8_t)type) && !chosen_of(chosen, (uint8_t)type) && !optional)
			return false;
	}
	/* a combined cipher goes with no integrity algorithm, another one with one */
	return encr && aead == (!integ || integ->id == IKE_INTEG_NONE);
}

int ike_proposal_verify(const struct ike_proposal *offered, unsigned int n, const struct ike_proposal *chosen)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int number = offered[i].number ? offered[i].number : i + 1;

		if (chosen->number == number && chosen->protocol == offered[i].protocol)
			return answers(&offered[i], chosen) ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}
