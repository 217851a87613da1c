/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void process_start(struct process *p, const char *const argv[])
{
	int fd[2];

	p->len = 0;
	p->log[0] = '\0';
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing running */
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fd[1]);
	p->out = fd[0];
}

/* Reads once. 0: something came; -1: the end, or nothing until the deadline. */
static int read_more(struct process *p, int64_t deadline)
{
	struct pollfd fd = {.fd = p->out, .events = POLLIN};
	int64_t left = deadline - now_ms();
	ssize_t n;

	if (left <= 0 || poll(&fd, 1, (int)left) <= 0)
		return -1;
	if (p->len > sizeof(p->log) - 4096) { /* only the end matters then */
		memmove(p->log, p->log + p->len / 2, p->len - p->len / 2);
		p->len -= p->len / 2;
	}
	n = read(p->out, p->log + p->len, sizeof(p->log) - 1 - p->len);
	if (n <= 0)
		return n < 0 && errno == EINTR ? 0 : -1;
	p->len += (size_t)n;
	p->log[p->len] = '\0';
	return 0;
}

bool process_says_within(struct process *p, const char *text, int ms)
{
	int64_t deadline = now_ms() + ms;

	while (!strstr(p->log, text))
		if (read_more(p, deadline))
			return false;
	return true;
}

bool process_says(struct process *p, const char *text)
{
	return process_says_within(p, text, PROCESS_MS);
}

int process_end(struct process *p, int signal)
{
	int64_t deadline = now_ms() + PROCESS_MS;
	int status = 0;

	if (!p->pid)
		return 0;
	if (signal)
		kill(p->pid, signal);
	while (!read_more(p, deadline))
		;
	if (now_ms() >= deadline) {
		print_error("pid %d did not end in time; it said:\n%s", (int)p->pid, p->log);
		kill(p->pid, SIGKILL);
	}
	waitpid(p->pid, &status, 0);
	close(p->out);
	p->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int process_run(struct process *p, const char *const argv[])
{
	process_start(p, argv);
	return process_end(p, 0);
}
