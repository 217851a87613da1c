/* SPDX-License-Identifier: MIT */
/* Optimized rekeys between two engines: what becomes of every way in which the messages can be wrong. */
#include "optimized_rig.h"

#include <string.h>

#include "ike/engine.h"

struct wrong {
	bool pfs;
	uint8_t drop;         /* payload type to leave out */
	uint16_t drop_notify; /* and notify */
	uint16_t spi_len;     /* OPTIMIZED_REKEY with so many octets of 0xee, 0: as it is */
	bool zero, twice, with_spi;
	const char *add_ke; /* a group; "": octets that are no public value of X25519 */
	bool add_sa, add_ts;
	uint32_t rekeys; /* another SPI in REKEY_SA */
};

static void wrong_notify(struct ike_builder *b, const struct ike_payload *p, const struct wrong *w)
{
	static const uint8_t zero[16];
	uint8_t data[16], spi[4];
	size_t len = w->spi_len ? w->spi_len : p->data_len;

	if (p->u.notify.kind == w->drop_notify)
		return;
	if (p->u.notify.kind == IKE_N_REKEY_SA && w->rekeys) {
		put_be32(spi, w->rekeys);
		ike_build_notify(b, IKE_PROTO_ESP, spi, 4, IKE_N_REKEY_SA, NULL, 0);
		return;
	}
	if (p->u.notify.kind != IKE_N_OPTIMIZED_REKEY) {
		ike_build_payload(b, p);
		return;
	}
	memset(data, 0xee, sizeof(data));
	for (int i = 0; i <= w->twice; i++)
		ike_build_notify(b, 0, p->data, w->with_spi ? 4 : 0, IKE_N_OPTIMIZED_REKEY,
				 w->zero      ? zero
				 : w->spi_len ? data
					      : p->data,
				 len);
}

static void wrong_apply(struct ike_builder *b, const struct ike_payload *p, void *ctx)
{
	const struct wrong *w = ctx;
	uint8_t octets[256] = {0};
	struct ike_proposal proposal;
	unsigned int n = 0;
	struct ike_ts ts;

	if (p && p->type == w->drop)
		return;
	if (p && p->type == IKE_P_NOTIFY)
		wrong_notify(b, p, w);
	else if (p)
		ike_build_payload(b, p);
	if (p)
		return;
	if (w->add_sa) {
		pair_proposal(&proposal, &n, IKE_PROTO_ESP, "aes128gcm16");
		proposal.spi_size = 4;
		ike_build_sa(b, &proposal, 1);
	}
	if (w->add_ts) {
		pair_ts(&ts, "10.1.0.0", "10.1.255.255", 0, 0, 65535);
		ike_build_ts(b, IKE_P_TSI, &ts, 1);
		ike_build_ts(b, IKE_P_TSR, &ts, 1);
	}
	if (w->add_ke)
		ike_build_ke(b, *w->add_ke ? IKE_KE_ECP_256 : IKE_KE_X25519, octets, *w->add_ke ? 64 : 32);
}

/* What comes of a request of A that arrives like this; B's notify, and does A's regular attempt then succeed? */
static const struct {
	const char *what;
	struct wrong w;
	uint16_t notify; /* 0: it is accepted */
} child_requests[] = {
	{"as it is", {0}, 0},
	{"as it is, with PFS", {.pfs = true}, 0},
	{"SPI of 3 octets", {.spi_len = 3}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"SPI of 5 octets", {.spi_len = 5}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"SPI of an IKE SA", {.spi_len = 8}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"SPI zero", {.zero = true}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"two SPIs", {.twice = true}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"SPI in its field", {.with_spi = true}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"an SA payload, too", {.add_sa = true}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"selectors, too", {.add_ts = true}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"a KE payload without PFS", {.add_ke = "ecp256"}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"no KE payload with PFS", {.pfs = true, .drop = IKE_P_KE}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"another group", {.pfs = true, .drop = IKE_P_KE, .add_ke = "ecp256"}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"no public value", {.pfs = true, .drop = IKE_P_KE, .add_ke = ""}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"two KE payloads", {.pfs = true, .add_ke = "ecp256"}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"no nonce", {.drop = IKE_P_NONCE}, IKE_N_NO_PROPOSAL_CHOSEN},
	{"of an SA that is not there", {.rekeys = 0x12345678}, IKE_N_CHILD_SA_NOT_FOUND},
	/* an IKE SA's, by its shape; but with 4 octets and without KE */
	{"without REKEY_SA", {.drop_notify = IKE_N_REKEY_SA}, IKE_N_NO_PROPOSAL_CHOSEN},
};

static void test_wrong_child_requests(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(child_requests) / sizeof(child_requests[0]); i++) {
		struct wrong w = child_requests[i].w;
		uint16_t notify = child_requests[i].notify;

		optimized_config(&p);
		optimized_proposals(&p, w.pfs ? "aes128gcm16-x25519" : "aes128gcm16");
		optimized_begin(&p);
		optimized_rekey_begin(&p, A);
		pair_rewrite(&p, A, wrong_apply, &w);
		pair_step(&p, A);
		if (optimized_answered(&p, B) != notify)
			fail_msg("%s: B answers %u", child_requests[i].what, optimized_answered(&p, B));
		pair_run(&p);
		if (notify == IKE_N_NO_PROPOSAL_CHOSEN) { /* A finds its way */
			assert_int_equal(pair_counters(&p.side[A]).optimized_refused, 1);
			assert_false(optimized_newest(&p, A)->optimized);
			pair_check(&p);
			optimized_rekey(&p, B);
			assert_true(optimized_newest(&p, A)->optimized);
		}
		assert_int_equal(p.side[A].sas_down + p.side[B].sas_down, 0);
		if (notify != IKE_N_CHILD_SA_NOT_FOUND) /* there A has believed B that its old one is lost */
			pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* The answer of B arrives like this: A deletes what B has made, the old one remains; or, the worst, the IKE SA goes. */
static const struct {
	const char *what;
	struct wrong w;
	bool accepted, fatal;
} child_answers[] = {
	{"as it is", {0}, true, false},
	{"as it is, with PFS", {.pfs = true}, true, false},
	{"SPI of 8 octets", {.spi_len = 8}, false, false},
	{"SPI zero", {.zero = true}, false, false},
	{"two SPIs", {.twice = true}, false, false},
	{"a KE payload without PFS", {.add_ke = "ecp256"}, false, false},
	{"no KE payload with PFS", {.pfs = true, .drop = IKE_P_KE}, false, false},
	{"another group", {.pfs = true, .drop = IKE_P_KE, .add_ke = "ecp256"}, false, false},
	{"no public value", {.pfs = true, .drop = IKE_P_KE, .add_ke = ""}, false, false},
	{"an SA payload, too", {.add_sa = true}, false, true},
	{"no nonce", {.drop = IKE_P_NONCE}, false, true},
	{"a regular answer", {.drop_notify = IKE_N_OPTIMIZED_REKEY, .add_sa = true, .add_ts = true}, false, false},
};

static void test_wrong_child_answers(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(child_answers) / sizeof(child_answers[0]); i++) {
		struct wrong w = child_answers[i].w;
		struct pair_child *old;

		optimized_config(&p);
		optimized_proposals(&p, w.pfs ? "aes128gcm16-x25519" : "aes128gcm16");
		optimized_begin(&p);
		old = optimized_last(&p, A);
		optimized_rekey_begin(&p, A);
		pair_step(&p, A);
		pair_rewrite(&p, B, wrong_apply, &w);
		pair_run(&p);
		if (old->down != (child_answers[i].accepted || child_answers[i].fatal))
			fail_msg("%s: the old one is %s", child_answers[i].what, old->down ? "gone" : "there");
		assert_int_equal(p.side[A].sas_down, child_answers[i].fatal);
		assert_int_equal(p.side[B].sas_down, child_answers[i].fatal);
		pair_check(&p);
		if (!child_answers[i].fatal) {
			old = pair_child_at(&p.side[B], 0);
			assert_int_equal(ike_child_rekey(p.side[B].ike, p.now, old->id, NULL), 0);
			pair_run(&p);
			pair_check(&p);
			assert_true(optimized_newest(&p, B)->optimized);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static const struct {
	const char *what;
	struct wrong w;
	bool accepted;
} sa_requests[] = {
	{"as it is", {0}, true},
	{"SPI of 4 octets", {.spi_len = 4}, false},
	{"SPI of 9 octets", {.spi_len = 9}, false},
	{"SPI zero", {.zero = true}, false},
	{"two SPIs", {.twice = true}, false},
	{"no KE payload", {.drop = IKE_P_KE}, false},
	{"another group", {.drop = IKE_P_KE, .add_ke = "ecp256"}, false},
	{"no public value", {.drop = IKE_P_KE, .add_ke = ""}, false},
	{"an SA payload, too", {.add_sa = true}, false},
	{"no nonce", {.drop = IKE_P_NONCE}, false},
};

static void test_wrong_sa_requests(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(sa_requests) / sizeof(sa_requests[0]); i++) {
		struct wrong w = sa_requests[i].w;

		optimized_config(&p);
		optimized_begin(&p);
		optimized_sa_rekey_begin(&p, A);
		pair_rewrite(&p, A, wrong_apply, &w);
		pair_step(&p, A);
		if (optimized_answered(&p, B) != (sa_requests[i].accepted ? 0 : IKE_N_NO_PROPOSAL_CHOSEN))
			fail_msg("%s: B answers %u", sa_requests[i].what, optimized_answered(&p, B));
		pair_run(&p);
		assert_int_equal(p.side[A].sas_rekeyed, 1);
		assert_int_equal(p.side[B].sas_rekeyed, 1);
		assert_int_equal(pair_counters(&p.side[A]).optimized_refused, !sa_requests[i].accepted);
		optimized_rekey(&p, B);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void test_wrong_sa_answers(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct wrong w = sa_requests[i].w;
		uint32_t old;

		optimized_config(&p);
		optimized_begin(&p);
		old = p.side[A].sa;
		optimized_sa_rekey_begin(&p, A);
		pair_step(&p, A);
		pair_rewrite(&p, B, wrong_apply, &w);
		pair_run(&p);
		/* B believes in the new one, A never had it: as with any answer that is no good, B finds out */
		assert_int_equal(p.side[A].sa != old, sa_requests[i].accepted);
		pair_end(&p);
	}
}

/* With our Vendor ID, but without an agreement: refused, and the regular way is as good as ever. */
static void test_not_agreed(void **state)
{
	struct pair p;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct ike_sa *sa;

		optimized_config(&p);
		optimized_begin(&p);
		sa = ike_sa_by_id(p.side[B].ike, p.side[B].sa);
		sa->optimized = false; /* B has never said so */
		if (kind == 2)
			sa->keyrack = false; /* nor does it know the notify: then a message without SA is nonsense */
		if (kind == 0)
			optimized_sa_rekey_begin(&p, A);
		else
			optimized_rekey_begin(&p, A);
		pair_step(&p, A);
		assert_int_equal(optimized_answered(&p, B),
				 kind == 2 ? IKE_N_INVALID_SYNTAX : IKE_N_NO_PROPOSAL_CHOSEN);
		pair_run(&p);
		if (kind == 0)
			assert_int_equal(p.side[A].sas_rekeyed, 1);
		if (kind == 1)
			assert_false(optimized_newest(&p, A)->optimized);
		if (kind < 2)
			pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* A replacement in IKE_AUTH's wake: the first Child SA's KE is not known, so a peer that does not know that is told. */
static void test_initial(void **state)
{
	struct ike_child *c;
	struct pair p;

	(void)state;
	optimized_config(&p);
	pair_start(&p);
	pair_up(&p);
	c = ike_child_by_id(p.side[A].ike, optimized_last(&p, A)->id);
	c->in_auth = false; /* A thinks otherwise */
	optimized_rekey_begin(&p, A);
	pair_step(&p, A);
	assert_int_equal(optimized_answered(&p, B), IKE_N_NO_PROPOSAL_CHOSEN);
	pair_run(&p);
	pair_check(&p);
	assert_int_equal(pair_live(&p.side[A]), 1);
	assert_false(optimized_newest(&p, A)->optimized);
	pair_check_empty(&p);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_child_requests), cmocka_unit_test(test_wrong_child_answers),
		cmocka_unit_test(test_wrong_sa_requests),    cmocka_unit_test(test_wrong_sa_answers),
		cmocka_unit_test(test_not_agreed),           cmocka_unit_test(test_initial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
