/* SPDX-License-Identifier: MIT */
/* What happens to SAs over time: PFS, resources, bounds, lifetimes, liveness, refusals, changes of configuration. */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/message.h"
#include "ike/engine.h"

static void create(struct pair *p, int side)
{
	struct pair_side *s = &p->side[side];

	assert_int_equal(ike_child_create(s->ike, p->now, s->sa, &s->child[0], NULL, 0, NULL), 0);
	pair_run(p);
}

static struct pair_child *last(struct pair *p, int side)
{
	return TAILQ_LAST(&p->side[side].children, pair_children);
}

static void test_pfs(void **state)
{
	static const struct {
		const char *a, *b;
		uint16_t group; /* 0: none; 1: refused */
		unsigned int requests;
	} rows[] = {
		{"aes128gcm16-x25519", "aes128gcm16-x25519", 31, 1},
		{"aes256gcm16-ecp256-esn", "aes256gcm16-ecp256-esn", 19, 1},
		{"aes128gcm16-x25519-ecp256", "aes128gcm16-ecp256", 19, 2}, /* INVALID_KE_PAYLOAD, then right */
		{"aes128gcm16-x25519", "aes128gcm16-ecp256", 1, 1},
		{"aes128gcm16-x25519", "aes128gcm16", 1, 1},
		{"aes128gcm16", "aes128gcm16-x25519", 1, 1},
		{"aes128-sha256-modp2048", "aes128-sha256-modp2048", 14, 1},
		{"aes256-sha512", "aes256-sha512", 0, 1},
		{"chacha20poly1305", "chacha20poly1305", 0, 1},
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair_config(&p);
		p.side[A].child[0].n_proposals = p.side[B].child[0].n_proposals = 0;
		pair_proposal(p.side[A].child[0].proposals, &p.side[A].child[0].n_proposals, IKE_PROTO_ESP, rows[i].a);
		pair_proposal(p.side[B].child[0].proposals, &p.side[B].child[0].n_proposals, IKE_PROTO_ESP, rows[i].b);
		pair_start(&p);
		pair_up(&p); /* the first one has no KE in any case */
		create(&p, A);
		assert_int_equal(pair_counters(&p.side[A]).create_child_out_req, rows[i].requests);
		if (rows[i].group == 1) {
			assert_int_equal(last(&p, A)->why, IKE_DOWN_REFUSED);
			assert_int_equal(last(&p, A)->notify, IKE_N_NO_PROPOSAL_CHOSEN);
		} else {
			assert_int_equal(ike_child_get(p.side[A].ike, last(&p, A)->id)->ke, rows[i].group);
			assert_int_equal(ike_child_get(p.side[B].ike, last(&p, B)->id)->ke, rows[i].group);
			for (int n = A; n <= B; n++) { /* the group that was found is the one a rekey starts with */
				uint64_t before = pair_counters(&p.side[n]).create_child_out_req;

				assert_int_equal(ike_child_rekey(p.side[n].ike, p.now, last(&p, n)->id, NULL), 0);
				pair_run(&p);
				assert_int_equal(pair_counters(&p.side[n]).create_child_out_req, before + 1);
				pair_check(&p);
			}
		}
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* RFC 9611: asked for and echoed, or an ordinary SA; replacements inherit it; bounds are told with TS_MAX_QUEUE. */
static void test_resource(void **state)
{
	struct pair p;

	(void)state;
	for (int who = 0; who < 4; who++) {
		bool both = who == 3;

		pair_config(&p);
		p.side[A].child[0].per_resource = who & 1;
		p.side[B].child[0].per_resource = who & 2;
		p.side[A].conn.children_max = p.side[B].conn.children_max = 3;
		pair_start(&p);
		pair_up(&p);
		assert_int_equal(ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[0],
						  (const uint8_t *)"queue", 5, NULL),
				 0);
		pair_run(&p);
		for (int n = A; n <= B; n++)
			assert_int_equal(ike_child_get(p.side[n].ike, last(&p, n)->id)->resource, both);
		assert_int_equal(last(&p, B)->resource, both);
		assert_int_equal(ike_child_rekey(p.side[B].ike, p.now, last(&p, B)->id, NULL), 0);
		pair_run(&p);
		for (int n = A; n <= B; n++)
			assert_int_equal(ike_child_get(p.side[n].ike, last(&p, n)->id)->resource, both);
		create(&p, A);
		p.side[A].conn.children_max = 100; /* A would go on */
		create(&p, A);
		assert_int_equal(last(&p, A)->why, IKE_DOWN_REFUSED);
		assert_int_equal(last(&p, A)->notify, who & 1 ? IKE_N_TS_MAX_QUEUE : IKE_N_NO_ADDITIONAL_SAS);
		assert_int_equal(pair_counters(&p.side[B]).children_max_refused, 1);
		p.side[B].refuse = IKE_N_TS_MAX_QUEUE;
		p.side[B].conn.children_max = 100;
		create(&p, A);
		assert_int_equal(last(&p, A)->notify, IKE_N_TS_MAX_QUEUE);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void test_own_refusal(void **state)
{
	struct pair_side *a;
	struct pair p;
	uint32_t sa;

	(void)state;
	pair_config(&p);
	pair_start(&p);
	a = &p.side[A];
	a->refuse = IKE_N_TEMPORARY_FAILURE;
	assert_int_equal(ike_initiate(a->ike, p.now, &a->conn, NULL, NULL, &sa), -EAGAIN);
	assert_false(pair_waiting(&p, A));
	a->refuse = 0;
	pair_up(&p);
	a->refuse = IKE_N_NO_ADDITIONAL_SAS;
	assert_int_equal(ike_child_create(a->ike, p.now, a->sa, &a->child[0], NULL, 0, NULL), -EAGAIN);
	assert_int_equal(ike_child_rekey(a->ike, p.now, pair_child_at(a, 0)->id, NULL), -EAGAIN);
	a->refuse = 0;
	assert_int_equal(ike_child_rekey(a->ike, p.now, pair_child_at(a, 0)->id, NULL), 0); /* not stuck */
	pair_run(&p);
	assert_int_equal(ike_child_create(a->ike, p.now, 4711, &a->child[0], NULL, 0, NULL), -ENOENT);
	assert_int_equal(ike_child_rekey(a->ike, p.now, 4711, NULL), -ENOENT);
	assert_int_equal(ike_child_delete(a->ike, p.now, 4711), -ENOENT);
	assert_int_equal(ike_sa_delete(a->ike, p.now, 4711), -ENOENT);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

/* B's card refuses the replacement: the old one stays, and may be tried again. */
static void test_rekey_refused(void **state)
{
	struct pair_child *old;
	struct pair p;

	(void)state;
	for (int who = A; who <= B; who++) {
		pair_begin(&p);
		old = pair_child_at(&p.side[A], 0);
		p.side[who].install_err = -EBUSY;
		assert_int_equal(ike_child_rekey(p.side[A].ike, p.now, old->id, NULL), 0);
		pair_run(&p);
		assert_false(old->down);
		assert_true(last(&p, A)->down);
		assert_int_equal(last(&p, A)->notify, who == B ? IKE_N_TEMPORARY_FAILURE : 0);
		assert_int_equal(last(&p, A)->why, who == B ? IKE_DOWN_REFUSED : IKE_DOWN_INSTALL);
		pair_check(&p);
		p.side[who].install_err = 0;
		assert_int_equal(ike_child_rekey(p.side[B].ike, p.now, pair_child_at(&p.side[B], 0)->id, NULL), 0);
		pair_run(&p);
		assert_true(old->down);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void test_lifetimes(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	pair_config(&p);
	p.side[A].conn.rekey_time_ns = 3600 * SEC;
	p.side[A].conn.rand_time_ns = 360 * SEC;
	p.side[A].conn.over_time_ns = 300 * SEC;
	pair_start(&p);
	pair_up(&p);
	assert_true(ike_sa_get(p.side[A].ike, p.side[A].sa, &info));
	assert_true(info.rekey_ns >= p.now + 3240 * SEC && info.rekey_ns <= p.now + 3600 * SEC);
	assert_int_equal(info.expire_ns, p.now + 3900 * SEC);
	pair_pass(&p, 24 * 3600 * SEC);
	assert_in_range(p.side[A].sas_rekeyed, 24, 27);
	assert_int_equal(p.side[A].sas_rekeyed, p.side[B].sas_rekeyed);
	assert_int_equal(p.side[A].sas_down, p.side[A].sas_rekeyed);
	pair_check(&p);
	/* a peer that refuses every rekey: the hard lifetime ends it */
	p.side[B].conn.n_proposals = 0;
	pair_proposal(p.side[B].conn.proposals, &p.side[B].conn.n_proposals, IKE_PROTO_IKE,
		      "aes256gcm16-prfsha256-ecp256");
	pair_pass(&p, 3901 * SEC);
	assert_int_equal(p.side[A].sa_why, IKE_DOWN_EXPIRED);
	assert_int_equal(p.side[B].sa_why, IKE_DOWN_PEER);
	assert_int_equal(pair_live(&p.side[A]), 0);
	assert_int_equal(pair_live(&p.side[B]), 0);
	pair_end(&p);
}

static void test_liveness(void **state)
{
	struct pair p;

	(void)state;
	pair_config(&p);
	p.side[A].conn.dpd_delay_ns = 30 * SEC;
	pair_start(&p);
	pair_up(&p);
	p.sent[A] = 0;
	pair_pass(&p, 301 * SEC);
	assert_in_range(p.sent[A], 9, 10);
	assert_int_equal(pair_counters(&p.side[A]).info_in_resp, p.sent[A]);
	p.sent[A] = 0;
	for (int i = 0; i < 30; i++) { /* ESP traffic is life enough */
		pair_pass(&p, 10 * SEC);
		ike_sa_alive(p.side[A].ike, p.now, p.side[A].sa);
	}
	assert_int_equal(p.sent[A], 0);
	p.deaf[B] = true;
	pair_pass(&p, 400 * SEC);
	assert_int_equal(p.side[A].sas_down, 1);
	assert_int_equal(p.side[A].sa_why, IKE_DOWN_TIMEOUT);
	pair_end(&p);
}

/* Sends any protected message from A, as its peer B would get it, with the payloads that the builder adds. */
static struct pair_datagram *craft(struct pair *p, uint8_t exchange, void (*payloads)(struct ike_builder *b, void *arg),
				   void *arg)
{
	struct ike_sa *sa = ike_sa_by_id(p->side[A].ike, p->side[A].sa);
	struct ike_builder b;
	struct ike_buf *buf;

	ike_send_start(sa, &b, exchange, false, sa->win.next);
	payloads(&b, arg);
	buf = ike_send_seal(sa, &b);
	assert_non_null(buf);
	ike_sa_emit(sa, buf);
	free(buf);
	return pair_take(p, A);
}

static void two_deletes(struct ike_builder *b, void *arg)
{
	uint8_t spis[12] = {0};
	uint32_t *spi = arg;

	put_be32(spis, spi[0]);
	put_be32(spis + 4, 0x12345678); /* not there */
	put_be32(spis + 8, spi[1]);
	ike_build_delete(b, IKE_PROTO_ESP, 4, spis, 3);
	ike_build_notify(b, 0, NULL, 0, 40961, "?", 1); /* a status nobody knows */
	ike_build_notify(b, 0, NULL, 0, 8192, NULL, 0); /* and an error */
}

static void test_delete_several(void **state)
{
	struct ike_message m;
	struct ike_parse_error err;
	struct pair_datagram *d;
	uint32_t spi[2];
	struct pair p;

	(void)state;
	pair_begin(&p);
	create(&p, A);
	create(&p, A);
	spi[0] = pair_child_at(&p.side[A], 0)->spi_in;
	spi[1] = pair_child_at(&p.side[A], 2)->spi_in;
	d = craft(&p, IKE_X_INFORMATIONAL, two_deletes, spi);
	pair_deliver(&p, d);
	assert_int_equal(pair_live(&p.side[B]), 1);
	d = pair_take(&p, B);
	{
		struct ike_sa *sa = ike_sa_by_id(p.side[A].ike, p.side[A].sa);
		const struct ike_payload *del;

		assert_int_equal(ike_message_parse(d->bytes, d->len, &m, &err), 0);
		assert_int_equal(ike_message_open(sa->ike->crypto, &sa->suite, &sa->key_in, d->bytes, &m, &err), 0);
		del = ike_message_find(&m, IKE_P_DELETE);
		assert_non_null(del);
		assert_int_equal(del->u.del.count, 2);
	}
	pair_drop(d);
	pair_end(&p);
}

static void critical(struct ike_builder *b, void *arg)
{
	struct ike_payload p = {.type = IKE_P_VENDOR, .data = (const uint8_t *)"?", .data_len = 1};

	(void)arg;
	ike_build_payload(b, &p);
}

static void bad_syntax(struct ike_builder *b, void *arg)
{
	(void)arg;
	ike_build_nonce(b, (const uint8_t *)"short", 5);
}

/* A malformed request that is authentic: INVALID_SYNTAX, and both ends give up (RFC 7296 2.21.3). */
static void test_invalid_syntax(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p);
	pair_deliver(&p, craft(&p, IKE_X_INFORMATIONAL, critical, NULL)); /* a vendor id does no harm */
	pair_run(&p);
	assert_int_equal(p.side[B].sas_down, 0);
	pair_end(&p);

	pair_begin(&p);
	pair_deliver(&p, craft(&p, IKE_X_CREATE_CHILD_SA, bad_syntax, NULL));
	assert_int_equal(p.side[B].sas_down, 1);
	assert_int_equal(p.side[B].sa_why, IKE_DOWN_PROTOCOL);
	assert_int_equal(pair_live(&p.side[B]), 0);
	pair_end(&p);
}

static void test_conn_replace(void **state)
{
	const struct ike_child_cfg *children[2];
	struct ike_child_cfg child;
	struct ike_conn_cfg conn;
	struct pair_side *a;
	struct pair p;

	(void)state;
	pair_config(&p);
	p.side[A].conn.n_children = p.side[B].conn.n_children = 2;
	pair_ts(&p.side[A].child[1].local_ts[0], "10.9.0.0", "10.9.0.255", 0, 0, 65535);
	pair_ts(&p.side[B].child[1].remote_ts[0], "10.9.0.0", "10.9.0.255", 0, 0, 65535);
	pair_start(&p);
	pair_up(&p);
	a = &p.side[A];
	assert_int_equal(ike_child_create(a->ike, p.now, a->sa, &a->child[1], NULL, 0, NULL), 0);
	pair_run(&p);
	assert_int_equal(pair_live(a), 2);
	conn = a->conn;
	child = a->child[0];
	children[0] = &child;
	conn.children = children;
	conn.n_children = 1; /* net2 is dropped */
	assert_int_equal(ike_conn_add(a->ike, &a->conn), -EEXIST);
	ike_conn_remove(a->ike, &a->conn);
	assert_true(ike_conn_in_use(a->ike, &a->conn));
	assert_int_equal(ike_conn_add(a->ike, &conn), 0);
	a->conn_now = &conn;
	ike_conn_replace(a->ike, &a->conn, &conn);
	assert_false(ike_conn_in_use(a->ike, &a->conn));
	assert_true(ike_conn_in_use(a->ike, &conn));
	pair_run(&p);
	assert_int_equal(pair_live(a), 1);
	assert_ptr_equal(ike_child_get(a->ike, pair_child_at(a, 0)->id)->cfg, &child);
	assert_ptr_equal(ike_child_get(a->ike, pair_child_at(a, 0)->id)->conn, &conn);
	pair_check(&p);
	ike_sa_delete(a->ike, p.now, a->sa);
	pair_run(&p);
	assert_false(ike_conn_in_use(a->ike, &conn));
	ike_conn_remove(a->ike, &conn);
	pair_end(&p);
}

/* Deleting the IKE SA from inside its own events. */
static void test_delete_before_it_is_up(void **state)
{
	struct pair p;

	(void)state;
	for (int steps = 0; steps < 4; steps++) {
		pair_config(&p);
		pair_start(&p);
		pair_initiate(&p, A);
		for (int i = 0; i < steps; i++)
			pair_step(&p, i & 1);
		assert_int_equal(ike_sa_delete(p.side[A].ike, p.now, p.side[A].sa), 0);
		pair_pass(&p, 300 * SEC);
		assert_int_equal(p.side[A].sas_down, 1);
		assert_int_equal(p.side[A].sa_why, IKE_DOWN_LOCAL);
		assert_int_equal(p.side[B].sas_up, p.side[B].sas_down);
		assert_int_equal(p.side[A].reserves, p.side[A].downs);
		assert_int_equal(p.side[B].reserves, p.side[B].downs);
		assert_int_equal(pair_counters(&p.side[B]).half_open, 0);
		pair_end(&p);
	}
}

static void test_wireshark_row(void **state)
{
	char a[1000], b[1000];
	struct pair p;

	(void)state;
	pair_begin(&p);
	assert_int_equal(ike_sa_wireshark_row(p.side[A].ike, p.side[A].sa, a, sizeof(a)), 0);
	assert_int_equal(ike_sa_wireshark_row(p.side[B].ike, p.side[B].sa, b, sizeof(b)), 0);
	assert_string_equal(a, b);
	assert_non_null(strstr(a, ",\"AES-GCM-128 with 16 octet ICV [RFC5282]\",,,\"NONE [RFC4306]\""));
	assert_int_equal(strlen(a),
			 16 + 1 + 16 + 1 + 40 + 1 + 40 +
				 strlen(",\"AES-GCM-128 with 16 octet ICV [RFC5282]\",,,\"NONE [RFC4306]\""));
	assert_int_equal(ike_sa_wireshark_row(p.side[A].ike, p.side[A].sa, a, 50), -ENOSPC);
	pair_end(&p);
}

/* Ten thousand IKE SAs between the two, then all of them gone. */
static void test_many_sas(void **state)
{
	enum { SAS = 10000 };
	struct ike_counters c;
	struct pair p;

	(void)state;
	pair_config(&p);
	p.settings.half_open_per_ip = 100;
	pair_start(&p);
	for (int i = 0; i < SAS; i++) {
		pair_initiate(&p, A);
		pair_run(&p);
	}
	c = pair_counters(&p.side[B]);
	assert_int_equal(c.sas, SAS);
	assert_int_equal(c.children, SAS);
	assert_int_equal(c.half_open, 0);
	for (uint32_t id = 1; id <= SAS; id++) {
		assert_int_equal(ike_sa_delete(p.side[A].ike, p.now, id), 0);
		pair_run(&p);
	}
	c = pair_counters(&p.side[B]);
	assert_int_equal(c.sas, 0);
	assert_int_equal(c.children, 0);
	pair_pass(&p, 400 * SEC);
	assert_int_equal(ike_next(p.side[B].ike), UINT64_MAX);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pfs),
		cmocka_unit_test(test_resource),
		cmocka_unit_test(test_own_refusal),
		cmocka_unit_test(test_rekey_refused),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_delete_several),
		cmocka_unit_test(test_invalid_syntax),
		cmocka_unit_test(test_conn_replace),
		cmocka_unit_test(test_delete_before_it_is_up),
		cmocka_unit_test(test_wireshark_row),
		cmocka_unit_test(test_many_sas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
