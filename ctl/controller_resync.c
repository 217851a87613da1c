/* SPDX-License-Identifier: MIT */
/*
 * Reading back all that the card holds: what is there that should not be, and what is not there that should. At the
 * start, after events were lost, when a single SA was found missing; and now and then.
 */
#include <errno.h>
#include <string.h>

#include "ctl/controller_internal.h"

static const uint64_t again_ns = 10000000u;
/* From one to the next: this, or more where it would show more than a thousand SAs a second. */
static const uint64_t sweep_ns = 60000000000u, sweep_each_ns = 1000000u;

static void poll_fire(struct controller *c, struct ctl_timer *t);

void poll_start(struct controller *c)
{
	uint64_t wait = c->n_installed * sweep_each_ns;

	if (!heap_has(&c->poll.node))
		ctl_timer_set(c, &c->poll, c->sweep ? c->now : c->now + (wait > sweep_ns ? wait : sweep_ns), poll_fire);
}

/* ---- strangers ---- */

static void orphan_gone(void *ctx, const struct xfrm_result *result)
{
	struct controller *c = ctx;

	if (result->err && result->err != -ESRCH && !c->freeing)
		log_at(c->log, LOG_LEVEL_WARN, "card.orphan", "an SA of an earlier run cannot be removed: %s",
		       strerror(-result->err));
}

static bool addr_is(const struct ike_addr *a, const struct xfrm_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16);
}

/*
 * An earlier run was killed while it had this SA, and the peer goes on sending on it until it looks whether we are
 * alive. A trap would leave that to our own traffic: so what is trapped towards that peer is brought up again.
 */
static void traps_spring(struct controller *c, const struct xfrm_sa_id *id)
{
	const struct ctl_conn *conn;
	struct ctl_tunnel *t;

	TAILQ_FOREACH (conn, &c->conns, link) {
		const struct ike_addr *remote = &conn->conf->ike.remote;

		if (conn->unloaded || !(addr_is(remote, &id->src) || addr_is(remote, &id->dst)))
			continue;
		TAILQ_FOREACH (t, &conn->tunnels, link)
			if (t->cfg->start_action == CONF_ACTION_TRAP && t->want == WANT_POLICIES && !t->n_fresh)
				tunnel_want(t, WANT_UP);
	}
}

static void orphan_remove(struct controller *c, const struct xfrm_sa_counts *counts)
{
	log_at(c->log, LOG_LEVEL_WARN, "card.orphan", "SA %08x with reqid %u belongs to nobody: removed",
	       counts->id.spi, counts->reqid);
	if (!xfrm_sa_delete(c->xfrm, &counts->id, orphan_gone, c))
		c->counters.orphans_removed++;
	if (!c->stopping)
		traps_spring(c, &counts->id);
}

/* ---- what is missing ---- */

/*
 * The card was flushed, or an event told of a hard expiry and was lost. The keys are not kept, so a new SA is
 * negotiated in its place; what the peer sends meanwhile is lost, what we send is held back by the policy.
 */
static void half_missing(struct ctl_half *h)
{
	struct ctl_child *ch = h->child;

	log_at(ch->c->log, LOG_LEVEL_WARN, "child.lost", "%s: %s SA %08x is not in the card any more", ch->tunnel->name,
	       h->out ? "outbound" : "inbound", h->id.spi);
	half_lost(h);
	ch->lost = true;
	child_install_step(ch);
	if (ch->down || ch->replacement)
		return;
	rekey_ask(ch);
}

static void missing_find(struct controller *c)
{
	struct ctl_child *ch;
	unsigned int n = 0;

	TAILQ_FOREACH (ch, &c->children, link) {
		struct ctl_half *half[2] = {&ch->in, &ch->out};

		for (unsigned int i = 0; i < 2; i++)
			if (half[i]->state == HALF_INSTALLED && half[i]->since < c->dumps &&
			    half[i]->seen != c->dumps) {
				half_missing(half[i]);
				n++;
			}
	}
	if (n)
		policies_reinstall(c);
}

/* ---- the dump ---- */

/* An acquire that is open. Its event came long ago and has been heeded, or it was lost: then this is in its place. */
static void acquire_found(struct controller *c, const struct xfrm_sa_counts *counts)
{
	const struct xfrm_acquire a = {
		.seq = counts->seq,
		.reqid = counts->reqid,
		.cpu = counts->cpu,
		.src = counts->id.src,
		.dst = counts->id.dst,
	};
	struct ctl_tunnel *t = tunnel_by_reqid(c, counts->reqid);

	if (t)
		tunnel_acquire(t, &a);
}

static void dump_each(void *ctx, const struct xfrm_sa_counts *counts)
{
	struct controller *c = ctx;
	struct ctl_half *h;

	if (c->freeing)
		return;
	if (!counts->id.spi) {
		acquire_found(c, counts);
		return;
	}
	h = half_find(c, &counts->id, counts->out);
	if (!h) /* the kernel does not always know the direction */
		h = half_find(c, &counts->id, !counts->out);
	if (!h) {
		if (reqid_is_ours(c, counts->reqid))
			orphan_remove(c, counts);
		return;
	}
	if (h->state == HALF_INSTALLED)
		h->seen = c->dumps;
	rekey_counts(h, counts);
}

static void dump_done(void *ctx, const struct xfrm_result *result)
{
	struct controller *c = ctx;

	if (c->freeing)
		return;
	c->dumping = false;
	if (result->err == -EPIPE)
		return;
	if (result->err) {
		ctl_timer_set(c, &c->poll, c->now + again_ns, poll_fire);
		return;
	}
	missing_find(c);
	if (c->sweep || c->n_installed)
		poll_start(c);
}

static void poll_fire(struct controller *c, struct ctl_timer *t)
{
	(void)t;
	if (c->dumping || c->closed)
		return;
	if (!c->dumps)
		guards_find(c);
	c->dumping = true;
	c->sweep = false;
	c->dumps++;
	if (xfrm_sa_dump(c->xfrm, dump_each, dump_done, c))
		dump_done(c, &(struct xfrm_result){.err = -EAGAIN});
}

void resync_wanted(void *ctx, const char *why)
{
	struct controller *c = ctx;

	c->counters.resyncs++;
	log_at(c->log, LOG_LEVEL_WARN, "card.resync", "reading back everything from the card: %s", why);
	c->sweep = true;
	ctl_timer_set(c, &c->poll, c->now, poll_fire);
}

void controller_resync(struct controller *c, uint64_t now, const char *why)
{
	controller_enter(c, now);
	policies_reinstall(c); /* before all else: they keep what they cover from leaving unprotected */
	resync_wanted(c, why);
	queues_reread(c);
	controller_leave(c);
}
