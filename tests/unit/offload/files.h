/* SPDX-License-Identifier: MIT */
/* A directory with "sys" and "proc" below it, as a machine with this device would have them. */
#ifndef TESTS_OFFLOAD_FILES_H
#define TESTS_OFFLOAD_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct files {
	char root[64];
};

/* An empty directory; files_free removes it with all there is. */
struct files *files_new(void);
void files_free(struct files *f);

/* Writes a file, and makes the directories on the way. fmt: the path below root, with what follows. */
void files_put(struct files *f, const char *text, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The text, or fails the test. Static. */
const char *files_get(struct files *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The files of a device with so many queue pairs: XPS masks of zero, one interrupt a queue named as mlx5 does, IRQ 100
 * + n on CPU n % cpus; and CPUs 0..cpus-1 online.
 */
void files_device(struct files *f, const char *ifname, unsigned int queues, unsigned int cpus);

#endif
