/* SPDX-License-Identifier: MIT */
/* One direction of a Child SA: its slot, its installation, its removal. */
#include <errno.h>
#include <string.h>

#include "ctl/controller_internal.h"

static const uint64_t retry_first_ns = 10000000u, retry_most_ns = 1000000000u;

static enum slots_dir dir_of(const struct ctl_half *h)
{
	return h->out ? SLOTS_OUT : SLOTS_IN;
}

static const char *dir_name(const struct ctl_half *h)
{
	return h->out ? "outbound" : "inbound";
}

/* ---- the index ---- */

static void key_fill(struct ctl_half_key *key, const struct xfrm_sa_id *id, bool out)
{
	memset(key, 0, sizeof(*key));
	key->spi = id->spi;
	key->out = out;
	memcpy(key->dst, id->dst.ip, id->dst.family == AF_INET ? 4 : 16);
}

struct ctl_half *half_find(struct controller *c, const struct xfrm_sa_id *id, bool out)
{
	struct ctl_half_key key;
	struct ctl_half *h;

	key_fill(&key, id, out);
	HASH_FIND(hh, c->halves, &key, sizeof(key), h);
	return h;
}

static int half_index(struct ctl_half *h, const struct xfrm_sa_id *id)
{
	struct controller *c = h->child->c;

	if (h->indexed)
		return 0;
	if (half_find(c, id, h->out))
		return -EEXIST; /* a peer has given out one SPI twice, or two peers behind one address the same */
	key_fill(&h->key, id, h->out);
	h->hash_failed = false;
	HASH_ADD(hh, c->halves, key, sizeof(h->key), h);
	if (h->hash_failed)
		return -ENOMEM;
	h->indexed = true;
	return 0;
}

void half_unindex(struct ctl_half *h)
{
	if (h->indexed)
		HASH_DEL(h->child->c->halves, h);
	h->indexed = false;
}

/* ---- slots ---- */

int half_reserve(struct ctl_half *h, enum slots_purpose purpose)
{
	struct ctl_child *ch = h->child;
	int64_t slot = slots_reserve(ch->c->slots, dir_of(h), child_family(ch), purpose, h);

	if (slot < 0)
		return (int)slot;
	h->slot = slot;
	h->state = HALF_RESERVED;
	child_tell_slot(ch);
	return 0;
}

void half_release(struct ctl_half *h)
{
	if (h->state != HALF_RESERVED)
		return;
	slots_release(h->child->c->slots, (uint32_t)h->slot);
	h->slot = -1;
	h->state = HALF_NONE;
	child_tell_slot(h->child);
}

/* Back to before the install: a slot is kept for another try. */
static void half_uninstall(struct ctl_half *h)
{
	half_unindex(h);
	h->state = h->slot >= 0 ? HALF_RESERVED : HALF_NONE;
}

/* ---- installing ---- */

static uint64_t retry_wait(const struct ctl_half *h)
{
	uint64_t ns = retry_first_ns << (h->tries < 16 ? h->tries : 16);

	return ns < retry_most_ns ? ns : retry_most_ns;
}

static void half_retry(struct controller *c, struct ctl_timer *t);

static void half_wait(struct ctl_half *h)
{
	struct controller *c = h->child->c;

	h->state = HALF_WAITING;
	c->n_retrying++;
	ctl_timer_set(c, &h->retry, c->now + retry_wait(h), half_retry);
	h->tries++;
}

/* It does not wait any more. */
static void half_waited(struct ctl_half *h)
{
	ctl_timer_stop(h->child->c, &h->retry);
	h->child->c->n_retrying--;
}

/* A slot is free: what the card had no room for may be there now. */
static void halves_hurry(struct controller *c)
{
	struct ctl_child *ch;

	if (!c->n_retrying)
		return;
	TAILQ_FOREACH (ch, &c->children, link) {
		struct ctl_half *half[2] = {&ch->in, &ch->out};

		for (unsigned int i = 0; i < 2; i++) {
			if (half[i]->state != HALF_WAITING || !half[i]->full)
				continue;
			half[i]->tries = 1;
			ctl_timer_set(c, &half[i]->retry, c->now, half_retry);
		}
	}
}

/* It was only to make sure; the install that comes behind it tells the rest. */
static void half_cleared(void *ctx, const struct xfrm_result *result)
{
	(void)ctx;
	(void)result;
}

static void half_retry(struct controller *c, struct ctl_timer *t)
{
	struct ctl_half *h = heap_entry(t, struct ctl_half, retry);

	half_waited(h);
	if (h->unsure && xfrm_sa_delete(c->xfrm, &h->id, half_cleared, h)) {
		half_wait(h);
		return;
	}
	h->unsure = false;
	half_uninstall(h);
	half_install(h);
}

/* The tunnel has other SAs in the card: then what it says of this one need not be for good. */
static bool mode_is_proven(const struct ctl_half *h)
{
	const struct ctl_child *ch = h->child;
	uint32_t own = (ch->in.state == HALF_INSTALLED) + (ch->out.state == HALF_INSTALLED);

	return ch->tunnel->n_installed > own;
}

static void card_is_full(struct ctl_half *h, int err)
{
	struct controller *c = h->child->c;

	if (slots_learn(c->slots, dir_of(h), child_family(h->child), -err, c->now))
		shed_soon(c);
}

/* A refusal: is it worth another try? An errno for a full table may only mean that a delete has not got through yet. */
static bool half_may_retry(struct ctl_half *h, int err)
{
	if (h->keep_trying && h->tries == INSTALL_TRIES_MAX && h->slot >= 0)
		card_is_full(h, err);
	if (h->keep_trying)
		return err != -EPIPE;
	if (err == -ENOBUFS)
		return h->tries < INSTALL_TRIES_MAX;
	if (h->slot >= 0 && !slots_errno_is_full(-err))
		return mode_is_proven(h) && h->tries < INSTALL_ODD_TRIES_MAX;
	if (h->slot < 0)
		return false;
	if (h->tries < INSTALL_TRIES_MAX)
		return true;
	card_is_full(h, err);
	return false;
}

static void half_refused(struct ctl_half *h, int err, const char *text)
{
	struct ctl_child *ch = h->child;
	struct controller *c = ch->c;

	h->unsure = err == -ENOBUFS; /* the answer was lost: it may be there */
	h->full = h->slot >= 0 && slots_errno_is_full(-err);
	c->counters.install_refused++;
	log_at(c->log, LOG_LEVEL_WARN, "sa.refused", "%s: %s SA %08x refused in %s mode: %s (%s), try %u",
	       ch->tunnel->name, dir_name(h), h->id.spi, offload_mode_name(half_mode(h)),
	       text ? text : "no reason given", strerror(-err), h->tries + 1);
	if (h->remove) {
		half_uninstall(h);
		half_release(h);
		child_half_gone(h);
		return;
	}
	if (half_may_retry(h, err)) {
		half_wait(h);
		child_out_waits(ch);
		return;
	}
	half_uninstall(h);
	child_half_done(h, err, text);
}

static void half_installed(void *ctx, const struct xfrm_result *result)
{
	struct ctl_half *h = ctx;
	struct ctl_child *ch = h->child;
	struct controller *c = ch->c;

	if (c->freeing)
		return;
	if (result->err) {
		half_refused(h, result->err, result->text);
		return;
	}
	h->state = HALF_INSTALLED;
	h->since = c->dumps;
	h->tries = 0;
	if (h->slot >= 0)
		slots_commit(c->slots, (uint32_t)h->slot);
	c->counters.installs++;
	c->n_installed++;
	ch->tunnel->n_installed++;
	poll_start(c);
	child_tell_slot(ch);
	if (!h->out)
		child_steer(ch);
	if (h->out)
		lanes_policy(ch->tunnel);
	if (h->remove)
		half_remove(h);
	else
		child_half_done(h, 0, NULL);
}

void half_install(struct ctl_half *h)
{
	struct ctl_child *ch = h->child;
	struct controller *c = ch->c;
	struct xfrm_sa sa;
	struct xfrm_sa_id id;
	int err;

	half_sa(h, &sa);
	id = (struct xfrm_sa_id){.spi = sa.spi, .dst = sa.dst, .src = sa.src};
	h->id = id;
	h->limits = sa.limits;
	err = half_index(h, &id);
	if (!err) {
		h->state = HALF_INSTALLING;
		err = xfrm_sa_add(c->xfrm, &sa, h->out ? &ch->keys->out : &ch->keys->in, half_installed, h);
	}
	if (err) /* from here on h may be gone */
		half_refused(h, err, NULL);
}

/* ---- removing ---- */

static void half_gone(struct ctl_half *h, bool at_once)
{
	struct ctl_child *ch = h->child;
	struct controller *c = ch->c;

	ctl_timer_stop(c, &h->retry);
	half_unindex(h);
	h->state = HALF_NONE;
	h->remove = false;
	if (h->slot >= 0) {
		slots_gone(c->slots, (uint32_t)h->slot, c->now, at_once);
		slots_disown(c->slots, (uint32_t)h->slot);
		h->slot = -1;
	}
	child_tell_slot(ch);
	halves_hurry(c);
	child_half_gone(h);
}

static void half_delete(struct ctl_half *h);

static void half_delete_again(struct controller *c, struct ctl_timer *t)
{
	(void)c;
	half_delete(heap_entry(t, struct ctl_half, retry));
}

static void half_deleted(void *ctx, const struct xfrm_result *result)
{
	struct ctl_half *h = ctx;
	struct controller *c = h->child->c;

	if (c->freeing)
		return;
	if (result->err && result->err != -ESRCH && result->err != -EPIPE && h->tries < INSTALL_TRIES_MAX) {
		log_at(c->log, LOG_LEVEL_WARN, "sa.delete", "%s SA %08x: not deleted: %s", dir_name(h), h->id.spi,
		       result->text ? result->text : strerror(-result->err));
		ctl_timer_set(c, &h->retry, c->now + retry_wait(h), half_delete_again);
		h->tries++;
		return;
	}
	half_gone(h, false);
}

static void half_delete(struct ctl_half *h)
{
	struct controller *c = h->child->c;
	int err = xfrm_sa_delete(c->xfrm, &h->id, half_deleted, h);

	if (err)
		half_deleted(h, &(struct xfrm_result){.err = err});
}

static void half_leave(struct ctl_half *h)
{
	struct ctl_child *ch = h->child;

	ch->c->n_installed--;
	ch->tunnel->n_installed--;
	if (!h->out)
		child_unsteer(ch);
	h->tries = 0;
	if (h->slot >= 0)
		slots_drain(ch->c->slots, (uint32_t)h->slot);
}

void half_remove(struct ctl_half *h)
{
	switch (h->state) {
	case HALF_NONE:
	case HALF_DELETING:
		break;
	case HALF_RESERVED:
		half_release(h);
		child_half_gone(h);
		break;
	case HALF_INSTALLING:
		h->remove = true;
		break;
	case HALF_WAITING:
		half_waited(h);
		half_uninstall(h);
		half_release(h);
		child_half_gone(h);
		break;
	case HALF_INSTALLED:
		read_last(h);
		half_leave(h);
		h->state = HALF_DELETING;
		half_delete(h);
		break;
	}
}

void half_lost(struct ctl_half *h)
{
	if (h->state != HALF_INSTALLED)
		return;
	half_leave(h);
	half_gone(h, true);
}
