/* SPDX-License-Identifier: MIT */
#include "ctl/conf_time.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit time_units[] = {
	{"", 1000000000u},       {"s", 1000000000u},       {"ms", 1000000u}, {"m", 60 * 1000000000ull},
	{"h", 3600000000000ull}, {"d", 86400000000000ull}, {NULL},
};

static const struct unit byte_units[] = {
	{"", 1}, {"k", 1ull << 10}, {"m", 1ull << 20}, {"g", 1ull << 30}, {"t", 1ull << 40}, {NULL},
};

static const struct unit rate_units[] = {
	{"", 1}, {"k", 1000}, {"m", 1000000}, {"g", 1000000000}, {"t", 1000000000000ull}, {NULL},
};

static const struct unit no_units[] = {{"", 1}, {NULL}};

/* Digits after a point, as billionths; further ones are ignored. NULL: there is none. */
static const char *fraction_read(const char *text, uint64_t *billionths)
{
	uint64_t weight = 100000000;

	*billionths = 0;
	if (!isdigit((unsigned char)*text))
		return NULL;
	for (; isdigit((unsigned char)*text); text++, weight /= 10)
		*billionths += (uint64_t)(*text - '0') * weight;
	return text;
}

/* strtoull() takes signs, blanks and other bases: not what a configuration should mean. */
static int number_read(const char *text, const struct unit *units, bool fractions, uint64_t *value)
{
	uint64_t v = 0, billionths = 0;
	unsigned __int128 product;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return -ERANGE;
	if (fractions && *text == '.' && !(text = fraction_read(text + 1, &billionths)))
		return -EINVAL;
	while (*text == ' ')
		text++;
	for (; units->suffix; units++) {
		if (strcasecmp(text, units->suffix))
			continue;
		product = (unsigned __int128)v * units->factor +
			  (unsigned __int128)billionths * units->factor / 1000000000u;
		if (product > UINT64_MAX)
			return -ERANGE;
		*value = (uint64_t)product;
		return 0;
	}
	return -EINVAL;
}

int conf_time_read(const char *text, uint64_t *ns)
{
	return number_read(text, time_units, true, ns);
}

int conf_bytes_read(const char *text, uint64_t *bytes)
{
	return number_read(text, byte_units, false, bytes);
}

int conf_number_read(const char *text, uint64_t *value)
{
	return number_read(text, no_units, false, value);
}

int conf_rate_read(const char *text, uint64_t *bits)
{
	return number_read(text, rate_units, true, bits);
}
