/* SPDX-License-Identifier: MIT */
/* Draws the model of `keyrack top` into a grid. No terminal in it: the same picture is a screen, a file or a test. */
#ifndef CTL_TOP_DRAW_H
#define CTL_TOP_DRAW_H

#include "ctl/top_grid.h"
#include "ctl/top_model.h"

enum { TOP_WIDTH_MIN = 80, TOP_HEIGHT_MIN = 24 };

enum top_sort { TOP_BY_QUEUE, TOP_BY_RATE, TOP_BY_WEAR, TOP_BY_REKEY, TOP_SORTS };

struct top_view { /* what the user chose */
	const char *socket;
	double interval; /* seconds */
	bool utf8;       /* else only ASCII is drawn */
	bool plain;      /* for a file: no keys, no history, everything in one frame */
	bool paused, help;
	bool zoom; /* one cell a slot, in pages, however large the rack is */
	enum top_sort sort;
	unsigned int scroll; /* first queue shown */
	unsigned int page;   /* of a zoomed rack */
};

/*
 * Fills the whole grid, of any size; below the minimum a summary. scroll and page are brought back to what there is.
 */
void top_draw(struct top_grid *g, const struct top_model *m, struct top_view *v);

/* Rows that a plain frame of this width takes. */
unsigned int top_draw_height(const struct top_model *m, const struct top_view *v, unsigned int width);

#endif
