/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "free_port.h"
#include "hwsim/port.h"

struct seen {
	unsigned int packets;
	uint8_t first[256]; /* first byte of each */
	size_t bytes;
};

static void collect(void *ctx, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct seen *s = ctx;

	(void)queue;
	(void)now;
	if (s->packets < sizeof(s->first))
		s->first[s->packets] = packet[0];
	s->packets++;
	s->bytes += len;
}

static struct port *open_port(unsigned int local, unsigned int remote, unsigned int queues)
{
	struct port_spec spec;
	char text[64], why[256] = "";
	struct port *p;

	snprintf(text, sizeof(text), "udp:127.0.0.1:%u,127.0.0.1:%u", local, remote);
	assert_int_equal(port_spec_parse(&spec, PORT_WIRE, text, why, sizeof(why)), 0);
	p = port_open(&spec, queues, NULL, NULL, why, sizeof(why));
	if (!p)
		fail_msg("%s", why);
	return p;
}

static void receive_all(struct port *p, unsigned int packets, struct seen *s)
{
	struct pollfd fd = {p->ops->fd(p, 0), POLLIN, 0};

	while (s->packets < packets && poll(&fd, 1, 5000) == 1)
		assert_true(p->ops->receive(p, 0, 1, collect, s) >= 0);
}

static void packets_cross_in_batches_and_in_order(void **state)
{
	unsigned int pa = free_port(), pb = free_port();
	struct port *a = open_port(pa, pb, 2), *b = open_port(pb, pa, 2);
	struct seen s = {0};
	uint8_t packet[PORT_PACKET_MAX + 1];

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		memset(packet, (int)i, sizeof(packet));
		a->ops->send(a, i % 2, 1, packet, 100 + i);
	}
	a->ops->flush(a, 0);
	a->ops->flush(a, 1);
	receive_all(b, 100, &s);
	assert_int_equal(s.packets, 100);
	assert_int_equal(a->counter[PORT_TX_PACKETS], 100);
	assert_int_equal(a->counter[PORT_TX_BYTES], s.bytes);
	assert_int_equal(b->counter[PORT_RX_BYTES], s.bytes);
	/* a full batch of queue 0 is the first to leave */
	for (unsigned int i = 0; i < PORT_BATCH; i++)
		assert_int_equal(s.first[i], i * 2);
	a->ops->send(a, 0, 1, packet, PORT_PACKET_MAX + 1);
	assert_int_equal(a->counter[PORT_TX_TOO_BIG], 1);
	b->ops->refresh(b);
	assert_int_equal(b->counter[PORT_RX_DROPPED], 0);
	port_close(a);
	port_close(b);
}

/* The kernel's count of what did not fit in the socket is the port's: the wire's loss is not the card's. */
static void what_the_socket_drops_is_counted(void **state)
{
	unsigned int pa = free_port(), pb = free_port();
	struct port *a = open_port(pa, pb, 1), *b = open_port(pb, pa, 1);
	struct seen s = {0};
	uint8_t packet[9000] = {0};
	int small = 1;

	(void)state;
	assert_int_equal(setsockopt(b->ops->fd(b, 0), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (unsigned int i = 0; i < 64; i++)
		a->ops->send(a, 0, 1, packet, sizeof(packet));
	a->ops->flush(a, 0);
	b->ops->refresh(b);
	assert_true(b->counter[PORT_RX_DROPPED] > 0);
	receive_all(b, 64 - (unsigned int)b->counter[PORT_RX_DROPPED], &s);
	assert_int_equal(s.packets + b->counter[PORT_RX_DROPPED], 64);
	port_close(a);
	port_close(b);
}

static void a_peer_that_is_not_there_is_no_error(void **state)
{
	struct port *a = open_port(free_port(), free_port(), 1);
	uint8_t packet[100] = {0};
	struct seen s = {0};

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		a->ops->send(a, 0, 1, packet, sizeof(packet));
		a->ops->flush(a, 0);
		assert_true(a->ops->receive(a, 0, 1, collect, &s) >= 0);
	}
	assert_int_equal(s.packets, 0);
	assert_int_equal(a->counter[PORT_TX_ERRORS], 0);
	port_close(a);
}

static void an_address_in_use_is_said(void **state)
{
	unsigned int port = free_port();
	struct port *a = open_port(port, 9, 1);
	struct port_spec spec;
	char text[64], why[256] = "";

	(void)state;
	snprintf(text, sizeof(text), "udp:127.0.0.1:%u,127.0.0.1:9", port);
	assert_int_equal(port_spec_parse(&spec, PORT_WIRE, text, why, sizeof(why)), 0);
	assert_null(port_open(&spec, 1, NULL, NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "bind"));
	port_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_cross_in_batches_and_in_order),
		cmocka_unit_test(what_the_socket_drops_is_counted),
		cmocka_unit_test(a_peer_that_is_not_there_is_no_error),
		cmocka_unit_test(an_address_in_use_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
