/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

static uint64_t sa_spi_hash(const struct ike *ike, const uint8_t spi[IKE_SPI_LEN])
{
	return ike_table_mix(ike->seed, get_be64(spi));
}

const uint8_t *ike_sa_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

struct ike_sa *ike_sa_by_spi(struct ike *ike, const uint8_t spi[IKE_SPI_LEN])
{
	struct ike_node *n = ike_table_first(&ike->sa_by_spi, sa_spi_hash(ike, spi));

	for (; n; n = ike_table_next(n)) {
		struct ike_sa *sa = ike_entry(n, struct ike_sa, by_spi);

		if (!memcmp(ike_sa_spi(sa), spi, IKE_SPI_LEN))
			return sa;
	}
	return NULL;
}

void ike_sa_index_spi(struct ike_sa *sa)
{
	ike_table_add(&sa->ike->sa_by_spi, &sa->by_spi, sa_spi_hash(sa->ike, ike_sa_spi(sa)));
}

void ike_sa_choose_spi(struct ike *ike, uint8_t spi[IKE_SPI_LEN])
{
	do
		ike_random(ike, spi, IKE_SPI_LEN);
	while (!get_be64(spi) || ike_sa_by_spi(ike, spi));
}

struct ike_sa *ike_sa_by_id(struct ike *ike, uint32_t id)
{
	struct ike_node *n = ike_table_first(&ike->sa_by_id, ike_table_mix(ike->seed, id));

	for (; n; n = ike_table_next(n))
		if (ike_entry(n, struct ike_sa, by_id)->id == id)
			return ike_entry(n, struct ike_sa, by_id);
	return NULL;
}

static void sa_run(struct ike *ike, struct ike_timer *t);

struct ike_sa *ike_sa_new(struct ike *ike, struct ike_conn *conn, bool initiator, const struct ike_path *path)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->ike = ike;
	do
		sa->id = ++ike->sa_ids;
	while (!sa->id || ike_sa_by_id(ike, sa->id));
	sa->lineage = sa->id;
	sa->initiator = initiator;
	sa->path = *path;
	sa->timer.fire = sa_run;
	sa->win.size = sa->ans.size = 1;
	sa->iv = 1;
	sa->last_in = sa->last_out = ike->now;
	STAILQ_INIT(&sa->win.queued);
	TAILQ_INIT(&sa->children);
	TAILQ_INSERT_TAIL(&ike->sas, sa, all);
	ike_table_add(&ike->sa_by_id, &sa->by_id, ike_table_mix(ike->seed, sa->id));
	ike_conn_hold(sa, conn);
	return sa;
}

void ike_sa_set_keys(struct ike_sa *sa, const struct ike_sa_keys *keys)
{
	memcpy(sa->sk_d, keys->d, sizeof(sa->sk_d));
	sa->key_out = sa->initiator ? keys->i : keys->r;
	sa->key_in = sa->initiator ? keys->r : keys->i;
}

static uint64_t sa_ids_hash(const struct ike *ike, const struct ike_id *local, const struct ike_id *remote)
{
	return ike_table_hash(ike->seed ^ local->kind, local->data, local->len) ^
	       ike_table_hash(~ike->seed ^ remote->kind, remote->data, remote->len);
}

int ike_sa_set_ids(struct ike_sa *sa, const struct ike_id *local, const struct ike_id *remote)
{
	sa->local_id = ike_id_copy(local);
	sa->remote_id = ike_id_copy(remote);
	if (!sa->local_id || !sa->remote_id)
		return -ENOMEM;
	ike_table_add(&sa->ike->sa_by_ids, &sa->by_ids, sa_ids_hash(sa->ike, local, remote));
	return 0;
}

struct ike_sa *ike_sa_same_ids(struct ike *ike, const struct ike_id *local, const struct ike_id *remote,
			       const struct ike_sa *other_than)
{
	struct ike_node *n = ike_table_first(&ike->sa_by_ids, sa_ids_hash(ike, local, remote));

	for (; n; n = ike_table_next(n)) {
		struct ike_sa *sa = ike_entry(n, struct ike_sa, by_ids);

		if (sa != other_than && ike_id_equal(sa->local_id, local) && ike_id_equal(sa->remote_id, remote))
			return sa;
	}
	return NULL;
}

bool ike_sa_usable(const struct ike_sa *sa)
{
	return sa->phase == IKE_PHASE_UP && !sa->close_wanted;
}

enum ike_sa_state ike_sa_public_state(const struct ike_sa *sa)
{
	switch (sa->phase) {
	case IKE_PHASE_INIT_SENT:
	case IKE_PHASE_AUTH_SENT:
	case IKE_PHASE_INIT_ANSWERED:
	case IKE_PHASE_SPARE:
		break;
	case IKE_PHASE_UP:
		return sa->rekey_sent ? IKE_SA_REKEYING : IKE_SA_ESTABLISHED;
	case IKE_PHASE_REPLACED:
		return IKE_SA_REKEYED;
	case IKE_PHASE_CLOSING:
	case IKE_PHASE_GONE:
		return IKE_SA_DELETING;
	}
	return IKE_SA_CONNECTING;
}

void ike_sa_event(struct ike_sa *sa, enum ike_event_kind kind, struct ike_event *ev)
{
	ev->kind = kind;
	ev->ike_sa = sa->id;
	if (sa->conn)
		ev->conn = sa->conn->cfg;
	sa->ike->env.event(sa->ike->env.ctx, ev);
}

/* ---- clocks ---- */

void ike_sa_due(struct ike_sa *sa, enum ike_due due, uint64_t at)
{
	uint64_t first = UINT64_MAX;

	sa->due[due] = at;
	for (unsigned int i = 0; i < IKE_DUES; i++)
		if (sa->due[i] && sa->due[i] < first)
			first = sa->due[i];
	if (first == UINT64_MAX)
		heap_remove(&sa->ike->timers, &sa->timer.node);
	else if ((!heap_has(&sa->timer.node) || sa->timer.node.key != first) &&
		 heap_set(&sa->ike->timers, &sa->timer.node, first))
		ike_sa_log(sa, LOG_LEVEL_ERROR, "ike.memory", "no memory for its timer");
}

static void sa_check_liveness(struct ike_sa *sa)
{
	uint64_t delay = sa->conn ? sa->conn->cfg->dpd_delay_ns : 0, silent = sa->ike->now - sa->last_in;

	if (!delay || sa->phase != IKE_PHASE_UP)
		return;
	if (silent < delay) {
		ike_sa_due(sa, IKE_DUE_LIVENESS, sa->last_in + delay);
		return;
	}
	if (!sa->win.n_flight && !sa->win.n_queued) /* any other request asks the same question */
		ike_sa_queue_simple(sa, IKE_JOB_LIVENESS);
	ike_sa_due(sa, IKE_DUE_LIVENESS, sa->ike->now + delay);
}

static void sa_limit(struct ike_sa *sa)
{
	if (sa->phase == IKE_PHASE_GONE) { /* has lingered long enough */
		ike_sa_half_open(sa, false);
		ike_table_remove(&sa->ike->sa_by_spi, &sa->by_spi);
		TAILQ_REMOVE(&sa->ike->sas, sa, all);
		TAILQ_INSERT_TAIL(&sa->ike->grave, sa, all);
	} else if (sa->phase == IKE_PHASE_SPARE) {
		ike_sa_end(sa, IKE_DOWN_REDUNDANT, 0, false);
	} else if (sa->phase == IKE_PHASE_REPLACED) { /* the peer should have deleted it long ago */
		ike_sa_begin_close(sa, IKE_DOWN_REPLACED);
	} else if (sa->half_open) {
		ike_sa_end(sa, IKE_DOWN_TIMEOUT, 0, false);
	}
}

static void sa_due_run(struct ike_sa *sa, enum ike_due due)
{
	switch (due) {
	case IKE_DUE_LIMIT:
		sa_limit(sa);
		break;
	case IKE_DUE_REKEY:
		ike_sa_rekey_start(sa);
		break;
	case IKE_DUE_EXPIRE:
		ike_sa_drop(sa, IKE_DOWN_EXPIRED);
		break;
	case IKE_DUE_LIVENESS:
		sa_check_liveness(sa);
		break;
	case IKE_DUE_KEEPALIVE:
		ike_nat_keepalive(sa);
		break;
	case IKE_DUE_YIELD:
		ike_sa_touch(sa);
		break;
	case IKE_DUE_OLD_CHILD:
		ike_rekey_overdue(sa);
		break;
	case IKE_DUE_FORGET:
		if (sa->last_in + IKE_ANSWERS_FORGET_NS > sa->ike->now)
			ike_sa_due(sa, IKE_DUE_FORGET, sa->last_in + IKE_ANSWERS_FORGET_NS);
		else
			ike_answers_forget(sa);
		break;
	}
}

static void sa_run(struct ike *ike, struct ike_timer *t)
{
	struct ike_sa *sa = ike_entry(t, struct ike_sa, timer);
	bool gone = sa->phase == IKE_PHASE_GONE;

	for (unsigned int i = 0; i < IKE_DUES; i++) {
		if (!sa->due[i] || sa->due[i] > ike->now)
			continue;
		sa->due[i] = 0;
		sa_due_run(sa, (enum ike_due)i);
		if (gone || sa->phase == IKE_PHASE_GONE)
			return;
	}
	for (unsigned int i = 0; i < IKE_DUES; i++) /* the earliest of the others */
		if (sa->due[i]) {
			ike_sa_due(sa, (enum ike_due)i, sa->due[i]);
			return;
		}
}

void ike_sa_start_clocks(struct ike_sa *sa)
{
	const struct ike_conn_cfg *cfg = sa->conn->cfg;
	uint64_t now = sa->ike->now, off;

	sa->established = now;
	sa->ike->counters.sas++;
	if (cfg->rekey_time_ns) {
		off = ike_random_below(sa->ike, cfg->rand_time_ns);
		ike_sa_due(sa, IKE_DUE_REKEY, now + (off < cfg->rekey_time_ns ? cfg->rekey_time_ns - off : 1));
		ike_sa_due(sa, IKE_DUE_EXPIRE, now + cfg->rekey_time_ns + cfg->over_time_ns);
	}
	if (cfg->dpd_delay_ns)
		ike_sa_due(sa, IKE_DUE_LIVENESS, now + cfg->dpd_delay_ns);
	if (sa->nat_local)
		ike_sa_due(sa, IKE_DUE_KEEPALIVE, now + IKE_KEEPALIVE_NS);
}

/* ---- birth and end ---- */

void ike_sa_up(struct ike_sa *sa)
{
	struct ike_event ev = {0};

	sa->phase = IKE_PHASE_UP;
	sa->known = true;
	ike_sa_half_open(sa, false);
	ike_sa_due(sa, IKE_DUE_LIMIT, 0);
	sa->ans.size = ike_conn_window(sa->conn->cfg);
	ike_sa_start_clocks(sa);
	if (ike_logs(sa->ike, LOG_LEVEL_NOTICE)) {
		char a[IKE_TEXT_MAX], b[IKE_TEXT_MAX], c[IKE_TEXT_MAX], d[IKE_TEXT_MAX], suite[IKE_TEXT_MAX];

		ike_sa_log(sa, LOG_LEVEL_NOTICE, "ike.up", "established between %s[%s] and %s[%s], %s",
			   ike_addr_text(&sa->path.local, a), ike_id_text(sa->local_id, b),
			   ike_addr_text(&sa->path.remote, c), ike_id_text(sa->remote_id, d),
			   ike_suite_text(&sa->suite, suite));
	}
	ike_sa_event(sa, IKE_EV_SA_UP, &ev);
}

struct ike_request *ike_sa_queue_simple(struct ike_sa *sa, enum ike_job job)
{
	struct ike_request *r = ike_request_new(sa, job);

	if (r)
		ike_request_queue(r, false);
	return r;
}

void ike_sa_begin_close(struct ike_sa *sa, enum ike_down reason)
{
	struct ike_request *r;

	sa->close_wanted = false;
	switch (sa->phase) {
	case IKE_PHASE_UP:
	case IKE_PHASE_REPLACED:
		break;
	case IKE_PHASE_INIT_SENT:
	case IKE_PHASE_INIT_ANSWERED:
		ike_sa_end(sa, reason, 0, false);
		return;
	case IKE_PHASE_AUTH_SENT:
		ike_sa_drop(sa, reason);
		return;
	case IKE_PHASE_SPARE:
	case IKE_PHASE_CLOSING:
	case IKE_PHASE_GONE:
		return;
	}
	if (sa->phase == IKE_PHASE_REPLACED)
		reason = IKE_DOWN_REPLACED;
	sa->phase = IKE_PHASE_CLOSING;
	sa->reason = reason;
	ike_window_clear_queued(sa, IKE_DOWN_IKE_SA);
	r = ike_sa_queue_simple(sa, IKE_JOB_DELETE);
	if (!r)
		ike_sa_drop(sa, reason);
}

static void sa_unlink(struct ike_sa *sa, bool linger)
{
	struct ike *ike = sa->ike;

	ike_table_remove(&ike->sa_by_id, &sa->by_id);
	ike_table_remove(&ike->sa_by_init, &sa->by_init);
	ike_table_remove(&ike->sa_by_ids, &sa->by_ids);
	for (unsigned int i = 0; i < IKE_DUES; i++)
		sa->due[i] = 0;
	if (sa->is_dirty)
		TAILQ_REMOVE(&ike->dirty, sa, dirty);
	sa->is_dirty = false;
	if (linger) {
		ike_sa_due(sa, IKE_DUE_LIMIT, ike->now + IKE_LINGER_NS);
		return;
	}
	heap_remove(&ike->timers, &sa->timer.node);
	ike_table_remove(&ike->sa_by_spi, &sa->by_spi);
	TAILQ_REMOVE(&ike->sas, sa, all);
	TAILQ_INSERT_TAIL(&ike->grave, sa, all);
}

void ike_sa_end(struct ike_sa *sa, enum ike_down down, uint16_t notify, bool linger)
{
	struct ike_event ev = {.down = down, .notify = notify};
	enum ike_down children = sa->established ? IKE_DOWN_IKE_SA : down;
	struct ike_child *c;
	char text[32];

	if (sa->phase == IKE_PHASE_GONE)
		return;
	ike_sa_log(sa, sa->known ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO, "ike.down", "ended: %s%s%s", ike_down_name(down),
		   notify ? ", " : "", notify ? ike_notify_text(notify, text) : "");
	sa->phase = IKE_PHASE_GONE;
	ike_sa_rekey_leave(sa);
	if (!linger) /* else it goes on counting, or wrong guesses of a PSK would be without bound */
		ike_sa_half_open(sa, false);
	ike_window_clear(sa, children, notify);
	while ((c = TAILQ_FIRST(&sa->children)))
		ike_child_down(c, children, children == IKE_DOWN_IKE_SA ? 0 : notify);
	if (sa->established)
		sa->ike->counters.sas--;
	ev.conn = sa->conn->cfg;
	sa_unlink(sa, linger);
	ike_init_free(sa);
	ike_conn_drop(sa->ike, sa->conn);
	sa->conn = NULL;
	if (sa->known)
		ike_sa_event(sa, IKE_EV_SA_DOWN, &ev);
}

void ike_sa_part(struct ike_sa *sa, struct ike_buf *last_words, enum ike_down down, uint16_t notify)
{
	struct ike_request *r = last_words ? ike_request_new(sa, IKE_JOB_DELETE) : NULL;

	ike_sa_end(sa, down, notify, r != NULL);
	if (r && !ike_window_launch(r, last_words))
		return;
	free(last_words);
	ike_request_free(r);
}

void ike_sa_drop(struct ike_sa *sa, enum ike_down down)
{
	struct ike_buf *buf = NULL;
	struct ike_builder b;

	if (sa->phase == IKE_PHASE_GONE)
		return;
	if (sa->phase != IKE_PHASE_INIT_SENT && sa->phase != IKE_PHASE_INIT_ANSWERED) {
		ike_send_start(sa, &b, IKE_X_INFORMATIONAL, false, sa->win.next);
		ike_build_delete(&b, IKE_PROTO_IKE, 0, NULL, 0);
		buf = ike_send_seal(sa, &b);
	}
	ike_sa_part(sa, buf, down, 0);
}

void ike_init_free(struct ike_sa *sa)
{
	struct ike_init *init = sa->init;

	if (!init)
		return;
	ike_ke_free(init->ke);
	free(init->request);
	free(init->response);
	OPENSSL_cleanse(init, sizeof(*init));
	free(init);
	sa->init = NULL;
}

void ike_sa_free(struct ike_sa *sa)
{
	struct ike_child *c;

	heap_remove(&sa->ike->timers, &sa->timer.node);
	ike_sa_rekey_forget(sa);
	ike_sa_half_open(sa, false);
	ike_window_free(sa);
	while ((c = TAILQ_FIRST(&sa->children))) {
		TAILQ_REMOVE(&sa->children, c, link);
		ike_child_free(c);
	}
	ike_answers_free(sa);
	ike_init_free(sa);
	free(sa->local_id);
	free(sa->remote_id);
	OPENSSL_cleanse(sa, sizeof(*sa));
	free(sa);
}

/* ---- commands ---- */

int ike_sa_delete(struct ike *ike, uint64_t now, uint32_t ike_sa)
{
	struct ike_sa *sa = ike_sa_by_id(ike, ike_sa);

	if (!sa || sa->phase == IKE_PHASE_SPARE)
		return -ENOENT;
	if (sa->phase == IKE_PHASE_CLOSING || sa->close_wanted)
		return -EALREADY;
	ike_enter(ike, now);
	sa->close_wanted = true;
	ike_sa_touch(sa);
	ike_leave(ike);
	return 0;
}

void ike_sa_alive(struct ike *ike, uint64_t now, uint32_t ike_sa)
{
	struct ike_sa *sa = ike_sa_by_id(ike, ike_sa);

	if (sa && now > sa->last_in)
		sa->last_in = now;
}
