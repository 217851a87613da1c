/* SPDX-License-Identifier: MIT */
/*
 * One Child SA after another. The new inbound half is there before the peer can use it, the new outbound half before
 * the old one goes, and the old inbound half stays until what was under way on it has arrived.
 */
#include <string.h>

#include "ctl/controller_internal.h"

/* After how long a new SA that nobody has used is believed to work anyway. */
static const uint64_t check_most_ns = 1000000000u;
/*
 * The same for a queue's SA that the peer has asked for: until our answer has reached the peer it cannot receive on
 * it, and the answer may be lost more than once. Meanwhile the fallback carries the traffic.
 */
static const uint64_t unused_most_ns = 10000000000u;
/* Without it from the configuration. */
static const uint64_t drain_default_ns = 1000000000u;

void child_rekey_began(struct ctl_child *ch, struct ctl_child *old)
{
	ch->replaces = old;
	ch->rekeys = ch->replacing = true;
	if (ch->initiator) /* else it also depends on when the peer begins to use it */
		pace_began(ch);
	ch->lane->replacing++;
	ch->tunnel->n_replacing++;
	TAILQ_INSERT_TAIL(&old->successors, ch, successor_link);
	old->running++;
	if (!old->doubled_ns)
		old->doubled_ns = ch->c->now;
	if (!ch->initiator && old->watched)
		rekey_sched_taken(sched_of(old), &old->entry, ch->c->now);
}

void child_replacing_end(struct ctl_child *ch)
{
	if (!ch->replacing)
		return;
	ch->replacing = false;
	ch->lane->replacing--;
	ch->tunnel->n_replacing--;
}

/* Another one that replaces the same and is up. */
static struct ctl_child *successor_up(const struct ctl_child *old)
{
	struct ctl_child *s;

	TAILQ_FOREACH (s, &old->successors, successor_link)
		if (s->up && s->fresh)
			return s;
	return NULL;
}

/* Once, when it or what has replaced it goes: of two that replaced it at once, one has gone by then. */
void child_replaced_count(struct ctl_child *old)
{
	const struct ctl_child *ch = old->replacement;

	if (!ch || ch->redundant || old->counted)
		return;
	old->counted = true;
	if (ch->initiator)
		old->c->counters.rekeys_done++;
	else
		old->c->counters.rekeys_peer++;
}

void child_rekey_ended(struct ctl_child *ch)
{
	struct ctl_child *old = ch->replaces;
	struct controller *c = ch->c;

	if (!old)
		return;
	if (ch->replacement && old->replacement == ch)
		child_replaced_count(old);
	TAILQ_REMOVE(&old->successors, ch, successor_link);
	ch->replaces = NULL;
	if (!ch->up)
		old->running--;
	if (old->replacement == ch)
		old->replacement = successor_up(old);
	if (old->replacement || old->running || old->down || old->deleting) {
		child_out_ready(ch);
		if (old->out_after && !old->replacement)
			half_remove(&old->out);
		return;
	}
	if (ch->up && ch->replacement) { /* it has been replaced itself, before `old` has gone */
		if (ch->delete_old)
			child_delete(old);
		return;
	}
	c->counters.rekeys_failed++;
	old->doubled_ns = 0;
	if (ch->up) { /* it had taken over already: back to the old one, which must be replaced all the same */
		child_refresh(old);
		rekey_watch(old);
		rekey_ask(old);
		rekey_sched_taken(sched_of(old), &old->entry, c->now);
	}
	rekey_sched_done(sched_of(old), &old->entry, false, c->now); /* after a while */
}

static bool path_same(const struct ike_path *a, const struct ike_path *b)
{
	return !memcmp(a->local.ip, b->local.ip, sizeof(a->local.ip)) &&
	       !memcmp(a->remote.ip, b->remote.ip, sizeof(a->remote.ip));
}

void child_replaced(struct ctl_child *ch, struct ctl_child *old, bool delete_old)
{
	struct controller *c = ch->c;

	if (ch->replaces == old)
		old->running--;
	old->replacement = ch;
	ch->delete_old = delete_old;
	child_hurry(old);
	rekey_sched_done(sched_of(old), &old->entry, true, c->now);
	rekey_unwatch(old);
	child_unfresh(old);
	if (!path_same(&ch->sa.path, &old->sa.path)) /* the peer has moved: templates name its address */
		tunnel_policies_set(ch->tunnel, &ch->sa);
	child_watch_start(ch);
}

/* ---- does the new one carry traffic? ---- */

bool child_is_checked(const struct ctl_child *ch)
{
	return ch->checked;
}

/* It is for us to delete the old one. */
static void old_delete(struct ctl_child *ch)
{
	struct ctl_child *old = ch->replaces;

	if (!ch->delete_old || !old || old->down)
		return;
	ch->delete_old = false;
	child_delete(old);
	if (ch->out.state == HALF_INSTALLED)
		half_remove(&old->out);
}

/* It works, or must be taken to. */
static void child_believe(struct ctl_child *ch)
{
	ctl_timer_stop(ch->c, &ch->timer);
	ch->checked = false;
	if (ch->late_out)
		child_outbound(ch);
	old_delete(ch);
}

void child_hurry(struct ctl_child *ch)
{
	if (ch->checked)
		child_believe(ch);
}

static void check_over(struct controller *c, struct ctl_timer *t)
{
	(void)c;
	child_believe(heap_entry(t, struct ctl_child, timer));
}

/*
 * The peer that asked has the new SA when traffic comes in on it. The old one goes when traffic has moved in both
 * directions.
 */
static void child_check(struct ctl_child *ch)
{
	if (ch->carried[SLOTS_IN])
		child_outbound(ch);
	if ((ch->carried[SLOTS_IN] && ch->carried[SLOTS_OUT]) || (ch->want_out && !ch->delete_old))
		child_believe(ch);
}

void child_watch_start(struct ctl_child *ch)
{
	bool additional = ch->late_out && !ch->replaces && ch->lane->index;

	ch->checked = true;
	ctl_timer_set(ch->c, &ch->timer, ch->c->now + (additional ? unused_most_ns : check_most_ns), check_over);
	child_check(ch);
	read_plan(ch);
}

void child_carried(struct ctl_child *ch, enum slots_dir dir)
{
	if (ch->carried[dir])
		return;
	ch->carried[dir] = true;
	if (ch->checked) /* else child_replaced() looks again */
		child_check(ch);
}

/* ---- the end of the old one ---- */

/* The peer has deleted the old one, as it has used the new one for a while: the old inbound half's slot is wanted. */
void child_out_waits(struct ctl_child *ch)
{
	if (ch->out.state == HALF_WAITING && ch->out.full && ch->replaces && ch->replaces->out_after)
		half_remove(&ch->replaces->in);
}

static bool replacement_comes(const struct ctl_child *ch)
{
	const struct ctl_child *r = ch->replacement;

	return r && !r->down && r->out.state != HALF_INSTALLED && r->keys;
}

static void drained(struct controller *c, struct ctl_timer *t)
{
	struct ctl_child *ch = heap_entry(t, struct ctl_child, timer);

	(void)c;
	if (!ch->out_after || !replacement_comes(ch))
		half_remove(&ch->out);
	half_remove(&ch->in);
}

void child_out_ready(struct ctl_child *ch)
{
	if (ch->out.state == HALF_INSTALLED)
		pace_installed(ch);
	if (ch->replaces && ch->replaces->out_after && ch->out.state == HALF_INSTALLED)
		half_remove(&ch->replaces->out);
}

void child_retire(struct ctl_child *ch, enum ike_down why)
{
	struct controller *c = ch->c;
	uint64_t wait = c->nic.drain_ns ? c->nic.drain_ns : drain_default_ns;

	ctl_timer_stop(c, &ch->timer);
	rekey_unwatch(ch);
	child_keys_wipe(ch);
	if (c->stopping || !ch->up || why == IKE_DOWN_REDUNDANT || why == IKE_DOWN_TIMEOUT) {
		half_remove(&ch->out);
		half_remove(&ch->in);
		return;
	}
	ctl_timer_set(c, &ch->timer, c->now + wait, drained);
	if (!replacement_comes(ch)) {
		half_remove(&ch->out);
		return;
	}
	ch->out_after = true;
	child_out_waits(ch->replacement);
}
