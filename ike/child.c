/* SPDX-License-Identifier: MIT */
/* The life of a Child SA, whichever side asked for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

struct ike_child *ike_child_by_id(struct ike *ike, uint32_t id)
{
	struct ike_node *n = ike_table_first(&ike->child_by_id, ike_table_mix(ike->seed, id));

	for (; n; n = ike_table_next(n))
		if (ike_entry(n, struct ike_child, by_id)->pub.id == id)
			return ike_entry(n, struct ike_child, by_id);
	return NULL;
}

/* The lineage, not the IKE SA: so the key outlives IKE rekeys, and late Deletes on the old IKE SA find the child. */
static uint64_t child_spi_hash(const struct ike_sa *sa, uint32_t spi_out)
{
	return ike_table_mix(sa->ike->seed, (uint64_t)sa->lineage << 32 | spi_out);
}

struct ike_child *ike_child_by_spi_out(struct ike_sa *sa, uint32_t spi_out)
{
	struct ike_node *n = ike_table_first(&sa->ike->child_by_spi, child_spi_hash(sa, spi_out));

	for (; n; n = ike_table_next(n)) {
		struct ike_child *c = ike_entry(n, struct ike_child, by_spi);

		if (c->pub.spi_out == spi_out && c->sa->lineage == sa->lineage)
			return c;
	}
	return NULL;
}

void ike_child_set_spi_out(struct ike_child *c, uint32_t spi_out)
{
	c->pub.spi_out = spi_out;
	ike_table_add(&c->sa->ike->child_by_spi, &c->by_spi, child_spi_hash(c->sa, spi_out));
}

struct ike_child *ike_child_new(struct ike_sa *sa, const struct ike_child_cfg *cfg, bool initiator)
{
	struct ike *ike = sa->ike;
	struct ike_child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->sa = sa;
	do
		c->pub.id = ++ike->child_ids;
	while (!c->pub.id || ike_child_by_id(ike, c->pub.id));
	c->pub.ike_sa = sa->id;
	c->pub.conn = sa->conn->cfg;
	c->pub.cfg = cfg;
	c->pub.initiator = initiator;
	c->pub.mode = cfg->mode;
	c->pub.path = sa->path;
	c->pub.encap = ike_nat_encap(sa);
	TAILQ_INSERT_TAIL(&sa->children, c, link);
	sa->n_children++;
	ike->counters.children++;
	ike_table_add(&ike->child_by_id, &c->by_id, ike_table_mix(ike->seed, c->pub.id));
	return c;
}

/* What it replaces, as far as the owner still knows that one. */
static const struct ike_child *child_old(const struct ike_child *c)
{
	return c->of && c->of->old && c->of->old->reserved ? c->of->old : NULL;
}

uint16_t ike_child_reserve(struct ike_child *c, const uint8_t *resource, size_t resource_len, void *hint)
{
	struct ike *ike = c->sa->ike;
	struct ike_child_offer offer = {
		.ike_sa = c->sa->id,
		.conn = c->pub.conn,
		.cfg = c->pub.cfg,
		.path = &c->pub.path,
		.child_sa = c->pub.id,
		.rekeys_user = child_old(c) ? child_old(c)->pub.user : NULL,
		.initiator = c->pub.initiator,
		.resource = c->pub.resource,
		.resource_asked = c->resource_asked,
		.sa = &c->pub,
		.resource_data = resource,
		.resource_len = resource_len,
		.hint = hint,
	};
	uint16_t notify = ike->env.child_reserve(ike->env.ctx, &offer, &c->pub.spi_in, &c->pub.user);

	c->reserved = !notify;
	return notify;
}

int ike_child_set_ts(struct ike_child *c, const struct ike_ts *local, unsigned int n_local, const struct ike_ts *remote,
		     unsigned int n_remote)
{
	struct ike_ts *ts = malloc((n_local + n_remote) * sizeof(*ts));

	if (!ts)
		return -ENOMEM;
	memcpy(ts, local, n_local * sizeof(*ts));
	memcpy(ts + n_local, remote, n_remote * sizeof(*ts));
	free(c->ts);
	c->ts = ts;
	c->pub.local_ts = ts;
	c->pub.n_local_ts = n_local;
	c->pub.remote_ts = ts + n_local;
	c->pub.n_remote_ts = n_remote;
	return 0;
}

void ike_child_set_algs(struct ike_child *c, const struct ike_proposal *chosen)
{
	for (unsigned int i = 0; i < chosen->n; i++) {
		const struct ike_transform *t = &chosen->t[i];

		switch (t->type) {
		case IKE_T_ENCR:
			c->pub.encr = t->id;
			c->pub.encr_bits = t->key_bits;
			break;
		case IKE_T_INTEG:
			c->pub.integ = t->id;
			break;
		case IKE_T_KE:
			c->pub.ke = t->id;
			break;
		case IKE_T_ESN:
			c->pub.esn = t->id == IKE_ESN_YES;
			break;
		}
	}
}

static void child_event(struct ike_child *c, enum ike_event_kind kind, struct ike_event *ev)
{
	ev->kind = kind;
	ev->ike_sa = c->sa->id;
	ev->conn = c->pub.conn;
	ev->child = &c->pub;
	if (kind != IKE_EV_CHILD_DOWN && child_old(c))
		ev->replaces = &child_old(c)->pub;
	c->sa->ike->env.event(c->sa->ike->env.ctx, ev);
}

/* RFC 7296 2.17: the exchange's initiator's direction first, encryption before integrity. */
static int child_keys(struct ike_child *c, const struct ike_proposal *chosen, struct ike_chunk shared,
		      struct ike_chunk ni, struct ike_chunk nr, struct ike_child_keys *keys)
{
	const struct ike_alg *encr = ike_proposal_alg(chosen, IKE_T_ENCR),
			     *integ = ike_proposal_alg(chosen, IKE_T_INTEG);
	size_t e = encr ? (size_t)encr->key_len + encr->salt_len : 0, i = integ ? integ->key_len : 0;
	uint8_t mat[4 * IKE_KEY_MAX], *first_e, *first_i, *second_e, *second_i;
	int err;

	if (!encr || e > IKE_KEY_MAX || i > IKE_KEY_MAX)
		return -EIO;
	err = ike_child_keymat(c->sa->ike->crypto, c->sa->suite.prf, c->sa->sk_d, shared, ni, nr, mat, 2 * (e + i));
	if (!err) {
		first_e = c->pub.initiator ? keys->encr_out : keys->encr_in;
		first_i = c->pub.initiator ? keys->integ_out : keys->integ_in;
		second_e = c->pub.initiator ? keys->encr_in : keys->encr_out;
		second_i = c->pub.initiator ? keys->integ_in : keys->integ_out;
		memcpy(first_e, mat, e);
		memcpy(first_i, mat + e, i);
		memcpy(second_e, mat + e + i, e);
		memcpy(second_i, mat + 2 * e + i, i);
		keys->encr_len = (uint16_t)e;
		keys->integ_len = (uint16_t)i;
	}
	OPENSSL_cleanse(mat, sizeof(mat));
	return err;
}

int ike_child_install(struct ike_child *c, const struct ike_proposal *chosen, struct ike_chunk shared,
		      struct ike_chunk ni, struct ike_chunk nr)
{
	struct ike_child_keys keys = {0};
	struct ike_event ev = {.keys = &keys, .redundant = c->redundant};
	int err;

	ike_child_set_algs(c, chosen);
	c->pub.encap = ike_nat_encap(c->sa);
	err = child_keys(c, chosen, shared, ni, nr, &keys);
	if (!err) {
		/* The peer that asks for a rekey shows with its Delete that it receives on the new one; RFC 7296 2.8.
		 */
		c->outbound = !c->redundant && (c->pub.initiator || !c->of);
		ev.outbound = c->outbound;
		c->state = IKE_CHILD_INSTALLING;
		child_event(c, IKE_EV_CHILD_INSTALL, &ev);
	}
	OPENSSL_cleanse(&keys, sizeof(keys));
	return err;
}

/* What a responder answers when its card or kernel refuses. RFC 9611 2: TS_MAX_QUEUE for resources. */
static uint16_t child_install_notify(const struct ike_child *c)
{
	if (c->install_err != -ENOSPC)
		return IKE_N_TEMPORARY_FAILURE;
	return c->pub.resource ? IKE_N_TS_MAX_QUEUE : IKE_N_NO_ADDITIONAL_SAS;
}

static void child_refuse_held(struct ike_child *c, uint16_t notify)
{
	c->holding = false;
	if (c->sa->phase == IKE_PHASE_GONE)
		return;
	if (c->in_auth)
		ike_auth_answer_failed_child(c->sa, c->answer_id, notify);
	else
		ike_answer_notify(c->sa, IKE_X_CREATE_CHILD_SA, c->answer_id, notify, NULL, 0);
}

void ike_child_tell_up(struct ike_child *c)
{
	struct ike_event ev = {.delete_old = c->pub.initiator && child_old(c)};

	if (c->up || c->redundant || c->state != IKE_CHILD_UP)
		return;
	c->up = true;
	child_event(c, IKE_EV_CHILD_UP, &ev);
}

static void child_log_up(struct ike_child *c)
{
	char suite[IKE_TEXT_MAX];

	if (ike_logs(c->sa->ike, LOG_LEVEL_NOTICE))
		ike_child_log(c, LOG_LEVEL_NOTICE, c->of ? "child.rekeyed" : "child.up", "up%s%s%s, %s, %s",
			      c->of ? " in place of another" : "", c->pub.resource ? ", with a resource" : "",
			      c->redundant ? ", redundant" : "", ike_child_suite_text(&c->pub, suite),
			      c->pub.mode == IKE_MODE_TRANSPORT ? "transport" : "tunnel");
}

static void child_up(struct ike_child *c)
{
	struct ike_rekey *k = c->of;

	c->state = IKE_CHILD_UP;
	if (c->holding) {
		c->holding = false;
		ike_answer_release(c->sa, c->answer_id);
		if (c->in_auth)
			ike_init_free(c->sa);
	}
	if (c->redundant && c->pub.initiator) { /* who made it deletes it, RFC 7296 2.8.1 */
		ike_child_close(c, IKE_DOWN_REDUNDANT, 0);
		return;
	}
	child_log_up(c);
	ike_child_tell_up(c);
	if (k && !k->old && !c->redundant) /* it went while this one was installed */
		ike_child_use(c);
	ike_rekey_settle(c);
	if (c->abandoned)
		ike_child_close(c, IKE_DOWN_LOCAL, 0);
}

void ike_child_use(struct ike_child *c)
{
	struct ike_event ev = {0};

	if (c->outbound || c->state != IKE_CHILD_UP)
		return;
	c->outbound = true;
	ike_child_log(c, LOG_LEVEL_INFO, "child.outbound", "the peer receives on it: used for sending from here on");
	child_event(c, IKE_EV_CHILD_OUTBOUND, &ev);
}

void ike_child_settle(struct ike_child *c)
{
	if (c->state != IKE_CHILD_INSTALLING)
		return;
	if (!c->install_err) {
		child_up(c);
		return;
	}
	ike_child_log(c, LOG_LEVEL_WARN, "child.install", "could not be installed: %s", strerror(-c->install_err));
	if (c->holding) {
		uint16_t notify = child_install_notify(c);

		child_refuse_held(c, notify);
		ike_child_down(c, IKE_DOWN_INSTALL, notify);
	} else if (c->pub.initiator) {
		ike_child_close(c, IKE_DOWN_INSTALL, 0); /* the peer has it already */
	}
}

int ike_child_installed(struct ike *ike, uint64_t now, uint32_t child_sa, int err)
{
	struct ike_child *c = ike_child_by_id(ike, child_sa);

	if (!c || c->state != IKE_CHILD_INSTALLING || c->installed)
		return -ENOENT;
	ike_enter(ike, now);
	c->installed = true;
	c->install_err = (int16_t)err;
	TAILQ_INSERT_TAIL(&ike->installed, c, work);
	ike_leave(ike);
	return 0;
}

/* The owner can have its slots back; the user pointer is not to be used from here on. */
static void child_tell_down(struct ike_child *c, enum ike_down down, uint16_t notify)
{
	struct ike_event ev = {.down = down, .notify = notify, .redundant = c->redundant || c->collided};
	char text[32];

	if (!c->reserved)
		return;
	ike_child_log(c, LOG_LEVEL_NOTICE, down == IKE_DOWN_REFUSED ? "child.refused" : "child.down", "ended: %s%s%s",
		      ike_down_name(down), notify ? ", " : "", notify ? ike_notify_text(notify, text) : "");
	c->reserved = false;
	ike_table_remove(&c->sa->ike->child_by_id, &c->by_id);
	child_event(c, IKE_EV_CHILD_DOWN, &ev);
}

void ike_child_down(struct ike_child *c, enum ike_down down, uint16_t notify)
{
	struct ike *ike = c->sa->ike;

	if (c->state == IKE_CHILD_GONE)
		return;
	c->state = IKE_CHILD_GONE;
	if (c->installed)
		TAILQ_REMOVE(&ike->installed, c, work);
	c->installed = false;
	if (c->request)
		c->request->child = NULL;
	c->request = NULL;
	ike_rekey_leave(c);
	if (c->holding)
		child_refuse_held(c, IKE_N_TEMPORARY_FAILURE);
	ike_table_remove(&ike->child_by_id, &c->by_id);
	ike_table_remove(&ike->child_by_spi, &c->by_spi);
	TAILQ_REMOVE(&c->sa->children, c, link);
	c->sa->n_children--;
	ike->counters.children--;
	child_tell_down(c, down, notify);
	TAILQ_INSERT_TAIL(&ike->child_grave, c, link);
}

void ike_child_close(struct ike_child *c, enum ike_down reason, uint16_t notify)
{
	/* nobody sends on it, and the peer is told before it could: no need to wait for its answer */
	bool at_once = reason == IKE_DOWN_REDUNDANT && ike_window_open(c->sa, IKE_JOB_CHILD_DELETE);
	struct ike_request *r;

	if (c->state == IKE_CHILD_DELETING || c->state == IKE_CHILD_GONE)
		return;
	c->state = IKE_CHILD_DELETING;
	c->reason = reason;
	c->notify = notify;
	r = ike_request_new(c->sa, IKE_JOB_CHILD_DELETE);
	if (!r) { /* better a peer that keeps it for a while than a slot that is never given back */
		ike_child_down(c, reason, notify);
		return;
	}
	r->child = c;
	c->request = r;
	ike_request_queue(r, at_once);
	if (at_once)
		child_tell_down(c, reason, notify);
}

void ike_child_abandon(struct ike_child *c)
{
	switch (c->state) {
	case IKE_CHILD_OFFERED:
	case IKE_CHILD_INSTALLING:
		c->abandoned = true;
		ike_sa_touch(c->sa);
		break;
	case IKE_CHILD_UP:
		ike_child_close(c, ike_rekey_reason(c, IKE_DOWN_LOCAL), 0);
		break;
	case IKE_CHILD_DELETING:
	case IKE_CHILD_GONE:
		break;
	}
}

void ike_child_move(struct ike_child *c, struct ike_sa *to)
{
	TAILQ_REMOVE(&c->sa->children, c, link);
	c->sa->n_children--;
	c->sa = to;
	c->pub.ike_sa = to->id;
	c->pub.path = to->path;
	TAILQ_INSERT_TAIL(&to->children, c, link);
	to->n_children++;
	ike_rekey_wait(c);
}

void ike_child_free(struct ike_child *c)
{
	ike_rekey_forget(c);
	free(c->ts);
	free(c);
}

int ike_child_withdraw(struct ike *ike, uint64_t now, uint32_t child_sa)
{
	struct ike_child *c = ike_child_by_id(ike, child_sa);

	if (!c)
		return -ENOENT;
	if (c->state != IKE_CHILD_OFFERED || c->abandoned || c->in_auth || !c->request || c->request->buf)
		return -EALREADY;
	ike_enter(ike, now);
	ike_child_abandon(c);
	ike_leave(ike);
	return 0;
}

int ike_child_delete(struct ike *ike, uint64_t now, uint32_t child_sa)
{
	struct ike_child *c = ike_child_by_id(ike, child_sa);

	if (!c)
		return -ENOENT;
	if (c->state == IKE_CHILD_DELETING || c->abandoned)
		return -EALREADY;
	ike_enter(ike, now);
	ike_child_abandon(c);
	ike_leave(ike);
	return 0;
}
