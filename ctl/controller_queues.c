/* SPDX-License-Identifier: MIT */
/*
 * The queue map as the controller uses it. Queue n of every tunnel is that of one CPU, for as long as the controller
 * runs: a CPU that goes leaves its queue offline, one that comes anew gets the next number. What follows from a change
 * of the map is done at the end of the call in which it came (queues_run), when nobody walks a list any more.
 */
#include <errno.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* CPUs and XPS tell nobody when they change. */
static const uint64_t refresh_ns = 5000000000u;
/* Queue SAs wait so long for the first reading: some requests to the kernel, or to a process beside us. */
static const uint64_t await_ns = 1000000000u;

/* ---- from the driver and the map ---- */

static void on_notified(void *ctx, const char *what)
{
	struct controller *c = ctx;

	if (c->queues.map && !c->freeing)
		queues_notified(c->queues.map, what);
}

/* Channels and rules cannot be asked for any more; the map stays as it was. */
static void on_closed(void *ctx)
{
	struct controller *c = ctx;

	if (c->freeing)
		return;
	log_at(c->log, LOG_LEVEL_WARN, "queues.closed", "the card's ethtool connection has closed: the map stays");
	c->queues.closed = true;
	ctl_timer_stop(c, &c->queues.refresh);
}

static void on_changed(void *ctx, const char *what)
{
	struct controller *c = ctx;

	(void)what; /* the map has logged it */
	c->queues.changed = true;
	c->counters.queue_maps++;
}

static void refresh_fire(struct controller *c, struct ctl_timer *t)
{
	if (c->stopping || c->queues.closed)
		return;
	(void)queues_refresh(c->queues.map); /* what is missing, queues_poor() says */
	ctl_timer_set(c, t, c->now + refresh_ns, refresh_fire);
}

void queues_reread(struct controller *c)
{
	if (c->queues.map && !c->queues.closed)
		refresh_fire(c, &c->queues.refresh);
}

static void await_end(struct controller *c, struct ctl_timer *t)
{
	(void)t;
	if (c->queues.state != MAP_AWAITED)
		return;
	log_at(c->log, LOG_LEVEL_WARN, "queues.late",
	       "the queue map is not there after %llu ms: queue SAs are made without it",
	       (unsigned long long)(await_ns / ms_ns));
	c->queues.state = MAP_LATE;
	c->queues.changed = true;
}

/* ---- opening and closing ---- */

static int queues_make(struct controller *c, const struct xfrm_transport *requests,
		       const struct xfrm_transport *multicast, const char *root)
{
	struct ctl_queues *k = &c->queues;
	const struct ethtool_events ethtool_events = {.ctx = c, .changed = on_notified, .closed = on_closed};
	const struct queues_events events = {.ctx = c, .changed = on_changed};
	const struct queues_config config = {
		.ifname = c->nic.device[0] ? c->nic.device : "card",
		.root = root,
		.cpus = c->nic.queues,
		.manage = c->nic.manage_queues,
		.rss_spi = c->profile->rss_spi,
		.esp_rules = c->profile->esp_rules,
		.log = c->log,
	};

	k->ethtool = ethtool_new(requests, multicast, &ethtool_events, c->nic.ifindex, c->log);
	if (!k->ethtool)
		return -errno;
	k->map = queues_new(&config, k->ethtool, &events);
	if (!k->map)
		return -errno;
	k->state = MAP_AWAITED;
	ctl_timer_set(c, &k->wait, c->now + await_ns, await_end);
	ctl_timer_set(c, &k->refresh, c->now + refresh_ns, refresh_fire);
	return queues_refresh(k->map);
}

int controller_queues_open(struct controller *c, uint64_t now, const struct xfrm_transport *requests,
			   const struct xfrm_transport *multicast, const char *root)
{
	int err;

	controller_enter(c, now);
	err = c->queues.ethtool ? -EALREADY : queues_make(c, requests, multicast, root);
	if (err && err != -EALREADY) {
		log_at(c->log, LOG_LEVEL_WARN, "queues.open", "no queue map: %s", strerror(-err));
		ctl_timer_stop(c, &c->queues.wait);
		ctl_timer_stop(c, &c->queues.refresh);
		queues_close(c);
	}
	controller_leave(c);
	return err;
}

void queues_close(struct controller *c)
{
	struct ctl_queues *k = &c->queues;

	if (k->ethtool)
		ethtool_free(k->ethtool);
	queues_free(k->map);
	k->ethtool = NULL;
	k->map = NULL;
	k->state = MAP_NONE;
}

void controller_ethtool(struct controller *c, uint64_t now)
{
	controller_enter(c, now);
	if (c->queues.ethtool)
		ethtool_process(c->queues.ethtool);
	controller_leave(c);
}

bool controller_ethtool_wants_write(const struct controller *c)
{
	return c->queues.ethtool && ethtool_wants_write(c->queues.ethtool);
}

bool controller_ethtool_closed(const struct controller *c)
{
	return c->queues.closed;
}

bool queues_awaited(const struct controller *c)
{
	return c->queues.state == MAP_AWAITED;
}

static void on_restored(void *ctx)
{
	struct controller *c = ctx;

	c->queues.restored = true;
}

bool queues_stopped(struct controller *c)
{
	struct ctl_queues *k = &c->queues;

	if (!k->map || k->restored || k->closed)
		return true;
	if (!k->restoring) {
		k->restoring = true;
		ctl_timer_stop(c, &k->refresh);
		if (queues_restore(k->map, on_restored, c))
			k->restored = true;
	}
	return k->restored;
}

/* ---- lanes ---- */

void lane_bind(struct ctl_lane *l)
{
	const struct ctl_queues *k = &l->tunnel->c->queues;
	const struct queue *row;

	l->cpu = UINT32_MAX;
	l->rx = -1;
	l->offline = false;
	if (!l->index)
		return;
	if (l->index > k->n) {
		l->cpu = l->index - 1;
		return;
	}
	l->cpu = k->cpu[l->index - 1];
	row = queues_by_cpu(k->map, l->cpu);
	l->rx = row ? row->rx : -1;
	l->offline = !row || !row->online;
}

/* Its SA must not be chosen by a CPU that comes back with other queues, or hold a slot for one that does not. */
static void lane_delete(struct ctl_lane *l)
{
	struct ctl_child *ch, *next;

	for (ch = TAILQ_FIRST(&l->children); ch; ch = next) {
		next = TAILQ_NEXT(ch, lane_link);
		if (ch->up)
			child_delete(ch);
	}
}

/* Binds it anew. True: it has just come back. */
static bool lane_update(struct ctl_lane *l)
{
	struct controller *c = l->tunnel->c;
	bool was = l->offline;

	lane_bind(l);
	if (was == l->offline)
		return false;
	log_at(c->log, LOG_LEVEL_NOTICE, l->offline ? "queue.offline" : "queue.online", "%s: queue %u: CPU %u is %s",
	       l->tunnel->name, l->index - 1, l->cpu, l->offline ? "gone, and so is its SA" : "back");
	l->failures = 0;
	l->retry_ns = l->barred_ns = 0;
	l->by_traffic = tunnel_on_demand(l->tunnel);
	return !l->offline;
}

static void lanes_update(struct ctl_tunnel *t, bool first)
{
	unsigned int before = t->n_lanes;
	bool back = false, more;

	for (unsigned int i = 1; i < t->lanes_made; i++)
		back = lane_update(t->lanes[i]) || back;
	if (tunnel_lanes_make(t))
		log_at(t->c->log, LOG_LEVEL_ERROR, "controller.memory", "%s: no memory for its queues", t->name);
	for (unsigned int i = 1; i < t->lanes_made; i++)
		if (i >= t->n_lanes || t->lanes[i]->offline)
			lane_delete(t->lanes[i]);
	more = t->n_lanes > before;
	if (first || back || more)
		tunnel_lanes_changed(t, back || (more && !first));
}

/* Rows of CPUs that were not seen before. */
static void rows_add(struct controller *c)
{
	struct ctl_queues *k = &c->queues;

	for (unsigned int n = 0; n < queues_count(k->map); n++) {
		const struct queue *row = queues_at(k->map, n);

		if (row->owner || k->n == LANES_MAX)
			continue;
		k->cpu[k->n++] = row->cpu;
		queues_owner_set(k->map, row->cpu, c); /* it stays when its CPU goes */
	}
}

static void map_tell(const struct controller *c)
{
	const char *poor = queues_poor(c->queues.map);

	if (poor)
		log_at(c->log, LOG_LEVEL_NOTICE, "queues.poor", "the queue map is not whole: %s", poor);
}

void queues_run(struct controller *c)
{
	struct ctl_queues *k = &c->queues;
	struct ctl_tunnel *t, *next_tunnel;
	struct ctl_child *ch, *next;
	bool first = k->state == MAP_AWAITED || k->state == MAP_LATE;

	if (!k->changed || c->stopping)
		return;
	k->changed = false;
	if (queues_ready(k->map)) {
		if (first)
			map_tell(c);
		k->state = MAP_READY;
		ctl_timer_stop(c, &k->wait);
		rows_add(c);
	}
	HASH_ITER (hh, c->tunnels, t, next_tunnel)
		lanes_update(t, first);
	for (ch = TAILQ_FIRST(&c->children); ch; ch = next) {
		next = TAILQ_NEXT(ch, link);
		child_steer(ch);
	}
}

/* ---- rates ---- */

/* Of what came since the last time; half of the rate before stays in it. */
static double smooth(double before, uint64_t more, double seconds)
{
	return before / 2 + (double)more / seconds / 2;
}

void lane_measure(struct ctl_lane *l)
{
	const struct controller *c = l->tunnel->c;
	uint64_t ns = c->now - l->rate_ns;

	if (l->rate_ns && ns < c->nic.counter_poll_ns / 2)
		return; /* several SAs of one lane are read at about the same time */
	if (l->rate_ns) {
		double seconds = (double)ns / (double)second_ns;

		l->byte_rate = smooth(l->byte_rate, l->bytes[1] - l->rate_bytes, seconds);
		l->packet_rate = smooth(l->packet_rate, l->packets[1] - l->rate_packets, seconds);
	}
	l->rate_ns = c->now;
	l->rate_bytes = l->bytes[1];
	l->rate_packets = l->packets[1];
}
