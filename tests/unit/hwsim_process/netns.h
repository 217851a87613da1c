/* SPDX-License-Identifier: MIT */
/* Two network namespaces joined by a veth pair, for tests that need real interfaces. */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct netns {
	pid_t holder; /* sits in the first one, so that ip(8) can name it */
	int fd[2];
};

/*
 * Moves the process into a new namespace and makes a second one. krv0 (10.8.0.1/24, fd00:8::1/64) is in the first, krv1
 * (10.8.0.2, 10.8.0.3, fd00:8::2, fd00:8::3) in the second; both are up. False, with the reason printed, without
 * privilege.
 */
bool netns_open(struct netns *n);
void netns_close(struct netns *n);

/* Moves the calling thread into the first (0) or the second (1). Sockets stay where they were made. */
void netns_enter(const struct netns *n, int which);

/* Runs `ip` with these words, separated by single spaces; the test fails if it does. */
void netns_ip(const char *words);

/* A UDP socket bound to the address (either family). */
int netns_udp(const char *addr, uint16_t port);
void netns_udp_send(int fd, const char *addr, uint16_t port, const void *data, size_t len);

#endif
