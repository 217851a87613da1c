/* SPDX-License-Identifier: MIT */
/* The picture, as text: what stands where, at which size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/top_draw.h"
#include "top_answers.h"

#define S top_second

struct scene {
	struct top_model m;
	struct top_view v;
	struct top_grid g;
	char row[TOP_ROW_BYTES];
};

static int make(void **state)
{
	static struct scene s;

	s = (struct scene){.v = {.socket = "/run/keyrack.vici", .interval = 1, .utf8 = true}};
	*state = &s;
	return 0;
}

static int drop(void **state)
{
	struct scene *s = *state;

	top_grid_free(&s->g);
	top_model_free(&s->m);
	return 0;
}

static void draw(struct scene *s, unsigned int width, unsigned int height)
{
	top_grid_free(&s->g);
	assert_int_equal(top_grid_init(&s->g, width, height), 0);
	top_draw(&s->g, &s->m, &s->v);
}

static const char *row(struct scene *s, unsigned int y)
{
	top_grid_row(&s->g, y, s->row);
	return s->row;
}

/* The first row that has the text; fails without one. */
static unsigned int find(struct scene *s, const char *text)
{
	for (unsigned int y = 0; y < s->g.height; y++)
		if (strstr(row(s, y), text))
			return y;
	fail_msg("nowhere: %s", text);
	return 0;
}

static bool has(struct scene *s, const char *text)
{
	for (unsigned int y = 0; y < s->g.height; y++)
		if (strstr(row(s, y), text))
			return true;
	return false;
}

static enum top_style style_at(const struct scene *s, unsigned int x, unsigned int y)
{
	return (enum top_style)s->g.cell[y * s->g.width + x].style;
}

/* A pool of `size` slots with one of each state in its first ones, and n queues; two samples. */
static void fill(struct scene *s, unsigned int size, unsigned int n)
{
	for (unsigned int sample = 0; sample < 2; sample++) {
		struct answers a;
		const struct answer_sa sas[] = {
			{.ike_id = 1, .id = 900, .queue = 0, .state = "INSTALLED", .soft = 10},
			{.ike_id = 1, .id = 901, .queue = 1, .state = "INSTALLED", .soft = 80},
			{.ike_id = 1, .id = 902, .queue = 2, .state = "INSTALLED", .soft = 100},
			{.ike_id = 1, .id = 903, .queue = 3, .state = "REKEYING", .soft = 100},
			{.ike_id = 1, .id = 904, .queue = 4, .state = "REKEYED"},
		};

		answers_init(&a, 5 + 2 * sample, 100 * sample);
		answers_pool(&a, "shared", size, 7, 2);
		for (unsigned int i = 0; i < 5; i++)
			answers_slot(&a, "shared", i, "occupied", "in", &sas[i]);
		answers_slot(&a, "shared", 5, "reserved", "in", NULL);
		answers_slot(&a, "shared", 6, "draining", "in", NULL);
		for (unsigned int i = 0; i < n; i++) {
			const struct answer_sa sa = {.ike_id = 1,
						     .id = 10 + i,
						     .queue = (int)i - 1,
						     .state = "INSTALLED",
						     .soft = i < 120 ? i : 120,
						     .unsteered = i == 3 ? "in UDP" : NULL};

			answers_queue(&a, &sa, 0, 1000 * i * sample);
		}
		answers_give(&a, &s->m, (5 + 2 * sample) * S);
	}
}

static void everything_at_80x24(void **state)
{
	struct scene *s = *state;

	fill(s, 64, 9);
	draw(s, 80, 24);
	assert_memory_equal(row(s, 0), " keyrackd 1.2.3  up 7s  hwsim cx7  /run/card", 44);
	assert_non_null(strstr(row(s, 0), "every 1s"));
	assert_memory_equal(row(s, 1), " IKE SAs 1   half-open 2   Child SAs 3   bit/s out 144k   in 0", 62);
	assert_string_equal(row(s, 2), " rekeys 100   by the peer 0   failed 4   hard expired 0   refused 11");
	assert_string_equal(row(s, 3), "rack shared  size 64 occ 7 reserved 0 draining 0 free 57 peak 7 kept 2");
	assert_string_equal(row(s, 4), "  0 ▁▁ ▆▆ ██ ** oo rr ~~ ··  ·· ·· ·· ·· ·· ·· ·· ··");
	assert_string_equal(row(s, 7), " 48 ·· ·· ·· ·· ·· ·· ·· ··  ·· ·· ·· ·· ·· ·· ·· ··");
	assert_int_equal(style_at(s, 4, 4), TOP_GOOD);
	assert_int_equal(style_at(s, 7, 4), TOP_WARN);
	assert_int_equal(style_at(s, 10, 4), TOP_BAD);
	assert_int_equal(style_at(s, 13, 4), TOP_BUSY);
	assert_int_equal(style_at(s, 16, 4), TOP_OLD);
	assert_memory_equal(row(s, 9), "queues of gw/net ", 17);
	assert_string_equal(row(s, 10),
			    "QUEUE SPI IN   SPI OUT  MODE       OUT    IN PKT/S HISTORY    SHARE   WEAR REKEY");
	assert_string_equal(row(s, 11),
			    "  any c000000a d000000a packet       0     0     0          ▁    0%   0% ▁   12s");
	assert_string_equal(row(s, 19),
			    "    7 c0000012 d0000012 packet     32k     0    40          ▇   22%   8% ▁   12s");
	assert_memory_equal(row(s, 20), "rekeys in flight 2  50.0/s", 26);
	assert_string_equal(row(s, 21), "    3  2.0s  #903   c0000387 → -                negotiating");
	assert_string_equal(row(s, 22), "    4  2.0s  #904   c0000388 → -                replaced, old one lingers");
	assert_memory_equal(row(s, 23), " q quit  ? help  space pause", 28);
}

static void more_at_120x40(void **state)
{
	struct scene *s = *state;

	fill(s, 64, 9);
	draw(s, 120, 40);
	assert_string_equal(row(s, 3), "");
	assert_string_equal(row(s, 5),
			    "  0 ▁▁ ▆▆ ██ ** oo rr ~~ ··  ·· ·· ·· ·· ·· ·· ·· ··  ·· ·· ·· ·· ·· ·· ·· ··  ·· ·· "
			    "·· ·· ·· ·· ·· ··");
	assert_non_null(strstr(row(s, find(s, "SPI OUT")), "STEERING"));
	assert_true(has(s, "CPUs without their own SA"));
	assert_true(has(s, "CPU 1, TX 1, RX 1 by hash"));
	assert_true(has(s, "CPU 2, TX 2, RX any: in U"));
	draw(s, 160, 40);
	assert_true(has(s, "CPU 2, TX 2, RX any: in UDP"));
	assert_true(has(s, "INSTALLED"));
	draw(s, 120, 40);
	assert_memory_equal(row(s, 39), " q quit", 7);
}

static void ascii_only(void **state)
{
	struct scene *s = *state;

	s->v.utf8 = false;
	fill(s, 64, 9);
	draw(s, 100, 30);
	assert_string_equal(row(s, 5), "  0 11 88 !! ** oo rr ~~ ..  .. .. .. .. .. .. .. ..");
	for (size_t i = 0; i < (size_t)s->g.width * s->g.height; i++)
		assert_in_range(s->g.cell[i].glyph, ' ', '~');
	s->v.help = true;
	draw(s, 100, 30);
	for (size_t i = 0; i < (size_t)s->g.width * s->g.height; i++)
		assert_in_range(s->g.cell[i].glyph, ' ', '~');
}

static void a_name_draws_nothing_of_its_own(void **state)
{
	const struct answer_sa sa = {.child = "\033[31mré\n", .ike_id = 1, .id = 1, .queue = 0, .state = "\a"};
	struct scene *s = *state;
	struct answers a;

	answers_init(&a, 5, 0);
	answers_pool(&a, "\033c", 8, 0, 0);
	answers_queue(&a, &sa, 0, 0);
	answers_give(&a, &s->m, S);
	draw(s, 100, 30);
	assert_true(has(s, "rack ?c"));
	assert_true(has(s, "queues of gw/?[31mr???"));
	for (size_t i = 0; i < (size_t)s->g.width * s->g.height; i++)
		assert_true(s->g.cell[i].glyph >= ' ');
}

/* Nothing may be written outside, whatever the size; the sanitizer build sees it. */
static void every_size(void **state)
{
	struct scene *s = *state;

	fill(s, 1000, 40);
	for (unsigned int sort = 0; sort < TOP_SORTS; sort++) {
		s->v.sort = (enum top_sort)sort;
		s->v.zoom = sort % 2;
		for (unsigned int height = 0; height < 64; height += height < 30 ? 1 : 7)
			for (unsigned int width = 0; width < 200; width += width < 86 ? 3 : 17)
				draw(s, width, height);
	}
	s->v.help = true;
	draw(s, 80, 24);
	draw(s, 30, 10);
	draw(s, 5000, 30);
	assert_int_equal(s->g.width, TOP_GRID_MAX);
}

static void below_the_minimum(void **state)
{
	struct scene *s = *state;

	fill(s, 64, 9);
	draw(s, 79, 24);
	assert_string_equal(row(s, 0), "79x24: needs 80x24");
	assert_string_equal(row(s, 1), "shared size 64 occ 7 free 57");
	assert_string_equal(row(s, 2), "rekeys 100 failed 4");
	assert_string_equal(row(s, 3), "queues 9, in flight 2");
	draw(s, 80, 23);
	assert_string_equal(row(s, 0), "80x23: needs 80x24");
	draw(s, 8, 2);
	assert_string_equal(row(s, 1), "shared s");
}

/* ---- large racks ---- */

static void a_cell_for_several_slots(void **state)
{
	struct scene *s = *state;

	fill(s, 32768, 9);
	draw(s, 80, 24);
	/* 6 rows of 64 cells: 128 slots each; in the first 7 are in use, and one of them is past its soft count */
	assert_true(has(s, "a cell is up to 128 slots: ▁-█ share in use"));
	assert_string_equal(row(s, 4), "    0 ▁······· ········ ········ ········ ········ ········ ········ ········");
	assert_int_equal(style_at(s, 6, 4), TOP_BAD);
	assert_memory_equal(row(s, 5), " 8192 ", 6);
	assert_memory_equal(row(s, 7), "24576 ", 6);
}

static void a_full_cell(void **state)
{
	static const struct answer_sa sa = {.ike_id = 1, .id = 1, .queue = 0, .state = "INSTALLED", .soft = 76};
	struct scene *s = *state;
	struct answers a;

	s->v.utf8 = false;
	answers_init(&a, 5, 0);
	answers_pool(&a, "shared", 1024, 4, 0);
	for (unsigned int i = 0; i < 6; i++)
		answers_slot(&a, "shared", i, "occupied", "in", &sa);
	answers_slot(&a, "shared", 8, "draining", "in", NULL);
	answers_give(&a, &s->m, S);
	draw(s, 80, 24);
	assert_memory_equal(row(s, 4), "   0 #52.....", 13);
	assert_int_equal(style_at(s, 5, 4), TOP_WARN);
	assert_int_equal(style_at(s, 7, 4), TOP_OLD);
}

static void zoomed_in_pages(void **state)
{
	struct scene *s = *state;

	fill(s, 1000, 9);
	s->v.zoom = true;
	s->v.page = 1;
	draw(s, 80, 24);
	assert_true(has(s, "page 2/"));
	assert_memory_equal(row(s, 4), " 384 ·······", 19);
	s->v.page = 1000000; /* brought back to the last */
	draw(s, 80, 24);
	assert_true(has(s, "page 3/3"));
	assert_int_equal(s->v.page, 2);
	assert_memory_equal(row(s, 4), " 768 ", 5);
	s->v.zoom = false;
	draw(s, 80, 24);
	assert_int_equal(s->v.page, 0);
}

static void four_pools(void **state)
{
	static const char *const names[] = {"in4", "in6", "out4", "out6"};
	struct scene *s = *state;
	struct answers a;

	answers_init(&a, 5, 0);
	for (unsigned int i = 0; i < 4; i++)
		answers_pool(&a, names[i], 100, 100, 2);
	answers_give(&a, &s->m, S);
	draw(s, 80, 24);
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int y = find(s, names[i]);
		unsigned int x = (unsigned int)(strstr(row(s, y), "free 0") - row(s, y)) + 5;

		assert_int_equal(style_at(s, x, y), TOP_BAD); /* no free slot is bad news */
	}
	find(s, "QUEUE SPI IN");
	find(s, "rekeys in flight");
}

/* ---- queues ---- */

static void scrolling(void **state)
{
	struct scene *s = *state;

	fill(s, 64, 40);
	s->v.scroll = 3;
	draw(s, 80, 24);
	assert_non_null(strstr(row(s, 9), "4-12 of 40"));
	assert_memory_equal(row(s, 11), "    2 c000000d", 14);
	s->v.scroll = 1u << 30; /* brought back, so that the next key up moves at once */
	draw(s, 80, 24);
	assert_non_null(strstr(row(s, 9), "32-40 of 40"));
	assert_int_equal(s->v.scroll, 31);
	assert_memory_equal(row(s, 19), "   38 ", 6);
	draw(s, 80, 60);
	assert_int_equal(s->v.scroll, 0 + 40 - 33);
}

static void sorting(void **state)
{
	struct scene *s = *state;

	fill(s, 64, 9);
	s->v.sort = TOP_BY_RATE;
	draw(s, 80, 24);
	assert_non_null(strstr(row(s, 9), "sorted by rate"));
	assert_memory_equal(row(s, 11), "    7 ", 6);
	assert_memory_equal(row(s, 19), "  any ", 6);
	s->v.sort = TOP_BY_WEAR;
	draw(s, 80, 24);
	assert_memory_equal(row(s, 11), "    7 ", 6);
	s->v.sort = TOP_BY_REKEY; /* all alike: as the model has them */
	draw(s, 80, 24);
	assert_memory_equal(row(s, 11), "  any ", 6);
}

/* Red is for what is due and does not happen. */
static void wear_of_what_is_being_replaced(void **state)
{
	static const struct answer_sa sas[] = {
		{.ike_id = 1, .id = 1, .queue = 0, .state = "INSTALLED", .soft = 100},
		{.ike_id = 1, .id = 2, .queue = 1, .state = "REKEYING", .soft = 100},
		{.ike_id = 1, .id = 3, .queue = 2, .state = "REKEYING", .soft = 200, .hard = 95},
	};
	static const enum top_style styles[] = {TOP_BAD, TOP_BUSY, TOP_BAD};
	struct scene *s = *state;
	struct answers a;

	answers_init(&a, 5, 0);
	for (unsigned int i = 0; i < 3; i++)
		answers_queue(&a, &sas[i], 0, 0);
	answers_give(&a, &s->m, S);
	draw(s, 80, 24);
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int y = find(s, "QUEUE SPI IN") + 1 + i;

		/* the gauge is one column before the last one, REKEY */
		assert_int_equal(style_at(s, 73, y), styles[i]);
	}
}

static void several_tunnels(void **state)
{
	static const struct answer_sa sas[] = {
		{.child = "a", .ike_id = 1, .id = 1, .queue = 0, .state = "INSTALLED"},
		{.child = "a-child-with-a-very-long-name", .ike_id = 1, .id = 2, .queue = 0, .state = "INSTALLED"},
		{.child = "a", .ike_id = 2, .id = 3, .queue = 0, .state = "INSTALLED"},
	};
	struct scene *s = *state;
	struct answers a;

	answers_init(&a, 5, 0);
	for (unsigned int i = 0; i < 3; i++)
		answers_queue(&a, &sas[i], 0, 0);
	answers_give(&a, &s->m, S);
	draw(s, 80, 24);
	assert_true(has(s, "#1 gw/a         0 c0000001"));
	assert_true(has(s, "#2 gw/a         0 c0000003"));
	assert_true(has(s, "#1 gw/a-chi     0 c0000002"));
	draw(s, 160, 40);
	assert_true(has(s, "#1 gw/a-child-with-a-ver "));
}

/* ---- what else is on the screen ---- */

static void no_answer(void **state)
{
	struct scene *s = *state;

	top_model_lose(&s->m, "No such file or directory");
	draw(s, 80, 24);
	assert_non_null(strstr(row(s, 0), "no answer"));
	assert_string_equal(row(s, 2), " keyrackd does not answer (No such file or directory), trying again: "
				       "/run/keyrac");
	fill(s, 64, 9);
	draw(s, 80, 24);
	assert_false(has(s, "answer"));
	top_model_lose(&s->m, "Connection refused");
	draw(s, 80, 24);
	assert_true(has(s, "does not answer (Connection refused)"));
	assert_true(has(s, "c000000a")); /* the last that was known, but dim */
	for (unsigned int y = 3; y < 23; y++)
		for (unsigned int x = 0; x < 80; x++)
			assert_int_equal(style_at(s, x, y), TOP_DIM);
}

static void paused_and_help(void **state)
{
	struct scene *s = *state;

	fill(s, 64, 9);
	s->v.paused = true;
	draw(s, 80, 24);
	assert_non_null(strstr(row(s, 0), "paused"));
	s->v.help = true;
	draw(s, 80, 24);
	assert_true(has(s, "pause and go on"));
	assert_true(has(s, "/run/keyrack.vici"));
	assert_false(has(s, "c000000a"));
	assert_memory_equal(row(s, 23), " q quit", 7);
}

static void a_plain_frame_has_it_all(void **state)
{
	struct scene *s = *state;

	s->v.plain = true;
	fill(s, 1000, 300);
	draw(s, 100, top_draw_height(&s->m, &s->v, 100));
	find(s, "  298  c0000135");
	find(s, "#904 ");
	assert_memory_equal(row(s, find(s, " 960 ")), " 960 ········", 21);
	assert_false(has(s, "HISTORY"));
	assert_false(has(s, "quit"));
	assert_false(has(s, "every"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(everything_at_80x24),
		TEST(more_at_120x40),
		TEST(ascii_only),
		TEST(a_name_draws_nothing_of_its_own),
		TEST(every_size),
		TEST(below_the_minimum),
		TEST(a_cell_for_several_slots),
		TEST(a_full_cell),
		TEST(zoomed_in_pages),
		TEST(four_pools),
		TEST(scrolling),
		TEST(sorting),
		TEST(wear_of_what_is_being_replaced),
		TEST(several_tunnels),
		TEST(no_answer),
		TEST(paused_and_help),
		TEST(a_plain_frame_has_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
