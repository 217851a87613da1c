/* SPDX-License-Identifier: MIT */
/*
 * From keys to a Child SA that works: inbound, outbound, policies, and only then is it reported to the engine, so that
 * a peer never sends on what is not there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

static void keys_copy(struct ctl_keys *k, const struct ike_child_keys *from)
{
	memcpy(k->in.encr, from->encr_in, sizeof(k->in.encr));
	memcpy(k->in.integ, from->integ_in, sizeof(k->in.integ));
	memcpy(k->out.encr, from->encr_out, sizeof(k->out.encr));
	memcpy(k->out.integ, from->integ_out, sizeof(k->out.integ));
	k->in.encr_len = k->out.encr_len = from->encr_len;
	k->in.integ_len = k->out.integ_len = from->integ_len;
}

/* May call back: the engine can end the Child SA at once. Nothing is to be done with it afterwards. */
static void report(struct ctl_child *ch, int err)
{
	struct controller *c = ch->c;

	wait_end(ch);
	if (ch->reported)
		return;
	ch->reported = true;
	ike_child_installed(c->ike, c->now, ch->id, err);
}

static void install_failed(struct ctl_child *ch, int err)
{
	log_at(ch->c->log, LOG_LEVEL_ERROR, "child.install", "%s: Child SA %u cannot be installed: %s",
	       ch->tunnel->name, ch->id, strerror(-err));
	report(ch, err);
}

/* Slots as the tunnel's mode wants them: it may have been decided, or changed, since they were reserved. */
static int slots_fit(struct ctl_child *ch)
{
	struct ctl_half *half[2] = {&ch->in, &ch->out};

	for (unsigned int i = 0; i < 2; i++) {
		bool offload = half_mode(half[i]) != OFFLOAD_SOFTWARE;
		int err = 0;

		if (!offload)
			half_release(half[i]);
		else if (half[i]->state == HALF_NONE)
			err = half_reserve(half[i], slots_purpose_of(ch, ch->replaces != NULL));
		if (err)
			return err;
	}
	return 0;
}

/*
 * It has lost a collision. The peer may send on it for a moment before it knows, so it is installed inbound if that
 * takes no slot from a replacement that counts.
 */
static bool redundant_skipped(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	if (!ch->redundant)
		return false;
	ch->want_out = false;
	half_release(&ch->out);
	if (ch->in.slot < 0 || slots_room(c->slots, SLOTS_IN, child_family(ch), SLOTS_FOR_REPLACEMENT))
		return false;
	half_release(&ch->in);
	child_keys_wipe(ch);
	report(ch, 0);
	return true;
}

void child_install(struct ctl_child *ch, const struct ike_event *ev)
{
	struct ctl_tunnel *t = ch->tunnel;
	bool room = ch->in.slot >= 0 || ch->out.slot >= 0;
	int err;

	ch->sa = *ev->child;
	/*
	 * The peer that asked has an additional SA only when our answer has reached it, and until then another one
	 * carries the traffic: as with a rekey, it is used when the peer has been seen to use it.
	 */
	ch->late_out = ev->outbound && !ch->initiator && t->n_up;
	ch->want_out = ev->outbound && !ch->late_out;
	ch->redundant = ev->redundant;
	ch->keys = calloc(1, sizeof(*ch->keys));
	if (!ch->keys) {
		install_failed(ch, -ENOMEM);
		return;
	}
	keys_copy(ch->keys, ev->keys);
	err = tunnel_mode_first(t, &ch->sa, room);
	if (!err)
		err = child_limits_draw(ch);
	if (!err && redundant_skipped(ch))
		return;
	if (err)
		install_failed(ch, err);
	else
		child_install_slots(ch, !ch->waits);
}

void child_install_slots(struct ctl_child *ch, bool last)
{
	int err = slots_fit(ch);

	if (err == -ENOSPC && !last) {
		half_release(&ch->in); /* one alone is of no use, but to others */
		half_release(&ch->out);
		wait_more(ch);
		return;
	}
	wait_end(ch);
	if (err)
		install_failed(ch, err);
	else
		child_install_step(ch);
}

static bool half_pending(const struct ctl_half *h)
{
	return h->state == HALF_NONE || h->state == HALF_RESERVED;
}

/* The mode was refused: everything of it has been removed, now the next one. */
static void restart(struct ctl_child *ch)
{
	int err;

	if (!half_pending(&ch->in) || !half_pending(&ch->out))
		return; /* child_half_gone() comes back here */
	ch->restart = false;
	err = slots_fit(ch);
	if (err == -ENOSPC && !tunnel_mode_next(ch->tunnel, &ch->sa, err, "no slot is free"))
		err = slots_fit(ch);
	if (err)
		install_failed(ch, err);
	else
		child_install_step(ch);
}

/* Both halves are in: policies, then the report. */
static void install_finish(struct ctl_child *ch)
{
	struct ctl_tunnel *t = ch->tunnel;
	int err = 0;

	if (ch->reported)
		return;
	if (!ch->replaces && !ch->redundant && (!t->n_up || !t->policies_set)) {
		err = tunnel_policies_set(t, &ch->sa);
		if (!err && t->policies_waited) {
			ch->wait_policies = true; /* child_policies_ready() comes next */
			return;
		}
		err = err ? err : t->policies_err;
	}
	if (err)
		install_failed(ch, err);
	else
		report(ch, 0);
}

/*
 * A trap's policies may be of another mode than the SA that it has brought up. Between the SA, which answers the
 * acquire, and the policies that use it, the next packet would begin another acquire, which nobody answers, and which
 * would keep the CPUs' own acquires from being asked (XFRM_POL_CPU_ACQUIRE). So the policies come first.
 */
static void policies_ahead(struct ctl_child *ch)
{
	struct ctl_tunnel *t = ch->tunnel;

	if (t->policies_set && !t->n_up && !ch->replaces && !ch->redundant)
		(void)tunnel_policies_set(t, &ch->sa); /* install_finish() asks again what came of it */
}

void child_install_step(struct ctl_child *ch)
{
	if (ch->down)
		return;
	if (ch->lost) { /* its keys are gone, too: another one will take its place */
		if (!ch->reported)
			install_failed(ch, -EIO);
		return;
	}
	if (ch->restart) {
		restart(ch);
		return;
	}
	if (half_pending(&ch->in)) {
		half_install(&ch->in);
		return;
	}
	if (ch->in.state != HALF_INSTALLED)
		return;
	if (ch->want_out && half_pending(&ch->out)) {
		policies_ahead(ch);
		half_install(&ch->out);
		return;
	}
	if (ch->want_out && ch->out.state != HALF_INSTALLED)
		return;
	if (ch->out.state == HALF_INSTALLED || ch->redundant) {
		child_keys_wipe(ch);
		child_out_ready(ch);
	}
	install_finish(ch);
}

void child_policies_ready(struct ctl_child *ch, int err)
{
	ch->wait_policies = false;
	if (err && !ch->down)
		install_failed(ch, err);
	else if (!ch->down)
		report(ch, 0);
}

/* The first Child SA of a tunnel decides its mode: has nothing of the tunnel gone to the card yet? */
static bool may_change_mode(const struct ctl_child *ch)
{
	uint32_t own = (ch->in.state == HALF_INSTALLED) + (ch->out.state == HALF_INSTALLED);

	return !ch->replaces && ch->tunnel->n_installed == own && ch->tunnel->n_fresh == 1;
}

void child_half_done(struct ctl_half *h, int err, const char *text)
{
	struct ctl_child *ch = h->child;

	if (!err) {
		child_install_step(ch);
		return;
	}
	if (ch->down) {
		half_release(h);
		child_half_gone(h);
		return;
	}
	if (err != -EPIPE && may_change_mode(ch) && !tunnel_mode_next(ch->tunnel, &ch->sa, err, text)) {
		half_remove(&ch->in);
		half_remove(&ch->out);
		ch->restart = true; /* only now: the first removal alone must not begin it */
		child_install_step(ch);
		return;
	}
	install_failed(ch, err);
}

void child_half_gone(struct ctl_half *h)
{
	struct ctl_child *ch = h->child;

	if (ch->in.slot < 0 && ch->out.slot < 0) {
		wait_left(ch);
		wait_hold(ch);
		pace_left(ch);
	}
	if (ch->restart && !ch->down)
		child_install_step(ch);
	else
		child_release(ch);
}

/*
 * The peer has it: send on it. From here on there is nobody to report a refusal to, and the old outbound SA stays until
 * this one is installed; so it is tried until it works.
 */
void child_outbound(struct ctl_child *ch)
{
	if (ch->want_out || ch->redundant || ch->down || ch->deleting || !ch->keys)
		return;
	ch->want_out = true;
	ch->out.keep_trying = true;
	child_install_step(ch);
}
