/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hwsim/server_control.h"

enum { TURNS = 1000 };

struct fixture {
	uv_loop_t loop;
	struct server_control *server;
	char dir[32], path[64];
};

/* The request comes back as the answer, so the test sees what was understood. */
static json_t *echo(void *ctx, const json_t *request)
{
	(void)ctx;
	return json_pack("{s:O}", "got", (json_t *)request);
}

static int setup(void **state)
{
	static struct fixture f;
	struct server_control_config config = {&f.loop, f.path, echo, &f, NULL};
	char why[256];

	snprintf(f.dir, sizeof(f.dir), "/tmp/kr-ctl-XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/ctl", f.dir);
	uv_loop_init(&f.loop);
	*state = &f;
	return server_control_open(&f.server, &config, why, sizeof(why));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	server_control_close(f->server);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&f->loop) != 0)
		return -1;
	return rmdir(f->dir); /* fails if the socket is still there */
}

static int join(struct fixture *f)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path, f->path, strlen(f->path));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say(struct fixture *f, int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		uv_run(&f->loop, UV_RUN_NOWAIT);
		if (n < 0 && errno == EPIPE)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

/* What comes until `lines` line ends have come or the other side has closed. */
static void expect(struct fixture *f, int fd, int lines, const char *text)
{
	char buf[1024];
	size_t len = 0;

	for (int i = 0; i < TURNS && lines; i++) {
		ssize_t n = recv(fd, buf + len, sizeof(buf) - 1 - len, MSG_DONTWAIT);

		if (n == 0)
			break;
		for (ssize_t k = 0; k < n; k++)
			lines -= buf[len + (size_t)k] == '\n';
		len += n > 0 ? (size_t)n : 0;
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	buf[len] = '\0';
	assert_string_equal(buf, text);
}

static void lines_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	int fd = join(f);
	static const char piece[] = "{\"cmd\":\"a\"}\n\n{\"cmd\":\"b\"}\n{\"cm";

	say(f, fd, piece, strlen(piece));
	expect(f, fd, 2, "{\"got\":{\"cmd\":\"a\"}}\n{\"got\":{\"cmd\":\"b\"}}\n");
	say(f, fd, "d\":1}\n", 6);
	expect(f, fd, 1, "{\"got\":{\"cmd\":1}}\n");
	close(fd);
}

static void what_is_not_an_object_is_an_error(void **state)
{
	struct fixture *f = *state;
	int fd = join(f);

	say(f, fd, "[1]\n", 4);
	expect(f, fd, 1, "{\"error\":\"a request is a JSON object\"}\n");
	say(f, fd, "{\"a\":\xff}\n", 8);
	expect(f, fd, 1, "{\"error\":\"not JSON\",\"column\":5}\n");
	say(f, fd, "{\"a\":1,\"a\":2}\n", 14);
	expect(f, fd, 1, "{\"error\":\"not JSON\",\"column\":10}\n");
	close(fd);
}

static void a_line_without_end_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	static char junk[CONTROL_MAX_LINE];
	int fd = join(f);

	memset(junk, ' ', sizeof(junk));
	say(f, fd, junk, sizeof(junk));
	expect(f, fd, 1, "");
	close(fd);
}

static void too_many_clients_are_turned_away(void **state)
{
	struct fixture *f = *state;
	int fd[CONTROL_MAX_CLIENTS + 1];

	for (int i = 0; i <= CONTROL_MAX_CLIENTS; i++) {
		fd[i] = join(f);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	for (int i = 0; i < 5; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	expect(f, fd[CONTROL_MAX_CLIENTS], 1, "");
	say(f, fd[0], "{}\n", 3);
	expect(f, fd[0], 1, "{\"got\":{}}\n");
	for (int i = 0; i <= CONTROL_MAX_CLIENTS; i++)
		close(fd[i]);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(lines_are_answered_in_order),
		WITH_SERVER(what_is_not_an_object_is_an_error),
		WITH_SERVER(a_line_without_end_ends_the_connection),
		WITH_SERVER(too_many_clients_are_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
