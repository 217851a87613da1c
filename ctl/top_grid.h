/* SPDX-License-Identifier: MIT */
/*
 * A rectangle of characters with styles: what `keyrack top` draws on. Where it lies (a terminal, a file, a test) and
 * what a style looks like is decided elsewhere. Whatever does not fit is cut off.
 */
#ifndef CTL_TOP_GRID_H
#define CTL_TOP_GRID_H

#include <stddef.h>
#include <stdint.h>

enum {
	TOP_GRID_MAX = 1024,         /* columns, and rows */
	TOP_GRID_ROWS_MAX = 1 << 17, /* of a plain frame */
	TOP_ROW_BYTES = 4 * TOP_GRID_MAX + 1
};

enum top_style {
	TOP_PLAIN,
	TOP_DIM,   /* labels, what is empty */
	TOP_BOLD,  /* numbers that matter */
	TOP_TITLE, /* of a section */
	TOP_BAR,   /* first and last line */
	TOP_KEY,   /* a key to press */
	TOP_GOOD,
	TOP_WARN,
	TOP_BAD,
	TOP_BUSY, /* being replaced */
	TOP_OLD,  /* replaced, or draining */
	TOP_STYLES,
};

struct top_cell {
	uint32_t glyph; /* code point, one column wide */
	uint8_t style;
};

struct top_grid {
	unsigned int width, height;
	struct top_cell *cell;
};

/* An empty grid; sizes above the limits are cut. 0 or -ENOMEM. */
int top_grid_init(struct top_grid *g, unsigned int width, unsigned int height);
void top_grid_free(struct top_grid *g);

/* All write from (x, y) to the right and return the column after it, which may lie outside. */
int top_put_glyph(struct top_grid *g, int x, int y, enum top_style style, uint32_t glyph);
/* Text of others (names) may hold anything: what is not printable ASCII shows as '?'. */
int top_put(struct top_grid *g, int x, int y, enum top_style style, const char *text);
int top_putf(struct top_grid *g, int x, int y, enum top_style style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Cut to `width` columns, and blank up to there. right: flush right. */
int top_put_field(struct top_grid *g, int x, int y, enum top_style style, const char *text, int width, int right);
int top_fill(struct top_grid *g, int x, int y, enum top_style style, uint32_t glyph, int n);

/* A row as UTF-8 without the blanks at its end; out has TOP_ROW_BYTES. */
void top_grid_row(const struct top_grid *g, unsigned int y, char *out);

#endif
