/* SPDX-License-Identifier: MIT */
/* Cookies, the bounds of half-open IKE SAs, and what comes without authentication and must not harm. */
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

/* An error notify in the clear with the right SPIs, in every exchange and with all flags. */
static void forge_errors(struct pair *p, const struct ike_path *path, const struct ike_sa_info *info)
{
	uint8_t msg[64] = {0};

	for (unsigned int exchange = 34; exchange <= 38; exchange++)
		for (unsigned int flags = 0; flags < 0x40; flags += 8) {
			struct ike_header hdr = {
				.version = 0x20, .exchange = (uint8_t)exchange, .flags = (uint8_t)flags};
			struct ike_builder b;
			int len;

			memcpy(hdr.spi_i, info->spi_i, 8);
			memcpy(hdr.spi_r, info->spi_r, 8);
			hdr.msgid = exchange & 1;
			ike_build_start(&b, msg, sizeof(msg), &hdr);
			ike_build_notify(&b, 0, NULL, 0,
					 exchange & 2 ? IKE_N_INVALID_IKE_SPI : IKE_N_AUTHENTICATION_FAILED, NULL, 0);
			len = ike_build_finish(&b);
			assert_true(len > 0);
			ike_receive(p->side[A].ike, p->now, path, msg, (size_t)len);
		}
}

/* Requests for IKE SAs that do not exist. */
static void ask_strangers(struct pair *p, const struct ike_path *path, int n)
{
	uint8_t msg[64] = {0};

	for (int i = 0; i < n; i++) {
		struct ike_header hdr = {.version = 0x20, .exchange = IKE_X_INFORMATIONAL, .flags = IKE_FLAG_INITIATOR};
		struct ike_builder b;
		int len;

		memset(hdr.spi_i, i % 255 + 1, 8);
		memset(hdr.spi_r, ~i, 8);
		ike_build_start(&b, msg, sizeof(msg), &hdr);
		ike_build_notify(&b, 0, NULL, 0, IKE_N_INVALID_SPI, NULL, 0);
		len = ike_build_finish(&b);
		ike_receive(p->side[A].ike, p->now, path, msg, (size_t)len);
	}
}

/* Nothing unprotected and nothing forged ends an IKE SA or makes it speak without bound. */
static void test_unauthenticated(void **state)
{
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
	forge_errors(&p, &path, &info);
	pair_check(&p);
	while (pair_waiting(&p, A))
		pair_drop(pair_take(&p, A));
	p.now += SEC; /* the allowance of a new second */

	before = pair_counters(&p.side[A]).unauth_suppressed;
	ask_strangers(&p, &path, 1000);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie),           cmocka_unit_test(test_cookie_and_group),
		cmocka_unit_test(test_cookie_ages),      cmocka_unit_test(test_cookie_forged),
		cmocka_unit_test(test_half_open_bounds), cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_unauthenticated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
