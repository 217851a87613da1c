/* SPDX-License-Identifier: MIT */
/*
 * The control socket: SOCK_STREAM, one JSON object a line in each direction, answered in order.
 */
#ifndef HWSIM_SERVER_CONTROL_H
#define HWSIM_SERVER_CONTROL_H

#include <jansson.h>
#include <stddef.h>
#include <uv.h>

#include "base/log.h"

struct server_control;

enum {
	CONTROL_MAX_CLIENTS = 16,
	CONTROL_MAX_LINE = 64 << 10,   /* bytes of a request */
	CONTROL_MAX_QUEUED = 64 << 20, /* bytes of answers a client has not read */
};

struct server_control_config {
	uv_loop_t *loop;
	const char *path;
	json_t *(*handle)(void *ctx, const json_t *request); /* a new reference to the answer; NULL: no memory */
	void *ctx;
	const struct log *log;
};

/* Listens. 0, or -errno with a sentence in `why`. */
int server_control_open(struct server_control **out, const struct server_control_config *config, char *why,
			size_t size);

/* Unlinks the socket and drops the clients; what a client has not read of its answers is lost. Memory is freed by the
 * loop's next turns. NULL is allowed. */
void server_control_close(struct server_control *s);

#endif
