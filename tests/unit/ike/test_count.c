/* SPDX-License-Identifier: MIT */
/*
 * Count-based SAs between two engines: who rekeys, for how many bytes, what happens to it over generations; and that no
 * fault in the notifies, on either side, ever costs more than the agreement.
 */
#include "pair.h"

#include <string.h>

#include "ike/engine.h"

#define GIB (UINT64_C(1) << 30)

static void count_config(struct pair *p)
{
	pair_config(p);
	for (int n = A; n <= B; n++) {
		p->side[n].conn.count_sa = true;
		p->side[n].range = (struct ike_count_range){.min = GIB, .max = 64 * GIB};
	}
}

static const struct ike_child_sa *newest(struct pair *p, int side)
{
	const struct pair_child *c = TAILQ_LAST(&p->side[side].children, pair_children);

	assert_non_null(c);
	return ike_child_get(p->side[side].ike, c->id);
}

static void rekey(struct pair *p, int side)
{
	assert_int_equal(ike_child_rekey(p->side[side].ike, p->now, newest(p, side)->id, NULL), 0);
	pair_run(p);
	pair_check(p);
}

static void expect(struct pair *p, uint64_t bytes, enum ike_rekeyer at_a)
{
	static const enum ike_rekeyer other[] = {IKE_REKEYER_NOBODY, IKE_REKEYER_THEM, IKE_REKEYER_US};
	const struct ike_count *a = &newest(p, A)->count, *b = &newest(p, B)->count;

	assert_int_equal(a->agreed, bytes != 0);
	assert_int_equal(b->agreed, bytes != 0);
	assert_int_equal(a->bytes, bytes);
	assert_int_equal(b->bytes, bytes);
	assert_int_equal(a->rekeyer, at_a);
	assert_int_equal(b->rekeyer, other[at_a]);
	assert_int_equal(a->ours, b->theirs);
	assert_int_equal(b->ours, a->theirs);
}

/* In IKE_AUTH, then in rekeys from either end: the greater value, on a tie who started the exchange, zero never. */
static void test_roles(void **state)
{
	static const struct {
		uint16_t a, b;               /* 0: that side says that it does not rekey */
		enum ike_rekeyer by_a, by_b; /* seen from A: the exchange was A's, B's */
	} rows[] = {
		{2, 1, IKE_REKEYER_US, IKE_REKEYER_US},           {1, 2, IKE_REKEYER_THEM, IKE_REKEYER_THEM},
		{65535, 65534, IKE_REKEYER_US, IKE_REKEYER_US},   {0x7fff, 0x8000, IKE_REKEYER_THEM, IKE_REKEYER_THEM},
		{0x0100, 0x00ff, IKE_REKEYER_US, IKE_REKEYER_US}, /* numbers, not octets of this machine */
		{7, 7, IKE_REKEYER_US, IKE_REKEYER_THEM},         {0, 1, IKE_REKEYER_THEM, IKE_REKEYER_THEM},
		{1, 0, IKE_REKEYER_US, IKE_REKEYER_US},           {0, 0, IKE_REKEYER_NOBODY, IKE_REKEYER_NOBODY},
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		count_config(&p);
		p.side[A].range.passive = !rows[i].a;
		p.side[B].range.passive = !rows[i].b;
		pair_force_values(&p.side[A], 3, rows[i].a, rows[i].a, rows[i].a);
		pair_force_values(&p.side[B], 3, rows[i].b, rows[i].b, rows[i].b);
		pair_start(&p);
		pair_up(&p);
		expect(&p, 64 * GIB, rows[i].by_a);
		assert_int_equal(newest(&p, A)->count.ours, rows[i].a);
		assert_int_equal(newest(&p, A)->count.theirs, rows[i].b);
		rekey(&p, A);
		expect(&p, 64 * GIB, rows[i].by_a);
		rekey(&p, B);
		expect(&p, 64 * GIB, rows[i].by_b);
		assert_int_equal(pair_counters(&p.side[A]).count_agreed, 3);
		assert_int_equal(pair_counters(&p.side[B]).count_ignored, 0);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* Every generation draws anew, zero is never drawn, and an IKE rekey changes nothing about it. */
static void test_role_swap(void **state)
{
	struct pair p;

	(void)state;
	count_config(&p);
	pair_force_values(&p.side[A], 5, 9, 0, 0, 1, 9);
	pair_force_values(&p.side[B], 3, 5, 5, 5);
	pair_start(&p);
	pair_up(&p);
	expect(&p, 64 * GIB, IKE_REKEYER_US);
	rekey(&p, A); /* draws 0, 0, 1 */
	expect(&p, 64 * GIB, IKE_REKEYER_THEM);
	assert_int_equal(ike_sa_rekey(p.side[A].ike, p.now, p.side[A].sa), 0);
	pair_run(&p);
	assert_int_equal(p.side[A].sas_rekeyed, 1);
	expect(&p, 64 * GIB, IKE_REKEYER_THEM);
	rekey(&p, B);
	expect(&p, 64 * GIB, IKE_REKEYER_US);
	pair_check_empty(&p);
	pair_end(&p);
}

/* How much a side wants it moves its Rekey Values to a quarter of their range; which one in there is still chance. */
static void test_eager(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int eager = 0; eager <= IKE_EAGER_MAX; eager++) {
		uint16_t least = UINT16_MAX, most = 0;

		count_config(&p);
		p.side[A].range.eager = (uint8_t)eager;
		pair_force_values(&p.side[A], 3, 0x4000, 0,
				  0x8000); /* 0 modulo a quarter: only in the first is that 0 */
		pair_start(&p);
		pair_up(&p);
		for (int i = 0; i < 64; i++) {
			uint16_t value = newest(&p, A)->count.ours;

			assert_int_not_equal(value, 0);
			if (eager)
				assert_int_equal(value >> 14, eager - 1);
			assert_int_equal(newest(&p, B)->count.theirs, value);
			least = value < least ? value : least;
			most = value > most ? value : most;
			rekey(&p, A);
		}
		assert_true(most - least > (eager ? 0x3000 : 0xc000)); /* by the pair's seed */
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void test_ranges(void **state)
{
	static const struct {
		struct ike_count_range a, b;
		uint64_t bytes;       /* 0: no agreement */
		unsigned int ignored; /* by B */
	} rows[] = {
		{{1, 10}, {1, 10}, 10, 0},
		{{1, 10}, {1, 7}, 7, 0},
		{{1, 7}, {1, 10}, 7, 0},
		{{5, 7}, {7, 10}, 7, 0},
		{{7, 10}, {5, 7}, 7, 0},
		{{1, 6}, {7, 10}, 0, 1},
		{{8, 10}, {5, 7}, 0, 1},
		{{UINT64_MAX, UINT64_MAX}, {1, UINT64_MAX}, UINT64_MAX, 0},
		{{1, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}, UINT64_MAX, 0},
		{{0}, {1, 10}, 0, 0}, /* A does not ask */
		{{1, 10}, {0}, 0, 1},
		{{10, 1}, {1, 10}, 0, 0}, /* an owner's mistake is not sent */
		{{0, 10}, {1, 10}, 0, 0},
		{{1, 10}, {10, 1}, 0, 1},
	};
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		count_config(&p);
		p.side[A].range = rows[i].a;
		p.side[B].range = rows[i].b;
		pair_force_values(&p.side[A], 2, 2, 2);
		pair_force_values(&p.side[B], 2, 1, 1);
		pair_start(&p);
		pair_up(&p);
		for (int round = 0; round < 2; round++) {
			expect(&p, rows[i].bytes, rows[i].bytes ? IKE_REKEYER_US : IKE_REKEYER_NOBODY);
			assert_int_equal(pair_counters(&p.side[A]).count_ignored, 0);
			assert_int_equal(pair_counters(&p.side[B]).count_ignored,
					 rows[i].ignored * (1u + (unsigned int)round));
			if (!round)
				rekey(&p, A);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* Without the other's Vendor ID, or with either side's option off, nobody says a word of it. */
static void test_gates(void **state)
{
	struct ike_sa_info info;
	struct pair p;

	(void)state;
	for (unsigned int on = 0; on < 4; on++) {
		count_config(&p);
		p.side[A].conn.count_sa = on & 1;
		p.side[B].conn.count_sa = on & 2;
		pair_start(&p);
		pair_up(&p);
		for (int n = A; n <= B; n++) {
			assert_true(ike_sa_get(p.side[n].ike, p.side[n].sa, &info));
			assert_int_equal(info.keyrack, on & 1); /* A's request began it, or did not */
			assert_int_equal(info.count_sa, on & 1 && p.side[n].conn.count_sa);
		}
		expect(&p, on == 3 ? 64 * GIB : 0, newest(&p, A)->count.rekeyer);
		assert_int_equal(pair_counters(&p.side[A]).count_ignored, 0);
		assert_int_equal(pair_counters(&p.side[B]).count_ignored, 0);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static const struct ike_payload *look_proposed(struct pair *p, int from)
{
	static struct ike_message m;

	pair_look(p, from, &m);
	return ike_message_notify(&m, IKE_N_COUNT_BASED_SA_PROPOSED);
}

/* One entry for each transform id, and where two key lengths share one, the range that suits both. */
static void test_entries(void **state)
{
	static const struct {
		const char *proposal[2];
		struct ike_count_range range, range_256;
		unsigned int n;
		struct ike_count_entry entry[3];
	} rows[] = {
		{{"aes128gcm16"}, {1, 9}, {0}, 1, {{20, 0, 1, 9}}},
		{{"aes128gcm16-aes256gcm16"}, {1, 9}, {3, 20}, 1, {{20, 0, 3, 9}}},
		{{"aes128gcm16", "aes256gcm16"}, {2, 30}, {1, 20}, 1, {{20, 0, 2, 20}}},
		{{"aes128gcm16", "aes256gcm16"}, {2, 3}, {4, 5}, 0, {{0}}}, /* nothing suits both */
		{{"aes128gcm16-chacha20poly1305", "aes256-sha256"},
		 {1, 9},
		 {3, 20},
		 3,
		 {{20, 0, 1, 9}, {28, 0, 1, 9}, {12, 0, 3, 20}}},
		{{"aes128gcm16-aes256gcm16-chacha20poly1305"}, {2, 3}, {4, 5}, 1, {{28, 0, 2, 3}}},
	};
	const struct ike_payload *p41;
	struct ike_count_entry e;
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		count_config(&p);
		for (int n = A; n <= B; n++) {
			struct ike_child_cfg *cfg = &p.side[n].child[0];

			cfg->n_proposals = 0;
			for (unsigned int k = 0; k < 2 && rows[i].proposal[k]; k++)
				pair_proposal(cfg->proposals, &cfg->n_proposals, IKE_PROTO_ESP, rows[i].proposal[k]);
			p.side[n].range = rows[i].range;
			p.side[n].range_256 = rows[i].range_256;
		}
		pair_force_values(&p.side[A], 1, 77);
		pair_start(&p);
		pair_initiate(&p, A);
		pair_step(&p, A);
		pair_step(&p, B);
		p41 = look_proposed(&p, A);
		assert_int_equal(p41 ? p41->data_len : 0, rows[i].n * IKE_COUNT_ENTRY_LEN);
		for (unsigned int k = 0; k < rows[i].n; k++) {
			assert_true(ike_count_entry_decode(p41, k, &e));
			assert_int_equal(e.encr, rows[i].entry[k].encr);
			assert_int_equal(e.value, 77);
			assert_int_equal(e.min, rows[i].entry[k].min);
			assert_int_equal(e.max, rows[i].entry[k].max);
		}
		pair_run(&p);
		pair_check(&p);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* What a message on its way has instead of its count notify. */
struct defect {
	uint16_t kind;    /* replaced: this one */
	uint16_t becomes; /* 0: it is left out */
	bool twice;
	uint8_t data[64];
	size_t len;
};

static void defect_apply(struct ike_builder *b, const struct ike_payload *p, void *ctx)
{
	const struct defect *d = ctx;

	if (!p || p->type != IKE_P_NOTIFY || p->u.notify.kind != d->kind) {
		if (p)
			ike_build_payload(b, p);
		return;
	}
	for (int i = 0; d->becomes && i <= d->twice; i++)
		ike_build_notify(b, 0, NULL, 0, d->becomes, d->data, d->len);
}

#define ENTRY_GCM 0x00, 0x14, 0x00, 0x09
#define U64(n)    0, 0, 0, 0, 0, 0, 0, n

#define PROPOSED IKE_N_COUNT_BASED_SA_PROPOSED
#define SELECTED IKE_N_COUNT_BASED_SA_SELECTED

/* A's offer arrives like this; its range is 2 to 20, its value 9, and B's 1 to 30. */
static const struct {
	struct defect d;
	uint64_t bytes; /* what B then answers, 0: nothing */
	unsigned int ignored_a, ignored_b;
} offers[] = {
	{{PROPOSED, PROPOSED, false, {ENTRY_GCM, U64(2), U64(20)}, 20}, 20, 0, 0}, /* as it was */
	{{PROPOSED, 0, false, {0}, 0}, 0, 0, 0},
	{{PROPOSED, SELECTED, false, {0, 9, U64(20)}, 10}, 0, 0, 0},
	{{PROPOSED, PROPOSED, false, {0}, 0}, 0, 0, 1},
	{{PROPOSED, PROPOSED, false, {ENTRY_GCM, U64(2), U64(20)}, 19}, 0, 0, 1},
	{{PROPOSED, PROPOSED, false, {ENTRY_GCM, U64(2), U64(20), 0}, 21}, 0, 0, 1},
	{{PROPOSED, PROPOSED, true, {ENTRY_GCM, U64(2), U64(20)}, 20}, 0, 0, 1},
	{{PROPOSED, PROPOSED, false, {0, 28, 0, 9, U64(2), U64(20)}, 20}, 0, 0, 1},
	{{PROPOSED, PROPOSED, false, {ENTRY_GCM, U64(20), U64(2)}, 20}, 0, 0, 1},
	{{PROPOSED, PROPOSED, false, {ENTRY_GCM, U64(0), U64(0)}, 20}, 0, 0, 1},
	{{PROPOSED, PROPOSED, false, {ENTRY_GCM, U64(31), U64(40)}, 20}, 0, 0, 1},
	/* B takes this one and answers 30, which A never proposed */
	{{PROPOSED, PROPOSED, false, {ENTRY_GCM, U64(2), U64(40)}, 20}, 30, 1, 0},
};

/* B's answer arrives like this. */
static const struct {
	struct defect d;
	bool agreed; /* at A */
	unsigned int ignored;
} answers[] = {
	{{SELECTED, SELECTED, false, {0, 5, U64(20)}, 10}, true, 0},
	{{SELECTED, SELECTED, false, {0, 5, U64(2)}, 10}, true, 0},
	{{SELECTED, 0, false, {0}, 0}, false, 0},
	{{SELECTED, PROPOSED, false, {ENTRY_GCM, U64(2), U64(20)}, 20}, false, 0},
	{{SELECTED, SELECTED, false, {0, 5, U64(20)}, 9}, false, 1},
	{{SELECTED, SELECTED, false, {0, 5, U64(20), 0}, 11}, false, 1},
	{{SELECTED, SELECTED, false, {0, 5, U64(20), 0, 0, 0, 0, 0, 0}, 16}, false, 1}, /* as if it were aligned */
	{{SELECTED, SELECTED, false, {0}, 0}, false, 1},
	{{SELECTED, SELECTED, false, {0, 5, U64(0)}, 10}, false, 1},
	{{SELECTED, SELECTED, false, {0, 5, U64(1)}, 10}, false, 1},
	{{SELECTED, SELECTED, false, {0, 5, U64(21)}, 10}, false, 1},
	{{SELECTED, SELECTED, true, {0, 5, U64(20)}, 10}, false, 1},
};

/* Up to where A's message with the offer is on the way: IKE_AUTH, or a rekey by A. */
static void defect_begin(struct pair *p, bool in_rekey)
{
	count_config(p);
	p->side[A].range = (struct ike_count_range){.min = 2, .max = 20};
	p->side[B].range = (struct ike_count_range){.min = 1, .max = 30};
	pair_start(p);
	if (in_rekey) {
		pair_up(p);
		p->side[A].ike->counters.count_ignored = p->side[B].ike->counters.count_ignored = 0;
		assert_int_equal(ike_child_rekey(p->side[A].ike, p->now, newest(p, A)->id, NULL), 0);
		return;
	}
	pair_initiate(p, A);
	pair_step(p, A);
	pair_step(p, B);
}

static void defect_end(struct pair *p)
{
	pair_run(p);
	pair_check(p); /* the exchange itself has succeeded in any case */
	assert_int_equal(pair_live(&p->side[A]), 1);
	assert_int_equal(pair_counters(&p->side[A]).invalid, 0);
	assert_int_equal(pair_counters(&p->side[B]).invalid, 0);
}

static void test_defective_offers(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(offers) / sizeof(offers[0]); i++) {
		unsigned int row = i / 2;
		struct defect d = offers[row].d;

		defect_begin(&p, i % 2);
		pair_rewrite(&p, A, defect_apply, &d);
		defect_end(&p);
		assert_int_equal(newest(&p, B)->count.bytes, offers[row].bytes);
		assert_int_equal(newest(&p, A)->count.bytes, offers[row].ignored_a ? 0 : offers[row].bytes);
		assert_int_equal(pair_counters(&p.side[A]).count_ignored, offers[row].ignored_a);
		assert_int_equal(pair_counters(&p.side[B]).count_ignored, offers[row].ignored_b);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void test_defective_answers(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(answers) / sizeof(answers[0]); i++) {
		unsigned int row = i / 2;
		struct defect d = answers[row].d;

		defect_begin(&p, i % 2);
		pair_step(&p, A);
		pair_rewrite(&p, B, defect_apply, &d);
		defect_end(&p);
		assert_int_equal(newest(&p, A)->count.agreed, answers[row].agreed);
		if (answers[row].agreed)
			assert_int_equal(newest(&p, A)->count.theirs, 5);
		assert_int_equal(pair_counters(&p.side[A]).count_ignored, answers[row].ignored);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

static void selected_add(struct ike_builder *b, const struct ike_payload *p, void *ctx)
{
	(void)ctx;
	if (p)
		ike_build_payload(b, p);
	else
		ike_build_notify(b, 0, NULL, 0, SELECTED, "\0\5\0\0\0\0\0\0\0\24", 10);
}

/* An answer to what was not asked: nothing comes of it, with or without our Vendor ID at the other end. */
static void test_unasked(void **state)
{
	struct pair p;

	(void)state;
	for (int keyrack = 0; keyrack < 2; keyrack++) {
		count_config(&p);
		p.side[A].range.max = 0;
		p.side[A].conn.count_sa = keyrack;
		pair_start(&p);
		pair_initiate(&p, A);
		pair_step(&p, A);
		pair_step(&p, B);
		pair_step(&p, A);
		pair_rewrite(&p, B, selected_add, NULL);
		defect_end(&p);
		assert_false(newest(&p, A)->count.agreed);
		assert_int_equal(pair_counters(&p.side[A]).count_ignored, keyrack);
		pair_check_empty(&p);
		pair_end(&p);
	}
}

/* With loss and repeats both ends always hold the same view; what they said once is what they repeat. */
static void test_loss(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned int seed = 1; seed <= 30; seed++) {
		count_config(&p);
		p.prng = prng_init(seed);
		p.loss_percent = 25;
		p.dup_percent = 10;
		pair_start(&p);
		pair_initiate(&p, A);
		pair_pass(&p, 60 * SEC);
		for (int round = 0; round < 4; round++) {
			expect(&p, 64 * GIB, newest(&p, A)->count.rekeyer);
			assert_int_not_equal(newest(&p, A)->count.rekeyer, IKE_REKEYER_NOBODY);
			assert_int_equal(ike_child_rekey(p.side[round & 1].ike, p.now, newest(&p, round & 1)->id, NULL),
					 0);
			pair_pass(&p, 60 * SEC);
			pair_check(&p);
		}
		pair_check_empty(&p);
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eager),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_role_swap),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_defective_offers),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_defective_answers),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
