/* SPDX-License-Identifier: MIT */
/* Two hosts with a card each: the hosts' kernels route through a TAP, the cards meet on a veth pair. argv[1]: the
 * program. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "tunnel.h"

enum { SKIP = 77, ROUNDS = 200, QUEUES = 2 };

struct lab {
	const char *program;
	char dir[32];
	struct netns ns;
	struct proc side[2];
	int udp[2];
};

static const char *const inner_text[2] = {"10.1.0.1", "10.2.0.1"};

static int setup(void **state)
{
	struct lab *lab = *state;

	snprintf(lab->dir, sizeof(lab->dir), "/tmp/kr-priv-XXXXXX");
	if (!mkdtemp(lab->dir))
		return -1;
	for (int i = 0; i < 2; i++) {
		char words[256];

		netns_enter(&lab->ns, i);
		snprintf(words, sizeof(words), "--profile tiny-33 --queues %d --wire packet:krv%d --host tap:krt0",
			 QUEUES, i);
		proc_start(&lab->side[i], lab->program, lab->dir, i ? "b" : "a", words);
		snprintf(words, sizeof(words), "addr add %s/32 dev krt0", inner_text[i]);
		netns_ip(words);
		snprintf(words, sizeof(words), "route add %s/32 dev krt0 src %s", inner_text[!i], inner_text[i]);
		netns_ip(words);
		lab->udp[i] = netns_udp(inner_text[i], 7000);
	}
	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;
	int ended = 0;

	for (int i = 0; i < 2; i++) {
		kill(lab->side[i].pid, SIGTERM);
		ended |= proc_wait(&lab->side[i]);
		close(lab->udp[i]);
		netns_enter(&lab->ns, i);
		ended |= if_nametoindex("krt0") != 0;
	}
	netns_enter(&lab->ns, 0);
	return ended ? -1 : rmdir(lab->dir);
}

static int64_t stat_of(struct lab *lab, int side, const char *path)
{
	json_t *stats = proc_ask(&lab->side[side], "{s:s}", "cmd", "stats");
	int64_t v = proc_number(stats, path);

	json_decref(stats);
	return v;
}

/* One datagram each way. The first may be lost while the kernel finds the neighbour: then it is sent again. */
static void round_trip(struct lab *lab, unsigned int number, int wait_ms, int tries)
{
	for (int from = 0; from < 2; from++) {
		struct pollfd ready = {lab->udp[!from], POLLIN, 0};
		unsigned int got = 0;
		int n = 0;

		do {
			assert_true(n++ < tries);
			netns_udp_send(lab->udp[from], inner_text[!from], 7000, &number, sizeof(number));
		} while (poll(&ready, 1, wait_ms) == 0);
		assert_int_equal(recv(lab->udp[!from], &got, sizeof(got), 0), sizeof(got));
		assert_int_equal(got, number);
	}
}

static void hosts_talk_through_their_cards(void **state)
{
	struct lab *lab = *state;
	struct tunnel tunnel = {
		.outer = {0x0a080001, 0x0a080002},
		.inner = {0x0a010001, 0x0a020001},
		.queues = QUEUES,
		.ifindex = 1,
		.side = lab->side,
	};

	tunnel_install(&tunnel);
	round_trip(lab, 0, 50, 100);
	for (unsigned int i = 1; i < ROUNDS; i++)
		round_trip(lab, i, PROC_WAIT_MS, 1);
	for (int side = 0; side < 2; side++) {
		assert_true(stat_of(lab, side, "card.tx_esp") >= ROUNDS);
		assert_int_equal(stat_of(lab, side, "card.rx_esp"), ROUNDS);
		assert_int_equal(stat_of(lab, side, "watch.out.plain") + stat_of(lab, side, "watch.in.plain"), 0);
		assert_int_equal(stat_of(lab, side, "host.tx_errors") + stat_of(lab, side, "wire.tx_errors"), 0);
	}
}

int main(int argc, char **argv)
{
	static struct lab lab;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(hosts_talk_through_their_cards, setup, teardown, &lab),
	};
	int failed;

	if (argc != 2) {
		fprintf(stderr, "usage: %s PATH-OF-keyrack-hwsim\n", argv[0]);
		return 2;
	}
	lab.program = argv[1];
	if (!netns_open(&lab.ns))
		return SKIP;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	netns_close(&lab.ns);
	return failed;
}
