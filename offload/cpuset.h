/* SPDX-License-Identifier: MIT */
/* Sets of CPUs, in the two forms that the kernel writes them: lists ("0-3,8") and masks ("ff,00000001"). */
#ifndef OFFLOAD_CPUSET_H
#define OFFLOAD_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CPUSET_MAX = 4096,                     /* CPUs */
	CPUSET_TEXT = CPUSET_MAX / 32 * 9 + 1, /* bytes of the longest mask with its NUL */
};

struct cpuset {
	uint64_t bits[CPUSET_MAX / 64];
};

/* A CPU that is not below CPUSET_MAX is in no set, and adding it does nothing. */
void cpuset_add(struct cpuset *set, uint32_t cpu);
bool cpuset_has(const struct cpuset *set, uint32_t cpu);
unsigned int cpuset_count(const struct cpuset *set);
/* The smallest that is at least `from`; UINT32_MAX: none. */
uint32_t cpuset_next(const struct cpuset *set, uint32_t from);
bool cpuset_equal(const struct cpuset *a, const struct cpuset *b);

/* From text, perhaps with a newline at its end. 0; -EINVAL; -ERANGE: a CPU above CPUSET_MAX. *set is valid only with 0.
 */
int cpuset_read_list(struct cpuset *set, const char *text);
int cpuset_read_mask(struct cpuset *set, const char *text);
/* As a mask, groups of 8 digits, as few as are needed. buf: CPUSET_TEXT bytes. */
void cpuset_write_mask(const struct cpuset *set, char *buf);

#endif
