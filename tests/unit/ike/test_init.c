/* SPDX-License-Identifier: MIT */
/* IKE_SA_INIT and IKE_AUTH: cookies, groups, NAT, who may come in, and everything that must not harm. */
#include "pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "ike/message.h"

static void test_cookie(void **state)
{
	struct pair p;

	(void)state;
	pair_config(&p);
	p.settings.cookie_threshold = 0;
	pair_start(&p);
	pair_up(&p);
	assert_int_equal(p.datagrams, 6);
	assert_int_equal(pair_counters(&p.side[B]).cookies_sent, 1);
	assert_int_equal(pair_counters(&p.side[B]).cookies_bad, 0);
	pair_end(&p);
}

/* RFC 7296 2.6.1: the cookie stays in the request when the group changes, so that costs one round trip and not two. */
static void test_cookie_and_group(void **state)
{
	struct pair p;

	(void)state;
	pair_config(&p);
	p.settings.cookie_threshold = 0;
	p.side[A].conn.n_proposals = p.side[B].conn.n_proposals = 0;
	pair_proposal(p.side[A].conn.proposals, &p.side[A].conn.n_proposals, IKE_PROTO_IKE,
		      "aes128gcm16-prfsha256-x25519-ecp256");
	pair_proposal(p.side[B].conn.proposals, &p.side[B].conn.n_proposals, IKE_PROTO_IKE,
		      "aes128gcm16-prfsha256-ecp256");
	pair_start(&p);
	pair_up(&p);
	assert_int_equal(p.datagrams, 8);
	assert_int_equal(pair_counters(&p.side[B]).cookies_sent, 1);
	pair_end(&p);
}

/* A cookie is good for at least one minute and not for three, and only for the address that got it. */
static void test_cookie_ages(void **state)
{
	static const struct {
		uint64_t wait;
		bool good;
	} rows[] = {{0, true}, {59 * SEC, true}, {61 * SEC, false}, {180 * SEC, false}};
	struct pair_datagram *ask;
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair_config(&p);
		p.settings.cookie_threshold = 0;
		pair_start(&p);
		pair_initiate(&p, A);
		pair_step(&p, A);
		pair_step(&p, B);
		ask = pair_take(&p, A); /* with the cookie */
		p.now += rows[i].wait;
		if (rows[i].wait > 60 * SEC && !rows[i].good) { /* others make the secret change meanwhile */
			pair_initiate(&p, A);
			pair_run(&p);
			p.now += 60 * SEC;
			pair_initiate(&p, A);
			pair_run(&p);
		}
		pair_deliver_copy(&p, ask);
		assert_int_equal(pair_counters(&p.side[B]).cookies_bad, rows[i].good ? 0 : 1);
		p.nat = true; /* the same from elsewhere */
		pair_addr(&p.nat_outside, "198.51.100.9", 0);
		pair_deliver(&p, ask);
		assert_int_equal(pair_counters(&p.side[B]).cookies_bad, rows[i].good ? 1 : 2);
		pair_end(&p);
	}
}

static void test_cookie_forged(void **state)
{
	struct pair_datagram *ask;
	struct pair p;

	(void)state;
	pair_config(&p);
	p.settings.cookie_threshold = 0;
	pair_start(&p);
	pair_initiate(&p, A);
	pair_step(&p, A);
	pair_step(&p, B);
	ask = pair_take(&p, A);
	ask->bytes[28 + 8 + 5] ^= 1; /* inside the cookie, the first payload */
	pair_deliver(&p, ask);
	assert_int_equal(pair_counters(&p.side[B]).cookies_bad, 1);
	assert_int_equal(pair_counters(&p.side[B]).half_open, 0);
	pair_run(&p); /* the answer has a new one */
	assert_int_equal(p.side[A].sas_up, 1);
	pair_end(&p);
}

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

static void test_half_open_bounds(void **state)
{
	struct ike_counters c;
	struct pair p;

	(void)state;
	pair_config(&p);
	p.settings.half_open_max = 5;
	p.settings.half_open_per_ip = 100;
	pair_start(&p);
	for (int i = 0; i < 20; i++) {
		pair_initiate(&p, A);
		pair_step(&p, A);
	}
	c = pair_counters(&p.side[B]);
	assert_int_equal(c.half_open, 5);
	assert_int_equal(c.half_open_dropped, 15);
	p.now += p.settings.half_open_ns + 1;
	ike_tick(p.side[B].ike, p.now);
	assert_int_equal(pair_counters(&p.side[B]).half_open, 0);
	assert_int_equal(p.side[B].sas_down, 0); /* its owner never heard of them */
	assert_int_equal(ike_next(p.side[B].ike), UINT64_MAX);
	pair_end(&p);

	pair_config(&p);
	p.settings.half_open_per_ip = 4;
	pair_start(&p);
	for (int i = 0; i < 20; i++)
		pair_initiate(&p, A);
	for (int i = 0; i < 20; i++)
		pair_step(&p, A);
	c = pair_counters(&p.side[B]);
	assert_int_equal(c.half_open, 2); /* from half the bound on, cookies are asked for */
	assert_int_equal(c.cookies_sent, 18);
	while (pair_waiting(&p, B)) { /* those who come back with one fill the rest */
		pair_step(&p, B);
		if (pair_waiting(&p, A) && pair_counters(&p.side[B]).half_open < 4)
			pair_drop(pair_take(&p, A));
		else if (pair_waiting(&p, A))
			pair_step(&p, A);
	}
	assert_true(pair_counters(&p.side[B]).half_open <= 4);
	pair_end(&p);
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

/* Every octet of every handshake message changed once: nothing falls over, and the real ones still lead to an IKE SA.
 */
static void test_rubbish(void **state)
{
	struct pair p;

	(void)state;
	for (int bit = 0; bit < 8; bit += 7) {
		pair_config(&p);
		p.settings.unauth_reply_rate = 5;
		pair_start(&p);
		pair_initiate(&p, A);
		for (int i = 0; i < 4; i++) {
			struct pair_datagram *d = pair_take(&p, i & 1);

			for (size_t at = 0; at < d->len; at++) {
				d->bytes[at] ^= (uint8_t)(1 << bit);
				pair_deliver_copy(&p, d);
				d->bytes[at] ^= (uint8_t)(1 << bit);
				while (pair_waiting(&p, !(i & 1)))
					pair_drop(pair_take(&p, !(i & 1)));
				if (i & 1) /* the initiator may have believed a changed answer: that one cannot */
					continue; /* be told from the real one before IKE_AUTH */
			}
			for (size_t len = 0; len < d->len; len++) { /* and cut short */
				size_t whole = d->len;

				d->len = len;
				pair_deliver_copy(&p, d);
				d->len = whole;
			}
			while (pair_waiting(&p, !(i & 1)))
				pair_drop(pair_take(&p, !(i & 1)));
			pair_deliver(&p, d);
			if (i == 0 && !pair_waiting(&p, B))
				break;
			if (!pair_waiting(&p, !(i & 1)))
				break;
		}
		pair_pass(&p, 300 * SEC);
		assert_int_equal(p.side[A].reserves - p.side[A].downs, pair_live(&p.side[A]));
		assert_int_equal(p.side[B].reserves - p.side[B].downs, pair_live(&p.side[B]));
		pair_end(&p);
	}
}

/* Nothing unprotected and nothing forged ends an IKE SA or makes it speak without bound. */
static void test_unauthenticated(void **state)
{
	uint8_t msg[64] = {0};
	struct ike_sa_info info;
	struct pair_datagram *d;
	struct ike_path path;
	uint64_t before;
	struct pair p;

	(void)state;
	pair_config(&p);
	p.settings.unauth_reply_rate = 10;
	pair_start(&p);
	pair_up(&p);
	assert_true(ike_sa_get(p.side[A].ike, p.side[A].sa, &info));
	path.local = p.side[A].conn.local;
	path.remote = p.side[A].conn.remote;
	path.local.port = path.remote.port = 500;
	for (unsigned int exchange = 34; exchange <= 38;
	     exchange++) /* an error notify in the clear with the right SPIs */
		for (unsigned int flags = 0; flags < 0x40; flags += 8) {
			struct ike_header hdr = {
				.version = 0x20, .exchange = (uint8_t)exchange, .flags = (uint8_t)flags};
			struct ike_builder b;
			int len;

			memcpy(hdr.spi_i, info.spi_i, 8);
			memcpy(hdr.spi_r, info.spi_r, 8);
			hdr.msgid = exchange & 1;
			ike_build_start(&b, msg, sizeof(msg), &hdr);
			ike_build_notify(&b, 0, NULL, 0,
					 exchange & 2 ? IKE_N_INVALID_IKE_SPI : IKE_N_AUTHENTICATION_FAILED, NULL, 0);
			len = ike_build_finish(&b);
			assert_true(len > 0);
			ike_receive(p.side[A].ike, p.now, &path, msg, (size_t)len);
		}
	pair_check(&p);
	while (pair_waiting(&p, A))
		pair_drop(pair_take(&p, A));
	p.now += SEC; /* the allowance of a new second */

	before = pair_counters(&p.side[A]).unauth_suppressed;
	for (int i = 0; i < 1000; i++) { /* requests for IKE SAs that do not exist */
		struct ike_header hdr = {.version = 0x20, .exchange = IKE_X_INFORMATIONAL, .flags = IKE_FLAG_INITIATOR};
		struct ike_builder b;
		int len;

		memset(hdr.spi_i, i % 255 + 1, 8);
		memset(hdr.spi_r, ~i, 8);
		ike_build_start(&b, msg, sizeof(msg), &hdr);
		ike_build_notify(&b, 0, NULL, 0, IKE_N_INVALID_SPI, NULL, 0);
		len = ike_build_finish(&b);
		ike_receive(p.side[A].ike, p.now, &path, msg, (size_t)len);
	}
	assert_int_equal(pair_count(&p, A), 10);
	assert_int_equal(pair_counters(&p.side[A]).unauth_suppressed - before, 990);
	d = pair_take(&p, A);
	assert_int_equal(d->bytes[19] & IKE_FLAG_RESPONSE, IKE_FLAG_RESPONSE);
	pair_deliver(&p, d); /* answers to nothing change nothing */
	pair_run(&p);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

static void test_initial_contact(void **state)
{
	struct pair p;
	uint32_t first;

	(void)state;
	pair_config(&p);
	pair_start(&p);
	pair_up(&p);
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
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_cookie_and_group),
		cmocka_unit_test(test_cookie_ages),
		cmocka_unit_test(test_cookie_forged),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_psk),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_initiator_rejects),
		cmocka_unit_test(test_child_fails_in_auth),
		cmocka_unit_test(test_half_open_bounds),
		cmocka_unit_test(test_init_repeated),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_unauthenticated),
		cmocka_unit_test(test_initial_contact),
		cmocka_unit_test(test_both_initiate),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
