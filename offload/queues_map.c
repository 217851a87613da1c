/* SPDX-License-Identifier: MIT */
/* Rows of the map, from what was read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offload/queues_priv.h"

static void choose_tx(const struct queues *q, struct queue *row, unsigned int index)
{
	const struct queues_facts *f = &q->facts;

	row->tx = -1;
	row->out = QUEUES_OUT_HASH;
	if (!q->root) {
		row->tx = (int)(index % f->tx);
		row->out = QUEUES_OUT_FIXED;
		return;
	}
	if (f->tx == 1) {
		row->tx = 0;
		row->out = cpuset_count(&f->online) > 1 ? QUEUES_OUT_SHARED : QUEUES_OUT_XPS;
		return;
	}
	for (unsigned int n = 0; f->has_xps && n < f->tx; n++)
		if (cpuset_has(&f->xps[n], row->cpu)) {
			row->tx = (int)n;
			row->out = cpuset_count(&f->xps[n]) > 1 ? QUEUES_OUT_SHARED : QUEUES_OUT_XPS;
			return;
		}
}

/* Takes RX queue `rx` for the row if it is there and nobody's. */
static bool take_rx(struct queue *row, bool *used, unsigned int count, int rx)
{
	if (rx < 0 || (unsigned int)rx >= count || used[rx])
		return false;
	used[rx] = true;
	row->rx = rx;
	return true;
}

/*
 * Marks the RX queues to which no SPI can lead: those that the indirection table leaves out, if SPIs are steered by the
 * hash. False: none is left, or the table is not known; then none is marked.
 */
static bool mark_unreachable(const struct queues *q, bool *used)
{
	const struct queues_facts *f = &q->facts;
	bool any = false;

	memset(used, 0, QUEUES_MAX * sizeof(*used));
	if (q->config.rss_spi == RSS_SPI_NO || !f->rss.indir_size)
		return false;
	for (unsigned int rx = 0; rx < f->rx; rx++)
		used[rx] = true;
	for (uint32_t i = 0; i < f->rss.indir_size; i++)
		if (f->rss.indir[i] < f->rx) {
			used[f->rss.indir[i]] = false;
			any = true;
		}
	if (!any)
		memset(used, 0, QUEUES_MAX * sizeof(*used));
	return any;
}

/*
 * First the queues whose interrupt a row's CPU serves, of several the one with the number of its TX queue; then, for
 * rows without, the RX queue of the TX queue's number, then one that is left, then one that is shared.
 */
static void choose_rx(const struct queues *q, struct queue *rows, unsigned int n)
{
	const struct queues_facts *f = &q->facts;
	bool used[QUEUES_MAX];
	unsigned int i, rx, shared = 0;
	bool any = mark_unreachable(q, used);
	const unsigned int count = f->rx ? f->rx : 1;

	for (i = 0; i < n; i++) {
		struct queue *row = &rows[i];

		row->rx = -1;
		if (row->tx >= 0 && (unsigned int)row->tx < f->rx && f->irq_cpu[row->tx] == row->cpu)
			take_rx(row, used, f->rx, row->tx);
		for (rx = 0; row->rx < 0 && rx < f->rx; rx++)
			if (f->irq_cpu[rx] == row->cpu)
				take_rx(row, used, f->rx, (int)rx);
	}
	for (i = 0; i < n; i++)
		if (rows[i].rx < 0 && rows[i].tx >= 0)
			take_rx(&rows[i], used, f->rx, rows[i].tx);
	for (i = 0; i < n; i++)
		for (rx = 0; rows[i].rx < 0 && rx < f->rx; rx++)
			take_rx(&rows[i], used, f->rx, (int)rx);
	if (any)
		mark_unreachable(q, used); /* now the others may be shared */
	else
		memset(used, 0, sizeof(used));
	for (i = 0; i < n; i++) {
		if (rows[i].rx >= 0)
			continue;
		while (used[shared % count])
			shared++;
		rows[i].rx = (int)(shared++ % count);
	}
}

static int by_cpu(const void *a, const void *b)
{
	uint32_t x = ((const struct queue *)a)->cpu, y = ((const struct queue *)b)->cpu;

	return x < y ? -1 : x > y;
}

/* Rows whose CPU is gone stay for their owner. Returns how many rows there are then. */
static unsigned int keep_owned(const struct queues *q, struct queue *rows, unsigned int n)
{
	for (unsigned int i = 0; i < q->n && n < QUEUES_MAX; i++) {
		const struct queue *row = &q->rows[i];

		if (!row->owner || cpuset_has(&q->facts.online, row->cpu))
			continue;
		rows[n] = *row;
		rows[n].online = false;
		if ((unsigned int)row->rx >= q->facts.rx)
			rows[n].rx = row->rx % (int)q->facts.rx;
		n++;
	}
	qsort(rows, n, sizeof(*rows), by_cpu);
	return n;
}

static unsigned int build_rows(const struct queues *q, struct queue *rows)
{
	const struct queues_facts *f = &q->facts;
	unsigned int n = 0, seen[QUEUES_MAX] = {0};

	for (uint32_t cpu = cpuset_next(&f->online, 0); cpu != UINT32_MAX && n < QUEUES_MAX;
	     cpu = cpuset_next(&f->online, cpu + 1)) {
		const struct queue *before = queues_by_cpu(q, cpu);

		rows[n] = (struct queue){.cpu = cpu, .online = true, .owner = before ? before->owner : NULL};
		choose_tx(q, &rows[n], n);
		n++;
	}
	choose_rx(q, rows, n);
	n = keep_owned(q, rows, n);
	for (unsigned int i = 0; i < n; i++)
		seen[rows[i].rx]++;
	for (unsigned int i = 0; i < n; i++) {
		rows[i].rx_cpu = f->irq_cpu[rows[i].rx];
		rows[i].rx_shared = seen[rows[i].rx] > 1;
	}
	return n;
}

static bool rows_equal(const struct queue *a, const struct queue *b)
{
	return a->cpu == b->cpu && a->tx == b->tx && a->rx == b->rx && a->rx_cpu == b->rx_cpu && a->out == b->out &&
	       a->online == b->online && a->rx_shared == b->rx_shared;
}

static bool rss_equal(const struct nic_rss *a, const struct nic_rss *b)
{
	return a->indir_size == b->indir_size && a->key_size == b->key_size && a->toeplitz == b->toeplitz &&
	       !memcmp(a->indir, b->indir, a->indir_size * sizeof(a->indir[0])) && !memcmp(a->key, b->key, a->key_size);
}

/* The most telling difference, or NULL. */
static const char *difference(const struct queues *q, const struct queues_facts *before, const struct queue *rows,
			      unsigned int n, char *buf)
{
	const struct queues_facts *f = &q->facts;

	if (!before)
		snprintf(buf, QUEUES_TEXT, "%u CPUs, %u TX and %u RX queues", n, f->tx, f->rx);
	else if (f->rx != before->rx || f->tx != before->tx)
		snprintf(buf, QUEUES_TEXT, "%u TX and %u RX queues, before %u and %u", f->tx, f->rx, before->tx,
			 before->rx);
	else if (!cpuset_equal(&f->online, &before->online))
		snprintf(buf, QUEUES_TEXT, "%u CPUs are online, before %u", cpuset_count(&f->online),
			 cpuset_count(&before->online));
	else if (!rss_equal(&f->rss, &before->rss))
		snprintf(buf, QUEUES_TEXT, "RSS has changed");
	else if (f->features.ntuple != before->features.ntuple)
		snprintf(buf, QUEUES_TEXT, "flow rules are %s", f->features.ntuple ? "on" : "off");
	else if (n != q->n)
		snprintf(buf, QUEUES_TEXT, "%u rows, before %u", n, q->n);
	else {
		for (unsigned int i = 0; i < n; i++)
			if (!rows_equal(&rows[i], &q->rows[i])) {
				snprintf(buf, QUEUES_TEXT, "the queues of CPU %u have changed", rows[i].cpu);
				return buf;
			}
		return NULL;
	}
	return buf;
}

const char *queues_build(struct queues *q, const struct queues_facts *before, char *buf)
{
	struct queue rows[QUEUES_MAX];
	unsigned int n = build_rows(q, rows);
	const char *what = difference(q, before, rows, n, buf);

	memcpy(q->rows, rows, n * sizeof(rows[0]));
	q->n = n;
	return what;
}
