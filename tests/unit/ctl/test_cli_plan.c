/* SPDX-License-Identifier: MIT */
/* `keyrack plan` as a process, without a keyrackd: what it prints, what it refuses, its exit codes; and that the
 * example in the README is what it prints. argv: keyrack README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "process.h"

enum { WORDS_MAX = 24 };

static const char *program, *readme;
static struct process cli;

/* The words of a command line after "keyrack plan". */
static int plan(const char *words)
{
	const char *argv[WORDS_MAX] = {program, "plan"};
	char *copy = strdup(words), *rest = copy;
	int n = 2, code;

	assert_non_null(copy);
	for (char *word; n < WORDS_MAX - 1 && (word = strsep(&rest, " "));)
		if (*word)
			argv[n++] = word;
	code = process_run(&cli, argv);
	free(copy);
	return code;
}

static void words_and_exit_codes(void **state)
{
	static const struct {
		const char *words;
		int code;
		const char *says;
	} rows[] = {
		{"--help", 0, "usage: keyrack plan"},
		{"--help", 0, "--queue-rate BIT/S"},
		{"--slots 100", 0, "fits: 1 Child SA, generic"},
		{"--slots 20 --profile tiny-33 --queues 8", 0,
		 "20 slots for both directions, of which 18 are used and 2 kept"},
		{"--slots 18 --profile tiny-33 --queues 8", 1,
		 "use a card or a nic.slots of 20, or 7 queues a tunnel instead of 8"},
		{"--profile cx7 --tunnels 10", 0, "10922 slots in, 32768 out"},
		{"--slots 64 --rate 100G --esn no", 0, "2^32 sequence numbers"},
		{"--slots 64 --rate 2.5G --rekey-bytes 40g", 0, "(bytes)"},
		{"--slots 64 --rekey-time 10m --life-time 12m --rtt-ms 0.5", 0, "(time)"},
		{"--slots 64 --cipher aes256", 0, "fits"},
		{"--slots", 2, "slots"},
		{"--slots 0", 2, "--slots: \"0\" is not a number from 1 to 268435456"},
		{"--slots ten", 2, "--slots: \"ten\" is not a number"},
		{"--slots 64 --queues -1", 2, "--queues: \"-1\" is not a number from 0 to 1024"},
		{"--slots 64 --rate 100X", 2, "--rate: \"100X\" is not a rate in bit/s (units: k, M, G, T)"},
		{"--slots 64 --rtt-ms 1s", 2, "--rtt-ms: \"1s\" is not a number of milliseconds from 0 to 60000"},
		{"--slots 64 --poll 2h", 2,
		 "--poll: \"2h\" is not a time (units: ms, s, m, h, d) from 1ms to 3600000ms"},
		{"--slots 64 --rekey-bytes 1x", 2, "--rekey-bytes: \"1x\" is not a number of bytes below 2^64"},
		{"--slots 64 --rekey-packets 18446744073709551615", 2, "\"18446744073709551615\" is not a number"},
		{"--slots 64 --esn maybe", 2, "--esn: \"maybe\" is not yes or no"},
		{"--slots 64 --profile cx9", 2, "--profile: \"cx9\" is not one of cx7, ixgbe-1024"},
		{"--slots 64 --cipher rot13", 2, "--cipher: \"rot13\" is not a cipher"},
		{"--slots 64 --frobnicate", 2, "--frobnicate"},
		{"--slots 64 please", 2, "\"please\": only options are taken"},
		{"--slots 64 --rekey-bytes 10k --life-bytes 5k", 2, "life_bytes is 5120: it must be above rekey_bytes"},
		{"--config /tmp/no-such-file", 2, "/tmp/no-such-file"},
		{"--socket /tmp/no-such-socket", 3, "/tmp/no-such-socket: No such file or directory"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code = plan(rows[i].words);

		if (code != rows[i].code || !strstr(cli.log, rows[i].says))
			fail_msg("%s: exit code %d, and: %s", rows[i].words, code, cli.log);
	}
}

static json_t *plan_json(const char *words, int code)
{
	char line[400];
	json_error_t error;
	json_t *all;

	snprintf(line, sizeof(line), "--json %s", words);
	assert_int_equal(plan(line), code);
	all = json_loads(cli.log, 0, &error);
	if (!all)
		fail_msg("%s\n%s", error.text, cli.log);
	return all;
}

static json_int_t integer(const json_t *all, const char *section, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(all, section), key));
}

static void as_json(void **state)
{
	json_t *all = plan_json("--slots 33 --profile tiny-33 --queues 8 --tunnels 2 --rate 1G", 1), *advice, *group;

	(void)state;
	assert_true(json_is_false(json_object_get(all, "fits")));
	assert_int_equal(json_integer_value(json_object_get(all, "child_sas")), 18);
	assert_int_equal(integer(all, "slots", "size_in"), 33);
	assert_int_equal(integer(all, "slots", "used_in"), 36);
	assert_int_equal(integer(all, "slots", "reserve"), 2);
	assert_int_equal(integer(all, "slots", "size_needed"), 38);
	assert_int_equal(integer(all, "budget", "needed"), 1);
	assert_int_equal(integer(all, "budget", "available"), 0);
	assert_true(json_is_null(json_object_get(json_object_get(all, "budget"), "load")));
	assert_int_equal(integer(all, "at_most", "tunnels"), 1);
	assert_int_equal(integer(all, "at_most", "queues"), 6);
	advice = json_array_get(json_object_get(all, "advice"), 0);
	assert_string_equal(json_string_value(json_object_get(advice, "code")), "slots");
	assert_true(json_is_true(json_object_get(advice, "must")));
	group = json_array_get(json_object_get(all, "groups"), 0);
	assert_string_equal(json_string_value(json_object_get(group, "limit")), "time");
	assert_true(json_number_value(json_object_get(group, "bytes_per_second")) == 125e6);
	json_decref(all);
}

/* ---- a configuration ---- */

static const char config[] = "nic {\n"
			     "    backend = hwsim\n"
			     "    socket = /tmp/nobody\n"
			     "    profile = tiny-33\n"
			     "    slots = 100\n"
			     "    queues = 4\n"
			     "    drain = 200ms\n"
			     "}\n"
			     "connections {\n"
			     "    a {\n"
			     "        local_addrs = 192.0.2.1\n"
			     "        remote_addrs = 192.0.2.2\n"
			     "        local {\n            auth = psk\n        }\n"
			     "        remote {\n            auth = psk\n        }\n"
			     "        children {\n"
			     "            queues {\n"
			     "                esp_proposals = aes128gcm16-esn\n"
			     "                per_cpu_sas = yes\n"
			     "                rekey_packets = 1000000\n"
			     "                life_packets = 3000000\n"
			     "            }\n"
			     "            single {\n"
			     "                esp_proposals = aes128gcm16\n"
			     "            }\n"
			     "            soft {\n"
			     "                hw_offload = no\n"
			     "            }\n"
			     "        }\n"
			     "    }\n"
			     "}\n";

static void from_a_configuration(void **state)
{
	char path[] = "/tmp/test-cli-plan-XXXXXX", line[200];
	int fd = mkstemp(path);
	json_t *all, *group;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, config, sizeof(config) - 1), sizeof(config) - 1);
	close(fd);
	snprintf(line, sizeof(line), "--config %s --rate 2G --packet-bytes 1000", path);
	all = plan_json(line, 0);
	assert_int_equal(json_integer_value(json_object_get(all, "child_sas")), 6); /* 4 + 1, and 1 */
	assert_int_equal(integer(all, "slots", "size_in"), 100);
	assert_true(json_is_true(json_object_get(json_object_get(all, "slots"), "shared")));
	group = json_array_get(json_object_get(all, "groups"), 0);
	assert_string_equal(json_string_value(json_object_get(group, "name")), "a/queues");
	assert_int_equal(json_integer_value(json_object_get(group, "queues")), 4);
	assert_int_equal(json_integer_value(json_object_get(group, "life_packets")), 3000000);
	assert_string_equal(json_string_value(json_object_get(group, "limit")), "packets");
	assert_true(json_number_value(json_object_get(group, "packets_per_second")) == 125000);
	group = json_array_get(json_object_get(all, "groups"), 1);
	assert_true(json_is_false(json_object_get(group, "esn")));
	assert_int_equal(json_integer_value(json_object_get(group, "life_packets")), UINT32_MAX);
	json_decref(all);
	snprintf(line, sizeof(line), "--config %s --slots 10 --tunnels 2 --queues 8 --rekey-packets 5000", path);
	all = plan_json(line, 1);
	assert_int_equal(json_integer_value(json_object_get(all, "child_sas")), 20);
	group = json_array_get(json_object_get(all, "groups"), 0);
	assert_int_equal(json_integer_value(json_object_get(group, "life_packets")), 5500);
	json_decref(all);
	unlink(path);
}

/* ---- the README ---- */

/* The next line without its indentation of four, NULL after the last that has one. The caller frees it. */
static char *example_line(FILE *f)
{
	char *line = NULL;
	size_t room = 0;

	if (getline(&line, &room, f) < 0 || strncmp(line, "    ", 4) != 0) {
		free(line);
		return NULL;
	}
	memmove(line, line + 4, strlen(line + 4) + 1);
	return line;
}

static void the_readme_shows_it(void **state)
{
	static const char prompt[] = "    $ keyrack plan ";
	FILE *f = fopen(readme, "r");
	char *line = NULL, *shown;
	size_t room = 0, at = 0;

	(void)state;
	assert_non_null(f);
	do
		assert_true(getline(&line, &room, f) > 0);
	while (strncmp(line, prompt, sizeof(prompt) - 1) != 0);
	line[strcspn(line, "\n")] = '\0';
	plan(line + sizeof(prompt) - 1);
	free(line);
	while ((shown = example_line(f))) {
		if (strncmp(cli.log + at, shown, strlen(shown)) != 0)
			fail_msg("not: %s\nbut: %s", shown, cli.log + at);
		at += strlen(shown);
		free(shown);
	}
	fclose(f);
	assert_string_equal(cli.log + at, "");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_exit_codes),
		cmocka_unit_test(as_json),
		cmocka_unit_test(from_a_configuration),
		cmocka_unit_test(the_readme_shows_it),
	};

	if (argc != 3)
		return 2;
	program = argv[1];
	readme = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
