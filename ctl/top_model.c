/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli.h"
#include "ctl/top_model_impl.h"

/* Counters come as often as the daemon polls the card: a rate over less would jump between nothing and too much. */
static const uint64_t window_ns = 2000000000u;

/* A daemon that says it was started so much later is another one. Seconds; answers take their time. */
static const double restart_s = 1.0;

/* A pool without a size takes this many slot numbers (SLOTS_SIZE_MAX, offload/slots.h). */
static const uint64_t growing_pool_numbers = 1u << 28;

/* ---- values ---- */

uint64_t top_count(const json_t *object, const char *key)
{
	const char *text = cli_text(object, key, "0");

	return text[0] == '-' ? 0 : strtoull(text, NULL, 10);
}

static uint32_t count32(const json_t *object, const char *key)
{
	uint64_t v = top_count(object, key);

	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static uint8_t percent(const json_t *object, const char *key)
{
	double v = cli_number(object, key);

	return v > 0 ? (uint8_t)fmin(v, 255) : 0;
}

static void text_take(char out[TOP_TEXT_MAX], const json_t *object, const char *key)
{
	snprintf(out, TOP_TEXT_MAX, "%s", cli_text(object, key, ""));
}

/* ---- history ---- */

void top_history_add(struct top_history *h, double value)
{
	h->at[h->next] = (float)value;
	h->next = (h->next + 1) % TOP_HISTORY;
	if (h->n < TOP_HISTORY)
		h->n++;
}

double top_history_get(const struct top_history *h, unsigned int back)
{
	return back < h->n ? (double)h->at[(h->next + TOP_HISTORY - 1 - back) % TOP_HISTORY] : 0;
}

uint32_t top_window(const struct top_model *m)
{
	uint32_t last = m->samples - 1, from = last;
	uint64_t now = m->at[last % TOP_WINDOW_MAX];

	while (from && last - from < TOP_WINDOW_MAX - 1 && now - m->at[from % TOP_WINDOW_MAX] < window_ns)
		from--;
	return from;
}

/* ---- status ---- */

static void status_take(struct top_model *m, const json_t *status)
{
	const json_t *counters = json_object_get(status, "counters");
	struct top_status *s = &m->status;

	text_take(s->version, status, "version");
	text_take(s->backend, status, "backend");
	text_take(s->profile, status, "profile");
	text_take(s->device, status, "device");
	s->uptime = cli_number(status, "uptime");
	s->ike_sas = top_count(status, "ike_sas");
	s->half_open = top_count(status, "half_open");
	s->children = top_count(status, "children");
	s->rekeys_done = top_count(counters, "rekeys_done");
	s->rekeys_failed = top_count(counters, "rekeys_failed");
	s->rekeys_peer = top_count(counters, "rekeys_peer");
	s->collisions = top_count(counters, "collisions");
	s->refused_card = top_count(counters, "install_refused");
	s->refused_rack = top_count(counters, "admission_refused");
	s->hard_expired = top_count(counters, "hard_expired");
	s->fallbacks = top_count(counters, "fallback_crypto") + top_count(counters, "fallback_software");
}

/* ---- the rack ---- */

/* Makes room for n slots and sets them free. */
static int pool_size(struct top_pool *p, uint32_t n)
{
	struct top_slot *slot;

	if (n > TOP_SLOTS_MAX)
		n = TOP_SLOTS_MAX;
	if (n > p->room) {
		slot = reallocarray(p->slot, n, sizeof(*slot));
		if (!slot)
			return -ENOMEM;
		p->slot = slot;
		p->room = n;
	}
	p->n_slots = n;
	if (n)
		memset(p->slot, 0, n * sizeof(*p->slot));
	return 0;
}

/* Slot numbers count through the pools, each having as many as it was configured with. */
static int pools_take(struct top_model *m, const json_t *pools)
{
	uint64_t first = 0, configured;
	const char *name;
	json_t *row;

	m->n_pools = 0;
	json_object_foreach((json_t *)pools, name, row)
	{
		struct top_pool *p = &m->pool[m->n_pools];

		if (m->n_pools == TOP_POOLS_MAX)
			break;
		snprintf(p->name, sizeof(p->name), "%s", name);
		p->size = count32(row, "size");
		p->occ = count32(row, "occ");
		p->reserved = count32(row, "reserved");
		p->draining = count32(row, "draining");
		p->free = count32(row, "free");
		p->peak = count32(row, "peak");
		p->reserve = count32(row, "reserve");
		p->refused = top_count(row, "refused");
		p->learned = json_object_get(row, "learned") ? (int64_t)count32(row, "learned") : -1;
		p->first = first;
		configured = count32(row, "configured");
		first += configured ? configured : growing_pool_numbers;
		if (pool_size(p, p->size) != 0)
			return -ENOMEM;
		m->n_pools++;
	}
	return 0;
}

/* The cell of a slot. A pool that has shrunk may still hold slots beyond its size. */
static int slot_cell(struct top_model *m, const char *pool, uint64_t number, struct top_slot **cell)
{
	static struct top_slot none;

	*cell = NULL;
	for (unsigned int i = 0; i < m->n_pools; i++) {
		struct top_pool *p = &m->pool[i];
		uint64_t index = number - p->first;

		if (number < p->first || strcmp(p->name, pool) != 0 || index >= TOP_SLOTS_MAX)
			continue;
		if (index >= p->room) {
			uint32_t room = (uint32_t)index + 64;
			struct top_slot *slot = reallocarray(p->slot, room, sizeof(*slot));

			if (!slot)
				return -ENOMEM;
			p->slot = slot;
			p->room = room;
		}
		for (; p->n_slots <= index; p->n_slots++)
			p->slot[p->n_slots] = none;
		*cell = &p->slot[index];
		return 0;
	}
	return 0;
}

static enum top_slot_state slot_state(const json_t *row)
{
	const char *state = cli_text(row, "state", ""), *child = cli_text(row, "child_state", "");

	if (strcmp(state, "reserved") == 0)
		return TOP_SLOT_RESERVED;
	if (strcmp(state, "draining") == 0)
		return TOP_SLOT_DRAINING;
	if (strcmp(child, "REKEYING") == 0)
		return TOP_SLOT_REKEYING;
	if (strcmp(child, "REKEYED") == 0 || strcmp(child, "DELETING") == 0)
		return TOP_SLOT_REPLACED;
	return TOP_SLOT_OCCUPIED;
}

static int slots_take(struct top_model *m, uint64_t now, const json_t *slots)
{
	struct top_slot *cell;
	json_t *row;
	size_t i;

	json_array_foreach(slots, i, row)
	{
		if (slot_cell(m, cli_text(row, "pool", ""), top_count(row, "slot"), &cell) != 0)
			return -ENOMEM;
		if (cell)
			*cell = (struct top_slot){(uint8_t)slot_state(row), percent(row, "wear_soft"),
						  percent(row, "wear_hard")};
		if (json_object_get(row, "child_id") &&
		    top_sa_take(m, now, row, strcmp(cli_text(row, "dir", ""), "out") == 0) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- all together ---- */

static void rekey_rate_take(struct top_model *m)
{
	uint32_t last = m->samples - 1, from = top_window(m);
	double seconds = (double)(m->at[last % TOP_WINDOW_MAX] - m->at[from % TOP_WINDOW_MAX]) / 1e9;
	uint64_t done = m->rekeys_at[last % TOP_WINDOW_MAX] - m->rekeys_at[from % TOP_WINDOW_MAX];

	m->rekey_rate = seconds > 0 ? (double)done / seconds : 0;
	if (last)
		top_history_add(&m->rekeys, m->rekey_rate);
}

int top_model_take(struct top_model *m, uint64_t now, const json_t *status, const json_t *slots, const json_t *queues)
{
	double started = (double)now / 1e9 - cli_number(status, "uptime");
	int err;

	/* another daemon than before: its counters and numbers began anew */
	if (m->samples && started > m->started + restart_s)
		top_queues_forget(m);
	m->started = started;
	m->generation++;
	status_take(m, status);
	m->at[m->samples % TOP_WINDOW_MAX] = now;
	m->rekeys_at[m->samples % TOP_WINDOW_MAX] = m->status.rekeys_done + m->status.rekeys_peer;
	m->samples++;
	err = pools_take(m, json_object_get(status, "pools"));
	if (!err)
		err = slots_take(m, now, slots);
	if (!err)
		err = top_queues_take(m, now, queues);
	if (!err)
		err = top_rekeys_take(m, now);
	if (err) {
		top_queues_forget(m);
		return err;
	}
	top_rates_take(m);
	rekey_rate_take(m);
	m->known = true;
	m->lost[0] = '\0';
	return 0;
}

void top_model_lose(struct top_model *m, const char *why)
{
	snprintf(m->lost, sizeof(m->lost), "%s", why);
}

void top_model_free(struct top_model *m)
{
	top_queues_forget(m);
	for (unsigned int i = 0; i < TOP_POOLS_MAX; i++)
		free(m->pool[i].slot);
	memset(m, 0, sizeof(*m));
}
