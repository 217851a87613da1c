/* SPDX-License-Identifier: MIT */
/* The life of a Child SA: admission, the engine's events, and its end. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

enum slots_family child_family(const struct ctl_child *ch)
{
	return ch->sa.path.remote.family == AF_INET6 ? SLOTS_IPV6 : SLOTS_IPV4;
}

/* ---- what others are told ---- */

static void child_tell(struct ctl_child *ch, struct ctl_child *old, enum controller_event_kind kind, enum ike_down why,
		       uint16_t notify)
{
	struct controller *c = ch->c;
	struct controller_child view, old_view;
	struct controller_event ev = {
		.kind = kind,
		.ike_sa = ch->sa.ike_sa,
		.conn = ch->sa.conn,
		.child = &view,
		.down = why,
		.notify = notify,
	};

	if (!c->env.event || c->freeing)
		return;
	child_view(ch, &view);
	if (old) {
		child_view(old, &old_view);
		ev.old_child = &old_view;
	}
	c->env.event(c->env.ctx, &ev);
}

void child_tell_slot(struct ctl_child *ch)
{
	child_tell(ch, NULL, CONTROLLER_SLOT, IKE_DOWN_NONE, 0);
}

/* ---- admission ---- */

static uint16_t refusal(const struct ike_child_offer *offer, const struct ctl_tunnel *t)
{
	if (offer->rekeys_user || (t && (t->restart || (offer->resource && queues_awaited(t->c)))))
		return IKE_N_TEMPORARY_FAILURE;
	return offer->resource_asked && t && t->n_fresh ? IKE_N_TS_MAX_QUEUE : IKE_N_NO_ADDITIONAL_SAS;
}

/* RFC 9611 section 4: at least twice as many as there are CPUs; none beyond the first where it is off. */
static bool tunnel_is_full(const struct ctl_tunnel *t, const struct ctl_peer *p, const struct ike_child_offer *offer)
{
	uint32_t queues = t->n_lanes - 1;

	if (offer->initiator || offer->rekeys_user)
		return false;
	if (offer->resource && t->c->nic.queues > queues)
		queues = t->c->nic.queues;
	if (offer->resource_asked && t->n_fresh && !TAILQ_EMPTY(&p->children))
		return t->n_fresh - t->n_replacing >= 2 * queues + 1;
	return t->lanes[0]->fresh - t->lanes[0]->replacing > CHILDREN_SPARE_MAX;
}

static bool selectors_same(const struct ike_ts *a, unsigned int n_a, const struct ike_ts *b, unsigned int n_b)
{
	return n_a == n_b && !memcmp(a, b, n_a * sizeof(*a));
}

/* RFC 9611 section 2: the peer's additional SAs have the properties of the first. 0, or the notify that says what not.
 */
static uint16_t differs(const struct ctl_tunnel *t, const struct ctl_peer *p, const struct ike_child_offer *offer)
{
	const struct ike_child_sa *first, *sa = offer->sa;

	if (offer->initiator || offer->rekeys_user || !offer->resource)
		return 0;
	for (unsigned int i = 0; i < t->n_lanes; i++) {
		const struct ctl_child *ch = lane_current(t->lanes[i]);

		if (!ch || ch->peer != p || ch->down)
			continue;
		first = &ch->sa;
		if (sa->encr != first->encr || sa->encr_bits != first->encr_bits || sa->integ != first->integ ||
		    sa->esn != first->esn || sa->mode != first->mode)
			return IKE_N_NO_PROPOSAL_CHOSEN;
		return selectors_same(sa->local_ts, sa->n_local_ts, first->local_ts, first->n_local_ts) &&
				       selectors_same(sa->remote_ts, sa->n_remote_ts, first->remote_ts,
						      first->n_remote_ts)
			       ? 0
			       : IKE_N_TS_UNACCEPTABLE;
	}
	return 0;
}

/* One slot for each direction that may go to the card, or none. */
static int slots_take(struct ctl_child *ch, enum slots_purpose purpose)
{
	const struct ctl_tunnel *t = ch->tunnel;
	struct ctl_half *half[2] = {&ch->in, &ch->out};
	int err;

	if (!tunnel_may_offload(t))
		return 0;
	for (unsigned int i = 0; i < 2; i++) {
		if (t->mode_known && half_mode(half[i]) == OFFLOAD_SOFTWARE)
			continue;
		err = half_reserve(half[i], purpose);
		if (err) {
			half_release(half[0]);
			return err;
		}
	}
	return 0;
}

enum slots_purpose slots_purpose_of(const struct ctl_child *ch, bool replaces)
{
	if (!replaces)
		return SLOTS_FOR_NEW;
	return ch->initiator ? SLOTS_FOR_REPLACEMENT : SLOTS_FOR_PEERS;
}

static struct ctl_child *child_new(struct controller *c, struct ctl_lane *lane, struct ctl_peer *p,
				   const struct ike_child_offer *offer)
{
	struct ctl_child *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->c = c;
	ch->id = offer->child_sa;
	ch->tunnel = lane->tunnel;
	ch->lane = lane;
	if (!child_spi_choose(ch, offer))
		HASH_ADD(hh, c->by_spi, spi_in, sizeof(ch->spi_in), ch);
	if (!ch->spi_in || ch->hash_failed) {
		free(ch);
		return NULL;
	}
	ch->peer = p;
	ch->initiator = ch->ours = offer->initiator;
	ch->fresh = true;
	ch->conf = conf_conn_of(offer->conn);
	conf_conn_ref(ch->conf);
	ch->sa = (struct ike_child_sa){
		.id = offer->child_sa,
		.ike_sa = offer->ike_sa,
		.spi_in = ch->spi_in,
		.conn = offer->conn,
		.cfg = offer->cfg,
		.user = ch,
		.initiator = offer->initiator,
		.path = *offer->path,
	};
	ch->in = (struct ctl_half){.child = ch, .slot = -1};
	ch->out = (struct ctl_half){.child = ch, .slot = -1, .out = true};
	TAILQ_INIT(&ch->successors);
	LIST_INIT(&ch->waiters);
	TAILQ_INSERT_TAIL(&c->children, ch, link);
	TAILQ_INSERT_TAIL(&lane->children, ch, lane_link);
	TAILQ_INSERT_TAIL(&p->children, ch, peer_link);
	lane->fresh++;
	ch->tunnel->n_fresh++;
	ch->tunnel->n_children++;
	return ch;
}

/* One that it has asked for. */
static bool peer_has_fallback(const struct ctl_tunnel *t)
{
	const struct ctl_child *ch;

	TAILQ_FOREACH (ch, &t->lanes[0]->children, lane_link)
		if (ch->fresh && !ch->ours)
			return true;
	return false;
}

/*
 * The first Child SA of an IKE SA is the fallback, whatever else the tunnel has from another IKE SA of that peer; and
 * so is the first that names no resource, as keyrack and strongSwan ask for theirs.
 */
static struct ctl_lane *lane_for(struct controller *c, struct ctl_conn *conn, const struct ctl_peer *p,
				 const struct ike_child_offer *offer)
{
	struct ctl_child *old = offer->rekeys_user;
	struct ctl_tunnel *t;

	if (old)
		return old->lane;
	if (offer->initiator && offer->hint)
		return offer->hint;
	t = tunnel_for_offer(c, conn, offer);
	if (!t)
		return NULL;
	if (offer->resource && !offer->resource_len && !peer_has_fallback(t))
		return t->lanes[0];
	return offer->resource && !TAILQ_EMPTY(&p->children) ? tunnel_lane_for_peer(t, offer) : t->lanes[0];
}

static uint16_t refuse_with(struct controller *c, const struct ike_child_offer *offer, struct ctl_tunnel *t,
			    uint16_t notify, const char *why)
{
	char name[32];

	c->counters.admission_refused++;
	log_at(c->log, LOG_LEVEL_WARN, "child.refused", "%s/%s: %s Child SA refused (%s): %s", offer->conn->name,
	       offer->cfg->name, offer->initiator ? "our own" : "the peer's", ike_notify_text(notify, name), why);
	if (t)
		tunnel_release(t);
	return notify;
}

static uint16_t refuse(struct controller *c, const struct ike_child_offer *offer, struct ctl_tunnel *t, const char *why)
{
	return refuse_with(c, offer, t, refusal(offer, t), why);
}

uint16_t child_reserve(void *ctx, const struct ike_child_offer *offer, uint32_t *spi_in, void **user)
{
	struct controller *c = ctx;
	struct ctl_child *old = offer->rekeys_user, *ch;
	struct ctl_conn *conn = conn_by_cfg(c, offer->conn);
	struct ctl_lane *lane;
	struct ctl_peer *p;
	uint16_t notify;

	if (c->stopping || c->closed || !conn)
		return refuse(c, offer, NULL,
			      c->stopping ? "shutting down"
			      : c->closed ? "the card is gone"
					  : "unknown connection");
	p = peer_get(c, offer->ike_sa, conn);
	lane = p ? lane_for(c, conn, p, offer) : NULL;
	if (!lane)
		return refuse(c, offer, NULL, "no memory");
	if (lane->tunnel->restart)
		return refuse(c, offer, lane->tunnel, "its configuration has changed, and the old SAs go first");
	if (lane->index && !offer->initiator && !old && queues_awaited(c))
		return refuse(c, offer, lane->tunnel, "the queue map is being read");
	if (tunnel_is_full(lane->tunnel, p, offer))
		return refuse(c, offer, lane->tunnel, "it has as many as it may");
	notify = differs(lane->tunnel, p, offer);
	if (notify)
		return refuse_with(c, offer, lane->tunnel, notify, "it is not like the tunnel's others");
	ch = child_new(c, lane, p, offer);
	if (!ch)
		return refuse(c, offer, lane->tunnel, "no memory");
	if (slots_take(ch, slots_purpose_of(ch, old || !c->policy->admission)) &&
	    !tunnel_may_be_software(lane->tunnel) && !(old && wait_allowed(ch))) {
		if (offer->initiator && !old)
			tunnel_crowd(lane->tunnel, child_family(ch));
		child_free(ch);
		return refuse(c, offer, lane->tunnel, "no slot is free");
	}
	if (old) {
		child_rekey_began(ch, old);
		ch->ours = old->ours;
	}
	*spi_in = ch->spi_in;
	*user = ch;
	return 0;
}

/* ---- the engine's events ---- */

void child_unfresh(struct ctl_child *ch)
{
	if (!ch->fresh)
		return;
	child_replacing_end(ch);
	wait_end(ch);
	wait_leaving(ch);
	ch->fresh = false;
	ch->lane->fresh--;
	ch->tunnel->n_fresh--;
	if (ch->up)
		ch->tunnel->n_up--;
}

void child_refresh(struct ctl_child *ch)
{
	if (ch->fresh)
		return;
	wait_left(ch);
	ch->fresh = true;
	ch->lane->fresh++;
	ch->tunnel->n_fresh++;
	if (ch->up)
		ch->tunnel->n_up++;
}

static void child_up(struct ctl_child *ch, const struct ike_event *ev)
{
	struct controller *c = ch->c;
	struct ctl_child *old = ev->replaces ? ev->replaces->user : NULL;
	char queue[48] = "any queue";

	if (ch->up)
		return;
	ch->up = true;
	ch->tunnel->n_up++;
	child_replacing_end(ch);
	ch->sa = *ev->child;
	if (old)
		child_replaced(ch, old, ev->delete_old);
	else if (ch->late_out)
		child_watch_start(ch);
	rekey_watch(ch);
	if (ch->lane->offline)
		c->queues.changed = true; /* the peer has replaced it meanwhile: it goes, too */
	if (ch->lane->index)
		snprintf(queue, sizeof(queue), "queue %u (CPU %u)", ch->lane->index - 1, ch->lane->cpu);
	log_at(c->log, LOG_LEVEL_INFO, "child.serves", "%s: Child SA %u is up, in %08x out %08x, %s, %s%s",
	       ch->tunnel->name, ch->id, ch->sa.spi_in, ch->sa.spi_out, offload_mode_name(half_mode(&ch->in)), queue,
	       old ? ", replaces an older one" : "");
	child_tell(ch, old, old ? CONTROLLER_CHILD_REKEYED : CONTROLLER_CHILD_UP, IKE_DOWN_NONE, 0);
	if (!ch->deleting)
		tunnel_child_up(ch->tunnel, ch, old != NULL);
}

static void child_down(struct ctl_child *ch, const struct ike_event *ev)
{
	struct controller *c = ch->c;
	bool fresh = ch->fresh;
	char text[120];

	if (ch->down)
		return;
	ch->down = true;
	ch->sa.n_local_ts = ch->sa.n_remote_ts = 0;
	ch->sa.local_ts = ch->sa.remote_ts = NULL;
	if (ev->down == IKE_DOWN_IKE_SA && ch->peer)
		ch->peer->closing = true;
	if (ev->down == IKE_DOWN_REDUNDANT && ev->redundant) /* one whose request had not left yet cost nothing */
		c->counters.collisions++;
	child_replaced_count(ch);
	child_unfresh(ch);
	child_rekey_ended(ch);
	if (ch->up)
		child_tell(ch, NULL, CONTROLLER_CHILD_DOWN, ev->down, ev->notify);
	snprintf(text, sizeof(text), "Child SA %u is down (%s)", ch->id, ike_down_name(ev->down));
	command_left(&ch->waiters, 0, text);
	if (fresh)
		tunnel_child_down(ch->tunnel, ch, ev->down, ev->notify);
	if (ch->peer) {
		TAILQ_REMOVE(&ch->peer->children, ch, peer_link);
		peer_unref(c, ch->peer);
		ch->peer = NULL;
	}
	child_retire(ch, ev->down);
	child_release(ch);
}

void child_event(struct controller *c, const struct ike_event *ev)
{
	struct ctl_child *ch = ev->child->user;

	(void)c;
	switch (ev->kind) {
	case IKE_EV_CHILD_INSTALL:
		child_install(ch, ev);
		break;
	case IKE_EV_CHILD_UP:
		child_up(ch, ev);
		break;
	case IKE_EV_CHILD_OUTBOUND:
		child_outbound(ch);
		break;
	case IKE_EV_CHILD_DOWN:
		child_down(ch, ev);
		break;
	case IKE_EV_SA_UP:
	case IKE_EV_SA_REKEYED:
	case IKE_EV_SA_MOVED:
	case IKE_EV_SA_DOWN:
		break;
	}
}

void child_delete(struct ctl_child *ch)
{
	if (ch->deleting || ch->down)
		return;
	ch->deleting = true;
	ike_child_delete(ch->c->ike, ch->c->now, ch->id); /* -ENOENT and -EALREADY: CHILD_DOWN comes anyway */
}

/* ---- the end ---- */

void child_keys_wipe(struct ctl_child *ch)
{
	if (!ch->keys)
		return;
	OPENSSL_cleanse(ch->keys, sizeof(*ch->keys));
	free(ch->keys);
	ch->keys = NULL;
}

void child_release(struct ctl_child *ch)
{
	if (!ch->down || ch->dead || ch->reading || ch->parting || ch->in.state != HALF_NONE ||
	    ch->out.state != HALF_NONE)
		return;
	ch->dead = true; /* and stays in all its lists: somebody up the stack may be walking one */
	TAILQ_INSERT_TAIL(&ch->c->dead, ch, dead_link);
}

void child_free(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	struct ctl_child *s;

	command_left(&ch->waiters, -ECANCELED, "gone");
	ctl_timer_stop(c, &ch->timer);
	read_stop(ch);
	ctl_timer_stop(c, &ch->in.retry);
	ctl_timer_stop(c, &ch->out.retry);
	half_release(&ch->in);
	half_release(&ch->out);
	rekey_unwatch(ch);
	child_unfresh(ch);
	wait_left(ch);
	child_keys_wipe(ch);
	while ((s = TAILQ_FIRST(&ch->successors))) {
		TAILQ_REMOVE(&ch->successors, s, successor_link);
		s->replaces = NULL;
	}
	if (ch->replaces) {
		TAILQ_REMOVE(&ch->replaces->successors, ch, successor_link);
		if (ch->replaces->replacement == ch)
			ch->replaces->replacement = NULL;
	}
	if (ch->peer) {
		TAILQ_REMOVE(&ch->peer->children, ch, peer_link);
		if (!c->freeing)
			peer_unref(c, ch->peer);
	}
	HASH_DEL(c->by_spi, ch);
	half_unindex(&ch->in);
	half_unindex(&ch->out);
	if (ch->dead)
		TAILQ_REMOVE(&c->dead, ch, dead_link);
	TAILQ_REMOVE(&c->children, ch, link);
	TAILQ_REMOVE(&ch->lane->children, ch, lane_link);
	ch->tunnel->n_children--;
	if (!c->freeing)
		tunnel_release(ch->tunnel);
	conf_conn_unref(ch->conf);
	free(ch);
}
