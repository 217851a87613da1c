/* SPDX-License-Identifier: MIT */
/*
 * Prometheus metrics over HTTP, by libmicrohttpd. It runs within the loop: its epoll descriptor is polled like any
 * other, so that the controller is never looked at while it works.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "ctl/daemon.h"
#include "ctl/metrics.h"

enum {
	CLIENTS_MAX = 16,
	CLIENT_SECONDS = 10, /* of silence, then it is closed */
	CLIENT_MEMORY = 32768,
	HOUSEKEEPING_MS = 1000, /* closes the silent ones */
};

struct daemon_metrics {
	struct daemon *d;
	struct MHD_Daemon *http;
	uv_poll_t poll;
	uv_timer_t timer;
	uint64_t started_unix;
	bool polling, timing;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status, const char *type, char *text,
			      size_t len, enum MHD_ResponseMemoryMode memory)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, text, memory);
	enum MHD_Result result = MHD_NO;

	if (!response) {
		if (memory == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
		result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int status, const char *text)
{
	return answer(connection, status, "text/plain; charset=utf-8", (char *)(uintptr_t)text, strlen(text),
		      MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer_metrics(struct daemon_metrics *m, struct MHD_Connection *connection)
{
	const struct metrics_source source = {.controller = m->d->controller,
					      .nic = &m->d->conf->nic,
					      .now = daemon_now(),
					      .started_unix = m->started_unix};
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int bad;

	if (!to)
		return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	bad = metrics_write(to, &source) || ferror(to);
	if (fclose(to) != 0 || bad) {
		free(text);
		return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	}
	return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, len,
		      MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *upload, size_t *upload_len, void **request)
{
	static const char about[] = "keyrackd " KEYRACK_VERSION ": metrics for Prometheus are at /metrics\n";

	(void)version;
	(void)upload;
	if (*upload_len) { /* what a client sends along is read and dropped */
		*upload_len = 0;
		return MHD_YES;
	}
	if (!*request) { /* the first of two calls: only the head is there */
		*request = ctx;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/metrics") == 0)
		return answer_metrics(ctx, connection);
	if (strcmp(url, "/") == 0)
		return answer_text(connection, MHD_HTTP_OK, about);
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "there is only /metrics\n");
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct daemon_metrics *m = poll->data;

	(void)status;
	(void)events;
	MHD_run(m->http);
}

static void on_timer(uv_timer_t *timer)
{
	struct daemon_metrics *m = timer->data;

	MHD_run(m->http);
}

static socklen_t address_of(const struct conf_daemon *conf, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (conf->metrics_addr.family == AF_INET6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(conf->metrics_port);
		memcpy(&in6->sin6_addr, conf->metrics_addr.ip, 16);
		return sizeof(*in6);
	}
	in4->sin_family = AF_INET;
	in4->sin_port = htons(conf->metrics_port);
	memcpy(&in4->sin_addr, conf->metrics_addr.ip, 4);
	return sizeof(*in4);
}

static int http_start(struct daemon_metrics *m)
{
	const struct conf_daemon *conf = &m->d->conf->daemon;
	unsigned int flags = MHD_USE_EPOLL | (conf->metrics_addr.family == AF_INET6 ? MHD_USE_IPv6 : 0);
	struct sockaddr_storage address;

	address_of(conf, &address);
	errno = 0;
	m->http = MHD_start_daemon(flags, conf->metrics_port, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR, &address,
				   MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CLIENTS_MAX,
				   MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CLIENT_SECONDS,
				   MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY, MHD_OPTION_END);
	return m->http ? 0 : errno ? -errno : -EIO;
}

static int loop_start(struct daemon_metrics *m)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(m->http, MHD_DAEMON_INFO_EPOLL_FD);
	int err;

	if (!info)
		return -EIO;
	err = uv_poll_init(&m->d->loop, &m->poll, info->epoll_fd);
	if (err)
		return err;
	m->poll.data = m;
	m->polling = true;
	uv_timer_init(&m->d->loop, &m->timer);
	m->timer.data = m;
	m->timing = true;
	err = uv_poll_start(&m->poll, UV_READABLE, on_readable);
	return err ? err : uv_timer_start(&m->timer, on_timer, HOUSEKEEPING_MS, HOUSEKEEPING_MS);
}

int daemon_metrics_start(struct daemon *d)
{
	const struct conf_daemon *conf = &d->conf->daemon;
	char address[INET6_ADDRSTRLEN];
	struct daemon_metrics *m;
	int err;

	if (!conf->metrics_port)
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->d = d;
	m->started_unix = (uint64_t)time(NULL);
	d->metrics = m;
	conf_addr_print(&conf->metrics_addr, address, sizeof(address));
	err = http_start(m);
	if (!err)
		err = loop_start(m);
	if (err)
		log_at(&d->log, LOG_LEVEL_ERROR, "metrics.open", "metrics on %s port %u: %s", address,
		       conf->metrics_port, strerror(-err));
	else
		log_at(&d->log, LOG_LEVEL_NOTICE, "metrics.open", "metrics are at http://%s:%u/metrics", address,
		       conf->metrics_port);
	return err;
}

static void on_closed(uv_handle_t *handle)
{
	struct daemon_metrics *m = handle->data;

	MHD_stop_daemon(m->http);
	free(m);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct daemon_metrics *m = handle->data;

	uv_close((uv_handle_t *)&m->poll, on_closed); /* the last to go: what it polls is closed in it */
}

void daemon_metrics_stop(struct daemon *d)
{
	struct daemon_metrics *m = d->metrics;

	d->metrics = NULL;
	if (!m)
		return;
	if (m->timing) {
		uv_close((uv_handle_t *)&m->timer, on_timer_closed);
		return;
	}
	if (m->http)
		MHD_stop_daemon(m->http);
	free(m);
}
