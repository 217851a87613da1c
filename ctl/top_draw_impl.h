/* SPDX-License-Identifier: MIT */
/* What the top_draw files share. */
#ifndef CTL_TOP_DRAW_IMPL_H
#define CTL_TOP_DRAW_IMPL_H

#include "ctl/top_draw.h"

/* ---- top_draw_parts.c: numbers and small pictures ---- */

enum { TOP_NUMBER_MAX = 24 };

/* "0", "466k", "1.2M": of 1000s. */
const char *top_rate_text(double v, char out[TOP_NUMBER_MAX]);
/* "0.7s", "54s", "61m", "13h", "30d"; "-" below 0. */
const char *top_time_text(double seconds, char out[TOP_NUMBER_MAX]);
/* "any" or the number. */
const char *top_queue_text(uint32_t queue, char out[TOP_NUMBER_MAX]);
/* One character for a share: ▁ to ▇, or 0 to 9; █ or ! from 100 on. */
uint32_t top_gauge(const struct top_view *v, double percent);
/* How near an SA is to its end: good, warn from three quarters of the soft count, bad beyond it or near the hard one.
 */
enum top_style top_wear_style(double soft, double hard);
/* The last `width` values, the newest to the right; full scale is `max`. */
int top_spark(struct top_grid *g, int x, int y, const struct top_view *v, const struct top_history *h, int width,
	      double max);
double top_history_max(const struct top_history *h, int n);

struct top_item { /* "label value" */
	const char *label;
	char value[TOP_NUMBER_MAX];
	enum top_style style; /* of the value */
};

/* Items side by side, `gap` blanks between, until the first that does not end before column `end`. The next column. */
int top_items(struct top_grid *g, int x, int y, int end, int gap, const struct top_item *items, unsigned int n);

/* ---- the sections: each draws from row y on and returns the row after it ---- */

/* Rows that the rack takes if it may have `budget` rows of cells. */
int top_rack_rows(const struct top_model *m, const struct top_view *v, int width, int budget);
int top_rack_draw(struct top_grid *g, int y, const struct top_model *m, struct top_view *v, int budget);
/* rows: of queues, without the two lines above them. */
int top_queues_draw(struct top_grid *g, int y, const struct top_model *m, struct top_view *v, int rows);
int top_rekeys_draw(struct top_grid *g, int y, const struct top_model *m, const struct top_view *v, int rows);
int top_help_draw(struct top_grid *g, int y, const struct top_view *v);

#endif
