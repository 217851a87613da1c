/* SPDX-License-Identifier: MIT */
/* Sessions: bytes in, packets, commands and registrations; packets out. */
#include "ctl/vici_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/vici_server_impl.h"
#include "ctl/vici_tree.h"

enum { LENGTH_LEN = 4, FIRST_CAP = 4096 };

_Static_assert(VICI_EVENTS_N <= 32, "vici_session.events has a bit for each");
_Static_assert((int)VICI_IN_MAX > (int)VICI_PACKET_MAX + LENGTH_LEN, "a packet fits");

struct vici_server *vici_server_new(struct controller *controller, const struct conf_nic *nic,
				    const struct vici_env *env, const struct log *log, uint64_t now)
{
	struct vici_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->controller = controller;
	s->nic = *nic;
	s->env = *env;
	s->log = log;
	s->started = now;
	LIST_INIT(&s->sessions);
	return s;
}

void vici_server_free(struct vici_server *s)
{
	struct vici_session *i, *next;

	if (!s)
		return;
	for (i = LIST_FIRST(&s->sessions); i; i = next) {
		next = LIST_NEXT(i, link);
		vici_session_free(i);
	}
	vici_loaded_free(&s->conns);
	vici_loaded_free(&s->secrets);
	free(s);
}

void vici_server_counters(const struct vici_server *s, struct vici_counters *out)
{
	*out = s->counters;
}

struct vici_session *vici_session_new(struct vici_server *s, void *user)
{
	struct vici_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->server = s;
	session->user = user;
	s->counters.sessions++;
	LIST_INSERT_HEAD(&s->sessions, session, link);
	return session;
}

/* Tells the shell whether anybody reads log lines that it might not make otherwise. */
static void log_wanted(struct vici_server *s)
{
	enum log_level level = LOG_LEVEL_NOTICE;
	struct vici_session *i;

	if (!s->env.log_wanted)
		return;
	LIST_FOREACH (i, &s->sessions, link)
		if (vici_registered(i, VICI_EV_LOG) || vici_registered(i, VICI_EV_CONTROL_LOG))
			level = LOG_LEVEL_INFO;
	s->env.log_wanted(s->env.ctx, level);
}

static void in_wipe(struct vici_session *session)
{
	if (session->in)
		explicit_bzero(session->in, session->in_cap);
	free(session->in);
}

void vici_session_free(struct vici_session *session)
{
	struct vici_server *s = session->server;

	if (session->pending)
		session->pending->session = NULL;
	LIST_REMOVE(session, link);
	log_wanted(s);
	in_wipe(session);
	free(session->out.buf);
	free(session);
}

/* ---- out ---- */

static int out_append(struct vici_out *out, const uint8_t *p, size_t n)
{
	if (out->start && (!out->len || out->start + out->len + n > out->cap)) {
		if (out->len)
			memmove(out->buf, out->buf + out->start, out->len);
		out->start = 0;
	}
	if (out->len + n > out->cap) {
		size_t cap = out->cap ? out->cap : FIRST_CAP;
		uint8_t *more;

		while (cap < out->len + n)
			cap *= 2;
		more = realloc(out->buf, cap);
		if (!more)
			return -ENOMEM;
		out->buf = more;
		out->cap = cap;
	}
	memcpy(out->buf + out->start + out->len, p, n);
	out->len += n;
	return 0;
}

void vici_queue(struct vici_session *session, struct vici_writer *packet, bool event)
{
	struct vici_server *s = session->server;
	bool was_empty = !session->out.len;

	if (event && session->out.len > VICI_EVENTS_OUT_MAX) {
		s->counters.events_dropped++;
	} else if (!session->broken) {
		int err = vici_finish(packet);

		if (!err && session->out.len + packet->len > VICI_OUT_MAX)
			err = -EMSGSIZE;
		if (!err)
			err = out_append(&session->out, packet->buf, packet->len);
		session->broken = err != 0;
		s->counters.events += event && !err;
		if (err || was_empty)
			s->env.wake(s->env.ctx, session->user);
	}
	vici_writer_free(packet);
}

void vici_stream(struct vici_request *r, enum vici_event_id id, struct vici_writer *packet)
{
	if (vici_registered(r->session, id))
		vici_queue(r->session, packet, false); /* asked for: never dropped */
	else
		vici_writer_free(packet);
}

const uint8_t *vici_session_output(const struct vici_session *session, size_t *len)
{
	static const uint8_t nothing[1];

	*len = session->out.len;
	if (session->broken)
		return NULL;
	return session->out.len ? session->out.buf + session->out.start : nothing;
}

void vici_session_sent(struct vici_session *session, size_t len)
{
	struct vici_out *out = &session->out;

	out->start += len;
	out->len -= len;
	if (!out->len && out->cap > VICI_EVENTS_OUT_MAX) { /* a long list has been read: give its memory back */
		free(out->buf);
		*out = (struct vici_out){0};
	}
}

/* ---- in ---- */

static int in_append(struct vici_session *session, const uint8_t *data, size_t len)
{
	size_t cap = session->in_cap ? session->in_cap : FIRST_CAP;
	uint8_t *more;

	if (len > VICI_IN_MAX - session->in_len)
		return -EMSGSIZE;
	if (session->in_len + len > session->in_cap) {
		while (cap < session->in_len + len)
			cap *= 2;
		more = malloc(cap);
		if (!more)
			return -ENOMEM;
		if (session->in_len)
			memcpy(more, session->in, session->in_len);
		in_wipe(session); /* realloc() would leave a copy behind */
		session->in = more;
		session->in_cap = cap;
	}
	if (len)
		memcpy(session->in + session->in_len, data, len);
	session->in_len += len;
	return 0;
}

static int command_run(struct vici_session *session, uint64_t now, const char *name, struct vici_reader *reader)
{
	struct vici_server *s = session->server;
	vici_handler handler = vici_command_find(name);
	struct vici_request r = {.server = s, .session = session, .now = now};
	struct conf_tree *args;

	if (!handler) {
		s->counters.unknown++;
		vici_start(&r.reply, VICI_CMD_UNKNOWN, NULL);
		vici_queue(session, &r.reply, false);
		return 0;
	}
	args = vici_tree_read(reader);
	if (!args)
		return -errno;
	s->counters.commands++;
	r.args = args;
	vici_start(&r.reply, VICI_CMD_RESPONSE, NULL);
	handler(&r);
	if (r.later)
		vici_writer_free(&r.reply);
	else
		vici_queue(session, &r.reply, false);
	conf_tree_free(args);
	return 0;
}

static void registration(struct vici_session *session, const char *name, bool on)
{
	struct vici_writer reply;
	int id = 0;

	while (id < VICI_EVENTS_N && strcmp(name, vici_event_name((enum vici_event_id)id)) != 0)
		id++;
	vici_start(&reply, id < VICI_EVENTS_N ? VICI_EVENT_CONFIRM : VICI_EVENT_UNKNOWN, NULL);
	if (id < VICI_EVENTS_N) {
		session->events = on ? session->events | 1u << id : session->events & ~(1u << id);
		log_wanted(session->server);
	}
	vici_queue(session, &reply, false);
}

static int packet_run(struct vici_session *session, uint64_t now, const uint8_t *packet, size_t len)
{
	char name[VICI_NAME_MAX + 1];
	struct vici_reader reader;
	enum vici_packet type;
	int err = vici_open(&reader, packet, len, &type, name);

	if (err)
		return err;
	switch (type) {
	case VICI_CMD_REQUEST:
		return command_run(session, now, name, &reader);
	case VICI_EVENT_REGISTER:
	case VICI_EVENT_UNREGISTER:
		registration(session, name, type == VICI_EVENT_REGISTER);
		return 0;
	case VICI_CMD_RESPONSE:
	case VICI_CMD_UNKNOWN:
	case VICI_EVENT_CONFIRM:
	case VICI_EVENT_UNKNOWN:
	case VICI_EVENT:
		return -EBADMSG; /* what only a server says */
	}
	return -EBADMSG;
}

size_t vici_session_room(const struct vici_session *session)
{
	return VICI_IN_MAX - session->in_len;
}

int vici_session_receive(struct vici_session *session, uint64_t now, const uint8_t *data, size_t len)
{
	size_t at = 0, packet;
	int err = in_append(session, data, len);

	while (!err && !session->pending && session->in_len - at >= LENGTH_LEN) {
		packet = get_be32(session->in + at);
		if (packet > VICI_PACKET_MAX)
			err = -EMSGSIZE;
		else if (session->in_len - at < LENGTH_LEN + packet)
			break;
		else
			err = packet_run(session, now, session->in + at + LENGTH_LEN, packet);
		at += LENGTH_LEN + packet;
	}
	if (err) {
		session->server->counters.malformed++;
		return err;
	}
	if (at) {
		memmove(session->in, session->in + at, session->in_len - at);
		explicit_bzero(session->in + session->in_len - at, at);
		session->in_len -= at;
	}
	return 0;
}
