/* SPDX-License-Identifier: MIT */
#include "plan_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void plan_case_make(struct plan_case *c)
{
	static const uint64_t ms = 1000000u, giga = 1000000000u;

	c->group = (struct plan_group){
		.name = "tunnels",
		.tunnels = 10,
		.queues = 4,
		.byte_rate = 40e9,
		.packet_rate = 40e6,
		.limits = {.bytes = {100 * giga, 200 * giga, 0}},
		.ceiling = {REKEY_INF, REKEY_INF},
		.esn = true,
	};
	plan_ask_default(&c->ask);
	c->ask.size_in = c->ask.size_out = 1000;
	c->ask.reserve = 16;
	c->ask.poll_ns = 1000 * ms;
	c->ask.rtt_ns = 100 * ms;
	c->ask.install_ns = 0;
	c->ask.watch_ns = 50 * ms;
	c->ask.drain_ns = 500 * ms;
	c->ask.let_go_ns = 250 * ms;
	c->ask.retransmit_ns = 1000 * ms;
	c->ask.groups = &c->group;
	c->ask.n_groups = 1;
}

struct plan plan_case_plan(const struct plan_case *c, struct plan_part *part)
{
	struct plan_ask ask = c->ask;
	struct plan p;

	ask.groups = &c->group;
	assert_int_equal(plan_make(&ask, &p, part), 0);
	return p;
}
