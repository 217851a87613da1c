/* SPDX-License-Identifier: MIT */
#include "hwsim/port.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const counter_names[PORT_COUNTERS] = {
	[PORT_RX_PACKETS] = "rx_packets",
	[PORT_RX_BYTES] = "rx_bytes",
	[PORT_RX_DROPPED] = "rx_dropped",
	[PORT_RX_IGNORED] = "rx_ignored",
	[PORT_RX_TRUNCATED] = "rx_truncated",
	[PORT_TX_PACKETS] = "tx_packets",
	[PORT_TX_BYTES] = "tx_bytes",
	[PORT_TX_ERRORS] = "tx_errors",
	[PORT_TX_UNREACHABLE] = "tx_unreachable",
	[PORT_TX_TOO_BIG] = "tx_too_big",
	[PORT_TX_NO_NEIGHBOUR] = "tx_no_neighbour",
	[PORT_TX_PAUSED] = "tx_paused",
};

const char *port_counter_name(enum port_counter c)
{
	return counter_names[c];
}

/* The port that nothing is plugged into: what is sent there is counted and gone. */

static int none_fd(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
	return -1;
}

static int none_receive(struct port *p, unsigned int queue, uint64_t now, port_packet_fn *fn, void *ctx)
{
	(void)p;
	(void)queue;
	(void)now;
	(void)fn;
	(void)ctx;
	return 0;
}

static uint64_t none_next(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
	return UINT64_MAX;
}

static void none_send(struct port *p, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	(void)queue;
	(void)now;
	(void)packet;
	port_count(p, PORT_TX_PACKETS, 1);
	port_count(p, PORT_TX_BYTES, len);
}

static void none_flush(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
}

static void none_refresh(struct port *p)
{
	(void)p;
}

static void none_close(struct port *p)
{
	free(p);
}

static const struct port_ops none_ops = {
	"none", none_fd, none_receive, none_next, none_send, none_flush, none_refresh, none_close,
};

static struct port *open_none(char *why, size_t size)
{
	struct port *p = calloc(1, sizeof(*p));

	if (!p) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	p->ops = &none_ops;
	return p;
}

struct port *port_open(const struct port_spec *spec, unsigned int queues, struct gen *gen, const struct log *log,
		       char *why, size_t size)
{
	struct port *p = NULL;

	switch (spec->kind) {
	case PORT_NONE:
		p = open_none(why, size);
		break;
	case PORT_UDP:
		p = port_open_udp(spec, queues, why, size);
		break;
	case PORT_PACKET:
		p = port_open_packet(spec, queues, why, size);
		break;
	case PORT_TAP:
	case PORT_TUN:
		p = port_open_tun(spec, queues, why, size);
		break;
	case PORT_GEN:
		p = port_open_gen(gen, queues, why, size);
		break;
	}
	if (p) {
		p->queues = queues;
		p->log = log;
	}
	return p;
}

void port_close(struct port *p)
{
	if (p)
		p->ops->close(p);
}
