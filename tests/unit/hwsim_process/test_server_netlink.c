/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hwsim/server_netlink.h"

enum { TURNS = 1000 };

struct fixture {
	uv_loop_t loop;
	struct server_netlink *server;
	char dir[32], path[64];
	unsigned int answers; /* datagrams per request */
	size_t answer_size;
};

/* Answers every request with `answers` datagrams; each begins with its number, and the first ends with the request. */
static void answer(void *ctx, const void *buf, size_t len, netlink_reply_fn *reply, void *reply_ctx)
{
	struct fixture *f = ctx;
	uint8_t *msg = calloc(1, f->answer_size + len);

	assert_non_null(msg);
	for (unsigned int i = 0; i < f->answers; i++) {
		memcpy(msg, &i, sizeof(i));
		memcpy(msg + f->answer_size, buf, len);
		reply(reply_ctx, msg, f->answer_size + (i == 0 ? len : 0));
	}
	free(msg);
}

static void answer_generic(void *ctx, const void *buf, size_t len, netlink_reply_fn *reply, void *reply_ctx)
{
	(void)ctx;
	(void)buf;
	(void)len;
	reply(reply_ctx, "generic", 7);
}

static int open_server(struct fixture *f, char *why, size_t size)
{
	struct server_netlink_config config = {
		.loop = &f->loop, .path = f->path, .handle = answer, .generic = answer_generic, .ctx = f};

	return server_netlink_open(&f->server, &config, why, size);
}

static int setup(void **state)
{
	static struct fixture f;
	char why[256];

	memset(&f, 0, sizeof(f));
	f.answers = 1;
	f.answer_size = 4;
	snprintf(f.dir, sizeof(f.dir), "/tmp/kr-nl-XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/nl", f.dir);
	uv_loop_init(&f.loop);
	*state = &f;
	return open_server(&f, why, sizeof(why));
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	server_netlink_close(f->server);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&f->loop) != 0 || stat(f->path, &st) == 0)
		return -1;
	return rmdir(f->dir);
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 5; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static int join(struct fixture *f, const void *first, size_t len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	memcpy(addr.sun_path, f->path, strlen(f->path));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(send(fd, first, len, MSG_NOSIGNAL), len);
	turn(f);
	return fd;
}

static int join_mask(struct fixture *f, uint32_t mask)
{
	return join(f, &mask, sizeof(mask));
}

static ssize_t receive(struct fixture *f, int fd, void *buf, size_t size)
{
	ssize_t n = -1;

	for (int i = 0; i < TURNS && n < 0; i++) {
		n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n < 0)
			assert_int_equal(errno, EAGAIN);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	return n;
}

static unsigned int clients(struct fixture *f)
{
	struct server_netlink_stats s;

	server_netlink_stats(f->server, &s);
	return s.clients;
}

static void requests_are_answered_to_who_asked(void **state)
{
	struct fixture *f = *state;
	int a = join_mask(f, 0), b = join_mask(f, 0);
	char buf[64];

	f->answers = 3;
	assert_int_equal(send(a, "hello", 5, 0), 5);
	assert_int_equal(send(b, "you", 3, 0), 3);
	assert_int_equal(receive(f, a, buf, sizeof(buf)), 9);
	assert_memory_equal(buf + 4, "hello", 5);
	assert_int_equal(receive(f, a, buf, sizeof(buf)), 4);
	assert_int_equal(receive(f, a, buf, sizeof(buf)), 4);
	assert_int_equal(buf[0], 2);
	assert_int_equal(receive(f, b, buf, sizeof(buf)), 7);
	assert_memory_equal(buf + 4, "you", 3);
	close(a);
	close(b);
	turn(f);
	assert_int_equal(clients(f), 0);
}

static void events_go_to_who_joined_the_group(void **state)
{
	struct fixture *f = *state;
	int acquire = join_mask(f, 1 << 0), expire = join_mask(f, 1 << 1), both = join_mask(f, 3);
	char buf[64];

	server_netlink_event(f->server, 2, "expire", 6);
	server_netlink_event(f->server, 1, "acq", 3);
	server_netlink_event(f->server, 0, "none", 4);
	server_netlink_event(f->server, 33, "none", 4);
	assert_int_equal(receive(f, expire, buf, sizeof(buf)), 6);
	assert_int_equal(receive(f, acquire, buf, sizeof(buf)), 3);
	assert_int_equal(receive(f, both, buf, sizeof(buf)), 6);
	assert_int_equal(receive(f, both, buf, sizeof(buf)), 3);
	assert_int_equal(receive(f, expire, buf, sizeof(buf)), -1);
	close(acquire);
	close(expire);
	close(both);
}

static void a_generic_channel_has_its_own_door(void **state)
{
	struct fixture *f = *state;
	int fd = join_mask(f, NETLINK_HELLO_GENERIC), xfrm = join_mask(f, 0);
	struct server_netlink_stats s;
	char buf[64];

	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(receive(f, fd, buf, sizeof(buf)), 7);
	assert_memory_equal(buf, "generic", 7);
	assert_int_equal(send(xfrm, "x", 1, 0), 1);
	assert_int_equal(receive(f, xfrm, buf, sizeof(buf)), 5);
	server_netlink_event(f->server, NETLINK_GROUP_LINK, "link", 4); /* a bit of the hello, but it is no mask */
	server_netlink_event(f->server, 31, "mon", 3);
	assert_int_equal(receive(f, fd, buf, sizeof(buf)), -1);
	server_netlink_stats(f->server, &s);
	assert_int_equal(s.event_clients, 0);
	close(xfrm);
	close(fd);
}

static void wrong_beginnings_end_the_connection(void **state)
{
	struct fixture *f = *state;
	uint32_t mask = 1;
	char buf[4];
	int fd = join(f, "abc", 3);

	assert_int_equal(receive(f, fd, buf, sizeof(buf)), 0);
	close(fd);
	fd = join(f, &mask, sizeof(mask));
	assert_int_equal(send(fd, "x", 1, 0), 1); /* an event channel only listens */
	assert_int_equal(receive(f, fd, buf, sizeof(buf)), 0);
	close(fd);
	assert_int_equal(clients(f), 0);
}

static void a_request_that_is_too_long_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	static char big[NETLINK_MAX_REQUEST + 1];
	int fd = join_mask(f, 0), size = 4 * NETLINK_MAX_REQUEST;
	char buf[NETLINK_MAX_REQUEST + 8];

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(send(fd, big, NETLINK_MAX_REQUEST, 0), NETLINK_MAX_REQUEST);
	assert_int_equal(receive(f, fd, buf, sizeof(buf)), NETLINK_MAX_REQUEST + 4);
	assert_int_equal(send(fd, big, sizeof(big), 0), sizeof(big));
	assert_int_equal(receive(f, fd, buf, sizeof(buf)), 0);
	close(fd);
}

/* A client that does not read finds a mark in the place of what it missed, and then what came after. */
static void a_slow_listener_is_told_of_its_loss(void **state)
{
	struct fixture *f = *state;
	static uint8_t msg[4096];
	struct server_netlink_stats s;
	struct nlmsghdr *mark = (struct nlmsghdr *)msg;
	int slow = join_mask(f, 1), quick = join_mask(f, 1);
	unsigned int sent, before = 0;

	for (sent = 0; sent < 10000; sent++) {
		uint8_t buf[4096];

		server_netlink_event(f->server, 1, msg, sizeof(msg));
		assert_int_equal(receive(f, quick, buf, sizeof(buf)), sizeof(msg));
		server_netlink_stats(f->server, &s);
		if (s.overruns)
			break;
	}
	assert_int_equal(s.overruns, 1);
	assert_true(sent * sizeof(msg) >= NETLINK_EVENT_BYTES);
	server_netlink_event(f->server, 1, msg, sizeof(msg)); /* lost as well, and told by the same mark */
	while (receive(f, slow, msg, sizeof(msg)) == sizeof(msg))
		before++;
	assert_int_equal(before, sent);
	assert_int_equal(mark->nlmsg_type, NLMSG_OVERRUN);
	assert_int_equal(mark->nlmsg_len, sizeof(*mark));
	server_netlink_event(f->server, 1, "after", 5);
	assert_int_equal(receive(f, slow, msg, sizeof(msg)), 5);
	server_netlink_stats(f->server, &s);
	assert_int_equal(s.overruns, 1);
	close(slow);
	close(quick);
}

static void a_loss_before_the_server_is_told_to_listeners_only(void **state)
{
	struct fixture *f = *state;
	int request = join_mask(f, 0), event = join_mask(f, 2);
	struct nlmsghdr mark;

	server_netlink_overrun(f->server);
	assert_int_equal(receive(f, event, &mark, sizeof(mark)), sizeof(mark));
	assert_int_equal(mark.nlmsg_type, NLMSG_OVERRUN);
	assert_int_equal(receive(f, request, &mark, sizeof(mark)), -1);
	close(request);
	close(event);
}

/* While a dump waits to be read no further request is taken, so that memory is bounded; then all is answered. */
static void a_long_dump_arrives_whole(void **state)
{
	struct fixture *f = *state;
	int fd = join_mask(f, 0);
	struct server_netlink_stats s;
	static uint8_t buf[16384];

	f->answers = 200;
	f->answer_size = sizeof(buf) - 8;
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(fd, "dump", 4, 0), 4);
	turn(f);
	server_netlink_stats(f->server, &s);
	assert_int_equal(s.requests, 1);
	for (unsigned int i = 0; i < 600; i++) {
		unsigned int number;

		assert_true(receive(f, fd, buf, sizeof(buf)) > 0);
		memcpy(&number, buf, sizeof(number));
		assert_int_equal(number, i % 200);
	}
	close(fd);
}

static void too_many_clients_are_turned_away(void **state)
{
	struct fixture *f = *state;
	int fd[NETLINK_MAX_CLIENTS + 1];
	char c;

	for (int i = 0; i < NETLINK_MAX_CLIENTS; i++)
		fd[i] = join_mask(f, 0);
	assert_int_equal(clients(f), NETLINK_MAX_CLIENTS);
	fd[NETLINK_MAX_CLIENTS] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	memcpy(addr.sun_path, f->path, strlen(f->path));
	assert_int_equal(connect(fd[NETLINK_MAX_CLIENTS], (struct sockaddr *)&addr, sizeof(addr)), 0);
	turn(f);
	assert_int_equal(recv(fd[NETLINK_MAX_CLIENTS], &c, 1, MSG_DONTWAIT), 0);
	for (int i = 0; i <= NETLINK_MAX_CLIENTS; i++)
		close(fd[i]);
}

static void only_the_owner_may_connect(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_living_server_is_not_replaced(void **state)
{
	struct fixture *f = *state;
	struct server_netlink *first = f->server;
	char why[256] = "";

	assert_int_not_equal(open_server(f, why, sizeof(why)), 0);
	assert_non_null(strstr(why, f->path));
	assert_ptr_equal(f->server, first);
}

static void a_dead_server_is_replaced_and_a_file_is_not(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	char why[256] = "";
	FILE *file;

	server_netlink_close(f->server);
	turn(f);
	memcpy(addr.sun_path, f->path, strlen(f->path));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd); /* as a killed process leaves it */
	assert_int_equal(open_server(f, why, sizeof(why)), 0);
	server_netlink_close(f->server);
	turn(f);
	file = fopen(f->path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_not_equal(open_server(f, why, sizeof(why)), 0);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(open_server(f, why, sizeof(why)), 0);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(requests_are_answered_to_who_asked),
		WITH_SERVER(events_go_to_who_joined_the_group),
		WITH_SERVER(a_generic_channel_has_its_own_door),
		WITH_SERVER(wrong_beginnings_end_the_connection),
		WITH_SERVER(a_request_that_is_too_long_ends_the_connection),
		WITH_SERVER(a_slow_listener_is_told_of_its_loss),
		WITH_SERVER(a_loss_before_the_server_is_told_to_listeners_only),
		WITH_SERVER(a_long_dump_arrives_whole),
		WITH_SERVER(too_many_clients_are_turned_away),
		WITH_SERVER(only_the_owner_may_connect),
		WITH_SERVER(a_living_server_is_not_replaced),
		WITH_SERVER(a_dead_server_is_replaced_and_a_file_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
