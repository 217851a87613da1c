/* SPDX-License-Identifier: MIT */
#include "suite.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* One row an observation that stories make, and that differs for a reason. */
static const struct {
	const char *what, *kernel, *hwsim, *why;
} differences[DIFFERENCES] = {
	[DIFFERS_KEYS] = {"keys in dumps and notifications", "bits", "bits of zeros",
			  "hwsim never gives keys back; nor does a kernel in lockdown"},
	[DIFFERS_AE_COUNTS] = {"counts in the answer to GETAE, when no dump has asked the card before",
			       "| lifetime added used |", "| lifetime has 5p 500B added used |",
			       "for GETAE a kernel does not ask the driver; in hwsim kernel and card are one"},
};

static const struct table *const tables[] = {&sa_table,        &algorithm_table, &replay_table,      &direction_table,
					     &attribute_table, &offload_table,   &card_table,        &spi_table,
					     &query_table,     &policy_table,    &policy_card_table, NULL};

static const struct chapter *const chapters[] = {&dump_chapter,   &event_chapter, &change_chapter,
						 &window_chapter, &fault_chapter, NULL};

const struct table *suite_tables(unsigned int n)
{
	return tables[n];
}

const struct chapter *suite_chapters(unsigned int n)
{
	return chapters[n];
}

const char *difference(const struct card *c, enum difference_id id)
{
	assert_string_not_equal(differences[id].kernel, differences[id].hwsim);
	return c->kind == CARD_KERNEL ? differences[id].kernel : differences[id].hwsim;
}

/* A vertical bar would end a cell. */
static void put_cell(FILE *to, const char *text)
{
	fputc(' ', to);
	for (; *text; text++)
		fprintf(to, *text == '|' ? "\\|" : "%c", *text);
	fputs(" |", to);
}

static void put_agreements(FILE *to)
{
	fputs("| tests | what | alike | different |\n| --- | --- | --- | --- |\n", to);
	for (unsigned int i = 0; tables[i]; i++) {
		unsigned int differ = 0;

		for (unsigned int n = 0; n < tables[i]->n; n++)
			differ += tables[i]->rows[n].hwsim != NULL;
		fprintf(to, "| `%s` | %s | %u | %u |\n", tables[i]->area, tables[i]->what, tables[i]->n - differ,
			differ);
	}
	for (unsigned int i = 0; chapters[i]; i++)
		fprintf(to, "| `%s` | %s | %u | |\n", chapters[i]->area, chapters[i]->what, chapters[i]->n);
}

static void put_difference(FILE *to, const char *area, const char *what, const char *const cells[3])
{
	char name[160];

	snprintf(name, sizeof(name), "%s%s%s", area, *area ? ": " : "", what);
	fputc('|', to);
	put_cell(to, name);
	for (unsigned int i = 0; i < 3; i++)
		put_cell(to, cells[i]);
	fputc('\n', to);
}

void suite_table(FILE *to)
{
	put_agreements(to);
	fputs("\n| what | the kernel with krnic | hwsim | why |\n| --- | --- | --- | --- |\n", to);
	for (unsigned int i = 0; tables[i]; i++)
		for (unsigned int n = 0; n < tables[i]->n; n++) {
			const struct row *r = &tables[i]->rows[n];

			if (r->hwsim)
				put_difference(to, tables[i]->area, r->name,
					       (const char *[]){r->want, r->hwsim, r->why});
		}
	for (unsigned int i = 0; i < DIFFERENCES; i++)
		put_difference(to, "", differences[i].what,
			       (const char *[]){differences[i].kernel, differences[i].hwsim, differences[i].why});
}
