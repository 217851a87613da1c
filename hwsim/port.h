/* SPDX-License-Identifier: MIT */
/*
 * Ports: how IP packets enter and leave the card.
 *
 * A wire port (udp, packet) joins the card to the network, a host port (tap, tun, gen) to the host that uses it; `none`
 * serves either. A port carries IP packets without a link layer: it adds and strips Ethernet itself.
 *
 * Threads: a queue has one owner. The owner of queue n calls receive, next, send and flush with n. Host ports receive
 * on every queue and take host_in packets from the one wire thread; wire ports receive on queue 0 only and send on
 * every queue. Counters may be read by anybody.
 */
#ifndef HWSIM_PORT_H
#define HWSIM_PORT_H

#include <net/if.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/log.h"

struct gen;

enum {
	PORT_PACKET_MAX = 9600, /* bytes of the largest IP packet a port carries: a jumbo frame with room for ESP */
	PORT_BATCH = 32,        /* packets per recvmmsg or sendmmsg */
	PORT_TAP_MTU = 1400,    /* default MTU of a tap or tun: a 1500-byte wire less the worst ESP overhead */
	PORT_SOCKET_BUFFER = 32 << 20, /* bytes of receive buffer asked for */
};

enum port_kind { PORT_NONE, PORT_UDP, PORT_PACKET, PORT_TAP, PORT_TUN, PORT_GEN };

/* Bits: which side of the card a kind of port can serve. */
enum port_side { PORT_WIRE = 1, PORT_HOST = 2 };

/* One --wire or --host argument, parsed. */
struct port_spec {
	enum port_kind kind;
	struct sockaddr_storage local, remote; /* udp */
	char ifname[IFNAMSIZ];                 /* packet, tap, tun */
	unsigned int mtu;                      /* tap, tun; bytes */
};

enum port_counter {
	PORT_RX_PACKETS, /* handed to the card */
	PORT_RX_BYTES,
	PORT_RX_DROPPED,   /* lost in the socket because it was full: the simulated wire's loss, not the card's */
	PORT_RX_IGNORED,   /* not for the card: IKE, another host's, link-local, not IP */
	PORT_RX_TRUNCATED, /* longer than PORT_PACKET_MAX */
	PORT_TX_PACKETS,
	PORT_TX_BYTES,
	PORT_TX_ERRORS,       /* the kernel refused it */
	PORT_TX_UNREACHABLE,  /* udp: the peer's port is closed */
	PORT_TX_TOO_BIG,      /* longer than PORT_PACKET_MAX or the interface's MTU */
	PORT_TX_NO_NEIGHBOUR, /* packet: no route or no MAC address (yet); resolution was asked for */
	PORT_TX_PAUSED,       /* udp: times a sender waited for the peer to read */
	PORT_COUNTERS,
};

/* "rx_packets", ... */
const char *port_counter_name(enum port_counter c);

/* One received packet; the bytes are the port's and are valid during the call. */
typedef void port_packet_fn(void *ctx, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len);

struct port;

struct port_ops {
	const char *name;
	/* The descriptor that is readable when receive() has something, or -1. */
	int (*fd)(struct port *p, unsigned int queue);
	/* Hands at most PORT_BATCH packets to fn. How many, or -errno when this queue is dead for good. */
	int (*receive)(struct port *p, unsigned int queue, uint64_t now, port_packet_fn *fn, void *ctx);
	/* When (ns) receive() must be called although no descriptor says so; UINT64_MAX: never. */
	uint64_t (*next)(struct port *p, unsigned int queue);
	/* Copies the packet into the queue's batch, or sends it. */
	void (*send)(struct port *p, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len);
	/* Sends what the queue's batch holds. */
	void (*flush)(struct port *p, unsigned int queue);
	/* Brings counters up to date that only the kernel knows. Any thread. */
	void (*refresh)(struct port *p);
	void (*close)(struct port *p);
};

struct port {
	const struct port_ops *ops;
	const struct log *log;
	unsigned int queues;
	_Atomic uint64_t counter[PORT_COUNTERS];
};

static inline void port_count(struct port *p, enum port_counter c, uint64_t n)
{
	atomic_fetch_add_explicit(&p->counter[c], n, memory_order_relaxed);
}

/*
 * Parses `udp:LADDR:PORT,RADDR:PORT` (IPv6 in brackets), `packet:IFNAME`, `tap:NAME[,mtu=N]`, `tun:NAME[,mtu=N]`,
 * `gen`, `none`. 0, or -EINVAL with a sentence in `why`.
 */
int port_spec_parse(struct port_spec *spec, enum port_side side, const char *text, char *why, size_t size);

/*
 * Opens the port with `queues` queues. `gen` is used by the kind of that name only and must outlive the port. NULL with
 * a sentence in `why`.
 */
struct port *port_open(const struct port_spec *spec, unsigned int queues, struct gen *gen, const struct log *log,
		       char *why, size_t size);
/* NULL is allowed. */
void port_close(struct port *p);

/* Kinds, each in its own file; port_open calls them. */
struct port *port_open_udp(const struct port_spec *spec, unsigned int queues, char *why, size_t size);
struct port *port_open_packet(const struct port_spec *spec, unsigned int queues, char *why, size_t size);
struct port *port_open_tun(const struct port_spec *spec, unsigned int queues, char *why, size_t size);
struct port *port_open_gen(struct gen *gen, unsigned int queues, char *why, size_t size);

#endif
