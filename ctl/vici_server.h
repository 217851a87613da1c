/* SPDX-License-Identifier: MIT */
/*
 * The server side of VICI (charon's control protocol, strongSwan's src/libcharon/plugins/vici/README.md), with charon's
 * commands and events, so that swanctl works, and ours (docs/vici.md).
 *
 * Sans-I/O: a session takes bytes as they come from its socket and queues bytes to be sent. A command that waits for a
 * peer (initiate, terminate) does not stop other sessions; on its own session the next command waits, as in charon.
 */
#ifndef CTL_VICI_SERVER_H
#define CTL_VICI_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "ctl/conf.h"
#include "ctl/controller.h"

struct vici_server;
struct vici_session;

enum {
	VICI_IN_MAX = 640 * 1024,      /* octets received and not yet executed, a session: one packet and a bit */
	VICI_OUT_MAX = 64 << 20,       /* octets of answers not yet sent; beyond, the session is closed */
	VICI_EVENTS_OUT_MAX = 1 << 20, /* octets not yet sent from which on events are dropped */
	VICI_LOADED_MAX = 65536,       /* connections and secrets loaded over VICI */
};

struct vici_env {
	void *ctx;
	/* Read the configuration file again. 0 or -errno; text: the mistake, or what needs a restart. */
	int (*reload)(void *ctx, char *text, size_t size);
	/* May this connection be loaded? Last changes before it is. 0, or -EINVAL and a sentence. May be NULL. */
	int (*admit)(void *ctx, struct conf_conn *conn, char error[CONF_ERROR_MAX]);
	/* There is something to send on the session that was opened with this user pointer, or it is to be closed. */
	void (*wake)(void *ctx, void *user);
	/* Log lines up to this level have readers now (NOTICE when there are none). May be NULL. */
	void (*log_wanted)(void *ctx, enum log_level level);
	/* UNIX time in seconds. */
	uint64_t (*unix_time)(void *ctx);
};

/* nic and env are copied; log may be NULL; now: ns, monotonic, the daemon's start. NULL: out of memory. */
struct vici_server *vici_server_new(struct controller *controller, const struct conf_nic *nic,
				    const struct vici_env *env, const struct log *log, uint64_t now);
/* All sessions with it. Commands that the controller still works on go on without an audience. */
void vici_server_free(struct vici_server *s);

/* A client has connected. NULL: out of memory. */
struct vici_session *vici_session_new(struct vici_server *s, void *user);
/* It has gone: a command that is under way goes on without it. */
void vici_session_free(struct vici_session *session);
/* How many octets it can take now: read no more than that from the socket. */
size_t vici_session_room(const struct vici_session *session);
/*
 * Takes what has arrived and executes complete commands. Call it with len 0 after a wake: a command that was waited for
 * may have ended. 0, or -EBADMSG, -EMSGSIZE, -ENOMEM: close it.
 */
int vici_session_receive(struct vici_session *session, uint64_t now, const uint8_t *data, size_t len);
/* What is to be sent; *len 0: nothing. NULL: close it (it does not read what it asks for). Valid until the next call.
 */
const uint8_t *vici_session_output(const struct vici_session *session, size_t *len);
/* So much of it has been sent. */
void vici_session_sent(struct vici_session *session, size_t len);

/* For those who have registered: something happened, something was logged. */
void vici_server_event(struct vici_server *s, uint64_t now, const struct controller_event *event);
void vici_server_log(struct vici_server *s, enum log_level level, const char *event, const char *text);

struct vici_counters {
	uint64_t sessions, commands, unknown, malformed, events, events_dropped;
};

void vici_server_counters(const struct vici_server *s, struct vici_counters *out);

#endif
