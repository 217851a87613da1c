/* SPDX-License-Identifier: MIT */
/*
 * What the socket ports share: batches for sendmmsg, receive slots for recvmmsg, and the socket options that keep a
 * paced sender from losing packets in the receiver's socket.
 */
#ifndef HWSIM_PORT_BATCH_H
#define HWSIM_PORT_BATCH_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "hwsim/port.h"

enum {
	PORT_HEADROOM = 16,                          /* bytes before a packet, for a link-layer header */
	PORT_SLOT = PORT_HEADROOM + PORT_PACKET_MAX, /* bytes per packet of a batch */
	PORT_CONTROL = 64,                           /* bytes of ancillary data per received packet */
};

struct port_batch {
	unsigned int n; /* filled slots */
	struct mmsghdr msg[PORT_BATCH];
	struct iovec iov[PORT_BATCH];
	uint8_t control[PORT_BATCH][PORT_CONTROL];
	struct sockaddr_storage from[PORT_BATCH];
	uint8_t slot[PORT_BATCH][PORT_SLOT];
};

/* `n` batches, or NULL. Untouched slots cost address space only. free() it. */
struct port_batch *port_batches_new(unsigned int n);

/* The start of the next free slot's packet (PORT_PACKET_MAX bytes, PORT_HEADROOM before it). Only when n < PORT_BATCH.
 */
uint8_t *port_batch_slot(struct port_batch *b);

/* Takes that slot into the batch: `head` bytes of headroom and `len` bytes of packet are sent. */
void port_batch_take(struct port_batch *b, size_t head, size_t len);

/* Sends the batch on a connected or bound socket, counts what happened, and empties it. `head` as in take. */
void port_batch_send(struct port *p, struct port_batch *b, int fd, size_t head);

/*
 * recvmmsg without waiting. `head` bytes of each packet land in the headroom. How many; 0 for none or an error that
 * passes; -errno. with_meta: also the sender's address and ancillary data.
 */
int port_batch_receive(struct port_batch *b, int fd, size_t head, bool with_meta);

/* Asks for PORT_SOCKET_BUFFER bytes (past the system's limit if privileged). */
void port_socket_buffer(int fd);

/* Reads the socket's count of packets it had no room for into PORT_RX_DROPPED. */
void port_socket_drops(struct port *p, int fd);

#endif
