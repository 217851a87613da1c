/* SPDX-License-Identifier: MIT */
#include "ctl/top_grid.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int top_grid_init(struct top_grid *g, unsigned int width, unsigned int height)
{
	g->width = width < TOP_GRID_MAX ? width : TOP_GRID_MAX;
	g->height = height < TOP_GRID_ROWS_MAX ? height : TOP_GRID_ROWS_MAX;
	g->cell = calloc((size_t)g->width * g->height + 1, sizeof(*g->cell));
	if (!g->cell)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)g->width * g->height; i++)
		g->cell[i].glyph = ' ';
	return 0;
}

void top_grid_free(struct top_grid *g)
{
	free(g->cell);
	*g = (struct top_grid){0};
}

int top_put_glyph(struct top_grid *g, int x, int y, enum top_style style, uint32_t glyph)
{
	if (x >= 0 && y >= 0 && (unsigned int)x < g->width && (unsigned int)y < g->height)
		g->cell[(size_t)y * g->width + (unsigned int)x] = (struct top_cell){glyph, (uint8_t)style};
	return x + 1;
}

int top_put(struct top_grid *g, int x, int y, enum top_style style, const char *text)
{
	for (; *text; text++)
		x = top_put_glyph(g, x, y, style, *text >= ' ' && *text <= '~' ? (uint32_t)*text : '?');
	return x;
}

int top_putf(struct top_grid *g, int x, int y, enum top_style style, const char *format, ...)
{
	char text[TOP_GRID_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return top_put(g, x, y, style, text);
}

int top_put_field(struct top_grid *g, int x, int y, enum top_style style, const char *text, int width, int right)
{
	int len = (int)strnlen(text, TOP_GRID_MAX), blanks = width > len ? width - len : 0;
	char cut[TOP_GRID_MAX + 1];

	snprintf(cut, sizeof(cut), "%.*s", width < TOP_GRID_MAX ? width : TOP_GRID_MAX, text);
	if (right)
		x = top_fill(g, x, y, style, ' ', blanks);
	x = top_put(g, x, y, style, cut);
	return right ? x : top_fill(g, x, y, style, ' ', blanks);
}

int top_fill(struct top_grid *g, int x, int y, enum top_style style, uint32_t glyph, int n)
{
	while (n-- > 0)
		x = top_put_glyph(g, x, y, style, glyph);
	return x;
}

/* Code points here are those of the drawing code: below 0x10000. */
static char *utf8(char *p, uint32_t c)
{
	if (c < 0x80) {
		*p++ = (char)c;
	} else if (c < 0x800) {
		*p++ = (char)(0xc0 | c >> 6);
		*p++ = (char)(0x80 | (c & 0x3f));
	} else {
		*p++ = (char)(0xe0 | (c >> 12 & 0x0f));
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (char)(0x80 | (c & 0x3f));
	}
	return p;
}

void top_grid_row(const struct top_grid *g, unsigned int y, char *out)
{
	const struct top_cell *row = g->cell + (size_t)y * g->width;
	unsigned int n = y < g->height ? g->width : 0;

	while (n && row[n - 1].glyph == ' ')
		n--;
	for (unsigned int i = 0; i < n; i++)
		out = utf8(out, row[i].glyph);
	*out = '\0';
}
