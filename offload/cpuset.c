/* SPDX-License-Identifier: MIT */
#include "offload/cpuset.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = CPUSET_MAX / 64, GROUPS = CPUSET_MAX / 32, GROUP_DIGITS = 8 };

void cpuset_add(struct cpuset *set, uint32_t cpu)
{
	if (cpu < CPUSET_MAX)
		set->bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

bool cpuset_has(const struct cpuset *set, uint32_t cpu)
{
	return cpu < CPUSET_MAX && set->bits[cpu / 64] >> cpu % 64 & 1;
}

unsigned int cpuset_count(const struct cpuset *set)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		n += (unsigned int)__builtin_popcountll(set->bits[i]);
	return n;
}

uint32_t cpuset_next(const struct cpuset *set, uint32_t from)
{
	for (uint32_t cpu = from; cpu < CPUSET_MAX; cpu++)
		if (cpuset_has(set, cpu))
			return cpu;
	return UINT32_MAX;
}

bool cpuset_equal(const struct cpuset *a, const struct cpuset *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* A decimal number at *p, which moves on. -EINVAL, -ERANGE. */
static int read_cpu(const char **p, uint32_t *cpu)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)**p))
		return -EINVAL;
	errno = 0;
	v = strtoul(*p, &end, 10);
	if (errno || v >= CPUSET_MAX)
		return -ERANGE;
	*p = end;
	*cpu = (uint32_t)v;
	return 0;
}

static bool at_end(const char *p)
{
	return !*p || !strcmp(p, "\n");
}

int cpuset_read_list(struct cpuset *set, const char *text)
{
	const char *p = text;
	uint32_t first = 0, last;
	int err;

	memset(set, 0, sizeof(*set));
	while (!at_end(p)) {
		err = read_cpu(&p, &first);
		last = first;
		if (!err && *p == '-') {
			p++;
			err = read_cpu(&p, &last);
		}
		if (err)
			return err;
		if (last < first || (*p != ',' && !at_end(p)))
			return -EINVAL;
		for (uint32_t cpu = first; cpu <= last; cpu++)
			cpuset_add(set, cpu);
		if (*p == ',' && at_end(++p))
			return -EINVAL;
	}
	return 0;
}

int cpuset_read_mask(struct cpuset *set, const char *text)
{
	size_t len = strcspn(text, "\n");
	uint32_t at = 0; /* the CPU of the next digit from the right */
	unsigned int digits = 0;

	memset(set, 0, sizeof(*set));
	if (!len || !at_end(text + len))
		return -EINVAL;
	while (len--) {
		char c = text[len];
		unsigned int value;

		if (c == ',' && digits == GROUP_DIGITS && len) {
			digits = 0;
			continue;
		}
		if (!isxdigit((unsigned char)c) || digits == GROUP_DIGITS)
			return -EINVAL;
		value = isdigit((unsigned char)c) ? (unsigned int)(c - '0') : (unsigned int)(tolower(c) - 'a') + 10;
		if (at >= CPUSET_MAX && value)
			return -ERANGE;
		for (unsigned int bit = 0; bit < 4; bit++)
			if (value >> bit & 1)
				cpuset_add(set, at + bit);
		at += 4;
		digits++;
	}
	return 0;
}

void cpuset_write_mask(const struct cpuset *set, char *buf)
{
	int group = GROUPS - 1;
	size_t at = 0;

	while (group > 0 && !(uint32_t)(set->bits[group / 2] >> group % 2 * 32))
		group--;
	for (; group >= 0; group--)
		at += (size_t)snprintf(buf + at, CPUSET_TEXT - at, at ? ",%08x" : "%x",
				       (uint32_t)(set->bits[group / 2] >> group % 2 * 32));
}
