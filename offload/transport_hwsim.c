/* SPDX-License-Identifier: MIT */
/*
 * The same to keyrack-hwsim: a SOCK_SEQPACKET unix socket, which keeps datagrams apart and shows its end. The first
 * datagram is four octets in native order: 0 for a channel of requests, else the mask of multicast groups to listen to.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/xfrm_uapi.h"
#include "offload/transport_fd.h"

/* of the mask; no group of NETLINK_XFRM's */
static const uint32_t links_bit = UINT32_C(1) << 31;

static uint32_t group_bit(unsigned int group)
{
	return UINT32_C(1) << (group - 1);
}

/* The socket, or -errno. */
static int hwsim_connect(const char *path, uint32_t hello)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* blocking until here: a listener with a full backlog is busy, not gone */
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) || fcntl(fd, F_SETFL, O_NONBLOCK) ||
	    send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int transport_hwsim_open(struct xfrm_transport *t, const char *path, uint32_t hello)
{
	int fd = hwsim_connect(path, hello);

	if (fd < 0)
		return fd;
	transport_fd_init(t, fd);
	return 0;
}

int xfrm_hwsim_links(const char *path)
{
	return hwsim_connect(path, links_bit);
}

int xfrm_hwsim_open(const char *path, struct xfrm_transport *requests, int *request_fd,
		    struct xfrm_transport *multicast, int *multicast_fd)
{
	int err = transport_hwsim_open(requests, path, 0);

	if (err)
		return err;
	err = transport_hwsim_open(multicast, path, group_bit(XFRMNLGRP_EXPIRE) | group_bit(XFRMNLGRP_ACQUIRE));
	if (err) {
		xfrm_transport_close(requests);
		return err;
	}
	*request_fd = transport_fd_get(requests);
	*multicast_fd = transport_fd_get(multicast);
	return 0;
}
