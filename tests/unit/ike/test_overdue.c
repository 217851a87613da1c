/* SPDX-License-Identifier: MIT */
/* Child SAs that the peer has replaced, and that it does not delete although that is its part (RFC 7296 2.8). */
#include "pair.h"

#include "ike/engine.h"

/* B replaces its newest Child SA and leaves the old one to the test. */
static void peer_rekeys(struct pair *p)
{
	struct pair_child *old = pair_child_at(&p->side[B], pair_live(&p->side[B]) - 1);

	p->side[B].keep_old = true;
	assert_int_equal(ike_child_rekey(p->side[B].ike, p->now, old->id, NULL), 0);
	pair_run(p);
}

/* A pair whose Child SA has been replaced so: the old one, at A. */
static struct pair_child *replaced(struct pair *p)
{
	struct pair_child *old;

	pair_begin(p);
	old = pair_child_at(&p->side[A], 0);
	peer_rekeys(p);
	return old;
}

static void deleted_by_us(struct pair *p, const struct pair_child *old)
{
	const struct pair_child *new = pair_child_at(&p->side[A], 0);

	assert_true(old->down);
	assert_int_equal(old->why, IKE_DOWN_REPLACED);
	assert_int_equal(pair_live(&p->side[A]), 1);
	assert_true(new->in &&new->out);
	assert_int_equal(pair_counters(&p->side[A]).old_children, 1);
	assert_int_equal(pair_counters(&p->side[B]).old_children, 0);
	pair_check(p);
	pair_check_empty(p);
}

static void test_not_deleted(void **state)
{
	struct pair_child *old;
	struct pair p;

	(void)state;
	old = replaced(&p);
	pair_pass(&p, IKE_OLD_CHILD_NS - SEC);
	assert_false(old->down);
	assert_int_equal(pair_live(&p.side[A]), 2);
	pair_pass(&p, 2 * SEC);
	deleted_by_us(&p, old);
	pair_end(&p);
}

/* The replacement has been replaced and deleted itself: what it had replaced is waited for all the same. */
static void test_middle_deleted(void **state)
{
	struct pair_child *old, *middle;
	struct pair p;

	(void)state;
	old = replaced(&p);
	middle = pair_child_at(&p.side[B], 1);
	pair_pass(&p, 10 * SEC);
	peer_rekeys(&p);
	assert_int_equal(ike_child_delete(p.side[B].ike, p.now, middle->id), 0);
	pair_run(&p);
	assert_true(middle->down);
	assert_int_equal(pair_live(&p.side[A]), 2);
	assert_false(old->down);
	pair_pass(&p, IKE_OLD_CHILD_NS - 10 * SEC);
	deleted_by_us(&p, old);
	pair_end(&p);
}

/* The wait goes on when the Child SAs have moved to another IKE SA. */
static void test_ike_rekeyed(void **state)
{
	struct pair_child *old;
	struct pair p;

	(void)state;
	old = replaced(&p);
	pair_pass(&p, 10 * SEC);
	assert_int_equal(ike_sa_rekey(p.side[A].ike, p.now, p.side[A].sa), 0);
	pair_run(&p);
	assert_int_equal(p.side[A].sas_rekeyed, 1);
	pair_pass(&p, IKE_OLD_CHILD_NS - 11 * SEC);
	assert_false(old->down);
	pair_pass(&p, 2 * SEC);
	deleted_by_us(&p, old);
	pair_end(&p);
}

/* The peer has thought better of it and deleted the new one: the old one is the one that counts. */
static void test_new_deleted(void **state)
{
	struct pair_child *old, *new;
	struct pair p;

	(void)state;
	old = replaced(&p);
	new = pair_child_at(&p.side[B], 1);
	assert_int_equal(ike_child_delete(p.side[B].ike, p.now, new->id), 0);
	pair_pass(&p, 2 * IKE_OLD_CHILD_NS);
	assert_true(new->down);
	assert_false(old->down);
	assert_int_equal(pair_counters(&p.side[A]).old_children, 0);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_deleted),
		cmocka_unit_test(test_middle_deleted),
		cmocka_unit_test(test_ike_rekeyed),
		cmocka_unit_test(test_new_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
