/* SPDX-License-Identifier: MIT */
/* Construction, the way in for datagrams, netlink and time, and what follows from them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* Counter polls when the configuration says nothing. */
static const uint64_t poll_default_ns = 1000000000u;
/* One slot more than learned is dared again after so long. */
static const uint64_t dare_ns = 60000000000u;

/* ---- timers ---- */

void ctl_timer_set(struct controller *c, struct ctl_timer *t, uint64_t at,
		   void (*fire)(struct controller *, struct ctl_timer *))
{
	t->fire = fire;
	if (heap_set(&c->timers, &t->node, at))
		log_at(c->log, LOG_LEVEL_ERROR, "controller.memory",
		       "no memory for a timer: something will not be tried again");
}

void ctl_timer_stop(struct controller *c, struct ctl_timer *t)
{
	heap_remove(&c->timers, &t->node);
}

static void timers_run(struct controller *c)
{
	struct heap_node *n;

	while ((n = heap_first(&c->timers)) && n->key <= c->now) {
		struct ctl_timer *t = heap_entry(n, struct ctl_timer, node);

		heap_remove(&c->timers, n);
		t->fire(c, t);
	}
}

uint64_t backoff_ns(struct controller *c, unsigned int failures, uint64_t first_ns, uint64_t most_ns)
{
	uint64_t ns = first_ns;

	for (unsigned int i = 1; i < failures && ns < most_ns; i++)
		ns *= 2;
	if (ns > most_ns)
		ns = most_ns;
	return ns - prng_below(&c->rng, ns / 2 + 1);
}

/* ---- the engine's environment ---- */

static void env_random(void *ctx, uint8_t *out, size_t n)
{
	struct controller *c = ctx;

	c->env.random(c->env.ctx, out, n);
}

static void env_emit(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	struct controller *c = ctx;

	c->env.emit(c->env.ctx, path, datagram, len);
}

static int env_psk(void *ctx, const struct ike_conn_cfg *conn, const struct ike_id *local, const struct ike_id *remote,
		   uint8_t *out)
{
	(void)conn;
	return secret_psk(ctx, local, remote, out);
}

static void env_event(void *ctx, const struct ike_event *ev)
{
	struct controller *c = ctx;

	switch (ev->kind) {
	case IKE_EV_SA_UP:
	case IKE_EV_SA_REKEYED:
	case IKE_EV_SA_MOVED:
	case IKE_EV_SA_DOWN:
		peer_event(c, ev);
		break;
	case IKE_EV_CHILD_INSTALL:
	case IKE_EV_CHILD_UP:
	case IKE_EV_CHILD_OUTBOUND:
	case IKE_EV_CHILD_DOWN:
		child_event(c, ev);
		break;
	}
}

/* ---- the driver's events ---- */

static void nic_acquire(void *ctx, const struct xfrm_acquire *a)
{
	struct controller *c = ctx;
	struct ctl_tunnel *t = tunnel_by_reqid(c, a->reqid);

	if (!t) {
		log_at(c->log, LOG_LEVEL_INFO, "acquire.unknown", "acquire for reqid %u, which is not ours", a->reqid);
		return;
	}
	tunnel_acquire(t, a);
}

static void nic_closed(void *ctx)
{
	struct controller *c = ctx;

	log_at(c->log, LOG_LEVEL_ERROR, "nic.closed", "the card's netlink connection has closed");
	c->closed = true;
}

/* ---- construction ---- */

static const struct offload_profile *profile_choose(struct controller *c)
{
	const struct offload_profile *p;

	if (!c->nic.profile[0])
		return offload_profile_find("generic");
	p = offload_profile_find(c->nic.profile);
	if (!p)
		log_at(c->log, LOG_LEVEL_ERROR, "nic.profile", "nic.profile: there is no profile \"%s\"",
		       c->nic.profile);
	return p;
}

static void pool_fill(const struct controller *c, struct slots_config *sc, const char *name, uint32_t size, bool shared)
{
	unsigned int n = sc->n_pools++;

	sc->pool[n].name = name;
	sc->pool[n].size = c->nic.slots ? c->nic.slots : size;
	sc->pool[n].assume = SLOTS_ASSUMED;
	sc->pool[n].reserve =
		c->nic.reserve == UINT32_MAX ? slots_reserve_default(sc->pool[n].size, shared) : c->nic.reserve;
}

static struct slots *slots_make(struct controller *c)
{
	const struct offload_profile *p = c->profile;
	struct slots_config sc = {.let_go_ns = pace_let_go_ns(c), .dare_ns = dare_ns};
	struct slots *s;

	if (p->shared) {
		pool_fill(c, &sc, "shared", p->size_in, true);
	} else {
		pool_fill(c, &sc, p->in_per_family ? "in-ipv4" : "in", p->size_in, false);
		if (p->in_per_family) {
			sc.map[SLOTS_IN][SLOTS_IPV6] = (uint8_t)sc.n_pools;
			pool_fill(c, &sc, "in-ipv6", p->size_in, false);
		}
		sc.map[SLOTS_OUT][SLOTS_IPV4] = sc.map[SLOTS_OUT][SLOTS_IPV6] = (uint8_t)sc.n_pools;
		pool_fill(c, &sc, "out", p->size_out, false);
	}
	s = slots_new(&sc);
	if (!s)
		log_at(c->log, LOG_LEVEL_ERROR, "nic.slots", "slots = %u with reserve = %u: %s", sc.pool[0].size,
		       sc.pool[0].reserve, strerror(errno));
	return s;
}

static bool scheds_make(struct controller *c, uint64_t seed)
{
	struct rekey_settings rs;

	rekey_settings_default(&rs);
	rekey_policy_settings(c->policy, &rs);
	rs.replace_ns = pace_replace_ns(c, NULL);
	for (unsigned int i = 0; i < CTL_SCHEDS; i++) {
		c->sched[i] = rekey_sched_new(&rs, seed + i);
		if (!c->sched[i])
			return false;
	}
	return true;
}

static int parts_make(struct controller *c, const struct xfrm_transport *requests,
		      const struct xfrm_transport *multicast, uint64_t seed)
{
	const struct ike_env ike_env = {
		.ctx = c,
		.random = env_random,
		.emit = env_emit,
		.psk = env_psk,
		.child_reserve = child_reserve,
		.child_count = c->policy->counts ? child_count : NULL,
		.event = env_event,
	};
	const struct xfrm_events events = {
		.ctx = c,
		.expire = rekey_expire,
		.acquire = nic_acquire,
		.resync = resync_wanted,
		.closed = nic_closed,
	};

	c->profile = profile_choose(c);
	if (!c->profile)
		return -EINVAL;
	c->slots = slots_make(c);
	if (!c->slots)
		return -errno;
	if (!scheds_make(c, seed))
		return -ENOMEM;
	c->ike = ike_new(&c->daemon.ike, &ike_env, c->log);
	if (!c->ike)
		return -errno;
	c->xfrm = xfrm_new(requests, multicast, &events, c->log);
	if (!c->xfrm)
		return -errno;
	xfrm_sa_dir_set(c->xfrm, !c->nic.no_sa_dir);
	return 0;
}

struct controller *controller_new(const struct conf_daemon *daemon, const struct conf_nic *nic,
				  const struct controller_env *env, const struct xfrm_transport *requests,
				  const struct xfrm_transport *multicast, uint64_t seed, const struct log *log)
{
	struct controller *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return NULL;
	if (log) {
		c->log_copy = *log;
		c->log = &c->log_copy;
	}
	c->env = *env;
	c->daemon = *daemon;
	c->nic = *nic;
	c->policy = daemon->rekey_policy ? daemon->rekey_policy : rekey_policy_at(0);
	if (!c->nic.counter_poll_ns)
		c->nic.counter_poll_ns = poll_default_ns;
	c->rng = prng_init(seed);
	c->next_reqid = (uint32_t)prng_below(&c->rng, REQID_RANGE); /* an earlier run's may still be in the card */
	TAILQ_INIT(&c->conns);
	TAILQ_INIT(&c->dead_peers);
	TAILQ_INIT(&c->idle);
	TAILQ_INIT(&c->settled);
	TAILQ_INIT(&c->crowded);
	TAILQ_INIT(&c->children);
	TAILQ_INIT(&c->dead);
	TAILQ_INIT(&c->commands);
	err = parts_make(c, requests, multicast, seed);
	if (err) {
		log_at(c->log, LOG_LEVEL_ERROR, "controller.start", "cannot start: %s", strerror(-err));
		controller_free(c);
		errno = -err;
		return NULL;
	}
	c->sweep = true; /* whatever an earlier run left behind */
	poll_start(c);
	return c;
}

void controller_free(struct controller *c)
{
	if (!c)
		return;
	c->freeing = true;
	queues_close(c);
	if (c->ike)
		ike_free(c->ike);
	if (c->xfrm)
		xfrm_free(c->xfrm);
	commands_free(c);
	conns_free(c);
	policies_free(c);
	secrets_wipe(c);
	for (unsigned int i = 0; i < CTL_SCHEDS; i++)
		if (c->sched[i])
			rekey_sched_free(c->sched[i]);
	if (c->slots)
		slots_free(c->slots);
	heap_free(&c->timers);
	heap_free(&c->reads);
	free(c);
}

/* ---- inputs ---- */

void controller_enter(struct controller *c, uint64_t now)
{
	if (!c->depth++)
		c->now = now;
}

/* Frees what has ended; nobody further up the stack can be using it any more. */
static void reap(struct controller *c)
{
	struct ctl_child *ch;
	struct ctl_peer *p;
	struct ctl_tunnel *t;
	struct ctl_conn *conn, *next;

	while ((ch = TAILQ_FIRST(&c->dead)))
		child_free(ch);
	while ((p = TAILQ_FIRST(&c->dead_peers)))
		peer_free(c, p);
	while ((t = TAILQ_FIRST(&c->idle))) {
		TAILQ_REMOVE(&c->idle, t, idle_link);
		t->candidate = false;
		if (tunnel_is_idle(t))
			tunnel_free(t);
	}
	if (!c->conns_idle)
		return;
	c->conns_idle = false;
	for (conn = TAILQ_FIRST(&c->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (conn_is_idle(conn))
			conn_free(c, conn);
	}
}

void controller_leave(struct controller *c)
{
	struct ctl_tunnel *t;

	if (c->depth == 1) {
		while ((t = TAILQ_FIRST(&c->settled))) {
			TAILQ_REMOVE(&c->settled, t, settled_link);
			t->settled = false;
			tunnel_policies_ready(t);
		}
		if (c->guards_changed)
			guards_review(c);
		queues_run(c);
		lanes_room(c);
		rekey_run(c);
		read_run(c);
		reap(c);
		command_stop_check(c);
	}
	c->depth--;
}

void controller_receive(struct controller *c, uint64_t now, const struct ike_path *path, uint8_t *buf, size_t len)
{
	controller_enter(c, now);
	ike_receive(c->ike, c->now, path, buf, len);
	controller_leave(c);
}

void controller_receive_too_long(struct controller *c, const struct ike_path *path, size_t len)
{
	char from[64];

	c->counters.datagrams_too_long++;
	log_at(c->log, LOG_LEVEL_INFO, "udp.too_long", "%s port %u: a datagram of %zu octets was dropped",
	       conf_addr_print(&path->remote, from, sizeof(from)), path->remote.port, len);
}

void controller_nic(struct controller *c, uint64_t now)
{
	controller_enter(c, now);
	xfrm_process(c->xfrm);
	controller_leave(c);
}

bool controller_nic_wants_write(const struct controller *c)
{
	return xfrm_wants_write(c->xfrm);
}

void controller_tick(struct controller *c, uint64_t now)
{
	controller_enter(c, now);
	slots_tick(c->slots, c->now);
	timers_run(c);
	ike_tick(c->ike, c->now);
	controller_leave(c);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t controller_next(const struct controller *c)
{
	const struct heap_node *n = heap_first(&c->timers);
	uint64_t at = n ? n->key : UINT64_MAX;

	for (unsigned int i = 0; i < CTL_SCHEDS && !c->stopping; i++)
		at = least(at, rekey_sched_next(c->sched[i]));
	at = least(at, read_next(c));
	return least(at, least(ike_next(c->ike), slots_next(c->slots)));
}
