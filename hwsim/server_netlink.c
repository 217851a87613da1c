/* SPDX-License-Identifier: MIT */
#include "hwsim/server_netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hwsim/server_listen.h"

enum { READS_PER_TURN = 16 }; /* datagrams of one client before the others get their turn */

struct datagram {
	STAILQ_ENTRY(datagram) next;
	size_t len;
	uint8_t data[];
};

STAILQ_HEAD(datagram_list, datagram);

enum client_kind { CLIENT_NEW, CLIENT_REQUEST, CLIENT_GENERIC, CLIENT_EVENT };

struct client {
	TAILQ_ENTRY(client) next;
	struct server_netlink *server;
	uv_poll_t poll;
	int fd;
	enum client_kind kind;
	uint32_t groups;
	struct datagram_list queue;
	size_t queued; /* bytes */
	bool overrun;  /* a mark of loss is at the end of the queue; nothing is put behind it */
	bool closing;
};

TAILQ_HEAD(client_list, client);

struct server_netlink {
	struct server_netlink_config config;
	char *path;
	int fd;
	uv_poll_t poll;
	unsigned int handles; /* open uv handles; the last to close frees the server */
	struct client_list clients;
	struct server_netlink_stats stats;
	bool closing;
	uint8_t request[NETLINK_MAX_REQUEST];
};

static void release(struct server_netlink *s)
{
	if (--s->handles)
		return;
	free(s->path);
	free(s);
}

/* Datagrams can hold keys, in both directions. */
static void datagram_free(struct datagram *d)
{
	OPENSSL_cleanse(d->data, d->len);
	free(d);
}

static void client_closed(uv_handle_t *h)
{
	struct client *c = h->data;
	struct server_netlink *s = c->server;
	struct datagram *d;

	while ((d = STAILQ_FIRST(&c->queue))) {
		STAILQ_REMOVE_HEAD(&c->queue, next);
		datagram_free(d);
	}
	close(c->fd);
	free(c);
	release(s);
}

static void client_close(struct client *c)
{
	struct server_netlink *s = c->server;

	if (c->closing)
		return;
	c->closing = true;
	TAILQ_REMOVE(&s->clients, c, next);
	s->stats.clients--;
	if (c->kind == CLIENT_EVENT)
		s->stats.event_clients--;
	uv_close((uv_handle_t *)&c->poll, client_closed);
}

static bool enqueue(struct client *c, const void *msg, size_t len)
{
	struct datagram *d = malloc(sizeof(*d) + len);

	if (!d)
		return false;
	d->len = len;
	memcpy(d->data, msg, len);
	STAILQ_INSERT_TAIL(&c->queue, d, next);
	c->queued += len;
	return true;
}

static void mark_overrun(struct client *c)
{
	struct nlmsghdr mark = {.nlmsg_len = sizeof(mark), .nlmsg_type = NLMSG_OVERRUN};

	if (c->overrun)
		return;
	c->server->stats.overruns++;
	log_at(c->server->config.log, LOG_LEVEL_WARN, "netlink.overrun",
	       "a client does not read: %zu bytes wait, more is lost", c->queued);
	if (enqueue(c, &mark, sizeof(mark)))
		c->overrun = true;
	else
		client_close(c); /* a loss that cannot be told must not stay unseen */
}

static void put_bounded(struct client *c, const void *msg, size_t len, size_t limit)
{
	if (c->closing || c->overrun)
		return;
	if (c->queued + len > limit || !enqueue(c, msg, len))
		mark_overrun(c);
}

/* False when the client is gone. */
static bool flush(struct client *c)
{
	struct datagram *d;

	while ((d = STAILQ_FIRST(&c->queue))) {
		if (send(c->fd, d->data, d->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
				return true;
			client_close(c);
			return false;
		}
		STAILQ_REMOVE_HEAD(&c->queue, next);
		c->queued -= d->len;
		datagram_free(d);
	}
	c->overrun = false;
	return true;
}

static void reply(void *ctx, const void *msg, size_t len)
{
	put_bounded(ctx, msg, len, NETLINK_REPLY_BYTES);
}

static void hello(struct client *c, const uint8_t *buf, size_t len)
{
	if (len != sizeof(c->groups)) {
		log_at(c->server->config.log, LOG_LEVEL_WARN, "netlink.hello",
		       "a client began with %zu bytes instead of 4", len);
		client_close(c);
		return;
	}
	memcpy(&c->groups, buf, sizeof(c->groups));
	if (c->groups == NETLINK_HELLO_GENERIC && c->server->config.generic) {
		c->groups = 0;
		c->kind = CLIENT_GENERIC;
		return;
	}
	c->kind = c->groups ? CLIENT_EVENT : CLIENT_REQUEST;
	if (c->groups)
		c->server->stats.event_clients++;
}

static void take(struct client *c, const uint8_t *buf, size_t len)
{
	struct server_netlink *s = c->server;

	switch (c->kind) {
	case CLIENT_NEW:
		hello(c, buf, len);
		return;
	case CLIENT_REQUEST:
		s->stats.requests++;
		s->config.handle(s->config.ctx, buf, len, reply, c);
		return;
	case CLIENT_GENERIC:
		s->stats.requests++;
		s->config.generic(s->config.ctx, buf, len, reply, c);
		return;
	case CLIENT_EVENT:
		log_at(s->config.log, LOG_LEVEL_WARN, "netlink.hello", "a client sent %zu bytes on an event channel",
		       len);
		client_close(c);
		return;
	}
}

static void receive(struct client *c)
{
	struct server_netlink *s = c->server;

	for (int i = 0; i < READS_PER_TURN && !c->closing && c->queued < NETLINK_REPLY_PAUSE; i++) {
		ssize_t n = recv(c->fd, s->request, sizeof(s->request), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > (ssize_t)sizeof(s->request))
			log_at(s->config.log, LOG_LEVEL_WARN, "netlink.request",
			       "a request of %zd bytes is longer than %d", n, NETLINK_MAX_REQUEST);
		if (n <= 0 || n > (ssize_t)sizeof(s->request)) {
			client_close(c);
			return;
		}
		take(c, s->request, (size_t)n);
		OPENSSL_cleanse(s->request, (size_t)n);
	}
}

static void client_ready(uv_poll_t *poll, int status, int events);

/* Waits for what the client's state allows: writing when something is queued, reading when not too much is. */
static void rearm(struct client *c)
{
	int want = 0, err;

	if (c->closing)
		return;
	if (!STAILQ_EMPTY(&c->queue))
		want |= UV_WRITABLE;
	if (c->queued < NETLINK_REPLY_PAUSE)
		want |= UV_READABLE;
	/* An event client never sends: what becomes readable is its end. */
	if (c->kind == CLIENT_EVENT)
		want |= UV_READABLE;
	err = uv_poll_start(&c->poll, want, client_ready);
	if (err < 0) {
		log_at(c->server->config.log, LOG_LEVEL_ERROR, "netlink.poll", "%s", uv_strerror(err));
		client_close(c);
	}
}

static void client_ready(uv_poll_t *poll, int status, int events)
{
	struct client *c = poll->data;

	if (status < 0) {
		client_close(c);
		return;
	}
	if ((events & UV_WRITABLE) && !flush(c))
		return;
	if (events & UV_READABLE)
		receive(c);
	if (!c->closing && flush(c))
		rearm(c);
}

static void adopt(struct server_netlink *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c || uv_poll_init(s->config.loop, &c->poll, fd) < 0) {
		log_at(s->config.log, LOG_LEVEL_ERROR, "netlink.client", "no memory for a client");
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->poll.data = c;
	STAILQ_INIT(&c->queue);
	TAILQ_INSERT_TAIL(&s->clients, c, next);
	s->handles++;
	s->stats.clients++;
	rearm(c);
}

static void accept_ready(uv_poll_t *poll, int status, int events)
{
	struct server_netlink *s = poll->data;
	int fd;

	(void)events;
	if (status < 0)
		return;
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (s->stats.clients < NETLINK_MAX_CLIENTS) {
			adopt(s, fd);
			continue;
		}
		log_at(s->config.log, LOG_LEVEL_WARN, "netlink.clients",
		       "a client was turned away: there are %d already", NETLINK_MAX_CLIENTS);
		close(fd);
	}
}

int server_netlink_open(struct server_netlink **out, const struct server_netlink_config *config, char *why, size_t size)
{
	struct server_netlink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		goto no_memory;
	s->config = *config;
	s->path = strdup(config->path);
	if (!s->path)
		goto no_memory;
	TAILQ_INIT(&s->clients);
	s->fd = server_listen(config->path, SOCK_SEQPACKET, why, size);
	if (s->fd < 0) {
		err = s->fd;
		free(s->path);
		free(s);
		return err;
	}
	err = uv_poll_init(config->loop, &s->poll, s->fd);
	if (err == 0) {
		s->poll.data = s;
		s->handles = 1;
		err = uv_poll_start(&s->poll, UV_READABLE, accept_ready);
	}
	if (err < 0) {
		snprintf(why, size, "cannot watch the netlink socket: %s", uv_strerror(err));
		server_netlink_close(s);
		return err;
	}
	*out = s;
	return 0;
no_memory:
	snprintf(why, size, "out of memory");
	free(s);
	return -ENOMEM;
}

void server_netlink_event(struct server_netlink *s, unsigned int group, const void *msg, size_t len)
{
	struct client *c, *next;

	if (group < 1 || group > 32)
		return;
	for (c = TAILQ_FIRST(&s->clients); c; c = next) {
		next = TAILQ_NEXT(c, next);
		if (!(c->groups >> (group - 1) & 1))
			continue;
		put_bounded(c, msg, len, NETLINK_EVENT_BYTES);
		s->stats.events++;
		if (!c->closing && flush(c))
			rearm(c);
	}
}

void server_netlink_overrun(struct server_netlink *s)
{
	struct client *c, *next;

	for (c = TAILQ_FIRST(&s->clients); c; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->kind != CLIENT_EVENT)
			continue;
		mark_overrun(c);
		if (!c->closing && flush(c))
			rearm(c);
	}
}

void server_netlink_stats(const struct server_netlink *s, struct server_netlink_stats *out)
{
	*out = s->stats;
}

static void listener_closed(uv_handle_t *h)
{
	struct server_netlink *s = h->data;

	close(s->fd);
	release(s);
}

void server_netlink_close(struct server_netlink *s)
{
	struct client *c;

	if (!s || s->closing)
		return;
	s->closing = true;
	(void)unlink(s->path);
	while ((c = TAILQ_FIRST(&s->clients)))
		client_close(c);
	if (s->handles) {
		uv_close((uv_handle_t *)&s->poll, listener_closed);
		return;
	}
	close(s->fd); /* the loop never knew it */
	free(s->path);
	free(s);
}
