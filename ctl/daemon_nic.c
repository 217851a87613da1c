/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/daemon.h"

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)status;
	(void)events;
	controller_nic(d->controller, daemon_now());
	if (d->nic.closed && !d->stopping) {
		log_at(&d->log, LOG_LEVEL_ERROR, "nic.closed",
		       "%s has gone: nothing can be offloaded or deleted any more",
		       d->conf->nic.backend == CONF_BACKEND_HWSIM ? d->conf->nic.socket : "the netlink socket");
		daemon_stop(d, 1);
	}
	if (d->nic.closed) { /* a socket at its end stays readable for ever */
		uv_poll_stop(&d->nic.request_poll);
		uv_poll_stop(&d->nic.multicast_poll);
	}
}

/* The card's own transports, watched for their end. */
struct watched {
	struct xfrm_transport inner;
	bool *closed;
};

static int watched_send(void *ctx, const void *buf, size_t len)
{
	struct watched *w = ctx;
	int err = w->inner.send(w->inner.ctx, buf, len);

	if (err == -EPIPE || err == -ECONNRESET)
		*w->closed = true;
	return err;
}

static ssize_t watched_recv(void *ctx, void *buf, size_t size)
{
	struct watched *w = ctx;
	ssize_t n = w->inner.recv(w->inner.ctx, buf, size);

	if (n == 0 || n == -ECONNRESET)
		*w->closed = true;
	return n;
}

static int watch(struct xfrm_transport *t, bool *closed)
{
	struct watched *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct watched){*t, closed};
	*t = (struct xfrm_transport){.ctx = w, .send = watched_send, .recv = watched_recv};
	return 0;
}

static void unwatch(struct xfrm_transport *t)
{
	struct watched *w = t->ctx;

	if (!w)
		return;
	xfrm_transport_close(&w->inner);
	free(w);
	*t = (struct xfrm_transport){0};
}

int daemon_nic_open(struct daemon *d)
{
	struct conf_nic *nic = &d->conf->nic;
	int err;

	if (nic->backend == CONF_BACKEND_XFRM && (err = daemon_device_find(d)))
		return err;
	if (nic->backend == CONF_BACKEND_HWSIM)
		err = xfrm_hwsim_open(nic->socket, &d->nic.requests, &d->nic.request_fd, &d->nic.multicast,
				      &d->nic.multicast_fd);
	else
		err = xfrm_kernel_open(&d->nic.requests, &d->nic.request_fd, &d->nic.multicast, &d->nic.multicast_fd,
				       (uint32_t)nic->event_buffer);
	if (err) {
		log_at(&d->log, LOG_LEVEL_ERROR, "nic.open", "%s: %s",
		       nic->backend == CONF_BACKEND_HWSIM ? nic->socket : "NETLINK_XFRM", strerror(-err));
		d->nic.request_fd = d->nic.multicast_fd = -1;
		return err;
	}
	if (watch(&d->nic.requests, &d->nic.closed) || watch(&d->nic.multicast, &d->nic.closed))
		return -ENOMEM;
	return 0;
}

int daemon_nic_start(struct daemon *d)
{
	int err = uv_poll_init(&d->loop, &d->nic.request_poll, d->nic.request_fd);

	if (!err)
		err = uv_poll_init(&d->loop, &d->nic.multicast_poll, d->nic.multicast_fd);
	if (err)
		return err;
	d->nic.request_poll.data = d->nic.multicast_poll.data = d;
	err = uv_poll_start(&d->nic.request_poll, UV_READABLE, on_ready);
	if (!err)
		err = uv_poll_start(&d->nic.multicast_poll, UV_READABLE, on_ready);
	if (!err)
		err = daemon_device_watch(d);
	return err;
}

void daemon_nic_turn(struct daemon *d)
{
	bool want = !d->nic.closed && controller_nic_wants_write(d->controller);

	if (want == d->nic.want_write || !d->nic.request_poll.data || d->nic.closed)
		return;
	d->nic.want_write = want;
	(void)uv_poll_start(&d->nic.request_poll, want ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_ready);
}

void daemon_nic_stop(struct daemon *d)
{
	if (d->nic.request_poll.data) {
		uv_close((uv_handle_t *)&d->nic.request_poll, NULL);
		uv_close((uv_handle_t *)&d->nic.multicast_poll, NULL);
	}
	daemon_device_unwatch(d);
	unwatch(&d->nic.requests);
	unwatch(&d->nic.multicast);
}
