/* SPDX-License-Identifier: MIT */
/* Child SAs that replace one another, also from both ends at once: RFC 7296 2.8, 2.8.1. */
#include <errno.h>
#include <stdlib.h>

#include "ike/engine.h"

struct ike_rekey *ike_rekey_start(struct ike_child *old)
{
	if (!old->by) {
		old->by = calloc(1, sizeof(*old->by));
		if (old->by)
			old->by->old = old;
	}
	return old->by;
}

/* An exchange is open, an installation, or the fate of the loser (should the winner go, it may remain). */
static bool rekey_undecided(const struct ike_rekey *k)
{
	const struct ike_child *ours = k->ours, *theirs = k->theirs;

	return (ours && !k->ours_done) || (theirs && theirs->state < IKE_CHILD_UP) ||
	       (ours && theirs && (ours->redundant || theirs->redundant));
}

/* Frees it once nobody can still need it. */
static void rekey_release(struct ike_rekey *k)
{
	if (k->old ? k->ours || k->theirs : rekey_undecided(k))
		return;
	if (k->old)
		k->old->by = NULL;
	if (k->ours)
		k->ours->of = NULL;
	if (k->theirs)
		k->theirs->of = NULL;
	free(k);
}

/* The peer has made the replacement, so it is for the peer to delete the old one: RFC 7296 2.8. */
void ike_rekey_wait(struct ike_child *old)
{
	uint64_t at = old->replaced + IKE_OLD_CHILD_NS, *due = &old->sa->due[IKE_DUE_OLD_CHILD];

	if (old->replaced && old->state == IKE_CHILD_UP && (!*due || at < *due))
		ike_sa_due(old->sa, IKE_DUE_OLD_CHILD, at);
}

/*
 * For example strongSwan 6.0.1: if it rekeys a Child SA while the one that this has replaced still waits for our
 * Delete, it forgets it without a word.
 */
void ike_rekey_overdue(struct ike_sa *sa)
{
	struct ike_child *c, *next;

	if (sa->phase != IKE_PHASE_UP)
		return;
	for (c = TAILQ_FIRST(&sa->children); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->replaced || c->state != IKE_CHILD_UP)
			continue;
		if (c->replaced + IKE_OLD_CHILD_NS > sa->ike->now) {
			ike_rekey_wait(c);
			continue;
		}
		ike_child_log(c, LOG_LEVEL_NOTICE, "child.old", "replaced by the peer and not deleted by it: deleted");
		sa->ike->counters.old_children++;
		ike_child_close(c, IKE_DOWN_REPLACED, 0);
	}
}

void ike_rekey_settle(struct ike_child *c)
{
	struct ike_rekey *k = c->of;

	if (!k)
		return;
	if (k->old && c == k->theirs && !c->redundant) {
		k->old->replaced = c->sa->ike->now;
		ike_rekey_wait(k->old);
	}
	rekey_release(k);
}

static void rekey_ours(struct ike_rekey *k, struct ike_child *c)
{
	k->ours = c;
	k->ours_done = false;
	c->of = k;
}

void ike_rekey_theirs(struct ike_rekey *k, struct ike_child *c, struct ike_chunk ni, struct ike_chunk nr)
{
	struct ike_child *ours = k->ours;
	struct ike_nonce mine;

	ike_nonce_lowest(ni, nr, &k->low_theirs);
	k->theirs_done = true;
	if (!ours || k->ours_done)
		return;
	if (!ours->request || !ours->request->buf) { /* it has not left yet: then it need not */
		ike_child_down(ours, IKE_DOWN_REDUNDANT, 0);
		return;
	}
	c->sa->ike->counters.collisions++;
	ours->collided = c->collided = true;
	ike_nonce_set(&mine, (struct ike_chunk){ours->request->nonce, IKE_NONCE_LEN});
	ours->redundant = ike_nonce_lower(&mine, &k->low_theirs);
	ike_child_log(ours, LOG_LEVEL_INFO, "child.collision", "the peer rekeys the same Child SA; %s",
		      ours->redundant ? "ours loses" : "its answer will tell which one remains");
}

/*
 * The peer's has lost, and both ends delete it: the peer because it made it (RFC 7296 2.8.1), this one so as not to
 * wait for that. If its answer still waits for the card it goes out now: the peer has answered our request, so it knows
 * all nonces with that, and sends nothing on it. A refusal would do as well, but strongSwan 5.9 then never sends on the
 * winner either.
 */
static void rekey_drop_theirs(struct ike_child *theirs)
{
	if (theirs->holding) {
		theirs->holding = false;
		ike_answer_release(theirs->sa, theirs->answer_id);
	}
	ike_child_close(theirs, IKE_DOWN_REDUNDANT, 0);
}

void ike_rekey_resolve(struct ike_rekey *k, struct ike_chunk ni, struct ike_chunk nr)
{
	struct ike_child *loser;

	ike_nonce_lowest(ni, nr, &k->low_ours);
	k->ours_done = true;
	if (!k->theirs) { /* no collision, or the peer has seen that its own has lost and deleted it */
		k->ours->redundant = k->theirs_done && !k->old && ike_nonce_lower(&k->low_ours, &k->low_theirs);
		return;
	}
	loser = ike_nonce_lower(&k->low_ours, &k->low_theirs) ? k->ours : k->theirs;
	k->ours->redundant = loser == k->ours;
	k->theirs->redundant = loser == k->theirs;
	loser->sa->ike->counters.redundant_children++;
	ike_child_log(loser, LOG_LEVEL_INFO, "child.collision", "lost a simultaneous rekey: it has the lowest nonce");
	if (loser == k->theirs)
		rekey_drop_theirs(loser);
}

void ike_rekey_forget(struct ike_child *c)
{
	struct ike_rekey *k = c->of;

	if (k) {
		c->of = NULL;
		if (k->ours == c)
			k->ours = NULL;
		else
			k->theirs = NULL;
		rekey_release(k);
	}
	k = c->by;
	if (k) {
		c->by = NULL;
		k->old = NULL;
		rekey_release(k);
	}
}

void ike_rekey_leave(struct ike_child *c)
{
	if (c->by && c->by->theirs && !c->by->theirs->redundant)
		ike_child_use(c->by->theirs);
	if (c->of && c->of->old && c == c->of->theirs && ike_rekey_reason(c, IKE_DOWN_NONE) != IKE_DOWN_REPLACED)
		c->of->old->replaced = 0;
	ike_rekey_forget(c);
}

enum ike_down ike_rekey_reason(const struct ike_child *c, enum ike_down otherwise)
{
	const struct ike_rekey *k = c->by;

	if (c->redundant || (c->of && c == c->of->theirs && c->of->ours && !c->of->ours_done))
		return IKE_DOWN_REDUNDANT;
	if (k && ((k->ours && k->ours_done && !k->ours->redundant) || (k->theirs && !k->theirs->redundant)))
		return IKE_DOWN_REPLACED;
	return otherwise;
}

int ike_child_rekey(struct ike *ike, uint64_t now, uint32_t child_sa, void *hint)
{
	struct ike_child *old = ike_child_by_id(ike, child_sa), *c = NULL;
	struct ike_request *r = NULL;
	struct ike_rekey *k;
	int err = -ENOMEM;

	if (!old || old->sa->phase != IKE_PHASE_UP)
		return -ENOENT;
	if (old->state == IKE_CHILD_DELETING || old->by || old->redundant || old->abandoned)
		return -EALREADY;
	if (old->state != IKE_CHILD_UP || old->sa->win.n_queued >= IKE_QUEUE_MAX)
		return -EAGAIN;
	ike_enter(ike, now);
	c = ike_child_new(old->sa, old->pub.cfg, true);
	r = ike_request_new(old->sa, IKE_JOB_CHILD);
	k = c && r ? ike_rekey_start(old) : NULL;
	if (!k)
		goto out;
	c->pub.mode = old->pub.mode;
	c->pub.resource = old->pub.resource;
	rekey_ours(k, c);
	err = ike_child_reserve(c, NULL, 0, hint) ? -EAGAIN : 0;
	if (err)
		goto out;
	r->child = c;
	c->request = r;
	ike_request_queue(r, false);
	ike->counters.child_rekey_init++;
out:
	if (err) {
		if (c)
			ike_child_down(c, IKE_DOWN_NONE, 0);
		ike_request_free(r);
	}
	ike_leave(ike);
	return err;
}
