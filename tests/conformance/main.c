/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite:
 *     conformance hwsim PROGRAM [PATTERN]                        on two keyrack-hwsim
 *     conformance kernel DEVICE PEER-NETNS PEER-DEVICE [PATTERN] on a kernel with krnic
 *     conformance list                                           the names of the tests
 *     conformance table                                          the tables of docs/conformance.md
 *     conformance document FILE                                  whether that file has them
 * DEVICE is in the network namespace of the program. PATTERN names the tests to run, with * and ?.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { TESTS = 1024, NAME = 160 };

static struct {
	struct card card;
	const char *const *argv;
} suite;

static int open_card(void **state)
{
	(void)state;
	if (!strcmp(suite.argv[1], "hwsim"))
		card_open_hwsim(&suite.card, suite.argv[2]);
	else
		card_open_kernel(&suite.card, suite.argv[2], suite.argv[3], suite.argv[4]);
	return 0;
}

static int close_card(void **state)
{
	(void)state;
	card_close(&suite.card);
	return 0;
}

static int clear_card(void **state)
{
	(void)state;
	card_clear(&suite.card);
	return 0;
}

static void run_row(void **state)
{
	const struct row *row = *state;
	struct card *c = &suite.card;
	const char *want = c->kind == CARD_HWSIM && row->hwsim ? row->hwsim : row->want;
	unsigned int states;

	if (row->hwsim) {
		assert_string_not_equal(row->want, row->hwsim);
		assert_non_null(row->why);
	}
	if (row->before.type)
		card_ask(c, LEFT, &row->before, "ok");
	states = card_states(c, LEFT);
	card_ask(c, LEFT, &row->request, want);
	if (strncmp(want, "ok", 2) != 0) /* who refuses leaves no trace */
		assert_int_equal(card_states(c, LEFT), states + row->leaves);
}

static void run_story(void **state)
{
	const struct story *story = *state;

	story->run(&suite.card);
}

static struct CMUnitTest test(CMUnitTestFunction run, const char *area, const char *name, const void *what)
{
	char *full = malloc(NAME);

	if (!full)
		abort();
	snprintf(full, NAME, "%s: %s", area, name);
	return (struct CMUnitTest){full, run, clear_card, NULL, (void *)what};
}

static unsigned int collect(struct CMUnitTest tests[TESTS])
{
	unsigned int n = 0;

	for (unsigned int i = 0; suite_tables(i); i++)
		for (unsigned int r = 0; r < suite_tables(i)->n && n < TESTS; r++) {
			const struct row *row = &suite_tables(i)->rows[r];

			tests[n++] = test(run_row, suite_tables(i)->area, row->name, row);
		}
	for (unsigned int i = 0; suite_chapters(i); i++)
		for (unsigned int s = 0; s < suite_chapters(i)->n && n < TESTS; s++) {
			const struct story *story = &suite_chapters(i)->stories[s];

			tests[n++] = test(run_story, suite_chapters(i)->area, story->name, story);
		}
	return n;
}

static int check_document(const char *path)
{
	char *table = NULL, *text;
	size_t size, len;
	FILE *to = open_memstream(&table, &size), *from = fopen(path, "r");
	int rc = 1;

	if (!to || !from) {
		fprintf(stderr, "cannot read %s\n", path);
		return 1;
	}
	suite_table(to);
	fclose(to);
	text = calloc(1, 1 << 20);
	len = text ? fread(text, 1, (1 << 20) - 1, from) : 0;
	if (len && strstr(text, table))
		rc = 0;
	else
		fprintf(stderr, "%s does not have what `conformance table` prints\n", path);
	free(text);
	free(table);
	fclose(from);
	return rc;
}

static int usage(void)
{
	fputs("usage: conformance hwsim PROGRAM [PATTERN] | kernel DEVICE PEER-NETNS PEER-DEVICE [PATTERN] |\n"
	      "                   list | table | document FILE\n",
	      stderr);
	return 2;
}

/* 0: the arguments are no card's. */
static int arguments_of_card(const char *what)
{
	return !strcmp(what, "hwsim") ? 3 : !strcmp(what, "kernel") ? 5 : 0;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TESTS];
	const char *what = argc > 1 ? argv[1] : "";
	int rc = 0, card = arguments_of_card(what);
	unsigned int n = collect(tests);

	suite.argv = (const char *const *)argv;
	if (card && (argc == card || argc == card + 1)) {
		if (argc > card)
			cmocka_set_test_filter(argv[card]);
		rc = _cmocka_run_group_tests("conformance", tests, n, open_card, close_card);
	} else if (argc == 2 && !strcmp(what, "list")) {
		for (unsigned int i = 0; i < n; i++)
			puts(tests[i].name);
	} else if (argc == 2 && !strcmp(what, "table")) {
		suite_table(stdout);
	} else if (argc == 3 && !strcmp(what, "document")) {
		rc = check_document(argv[2]);
	} else {
		rc = usage();
	}
	for (unsigned int i = 0; i < n; i++)
		free((char *)tests[i].name);
	return rc;
}
