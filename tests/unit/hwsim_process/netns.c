/* SPDX-License-Identifier: MIT */
#include "netns.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int own_namespace(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static pid_t hold(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

void netns_ip(const char *words)
{
	char copy[256], *argv[32] = {(char *)"ip"}, *save = NULL;
	int argc = 1, status;
	pid_t pid;

	assert_true(strlen(words) < sizeof(copy));
	memcpy(copy, words, strlen(words) + 1);
	for (char *w = strtok_r(copy, " ", &save); w && argc < 31; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	pid = fork();
	if (pid == 0) {
		execvp("ip", argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("ip %s: status %d", words, status);
}

bool netns_open(struct netns *n)
{
	char words[128];

	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: no new network namespace: %s\n", strerror(errno));
		return false;
	}
	n->fd[0] = own_namespace();
	n->holder = hold();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	n->fd[1] = own_namespace();
	snprintf(words, sizeof(words), "link add krv1 type veth peer name krv0 netns %d", (int)n->holder);
	netns_ip(words);
	netns_ip("addr add 10.8.0.2/24 dev krv1");
	netns_ip("addr add 10.8.0.3/24 dev krv1");
	netns_ip("addr add fd00:8::2/64 dev krv1 nodad");
	netns_ip("addr add fd00:8::3/64 dev krv1 nodad");
	netns_ip("link set krv1 up");
	netns_enter(n, 0);
	netns_ip("link set lo up");
	netns_ip("addr add 10.8.0.1/24 dev krv0");
	netns_ip("addr add fd00:8::1/64 dev krv0 nodad");
	netns_ip("link set krv0 up");
	return true;
}

void netns_close(struct netns *n)
{
	kill(n->holder, SIGKILL);
	waitpid(n->holder, NULL, 0);
	close(n->fd[0]);
	close(n->fd[1]);
}

void netns_enter(const struct netns *n, int which)
{
	assert_int_equal(setns(n->fd[which], CLONE_NEWNET), 0);
}

static socklen_t address(struct sockaddr_storage *to, const char *addr, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (strchr(addr, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, addr, &v6->sin6_addr), 1);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, addr, &v4->sin_addr), 1);
	return sizeof(*v4);
}

int netns_udp(const char *addr, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = address(&a, addr, port);
	int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	return fd;
}

void netns_udp_send(int fd, const char *addr, uint16_t port, const void *data, size_t len)
{
	struct sockaddr_storage a;
	socklen_t alen = address(&a, addr, port);

	assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&a, alen), len);
}
