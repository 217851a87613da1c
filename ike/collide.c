/* SPDX-License-Identifier: MIT */
/*
 * Exchanges that cross: RFC 7296 2.25 as a table. A request meets the state of the IKE SA and, for a rekey, of the
 * Child SA; the first row that fits decides. Two rows go further than 2.25's letter, for the same reason as 2.8.2: an
 * SA whose replacement is complete counts as one that is being closed, whether or not its Delete has left.
 */
#include <string.h>

#include "ike/engine.h"

enum {
	CHILD_NEW = 1 << IKE_ASK_CHILD_NEW,
	CHILD_REKEY = 1 << IKE_ASK_CHILD_REKEY,
	SA_REKEY = 1 << IKE_ASK_SA_REKEY,
	ANY_CHILD = CHILD_NEW | CHILD_REKEY,
	ANY = ANY_CHILD | SA_REKEY,
};

enum collide_state {
	SA_CLOSING = 1 << 0,
	SA_REPLACED = 1 << 1,
	SA_SPARE = 1 << 2,
	SA_REKEYING = 1 << 3,        /* our request is in flight */
	SA_REKEYED_BY_PEER = 1 << 4, /* and the outcome is open */
	SA_CHILD_WORK = 1 << 5,      /* ours in flight, or an answer held for an installation */
	CHILD_NONE = 1 << 6,
	CHILD_CLOSING = 1 << 7,
	CHILD_NOT_UP = 1 << 8,
	CHILD_REKEYED_BY_US = 1 << 9,
	CHILD_REKEYED_BY_PEER = 1 << 10,
	CHILD_REDUNDANT = 1 << 11,
	CHILD_UNKNOWN_YET = 1 << 12, /* ours are in flight, and it may be what one of them makes */
};

static const struct {
	unsigned int asks, state;
	struct ike_verdict verdict;
} rows[] = {
	{ANY, SA_CLOSING, {IKE_N_TEMPORARY_FAILURE, "this IKE SA is being closed"}},
	{ANY, SA_REPLACED, {IKE_N_TEMPORARY_FAILURE, "this IKE SA has been rekeyed"}},
	{ANY, SA_SPARE, {IKE_N_TEMPORARY_FAILURE, "which of two new IKE SAs remains is open"}},
	{ANY_CHILD, SA_REKEYING, {IKE_N_TEMPORARY_FAILURE, "this IKE SA is being rekeyed"}},
	{ANY, SA_REKEYED_BY_PEER, {IKE_N_TEMPORARY_FAILURE, "the peer has already rekeyed this IKE SA"}},
	{SA_REKEY, SA_CHILD_WORK, {IKE_N_TEMPORARY_FAILURE, "a Child SA is being made, rekeyed or closed"}},
	{CHILD_REKEY, CHILD_UNKNOWN_YET, {IKE_N_TEMPORARY_FAILURE, "this Child SA may still be in the making"}},
	{CHILD_REKEY, CHILD_NONE, {IKE_N_CHILD_SA_NOT_FOUND, "there is no such Child SA"}},
	{CHILD_REKEY, CHILD_CLOSING, {IKE_N_TEMPORARY_FAILURE, "this Child SA is being closed"}},
	{CHILD_REKEY, CHILD_NOT_UP, {IKE_N_TEMPORARY_FAILURE, "this Child SA is still being installed"}},
	{CHILD_REKEY, CHILD_REKEYED_BY_US, {IKE_N_TEMPORARY_FAILURE, "this Child SA has been rekeyed"}},
	{CHILD_REKEY, CHILD_REKEYED_BY_PEER, {IKE_N_TEMPORARY_FAILURE, "the peer has already rekeyed this Child SA"}},
	{CHILD_REKEY, CHILD_REDUNDANT, {IKE_N_TEMPORARY_FAILURE, "this Child SA is redundant"}},
};

static unsigned int collide_sa_state(const struct ike_sa *sa)
{
	unsigned int state = 0;

	if (sa->phase == IKE_PHASE_CLOSING || sa->close_wanted)
		state |= SA_CLOSING;
	if (sa->phase == IKE_PHASE_REPLACED)
		state |= SA_REPLACED;
	if (sa->phase == IKE_PHASE_SPARE)
		state |= SA_SPARE;
	if (sa->rekey_sent)
		state |= SA_REKEYING;
	if (sa->rekey && sa->rekey->old == sa && sa->rekey->theirs)
		state |= SA_REKEYED_BY_PEER;
	if (sa->win.n_child || sa->ans.n_held)
		state |= SA_CHILD_WORK;
	return state;
}

static unsigned int collide_child_state(const struct ike_sa *sa, const struct ike_child *c)
{
	unsigned int state = 0;

	if (!c)
		return sa->win.n_child ? CHILD_UNKNOWN_YET : CHILD_NONE;
	if (c->state == IKE_CHILD_DELETING)
		state |= CHILD_CLOSING;
	if (c->state != IKE_CHILD_UP)
		state |= CHILD_NOT_UP;
	if (c->by && c->by->ours && c->by->ours_done)
		state |= CHILD_REKEYED_BY_US;
	if (c->by && c->by->theirs)
		state |= CHILD_REKEYED_BY_PEER;
	if (c->redundant)
		state |= CHILD_REDUNDANT;
	return state;
}

struct ike_verdict ike_collide(struct ike_sa *sa, enum ike_ask ask, const struct ike_child *c)
{
	unsigned int state = collide_sa_state(sa);

	if (ask == IKE_ASK_CHILD_REKEY)
		state |= collide_child_state(sa, c);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].asks & 1u << ask && rows[i].state & state)
			return rows[i].verdict;
	return (struct ike_verdict){0};
}

bool ike_nonce_lower(const struct ike_nonce *a, const struct ike_nonce *b)
{
	int d = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return d < 0 || (!d && a->len < b->len);
}

void ike_nonce_set(struct ike_nonce *n, struct ike_chunk c)
{
	n->len = (uint16_t)(c.len < IKE_NONCE_MAX ? c.len : IKE_NONCE_MAX);
	memcpy(n->data, c.p, n->len);
}

void ike_nonce_lowest(struct ike_chunk a, struct ike_chunk b, struct ike_nonce *out)
{
	struct ike_nonce other;

	ike_nonce_set(out, a);
	ike_nonce_set(&other, b);
	if (ike_nonce_lower(&other, out))
		*out = other;
}
