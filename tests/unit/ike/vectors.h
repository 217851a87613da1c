/* SPDX-License-Identifier: MIT */
/* For tests of ike/: octets from hex, and the JSON files of known answers in tests/data. */
#ifndef TESTS_UNIT_IKE_VECTORS_H
#define TESTS_UNIT_IKE_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "base/prng.h"

enum { VECTOR_MAX = 4096 };

struct octets {
	size_t len;
	uint8_t p[VECTOR_MAX];
};

static inline struct octets hex(const char *text)
{
	struct octets out = {0};

	for (; *text; text += strspn(text, " ")) {
		char digits[3] = {text[0], text[1]}, *end;

		assert_true(out.len < VECTOR_MAX);
		out.p[out.len++] = (uint8_t)strtoul(digits, &end, 16);
		assert_ptr_equal(end, digits + 2);
		text += 2;
	}
	return out;
}

static inline void fill(struct prng *rng, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)prng_next(rng);
}

/* A file of tests/data; json_decref() it. */
static inline json_t *vectors_load(const char *file)
{
	char path[512];
	json_error_t error;
	json_t *root;

	snprintf(path, sizeof(path), "%s/%s", TEST_DATA_DIR, file);
	root = json_load_file(path, 0, &error);
	if (!root)
		fail_msg("%s: %s", path, error.text);
	return root;
}

static inline struct octets vectors_hex(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert_non_null(text);
	return hex(text);
}

#endif
