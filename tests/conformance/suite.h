/* SPDX-License-Identifier: MIT */
/*
 * What the suite is made of: tables of requests with the answer that each must get, and stories that take several
 * steps. What a kernel says is expected of hwsim too. Where hwsim says something else for a reason, the row has that
 * and the reason; a row whose difference is gone fails, as any other difference does.
 */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include <stdio.h>

#include "card.h"

struct row {
	const char *name;
	struct request before; /* is granted first, if it has a type */
	struct request request;
	const char *want;
	const char *hwsim, *why; /* NULL: the same */
	unsigned int leaves;     /* SAs that a refused request leaves behind */
};

struct table {
	const char *area, *what; /* name of its tests; words for the document */
	const struct row *rows;
	unsigned int n;
};

struct story {
	const char *name;
	void (*run)(struct card *c);
};

struct chapter {
	const char *area, *what;
	const struct story *stories;
	unsigned int n;
};

/* Of stories: what a kernel and hwsim say, and why. */
enum difference_id {
	DIFFERS_KEYS,
	DIFFERS_AE_COUNTS,
	DIFFERENCES,
};

/* What this card is to say. Fails the test if both are to say the same. */
const char *difference(const struct card *c, enum difference_id id);

/* The document's tables (docs/conformance.md), as Markdown. */
void suite_table(FILE *to);

/* NULL at the end. */
const struct table *suite_tables(unsigned int n);
const struct chapter *suite_chapters(unsigned int n);

#define TABLE(area, what, rows) const struct table area##_table = {#area, what, rows, sizeof(rows) / sizeof((rows)[0])}
#define CHAPTER(area, what, stories) \
	const struct chapter area##_chapter = {#area, what, stories, sizeof(stories) / sizeof((stories)[0])}

/* tables_*.c, stories_*.c */
extern const struct table sa_table, replay_table, direction_table, algorithm_table, attribute_table, offload_table,
	card_table, spi_table, query_table, policy_table, policy_card_table;
extern const struct chapter dump_chapter, event_chapter, change_chapter, window_chapter, fault_chapter;

#endif
