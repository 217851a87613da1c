/* SPDX-License-Identifier: MIT */
/*
 * Requests of the peer: accepted in any order inside the window that we granted, done once, and answered again byte
 * for byte when they are repeated (RFC 7296 2.1, 2.3). The ring grows with use, so an IKE SA that has had one
 * exchange keeps one answer.
 */
#include <errno.h>
#include <stdlib.h>

#include "ike/engine.h"

static struct ike_answer *answers_at(struct ike_sa *sa, uint32_t msgid)
{
	struct ike_answers *a = &sa->ans;
	struct ike_answer *slot = a->cap ? &a->at[msgid & (a->cap - 1)] : NULL;

	return slot && slot->state != IKE_ANSWER_NONE && slot->msgid == msgid ? slot : NULL;
}

enum ike_fresh ike_answers_look(struct ike_sa *sa, uint32_t msgid, uint64_t hash)
{
	const struct ike_answers *a = &sa->ans;
	const struct ike_answer *slot = answers_at(sa, msgid), *old;

	if (slot && slot->hash != hash)
		return IKE_REPLAYED;
	if (slot)
		return slot->state == IKE_ANSWER_SENT ? IKE_REPEAT : IKE_BUSY;
	if (msgid - a->base >= a->size)
		return msgid - a->base >= UINT32_MAX / 2 ? IKE_REPLAYED : IKE_OUTSIDE;
	/* its place in the window may only be taken over from a request that is answered */
	old = answers_at(sa, msgid - a->size);
	return old && old->state != IKE_ANSWER_SENT ? IKE_OUTSIDE : IKE_FRESH;
}

/* Oldest id that must be kept once msgid has arrived. */
static uint32_t answers_floor(const struct ike_answers *a, uint32_t msgid)
{
	uint32_t top = msgid + 1 - a->base > a->top - a->base ? msgid + 1 : a->top;

	return top > a->size ? top - a->size : 0;
}

static int answers_grow(struct ike_answers *a)
{
	uint32_t cap = a->cap ? a->cap * 2 : 1;
	struct ike_answer *at = calloc(cap, sizeof(*at));

	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; a->at && i < a->cap; i++)
		if (a->at[i].state != IKE_ANSWER_NONE)
			at[a->at[i].msgid & (cap - 1)] = a->at[i];
	free(a->at);
	a->at = at;
	a->cap = cap;
	return 0;
}

int ike_answers_take(struct ike_sa *sa, uint32_t msgid, uint64_t hash)
{
	struct ike_answers *a = &sa->ans;
	uint32_t floor = answers_floor(a, msgid);
	struct ike_answer *slot;

	for (;;) { /* until no answer that must be kept stands in its place */
		slot = a->cap ? &a->at[msgid & (a->cap - 1)] : NULL;
		if (slot && (slot->state == IKE_ANSWER_NONE || (slot->state == IKE_ANSWER_SENT && slot->msgid < floor)))
			break;
		if (a->cap >= 2 * a->size) /* a peer that does not wait for our answers */
			return -EBUSY;
		if (answers_grow(a))
			return -ENOMEM;
	}
	free(slot->buf);
	*slot = (struct ike_answer){.msgid = msgid, .hash = hash, .state = IKE_ANSWER_BUSY};
	if (msgid + 1 - a->base > a->top - a->base)
		a->top = msgid + 1;
	while (a->base != a->top && answers_at(sa, a->base))
		a->base++;
	if (!sa->due[IKE_DUE_FORGET])
		ike_sa_due(sa, IKE_DUE_FORGET, sa->ike->now + IKE_ANSWERS_FORGET_NS);
	return 0;
}

void ike_answers_repeat(struct ike_sa *sa, uint32_t msgid, const struct ike_path *path)
{
	const struct ike_answer *slot = answers_at(sa, msgid);

	if (!slot || !slot->buf)
		return;
	sa->ike->counters.retransmits_answered++;
	sa->last_out = sa->ike->now;
	ike_emit(sa->ike, path, slot->buf);
}

static void answers_count(struct ike_sa *sa, const struct ike_buf *buf)
{
	struct ike_counters *c = &sa->ike->counters;
	uint8_t exchange = buf->data[IKE_MARKER_LEN + 18];

	if (exchange == IKE_X_CREATE_CHILD_SA)
		c->create_child_out_resp++;
	else if (exchange == IKE_X_INFORMATIONAL)
		c->info_out_resp++;
	else
		c->ike_auth_out_resp++;
}

void ike_answer_send(struct ike_sa *sa, uint32_t msgid, struct ike_buf *buf)
{
	struct ike_answer *slot = answers_at(sa, msgid);

	if (!slot || !buf) {
		free(buf);
		return;
	}
	if (slot->state == IKE_ANSWER_HELD)
		sa->ans.n_held--;
	free(slot->buf);
	slot->buf = buf;
	slot->state = IKE_ANSWER_SENT;
	answers_count(sa, buf);
	sa->last_out = sa->ike->now;
	ike_emit(sa->ike, &sa->reply, buf);
	ike_sa_touch(sa);
}

void ike_answer_hold(struct ike_sa *sa, uint32_t msgid, struct ike_buf *buf)
{
	struct ike_answer *slot = answers_at(sa, msgid);

	if (!slot || !buf) {
		free(buf);
		return;
	}
	slot->buf = buf;
	slot->state = IKE_ANSWER_HELD;
	sa->ans.n_held++;
}

void ike_answer_release(struct ike_sa *sa, uint32_t msgid)
{
	struct ike_answer *slot = answers_at(sa, msgid);
	struct ike_buf *buf;

	if (!slot || slot->state != IKE_ANSWER_HELD)
		return;
	buf = slot->buf;
	slot->buf = NULL;
	ike_answer_send(sa, msgid, buf);
}

void ike_answer_notify(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, uint16_t kind, const void *data, size_t len)
{
	struct ike_builder b;

	ike_send_start(sa, &b, exchange, true, msgid);
	ike_build_notify(&b, 0, NULL, 0, kind, data, len);
	ike_answer_send(sa, msgid, ike_send_seal(sa, &b));
}

void ike_answer_spi_notify(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, uint16_t kind, const uint8_t spi[4])
{
	struct ike_builder b;

	ike_send_start(sa, &b, exchange, true, msgid);
	ike_build_notify(&b, IKE_PROTO_ESP, spi, 4, kind, NULL, 0);
	ike_answer_send(sa, msgid, ike_send_seal(sa, &b));
}

void ike_answer_empty(struct ike_sa *sa, uint8_t exchange, uint32_t msgid)
{
	struct ike_builder b;

	ike_send_start(sa, &b, exchange, true, msgid);
	ike_answer_send(sa, msgid, ike_send_seal(sa, &b));
}

void ike_answers_forget(struct ike_sa *sa)
{
	struct ike_answers *a = &sa->ans;

	for (uint32_t i = 0; i < a->cap; i++)
		if (a->at[i].state == IKE_ANSWER_SENT) { /* the place stays taken: repeats are ignored */
			free(a->at[i].buf);
			a->at[i].buf = NULL;
		}
}

void ike_answers_free(struct ike_sa *sa)
{
	for (uint32_t i = 0; i < sa->ans.cap; i++)
		free(sa->ans.at[i].buf);
	free(sa->ans.at);
}
