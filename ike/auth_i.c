/* SPDX-License-Identifier: MIT */
/* IKE_AUTH, initiator: RFC 7296 1.2, 2.15, 2.21.2. */
#include <errno.h>

#include "ike/engine.h"

/* RFC 7296 2.4: nothing else exists between the two identities, as far as we know. */
static bool auth_is_first(const struct ike_sa *sa, const struct ike_id *local)
{
	const struct ike_conn_cfg *cfg = sa->conn->cfg;

	if (!cfg->remote_id.kind)
		return sa->conn->sas == 1;
	return !ike_sa_same_ids(sa->ike, local, &cfg->remote_id, sa);
}

int ike_auth_build(struct ike_request *r, struct ike_builder *b)
{
	struct ike_sa *sa = r->sa;
	const struct ike_conn_cfg *cfg = sa->conn->cfg;
	struct ike_id local;
	int err;

	ike_id_or_addr(&cfg->local_id, &sa->path.local, &local);
	ike_auth_build_id(b, IKE_P_IDI, &local);
	if (auth_is_first(sa, &local))
		ike_build_notify(b, 0, NULL, 0, IKE_N_INITIAL_CONTACT, NULL, 0);
	if (cfg->remote_id.kind)
		ike_auth_build_id(b, IKE_P_IDR, &cfg->remote_id);
	err = ike_auth_build_proof(sa, b, &local, &cfg->remote_id);
	if (err) {
		ike_sa_log(sa, LOG_LEVEL_ERROR, "ike.auth", "there is no pre-shared key for this connection");
		return err;
	}
	if (sa->init->child)
		err = ike_offer_build(r, sa->init->child, b, true);
	ike_auth_build_window(sa, b);
	if (ike_optimized_wanted(sa))
		ike_optimized_build_supported(b);
	return err;
}

void ike_auth_cancel(struct ike_request *r, enum ike_down down, uint16_t notify)
{
	ike_sa_end(r->sa, down == IKE_DOWN_PROTOCOL ? IKE_DOWN_AUTH : down, notify, false);
}

/* Tells the responder, which believes the IKE SA to be up, that it is not: RFC 7296 2.21.2. */
static void auth_reject(struct ike_sa *sa)
{
	struct ike_builder b;

	ike_send_start(sa, &b, IKE_X_INFORMATIONAL, false, sa->win.next);
	ike_build_notify(&b, 0, NULL, 0, IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	ike_sa_part(sa, ike_send_seal(sa, &b), IKE_DOWN_AUTH, IKE_N_AUTHENTICATION_FAILED);
}

static bool auth_accept(struct ike_sa *sa, const struct ike_message *m, struct ike_id *local, struct ike_id *remote)
{
	const struct ike_conn_cfg *cfg = sa->conn->cfg;
	const struct ike_payload *idr = ike_message_find(m, IKE_P_IDR), *auth = ike_message_find(m, IKE_P_AUTH);
	char got[IKE_TEXT_MAX], want[IKE_TEXT_MAX];

	ike_id_or_addr(&cfg->local_id, &sa->path.local, local);
	if (!idr || !auth || ike_auth_read_id(idr, remote))
		return false;
	if (!ike_id_matches(&cfg->remote_id, remote)) {
		sa->ike->counters.auth_failed++;
		ike_sa_log(sa, LOG_LEVEL_WARN, "ike.auth", "the peer is %s, not %s", ike_id_text(remote, got),
			   ike_id_text(&cfg->remote_id, want));
		return false;
	}
	return ike_auth_verify(sa, false, local, remote, auth);
}

static void auth_child(struct ike_request *r, struct ike_child *c, const struct ike_message *m,
		       const struct ike_payload *error)
{
	const struct ike_init *init = r->sa->init;

	if (!ike_message_find(m, IKE_P_SA))
		ike_child_down(c, IKE_DOWN_REFUSED, error ? error->u.notify.kind : IKE_N_NO_PROPOSAL_CHOSEN);
	else if (ike_offer_answered(r, c, m, (struct ike_chunk){init->ni.data, init->ni.len},
				    (struct ike_chunk){init->nr.data, init->nr.len}))
		ike_child_close(c, IKE_DOWN_PROTOCOL, 0);
}

void ike_auth_answered(struct ike_request *r, const struct ike_message *m)
{
	const struct ike_payload *error = ike_message_error(m);
	struct ike_sa *sa = r->sa;
	struct ike_child *c = sa->init->child;
	struct ike_id local, remote;
	uint16_t kind = error ? error->u.notify.kind : 0;
	char text[32];

	if (error && !ike_message_find(m, IKE_P_AUTH)) {
		ike_sa_log(sa, LOG_LEVEL_WARN, "ike.auth", "the peer refuses: %s", ike_notify_text(kind, text));
		ike_sa_end(sa, kind == IKE_N_AUTHENTICATION_FAILED ? IKE_DOWN_AUTH : IKE_DOWN_REFUSED, kind, false);
		return;
	}
	if (!auth_accept(sa, m, &local, &remote)) {
		auth_reject(sa);
		return;
	}
	if (ike_sa_set_ids(sa, &local, &remote)) {
		ike_sa_drop(sa, IKE_DOWN_PROTOCOL);
		return;
	}
	ike_window_widen(sa, m);
	ike_optimized_agree(sa, m);
	ike_sa_up(sa);
	if (c)
		auth_child(r, c, m, error);
	ike_init_free(sa);
}
