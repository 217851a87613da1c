/* SPDX-License-Identifier: MIT */
/* What to change: a row for each thing that can be, asked in turn whether it applies. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/plan.h"

struct advice_case {
	const struct plan_ask *ask;
	const struct plan *plan;
	const struct plan_part *parts;
	char *text;
};

static bool say(const struct advice_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool say(const struct advice_case *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->text, PLAN_ADVICE_TEXT, fmt, args);
	va_end(args);
	return true;
}

static const char *pool_words(const struct plan_ask *ask)
{
	return ask->shared ? "slots" : "slots in each direction";
}

static uint32_t pool_size(const struct plan_ask *ask)
{
	return ask->shared || ask->size_in < ask->size_out ? ask->size_in : ask->size_out;
}

/* "", or which of several groups it is about */
static const char *group_name(const struct advice_case *c, size_t i, char *buf, size_t size)
{
	buf[0] = '\0';
	if (c->ask->n_groups > 1)
		snprintf(buf, size, "%s: ", c->ask->groups[i].name);
	return buf;
}

/* ---- it does not fit ---- */

/* What fits instead, for one group. */
static void fewer_print(const struct advice_case *c, char *buf, size_t size)
{
	const struct plan *p = c->plan;
	const struct plan_group *g = c->ask->groups;

	buf[0] = '\0';
	if (c->ask->n_groups != 1)
		return;
	if (p->queues_max)
		snprintf(buf, size, ", or %" PRIu32 " queues a tunnel instead of %" PRIu32, p->queues_max, g->queues);
	if (p->tunnels_max && strlen(buf) < size)
		snprintf(buf + strlen(buf), size - strlen(buf), ", or %" PRIu32 " tunnels instead of %" PRIu32,
			 p->tunnels_max, g->tunnels);
}

static bool too_many_sas(const struct advice_case *c)
{
	const struct plan *p = c->plan;
	char fewer[120];

	if (p->sas_fit)
		return false;
	fewer_print(c, fewer, sizeof(fewer));
	return say(c,
		   "%" PRIu64 " SA pairs take %" PRIu64 " %s and %" PRIu32
		   " are kept for replacements, but there are %" PRIu32 ": use a card or a nic.slots of %" PRIu64 "%s",
		   p->pairs, p->used_in, pool_words(c->ask), p->reserve, pool_size(c->ask), p->size_needed, fewer);
}

/* With unsafe limits there is no time to wait, and any budget looks too small: they come first. */
static bool budget_too_small(const struct advice_case *c)
{
	const struct plan *p = c->plan;
	char fewer[120];

	if (!p->sas_fit || !p->limits_safe || p->needed <= p->budget)
		return false;
	fewer_print(c, fewer, sizeof(fewer));
	return say(c,
		   "replacements need %" PRIu64 " pairs of slots at once, %" PRIu64
		   " are free: use a card or a nic.slots of %" PRIu64 "%s, or larger limits",
		   p->needed, p->budget, p->size_needed, fewer);
}

/* rekey_X and life_X with `hard` as life, the soft limit in the same proportion. */
static bool limit_unsafe(const struct advice_case *c, size_t i, const char *name, uint64_t hard, uint64_t safe)
{
	char group[80];

	if (!safe || safe <= hard)
		return false;
	return say(c,
		   "%slife_%s = %" PRIu64 " is too small for the fastest queue: what it sends in %.2f s (counter poll, "
		   "exchange, one retransmission) must fit between soft and hard: at least %" PRIu64
		   ", with rekey_%s and rand_%s in proportion",
		   group_name(c, i, group, sizeof(group)), name, hard, c->plan->late_s, safe, name, name);
}

static bool bytes_unsafe(const struct advice_case *c)
{
	for (size_t i = 0; i < c->ask->n_groups; i++)
		if (limit_unsafe(c, i, "bytes", c->parts[i].bytes, c->parts[i].safe_bytes))
			return true;
	return false;
}

/* A limit from the sequence numbers is not made larger by configuration: sequence_space() has the way out. */
static bool packets_unsafe(const struct advice_case *c)
{
	for (size_t i = 0; i < c->ask->n_groups; i++)
		if (c->parts[i].packets != c->ask->groups[i].ceiling.packets &&
		    limit_unsafe(c, i, "packets", c->parts[i].packets, c->parts[i].safe_packets))
			return true;
	return false;
}

static bool time_unsafe(const struct advice_case *c)
{
	for (size_t i = 0; i < c->ask->n_groups; i++) {
		const struct rekey_band *b = &c->ask->groups[i].limits.time;
		char group[80];

		if (c->parts[i].slack_s >= 0 || (c->parts[i].safe_bytes > c->parts[i].bytes) ||
		    (c->parts[i].safe_packets > c->parts[i].packets))
			continue;
		return say(c, "%slife_time must be at least %.2f s above rekey_time, which is %.2f s",
			   group_name(c, i, group, sizeof(group)), c->plan->late_s, (double)b->rekey / 1e9);
	}
	return false;
}

/* ---- it could be better ---- */

static bool sequence_must(const struct advice_case *c, size_t i)
{
	const struct plan_part *part = &c->parts[i];

	return part->safe_packets > part->packets && part->packets == c->ask->groups[i].ceiling.packets;
}

static bool sequence_space(const struct advice_case *c, bool must)
{
	for (size_t i = 0; i < c->ask->n_groups; i++) {
		const struct plan_part *part = &c->parts[i];
		char group[80];

		if (c->ask->groups[i].esn || sequence_must(c, i) != must)
			continue;
		if (!must && (part->limit != PLAN_LIMIT_PACKETS || !part->from_ceiling))
			continue;
		return say(c,
			   "%swithout ESN a queue has used its 2^32 sequence numbers after %.0f s, and its keys last "
			   "%.0f s: %s",
			   group_name(c, i, group, sizeof(group)), part->wrap_s, part->life_s,
			   c->ask->card_esn ? "use esn in esp_proposals (aes256gcm16-esn)"
					    : "this card cannot do ESN: spread the traffic over more queues");
	}
	return false;
}

static bool sequence_space_must(const struct advice_case *c)
{
	return sequence_space(c, true);
}

static bool sequence_space_could(const struct advice_case *c)
{
	return sequence_space(c, false);
}

/* What would be needed with something changed; UINT64_MAX: it cannot be said. */
static uint64_t needed_with(const struct plan_ask *changed)
{
	struct plan p;

	return plan_count(changed, &p, NULL) ? UINT64_MAX : p.needed;
}

/* Worth saying where slots are short and it saves at least a third of them. */
static bool saves(const struct plan *p, uint64_t then)
{
	return p->sas_fit && p->limits_safe && (p->needed > p->budget || p->reserve_short) && then < p->needed &&
	       then <= p->needed - p->needed / 3;
}

static bool drain_long(const struct advice_case *c)
{
	struct plan_ask changed = *c->ask;
	uint64_t then;

	/* what is under way is delayed by half a round trip at least; reordering wants more */
	changed.drain_ns = 2 * c->ask->rtt_ns > 100000000u ? 2 * c->ask->rtt_ns : 100000000u;
	if (c->ask->drain_ns <= changed.drain_ns)
		return false;
	then = needed_with(&changed);
	if (!saves(c->plan, then))
		return false;
	return say(c,
		   "of the %.2f s for which a replacement holds its slots %.2f s are nic.drain: with %.2f s, %" PRIu64
		   " instead of %" PRIu64 " pairs of slots would do",
		   c->plan->hold_s, (double)c->ask->drain_ns / 1e9, (double)changed.drain_ns / 1e9, then,
		   c->plan->needed);
}

static bool poll_slow(const struct advice_case *c)
{
	const struct plan *p = c->plan;
	double poll_s = (double)c->ask->poll_ns / 1e9;

	if (p->limits_safe || poll_s < p->late_s / 2)
		return false;
	return say(c,
		   "of the %.2f s in which a replacement may come late %.2f s are nic.counter_poll: reading counters "
		   "more often "
		   "lets limits be smaller",
		   p->late_s, poll_s);
}

/* A wider band for one group's limit by count; false: it is as wide as it can be, or there is none. */
static bool widen(struct plan_group *g, enum plan_limit limit, const char **name)
{
	struct rekey_band *b = limit == PLAN_LIMIT_BYTES ? &g->limits.bytes : &g->limits.packets;
	uint64_t wide, now;

	*name = limit == PLAN_LIMIT_BYTES ? "rand_bytes" : "rand_packets";
	if ((limit != PLAN_LIMIT_BYTES && limit != PLAN_LIMIT_PACKETS) || !b->rekey)
		return false;
	now = b->rand == REKEY_INF ? (b->life ? b->life - b->rekey : b->rekey / 10) : b->rand;
	wide = b->rekey / 2;
	if (now >= wide)
		return false;
	b->rand = wide;
	return true;
}

static bool band_narrow(const struct advice_case *c)
{
	struct plan_ask changed = *c->ask;
	struct plan_group group;
	const char *name;
	uint64_t then;

	if (c->ask->n_groups != 1)
		return false;
	group = c->ask->groups[0];
	changed.groups = &group;
	if (!widen(&group, c->parts[0].limit, &name))
		return false;
	then = needed_with(&changed);
	if (!saves(c->plan, then))
		return false;
	return say(c,
		   "SAs that come up together come due together: with %s at half of the soft limit (%" PRIu64
		   "), %" PRIu64 " instead of %" PRIu64 " pairs of slots would do",
		   name, c->parts[0].limit == PLAN_LIMIT_BYTES ? group.limits.bytes.rand : group.limits.packets.rand,
		   then, c->plan->needed);
}

static bool reserve_small(const struct advice_case *c)
{
	const struct plan *p = c->plan;

	if (!p->fits || !p->reserve_short)
		return false;
	return say(c,
		   "only %" PRIu32 " slots are kept for replacements: nic.reserve = %" PRIu64
		   " would keep further SAs off the slots that these need",
		   p->reserve, p->needed * (c->ask->shared ? 2 : 1));
}

static bool cipher_bounds(const struct advice_case *c)
{
	for (size_t i = 0; i < c->ask->n_groups; i++) {
		const struct plan_group *g = &c->ask->groups[i];
		char group[80];

		if (g->limits.bytes.life <= g->ceiling.bytes && g->limits.bytes.rekey < g->ceiling.bytes)
			continue;
		return say(c,
			   "%slife_bytes = %" PRIu64 " is more than one key of this cipher may encrypt: %" PRIu64
			   " is used",
			   group_name(c, i, group, sizeof(group)),
			   g->limits.bytes.life ? g->limits.bytes.life : g->limits.bytes.rekey, g->ceiling.bytes);
	}
	return false;
}

static bool outbound_by_reqid(const struct advice_case *c)
{
	if (!c->ask->tx_by_reqid)
		return false;
	for (size_t i = 0; i < c->ask->n_groups; i++)
		if (c->ask->groups[i].queues)
			return say(c, "this card finds an outbound SA in packet mode by its reqid alone, so outbound "
				      "queue SAs run in crypto mode on it");
	return false;
}

/* ---- the table ---- */

static const struct advice_row {
	const char *code;
	bool must;
	bool (*applies)(const struct advice_case *c); /* and writes the text */
} rows[] = {
	{"slots", true, too_many_sas},
	{"budget", true, budget_too_small},
	{"esn", true, sequence_space_must},
	{"limit-bytes", true, bytes_unsafe},
	{"limit-packets", true, packets_unsafe},
	{"limit-time", true, time_unsafe},
	{"poll", false, poll_slow},
	{"drain", false, drain_long},
	{"band", false, band_narrow},
	{"esn", false, sequence_space_could},
	{"reserve", false, reserve_small},
	{"cipher", false, cipher_bounds},
	{"reqid", false, outbound_by_reqid},
};

size_t plan_advise(const struct plan_ask *ask, const struct plan *p, const struct plan_part *parts,
		   struct plan_advice *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && n < max; i++) {
		struct advice_case c = {ask, p, parts, out[n].text};

		if (!rows[i].applies(&c))
			continue;
		out[n].code = rows[i].code;
		out[n++].must = rows[i].must;
	}
	return n;
}
