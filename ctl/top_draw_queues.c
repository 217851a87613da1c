/* SPDX-License-Identifier: MIT */
/* The table of queues and the rekeys under way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/top_draw_impl.h"

/* ---- columns ---- */

enum what {
	TUNNEL,
	QUEUE,
	SPI_IN,
	SPI_OUT,
	MODE,
	OUT,
	IN,
	PACKETS,
	PAST,
	SHARE,
	WEAR,
	REKEY,
	STATE,
	STEERING,
	COLUMNS,
};

/* In the order in which they stand. rank 0: always; the others come in as there is room, the lowest first. */
static const struct column {
	enum what what;
	const char *head;
	int width, most; /* grows up to */
	int rank;
	bool right;
} columns[COLUMNS] = {
	{TUNNEL, "TUNNEL", 10, 24, 0, false},
	{QUEUE, "QUEUE", 5, 5, 0, true},
	{SPI_IN, "SPI IN", 8, 8, 0, false},
	{SPI_OUT, "SPI OUT", 8, 8, 0, false},
	{MODE, "MODE", 8, 8, 0, false},
	{OUT, "OUT", 5, 5, 0, true},
	{IN, "IN", 5, 5, 1, true},
	{PACKETS, "PKT/S", 5, 5, 2, true},
	{PAST, "HISTORY", 10, 24, 0, false},
	{SHARE, "SHARE", 5, 5, 0, true},
	{WEAR, "WEAR", 6, 6, 0, true},
	{REKEY, "REKEY", 5, 5, 0, true},
	{STATE, "STATE", 9, 9, 4, false},
	{STEERING, "STEERING", 25, 60, 3, false},
};

enum { RANKS = 5, GAP = 1, WIDE_GAP = 2, WIDE = 100 };

struct table {
	int width[COLUMNS]; /* 0: not shown */
	int gap;
	double max; /* of all histories */
};

static const char *tunnel_text(const struct top_model *m, const char *tunnel, uint32_t ike_id,
			       char out[TOP_TEXT_MAX + TOP_NUMBER_MAX])
{
	if (m->same_names)
		snprintf(out, TOP_TEXT_MAX + TOP_NUMBER_MAX, "#%u %s", ike_id, tunnel);
	else
		snprintf(out, TOP_TEXT_MAX + TOP_NUMBER_MAX, "%s", tunnel);
	return out;
}

static int longest_tunnel(const struct top_model *m, int most)
{
	char text[TOP_TEXT_MAX + TOP_NUMBER_MAX];
	int longest = 0;

	for (unsigned int i = 0; i < m->n_queues && longest < most; i++) {
		int len = (int)strlen(tunnel_text(m, m->queue[i]->tunnel, m->queue[i]->ike_id, text));

		if (len > longest)
			longest = len < most ? len : most;
	}
	return longest;
}

static void table_shape(struct table *t, const struct top_model *m, const struct top_view *v, int width)
{
	static const enum what growing[] = {TUNNEL, PAST, STEERING};
	int left;

	*t = (struct table){.gap = width < WIDE ? GAP : WIDE_GAP};
	left = width + t->gap;
	for (int rank = 0; rank < RANKS; rank++) {
		for (int i = 0; i < COLUMNS; i++) {
			const struct column *c = &columns[i];

			if (c->rank != rank || (c->what == TUNNEL && m->one_tunnel) || (c->what == PAST && v->plain))
				continue;
			if (rank && left < c->width + t->gap)
				continue;
			t->width[i] = c->width;
			left -= c->width + t->gap;
		}
	}
	for (size_t i = 0; i < sizeof(growing) / sizeof(growing[0]); i++) {
		const struct column *c = &columns[growing[i]];
		int more = (c->what == TUNNEL ? longest_tunnel(m, c->most) : c->most) - c->width;

		if (more > left)
			more = left;
		if (!t->width[growing[i]] || more <= 0)
			continue;
		t->width[growing[i]] += more;
		left -= more;
	}
	for (unsigned int i = 0; i < m->n_queues && t->width[PAST]; i++) {
		double max = top_history_max(&m->queue[i]->history, t->width[PAST]);

		if (max > t->max)
			t->max = max;
	}
}

/* ---- order ---- */

static double sort_value(const struct top_queue *q, enum top_sort sort)
{
	switch (sort) {
	case TOP_BY_RATE:
		return -(q->in + q->out);
	case TOP_BY_WEAR:
		return -q->wear_soft;
	case TOP_BY_REKEY:
		return q->rekey_in < 0 ? 1e18 : q->rekey_in;
	case TOP_BY_QUEUE:
	case TOP_SORTS:
		break;
	}
	return 0;
}

static const char *sort_name(enum top_sort sort)
{
	switch (sort) {
	case TOP_BY_RATE:
		return "rate";
	case TOP_BY_WEAR:
		return "wear";
	case TOP_BY_REKEY:
		return "rekey";
	case TOP_BY_QUEUE:
	case TOP_SORTS:
		break;
	}
	return "queue";
}

struct place {
	double value;
	unsigned int index; /* as the model has them: the order among equals */
};

static int place_compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* The places in the order of the view; NULL: as they are. */
static struct place *order_of(const struct top_model *m, enum top_sort sort)
{
	struct place *place;

	if (sort == TOP_BY_QUEUE || !m->n_queues)
		return NULL;
	place = calloc(m->n_queues, sizeof(*place));
	if (!place)
		return NULL;
	for (unsigned int i = 0; i < m->n_queues; i++)
		place[i] = (struct place){sort_value(m->queue[i], sort), i};
	qsort(place, m->n_queues, sizeof(*place), place_compare);
	return place;
}

/* ---- cells ---- */

static enum top_style mode_style(const char *mode)
{
	if (strcmp(mode, "packet") == 0)
		return TOP_GOOD;
	return strcmp(mode, "software") == 0 ? TOP_WARN : TOP_PLAIN;
}

static void wear_draw(struct top_grid *g, int x, int y, const struct top_view *v, const struct top_queue *q)
{
	enum top_style style = top_wear_style(q->wear_soft, q->wear_hard);

	/* past its soft count, and what is to happen then is happening */
	if (strcmp(q->state, "REKEYING") == 0 && top_wear_style(0, q->wear_hard) != TOP_BAD)
		style = TOP_BUSY;

	x = top_putf(g, x, y, style, "%3.0f%%", q->wear_soft < 999 ? q->wear_soft : 999);
	top_put_glyph(g, x + 1, y, style, top_gauge(v, q->wear_soft));
}

static void cell_draw(struct top_grid *g, int x, int y, const struct top_model *m, const struct top_view *v,
		      const struct table *t, const struct top_queue *q, enum what what)
{
	char text[TOP_TEXT_MAX + TOP_NUMBER_MAX], number[TOP_NUMBER_MAX];
	enum top_style style = q->in + q->out > 0 ? TOP_PLAIN : TOP_DIM;
	const char *s = "";

	switch (what) {
	case TUNNEL:
		s = tunnel_text(m, q->tunnel, q->ike_id, text);
		break;
	case QUEUE:
		s = top_queue_text(q->queue, number);
		style = strcmp(q->state, "INSTALLED") == 0 ? TOP_BOLD : TOP_BUSY;
		break;
	case SPI_IN:
		s = q->spi_in;
		style = TOP_PLAIN;
		break;
	case SPI_OUT:
		s = q->spi_out;
		style = TOP_PLAIN;
		break;
	case MODE:
		s = q->mode;
		style = mode_style(s);
		break;
	case OUT:
		s = top_rate_text(8 * q->out, number);
		break;
	case IN:
		s = top_rate_text(8 * q->in, number);
		break;
	case PACKETS:
		s = top_rate_text(q->packets, number);
		break;
	case PAST:
		top_spark(g, x, y, v, &q->history, t->width[PAST], t->max);
		return;
	case SHARE:
		snprintf(text, sizeof(text), "%.0f%%", 100 * q->share);
		s = text;
		break;
	case WEAR:
		wear_draw(g, x, y, v, q);
		return;
	case REKEY:
		s = top_time_text(q->rekey_in, number);
		style = TOP_PLAIN;
		break;
	case STATE:
		s = q->state;
		style = strcmp(s, "INSTALLED") == 0 ? TOP_PLAIN : TOP_BUSY;
		break;
	case STEERING:
		s = q->steering;
		style = TOP_DIM;
		break;
	case COLUMNS:
		break;
	}
	top_put_field(g, x, y, style, s, t->width[what], columns[what].right);
}

/* ---- the table ---- */

static void title_draw(struct top_grid *g, int y, const struct top_model *m, const struct top_view *v, int rows)
{
	unsigned int last = v->scroll + (unsigned int)rows;
	int x = top_put(g, 0, y, TOP_TITLE, "queues ");

	if (m->n_queues && m->one_tunnel)
		x = top_putf(g, x, y, TOP_TITLE, "of %.32s ", m->queue[0]->tunnel);
	x = top_put(g, x + 1, y, TOP_DIM, "bit/s, wear to the soft count");
	if (v->plain)
		return;
	x = top_put(g, x + 2, y, TOP_DIM, "sorted by ");
	x = top_put(g, x, y, TOP_PLAIN, sort_name(v->sort));
	if (last > m->n_queues)
		last = m->n_queues;
	if ((unsigned int)rows < m->n_queues)
		top_putf(g, x + 2, y, TOP_BOLD, "%u-%u of %u", v->scroll + 1, last, m->n_queues);
}

int top_queues_draw(struct top_grid *g, int y, const struct top_model *m, struct top_view *v, int rows)
{
	struct place *place = order_of(m, v->sort);
	struct table t;
	int x = 0;

	if (v->scroll + (unsigned int)rows > m->n_queues)
		v->scroll = m->n_queues > (unsigned int)rows ? m->n_queues - (unsigned int)rows : 0;
	table_shape(&t, m, v, (int)g->width);
	title_draw(g, y++, m, v, rows);
	for (int i = 0; i < COLUMNS; i++) {
		if (!t.width[i])
			continue;
		x = top_put_field(g, x, y, TOP_DIM, columns[i].head, t.width[i], columns[i].right) + t.gap;
	}
	y++;
	for (unsigned int n = v->scroll; n < m->n_queues && rows > 0; n++, rows--, y++) {
		const struct top_queue *q = m->queue[place ? place[n].index : n];

		x = 0;
		for (int i = 0; i < COLUMNS; i++) {
			if (!t.width[i])
				continue;
			cell_draw(g, x, y, m, v, &t, q, columns[i].what);
			x += t.width[i] + t.gap;
		}
	}
	free(place);
	return y;
}

/* ---- rekeys under way ---- */

static const struct {
	const char *text;
	enum top_style style;
} phases[] = {
	[TOP_PHASE_STARTING] = {"coming up", TOP_BUSY},
	[TOP_PHASE_REKEYING] = {"negotiating", TOP_BUSY},
	[TOP_PHASE_REPLACED] = {"replaced, old one lingers", TOP_OLD},
	[TOP_PHASE_DELETING] = {"being deleted", TOP_OLD},
};

enum { SA_WIDTH = 15 }; /* "#12345 " and an SPI */

static int sa_draw(struct top_grid *g, int x, int y, uint32_t id, const char *spi)
{
	if (!id)
		return top_put_field(g, x, y, TOP_DIM, "-", SA_WIDTH, false);
	x = top_putf(g, x, y, TOP_PLAIN, "#%-5u ", id);
	return top_put_field(g, x, y, TOP_PLAIN, spi, 8, false);
}

static void rekey_draw(struct top_grid *g, int y, const struct top_model *m, const struct top_view *v,
		       const struct top_rekey *r)
{
	char number[TOP_NUMBER_MAX];
	int x = 0;

	x = top_put_field(g, x, y, TOP_BOLD, top_queue_text(r->queue, number), 5, true) + 1;
	x = top_put_field(g, x, y, r->seconds < 30 ? TOP_PLAIN : TOP_WARN, top_time_text(r->seconds, number), 5, true) +
	    2;
	x = sa_draw(g, x, y, r->old_id, r->old_spi) + 1;
	x = top_put_glyph(g, x, y, TOP_DIM, v->utf8 ? 0x2192 : '>') + 1;
	x = sa_draw(g, x, y, r->new_id, r->new_spi) + 2;
	x = top_put(g, x, y, phases[r->phase].style, phases[r->phase].text) + 2;
	if (!m->one_tunnel)
		top_put(g, x, y, TOP_DIM, r->tunnel);
}

int top_rekeys_draw(struct top_grid *g, int y, const struct top_model *m, const struct top_view *v, int rows)
{
	unsigned int shown = m->n_rekeys;
	int x = top_put(g, 0, y, TOP_TITLE, "rekeys in flight ");

	x = top_putf(g, x, y, m->rekeys_running ? TOP_BUSY : TOP_BOLD, "%u", m->rekeys_running);
	x = top_putf(g, x + 2, y, TOP_BOLD, "%.1f", m->rekey_rate);
	x = top_put(g, x, y, TOP_DIM, "/s");
	if (!v->plain) {
		int width = 24;

		top_spark(g, x + 2, y, v, &m->rekeys, width, top_history_max(&m->rekeys, width));
	}
	y++;
	if (shown > (unsigned int)rows) /* the last line says how many more */
		shown = rows > 0 ? (unsigned int)rows - 1 : 0;
	for (unsigned int i = 0; i < shown; i++)
		rekey_draw(g, y++, m, v, &m->rekey[i]);
	if (shown < m->rekeys_running && rows > 0)
		top_putf(g, 6, y++, TOP_DIM, "and %u more", m->rekeys_running - shown);
	return y;
}
