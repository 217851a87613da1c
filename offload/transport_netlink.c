/* SPDX-License-Identifier: MIT */
/* AF_NETLINK sockets, and what any socket transport needs. netlink(7); Linux net/netlink/af_netlink.c. */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xfrm_uapi.h"
#include "offload/transport_fd.h"

enum {
	REQUEST_BUFFER = 1 << 20, /* octets; the answers to XFRM_WINDOW requests several times over */
	EVENT_BUFFER = 8 << 20,   /* octets; thousands of SAs can expire at once */
};

static int number(void *ctx)
{
	return (int)(intptr_t)ctx;
}

static int fd_send(void *ctx, const void *buf, size_t len)
{
	ssize_t n;

	do
		n = send(number(ctx), buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t transport_fd_result(ssize_t n, size_t size)
{
	if (n >= 0)
		return (size_t)n > size ? -ENOBUFS : n;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static ssize_t fd_recv(void *ctx, void *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(number(ctx), buf, size, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	return transport_fd_result(n, size);
}

void transport_fd_init(struct xfrm_transport *t, int fd)
{
	*t = (struct xfrm_transport){(void *)(intptr_t)fd, fd_send, fd_recv};
}

int transport_fd_get(const struct xfrm_transport *t)
{
	return number(t->ctx);
}

void xfrm_transport_close(struct xfrm_transport *t)
{
	if (t->send)
		close(number(t->ctx));
	*t = (struct xfrm_transport){0};
}

/* As fd_recv, but only what the kernel sent: any process may send to a netlink socket. */
static ssize_t netlink_recv(void *ctx, void *buf, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(number(ctx), buf, size, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n >= 0 && (len < sizeof(from) || from.nl_pid != 0))
			continue;
		return transport_fd_result(n, size);
	}
}

int transport_netlink_open(struct xfrm_transport *t, int protocol, unsigned int groups, int buffer)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), on = 1;

	if (fd < 0)
		return -errno;
	transport_fd_init(t, fd);
	t->recv = netlink_recv;
	/* Best effort: a kernel before 4.12 has no extended ACK, and an unprivileged process gets smaller buffers. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (bind(fd, (const struct sockaddr *)&local, sizeof(local))) {
		int err = -errno;

		xfrm_transport_close(t);
		return err;
	}
	return 0;
}

int xfrm_kernel_open(struct xfrm_transport *requests, int *request_fd, struct xfrm_transport *multicast,
		     int *multicast_fd, uint32_t event_buffer)
{
	int err = transport_netlink_open(requests, NETLINK_XFRM, 0, REQUEST_BUFFER);

	if (err)
		return err;
	err = transport_netlink_open(multicast, NETLINK_XFRM, XFRMGRP_EXPIRE | XFRMGRP_ACQUIRE,
				     event_buffer ? (int)event_buffer : EVENT_BUFFER);
	if (err) {
		xfrm_transport_close(requests);
		return err;
	}
	*request_fd = transport_fd_get(requests);
	*multicast_fd = transport_fd_get(multicast);
	return 0;
}
