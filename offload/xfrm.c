/* SPDX-License-Identifier: MIT */
/* Requests: queued, numbered, sent within a window, ended. Their answers: xfrm_answer.c. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "offload/xfrm_priv.h"

static void op_load(struct xfrm_op *op, struct xfrm_msg *m)
{
	memcpy(op->msg, m->buf, m->len);
	op->len = (uint32_t)m->len;
	op->count = (uint8_t)m->count;
	op->answered = 0;
	xfrm_msg_wipe(m);
}

struct xfrm_op *xfrm_op_new(struct xfrm *x, const struct xfrm_op_kind *kind, struct xfrm_msg *m, xfrm_done done,
			    void *ctx)
{
	int err = x->closed ? -x->closed : x->pending >= XFRM_PENDING_MAX ? ENOBUFS : m->bad ? EMSGSIZE : 0;
	struct xfrm_op *op = err ? NULL : malloc(sizeof(*op) + m->len);

	if (!op) {
		xfrm_msg_wipe(m);
		errno = err ? err : ENOMEM;
		return NULL;
	}
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->done = done;
	op->ctx = ctx;
	op->room = (uint32_t)m->len;
	op_load(op, m);
	x->pending++;
	x->counters.requests++;
	return op;
}

struct xfrm_op *xfrm_op_new_dump(struct xfrm *x, const struct xfrm_op_kind *kind, uint16_t type, xfrm_done done,
				 void *ctx)
{
	struct xfrm_msg m;
	struct xfrm_op *op;

	xfrm_msg_init(&m);
	xfrm_msg_begin(&m, type, NLM_F_DUMP, 0); /* the kernel reads attributes right after the header */
	op = xfrm_op_new(x, kind, &m, done, ctx);
	if (op)
		op->dump = true;
	return op;
}

void xfrm_op_finish(struct xfrm *x, struct xfrm_op *op, const struct xfrm_result *result)
{
	x->pending--;
	if (result->err)
		x->counters.errors++;
	if (op->finish)
		op->finish(op, result);
	else
		op->done(op->ctx, result);
	OPENSSL_cleanse(op->msg, op->room);
	free(op->text);
	free(op);
}

void xfrm_op_finish_plain(struct xfrm *x, struct xfrm_op *op)
{
	struct xfrm_result result = {.err = op->err, .text = op->text};

	xfrm_op_finish(x, op, &result);
}

/* A transport closed, or the driver is being freed. */
static void close_all(struct xfrm *x, int err)
{
	struct xfrm_result result = {.err = err, .text = NULL};
	struct xfrm_op *op;

	x->closed = err;
	while ((op = TAILQ_FIRST(&x->sent))) {
		TAILQ_REMOVE(&x->sent, op, link);
		xfrm_op_finish(x, op, &result);
	}
	while ((op = STAILQ_FIRST(&x->queue))) {
		STAILQ_REMOVE_HEAD(&x->queue, next);
		xfrm_op_finish(x, op, &result);
	}
	x->in_flight = 0;
}

void xfrm_closed(struct xfrm *x, const char *which, int err)
{
	if (x->closed)
		return;
	log_at(x->log, LOG_LEVEL_ERROR, "xfrm.closed", "the %s channel closed: %s; %u requests are open", which,
	       err ? strerrordesc_np(-err) : "end of file", x->pending);
	close_all(x, -EPIPE);
	if (x->events.closed)
		x->events.closed(x->events.ctx);
}

static bool is_gone(int err)
{
	return err == -EPIPE || err == -ECONNRESET || err == -ECONNREFUSED || err == -ENOTCONN || err == -EBADF;
}

/* Sequence numbers of all messages of a datagram, never 0. */
static void op_number(struct xfrm *x, struct xfrm_op *op)
{
	uint8_t *p = op->msg;
	size_t left = op->len;
	struct nlmsghdr *nlh;
	uint32_t seq;

	if (x->seq > UINT32_MAX - 2 * XFRM_WINDOW)
		x->seq = 0;
	op->seq = seq = x->seq + 1;
	while ((nlh = xfrm_msg_next(&p, &left)))
		nlh->nlmsg_seq = seq++;
	x->seq = seq - 1;
}

/* Sends what the window allows, in order. */
static void flush(struct xfrm *x)
{
	struct xfrm_op *op;

	if (x->flushing)
		return; /* the loop below sees what a callback has queued */
	x->flushing = true;
	x->blocked = false;
	while (!x->closed && (op = STAILQ_FIRST(&x->queue)) && x->in_flight < XFRM_WINDOW &&
	       !(op->dump && x->dumping)) {
		int err;

		op_number(x, op);
		err = x->requests.send(x->requests.ctx, op->msg, op->len);
		if (err == -EAGAIN) {
			x->blocked = true;
			break;
		}
		STAILQ_REMOVE_HEAD(&x->queue, next);
		OPENSSL_cleanse(op->msg, op->len);
		if (!err) {
			TAILQ_INSERT_TAIL(&x->sent, op, link);
			x->in_flight++;
			x->dumping = x->dumping || op->dump;
			continue;
		}
		op->err = is_gone(err) ? -EPIPE : err;
		xfrm_op_finish_plain(x, op);
		if (is_gone(err))
			xfrm_closed(x, "request", err);
	}
	x->flushing = false;
}

void xfrm_op_send(struct xfrm *x, struct xfrm_op *op)
{
	STAILQ_INSERT_TAIL(&x->queue, op, next);
	flush(x);
}

void xfrm_op_again(struct xfrm *x, struct xfrm_op *op, const struct xfrm_op_kind *kind, struct xfrm_msg *m)
{
	if (x->closed || m->bad || m->len > op->room) {
		xfrm_msg_wipe(m);
		op->err = x->closed ? x->closed : -EMSGSIZE;
		xfrm_op_finish_plain(x, op);
		return;
	}
	op->kind = kind;
	op->err = 0;
	free(op->text);
	op->text = NULL;
	op_load(op, m);
	STAILQ_INSERT_HEAD(&x->queue, op, next);
	flush(x);
}

void xfrm_process(struct xfrm *x)
{
	bool some;

	if (x->processing)
		return;
	x->processing = true;
	do { /* what is sent may be answered at once */
		some = xfrm_answers_read(x);
		flush(x);
	} while (some && !x->closed);
	xfrm_events_read(x);
	x->processing = false;
}

/* ---- life ---- */

struct xfrm *xfrm_new(const struct xfrm_transport *requests, const struct xfrm_transport *multicast,
		      const struct xfrm_events *events, const struct log *log)
{
	struct xfrm *x = calloc(1, sizeof(*x));

	if (!x || !(x->buf = malloc(XFRM_RECV_ROOM))) {
		free(x);
		errno = ENOMEM;
		return NULL;
	}
	x->requests = *requests;
	x->multicast = *multicast;
	x->events = *events;
	x->log = log;
	x->sa_dir = true;
	STAILQ_INIT(&x->queue);
	TAILQ_INIT(&x->sent);
	return x;
}

void xfrm_free(struct xfrm *x)
{
	if (!x)
		return;
	close_all(x, -ECANCELED);
	OPENSSL_cleanse(x->buf, XFRM_RECV_ROOM);
	free(x->buf);
	free(x);
}

void xfrm_sa_dir_set(struct xfrm *x, bool known)
{
	x->sa_dir = known;
}

unsigned int xfrm_pending(const struct xfrm *x)
{
	return x->pending;
}

bool xfrm_wants_write(const struct xfrm *x)
{
	return x->blocked;
}

void xfrm_counters_get(const struct xfrm *x, struct xfrm_counters *out)
{
	*out = x->counters;
}
