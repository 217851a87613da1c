/* SPDX-License-Identifier: MIT */
/* What both transports share: a non-blocking datagram socket whose number is the transport's ctx. */
#ifndef OFFLOAD_TRANSPORT_FD_H
#define OFFLOAD_TRANSPORT_FD_H

#include "offload/xfrm.h"

/* The transport takes the socket over. */
void transport_fd_init(struct xfrm_transport *t, int fd);
int transport_fd_get(const struct xfrm_transport *t);
/* -EAGAIN and the others that xfrm.h names, from errno. A datagram longer than `size` is -ENOBUFS: part of it is lost.
 */
ssize_t transport_fd_result(ssize_t n, size_t size);

#endif
