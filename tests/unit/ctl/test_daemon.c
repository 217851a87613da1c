/* SPDX-License-Identifier: MIT */
/* keyrackd as a process: what it refuses to start with, its socket, reload, and how it ends. argv: keyrackd
 * keyrack-hwsim. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateways.h"

static struct programs programs;

static int setup(void **state)
{
	*state = gateways_new(&programs);
	return 0;
}

static int teardown(void **state)
{
	gateways_free(*state);
	return 0;
}

/* ---- the command line ---- */

static void check_says_good_or_the_mistake(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	const char *argv[] = {programs.keyrackd, "--config", left->conf, "--check", NULL};
	char expected[200];

	assert_int_equal(process_run(&left->daemon, argv), 0);
	snprintf(expected, sizeof(expected), "%s: 1 connections, 1 secrets: good\n", left->conf);
	assert_string_equal(left->daemon.log, expected);
	gateways_configure(g, left, 2, "  mobike = yes\n");
	assert_int_equal(process_run(&left->daemon, argv), 2);
	snprintf(expected, sizeof(expected),
		 "keyrackd: %s:29: connections.gw.mobike: \"yes\" is not possible: keyrack does not do MOBIKE; "
		 "allowed: no\n",
		 left->conf);
	assert_string_equal(left->daemon.log, expected);
}

static void usage(void **state)
{
	static const struct {
		const char *arg[3];
		int code;
		const char *says;
	} rows[] = {
		{{NULL}, 2, "usage: keyrackd"},
		{{"--help"}, 0, "usage: keyrackd"},
		{{"--version"}, 0, "keyrackd "},
		{{"--config"}, 2, "usage: keyrackd"},
		{{"--nonsense"}, 2, "usage: keyrackd"},
		{{"--config", "/nowhere/at/all"},
		 2,
		 "keyrackd: /nowhere/at/all: cannot open: No such file or directory"},
		{{"--log-level", "loud"}, 2, "\"loud\" is not one of error, warning, notice, info, debug"},
	};
	struct process *p = &((struct gateways *)*state)->side[0].daemon;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *argv[] = {programs.keyrackd, rows[i].arg[0], rows[i].arg[1], NULL};

		assert_int_equal(process_run(p, argv), rows[i].code);
		assert_non_null(strstr(p->log, rows[i].says));
	}
}

/* ---- nothing starts half ---- */

static void without_its_card_it_does_not_start(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	const char *argv[] = {programs.keyrackd, "--config", left->conf, NULL};

	assert_int_equal(process_run(&left->daemon, argv), 1);
	assert_non_null(strstr(left->daemon.log, left->netlink));
	assert_int_equal(access(left->control, F_OK), -1);
}

static void on_a_busy_port_it_does_not_start(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	const char *argv[] = {programs.keyrackd, "--config", left->conf, NULL};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(left->port + 1))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, left->ip, &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	gateway_card_start(g, left);
	assert_int_equal(process_run(&left->daemon, argv), 1);
	assert_non_null(strstr(left->daemon.log, "udp.open"));
	assert_non_null(strstr(left->daemon.log, "Address already in use"));
	assert_int_equal(access(left->control, F_OK), -1);
	close(fd);
}

static void two_cannot_share_a_control_socket(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0], *right = &g->side[1];
	const char *argv[] = {programs.keyrackd, "--config", right->conf, NULL};

	gateway_card_start(g, left);
	gateway_card_start(g, right);
	gateway_daemon_start(g, left);
	memcpy(right->control, left->control, sizeof(right->control));
	gateways_configure(g, right, 2, "");
	assert_int_equal(process_run(&right->daemon, argv), 1);
	assert_non_null(strstr(right->daemon.log, "vici.open"));
	gateway_command(left, "reload", NULL, NULL); /* the first one still answers */
}

/* ---- the control socket ---- */

static void the_control_socket_is_private_and_goes_away(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	struct stat st;

	gateway_card_start(g, left);
	gateway_daemon_start(g, left);
	assert_int_equal(stat(left->control, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(process_end(&left->daemon, SIGTERM), 0);
	assert_int_equal(access(left->control, F_OK), -1);
}

/* One that was killed leaves its socket behind; the next one takes its place. */
static void a_socket_left_behind_is_replaced(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];

	gateway_card_start(g, left);
	gateway_daemon_start(g, left);
	vici_client_close(left->vici);
	assert_int_equal(process_end(&left->daemon, SIGKILL), -SIGKILL);
	assert_int_equal(access(left->control, F_OK), 0);
	gateway_daemon_start(g, left);
	gateway_command(left, "reload", NULL, NULL);
}

static int connect_raw(const struct gateway *side)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = PROCESS_MS / 1000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, side->control, strlen(side->control) + 1);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void hostile_clients_are_disconnected(void **state)
{
	enum { CLIENTS = 64 }; /* daemon_control.c's bound, one of which gateway_daemon_start() has taken */
	static const char nonsense[] = "GET / HTTP/1.0\r\n\r\n";
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	int fd[CLIENTS];
	char c;

	gateway_card_start(g, left);
	gateway_daemon_start(g, left);
	fd[0] = connect_raw(left);
	assert_int_equal(send(fd[0], nonsense, sizeof(nonsense), MSG_NOSIGNAL), sizeof(nonsense));
	assert_true(recv(fd[0], &c, 1, 0) <= 0 && errno != EAGAIN);
	close(fd[0]);
	for (int i = 0; i < CLIENTS; i++)
		fd[i] = connect_raw(left);
	assert_int_equal(recv(fd[CLIENTS - 1], &c, 1, 0), 0); /* one too many */
	gateway_command(left, "reload", NULL, NULL);          /* the others do not notice */
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
}

/* Times that a line has come so far. */
static unsigned int lines_with(const struct process *p, const char *text)
{
	unsigned int n = 0;

	for (const char *at = p->log; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* Without a descriptor left, a client waits; keyrackd neither spins nor forgets it. */
static void without_descriptors_clients_wait(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	struct rlimit none = {3, 3}, was;
	int fd;
	char c;

	gateway_card_start(g, left);
	gateway_daemon_start(g, left);
	assert_int_equal(prlimit(left->daemon.pid, RLIMIT_NOFILE, NULL, &was), 0);
	none.rlim_max = was.rlim_max;
	assert_int_equal(prlimit(left->daemon.pid, RLIMIT_NOFILE, &none, NULL), 0);
	fd = connect_raw(left);
	assert_true(process_says(&left->daemon, "vici.accept: a client waits: Too many open files"));
	assert_false(process_says_within(&left->daemon, "no such line", 1500));
	assert_in_range(lines_with(&left->daemon, "vici.accept"), 1, 3);
	assert_int_equal(prlimit(left->daemon.pid, RLIMIT_NOFILE, &was, NULL), 0);
	assert_int_equal(send(fd, "\377\377\377\377", 4, MSG_NOSIGNAL), 4); /* too long a message: it is closed */
	assert_true(recv(fd, &c, 1, 0) <= 0 && errno != EAGAIN);
	close(fd);
}

static void long_datagrams_are_counted(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(left->port)};
	static const char big[20000];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool counted = false;

	gateway_card_start(g, left);
	gateway_daemon_start(g, left);
	inet_pton(AF_INET, left->ip, &to.sin_addr);
	assert_int_equal(sendto(fd, big, sizeof(big), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(big));
	close(fd);
	for (int i = 0; i < 1000 && !counted; i++) { /* it may ask before the datagram is read */
		json_t *status = vici_client_call(left->vici, "get-status", NULL, NULL, NULL);
		const json_t *counters = json_object_get(status, "counters");
		const char *n = json_string_value(json_object_get(counters, "datagrams_too_long"));

		assert_non_null(n);
		counted = strcmp(n, "1") == 0;
		json_decref(status);
	}
	assert_true(counted);
}

/* ---- the life of a tunnel ---- */

/* "id:spi id:spi ..." of the Child SAs. */
static void children_print(struct gateway *side, char *out, size_t size)
{
	json_t *sas = gateway_list(side, "list-sas", "list-sa"), *event, *sa, *child;
	const char *name, *key;
	size_t i, at = 0;

	out[0] = '\0';
	json_array_foreach(sas, i, event)
	{
		json_object_foreach(event, name, sa)
		{
			json_object_foreach(json_object_get(sa, "child-sas"), key, child)
			{
				at += (size_t)snprintf(out + at, size - at, "%s:%s ", key,
						       json_string_value(json_object_get(child, "spi-in")));
				assert_true(at < size);
			}
		}
	}
	json_decref(sas);
}

/*
 * Without local_addrs our address follows from the route and from daemon.listen: with "any" in its place, NAT detection
 * would see a translated path, and ESP would go in UDP for nothing.
 */
static void the_local_address_is_found(void **state)
{
	struct gateways *g = *state;
	json_t *sas, *sa;

	gateways_start(g);
	gateway_command(&g->side[1], "initiate", "child", "net");
	sas = gateway_list(&g->side[1], "list-sas", "list-sa");
	sa = json_object_get(json_array_get(sas, 0), "gw");
	assert_string_equal(json_string_value(json_object_get(sa, "local-host")), g->side[1].ip);
	assert_null(json_object_get(sa, "nat-any"));
	json_decref(sas);
}

static void reload_leaves_alone_what_has_not_changed(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0];
	char before[256], after[256];
	json_t *answer;

	gateways_start(g);
	gateway_command(left, "initiate", "child", "net");
	children_print(left, before, sizeof(before));
	assert_int_equal(gateway_slots(left), 6); /* a fallback and two queues, in and out */

	gateways_configure(g, left, 2, "  rekey_time = 4h\n"); /* the default, said */
	gateway_command(left, "reload", NULL, NULL);
	children_print(left, after, sizeof(after));
	assert_string_equal(after, before);

	gateways_configure(g, left, 2, "  rekey_tim = 4h\n");
	answer = vici_client_call(left->vici, "reload", NULL, NULL, NULL);
	assert_string_equal(json_string_value(json_object_get(answer, "success")), "no");
	assert_non_null(strstr(json_string_value(json_object_get(answer, "errmsg")),
			       "connections.gw.rekey_tim: unknown key; did you mean rekey_time?"));
	json_decref(answer);
	kill(left->daemon.pid, SIGHUP);
	assert_true(process_says(&left->daemon, "conf.error"));
	children_print(left, after, sizeof(after));
	assert_string_equal(after, before);
}

static void sigterm_leaves_nothing_behind(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0], *right = &g->side[1];
	json_t *sas;

	gateways_start(g);
	gateway_command(left, "initiate", "child", "net");
	assert_int_equal(gateway_slots(right), 6);
	assert_int_equal(process_end(&left->daemon, SIGTERM), 0);
	assert_non_null(strstr(left->daemon.log, "daemon.stopped: stopped"));
	sas = gateway_list(right, "list-sas", "list-sa"); /* it was told, and told before the other one ended */
	assert_int_equal(json_array_size(sas), 0);
	json_decref(sas);
	gateway_slots_wait_empty(right);
	/* the card of the one that ended is empty: the next one finds nothing to clean up */
	vici_client_close(left->vici);
	gateway_daemon_start(g, left);
	assert_null(strstr(left->daemon.log, "orphan"));
	gateway_command(left, "initiate", "child", "net");
}

static void without_its_card_it_ends(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0], *right = &g->side[1];

	gateways_start(g);
	gateway_command(left, "initiate", "child", "net");
	process_end(&left->card, SIGKILL);
	assert_true(process_end(&left->daemon, 0) > 0);
	assert_non_null(strstr(left->daemon.log, "nic.closed"));
	gateway_slots_wait_empty(right); /* the peer was told all the same */
}

static void keys_are_dumped_only_when_asked_for(void **state)
{
	struct gateways *g = *state;
	struct gateway *left = &g->side[0], *right = &g->side[1];
	char path[64], line[1024] = "";
	const char *argv[] = {programs.keyrackd, "--config", left->conf, "--dump-keys", path, NULL};
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/keys", g->dir);
	gateway_card_start(g, left);
	gateway_card_start(g, right);
	gateway_daemon_start(g, right);
	process_start(&left->daemon, argv);
	assert_true(process_says(&left->daemon, "daemon.started"));
	assert_non_null(strstr(left->daemon.log, "keys.dump"));
	left->vici = vici_client_open(left->control, PROCESS_MS);
	assert_non_null(left->vici);
	gateway_command(left, "initiate", "child", "net");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	assert_true(strlen(line) > 100 && strchr(line, ','));        /* SPIs, keys, algorithms */
	assert_null(strstr(left->daemon.log, "only for this test")); /* the PSK is in no log */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(check_says_good_or_the_mistake),      TEST(usage),
		TEST(without_its_card_it_does_not_start),  TEST(on_a_busy_port_it_does_not_start),
		TEST(two_cannot_share_a_control_socket),   TEST(the_control_socket_is_private_and_goes_away),
		TEST(a_socket_left_behind_is_replaced),    TEST(hostile_clients_are_disconnected),
		TEST(without_descriptors_clients_wait),    TEST(long_datagrams_are_counted),
		TEST(the_local_address_is_found),          TEST(reload_leaves_alone_what_has_not_changed),
		TEST(sigterm_leaves_nothing_behind),       TEST(without_its_card_it_ends),
		TEST(keys_are_dumped_only_when_asked_for),
	};

	if (argc != 3)
		return 2;
	programs = (struct programs){.keyrackd = argv[1], .hwsim = argv[2]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
