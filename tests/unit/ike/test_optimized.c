/* SPDX-License-Identifier: MIT */
/*
 * Optimized rekeys between two engines: what is said, what is inherited, and when the regular way is taken.
 */
#include "optimized_rig.h"

#include <string.h>

#include "ike/engine.h"

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
		assert_int_equal(strstr(optimized_look(&p, A), "N(OPT_REKEY_SUP)") != NULL, a);
		pair_step(&p, A);
		assert_int_equal(strstr(optimized_look(&p, B), "N(OPT_REKEY_SUP)") != NULL, a && b);
		pair_run(&p);
		for (int n = A; n <= B; n++) {
			assert_true(ike_sa_get(p.side[n].ike, p.side[n].sa, &info));
			assert_int_equal(info.keyrack, vendor);
			assert_int_equal(info.optimized_rekey, a && b);
		}
		for (int round = 0; round < 3; round++) {
			optimized_rekey(&p, round & 1);
			for (int n = A; n <= B; n++)
				assert_int_equal(optimized_newest(&p, n)->optimized, a && b && round);
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
		optimized_proposals(&p, rows[i].esp);
		optimized_begin(&p);
		for (int side = A; side <= B; side++) {
			optimized_rekey_begin(&p, side);
			assert_string_equal(optimized_look(&p, side), rows[i].request);
			pair_step(&p, side);
			assert_string_equal(optimized_look(&p, !side), rows[i].response);
			pair_run(&p);
			pair_check(&p);
			optimized_sa_rekey_begin(&p, side);
			assert_string_equal(optimized_look(&p, side), "[ N(OPT_REKEY) No KE ]");
			pair_step(&p, side);
			assert_string_equal(optimized_look(&p, !side), "[ N(OPT_REKEY) No KE ]");
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
	optimized_rekey_begin(&p, A);
	pair_look(&p, A, &m);
	n = ike_message_notify(&m, IKE_N_OPTIMIZED_REKEY);
	put_be32(spi, optimized_last(&p, A)->spi_in);
	assert_int_equal(n->len, 8);
	assert_memory_equal(n->body, "\0\0\313\4", 4);
	assert_memory_equal(n->body + 4, spi, 4);
	assert_int_equal(ike_message_notify(&m, IKE_N_REKEY_SA)->u.notify.protocol, IKE_PROTO_ESP);
	pair_run(&p);
	optimized_sa_rekey_begin(&p, B);
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
		optimized_proposals(&p, esp[i / 4]);
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
			struct pair_child *old[2] = {optimized_last(&p, A), optimized_last(&p, B)};

			optimized_rekey_begin(&p, round & 1);
			pair_run(&p);
			for (int n = A; n <= B; n++) {
				assert_int_equal(optimized_newest(&p, n)->optimized, round > 0);
				if (round)
					check_inherited(ike_child_get(p.side[n].ike, old[n]->id),
							optimized_newest(&p, n));
				assert_int_equal(optimized_newest(&p, n)->resource, resource);
				assert_int_equal(optimized_newest(&p, n)->mode, transport);
			}
			assert_int_equal(ike_child_delete(p.side[round & 1].ike, p.now, old[round & 1]->id), 0);
			pair_run(&p);
			pair_check(&p);
			assert_int_equal(pair_live(&p.side[A]), 1);
		}
		assert_int_equal(optimized_newest(&p, A)->remote_ts[0].start_port, 80);
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
		optimized_proposals(&p, pfs ? "aes128gcm16-x25519" : "aes128gcm16");
		optimized_begin(&p);
		for (int round = 0; round < 4; round++) {
			before = optimized_last(&p, A)->keys;
			optimized_rekey(&p, round & 1);
			assert_true(optimized_newest(&p, A)->optimized);
			assert_memory_not_equal(&before.encr_in, optimized_last(&p, A)->keys.encr_in, before.encr_len);
			assert_memory_not_equal(&before.encr_out, optimized_last(&p, A)->keys.encr_out,
						before.encr_len);
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
		optimized_sa_rekey_begin(&p, round & 1);
		pair_run(&p);
		optimized_rekey(&p, round >> 1);
		assert_true(optimized_newest(&p, A)->optimized);
	}
	assert_int_equal(p.side[A].sas_rekeyed, 4);
	p.side[A].conn.optimized_rekey = false;
	optimized_rekey(&p, A);
	assert_false(optimized_newest(&p, A)->optimized);
	assert_false(optimized_newest(&p, B)->optimized);
	optimized_rekey(&p, B);
	assert_true(optimized_newest(&p, A)->optimized);
	optimized_sa_rekey_begin(&p, A);
	assert_non_null(strstr(optimized_look(&p, A), " SA "));
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
	optimized_proposals(&p, "aes128gcm16-x25519");
	pair_start(&p);
	pair_up(&p);
	assert_int_equal(ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[0], NULL, 0, NULL), 0);
	pair_run(&p);
	optimized_rekey_begin(&p, B);
	pair_run(&p);
	assert_true(optimized_newest(&p, A)->optimized);
	assert_int_equal(optimized_newest(&p, A)->ke, IKE_KE_X25519);
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
		optimized_rekey(&p, by);
		assert_int_equal(optimized_newest(&p, A)->optimized, !c->child_changes);
		assert_int_equal(optimized_newest(&p, B)->optimized, !c->child_changes);
		assert_int_equal(pair_counters(&p.side[by]).optimized_refused, c->child_changes && by != changed);
		assert_int_equal(pair_counters(&p.side[by]).create_child_out_req - asks,
				 1 + (c->child_changes && by != changed));
		optimized_rekey(&p, !by);
		assert_true(optimized_newest(&p, A)->optimized);
		assert_true(optimized_newest(&p, B)->optimized);

		asks = pair_counters(&p.side[by]).create_child_out_req;
		optimized_sa_rekey_begin(&p, by);
		pair_run(&p);
		assert_int_equal(p.side[A].sas_rekeyed, 1);
		assert_int_equal(p.side[B].sas_rekeyed, 1);
		assert_int_equal(pair_counters(&p.side[by]).create_child_out_req - asks,
				 1 + (c->sa_changes && by != changed));
		optimized_sa_rekey_begin(&p, !by);
		assert_string_equal(optimized_look(&p, !by), "[ N(OPT_REKEY) No KE ]");
		pair_run(&p);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
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
	optimized_proposals(&p, "chacha20poly1305-aes256gcm16-aes128gcm16");
	p.side[B].child[0].n_proposals = 0;
	pair_proposal(p.side[B].child[0].proposals, &p.side[B].child[0].n_proposals, IKE_PROTO_ESP, "aes256gcm16");
	pair_force_values(&p.side[A], 3, 1, 1, 3);
	pair_force_values(&p.side[B], 3, 2, 2, 2);
	optimized_begin(&p);
	assert_int_equal(optimized_newest(&p, A)->count.rekeyer, IKE_REKEYER_THEM);
	optimized_rekey_begin(&p, A);
	assert_string_equal(optimized_look(&p, A), "[ N(REKEY_SA) N(OPT_REKEY) No N(COUNT_PROP) ]");
	pair_look(&p, A, &m);
	n = ike_message_notify(&m, IKE_N_COUNT_BASED_SA_PROPOSED);
	assert_int_equal(n->data_len, IKE_COUNT_ENTRY_LEN);
	assert_true(ike_count_entry_decode(n, 0, &e));
	assert_int_equal(e.encr, IKE_ENCR_AES_GCM_16);
	assert_int_equal(e.min, 20); /* one key length now, so the range is its own */
	assert_int_equal(e.max, 2000);
	pair_step(&p, A);
	assert_string_equal(optimized_look(&p, B), "[ N(OPT_REKEY) No N(COUNT_SEL) ]");
	pair_run(&p);
	assert_true(optimized_newest(&p, A)->optimized);
	assert_int_equal(optimized_newest(&p, A)->count.rekeyer, IKE_REKEYER_US);
	assert_int_equal(optimized_newest(&p, B)->count.rekeyer, IKE_REKEYER_THEM);
	assert_int_equal(optimized_newest(&p, B)->count.bytes, 2000);
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
		optimized_proposals(&p, seed & 1 ? "aes128gcm16" : "aes128gcm16-x25519");
		optimized_begin(&p);
		p.loss_percent = 25;
		p.dup_percent = 10;
		p.reorder = true;
		for (int round = 0; round < 6; round++) {
			if (round % 3 == 2)
				optimized_sa_rekey_begin(&p, round & 1);
			else
				optimized_rekey_begin(&p, round & 1);
			pair_pass(&p, 90 * SEC);
			pair_check(&p);
			assert_int_equal(pair_live(&p.side[A]), 1);
			assert_true(optimized_newest(&p, A)->optimized);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_negotiation), cmocka_unit_test(test_shapes),     cmocka_unit_test(test_octets),
		cmocka_unit_test(test_inheritance), cmocka_unit_test(test_fresh_keys), cmocka_unit_test(test_heirs),
		cmocka_unit_test(test_created),     cmocka_unit_test(test_changes),    cmocka_unit_test(test_count),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
