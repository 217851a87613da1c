/* SPDX-License-Identifier: MIT */
/* NAT traversal: detection, port 4500, the non-ESP marker, moving peers. RFC 7296 2.23. */
#include "pair.h"

#include <string.h>

static void nat_check(struct pair *p, bool local, bool remote, int side)
{
	struct ike_sa_info info;

	assert_true(ike_sa_get(p->side[side].ike, p->side[side].sa, &info));
	assert_int_equal(info.nat_local, local);
	assert_int_equal(info.nat_remote, remote);
	assert_int_equal(info.encap, local || remote);
	assert_int_equal(info.path.local.port, local || remote ? 4500 : 500);
	assert_int_equal(ike_child_get(p->side[side].ike, pair_child_at(&p->side[side], 0)->id)->encap,
			 local || remote);
}

static void test_nat(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	pair_begin(&p);
	nat_check(&p, false, false, A);
	nat_check(&p, false, false, B);
	pair_end(&p);

	pair_config(&p);
	p.nat = true;
	p.nat_shift = 20000;
	pair_addr(&p.nat_outside, "198.51.100.9", 0);
	p.side[B].conn.remote.family = 0; /* it comes from wherever it comes from */
	pair_start(&p);
	pair_up(&p);
	nat_check(&p, true, false, A);
	nat_check(&p, false, true, B);
	assert_true(ike_sa_get(p.side[B].ike, p.side[B].sa, &info));
	assert_int_equal(info.path.remote.port, 24500);
	assert_memory_equal(info.path.remote.ip, p.nat_outside.ip, 4);
	/* keepalives keep the mapping */
	p.sent[A] = 0;
	pair_pass(&p, 100 * SEC);
	assert_int_equal(p.sent[A], 5);
	/* the mapping changes: B follows the next authentic message, and tells */
	p.nat_shift = 21000;
	assert_int_equal(ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[0], NULL, 0, NULL), 0);
	pair_run(&p);
	assert_int_equal(p.side[B].moved, 1);
	assert_true(ike_sa_get(p.side[B].ike, p.side[B].sa, &info));
	assert_int_equal(info.path.remote.port, 25500);
	assert_int_equal(ike_child_get(p.side[B].ike, pair_child_at(&p.side[B], 0)->id)->path.remote.port, 25500);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

/* encap = yes: the other side is made to believe in a NAT. */
static void test_encap(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	for (int who = A; who <= B; who++) {
		pair_config(&p);
		p.side[who].conn.encap = true;
		pair_start(&p);
		pair_up(&p);
		for (int n = A; n <= B; n++) {
			assert_true(ike_sa_get(p.side[n].ike, p.side[n].sa, &info));
			assert_true(info.encap);
			assert_int_equal(info.path.local.port, 4500);
			assert_int_equal(info.path.remote.port, 4500);
			assert_int_equal(info.nat_remote, n != who);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* A port that is not 500: the marker from the first message on. */
static void test_natt_port_from_the_start(void **state)
{
	static const uint8_t marker[4];
	struct pair_datagram *d;
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	pair_config(&p);
	p.settings.port = 15000;
	p.settings.port_natt = 14500;
	p.side[A].conn.remote.port = 14500;
	pair_start(&p);
	pair_initiate(&p, A);
	d = pair_take(&p, A);
	assert_memory_equal(d->bytes, marker, 4);
	assert_int_equal(d->path.local.port, 14500);
	pair_deliver(&p, d);
	pair_run(&p);
	pair_check(&p);
	assert_true(ike_sa_get(p.side[A].ike, p.side[A].sa, &info));
	assert_false(info.encap);
	pair_end(&p);
}

static void test_esp_on_natt(void **state)
{
	uint8_t esp[100] = {0x12, 0x34}, keepalive = 0xff;
	struct ike_path path = {0};
	struct pair p;

	(void)state;
	pair_config(&p);
	pair_start(&p);
	path.local = p.side[A].conn.local;
	path.remote = p.side[A].conn.remote;
	path.local.port = 4500;
	ike_receive(p.side[A].ike, p.now, &path, esp, sizeof(esp));
	assert_int_equal(pair_counters(&p.side[A]).esp_on_natt, 1);
	ike_receive(p.side[A].ike, p.now, &path, &keepalive, 1);
	ike_receive(p.side[A].ike, p.now, &path, esp, 0);
	ike_receive(p.side[A].ike, p.now, &path, esp, 3);
	assert_int_equal(pair_counters(&p.side[A]).esp_on_natt, 1);
	assert_int_equal(pair_counters(&p.side[A]).invalid, 1);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_encap),
		cmocka_unit_test(test_natt_port_from_the_start),
		cmocka_unit_test(test_esp_on_natt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
