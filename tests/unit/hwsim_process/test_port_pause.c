/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hwsim/port_pause.h"

enum { WINDOW = 8000 };

struct pair {
	int fd[2]; /* ours, the peer's */
	struct port port;
	struct port_pause pause;
};

static int setup(void **state)
{
	static struct pair p;

	memset(&p, 0, sizeof(p));
	port_pause_init(&p.pause, 77, WINDOW);
	*state = &p;
	return socketpair(AF_UNIX, SOCK_DGRAM, 0, p.fd);
}

static int teardown(void **state)
{
	struct pair *p = *state;

	close(p->fd[0]);
	close(p->fd[1]);
	port_pause_destroy(&p->pause);
	return 0;
}

static void send_batch(struct pair *p, uint64_t cost)
{
	port_pause_enter(&p->pause, &p->port, p->fd[0], cost);
	port_pause_leave(&p->pause, p->fd[0]);
}

/* Reads the probes that wait at the peer and echoes them; how many. */
static int peer_reads(struct pair *p)
{
	struct port_pause peer;
	uint8_t frame[64];
	ssize_t n;
	int probes = 0;

	port_pause_init(&peer, 1, WINDOW);
	while ((n = recv(p->fd[1], frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		probes += port_pause_receive(&peer, p->fd[1], frame, (size_t)n);
	port_pause_destroy(&peer);
	return probes;
}

static int we_read(struct pair *p)
{
	uint8_t frame[64];
	ssize_t n;
	int echoes = 0;

	while ((n = recv(p->fd[0], frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		echoes += port_pause_receive(&p->pause, p->fd[0], frame, (size_t)n);
	return echoes;
}

static void a_peer_that_never_echoes_is_not_waited_for(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 100; i++)
		port_pause_enter(&p->pause, &p->port, p->fd[0], WINDOW);
	assert_int_equal(p->port.counter[PORT_TX_PAUSED], 0);
}

static void probes_are_spaced_and_echoes_move_the_window(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 8; i++)
		send_batch(p, WINDOW / 8);
	assert_int_equal(peer_reads(p), 4);
	assert_int_equal(p->pause.echoed, 0);
	assert_int_equal(we_read(p), 4);
	assert_true(p->pause.active);
	assert_int_equal(p->pause.echoed, WINDOW);
	for (int i = 0; i < 8; i++)
		send_batch(p, WINDOW / 8);
	assert_int_equal(p->port.counter[PORT_TX_PAUSED], 0);
}

/* The peer stops reading: the sender waits, asks again, and in the end goes on without it. */
static void a_peer_that_stops_is_given_up(void **state)
{
	struct pair *p = *state;

	send_batch(p, WINDOW / 4);
	peer_reads(p);
	we_read(p);
	assert_true(p->pause.active);
	send_batch(p, WINDOW + 1);
	send_batch(p, 100);
	assert_int_equal(p->port.counter[PORT_TX_PAUSED], 1);
	assert_false(p->pause.active);
	assert_int_equal(peer_reads(p), 1 + PAUSE_TRIES);
	we_read(p);
	assert_true(p->pause.active); /* back again */
}

static void echoes_of_another_process_or_of_what_was_never_sent_are_nothing(void **state)
{
	struct pair *p = *state;
	uint8_t frame[64];
	ssize_t n;

	send_batch(p, WINDOW);
	n = recv(p->fd[1], frame, sizeof(frame), MSG_DONTWAIT);
	assert_int_equal(n, PAUSE_FRAME);
	frame[7] = 1; /* an echo */
	frame[15] ^= 1;
	assert_true(port_pause_receive(&p->pause, p->fd[0], frame, (size_t)n));
	assert_false(p->pause.active);
	frame[15] ^= 1;
	frame[16] = 0xff;
	assert_true(port_pause_receive(&p->pause, p->fd[0], frame, (size_t)n));
	assert_false(p->pause.active);
	frame[16] = 0;
	assert_true(port_pause_receive(&p->pause, p->fd[0], frame, (size_t)n));
	assert_true(p->pause.active);
}

static void packets_are_not_taken_for_frames(void **state)
{
	struct pair *p = *state;
	static const uint8_t mark[] = {0, 'K', 'R', 'p', 'a', 'u', 's'};
	uint8_t packet[PAUSE_FRAME + 1] = {0x45};

	for (size_t len = 0; len <= sizeof(packet); len++)
		assert_false(port_pause_receive(&p->pause, p->fd[0], packet, len));
	memcpy(packet, mark, sizeof(mark));
	assert_false(port_pause_receive(&p->pause, p->fd[0], packet, PAUSE_FRAME - 1));
	assert_false(port_pause_receive(&p->pause, p->fd[0], packet, PAUSE_FRAME + 1));
}

static void the_cost_is_never_less_than_the_data(void **state)
{
	(void)state;
	for (size_t len = 0; len < 9600; len++)
		assert_true(port_pause_cost(len) > len + 512);
	assert_int_equal(port_pause_cost(1400), 2048 + 256);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(a_peer_that_never_echoes_is_not_waited_for),
		WITH_PAIR(probes_are_spaced_and_echoes_move_the_window),
		WITH_PAIR(a_peer_that_stops_is_given_up),
		WITH_PAIR(echoes_of_another_process_or_of_what_was_never_sent_are_nothing),
		WITH_PAIR(packets_are_not_taken_for_frames),
		cmocka_unit_test(the_cost_is_never_less_than_the_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
