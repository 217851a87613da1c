/* SPDX-License-Identifier: MIT */
/* keyrack as a process against running gateways: what it prints and its exit codes. argv: keyrackd keyrack-hwsim
 * keyrack. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateways.h"

static struct programs programs;
static struct gateways *gateways; /* one pair for all tests here, idle between them */
static struct process cli;

static int group_setup(void **state)
{
	(void)state;
	gateways = gateways_new(&programs);
	gateways_start(gateways);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	gateways_free(gateways);
	return 0;
}

/* Runs keyrack on the left gateway with up to three words more. Its exit code; what it said is in cli.log. */
static int keyrack(const char *verb, const char *one, const char *two)
{
	const char *argv[] = {programs.keyrack, "--socket", gateways->side[0].control, verb, one,
			      one ? two : NULL, NULL};

	return process_run(&cli, argv);
}

static json_t *keyrack_json(const char *verb)
{
	json_error_t error;
	json_t *value;

	assert_int_equal(keyrack(verb, "--json", NULL), 0);
	value = json_loads(cli.log, 0, &error);
	if (!value)
		fail_msg("%s: %s\n%s", verb, error.text, cli.log);
	return value;
}

static void tunnel_up(void)
{
	assert_int_equal(keyrack("up", "net", "--json"), 0);
}

static void tunnel_down(void)
{
	assert_int_equal(keyrack("down", "gw", "--json"), 0);
	gateway_slots_wait_empty(&gateways->side[0]);
	gateway_slots_wait_empty(&gateways->side[1]);
}

/* ---- exit codes ---- */

static void exit_codes(void **state)
{
	static const struct {
		const char *word[3];
		int code;
		const char *says;
	} rows[] = {
		{{"--help"}, 0, "usage: keyrack"},
		{{"status", "--help"}, 0, "usage: keyrack status [--json]"},
		{{"down", "--help"}, 0, "usage: keyrack down NAME | --ike NAME | --child NAME |"},
		{{"version"}, 0, "keyrackd "},
		{{"status"}, 0, "keyrackd "},
		{{"frobnicate"}, 2, "frobnicate"},
		{{"status", "now"}, 2, "\"now\""},
		{{"up"}, 2, "usage: keyrack up"},
		{{"down"}, 2, "usage: keyrack down"},
		{{"rekey", "--ike-id", "x"}, 2, "usage: keyrack rekey"},
		{{"reload", "x"}, 2, "\"x\""},
		{{"up", "nothing"}, 1, "there is no child \"nothing\""},
		{{"up", "nowhere/net"}, 1, "in connection \"nowhere\""},
		{{"down", "gw"}, 1, "no matching SAs"},
		{{"rekey", "--ike-id", "99"}, 1, "no SA matches"},
		{{"doctor", "--help"}, 0, "usage: keyrack doctor"},
		{{"doctor", "--frob"}, 2, "usage: keyrack doctor"},
		{{"doctor", "eth7", "eth8"}, 2, "\"eth8\": one device at a time"},
		{{"doctor", "no-such-device"}, 1, "\"no-such-device\": No such device"},
		{{"doctor", "/tmp/no-such-card"}, 1, "cannot be read: No such file or directory"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code = keyrack(rows[i].word[0], rows[i].word[1], rows[i].word[2]);

		if (code != rows[i].code || !strstr(cli.log, rows[i].says))
			fail_msg("%s %s: exit code %d, and: %s", rows[i].word[0],
				 rows[i].word[1] ? rows[i].word[1] : "", code, cli.log);
	}
}

static void nobody_there_is_3(void **state)
{
	const char *argv[] = {programs.keyrack, "--socket", "/tmp/no-such-socket", "status", NULL};

	(void)state;
	assert_int_equal(process_run(&cli, argv), 3);
	assert_non_null(strstr(cli.log, "/tmp/no-such-socket: No such file or directory"));
}

/* ---- the doctor ---- */

static const json_t *check_of(const json_t *answer, const char *check)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "checks"), i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "check")), check))
			return row;
	}
	fail_msg("there is no line of %s: %s", check, cli.log);
	return NULL;
}

static void assert_check(const json_t *answer, const char *check, const char *level, const char *words)
{
	const json_t *row = check_of(answer, check);
	const char *text = json_string_value(json_object_get(row, "text"));

	assert_string_equal(json_string_value(json_object_get(row, "level")), level);
	if (!strstr(text, words))
		fail_msg("%s: expected \"%s\": %s", check, words, text);
}

/* Trials on the card that a running keyrackd has its SAs on disturb neither. */
static void doctor_of_what_runs(void **state)
{
	json_t *before, *answer, *after;
	json_error_t error;

	(void)state;
	tunnel_up();
	before = gateway_list(&gateways->side[0], "list-queues", "list-queue");
	assert_true(keyrack("doctor", "--probe", "--json") <= 1); /* the machine's clock may be a bad one */
	answer = json_loads(cli.log, 0, &error);
	if (!answer)
		fail_msg("%s\n%s", error.text, cli.log);
	assert_check(answer, "keyrackd", "ok", "1 IKE SAs, 3 Child SAs");
	assert_check(answer, "packet-in", "ok", "accepted, read back and removed");
	assert_check(answer, "crypto-out", "ok", "accepted, read back and removed");
	assert_check(answer, "table", "ok", "shared configured 33, nothing learned, in use 6 of 33");
	assert_check(answer, "policies", "ok", "all keyrackd's");
	assert_check(answer, "steering", "ok", "3 SAs of keyrackd, 0 not led");
	assert_int_equal(gateway_slots(&gateways->side[0]), 6);
	after = gateway_list(&gateways->side[0], "list-queues", "list-queue");
	assert_int_equal(json_array_size(after), json_array_size(before));
	json_decref(before);
	json_decref(answer);
	json_decref(after);
	tunnel_down();
}

/* ---- a tunnel ---- */

static void up_rekey_down(void **state)
{
	json_t *before, *after, *sas;

	(void)state;
	assert_int_equal(keyrack("up", "gw/net", NULL), 0);
	assert_int_equal(gateway_slots(&gateways->side[0]), 6);
	before = gateway_list(&gateways->side[0], "list-queues", "list-queue");
	assert_int_equal(json_array_size(before), 3);
	assert_int_equal(keyrack("rekey", "net", NULL), 0);
	after = gateway_list(&gateways->side[0], "list-queues", "list-queue");
	assert_int_equal(keyrack("down", "gw", NULL), 0);
	sas = gateway_list(&gateways->side[0], "list-sas", "list-sa");
	assert_int_equal(json_array_size(sas), 0);
	json_decref(before);
	json_decref(after);
	json_decref(sas);
	tunnel_up();
	assert_int_equal(keyrack("down", "net", NULL), 0); /* the child only: the IKE SA stays */
	sas = gateway_list(&gateways->side[0], "list-sas", "list-sa");
	assert_int_equal(json_array_size(sas), 1);
	json_decref(sas);
	tunnel_down();
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("no %s", key);
	return text;
}

static void status_slots_queues_as_json(void **state)
{
	json_t *status, *slots, *queues, *pool, *list;

	(void)state;
	tunnel_up();
	status = keyrack_json("status");
	assert_string_equal(text_of(status, "ike_sas"), "1");
	assert_string_equal(text_of(status, "children"), "3");
	assert_true(strtoul(text_of(json_object_get(status, "counters"), "installs"), NULL, 10) >= 6);
	slots = keyrack_json("slots");
	pool = json_object_get(json_object_get(slots, "pools"), "shared");
	assert_string_equal(text_of(pool, "size"), "33");
	assert_string_equal(text_of(pool, "occ"), "6");
	assert_string_equal(text_of(pool, "free"), "27");
	list = json_object_get(slots, "slots");
	assert_int_equal(json_array_size(list), 6);
	assert_string_equal(text_of(json_array_get(list, 0), "state"), "occupied");
	assert_string_equal(text_of(json_array_get(list, 0), "child"), "net");
	assert_string_equal(text_of(json_array_get(list, 0), "peer"), gateways->side[1].ip);
	assert_int_equal(strlen(text_of(json_array_get(list, 0), "spi")), 8);
	assert_string_equal(text_of(json_array_get(list, 0), "wear_hard"), "0.0");
	assert_non_null(json_object_get(json_array_get(list, 0), "rekey_in"));
	queues = keyrack_json("queues");
	list = json_is_array(queues) ? queues : json_object_get(queues, "queues");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(text_of(json_array_get(list, 0), "queue"), "any"); /* the fallback first */
	assert_string_equal(text_of(json_array_get(list, 2), "queue"), "1");
	assert_string_equal(text_of(json_array_get(list, 2), "mode"), "packet");
	json_decref(status);
	json_decref(slots);
	json_decref(queues);
	tunnel_down();
}

/* What runs, planned: its slots and SAs, the limits it was configured with; what the command line says goes before. */
static void plan_of_what_runs(void **state)
{
	json_t *plan, *slots, *group;

	(void)state;
	assert_int_equal(keyrack("plan", "--json", NULL), 1);
	assert_non_null(strstr(cli.log, "keyrackd has no SAs on the card now"));
	tunnel_up();
	plan = keyrack_json("plan");
	slots = json_object_get(plan, "slots");
	assert_true(json_is_true(json_object_get(plan, "fits")));
	assert_int_equal(json_integer_value(json_object_get(plan, "child_sas")), 3);
	assert_int_equal(json_integer_value(json_object_get(slots, "size_in")), 33);
	assert_int_equal(json_integer_value(json_object_get(slots, "used_in")), 6);
	assert_int_equal(json_integer_value(json_object_get(slots, "reserve")), 2);
	group = json_array_get(json_object_get(plan, "groups"), 0);
	assert_string_equal(json_string_value(json_object_get(group, "name")), "gw/net");
	assert_int_equal(json_integer_value(json_object_get(group, "tunnels")), 1);
	assert_int_equal(json_integer_value(json_object_get(group, "queues")), 2);
	assert_string_equal(json_string_value(json_object_get(group, "limit")), "time");
	assert_true(json_is_true(json_object_get(group, "esn")));
	json_decref(plan);
	assert_int_equal(keyrack("plan", "--tunnels", "6"), 1);
	assert_non_null(strstr(cli.log, "at most      5 such tunnels"));
	tunnel_down();
}

/* Columns stand under their heads: every line of a table has the same places free. */
static void tables_are_aligned(void **state)
{
	const char *line, *spi;
	size_t column;
	int rows = 0;

	(void)state;
	tunnel_up();
	assert_int_equal(keyrack("slots", NULL, NULL), 0);
	assert_non_null(strstr(cli.log, "size 33 occ 6"));
	line = strstr(cli.log, "SLOT");
	assert_non_null(line);
	spi = strstr(line, "SPI");
	assert_non_null(spi);
	column = (size_t)(spi - line);
	while ((line = strchr(line, '\n')) && *++line) {
		assert_true(strlen(line) > column + 8);
		assert_int_equal(strspn(line + column, "0123456789abcdef"), 8);
		assert_int_equal(line[column - 1], ' ');
		rows++;
	}
	assert_int_equal(rows, 6);
	tunnel_down();
}

static void monitor_tells_what_happens(void **state)
{
	const char *argv[] = {programs.keyrack, "--socket", gateways->side[0].control, "monitor", "--json", NULL};
	struct process *monitor = calloc(1, sizeof(*monitor));

	(void)state;
	assert_non_null(monitor);
	process_start(monitor, argv);
	/* it listens once it tells of something: of a reload, which changes nothing */
	do
		gateway_command(&gateways->side[0], "reload", NULL, NULL);
	while (!process_says_within(monitor, "conf.reloaded", 200));
	tunnel_up();
	assert_true(process_says(monitor, "\"event\":\"ike-updown\",\"message\":{\"up\":\"yes\",\"gw\":{"));
	assert_true(process_says(monitor, "\"event\":\"child-updown\",\"message\":{\"up\":\"yes\",\"gw\":{"));
	tunnel_down();
	assert_true(process_says(monitor, "\"event\":\"child-updown\",\"message\":{\"gw\":{"));
	assert_int_equal(process_end(monitor, SIGTERM), -SIGTERM);
	free(monitor);
}

static void reload_says_what_needs_a_restart(void **state)
{
	(void)state;
	assert_int_equal(keyrack("reload", NULL, NULL), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(nobody_there_is_3),
		cmocka_unit_test(doctor_of_what_runs),
		cmocka_unit_test(up_rekey_down),
		cmocka_unit_test(status_slots_queues_as_json),
		cmocka_unit_test(plan_of_what_runs),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(monitor_tells_what_happens),
		cmocka_unit_test(reload_says_what_needs_a_restart),
	};

	if (argc != 4)
		return 2;
	programs = (struct programs){argv[1], argv[2], argv[3]};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
