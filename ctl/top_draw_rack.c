/* SPDX-License-Identifier: MIT */
/* The rack: a cell a slot where there is room, else a cell for several. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/top_draw_impl.h"

enum { GROUP = 8 }; /* cells between two gaps */

struct mark {
	uint32_t utf8, ascii;
	enum top_style style;
	const char *word;
};

/* By enum top_slot_state; 0: the gauge of its wear. */
static const struct mark marks[] = {
	[TOP_SLOT_FREE] = {0x00b7, '.', TOP_DIM, "free"},      [TOP_SLOT_RESERVED] = {'r', 'r', TOP_BUSY, "reserved"},
	[TOP_SLOT_OCCUPIED] = {0, 0, TOP_GOOD, "wear"},        [TOP_SLOT_REKEYING] = {'*', '*', TOP_BUSY, "rekeying"},
	[TOP_SLOT_REPLACED] = {'o', 'o', TOP_OLD, "replaced"}, [TOP_SLOT_DRAINING] = {'~', '~', TOP_OLD, "draining"},
};

/* ---- how the cells of a pool are laid out ---- */

struct shape {
	int label;   /* columns of the slot number, with the blank after it */
	int cell;    /* columns of a cell: 3 (a glyph twice and a blank), 2 (once and a blank), 1 */
	int per_row; /* cells */
	int rows;
	uint32_t each;        /* slots of a cell */
	uint32_t page, pages; /* of a zoomed rack */
};

static int digits(uint64_t n)
{
	int d = 1;

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

/* Cells in a row of `columns`: as many groups as fit, in pairs where there are several, so that numbers are round. */
static int per_row(int columns, int cell)
{
	int groups = (columns + 1) / (GROUP * cell + 1);

	if (groups > 2)
		groups -= groups % 2;
	return groups > 0 ? groups * GROUP : GROUP;
}

static int rows_of(uint32_t n, int in_row)
{
	return (int)((n + (uint32_t)in_row - 1) / (uint32_t)in_row);
}

/* The largest cells with which the pool fits into `budget` rows. */
static struct shape shape_of(const struct top_pool *p, const struct top_view *v, int width, int budget)
{
	struct shape s = {.label = digits(p->first + p->n_slots), .each = 1, .pages = 1};
	uint32_t cells;

	if (s.label < 3)
		s.label = 3;
	s.label++;
	for (s.cell = 3; s.cell > 0; s.cell--) {
		s.per_row = per_row(width - s.label, s.cell);
		s.rows = rows_of(p->n_slots, s.per_row);
		if (s.rows <= budget)
			return s;
	}
	s.cell = 1;
	cells = (uint32_t)(s.per_row * budget);
	if (v->zoom) {
		s.rows = budget;
		s.pages = (p->n_slots + cells - 1) / cells;
		s.page = v->page < s.pages ? v->page : s.pages - 1;
	} else {
		/* a power of two a cell, so that rows begin with round numbers */
		while (p->n_slots / s.each + (p->n_slots % s.each != 0) > cells)
			s.each *= 2;
		s.rows = rows_of((p->n_slots + s.each - 1) / s.each, s.per_row);
	}
	return s;
}

static int budget_of_pool(const struct top_model *m, int budget)
{
	int each = m->n_pools ? budget / (int)m->n_pools : budget;

	return each > 1 ? each : 1;
}

/* ---- drawing ---- */

static void cell_draw(struct top_grid *g, int x, int y, const struct shape *s, enum top_style style, uint32_t glyph)
{
	x = top_put_glyph(g, x, y, style, glyph);
	if (s->cell == 3)
		top_put_glyph(g, x, y, style, glyph);
}

static void slot_draw(struct top_grid *g, int x, int y, const struct top_view *v, const struct shape *s,
		      const struct top_slot *slot)
{
	const struct mark *mark = &marks[slot->state];

	if (slot->state == TOP_SLOT_OCCUPIED)
		cell_draw(g, x, y, s, top_wear_style(slot->soft, slot->hard), top_gauge(v, slot->soft));
	else
		cell_draw(g, x, y, s, mark->style, v->utf8 ? mark->utf8 : mark->ascii);
}

/* Not what shows an SA beyond its soft count where only ASCII is drawn. */
static uint32_t full(const struct top_view *v)
{
	return v->utf8 ? 0x2588 : '#';
}

/* Of several slots: height by how many are in use, colour by the most worn. */
static void slots_draw(struct top_grid *g, int x, int y, const struct top_view *v, const struct shape *s,
		       const struct top_slot *slot, uint32_t n)
{
	enum top_style style = TOP_OLD;
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++) {
		enum top_style wear = top_wear_style(slot[i].soft, slot[i].hard);

		used += slot[i].state != TOP_SLOT_FREE;
		if (slot[i].state == TOP_SLOT_OCCUPIED && (style == TOP_OLD || wear > style))
			style = wear;
	}
	if (used)
		cell_draw(g, x, y, s, style, used == n ? full(v) : top_gauge(v, 100.0 * used / n));
	else
		slot_draw(g, x, y, v, s, &slot[0]);
}

static int cells_draw(struct top_grid *g, int y, const struct top_pool *p, const struct top_view *v,
		      const struct shape *s)
{
	uint32_t at = s->page * (uint32_t)(s->per_row * s->rows);

	for (int row = 0; row < s->rows; row++, y++) {
		int x = s->label;

		if (at < p->n_slots)
			top_putf(g, 0, y, TOP_DIM, "%*" PRIu64, s->label - 1, p->first + at);
		for (int i = 0; i < s->per_row && at < p->n_slots; i++) {
			uint32_t n = p->n_slots - at < s->each ? p->n_slots - at : s->each;

			if (s->each == 1)
				slot_draw(g, x, y, v, s, &p->slot[at]);
			else
				slots_draw(g, x, y, v, s, &p->slot[at], n);
			at += n;
			x += s->cell + (i % GROUP == GROUP - 1);
		}
	}
	return y;
}

static void item_set(struct top_item *item, const char *label, uint64_t value, enum top_style style)
{
	*item = (struct top_item){.label = label, .style = style};
	snprintf(item->value, sizeof(item->value), "%" PRIu64, value);
}

/* devlink's words, then what else an operator asks of a table. */
static void title_draw(struct top_grid *g, int y, const struct top_pool *p, const struct shape *s)
{
	struct top_item items[9];
	unsigned int n = 0;
	int x = top_put(g, 0, y, TOP_TITLE, "rack "), end = (int)g->width;
	char page[48];

	x = top_putf(g, x, y, TOP_TITLE, "%.16s", p->name) + 2;
	item_set(&items[n++], "size", p->size, TOP_BOLD);
	item_set(&items[n++], "occ", p->occ, TOP_BOLD);
	item_set(&items[n++], "reserved", p->reserved, p->reserved ? TOP_BUSY : TOP_BOLD);
	item_set(&items[n++], "draining", p->draining, p->draining ? TOP_OLD : TOP_BOLD);
	/* without a free slot nothing new comes in; without the kept ones no key is replaced in hardware */
	item_set(&items[n++], "free", p->free, !p->free ? TOP_BAD : p->free <= p->reserve ? TOP_WARN : TOP_BOLD);
	if (p->learned >= 0)
		item_set(&items[n++], "learned", (uint64_t)p->learned, TOP_WARN);
	if (p->refused)
		item_set(&items[n++], "refused", p->refused, TOP_BAD);
	item_set(&items[n++], "peak", p->peak, TOP_PLAIN);
	item_set(&items[n++], "kept", p->reserve, TOP_PLAIN);
	if (s->pages > 1) {
		snprintf(page, sizeof(page), "page %u/%u", s->page + 1, s->pages);
		end -= (int)strlen(page) + 1;
		top_put(g, end + 1, y, TOP_WARN, page);
	}
	top_items(g, x, y, end, 1, items, n);
}

/* scaled: some cell stands for several slots */
static void legend_draw(struct top_grid *g, int y, const struct top_view *v, uint32_t each)
{
	int x = 4;

	if (each > 1) {
		x = top_putf(g, x, y, TOP_DIM, "a cell is up to %u slots: ", each);
		x = top_put_glyph(g, x, y, TOP_GOOD, top_gauge(v, 0));
		x = top_put(g, x, y, TOP_DIM, "-");
		x = top_put_glyph(g, x, y, TOP_GOOD, full(v));
		top_put(g, x, y, TOP_DIM, " share in use, colour by the most worn");
		return;
	}
	for (unsigned int i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const struct mark *mark = &marks[i];

		if (i == TOP_SLOT_OCCUPIED) {
			x = top_put_glyph(g, x, y, TOP_GOOD, top_gauge(v, 0));
			x = top_put_glyph(g, x, y, TOP_GOOD, top_gauge(v, 50));
			x = top_put_glyph(g, x, y, TOP_WARN, top_gauge(v, 99));
			x = top_put_glyph(g, x, y, TOP_BAD, top_gauge(v, 100));
		} else {
			x = top_put_glyph(g, x, y, mark->style, v->utf8 ? mark->utf8 : mark->ascii);
		}
		x = top_put(g, x + 1, y, TOP_DIM, mark->word) + 2;
	}
}

int top_rack_rows(const struct top_model *m, const struct top_view *v, int width, int budget)
{
	int rows = m->n_pools ? 1 : 0; /* the legend */

	for (unsigned int i = 0; i < m->n_pools; i++)
		rows += 1 + shape_of(&m->pool[i], v, width, budget_of_pool(m, budget)).rows;
	return rows;
}

int top_rack_draw(struct top_grid *g, int y, const struct top_model *m, struct top_view *v, int budget)
{
	uint32_t each = 1, pages = 1;

	for (unsigned int i = 0; i < m->n_pools; i++) {
		const struct top_pool *p = &m->pool[i];
		struct shape s = shape_of(p, v, (int)g->width, budget_of_pool(m, budget));

		title_draw(g, y, p, &s);
		y = cells_draw(g, y + 1, p, v, &s);
		if (s.each > each)
			each = s.each;
		if (s.pages > pages)
			pages = s.pages;
	}
	if (v->page >= pages)
		v->page = pages - 1;
	if (m->n_pools)
		legend_draw(g, y++, v, each);
	return y;
}
