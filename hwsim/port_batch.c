/* SPDX-License-Identifier: MIT */
#include "hwsim/port_batch.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>

struct port_batch *port_batches_new(unsigned int n)
{
	return calloc(n, sizeof(struct port_batch));
}

uint8_t *port_batch_slot(struct port_batch *b)
{
	return b->slot[b->n] + PORT_HEADROOM;
}

void port_batch_take(struct port_batch *b, size_t head, size_t len)
{
	unsigned int i = b->n++;

	b->iov[i] = (struct iovec){b->slot[i] + PORT_HEADROOM - head, head + len};
	b->msg[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &b->iov[i], .msg_iovlen = 1}};
}

/* One packet of a batch was refused. True: the error was an older packet's, so this one deserves another try. */
static bool send_failed(struct port *p, int err, bool tried)
{
	switch (err) {
	case EINTR:
		return true;
	case ECONNREFUSED: /* an ICMP error for an earlier datagram, reported once and cleared */
		port_count(p, PORT_TX_UNREACHABLE, 1);
		return !tried;
	case EMSGSIZE:
		port_count(p, PORT_TX_TOO_BIG, 1);
		return false;
	default:
		port_count(p, PORT_TX_ERRORS, 1);
		return false;
	}
}

void port_batch_send(struct port *p, struct port_batch *b, int fd, size_t head)
{
	unsigned int done = 0;
	bool tried = false;

	while (done < b->n) {
		int sent = sendmmsg(fd, b->msg + done, b->n - done, 0);

		if (sent > 0) {
			for (int i = 0; i < sent; i++, done++)
				port_count(p, PORT_TX_BYTES, b->iov[done].iov_len - head);
			port_count(p, PORT_TX_PACKETS, (uint64_t)sent);
			tried = false;
		} else if (send_failed(p, errno, tried)) {
			tried = true;
		} else {
			done++;
			tried = false;
		}
	}
	b->n = 0;
}

int port_batch_receive(struct port_batch *b, int fd, size_t head, bool with_meta)
{
	int n;

	for (unsigned int i = 0; i < PORT_BATCH; i++) {
		b->iov[i] = (struct iovec){b->slot[i] + PORT_HEADROOM - head, head + PORT_PACKET_MAX};
		b->msg[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &b->iov[i], .msg_iovlen = 1}};
		if (with_meta) {
			b->msg[i].msg_hdr.msg_name = &b->from[i];
			b->msg[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
			b->msg[i].msg_hdr.msg_control = b->control[i];
			b->msg[i].msg_hdr.msg_controllen = PORT_CONTROL;
		}
	}
	n = recvmmsg(fd, b->msg, PORT_BATCH, MSG_DONTWAIT, NULL);
	if (n >= 0)
		return n;
	switch (errno) {
	case EAGAIN:
	case EINTR:
	case ECONNREFUSED: /* as in send_failed */
	case ENETDOWN:     /* an interface that is down may come up again */
	case ENOBUFS:
		return 0;
	default:
		return -errno;
	}
}

void port_socket_buffer(int fd)
{
	int size = PORT_SOCKET_BUFFER;

	/* Without privilege the system's rmem_max is what there is; port_socket_drops tells whether it was enough. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

void port_socket_drops(struct port *p, int fd)
{
	/* The number SO_RXQ_OVFL would report, but readable without a packet to carry it. */
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 && len > SK_MEMINFO_DROPS * sizeof(info[0]))
		atomic_store_explicit(&p->counter[PORT_RX_DROPPED], info[SK_MEMINFO_DROPS], memory_order_relaxed);
}
