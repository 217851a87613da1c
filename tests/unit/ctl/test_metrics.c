/* SPDX-License-Identifier: MIT */
/* The metrics' text: its grammar, that no counter is left out, and what a queue looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/metrics.h"
#include "ctl/metrics_rows.h"
#include "fake_controller.h"

struct scene {
	struct controller controller;
	struct conf_nic nic;
	struct ike_child_cfg net;
	struct ike_conn_cfg gw;
	struct ike_child_sa sa;
	char *text;
};

static int setup(void **state)
{
	static const struct slots_config pools = {.n_pools = 1, .pool = {{.name = "shared", .size = 32, .reserve = 2}}};
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->nic = (struct conf_nic){.device = "eth\"0", .profile = "cx7"};
	s->controller.slots = slots_new(&pools);
	assert_non_null(s->controller.slots);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	fake_controller_clear(&s->controller);
	free(s->text);
	free(s);
	return 0;
}

static const char *show(struct scene *s)
{
	const struct metrics_source source = {
		.controller = &s->controller, .nic = &s->nic, .now = 1, .started_unix = 1700000000};
	size_t len;
	FILE *to;

	free(s->text);
	s->text = NULL;
	to = open_memstream(&s->text, &len);
	assert_non_null(to);
	assert_int_equal(metrics_write(to, &source), 0);
	assert_int_equal(fclose(to), 0);
	return s->text;
}

static void assert_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at += len)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return;
	fail_msg("no line \"%s\" in:\n%s", line, text);
}

/* ---- every counter ---- */

static void number_in(const struct metrics_row *row, struct controller_counters *c, uint64_t value)
{
	uint32_t small = (uint32_t)value;

	if (row->kind == METRICS_COUNTER)
		memcpy((char *)c + row->offset, &value, sizeof(value));
	else
		memcpy((char *)c + row->offset, &small, sizeof(small));
}

/* Rows fill all of the struct that is not padding, each byte once: a new counter without a row is found here. */
static void no_counter_is_left_out(void **state)
{
	struct controller_counters filled;
	size_t bytes = 0, gap = 0;

	(void)state;
	memset(&filled, 0, sizeof(filled));
	for (const struct metrics_row *r = metrics_rows; r->name; r++) {
		size_t size = r->kind == METRICS_COUNTER ? sizeof(uint64_t) : sizeof(uint32_t);

		for (size_t i = 0; i < size; i++)
			if (((unsigned char *)&filled)[r->offset + i]++)
				fail_msg("%s{%s}: another row has its counter", r->name, r->labels ? r->labels : "");
		bytes += size;
	}
	for (size_t i = 0; i < sizeof(filled); i++)
		gap += !((unsigned char *)&filled)[i];
	/* three uint32_t at the end of ike's leave four bytes */
	if (gap > sizeof(uint32_t))
		for (size_t i = 0; i < sizeof(filled); i += sizeof(uint64_t))
			if (!((unsigned char *)&filled)[i])
				print_error("no row for the counter at offset %zu\n", i);
	assert_true(gap <= sizeof(uint32_t));
	assert_int_equal(bytes + gap, sizeof(filled));
}

static void rows_show_their_counter(void **state)
{
	struct scene *s = *state;
	uint64_t n = 1000;
	char line[200];

	for (const struct metrics_row *r = metrics_rows; r->name; r++)
		number_in(r, &s->controller.counters, n++);
	show(s);
	n = 1000;
	for (const struct metrics_row *r = metrics_rows; r->name; r++) {
		snprintf(line, sizeof(line), "%s%s%s%s %llu", r->name, r->labels ? "{" : "", r->labels ? r->labels : "",
			 r->labels ? "}" : "", (unsigned long long)n++);
		assert_line(s->text, line);
	}
}

static void large_counters_are_whole(void **state)
{
	struct scene *s = *state;

	s->controller.counters.installs = UINT64_MAX;
	assert_line(show(s), "keyrack_sa_installs_total 18446744073709551615");
}

/* ---- grammar ---- */

struct family {
	char name[80];
	bool counter;
};

/* Each family once, with help and type before its samples; names say whether they only grow. */
static void families_are_whole_and_once(void **state)
{
	struct scene *s = *state;
	struct family seen[200] = {0}, *family = seen;
	unsigned int n = 0;
	char *save = NULL;

	show(s);
	for (char *line = strtok_r(s->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[80], type[16];

		if (!strncmp(line, "# HELP ", 7)) {
			assert_int_equal(sscanf(line + 7, "%79s", name), 1);
			assert_true(strlen(line) > 7 + strlen(name) + 10); /* a sentence */
			assert_null(strstr(line, "(null)"));
			assert_true(n < 200);
			for (unsigned int i = 0; i < n; i++)
				assert_string_not_equal(seen[i].name, name);
			family = &seen[n++];
			memcpy(family->name, name, sizeof(name));
			continue;
		}
		if (!strncmp(line, "# TYPE ", 7)) {
			assert_int_equal(sscanf(line + 7, "%79s %15s", name, type), 2);
			assert_string_equal(name, family->name);
			family->counter = !strcmp(type, "counter");
			assert_true(family->counter || !strcmp(type, "gauge"));
			assert_int_equal(family->counter,
					 strlen(name) > 6 && !strcmp(name + strlen(name) - 6, "_total"));
			continue;
		}
		assert_int_equal(strcspn(line, "{ "), strlen(family->name));
		assert_memory_equal(line, family->name, strlen(family->name));
	}
	assert_true(n > 40);
}

static void what_runs_and_names_with_quotes(void **state)
{
	struct scene *s = *state;

	assert_line(show(s), "keyrack_build_info{version=\"" KEYRACK_VERSION
			     "\",backend=\"xfrm\",device=\"eth\\\"0\",profile=\"cx7\"} 1");
	assert_line(s->text, "keyrack_start_time_seconds 1700000000");
}

static void slots_by_state(void **state)
{
	struct scene *s = *state;
	int64_t slot = slots_reserve(s->controller.slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, s);

	slots_commit(s->controller.slots, (uint32_t)slot);
	slots_reserve(s->controller.slots, SLOTS_OUT, SLOTS_IPV4, SLOTS_FOR_NEW, s);
	show(s);
	assert_line(s->text, "keyrack_slots{pool=\"shared\",state=\"occ\"} 1");
	assert_line(s->text, "keyrack_slots{pool=\"shared\",state=\"reserved\"} 1");
	assert_line(s->text, "keyrack_slots{pool=\"shared\",state=\"draining\"} 0");
	assert_line(s->text, "keyrack_slots{pool=\"shared\",state=\"free\"} 30");
	assert_line(s->text, "keyrack_slots_size{pool=\"shared\"} 32");
	assert_line(s->text, "keyrack_slots_reserve{pool=\"shared\"} 2");
}

/* ---- queues ---- */

static void queues_and_their_wear(void **state)
{
	struct scene *s = *state;

	s->net.name = "net\\1";
	s->gw.name = "gw";
	s->sa = (struct ike_child_sa){.conn = &s->gw, .cfg = &s->net};
	s->controller.n_children = 2;
	for (uint32_t i = 0; i < 2; i++)
		s->controller.children[i] = (struct controller_child){
			.reqid = 7,
			.ike = &s->sa,
			.queue = i ? 3 : UINT32_MAX,
			.wear_soft = 0.25,
			.wear_hard = 0.125,
			.rekey_in_ns = i ? 1500000000 : UINT64_MAX,
			.in = {.mode = OFFLOAD_PACKET},
			.out = {.mode = i ? OFFLOAD_CRYPTO : OFFLOAD_PACKET},
		};
	show(s);
#define ANY   "{conn=\"gw\",child=\"net\\\\1\",reqid=\"7\",queue=\"any\""
#define THREE "{conn=\"gw\",child=\"net\\\\1\",reqid=\"7\",queue=\"3\""
	assert_line(s->text, "keyrack_queue_info" THREE ",tx=\"3\",rx=\"4\",in=\"any\",out=\"xps\"} 1");
	assert_line(s->text, "keyrack_queue_bytes_total" ANY ",direction=\"in\"} 5000");
	assert_line(s->text, "keyrack_queue_bytes_total" THREE ",direction=\"out\"} 6000");
	assert_line(s->text, "keyrack_queue_packets_total" THREE ",direction=\"in\"} 50");
	assert_line(s->text, "keyrack_queue_wear_ratio" THREE ",limit=\"soft\"} 0.25");
	assert_line(s->text, "keyrack_queue_wear_ratio" THREE ",limit=\"hard\"} 0.125");
	assert_line(s->text, "keyrack_queue_rekey_seconds" ANY "} +Inf");
	assert_line(s->text, "keyrack_queue_rekey_seconds" THREE "} 1.500");
	assert_line(s->text, "keyrack_queue_sas{direction=\"in\",mode=\"packet\"} 2");
	assert_line(s->text, "keyrack_queue_sas{direction=\"out\",mode=\"crypto\"} 1");
	assert_line(s->text, "keyrack_queues_left_out 0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(no_counter_is_left_out),          TEST(rows_show_their_counter),
		TEST(large_counters_are_whole),        TEST(families_are_whole_and_once),
		TEST(what_runs_and_names_with_quotes), TEST(slots_by_state),
		TEST(queues_and_their_wear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
