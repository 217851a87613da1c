/* SPDX-License-Identifier: MIT */
#include "optimized_rig.h"

#include <string.h>

#include "ike/engine.h"

void optimized_config(struct pair *p)
{
	pair_config(p);
	p->side[A].conn.optimized_rekey = p->side[B].conn.optimized_rekey = true;
}

void optimized_proposals(struct pair *p, const char *spec)
{
	for (int n = A; n <= B; n++) {
		p->side[n].child[0].n_proposals = 0;
		pair_proposal(p->side[n].child[0].proposals, &p->side[n].child[0].n_proposals, IKE_PROTO_ESP, spec);
	}
}

struct pair_child *optimized_last(struct pair *p, int side)
{
	return TAILQ_LAST(&p->side[side].children, pair_children);
}

const struct ike_child_sa *optimized_newest(struct pair *p, int side)
{
	return ike_child_get(p->side[side].ike, optimized_last(p, side)->id);
}

void optimized_rekey_begin(struct pair *p, int side)
{
	assert_int_equal(ike_child_rekey(p->side[side].ike, p->now, optimized_last(p, side)->id, NULL), 0);
}

void optimized_rekey(struct pair *p, int side)
{
	optimized_rekey_begin(p, side);
	pair_run(p);
	pair_check(p);
	assert_int_equal(pair_live(&p->side[A]), 1);
}

void optimized_sa_rekey_begin(struct pair *p, int side)
{
	assert_int_equal(ike_sa_rekey(p->side[side].ike, p->now, p->side[side].sa), 0);
}

/* Up, and past the first rekey, which is always a regular one. */
void optimized_begin(struct pair *p)
{
	pair_start(p);
	pair_up(p);
	optimized_rekey(p, A);
	assert_false(optimized_newest(p, A)->optimized);
}

const char *optimized_look(struct pair *p, int from)
{
	static struct ike_message m;
	static char text[300];
	const char *inside;

	pair_look(p, from, &m);
	inside = strchr(ike_message_print(&m, text, sizeof(text)), '[');
	assert_non_null(inside);
	return inside;
}

uint16_t optimized_answered(struct pair *p, int from)
{
	const struct ike_payload *error;
	struct ike_message m;

	pair_look(p, from, &m);
	error = ike_message_error(&m);
	return error ? error->u.notify.kind : 0;
}
