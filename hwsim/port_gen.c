/* SPDX-License-Identifier: MIT */
/* The host port that is the traffic generator: it "receives" what is due and checks what it is sent. */
#include "hwsim/gen.h"
#include "hwsim/port.h"

#include <stdio.h>
#include <stdlib.h>

struct port_gen {
	struct port port;
	struct gen *gen;
};

static int gen_port_fd(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
	return -1;
}

static int gen_port_receive(struct port *p, unsigned int queue, uint64_t now, port_packet_fn *fn, void *ctx)
{
	struct port_gen *g = (struct port_gen *)p;
	uint8_t packet[GEN_PACKET_MAX];
	int n = 0;

	while (n < PORT_BATCH) {
		size_t len = gen_build(g->gen, queue, now, packet, sizeof(packet));

		if (len == 0)
			break;
		port_count(p, PORT_RX_PACKETS, 1);
		port_count(p, PORT_RX_BYTES, len);
		fn(ctx, queue, now, packet, len);
		n++;
	}
	return n;
}

static uint64_t gen_port_next(struct port *p, unsigned int queue)
{
	return gen_next(((struct port_gen *)p)->gen, queue);
}

static void gen_port_send(struct port *p, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	port_count(p, PORT_TX_PACKETS, 1);
	port_count(p, PORT_TX_BYTES, len);
	gen_receive(((struct port_gen *)p)->gen, queue, now, packet, len);
}

static void gen_port_flush(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
}

static void gen_port_refresh(struct port *p)
{
	(void)p;
}

static void gen_port_close(struct port *p)
{
	free(p);
}

static const struct port_ops gen_port_ops = {
	"gen",         gen_port_fd,    gen_port_receive, gen_port_next,
	gen_port_send, gen_port_flush, gen_port_refresh, gen_port_close,
};

struct port *port_open_gen(struct gen *gen, unsigned int queues, char *why, size_t size)
{
	struct port_gen *g = calloc(1, sizeof(*g));

	(void)queues;
	if (!g) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	g->port.ops = &gen_port_ops;
	g->gen = gen;
	return &g->port;
}
