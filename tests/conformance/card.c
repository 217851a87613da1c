/* SPDX-License-Identifier: MIT */
#include "card.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum { DATAGRAM = 64 << 10, BATCH = 8 /* requests in a datagram */, DRAIN_MS = 10 };

static struct request_context context(struct card *c, enum side side)
{
	return (struct request_context){++c->seq, c->pid[side], c->ifindex[side], c->test};
}

static struct text_context text_context(const struct card *c, enum side side)
{
	return (struct text_context){.ifindex = c->ifindex[side], .pid = c->pid[side], .seq = c->seq};
}

/* The next datagram, or 0 when there is none in time. */
static size_t receive(int fd, void *buf, size_t size, int ms)
{
	struct pollfd ready = {fd, POLLIN, 0};
	ssize_t n;

	if (poll(&ready, 1, ms) != 1)
		return 0;
	n = recv(fd, buf, size, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		fail_msg("the socket says: %s", n ? strerror(errno) : "end");
	return (size_t)n;
}

static void transmit(struct card *c, enum side side, const void *buf, size_t len)
{
	assert_int_equal(send(c->request[side], buf, len, MSG_NOSIGNAL), len);
}

/* What a request leads to. */
struct outcome {
	unsigned int replies, datagrams;
	bool multi; /* all replies have NLM_F_MULTI */
	bool done;  /* the end is NLMSG_DONE */
	char answer[CARD_TEXT];
};

static bool take(struct card *c, const struct text_context *ctx, const struct nlmsghdr *nlh, struct outcome *o)
{
	if (nlh->nlmsg_seq != c->seq)
		fail_msg("an answer to request %u instead of %u", nlh->nlmsg_seq, c->seq);
	if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
		o->done = nlh->nlmsg_type == NLMSG_DONE;
		text_answer(o->answer, sizeof(o->answer), nlh, ctx);
		return true;
	}
	text_message(c->said, sizeof(c->said), nlh, ctx);
	o->replies++;
	o->multi = o->multi && nlh->nlmsg_flags & NLM_F_MULTI;
	return false;
}

/* Everything up to the end of what the last request is answered with. */
static struct outcome collect(struct card *c, enum side side, const struct text_context *ctx)
{
	static _Alignas(8) uint8_t datagram[DATAGRAM], message[DATAGRAM];
	struct outcome o = {.multi = true};
	bool end = false;

	while (!end) {
		size_t len = receive(c->request[side], datagram, sizeof(datagram), CARD_WAIT_MS), at = 0;
		struct nlmsghdr nlh;

		if (!len)
			fail_msg("no answer to request %u", c->seq);
		o.datagrams++;
		for (; !end && at + sizeof(nlh) <= len; at += NLMSG_ALIGN(nlh.nlmsg_len)) {
			memcpy(&nlh, datagram + at, sizeof(nlh));
			assert_true(nlh.nlmsg_len >= sizeof(nlh) && nlh.nlmsg_len <= len - at);
			memcpy(message, datagram + at, nlh.nlmsg_len); /* aligned */
			end = take(c, ctx, (const void *)message, &o);
		}
	}
	return o;
}

static struct outcome run(struct card *c, enum side side, const struct request *r)
{
	_Alignas(8) uint8_t buf[MESSAGE_MAX];
	struct request_context ctx = context(c, side);
	const struct nlmsghdr *nlh = message_build(buf, r, &ctx);

	struct text_context answer = text_context(c, side);

	answer.request = nlh;
	answer.body = message_body(r);
	c->said[0] = '\0';
	c->made += r->base == BASE_SA;
	transmit(c, side, nlh, nlh->nlmsg_len);
	return collect(c, side, &answer);
}

const char *card_answer(struct card *c, enum side side, const struct request *r)
{
	static struct outcome o;

	o = run(c, side, r);
	return o.answer;
}

void card_ask(struct card *c, enum side side, const struct request *r, const char *answer)
{
	assert_string_equal(card_answer(c, side, r), answer);
}

void card_reply(struct card *c, enum side side, const struct request *r, const char *reply)
{
	struct outcome o = run(c, side, r);

	assert_string_equal(o.answer, "ok");
	assert_int_equal(o.replies, 1);
	assert_string_equal(c->said, reply);
}

void card_batch(struct card *c, enum side side, const struct request *requests, const char *const *answers,
		unsigned int n)
{
	static _Alignas(8) uint8_t buf[BATCH][MESSAGE_MAX], datagram[BATCH * MESSAGE_MAX];
	uint32_t first = c->seq + 1;
	size_t len = 0;

	assert_true(n <= BATCH);
	for (unsigned int i = 0; i < n; i++) {
		struct request_context ctx = context(c, side);
		const struct nlmsghdr *nlh = message_build(buf[i], &requests[i], &ctx);

		c->made += requests[i].base == BASE_SA;
		memcpy(datagram + len, nlh, nlh->nlmsg_len);
		len += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	transmit(c, side, datagram, len);
	for (unsigned int i = 0; i < n; i++) {
		struct text_context answer;
		struct outcome o;

		c->seq = first + i;
		answer = text_context(c, side);
		answer.request = (const void *)buf[i];
		answer.body = message_body(&requests[i]);
		o = collect(c, side, &answer);
		assert_string_equal(o.answer, answers[i]);
	}
}

struct card_dump card_dump(struct card *c, enum side side, const struct request *r)
{
	struct outcome o = run(c, side, r);

	assert_string_equal(o.answer, "ok");
	return (struct card_dump){o.replies, o.datagrams, o.multi, o.done};
}

unsigned int card_number(const struct card *c, const char *word)
{
	const char *at = strstr(c->said, word);

	return at ? (unsigned int)strtoul(at + strlen(word), NULL, 10) : 0;
}

unsigned int card_states(struct card *c, enum side side)
{
	assert_string_equal(card_answer(c, side, &(struct request){.base = BASE_INFO}), "ok");
	assert_non_null(strstr(c->said, "NEWSADINFO count "));
	return card_number(c, " count ");
}

void card_listen(struct card *c, enum side side, uint32_t groups)
{
	assert_int_equal(c->events[side], -1);
	c->events[side] = c->ops->listen(c, side, groups);
}

static bool next_event(struct card *c, enum side side, int ms)
{
	static _Alignas(8) uint8_t datagram[DATAGRAM];
	struct text_context ctx = text_context(c, side);

	if (!receive(c->events[side], datagram, sizeof(datagram), ms))
		return false;
	text_message(c->said, sizeof(c->said), (const void *)datagram, &ctx);
	return true;
}

void card_event(struct card *c, enum side side, const char *event)
{
	if (!next_event(c, side, CARD_WAIT_MS))
		fail_msg("it does not come: %s", event);
	assert_string_equal(c->said, event);
}

void card_silence(struct card *c, enum side side)
{
	if (next_event(c, side, CARD_SILENCE_MS))
		fail_msg("not expected: %s", c->said);
}

void card_send(struct card *c, const struct flow *f, unsigned int count, unsigned int arrive)
{
	assert_int_equal(c->ops->send(c, f, count, arrive), arrive);
}

void card_fault(struct card *c, enum side side, const char *name, uint32_t count, uint64_t arg)
{
	c->ops->fault(c, side, name, count, arg);
}

void card_wait_ms(unsigned int ms)
{
	const struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&pause, NULL);
}

/* A kernel's second database of policies, which hwsim does not have. */
static const struct request flush_sub = {.base = BASE_NOTHING,
					 .edit = {LENGTH(XFRMA_POLICY_TYPE, sizeof(struct xfrm_userpolicy_type)),
						  FIELD(XFRMA_POLICY_TYPE, struct xfrm_userpolicy_type, type, 1)}};

void card_drain(struct card *c)
{
	for (enum side side = LEFT; side < SIDES; side++)
		for (unsigned int waited = 0; !c->ops->is_free(c, side); waited += DRAIN_MS) {
			if (waited > CARD_WAIT_MS)
				fail_msg("slots are not free again");
			card_wait_ms(DRAIN_MS);
		}
	c->made = 0;
}

void card_clear(struct card *c)
{
	for (enum side side = LEFT; side < SIDES; side++) {
		if (c->events[side] >= 0)
			close(c->events[side]);
		c->events[side] = -1;
		card_ask(c, side, &(struct request){.base = BASE_NOTHING}, "ok");
		if (c->kind == CARD_KERNEL)
			card_ask(c, side, &flush_sub, "ok");
		card_ask(c, side,
			 &(struct request){.base = BASE_FLUSH_SA, .edit = {SET(struct xfrm_usersa_flush, proto, 0)}},
			 "ok");
		assert_int_equal(card_states(c, side), 0);
	}
	if (c->made > CARD_SLOTS / 4)
		card_drain(c);
	c->test++;
}

void card_close(struct card *c)
{
	c->ops->close(c);
}
