/* SPDX-License-Identifier: MIT */
/* initiate, terminate and rekey. The first two are answered when the controller says that it is done. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/vici_server_impl.h"

static const uint64_t ms = 1000000; /* ns */

static void pending_unref(struct vici_pending *p)
{
	if (!--p->refs)
		free(p);
}

static void answer(struct vici_pending *p, struct vici_writer *reply, int err, const char *text)
{
	if (err)
		vici_refuse(reply, "%s", text);
	else
		vici_succeed(reply);
	if (p->terminate) {
		vici_format(reply, "matches", "%u", p->matches);
		vici_format(reply, "terminated", "%u", err ? 0 : p->matches);
	}
}

/* The controller's `done`. The session may have gone meanwhile. */
static void on_done(void *ctx, int err, const char *text)
{
	struct vici_pending *p = ctx;
	struct vici_writer reply;

	p->done = true;
	if (p->session) {
		struct vici_session *session = p->session;

		vici_start(&reply, VICI_CMD_RESPONSE, NULL);
		answer(p, &reply, err, text);
		session->pending = NULL;
		p->session = NULL;
		vici_queue(session, &reply, false);
		/* commands that came behind this one are read after the shell's next vici_session_receive() */
		session->server->env.wake(session->server->env.ctx, session->user);
	}
	pending_unref(p);
}

static struct vici_pending *pending_new(struct vici_request *r, bool terminate)
{
	struct vici_pending *p = calloc(1, sizeof(*p));

	if (!p) {
		vici_refuse(&r->reply, "out of memory");
		return NULL;
	}
	p->session = r->session;
	p->terminate = terminate;
	p->refs = 2;
	p->log_max = (int)vici_arg_number(r, "loglevel");
	r->session->pending = p;
	r->later = true;
	return p;
}

/* timeout -1: the answer does not wait. */
static void pending_leave(struct vici_request *r, struct vici_pending *p)
{
	if (vici_arg_number(r, "timeout") < 0 && !p->done) {
		vici_succeed(&r->reply);
		p->session = NULL;
		r->session->pending = NULL;
		r->later = false;
	}
	pending_unref(p);
}

static uint64_t timeout_ns(const struct vici_request *r)
{
	int64_t timeout = vici_arg_number(r, "timeout");

	return timeout <= 0 ? 0 : (uint64_t)timeout > UINT64_MAX / ms ? UINT64_MAX : (uint64_t)timeout * ms;
}

void vici_initiate(struct vici_request *r)
{
	const char *child = conf_tree_get(r->args, "child", NULL), *ike = conf_tree_get(r->args, "ike", NULL);
	struct vici_pending *p;

	if (!child && !ike) {
		vici_refuse(&r->reply, "initiate needs child = NAME, or ike = NAME for its first child");
		return;
	}
	p = pending_new(r, false);
	if (!p)
		return;
	controller_initiate(r->server->controller, r->now, ike, child, timeout_ns(r), on_done, p);
	pending_leave(r, p);
}

/* false: nothing is named, and the answer says so. */
static bool match_read(struct vici_request *r, struct controller_match *m)
{
	*m = (struct controller_match){
		.ike = conf_tree_get(r->args, "ike", NULL),
		.child = conf_tree_get(r->args, "child", NULL),
		.ike_id = (uint32_t)vici_arg_number(r, "ike-id"),
		.child_id = (uint32_t)vici_arg_number(r, "child-id"),
		.reqid = (uint32_t)vici_arg_number(r, "reqid"),
	};
	if (m->ike || m->child || m->ike_id || m->child_id || m->reqid)
		return true;
	vici_refuse(&r->reply, "one of ike, child, ike-id, child-id and reqid must say which SAs are meant");
	return false;
}

void vici_terminate(struct vici_request *r)
{
	bool force = !strcasecmp(conf_tree_get(r->args, "force", "no"), "yes");
	struct controller_match match;
	struct vici_pending *p;

	if (!match_read(r, &match))
		return;
	p = pending_new(r, true);
	if (!p)
		return;
	controller_terminate(r->server->controller, r->now, &match, force, timeout_ns(r), on_done, p, &p->matches);
	pending_leave(r, p);
}

void vici_rekey(struct vici_request *r)
{
	struct controller_match match;
	unsigned int matches = 0;
	int err;

	if (!strcasecmp(conf_tree_get(r->args, "reauth", "no"), "yes")) {
		vici_refuse(&r->reply, "keyrackd rekeys IKE SAs and does not reauthenticate them");
		return;
	}
	if (!match_read(r, &match))
		return;
	err = controller_rekey(r->server->controller, r->now, &match, &matches);
	if (err == -ENOENT || (!err && !matches))
		vici_refuse(&r->reply, "no SA matches");
	else if (err)
		vici_refuse(&r->reply, "%s", strerror(-err));
	else
		vici_succeed(&r->reply);
	vici_format(&r->reply, "matches", "%u", matches);
}
