/* SPDX-License-Identifier: MIT */
/* Transports that are slow, full, closed or lossy: every request ends, once, and secrets do not stay behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offload/wire.h"

static struct xfrm_sa_id id(uint32_t spi)
{
	struct xfrm_sa sa = sample_sa();

	return (struct xfrm_sa_id){spi, sa.dst, sa.src};
}

static void delete (struct wire *w, uint32_t spi, struct outcome *o)
{
	struct xfrm_sa_id i = id(spi);

	assert_int_equal(xfrm_sa_delete(w->x, &i, outcome_done, o), 0);
}

static void install(struct wire *w, struct outcome *o)
{
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = sample_key();

	assert_int_equal(xfrm_sa_add(w->x, &sa, &key, outcome_done, o), 0);
}

static uint32_t sent_spi(const struct wire *w, unsigned int datagram)
{
	const uint8_t *p = (const uint8_t *)wire_sent(w, datagram, 0) + 16 + 16;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* -EAGAIN holds everything back, in order, until the transport can be written again. */
static void test_again(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	w->send_result = -EAGAIN;
	for (uint32_t spi = 1; spi <= 3; spi++)
		delete (w, spi, &o);
	assert_true(xfrm_wants_write(w->x));
	xfrm_process(w->x);
	assert_int_equal(w->n_sent, 0);
	w->send_result = 0;
	delete (w, 4, &o);
	xfrm_process(w->x);
	assert_false(xfrm_wants_write(w->x));
	assert_int_equal(w->n_sent, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(sent_spi(w, i), i + 1);
		wire_ack(w, wire_sent(w, i, 0)->nlmsg_seq, 0, NULL, 0);
	}
	xfrm_process(w->x);
	assert_int_equal(o.calls, 4);
}

/* No more under way than their answers have room for. */
static void test_window(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	for (uint32_t spi = 1; spi <= 100; spi++)
		delete (w, spi, &o);
	assert_int_equal(w->n_sent, XFRM_WINDOW);
	assert_int_equal(xfrm_pending(w->x), 100);
	for (uint32_t i = 0; i < 100; i++) {
		wire_ack(w, wire_sent(w, i, 0)->nlmsg_seq, 0, NULL, 0);
		xfrm_process(w->x);
		assert_int_equal(o.calls, i + 1);
	}
	assert_int_equal(xfrm_pending(w->x), 0);
}

static void test_pending_max(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa_id i = id(1);
	struct outcome o = {0};

	w->send_result = -EAGAIN;
	for (int n = 0; n < XFRM_PENDING_MAX; n++)
		assert_int_equal(xfrm_sa_delete(w->x, &i, outcome_done, &o), 0);
	assert_int_equal(xfrm_sa_delete(w->x, &i, outcome_done, &o), -ENOBUFS);
	assert_int_equal(o.calls, 0);
	wire_put_result(w, WIRE_REQUESTS, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, XFRM_PENDING_MAX);
}

/* A send that fails for want of memory ends that request and no other. */
static void test_send_fails(void **state)
{
	struct wire *w = *state;
	struct outcome a = {0}, b = {0};

	w->send_result = -ENOBUFS;
	delete (w, 1, &a);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -ENOBUFS);
	w->send_result = 0;
	delete (w, 2, &b);
	wire_ack(w, wire_sent(w, 0, 0)->nlmsg_seq, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(w->n_closed, 0);
}

static void all_closed(struct wire *w, struct outcome *o, unsigned int n)
{
	struct xfrm_sa_id i = id(9);

	for (unsigned int k = 0; k < n; k++) {
		assert_int_equal(o[k].calls, 1);
		assert_int_equal(o[k].err, -EPIPE);
	}
	assert_int_equal(w->n_closed, 1);
	assert_int_equal(xfrm_pending(w->x), 0);
	assert_int_equal(xfrm_sa_delete(w->x, &i, outcome_done, o), -EPIPE);
	xfrm_process(w->x);
	assert_int_equal(w->n_closed, 1);
}

/* Closed with an install half answered, a dump under way, a get, and more in the queue. */
static void test_closed(void **state)
{
	struct wire *w = *state;
	struct outcome o[60] = {0};
	struct xfrm_sa_id i = id(1);

	install(w, &o[0]);
	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &o[1]), 0);
	assert_int_equal(xfrm_sa_get(w->x, &i, outcome_got, &o[2]), 0);
	for (uint32_t n = 3; n < 60; n++)
		delete (w, n, &o[n]);
	wire_ack(w, 1, 0, NULL, 0);
	wire_put_result(w, WIRE_REQUESTS, 0);
	xfrm_process(w->x);
	all_closed(w, o, 60);
}

static void test_multicast_closed(void **state)
{
	struct wire *w = *state;
	struct outcome o[2] = {0};

	delete (w, 1, &o[0]);
	delete (w, 2, &o[1]);
	wire_put_result(w, WIRE_EVENTS, -ECONNRESET);
	xfrm_process(w->x);
	all_closed(w, o, 2);
}

/* Found closed while sending, within the request's own function. */
static void test_send_closed(void **state)
{
	struct wire *w = *state;
	struct outcome o[2] = {0};

	delete (w, 1, &o[0]);
	w->send_result = -EPIPE;
	delete (w, 2, &o[1]);
	all_closed(w, o, 2);
}

/* Closed between an install that was not offloaded and its undoing. */
static void test_closed_in_undo(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	install(w, &o);
	wire_ack(w, 1, 0, NULL, 0);
	wire_newsa(w, 0, 2, &(struct wire_sa){.spi = 0xc0ffee01});
	wire_ack(w, 2, 0, NULL, 0);
	wire_put_result(w, WIRE_REQUESTS, 0);
	xfrm_process(w->x);
	all_closed(w, &o, 1);
}

static void test_freed(void **state)
{
	struct wire *w = *state;
	struct outcome a = {0}, b = {0};

	install(w, &a);
	w->send_result = -EAGAIN;
	install(w, &b);
	xfrm_free(w->x);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -ECANCELED);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.err, -ECANCELED);
	wire_open(w);
}

/* Answers come in order: one that is passed over will not come any more. */
static void test_lost_answer(void **state)
{
	struct wire *w = *state;
	struct outcome a = {0}, b = {0}, dump = {0};

	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &dump), 0);
	delete (w, 1, &a);
	delete (w, 2, &b);
	wire_ack(w, 3, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -ENOBUFS);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(dump.calls, 0); /* a dump just takes longer */
	wire_ack(w, 2, 0, NULL, 0);      /* too late */
	wire_int(w, NLMSG_DONE, NLM_F_MULTI, 1, 0);
	xfrm_process(w->x);
	assert_int_equal(a.calls, 1);
	assert_int_equal(dump.calls, 1);
}

/* An install whose answers were lost may be there or not: it is removed, so that the caller knows. */
static void test_overrun(void **state)
{
	struct wire *w = *state;
	struct xfrm_counters c;
	struct outcome a = {0}, b = {0};

	install(w, &a);
	delete (w, 1, &b);
	wire_put_result(w, WIRE_REQUESTS, -ENOBUFS);
	xfrm_process(w->x);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.err, -ENOBUFS);
	assert_int_equal(a.calls, 0);
	assert_int_equal(w->n_resync, 1);
	assert_int_equal(wire_sent(w, 2, 0)->nlmsg_type, XFRM_MSG_DELSA);
	wire_ack(w, wire_sent(w, 2, 0)->nlmsg_seq, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -ENOBUFS);
	xfrm_counters_get(w->x, &c);
	assert_int_equal(c.overruns, 1);
	assert_int_equal(c.not_offloaded, 0);
}

/* hwsim says it with a message; what came before it counts. */
static void test_overrun_message(void **state)
{
	struct wire *w = *state;
	struct outcome a = {0}, b = {0};

	delete (w, 1, &a);
	delete (w, 2, &b);
	wire_ack(w, 1, 0, NULL, 0);
	wire_int(w, NLMSG_OVERRUN, 0, 0, 0);
	xfrm_process(w->x);
	assert_int_equal(a.err, 0);
	assert_int_equal(b.err, -ENOBUFS);
	assert_int_equal(w->n_resync, 1);
}

/* Both messages of one datagram are answered, but the first answer is missing. */
static void test_half_lost(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	install(w, &o);
	wire_newsa(w, 0, 2, &(struct wire_sa){.spi = 0xc0ffee01, .offloaded = true, .packet = true, .ifindex = 3});
	wire_ack(w, 2, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 0);
	assert_int_equal(wire_sent(w, 1, 0)->nlmsg_type, XFRM_MSG_DELSA);
	wire_ack(w, 3, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, -ENOBUFS);
}

/* Rubbish is counted, and does not end what is open. */
static void test_rubbish(void **state)
{
	static const uint8_t bytes[40] = {8, 0, 0, 0, 2, 0};
	struct wire *w = *state;
	struct xfrm_counters c;
	struct outcome o = {0};

	delete (w, 1, &o);
	wire_put(w, WIRE_REQUESTS, bytes, 3);
	wire_put(w, WIRE_REQUESTS, bytes, sizeof(bytes)); /* a length below the header's */
	wire_ack(w, 99, 0, NULL, 0);                      /* of nobody */
	wire_int(w, XFRM_MSG_NEWSA, 0, 1, 0);             /* a DELSA is not answered with an SA */
	wire_put(w, WIRE_EVENTS, bytes, 17);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 0);
	xfrm_counters_get(w->x, &c);
	assert_int_equal(c.malformed, 5);
	wire_ack(w, 1, 1234, NULL, 0); /* not an errno */
	wire_ack(w, 1, 0, NULL, 0);    /* and not a second answer */
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, -EPROTO);
}

/* Callbacks may do anything but free the driver. */
struct chain {
	struct wire *w;
	int left, calls;
};

static void chain_done(void *ctx, const struct xfrm_result *result)
{
	struct chain *c = ctx;
	struct xfrm_sa_id i = id(1);

	c->calls++;
	xfrm_process(c->w->x);
	if (c->left-- > 0 && !result->err)
		assert_int_equal(xfrm_sa_delete(c->w->x, &i, chain_done, c), 0);
}

static void test_reentry(void **state)
{
	struct wire *w = *state;
	struct chain c = {w, 50, 0};
	struct xfrm_sa_id i = id(1);

	assert_int_equal(xfrm_sa_delete(w->x, &i, chain_done, &c), 0);
	for (uint32_t seq = 1; seq <= 51; seq++)
		wire_ack(w, seq, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(c.calls, 51);
	/* and when each send fails at once */
	c = (struct chain){w, 50, 0};
	w->send_result = -ENOMEM;
	assert_int_equal(xfrm_sa_delete(w->x, &i, chain_done, &c), 0);
	assert_int_equal(c.calls, 1);
}

/* The receive buffer and the message are wiped: no copy of a key may be found after an install was answered. */
static uint8_t *last_buffer;
static size_t last_size;

static int spy_send(void *ctx, const void *buf, size_t len)
{
	(void)ctx;
	last_buffer = (uint8_t *)buf;
	last_size = len;
	return 0;
}

static ssize_t spy_recv(void *ctx, void *buf, size_t size)
{
	(void)ctx, (void)buf, (void)size;
	return -EAGAIN;
}

static void test_wiped(void **state)
{
	struct xfrm_transport spy = {NULL, spy_send, spy_recv};
	struct xfrm_events events = {0};
	struct xfrm *x = xfrm_new(&spy, &spy, &events, NULL);
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = sample_key();
	struct outcome o = {0};

	(void)state;
	assert_int_equal(xfrm_sa_add(x, &sa, &key, outcome_done, &o), 0);
	assert_true(last_size > 300);
	for (size_t i = 0; i < last_size; i++) /* the request is still open, so its memory is */
		assert_int_equal(last_buffer[i], 0);
	xfrm_free(x);
	assert_int_equal(o.calls, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, wire_setup, wire_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_again),     CASE(test_window),           CASE(test_pending_max), CASE(test_send_fails),
		CASE(test_closed),    CASE(test_multicast_closed), CASE(test_send_closed), CASE(test_closed_in_undo),
		CASE(test_freed),     CASE(test_lost_answer),      CASE(test_overrun),     CASE(test_overrun_message),
		CASE(test_half_lost), CASE(test_rubbish),          CASE(test_reentry),     CASE(test_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
