/* SPDX-License-Identifier: MIT */
/* Windows (RFC 7296 2.3): many requests at once, out of order, lost, repeated; answers that wait for an installation.
 */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 64 };

static void many(struct pair *p, int side, unsigned int n)
{
	struct pair_side *s = &p->side[side];

	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(ike_child_create(s->ike, p->now, s->sa, &s->child[0], NULL, 0, NULL), 0);
}

static void start(struct pair *p, unsigned int window)
{
	pair_config(p);
	p->side[A].conn.window = p->side[B].conn.window = window;
	pair_start(p);
	pair_up(p);
}

static void test_all_at_once(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	start(&p, MANY);
	many(&p, A, MANY + 10);
	assert_true(ike_sa_get(p.side[A].ike, p.side[A].sa, &info));
	assert_int_equal(info.requests_in_flight, MANY);
	assert_int_equal(info.requests_queued, 10);
	assert_int_equal(info.window_peer, MANY);
	assert_int_equal(pair_count(&p, A), MANY);
	pair_run(&p);
	assert_int_equal(pair_live(&p.side[A]), 1 + MANY + 10);
	pair_check(&p);
	assert_int_equal(pair_counters(&p.side[A]).retransmits, 0);
	pair_check_empty(&p);
	pair_end(&p);
}

static void test_one_after_the_other(void **state)
{
	struct pair p;

	(void)state;
	start(&p, 1);
	many(&p, A, 8);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pair_count(&p, A), 1);
		pair_step(&p, A);
		pair_step(&p, B);
	}
	assert_int_equal(pair_live(&p.side[A]), 9);
	pair_check(&p);
	pair_end(&p);
}

/* RFC 7296 2.3: request X waits for the answers to all requests through X - N, not just for any N free places. */
static void test_oldest_holds_the_window(void **state)
{
	struct pair_datagram *first;
	struct pair p;

	(void)state;
	start(&p, 4);
	many(&p, A, 10);
	assert_int_equal(pair_count(&p, A), 4);
	first = pair_take(&p, A);
	pair_run(&p); /* the other three are answered */
	assert_int_equal(pair_live(&p.side[A]), 1 + 10);
	assert_false(pair_waiting(&p, A));
	assert_int_equal(pair_counters(&p.side[A]).create_child_in_resp, 3);
	pair_deliver(&p, first);
	pair_run(&p);
	assert_int_equal(pair_counters(&p.side[A]).create_child_in_resp, 10);
	pair_check(&p);
	pair_end(&p);
}

static void test_backwards(void **state)
{
	struct pair_datagram *d[MANY];
	struct pair p;

	(void)state;
	start(&p, MANY);
	many(&p, A, MANY);
	for (int i = 0; i < MANY; i++)
		d[i] = pair_take(&p, A);
	for (int i = MANY; i-- > 0;)
		pair_deliver(&p, d[i]);
	assert_int_equal(pair_count(&p, B), MANY);
	for (int i = 0; i < MANY; i++)
		d[i] = pair_take(&p, B);
	for (int i = MANY; i-- > 0;)
		pair_deliver(&p, d[i]);
	pair_run(&p);
	pair_check(&p);
	assert_int_equal(pair_live(&p.side[B]), 1 + MANY);
	assert_int_equal(pair_counters(&p.side[B]).out_of_window, 0);
	pair_end(&p);
}

/* A repeated request gets the same answer, octet by octet, and nothing is done twice. */
static void test_repeats(void **state)
{
	struct pair_datagram *ask[8], *answer[8], *again;
	struct pair p;

	(void)state;
	start(&p, 8);
	many(&p, A, 8);
	for (int i = 0; i < 8; i++)
		ask[i] = pair_take(&p, A);
	for (int i = 0; i < 8; i++)
		pair_deliver_copy(&p, ask[i]);
	for (int i = 0; i < 8; i++)
		answer[i] = pair_take(&p, B);
	for (int i = 7; i >= 0; i--) {
		pair_deliver(&p, ask[i]);
		again = pair_take(&p, B);
		assert_int_equal(again->len, answer[i]->len);
		assert_memory_equal(again->bytes, answer[i]->bytes, again->len);
		pair_drop(again);
	}
	assert_int_equal(p.side[B].reserves, 9);
	assert_int_equal(pair_counters(&p.side[B]).retransmits_answered, 8);
	for (int i = 0; i < 8; i++) {
		pair_deliver_copy(&p, answer[i]);
		pair_deliver(&p, answer[i]); /* a second one is ignored */
	}
	assert_int_equal(pair_counters(&p.side[A]).replayed, 8);
	pair_check(&p);
	pair_end(&p);
}

/* Beyond the window, long ago, or not authentic: dropped, counted, and no harm done. */
static void test_outside(void **state)
{
	struct pair_datagram *old, *forged;
	struct pair p;

	(void)state;
	start(&p, 4);
	many(&p, A, 1);
	old = pair_take(&p, A);
	pair_deliver_copy(&p, old);
	pair_run(&p);
	many(&p, A, 12);
	pair_run(&p);
	pair_deliver_copy(&p, old); /* its answer is forgotten by now */
	assert_false(pair_waiting(&p, B));
	assert_int_equal(pair_counters(&p.side[B]).replayed, 1);

	forged = old; /* ids 2 .. 14 are used: 15 .. 18 would be next */
	forged->bytes[23] = 19;
	pair_deliver_copy(&p, forged);
	assert_int_equal(pair_counters(&p.side[B]).out_of_window, 1);
	forged->bytes[23] = 15;
	pair_deliver(&p, forged);
	assert_int_equal(pair_counters(&p.side[B]).integrity_failed, 1);
	assert_false(pair_waiting(&p, B));
	many(&p, A, 4);
	pair_run(&p);
	assert_int_equal(pair_live(&p.side[B]), 18);
	pair_check(&p);
	pair_end(&p);
}

static void test_lossy(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++) {
		pair_config(&p);
		p.prng = prng_init(seed);
		pair_start(&p);
		pair_up(&p);
		p.loss_percent = 20;
		p.dup_percent = 20;
		p.reorder = true;
		many(&p, A, 40);
		many(&p, B, 40);
		pair_pass(&p, 120 * SEC);
		assert_int_equal(pair_live(&p.side[A]), 81);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* The answer to CREATE_CHILD_SA leaves when the Child SA is in the card, not before; repeats are absorbed meanwhile. */
static void test_held_answer(void **state)
{
	struct pair_datagram *ask;
	struct pair p;

	(void)state;
	start(&p, 8);
	p.side[B].hold_installs = true;
	many(&p, A, 1);
	ask = pair_take(&p, A);
	for (int i = 0; i < 5; i++)
		pair_deliver_copy(&p, ask);
	pair_drop(ask);
	assert_false(pair_waiting(&p, B));
	assert_int_equal(p.side[B].reserves, 2);
	pair_pass(&p, 10 * SEC);
	assert_int_equal(pair_live(&p.side[A]), 2);
	assert_false(pair_child_at(&p.side[A], 1)->in);
	assert_int_equal(ike_child_installed(p.side[B].ike, p.now, pair_child_at(&p.side[B], 1)->id, 0), 0);
	assert_int_equal(ike_child_installed(p.side[B].ike, p.now, pair_child_at(&p.side[B], 1)->id, 0), -ENOENT);
	pair_run(&p);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

/* A card that refuses: the responder says so, the initiator deletes what the peer has already. */
static void test_install_fails(void **state)
{
	static const struct {
		int err;
		bool resource;
		uint16_t notify;
	} rows[] = {
		{-ENOSPC, false, IKE_N_NO_ADDITIONAL_SAS},
		{-ENOSPC, true, IKE_N_TS_MAX_QUEUE},
		{-EINVAL, false, IKE_N_TEMPORARY_FAILURE},
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int who = A; who <= B; who++) {
			pair_config(&p);
			p.side[A].child[0].per_resource = p.side[B].child[0].per_resource = rows[i].resource;
			pair_start(&p);
			pair_up(&p);
			p.side[who].install_err = rows[i].err;
			many(&p, A, 1);
			pair_run(&p);
			assert_int_equal(pair_live(&p.side[A]), 1);
			pair_check(&p);
			if (who == B)
				assert_int_equal(TAILQ_LAST(&p.side[A].children, pair_children)->notify,
						 rows[i].notify);
			assert_int_equal(TAILQ_LAST(&p.side[who].children, pair_children)->why, IKE_DOWN_INSTALL);
			pair_check_empty(&p);
			pair_end(&p);
		}
}

/* B deletes the new Child SA before its answer about it has arrived: it must not come up on A's side alone. */
static void test_delete_overtakes(void **state)
{
	struct pair_datagram *answer;
	struct pair p;

	(void)state;
	for (int rekey = 0; rekey < 2; rekey++) {
		start(&p, 8);
		if (rekey)
			assert_int_equal(ike_child_rekey(p.side[A].ike, p.now, pair_child_at(&p.side[A], 0)->id, NULL),
					 0);
		else
			many(&p, A, 1);
		pair_step(&p, A);
		answer = pair_take(&p, B);
		assert_int_equal(ike_child_delete(p.side[B].ike, p.now, pair_child_at(&p.side[B], 1)->id), 0);
		pair_run(&p);
		assert_int_equal(pair_live(&p.side[B]), 1);
		pair_deliver(&p, answer);
		pair_run(&p);
		assert_int_equal(pair_live(&p.side[A]), 1);
		assert_int_equal(TAILQ_LAST(&p.side[A].children, pair_children)->why, IKE_DOWN_PEER);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* The peer vanishes with requests in flight and queued: everything goes down once. */
static void test_peer_vanishes(void **state)
{
	struct pair p;

	(void)state;
	start(&p, 4);
	p.deaf[B] = true;
	many(&p, A, 12);
	pair_pass(&p, 600 * SEC);
	assert_int_equal(p.side[A].sas_down, 1);
	assert_int_equal(p.side[A].sa_why, IKE_DOWN_TIMEOUT);
	assert_int_equal(p.side[A].reserves, 13);
	assert_int_equal(p.side[A].downs, 13);
	assert_int_equal(pair_counters(&p.side[A]).sas, 0);
	pair_end(&p);
}

/* After an IKE rekey the window starts at 1 and is opened again by SET_WINDOW_SIZE. */
static void test_window_after_rekey(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	for (int who = A; who <= B; who++) {
		start(&p, 16);
		assert_int_equal(ike_sa_rekey(p.side[who].ike, p.now, p.side[who].sa), 0);
		pair_run(&p);
		for (int n = A; n <= B; n++) {
			assert_true(ike_sa_get(p.side[n].ike, p.side[n].sa, &info));
			assert_int_equal(info.window_peer, 16);
		}
		many(&p, A, 20);
		assert_int_equal(pair_count(&p, A), 16);
		pair_run(&p);
		pair_check(&p);
		pair_end(&p);
	}
}

/* An IKE rekey in the middle of much work of both ends: everything gets done, in the end. */
static void test_rekey_under_load(void **state)
{
	struct pair p;

	(void)state;
	for (int who = A; who <= B; who++) {
		start(&p, 8);
		many(&p, A, 30);
		assert_int_equal(ike_sa_rekey(p.side[who].ike, p.now, p.side[who].sa), 0);
		many(&p, A, 30);
		pair_pass(&p, 30 * SEC);
		assert_int_equal(p.side[A].sas_rekeyed, 1);
		assert_int_equal(p.side[B].sas_rekeyed, 1);
		assert_true(pair_live(&p.side[A]) >= 31);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void test_queue_bound(void **state)
{
	struct pair p;
	int err = 0;

	(void)state;
	pair_config(&p);
	p.side[A].conn.children_max = 100000;
	p.side[A].conn.window = p.side[B].conn.window = 1;
	pair_start(&p);
	pair_up(&p);
	for (int i = 0; i < IKE_QUEUE_MAX + 1; i++)
		assert_int_equal(
			ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[0], NULL, 0, NULL), 0);
	err = ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[0], NULL, 0, NULL);
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(pair_counters(&p.side[A]).queue_full, 1);
	pair_end(&p);
}

/* What waits in the queue can be taken back without a word to the peer. */
static void test_cancel_queued(void **state)
{
	struct pair p;

	(void)state;
	start(&p, 1);
	many(&p, A, 3);
	assert_int_equal(ike_child_delete(p.side[A].ike, p.now, pair_child_at(&p.side[A], 3)->id), 0);
	assert_int_equal(ike_child_delete(p.side[A].ike, p.now, pair_child_at(&p.side[A], 1)->id), 0);
	pair_run(&p);
	assert_int_equal(pair_live(&p.side[A]), 2);
	assert_int_equal(p.side[B].reserves, 3);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_oldest_holds_the_window),
		cmocka_unit_test(test_backwards),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_held_answer),
		cmocka_unit_test(test_install_fails),
		cmocka_unit_test(test_delete_overtakes),
		cmocka_unit_test(test_peer_vanishes),
		cmocka_unit_test(test_window_after_rekey),
		cmocka_unit_test(test_rekey_under_load),
		cmocka_unit_test(test_queue_bound),
		cmocka_unit_test(test_cancel_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
