/* SPDX-License-Identifier: MIT */
/* Requests: queued, sent within a window, answered by sequence number. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "offload/xfrm_priv.h"

enum { ERRNO_MAX = 4095 }; /* as the kernel has it: include/linux/err.h, MAX_ERRNO */

/* ---- messages ---- */

void xfrm_msg_init(struct xfrm_msg *m)
{
	memset(m, 0, sizeof(*m));
}

void *xfrm_msg_begin(struct xfrm_msg *m, uint16_t type, uint16_t flags, size_t size)
{
	/* both sums are multiples of 4, as messages in one datagram must be */
	m->nlh = mnl_nlmsg_put_header(m->buf + m->len);
	m->nlh->nlmsg_type = type;
	m->nlh->nlmsg_flags = flags | NLM_F_REQUEST;
	m->count++;
	mnl_nlmsg_put_extra_header(m->nlh, size);
	m->len += MNL_ALIGN(m->nlh->nlmsg_len);
	return mnl_nlmsg_get_payload(m->nlh);
}

void xfrm_msg_attr(struct xfrm_msg *m, uint16_t type, const void *data, size_t len)
{
	size_t before = m->nlh->nlmsg_len, start = m->len - MNL_ALIGN(before);

	if (!mnl_attr_put_check(m->nlh, sizeof(m->buf) - start, type, len, data)) {
		m->bad = true;
		return;
	}
	m->len = start + MNL_ALIGN(m->nlh->nlmsg_len);
}

void xfrm_msg_wipe(struct xfrm_msg *m)
{
	OPENSSL_cleanse(m->buf, m->len);
	m->len = 0;
}

/*
 * The next whole message of a datagram, or NULL; what is left then is not one. Not mnl_nlmsg_ok(): in libmnl 1.0.4 that
 * takes a length above 2^31 for a negative number, and lets it pass.
 */
static struct nlmsghdr *next_message(uint8_t **p, size_t *left)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)*p;
	size_t step;

	if (*left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > *left)
		return NULL;
	step = MNL_ALIGN((size_t)nlh->nlmsg_len);
	if (step > *left)
		step = *left;
	*p += step;
	*left -= step;
	return nlh;
}

bool xfrm_body(const struct nlmsghdr *nlh, void *out, size_t size)
{
	if (mnl_nlmsg_get_payload_len(nlh) < size)
		return false;
	memcpy(out, mnl_nlmsg_get_payload(nlh), size);
	return true;
}

bool xfrm_attr_get(const struct nlmsghdr *nlh, size_t body, uint16_t type, void *out, size_t size)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, body) {
		if (mnl_attr_get_type(attr) != type || mnl_attr_get_payload_len(attr) < size)
			continue;
		memcpy(out, mnl_attr_get_payload(attr), size);
		return true;
	}
	return false;
}

struct xfrm_readback xfrm_readback_get(const struct nlmsghdr *nlh, size_t body, bool *inbound)
{
	struct xfrm_readback back = {.found = true, .mode = OFFLOAD_SOFTWARE};
	struct xfrm_user_offload dev;

	if (!xfrm_attr_get(nlh, body, XFRMA_OFFLOAD_DEV, &dev, sizeof(dev)))
		return back;
	back.mode = dev.flags & KR_XFRM_OFFLOAD_PACKET ? OFFLOAD_PACKET : OFFLOAD_CRYPTO;
	back.ifindex = dev.ifindex;
	if (inbound)
		*inbound = dev.flags & XFRM_OFFLOAD_INBOUND;
	return back;
}

/* ---- requests ---- */

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
	struct xfrm_op *op = NULL;
	int err = x->closed ? -x->closed : x->pending >= XFRM_PENDING_MAX ? ENOBUFS : m->bad ? EMSGSIZE : 0;

	if (!err && !(op = malloc(sizeof(*op) + m->len)))
		err = ENOMEM;
	if (err) {
		xfrm_msg_wipe(m);
		errno = err;
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
	struct xfrm_op *op;

	x->closed = err;
	while ((op = TAILQ_FIRST(&x->sent)) || (op = TAILQ_FIRST(&x->queue))) {
		struct xfrm_result result = {.err = err, .text = NULL};

		TAILQ_REMOVE(op->seq ? &x->sent : &x->queue, op, link);
		xfrm_op_finish(x, op, &result);
	}
	x->in_flight = 0;
}

static void closed(struct xfrm *x, const char *which, int err)
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
	while ((nlh = next_message(&p, &left)))
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
	while (!x->closed && (op = TAILQ_FIRST(&x->queue)) && x->in_flight < XFRM_WINDOW && !(op->dump && x->dumping)) {
		int err;

		op_number(x, op);
		err = x->requests.send(x->requests.ctx, op->msg, op->len);
		if (err == -EAGAIN) {
			op->seq = 0;
			x->blocked = true;
			break;
		}
		TAILQ_REMOVE(&x->queue, op, link);
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
			closed(x, "request", err);
	}
	x->flushing = false;
}

void xfrm_op_send(struct xfrm *x, struct xfrm_op *op)
{
	TAILQ_INSERT_TAIL(&x->queue, op, link);
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
	op->seq = 0;
	op->err = 0;
	free(op->text);
	op->text = NULL;
	op_load(op, m);
	TAILQ_INSERT_HEAD(&x->queue, op, link);
	flush(x);
}

/* ---- answers ---- */

static void op_end(struct xfrm *x, struct xfrm_op *op)
{
	TAILQ_REMOVE(&x->sent, op, link);
	if (x->in_flight) /* a callback may have found the transport closed */
		x->in_flight--;
	if (op->dump)
		x->dumping = false;
	if (op->dump && op->interrupted && !op->err)
		op->err = -EINTR;
	op->kind->end(x, op);
}

static void op_set_lost(struct xfrm_op *op, uint32_t index)
{
	if (op->err)
		return; /* what went wrong first counts */
	op->lost = true;
	op->err = -ENOBUFS;
	op->err_at = (uint8_t)index;
}

/* The answers of all that was sent before `until` (NULL: of everything) will not come any more. */
static void op_lost(struct xfrm *x, const struct xfrm_op *until)
{
	struct xfrm_op *op, *next;
	struct xfrm_ops lost = TAILQ_HEAD_INITIALIZER(lost);

	/* collected first: what ends may queue and send more */
	for (op = TAILQ_FIRST(&x->sent); op && op != until; op = next) {
		next = TAILQ_NEXT(op, link);
		if (until && op->dump)
			continue; /* dumps take their time */
		TAILQ_REMOVE(&x->sent, op, link);
		TAILQ_INSERT_TAIL(&lost, op, link);
	}
	while ((op = TAILQ_FIRST(&lost))) {
		op_set_lost(op, op->answered);
		TAILQ_REMOVE(&lost, op, link);
		TAILQ_INSERT_HEAD(&x->sent, op, link);
		op_end(x, op);
	}
}

static void overrun(struct xfrm *x, const char *why)
{
	x->counters.overruns++;
	log_at(x->log, LOG_LEVEL_WARN, "xfrm.overrun", "%s", why);
	if (x->events.resync)
		x->events.resync(x->events.ctx, why);
}

/* The text in an NLMSG_ERROR, "" if none. Netlink's extended ACK: uapi/linux/netlink.h, enum nlmsgerr_attrs. */
static void extack_text(const struct nlmsghdr *nlh, const struct nlmsgerr *e, char *text, size_t room)
{
	size_t at = sizeof(*e);
	const struct nlattr *attr;

	text[0] = '\0';
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) { /* the request's payload is echoed before the attributes */
		size_t echo = e->msg.nlmsg_len;

		if (echo < sizeof(e->msg) || echo > nlh->nlmsg_len)
			return;
		at += MNL_ALIGN(echo - sizeof(e->msg));
	}
	if (at > mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each (attr, nlh, at) {
		const char *from = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr), n = 0;

		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG)
			continue;
		for (; n < len && n + 1 < room && from[n]; n++)
			text[n] = (char)(from[n] >= ' ' && from[n] <= '~' ? from[n] : '?');
		text[n] = '\0';
		return;
	}
}

/* One message of the request is settled, with 0 or -errno; what is neither counts as malformed. */
static void op_answer(struct xfrm *x, struct xfrm_op *op, uint32_t index, int err, const char *text)
{
	if (index < op->answered) { /* answered before */
		x->counters.malformed++;
		return;
	}
	if (err > 0 || err < -ERRNO_MAX) {
		x->counters.malformed++;
		err = -EPROTO;
	}
	if (index > op->answered)
		op_set_lost(op, op->answered);
	if (!op->err) {
		op->err = err;
		op->err_at = (uint8_t)index;
		if (!op->text && text[0])
			op->text = strdup(text); /* without memory there is just no text */
	}
	op->answered = (uint8_t)(index + 1);
	if (op->answered == op->count)
		op_end(x, op);
}

static void take_error(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh)
{
	char text[XFRM_TEXT_ROOM] = "";
	struct nlmsgerr e;

	if (!xfrm_body(nlh, &e, sizeof(e))) {
		op_answer(x, op, nlh->nlmsg_seq - op->seq, 1, "");
		return;
	}
	extack_text(nlh, &e, text, sizeof(text));
	op_answer(x, op, nlh->nlmsg_seq - op->seq, e.error, text);
}

static struct xfrm_op *op_find(struct xfrm *x, uint32_t seq)
{
	struct xfrm_op *op;

	TAILQ_FOREACH (op, &x->sent, link)
		if (seq - op->seq < op->count)
			return op;
	return NULL;
}

static void take_answer(struct xfrm *x, const struct nlmsghdr *nlh)
{
	struct xfrm_op *op;
	int err = 0;

	if (nlh->nlmsg_type == NLMSG_NOOP)
		return;
	op = op_find(x, nlh->nlmsg_seq);
	if (!op) {
		x->counters.malformed++;
		log_at(x->log, LOG_LEVEL_DEBUG, "xfrm.stray", "type %u, sequence number %u: nobody waits for it",
		       nlh->nlmsg_type, nlh->nlmsg_seq);
		return;
	}
	if (op != TAILQ_FIRST(&x->sent)) {
		op_lost(x, op);
		if (!(op = op_find(x, nlh->nlmsg_seq)))
			return; /* a callback found the transport closed */
	}
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		op->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		take_error(x, op, nlh);
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		(void)xfrm_body(nlh, &err, sizeof(err));
		op_answer(x, op, nlh->nlmsg_seq - op->seq, err < 0 ? err : 0, ""); /* above 0: a count of entries */
	} else if (op->kind->data) {
		op->kind->data(x, op, nlh);
	} else {
		x->counters.malformed++;
	}
}

/* Returns whether anything was read. */
static bool read_answers(struct xfrm *x)
{
	bool some = false, lost = false;
	ssize_t n;

	while (!x->closed && (n = x->requests.recv(x->requests.ctx, x->buf, XFRM_RECV_ROOM)) != -EAGAIN) {
		uint8_t *p = x->buf;
		size_t left = (size_t)n;
		const struct nlmsghdr *nlh;

		if (n == -ENOBUFS) {
			lost = true;
			continue;
		}
		if (n <= 0) {
			closed(x, "request", (int)n);
			break;
		}
		some = true;
		while (!x->closed && (nlh = next_message(&p, &left))) {
			if (nlh->nlmsg_type == NLMSG_OVERRUN)
				lost = true;
			else
				take_answer(x, nlh);
		}
		if (left && !x->closed)
			x->counters.malformed++;
		OPENSSL_cleanse(x->buf, (size_t)n); /* a dump shows keys */
	}
	if (lost && !x->closed) {
		op_lost(x, NULL);
		overrun(x, "answers to requests were lost");
	}
	return some;
}

static void read_events(struct xfrm *x)
{
	ssize_t n;

	while (!x->closed && (n = x->multicast.recv(x->multicast.ctx, x->buf, XFRM_RECV_ROOM)) != -EAGAIN) {
		uint8_t *p = x->buf;
		size_t left = (size_t)n;
		const struct nlmsghdr *nlh;

		if (n == -ENOBUFS) {
			overrun(x, "events were lost: the multicast channel overran");
			continue;
		}
		if (n <= 0) {
			closed(x, "multicast", (int)n);
			return;
		}
		while (!x->closed && (nlh = next_message(&p, &left))) {
			if (nlh->nlmsg_type == NLMSG_OVERRUN)
				overrun(x, "events were lost: the card's event queue overran");
			else
				xfrm_event_take(x, nlh);
		}
		if (left && !x->closed)
			x->counters.malformed++;
	}
}

void xfrm_process(struct xfrm *x)
{
	bool some;

	if (x->processing)
		return;
	x->processing = true;
	do { /* what is sent may be answered at once */
		some = read_answers(x);
		flush(x);
	} while (some && !x->closed);
	read_events(x);
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
	TAILQ_INIT(&x->queue);
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
