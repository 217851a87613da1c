/* SPDX-License-Identifier: MIT */
/* Events that are not asked for: what happened, and what was logged. */
#include <stdio.h>
#include <string.h>

#include "ctl/vici_server_impl.h"

const char *vici_event_name(enum vici_event_id id)
{
	static const char *const names[] = {
#define VICI_EVENT_NAME(i, name) [VICI_EV_##i] = name,
		VICI_EVENTS(VICI_EVENT_NAME)
#undef VICI_EVENT_NAME
	};

	return names[id];
}

void vici_event_start(struct vici_writer *w, enum vici_event_id id)
{
	vici_start(w, VICI_EVENT, vici_event_name(id));
}

/* ---- log ---- */

/* charon: 0 is what an auditor wants, 1 the course of things with its errors, 2 more of it. */
static int charon_level(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
	case LOG_LEVEL_WARN:
	case LOG_LEVEL_NOTICE:
		return 0;
	case LOG_LEVEL_INFO:
		return 1;
	case LOG_LEVEL_DEBUG:
		return 2;
	}
	return 2;
}

static void log_queue(struct vici_session *session, enum vici_event_id id, int level, const char *event,
		      const char *text)
{
	struct vici_writer w;

	vici_event_start(&w, id);
	vici_text(&w, "group", event);
	vici_format(&w, "level", "%d", level);
	vici_text(&w, "thread", "1"); /* there is one; swanctl --log prints it */
	vici_text(&w, "msg", text);
	vici_queue(session, &w, true);
}

void vici_server_log(struct vici_server *s, enum log_level level, const char *event, const char *text)
{
	int charon = charon_level(level);
	struct vici_session *i;

	LIST_FOREACH (i, &s->sessions, link) {
		if (vici_registered(i, VICI_EV_LOG))
			log_queue(i, VICI_EV_LOG, charon, event, text);
		if (i->pending && vici_registered(i, VICI_EV_CONTROL_LOG) && charon <= i->pending->log_max)
			log_queue(i, VICI_EV_CONTROL_LOG, charon, event, text);
	}
}

/* ---- what happened ---- */

struct find {
	uint32_t id;
	uint64_t now;
	struct vici_writer *w;
	bool found;
};

static void ike_write_if(void *ctx, const struct ike_sa_info *sa)
{
	struct find *f = ctx;

	if (sa->id != f->id || f->found)
		return;
	vici_ike_write(f->w, sa, f->now);
	f->found = true;
}

/* The IKE SA's fields; of one that has gone already, what the event itself says. */
static void ike_write(struct vici_server *s, struct vici_writer *w, uint32_t id, uint64_t now)
{
	struct find f = {.id = id, .now = now, .w = w};

	controller_ike_each(s->controller, ike_write_if, &f);
	if (!f.found) {
		vici_format(w, "uniqueid", "%u", id);
		vici_text(w, "version", "2");
		vici_text(w, "state", "DELETING");
	}
}

static void child_section(struct vici_server *s, struct vici_writer *w, const struct controller_child *child,
			  uint64_t now)
{
	char name[CONF_NAME_MAX + 16];

	snprintf(name, sizeof(name), "%s-%u", child->ike && child->ike->cfg ? child->ike->cfg->name : "child",
		 child->id);
	vici_section(w, name);
	vici_child_write(s, w, child, now);
	vici_section_end(w);
}

static void ike_event(struct vici_server *s, struct vici_writer *w, const struct controller_event *e, uint64_t now)
{
	if (e->kind == CONTROLLER_IKE_UP)
		vici_text(w, "up", "yes");
	vici_section(w, e->conn->name);
	if (e->kind == CONTROLLER_IKE_REKEYED) {
		vici_section(w, "old");
		ike_write(s, w, e->old_ike_sa, now);
		vici_section_end(w);
		vici_section(w, "new");
		ike_write(s, w, e->ike_sa, now);
		vici_section_end(w);
	} else {
		ike_write(s, w, e->ike_sa, now);
	}
	vici_section_end(w);
}

static void child_event(struct vici_server *s, struct vici_writer *w, const struct controller_event *e, uint64_t now)
{
	if (e->kind == CONTROLLER_CHILD_UP)
		vici_text(w, "up", "yes");
	vici_section(w, e->conn->name);
	ike_write(s, w, e->ike_sa, now);
	vici_section(w, "child-sas");
	if (e->kind == CONTROLLER_CHILD_REKEYED && e->old_child) {
		vici_section(w, e->child->ike && e->child->ike->cfg ? e->child->ike->cfg->name : "child");
		vici_section(w, "old");
		vici_child_write(s, w, e->old_child, now);
		vici_section_end(w);
		vici_section(w, "new");
		vici_child_write(s, w, e->child, now);
		vici_section_end(w);
		vici_section_end(w);
	} else {
		child_section(s, w, e->child, now);
	}
	vici_section_end(w);
	vici_section_end(w);
}

void vici_server_event(struct vici_server *s, uint64_t now, const struct controller_event *e)
{
	enum vici_event_id id = VICI_EVENTS_N;
	struct vici_session *i, *next;
	struct vici_writer w;

	switch (e->kind) {
	case CONTROLLER_IKE_UP:
	case CONTROLLER_IKE_DOWN:
		id = VICI_EV_IKE_UPDOWN;
		break;
	case CONTROLLER_IKE_REKEYED:
		id = VICI_EV_IKE_REKEY;
		break;
	case CONTROLLER_CHILD_UP:
	case CONTROLLER_CHILD_DOWN:
		id = VICI_EV_CHILD_UPDOWN;
		break;
	case CONTROLLER_CHILD_REKEYED:
		id = VICI_EV_CHILD_REKEY;
		break;
	case CONTROLLER_SLOT:
		return; /* slots are listed, not announced */
	}
	for (i = LIST_FIRST(&s->sessions); i; i = next) {
		next = LIST_NEXT(i, link);
		if (!vici_registered(i, id) || !e->conn)
			continue;
		vici_event_start(&w, id);
		if (id == VICI_EV_CHILD_UPDOWN || id == VICI_EV_CHILD_REKEY)
			child_event(s, &w, e, now);
		else
			ike_event(s, &w, e, now);
		vici_queue(i, &w, true);
	}
}
