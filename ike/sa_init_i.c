/* SPDX-License-Identifier: MIT */
/* IKE_SA_INIT, initiator: RFC 7296 1.2, 2.6, 2.7. Nothing that comes unprotected ends the attempt (2.21.1). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/engine.h"

enum { PORT_IKE = 500 };

static unsigned int init_proposals(const struct ike_conn_cfg *cfg, struct ike_proposal out[IKE_PROPOSALS_CFG_MAX])
{
	for (unsigned int i = 0; i < cfg->n_proposals; i++) {
		out[i] = cfg->proposals[i];
		out[i].number = (uint8_t)(i + 1);
		out[i].protocol = IKE_PROTO_IKE;
		out[i].spi_size = 0;
	}
	return cfg->n_proposals;
}

/* Our Vendor ID goes out only where something depends on it. */
static bool init_is_keyrack(const struct ike_conn_cfg *cfg)
{
	return cfg->count_sa || cfg->optimized_rekey;
}

/* The request as it is now: with the cookie and the group that were asked for. NULL: it cannot be built. */
static struct ike_buf *init_build(struct ike_sa *sa)
{
	struct ike_header hdr = {.version = 0x20, .exchange = IKE_X_SA_INIT, .flags = IKE_FLAG_INITIATOR};
	struct ike_proposal proposals[IKE_PROPOSALS_CFG_MAX];
	struct ike_init *init = sa->init;
	struct ike_builder b;
	const uint8_t *pub;
	size_t len;
	int err;

	if (!init->ke)
		init->ke = ike_ke_new(sa->ike->crypto, ike_alg_find(IKE_T_KE, init->group, 0), &err);
	if (!init->ke)
		return NULL;
	pub = ike_ke_public(init->ke, &len);
	memcpy(hdr.spi_i, sa->spi_i, IKE_SPI_LEN);
	ike_build_start(&b, sa->ike->scratch, IKE_MESSAGE_MAX, &hdr);
	if (init->cookie_len)
		ike_build_notify(&b, 0, NULL, 0, IKE_N_COOKIE, init->cookie, init->cookie_len);
	ike_build_sa(&b, proposals, init_proposals(sa->conn->cfg, proposals));
	ike_build_ke(&b, init->group, pub, len);
	ike_build_nonce(&b, init->ni.data, init->ni.len);
	ike_nat_build(sa, &b, sa->spi_i, sa->spi_r);
	if (init_is_keyrack(sa->conn->cfg))
		ike_vendor_build(&b);
	return ike_send_copy(&b, ike_build_finish(&b));
}

void ike_init_cancel(struct ike_request *r, enum ike_down down, uint16_t notify)
{
	(void)down;
	(void)notify;
	if (r->sa->init && r->sa->init->request == r->buf)
		r->buf = NULL; /* one owner: the IKE SA */
}

static int initiate_path(const struct ike *ike, const struct ike_conn_cfg *conn, struct ike_path *path)
{
	if (!conn->remote.family)
		return -EINVAL;
	path->local = conn->local;
	path->remote = conn->remote;
	if (!path->local.family)
		path->local.family = path->remote.family;
	if (!path->remote.port)
		path->remote.port = PORT_IKE;
	if (!path->local.port)
		path->local.port = path->remote.port == PORT_IKE ? ike->set.port : ike->set.port_natt;
	return 0;
}

static int initiate_start(struct ike_sa *sa, const struct ike_child_cfg *child, void *hint)
{
	struct ike_init *init = calloc(1, sizeof(*init));
	struct ike_request *r = ike_request_new(sa, IKE_JOB_INIT);
	struct ike_buf *buf;

	sa->init = init;
	if (!init || !r) {
		ike_request_free(r);
		return -ENOMEM;
	}
	ike_sa_choose_spi(sa->ike, sa->spi_i);
	ike_sa_index_spi(sa);
	init->group = ike_proposals_group(sa->conn->cfg->proposals, sa->conn->cfg->n_proposals);
	init->ni.len = IKE_NONCE_LEN;
	ike_random(sa->ike, init->ni.data, IKE_NONCE_LEN);
	init->child = ike_child_new(sa, child, true);
	if (init->child) {
		init->child->pub.resource = child->per_resource;
		if (ike_child_reserve(init->child, NULL, 0, hint)) {
			ike_request_free(r);
			return -EAGAIN;
		}
	}
	buf = init->child ? init_build(sa) : NULL;
	init->request = buf;
	if (!buf || ike_window_launch(r, buf)) {
		ike_request_free(r);
		return -ENOMEM;
	}
	return 0;
}

int ike_initiate(struct ike *ike, uint64_t now, const struct ike_conn_cfg *conn, const struct ike_child_cfg *child,
		 void *hint, uint32_t *ike_sa)
{
	struct ike_conn *c = ike_conn_find(ike, conn);
	struct ike_path path = {0};
	struct ike_sa *sa;
	int err;

	if (!c || c->removed || initiate_path(ike, conn, &path) ||
	    !ike_proposals_group(conn->proposals, conn->n_proposals))
		return -EINVAL;
	if (!child && conn->n_children)
		child = conn->children[0];
	if (!child)
		return -EINVAL;
	ike_enter(ike, now);
	sa = ike_sa_new(ike, c, true, &path);
	err = sa ? initiate_start(sa, child, hint) : -ENOMEM;
	if (!err) {
		sa->known = true;
		*ike_sa = sa->id;
		ike_sa_log(sa, LOG_LEVEL_INFO, "ike.initiate", "initiating");
	} else if (sa) {
		ike_sa_end(sa, IKE_DOWN_NONE, 0, false);
	}
	ike_leave(ike);
	return err;
}

/* ---- the answer ---- */

static void init_again(struct ike_sa *sa, struct ike_request *r)
{
	struct ike_init *init = sa->init;
	struct ike_buf *buf;

	init->retries++;
	buf = init_build(sa);
	if (!buf)
		return;
	free(init->request);
	init->request = buf;
	ike_window_resend(r, buf);
}

/* COOKIE and INVALID_KE_PAYLOAD lead to another request, a bounded number of times. True: it was one of them. */
static bool init_retry(struct ike_sa *sa, struct ike_request *r, const struct ike_message *m)
{
	const struct ike_payload *cookie = ike_message_notify(m, IKE_N_COOKIE);
	const struct ike_payload *ke = ike_message_notify(m, IKE_N_INVALID_KE_PAYLOAD);
	const struct ike_conn_cfg *cfg = sa->conn->cfg;
	struct ike_init *init = sa->init;
	uint16_t group = ke && ke->data_len == 2 ? get_be16(ke->data) : 0;

	if (!cookie && !ke)
		return false;
	if (init->retries >= IKE_INIT_RETRIES_MAX) {
		ike_sa_log(sa, LOG_LEVEL_WARN, "ike.retries", "asked to start anew more than %u times: ignored",
			   IKE_INIT_RETRIES_MAX);
		return true;
	}
	if (cookie && cookie->data_len >= 1 && cookie->data_len <= IKE_COOKIE_MAX) {
		memcpy(init->cookie, cookie->data, cookie->data_len);
		init->cookie_len = (uint8_t)cookie->data_len;
		ike_sa_log(sa, LOG_LEVEL_INFO, "ike.cookie", "the peer wants a cookie of %u octets back",
			   cookie->data_len);
		init_again(sa, r);
	} else if (group && group != init->group && ike_proposals_offer(cfg->proposals, cfg->n_proposals, group)) {
		ike_sa_log(sa, LOG_LEVEL_INFO, "ike.group", "the peer wants KE group %u, not %u", group, init->group);
		ike_ke_free(init->ke);
		init->ke = NULL;
		init->group = group;
		init_again(sa, r);
	}
	return true;
}

static const char *init_accept(struct ike_sa *sa, const struct ike_message *m)
{
	const struct ike_payload *p = ike_message_find(m, IKE_P_SA), *ke = ike_message_find(m, IKE_P_KE);
	const struct ike_payload *nonce = ike_message_find(m, IKE_P_NONCE);
	struct ike_proposal offered[IKE_PROPOSALS_CFG_MAX], got[2];
	struct ike_parse_error err = {0};
	struct ike_init *init = sa->init;
	struct ike_suite suite;

	if (!p || !ke || !nonce || !get_be64(m->hdr.spi_r))
		return "it lacks SA, KE, Nonce or SPI";
	if (ike_proposals_parse(p, got, 2, &err) != 1 ||
	    ike_proposal_verify(offered, init_proposals(sa->conn->cfg, offered), &got[0]))
		return "its proposal is not one of ours";
	ike_suite_of(&got[0], &suite);
	if (!ike_suite_whole(&suite))
		return "its proposal lacks an algorithm";
	if (suite.ke->id != init->group || ke->u.ke.group != init->group)
		return "its KE payload is of another group";
	init->chosen = got[0];
	ike_nonce_set(&init->nr, (struct ike_chunk){nonce->data, nonce->data_len});
	sa->keyrack = init_is_keyrack(sa->conn->cfg) && ike_vendor_seen(m);
	memcpy(sa->spi_r, m->hdr.spi_r, IKE_SPI_LEN);
	if (ike_init_keys(sa, ke)) {
		memset(sa->spi_r, 0, IKE_SPI_LEN);
		return "its KE value is not valid";
	}
	return NULL;
}

static struct ike_buf *init_keep(const uint8_t *buf, size_t len)
{
	struct ike_builder b = {.w = {.start = (uint8_t *)(uintptr_t)buf}};

	return ike_send_copy(&b, (int)len);
}

static void init_done(struct ike_sa *sa, struct ike_request *r, const struct ike_path *path,
		      const struct ike_message *m)
{
	static const uint8_t any[16];
	struct ike_path mine = sa->path;

	sa->init->response = init_keep(m->raw, m->hdr.length);
	if (!sa->init->response) {
		sa->suite = (struct ike_suite){0};
		memset(sa->spi_r, 0, IKE_SPI_LEN);
		return;
	}
	if (!memcmp(mine.local.ip, any, sizeof(any))) {
		memcpy(mine.local.ip, path->local.ip, sizeof(mine.local.ip));
		ike_sa_set_path(sa, &mine);
	}
	ike_nat_detect(sa, path, m);
	ike_nat_float(sa);
	ike_window_done(r);
	r->buf = NULL; /* it stays with sa->init: AUTH covers it */
	ike_request_free(r);
	sa->phase = IKE_PHASE_AUTH_SENT;
	if (!ike_sa_queue_simple(sa, IKE_JOB_AUTH))
		ike_sa_end(sa, IKE_DOWN_PROTOCOL, 0, false);
}

void ike_init_response(struct ike_sa *sa, const struct ike_path *path, const uint8_t *buf, size_t len,
		       const struct ike_header *hdr)
{
	struct ike_request *r = ike_window_match(sa, 0);
	const struct ike_payload *error;
	struct ike_parse_error err = {0};
	struct ike_message m;
	const char *wrong;
	char text[32];

	if (sa->phase != IKE_PHASE_INIT_SENT || !r || hdr->msgid || memcmp(hdr->spi_i, sa->spi_i, IKE_SPI_LEN)) {
		sa->ike->counters.replayed++;
		return;
	}
	sa->ike->counters.ike_init_in_resp++;
	if (ike_message_parse(buf, len, &m, &err) || ike_message_check(&m, &err)) {
		sa->ike->counters.invalid++;
		ike_sa_log(sa, LOG_LEVEL_INFO, "ike.invalid", "IKE_SA_INIT response ignored: %s", err.text);
		return;
	}
	ike_log_message(sa, "the peer answers", &m);
	if (init_retry(sa, r, &m))
		return;
	error = ike_message_error(&m);
	if (error) {
		sa->init->hint = error->u.notify.kind;
		ike_sa_log(sa, LOG_LEVEL_WARN, "ike.refused",
			   "the peer answers %s; not protected, so not believed: waiting on",
			   ike_notify_text(error->u.notify.kind, text));
		return;
	}
	wrong = init_accept(sa, &m);
	if (wrong) {
		sa->ike->counters.invalid++;
		ike_sa_log(sa, LOG_LEVEL_WARN, "ike.invalid", "IKE_SA_INIT response ignored: %s", wrong);
		return;
	}
	init_done(sa, r, path, &m);
}
