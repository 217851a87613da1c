/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ctl/top_draw_impl.h"

/* ---- numbers ---- */

const char *top_rate_text(double v, char out[TOP_NUMBER_MAX])
{
	static const char unit[] = "\0kMGTPE";
	unsigned int u = 0;

	if (!(v >= 0) || v > 1e20)
		v = 0;
	while (v >= 999.5 && u < sizeof(unit) - 2) {
		v /= 1000;
		u++;
	}
	snprintf(out, TOP_NUMBER_MAX, u && v < 9.95 ? "%.1f%.1s" : "%.0f%.1s", v, unit + u);
	return out;
}

const char *top_time_text(double seconds, char out[TOP_NUMBER_MAX])
{
	static const struct {
		double below, unit;
		char letter;
	} rows[] = {
		{99.5, 1, 's'},
		{99.5 * 60, 60, 'm'},
		{48 * 3600.0, 3600, 'h'},
		{9999 * 86400.0, 86400, 'd'},
	};

	snprintf(out, TOP_NUMBER_MAX, "-");
	for (size_t i = 0; seconds >= 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (seconds >= rows[i].below)
			continue;
		snprintf(out, TOP_NUMBER_MAX, seconds < 9.95 ? "%.1f%c" : "%.0f%c", seconds / rows[i].unit,
			 rows[i].letter);
		break;
	}
	return out;
}

const char *top_queue_text(uint32_t queue, char out[TOP_NUMBER_MAX])
{
	if (queue == UINT32_MAX)
		snprintf(out, TOP_NUMBER_MAX, "any");
	else
		snprintf(out, TOP_NUMBER_MAX, "%u", queue);
	return out;
}

/* ---- wear ---- */

uint32_t top_gauge(const struct top_view *v, double percent)
{
	static const uint32_t lower_eighth = 0x2581; /* up to the full block, 0x2588 */

	if (!(percent >= 0))
		percent = 0;
	if (percent >= 100)
		return v->utf8 ? lower_eighth + 7 : '!';
	return v->utf8 ? lower_eighth + (uint32_t)(percent * 7 / 100) : '0' + (uint32_t)(percent / 10);
}

enum top_style top_wear_style(double soft, double hard)
{
	if (soft >= 100 || hard >= 90)
		return TOP_BAD;
	return soft >= 75 ? TOP_WARN : TOP_GOOD;
}

/* ---- history ---- */

double top_history_max(const struct top_history *h, int n)
{
	double max = 0;

	for (int i = 0; i < n; i++)
		max = fmax(max, top_history_get(h, (unsigned int)i));
	return max;
}

int top_spark(struct top_grid *g, int x, int y, const struct top_view *v, const struct top_history *h, int width,
	      double max)
{
	static const char ascii[] = ".:-=+*#"; /* seven levels: the full block would grow together with the row above */

	for (int i = width - 1; i >= 0; i--) {
		double value = top_history_get(h, (unsigned int)i);
		uint32_t level = max > 0 && value > 0 ? (uint32_t)fmin(value / max * 6.999, 6) : 0;

		if ((unsigned int)i >= h->n)
			x = top_put_glyph(g, x, y, TOP_PLAIN, ' ');
		else
			x = top_put_glyph(g, x, y, value > 0 ? TOP_BUSY : TOP_DIM,
					  v->utf8 ? 0x2581 + level : (uint32_t)ascii[level]);
	}
	return x;
}

/* ---- items ---- */

int top_items(struct top_grid *g, int x, int y, int end, int gap, const struct top_item *items, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		int len = (int)(strlen(items[i].label) + 1 + strlen(items[i].value));

		if (x + len > end)
			break;
		x = top_put(g, x, y, TOP_DIM, items[i].label);
		x = top_put(g, x + 1, y, items[i].style, items[i].value) + gap;
	}
	return x;
}
