/* SPDX-License-Identifier: MIT */
/* A keyrack-hwsim under test: started, talked to over its sockets, and stopped. */
#ifndef TESTS_PROC_H
#define TESTS_PROC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_WAIT_MS = 20000 }; /* the longest that anything here is waited for */

struct proc {
	pid_t pid;
	char netlink[64], control[64];
	int control_fd, request_fd;
};

/* Runs the program with these words (separated by single spaces) and returns its exit code. Output is thrown away. */
int proc_run(const char *program, const char *words);

/* Starts it with sockets in `dir` named after `name`, and connects to both. The test fails if that takes too long. */
void proc_start(struct proc *p, const char *program, const char *dir, const char *name, const char *words);

/* Waits for its end: the exit code, or -1 when it was a signal. Connections are closed. */
int proc_wait(struct proc *p);

/* One control request as json_pack builds it; the answer is a new reference. */
json_t *proc_ask(struct proc *p, const char *format, ...);

/* A number of `stats`, by path: "card.total.used". The test fails if it is not there. */
int64_t proc_number(const json_t *stats, const char *path);

/* One netlink datagram; the answer's length. */
size_t proc_netlink(struct proc *p, const void *request, size_t len, void *answer, size_t size);

/* An event channel for the groups of the mask. */
int proc_events(const struct proc *p, uint32_t mask);

/* Asks again every few milliseconds until it is true; false after PROC_WAIT_MS. */
bool proc_until(bool (*is_true)(void *ctx), void *ctx);

#endif
