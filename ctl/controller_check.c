/* SPDX-License-Identifier: MIT */
/* The promises that hold between any two calls, checked one by one. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/controller_internal.h"

struct check {
	struct controller *c;
	char *why;
	size_t size;
	uint32_t slots[4];  /* by enum slots_state, as the halves see it */
	uint32_t ledger[4]; /* as the ledger does */
	uint32_t installed, indexed;
	bool bad;
};

static void __attribute__((format(printf, 2, 3))) fail(struct check *k, const char *fmt, ...)
{
	va_list ap;

	if (k->bad)
		return;
	k->bad = true;
	va_start(ap, fmt);
	vsnprintf(k->why, k->size, fmt, ap);
	va_end(ap);
}

static enum slots_state slot_state(const struct ctl_half *h)
{
	switch (h->state) {
	case HALF_NONE:
		return SLOTS_FREE;
	case HALF_RESERVED:
	case HALF_INSTALLING:
	case HALF_WAITING:
		return SLOTS_RESERVED;
	case HALF_INSTALLED:
		return SLOTS_OCCUPIED;
	case HALF_DELETING:
		return SLOTS_DRAINING;
	}
	return SLOTS_FREE;
}

static void half_check(struct check *k, const struct ctl_half *h)
{
	const struct ctl_child *ch = h->child;
	bool in_card = h->state != HALF_NONE && h->state != HALF_RESERVED;

	if (h->slot >= 0)
		k->slots[slot_state(h)]++;
	if (h->state == HALF_NONE && h->slot >= 0)
		fail(k, "Child SA %u holds slot %lld for nothing", ch->id, (long long)h->slot);
	if (h->state == HALF_RESERVED && h->slot < 0)
		fail(k, "Child SA %u has reserved no slot", ch->id);
	if (in_card && !h->indexed && h->state != HALF_WAITING)
		fail(k, "Child SA %u: SA %08x cannot be found", ch->id, h->id.spi);
	if (in_card && (half_mode(h) != OFFLOAD_SOFTWARE) != (h->slot >= 0) && !ch->down)
		fail(k, "Child SA %u: SA %08x is in %s mode and %s slot", ch->id, h->id.spi,
		     offload_mode_name(half_mode(h)), h->slot < 0 ? "has no" : "holds a");
	k->installed += h->state == HALF_INSTALLED;
	k->indexed += h->indexed;
}

static void child_check(struct check *k, const struct ctl_child *ch)
{
	const struct ike_child_sa *sa = ike_child_get(k->c->ike, ch->id);

	half_check(k, &ch->in);
	half_check(k, &ch->out);
	if (!ch->down && (!sa || sa->user != ch))
		fail(k, "Child SA %u is unknown to the engine and has not gone down", ch->id);
	if (ch->down && ch->in.state == HALF_NONE && ch->out.state == HALF_NONE && !ch->reading && !ch->parting)
		fail(k, "Child SA %u has ended and is still here", ch->id);
	if (ch->watched && (!ch->up || !ch->fresh))
		fail(k, "Child SA %u is watched, but not in use", ch->id);
	if (ch->watched && !heap_has(&ch->read) && !ch->reading)
		fail(k, "Child SA %u is watched, but its counters are not read", ch->id);
	if (ch->up && ch->fresh && !ch->watched)
		fail(k, "Child SA %u is in use, but not watched", ch->id);
	if (ch->fresh && ch->down)
		fail(k, "Child SA %u is down and counts as in use", ch->id);
}

static void slot_check(void *ctx, const struct slots_view *slot)
{
	struct check *k = ctx;
	const struct ctl_half *h = slot->owner;

	k->ledger[slot->state]++;
	if (!h && slot->state != SLOTS_DRAINING)
		fail(k, "slot %u is %s without an owner", slot->slot, slots_state_name(slot->state));
	if (h && (h->slot != (int64_t)slot->slot || slot_state(h) != slot->state))
		fail(k, "slot %u is %s, its owner thinks otherwise", slot->slot, slots_state_name(slot->state));
}

static void tunnel_check(struct check *k, const struct ctl_tunnel *t)
{
	uint32_t children = 0, fresh = 0, up = 0, waited = 0;

	for (unsigned int i = 0; i < t->lanes_made; i++) {
		uint32_t lane_fresh = 0, replacing = 0;
		const struct ctl_child *ch;

		TAILQ_FOREACH (ch, &t->lanes[i]->children, lane_link) {
			children++;
			lane_fresh += ch->fresh;
			replacing += ch->replacing;
			up += ch->fresh && ch->up;
		}
		if (lane_fresh != t->lanes[i]->fresh || replacing != t->lanes[i]->replacing)
			fail(k, "%s: lane %u counts %u Child SAs in use, has %u", t->name, i, t->lanes[i]->fresh,
			     lane_fresh);
		fresh += lane_fresh;
	}
	for (unsigned int i = 0; i < t->n_wishes; i++)
		waited += t->wishes[i].counted;
	if (children != t->n_children || fresh != t->n_fresh || up != t->n_up || waited != t->policies_waited)
		fail(k, "%s: counts %u/%u/%u Child SAs and %u policies, has %u/%u/%u and %u", t->name, t->n_children,
		     t->n_fresh, t->n_up, t->policies_waited, children, fresh, up, waited);
}

int controller_check(struct controller *c, char *why, size_t size)
{
	struct check k = {.c = c, .why = why, .size = size};
	struct ctl_tunnel *t, *next;
	struct ctl_child *ch;
	uint32_t n = 0;

	TAILQ_FOREACH (ch, &c->children, link) {
		child_check(&k, ch);
		n++;
	}
	if (!TAILQ_EMPTY(&c->dead))
		fail(&k, "something that has ended has not been freed");
	if (n != HASH_COUNT(c->by_spi))
		fail(&k, "%u Child SAs, %u inbound SPIs", n, HASH_COUNT(c->by_spi));
	slots_each(c->slots, slot_check, &k);
	for (unsigned int s = SLOTS_RESERVED; s <= SLOTS_OCCUPIED; s++)
		if (k.slots[s] != k.ledger[s])
			fail(&k, "%u slots are %s, %u should be", k.ledger[s], slots_state_name((enum slots_state)s),
			     k.slots[s]);
	if (k.slots[SLOTS_DRAINING] > k.ledger[SLOTS_DRAINING])
		fail(&k, "%u slots drain, at least %u should", k.ledger[SLOTS_DRAINING], k.slots[SLOTS_DRAINING]);
	if (k.installed != c->n_installed || k.indexed != HASH_COUNT(c->halves))
		fail(&k, "%u SAs installed, %u counted; %u indexed, %u in the index", k.installed, c->n_installed,
		     k.indexed, HASH_COUNT(c->halves));
	HASH_ITER (hh, c->tunnels, t, next)
		tunnel_check(&k, t);
	return k.bad ? -EPROTO : 0;
}
