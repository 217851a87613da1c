/* SPDX-License-Identifier: MIT */
/* Requests and their answers, as a kernel gives them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offload/wire.h"

static struct wire_sa installed(void)
{
	return (struct wire_sa){
		.spi = 0xc0ffee01, .offloaded = true, .packet = true, .inbound = true, .ifindex = 3, .dir = 1};
}

static void install(struct wire *w, struct outcome *o)
{
	struct xfrm_sa sa = sample_sa();
	struct xfrm_key key = sample_key();

	assert_int_equal(xfrm_sa_add(w->x, &sa, &key, outcome_done, o), 0);
}

static struct xfrm_counters counters(const struct wire *w)
{
	struct xfrm_counters c;

	xfrm_counters_get(w->x, &c);
	return c;
}

static bool logged(const struct wire *w, const char *part)
{
	for (unsigned int i = 0; i < WIRE_LOG_MAX; i++)
		if (strstr(w->logged[i], part))
			return true;
	return false;
}

static void test_install(void **state)
{
	struct wire *w = *state;
	struct wire_sa sa = installed();
	struct outcome o = {0};

	install(w, &o);
	assert_int_equal(xfrm_pending(w->x), 1);
	wire_ack(w, 1, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 0); /* not before it was read back */
	wire_newsa(w, 0, 2, &sa);
	wire_ack(w, 2, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.mode, OFFLOAD_PACKET);
	assert_int_equal(xfrm_pending(w->x), 0);
	assert_int_equal(counters(w).installs, 1);
	assert_int_equal(counters(w).errors, 0);
}

static void refuse(struct wire *w, int err, const char *text, size_t echo, struct outcome *o)
{
	install(w, o);
	wire_ack(w, 1, err, text, echo);
	wire_ack(w, 2, -ESRCH, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, err);
	assert_int_equal(w->n_sent, 1); /* nothing to undo */
}

static void test_refused_with_text(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	refuse(w, -ENOSPC, "ixgbe: No space for SA in Rx table!", 0, &o);
	assert_string_equal(o.text, "ixgbe: No space for SA in Rx table!");
	assert_true(logged(w, "sa.refused: SPI 0xc0ffee01, in, reqid 7, packet mode: ENOSPC"));
	assert_true(logged(w, "No space for SA in Rx table!"));
	assert_int_equal(counters(w).errors, 1);
}

/* A kernel without NETLINK_CAP_ACK echoes the request, keys and all, before the text. */
static void test_refused_uncapped(void **state)
{
	struct outcome o = {0};

	refuse(*state, -EINVAL, "mlx5_core: Cannot offload without reqid", 333, &o);
	assert_string_equal(o.text, "mlx5_core: Cannot offload without reqid");
}

static void test_refused_without_text(void **state)
{
	struct outcome o = {0};

	refuse(*state, -ENOMEM, NULL, 0, &o);
	assert_string_equal(o.text, "");
}

static void test_refused_eexist(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	/* the read-back finds the one that was there before: it must stay */
	install(w, &o);
	wire_ack(w, 1, -EEXIST, NULL, 0);
	wire_newsa(w, 0, 2, &(struct wire_sa){.spi = 0xc0ffee01});
	wire_ack(w, 2, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, -EEXIST);
	assert_int_equal(w->n_sent, 1);
}

/* Text comes from the kernel, but a driver's name in it may be anything. */
static void test_text_is_printable(void **state)
{
	struct outcome o = {0};

	refuse(*state, -EINVAL, "bad\ntext\x1b[2J\xff", 0, &o);
	assert_string_equal(o.text, "bad?text?[2J?");
}

static void not_offloaded(struct wire *w, const struct wire_sa *found, const char *text)
{
	struct outcome o = {0};

	install(w, &o);
	wire_ack(w, 1, 0, NULL, 0);
	wire_newsa(w, 0, 2, found);
	wire_ack(w, 2, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 0);
	assert_int_equal(w->n_sent, 2); /* taken back before anybody is told */
	assert_int_equal(wire_sent(w, 1, 0)->nlmsg_type, XFRM_MSG_DELSA);
	wire_ack(w, 3, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_non_null(strstr(o.text, text));
	assert_true(logged(w, "sa.not_offloaded: SPI 0xc0ffee01"));
	assert_int_equal(counters(w).not_offloaded, 1);
	assert_int_equal(counters(w).installs, 0);
}

static void test_silent_software(void **state)
{
	struct wire_sa found = {.spi = 0xc0ffee01};

	not_offloaded(*state, &found, "acknowledged but not offloaded: packet was asked for, the SA is in software");
}

static void test_silent_crypto(void **state)
{
	struct wire_sa found = installed();

	found.packet = false;
	not_offloaded(*state, &found, "the SA is in crypto");
}

static void test_wrong_device(void **state)
{
	struct wire_sa found = installed();

	found.ifindex = 4;
	not_offloaded(*state, &found, "interface 4 instead of 3");
}

static void test_readback_gone(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	install(w, &o);
	wire_ack(w, 1, 0, NULL, 0);
	wire_ack(w, 2, -ESRCH, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(wire_sent(w, 1, 0)->nlmsg_type, XFRM_MSG_DELSA);
	wire_ack(w, 3, -ESRCH, NULL, 0); /* and so there is nothing to delete */
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_non_null(strstr(o.text, "cannot be read back"));
}

/* The answer to a later request overtakes only what has to be undone. */
static void test_pipelined(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_sa_id id = {sa.spi, sa.dst, sa.src};
	struct wire_sa found = installed();
	struct outcome a = {0}, b = {0};

	install(w, &a);
	assert_int_equal(xfrm_sa_delete(w->x, &id, outcome_done, &b), 0);
	assert_int_equal(w->n_sent, 2); /* without waiting */
	wire_ack(w, 1, 0, NULL, 0);
	wire_newsa(w, 0, 2, &found);
	wire_ack(w, 2, 0, NULL, 0);
	wire_ack(w, 3, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, 0);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(counters(w).deletes, 1);
}

static void test_delete_gone(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_sa_id id = {sa.spi, sa.dst, sa.src};
	struct outcome o = {0};

	assert_int_equal(xfrm_sa_delete(w->x, &id, outcome_done, &o), 0);
	wire_ack(w, 1, -ESRCH, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.err, -ESRCH);
	assert_int_equal(counters(w).deletes, 0);
}

static void test_get(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_sa_id id = {sa.spi, sa.dst, sa.src};
	struct wire_sa found = installed();
	struct outcome o = {0};

	found.dir = 2;
	found.bytes = 1ull << 40;
	found.packets = 12345;
	found.reqid = 9;
	found.window = 256;
	assert_int_equal(xfrm_sa_get(w->x, &id, outcome_got, &o), 0);
	wire_newsa(w, 0, 1, &found);
	wire_ack(w, 1, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.counts[0].id.spi, 0xc0ffee01);
	assert_int_equal(o.counts[0].id.dst.family, 2);
	assert_int_equal(o.counts[0].id.dst.ip[3], 2);
	assert_int_equal(o.counts[0].id.src.ip[3], 1);
	assert_true(o.counts[0].out); /* SA_DIR says it */
	assert_int_equal(o.counts[0].mode, OFFLOAD_PACKET);
	assert_true(o.counts[0].bytes == 1ull << 40);
	assert_int_equal(o.counts[0].packets, 12345);
	assert_int_equal(o.counts[0].reqid, 9);
	assert_int_equal(o.counts[0].replay_window, 256);
	assert_int_equal(o.counts[0].replay, 5);
	assert_int_equal(o.counts[0].integrity_failed, 6);
	assert_int_equal(xfrm_sa_get(w->x, &id, outcome_got, &o), 0);
	wire_ack(w, 2, -ESRCH, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 2);
	assert_int_equal(o.err, -ESRCH);
}

static void test_dump(void **state)
{
	struct wire *w = *state;
	struct wire_sa sa = installed();
	struct outcome o = {0};

	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &o), 0);
	for (uint32_t i = 0; i < 5; i++) {
		sa.spi = 0x1000 + i;
		wire_newsa(w, NLM_F_MULTI, 1, &sa);
		xfrm_process(w->x);
		assert_int_equal(o.n_counts, i + 1);
		assert_int_equal(o.counts[i].id.spi, 0x1000 + i);
	}
	assert_int_equal(o.calls, 0);
	wire_int(w, NLMSG_DONE, NLM_F_MULTI, 1, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, 0);
}

/* The flag may be on any part, on the last one, or only on the end. */
static void test_dump_interrupted(void **state)
{
	struct wire *w = *state;
	struct wire_sa sa = installed();

	for (uint32_t seq = 1; seq <= 2; seq++) {
		struct outcome o = {0};

		assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &o), 0);
		wire_newsa(w, (uint16_t)(NLM_F_MULTI | (seq == 1 ? NLM_F_DUMP_INTR : 0)), seq, &sa);
		wire_newsa(w, NLM_F_MULTI, seq, &sa);
		wire_int(w, NLMSG_DONE, (uint16_t)(NLM_F_MULTI | (seq == 2 ? NLM_F_DUMP_INTR : 0)), seq, 0);
		xfrm_process(w->x);
		assert_int_equal(o.calls, 1);
		assert_int_equal(o.n_counts, 2);
		assert_int_equal(o.err, -EINTR);
	}
}

static void test_dump_fails(void **state)
{
	struct wire *w = *state;
	struct outcome o = {0};

	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &o), 0);
	wire_int(w, NLMSG_DONE, NLM_F_MULTI, 1, -ENOMEM);
	xfrm_process(w->x);
	assert_int_equal(o.err, -ENOMEM);
	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &o), 0);
	wire_ack(w, 2, -EBUSY, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 2);
	assert_int_equal(o.err, -EBUSY);
}

/* One dump at a time; other requests pass it on the way back. */
static void test_dumps_wait(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct xfrm_sa_id id = {sa.spi, sa.dst, sa.src};
	struct outcome a = {0}, b = {0}, c = {0};

	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &a), 0);
	assert_int_equal(xfrm_sa_delete(w->x, &id, outcome_done, &b), 0);
	assert_int_equal(xfrm_sa_dump(w->x, outcome_each, outcome_done, &c), 0);
	assert_int_equal(w->n_sent, 2);
	wire_ack(w, 2, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(b.calls, 1);
	assert_int_equal(a.calls, 0);
	assert_int_equal(w->n_sent, 2);
	wire_int(w, NLMSG_DONE, NLM_F_MULTI, 1, 0);
	xfrm_process(w->x);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, 0);
	assert_int_equal(w->n_sent, 3);
	wire_int(w, NLMSG_DONE, NLM_F_MULTI, 3, 0);
	xfrm_process(w->x);
	assert_int_equal(c.calls, 1);
}

static void test_spi_alloc(void **state)
{
	struct wire *w = *state;
	struct xfrm_sa sa = sample_sa();
	struct outcome o = {0};

	assert_int_equal(xfrm_spi_alloc(w->x, &sa.src, &sa.dst, 7, 1, 2, outcome_done, &o), 0);
	wire_newsa(w, 0, 1, &(struct wire_sa){.spi = 0x12345678});
	wire_ack(w, 1, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.spi, 0x12345678);
	assert_int_equal(xfrm_spi_alloc(w->x, &sa.src, &sa.dst, 7, 1, 2, outcome_done, &o), 0);
	wire_ack(w, 2, -ENOENT, "No SPI available in the requested range", 0);
	xfrm_process(w->x);
	assert_int_equal(o.err, -ENOENT);
	assert_int_equal(o.spi, 0);
	assert_string_equal(o.text, "No SPI available in the requested range");
	assert_int_equal(xfrm_spi_alloc(w->x, &sa.src, &sa.dst, 7, 3, 2, outcome_done, &o), -EINVAL);
}

static void test_policy(void **state)
{
	struct wire *w = *state;
	struct xfrm_policy_cfg p = sample_policy();
	struct outcome o = {0};

	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), 0);
	wire_ack(w, 1, 0, NULL, 0);
	wire_newpolicy(w, 2, 3);
	wire_ack(w, 2, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.mode, OFFLOAD_PACKET);
	p.packet = false; /* nothing to read back */
	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), 0);
	wire_ack(w, 3, -EEXIST, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 2);
	assert_int_equal(o.err, -EEXIST);
	assert_true(logged(w, "policy.refused: NEWPOLICY, out, software: EEXIST"));
	assert_int_equal(xfrm_policy_delete(w->x, &p, outcome_done, &o), 0);
	wire_ack(w, 4, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 3);
	assert_int_equal(o.err, 0);
}

static void test_policy_silent(void **state)
{
	struct wire *w = *state;
	struct xfrm_policy_cfg p = sample_policy();
	struct outcome o = {0};

	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), 0);
	wire_ack(w, 1, 0, NULL, 0);
	wire_newpolicy(w, 2, 0);
	wire_ack(w, 2, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(wire_sent(w, 1, 0)->nlmsg_type, XFRM_MSG_DELPOLICY);
	wire_ack(w, 3, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_int_equal(counters(w).not_offloaded, 1);
	/* but an update keeps what protects */
	assert_int_equal(xfrm_policy_add(w->x, &p, true, outcome_done, &o), 0);
	wire_ack(w, 4, 0, NULL, 0);
	wire_newpolicy(w, 5, 0);
	wire_ack(w, 5, 0, NULL, 0);
	xfrm_process(w->x);
	assert_int_equal(o.calls, 2);
	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_int_equal(w->n_sent, 3);
}

/* What is wrong in itself is refused before anything is sent, with the value in the log. */
static void test_invalid(void **state)
{
	struct wire *w = *state;
	struct xfrm_key key = sample_key(), short_key = key;
	struct xfrm_policy_cfg p = sample_policy();
	struct xfrm_sa bad[8];
	struct outcome o = {0};

	for (int i = 0; i < 8; i++)
		bad[i] = sample_sa();
	bad[0].encr = 99;
	bad[1].encr_bits = 136;
	bad[2].src.family = 10;
	bad[3].spi = 0;
	bad[4].limits.hard_packets = 0;
	bad[5].ifindex = 0;
	bad[6].integ = 12; /* AEAD with integrity */
	bad[7].encr = 12;  /* CBC without */
	for (int i = 0; i < 8; i++)
		assert_int_equal(xfrm_sa_add(w->x, &bad[i], &key, outcome_done, &o), -EINVAL);
	short_key.encr_len = 16; /* the salt is missing */
	bad[0] = sample_sa();
	assert_int_equal(xfrm_sa_add(w->x, &bad[0], &short_key, outcome_done, &o), -EINVAL);
	assert_true(logged(w, "wrong length in octets of the encryption key: 16"));
	assert_true(logged(w, "no encryption algorithm 99"));
	p.sel.family = 0;
	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), -EINVAL);
	p = sample_policy();
	p.tmpl_dst.family = 0;
	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), -EINVAL);
	p = sample_policy();
	p.ifindex = 0;
	assert_int_equal(xfrm_policy_add(w->x, &p, false, outcome_done, &o), -EINVAL);
	assert_int_equal(w->n_sent, 0);
	assert_int_equal(o.calls, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, wire_setup, wire_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_install),
		CASE(test_refused_with_text),
		CASE(test_refused_uncapped),
		CASE(test_refused_without_text),
		CASE(test_refused_eexist),
		CASE(test_text_is_printable),
		CASE(test_silent_software),
		CASE(test_silent_crypto),
		CASE(test_wrong_device),
		CASE(test_readback_gone),
		CASE(test_pipelined),
		CASE(test_delete_gone),
		CASE(test_get),
		CASE(test_dump),
		CASE(test_dump_interrupted),
		CASE(test_dump_fails),
		CASE(test_dumps_wait),
		CASE(test_spi_alloc),
		CASE(test_policy),
		CASE(test_policy_silent),
		CASE(test_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
