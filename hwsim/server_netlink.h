/* SPDX-License-Identifier: MIT */
/*
 * The card's netlink front door as a SOCK_SEQPACKET unix socket.
 *
 * A client's first datagram is four bytes, native-endian: 0 makes the connection a request channel of NETLINK_XFRM,
 * NETLINK_HELLO_GENERIC one of NETLINK_GENERIC, anything else is the mask of multicast groups (1 << (group - 1)) of an
 * event channel. On a request channel every datagram is one or more nlmsghdr, and replies come back as datagrams. On an
 * event channel only the server speaks.
 *
 * A client that reads too slowly loses messages, never the card's time: as with a kernel's ENOBUFS it then finds one
 * message of type NLMSG_OVERRUN and has to ask for the state anew.
 */
#ifndef HWSIM_SERVER_NETLINK_H
#define HWSIM_SERVER_NETLINK_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/log.h"

struct server_netlink;

enum {
	NETLINK_HELLO_GENERIC = 0x6c6e6567, /* "genl"; no mask: it has bits of groups that there are none of */
	NETLINK_GROUP_LINK = 32, /* ours: RTM_NEWLINK of the card's link, the bytes RTNLGRP_LINK has; no XFRM group */
	NETLINK_MAX_CLIENTS = 64,
	NETLINK_MAX_REQUEST = 64 << 10, /* bytes of one request datagram: what the card takes */
	NETLINK_EVENT_BYTES = 4 << 20,  /* waiting for one event client */
	NETLINK_REPLY_BYTES = 64 << 20, /* waiting for one request client: the dump of a full table fits */
	NETLINK_REPLY_PAUSE = 1 << 20,  /* no further request is read from a client that has so much to read itself */
};

typedef void netlink_reply_fn(void *ctx, const void *msg, size_t len);

struct server_netlink_config {
	uv_loop_t *loop;
	const char *path;
	/* One request datagram; every answer goes to reply(reply_ctx, ...) before it returns. */
	void (*handle)(void *ctx, const void *buf, size_t len, netlink_reply_fn *reply, void *reply_ctx);
	/* The same on a channel of NETLINK_GENERIC; NULL: such a client is turned away. */
	void (*generic)(void *ctx, const void *buf, size_t len, netlink_reply_fn *reply, void *reply_ctx);
	void *ctx;
	const struct log *log;
};

struct server_netlink_stats {
	unsigned int clients, event_clients; /* now; clients counts both kinds */
	uint64_t requests;                   /* datagrams */
	uint64_t events;                     /* messages queued for clients */
	uint64_t overruns;                   /* times a client was told that it lost messages */
};

/* Listens. 0, or -errno with a sentence in `why`. Strings and config are copied. */
int server_netlink_open(struct server_netlink **out, const struct server_netlink_config *config, char *why,
			size_t size);

/* Loop thread: a multicast message for everybody who joined `group`. */
void server_netlink_event(struct server_netlink *s, unsigned int group, const void *msg, size_t len);

/* Loop thread: messages were lost before they came here; every event client is told. */
void server_netlink_overrun(struct server_netlink *s);

void server_netlink_stats(const struct server_netlink *s, struct server_netlink_stats *out);

/* Unlinks the socket and drops the clients. Memory is freed by the loop's next turns. NULL is allowed. */
void server_netlink_close(struct server_netlink *s);

#endif
