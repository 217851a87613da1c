/* SPDX-License-Identifier: MIT */
/* INFORMATIONAL, both roles: deletes, liveness, windows. RFC 7296 1.4. */
#include <errno.h>
#include <string.h>

#include "ike/engine.h"

enum { MSGID_AFTER_AUTH = 2 };

/* ---- ours ---- */

int ike_child_delete_build(struct ike_request *r, struct ike_builder *b)
{
	uint8_t spi[4];

	put_be32(spi, r->child->pub.spi_in);
	ike_build_delete(b, IKE_PROTO_ESP, sizeof(spi), spi, 1);
	return 0;
}

void ike_child_delete_answered(struct ike_request *r, const struct ike_message *m)
{
	(void)m; /* whatever it says: both halves are closed on this side now */
	if (r->child)
		ike_child_down(r->child, r->child->reason, r->child->notify);
}

int ike_sa_delete_build(struct ike_request *r, struct ike_builder *b)
{
	(void)r;
	ike_build_delete(b, IKE_PROTO_IKE, 0, NULL, 0);
	return 0;
}

void ike_sa_delete_answered(struct ike_request *r, const struct ike_message *m)
{
	struct ike_sa *sa = r->sa;

	(void)m;
	ike_sa_end(sa, sa->phase == IKE_PHASE_REPLACED ? IKE_DOWN_REPLACED : sa->reason, 0, true);
}

static void info_build_window(struct ike_sa *sa, struct ike_builder *b)
{
	uint8_t size[4];

	put_be32(size, sa->ans.size);
	ike_build_notify(b, 0, NULL, 0, IKE_N_SET_WINDOW_SIZE, size, sizeof(size));
}

int ike_window_build(struct ike_request *r, struct ike_builder *b)
{
	info_build_window(r->sa, b);
	return 0;
}

void ike_window_answered(struct ike_request *r, const struct ike_message *m)
{
	ike_window_widen(r->sa, m);
}

/* ---- theirs ---- */

/* RFC 7296 1.4.1: the other halves of what the peer deletes, except what we are deleting ourselves at this moment. */
static unsigned int info_delete_children(struct ike_sa *sa, const struct ike_payload *del, uint8_t *spis,
					 unsigned int n)
{
	for (unsigned int i = 0; i < del->u.del.count && n < IKE_SPIS_MAX; i++) {
		uint32_t spi = get_be32(ike_delete_spi(del, i));
		struct ike_child *c = ike_child_by_spi_out(sa, spi);
		enum ike_down down = IKE_DOWN_PEER;

		if (!c) {
			ike_sa_log(sa, LOG_LEVEL_INFO, "child.unknown", "the peer deletes %08x, which is not there",
				   spi);
			ike_window_early_delete(sa, spi);
			continue;
		}
		if (c->state == IKE_CHILD_DELETING) {
			if (c->request && c->request->buf)
				continue;
			down = c->reason;
		}
		put_be32(spis + 4 * n++, c->pub.spi_in);
		ike_child_down(c, ike_rekey_reason(c, down), 0);
	}
	return n;
}

static void info_delete_sa(struct ike_sa *sa, uint32_t msgid)
{
	enum ike_down down = IKE_DOWN_PEER;

	if (sa->phase == IKE_PHASE_UP)
		ike_sa_rekey_settle_for_theirs(sa);
	switch (sa->phase) {
	case IKE_PHASE_CLOSING:
		down = sa->reason;
		break;
	case IKE_PHASE_REPLACED:
		down = IKE_DOWN_REPLACED;
		break;
	case IKE_PHASE_SPARE:
		down = IKE_DOWN_REDUNDANT;
		break;
	case IKE_PHASE_INIT_SENT:
	case IKE_PHASE_AUTH_SENT:
	case IKE_PHASE_INIT_ANSWERED:
	case IKE_PHASE_UP:
	case IKE_PHASE_GONE:
		break;
	}
	ike_answer_empty(sa, IKE_X_INFORMATIONAL, msgid);
	ike_sa_end(sa, down, 0, true);
}

/* An error that the peer found in an answer of ours. True: it ends the IKE SA (RFC 7296 2.21.2, 2.21.3). */
static bool info_fatal(struct ike_sa *sa, const struct ike_payload *error, uint32_t msgid)
{
	uint16_t kind = error->u.notify.kind;
	char text[32];

	ike_sa_log(sa, LOG_LEVEL_WARN, "ike.notify", "the peer reports %s", ike_notify_text(kind, text));
	return kind == IKE_N_INVALID_SYNTAX || (kind == IKE_N_AUTHENTICATION_FAILED && msgid == MSGID_AFTER_AUTH);
}

void ike_info_request(struct ike_sa *sa, const struct ike_message *m)
{
	const struct ike_payload *error = ike_message_error(m);
	uint8_t spis[4 * IKE_SPIS_MAX];
	struct ike_builder b;
	unsigned int n = 0;

	if (error && info_fatal(sa, error, m->hdr.msgid)) {
		bool auth = error->u.notify.kind == IKE_N_AUTHENTICATION_FAILED;

		ike_answer_empty(sa, IKE_X_INFORMATIONAL, m->hdr.msgid);
		ike_sa_end(sa, auth ? IKE_DOWN_AUTH : IKE_DOWN_PROTOCOL, error->u.notify.kind, true);
		return;
	}
	for (unsigned int i = 0; i < m->n; i++) {
		const struct ike_payload *p = &m->p[i];

		if (p->type != IKE_P_DELETE)
			continue;
		if (p->u.del.protocol == IKE_PROTO_IKE) {
			info_delete_sa(sa, m->hdr.msgid);
			return;
		}
		if (p->u.del.protocol == IKE_PROTO_ESP && p->u.del.spi_size == 4)
			n = info_delete_children(sa, p, spis, n);
	}
	ike_window_widen(sa, m);
	ike_send_start(sa, &b, IKE_X_INFORMATIONAL, true, m->hdr.msgid);
	if (n)
		ike_build_delete(&b, IKE_PROTO_ESP, 4, spis, n);
	if (ike_message_notify(m, IKE_N_SET_WINDOW_SIZE))
		info_build_window(sa, &b);
	ike_answer_send(sa, m->hdr.msgid, ike_send_seal(sa, &b));
}
