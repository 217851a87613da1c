/* SPDX-License-Identifier: MIT */
/* Lanes and Child SAs, sample after sample: what moves, and what is being replaced. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli.h"
#include "ctl/top_model_impl.h"

/* ---- keys ---- */

static uint32_t queue_number(const json_t *row)
{
	const char *text = cli_text(row, "queue", "any");

	return strcmp(text, "any") == 0 ? UINT32_MAX : (uint32_t)top_count(row, "queue");
}

static void key_take(struct top_lane_key *key, const json_t *row)
{
	memset(key, 0, sizeof(*key));
	snprintf(key->tunnel, sizeof(key->tunnel), "%s/%s", cli_text(row, "ike", "?"), cli_text(row, "child", "?"));
	key->ike_id = (uint32_t)top_count(row, "ike_id");
	key->queue = queue_number(row);
}

static struct top_lane *lane_find(struct top_model *m, const struct top_lane_key *key)
{
	struct top_lane *l;

	HASH_FIND(hh, m->lanes, key, sizeof(*key), l);
	return l;
}

static int lane_index(struct top_model *m, struct top_lane *l)
{
	l->hash_failed = false;
	HASH_ADD(hh, m->lanes, key, sizeof(l->key), l);
	return l->hash_failed ? -ENOMEM : 0;
}

/* ---- Child SAs ---- */

static struct top_sa *sa_find(struct top_model *m, uint32_t id)
{
	struct top_sa *sa;

	HASH_FIND(hh, m->sas, &id, sizeof(id), sa);
	return sa;
}

static struct top_sa *sa_new(struct top_model *m, uint32_t id)
{
	struct top_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->id = id;
	HASH_ADD(hh, m->sas, id, sizeof(sa->id), sa);
	if (!sa->hash_failed)
		return sa;
	free(sa);
	return NULL;
}

int top_sa_take(struct top_model *m, uint64_t now, const json_t *row, int dir)
{
	uint32_t id = (uint32_t)top_count(row, "child_id");
	struct top_sa *sa = sa_find(m, id);

	if (!sa && !(sa = sa_new(m, id)))
		return -ENOMEM;
	sa->seen = m->generation;
	key_take(&sa->key, row);
	if (dir != 1)
		snprintf(sa->spi_in, sizeof(sa->spi_in), "%s", cli_text(row, dir ? "spi_in" : "spi", ""));
	snprintf(sa->state, sizeof(sa->state), "%s", cli_text(row, "child_state", ""));
	if (strcmp(sa->state, "INSTALLED") == 0)
		sa->since = 0;
	else if (!sa->since)
		sa->since = now ? now : 1;
	return 0;
}

/* ---- lanes ---- */

/* The IKE SA was replaced, and its Child SAs went over to the new one: the lane is the same. */
static struct top_lane *lane_moved(struct top_model *m, const json_t *row, const struct top_lane_key *key)
{
	struct top_sa *sa = sa_find(m, (uint32_t)top_count(row, "child_id"));
	struct top_lane *l = sa ? sa->lane : NULL;

	if (!l || l->seen == m->generation || strcmp(l->key.tunnel, key->tunnel) != 0 || l->key.queue != key->queue)
		return NULL;
	HASH_DEL(m->lanes, l);
	l->key = *key;
	return l;
}

static struct top_lane *lane_new(struct top_model *m, const struct top_lane_key *key)
{
	struct top_lane *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->key = *key;
	l->since = m->samples - 1;
	return l;
}

/* The shortest way to say it: a line has little room. */
static void steering_view(struct top_queue *q, const json_t *row)
{
	const char *in = cli_text(row, "steered_in", ""), *why = cli_text(row, "unsteered", "");

	if (q->queue == UINT32_MAX)
		snprintf(q->steering, sizeof(q->steering), "CPUs without their own SA");
	else if (!in[0])
		snprintf(q->steering, sizeof(q->steering), "%s", cli_text(row, "steering", ""));
	else if (why[0])
		snprintf(q->steering, sizeof(q->steering), "CPU %s, TX %s, RX any: %s", cli_text(row, "cpu", "-"),
			 cli_text(row, "tx", "any"), why);
	else
		snprintf(q->steering, sizeof(q->steering), "CPU %s, TX %s, RX %s by %s", cli_text(row, "cpu", "-"),
			 cli_text(row, "tx", "any"), cli_text(row, "rx", "any"), in);
}

static void lane_view(struct top_lane *l, const json_t *row)
{
	struct top_queue *q = &l->view;

	snprintf(q->tunnel, sizeof(q->tunnel), "%s", l->key.tunnel);
	q->ike_id = l->key.ike_id;
	q->queue = l->key.queue;
	q->child_id = (uint32_t)top_count(row, "child_id");
	snprintf(q->spi_in, sizeof(q->spi_in), "%s", cli_text(row, "spi_in", "-"));
	snprintf(q->spi_out, sizeof(q->spi_out), "%s", cli_text(row, "spi_out", "-"));
	snprintf(q->mode, sizeof(q->mode), "%s", cli_text(row, "mode", "-"));
	snprintf(q->state, sizeof(q->state), "%s", cli_text(row, "child_state", "-"));
	steering_view(q, row);
	q->wear_soft = cli_number(row, "wear_soft");
	q->wear_hard = cli_number(row, "wear_hard");
	q->rekey_in = json_object_get(row, "rekey_in") ? cli_number(row, "rekey_in") : -1;
	l->total =
		(struct top_total){.in = top_count(row, "total_bytes_in"),
				   .out = top_count(row, "total_bytes_out"),
				   .packets = top_count(row, "total_packets_in") + top_count(row, "total_packets_out")};
	/* the daemon's own, of what is sent, until there are differences to go by */
	q->out = cli_number(row, "byte_rate");
	q->in = 0;
	q->packets = cli_number(row, "packet_rate");
}

static int lane_take(struct top_model *m, const json_t *row)
{
	struct top_lane_key key;
	struct top_lane *l;

	key_take(&key, row);
	l = lane_find(m, &key);
	if (!l) {
		l = lane_moved(m, row, &key);
		if (!l)
			l = lane_new(m, &key);
		if (!l)
			return -ENOMEM;
		if (lane_index(m, l) != 0) {
			free(l);
			return -ENOMEM;
		}
	}
	lane_view(l, row);
	if (l->seen != m->generation)
		m->queue[m->n_queues++] = &l->view;
	l->seen = m->generation;
	return 0;
}

/* By tunnel and queue, the fallback (UINT32_MAX + 1 = 0) first. */
static int queue_compare(const void *a, const void *b)
{
	const struct top_queue *x = *(struct top_queue *const *)a, *y = *(struct top_queue *const *)b;
	int order = strcmp(x->tunnel, y->tunnel);

	if (!order)
		order = (x->ike_id > y->ike_id) - (x->ike_id < y->ike_id);
	return order ? order : (x->queue + 1 > y->queue + 1) - (x->queue + 1 < y->queue + 1);
}

static bool same_tunnel(const struct top_queue *a, const struct top_queue *b)
{
	return a->ike_id == b->ike_id && strcmp(a->tunnel, b->tunnel) == 0;
}

int top_queues_take(struct top_model *m, uint64_t now, const json_t *queues)
{
	size_t n = json_array_size(queues), i;
	struct top_queue **list;
	json_t *row;

	if (n > TOP_QUEUES_MAX)
		n = TOP_QUEUES_MAX;
	list = reallocarray(m->queue, n ? n : 1, sizeof(struct top_queue *));
	if (!list)
		return -ENOMEM;
	m->queue = list;
	m->n_queues = 0;
	json_array_foreach(queues, i, row)
	{
		if (i == n)
			break;
		if (lane_take(m, row) != 0 || top_sa_take(m, now, row, -1) != 0)
			return -ENOMEM;
	}
	if (m->n_queues)
		qsort(m->queue, m->n_queues, sizeof(struct top_queue *), queue_compare);
	m->one_tunnel = true;
	m->same_names = false;
	for (i = 1; i < m->n_queues; i++) {
		const struct top_queue *a = m->queue[i - 1], *b = m->queue[i];

		if (same_tunnel(a, b))
			continue;
		m->one_tunnel = false;
		if (strcmp(a->tunnel, b->tunnel) == 0)
			m->same_names = true;
	}
	return 0;
}

/* ---- rates ---- */

static double rise(uint64_t now, uint64_t before)
{
	return now > before ? (double)(now - before) : 0;
}

static void lane_rate(struct top_model *m, struct top_lane *l)
{
	uint32_t last = m->samples - 1, from = top_window(m);
	const struct top_total *past;
	double seconds;

	l->past[last % TOP_WINDOW_MAX] = l->total;
	if (from < l->since)
		from = l->since;
	seconds = (double)(m->at[last % TOP_WINDOW_MAX] - m->at[from % TOP_WINDOW_MAX]) / 1e9;
	if (seconds > 0) {
		past = &l->past[from % TOP_WINDOW_MAX];
		l->view.in = rise(l->total.in, past->in) / seconds;
		l->view.out = rise(l->total.out, past->out) / seconds;
		l->view.packets = rise(l->total.packets, past->packets) / seconds;
	}
	if (last)
		top_history_add(&l->view.history, l->view.in + l->view.out);
	m->in += l->view.in;
	m->out += l->view.out;
}

static void shares_take(struct top_model *m)
{
	for (unsigned int i = 0, end; i < m->n_queues; i = end) {
		double sum = 0;

		for (end = i; end < m->n_queues && same_tunnel(m->queue[i], m->queue[end]); end++)
			sum += m->queue[end]->in + m->queue[end]->out;
		for (unsigned int k = i; k < end; k++)
			m->queue[k]->share = sum > 0 ? (m->queue[k]->in + m->queue[k]->out) / sum : 0;
	}
}

void top_rates_take(struct top_model *m)
{
	struct top_lane *l, *next_lane;
	struct top_sa *sa, *next;

	HASH_ITER (hh, m->sas, sa, next) {
		sa->lane = lane_find(m, &sa->key);
		if (sa->lane && sa->lane->seen != m->generation)
			sa->lane = NULL;
		if (sa->seen == m->generation)
			continue;
		HASH_DEL(m->sas, sa);
		free(sa);
	}
	m->in = m->out = 0;
	HASH_ITER (hh, m->lanes, l, next_lane) {
		if (l->seen == m->generation) {
			lane_rate(m, l);
		} else {                       /* its tunnel is gone, and no SA points to it any more */
			HASH_DEL(m->lanes, l); /* NOLINT(clang-analyzer-unix.Malloc): cannot follow uthash's list */
			free(l);
		}
	}
	shares_take(m);
	if (m->samples > 1)
		top_history_add(&m->traffic, m->in + m->out);
}

/* ---- rekeys under way ---- */

static int sa_compare(const void *a, const void *b)
{
	const struct top_sa *x = *(struct top_sa *const *)a, *y = *(struct top_sa *const *)b;
	int order = memcmp(&x->key, &y->key, sizeof(x->key));

	return order ? order : (x->id > y->id) - (x->id < y->id);
}

/* The longest first, so that what hangs is seen. */
static int rekey_compare(const void *a, const void *b)
{
	const struct top_rekey *x = a, *y = b;

	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? 1 : -1;
	return (x->old_id + x->new_id > y->old_id + y->new_id) - (x->old_id + x->new_id < y->old_id + y->new_id);
}

static bool coming(const struct top_sa *sa)
{
	return strcmp(sa->state, "CREATED") == 0 || strcmp(sa->state, "INSTALLING") == 0;
}

static void rekey_add(struct top_model *m, uint64_t now, enum top_phase phase, const struct top_sa *old,
		      const struct top_sa *new)
{
	const struct top_sa *any = old ? old : new;
	struct top_rekey *r;

	if (m->rekeys_running++ >= TOP_REKEYS_MAX)
		return;
	r = &m->rekey[m->n_rekeys++];
	*r = (struct top_rekey){.queue = any->key.queue, .phase = phase, .seconds = (double)(now - any->since) / 1e9};
	snprintf(r->tunnel, sizeof(r->tunnel), "%s", any->key.tunnel);
	if (old) {
		r->old_id = old->id;
		snprintf(r->old_spi, sizeof(r->old_spi), "%s", old->spi_in);
	}
	if (new) {
		r->new_id = new->id;
		snprintf(r->new_spi, sizeof(r->new_spi), "%s", new->spi_in);
	}
}

/* sa[i] of a lane's SAs by age; before and after it: its neighbours, or NULL. */
static void rekey_of(struct top_model *m, uint64_t now, const struct top_sa *sa, const struct top_sa *before,
		     const struct top_sa *after)
{
	if (strcmp(sa->state, "REKEYING") == 0)
		rekey_add(m, now, TOP_PHASE_REKEYING, sa, after && coming(after) ? after : NULL);
	else if (strcmp(sa->state, "REKEYED") == 0)
		rekey_add(m, now, TOP_PHASE_REPLACED, sa, after);
	else if (strcmp(sa->state, "DELETING") == 0)
		rekey_add(m, now, TOP_PHASE_DELETING, sa, NULL);
	else if (coming(sa) && !(before && strcmp(before->state, "REKEYING") == 0))
		rekey_add(m, now, TOP_PHASE_STARTING, NULL, sa);
}

static bool same_lane(const struct top_sa *a, const struct top_sa *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key)) == 0;
}

int top_rekeys_take(struct top_model *m, uint64_t now)
{
	size_t n = 0, count = HASH_COUNT(m->sas);
	struct top_sa **list, *sa, *next;

	m->n_rekeys = m->rekeys_running = 0;
	if (!count)
		return 0;
	list = reallocarray(NULL, count, sizeof(struct top_sa *));
	if (!list)
		return -ENOMEM;
	HASH_ITER (hh, m->sas, sa, next) {
		if (sa->seen == m->generation)
			list[n++] = sa;
	}
	qsort(list, n, sizeof(struct top_sa *), sa_compare);
	for (size_t i = 0; i < n; i++) {
		const struct top_sa *before = NULL, *after = NULL;

		if (i && same_lane(list[i - 1], list[i]))
			before = list[i - 1];
		if (i + 1 < n && same_lane(list[i], list[i + 1]))
			after = list[i + 1];
		rekey_of(m, now, list[i], before, after);
	}
	free(list);
	qsort(m->rekey, m->n_rekeys, sizeof(m->rekey[0]), rekey_compare);
	return 0;
}

/* ---- the end ---- */

void top_queues_forget(struct top_model *m)
{
	struct top_lane *l = m->lanes, *next_lane;
	struct top_sa *sa = m->sas, *next;

	HASH_CLEAR(hh, m->sas); /* the elements and their order stay */
	for (; sa; sa = next) {
		next = sa->hh.next;
		free(sa);
	}
	HASH_CLEAR(hh, m->lanes);
	for (; l; l = next_lane) {
		next_lane = l->hh.next;
		free(l);
	}
	free(m->queue);
	m->queue = NULL;
	m->n_queues = m->n_rekeys = m->rekeys_running = 0;
	m->in = m->out = m->rekey_rate = 0;
	m->samples = 0;
}
