/* SPDX-License-Identifier: MIT */
/* The results as a picture: one row of bars per figure, one bar per policy. */
#include "bench_occupancy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { LEFT = 96, BAR = 150, GAP = 64, ROW = 22, TOP = 62, BARS_AT = 18, PANELS = 4 };

/* Colours that can be read on white and on black; text follows the reader's theme. */
static const char style[] =
	"<style>text{font:12px sans-serif;fill:#333}.head{font-weight:bold}.track{fill:#8883}.bar{fill:#5b8def}"
	".own{fill:#e08a1e}@media (prefers-color-scheme:dark){text{fill:#ddd}}</style>\n";

struct panel {
	const char *title;
	double (*value)(const struct occ_options *o, const struct occ_result *r);
	double whole; /* 0: the largest of all */
	bool percent;
};

static double usable(const struct occ_options *o, const struct occ_result *r)
{
	return occ_usable(o, r);
}

static double redundant_peak(const struct occ_options *o, const struct occ_result *r)
{
	(void)o;
	return r->redundant_peak;
}

static double rekeys(const struct occ_options *o, const struct occ_result *r)
{
	(void)o;
	return (double)r->rekeys;
}

static double unused(const struct occ_options *o, const struct occ_result *r)
{
	(void)o;
	return r->early_life ? (double)r->early_bytes / (double)r->early_life : 0;
}

static const struct panel panels[PANELS] = {
	{"slots that carry traffic", usable, 1, true},
	{"redundant SAs, at the worst", redundant_peak, 0, true},
	{"rekeys", rekeys, 0, false},
	{"of a key's life unused", unused, 1, true},
};

static double largest(const struct panel *p, const struct occ_options *o, const struct occ_result *r)
{
	double most = p->whole;

	for (unsigned int i = 0; !p->whole && i < occ_n_policies; i++)
		if (occ_wanted(o, i) && p->value(o, &r[i]) > most)
			most = p->value(o, &r[i]);
	return most > 0 ? most : 1;
}

static void panel_put(FILE *f, unsigned int n, const struct occ_options *o, const struct occ_result *r)
{
	const struct panel *p = &panels[n];
	double most = largest(p, o, r);
	int x = LEFT + (int)n * (BAR + GAP), y = TOP;

	fprintf(f, "<text x=\"%d\" y=\"%d\">%s</text>\n", x, TOP - 10, p->title);
	for (unsigned int i = 0; i < occ_n_policies; i++) {
		double v = p->value(o, &r[i]);
		bool own = !strcmp(occ_policies[i].name, "keyrack");

		if (!occ_wanted(o, i))
			continue;
		fprintf(f, "<rect class=\"track\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"14\"/>\n", x, y, BAR);
		fprintf(f, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"14\"/>\n", own ? "own" : "bar",
			x, y, v / most * BAR);
		fprintf(f,
			p->percent ? "<text x=\"%d\" y=\"%d\">%.1f %%</text>\n"
				   : "<text x=\"%d\" y=\"%d\">%.0f</text>\n",
			x + BAR + 4, y + 12, p->percent ? 100 * v : v);
		y += ROW;
	}
}

static void names_put(FILE *f, const struct occ_options *o)
{
	int y = TOP;

	for (unsigned int i = 0; i < occ_n_policies; i++) {
		if (!occ_wanted(o, i))
			continue;
		fprintf(f, "<text x=\"4\" y=\"%d\">%s</text>\n", y + 12, occ_policies[i].name);
		y += ROW;
	}
}

int occ_write_svg(const struct occ_options *o, const struct occ_result *r)
{
	FILE *f = fopen(o->svg, "w");
	int rows = 0, err;

	if (!f) {
		err = errno;
		fprintf(stderr, "bench_occupancy: %s: %s\n", o->svg, strerror(err));
		return -err;
	}
	for (unsigned int i = 0; i < occ_n_policies; i++)
		rows += occ_wanted(o, i);
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n%s",
		LEFT + PANELS * (BAR + GAP) + BARS_AT, TOP + rows * ROW + 8, style);
	fprintf(f,
		"<text class=\"head\" x=\"4\" y=\"18\">%" PRIu32 " slots, %.3g h, %s traffic, seed %" PRIu64
		"</text>\n",
		o->slots, (double)o->ns / 3600e9, o->workload->name, o->seed);
	names_put(f, o);
	for (unsigned int n = 0; n < PANELS; n++)
		panel_put(f, n, o, r);
	fputs("</svg>\n", f);
	err = ferror(f) ? -EIO : 0;
	return fclose(f) ? -errno : err;
}
