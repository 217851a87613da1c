/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hwsim/options.h"

enum { MAX_ARGS = 30 };

/* Splits at spaces and parses; the words live as long as the process. */
static int parse(struct options *o, const char *line, char *why, size_t size)
{
	static char copy[512];
	char *argv[MAX_ARGS + 1] = {(char *)"keyrack-hwsim"}, *save = NULL;
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	memcpy(copy, line, strlen(line) + 1);
	for (char *w = strtok_r(copy, " ", &save); w && argc < MAX_ARGS; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return options_parse(o, argc, argv, why, size);
}

static void everything_is_read(void **state)
{
	struct options o;
	char why[512];

	(void)state;
	assert_int_equal(
		parse(&o,
		      "--netlink /n --control /c --profile tiny-33 --slots 20 --policies 7 --queues 8 --ifindex 5 "
		      "--acquire-seconds 7 --seed 18446744073709551615 --wire udp:127.0.0.1:1,127.0.0.1:2 --host gen "
		      "--log-level debug",
		      why, sizeof(why)),
		0);
	assert_string_equal(o.netlink, "/n");
	assert_string_equal(o.control, "/c");
	assert_string_equal(o.card.profile->name, "tiny-33");
	assert_int_equal(o.card.slots, 20);
	assert_int_equal(o.card.policies, 7);
	assert_int_equal(o.card.queues, 8);
	assert_int_equal(o.card.ifindex, 5);
	assert_int_equal(o.card.acquire_seconds, 7);
	assert_true(o.card.seed == UINT64_MAX);
	assert_int_equal(o.wire.kind, PORT_UDP);
	assert_int_equal(o.host.kind, PORT_GEN);
	assert_int_equal(o.level, LOG_LEVEL_DEBUG);
}

static void defaults_are_as_documented(void **state)
{
	struct options o;
	char why[512];

	(void)state;
	assert_int_equal(parse(&o, "--netlink=/n --control=/c --wire none --host none", why, sizeof(why)), 0);
	assert_string_equal(o.card.profile->name, "cx7");
	assert_int_equal(o.card.slots, 0);
	assert_int_equal(o.card.queues, 1);
	assert_int_equal(o.level, LOG_LEVEL_NOTICE);
}

static void help_and_version_need_nothing_else(void **state)
{
	struct options o;
	char why[512];

	(void)state;
	assert_int_equal(parse(&o, "--help", why, sizeof(why)), 0);
	assert_true(o.help);
	assert_int_equal(parse(&o, "--version", why, sizeof(why)), 0);
	assert_true(o.version);
}

static void mistakes_are_refused_and_quoted(void **state)
{
	static const struct {
		const char *line, *quoted;
	} rows[] = {
		{"", "--netlink is required"},
		{"--netlink /n", "--control is required"},
		{"--netlink /n --control /c --host gen", "--wire is required"},
		{"--netlink /n --control /c --wire none", "--host is required"},
		{"--netlink", "--netlink needs a value"},
		{"--frob", "'--frob'"},
		{"--netlink= --control /c", "path is empty"},
		{"stray", "'stray'"},
		{"--queues 0", "'0' is not a number from 1 to 256"},
		{"--queues 257", "'257'"},
		{"--queues 8x", "'8x'"},
		{"--queues -1", "'-1'"},
		{"--acquire-seconds 0", "'0'"},
		{"--seed 18446744073709551616", "'18446744073709551616'"},
		{"--slots 99999999999", "'99999999999'"},
		{"--profile cx8", "'cx8'; known: cx7"},
		{"--wire tap:x", "--wire: 'tap:x' is not a wire port"},
		{"--host udp:1", "--host: 'udp:1' is not a host port"},
		{"--log-level loud", "'loud'"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		char why[512] = "";

		assert_int_not_equal(parse(&o, rows[i].line, why, sizeof(why)), 0);
		if (!strstr(why, rows[i].quoted))
			fail_msg("'%s' gives: %s", rows[i].line, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(help_and_version_need_nothing_else),
		cmocka_unit_test(mistakes_are_refused_and_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
