/* SPDX-License-Identifier: MIT */
/*
 * Optimized rekeys between two engines: what is said, what is inherited, when the regular way is taken, and what
 * becomes of every way in which the messages can be wrong.
 */
#include "pair.h"

#include <string.h>

#include "ike/engine.h"

static void optimized_config(struct pair *p)
{
	pair_config(p);
	p->side[A].conn.optimized_rekey = p->side[B].conn.optimized_rekey = true;
}

static void child_proposals(struct pair *p, const char *spec)
{
	for (int n = A; n <= B; n++) {
		p->side[n].child[0].n_proposals = 0;
		pair_proposal(p->side[n].child[0].proposals, &p->side[n].child[0].n_proposals, IKE_PROTO_ESP, spec);
	}
}

static struct pair_child *last(struct pair *p, int side)
{
	return TAILQ_LAST(&p->side[side].children, pair_children);
}

static const struct ike_child_sa *newest(struct pair *p, int side)
{
	return ike_child_get(p->side[side].ike, last(p, side)->id);
}

static void rekey_begin(struct pair *p, int side)
{
	assert_int_equal(ike_child_rekey(p->side[side].ike, p->now, last(p, side)->id, NULL), 0);
}

static void rekey(struct pair *p, int side)
{
	rekey_begin(p, side);
	pair_run(p);
	pair_check(p);
	assert_int_equal(pair_live(&p->side[A]), 1);
}

static void sa_rekey_begin(struct pair *p, int side)
{
	assert_int_equal(ike_sa_rekey(p->side[side].ike, p->now, p->side[side].sa), 0);
}

/* Up, and past the first rekey, which is always a regular one. */
static void optimized_begin(struct pair *p)
{
	pair_start(p);
	pair_up(p);
	rekey(p, A);
	assert_false(newest(p, A)->optimized);
}

static const char *look(struct pair *p, int from)
{
	static struct ike_message m;
	static char text[300];
	const char *inside;

	pair_look(p, from, &m);
	inside = strchr(ike_message_print(&m, text, sizeof(text)), '[');
	assert_non_null(inside);
	return inside;
}

static void test_negotiation(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	for (unsigned int on = 0; on < 8; on++) {
		bool a = on & 1, b = on & 2, vendor = on & 5; /* the Vendor ID goes with either extension */

		pair_config(&p);
		p.side[A].conn.optimized_rekey = a;
		p.side[B].conn.optimized_rekey = b;
		p.side[A].conn.count_sa = on & 4;
		pair_start(&p);
		pair_initiate(&p, A);
		pair_step(&p, A);
		pair_step(&p, B);
		assert_int_equal(strstr(look(&p, A), "N(OPT_REKEY_SUP)") != NULL, a);
		pair_step(&p, A);
		assert_int_equal(strstr(look(&p, B), "N(OPT_REKEY_SUP)") != NULL, a && b);
		pair_run(&p);
		for (int n = A; n <= B; n++) {
			assert_true(ike_sa_get(p.side[n].ike, p.side[n].sa, &info));
			assert_int_equal(info.keyrack, vendor);
			assert_int_equal(info.optimized_rekey, a && b);
		}
		for (int round = 0; round < 3; round++) {
			rekey(&p, round & 1);
			for (int n = A; n <= B; n++)
				assert_int_equal(newest(&p, n)->optimized, a && b && round);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* Exactly the payloads of the draft's figures, with and without PFS. */
static void test_shapes(void **state)
{
	static const struct {
		const char *esp, *request, *response;
	} rows[] = {
		{"aes128gcm16", "[ N(REKEY_SA) N(OPT_REKEY) No ]", "[ N(OPT_REKEY) No ]"},
		{"aes128gcm16-x25519", "[ N(REKEY_SA) N(OPT_REKEY) No KE ]", "[ N(OPT_REKEY) No KE ]"},
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		optimized_config(&p);
		child_proposals(&p, rows[i].esp);
		optimized_begin(&p);
		for (int side = A; side <= B; side++) {
			rekey_begin(&p, side);
			assert_string_equal(look(&p, side), rows[i].request);
			pair_step(&p, side);
			assert_string_equal(look(&p, !side), rows[i].response);
			pair_run(&p);
			pair_check(&p);
			sa_rekey_begin(&p, side);
			assert_string_equal(look(&p, side), "[ N(OPT_REKEY) No KE ]");
			pair_step(&p, side);
			assert_string_equal(look(&p, !side), "[ N(OPT_REKEY) No KE ]");
			pair_run(&p);
			pair_check(&p);
		}
		assert_int_equal(pair_counters(&p.side[A]).optimized_init, 2);
		assert_int_equal(pair_counters(&p.side[A]).optimized_resp, 2);
		assert_int_equal(pair_counters(&p.side[B]).optimized_init, 2);
		assert_int_equal(p.side[A].sas_rekeyed, 2);
		assert_int_equal(pair_counters(&p.side[A]).optimized_refused, 0);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* The octets of both notifies: the new SPI in the data, 4 or 8 of them; no protocol, no SPI size. */
static void test_octets(void **state)
{
	const struct ike_payload *n;
	struct ike_message m;
	struct ike_sa_info info;
	uint8_t spi[4];
	struct pair p;

	(void)state;
	optimized_config(&p);
	optimized_begin(&p);
	rekey_begin(&p, A);
	pair_look(&p, A, &m);
	n = ike_message_notify(&m, IKE_N_OPTIMIZED_REKEY);
	put_be32(spi, last(&p, A)->spi_in);
	assert_int_equal(n->len, 8);
	assert_memory_equal(n->body, "\0\0\313\4", 4);
	assert_memory_equal(n->body + 4, spi, 4);
	assert_int_equal(ike_message_notify(&m, IKE_N_REKEY_SA)->u.notify.protocol, IKE_PROTO_ESP);
	pair_run(&p);
	sa_rekey_begin(&p, B);
	pair_look(&p, B, &m);
	n = ike_message_notify(&m, IKE_N_OPTIMIZED_REKEY);
	assert_int_equal(n->len, 12);
	assert_memory_equal(n->body, "\0\0\313\4", 4);
	memcpy(spi, n->body + 4, 4);
	pair_run(&p);
	assert_true(ike_sa_get(p.side[A].ike, p.side[A].sa, &info));
	assert_memory_equal(info.spi_i, spi, 4); /* B began it: its SPI is the initiator's now */
	pair_end(&p);
}

static void check_inherited(const struct ike_child_sa *old, const struct ike_child_sa *c)
{
	assert_int_not_equal(c->id, old->id);
	assert_int_not_equal(c->spi_in, old->spi_in);
	assert_int_not_equal(c->spi_out, old->spi_out);
	assert_int_equal(c->encr, old->encr);
	assert_int_equal(c->encr_bits, old->encr_bits);
	assert_int_equal(c->integ, old->integ);
	assert_int_equal(c->ke, old->ke);
	assert_int_equal(c->esn, old->esn);
	assert_int_equal(c->mode, old->mode);
	assert_int_equal(c->encap, old->encap);
	assert_int_equal(c->resource, old->resource);
	assert_ptr_equal(c->cfg, old->cfg);
	assert_int_equal(c->n_local_ts, old->n_local_ts);
	assert_int_equal(c->n_remote_ts, old->n_remote_ts);
	assert_memory_equal(c->local_ts, old->local_ts, c->n_local_ts * sizeof(c->local_ts[0]));
	assert_memory_equal(c->remote_ts, old->remote_ts, c->n_remote_ts * sizeof(c->remote_ts[0]));
}

/* Algorithms, selectors (narrowed ones, too), mode, resource: from either end, over several generations. */
static void test_inheritance(void **state)
{
	static const char *const esp[] = {"aes256gcm16-ecp256-esn", "aes128-sha256-modp2048", "chacha20poly1305",
					  "aes256-sha512-esn", "aes128gcm16-x25519"};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < 4 * sizeof(esp) / sizeof(esp[0]); i++) {
		bool transport = i & 1, resource = i & 2;

		optimized_config(&p);
		child_proposals(&p, esp[i / 4]);
		for (int n = A; n <= B; n++) {
			p.side[n].child[0].mode = transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL;
			p.side[n].child[0].per_resource = resource;
			p.side[n].keep_old = true;
		}
		/* B knows less of its own side: what A asks for is narrowed */
		pair_ts(&p.side[B].child[0].local_ts[0], "10.2.7.0", "10.2.7.255", 6, 80, 90);
		pair_start(&p);
		pair_up(&p);
		for (int round = 0; round < 5; round++) {
			struct pair_child *old[2] = {last(&p, A), last(&p, B)};

			rekey_begin(&p, round & 1);
			pair_run(&p);
			for (int n = A; n <= B; n++) {
				assert_int_equal(newest(&p, n)->optimized, round > 0);
				if (round)
					check_inherited(ike_child_get(p.side[n].ike, old[n]->id), newest(&p, n));
				assert_int_equal(newest(&p, n)->resource, resource);
				assert_int_equal(newest(&p, n)->mode, transport);
			}
			assert_int_equal(ike_child_delete(p.side[round & 1].ike, p.now, old[round & 1]->id), 0);
			pair_run(&p);
			pair_check(&p);
			assert_int_equal(pair_live(&p.side[A]), 1);
		}
		assert_int_equal(newest(&p, A)->remote_ts[0].start_port, 80);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* The same keys at both ends, other ones than before: pair_check compares them; the old must not come back. */
static void test_fresh_keys(void **state)
{
	struct ike_child_keys before;
	struct pair p;

	(void)state;
	for (int pfs = 0; pfs < 2; pfs++) {
		optimized_config(&p);
		child_proposals(&p, pfs ? "aes128gcm16-x25519" : "aes128gcm16");
		optimized_begin(&p);
		for (int round = 0; round < 4; round++) {
			before = last(&p, A)->keys;
			rekey(&p, round & 1);
			assert_true(newest(&p, A)->optimized);
			assert_memory_not_equal(&before.encr_in, last(&p, A)->keys.encr_in, before.encr_len);
			assert_memory_not_equal(&before.encr_out, last(&p, A)->keys.encr_out, before.encr_len);
		}
		pair_end(&p);
	}
}

/* The agreement goes on with the IKE SA's heirs; and whoever turns the option off still accepts what was agreed. */
static void test_heirs(void **state)
{
	struct pair p;

	(void)state;
	optimized_config(&p);
	optimized_begin(&p);
	for (int round = 0; round < 4; round++) {
		sa_rekey_begin(&p, round & 1);
		pair_run(&p);
		rekey(&p, round >> 1);
		assert_true(newest(&p, A)->optimized);
	}
	assert_int_equal(p.side[A].sas_rekeyed, 4);
	p.side[A].conn.optimized_rekey = false;
	rekey(&p, A);
	assert_false(newest(&p, A)->optimized);
	assert_false(newest(&p, B)->optimized);
	rekey(&p, B);
	assert_true(newest(&p, A)->optimized);
	sa_rekey_begin(&p, A);
	assert_non_null(strstr(look(&p, A), " SA "));
	pair_run(&p);
	assert_int_equal(p.side[B].sas_rekeyed, 5);
	pair_check_empty(&p);
	pair_end(&p);
}

/* A Child SA that CREATE_CHILD_SA made has had its say about KE: its first rekey is an optimized one. */
static void test_created(void **state)
{
	struct pair p;

	(void)state;
	optimized_config(&p);
	child_proposals(&p, "aes128gcm16-x25519");
	pair_start(&p);
	pair_up(&p);
	assert_int_equal(ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[0], NULL, 0, NULL), 0);
	pair_run(&p);
	rekey_begin(&p, B);
	pair_run(&p);
	assert_true(newest(&p, A)->optimized);
	assert_int_equal(newest(&p, A)->ke, IKE_KE_X25519);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

/* ---- changes of configuration ---- */

struct change {
	const char *esp, *ike; /* the new proposals, NULL: as before */
	bool ts, resource;
	bool child_changes, sa_changes;
};

static const struct change changes[] = {
	{NULL, NULL, false, false, false, false},
	{"aes128gcm16-aes256gcm16", NULL, false, false, true, false},
	{NULL, NULL, true, false, true, false},
	{NULL, NULL, false, true, true, false},
	{NULL, "aes128gcm16-prfsha256-x25519-ecp256", false, false, false, true},
};

static struct ike_conn_cfg conn_anew;
static struct ike_child_cfg child_anew;
static const struct ike_child_cfg *child_anew_ptr = &child_anew;

/* One side is configured anew: its SAs live on under the new configuration. */
static void change_apply(struct pair *p, int side, const struct change *c)
{
	struct pair_side *s = &p->side[side];

	conn_anew = s->conn;
	child_anew = s->child[0];
	conn_anew.name = "anew";
	conn_anew.children = &child_anew_ptr;
	if (c->esp) {
		child_anew.n_proposals = 0;
		pair_proposal(child_anew.proposals, &child_anew.n_proposals, IKE_PROTO_ESP, c->esp);
	}
	if (c->ike) {
		conn_anew.n_proposals = 0;
		pair_proposal(conn_anew.proposals, &conn_anew.n_proposals, IKE_PROTO_IKE, c->ike);
	}
	if (c->ts)
		pair_ts(&child_anew.local_ts[0], "10.0.0.0", "10.255.255.255", 0, 0, 65535);
	child_anew.per_resource = c->resource;
	assert_int_equal(ike_conn_add(s->ike, &conn_anew), 0);
	ike_conn_replace(s->ike, &s->conn, &conn_anew);
	s->conn_now = &conn_anew;
}

/*
 * Then its own rekeys are regular, those of its peer are refused and tried again the regular way, once; and the one
 * after that is optimized again.
 */
static void test_changes(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < 4 * sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i / 4];
		int changed = i & 1 ? B : A, by = i & 2 ? B : A;
		uint64_t asks;

		optimized_config(&p);
		optimized_begin(&p);
		change_apply(&p, changed, c);
		asks = pair_counters(&p.side[by]).create_child_out_req;
		rekey(&p, by);
		assert_int_equal(newest(&p, A)->optimized, !c->child_changes);
		assert_int_equal(newest(&p, B)->optimized, !c->child_changes);
		assert_int_equal(pair_counters(&p.side[by]).optimized_refused, c->child_changes && by != changed);
		assert_int_equal(pair_counters(&p.side[by]).create_child_out_req - asks,
				 1 + (c->child_changes && by != changed));
		rekey(&p, !by);
		assert_true(newest(&p, A)->optimized);
		assert_true(newest(&p, B)->optimized);

		asks = pair_counters(&p.side[by]).create_child_out_req;
		sa_rekey_begin(&p, by);
		pair_run(&p);
		assert_int_equal(p.side[A].sas_rekeyed, 1);
		assert_int_equal(p.side[B].sas_rekeyed, 1);
		assert_int_equal(pair_counters(&p.side[by]).create_child_out_req - asks,
				 1 + (c->sa_changes && by != changed));
		sa_rekey_begin(&p, !by);
		assert_string_equal(look(&p, !by), "[ N(OPT_REKEY) No KE ]");
		pair_run(&p);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* ---- messages that are wrong ---- */

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

static uint16_t answered(struct pair *p, int from)
{
	const struct ike_payload *error;
	struct ike_message m;

	pair_look(p, from, &m);
	error = ike_message_error(&m);
	return error ? error->u.notify.kind : 0;
}

static void test_wrong_child_requests(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(child_requests) / sizeof(child_requests[0]); i++) {
		struct wrong w = child_requests[i].w;
		uint16_t notify = child_requests[i].notify;

		optimized_config(&p);
		child_proposals(&p, w.pfs ? "aes128gcm16-x25519" : "aes128gcm16");
		optimized_begin(&p);
		rekey_begin(&p, A);
		pair_rewrite(&p, A, wrong_apply, &w);
		pair_step(&p, A);
		if (answered(&p, B) != notify)
			fail_msg("%s: B answers %u", child_requests[i].what, answered(&p, B));
		pair_run(&p);
		if (notify == IKE_N_NO_PROPOSAL_CHOSEN) { /* A finds its way */
			assert_int_equal(pair_counters(&p.side[A]).optimized_refused, 1);
			assert_false(newest(&p, A)->optimized);
			pair_check(&p);
			rekey(&p, B);
			assert_true(newest(&p, A)->optimized);
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
		child_proposals(&p, w.pfs ? "aes128gcm16-x25519" : "aes128gcm16");
		optimized_begin(&p);
		old = last(&p, A);
		rekey_begin(&p, A);
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
			assert_true(newest(&p, B)->optimized);
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
		sa_rekey_begin(&p, A);
		pair_rewrite(&p, A, wrong_apply, &w);
		pair_step(&p, A);
		if (answered(&p, B) != (sa_requests[i].accepted ? 0 : IKE_N_NO_PROPOSAL_CHOSEN))
			fail_msg("%s: B answers %u", sa_requests[i].what, answered(&p, B));
		pair_run(&p);
		assert_int_equal(p.side[A].sas_rekeyed, 1);
		assert_int_equal(p.side[B].sas_rekeyed, 1);
		assert_int_equal(pair_counters(&p.side[A]).optimized_refused, !sa_requests[i].accepted);
		rekey(&p, B);
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
		sa_rekey_begin(&p, A);
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
			sa_rekey_begin(&p, A);
		else
			rekey_begin(&p, A);
		pair_step(&p, A);
		assert_int_equal(answered(&p, B), kind == 2 ? IKE_N_INVALID_SYNTAX : IKE_N_NO_PROPOSAL_CHOSEN);
		pair_run(&p);
		if (kind == 0)
			assert_int_equal(p.side[A].sas_rekeyed, 1);
		if (kind == 1)
			assert_false(newest(&p, A)->optimized);
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
	c = ike_child_by_id(p.side[A].ike, last(&p, A)->id);
	c->in_auth = false; /* A thinks otherwise */
	rekey_begin(&p, A);
	pair_step(&p, A);
	assert_int_equal(answered(&p, B), IKE_N_NO_PROPOSAL_CHOSEN);
	pair_run(&p);
	pair_check(&p);
	assert_int_equal(pair_live(&p.side[A]), 1);
	assert_false(newest(&p, A)->optimized);
	pair_check_empty(&p);
	pair_end(&p);
}

/* Count-based SAs in an optimized rekey: the entry is for the inherited cipher, and only that. */
static void test_count(void **state)
{
	const struct ike_payload *n;
	struct ike_count_entry e;
	struct ike_message m;
	struct pair p;

	(void)state;
	optimized_config(&p);
	for (int side = A; side <= B; side++) {
		p.side[side].conn.count_sa = true;
		p.side[side].range = (struct ike_count_range){.min = 10, .max = 1000};
		p.side[side].range_256 = (struct ike_count_range){.min = 20, .max = 2000};
	}
	child_proposals(&p, "chacha20poly1305-aes256gcm16-aes128gcm16");
	p.side[B].child[0].n_proposals = 0;
	pair_proposal(p.side[B].child[0].proposals, &p.side[B].child[0].n_proposals, IKE_PROTO_ESP, "aes256gcm16");
	pair_force_values(&p.side[A], 3, 1, 1, 3);
	pair_force_values(&p.side[B], 3, 2, 2, 2);
	optimized_begin(&p);
	assert_int_equal(newest(&p, A)->count.rekeyer, IKE_REKEYER_THEM);
	rekey_begin(&p, A);
	assert_string_equal(look(&p, A), "[ N(REKEY_SA) N(OPT_REKEY) No N(COUNT_PROP) ]");
	pair_look(&p, A, &m);
	n = ike_message_notify(&m, IKE_N_COUNT_BASED_SA_PROPOSED);
	assert_int_equal(n->data_len, IKE_COUNT_ENTRY_LEN);
	assert_true(ike_count_entry_decode(n, 0, &e));
	assert_int_equal(e.encr, IKE_ENCR_AES_GCM_16);
	assert_int_equal(e.min, 20); /* one key length now, so the range is its own */
	assert_int_equal(e.max, 2000);
	pair_step(&p, A);
	assert_string_equal(look(&p, B), "[ N(OPT_REKEY) No N(COUNT_SEL) ]");
	pair_run(&p);
	assert_true(newest(&p, A)->optimized);
	assert_int_equal(newest(&p, A)->count.rekeyer, IKE_REKEYER_US);
	assert_int_equal(newest(&p, B)->count.rekeyer, IKE_REKEYER_THEM);
	assert_int_equal(newest(&p, B)->count.bytes, 2000);
	pair_check_empty(&p);
	pair_end(&p);
}

static void test_loss(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int seed = 1; seed <= 30; seed++) {
		optimized_config(&p);
		p.prng = prng_init(seed);
		child_proposals(&p, seed & 1 ? "aes128gcm16" : "aes128gcm16-x25519");
		optimized_begin(&p);
		p.loss_percent = 25;
		p.dup_percent = 10;
		p.reorder = true;
		for (int round = 0; round < 6; round++) {
			if (round % 3 == 2)
				sa_rekey_begin(&p, round & 1);
			else
				rekey_begin(&p, round & 1);
			pair_pass(&p, 90 * SEC);
			pair_check(&p);
			assert_int_equal(pair_live(&p.side[A]), 1);
			assert_true(newest(&p, A)->optimized);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_fresh_keys),
		cmocka_unit_test(test_heirs),
		cmocka_unit_test(test_created),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_wrong_child_requests),
		cmocka_unit_test(test_wrong_child_answers),
		cmocka_unit_test(test_wrong_sa_requests),
		cmocka_unit_test(test_wrong_sa_answers),
		cmocka_unit_test(test_not_agreed),
		cmocka_unit_test(test_initial),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
