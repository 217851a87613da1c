/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/daemon.h"

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)status;
	(void)events;
	controller_ethtool(d->controller, daemon_now());
	if (!controller_ethtool_closed(d->controller))
		return;
	uv_poll_stop(&d->ethtool.request_poll); /* a socket at its end stays readable for ever */
	if (d->ethtool.multicast_poll.data)
		uv_poll_stop(&d->ethtool.multicast_poll);
}

static int ethtool_open(struct daemon *d)
{
	struct daemon_ethtool *e = &d->ethtool;
	const struct conf_nic *nic = &d->conf->nic;

	e->request_fd = e->multicast_fd = -1;
	if (nic->backend == CONF_BACKEND_HWSIM)
		return ethtool_hwsim_open(nic->socket, &e->requests, &e->request_fd, &e->multicast, &e->multicast_fd);
	return ethtool_kernel_open(&e->requests, &e->request_fd, &e->multicast, &e->multicast_fd);
}

static int poll_start(struct daemon *d, uv_poll_t *poll, int fd)
{
	int err;

	if (fd < 0)
		return 0;
	err = uv_poll_init(&d->loop, poll, fd);
	if (err)
		return err;
	poll->data = d;
	return uv_poll_start(poll, UV_READABLE, on_ready);
}

void daemon_ethtool_start(struct daemon *d)
{
	struct daemon_ethtool *e = &d->ethtool;
	bool card = d->conf->nic.backend == CONF_BACKEND_HWSIM;
	int err;

	if (!d->conf->nic.ifindex)
		return; /* SAs in software: there is no device to ask */
	err = ethtool_open(d);
	if (!err)
		err = poll_start(d, &e->request_poll, e->request_fd);
	if (!err)
		err = poll_start(d, &e->multicast_poll, e->multicast_fd);
	if (!err)
		err = controller_queues_open(d->controller, daemon_now(), &e->requests, &e->multicast,
					     card ? NULL : "");
	if (err)
		log_at(&d->log, LOG_LEVEL_WARN, "queues.open", "the card's queues are not known: %s", strerror(-err));
}

void daemon_ethtool_turn(struct daemon *d)
{
	struct daemon_ethtool *e = &d->ethtool;
	bool want = controller_ethtool_wants_write(d->controller);

	if (want == e->want_write || !e->request_poll.data || controller_ethtool_closed(d->controller))
		return;
	e->want_write = want;
	(void)uv_poll_start(&e->request_poll, want ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_ready);
}

void daemon_ethtool_stop(struct daemon *d)
{
	struct daemon_ethtool *e = &d->ethtool;

	if (e->request_poll.data)
		uv_close((uv_handle_t *)&e->request_poll, NULL);
	if (e->multicast_poll.data)
		uv_close((uv_handle_t *)&e->multicast_poll, NULL);
	if (e->requests.send)
		ethtool_transport_close(&e->requests);
	if (e->multicast.recv)
		ethtool_transport_close(&e->multicast);
}
