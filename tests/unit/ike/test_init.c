/* SPDX-License-Identifier: MIT */
/* IKE_SA_INIT and IKE_AUTH: groups, who may come in, and what the first messages may go through. */
#include "pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "ike/message.h"

static void test_groups(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned int datagrams; /* 0: no IKE SA */
	} rows[] = {
		{"aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519", 4},
		{"aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384-ecp384", 4},
		{"chacha20poly1305-prfsha256-x25519", "chacha20poly1305-prfsha256-x25519", 4},
		{"aes128-sha256-modp2048", "aes128-sha256-modp2048", 4},
		{"aes256-sha512-prfsha512-modp3072", "aes256-sha512-prfsha512-modp3072", 4},
		{"aes128gcm16-prfsha256-x25519-ecp256", "aes128gcm16-prfsha256-ecp256-x25519", 4},
		{"aes128gcm16-prfsha256-x25519-ecp256-modp2048", "aes128gcm16-prfsha256-modp2048", 6},
		{"aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-ecp256", 0},
		{"aes128gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-x25519", 0},
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair_config(&p);
		p.side[A].conn.n_proposals = p.side[B].conn.n_proposals = 0;
		pair_proposal(p.side[A].conn.proposals, &p.side[A].conn.n_proposals, IKE_PROTO_IKE, rows[i].a);
		pair_proposal(p.side[B].conn.proposals, &p.side[B].conn.n_proposals, IKE_PROTO_IKE, rows[i].b);
		pair_start(&p);
		if (rows[i].datagrams) {
			pair_up(&p);
			assert_int_equal(p.datagrams, rows[i].datagrams);
			for (int n = A; n <= B; n++) { /* the group that was agreed on is used at once */
				assert_int_equal(ike_sa_rekey(p.side[n].ike, p.now, p.side[n].sa), 0);
				pair_run(&p);
				pair_check(&p);
			}
			assert_int_equal(pair_counters(&p.side[A]).create_child_out_req, 1);
		} else { /* unprotected, so not believed: A goes on trying until it gives up */
			pair_initiate(&p, A);
			pair_pass(&p, 20 * SEC);
			assert_int_equal(p.side[A].sas_down, 0);
			pair_pass(&p, 600 * SEC);
			assert_int_equal(p.side[A].sas_down, 1);
			assert_int_equal(p.side[A].sa_why, IKE_DOWN_TIMEOUT);
			assert_int_equal(p.side[A].sa_notify, IKE_N_NO_PROPOSAL_CHOSEN);
			assert_int_equal(p.side[A].downs, 1);
		}
		pair_end(&p);
	}
}

static void test_psk(void **state)
{
	struct pair p;

	(void)state;
	for (int missing = 0; missing < 3; missing++) {
		pair_config(&p);
		p.side[missing & 1].psk = missing ? NULL : "another";
		if (missing == 2)
			p.side[B].psk = NULL;
		pair_start(&p);
		pair_initiate(&p, A);
		pair_run(&p);
		assert_int_equal(p.side[A].sas_up, 0);
		assert_int_equal(p.side[B].sas_up, 0);
		assert_int_equal(p.side[A].sas_down, 1);
		assert_int_equal(p.side[A].sa_why, IKE_DOWN_AUTH);
		assert_int_equal(p.side[A].downs, 1);
		assert_int_equal(p.side[B].reserves, 0);
		pair_pass(&p, 60 * SEC);
		assert_int_equal(pair_counters(&p.side[B]).half_open, 0);
		assert_int_equal(ike_next(p.side[B].ike), UINT64_MAX);
		pair_end(&p);
	}
}

static void test_identities(void **state)
{
	static const struct {
		const char *a_own, *a_wants, *b_own, *b_wants; /* NULL: not configured */
		bool up;
	} rows[] = {
		{"a", "b", "b", "a", true},     {"a", NULL, "b", "a", true}, {"a", "b", "b", NULL, true},
		{NULL, NULL, NULL, NULL, true}, {"a", "c", "b", "a", false}, {"c", "b", "b", "a", false},
		{"a", NULL, "b", "c", false},
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair_config(&p);
		struct ike_id *id[] = {&p.side[A].conn.local_id, &p.side[A].conn.remote_id, &p.side[B].conn.local_id,
				       &p.side[B].conn.remote_id};
		const char *text[] = {rows[i].a_own, rows[i].a_wants, rows[i].b_own, rows[i].b_wants};

		for (int j = 0; j < 4; j++) {
			id[j]->kind = 0;
			if (text[j])
				pair_id(id[j], IKE_ID_FQDN, text[j]);
		}
		pair_start(&p);
		pair_initiate(&p, A);
		pair_run(&p);
		assert_int_equal(p.side[A].sas_up, rows[i].up);
		assert_int_equal(p.side[B].sas_up, rows[i].up);
		if (rows[i].up)
			pair_check(&p);
		else
			assert_int_equal(p.side[A].sa_why, IKE_DOWN_AUTH);
		pair_end(&p);
	}
}

/* B lies about itself: A finds out, says so, and B takes its half down. */
static void test_initiator_rejects(void **state)
{
	struct pair p;

	(void)state;
	pair_config(&p);
	p.side[A].conn.remote_id.kind = 0; /* no IDr in the request ... */
	pair_start(&p);
	pair_initiate(&p, A);
	pair_step(&p, A);
	pair_step(&p, B);
	pair_id(&p.side[A].conn.remote_id, IKE_ID_FQDN, "c.example"); /* ... and a demand after it has left */
	pair_run(&p);
	assert_int_equal(p.side[A].sas_up, 0);
	assert_int_equal(p.side[A].sa_why, IKE_DOWN_AUTH);
	assert_int_equal(p.side[B].sas_up, 1);
	assert_int_equal(p.side[B].sas_down, 1);
	assert_int_equal(p.side[B].sa_why, IKE_DOWN_AUTH);
	assert_int_equal(p.side[B].downs, 1);
	pair_end(&p);
}

/* The first Child SA cannot be had: the IKE SA is up all the same, on both sides. */
static void test_child_fails_in_auth(void **state)
{
	struct pair p;

	(void)state;
	for (int why = 0; why < 4; why++) {
		static const uint16_t notify[] = {IKE_N_NO_PROPOSAL_CHOSEN, IKE_N_TS_UNACCEPTABLE,
						  IKE_N_NO_ADDITIONAL_SAS, IKE_N_NO_ADDITIONAL_SAS};

		pair_config(&p);
		if (why == 0) {
			p.side[B].child[0].n_proposals = 0;
			pair_proposal(p.side[B].child[0].proposals, &p.side[B].child[0].n_proposals, IKE_PROTO_ESP,
				      "aes256gcm16");
		} else if (why == 1) {
			pair_ts(&p.side[B].child[0].local_ts[0], "10.9.0.0", "10.9.0.255", 0, 0, 65535);
		} else if (why == 2) {
			p.side[B].refuse = IKE_N_NO_ADDITIONAL_SAS;
		} else {
			p.side[B].install_err = -ENOSPC;
		}
		pair_start(&p);
		pair_initiate(&p, A);
		pair_run(&p);
		assert_int_equal(p.side[A].sas_up, 1);
		assert_int_equal(p.side[B].sas_up, 1);
		assert_int_equal(p.side[A].sas_down, 0);
		assert_int_equal(pair_live(&p.side[A]), 0);
		assert_int_equal(TAILQ_FIRST(&p.side[A].children)->why, IKE_DOWN_REFUSED);
		assert_int_equal(TAILQ_FIRST(&p.side[A].children)->notify, notify[why]);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* A repeated IKE_SA_INIT request gets the same answer; one that has long been used is ignored. */
static void test_init_repeated(void **state)
{
	struct pair_datagram *ask, *one, *two;
	struct pair p;

	(void)state;
	pair_config(&p);
	pair_start(&p);
	pair_initiate(&p, A);
	ask = pair_take(&p, A);
	pair_deliver_copy(&p, ask);
	pair_deliver_copy(&p, ask);
	one = pair_take(&p, B);
	two = pair_take(&p, B);
	assert_int_equal(one->len, two->len);
	assert_memory_equal(one->bytes, two->bytes, one->len);
	assert_int_equal(pair_counters(&p.side[B]).half_open, 1);
	pair_deliver(&p, one);
	pair_deliver(&p, two);
	pair_run(&p);
	assert_int_equal(p.side[A].sas_up, 1);
	pair_deliver(&p, ask);
	assert_false(pair_waiting(&p, B));
	pair_check(&p);
	pair_end(&p);
}

static void test_initial_contact(void **state)
{
	struct pair p;
	uint32_t first;

	(void)state;
	pair_begin(&p);
	first = p.side[B].sa;
	pair_initiate(&p, A); /* a second one: A knows of the first, so it does not claim to be alone */
	pair_run(&p);
	assert_int_equal(p.side[B].sas_up, 2);
	assert_int_equal(p.side[B].sas_down, 0);
	/* A restarts and has forgotten all */
	pair_restart(&p, A);
	pair_initiate(&p, A);
	pair_run(&p);
	assert_int_equal(p.side[B].sas_up, 3);
	assert_int_equal(p.side[B].sas_down, 2);
	assert_int_equal(p.side[B].sa_why, IKE_DOWN_DUPLICATE);
	assert_int_not_equal(p.side[B].sa, first);
	pair_check(&p);
	pair_end(&p);
}

/* Both start at once: whatever the order, what one side holds the other side holds, too. */
static void test_both_initiate(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	for (unsigned int seed = 0; seed < 64; seed++) {
		unsigned int live;

		pair_config(&p);
		p.prng = prng_init(seed);
		pair_start(&p);
		pair_initiate(&p, A);
		pair_initiate(&p, B);
		p.reorder = true;
		p.loss_percent = seed % 3 * 10;
		pair_pass(&p, 400 * SEC);
		live = pair_live(&p.side[A]);
		assert_true(live == 1 || live == 2);
		assert_int_equal(pair_live(&p.side[B]), live);
		assert_int_equal(pair_counters(&p.side[A]).sas, live);
		assert_int_equal(pair_counters(&p.side[B]).sas, live);
		for (unsigned int i = 0; i < live; i++) {
			struct pair_child *c = pair_child_at(&p.side[A], i);

			assert_false(pair_by_spi_in(&p.side[B], c->spi_out)->down);
			assert_true(ike_sa_get(p.side[A].ike, ike_child_get(p.side[A].ike, c->id)->ike_sa, &info));
			assert_int_equal(info.state, IKE_SA_ESTABLISHED);
		}
		pair_end(&p);
	}
}

static void test_versions(void **state)
{
	struct pair_datagram *d;
	struct pair p;

	(void)state;
	pair_config(&p);
	pair_start(&p);
	pair_initiate(&p, A);
	d = pair_take(&p, A);
	d->bytes[17] = 0x30;
	pair_deliver_copy(&p, d);
	assert_int_equal(pair_count(&p, B), 1);
	pair_step(&p, B);
	d->bytes[17] = 0x21; /* a higher minor version is fine, RFC 7296 2.5 */
	pair_deliver(&p, d);
	assert_int_equal(pair_count(&p, B), 1);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_psk),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_initiator_rejects),
		cmocka_unit_test(test_child_fails_in_auth),
		cmocka_unit_test(test_init_repeated),
		cmocka_unit_test(test_initial_contact),
		cmocka_unit_test(test_both_initiate),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
