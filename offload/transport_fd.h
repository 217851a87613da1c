/* SPDX-License-Identifier: MIT */
/* What both transports share: a non-blocking datagram socket whose number is the transport's ctx. */
#ifndef OFFLOAD_TRANSPORT_FD_H
#define OFFLOAD_TRANSPORT_FD_H

#include "offload/xfrm.h"

/* A netlink socket of that family that has joined `groups` (a mask), with extended ACKs. 0 or -errno. */
int transport_netlink_open(struct xfrm_transport *t, int protocol, unsigned int groups, int buffer);
/* A connection to keyrack-hwsim that begins with `hello` (docs/hwsim.md). 0 or -errno. */
int transport_hwsim_open(struct xfrm_transport *t, const char *path, uint32_t hello);
/* The transport takes the socket over. */
void transport_fd_init(struct xfrm_transport *t, int fd);
int transport_fd_get(const struct xfrm_transport *t);
/* -EAGAIN and the others that xfrm.h names, from errno. A datagram longer than `size` is -ENOBUFS: part of it is lost.
 */
ssize_t transport_fd_result(ssize_t n, size_t size);

#endif
