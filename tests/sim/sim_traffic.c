/* SPDX-License-Identifier: MIT */
#include "sim_traffic.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/gen_packet.h"

enum {
	PACKET_STRICT = 1,   /* must arrive */
	PACKET_ON_WIRE = 2,  /* has left the sender's card */
	PACKET_RECEIVED = 4, /* has arrived */
	PAYLOAD = 120,       /* bytes */
	WIRE_ESP = 50,       /* IP protocol numbers */
	WIRE_UDP = 17,
	RULE_MS = 100, /* for a flow rule to be set */
};

static int64_t packet_new(struct world *w)
{
	if (w->n_packets == w->cap_packets) {
		w->cap_packets = w->cap_packets ? 2 * w->cap_packets : 4096;
		w->packet = realloc(w->packet, w->cap_packets);
		if (!w->packet)
			abort();
	}
	w->packet[w->n_packets] = w->strict ? PACKET_STRICT : 0;
	return (int64_t)w->n_packets++;
}

/* By what a packet travels in: a tunnel between the networks, or from host to host; IPv4 and IPv6; and by side. */
static const char *const flow_addr[2][2][2] = {
	{{"10.1.0.1", "10.2.0.1"}, {"2001:db8:1::1", "2001:db8:2::1"}},
	{{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8::2"}},
};

void traffic_send(struct side *s, unsigned int queue)
{
	struct world *w = s->w;
	struct gen_flow flow = {
		.family = w->v6 ? 6 : 4,
		.sport = 4000,
		.dport = 5000,
	};
	int64_t tag = packet_new(w);
	struct gen_header h = {
		.run = 1, .number = (uint64_t)tag, .sent_ns = w->now, .stream = (uint16_t)queue, .len = PAYLOAD};
	uint8_t packet[PAYLOAD + 100];
	size_t len;

	inet_pton(w->v6 ? AF_INET6 : AF_INET, flow_addr[w->transport][w->v6][s->i], flow.src);
	inet_pton(w->v6 ? AF_INET6 : AF_INET, flow_addr[w->transport][w->v6][!s->i], flow.dst);
	len = gen_packet_build(&flow, &h, packet, sizeof(packet));
	w->sent++;
	w->current = tag;
	hwsim_tx(s->nic.card, queue, w->now, packet, len);
	w->current = NET_UNTAGGED;
	if (w->packet[tag] == PACKET_STRICT)
		world_fail(w, "%c: packet %" PRId64 " of queue %u did not leave the card", s->name, tag, queue);
}

void traffic_run(struct world *w)
{
	for (unsigned int i = 0; w->flowing && i < w->n_streams; i++) {
		struct stream *st = &w->stream[i];

		if (st->next_ns > w->now)
			continue;
		st->next_ns = w->now + 1 + (uint64_t)(2e9 * prng_unit(&w->rng) / st->rate);
		traffic_send(&w->side[st->from], st->queue);
	}
}

uint64_t traffic_next(const struct world *w)
{
	uint64_t at = UINT64_MAX;

	for (unsigned int i = 0; w->flowing && i < w->n_streams; i++)
		at = w->stream[i].next_ns < at ? w->stream[i].next_ns : at;
	return at;
}

static bool is_protected(const uint8_t *packet, size_t len)
{
	unsigned int protocol = len < 40 ? 0 : packet[0] >> 4 == 6 ? packet[6] : packet[9];

	return protocol == WIRE_ESP || protocol == WIRE_UDP;
}

/* Of what is_protected(): in host order. */
static uint32_t spi_of(const uint8_t *packet)
{
	bool v6 = packet[0] >> 4 == 6;
	size_t at = v6 ? 40 : 20;

	if ((v6 ? packet[6] : packet[9]) == WIRE_UDP)
		at += 8;
	return (uint32_t)packet[at] << 24 | (uint32_t)packet[at + 1] << 16 | (uint32_t)packet[at + 2] << 8 |
	       packet[at + 3];
}

void traffic_on_wire(struct side *s, const uint8_t *packet, size_t len)
{
	struct world *w = s->w;
	struct net_packet head = {.kind = NET_ESP, .to = !s->i, .tag = w->current};

	if (memmem(packet, len, gen_magic, GEN_MAGIC_SIZE) || !is_protected(packet, len)) {
		if (w->closed)
			world_fail(w, "%c: a packet leaves unprotected", s->name);
		return;
	}
	if (w->current >= 0)
		w->packet[w->current] |= PACKET_ON_WIRE;
	if (!net_send(&w->net, w->now, &head, packet, len))
		w->net_lost++;
}

/* The RX queue on which a packet is to arrive, by the SA that it names; -1: on any. */
static int rx_wanted(const struct side *s, const struct net_packet *p)
{
	bool v6 = p->data[0] >> 4 == 6;
	size_t at = v6 ? 40 : 20;
	uint32_t spi;

	if (s->w->moving || p->len < at + 4 || p->data[v6 ? 6 : 9] != WIRE_ESP)
		return -1;
	spi = (uint32_t)p->data[at] << 24 | (uint32_t)p->data[at + 1] << 16 | (uint32_t)p->data[at + 2] << 8 |
	      p->data[at + 3];
	for (unsigned int i = 0; i < SIDE_SAS; i++)
		if (s->sas[i].spi == spi)
			return s->sas[i].rule && s->w->now < s->sas[i].from_ns + RULE_MS * sim_ms ? -1 : s->sas[i].rx;
	return -1;
}

void traffic_deliver(struct side *s, const struct net_packet *p)
{
	struct world *w = s->w;
	bool strict = p->tag >= 0 && !p->copy && w->packet[p->tag] & PACKET_STRICT;

	w->arriving_spi = spi_of(p->data);
	s->expect_rx = rx_wanted(s, p);
	hwsim_rx(s->nic.card, w->now, p->data, p->len);
	/* the copy of a doubled packet may have come first */
	if (strict && !(w->packet[p->tag] & PACKET_RECEIVED))
		world_fail(w, "%c: packet %" PRId64 " reached the card and was dropped (SPI %08x)", s->name, p->tag,
			   w->arriving_spi);
}

void traffic_arrived(struct side *s, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct world *w = s->w;
	struct gen_header h;
	enum gen_verdict verdict = gen_packet_parse(packet, len, &h);

	if (verdict != GEN_GOOD || h.number >= w->n_packets) {
		world_fail(w, "%c: a packet arrives that nobody sent like this", s->name);
		return;
	}
	if (w->packet[h.number] & PACKET_RECEIVED)
		world_fail(w, "%c: packet %" PRIu64 " arrives twice", s->name, h.number);
	if (s->expect_rx >= 0 && (unsigned int)s->expect_rx != queue)
		world_fail(w, "%c: packet %" PRIu64 " of queue %u arrives on RX queue %u instead of %d", s->name,
			   h.number, h.stream, queue, s->expect_rx);
	w->steered += s->expect_rx >= 0;
	w->packet[h.number] |= PACKET_RECEIVED;
	w->received++;
	if (w->arrived)
		w->arrived(w->arrived_ctx, s, h.stream, w->arriving_spi);
}

void world_streams(struct world *w, unsigned int queues, double rate)
{
	w->n_streams = 0;
	for (unsigned int from = 0; from < 2; from++)
		for (unsigned int q = 0; q < queues && w->n_streams < WORLD_STREAMS_MAX; q++)
			w->stream[w->n_streams++] =
				(struct stream){.from = from, .queue = q, .rate = rate, .next_ns = w->now};
	w->flowing = true;
}

bool world_quiet(struct world *w)
{
	w->flowing = false;
	return world_run(w, w->net.config.delay_ns + w->net.config.jitter_ns + sim_ms);
}
