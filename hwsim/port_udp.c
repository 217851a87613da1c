/* SPDX-License-Identifier: MIT */
/* The wire as a UDP socket between two processes: each datagram is one IP packet. Needs no privilege. */
#include "hwsim/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hwsim/port_batch.h"
#include "hwsim/port_pause.h"

struct port_udp {
	struct port port;
	int fd;
	struct port_batch *tx; /* one per queue */
	struct port_batch *rx;
	struct port_pause pause;
};

static int udp_fd(struct port *p, unsigned int queue)
{
	return queue == 0 ? ((struct port_udp *)p)->fd : -1;
}

static int udp_receive(struct port *p, unsigned int queue, uint64_t now, port_packet_fn *fn, void *ctx)
{
	struct port_udp *u = (struct port_udp *)p;
	int n = port_batch_receive(u->rx, u->fd, 0, false);

	for (int i = 0; i < n; i++) {
		const struct mmsghdr *m = &u->rx->msg[i];

		if (m->msg_hdr.msg_flags & MSG_TRUNC) {
			port_count(p, PORT_RX_TRUNCATED, 1);
			continue;
		}
		if (port_pause_receive(&u->pause, u->fd, u->rx->slot[i] + PORT_HEADROOM, m->msg_len))
			continue;
		port_count(p, PORT_RX_PACKETS, 1);
		port_count(p, PORT_RX_BYTES, m->msg_len);
		fn(ctx, queue, now, u->rx->slot[i] + PORT_HEADROOM, m->msg_len);
	}
	return n;
}

static uint64_t udp_next(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
	return UINT64_MAX;
}

static void udp_flush(struct port *p, unsigned int queue)
{
	struct port_udp *u = (struct port_udp *)p;
	struct port_batch *b = &u->tx[queue];
	uint64_t cost = 0;

	if (b->n == 0)
		return;
	for (unsigned int i = 0; i < b->n; i++)
		cost += port_pause_cost(b->iov[i].iov_len);
	port_pause_enter(&u->pause, p, u->fd, cost);
	port_batch_send(p, b, u->fd, 0);
	port_pause_leave(&u->pause, u->fd);
}

static void udp_send(struct port *p, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct port_udp *u = (struct port_udp *)p;

	(void)now;
	if (len > PORT_PACKET_MAX) {
		port_count(p, PORT_TX_TOO_BIG, 1);
		return;
	}
	memcpy(port_batch_slot(&u->tx[queue]), packet, len);
	port_batch_take(&u->tx[queue], 0, len);
	if (u->tx[queue].n == PORT_BATCH)
		udp_flush(p, queue);
}

static void udp_refresh(struct port *p)
{
	port_socket_drops(p, ((struct port_udp *)p)->fd);
}

static void udp_close(struct port *p)
{
	struct port_udp *u = (struct port_udp *)p;

	if (u->fd >= 0)
		close(u->fd);
	port_pause_destroy(&u->pause);
	free(u->tx);
	free(u->rx);
	free(u);
}

static const struct port_ops udp_ops = {
	"udp", udp_fd, udp_receive, udp_next, udp_send, udp_flush, udp_refresh, udp_close,
};

static socklen_t address_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/*
 * A quarter of the receive buffer, on the assumption that the peer has one like ours: workers that are just sending and
 * one batch each come on top.
 */
static uint64_t find_window(int fd)
{
	int size = 0;
	socklen_t len = sizeof(size);

	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len);
	return (uint64_t)size / 4;
}

static uint64_t new_session(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int open_socket(struct port_udp *u, const struct port_spec *spec, char *why, size_t size)
{
	u->fd = socket(spec->local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (u->fd < 0) {
		snprintf(why, size, "cannot open a UDP socket: %s", strerror(errno));
		return -errno;
	}
	port_socket_buffer(u->fd);
	u->pause.window = find_window(u->fd);
	if (bind(u->fd, (const struct sockaddr *)&spec->local, address_len(&spec->local)) < 0) {
		snprintf(why, size, "cannot bind the local UDP address: %s", strerror(errno));
		return -errno;
	}
	if (connect(u->fd, (const struct sockaddr *)&spec->remote, address_len(&spec->remote)) < 0) {
		snprintf(why, size, "cannot connect to the remote UDP address: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

struct port *port_open_udp(const struct port_spec *spec, unsigned int queues, char *why, size_t size)
{
	struct port_udp *u = calloc(1, sizeof(*u));

	if (!u) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	u->port.ops = &udp_ops;
	u->fd = -1;
	port_pause_init(&u->pause, new_session(), 0);
	u->tx = port_batches_new(queues);
	u->rx = port_batches_new(1);
	if (!u->tx || !u->rx) {
		snprintf(why, size, "out of memory");
		goto fail;
	}
	if (open_socket(u, spec, why, size) < 0)
		goto fail;
	return &u->port;
fail:
	udp_close(&u->port);
	return NULL;
}
