/* SPDX-License-Identifier: MIT */
/*
 * Two busy owners on a bad network, a run per seed: Child SAs made, rekeyed and deleted, IKE SAs rekeyed, often by both
 * at the same moment, cards that take their time or refuse, NAT, loss, repetition, overtaking. When the storm is over,
 * both must hold the same. `test_ike_storm SEED` runs one seed, with VERBOSE in the environment it tells everything.
 */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>

enum { SEEDS = 160, ACTS = 300, CHILDREN_MOST = 12, CHILDREN_LEAST = 3 };

static unsigned int first = 1, last = SEEDS, seed;

static void storm_config(struct pair *p)
{
	struct ike_conn_cfg *a = &p->side[A].conn, *b = &p->side[B].conn;

	pair_config(p);
	p->prng = prng_init(seed * 1000);
	a->window = 1 + seed % 8;
	b->window = 1 + seed % 3 * 8;
	if (seed & 1) {
		a->rekey_time_ns = b->rekey_time_ns = 20 * SEC;
		a->rand_time_ns = b->rand_time_ns = 2 * SEC;
		a->over_time_ns = b->over_time_ns = 1000 * SEC;
	}
	if (seed & 2) {
		p->nat = true;
		p->nat_shift = 20000;
		pair_addr(&p->nat_outside, "198.51.100.9", 0);
		b->remote.family = 0;
	}
}

/* The cards get round to it: half of what waits, one in twenty with an error. */
static void storm_install(struct pair *p, struct prng *dice, bool all)
{
	for (int n = A; n <= B; n++) {
		struct pair_side *s = &p->side[n];
		struct pair_child *c, *next;

		for (c = TAILQ_FIRST(&s->children); c; c = next) {
			int err = !all && prng_below(dice, 20) == 0 ? -ENOSPC : 0;

			next = TAILQ_NEXT(c, link);
			if (!c->spi_out || c->down || c->up || c->hint || (!all && prng_below(dice, 2)))
				continue;
			c->hint = p; /* answered */
			c->in = !err;
			ike_child_installed(s->ike, p->now, c->id, err);
		}
	}
}

static void storm_rekey(struct pair *p, struct pair_side *s, struct pair_child *c, bool both)
{
	struct pair_side *other = &p->side[!s->n];
	struct pair_child *peer = pair_by_spi_in(other, c->spi_out);

	ike_child_rekey(s->ike, p->now, c->id, NULL);
	if (both && peer && !peer->down)
		ike_child_rekey(other->ike, p->now, peer->id, NULL);
}

static void storm_act(struct pair *p, struct prng *dice)
{
	struct pair_side *s = &p->side[prng_below(dice, 2)], *other = &p->side[!s->n];
	unsigned int live = pair_live(s), what = (unsigned int)prng_below(dice, 12);
	struct pair_child *c = live ? pair_child_at(s, (unsigned int)prng_below(dice, live)) : NULL;

	if (what < 2 && live < CHILDREN_MOST) {
		ike_child_create(s->ike, p->now, s->sa, &s->child[0], NULL, 0, NULL);
	} else if (what < 7 && c) {
		storm_rekey(p, s, c, prng_below(dice, 3) == 0);
	} else if (what < 9 && c && live > CHILDREN_LEAST) {
		ike_child_delete(s->ike, p->now, c->id);
	} else if (what == 9) {
		ike_sa_rekey(s->ike, p->now, s->sa);
		if (prng_below(dice, 2))
			ike_sa_rekey(other->ike, p->now, other->sa);
	}
}

static void storm_run(void)
{
	struct prng dice = prng_init(seed);
	struct pair p;

	storm_config(&p);
	pair_start(&p);
	pair_up(&p);
	p.loss_percent = seed % 4 * 8;
	p.dup_percent = 10;
	p.reorder = true;
	p.side[A].hold_installs = p.side[B].hold_installs = seed & 8;
	for (int i = 0; i < ACTS; i++) {
		storm_act(&p, &dice);
		if (prng_below(&dice, 3) == 0)
			pair_pass(&p, prng_below(&dice, 2000) * MS);
		if (prng_below(&dice, 2) == 0)
			storm_install(&p, &dice, false);
	}
	p.side[A].hold_installs = p.side[B].hold_installs = false;
	p.side[A].conn.rekey_time_ns = p.side[B].conn.rekey_time_ns = 0; /* the next IKE SAs stay */
	p.loss_percent = 0;
	for (int i = 0; i < 100; i++) {
		storm_install(&p, &dice, true);
		pair_pass(&p, 4 * SEC);
	}
	for (int n = A; n <= B; n++)
		assert_int_equal(p.side[n].sas_up + p.side[n].sas_rekeyed - p.side[n].sas_down, 1);
	pair_check(&p);
	pair_check_empty(&p);
	pair_end(&p);
}

static void test_storm(void **state)
{
	(void)state;
	for (seed = first; seed <= last; seed++)
		storm_run();
}

static int storm_over(void **state)
{
	(void)state;
	if (seed <= last)
		print_message("seed %u\n", seed);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_storm, storm_over)};

	if (argc > 1)
		first = last = (unsigned int)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
