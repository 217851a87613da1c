/* SPDX-License-Identifier: MIT */
/* XPS and RSS as the map wants them, and as they were found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "offload/queues_priv.h"
#include "offload/sysfs.h"

void queues_manage_free(struct queues *q)
{
	free(q->xps);
	free(q->rss_found);
	free(q->rss_set);
}

/* A TX queue for every CPU: the one whose channel's interrupt it serves, else one that is left, else a shared one. */
static void plan_xps(const struct queues_facts *f, struct cpuset *want)
{
	bool used[QUEUES_MAX] = {0};
	struct cpuset left = f->online;
	unsigned int tx = 0, i = 0;
	uint32_t cpu;

	memset(want, 0, f->tx * sizeof(*want));
	for (unsigned int n = 0; n < f->tx && n < f->rx; n++) {
		cpu = f->irq_cpu[n];
		if (cpu == UINT32_MAX || !cpuset_has(&left, cpu))
			continue;
		cpuset_add(&want[n], cpu);
		used[n] = true;
		left.bits[cpu / 64] &= ~(UINT64_C(1) << cpu % 64);
	}
	for (cpu = cpuset_next(&left, 0); cpu != UINT32_MAX; cpu = cpuset_next(&left, cpu + 1)) {
		while (tx < f->tx && used[tx])
			tx++;
		if (tx < f->tx)
			cpuset_add(&want[tx++], cpu);
		else
			cpuset_add(&want[i++ % f->tx], cpu);
	}
}

static void set_xps(struct queues *q, unsigned int queue, const struct cpuset *want)
{
	struct queues_xps_saved *saved = &q->xps[queue];
	struct cpuset *now = &q->fresh.xps[queue];
	int err;

	if (cpuset_equal(now, want))
		return;
	err = sysfs_xps_set(q->root, q->ifname, queue, want);
	if (err) {
		log_at(q->config.log, LOG_LEVEL_WARN, "queues.xps", "%s: XPS of TX queue %u cannot be set: %s",
		       q->ifname, queue, strerror(-err));
		return;
	}
	if (!saved->changed)
		saved->found = *now;
	saved->changed = true;
	saved->set = *now = *want;
	q->fresh.has_xps |= cpuset_count(want) > 0;
}

void queues_manage_xps(struct queues *q)
{
	struct queues_facts *f = &q->fresh;
	struct cpuset *want;

	if (f->tx < 2 || !f->xps)
		return;
	want = calloc(f->tx, sizeof(*want));
	if (want && !q->xps)
		q->xps = calloc(QUEUES_MAX, sizeof(*q->xps));
	if (want && q->xps) {
		plan_xps(f, want);
		for (unsigned int n = 0; n < f->tx; n++)
			set_xps(q, n, &want[n]);
	}
	free(want);
}

/* Whether every queue that a row would have gets something; the rows are not built yet, so: every one up to their
 * number. */
static bool rss_reaches_all(const struct queues_facts *f)
{
	unsigned int need = cpuset_count(&f->online);
	bool reached[QUEUES_MAX] = {0};

	need = need < f->rx ? need : f->rx;
	for (uint32_t i = 0; i < f->rss.indir_size; i++)
		if (f->rss.indir[i] < QUEUES_MAX)
			reached[f->rss.indir[i]] = true;
	for (unsigned int n = 0; n < f->rx; n++)
		need -= need && reached[n];
	return !need;
}

static void on_rss_set(void *ctx, const struct ethtool_result *r)
{
	struct queues *q = ctx;

	if (r->err == -EPIPE || r->err == -ECANCELED) {
		q->refreshing = q->again = false;
		return;
	}
	if (r->err) {
		q->rss_refused = true;
		log_at(q->config.log, LOG_LEVEL_WARN, "queues.rss", "%s: RSS cannot be set: %s%s%s", q->ifname,
		       strerror(-r->err), r->text ? ": " : "", r->text ? r->text : "");
	} else {
		memcpy(q->facts.rss.indir, q->rss_set->indir, sizeof(q->facts.rss.indir));
	}
	queues_managed(q);
}

int queues_manage_rss(struct queues *q)
{
	struct queues_facts *f = &q->facts;
	int err;

	if (!f->rss.indir_size || q->rss_refused || rss_reaches_all(f))
		return 0;
	if (!q->rss_found) {
		q->rss_found = malloc(sizeof(*q->rss_found));
		q->rss_set = calloc(1, sizeof(*q->rss_set));
		if (!q->rss_found || !q->rss_set) {
			q->rss_refused = true;
			return 0;
		}
		*q->rss_found = f->rss;
	}
	q->rss_set->indir_size = f->rss.indir_size;
	for (uint32_t i = 0; i < f->rss.indir_size; i++)
		q->rss_set->indir[i] = (uint16_t)(i % f->rx);
	err = ethtool_rss_set(q->ethtool, q->rss_set, false, on_rss_set, q);
	if (err)
		log_at(q->config.log, LOG_LEVEL_WARN, "queues.rss", "%s: RSS cannot be set: %s", q->ifname,
		       strerror(-err));
	return !err;
}

static void restored_one(struct queues *q)
{
	if (--q->restoring == 0 && q->restored)
		q->restored(q->restored_ctx);
}

static void on_restored(void *ctx, const struct ethtool_result *r)
{
	struct queues *q = ctx;

	if (r->err)
		log_at(q->config.log, LOG_LEVEL_WARN, "queues.restore",
		       "%s: RSS or a flow rule could not be put back: %s", q->ifname, strerror(-r->err));
	restored_one(q);
}

static void restore_xps(struct queues *q)
{
	for (unsigned int n = 0; q->xps && n < QUEUES_MAX; n++) {
		struct queues_xps_saved *saved = &q->xps[n];
		struct cpuset now;

		if (!saved->changed || sysfs_xps_get(q->root, q->ifname, n, &now) || !cpuset_equal(&now, &saved->set))
			continue;
		if (sysfs_xps_set(q->root, q->ifname, n, &saved->found))
			log_at(q->config.log, LOG_LEVEL_WARN, "queues.restore",
			       "%s: XPS of TX queue %u could not be put back", q->ifname, n);
		saved->changed = false;
	}
}

/* Whether this is what the kernel makes by itself (ethtool_rxfh_indir_default). */
static bool is_default(const struct nic_rss *rss, unsigned int rx)
{
	for (uint32_t i = 0; i < rss->indir_size; i++)
		if (rss->indir[i] != i % rx)
			return false;
	return true;
}

static int restore_rss(struct queues *q)
{
	const struct nic_rss *now = &q->facts.rss, *set = q->rss_set;
	struct nic_rss back;

	if (!set || now->indir_size != set->indir_size ||
	    memcmp(now->indir, set->indir, set->indir_size * sizeof(set->indir[0])) != 0)
		return 0;
	back = *q->rss_found;
	back.key_size = 0; /* it was never changed */
	q->restoring++;
	return ethtool_rss_set(q->ethtool, &back, is_default(&back, q->facts.rx), on_restored, q);
}

int queues_restore(struct queues *q, void (*done)(void *ctx), void *ctx)
{
	struct queues_rule *rule;
	int err;

	q->config.manage = false;
	restore_xps(q);
	q->restored = done;
	q->restored_ctx = ctx;
	q->restoring = 1; /* this call */
	LIST_FOREACH (rule, &q->rules, link) {
		if (!rule->set)
			continue;
		q->restoring++;
		err = ethtool_rule_delete(q->ethtool, rule->location, on_restored, q);
		if (err)
			goto fail;
		rule->set = false;
	}
	err = restore_rss(q);
	if (err)
		goto fail;
	restored_one(q);
	return 0;
fail:
	q->restored = NULL;
	return err;
}
