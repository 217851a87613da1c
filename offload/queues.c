/* SPDX-License-Identifier: MIT */
#include "offload/queues.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offload/queues_priv.h"
#include "offload/sysfs.h"

static void read_channels(struct queues *q);

struct queues *queues_new(const struct queues_config *config, struct ethtool *ethtool,
			  const struct queues_events *events)
{
	struct queues *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->config = *config;
	q->config.root = q->config.ifname = NULL; /* our copies are what counts */
	q->ethtool = ethtool;
	q->events = *events;
	LIST_INIT(&q->rules);
	snprintf(q->ifname, sizeof(q->ifname), "%s", config->ifname ? config->ifname : "");
	q->root = config->root ? strdup(config->root) : NULL;
	q->rows = calloc(QUEUES_MAX, sizeof(*q->rows));
	if (!q->rows || (config->root && !q->root)) {
		queues_free(q);
		errno = ENOMEM;
		return NULL;
	}
	return q;
}

static void facts_free(struct queues_facts *f)
{
	free(f->xps);
	memset(f, 0, sizeof(*f));
}

void queues_free(struct queues *q)
{
	if (!q)
		return;
	queues_rules_free(q);
	queues_manage_free(q);
	facts_free(&q->facts);
	facts_free(&q->fresh);
	free(q->rows);
	free(q->root);
	free(q);
}

/* Keeps the first of the reasons. */
static void poor(struct queues *q, const char *what, int err)
{
	if (!q->poor[0])
		snprintf(q->poor, sizeof(q->poor), "%s: %s", what, strerror(-err));
}

/* If somebody asked for it since this refresh began. */
static void start_over(struct queues *q)
{
	bool again = q->again && !q->refreshing;

	if (!again)
		return;
	q->again = false;
	queues_refresh(q);
}

/* Everything is read and, if it was to be, set. */
void queues_managed(struct queues *q)
{
	char text[QUEUES_TEXT];
	const char *what;

	what = queues_build(q, q->ready ? &q->fresh : NULL, text);
	facts_free(&q->fresh);
	q->ready = true;
	q->refreshing = false;
	if (what) {
		log_at(q->config.log, LOG_LEVEL_INFO, "queues.changed", "%s: %s", q->ifname, what);
		if (q->events.changed)
			q->events.changed(q->events.ctx, what);
	}
	start_over(q);
}

static int read_xps(struct queues *q, struct queues_facts *f)
{
	f->xps = calloc(f->tx + 1, sizeof(*f->xps));
	if (!f->xps)
		return -ENOMEM;
	for (unsigned int n = 0; n < f->tx; n++) {
		int err = sysfs_xps_get(q->root, q->ifname, n, &f->xps[n]);

		if (err)
			return err;
		f->has_xps |= cpuset_count(&f->xps[n]) > 0;
	}
	return 0;
}

static void read_files(struct queues *q, struct queues_facts *f)
{
	int err;

	for (unsigned int n = 0; n < QUEUES_MAX; n++)
		f->irq_cpu[n] = UINT32_MAX;
	if (!q->root) {
		unsigned int cpus = q->config.cpus ? q->config.cpus : f->tx;

		for (uint32_t cpu = 0; cpu < cpus && cpu < QUEUES_MAX; cpu++)
			cpuset_add(&f->online, cpu);
		return;
	}
	err = sysfs_cpus_online(q->root, &f->online);
	if (err) {
		poor(q, "online CPUs cannot be read", err);
		cpuset_add(&f->online, 0);
	}
	err = read_xps(q, f);
	if (err && f->tx > 1)
		poor(q, "XPS cannot be read", err);
	/* a device without interrupts of its own (veth, tap) is nothing to complain of */
	(void)sysfs_irq_cpus(q->root, q->ifname, f->irq_cpu, f->rx);
}

/* What was read takes the place of what was there; the old facts go to `fresh`, to be compared with. */
static void apply(struct queues *q)
{
	struct queues_facts *f = &q->fresh, old;

	if (q->again) { /* stale already */
		q->refreshing = false;
		start_over(q);
		return;
	}
	read_files(q, f);
	if (q->config.manage && q->root)
		queues_manage_xps(q);
	old = q->facts;
	q->facts = q->fresh;
	q->fresh = old;
	queues_hash_prepare(q);
	if (!q->config.manage || !queues_manage_rss(q))
		queues_managed(q);
}

/* The driver is gone: the map stays as it was. */
static bool gone(struct queues *q, int err)
{
	if (err != -EPIPE && err != -ECANCELED)
		return false;
	q->refreshing = q->again = false;
	return true;
}

static void on_features(void *ctx, const struct ethtool_result *r, const struct nic_features *features)
{
	struct queues *q = ctx;

	if (gone(q, r->err))
		return;
	if (!r->err) {
		q->fresh.features = *features;
		q->fresh.has_features = true;
	}
	apply(q);
}

static void read_features(struct queues *q)
{
	int err = ethtool_features_get(q->ethtool, on_features, q);

	if (err)
		on_features(q, &(struct ethtool_result){.err = err}, NULL);
}

static void on_rss(void *ctx, const struct ethtool_result *r, const struct nic_rss *rss)
{
	struct queues *q = ctx;

	if (gone(q, r->err))
		return;
	if (!r->err)
		q->fresh.rss = *rss;
	else if (q->fresh.rx > 1)
		poor(q, "RSS cannot be read", r->err);
	read_features(q);
}

static void read_rss(struct queues *q)
{
	int err = ethtool_rss_get(q->ethtool, on_rss, q);

	if (err)
		on_rss(q, &(struct ethtool_result){.err = err}, NULL);
}

static unsigned int bounded(unsigned int n)
{
	return n < 1 ? 1 : n > QUEUES_MAX ? QUEUES_MAX : n;
}

static void on_channels(void *ctx, const struct ethtool_result *r, const struct nic_channels *channels)
{
	struct queues *q = ctx;
	struct queues_facts *f = &q->fresh;

	if (gone(q, r->err))
		return;
	if (!r->err) {
		f->channels = *channels;
		f->rx = bounded(channels->combined + channels->rx);
		f->tx = bounded(channels->combined + channels->tx);
	} else {
		/* a device that has queues and does not tell of channels (tap) still has its files */
		f->rx = bounded(q->root ? sysfs_queue_count(q->root, q->ifname, "rx") : 0);
		f->tx = bounded(q->root ? sysfs_queue_count(q->root, q->ifname, "tx") : 0);
		if (r->err != -EOPNOTSUPP)
			poor(q, "channels cannot be read", r->err);
	}
	read_rss(q);
}

static void read_channels(struct queues *q)
{
	int err = ethtool_channels_get(q->ethtool, on_channels, q);

	if (err)
		on_channels(q, &(struct ethtool_result){.err = err}, NULL);
}

int queues_refresh(struct queues *q)
{
	if (q->refreshing) {
		q->again = true;
		return 0;
	}
	facts_free(&q->fresh);
	q->poor[0] = '\0';
	q->refreshing = true;
	read_channels(q);
	return 0;
}

void queues_notified(struct queues *q, const char *what)
{
	log_at(q->config.log, LOG_LEVEL_DEBUG, "queues.notified", "%s: %s", q->ifname, what);
	queues_refresh(q);
}

bool queues_ready(const struct queues *q)
{
	return q->ready;
}

const char *queues_poor(const struct queues *q)
{
	return q->poor[0] ? q->poor : NULL;
}

unsigned int queues_count(const struct queues *q)
{
	return q->n;
}

const struct queue *queues_at(const struct queues *q, unsigned int n)
{
	return n < q->n ? &q->rows[n] : NULL;
}

const struct queue *queues_by_cpu(const struct queues *q, uint32_t cpu)
{
	for (unsigned int n = 0; n < q->n; n++)
		if (q->rows[n].cpu == cpu)
			return &q->rows[n];
	return NULL;
}

const struct queue *queues_by_rx(const struct queues *q, int rx)
{
	const struct queue *found = NULL;

	for (unsigned int n = 0; n < q->n; n++)
		if (q->rows[n].rx == rx && (!found || (q->rows[n].owner && !found->owner)))
			found = &q->rows[n];
	return found;
}

int queues_owner_set(struct queues *q, uint32_t cpu, void *owner)
{
	for (unsigned int n = 0; n < q->n; n++)
		if (q->rows[n].cpu == cpu) {
			q->rows[n].owner = owner;
			return 0;
		}
	return -ENOENT;
}

unsigned int queues_rx_count(const struct queues *q)
{
	return q->facts.rx;
}

unsigned int queues_tx_count(const struct queues *q)
{
	return q->facts.tx;
}
