/* SPDX-License-Identifier: MIT */
/* keyrack-hwsim as its users meet it: two processes, real sockets, real packets. argv[1] is the program. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xfrm_uapi.h"
#include "free_port.h"
#include "proc.h"
#include "tunnel.h"

enum { QUEUES = 2, IFINDEX = 3, COUNT = 4000, PPS = 4000 };

struct lab {
	const char *program;
	char dir[32];
	struct proc side[2];
	struct tunnel tunnel;
};

static const char *const inner_text[2] = {"10.1.0.1", "10.2.0.1"};

static int setup(void **state)
{
	struct lab *lab = *state;
	unsigned int port[2] = {free_port(), free_port()};

	snprintf(lab->dir, sizeof(lab->dir), "/tmp/kr-proc-XXXXXX");
	if (!mkdtemp(lab->dir))
		return -1;
	lab->tunnel = (struct tunnel){
		.outer = {0xc0000201, 0xc0000202}, /* 192.0.2.1, .2 */
		.inner = {0x0a010001, 0x0a020001},
		.queues = QUEUES,
		.ifindex = IFINDEX,
		.side = lab->side,
	};
	for (int i = 0; i < 2; i++) {
		char words[256];

		snprintf(words, sizeof(words),
			 "--profile tiny-33 --queues %d --ifindex %d --seed %d --wire udp:127.0.0.1:%u,127.0.0.1:%u "
			 "--host gen",
			 QUEUES, IFINDEX, i + 1, port[i], port[!i]);
		proc_start(&lab->side[i], lab->program, lab->dir, i ? "b" : "a", words);
	}
	return 0;
}

/* Both ends stop cleanly, each way once, and leave nothing behind. */
static int teardown(void **state)
{
	struct lab *lab = *state;
	json_t *answer = proc_ask(&lab->side[0], "{s:s}", "cmd", "quit");
	int ended;

	json_decref(answer);
	kill(lab->side[1].pid, SIGTERM);
	ended = proc_wait(&lab->side[0]);
	ended |= proc_wait(&lab->side[1]);
	return ended ? -1 : rmdir(lab->dir); /* not empty if a socket is left */
}

static json_t *stats_of(struct lab *lab, int side)
{
	return proc_ask(&lab->side[side], "{s:s}", "cmd", "stats");
}

static int64_t stat_of(struct lab *lab, int side, const char *path)
{
	json_t *stats = stats_of(lab, side);
	int64_t v = proc_number(stats, path);

	json_decref(stats);
	return v;
}

static void start(struct lab *lab, int side, int count)
{
	json_t *answer = proc_ask(&lab->side[side], "{s:s, s:s, s:s, s:s, s:i, s:i, s:[i,i,i]}", "cmd", "gen", "op",
				  "start", "src", inner_text[side], "dst", inner_text[!side], "pps", PPS, "count",
				  count, "bytes", 64, 1300, 512);

	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
}

static bool is_silent(void *ctx)
{
	struct lab *lab = ctx;
	bool running = false;

	for (int side = 0; side < 2; side++) {
		json_t *stats = stats_of(lab, side);

		running |= json_is_true(json_object_get(json_object_get(stats, "gen"), "running"));
		json_decref(stats);
	}
	return !running;
}

static bool is_all_received(void *ctx)
{
	struct lab *lab = ctx;

	return is_silent(ctx) && stat_of(lab, 0, "gen.sent") == stat_of(lab, 1, "gen.received") &&
	       stat_of(lab, 1, "gen.sent") == stat_of(lab, 0, "gen.received");
}

static void expect_zero(struct lab *lab, int side, const char *const *paths)
{
	json_t *stats = stats_of(lab, side);

	for (; *paths; paths++)
		if (proc_number(stats, *paths) != 0)
			fail_msg("side %d: %s is %lld", side, *paths, (long long)proc_number(stats, *paths));
	json_decref(stats);
}

static void traffic_is_protected_and_arrives(void **state)
{
	static const char *const zero[] = {"gen.gaps",
					   "gen.duplicates",
					   "gen.reordered",
					   "gen.late",
					   "gen.payload_errors",
					   "gen.foreign",
					   "gen.stale",
					   "watch.in.leaks",
					   "watch.out.leaks",
					   "watch.in.plain",
					   "watch.out.plain",
					   "wire.rx_dropped",
					   "wire.tx_errors",
					   "card.tx_no_sa",
					   "card.rx_auth_fail",
					   "card.rx_replay",
					   NULL};
	struct lab *lab = *state;

	tunnel_install(&lab->tunnel);
	for (int side = 0; side < 2; side++)
		start(lab, side, COUNT);
	proc_until(is_all_received, lab);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(stat_of(lab, side, "gen.sent"), COUNT * QUEUES);
		assert_int_equal(stat_of(lab, side, "gen.received"), COUNT * QUEUES);
		assert_int_equal(stat_of(lab, side, "watch.out.esp"), COUNT * QUEUES);
		assert_int_equal(stat_of(lab, side, "card.tx_esp"), COUNT * QUEUES);
		assert_int_equal(stat_of(lab, side, "card.total.used"), 2 * QUEUES);
		expect_zero(lab, side, zero);
	}
}

/* Without an SA the policy still covers the packets: they stay, and whoever listens is asked for one. */
static void without_sas_packets_are_dropped_and_not_leaked(void **state)
{
	static const char *const zero[] = {"watch.in.leaks", "watch.out.leaks", "watch.out.plain", NULL};
	struct lab *lab = *state;
	int acquire = proc_events(&lab->side[0], 1 << (XFRMNLGRP_ACQUIRE - 1));
	struct pollfd ready = {acquire, POLLIN, 0};
	struct nlmsghdr event[256];

	tunnel_install(&lab->tunnel);
	tunnel_remove(&lab->tunnel, 0, 0);
	start(lab, 0, 100);
	assert_true(proc_until(is_silent, lab));
	assert_int_equal(stat_of(lab, 0, "gen.sent"), 100 * QUEUES);
	assert_int_equal(stat_of(lab, 0, "card.tx_no_sa"), 100 * QUEUES);
	assert_int_equal(stat_of(lab, 0, "wire.tx_packets"), 0);
	assert_int_equal(stat_of(lab, 1, "gen.received"), 0);
	expect_zero(lab, 0, zero);
	assert_int_equal(poll(&ready, 1, PROC_WAIT_MS), 1);
	assert_true(recv(acquire, event, sizeof(event), 0) > (ssize_t)sizeof(event[0]));
	assert_int_equal(event[0].nlmsg_type, XFRM_MSG_ACQUIRE);
	close(acquire);
}

/* What arrives for an SA that is gone is dropped there. */
static void without_the_inbound_sa_nothing_is_delivered(void **state)
{
	struct lab *lab = *state;

	tunnel_install(&lab->tunnel);
	tunnel_remove(&lab->tunnel, 1, 0);
	start(lab, 0, 100);
	assert_true(proc_until(is_silent, lab));
	assert_int_equal(stat_of(lab, 0, "card.tx_esp"), 100 * QUEUES);
	while (stat_of(lab, 1, "card.rx_no_sa") < 100 * QUEUES)
		assert_int_equal(stat_of(lab, 1, "wire.rx_dropped"), 0);
	assert_int_equal(stat_of(lab, 1, "gen.received"), 0);
}

static void netlink_and_control_agree(void **state)
{
	struct lab *lab = *state;
	uint8_t buf[XFRM_REQUEST_MAX], answer[4096];
	const struct nlmsghdr *nlh = xfrm_get_sadinfo(buf), *reply = (const struct nlmsghdr *)answer;
	const struct nlattr *attr;
	json_t *dump, *check;
	int64_t count = -1;

	tunnel_install(&lab->tunnel);
	proc_netlink(&lab->side[0], nlh, nlh->nlmsg_len, answer, sizeof(answer));
	assert_int_equal(reply->nlmsg_type, XFRM_MSG_NEWSADINFO);
	mnl_attr_for_each (attr, reply, sizeof(uint32_t))
		if (mnl_attr_get_type(attr) == XFRMA_SAD_CNT)
			count = mnl_attr_get_u32(attr);
	assert_int_equal(count, 2 * QUEUES);
	dump = proc_ask(&lab->side[0], "{s:s}", "cmd", "dump");
	assert_true(json_array_size(json_object_get(dump, "lines")) >= 2 * QUEUES);
	json_decref(dump);
	check = proc_ask(&lab->side[0], "{s:s}", "cmd", "check");
	assert_true(json_is_true(json_object_get(check, "ok")));
	json_decref(check);
}

static void a_fault_is_armed_over_the_control_socket(void **state)
{
	struct lab *lab = *state;
	uint8_t buf[XFRM_REQUEST_MAX], answer[4096];
	struct xfrm_sa sa = tunnel_sa(&lab->tunnel, 0, 1, 0);
	struct nlmsghdr *nlh = xfrm_new_sa(buf, &sa);
	json_t *armed = proc_ask(&lab->side[0], "{s:s, s:s, s:i}", "cmd", "fault", "name", "full", "count", 1);

	assert_true(json_is_true(json_object_get(armed, "ok")));
	json_decref(armed);
	assert_true(xfrm_ack(answer, proc_netlink(&lab->side[0], nlh, nlh->nlmsg_len, answer, sizeof(answer))) > 0);
	assert_int_equal(stat_of(lab, 0, "card.refused"), 1);
	tunnel_request(&lab->side[0], nlh);
}

static void wrong_requests_are_named(void **state)
{
	static const struct {
		const char *request, *says;
	} rows[] = {
		{"{\"cmd\":\"frob\"}", "'cmd' must be stats, gen"},
		{"{}", "'cmd' must be"},
		{"{\"cmd\":\"stats\",\"x\":1}", "unknown key 'x'"},
		{"{\"cmd\":\"gen\"}", "'op' must be start, stop or reset"},
		{"{\"cmd\":\"gen\",\"op\":\"start\"}", "'src' must be"},
		{"{\"cmd\":\"gen\",\"op\":\"start\",\"src\":\"10.0.0.1\",\"dst\":\"::1\"}",
		 "'dst' must be an address of the same"},
		{"{\"cmd\":\"gen\",\"op\":\"start\",\"src\":\"1.1.1.1\",\"dst\":\"1.1.1.2\",\"streams\":3}",
		 "streams must be"},
		{"{\"cmd\":\"gen\",\"op\":\"start\",\"src\":\"1.1.1.1\",\"dst\":\"1.1.1.2\",\"bytes\":[64,1]}",
		 "'bytes' must be"},
		{"{\"cmd\":\"gen\",\"op\":\"start\",\"src\":\"1.1.1.1\",\"dst\":\"1.1.1.2\",\"pps\":-1}",
		 "'pps' must be"},
		{"{\"cmd\":\"fault\",\"name\":\"nosuch\"}", "no fault 'nosuch'"},
		{"{\"cmd\":\"fault\"}", "'name' must be"},
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *request = json_loads(rows[i].request, 0, NULL), *answer = proc_ask(&lab->side[0], "o", request);
		const char *error = json_string_value(json_object_get(answer, "error"));

		if (!error || !strstr(error, rows[i].says))
			fail_msg("%s gives: %s", rows[i].request, error ? error : "no error");
		json_decref(answer);
	}
}

/* ethtool's family over the socket: one client sets channels, another hears of it. */
static void channels_are_set_and_told(void **state)
{
	struct lab *lab = *state;
	int fd = proc_events(&lab->side[0], 0x6c6e6567), monitor = proc_events(&lab->side[0], 1u << 30);
	struct pollfd ready[2] = {{fd, POLLIN, 0}, {monitor, POLLIN, 0}};
	union {
		struct nlmsghdr nlh;
		uint8_t room[4096];
	} u = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&u);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	struct nlattr *device = mnl_attr_nest_start(nlh, ETHTOOL_A_CHANNELS_HEADER);

	nlh->nlmsg_type = 21; /* as CTRL_CMD_GETFAMILY would say */
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl->cmd = ETHTOOL_MSG_CHANNELS_SET;
	mnl_attr_put_u32(nlh, ETHTOOL_A_HEADER_DEV_INDEX, IFINDEX);
	mnl_attr_nest_end(nlh, device);
	mnl_attr_put_u32(nlh, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 1);
	while (stat_of(lab, 0, "netlink.event_clients") < 1)
		;
	assert_int_equal(send(fd, nlh, nlh->nlmsg_len, 0), nlh->nlmsg_len);
	assert_int_equal(poll(&ready[0], 1, PROC_WAIT_MS), 1);
	assert_int_equal(xfrm_ack(&u, (size_t)recv(fd, &u, sizeof(u), 0)), 0);
	assert_int_equal(poll(&ready[1], 1, PROC_WAIT_MS), 1);
	assert_true(recv(monitor, &u, sizeof(u), 0) > (ssize_t)sizeof(u.nlh));
	genl = mnl_nlmsg_get_payload(&u.nlh);
	assert_int_equal(u.nlh.nlmsg_type, 21);
	assert_int_equal(genl->cmd, ETHTOOL_MSG_CHANNELS_NTF);
	close(monitor);
	close(fd);
}

static void the_link_is_told_to_who_asks(void **state)
{
	struct lab *lab = *state;
	int fd = proc_events(&lab->side[0], 1u << 31);
	struct pollfd ready = {fd, POLLIN, 0};
	struct nlmsghdr event[16];
	json_t *armed;

	while (stat_of(lab, 0, "netlink.event_clients") < 1)
		;
	armed = proc_ask(&lab->side[0], "{s:s, s:s, s:i}", "cmd", "fault", "name", "link_down", "count", 1);
	assert_true(json_is_true(json_object_get(armed, "ok")));
	json_decref(armed);
	assert_int_equal(poll(&ready, 1, PROC_WAIT_MS), 1);
	assert_true(recv(fd, event, sizeof(event), 0) > (ssize_t)sizeof(event[0]));
	assert_int_equal(event[0].nlmsg_type, RTM_NEWLINK);
	close(fd);
}

static void exit_codes_are_what_scripts_expect(void **state)
{
	const struct lab *lab = *state;
	const char *const sockets = "--netlink /nonexistent/nl --control /nonexistent/ctl --host none --wire none";

	assert_int_equal(proc_run(lab->program, "--help"), 0);
	assert_int_equal(proc_run(lab->program, "--version"), 0);
	assert_int_equal(proc_run(lab->program, ""), 2);
	assert_int_equal(proc_run(lab->program, "--queues 0"), 2);
	assert_int_equal(proc_run(lab->program, sockets), 1);
}

#define WITH_LAB(test) cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, &lab)

int main(int argc, char **argv)
{
	static struct lab lab;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(exit_codes_are_what_scripts_expect, &lab),
		WITH_LAB(traffic_is_protected_and_arrives),
		WITH_LAB(without_sas_packets_are_dropped_and_not_leaked),
		WITH_LAB(without_the_inbound_sa_nothing_is_delivered),
		WITH_LAB(netlink_and_control_agree),
		WITH_LAB(a_fault_is_armed_over_the_control_socket),
		WITH_LAB(wrong_requests_are_named),
		WITH_LAB(channels_are_set_and_told),
		WITH_LAB(the_link_is_told_to_who_asks),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s PATH-OF-keyrack-hwsim\n", argv[0]);
		return 2;
	}
	lab.program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
