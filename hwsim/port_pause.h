/* SPDX-License-Identifier: MIT */
/*
 * Flow control for the UDP wire, in the place of Ethernet's PAUSE frames: a sender does not run further ahead of the
 * peer's reads than the peer's socket can hold. Without it a process that is not scheduled for some milliseconds loses
 * packets that no network lost.
 *
 * The sender puts probes among the packets. Whoever reads a probe sends it back as an echo, so an echo says: what was
 * sent before that probe has been read. A peer that never echoes is never waited for.
 */
#ifndef HWSIM_PORT_PAUSE_H
#define HWSIM_PORT_PAUSE_H

#include <pthread.h>

#include "hwsim/port.h"

enum {
	PAUSE_FRAME = 24,   /* bytes of a probe or echo; its first byte is 0, which no IP packet has */
	PAUSE_WAIT_MS = 20, /* for an echo; then the probe is sent again, for it may be what was lost */
	PAUSE_TRIES = 10,   /* without an echo; then the peer is no longer waited for */
};

struct port_pause {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t session;              /* tells our echoes from those of a process that had the port before */
	uint64_t window;               /* bytes of socket buffer */
	bool active;                   /* the peer echoes */
	uint64_t sent, probed, echoed; /* bytes of socket buffer, since the start */
};

/* window: how many bytes of the peer's socket buffer may be in use. */
void port_pause_init(struct port_pause *p, uint64_t session, uint64_t window);
void port_pause_destroy(struct port_pause *p);

/* What a datagram of `len` bytes takes of a receive buffer (the kernel's truesize, roughly). */
uint64_t port_pause_cost(size_t len);

/* Before a batch of this cost is sent: waits while the window is full, for PAUSE_TRIES * PAUSE_WAIT_MS at most. */
void port_pause_enter(struct port_pause *p, struct port *port, int fd, uint64_t cost);
/* After it. */
void port_pause_leave(struct port_pause *p, int fd);

/* A received datagram: true if it was a probe (answered) or an echo (taken), and so no packet. */
bool port_pause_receive(struct port_pause *p, int fd, const uint8_t *datagram, size_t len);

#endif
