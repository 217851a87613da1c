/* SPDX-License-Identifier: MIT */
/* CREATE_CHILD_SA about Child SAs, both roles: RFC 7296 1.3.1, 1.3.3. */
#include <errno.h>
#include <string.h>

#include "ike/engine.h"

enum { KE_RESTARTS_MAX = 3, PROPOSAL_PROTOCOL_AT = 5 };

/* ---- initiator ---- */

int ike_create_build(struct ike_request *r, struct ike_builder *b)
{
	return ike_offer_build(r, r->child, b, false);
}

void ike_create_cancel(struct ike_request *r, enum ike_down down, uint16_t notify)
{
	if (r->child)
		ike_child_down(r->child, down, notify);
}

/* The same request anew: with another group, or (for one that was optimized) the regular way. */
static void create_restart(struct ike_request *r, uint16_t group)
{
	struct ike_child *c = r->child;
	struct ike_request *again = ike_request_new(r->sa, IKE_JOB_CHILD);

	if (!again) {
		ike_child_down(c, IKE_DOWN_REFUSED, IKE_N_INVALID_KE_PAYLOAD);
		return;
	}
	again->group = group;
	again->regular = r->regular || r->optimized;
	again->restarts = (uint8_t)(r->restarts + 1);
	again->resource_len = r->resource_len;
	memcpy(again->resource, r->resource, sizeof(r->resource));
	again->child = c;
	c->request = again;
	r->child = NULL;
	ike_request_queue(again, true);
}

static bool create_wants_group(const struct ike_request *r, const struct ike_payload *error, uint16_t *group)
{
	const struct ike_child_cfg *cfg = r->child->pub.cfg;

	if (error->u.notify.kind != IKE_N_INVALID_KE_PAYLOAD || error->data_len != 2 || r->restarts >= KE_RESTARTS_MAX)
		return false;
	*group = get_be16(error->data);
	return *group != r->group && ike_proposals_offer(cfg->proposals, cfg->n_proposals, *group);
}

/* The peer cannot or does not want to rekey so: the regular way is always open (section 3 of the draft). */
static bool create_wants_regular(const struct ike_request *r, uint16_t kind)
{
	return r->optimized && (kind == IKE_N_NO_PROPOSAL_CHOSEN || kind == IKE_N_INVALID_KE_PAYLOAD);
}

static void create_refused(struct ike_request *r, const struct ike_payload *error)
{
	struct ike_child *c = r->child, *old = c->of ? c->of->old : NULL;
	uint16_t kind = error->u.notify.kind, group;
	bool collided = c->of && (!old || c->of->theirs_done);
	enum ike_down down = IKE_DOWN_REFUSED;

	if (create_wants_regular(r, kind)) {
		r->sa->ike->counters.optimized_refused++;
		ike_child_log(c, LOG_LEVEL_INFO, "child.regular",
			      "the peer refuses an optimized rekey: the regular way");
		create_restart(r, 0);
		return;
	}
	if (create_wants_group(r, error, &group)) {
		create_restart(r, group);
		return;
	}
	if (kind == IKE_N_TEMPORARY_FAILURE)
		r->sa->ike->counters.temporary_failures++;
	/* RFC 7296 2.8.1: the peer has finished its own rekey before it saw ours */
	if (collided && (kind == IKE_N_TEMPORARY_FAILURE || kind == IKE_N_CHILD_SA_NOT_FOUND))
		down = IKE_DOWN_REDUNDANT;
	ike_child_down(c, down, kind);
	if (old && down == IKE_DOWN_REFUSED && kind == IKE_N_CHILD_SA_NOT_FOUND) /* RFC 7296 2.25 */
		ike_child_down(old, IKE_DOWN_LOST, kind);
}

void ike_create_answered(struct ike_request *r, const struct ike_message *m)
{
	const struct ike_payload *error = ike_message_error(m), *nonce = ike_message_find(m, IKE_P_NONCE);
	struct ike_child *c = r->child;
	int err = -EBADMSG;

	if (!c)
		return;
	if (r->sa->phase != IKE_PHASE_UP) {
		ike_child_down(c, IKE_DOWN_IKE_SA, 0);
		return;
	}
	if (error && !ike_message_find(m, IKE_P_SA) && !ike_optimized_find(m)) {
		create_refused(r, error);
		return;
	}
	c->request = NULL;
	r->child = NULL;
	if (nonce)
		err = ike_offer_answered(r, c, m, (struct ike_chunk){r->nonce, IKE_NONCE_LEN},
					 (struct ike_chunk){nonce->data, nonce->data_len});
	if (err == -ECANCELED)
		ike_child_down(c, c->of && c->of->theirs_done ? IKE_DOWN_REDUNDANT : IKE_DOWN_PEER, 0);
	else if (err)
		ike_child_close(c, IKE_DOWN_PROTOCOL, 0);
}

static int create_like(struct ike_child *c, const struct ike_child *like)
{
	const struct ike_child_sa *from = &like->pub;

	c->additional = true;
	c->pub.mode = from->mode;
	c->pub.encr = from->encr;
	c->pub.encr_bits = from->encr_bits;
	c->pub.integ = from->integ;
	c->pub.esn = from->esn;
	return ike_child_set_ts(c, from->local_ts, from->n_local_ts, from->remote_ts, from->n_remote_ts);
}

/* like: NULL, a Child SA as the cfg has it. */
static int create(struct ike *ike, uint64_t now, uint32_t ike_sa, const struct ike_child_cfg *cfg,
		  const struct ike_child *like, const uint8_t *resource_data, size_t resource_len, void *hint)
{
	struct ike_sa *sa = ike_sa_by_id(ike, ike_sa);
	struct ike_request *r;
	struct ike_child *c;
	int err = 0;

	if (sa && sa->phase == IKE_PHASE_REPLACED)
		sa = sa->heir;
	if (!sa || !ike_sa_usable(sa))
		return -ENOENT;
	if (resource_len > IKE_RESOURCE_MAX)
		return -EINVAL;
	if (sa->win.n_queued >= IKE_QUEUE_MAX || sa->n_children >= ike_conn_children_max(sa->conn->cfg)) {
		ike->counters.queue_full++;
		return -EAGAIN;
	}
	ike_enter(ike, now);
	c = ike_child_new(sa, cfg, true);
	r = ike_request_new(sa, IKE_JOB_CHILD);
	if (!c || !r || (like && create_like(c, like)))
		err = -ENOMEM;
	if (!err) {
		c->pub.resource = cfg->per_resource;
		err = ike_child_reserve(c, resource_data, resource_len, hint) ? -EAGAIN : 0;
	}
	if (!err) {
		r->resource_len = (uint8_t)resource_len;
		if (resource_len)
			memcpy(r->resource, resource_data, resource_len);
		r->child = c;
		c->request = r;
		ike_request_queue(r, false);
	} else {
		if (c)
			ike_child_down(c, IKE_DOWN_NONE, 0);
		ike_request_free(r);
	}
	ike_leave(ike);
	return err;
}

int ike_child_create(struct ike *ike, uint64_t now, uint32_t ike_sa, const struct ike_child_cfg *cfg,
		     const uint8_t *resource_data, size_t resource_len, void *hint)
{
	return create(ike, now, ike_sa, cfg, NULL, resource_data, resource_len, hint);
}

int ike_child_create_like(struct ike *ike, uint64_t now, uint32_t ike_sa, uint32_t like, const uint8_t *resource_data,
			  size_t resource_len, void *hint)
{
	const struct ike_child *c = ike_child_by_id(ike, like);

	if (!c || !c->pub.n_local_ts)
		return -ENOENT;
	return create(ike, now, ike_sa, c->pub.cfg, c, resource_data, resource_len, hint);
}

/* ---- responder ---- */

static void create_refuse(struct ike_sa *sa, const struct ike_message *m, uint16_t notify, uint16_t group)
{
	uint8_t data[2];
	char text[32];

	ike_sa_log(sa, LOG_LEVEL_INFO, "child.refuse", "CREATE_CHILD_SA request %u: %s", m->hdr.msgid,
		   ike_notify_text(notify, text));
	put_be16(data, group);
	ike_answer_notify(sa, IKE_X_CREATE_CHILD_SA, m->hdr.msgid, notify, data,
			  notify == IKE_N_INVALID_KE_PAYLOAD ? sizeof(data) : 0);
}

/* "If a responder fails to process the optimized rekey request for any reason": one answer for what cannot be read. */
static uint16_t create_notify(const struct ike_nego *n, uint16_t notify)
{
	if (n->optimized && (notify == IKE_N_INVALID_SYNTAX || notify == IKE_N_INVALID_KE_PAYLOAD))
		return IKE_N_NO_PROPOSAL_CHOSEN;
	return notify;
}

static void create_child(struct ike_sa *sa, const struct ike_message *m, struct ike_child *old)
{
	const struct ike_payload *ni = ike_message_find(m, IKE_P_NONCE);
	uint8_t nonce[IKE_NONCE_LEN];
	struct ike_nego n = {
		.sa = sa,
		.m = m,
		.rekeys = old,
		.nr = {nonce, sizeof(nonce)},
		.optimized = ike_optimized_find(m) != NULL,
	};
	struct ike_builder b;
	struct ike_buf *buf;
	uint16_t notify = IKE_N_INVALID_SYNTAX;

	ike_random(sa->ike, nonce, sizeof(nonce));
	if (ni) {
		n.ni = (struct ike_chunk){ni->data, ni->data_len};
		notify = ike_nego_decide(&n);
	}
	if (notify) {
		create_refuse(sa, m, create_notify(&n, notify), n.group);
		ike_nego_free(&n);
		return;
	}
	ike_send_start(sa, &b, IKE_X_CREATE_CHILD_SA, true, m->hdr.msgid);
	ike_nego_build(&n, &b);
	buf = ike_send_seal(sa, &b);
	if (buf)
		ike_answer_hold(sa, m->hdr.msgid, buf);
	sa->ike->counters.child_rekey_resp += old ? 1 : 0;
	sa->ike->counters.optimized_resp += n.optimized;
	if (ike_nego_install(&n) || !buf)
		ike_child_down(n.child, IKE_DOWN_PROTOCOL, IKE_N_TEMPORARY_FAILURE);
	ike_nego_free(&n);
}

static bool create_is_ike_rekey(const struct ike_message *m, const struct ike_payload *rekey)
{
	const struct ike_payload *p = ike_message_find(m, IKE_P_SA);

	if (ike_optimized_find(m))
		return !rekey;
	return p && p->len > PROPOSAL_PROTOCOL_AT && p->body[PROPOSAL_PROTOCOL_AT] == IKE_PROTO_IKE;
}

void ike_create_request(struct ike_sa *sa, const struct ike_message *m)
{
	const struct ike_payload *rekey = ike_message_notify(m, IKE_N_REKEY_SA);
	struct ike_child *old = NULL;
	struct ike_verdict v;

	if (ike_optimized_find(m) && !sa->optimized) {
		create_refuse(sa, m, IKE_N_NO_PROPOSAL_CHOSEN, 0);
		return;
	}
	if (create_is_ike_rekey(m, rekey)) {
		ike_sa_rekey_request(sa, m);
		return;
	}
	if (rekey && (rekey->u.notify.spi_size != 4 || rekey->u.notify.protocol != IKE_PROTO_ESP)) {
		create_refuse(sa, m, IKE_N_INVALID_SYNTAX, 0);
		return;
	}
	if (rekey)
		old = ike_child_by_spi_out(sa, get_be32(rekey->u.notify.spi));
	v = ike_collide(sa, rekey ? IKE_ASK_CHILD_REKEY : IKE_ASK_CHILD_NEW, old);
	if (!v.notify) {
		create_child(sa, m, old);
		return;
	}
	ike_sa_log(sa, LOG_LEVEL_INFO, "child.collision", "CREATE_CHILD_SA request %u refused: %s", m->hdr.msgid,
		   v.sentence);
	if (rekey && v.notify == IKE_N_CHILD_SA_NOT_FOUND) {
		ike_answer_spi_notify(sa, IKE_X_CREATE_CHILD_SA, m->hdr.msgid, v.notify, rekey->u.notify.spi);
		return;
	}
	sa->ike->counters.temporary_failures++;
	ike_answer_notify(sa, IKE_X_CREATE_CHILD_SA, m->hdr.msgid, v.notify, NULL, 0);
}
