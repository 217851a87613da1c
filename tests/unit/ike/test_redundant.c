/* SPDX-License-Identifier: MIT */
/*
 * What loses a simultaneous rekey (RFC 7296 2.8.1), step by step: the moment at which each end knows it, and that from
 * that moment on it holds no slot, has never been used for sending, and on the side that asked for it has never been
 * in the card at all.
 */
#include "pair.h"

#include <errno.h>

#include "ike/engine.h"

/* The nonces of the two requests and the two answers, A's exchange first: which one is the lowest. */
enum lowest { A_REQUEST, B_ANSWER, B_REQUEST, A_ANSWER, LOWEST };

static bool a_loses(enum lowest lowest)
{
	return lowest == A_REQUEST || lowest == B_ANSWER;
}

static void nonces(struct pair *p, enum lowest lowest)
{
	int v[LOWEST] = {0x40, 0x50, 0x60, 0x70};

	v[lowest] = 0x10;
	pair_force_nonces(&p->side[A], 2, v[A_REQUEST], v[A_ANSWER]);
	pair_force_nonces(&p->side[B], 2, v[B_REQUEST], v[B_ANSWER]);
}

/* Both have asked, both requests are on the way. */
static void both_ask(struct pair *p, enum lowest lowest)
{
	pair_begin(p);
	nonces(p, lowest);
	for (int n = A; n <= B; n++) {
		p->side[n].keep_old = true;
		assert_int_equal(ike_child_rekey(p->side[n].ike, p->now, pair_child_at(&p->side[n], 0)->id, NULL), 0);
	}
}

/* The replacement on this side that `by` asked for. */
static struct pair_child *made_by(struct pair *p, int side, int by)
{
	struct pair_child *c;

	TAILQ_FOREACH (c, &p->side[side].children, link)
		if (c->rekey && c->initiator == (side == by))
			return c;
	return NULL;
}

static void gone(const struct pair_child *c, bool installed)
{
	assert_non_null(c);
	assert_true(c->down);
	assert_int_equal(c->why, IKE_DOWN_REDUNDANT);
	assert_int_equal(c->in, installed);
	assert_false(c->out);
}

static void finish(struct pair *p)
{
	struct pair_child *c;

	for (int n = A; n <= B; n++) /* the old one is for the winner's maker to delete */
		TAILQ_FOREACH (c, &p->side[n].children, link)
			if (!c->down && c->delete_old)
				ike_child_delete(p->side[n].ike, p->now, TAILQ_FIRST(&p->side[n].children)->id);
	pair_pass(p, 30 * SEC);
	pair_check(p);
	assert_int_equal(pair_live(&p->side[A]), 1);
	for (int n = A; n <= B; n++) {
		assert_int_equal(pair_counters(&p->side[n]).collisions, 1);
		assert_int_equal(pair_counters(&p->side[n]).redundant_children, 1);
	}
	pair_check_empty(p);
	pair_end(p);
}

/*
 * The requests cross, then one answer after the other arrives, A's first or B's first: with the answer to its own
 * request each end knows all nonces, and without any further word of the peer the loser is gone there.
 */
static void test_moment(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < 2 * LOWEST; i++) {
		enum lowest lowest = (enum lowest)(i / 2);
		int loser = a_loses(lowest) ? A : B, first = i % 2;

		both_ask(&p, lowest);
		pair_step(&p, A);
		pair_step(&p, B);
		for (int n = A; n <= B; n++) { /* what the other asked for: inbound until the collision is decided */
			assert_true(made_by(&p, n, !n)->in);
			assert_false(made_by(&p, n, !n)->out);
			assert_false(made_by(&p, n, n)->in);
		}
		pair_step(&p, !first); /* the answer to `first` */
		gone(made_by(&p, first, loser), first != loser);
		assert_false(made_by(&p, first, !loser)->down);
		assert_int_equal(made_by(&p, first, !loser)->up, true);
		assert_true(pair_waiting(&p, first)); /* and the peer is told */
		assert_false(made_by(&p, !first, loser)->down);
		pair_step(&p, first); /* the answer to the other, which was on the way before that */
		gone(made_by(&p, !first, loser), first == loser);
		assert_false(made_by(&p, !first, !loser)->down);
		/* both have said so, once; nobody waits for the other to free what it held */
		assert_int_equal(pair_count(&p, A), 1);
		assert_int_equal(pair_count(&p, B), 1);
		finish(&p);
	}
}

/*
 * One answer is late, so one end knows and deletes before the other has even heard that its exchange succeeded: what
 * is deleted by then never comes up there.
 */
static void test_late_answer(void **state)
{
	struct pair_datagram *late;
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < 2 * LOWEST; i++) {
		enum lowest lowest = (enum lowest)(i / 2);
		int loser = a_loses(lowest) ? A : B, knows = i % 2;

		both_ask(&p, lowest);
		pair_step(&p, A);
		pair_step(&p, B);
		late = pair_take(&p, knows); /* the answer to the other one */
		pair_step(&p, !knows);
		gone(made_by(&p, knows, loser), knows != loser);
		pair_run(&p); /* its Delete, and what comes of it */
		pair_deliver(&p, late);
		pair_run(&p);
		if (loser == knows) {
			gone(made_by(&p, !knows, loser), true);
		} else {
			assert_true(made_by(&p, !knows, loser)->down);
			assert_int_equal(made_by(&p, !knows, loser)->why, IKE_DOWN_REDUNDANT);
			assert_false(made_by(&p, !knows, loser)->in);
		}
		for (int n = A; n <= B; n++)
			assert_false(made_by(&p, n, !loser)->down);
		pair_pass(&p, 30 * SEC);
		for (int n = A; n <= B; n++)
			if (made_by(&p, n, !loser)->delete_old)
				ike_child_delete(p.side[n].ike, p.now, TAILQ_FIRST(&p.side[n].children)->id);
		pair_pass(&p, 30 * SEC);
		pair_check(&p);
		assert_int_equal(pair_live(&p.side[A]), 1);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/*
 * A slow card: what A should answer for is still being installed when A learns that it has lost. Then the answer need
 * not wait: B loses with it, and knows.
 */
static void test_slow_card(void **state)
{
	struct pair_child *c;
	struct ike_message m;
	struct pair p;

	(void)state;
	for (unsigned int lowest = 0; lowest < LOWEST; lowest++) {
		bool lost = a_loses((enum lowest)lowest);

		both_ask(&p, (enum lowest)lowest);
		p.side[A].hold_installs = true;
		pair_step(&p, B);
		assert_int_equal(pair_count(&p, A), 1); /* no answer yet */
		pair_step(&p, A);
		pair_step(&p, B); /* the answer to A */
		p.side[A].hold_installs = false;
		c = made_by(&p, A, B);
		if (!lost) {
			gone(c, true);
			pair_look(&p, A, &m);
			assert_non_null(ike_message_find(&m, IKE_P_SA));
			assert_int_equal(ike_child_installed(p.side[A].ike, p.now, c->id, 0), -ENOENT);
			c = made_by(&p, A, A);
		} else {
			gone(made_by(&p, A, A), false);
		}
		assert_int_equal(ike_child_installed(p.side[A].ike, p.now, c->id, 0), 0);
		pair_run(&p);
		if (!lost)
			gone(made_by(&p, B, B), false);
		for (int n = A; n <= B; n++)
			assert_false(made_by(&p, n, lost ? B : A)->down);
		assert_int_equal(ike_child_delete(p.side[lost].ike, p.now, TAILQ_FIRST(&p.side[lost].children)->id), 0);
		pair_pass(&p, 30 * SEC);
		pair_check(&p);
		assert_int_equal(pair_live(&p.side[A]), 1);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* The peer cannot be told at once: then what it might send on is installed, inbound, until it has been told. */
static void test_cannot_tell(void **state)
{
	struct pair_child *c;
	struct pair p;

	(void)state;
	both_ask(&p, A_REQUEST);
	pair_step(&p, A);
	pair_step(&p, B);
	ike_sa_due(ike_sa_by_id(p.side[A].ike, p.side[A].sa), IKE_DUE_YIELD, p.now + SEC);
	pair_drop(pair_take(&p, A)); /* B does not know yet */
	pair_step(&p, B);
	c = made_by(&p, A, A);
	assert_true(c->redundant);
	assert_true(c->in);
	assert_false(c->out || c->down || pair_waiting(&p, A));
	pair_pass(&p, 2 * SEC);
	gone(c, true);
	assert_true(made_by(&p, B, A)->down);
	assert_int_equal(ike_child_delete(p.side[B].ike, p.now, TAILQ_FIRST(&p.side[B].children)->id), 0);
	pair_pass(&p, 30 * SEC);
	pair_check(&p);
	assert_int_equal(pair_live(&p.side[A]), 1);
	pair_check_empty(&p);
	pair_end(&p);
}

/* A request that has not left when the peer's arrives costs nothing, and is no collision. */
static void test_not_left(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p);
	ike_sa_due(ike_sa_by_id(p.side[A].ike, p.side[A].sa), IKE_DUE_YIELD, p.now + SEC);
	for (int n = A; n <= B; n++)
		assert_int_equal(ike_child_rekey(p.side[n].ike, p.now, pair_child_at(&p.side[n], 0)->id, NULL), 0);
	assert_false(pair_waiting(&p, A));
	pair_step(&p, B);
	gone(made_by(&p, A, A), false);
	pair_pass(&p, 2 * SEC);
	pair_check(&p);
	assert_int_equal(pair_live(&p.side[A]), 1);
	assert_int_equal(pair_counters(&p.side[A]).collisions, 0);
	assert_int_equal(pair_counters(&p.side[A]).redundant_children, 0);
	pair_check_empty(&p);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moment),    cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_slow_card), cmocka_unit_test(test_cannot_tell),
		cmocka_unit_test(test_not_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
