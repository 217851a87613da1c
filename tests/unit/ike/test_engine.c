/* SPDX-License-Identifier: MIT */
/* The plain course of things: up, more children, rekeys, deletes, the end. */
#include "pair.h"

#include <errno.h>
#include <string.h>

static void test_up_and_down(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p);
	assert_int_equal(p.datagrams, 4);
	pair_check_empty(&p);
	assert_int_equal(p.side[A].sa_why, IKE_DOWN_LOCAL);
	assert_int_equal(p.side[B].sa_why, IKE_DOWN_PEER);
	pair_end(&p);
}

static void test_child_create(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ike_child_create(p.side[i & 1].ike, p.now, p.side[i & 1].sa, &p.side[i & 1].child[0],
						  NULL, 0, NULL),
				 0);
	pair_run(&p);
	assert_int_equal(pair_live(&p.side[A]), 6);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

static void test_child_rekey(void **state)
{
	struct pair p;

	(void)state;
	for (int who = A; who <= B; who++) {
		pair_begin(&p);
		for (int i = 0; i < 4; i++) {
			struct pair_child *old = pair_child_at(&p.side[who], 0);

			assert_int_equal(ike_child_rekey(p.side[who].ike, p.now, old->id, NULL), 0);
			assert_int_equal(ike_child_rekey(p.side[who].ike, p.now, old->id, NULL), -EALREADY);
			pair_run(&p);
			assert_true(old->down);
			assert_int_equal(old->why, IKE_DOWN_REPLACED);
			assert_int_equal(pair_live(&p.side[A]), 1);
			pair_check(&p);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void test_sa_rekey(void **state)
{
	struct pair p;

	(void)state;
	for (int who = A; who <= B; who++) {
		pair_begin(&p);
		for (int i = 0; i < 4; i++) {
			uint32_t sa = p.side[who].sa;

			assert_int_equal(ike_sa_rekey(p.side[who].ike, p.now, sa), 0);
			pair_run(&p);
			assert_int_not_equal(p.side[who].sa, sa);
			assert_int_equal(p.side[who].old_sa, sa);
			pair_check(&p);
			assert_int_equal(ike_child_create(p.side[who].ike, p.now, p.side[who].sa, &p.side[who].child[0],
							  NULL, 0, NULL),
					 0);
			pair_run(&p);
			assert_int_equal(pair_live(&p.side[A]), 2 + i);
			pair_check(&p);
		}
		assert_int_equal(p.side[A].sas_rekeyed, 4);
		assert_int_equal(p.side[B].sas_rekeyed, 4);
		pair_check_empty(&p);
		assert_int_equal(p.side[A].sas_down, 5);
		assert_int_equal(p.side[B].sas_down, 5);
		pair_end(&p);
	}
}

static void test_child_delete(void **state)
{
	struct pair p;

	(void)state;
	for (int who = A; who <= B; who++) {
		struct pair_child *c;

		pair_begin(&p);
		c = pair_child_at(&p.side[who], 0);
		assert_int_equal(ike_child_delete(p.side[who].ike, p.now, c->id), 0);
		assert_int_equal(ike_child_delete(p.side[who].ike, p.now, c->id), -EALREADY);
		pair_run(&p);
		assert_int_equal(c->why, IKE_DOWN_LOCAL);
		assert_int_equal(pair_live(&p.side[A]), 0);
		assert_int_equal(pair_live(&p.side[B]), 0);
		assert_int_equal(p.side[A].sas_down, 0);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* IPv6 outside and inside, addresses as identities and as selectors. */
static void test_ipv6(void **state)
{
	static const char *const ip[] = {"2001:db8::1", "2001:db8::2"};
	struct pair p;

	(void)state;
	pair_config(&p);
	for (int n = A; n <= B; n++) {
		pair_addr(&p.side[n].conn.local, ip[n], 0);
		pair_addr(&p.side[n].conn.remote, ip[!n], 0);
		p.side[n].conn.local_id.kind = p.side[n].conn.remote_id.kind = 0;
		p.side[n].child[0].n_local_ts = p.side[n].child[0].n_remote_ts = 0;
	}
	pair_start(&p);
	pair_up(&p);
	for (int n = A; n <= B; n++) {
		const struct ike_child_sa *c = ike_child_get(p.side[n].ike, pair_child_at(&p.side[n], 0)->id);
		struct ike_sa_info info;

		assert_int_equal(c->local_ts[0].type, IKE_TS_IPV6);
		assert_memory_equal(c->local_ts[0].start, p.side[n].conn.local.ip, 16);
		assert_memory_equal(c->remote_ts[0].end, p.side[n].conn.remote.ip, 16);
		assert_false(c->encap);
		assert_true(ike_sa_get(p.side[n].ike, p.side[n].sa, &info));
		assert_int_equal(info.local_id->kind, IKE_ID_IPV6);
		assert_memory_equal(info.remote_id->data, p.side[n].conn.remote.ip, 16);
		assert_int_equal(ike_sa_rekey(p.side[n].ike, p.now, p.side[n].sa), 0);
		pair_run(&p);
	}
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_and_down),  cmocka_unit_test(test_child_create),
		cmocka_unit_test(test_child_rekey),  cmocka_unit_test(test_sa_rekey),
		cmocka_unit_test(test_child_delete), cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
