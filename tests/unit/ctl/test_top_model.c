/* SPDX-License-Identifier: MIT */
/* What follows from one answer after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "top_answers.h"

#define S top_second

static int make(void **state)
{
	static struct top_model m;

	m = (struct top_model){0};
	*state = &m;
	return 0;
}

static int drop(void **state)
{
	top_model_free(*state);
	return 0;
}

static const struct answer_sa any = {.ike_id = 1, .id = 1, .queue = -1, .state = "INSTALLED"},
			      first = {.ike_id = 1, .id = 2, .queue = 0, .state = "INSTALLED", .soft = 25, .hard = 5},
			      second = {.ike_id = 1, .id = 3, .queue = 1, .state = "INSTALLED"};

static void status_and_pools(void **state)
{
	struct top_model *m = *state;
	struct answers a;

	answers_init(&a, 5, 7);
	answers_pool(&a, "in", 100, 10, 2);
	answers_pool(&a, "out", 200, 20, 3);
	answers_give(&a, m, S);
	assert_true(m->known);
	assert_string_equal(m->status.version, "1.2.3");
	assert_string_equal(m->status.profile, "cx7");
	assert_int_equal(m->status.half_open, 2);
	assert_int_equal(m->status.rekeys_done, 7);
	assert_int_equal(m->status.rekeys_failed, 4);
	assert_int_equal(m->status.refused_card, 5);
	assert_int_equal(m->status.refused_rack, 6);
	assert_int_equal(m->n_pools, 2);
	assert_string_equal(m->pool[1].name, "out");
	assert_int_equal(m->pool[1].free, 180);
	assert_int_equal(m->pool[1].reserve, 3);
	assert_int_equal(m->pool[1].learned, -1);
	assert_int_equal(m->pool[1].first, 100);
	assert_int_equal(m->pool[1].n_slots, 200);
}

/* A slot's number counts through the pools; what its SA is doing shows in its state. */
static void slots_have_states(void **state)
{
	static const struct answer_sa rekeying = {.ike_id = 1, .id = 4, .queue = 0, .state = "REKEYING", .soft = 101},
				      old = {.ike_id = 1, .id = 5, .queue = 1, .state = "REKEYED"},
				      going = {.ike_id = 1, .id = 6, .queue = 2, .state = "DELETING"};
	struct top_model *m = *state;
	struct answers a;

	answers_init(&a, 5, 0);
	answers_pool(&a, "in", 8, 6, 0);
	answers_pool(&a, "out", 8, 1, 0);
	answers_slot(&a, "in", 1, "reserved", "in", NULL);
	answers_slot(&a, "in", 2, "occupied", "in", &first);
	answers_slot(&a, "in", 3, "occupied", "in", &rekeying);
	answers_slot(&a, "in", 4, "occupied", "in", &old);
	answers_slot(&a, "in", 5, "occupied", "in", &going);
	answers_slot(&a, "in", 7, "draining", "in", NULL);
	answers_slot(&a, "out", 9, "occupied", "out", &first);
	answers_slot(&a, "elsewhere", 10, "occupied", "out", &first);
	answers_give(&a, m, S);
	assert_int_equal(m->pool[0].slot[0].state, TOP_SLOT_FREE);
	assert_int_equal(m->pool[0].slot[1].state, TOP_SLOT_RESERVED);
	assert_int_equal(m->pool[0].slot[2].state, TOP_SLOT_OCCUPIED);
	assert_int_equal(m->pool[0].slot[2].soft, 25);
	assert_int_equal(m->pool[0].slot[2].hard, 5);
	assert_int_equal(m->pool[0].slot[3].state, TOP_SLOT_REKEYING);
	assert_int_equal(m->pool[0].slot[3].soft, 101);
	assert_int_equal(m->pool[0].slot[4].state, TOP_SLOT_REPLACED);
	assert_int_equal(m->pool[0].slot[5].state, TOP_SLOT_REPLACED);
	assert_int_equal(m->pool[0].slot[7].state, TOP_SLOT_DRAINING);
	assert_int_equal(m->pool[1].slot[1].state, TOP_SLOT_OCCUPIED);
	assert_int_equal(m->pool[1].slot[2].state, TOP_SLOT_FREE);
}

/* The card has shown that it is smaller, but what was installed is still there; or its pool grows. */
static void slots_beyond_the_size(void **state)
{
	struct top_model *m = *state;
	struct answers a;

	answers_init(&a, 5, 0);
	answers_pool(&a, "shared", 4, 4, 0);
	answers_slot(&a, "shared", 6, "occupied", "in", &first);
	answers_slot(&a, "shared", 4000000000u, "occupied", "in", &first);
	answers_give(&a, m, S);
	assert_int_equal(m->pool[0].n_slots, 7);
	assert_int_equal(m->pool[0].slot[5].state, TOP_SLOT_FREE);
	assert_int_equal(m->pool[0].slot[6].state, TOP_SLOT_OCCUPIED);
	answers_init(&a, 6, 0);
	answers_pool(&a, "shared", 4, 0, 0);
	answers_give(&a, m, 2 * S);
	assert_int_equal(m->pool[0].n_slots, 4);
}

static void two_queues(struct top_model *m, uint64_t now, double uptime, uint64_t in, uint64_t out)
{
	struct answers a;

	answers_init(&a, uptime, (unsigned int)uptime * 10);
	answers_queue(&a, &second, 0, out / 2);
	answers_queue(&a, &any, 0, 0);
	answers_queue(&a, &first, in, out);
	answers_give(&a, m, now);
}

static void rates_are_differences(void **state)
{
	struct top_model *m = *state;

	two_queues(m, 10 * S, 5, 1000, 5000);
	assert_int_equal(m->n_queues, 3);
	/* sorted, the fallback first */
	assert_int_equal(m->queue[0]->queue, UINT32_MAX);
	assert_int_equal(m->queue[1]->queue, 0);
	assert_string_equal(m->queue[1]->tunnel, "gw/net");
	assert_string_equal(m->queue[1]->spi_in, "c0000002");
	assert_string_equal(m->queue[1]->spi_out, "d0000002");
	assert_true(m->one_tunnel);
	/* with one answer there is only what the daemon says itself */
	assert_float_equal(m->queue[1]->out, 77, 1e-6);
	assert_int_equal(m->queue[1]->history.n, 0);
	two_queues(m, 12 * S, 7, 3000, 9000);
	assert_float_equal(m->queue[1]->in, 1000, 1e-6);
	assert_float_equal(m->queue[1]->out, 2000, 1e-6);
	assert_float_equal(m->queue[1]->packets, 30, 1e-6);
	assert_float_equal(m->queue[2]->out, 1000, 1e-6);
	assert_float_equal(m->queue[0]->out, 0, 1e-6);
	assert_float_equal(m->queue[1]->share, 0.75, 1e-6);
	assert_float_equal(m->queue[2]->share, 0.25, 1e-6);
	assert_float_equal(m->in, 1000, 1e-6);
	assert_float_equal(m->out, 3000, 1e-6);
	assert_float_equal(m->rekey_rate, 10, 1e-6);
	assert_float_equal(top_history_get(&m->queue[1]->history, 0), 3000, 1e-3);
	assert_float_equal(top_history_get(&m->queue[1]->history, 1), 0, 1e-6);
}

/* The daemon polls the card once a second: asked four times as often, the rate must not jump. */
static void rates_reach_back_two_seconds(void **state)
{
	struct top_model *m = *state;

	for (unsigned int i = 0; i <= 40; i++) {
		uint64_t polled = 1000 * (i / 4);

		two_queues(m, 10 * S + i * S / 4, 5 + i / 4.0, polled, 2 * polled);
		if (i > 8)
			assert_float_equal(m->queue[1]->in, 1000, 1e-6);
	}
}

static void history_is_a_ring(void **state)
{
	struct top_model *m = *state;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < 2 * TOP_HISTORY; i++) {
		bytes += i;
		two_queues(m, 10 * S + 5 * i * S, 5 + 5 * i, 5 * bytes, 0);
	}
	assert_int_equal(m->queue[1]->history.n, TOP_HISTORY);
	for (unsigned int i = 0; i < TOP_HISTORY; i++)
		assert_float_equal(top_history_get(&m->queue[1]->history, i), 2 * TOP_HISTORY - 1 - i, 1e-3);
	assert_float_equal(top_history_get(&m->queue[1]->history, TOP_HISTORY), 0, 1e-6);
}

static void another_daemon_starts_anew(void **state)
{
	struct top_model *m = *state;

	two_queues(m, 10 * S, 50, 1000000, 1000000);
	two_queues(m, 12 * S, 52, 2000000, 2000000);
	top_model_lose(m, "Connection refused");
	assert_string_equal(m->lost, "Connection refused");
	assert_true(m->known);
	assert_int_equal(m->n_queues, 3);
	two_queues(m, 80 * S, 60, 500, 500); /* up for longer than the last was known to be, but not for as long */
	assert_string_equal(m->lost, "");
	assert_float_equal(m->queue[1]->out, 77, 1e-6);
	assert_int_equal(m->queue[1]->history.n, 0);
	two_queues(m, 82 * S, 62, 2500, 500);
	assert_float_equal(m->queue[1]->in, 1000, 1e-6);
}

static void the_same_daemon_comes_back(void **state)
{
	struct top_model *m = *state;

	two_queues(m, 10 * S, 50, 1000, 0);
	top_model_lose(m, "Connection timed out");
	two_queues(m, 20 * S, 60.2, 11000, 0);
	assert_float_equal(m->queue[1]->in, 1000, 1e-6);
}

static void one_queue(struct top_model *m, uint64_t now, double uptime, unsigned int ike_id, unsigned int id,
		      uint64_t in)
{
	struct answer_sa sa = {.ike_id = ike_id, .id = id, .queue = 0, .state = "INSTALLED"};
	struct answers a;

	answers_init(&a, uptime, 0);
	answers_queue(&a, &sa, in, 0);
	answers_give(&a, m, now);
}

static void a_lane_outlives_its_keys(void **state)
{
	struct top_model *m = *state;

	one_queue(m, 10 * S, 1, 1, 5, 1000);
	one_queue(m, 12 * S, 3, 1, 5, 3000);
	one_queue(m, 14 * S, 5, 1, 6, 5000); /* the Child SA was replaced */
	assert_float_equal(m->queue[0]->in, 1000, 1e-6);
	assert_int_equal(m->queue[0]->child_id, 6);
	one_queue(m, 16 * S, 7, 2, 6, 7000); /* the IKE SA was */
	assert_int_equal(m->n_queues, 1);
	assert_int_equal(m->queue[0]->ike_id, 2);
	assert_float_equal(m->queue[0]->in, 1000, 1e-6);
	assert_int_equal(m->queue[0]->history.n, 3);
}

static void queues_that_go(void **state)
{
	struct top_model *m = *state;
	struct answers a;

	two_queues(m, 10 * S, 5, 1000, 5000);
	answers_init(&a, 6, 0);
	answers_give(&a, m, 11 * S);
	assert_int_equal(m->n_queues, 0);
	assert_float_equal(m->out, 0, 1e-6);
	two_queues(m, 12 * S, 7, 1000, 5000);
	assert_int_equal(m->n_queues, 3);
	assert_int_equal(m->queue[1]->history.n, 1);
}

static void tunnels_with_one_name(void **state)
{
	static const struct answer_sa other = {.ike_id = 2, .id = 9, .queue = 0, .state = "INSTALLED"},
				      third = {
					      .child = "net2", .ike_id = 2, .id = 10, .queue = 0, .state = "INSTALLED"};
	struct top_model *m = *state;

	for (unsigned int i = 0; i < 2; i++) {
		struct answers a;

		answers_init(&a, 5 + 2 * i, 0);
		answers_queue(&a, &other, 1000 * i, 0);
		answers_queue(&a, &third, 1000 * i, 0);
		answers_queue(&a, &second, 1000 * i, 0);
		answers_queue(&a, &first, 3000 * i, 0);
		answers_give(&a, m, (10 + 2 * i) * S);
	}
	assert_false(m->one_tunnel);
	assert_true(m->same_names);
	assert_float_equal(m->queue[0]->share, 0.75, 1e-6);
	assert_float_equal(m->queue[1]->share, 0.25, 1e-6);
	assert_float_equal(m->queue[2]->share, 1, 1e-6);
	assert_float_equal(m->queue[3]->share, 1, 1e-6);
}

/* ---- rekeys ---- */

static void slots_of(struct top_model *m, uint64_t now, const struct answer_sa *sas, unsigned int n)
{
	struct answers a;

	answers_init(&a, (double)now / 1e9, 0);
	answers_pool(&a, "shared", 32, 2 * n, 0);
	for (unsigned int i = 0; i < n; i++) {
		answers_slot(&a, "shared", 2 * i, "occupied", "in", &sas[i]);
		answers_slot(&a, "shared", 2 * i + 1, "occupied", "out", &sas[i]);
	}
	answers_give(&a, m, now);
}

static void a_rekey_from_its_start_to_its_end(void **state)
{
	struct answer_sa sas[2] = {{.ike_id = 1, .id = 7, .queue = 3, .state = "INSTALLED"},
				   {.ike_id = 1, .id = 8, .queue = 3, .state = "CREATED"}};
	struct top_model *m = *state;

	slots_of(m, 10 * S, sas, 1);
	assert_int_equal(m->rekeys_running, 0);
	sas[0].state = "REKEYING";
	slots_of(m, 11 * S, sas, 1);
	assert_int_equal(m->n_rekeys, 1);
	assert_int_equal(m->rekey[0].phase, TOP_PHASE_REKEYING);
	assert_int_equal(m->rekey[0].old_id, 7);
	assert_string_equal(m->rekey[0].old_spi, "c0000007");
	assert_int_equal(m->rekey[0].new_id, 0);
	slots_of(m, 12 * S, sas, 2); /* one line for both */
	assert_int_equal(m->n_rekeys, 1);
	assert_int_equal(m->rekey[0].new_id, 8);
	assert_float_equal(m->rekey[0].seconds, 1, 1e-6);
	sas[0].state = "REKEYED";
	sas[1].state = "INSTALLED";
	slots_of(m, 13 * S, sas, 2);
	assert_int_equal(m->n_rekeys, 1);
	assert_int_equal(m->rekey[0].phase, TOP_PHASE_REPLACED);
	assert_int_equal(m->rekey[0].new_id, 8);
	assert_string_equal(m->rekey[0].new_spi, "c0000008");
	assert_float_equal(m->rekey[0].seconds, 2, 1e-6);
	sas[0].state = "DELETING";
	slots_of(m, 14 * S, sas, 2);
	assert_int_equal(m->rekey[0].phase, TOP_PHASE_DELETING);
	slots_of(m, 15 * S, &sas[1], 1);
	assert_int_equal(m->n_rekeys, 0);
	/* a rekey that was given up has left nothing behind */
	sas[1].state = "REKEYING";
	slots_of(m, 16 * S, &sas[1], 1);
	sas[1].state = "INSTALLED";
	slots_of(m, 17 * S, &sas[1], 1);
	assert_int_equal(m->n_rekeys, 0);
	sas[1].state = "REKEYING";
	slots_of(m, 18 * S, &sas[1], 1);
	assert_float_equal(m->rekey[0].seconds, 0, 1e-6);
}

static void first_keys_and_order(void **state)
{
	const struct answer_sa sas[] = {{.ike_id = 1, .id = 7, .queue = 0, .state = "INSTALLING"},
					{.ike_id = 1, .id = 8, .queue = 1, .state = "REKEYING"}};
	struct top_model *m = *state;

	slots_of(m, 10 * S, &sas[1], 1);
	slots_of(m, 13 * S, sas, 2);
	assert_int_equal(m->n_rekeys, 2);
	assert_int_equal(m->rekey[0].old_id, 8); /* the longest first */
	assert_float_equal(m->rekey[0].seconds, 3, 1e-6);
	assert_int_equal(m->rekey[1].phase, TOP_PHASE_STARTING);
	assert_int_equal(m->rekey[1].old_id, 0);
	assert_int_equal(m->rekey[1].new_id, 7);
	assert_int_equal(m->rekey[1].queue, 0);
}

static void more_rekeys_than_are_shown(void **state)
{
	struct answer_sa sas[TOP_REKEYS_MAX + 9];
	struct top_model *m = *state;

	for (unsigned int i = 0; i < TOP_REKEYS_MAX + 9; i++)
		sas[i] = (struct answer_sa){.ike_id = 1, .id = i + 1, .queue = (int)i, .state = "REKEYING"};
	slots_of(m, 10 * S, sas, TOP_REKEYS_MAX + 9);
	assert_int_equal(m->n_rekeys, TOP_REKEYS_MAX);
	assert_int_equal(m->rekeys_running, TOP_REKEYS_MAX + 9);
}

/* ---- nonsense ---- */

static void answers_that_make_no_sense(void **state)
{
	static const char odd[] = "{\"uptime\":\"-5\",\"pools\":[],\"counters\":\"\"}";
	/* one pool more than there may be */
	static const char many[] = "{\"uptime\":{},\"pools\":{\"a\":{\"size\":\"-1\"},"
				   "\"b\":{\"size\":\"99999999999999999999999\"},\"c\":[],\"d\":\"\","
				   "\"e\":{},\"f\":{},\"g\":{},\"h\":{},\"i\":{}}}";
	static const char *const texts[] = {"{}", odd, many};
	static const char rows[] = "[{}, [], \"\", {\"slot\":\"-1\",\"pool\":\"b\",\"child_id\":\"0\",\"queue\":\"x\"},"
				   "{\"slot\":\"5\",\"pool\":\"b\",\"wear_soft\":\"nan\",\"wear_hard\":\"1e99\"},"
				   "{\"total_bytes_in\":\"18446744073709551615\",\"ike\":[]}]";
	struct top_model *m = *state;

	for (unsigned int i = 0; i < 3; i++) {
		json_t *status = json_loads(texts[i], 0, NULL), *list = json_loads(rows, 0, NULL);

		assert_non_null(status);
		assert_non_null(list);
		assert_int_equal(top_model_take(m, (1 + i) * S, status, list, list), 0);
		assert_int_equal(top_model_take(m, (2 + i) * S, status, NULL, NULL), 0);
		json_decref(status);
		json_decref(list);
	}
	assert_int_equal(m->n_pools, TOP_POOLS_MAX);
	assert_int_equal(m->pool[1].n_slots, TOP_SLOTS_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(status_and_pools),
		TEST(slots_have_states),
		TEST(slots_beyond_the_size),
		TEST(rates_are_differences),
		TEST(rates_reach_back_two_seconds),
		TEST(history_is_a_ring),
		TEST(another_daemon_starts_anew),
		TEST(the_same_daemon_comes_back),
		TEST(a_lane_outlives_its_keys),
		TEST(queues_that_go),
		TEST(tunnels_with_one_name),
		TEST(a_rekey_from_its_start_to_its_end),
		TEST(first_keys_and_order),
		TEST(more_rekeys_than_are_shown),
		TEST(answers_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
