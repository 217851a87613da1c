/* SPDX-License-Identifier: MIT */
/*
 * A blocking VICI client for the command line and the demo. Messages are JSON objects here: a section is an object, a
 * list an array, a value a string. Section names that repeat in one message would be lost; keyrackd sends none.
 */
#ifndef CTL_VICI_CLIENT_H
#define CTL_VICI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

struct vici_client;

/* NULL and errno. timeout_ms bounds every wait for an answer; 0: none. */
struct vici_client *vici_client_open(const char *path, int timeout_ms);
void vici_client_close(struct vici_client *c);

/*
 * One command. Takes over `request` (NULL: no arguments). The answer, owned by the caller; NULL and errno: EBADMSG (the
 * peer makes no sense), EOPNOTSUPP (it does not know the command), ETIMEDOUT, EPIPE, ENOMEM.
 * Events that arrive meanwhile go to `event` (may be NULL): streamed lists, log lines.
 */
json_t *vici_client_call(struct vici_client *c, const char *command, json_t *request,
			 void (*event)(void *ctx, const char *name, const json_t *message), void *ctx);
/* Like it, for commands that stream their answer as events called `stream`: one array of them. NULL and errno. */
json_t *vici_client_list(struct vici_client *c, const char *command, const char *stream, json_t *request);
/* Subscribe to an event. 0 or -errno (-ENOENT: unknown). */
int vici_client_register(struct vici_client *c, const char *event);
/* Waits for the next event: its message (owned by the caller) and name. NULL and errno. */
json_t *vici_client_wait(struct vici_client *c, char name[256]);

#endif
