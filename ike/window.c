/* SPDX-License-Identifier: MIT */
/*
 * Requests of ours: queued, in flight within the peer's window (RFC 7296 2.3), repeated until answered (2.1). Each
 * request owns its retransmission state; the ring only finds it by message id.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

/* Where the message ids near their end, the IKE SA must be replaced (RFC 7296 2.2). */
enum { MSGID_REKEY_AT = 0x7fff0000 };

static uint64_t *window_counter(struct ike *ike, uint8_t exchange)
{
	switch (exchange) {
	case IKE_X_SA_INIT:
		return &ike->counters.ike_init_out_req;
	case IKE_X_AUTH:
		return &ike->counters.ike_auth_out_req;
	case IKE_X_CREATE_CHILD_SA:
		return &ike->counters.create_child_out_req;
	default:
		return &ike->counters.info_out_req;
	}
}

static void window_give_up(struct ike_request *r)
{
	struct ike_sa *sa = r->sa;
	enum ike_down down = IKE_DOWN_TIMEOUT;
	uint16_t hint = sa->init ? sa->init->hint : 0;

	if (sa->phase == IKE_PHASE_GONE) /* its last words */
		return;
	sa->ike->counters.timeouts++;
	ike_sa_log(sa, LOG_LEVEL_WARN, "ike.timeout", "no answer to %s request %u after %u repeats",
		   ike_exchange_name(ike_job_row(r->job)->exchange), r->msgid, r->tries);
	if (sa->phase == IKE_PHASE_REPLACED)
		down = IKE_DOWN_REPLACED;
	else if (sa->phase == IKE_PHASE_CLOSING)
		down = sa->reason;
	ike_sa_end(sa, down, hint, false);
}

static void window_arm(struct ike_request *r)
{
	struct ike *ike = r->sa->ike;

	if (heap_set(&ike->timers, &r->timer.node, ike->now + ike->interval[r->tries]))
		ike_sa_log(r->sa, LOG_LEVEL_ERROR, "ike.memory", "no memory to repeat request %u", r->msgid);
}

static void window_repeat(struct ike *ike, struct ike_timer *t)
{
	struct ike_request *r = ike_entry(t, struct ike_request, timer);

	if (r->tries >= ike->set.retransmit_tries) {
		window_give_up(r);
		return;
	}
	r->tries++;
	ike->counters.retransmits++;
	ike_sa_log(r->sa, LOG_LEVEL_INFO, "ike.repeat", "repeat %u of %s request %u (%s)", r->tries,
		   ike_exchange_name(ike_job_row(r->job)->exchange), r->msgid, ike_job_row(r->job)->name);
	ike_sa_emit(r->sa, r->buf);
	window_arm(r);
}

struct ike_request *ike_request_new(struct ike_sa *sa, enum ike_job job)
{
	struct ike_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->sa = sa;
	r->job = job;
	r->timer.fire = window_repeat;
	return r;
}

void ike_request_free(struct ike_request *r)
{
	if (!r)
		return;
	heap_remove(&r->sa->ike->timers, &r->timer.node);
	if (r->child && r->child->request == r)
		r->child->request = NULL;
	ike_ke_free(r->ke);
	free(r->counts);
	free(r->buf);
	OPENSSL_cleanse(r, sizeof(*r));
	free(r);
}

void ike_request_queue(struct ike_request *r, bool front)
{
	struct ike_window *w = &r->sa->win;

	if (front)
		STAILQ_INSERT_HEAD(&w->queued, r, link);
	else
		STAILQ_INSERT_TAIL(&w->queued, r, link);
	w->n_queued++;
	ike_sa_touch(r->sa);
}

static struct ike_request *window_pop(struct ike_window *w)
{
	struct ike_request *r = STAILQ_FIRST(&w->queued);

	if (r) {
		STAILQ_REMOVE_HEAD(&w->queued, link);
		w->n_queued--;
	}
	return r;
}

static int window_grow(struct ike_window *w)
{
	uint32_t cap = w->cap ? w->cap * 2 : 1;
	struct ike_request **at = calloc(cap, sizeof(struct ike_request *));

	if (!at)
		return -ENOMEM;
	for (uint32_t id = w->oldest; id != w->next; id++)
		at[id & (cap - 1)] = w->at[id & (w->cap - 1)];
	free(w->at);
	w->at = at;
	w->cap = cap;
	return 0;
}

int ike_window_launch(struct ike_request *r, struct ike_buf *buf)
{
	struct ike_sa *sa = r->sa;
	struct ike_window *w = &sa->win;
	const struct ike_job_row *row = ike_job_row(r->job);

	if (w->next - w->oldest >= w->cap && window_grow(w))
		return -ENOMEM;
	if (!w->n_flight) { /* no answer was outstanding that could name one of them */
		free(w->early);
		w->early = NULL;
		w->n_early = 0;
	}
	r->msgid = w->next++;
	r->buf = buf;
	w->at[r->msgid & (w->cap - 1)] = r;
	w->n_flight++;
	w->n_child += row->child;
	(*window_counter(sa->ike, row->exchange))++;
	ike_sa_emit(sa, buf);
	window_arm(r);
	if (w->next == MSGID_REKEY_AT)
		ike_sa_rekey_start(sa);
	return 0;
}

static void window_send(struct ike_request *r)
{
	const struct ike_job_row *row = ike_job_row(r->job);
	struct ike_builder b;
	struct ike_buf *buf;
	int err;

	ike_send_start(r->sa, &b, row->exchange, false, r->sa->win.next);
	err = row->build ? row->build(r, &b) : 0;
	buf = err ? NULL : ike_send_seal(r->sa, &b);
	if (buf && !ike_window_launch(r, buf))
		return;
	if (!err)
		free(buf);
	ike_sa_log(r->sa, LOG_LEVEL_ERROR, "ike.build", "cannot build a request (%s)", row->name);
	if (row->cancel)
		row->cancel(r, IKE_DOWN_PROTOCOL, 0);
	ike_request_free(r);
}

/* RFC 7296 2.25: what must not be in flight at the same time waits here, and what is queued behind it, too. */
static bool window_blocked(const struct ike_sa *sa, const struct ike_job_row *row)
{
	const struct ike_window *w = &sa->win;

	if (w->next - w->oldest >= w->size)
		return true;
	if (row->child)
		return sa->rekey_sent || sa->due[IKE_DUE_YIELD];
	return row->alone && (w->n_child || sa->ans.n_held);
}

bool ike_window_open(const struct ike_sa *sa, enum ike_job job)
{
	return !window_blocked(sa, ike_job_row(job));
}

/* What it was for has gone while it waited, or is not wanted any more. */
static bool window_pointless(const struct ike_request *r)
{
	const struct ike_child *c = r->child;

	return !c || (r->job == IKE_JOB_CHILD && (c->abandoned || (c->of && !c->of->old)));
}

void ike_window_pump(struct ike_sa *sa)
{
	struct ike_request *r;

	while (sa->phase != IKE_PHASE_GONE && (r = STAILQ_FIRST(&sa->win.queued))) {
		const struct ike_job_row *row = ike_job_row(r->job);
		bool pointless = row->child && window_pointless(r);

		if (!pointless && window_blocked(sa, row))
			return;
		r = window_pop(&sa->win);
		if (!pointless) {
			window_send(r);
			continue;
		}
		if (row->cancel)
			row->cancel(r, r->child && r->child->abandoned ? IKE_DOWN_LOCAL : IKE_DOWN_LOST, 0);
		ike_request_free(r);
	}
}

struct ike_request *ike_window_match(struct ike_sa *sa, uint32_t msgid)
{
	const struct ike_window *w = &sa->win;

	if (msgid - w->oldest >= w->next - w->oldest)
		return NULL;
	return w->at[msgid & (w->cap - 1)];
}

void ike_window_done(struct ike_request *r)
{
	struct ike_window *w = &r->sa->win;

	w->at[r->msgid & (w->cap - 1)] = NULL;
	w->n_flight--;
	w->n_child -= ike_job_row(r->job)->child;
	while (w->oldest != w->next && !w->at[w->oldest & (w->cap - 1)])
		w->oldest++;
	heap_remove(&r->sa->ike->timers, &r->timer.node);
	ike_sa_touch(r->sa);
}

void ike_window_resend(struct ike_request *r, struct ike_buf *buf)
{
	r->buf = buf;
	r->tries = 0;
	r->sa->ike->counters.ike_init_out_req++;
	ike_sa_emit(r->sa, buf);
	window_arm(r);
}

void ike_window_clear_queued(struct ike_sa *sa, enum ike_down down)
{
	struct ike_request *r;

	while ((r = window_pop(&sa->win))) {
		const struct ike_job_row *row = ike_job_row(r->job);

		if (row->cancel)
			row->cancel(r, down, 0);
		ike_request_free(r);
	}
}

void ike_window_clear(struct ike_sa *sa, enum ike_down down, uint16_t notify)
{
	ike_window_clear_queued(sa, down);
	for (uint32_t id = sa->win.oldest; id != sa->win.next; id++) {
		struct ike_request *r = ike_window_match(sa, id);
		const struct ike_job_row *row;

		if (!r)
			continue;
		row = ike_job_row(r->job);
		ike_window_done(r);
		if (row->cancel)
			row->cancel(r, down, notify);
		ike_request_free(r);
	}
}

void ike_window_move(struct ike_sa *from, struct ike_sa *to)
{
	struct ike_request *r;

	while ((r = window_pop(&from->win))) {
		const struct ike_job_row *row = ike_job_row(r->job);

		if (row->child) {
			r->sa = to;
			ike_request_queue(r, false);
			continue;
		}
		if (row->cancel)
			row->cancel(r, IKE_DOWN_REPLACED, 0);
		ike_request_free(r);
	}
}

void ike_window_widen(struct ike_sa *sa, const struct ike_message *m)
{
	const struct ike_payload *p = ike_message_notify(m, IKE_N_SET_WINDOW_SIZE);
	uint32_t size;

	if (!p || p->data_len != 4)
		return;
	size = get_be32(p->data);
	if (size > IKE_WINDOW_MAX)
		size = IKE_WINDOW_MAX;
	if (size <= sa->win.size) /* it can only grow, RFC 7296 2.3 */
		return;
	sa->win.size = size;
	sa->ike->counters.windows_widened++;
	ike_sa_touch(sa);
}

void ike_window_early_delete(struct ike_sa *sa, uint32_t spi_out)
{
	struct ike_window *w = &sa->win;

	if (!w->n_child)
		return;
	if (!w->early)
		w->early = calloc(IKE_WINDOW_MAX, sizeof(*w->early));
	if (w->early && w->n_early < IKE_WINDOW_MAX) /* a peer cannot owe us more answers than that */
		w->early[w->n_early++] = spi_out;
}

bool ike_window_deleted_early(const struct ike_sa *sa, uint32_t spi_out)
{
	for (uint32_t i = 0; i < sa->win.n_early; i++)
		if (sa->win.early[i] == spi_out)
			return true;
	return false;
}

void ike_window_free(struct ike_sa *sa)
{
	struct ike_request *r;

	while ((r = window_pop(&sa->win)))
		ike_request_free(r);
	for (uint32_t id = sa->win.oldest; id != sa->win.next; id++) {
		r = ike_window_match(sa, id);
		if (r && sa->init && r->buf == sa->init->request)
			r->buf = NULL; /* that one is the IKE SA's */
		ike_request_free(r);
	}
	free(sa->win.early);
	free(sa->win.at);
}
