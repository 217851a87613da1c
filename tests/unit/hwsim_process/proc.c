/* SPDX-License-Identifier: MIT */
#include "proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORDS = 40, POLL_MS = 5, ANSWER_SIZE = 1 << 20 };

static pid_t spawn(const char *program, const char *words, bool quiet)
{
	char copy[1024], *argv[MAX_WORDS + 1] = {(char *)program}, *save = NULL;
	int argc = 1;
	pid_t pid;

	assert_true(strlen(words) < sizeof(copy));
	memcpy(copy, words, strlen(words) + 1);
	for (char *w = strtok_r(copy, " ", &save); w && argc < MAX_WORDS; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int null = quiet ? open("/dev/null", O_WRONLY) : -1;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (null >= 0) {
			dup2(null, STDOUT_FILENO);
			dup2(null, STDERR_FILENO);
		}
		execv(program, argv);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int proc_run(const char *program, const char *words)
{
	return wait_for(spawn(program, words, true));
}

bool proc_until(bool (*is_true)(void *ctx), void *ctx)
{
	const struct timespec pause = {0, POLL_MS * 1000000};

	for (int waited = 0; waited < PROC_WAIT_MS; waited += POLL_MS) {
		if (is_true(ctx))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static int try_connect(const char *path, int type)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_up(void *ctx)
{
	struct proc *p = ctx;

	assert_int_equal(waitpid(p->pid, NULL, WNOHANG), 0); /* it must not have ended */
	p->control_fd = try_connect(p->control, SOCK_STREAM);
	return p->control_fd >= 0;
}

void proc_start(struct proc *p, const char *program, const char *dir, const char *name, const char *words)
{
	char all[1024];

	snprintf(p->netlink, sizeof(p->netlink), "%s/%s.nl", dir, name);
	snprintf(p->control, sizeof(p->control), "%s/%s.ctl", dir, name);
	snprintf(all, sizeof(all), "--netlink %s --control %s --log-level warning %s", p->netlink, p->control, words);
	p->pid = spawn(program, all, false);
	assert_true(proc_until(is_up, p));
	p->request_fd = proc_events(p, 0);
}

int proc_wait(struct proc *p)
{
	close(p->control_fd);
	close(p->request_fd);
	return wait_for(p->pid);
}

static void wait_readable(int fd)
{
	struct pollfd ready = {fd, POLLIN, 0};

	assert_int_equal(poll(&ready, 1, PROC_WAIT_MS), 1);
}

json_t *proc_ask(struct proc *p, const char *format, ...)
{
	static char buf[ANSWER_SIZE];
	size_t len = 0;
	json_t *request, *answer;
	va_list ap;
	char *text;

	va_start(ap, format);
	request = json_vpack_ex(NULL, 0, format, ap);
	va_end(ap);
	assert_non_null(request);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	assert_int_equal(send(p->control_fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	assert_int_equal(send(p->control_fd, "\n", 1, MSG_NOSIGNAL), 1);
	free(text);
	do {
		ssize_t n;

		wait_readable(p->control_fd);
		n = recv(p->control_fd, buf + len, sizeof(buf) - len, 0);
		assert_true(n > 0);
		len += (size_t)n;
	} while (buf[len - 1] != '\n' && len < sizeof(buf));
	answer = json_loadb(buf, len, 0, NULL);
	assert_non_null(answer);
	return answer;
}

int64_t proc_number(const json_t *stats, const char *path)
{
	char key[64];

	for (const char *at = path; *at;) {
		size_t n = strcspn(at, ".");

		assert_true(n < sizeof(key));
		memcpy(key, at, n);
		key[n] = '\0';
		stats = json_object_get(stats, key);
		at += n + (at[n] == '.');
	}
	if (!json_is_integer(stats))
		fail_msg("there is no number '%s'", path);
	return json_integer_value(stats);
}

size_t proc_netlink(struct proc *p, const void *request, size_t len, void *answer, size_t size)
{
	ssize_t n;

	assert_int_equal(send(p->request_fd, request, len, MSG_NOSIGNAL), len);
	wait_readable(p->request_fd);
	n = recv(p->request_fd, answer, size, 0);
	assert_true(n > 0);
	return (size_t)n;
}

int proc_events(const struct proc *p, uint32_t mask)
{
	int fd = try_connect(p->netlink, SOCK_SEQPACKET);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, &mask, sizeof(mask), MSG_NOSIGNAL), sizeof(mask));
	return fd;
}
