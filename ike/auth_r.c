/* SPDX-License-Identifier: MIT */
/* IKE_AUTH, responder: which connection, is it really the peer, and the first Child SA. RFC 7296 1.2, 2.15, 2.21.2. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/engine.h"

/* The connection for these addresses and identities whose IKE proposals hold what IKE_SA_INIT agreed on. */
static struct ike_conn *auth_choose(struct ike_sa *sa, const struct ike_id *remote, const struct ike_id *asked,
				    struct ike_id *local)
{
	struct ike_conn *c = NULL;

	while ((c = ike_conn_next(sa->ike, &sa->path, c))) {
		ike_id_or_addr(&c->cfg->local_id, &sa->path.local, local);
		if (ike_id_matches(&c->cfg->remote_id, remote) && (!asked || ike_id_equal(local, asked)) &&
		    !ike_proposal_verify(c->cfg->proposals, c->cfg->n_proposals, &sa->init->chosen))
			return c;
	}
	return NULL;
}

/* All failures look the same from outside. */
static void auth_refuse(struct ike_sa *sa, uint32_t msgid)
{
	ike_answer_notify(sa, IKE_X_AUTH, msgid, IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	ike_sa_end(sa, IKE_DOWN_AUTH, IKE_N_AUTHENTICATION_FAILED, true);
}

static bool auth_accept(struct ike_sa *sa, const struct ike_message *m, struct ike_id *local, struct ike_id *remote)
{
	const struct ike_payload *idi = ike_message_find(m, IKE_P_IDI), *idr = ike_message_find(m, IKE_P_IDR);
	const struct ike_payload *auth = ike_message_find(m, IKE_P_AUTH);
	char r[IKE_TEXT_MAX], a[IKE_TEXT_MAX];
	struct ike_conn *conn;
	struct ike_id asked;

	if (!idi || !auth || ike_auth_read_id(idi, remote) || (idr && ike_auth_read_id(idr, &asked)))
		return false;
	conn = auth_choose(sa, remote, idr ? &asked : NULL, local);
	if (!conn) {
		sa->ike->counters.auth_failed++;
		ike_sa_log(sa, LOG_LEVEL_WARN, "ike.auth", "no connection for peer %s that asks for %s",
			   ike_id_text(remote, r), idr ? ike_id_text(&asked, a) : "%any");
		return false;
	}
	if (conn != sa->conn) {
		ike_conn_drop(sa->ike, sa->conn);
		ike_conn_hold(sa, conn);
	}
	return ike_auth_verify(sa, true, local, remote, auth);
}

/*
 * INITIAL_CONTACT: the peer knew of no other IKE SA when it asked, so ours of the same pair are leftovers. RFC
 * 7296 2.4. One that has come up since this one began is none: both ends have started at once, and the request may be
 * late.
 */
static void auth_initial_contact(struct ike_sa *sa, uint64_t begun)
{
	struct ike_sa *old;

	while ((old = ike_sa_same_ids(sa->ike, sa->local_id, sa->remote_id, sa)) && old->established <= begun)
		ike_sa_drop(old, IKE_DOWN_DUPLICATE);
}

/* With the Child SA (n), or why there is none (notify), or neither. */
static struct ike_buf *auth_answer(struct ike_sa *sa, uint32_t msgid, const struct ike_id *local,
				   const struct ike_id *remote, struct ike_nego *n, uint16_t notify)
{
	struct ike_builder b;

	ike_send_start(sa, &b, IKE_X_AUTH, true, msgid);
	ike_auth_build_id(&b, IKE_P_IDR, local);
	if (ike_auth_build_proof(sa, &b, local, remote))
		return NULL;
	if (n && n->child)
		ike_nego_build(n, &b);
	else if (notify)
		ike_build_notify(&b, 0, NULL, 0, notify, NULL, 0);
	ike_auth_build_window(sa, &b);
	if (sa->optimized)
		ike_optimized_build_supported(&b);
	return ike_send_seal(sa, &b);
}

static void id_full(const struct ike_id *id, struct ike_id *full)
{
	memcpy(full, id, offsetof(struct ike_id, data) + id->len);
}

void ike_auth_answer_failed_child(struct ike_sa *sa, uint32_t msgid, uint16_t notify)
{
	struct ike_id local, remote;
	struct ike_buf *buf;

	id_full(sa->local_id, &local);
	id_full(sa->remote_id, &remote);
	buf = sa->init ? auth_answer(sa, msgid, &local, &remote, NULL, notify) : NULL;
	ike_answer_send(sa, msgid, buf);
	ike_init_free(sa);
}

static void auth_child(struct ike_sa *sa, const struct ike_message *m, const struct ike_id *local,
		       const struct ike_id *remote)
{
	const struct ike_init *init = sa->init;
	struct ike_nego n = {
		.sa = sa,
		.m = m,
		.in_auth = true,
		.ni = {init->ni.data, init->ni.len},
		.nr = {init->nr.data, init->nr.len},
	};
	uint16_t notify = ike_message_find(m, IKE_P_SA) ? ike_nego_decide(&n) : 0;
	struct ike_buf *buf = auth_answer(sa, m->hdr.msgid, local, remote, &n, notify);
	char text[32];

	if (notify)
		ike_sa_log(sa, LOG_LEVEL_WARN, "child.refuse", "up without its Child SA: %s",
			   ike_notify_text(notify, text));
	if (!n.child || !buf) {
		ike_answer_send(sa, m->hdr.msgid, buf);
		ike_init_free(sa);
		if (n.child)
			ike_child_down(n.child, IKE_DOWN_PROTOCOL, 0);
	} else {
		ike_answer_hold(sa, m->hdr.msgid, buf);
		if (ike_nego_install(&n))
			ike_child_down(n.child, IKE_DOWN_PROTOCOL, IKE_N_TEMPORARY_FAILURE);
	}
	ike_nego_free(&n);
}

void ike_auth_request(struct ike_sa *sa, const struct ike_message *m)
{
	uint64_t begun = sa->due[IKE_DUE_LIMIT] - sa->ike->set.half_open_ns; /* when IKE_SA_INIT was answered */
	struct ike_id local, remote;

	if (!auth_accept(sa, m, &local, &remote)) {
		auth_refuse(sa, m->hdr.msgid);
		return;
	}
	if (ike_sa_set_ids(sa, &local, &remote)) {
		auth_refuse(sa, m->hdr.msgid);
		return;
	}
	ike_window_widen(sa, m);
	ike_optimized_agree(sa, m);
	ike_sa_up(sa);
	if (ike_message_notify(m, IKE_N_INITIAL_CONTACT))
		auth_initial_contact(sa, begun);
	auth_child(sa, m, &local, &remote);
}
