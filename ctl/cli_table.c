/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli.h"

enum { COLUMNS_MAX = 24, CELL_MAX = 240 };

void cli_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
	putchar('\n');
}

int cli_call_failed(const struct cli *cli, const char *command)
{
	fprintf(stderr, "keyrack: %s: %s: %s\n", cli->socket, command,
		errno == EOPNOTSUPP ? "this daemon does not know the command" : strerror(errno));
	return errno == EOPNOTSUPP ? CLI_FAILED : CLI_UNREACHABLE;
}

const char *cli_text(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

double cli_number(const json_t *object, const char *key)
{
	return strtod(cli_text(object, key, "0"), NULL);
}

static void scaled(char *out, size_t size, double v, double base, const char *const *unit)
{
	while (v >= base && unit[1]) {
		v /= base;
		unit++;
	}
	snprintf(out, size, v < 10 && unit[0][0] ? "%.1f%s" : "%.0f%s", v, *unit);
}

static void cell(char *out, size_t size, const json_t *row, const struct cli_column *c)
{
	static const char *const bytes[] = {"", "K", "M", "G", "T", "P", "E", NULL};
	static const char *const bits[] = {"", "k", "M", "G", "T", NULL};
	const char *text = cli_text(row, c->key, NULL);

	if (!text) {
		snprintf(out, size, "-");
		return;
	}
	switch (c->style) {
	case CLI_TEXT:
	case CLI_COUNT:
		snprintf(out, size, "%s", text);
		break;
	case CLI_BYTES:
		scaled(out, size, strtod(text, NULL), 1024, bytes);
		break;
	case CLI_RATE_BITS:
		scaled(out, size, strtod(text, NULL) * 8, 1000, bits);
		break;
	case CLI_PERCENT:
		snprintf(out, size, "%.0f%%", strtod(text, NULL));
		break;
	case CLI_SECONDS:
		snprintf(out, size, "%.1fs", strtod(text, NULL));
		break;
	}
}

static bool right_aligned(enum cli_style style)
{
	return style != CLI_TEXT;
}

void cli_table(const json_t *rows, const struct cli_column *columns, unsigned int n)
{
	int width[COLUMNS_MAX];
	char text[CELL_MAX];
	size_t i;
	json_t *row;

	for (unsigned int c = 0; c < n; c++)
		width[c] = (int)strlen(columns[c].head);
	json_array_foreach(rows, i, row)
	{
		for (unsigned int c = 0; c < n; c++) {
			cell(text, sizeof(text), row, &columns[c]);
			if ((int)strlen(text) > width[c])
				width[c] = (int)strlen(text);
		}
	}
	for (unsigned int c = 0; c < n; c++)
		printf(right_aligned(columns[c].style) ? "%s%*s" : "%s%-*s", c ? "  " : "", width[c], columns[c].head);
	putchar('\n');
	json_array_foreach(rows, i, row)
	{
		for (unsigned int c = 0; c < n; c++) {
			cell(text, sizeof(text), row, &columns[c]);
			printf(right_aligned(columns[c].style) ? "%s%*s" : "%s%-*s", c ? "  " : "", width[c], text);
		}
		putchar('\n');
	}
}

void cli_pools(const json_t *pools)
{
	const char *name;
	json_t *pool;

	json_object_foreach((json_t *)pools, name, pool)
	{
		printf("slots %s: size %s occ %s reserved %s draining %s free %s, peak %s, %s kept for replacements, "
		       "%s refused",
		       name, cli_text(pool, "size", "?"), cli_text(pool, "occ", "?"), cli_text(pool, "reserved", "?"),
		       cli_text(pool, "draining", "?"), cli_text(pool, "free", "?"), cli_text(pool, "peak", "?"),
		       cli_text(pool, "reserve", "?"), cli_text(pool, "refused", "?"));
		if (json_object_get(pool, "learned"))
			printf(" (learned %s, configured %s)", cli_text(pool, "learned", "?"),
			       cli_text(pool, "configured", "?"));
		putchar('\n');
	}
}
