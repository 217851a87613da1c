/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hwsim/gen.h"
#include "hwsim/watch.h"

enum { QUEUES = 4, SECOND = 1000000000 };

static const struct gen_flow flow4 = {4, {10, 1, 0, 1}, {10, 2, 0, 1}, 50000, 9};
static const struct gen_flow flow6 = {6, {0xfd, 1, [15] = 1}, {0xfd, 2, [15] = 1}, 50000, 9};

struct fixture {
	struct gen_check *check;
	uint8_t packet[GEN_PACKET_MAX];
};

static int setup(void **state)
{
	static struct fixture f;

	f.check = gen_check_new(QUEUES);
	*state = &f;
	return f.check ? 0 : -1;
}

static int teardown(void **state)
{
	gen_check_free(((struct fixture *)*state)->check);
	return 0;
}

static size_t build(struct fixture *f, const struct gen_flow *flow, uint64_t run, uint16_t stream, uint64_t number,
		    uint16_t len)
{
	struct gen_header h = {run, number, 1000 + number, stream, len};
	size_t n = gen_packet_build(flow, &h, f->packet, sizeof(f->packet));

	assert_true(n > len);
	return n;
}

/* Sends packet `number` of `stream` to the checker, on the queue of that number. */
static void deliver(struct fixture *f, uint16_t stream, uint64_t number)
{
	size_t n = build(f, &flow4, 7, stream, number, 200);

	gen_check_packet(f->check, stream, 1500 + number, f->packet, n);
}

static void whole_packets_are_good(void **state)
{
	static const uint16_t lens[] = {48, 49, 55, 56, 57, 1000, 1400, 9000};
	struct fixture *f = *state;

	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (int six = 0; six < 2; six++) {
			size_t n = build(f, six ? &flow6 : &flow4, 1, 3, UINT64_C(0x1122334455), lens[i]);
			struct gen_header h;

			assert_int_equal(n, (six ? 48 : 28) + lens[i]);
			assert_int_equal(gen_packet_parse(f->packet, n, &h), GEN_GOOD);
			assert_int_equal(h.number, UINT64_C(0x1122334455));
			assert_int_equal(h.stream, 3);
			assert_int_equal(h.len, lens[i]);
			assert_int_equal(gen_packet_parse(f->packet, n - 1, &h), GEN_FOREIGN);
		}
}

static void sizes_out_of_range_are_not_built(void **state)
{
	struct fixture *f = *state;
	struct gen_header h = {1, 0, 0, 0, GEN_PAYLOAD_MIN - 1};

	assert_int_equal(gen_packet_build(&flow4, &h, f->packet, sizeof(f->packet)), 0);
	h.len = GEN_PAYLOAD_MAX + 1;
	assert_int_equal(gen_packet_build(&flow4, &h, f->packet, sizeof(f->packet)), 0);
	h.len = 100;
	assert_int_equal(gen_packet_build(&flow4, &h, f->packet, 127), 0);
	assert_int_equal(gen_packet_build(&flow4, &h, f->packet, 128), 128);
}

/* Any one bit changed in the payload is seen; in the magic, the packet is no longer ours. */
static void every_changed_bit_is_seen(void **state)
{
	struct fixture *f = *state;
	size_t n = build(f, &flow4, 9, 2, 77, 99);

	for (size_t at = 28; at < n; at++)
		for (int bit = 0; bit < 8; bit++) {
			struct gen_header h;
			enum gen_verdict v;

			f->packet[at] ^= (uint8_t)(1 << bit);
			v = gen_packet_parse(f->packet, n, &h);
			assert_int_equal(v, at < 28 + GEN_MAGIC_SIZE ? GEN_FOREIGN : GEN_CORRUPT);
			f->packet[at] ^= (uint8_t)(1 << bit);
		}
}

static void a_clean_run_has_nothing_to_report(void **state)
{
	struct fixture *f = *state;
	const struct gen_check_stream *s = &f->check->stream[1];

	for (uint64_t i = 0; i < 200000; i++)
		deliver(f, 1, i);
	assert_int_equal(s->received, 200000);
	assert_int_equal(gen_check_gaps(s), 0);
	assert_int_equal(s->duplicates + s->reordered + s->late + s->misrouted, 0);
	assert_int_equal(s->bytes, 200000 * 228);
	assert_int_equal(f->check->arrived[1 * QUEUES + 1], 200000);
	assert_int_equal(f->check->latency_min, 500);
	assert_int_equal(f->check->latency_max, 500);
	assert_int_equal(f->check->payload_errors + f->check->foreign, 0);
}

static void a_lost_packet_is_a_gap(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 100; i++)
		if (i != 0 && i != 40 && i != 41)
			deliver(f, 0, i);
	assert_int_equal(gen_check_gaps(&f->check->stream[0]), 3);
	assert_int_equal(f->check->stream[0].reordered, 0);
}

static void a_duplicate_is_counted_and_not_received_twice(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 100; i++)
		deliver(f, 0, i);
	deliver(f, 0, 99);
	deliver(f, 0, 0);
	assert_int_equal(f->check->stream[0].duplicates, 2);
	assert_int_equal(f->check->stream[0].received, 100);
}

static void a_late_packet_is_reordered_and_fills_its_gap(void **state)
{
	struct fixture *f = *state;

	deliver(f, 0, 0);
	deliver(f, 0, 2);
	assert_int_equal(gen_check_gaps(&f->check->stream[0]), 1);
	deliver(f, 0, 1);
	assert_int_equal(gen_check_gaps(&f->check->stream[0]), 0);
	assert_int_equal(f->check->stream[0].reordered, 1);
	deliver(f, 0, 1);
	assert_int_equal(f->check->stream[0].duplicates, 1);
}

/* The window must forget what was in its places before. */
static void the_window_moves_without_ghosts(void **state)
{
	struct fixture *f = *state;
	struct gen_check_stream *s = &f->check->stream[0];

	for (uint64_t i = 0; i < 10; i++)
		deliver(f, 0, i);
	deliver(f, 0, GEN_WINDOW + 9); /* skips; 0..9 leave the window but for none */
	deliver(f, 0, GEN_WINDOW + 3); /* same place as 3 */
	assert_int_equal(s->duplicates, 0);
	assert_int_equal(s->reordered, 1);
	deliver(f, 0, 9);
	assert_int_equal(s->late, 1);
	deliver(f, 0, (uint64_t)10 * GEN_WINDOW);
	deliver(f, 0, (uint64_t)10 * GEN_WINDOW - 100);
	assert_int_equal(s->duplicates, 0);
	assert_int_equal(s->received, 14);
}

static void a_wrong_queue_is_misrouted(void **state)
{
	struct fixture *f = *state;
	size_t n = build(f, &flow4, 7, 1, 0, 100);

	gen_check_packet(f->check, 3, 2000, f->packet, n);
	assert_int_equal(f->check->stream[1].misrouted, 1);
	assert_int_equal(f->check->arrived[1 * QUEUES + 3], 1);
}

static void corrupt_and_foreign_packets_are_not_received(void **state)
{
	struct fixture *f = *state;
	size_t n = build(f, &flow4, 7, 1, 0, 100);

	f->packet[n - 1] ^= 1;
	gen_check_packet(f->check, 1, 2000, f->packet, n);
	f->packet[30] ^= 1;
	gen_check_packet(f->check, 1, 2000, f->packet, n);
	assert_int_equal(f->check->payload_errors, 1);
	assert_int_equal(f->check->foreign, 1);
	assert_int_equal(f->check->stream[1].received, 0);
}

static void a_new_run_starts_at_nothing_and_an_old_one_is_stale(void **state)
{
	struct fixture *f = *state;
	size_t n;

	deliver(f, 0, 5);
	n = build(f, &flow4, 8, 0, 0, 100);
	gen_check_packet(f->check, 0, 2000, f->packet, n);
	assert_int_equal(f->check->run, 8);
	assert_int_equal(f->check->stream[0].received, 1);
	assert_int_equal(gen_check_gaps(&f->check->stream[0]), 0);
	deliver(f, 0, 6);
	assert_int_equal(f->check->stale, 1);
	assert_int_equal(f->check->stream[0].received, 1);
}

static struct gen_config config(unsigned int streams, uint64_t pps, uint64_t count)
{
	return (struct gen_config){.flow = flow4,
				   .streams = streams,
				   .pps = pps,
				   .count = count,
				   .run = 1,
				   .sizes = 2,
				   .size = {64, 1000}};
}

/* Lets the generator send everything that is due up to `until`, asking it every `step` ns. */
static uint64_t run_until(struct gen *g, uint64_t *now, uint64_t until, uint64_t step)
{
	uint8_t packet[GEN_PACKET_MAX];
	uint64_t n = 0;

	for (; *now < until; *now += step)
		for (unsigned int q = 0; q < QUEUES; q++) {
			size_t len;

			while ((len = gen_build(g, q, *now, packet, sizeof(packet)))) {
				gen_receive(g, q, *now, packet, len);
				n++;
			}
		}
	return n;
}

static void the_generator_keeps_its_pace(void **state)
{
	struct gen *g = gen_new(QUEUES);
	struct gen_config c = config(QUEUES, 1000, 0);
	struct gen_stream_status st;
	uint64_t now = 5;

	(void)state;
	assert_int_equal(gen_next(g, 0), UINT64_MAX);
	gen_start(g, &c, now);
	assert_in_range(run_until(g, &now, SECOND, 700000), QUEUES * 999, QUEUES * 1001);
	gen_stream_status(g, 2, &st);
	assert_in_range(st.sent, 999, 1001);
	assert_true(st.running);
	gen_stop(g);
	assert_int_equal(gen_next(g, 2), UINT64_MAX);
	assert_int_equal(run_until(g, &now, now + SECOND, 700000), 0);
	for (unsigned int q = 0; q < QUEUES; q++) {
		gen_stream_status(g, q, &st);
		assert_int_equal(gen_check_lock(g)->stream[q].received, st.sent);
		gen_check_release(g);
	}
	gen_free(g);
}

static void pace_0_shares_the_default(void **state)
{
	struct gen *g = gen_new(QUEUES);
	struct gen_config c = config(2, 0, 0);
	uint64_t now = 0;

	(void)state;
	gen_start(g, &c, now);
	assert_in_range(run_until(g, &now, SECOND, 500000), GEN_DEFAULT_PPS - 30, GEN_DEFAULT_PPS + 30);
	gen_free(g);
}

static void a_count_is_sent_exactly(void **state)
{
	struct gen *g = gen_new(QUEUES);
	struct gen_config c = config(3, 100000, 50);
	struct gen_stream_status st;
	uint64_t now = 0;

	(void)state;
	gen_start(g, &c, now);
	assert_int_equal(run_until(g, &now, SECOND, 500000), 150);
	gen_stream_status(g, 0, &st);
	assert_false(st.running);
	assert_int_equal(st.sent, 50);
	assert_int_equal(st.sent_bytes, 25 * (64 + 28) + 25 * (1000 + 28));
	gen_free(g);
}

static void a_sender_that_stood_still_does_not_catch_up(void **state)
{
	struct gen *g = gen_new(QUEUES);
	struct gen_config c = config(1, 1000, 0);
	uint64_t now = 0;

	(void)state;
	gen_start(g, &c, now);
	run_until(g, &now, SECOND / 10, 1000000);
	now += 10 * (uint64_t)SECOND;
	assert_in_range(run_until(g, &now, now + 1, 1), 1, 2);
	gen_free(g);
}

static void streams_may_begin_at_any_queue(void **state)
{
	struct gen *g = gen_new(QUEUES);
	struct gen_config c = config(1, 1000, 5);
	uint64_t now = 5;

	(void)state;
	c.first = 2;
	gen_start(g, &c, now);
	for (unsigned int q = 0; q < QUEUES; q++)
		assert_int_equal(gen_next(g, q) != UINT64_MAX, q == 2);
	assert_int_equal(run_until(g, &now, SECOND, 700000), 5);
	gen_free(g);
}

static void bad_configurations_are_named(void **state)
{
	struct gen *g = gen_new(QUEUES);
	struct gen_config c = config(1, 1000, 0);

	(void)state;
	assert_null(gen_config_error(g, &c));
	c.streams = QUEUES + 1;
	assert_non_null(gen_config_error(g, &c));
	c = config(2, 1000, 0);
	c.first = QUEUES - 1;
	assert_non_null(gen_config_error(g, &c));
	c.first = QUEUES;
	assert_non_null(gen_config_error(g, &c));
	c = config(1, GEN_MAX_PPS + 1, 0);
	assert_non_null(gen_config_error(g, &c));
	c = config(1, 1, 0);
	c.size[1] = GEN_PAYLOAD_MIN - 1;
	assert_non_null(gen_config_error(g, &c));
	c = config(1, 1, 0);
	c.run = 0;
	assert_non_null(gen_config_error(g, &c));
	gen_free(g);
}

static void the_watcher_sees_plaintext_wherever_it_is(void **state)
{
	struct fixture *f = *state;
	struct watch w = {0};
	size_t n = build(f, &flow4, 1, 0, 0, 100);
	uint8_t esp[28] = {0x45, 0, 0, 28, [9] = 50, [23] = 1};

	watch_packet(&w, WATCH_OUT, esp, sizeof(esp));
	assert_int_equal(w.count[WATCH_OUT][WATCH_ESP], 1);
	assert_int_equal(w.count[WATCH_OUT][WATCH_PLAINTEXT], 0);
	watch_packet(&w, WATCH_IN, f->packet, n);
	assert_int_equal(w.count[WATCH_IN][WATCH_PLAIN], 1);
	assert_int_equal(w.count[WATCH_IN][WATCH_PLAINTEXT], 1);
	/* wrapped, but not encrypted */
	f->packet[9] = 50;
	watch_packet(&w, WATCH_OUT, f->packet, n);
	assert_int_equal(w.count[WATCH_OUT][WATCH_ESP], 2);
	assert_int_equal(w.count[WATCH_OUT][WATCH_PLAINTEXT], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_packets_are_good, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes_out_of_range_are_not_built, setup, teardown),
		cmocka_unit_test_setup_teardown(every_changed_bit_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clean_run_has_nothing_to_report, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_packet_is_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(a_duplicate_is_counted_and_not_received_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(a_late_packet_is_reordered_and_fills_its_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(the_window_moves_without_ghosts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_queue_is_misrouted, setup, teardown),
		cmocka_unit_test_setup_teardown(corrupt_and_foreign_packets_are_not_received, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_run_starts_at_nothing_and_an_old_one_is_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(the_watcher_sees_plaintext_wherever_it_is, setup, teardown),
		cmocka_unit_test(the_generator_keeps_its_pace),
		cmocka_unit_test(pace_0_shares_the_default),
		cmocka_unit_test(a_count_is_sent_exactly),
		cmocka_unit_test(a_sender_that_stood_still_does_not_catch_up),
		cmocka_unit_test(streams_may_begin_at_any_queue),
		cmocka_unit_test(bad_configurations_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
