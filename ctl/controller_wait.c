/* SPDX-License-Identifier: MIT */
/*
 * Two ends with slots for one replacement more. What one of them lets go, the other lets go at nearly the same time:
 *
 * The end that sends the Delete is later, by half a round trip at least, so the other end leaves the slots that it has
 * gained to it for a moment: else each would begin with another SA, and have no slot for the other's.
 *
 * A peer's rekey that comes when no slot is free, while the slots of what was replaced just before are about to be:
 * both ends free them at nearly the same time, and the one that is earlier may ask a moment too soon. Rather than
 * refuse with TEMPORARY_FAILURE, which sends the peer into its back-off, the answer waits for the slots; not for long,
 * and for no more than there are to come.
 */
#include <errno.h>

#include "ctl/controller_internal.h"

/* How often it is looked whether there are slots, and for how long: less than a peer takes to repeat its request. */
static const uint64_t look_ns = 5000000u, wait_most_ns = 2000000000u;

void wait_leaving(struct ctl_child *ch)
{
	if (ch->leaving || (ch->in.slot < 0 && ch->out.slot < 0))
		return;
	ch->leaving = true;
	ch->c->n_leaving++;
}

void wait_left(struct ctl_child *ch)
{
	if (ch->leaving)
		ch->c->n_leaving--;
	ch->leaving = false;
}

/* rekey_run() comes after every timer. */
static void hold_over(struct controller *c, struct ctl_timer *t)
{
	(void)c;
	(void)t;
}

void wait_hold(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	if (!ch->replacement || ch->replacement->initiator || !c->policy->budget)
		return;
	c->hold_until_ns = c->now + pace_let_go_ns(c) + pace_exchange_ns(c, ch->replacement->peer);
	ctl_timer_set(c, &c->hold, c->hold_until_ns, hold_over);
}

uint32_t wait_kept(const struct controller *c)
{
	uint32_t held = c->now < c->hold_until_ns ? 1 : 0;

	return c->n_waiting > held ? c->n_waiting : held;
}

bool wait_allowed(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	if (ch->initiator || !c->policy->budget || c->n_leaving <= c->n_waiting)
		return false;
	ch->waits = true;
	c->n_waiting++;
	return true;
}

void wait_end(struct ctl_child *ch)
{
	if (ch->waits)
		ch->c->n_waiting--;
	ch->waits = false;
}

static void look(struct controller *c, struct ctl_timer *t)
{
	struct ctl_child *ch = heap_entry(t, struct ctl_child, timer);

	child_install_slots(ch, c->now >= ch->wait_until_ns);
}

void wait_more(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	if (!ch->wait_until_ns)
		ch->wait_until_ns = c->now + wait_most_ns;
	ctl_timer_set(c, &ch->timer, c->now + look_ns, look);
}
