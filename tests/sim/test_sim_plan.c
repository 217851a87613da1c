/* SPDX-License-Identifier: MIT */
/*
 * What `keyrack plan` says beforehand against what two controllers and two cards do in virtual time: rekeys a second,
 * the worst minute, and that what fits is done without an SA at its hard limit. The first case is `keyrack demo
 * --slots 20 --queues 8`: its rates, its limits, its polls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/plan.h"
#include "sim_story.h"

enum { MINUTES = 5, SECOND_MAX = 60 * MINUTES };

struct plan_row {
	const char *name;
	uint32_t slots, queues;
	double rate; /* packets a second of each queue and direction */
	uint64_t rekey, life, rand;
	uint64_t poll_ms, drain_ms, delay_ms; /* delay: one way */
	bool (*up)(struct world *w);
};

static const struct plan_row rows[] = {
	{"demo", 20, 8, 125, 750, 2250, 375, 200, 200, 1, story_nine_up},
	{"far", 64, 4, 100, 1000, 2000, 400, 500, 500, 40, story_five_up},
	{"narrow", 64, 8, 100, 1500, 3000, 100, 1000, 1000, 5, story_nine_up},
};

static void world_configure(const struct plan_row *row, struct world_config *c, char *extra, size_t size,
			    const char *per_cpu)
{
	snprintf(extra, size, "rand_packets = %llu\n", (unsigned long long)row->rand);
	c->net.delay_ns = row->delay_ms * sim_ms;
	c->nic_delay_ns = sim_ms;
	for (unsigned int i = 0; i < 2; i++)
		c->side[i] = (struct side_config){
			.slots = row->slots,
			.queues = row->queues,
			.per_cpu_sas = per_cpu,
			.rekey_packets = row->rekey,
			.life_packets = row->life,
			.child_extra = extra,
			.counter_poll_ms = row->poll_ms,
			.drain_ms = row->drain_ms,
		};
	c->side[0].start_action = "start";
}

static struct plan plan_of(const struct plan_row *row)
{
	const struct plan_group group = {
		.tunnels = 1,
		.queues = row->queues,
		.packet_rate = row->rate * row->queues,
		.packet_peak = 1.25 * row->rate, /* packets come at random */
		.limits = {.packets = {row->rekey, row->life, row->rand}},
		.ceiling = {UINT32_MAX, REKEY_INF},
	};
	struct plan_ask ask;
	struct plan p;

	plan_ask_default(&ask);
	ask.size_in = row->slots;
	ask.shared = true;
	ask.poll_ns = row->poll_ms * sim_ms;
	ask.drain_ns = row->drain_ms * sim_ms;
	ask.rtt_ns = 2 * row->delay_ms * sim_ms;
	ask.retransmit_ns = 300 * sim_ms;
	ask.groups = &group;
	ask.n_groups = 1;
	assert_int_equal(plan_make(&ask, &p, NULL), 0);
	return p;
}

/* Replacements made so far, by either side. */
static uint64_t rekeys(struct world *w)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct controller_counters c;

		controller_counters_get(w->side[i].c, &c);
		n += c.rekeys_done;
	}
	return n;
}

/* After each second. False: something has failed. */
static bool measure(struct world *w, uint64_t after[static SECOND_MAX + 1])
{
	after[0] = rekeys(w);
	for (unsigned int s = 1; s <= SECOND_MAX; s++) {
		if (!world_run(w, sim_s))
			return false;
		after[s] = rekeys(w);
	}
	return true;
}

static void compare(const struct plan_row *row, const uint64_t *after)
{
	struct plan p = plan_of(row);
	double measured = (double)(after[SECOND_MAX] - after[0]) / SECOND_MAX;
	uint64_t worst = 0;

	for (unsigned int s = 60; s <= SECOND_MAX; s++)
		if (after[s] - after[s - 60] > worst)
			worst = after[s] - after[s - 60];
	print_message("%s: %.3f rekeys a second, planned %.3f; %llu in the worst minute, planned %llu\n", row->name,
		      measured, p.rekeys, (unsigned long long)worst, (unsigned long long)p.worst_minute);
	assert_true(p.fits);
	assert_true(measured > 0.9 * p.rekeys && measured < 1.1 * p.rekeys);
	assert_true(worst <= p.worst_minute);
}

static void as_planned(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = {0};
		uint64_t after[SECOND_MAX + 1] = {0};
		char extra[64], per_cpu[8];
		struct world w;

		snprintf(per_cpu, sizeof(per_cpu), "%u", rows[i].queues);
		world_configure(&rows[i], &config, extra, sizeof(extra), per_cpu);
		world_make(&w, 1, &config, false);
		if (story_flow(&w, rows[i].up, rows[i].queues, rows[i].rate) && measure(&w, after))
			story_finish(&w);
		if (w.failed)
			fail_msg("%s: %s", rows[i].name, w.why);
		world_free(&w);
		compare(&rows[i], after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_planned)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
