/* SPDX-License-Identifier: MIT */
/* The ports that need privilege, in network namespaces of their own: tap, tun, and packet over a veth pair. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "hwsim/port.h"
#include "hwsim/port_ip.h"
#include "netns.h"

enum { SKIP = 77, WAIT_MS = 5000, QUEUES = 3, SENDS = 5 };

struct seen {
	unsigned int packets;
	size_t len;
	uint8_t packet[2048];
};

static void keep(void *ctx, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct seen *s = ctx;

	(void)queue;
	(void)now;
	s->packets++;
	s->len = len;
	memcpy(s->packet, packet, len < sizeof(s->packet) ? len : sizeof(s->packet));
}

static struct port *open_spec(enum port_side side, const char *text, unsigned int queues)
{
	struct port_spec spec;
	char why[256] = "";
	struct port *p;

	assert_int_equal(port_spec_parse(&spec, side, text, why, sizeof(why)), 0);
	p = port_open(&spec, queues, NULL, NULL, why, sizeof(why));
	if (!p)
		fail_msg("%s: %s", text, why);
	return p;
}

/* Receives on every queue until one packet came. */
static void receive_one(struct port *p, unsigned int queues, struct seen *s)
{
	struct pollfd fds[QUEUES];

	for (unsigned int q = 0; q < queues; q++)
		fds[q] = (struct pollfd){p->ops->fd(p, q), POLLIN, 0};
	while (!s->packets && poll(fds, queues, WAIT_MS) > 0)
		for (unsigned int q = 0; q < queues; q++)
			assert_true(p->ops->receive(p, q, 1, keep, s) >= 0);
	assert_int_equal(s->packets, 1);
}

static void expect_datagram(int fd, const void *data, size_t len)
{
	struct pollfd ready = {fd, POLLIN, 0};
	char buf[256];

	assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), len);
	assert_memory_equal(buf, data, len);
}

/* A busy kernel may drop a datagram: it is sent again, as any sender of UDP would. */
static void send_until_heard(struct port *p, const struct seen *s, int fd)
{
	struct pollfd ready = {fd, POLLIN, 0};

	for (int i = 0; i < SENDS; i++) {
		p->ops->send(p, 1, 1, s->packet, s->len);
		if (poll(&ready, 1, WAIT_MS / SENDS) > 0)
			return;
	}
}

/* The host sends to an address behind the interface; the packet is turned round and comes back to the host's socket. */
static void check_host_port(const char *spec, const char *name, bool six)
{
	struct port *p = open_spec(PORT_HOST, spec, QUEUES);
	size_t head = six ? 40 : 20, at = six ? 8 : 12, size = six ? 16 : 4;
	uint8_t swap[16];
	struct seen s = {0};
	char words[64];
	int fd;

	snprintf(words, sizeof(words), "addr add %s dev %s", six ? "fd00:9::1/64 nodad" : "10.9.0.1/24", name);
	netns_ip(words);
	fd = netns_udp(six ? "fd00:9::1" : "10.9.0.1", 7000);
	netns_udp_send(fd, six ? "fd00:9::77" : "10.9.0.77", 7001, "ping", 4);
	receive_one(p, QUEUES, &s);
	assert_int_equal(s.len, head + 12);
	assert_memory_equal(s.packet + head + 8, "ping", 4);
	memcpy(swap, s.packet + at, size);
	memmove(s.packet + at, s.packet + at + size, size);
	memcpy(s.packet + at + size, swap, size);
	put_be16(s.packet + head, 7001);
	put_be16(s.packet + head + 2, 7000);
	send_until_heard(p, &s, fd);
	expect_datagram(fd, "ping", 4);
	assert_int_equal(p->counter[PORT_TX_ERRORS], 0);
	close(fd);
	port_close(p);
	assert_int_equal(if_nametoindex(name), 0); /* gone with its owner */
}

static void a_tap_is_a_host_link(void **state)
{
	(void)state;
	check_host_port("tap:krt0", "krt0", false);
	check_host_port("tap:krt0", "krt0", true);
}

static void a_tun_is_a_host_link(void **state)
{
	(void)state;
	check_host_port("tun:krt1,mtu=1300", "krt1", false);
	check_host_port("tun:krt1,mtu=1300", "krt1", true);
}

/* The sum over pseudo-header and payload, which is 0 when the checksum is right. */
static uint16_t residue(const struct seen *s)
{
	struct ip_view view;
	uint8_t sum[512];
	size_t addrs;

	assert_true(ip_parse(s->packet, s->len, &view));
	addrs = view.family == 4 ? 8 : 32;
	memcpy(sum, view.src, addrs);
	put_be32(sum + addrs, (uint32_t)view.payload_len);
	put_be32(sum + addrs + 4, view.proto);
	memcpy(sum + addrs + 8, view.payload, view.payload_len);
	return ip_checksum(sum, addrs + 8 + view.payload_len);
}

/* Of what a peer sends to port 4500, only ESP is the card's; and the checksum that veth leaves out is there. */
static void check_packet_receive(const struct netns *n, const char *from, const char *to)
{
	static const uint8_t ike[40] = {0}, esp[41] = {0x12, 0x34, 0x56, 0x78};
	struct port *p = open_spec(PORT_WIRE, "packet:krv0", 1);
	struct seen s = {0};
	int kernel = netns_udp(to, 4500), peer;

	netns_enter(n, 1);
	peer = netns_udp(from, 4500);
	netns_udp_send(peer, to, 4500, "\xff", 1);
	netns_udp_send(peer, to, 4500, ike, sizeof(ike));
	netns_udp_send(peer, to, 4500, esp, sizeof(esp));
	netns_enter(n, 0);
	receive_one(p, 1, &s);
	assert_int_equal(s.len, (strchr(to, ':') ? 48 : 28) + sizeof(esp));
	assert_memory_equal(s.packet + s.len - sizeof(esp), esp, sizeof(esp));
	assert_int_equal(residue(&s), 0);
	assert_int_equal(p->counter[PORT_RX_IGNORED], 2);
	expect_datagram(kernel, "\xff", 1);
	expect_datagram(kernel, ike, sizeof(ike));
	close(peer);
	close(kernel);
	port_close(p);
}

static void a_packet_port_takes_esp_only(void **state)
{
	check_packet_receive(*state, "10.8.0.2", "10.8.0.1");
	check_packet_receive(*state, "fd00:8::2", "fd00:8::1");
}

static void what_is_for_another_host_is_left_alone(void **state)
{
	const struct netns *n = *state;
	static const uint8_t esp[40] = {1};
	struct port *p = open_spec(PORT_WIRE, "packet:krv0", 1);
	struct seen s = {0};
	int peer;

	netns_enter(n, 1);
	netns_ip("route add 10.7.0.0/24 via 10.8.0.1");
	peer = netns_udp("10.8.0.2", 4500);
	netns_udp_send(peer, "10.7.0.1", 4500, esp, sizeof(esp));
	netns_udp_send(peer, "10.8.0.1", 4500, esp, sizeof(esp));
	netns_ip("route del 10.7.0.0/24");
	netns_enter(n, 0);
	receive_one(p, 1, &s);
	assert_int_equal(p->counter[PORT_RX_IGNORED], 1);
	close(peer);
	port_close(p);
}

/* A packet to a peer never heard of: the kernel is made to resolve it, and then it goes out. */
static void check_packet_send(const struct netns *n, const char *src, const char *dst)
{
	struct port *p = open_spec(PORT_WIRE, "packet:krv0", 1);
	bool six = strchr(dst, ':') != NULL;
	uint8_t packet[128] = {0};
	struct pollfd ready = {-1, POLLIN, 0};
	size_t head = six ? 40 : 20;
	uint64_t now = 1;
	int tries = 0;

	netns_enter(n, 1);
	ready.fd = netns_udp(dst, 4500);
	netns_enter(n, 0);
	packet[0] = six ? 0x60 : 0x45;
	put_be16(packet + (six ? 4 : 2), (uint16_t)(six ? 28 : head + 28));
	packet[six ? 7 : 8] = 64;
	packet[six ? 6 : 9] = IPPROTO_UDP;
	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, src, packet + (six ? 8 : 12)), 1);
	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, dst, packet + (six ? 24 : 16)), 1);
	put_be16(packet + head, 4500);
	put_be16(packet + head + 2, 4500);
	put_be16(packet + head + 4, 28);
	packet[head + 8] = 0x77;
	if (!six)
		put_be16(packet + 10, ip_checksum(packet, 20));
	ip_complete_checksum(packet, head + 28);
	do { /* virtual time passes quickly, so that every try asks again */
		now += 1000000000;
		p->ops->send(p, 0, now, packet, head + 28);
		p->ops->flush(p, 0);
	} while (poll(&ready, 1, 20) == 0 && ++tries < 200);
	assert_true(p->counter[PORT_TX_NO_NEIGHBOUR] > 0);
	assert_true(p->counter[PORT_TX_PACKETS] > 0);
	expect_datagram(ready.fd, packet + head + 8, 20);
	close(ready.fd);
	port_close(p);
}

static void an_unknown_neighbour_is_resolved(void **state)
{
	check_packet_send(*state, "10.8.0.1", "10.8.0.3");
	check_packet_send(*state, "fd00:8::1", "fd00:8::3");
}

static void an_interface_that_is_not_there_is_said(void **state)
{
	struct port_spec spec;
	char why[256] = "";

	(void)state;
	assert_int_equal(port_spec_parse(&spec, PORT_WIRE, "packet:krv9", why, sizeof(why)), 0);
	assert_null(port_open(&spec, 1, NULL, NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "'krv9'"));
}

int main(void)
{
	struct netns n;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(an_unknown_neighbour_is_resolved, &n),
		cmocka_unit_test_prestate(a_packet_port_takes_esp_only, &n),
		cmocka_unit_test_prestate(what_is_for_another_host_is_left_alone, &n),
		cmocka_unit_test(an_interface_that_is_not_there_is_said),
		cmocka_unit_test(a_tap_is_a_host_link),
		cmocka_unit_test(a_tun_is_a_host_link),
	};
	int failed;

	if (!netns_open(&n))
		return SKIP;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	netns_close(&n);
	return failed;
}
