/* SPDX-License-Identifier: MIT */
/* What an operator asks for. A command ends when everything that it waits for has ended, or its time is over. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* After the deadline of controller_stop(), what the card still has is removed without the peers; so long at most. */
static const uint64_t force_ns = 1000000000u;

/* ---- commands and what they wait for ---- */

static struct ctl_command *command_new(struct controller *c, const char *verb, unsigned int waiters,
				       controller_done done, void *ctx)
{
	struct ctl_command *cmd = calloc(1, sizeof(*cmd));

	if (!cmd)
		return NULL;
	cmd->waiters = waiters ? calloc(waiters, sizeof(*cmd->waiters)) : NULL;
	if (waiters && !cmd->waiters) {
		free(cmd);
		return NULL;
	}
	cmd->c = c;
	cmd->verb = verb;
	cmd->done = done;
	cmd->ctx = ctx;
	TAILQ_INSERT_TAIL(&c->commands, cmd, link);
	return cmd;
}

static void command_wait(struct ctl_command *cmd, struct ctl_waiters *on)
{
	struct ctl_waiter *w = &cmd->waiters[cmd->asked++];

	w->command = cmd;
	w->waiting = true;
	LIST_INSERT_HEAD(on, w, link);
	cmd->left++;
}

static void command_end(struct ctl_command *cmd, int err, const char *text)
{
	struct controller *c = cmd->c;

	for (unsigned int i = 0; i < cmd->asked; i++)
		if (cmd->waiters[i].waiting)
			LIST_REMOVE(&cmd->waiters[i], link);
	ctl_timer_stop(c, &cmd->timer);
	TAILQ_REMOVE(&c->commands, cmd, link);
	if (c->stop == cmd)
		c->stop = NULL;
	if (cmd->done)
		cmd->done(cmd->ctx, err, text);
	free(cmd->waiters);
	free(cmd);
}

void command_left(struct ctl_waiters *waiters, int err, const char *text)
{
	struct ctl_waiter *w;

	while ((w = LIST_FIRST(waiters))) {
		struct ctl_command *cmd = w->command;

		LIST_REMOVE(w, link);
		w->waiting = false;
		if (err || !cmd->err) {
			cmd->err = err ? err : cmd->err;
			snprintf(cmd->text, sizeof(cmd->text), "%s", text);
		}
		if (--cmd->left)
			continue;
		if (cmd->asked > 1 && !cmd->err)
			snprintf(cmd->text, sizeof(cmd->text), "%s: %u SAs", cmd->verb, cmd->asked);
		command_end(cmd, cmd->err, cmd->text);
	}
}

static void command_late(struct controller *c, struct ctl_timer *t)
{
	struct ctl_command *cmd = heap_entry(t, struct ctl_command, timer);

	(void)c;
	snprintf(cmd->text, sizeof(cmd->text), "%s: not finished in time, %u left", cmd->verb, cmd->left);
	command_end(cmd, -ETIMEDOUT, cmd->text);
}

static void command_limit(struct ctl_command *cmd, uint64_t timeout_ns)
{
	if (timeout_ns)
		ctl_timer_set(cmd->c, &cmd->timer, cmd->c->now + timeout_ns, command_late);
}

void commands_free(struct controller *c)
{
	struct ctl_command *cmd;

	while ((cmd = TAILQ_FIRST(&c->commands)))
		command_end(cmd, -ECANCELED, "shut down");
}

/* ---- initiate ---- */

static const struct conf_child *child_find(struct controller *c, const char *conn_name, const char *child,
					   struct ctl_conn **conn)
{
	const struct conf_child *cfg;

	if (conn_name) {
		*conn = conn_by_name(c, conn_name);
		if (!*conn)
			return NULL;
		if (child)
			return conn_child((*conn)->conf, child);
		return (*conn)->conf->n_children ? (*conn)->conf->children : NULL;
	}
	TAILQ_FOREACH (*conn, &c->conns, link) {
		cfg = child && !(*conn)->unloaded ? conn_child((*conn)->conf, child) : NULL;
		if (cfg)
			return cfg;
	}
	return NULL;
}

static void initiate(struct controller *c, const char *conn_name, const char *child, uint64_t timeout_ns,
		     controller_done done, void *ctx)
{
	struct ctl_conn *conn;
	const struct conf_child *cfg = child_find(c, conn_name, child, &conn);
	struct ctl_command *cmd;
	struct ctl_tunnel *t;
	char text[240];

	snprintf(text, sizeof(text), "there is no child \"%s\" in connection \"%s\"", child ? child : "",
		 conn_name ? conn_name : "any");
	if (!cfg || c->stopping) {
		done(ctx, cfg ? -ESHUTDOWN : -ENOENT, cfg ? "shutting down" : text);
		return;
	}
	t = tunnel_for_conn(c, conn, cfg);
	if (!t) {
		snprintf(text, sizeof(text), "%s cannot be initiated: its remote_addrs names no address",
			 cfg->ike.name);
		done(ctx, -EDESTADDRREQ, text);
		return;
	}
	if (tunnel_complete(t)) {
		t->want = WANT_UP;
		snprintf(text, sizeof(text), "%s is up already, with %u Child SAs", t->name, t->n_up);
		done(ctx, 0, text);
		return;
	}
	cmd = command_new(c, "initiate", 1, done, ctx);
	if (!cmd) {
		done(ctx, -ENOMEM, "no memory");
		return;
	}
	command_wait(cmd, &t->waiters);
	command_limit(cmd, timeout_ns);
	t->tries = 0;
	t->retry_ns = 0;
	tunnel_want(t, WANT_UP);
}

void controller_initiate(struct controller *c, uint64_t now, const char *conn, const char *child, uint64_t timeout_ns,
			 controller_done done, void *ctx)
{
	controller_enter(c, now);
	initiate(c, conn, child, timeout_ns, done, ctx);
	controller_leave(c);
}

/* ---- terminate and rekey ---- */

static bool match_is_empty(const struct controller_match *m)
{
	return !m->ike && !m->child && !m->ike_id && !m->child_id && !m->reqid;
}

static bool match_wants_children(const struct controller_match *m)
{
	return m->child || m->child_id || m->reqid;
}

static bool match_peer(const struct controller_match *m, const struct ctl_peer *p)
{
	return (!m->ike_id || m->ike_id == p->id) && (!m->ike || !strcmp(m->ike, p->conn->conf->ike.name));
}

static bool match_child(const struct controller_match *m, const struct ctl_child *ch)
{
	return ch->fresh && !ch->down && ch->peer && match_peer(m, ch->peer) &&
	       (!m->child_id || m->child_id == ch->id) && (!m->reqid || m->reqid == ch->tunnel->reqid) &&
	       (!m->child || !strcmp(m->child, ch->tunnel->cfg->ike.name));
}

/* What waits to be tried again is not tried again. */
static void match_forget(struct controller *c, const struct controller_match *m)
{
	struct ctl_tunnel *t, *next;

	if (m->ike_id || m->child_id || m->reqid)
		return;
	HASH_ITER (hh, c->tunnels, t, next)
		if (t->want == WANT_UP && !t->n_fresh && (!m->ike || !strcmp(m->ike, t->conn->conf->ike.name)) &&
		    (!m->child || !strcmp(m->child, t->cfg->ike.name)))
			tunnel_want(t, t->cfg->start_action == CONF_ACTION_TRAP ? WANT_POLICIES : WANT_NOTHING);
}

static unsigned int match_count(struct controller *c, const struct controller_match *m)
{
	struct ctl_peer *p, *next;
	struct ctl_child *ch;
	unsigned int n = 0;

	if (match_wants_children(m))
		TAILQ_FOREACH (ch, &c->children, link)
			n += match_child(m, ch);
	else
		HASH_ITER (hh, c->peers, p, next)
			n += match_peer(m, p);
	return n;
}

/* Two passes: what is asked to end may end at once. */
static void terminate_wait(struct controller *c, const struct controller_match *m, struct ctl_command *cmd)
{
	struct ctl_peer *p, *next;
	struct ctl_child *ch;

	if (match_wants_children(m)) {
		TAILQ_FOREACH (ch, &c->children, link)
			if (match_child(m, ch))
				command_wait(cmd, &ch->waiters);
	} else {
		HASH_ITER (hh, c->peers, p, next)
			if (match_peer(m, p))
				command_wait(cmd, &p->waiters);
	}
}

static void terminate_ask(struct controller *c, const struct controller_match *m)
{
	struct ctl_peer *p, *next_peer;
	struct ctl_child *ch, *next;

	if (match_wants_children(m)) {
		for (ch = TAILQ_FIRST(&c->children); ch; ch = next) {
			next = TAILQ_NEXT(ch, link);
			if (!match_child(m, ch))
				continue;
			/* What it has replaced and what still drains goes with it, or would have to take over again. */
			for (struct ctl_child *old = ch; old; old = old->replaces) {
				old->terminated = true;
				child_delete(old);
			}
		}
	} else {
		HASH_ITER (hh, c->peers, p, next_peer)
			if (match_peer(m, p))
				peer_close(c, p);
	}
}

static void terminate(struct controller *c, const struct controller_match *m, bool force, uint64_t timeout_ns,
		      controller_done done, void *ctx, unsigned int *matches)
{
	unsigned int n = match_is_empty(m) ? 0 : match_count(c, m);
	struct ctl_command *cmd;

	*matches = n;
	if (!match_is_empty(m))
		match_forget(c, m);
	if (!n) {
		done(ctx, -ENOENT, "no matching SAs");
		return;
	}
	cmd = command_new(c, "terminate", n, done, ctx);
	if (!cmd) {
		done(ctx, -ENOMEM, "no memory");
		return;
	}
	if (force) {
		terminate_ask(c, m);
		command_end(cmd, 0, "deleting, without waiting for the peer");
		return;
	}
	terminate_wait(c, m, cmd);
	command_limit(cmd, timeout_ns);
	terminate_ask(c, m);
}

void controller_terminate(struct controller *c, uint64_t now, const struct controller_match *match, bool force,
			  uint64_t timeout_ns, controller_done done, void *ctx, unsigned int *matches)
{
	unsigned int n;

	controller_enter(c, now);
	terminate(c, match, force, timeout_ns, done, ctx, matches ? matches : &n);
	controller_leave(c);
}

int controller_rekey(struct controller *c, uint64_t now, const struct controller_match *match, unsigned int *matches)
{
	struct ctl_peer *p, *next;
	struct ctl_child *ch;
	unsigned int n = 0;

	controller_enter(c, now);
	if (match_is_empty(match)) {
		n = 0;
	} else if (match_wants_children(match)) {
		TAILQ_FOREACH (ch, &c->children, link) {
			if (!match_child(match, ch) || !ch->watched)
				continue;
			rekey_ask(ch);
			n++;
		}
	} else {
		HASH_ITER (hh, c->peers, p, next)
			if (match_peer(match, p) && !ike_sa_rekey(c->ike, c->now, p->id))
				n++;
	}
	controller_leave(c);
	if (matches)
		*matches = n;
	return n ? 0 : -ENOENT;
}

/* ---- stop ---- */

static void stop_late(struct controller *c, struct ctl_timer *t)
{
	struct ctl_command *cmd = heap_entry(t, struct ctl_command, timer);

	(void)c;
	command_end(cmd, -ETIMEDOUT, "the card has not let go of everything in time");
}

/* The peers have had their time: out of the card with what is left. */
static void stop_force(struct controller *c, struct ctl_timer *t)
{
	struct ctl_child *ch, *next;
	struct ctl_tunnel *tunnel, *next_tunnel;

	log_at(c->log, LOG_LEVEL_WARN, "stop.forced",
	       "not all peers have answered in time; their SAs are removed all the same");
	for (ch = TAILQ_FIRST(&c->children); ch; ch = next) {
		next = TAILQ_NEXT(ch, link);
		half_remove(&ch->out);
		half_remove(&ch->in);
	}
	HASH_ITER (hh, c->tunnels, tunnel, next_tunnel)
		tunnel_policies_drop(tunnel);
	c->stop_forced = true;
	ctl_timer_set(c, t, c->now + force_ns, stop_late);
}

void command_stop_check(struct controller *c)
{
	bool left = !TAILQ_EMPTY(&c->children) || c->peers;

	if (!c->stop || c->halves || c->policies || (left && !c->stop_forced) || !queues_stopped(c))
		return;
	if (c->stop_forced)
		command_end(c->stop, -ETIMEDOUT, "stopped, without an answer from every peer");
	else
		command_end(c->stop, 0, "stopped");
}

void controller_stop(struct controller *c, uint64_t now, uint64_t deadline_ns, controller_done done, void *ctx)
{
	struct ctl_tunnel *t, *next_tunnel;
	struct ctl_peer *p, *next_peer;

	controller_enter(c, now);
	if (c->stopping || !(c->stop = command_new(c, "stop", 0, done, ctx))) {
		done(ctx, c->stopping ? -EALREADY : -ENOMEM, c->stopping ? "stopping already" : "no memory");
		controller_leave(c);
		return;
	}
	c->stopping = true;
	ctl_timer_set(c, &c->stop->timer, deadline_ns, stop_force);
	HASH_ITER (hh, c->tunnels, t, next_tunnel) {
		t->want = WANT_NOTHING;
		t->configured = false;
		ctl_timer_stop(c, &t->timer);
		tunnel_release(t);
	}
	HASH_ITER (hh, c->peers, p, next_peer)
		peer_close(c, p);
	guards_review(c);
	controller_leave(c);
}
