/* SPDX-License-Identifier: MIT */
/*
 * The control socket: VICI sessions on a UNIX stream socket that only the daemon's own user may open. Each client has
 * one vici_session; this file moves its bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl/daemon.h"
#include "ctl/vici_server.h"

enum {
	CLIENTS_MAX = 64,
	BACKLOG = 16,
	READ_MAX = 65536,      /* octets read at a time */
	ACCEPT_WAIT_MS = 1000, /* before the next try when there are no descriptors left */
};

struct client {
	LIST_ENTRY(client) link;
	uv_poll_t poll;
	int fd;
	struct daemon *d;
	struct vici_session *session;
	bool woken; /* has something to send, or waits no longer */
};

struct daemon_control {
	struct daemon *d;
	int fd;
	uv_poll_t poll;
	uv_timer_t again; /* accepting waits until then */
	struct vici_server *server;
	LIST_HEAD(clients, client) clients;
	unsigned int n_clients;
	bool woken; /* some client is */
};

/* ---- clients ---- */

static void client_closed(uv_handle_t *poll)
{
	free(poll->data);
}

static void client_close(struct client *cl)
{
	struct daemon_control *c = cl->d->control;

	uv_poll_stop(&cl->poll);
	close(cl->fd);
	vici_session_free(cl->session);
	LIST_REMOVE(cl, link);
	c->n_clients--;
	uv_close((uv_handle_t *)&cl->poll, client_closed);
}

static void on_client(uv_poll_t *poll, int status, int events);

/* Sends what the socket takes. false: the client is to be closed. */
static bool client_send(struct client *cl)
{
	for (;;) {
		size_t len;
		const uint8_t *data = vici_session_output(cl->session, &len);
		ssize_t n;

		if (!data)
			return false;
		if (!len)
			return true;
		n = send(cl->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		vici_session_sent(cl->session, (size_t)n);
	}
}

/* After anything that a client did or got: send, and wait for what it needs next. */
static void client_update(struct client *cl)
{
	int events = UV_DISCONNECT;
	size_t len;

	if (!client_send(cl)) {
		client_close(cl);
		return;
	}
	vici_session_output(cl->session, &len);
	if (len)
		events |= UV_WRITABLE;
	if (vici_session_room(cl->session)) /* otherwise it has sent enough ahead of a command that waits */
		events |= UV_READABLE;
	uv_poll_start(&cl->poll, events, on_client);
}

static bool client_read(struct client *cl)
{
	uint8_t buf[READ_MAX];
	size_t room = vici_session_room(cl->session);
	ssize_t n;
	int err;

	if (!room)
		return true;
	n = recv(cl->fd, buf, room < sizeof(buf) ? room : sizeof(buf), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		return false;
	err = vici_session_receive(cl->session, daemon_now(), buf, (size_t)n);
	explicit_bzero(buf, (size_t)n); /* load-shared */
	if (err)
		log_at(&cl->d->log, LOG_LEVEL_WARN, "vici.malformed", "a client is disconnected: %s", strerror(-err));
	return !err;
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	struct client *cl = poll->data;

	if (status < 0 || ((events & UV_READABLE) && !client_read(cl)) ||
	    ((events & UV_DISCONNECT) && !(events & UV_READABLE)))
		client_close(cl);
	else
		client_update(cl);
}

static void client_accept(struct daemon_control *c, int fd)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (!cl)
		goto fail;
	cl->d = c->d;
	cl->fd = fd;
	cl->poll.data = cl;
	cl->session = vici_session_new(c->server, cl);
	if (!cl->session)
		goto fail;
	if (uv_poll_init(&c->d->loop, &cl->poll, fd)) {
		vici_session_free(cl->session);
		goto fail;
	}
	LIST_INSERT_HEAD(&c->clients, cl, link);
	c->n_clients++;
	client_update(cl);
	return;
fail:
	free(cl);
	close(fd);
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void accept_again(uv_timer_t *again)
{
	struct daemon_control *c = again->data;

	uv_poll_start(&c->poll, UV_READABLE, on_connection);
}

/* A connection that is not accepted stays, and its socket readable: without a pause this would turn for ever. */
static void accept_failed(struct daemon_control *c, int err)
{
	if (err == EAGAIN || err == EINTR || err == ECONNABORTED)
		return;
	log_at(&c->d->log, LOG_LEVEL_WARN, "vici.accept", "a client waits: %s", strerror(err));
	uv_poll_stop(&c->poll);
	uv_timer_start(&c->again, accept_again, ACCEPT_WAIT_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct daemon_control *c = poll->data;
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status;
	(void)events;
	if (fd < 0) {
		accept_failed(c, errno);
		return;
	}
	if (c->n_clients < CLIENTS_MAX) {
		client_accept(c, fd);
		return;
	}
	close(fd);
	log_at(&c->d->log, LOG_LEVEL_WARN, "vici.clients", "a client is turned away: %d are connected", CLIENTS_MAX);
}

/* ---- what the server calls back ---- */

static int env_reload(void *ctx, char *text, size_t size)
{
	return daemon_reload(ctx, text, size);
}

static int env_admit(void *ctx, struct conf_conn *conn, char error[CONF_ERROR_MAX])
{
	return daemon_conn_admit(ctx, conn, error);
}

/* Not at once: this may come from deep inside the controller, or from inside the session. */
static void env_wake(void *ctx, void *user)
{
	struct daemon *d = ctx;
	struct client *cl = user;

	cl->woken = true;
	d->control->woken = true;
}

static void env_log_wanted(void *ctx, enum log_level level)
{
	struct daemon *d = ctx;

	d->log.max = level > d->log_shown ? level : d->log_shown;
}

static uint64_t env_unix_time(void *ctx)
{
	(void)ctx;
	return (uint64_t)time(NULL);
}

void daemon_control_turn(struct daemon *d)
{
	struct daemon_control *c = d->control;
	struct client *cl, *next;

	while (c && c->woken) {
		c->woken = false;
		for (cl = LIST_FIRST(&c->clients); cl; cl = next) {
			next = LIST_NEXT(cl, link);
			if (!cl->woken)
				continue;
			cl->woken = false;
			if (vici_session_receive(cl->session, daemon_now(), NULL, 0))
				client_close(cl);
			else
				client_update(cl);
		}
	}
}

void daemon_control_event(struct daemon *d, const struct controller_event *event)
{
	if (d->control)
		vici_server_event(d->control->server, daemon_now(), event);
}

void daemon_control_log(struct daemon *d, enum log_level level, const char *event, const char *text)
{
	if (d->control)
		vici_server_log(d->control->server, level, event, text);
}

/* ---- the socket ---- */

/* The directory of the default path is ours to make; others must exist. */
static void directory_make(const char *path)
{
	char dir[CONF_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(dir))
		return;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	mkdir(dir, 0700); /* if this fails, bind() says why */
}

/* A path that a daemon which has gone left behind; never one on which somebody answers. */
static int stale_remove(const struct sockaddr_un *a)
{
	struct stat st;
	int fd, err;

	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)a, sizeof(*a)) ? errno : 0;
	close(fd);
	if (err != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(a->sun_path) ? -errno : 0;
}

static int socket_open(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, err;

	memcpy(a.sun_path, path, strlen(path) + 1); /* CONF_PATH_MAX is less than sun_path has */
	directory_make(path);
	err = stale_remove(&a);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177); /* 0600 from the start, not a moment later */
	err = bind(fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
	umask(mask);
	if (!err && listen(fd, BACKLOG))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

int daemon_control_start(struct daemon *d)
{
	const struct vici_env env = {
		.ctx = d,
		.reload = env_reload,
		.admit = env_admit,
		.wake = env_wake,
		.log_wanted = env_log_wanted,
		.unix_time = env_unix_time,
	};
	struct daemon_control *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		goto fail;
	LIST_INIT(&c->clients);
	c->d = d;
	c->fd = -1;
	c->server = vici_server_new(d->controller, &d->conf->nic, &env, &d->log, daemon_now());
	if (!c->server)
		goto fail;
	err = socket_open(d->conf->daemon.control);
	if (err < 0)
		goto fail;
	c->fd = err;
	err = uv_poll_init(&d->loop, &c->poll, c->fd);
	if (err)
		goto fail;
	uv_timer_init(&d->loop, &c->again); /* cannot fail */
	c->poll.data = c->again.data = c;
	d->control = c;
	return uv_poll_start(&c->poll, UV_READABLE, on_connection);
fail:
	log_at(&d->log, LOG_LEVEL_ERROR, "vici.open", "%s: %s", d->conf->daemon.control, strerror(-err));
	if (c) {
		if (c->fd >= 0)
			close(c->fd);
		vici_server_free(c->server);
		free(c);
	}
	return err;
}

static void control_closed(uv_handle_t *poll)
{
	free(poll->data);
}

static void again_closed(uv_handle_t *again)
{
	struct daemon_control *c = again->data;

	uv_close((uv_handle_t *)&c->poll, control_closed);
}

void daemon_control_stop(struct daemon *d)
{
	struct daemon_control *c = d->control;

	if (!c)
		return;
	while (!LIST_EMPTY(&c->clients)) {
		struct client *cl = LIST_FIRST(&c->clients);

		client_send(cl); /* the answer to what made us stop, if there is room for it */
		client_close(cl);
	}
	unlink(d->conf->daemon.control);
	uv_poll_stop(&c->poll);
	close(c->fd);
	vici_server_free(c->server);
	d->control = NULL;
	uv_close((uv_handle_t *)&c->again, again_closed);
}
