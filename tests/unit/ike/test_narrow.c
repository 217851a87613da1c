/* SPDX-License-Identifier: MIT */
/* Traffic selectors: narrowing as a table (RFC 7296 2.9), and how it looks from both ends. */
#include "pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ike/engine.h"

enum { ROW_TS = 3 };

struct ts_text {
	const char *from, *to;
	uint8_t protocol;
	uint16_t first, last;
};

#define ALL    0, 65535
#define OPAQUE 65535, 0

static const struct {
	struct ts_text ours[ROW_TS], theirs[ROW_TS], out[ROW_TS];
} rows[] = {
	/* the same */
	{{{"10.1.0.0", "10.1.255.255", 0, ALL}},
	 {{"10.1.0.0", "10.1.255.255", 0, ALL}},
	 {{"10.1.0.0", "10.1.255.255", 0, ALL}}},
	/* theirs is wider, and narrower */
	{{{"10.1.0.0", "10.1.255.255", 0, ALL}},
	 {{"0.0.0.0", "255.255.255.255", 0, ALL}},
	 {{"10.1.0.0", "10.1.255.255", 0, ALL}}},
	{{{"0.0.0.0", "255.255.255.255", 0, ALL}},
	 {{"10.1.2.3", "10.1.2.3", 0, ALL}},
	 {{"10.1.2.3", "10.1.2.3", 0, ALL}}},
	/* overlapping, touching, apart */
	{{{"10.1.0.0", "10.1.0.127", 0, ALL}},
	 {{"10.1.0.100", "10.1.0.200", 0, ALL}},
	 {{"10.1.0.100", "10.1.0.127", 0, ALL}}},
	{{{"10.1.0.0", "10.1.0.127", 0, ALL}},
	 {{"10.1.0.127", "10.1.0.200", 0, ALL}},
	 {{"10.1.0.127", "10.1.0.127", 0, ALL}}},
	{{{"10.1.0.0", "10.1.0.127", 0, ALL}}, {{"10.1.0.128", "10.1.0.200", 0, ALL}}, {{0}}},
	/* protocols and ports */
	{{{"10.0.0.0", "10.0.0.9", 0, ALL}},
	 {{"10.0.0.0", "10.0.0.9", 6, 80, 90}},
	 {{"10.0.0.0", "10.0.0.9", 6, 80, 90}}},
	{{{"10.0.0.0", "10.0.0.9", 17, 500, 600}},
	 {{"10.0.0.0", "10.0.0.9", 0, ALL}},
	 {{"10.0.0.0", "10.0.0.9", 17, 500, 600}}},
	{{{"10.0.0.0", "10.0.0.9", 17, ALL}}, {{"10.0.0.0", "10.0.0.9", 6, ALL}}, {{0}}},
	{{{"10.0.0.0", "10.0.0.9", 6, 80, 85}},
	 {{"10.0.0.0", "10.0.0.9", 6, 83, 90}},
	 {{"10.0.0.0", "10.0.0.9", 6, 83, 85}}},
	{{{"10.0.0.0", "10.0.0.9", 6, 80, 85}}, {{"10.0.0.0", "10.0.0.9", 6, 86, 90}}, {{0}}},
	/* OPAQUE ports meet OPAQUE and ANY only */
	{{{"10.0.0.0", "10.0.0.9", 0, ALL}},
	 {{"10.0.0.0", "10.0.0.9", 6, OPAQUE}},
	 {{"10.0.0.0", "10.0.0.9", 6, OPAQUE}}},
	{{{"10.0.0.0", "10.0.0.9", 6, OPAQUE}},
	 {{"10.0.0.0", "10.0.0.9", 6, OPAQUE}},
	 {{"10.0.0.0", "10.0.0.9", 6, OPAQUE}}},
	{{{"10.0.0.0", "10.0.0.9", 6, 80, 80}}, {{"10.0.0.0", "10.0.0.9", 6, OPAQUE}}, {{0}}},
	/* the packet first, then the network: one covers the other */
	{{{"10.1.0.0", "10.1.255.255", 0, ALL}},
	 {{"10.1.2.3", "10.1.2.3", 6, 80, 80}, {"10.1.0.0", "10.1.255.255", 0, ALL}},
	 {{"10.1.0.0", "10.1.255.255", 0, ALL}}},
	/* several on both sides: all that both want, their order */
	{{{"10.1.0.0", "10.1.0.255", 0, ALL}, {"10.2.0.0", "10.2.0.255", 0, ALL}},
	 {{"10.2.0.0", "10.2.255.255", 0, ALL}, {"10.1.0.0", "10.1.255.255", 0, ALL}, {"10.3.0.0", "10.3.0.1", 0, ALL}},
	 {{"10.2.0.0", "10.2.0.255", 0, ALL}, {"10.1.0.0", "10.1.0.255", 0, ALL}}},
	/* families do not mix */
	{{{"10.1.0.0", "10.1.0.255", 0, ALL}, {"2001:db8::", "2001:db8::ffff", 0, ALL}},
	 {{"2001:db8::100", "2001:db8::2:0", 0, ALL}},
	 {{"2001:db8::100", "2001:db8::ffff", 0, ALL}}},
	{{{"10.1.0.0", "10.1.0.255", 0, ALL}}, {{"::", "ffff::", 0, ALL}}, {{0}}},
};

static unsigned int read_ts(const struct ts_text *text, struct ike_ts *out)
{
	unsigned int n = 0;

	for (; n < ROW_TS && text[n].from; n++)
		pair_ts(&out[n], text[n].from, text[n].to, text[n].protocol, text[n].first, text[n].last);
	return n;
}

static void test_table(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_ts ours[ROW_TS], theirs[ROW_TS], want[ROW_TS], got[IKE_TS_MAX], back[IKE_TS_MAX];
		unsigned int n_ours = read_ts(rows[i].ours, ours), n_theirs = read_ts(rows[i].theirs, theirs);
		unsigned int n_want = read_ts(rows[i].out, want),
			     n = ike_ts_narrow(ours, n_ours, theirs, n_theirs, got);

		if (n != n_want || (n && memcmp(got, want, n * sizeof(got[0]))))
			fail_msg("row %u", i);
		assert_true(ike_ts_within(got, n, ours, n_ours));
		assert_true(ike_ts_within(got, n, theirs, n_theirs));
		assert_int_equal(ike_ts_narrow(theirs, n_theirs, ours, n_ours, back),
				 n); /* as much the other way round */
		assert_true(ike_ts_within(back, n, got, n));
	}
}

/* More intersections than there is room for: cut, never overrun. */
static void test_bound(void **state)
{
	struct ike_ts ours[IKE_TS_MAX], theirs[IKE_TS_MAX], got[IKE_TS_MAX];

	(void)state;
	for (unsigned int i = 0; i < IKE_TS_MAX; i++) {
		char from[20], to[20];

		snprintf(from, sizeof(from), "10.%u.0.0", i * 2);
		snprintf(to, sizeof(to), "10.%u.0.255", i * 2);
		pair_ts(&ours[i], from, to, 0, 0, 65535);
		pair_ts(&theirs[i], "10.0.0.0", "10.255.255.255", 17, (uint16_t)(10 * i), (uint16_t)(10 * i + 5));
	}
	assert_int_equal(ike_ts_narrow(ours, IKE_TS_MAX, theirs, IKE_TS_MAX, got), IKE_TS_MAX);
	assert_true(ike_ts_within(got, IKE_TS_MAX, ours, IKE_TS_MAX));
}

static const struct ike_child_sa *child_of(struct pair *p, int side)
{
	return ike_child_get(p->side[side].ike, pair_child_at(&p->side[side], 0)->id);
}

/* Seen from both ends: A's local is B's remote, also after rekeys by either side, which keep the selectors. */
static void test_both_ends(void **state)
{
	struct pair p;

	(void)state;
	pair_config(&p);
	pair_ts(&p.side[A].child[0].remote_ts[0], "0.0.0.0", "255.255.255.255", 0, 0, 65535);
	pair_ts(&p.side[B].child[0].local_ts[0], "10.2.3.0", "10.2.3.255", 6, 443, 443);
	pair_start(&p);
	pair_up(&p);
	for (int i = 0; i < 4; i++) {
		const struct ike_child_sa *a = child_of(&p, A), *b = child_of(&p, B);
		struct ike_ts want;

		assert_int_equal(a->n_remote_ts, 1);
		assert_int_equal(b->n_local_ts, 1);
		pair_ts(&want, "10.2.3.0", "10.2.3.255", 6, 443, 443);
		assert_memory_equal(&a->remote_ts[0], &want, sizeof(want));
		assert_memory_equal(&b->local_ts[0], &want, sizeof(want));
		assert_memory_equal(&a->local_ts[0], &b->remote_ts[0], sizeof(want));
		assert_int_equal(ike_child_rekey(p.side[i & 1].ike, p.now, pair_child_at(&p.side[i & 1], 0)->id, NULL),
				 0);
		pair_run(&p);
		pair_check(&p);
	}
	pair_check_empty(&p);
	pair_end(&p);
}

static void test_transport(void **state)
{
	static const struct {
		enum ike_mode a, b;
		bool up;
		enum ike_mode is;
	} modes[] = {
		{IKE_MODE_TRANSPORT, IKE_MODE_TRANSPORT, true, IKE_MODE_TRANSPORT},
		{IKE_MODE_TUNNEL, IKE_MODE_TUNNEL, true, IKE_MODE_TUNNEL},
		{IKE_MODE_TRANSPORT, IKE_MODE_TUNNEL, false, IKE_MODE_TUNNEL}, /* A deletes what it did not ask for */
		{IKE_MODE_TUNNEL, IKE_MODE_TRANSPORT, false, IKE_MODE_TUNNEL}, /* B refuses */
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (int nat = 0; nat < 2; nat++) {
			pair_config(&p);
			p.side[A].child[0].mode = modes[i].a;
			p.side[B].child[0].mode = modes[i].b;
			for (int n = A; n <= B; n++)
				p.side[n].child[0].n_local_ts = p.side[n].child[0].n_remote_ts = 0;
			p.nat = nat && modes[i].up && modes[i].a == IKE_MODE_TRANSPORT;
			pair_addr(&p.nat_outside, "198.51.100.9", 0);
			if (p.nat)
				p.side[B].conn.remote.family = 0;
			pair_start(&p);
			pair_initiate(&p, A);
			pair_run(&p);
			assert_int_equal(pair_live(&p.side[A]), modes[i].up);
			assert_int_equal(pair_live(&p.side[B]), modes[i].up);
			if (modes[i].up) {
				struct ike_ts want;

				pair_check(&p);
				assert_int_equal(child_of(&p, A)->mode, modes[i].is);
				assert_int_equal(child_of(&p, B)->mode, modes[i].is);
				ike_ts_host(&p.side[A].conn.local, &want); /* each end sees its own view of A */
				assert_memory_equal(child_of(&p, A)->local_ts, &want, sizeof(want));
				if (p.nat)
					ike_ts_host(&p.nat_outside, &want);
				assert_memory_equal(child_of(&p, B)->remote_ts, &want, sizeof(want));
				assert_int_equal(
					ike_child_rekey(p.side[B].ike, p.now, pair_child_at(&p.side[B], 0)->id, NULL),
					0);
				pair_run(&p);
				pair_check(&p);
				assert_int_equal(child_of(&p, A)->mode, modes[i].is);
			}
			pair_check_empty(&p);
			pair_end(&p);
		}
}

/* The second and third configuration of the same connection are found by their selectors. */
static void test_which_child(void **state)
{
	struct pair p;

	(void)state;
	pair_config(&p);
	for (int n = A; n <= B; n++) {
		p.side[n].conn.n_children = 3;
		for (unsigned int i = 0; i < 3; i++) {
			char from[20], to[20];

			snprintf(from, sizeof(from), "10.%u.0.0", 20 + i);
			snprintf(to, sizeof(to), "10.%u.255.255", 20 + i);
			pair_ts(n == A ? &p.side[n].child[i].local_ts[0] : &p.side[n].child[i].remote_ts[0], from, to,
				0, 0, 65535);
		}
	}
	pair_start(&p);
	pair_up(&p);
	for (unsigned int i = 3; i-- > 1;) {
		assert_int_equal(
			ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[i], NULL, 0, NULL), 0);
		pair_run(&p);
		assert_ptr_equal(ike_child_get(p.side[B].ike, TAILQ_LAST(&p.side[B].children, pair_children)->id)->cfg,
				 &p.side[B].child[i]);
	}
	assert_int_equal(ike_child_create(p.side[A].ike, p.now, p.side[A].sa, &p.side[A].child[3], NULL, 0, NULL), 0);
	pair_run(&p);
	assert_int_equal(TAILQ_LAST(&p.side[A].children, pair_children)->notify, IKE_N_TS_UNACCEPTABLE);
	pair_check(&p);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),     cmocka_unit_test(test_bound),       cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_transport), cmocka_unit_test(test_which_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
