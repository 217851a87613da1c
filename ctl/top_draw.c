/* SPDX-License-Identifier: MIT */
/* The whole picture: header, rack, queues, rekeys, keys. */
#include "ctl/top_draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/top_draw_impl.h"

enum {
	HEADER = 3,
	FOOTER = 1,
	AIRY = 28,       /* rows from which blank lines stand between the sections */
	REKEYS_MIN = 2,  /* rows that rekeys have at least, so that the table above does not jump */
	RACK_PLAIN = 16, /* rows of cells a plain frame may have */
};

/* ---- header and footer ---- */

static void uptime_print(char out[TOP_NUMBER_MAX], double seconds)
{
	unsigned int s = seconds > 0 && seconds < 4e9 ? (unsigned int)seconds : 0;

	if (s < 60)
		snprintf(out, TOP_NUMBER_MAX, "%us", s);
	else if (s < 3600)
		snprintf(out, TOP_NUMBER_MAX, "%um%02us", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, TOP_NUMBER_MAX, "%uh%02um", s / 3600, s / 60 % 60);
	else
		snprintf(out, TOP_NUMBER_MAX, "%ud%02uh", s / 86400, s / 3600 % 24);
}

static void first_line(struct top_grid *g, const struct top_model *m, const struct top_view *v)
{
	enum top_style state = TOP_BAR;
	char right[48], up[TOP_NUMBER_MAX];
	int x, at;

	top_fill(g, 0, 0, TOP_BAR, ' ', (int)g->width);
	if (m->lost[0] || !m->known) {
		snprintf(right, sizeof(right), "no answer");
		state = TOP_BAD;
	} else if (v->paused) {
		snprintf(right, sizeof(right), "paused");
		state = TOP_WARN;
	} else {
		snprintf(right, sizeof(right), "every %gs", v->interval);
	}
	at = (int)g->width - 1 - (int)strlen(right);
	uptime_print(up, m->status.uptime);
	x = top_putf(g, 1, 0, TOP_BAR, "keyrackd %s", m->known ? m->status.version : "");
	if (m->known) {
		x = top_putf(g, x, 0, TOP_BAR, "  up %s  %s %s  ", up, m->status.backend, m->status.profile);
		top_put_field(g, x, 0, TOP_BAR, m->status.device, at > x + 2 ? at - x - 2 : 0, false);
	}
	if (!v->plain)
		top_put(g, at, 0, state, right);
}

static void item_set(struct top_item *item, const char *label, uint64_t value, enum top_style style)
{
	*item = (struct top_item){.label = label, .style = style};
	snprintf(item->value, sizeof(item->value), "%" PRIu64, value);
}

static void rate_set(struct top_item *item, const char *label, double bytes)
{
	*item = (struct top_item){.label = label, .style = TOP_BOLD};
	top_rate_text(8 * bytes, item->value);
}

static enum top_style bad_if(uint64_t count)
{
	return count ? TOP_BAD : TOP_BOLD;
}

static void header_draw(struct top_grid *g, const struct top_model *m, const struct top_view *v)
{
	const struct top_status *s = &m->status;
	int width = (int)g->width, x, spark = 16;
	struct top_item sas[5], keys[6];

	first_line(g, m, v);
	item_set(&sas[0], "IKE SAs", s->ike_sas, TOP_BOLD);
	item_set(&sas[1], "half-open", s->half_open, TOP_BOLD);
	item_set(&sas[2], "Child SAs", s->children, TOP_BOLD);
	rate_set(&sas[3], "bit/s out", m->out);
	rate_set(&sas[4], "in", m->in);
	x = top_items(g, 1, 1, width, 3, sas, 5);
	if (!v->plain && x + spark <= width)
		top_spark(g, x, 1, v, &m->traffic, spark, top_history_max(&m->traffic, spark));
	item_set(&keys[0], "rekeys", s->rekeys_done, TOP_BOLD);
	item_set(&keys[1], "by the peer", s->rekeys_peer, TOP_BOLD);
	item_set(&keys[2], "failed", s->rekeys_failed, bad_if(s->rekeys_failed));
	item_set(&keys[3], "hard expired", s->hard_expired, bad_if(s->hard_expired));
	item_set(&keys[4], "refused", s->refused_card + s->refused_rack, bad_if(s->refused_card + s->refused_rack));
	item_set(&keys[5], "fallbacks", s->fallbacks, s->fallbacks ? TOP_WARN : TOP_BOLD);
	top_items(g, 1, 2, width, 3, keys, 6);
}

/* Over what there was: the reader must not take old numbers for new ones. */
static void lost_draw(struct top_grid *g, const struct top_model *m, const struct top_view *v)
{
	for (size_t i = g->width; i < (size_t)g->width * g->height; i++)
		if (g->cell[i].style != TOP_BAR && g->cell[i].style != TOP_KEY)
			g->cell[i].style = TOP_DIM;
	top_fill(g, 0, 2, TOP_BAD, ' ', (int)g->width);
	top_putf(g, 1, 2, TOP_BAD, "keyrackd does not answer (%s), trying again: %s", m->lost, v->socket);
}

static void footer_draw(struct top_grid *g)
{
	static const struct {
		const char *key, *does;
	} keys[] = {
		{"q", "quit"}, {"?", "help"},     {"space", "pause"},  {"s", "sort"},
		{"z", "zoom"}, {"j k", "scroll"}, {"+ -", "interval"},
	};
	int y = (int)g->height - 1, x = 1;

	top_fill(g, 0, y, TOP_BAR, ' ', (int)g->width);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		x = top_put(g, x, y, TOP_KEY, keys[i].key);
		x = top_put(g, x + 1, y, TOP_BAR, keys[i].does) + 2;
	}
}

/* ---- help ---- */

int top_help_draw(struct top_grid *g, int y, const struct top_view *v)
{
	static const struct {
		const char *key, *does;
	} rows[] = {
		{"q", "quit"},
		{"space", "pause and go on"},
		{"s", "sort the queues: queue, rate, wear, time to the next rekey"},
		{"j k, arrows", "scroll the queues"},
		{"z", "a large rack: all of it at a glance, or a cell a slot in pages (PgUp PgDn)"},
		{"+ -", "more or less often"},
		{"^L", "draw anew"},
		{NULL, NULL},
		{"wear", "of the soft count, at which a key is replaced: green, from 75 % yellow,"},
		{"", "from 100 % on red (a replacement is due), as from 90 % of the hard count"},
		{"size occ", "slots of the card's table, and those that hold an SA"},
		{"reserved", "for an SA under negotiation"},
		{"draining", "deleted, but the card has not let go of them"},
		{"kept", "not for new SAs: the room that a replacement needs"},
		{"learned", "the card refused at so many, whatever its data sheet says"},
		{"refused", "installs the card refused, and SAs there was no slot for"},
	};

	y++;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, y++) {
		if (!rows[i].key)
			continue;
		top_put(g, 2, y, TOP_BOLD, rows[i].key);
		top_put(g, 16, y, TOP_PLAIN, rows[i].does);
	}
	top_put(g, 2, y + 1, TOP_DIM, v->socket);
	return y + 2;
}

/* ---- layout ---- */

struct layout {
	int blank;       /* rows between sections */
	int rack_budget; /* rows of cells */
	int queues;      /* rows */
	int rekeys;
};

static int at_least(int v, int min)
{
	return v > min ? v : min;
}

static struct layout layout_of(const struct top_model *m, const struct top_view *v, int width, int height)
{
	struct layout l = {.blank = height >= AIRY};
	int titles = 2 + 1 + 3 * l.blank; /* of queues and rekeys */
	int left = height - HEADER - FOOTER - titles, rest;

	l.rack_budget = at_least((left - 1 - (int)m->n_pools) * 2 / 5, 1);
	rest = left - top_rack_rows(m, v, width, l.rack_budget);
	l.rekeys = at_least(rest / 4, REKEYS_MIN);
	l.queues = at_least(rest - l.rekeys, 1);
	/* what queues do not need is for rekeys */
	if ((unsigned int)l.queues > m->n_queues) {
		l.rekeys += l.queues - at_least((int)m->n_queues, 1);
		l.queues = at_least((int)m->n_queues, 1);
	}
	return l;
}

static void sections_draw(struct top_grid *g, const struct top_model *m, struct top_view *v)
{
	struct layout l = layout_of(m, v, (int)g->width, (int)g->height);
	int y = HEADER + l.blank;

	if (v->plain)
		l = (struct layout){.blank = 1,
				    .rack_budget = RACK_PLAIN,
				    .queues = (int)m->n_queues,
				    .rekeys = TOP_REKEYS_MAX + 1};
	y = top_rack_draw(g, y, m, v, l.rack_budget) + l.blank;
	y = top_queues_draw(g, y, m, v, l.queues) + l.blank;
	top_rekeys_draw(g, y, m, v, l.rekeys);
}

/* Where the picture has no room: the totals. */
static void small_draw(struct top_grid *g, const struct top_model *m)
{
	int y = 0;

	top_putf(g, 0, y++, TOP_WARN, "%ux%u: needs %ux%u", g->width, g->height, (unsigned int)TOP_WIDTH_MIN,
		 (unsigned int)TOP_HEIGHT_MIN);
	if (m->lost[0])
		top_putf(g, 0, y++, TOP_BAD, "no answer: %s", m->lost);
	for (unsigned int i = 0; i < m->n_pools; i++)
		top_putf(g, 0, y++, TOP_PLAIN, "%.8s size %u occ %u free %u", m->pool[i].name, m->pool[i].size,
			 m->pool[i].occ, m->pool[i].free);
	top_putf(g, 0, y++, TOP_PLAIN, "rekeys %" PRIu64 " failed %" PRIu64, m->status.rekeys_done,
		 m->status.rekeys_failed);
	top_putf(g, 0, y, TOP_PLAIN, "queues %u, in flight %u", m->n_queues, m->rekeys_running);
}

unsigned int top_draw_height(const struct top_model *m, const struct top_view *v, unsigned int width)
{
	return HEADER + 8 + (unsigned int)top_rack_rows(m, v, (int)width, RACK_PLAIN) + m->n_queues + m->n_rekeys;
}

void top_draw(struct top_grid *g, const struct top_model *m, struct top_view *v)
{
	for (size_t i = 0; i < (size_t)g->width * g->height; i++)
		g->cell[i] = (struct top_cell){.glyph = ' '};
	if (!v->plain && (g->width < TOP_WIDTH_MIN || g->height < TOP_HEIGHT_MIN)) {
		small_draw(g, m);
		return;
	}
	header_draw(g, m, v);
	if (v->help)
		top_help_draw(g, HEADER, v);
	else if (m->known)
		sections_draw(g, m, v);
	if (m->lost[0])
		lost_draw(g, m, v);
	if (!v->plain)
		footer_draw(g);
}
