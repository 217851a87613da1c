/* SPDX-License-Identifier: MIT */
/* Private to metrics: one row for each counter that is a number in struct controller_counters. */
#ifndef CTL_METRICS_ROWS_H
#define CTL_METRICS_ROWS_H

#include <stddef.h>

struct metrics_row {
	const char *name;   /* NULL: the end. Rows of one name follow each other and share the first one's help. */
	const char *labels; /* `by="us"`; NULL: none */
	const char *help;
	size_t offset;                                             /* in struct controller_counters */
	enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE } kind; /* uint64_t; uint32_t */
};

extern const struct metrics_row metrics_rows[];

#endif
