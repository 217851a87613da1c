/* SPDX-License-Identifier: MIT */
/* Answers: matched to requests by sequence number; and what to do when one does not come. */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "offload/xfrm_priv.h"

enum { ERRNO_MAX = 4095 }; /* as the kernel has it: include/linux/err.h, MAX_ERRNO */

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
bool xfrm_answers_read(struct xfrm *x)
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
			xfrm_closed(x, "request", (int)n);
			break;
		}
		some = true;
		while (!x->closed && (nlh = xfrm_msg_next(&p, &left))) {
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

void xfrm_events_read(struct xfrm *x)
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
			xfrm_closed(x, "multicast", (int)n);
			return;
		}
		while (!x->closed && (nlh = xfrm_msg_next(&p, &left))) {
			if (nlh->nlmsg_type == NLMSG_OVERRUN)
				overrun(x, "events were lost: the card's event queue overran");
			else
				xfrm_event_take(x, nlh);
		}
		if (left && !x->closed)
			x->counters.malformed++;
	}
}
