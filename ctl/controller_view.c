/* SPDX-License-Identifier: MIT */
/* Looking in. */
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

const char *child_state_name(enum child_state state)
{
	switch (state) {
	case CHILD_RESERVED:
		return "CREATED";
	case CHILD_INSTALLING:
		return "INSTALLING";
	case CHILD_INSTALLED:
		return "INSTALLED";
	case CHILD_REKEYING:
		return "REKEYING";
	case CHILD_REKEYED:
		return "REKEYED";
	case CHILD_DELETING:
		return "DELETING";
	}
	return "?";
}

static enum child_state state_of(const struct ctl_child *ch)
{
	if (ch->replacement)
		return CHILD_REKEYED;
	if (ch->down || ch->deleting)
		return CHILD_DELETING;
	if (!ch->up)
		return ch->keys || ch->reported ? CHILD_INSTALLING : CHILD_RESERVED;
	return ch->running ? CHILD_REKEYING : CHILD_INSTALLED;
}

static void half_view(const struct ctl_half *h, uint32_t spi, const struct rekey_limits *limits,
		      struct controller_half *v)
{
	*v = (struct controller_half){
		.spi = spi,
		.installed = h->state == HALF_INSTALLED,
		.mode = half_mode(h),
		.slot = h->slot,
		.bytes = h->bytes,
		.packets = h->packets,
		.use_time = h->use_time,
		.limits = *limits,
	};
}

void child_view(struct ctl_child *ch, struct controller_child *v)
{
	uint64_t now = ch->c->now;

	if (ch->peer)
		ch->sa.ike_sa = ch->peer->id;
	*v = (struct controller_child){
		.id = ch->id,
		.ike_sa = ch->sa.ike_sa,
		.reqid = ch->tunnel->reqid,
		.ike = &ch->sa,
		.queue = ch->lane->index ? ch->lane->index - 1 : UINT32_MAX,
		.cpu = ch->lane->cpu,
		.rx = ch->lane->rx,
		.steered = ch->steered,
		.mode = half_mode(&ch->in),
		.state = state_of(ch),
		.installed_ns = ch->installed_ns,
		.rekey_in_ns = UINT64_MAX,
		.hard_in_ns = UINT64_MAX,
	};
	if (ch->watched) {
		v->rekey_in_ns = rekey_entry_to_soft(&ch->entry, now);
		v->hard_in_ns = rekey_entry_to_hard(&ch->entry, now);
		v->wear_soft = rekey_entry_wear_soft(&ch->entry, now);
		v->wear_hard = rekey_entry_wear_hard(&ch->entry, now);
	}
	half_view(&ch->in, ch->sa.spi_in, &ch->limits_in, &v->in);
	half_view(&ch->out, ch->sa.spi_out, &ch->limits, &v->out);
}

/* Who looks wants to see it move. */
void child_show(struct ctl_child *ch, struct controller_child *v)
{
	read_soon(ch);
	child_view(ch, v);
}

void controller_ike_each(struct controller *c, void (*each)(void *ctx, const struct ike_sa_info *sa), void *ctx)
{
	ike_sa_each(c->ike, each, ctx);
}

void controller_child_each(struct controller *c, uint64_t now, uint32_t ike_sa,
			   void (*each)(void *ctx, const struct controller_child *child), void *ctx)
{
	struct ctl_peer *p = peer_find(c, ike_sa);
	struct controller_child view;
	struct ctl_child *ch;

	controller_enter(c, now);
	if (p)
		TAILQ_FOREACH (ch, &p->children, peer_link) {
			child_show(ch, &view);
			each(ctx, &view);
		}
	controller_leave(c);
}

struct slot_walk {
	void (*each)(void *ctx, const struct slots_view *slot, const struct controller_child *child);
	void *ctx;
};

static void slot_walk(void *ctx, const struct slots_view *slot)
{
	const struct slot_walk *w = ctx;
	const struct ctl_half *h = slot->owner;
	struct controller_child view;

	if (h)
		child_show(h->child, &view);
	w->each(w->ctx, slot, h ? &view : NULL);
}

void controller_slot_each(struct controller *c, uint64_t now,
			  void (*each)(void *ctx, const struct slots_view *slot, const struct controller_child *child),
			  void *ctx)
{
	struct slot_walk walk = {each, ctx};

	controller_enter(c, now);
	slots_each(c->slots, slot_walk, &walk);
	controller_leave(c);
}

const struct conf_nic *controller_nic_conf(const struct controller *c)
{
	return &c->nic;
}

const struct slots *controller_slots(const struct controller *c)
{
	return c->slots;
}

void controller_policy_each(struct controller *c, void (*each)(void *ctx, const struct controller_policy *policy),
			    void *ctx)
{
	struct ctl_tunnel *t, *next;

	HASH_ITER (hh, c->tunnels, t, next) {
		struct controller_policy p = {
			.child = &t->cfg->ike,
			.conn = &t->conf->ike,
			.reqid = t->reqid,
			.mode = t->mode_known ? t->mode[SLOTS_OUT] : OFFLOAD_SOFTWARE,
			.installed = t->policies_set && !t->policies_waited && !t->policies_err,
		};

		if (t->policies_set)
			each(ctx, &p);
	}
}

/* Of a sum of counters that are all uint64_t except the last four, which count entries as they are now. */
static void rekey_counters_add(struct rekey_counters *to, const struct rekey_counters *from)
{
	to->started += from->started;
	to->taken += from->taken;
	to->done += from->done;
	to->failed += from->failed;
	to->by_bytes += from->by_bytes;
	to->by_packets += from->by_packets;
	to->by_time += from->by_time;
	to->by_card += from->by_card;
	to->by_ask += from->by_ask;
	to->early += from->early;
	to->deferred_no_slot += from->deferred_no_slot;
	to->watched += from->watched;
	to->due += from->due;
	to->running += from->running;
	to->replaced += from->replaced;
}

void controller_counters_get(const struct controller *c, struct controller_counters *out)
{
	*out = c->counters;
	ike_counters_get(c->ike, &out->ike);
	xfrm_counters_get(c->xfrm, &out->xfrm);
	for (unsigned int i = 0; i < CTL_SCHEDS; i++) {
		struct rekey_counters rc;

		rekey_sched_counters(c->sched[i], &rc);
		rekey_counters_add(&out->rekey, &rc);
	}
}

int controller_wireshark_row(struct controller *c, uint32_t ike_sa, char *buf, size_t size)
{
	return ike_sa_wireshark_row(c->ike, ike_sa, buf, size);
}
