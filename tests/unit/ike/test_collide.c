/* SPDX-License-Identifier: MIT */
/*
 * Both ends act at once: RFC 7296 2.8.1, 2.8.2 and 2.25 as a matrix of {what each end does} x {which of the four nonces
 * is lowest} x {which datagram is lost, late or doubled} x {whose datagrams come first}. After every cell both ends
 * must hold the same Child SAs with the same keys, on the same single IKE SA, the nonces' verdict must have been
 * followed, and each reservation must have had its one DOWN.
 */
#include "pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum act {
	CHILD_CREATE,
	CHILD_REKEY,
	CHILD_DELETE,
	SA_REKEY,
	SA_DELETE,
	NOTHING,
};

static const char *const act_names[] = {"child create", "child rekey", "child delete",
					"IKE rekey",    "IKE delete",  "nothing"};

/* The nonces of the two requests and the two answers, A's exchange first. */
enum lowest { A_REQUEST, B_ANSWER, B_REQUEST, A_ANSWER, LOWEST };

enum { DATAGRAMS = 10 };

struct cell {
	enum act a, b;
	enum lowest lowest;
	struct pair_fault fault[PAIR_FAULTS_AT_ONCE];
	unsigned int faults;
	bool b_first, keep_old;
	unsigned int window;
	bool optimized;  /* rekeys of either side may be optimized ones: those of ... */
	bool regular[2]; /* ... this side are not */
};

static char where[200];

static void cell_describe(const struct cell *c)
{
	static const char *const low[] = {"A's request", "B's answer", "B's request", "A's answer"};
	static const char *const kind[] = {"lost", "late", "very late", "twice"};
	int at = snprintf(where, sizeof(where), "A: %s%s, B: %s%s, lowest: %s, window %u%s%s",
			  c->optimized && !c->regular[A] ? "optimized " : "", act_names[c->a],
			  c->optimized && !c->regular[B] ? "optimized " : "", act_names[c->b], low[c->lowest],
			  c->window, c->b_first ? ", B first" : "", c->keep_old ? ", late deletes" : "");

	for (unsigned int i = 0; i < c->faults; i++)
		at += snprintf(where + at, sizeof(where) - (size_t)at, ", #%u %s", c->fault[i].seq,
			       kind[c->fault[i].kind]);
}

static void cell_act(struct pair *p, int side, enum act act)
{
	struct pair_side *s = &p->side[side];
	int err = 0;

	switch (act) {
	case CHILD_CREATE:
		err = ike_child_create(s->ike, p->now, s->sa, &s->child[0], NULL, 0, NULL);
		break;
	case CHILD_REKEY:
		err = ike_child_rekey(s->ike, p->now, pair_child_at(s, 0)->id, NULL);
		break;
	case CHILD_DELETE:
		err = ike_child_delete(s->ike, p->now, pair_child_at(s, 0)->id);
		break;
	case SA_REKEY:
		err = ike_sa_rekey(s->ike, p->now, s->sa);
		break;
	case SA_DELETE:
		err = ike_sa_delete(s->ike, p->now, s->sa);
		break;
	case NOTHING:
		break;
	}
	assert_int_equal(err, 0);
}

static void cell_nonces(struct pair *p, enum lowest lowest)
{
	int v[LOWEST] = {0x40, 0x50, 0x60, 0x70};

	v[lowest] = 0x10;
	pair_force_nonces(&p->side[A], 2, v[A_REQUEST], v[A_ANSWER]);
	pair_force_nonces(&p->side[B], 2, v[B_REQUEST], v[B_ANSWER]);
}

/* Owners who delete the old one themselves, some time after the new one is up. */
static void cell_delete_old(struct pair *p, struct pair_child *const olds[2])
{
	for (int n = A; n <= B; n++) {
		struct pair_side *s = &p->side[n];
		struct pair_child *c, *old = olds[n];

		TAILQ_FOREACH (c, &s->children, link)
			if (!c->down && c->delete_old && old && !old->down && old != c)
				ike_child_delete(s->ike, p->now, old->id);
	}
}

static void count_sas(void *ctx, const struct ike_sa_info *sa)
{
	unsigned int *n = ctx;

	assert_int_equal(sa->state, IKE_SA_ESTABLISHED);
	(*n)++;
}

/* The replacement on this side that A, or B, asked for in this cell; NULL: there was none. */
static struct pair_child *rekeyed_by(struct pair *p, int side, int by)
{
	struct pair_child *c;

	TAILQ_FOREACH (c, &p->side[side].children, link)
		if (c->rekey && !c->seen && c->initiator == (side == by))
			return c;
	return NULL;
}

/* One replacement remains; and whoever has seen all four nonces has let the right one go, at once and never sending. */
static void cell_check_nonces(struct pair *p, const struct cell *c, const uint64_t resolved[2])
{
	int loser = c->lowest == A_REQUEST || c->lowest == B_ANSWER ? A : B;
	struct pair_child *lost, *won;

	for (int n = A; n <= B; n++) {
		if (pair_counters(&p->side[n]).redundant_children == resolved[n])
			continue;
		lost = rekeyed_by(p, n, loser);
		won = rekeyed_by(p, n, !loser);
		assert_non_null(lost);
		assert_non_null(won);
		assert_true(lost->down);
		assert_false(lost->out);
		assert_int_equal(lost->why, IKE_DOWN_REDUNDANT);
		assert_true(won->in && won->out);
		assert_false(won->redundant);
		assert_false(won->down);
	}
	for (int n = A; n <= B; n++) {
		unsigned int crossed = 0;

		TAILQ_FOREACH (lost, &p->side[n].children, link)
			crossed += lost->crossed;
		assert_int_equal(crossed, pair_counters(&p->side[n]).collisions);
		assert_int_equal(pair_live(&p->side[n]), 1);
		assert_false(pair_child_at(&p->side[n], 0)->seen);
	}
}

/* Both ends saw the other's rekey while theirs was open: then the nonces decide whose IKE SA remains. */
static void cell_check_ike_nonces(struct pair *p, const struct cell *c)
{
	bool a_loses = c->lowest == A_REQUEST || c->lowest == B_ANSWER;
	struct ike_sa_info info;

	if (!pair_counters(&p->side[A]).collisions || !pair_counters(&p->side[B]).collisions)
		return;
	assert_true(ike_sa_get(p->side[A].ike, p->side[A].sa, &info));
	assert_int_equal(info.initiator, !a_loses);
}

/* The first one of all is always a regular rekey; after it the Child SA can be rekeyed in both ways. */
static void cell_first_rekey(struct pair *p, const struct cell *c)
{
	cell_act(p, A, CHILD_REKEY);
	pair_run(p);
	pair_check(p);
	for (int n = A; n <= B; n++) /* the agreement stands, this side just does not make use of it */
		p->side[n].conn.optimized_rekey = !c->regular[n];
}

static void cell_run(const struct cell *c)
{
	unsigned int sas[2] = {0};
	uint64_t resolved[2];
	struct pair_child *child, *old[2];
	struct pair p;

	cell_describe(c);
	pair_config(&p);
	p.side[A].conn.window = p.side[B].conn.window = c->window;
	p.side[A].conn.optimized_rekey = p.side[B].conn.optimized_rekey = c->optimized;
	pair_start(&p);
	pair_up(&p);
	if (c->optimized)
		cell_first_rekey(&p, c);
	for (int n = A; n <= B; n++) {
		old[n] = pair_child_at(&p.side[n], 0);
		TAILQ_FOREACH (child, &p.side[n].children, link)
			child->seen = true;
		p.side[n].keep_old = c->keep_old;
		resolved[n] = pair_counters(&p.side[n]).redundant_children;
	}
	cell_nonces(&p, c->lowest);
	p.b_first = c->b_first;
	pair_faults(&p, c->fault, c->faults);
	cell_act(&p, A, c->a);
	cell_act(&p, B, c->b);
	pair_pass(&p, 5 * SEC);
	if (c->keep_old)
		cell_delete_old(&p, old);
	pair_pass(&p, 60 * SEC);
	if (c->a != SA_DELETE && c->b != SA_DELETE) {
		pair_check(&p);
		for (int n = A; n <= B; n++) {
			ike_sa_each(p.side[n].ike, count_sas, &sas[n]);
			assert_int_equal(sas[n], 1);
			assert_int_equal(pair_counters(&p.side[n]).sas, 1);
		}
	}
	if (c->a == CHILD_REKEY && c->b == CHILD_REKEY)
		cell_check_nonces(&p, c, resolved);
	if (c->a == SA_REKEY && c->b == SA_REKEY)
		cell_check_ike_nonces(&p, c);
	pair_check_empty(&p);
	pair_end(&p);
	where[0] = '\0';
}

static int cell_failed(void **state)
{
	(void)state;
	if (where[0])
		print_message("in the cell: %s\n", where);
	return 0;
}

static void each_fault(struct cell *c)
{
	c->faults = 0;
	cell_run(c);
	for (unsigned int seq = 0; seq < DATAGRAMS; seq++)
		for (unsigned int kind = 0; kind < PAIR_FAULTS; kind++) {
			c->faults = 1;
			c->fault[0] = (struct pair_fault){true, seq, (enum pair_fault_kind)kind};
			cell_run(c);
		}
}

static void each_order(struct cell *c)
{
	for (int order = 0; order < 2; order++) {
		c->b_first = order;
		for (unsigned int lowest = 0; lowest < LOWEST; lowest++) {
			c->lowest = (enum lowest)lowest;
			each_fault(c);
		}
	}
}

static void matrix(enum act a, enum act b)
{
	struct cell c = {.a = a, .b = b};
	static const unsigned int windows[] = {1, 8};

	for (unsigned int i = 0; i < 2; i++) {
		c.window = windows[i];
		c.keep_old = false;
		each_order(&c);
		if (a == CHILD_REKEY || b == CHILD_REKEY) {
			c.keep_old = true;
			each_order(&c);
		}
	}
}

/* Optimized rekeys against each other and against regular ones: the same nonces, the same verdicts. */
static void matrix_optimized(enum act a, enum act b)
{
	for (unsigned int regular = 0; regular < 3; regular++) { /* both regular is the other matrix */
		struct cell c = {
			.a = a, .b = b, .window = 1, .optimized = true, .regular = {regular == 1, regular == 2}};

		for (int keep_old = 0; keep_old < 2; keep_old++) {
			c.keep_old = keep_old;
			each_order(&c);
		}
	}
}

/* Two datagrams go wrong at a time. */
static void matrix_of_pairs(enum act a, enum act b)
{
	struct cell c = {.a = a, .b = b, .faults = 2, .window = 1};

	for (unsigned int lowest = 0; lowest < LOWEST; lowest++)
		for (unsigned int i = 0; i < 6; i++)
			for (unsigned int j = i + 1; j < 7; j++)
				for (unsigned int k = 0; k < 3 * 3; k++) {
					c.lowest = (enum lowest)lowest;
					c.fault[0] = (struct pair_fault){true, i, (enum pair_fault_kind)(k % 3)};
					c.fault[1] = (struct pair_fault){true, j, (enum pair_fault_kind)(k / 3)};
					cell_run(&c);
				}
}

#define MATRIX(name, a, b)                    \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		matrix(a, b);                 \
	}

MATRIX(child_child, CHILD_REKEY, CHILD_REKEY)
MATRIX(child_alone, CHILD_REKEY, NOTHING)
MATRIX(child_delete_rekey, CHILD_DELETE, CHILD_REKEY)
MATRIX(child_delete_delete, CHILD_DELETE, CHILD_DELETE)
MATRIX(ike_ike, SA_REKEY, SA_REKEY)
MATRIX(ike_alone, SA_REKEY, NOTHING)
MATRIX(ike_child_create, SA_REKEY, CHILD_CREATE)
MATRIX(ike_child_rekey, SA_REKEY, CHILD_REKEY)
MATRIX(ike_child_delete, SA_REKEY, CHILD_DELETE)
MATRIX(ike_delete_rekey, SA_DELETE, SA_REKEY)
MATRIX(ike_delete_delete, SA_DELETE, SA_DELETE)
MATRIX(ike_delete_child_rekey, SA_DELETE, CHILD_REKEY)

static void test_optimized(void **state)
{
	(void)state;
	matrix_optimized(CHILD_REKEY, CHILD_REKEY);
	matrix_optimized(SA_REKEY, SA_REKEY);
	matrix_optimized(SA_REKEY, CHILD_REKEY);
}

static void test_two_faults(void **state)
{
	(void)state;
	matrix_of_pairs(CHILD_REKEY, CHILD_REKEY);
	matrix_of_pairs(SA_REKEY, SA_REKEY);
}

#define CELLS(name) cmocka_unit_test_teardown(test_##name, cell_failed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CELLS(child_alone),         CELLS(child_child),       CELLS(child_delete_rekey),
		CELLS(child_delete_delete), CELLS(ike_alone),         CELLS(ike_ike),
		CELLS(ike_child_create),    CELLS(ike_child_rekey),   CELLS(ike_child_delete),
		CELLS(ike_delete_rekey),    CELLS(ike_delete_delete), CELLS(ike_delete_child_rekey),
		CELLS(optimized),           CELLS(two_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
