/* SPDX-License-Identifier: MIT */
/* The plan for people, and for programs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "ctl/cli_plan.h"

/* ---- numbers for people ---- */

enum { NUMBER_MAX = 32 };

static const char *bytes_print(double v, char *buf)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", NULL};
	unsigned int i = 0;

	for (; v >= 1024 && units[i + 1]; i++)
		v /= 1024;
	snprintf(buf, NUMBER_MAX, v < 10 && i ? "%.1f %s" : "%.0f %s", v, units[i]);
	return buf;
}

static const char *time_print(double s, char *buf)
{
	static const struct {
		double seconds;
		const char *unit;
		double from; /* this many of them and more */
	} units[] = {{86400, "d", 2}, {3600, "h", 2}, {60, "min", 2}, {1, "s", 1}, {1e-3, "ms", 0}};
	unsigned int i = 0;

	if (!isfinite(s)) {
		snprintf(buf, NUMBER_MAX, "for ever");
		return buf;
	}
	while (s < units[i].from * units[i].seconds)
		i++;
	s /= units[i].seconds;
	snprintf(buf, NUMBER_MAX, s < 10 ? "%.2g %s" : "%.0f %s", s, units[i].unit);
	return buf;
}

static const char *rate_print(double bytes, char *buf)
{
	static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", NULL};
	double v = bytes * 8;
	unsigned int i = 0;

	for (; v >= 1000 && units[i + 1]; i++)
		v /= 1000;
	snprintf(buf, NUMBER_MAX, "%.3g %s", v, units[i]);
	return buf;
}

/* ---- for people ---- */

static void slots_print(const struct plan_source *s, const struct plan *p)
{
	const struct plan_ask *a = &s->ask;

	if (a->shared)
		printf("card         %s: %" PRIu32 " slots for both directions", s->card, a->size_in);
	else if (a->size_in == a->size_out)
		printf("card         %s: %" PRIu32 " slots in each direction", s->card, a->size_in);
	else
		printf("card         %s: %" PRIu32 " slots in, %" PRIu32 " out", s->card, a->size_in, a->size_out);
	printf(", of which %" PRIu64 " are used and %" PRIu32 " kept for replacements\n", p->used_in, p->reserve);
}

static void group_print(const struct plan_group *g, const struct plan_part *part)
{
	char rate[NUMBER_MAX], life[NUMBER_MAX];

	printf("%-12s %" PRIu32 " x ", g->name, g->tunnels);
	if (g->queues)
		printf("(%" PRIu32 " queues + fallback)", g->queues);
	else
		printf("1 SA");
	printf(" at %s, a queue SA lasts %s", rate_print(g->byte_rate, rate), time_print(part->life_s, life));
	if (part->limit != PLAN_LIMIT_NONE)
		printf(" (%s%s)", plan_limit_name(part->limit),
		       part->from_ceiling ? ", by the cipher or its numbers" : "");
	putchar('\n');
}

/* A limit is worth a line when somebody has set it, when it decides, or when it is not safe. */
static bool limit_shown(const struct rekey_band *b, bool decides, uint64_t hard, uint64_t safe)
{
	return safe && (b->rekey || b->life || decides || safe > hard);
}

static void safe_print(const struct plan_group *g, const struct plan_part *part)
{
	char hard[NUMBER_MAX], safe[NUMBER_MAX];

	if (limit_shown(&g->limits.bytes, part->limit == PLAN_LIMIT_BYTES, part->bytes, part->safe_bytes))
		printf("limit        hard after %s; from %s on it is safe at the rate of a queue\n",
		       bytes_print((double)part->bytes, hard), bytes_print((double)part->safe_bytes, safe));
	if (limit_shown(&g->limits.packets, part->limit == PLAN_LIMIT_PACKETS, part->packets, part->safe_packets))
		printf("limit        hard after %" PRIu64 " packets; from %" PRIu64
		       " on it is safe at the rate of a queue\n",
		       part->packets, part->safe_packets);
}

static void numbers_print(const struct plan *p)
{
	char a[NUMBER_MAX], b[NUMBER_MAX];

	printf("replacement  late by %s at most, holds its pair of slots for %s\n", time_print(p->late_s, a),
	       time_print(p->hold_s, b));
	printf("rekeys       %.3g a second; %" PRIu64 " in the worst minute of a million (SAs %s)\n", p->rekeys,
	       p->worst_minute, p->worst_is_start ? "that came up together" : "of any age");
	printf("budget       pairs of slots for replacements: %" PRIu64 " needed at once, %" PRIu64 " free", p->needed,
	       p->budget);
	if (p->budget)
		printf(", %.0f%% of them busy on average", 100 * p->load);
	putchar('\n');
}

static void most_print(const struct plan_source *s, const struct plan *p)
{
	if (s->n_groups != 1)
		return;
	printf("at most      %" PRIu32 " such tunnels", p->tunnels_max);
	if (s->groups[0].queues)
		printf(", or %" PRIu32 " such queues in each", p->queues_max);
	putchar('\n');
}

void cli_plan_print(const struct plan_source *s, const struct plan_result *r)
{
	printf("%s: %" PRIu64 " Child SA%s, %s\n", r->plan.fits ? "fits" : "does NOT fit", r->plan.pairs,
	       r->plan.pairs == 1 ? "" : "s", s->card);
	slots_print(s, &r->plan);
	for (size_t i = 0; i < s->n_groups; i++) {
		group_print(&s->groups[i], &r->parts[i]);
		safe_print(&s->groups[i], &r->parts[i]);
	}
	numbers_print(&r->plan);
	most_print(s, &r->plan);
	for (size_t i = 0; i < r->n_advice; i++)
		printf("%-12s %s\n", r->advice[i].must ? "change" : "consider", r->advice[i].text);
}

/* ---- for programs ---- */

/* null where nothing bounds it */
static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *count(uint64_t v)
{
	return v == REKEY_INF ? json_null() : json_integer((json_int_t)(v > INT64_MAX ? INT64_MAX : v));
}

static json_t *slots_json(const struct plan_source *s, const struct plan *p)
{
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "card", s->card, "shared", s->ask.shared,
			 "size_in", (json_int_t)s->ask.size_in, "size_out", (json_int_t)s->ask.size_out, "used_in",
			 (json_int_t)p->used_in, "used_out", (json_int_t)p->used_out, "reserve", (json_int_t)p->reserve,
			 "size_needed", (json_int_t)p->size_needed);
}

static json_t *group_json(const struct plan_group *g, const struct plan_part *part)
{
	return json_pack("{s:s, s:I, s:I, s:f, s:f, s:b, s:s, s:b, s:o, s:f, s:o, s:o, s:o, s:I, s:I}", "name", g->name,
			 "tunnels", (json_int_t)g->tunnels, "queues", (json_int_t)g->queues, "bytes_per_second",
			 g->byte_rate, "packets_per_second", g->packet_rate, "esn", g->esn, "limit",
			 plan_limit_name(part->limit), "from_ceiling", part->from_ceiling, "life_seconds",
			 real(part->life_s), "rekeys_per_second", part->rekeys, "slack_seconds", real(part->slack_s),
			 "life_bytes", count(part->bytes), "life_packets", count(part->packets), "safe_life_bytes",
			 (json_int_t)part->safe_bytes, "safe_life_packets", (json_int_t)part->safe_packets);
}

static json_t *groups_json(const struct plan_source *s, const struct plan_part *parts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_groups; i++)
		json_array_append_new(list, group_json(&s->groups[i], &parts[i]));
	return list;
}

static json_t *advice_json(const struct plan_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_advice; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "code", r->advice[i].code, "must",
						      r->advice[i].must, "text", r->advice[i].text));
	return list;
}

json_t *cli_plan_json(const struct plan_source *s, const struct plan_result *r)
{
	const struct plan *p = &r->plan;
	json_t *all = json_pack("{s:b, s:I, s:o, s:o}", "fits", p->fits, "child_sas", (json_int_t)p->pairs, "slots",
				slots_json(s, p), "groups", groups_json(s, r->parts));

	if (!all)
		return NULL;
	json_object_set_new(all, "replacement",
			    json_pack("{s:f, s:f, s:f}", "switch_seconds", p->switch_s, "late_seconds", p->late_s,
				      "hold_seconds", p->hold_s));
	json_object_set_new(all, "rekeys_per_second", json_real(p->rekeys));
	json_object_set_new(all, "worst_minute",
			    json_pack("{s:I, s:b, s:f}", "rekeys", (json_int_t)p->worst_minute, "of_a_start",
				      p->worst_is_start, "probability", PLAN_RISK));
	json_object_set_new(all, "budget",
			    json_pack("{s:I, s:I, s:o}", "needed", (json_int_t)p->needed, "available",
				      (json_int_t)p->budget, "load", real(p->load)));
	json_object_set_new(all, "limits_safe", json_boolean(p->limits_safe));
	if (s->n_groups == 1)
		json_object_set_new(all, "at_most",
				    json_pack("{s:I, s:I}", "tunnels", (json_int_t)p->tunnels_max, "queues",
					      (json_int_t)p->queues_max));
	json_object_set_new(all, "advice", advice_json(r));
	return all;
}
