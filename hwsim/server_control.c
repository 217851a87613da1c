/* SPDX-License-Identifier: MIT */
#include "hwsim/server_control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hwsim/server_listen.h"

struct client {
	TAILQ_ENTRY(client) next;
	struct server_control *server;
	uv_pipe_t pipe;
	bool closing;
	size_t len;
	char line[CONTROL_MAX_LINE];
};

TAILQ_HEAD(client_list, client);

struct server_control {
	struct server_control_config config;
	char *path;
	uv_pipe_t pipe;
	unsigned int clients;
	unsigned int handles; /* open uv handles; the last to close frees the server */
	struct client_list list;
	bool closing;
};

struct answer {
	uv_write_t req;
	char *text;
};

static void release(struct server_control *s)
{
	if (--s->handles)
		return;
	free(s->path);
	free(s);
}

static void client_closed(uv_handle_t *h)
{
	struct client *c = h->data;
	struct server_control *s = c->server;

	free(c);
	release(s);
}

static void client_close(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	TAILQ_REMOVE(&c->server->list, c, next);
	c->server->clients--;
	uv_close((uv_handle_t *)&c->pipe, client_closed);
}

static void written(uv_write_t *req, int status)
{
	struct answer *a = req->data;

	(void)status; /* a client that is gone shows at its read side */
	free(a->text);
	free(a);
}

/* Takes over `text`. */
static void send_text(struct client *c, char *text, size_t len)
{
	struct answer *a = malloc(sizeof(*a));
	uv_buf_t buf = uv_buf_init(text, (unsigned int)len);

	if (!a || uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > CONTROL_MAX_QUEUED) {
		log_at(c->server->config.log, LOG_LEVEL_WARN, "control.client",
		       "a client that does not read is dropped");
		free(a);
		free(text);
		client_close(c);
		return;
	}
	a->text = text;
	a->req.data = a;
	if (uv_write(&a->req, (uv_stream_t *)&c->pipe, &buf, 1, written) < 0) {
		free(a->text);
		free(a);
		client_close(c);
	}
}

/* Takes over `answer`. */
static void send_answer(struct client *c, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	json_decref(answer);
	if (!text) {
		log_at(c->server->config.log, LOG_LEVEL_ERROR, "control.client", "no memory for an answer");
		client_close(c);
		return;
	}
	text[len] = '\n'; /* in the place of the end mark: the length is what counts from here on */
	send_text(c, text, len + 1);
}

static void take_line(struct client *c, const char *line, size_t len)
{
	struct server_control *s = c->server;
	json_error_t err;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &err);

	if (!request)
		send_answer(c, json_pack("{s:s, s:i}", "error", "not JSON", "column", err.column));
	else if (!json_is_object(request))
		send_answer(c, json_pack("{s:s}", "error", "a request is a JSON object"));
	else
		send_answer(c, s->config.handle(s->config.ctx, request));
	json_decref(request);
}

static void take_lines(struct client *c)
{
	size_t start = 0;
	char *end;

	while (!c->closing && (end = memchr(c->line + start, '\n', c->len - start))) {
		size_t len = (size_t)(end - c->line) - start;

		if (len)
			take_line(c, c->line + start, len);
		start += len + 1;
	}
	c->len -= start;
	memmove(c->line, c->line + start, c->len);
	if (c->len < sizeof(c->line) || c->closing)
		return;
	log_at(c->server->config.log, LOG_LEVEL_WARN, "control.client", "a line longer than %d bytes",
	       CONTROL_MAX_LINE);
	client_close(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)suggested;
	*buf = uv_buf_init(c->line + c->len, (unsigned int)(sizeof(c->line) - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->len += (size_t)n;
	take_lines(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct server_control *s = listener->data;
	struct client *c;

	if (status < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c || uv_pipe_init(s->config.loop, &c->pipe, 0) < 0) {
		log_at(s->config.log, LOG_LEVEL_ERROR, "control.client", "no memory for a client");
		free(c);
		return;
	}
	c->server = s;
	c->pipe.data = c;
	TAILQ_INSERT_TAIL(&s->list, c, next);
	s->clients++;
	s->handles++;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0) {
		client_close(c);
		return;
	}
	if (s->clients > CONTROL_MAX_CLIENTS) {
		log_at(s->config.log, LOG_LEVEL_WARN, "control.clients",
		       "a client was turned away: there are %d already", CONTROL_MAX_CLIENTS);
		client_close(c);
		return;
	}
	if (uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0)
		client_close(c);
}

static void listener_closed(uv_handle_t *h)
{
	release(h->data);
}

static int listen_at(struct server_control *s, char *why, size_t size)
{
	int fd = server_listen(s->path, SOCK_STREAM, why, size), err;

	if (fd < 0)
		return fd;
	err = uv_pipe_open(&s->pipe, fd);
	if (err < 0)
		close(fd);
	else
		err = uv_listen((uv_stream_t *)&s->pipe, CONTROL_MAX_CLIENTS, on_connection);
	if (err < 0) {
		(void)unlink(s->path);
		snprintf(why, size, "cannot watch the control socket: %s", uv_strerror(err));
	}
	return err;
}

int server_control_open(struct server_control **out, const struct server_control_config *config, char *why, size_t size)
{
	struct server_control *s = calloc(1, sizeof(*s));
	int err;

	if (!s || !(s->path = strdup(config->path)) || uv_pipe_init(config->loop, &s->pipe, 0) < 0) {
		snprintf(why, size, "out of memory");
		if (s)
			free(s->path);
		free(s);
		return -ENOMEM;
	}
	s->config = *config;
	s->handles = 1;
	s->pipe.data = s;
	TAILQ_INIT(&s->list);
	err = listen_at(s, why, size);
	if (err < 0) {
		s->closing = true;
		uv_close((uv_handle_t *)&s->pipe, listener_closed);
		return err;
	}
	*out = s;
	return 0;
}

void server_control_close(struct server_control *s)
{
	struct client *c;

	if (!s || s->closing)
		return;
	s->closing = true;
	(void)unlink(s->path);
	/* The answer to `quit` is in the client's socket already, unless that client does not read. */
	while ((c = TAILQ_FIRST(&s->list)))
		client_close(c);
	uv_close((uv_handle_t *)&s->pipe, listener_closed);
}
