/* SPDX-License-Identifier: MIT */
/* The queue map under the controller: CPUs that come and go, channels, flow rules, and no map at all. */
#include "controller_rig.h"

#include <stdlib.h>

#include "tests/unit/offload/files.h"

enum { LANES = 8 };

struct lanes { /* a side's queue view, by queue; the fallback apart */
	unsigned int n;
	bool fallback;
	struct controller_queue queue[LANES];
	struct controller_child child[LANES];
	char in[LANES][16], why[LANES][QUEUES_TEXT], poor[QUEUES_TEXT];
};

static void lane_note(void *ctx, const struct controller_queue *q)
{
	struct lanes *l = ctx;

	snprintf(l->poor, sizeof(l->poor), "%s", q->poor);
	if (q->queue == UINT32_MAX) {
		l->fallback = true;
		return;
	}
	assert_true(q->queue < LANES);
	l->n++;
	l->queue[q->queue] = *q;
	l->child[q->queue] = *q->child;
	snprintf(l->in[q->queue], sizeof(l->in[0]), "%s", q->in);
	snprintf(l->why[q->queue], sizeof(l->why[0]), "%s", q->why);
}

static struct lanes lanes_of(struct side *s)
{
	struct lanes l = {0};

	controller_queue_each(s->c, s->w->now, lane_note, &l);
	return l;
}

static struct world_config per_queue(void)
{
	struct world_config config = rig_config();

	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].per_cpu_sas = "yes";
		config.side[i].queues_open = true;
	}
	return config;
}

static void a_lane_has_the_queues_of_its_cpu(void **state)
{
	struct world_config config = per_queue();
	struct lanes l;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int i = 0; i < 2; i++) {
		l = lanes_of(&w.side[i]);
		assert_int_equal(l.n, 4);
		assert_true(l.fallback);
		assert_string_equal(l.poor, "");
		for (unsigned int q = 0; q < 4; q++) {
			assert_int_equal(l.child[q].cpu, q);
			assert_int_equal(l.queue[q].tx, q);
			assert_int_equal(l.queue[q].rx, q);
			assert_string_equal(l.in[q], "hash");
			assert_string_equal(l.why[q], "");
		}
	}
	rig_free(&w);
}

static void rates_are_the_queues_own(void **state)
{
	struct world_config config = per_queue();
	struct lanes l = {0};
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	world_streams(&w, 2, 100);
	for (unsigned int i = 0; i < 20; i++) {
		rig_run(&w, 1000);
		l = lanes_of(&w.side[0]);
	}
	assert_true(l.queue[0].packet_rate > 70 && l.queue[0].packet_rate < 130);
	assert_true(l.queue[0].share > 0.35 && l.queue[0].share < 0.65);
	assert_true(l.queue[3].packet_rate < 1 && l.queue[3].share < 0.01);
	assert_true(world_quiet(&w));
	rig_free(&w);
}

/* ---- CPUs ---- */

static struct files *machine(struct world_config *config, const char *online)
{
	struct files *f = files_new();

	files_device(f, "card", 4, 4);
	files_put(f, online, "sys/devices/system/cpu/online");
	config->side[0].root = f->root;
	return f;
}

static void a_cpu_goes_and_comes_back(void **state)
{
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0-3\n");
	struct lanes before, l;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	before = lanes_of(&w.side[0]);
	assert_int_equal(before.n, 4);
	files_put(f, "0,1,3\n", "sys/devices/system/cpu/online");
	rig_run(&w, 7000); /* CPUs tell nobody: the next look at them, and its SA drains */
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.child[2].id, 0);
	assert_int_equal(l.child[3].in.spi, before.child[3].in.spi);
	assert_int_equal(rig_slots(&w.side[0]).occ, 2 * 4);
	files_put(f, "0-3\n", "sys/devices/system/cpu/online");
	rig_run(&w, 6000);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 4);
	assert_int_equal(l.child[2].cpu, 2);
	assert_string_equal(l.in[2], "hash");
	assert_int_equal(lanes_of(&w.side[1]).n, 4);
	rig_free(&w);
	files_free(f);
}

/* The queue of the other side that receives what queue q of A sends. */
static unsigned int partner(struct world *w, unsigned int q)
{
	struct lanes a = lanes_of(&w->side[0]), b = lanes_of(&w->side[1]);

	for (unsigned int n = 0; n < LANES; n++)
		if (a.child[q].out.spi && b.child[n].in.spi == a.child[q].out.spi)
			return n;
	fail_msg("queue %u has no partner", q);
	return LANES;
}

/* Queues come back in another order than they came first: each is paired with the same one of the peer. */
static void a_queue_is_paired_with_the_one_it_had(void **state)
{
	static const char *const online[] = {"1,3\n", "1-3\n", "0-3\n"};
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0-3\n");
	unsigned int before[4];
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int q = 0; q < 4; q++)
		before[q] = partner(&w, q);
	for (unsigned int i = 0; i < 3; i++) {
		files_put(f, online[i], "sys/devices/system/cpu/online");
		rig_run(&w, 7000);
	}
	for (unsigned int q = 0; q < 4; q++)
		assert_int_equal(partner(&w, q), before[q]);
	rig_free(&w);
	files_free(f);
}

static void unserved_note(void *ctx, const struct controller_unserved *q)
{
	assert_int_equal(q->queue, 3);
	assert_int_equal(q->cpu, 3);
	assert_string_equal(q->why, "its CPU is offline");
	++*(unsigned int *)ctx;
}

static void an_offline_lane_is_not_asked_for(void **state)
{
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0-3\n");
	unsigned int unserved = 0;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	files_put(f, "0-2\n", "sys/devices/system/cpu/online");
	rig_run(&w, 30000);
	assert_int_equal(lanes_of(&w.side[0]).n, 3);
	controller_unserved_each(w.side[0].c, w.now, unserved_note, &unserved);
	assert_int_equal(unserved, 1);
	files_free(f);
	rig_free(&w);
}

static void new_cpus_are_new_lanes(void **state)
{
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0,2\n");
	struct lanes l;
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.child[1].cpu, 2);
	files_put(f, "0-3\n", "sys/devices/system/cpu/online");
	rig_run(&w, 6000);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 4);
	assert_int_equal(l.child[1].cpu, 2); /* a queue never gets another CPU */
	assert_int_equal(l.child[2].cpu, 1);
	assert_int_equal(l.child[3].cpu, 3);
	rig_free(&w);
	files_free(f);
}

static void a_number_of_queues_is_a_limit(void **state)
{
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0-3\n");
	struct world w;

	(void)state;
	config.side[0].per_cpu_sas = "3";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(lanes_of(&w.side[0]).n, 3);
	rig_free(&w);
	files_free(f);
}

static void what_was_set_is_put_back(void **state)
{
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0-3\n");
	struct rig_answer stopped = {0};
	struct world w;

	(void)state;
	config.side[0].nic_extra = "manage_queues = yes";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(strtoul(files_get(f, "sys/class/net/card/queues/tx-2/xps_cpus"), NULL, 16), 1 << 2);
	controller_stop(w.side[0].c, w.now, w.now + 10 * sim_s, rig_done, &stopped);
	rig_run(&w, 15000);
	assert_int_equal(stopped.calls, 1);
	assert_int_equal(stopped.err, 0);
	assert_int_equal(strtoul(files_get(f, "sys/class/net/card/queues/tx-2/xps_cpus"), NULL, 16), 0);
	rig_free(&w);
	files_free(f);
}

/* ---- channels and rules ---- */

static void fewer_channels_move_what_does_not_land_any_more(void **state)
{
	struct world_config config = per_queue();
	struct lanes l;
	struct world w;

	(void)state;
	config.side[0].queues_open = config.side[1].queues_open = false;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	nic_channels(&w.side[0].nic, 3);
	rig_run(&w, 3000);
	assert_true(rig_counters(&w.side[0]).queue_rekeys >= 1);
	assert_int_equal(rig_counters(&w.side[1]).queue_rekeys, 0);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 4);
	for (unsigned int q = 0; q < 4; q++) {
		assert_true(l.queue[q].rx < 3);
		assert_string_equal(l.in[q], "hash");
	}
	rig_free(&w);
}

static void flow_rules_lead_where_rss_does_not_see_the_spi(void **state)
{
	struct world_config config = per_queue();
	struct lanes l;
	struct world w;

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		config.side[i].profile = "rules-33";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	l = lanes_of(&w.side[0]);
	for (unsigned int q = 0; q < 4; q++)
		assert_string_equal(l.in[q], "rule");
	assert_int_equal(rig_counters(&w.side[0]).queue_rules, 4);
	assert_int_equal(rig_counters(&w.side[0]).queue_rules_refused, 0);
	rig_free(&w);
}

static void a_refused_rule_is_said_and_nothing_fails(void **state)
{
	struct world_config config = per_queue();
	struct lanes l;
	struct world w;

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		config.side[i].profile = "rules-33";
	rig_make(&w, &config);
	w.side[0].nic.no_rules = true;
	assert_int_equal(rig_up(&w), 0);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 4);
	for (unsigned int q = 0; q < 4; q++) {
		assert_string_equal(l.in[q], "any");
		assert_string_equal(l.why[q], "its flow rule is refused: No space left on device");
	}
	assert_int_equal(rig_counters(&w.side[0]).queue_rules_refused, 4);
	rig_free(&w);
}

/* ---- no map ---- */

static void without_a_map_queue_sas_come_after_a_while(void **state)
{
	struct world_config config = per_queue();
	struct lanes l;
	struct world w;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].queues_open = false;
		config.side[i].no_ethtool = true;
	}
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.in[0], "");
	assert_string_equal(l.why[0], "the queue map is not known");
	assert_string_equal(l.poor, "the queue map has not been read yet");
	assert_int_equal(l.child[3].cpu, 3);
	rig_free(&w);
}

/* SAs made without the map are bound to other CPUs, and land anywhere: they are replaced when it comes. */
static void a_late_map_moves_what_was_made_without_it(void **state)
{
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0,2,3\n");
	struct lanes l;
	struct world w;

	(void)state;
	config.side[0].queues_open = false;
	config.side[0].queues = 3;
	config.side[0].no_ethtool = true;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.child[1].cpu, 1);
	w.side[0].nic.no_ethtool = false;
	rig_run(&w, 6000);
	l = lanes_of(&w.side[0]);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.child[1].cpu, 2);
	assert_int_equal(l.child[2].cpu, 3);
	assert_true(rig_counters(&w.side[0]).queue_rekeys >= 2);
	for (unsigned int q = 0; q < 3; q++)
		assert_string_equal(l.in[q], "hash");
	rig_free(&w);
	files_free(f);
}

/* The first answers of a daemon that has just started: its peer asks for queues before it knows its own. */
static void a_peer_that_asks_before_the_map_is_there_comes_again(void **state)
{
	struct world_config config = per_queue();
	struct rig_answer answer = {0};
	struct world w;

	(void)state;
	config.side[1].no_ethtool = true;
	rig_make(&w, &config);
	controller_initiate(w.side[0].c, w.now, "peer", "net", 0, rig_done, &answer);
	rig_run(&w, 300);
	assert_int_equal(lanes_of(&w.side[0]).n, 0);
	w.side[1].nic.no_ethtool = false;
	rig_run(&w, 10000);
	assert_int_equal(lanes_of(&w.side[0]).n, 4);
	assert_string_equal(lanes_of(&w.side[1]).in[3], "hash");
	rig_free(&w);
}

static void the_link_that_comes_up_is_a_reason_to_look(void **state)
{
	struct world_config config = per_queue();
	struct files *f = machine(&config, "0-2\n");
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(lanes_of(&w.side[0]).n, 3);
	files_put(f, "0-3\n", "sys/devices/system/cpu/online");
	controller_resync(w.side[0].c, w.now, "the link is up again");
	rig_run(&w, 300);
	assert_int_equal(lanes_of(&w.side[0]).n, 4);
	rig_free(&w);
	files_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_has_the_queues_of_its_cpu),
		cmocka_unit_test(rates_are_the_queues_own),
		cmocka_unit_test(a_cpu_goes_and_comes_back),
		cmocka_unit_test(a_queue_is_paired_with_the_one_it_had),
		cmocka_unit_test(an_offline_lane_is_not_asked_for),
		cmocka_unit_test(new_cpus_are_new_lanes),
		cmocka_unit_test(a_number_of_queues_is_a_limit),
		cmocka_unit_test(what_was_set_is_put_back),
		cmocka_unit_test(fewer_channels_move_what_does_not_land_any_more),
		cmocka_unit_test(flow_rules_lead_where_rss_does_not_see_the_spi),
		cmocka_unit_test(a_refused_rule_is_said_and_nothing_fails),
		cmocka_unit_test(without_a_map_queue_sas_come_after_a_while),
		cmocka_unit_test(a_late_map_moves_what_was_made_without_it),
		cmocka_unit_test(a_peer_that_asks_before_the_map_is_there_comes_again),
		cmocka_unit_test(the_link_that_comes_up_is_a_reason_to_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
