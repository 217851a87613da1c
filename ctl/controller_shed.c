/* SPDX-License-Identifier: MIT */
/*
 * A card that is smaller than was believed says so when it is full: then there is no slot left for replacements either,
 * and all that is in it would run into its hard limits. So SAs are taken back, the newest first, until the reserve is
 * free again: those of queues, which lose nothing, since the fallback carries their traffic; then those of tunnels that
 * may run in software, which stand still for an exchange. hw_offload = packet or crypto is left alone.
 */
#include "ctl/controller_internal.h"

/* What goes takes an exchange and a delete; what is being replaced can go a little later. */
static const uint64_t look_again_ns = 200000000u;

/* What drains is on its way already. */
static bool half_holds(const struct ctl_half *h)
{
	return h->slot >= 0 && h->state != HALF_DELETING;
}

static bool has_slots(const struct ctl_child *ch)
{
	return half_holds(&ch->in) || half_holds(&ch->out);
}

/* Address families share the slots, unless the card has a table for each. */
static bool is_in(const struct ctl_child *ch, enum slots_family family)
{
	return has_slots(ch) && (!ch->c->profile->in_per_family || child_family(ch) == family);
}

/* Child SAs too many: beyond those that go anyway, and those that are not there yet. */
static uint32_t surplus(const struct controller *c, enum slots_family family)
{
	uint32_t in = slots_excess(c->slots, SLOTS_IN, family), out = slots_excess(c->slots, SLOTS_OUT, family),
		 n = in > out ? in : out;
	const struct ctl_child *ch;

	if (c->profile->shared)
		n = (n + 1) / 2;
	TAILQ_FOREACH (ch, &c->children, link)
		if (n && is_in(ch, family) && (!ch->up || !ch->fresh || ch->deleting || ch->down))
			n--;
	return n;
}

static bool is_queues(const struct ctl_child *ch)
{
	return ch->lane->index;
}

static bool may_be_software(const struct ctl_child *ch)
{
	const struct ctl_tunnel *t = ch->tunnel;

	return t->cfg->hw_offload == HW_OFFLOAD_AUTO && t->n_fresh == 1 && t->configured && !t->conn->unloaded &&
	       !t->restart && t->conn->conf->ike.remote.family;
}

static struct ctl_child *newest(const struct controller *c, enum slots_family family,
				bool (*suits)(const struct ctl_child *ch))
{
	struct ctl_child *ch;

	TAILQ_FOREACH_REVERSE(ch, &c->children, ctl_children, link)
	if (ch->up && ch->fresh && !ch->deleting && !ch->down && is_in(ch, family) && suits(ch))
		return ch;
	return NULL;
}

static void take_back(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	c->counters.taken_back++;
	if (is_queues(ch)) {
		log_at(c->log, LOG_LEVEL_WARN, "slots.short",
		       "%s: the card has less room than was believed: queue %u gives its SA back and uses the fallback",
		       ch->tunnel->name, ch->lane->index - 1);
		ch->want_out = false;
		half_remove(&ch->out); /* before the peer does not receive on it any more */
	} else {
		log_at(c->log, LOG_LEVEL_WARN, "slots.short",
		       "%s: the card has less room than was believed: it goes on in software", ch->tunnel->name);
		tunnel_to_software(ch->tunnel, ch);
	}
	child_delete(ch);
}

/* False: nothing can be taken back. */
static bool shed_family(struct controller *c, enum slots_family family, uint32_t n)
{
	while (n-- > 0) {
		struct ctl_child *ch = newest(c, family, is_queues);

		if (!ch)
			ch = newest(c, family, may_be_software);
		if (!ch)
			return false;
		if (ch->running)
			return true; /* when it has been replaced */
		take_back(ch);
	}
	return true;
}

static void shed(struct controller *c, struct ctl_timer *timer)
{
	enum slots_family last = c->profile->in_per_family ? SLOTS_IPV6 : SLOTS_IPV4;

	(void)timer;
	for (unsigned int f = SLOTS_IPV4; f <= last && !c->stopping; f++) {
		enum slots_family family = (enum slots_family)f;

		if (!shed_family(c, family, surplus(c, family))) {
			log_at(c->log, LOG_LEVEL_ERROR, "slots.short",
			       "the card has less room than was believed, and none for replacements: SAs will reach "
			       "their hard limits. Fewer tunnels, or hw_offload = auto for some, would help");
			continue;
		}
		if (slots_excess(c->slots, SLOTS_IN, family) || slots_excess(c->slots, SLOTS_OUT, family))
			ctl_timer_set(c, &c->shed, c->now + look_again_ns, shed);
	}
}

void shed_soon(struct controller *c)
{
	ctl_timer_set(c, &c->shed, c->now, shed);
}
