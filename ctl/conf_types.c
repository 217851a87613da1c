/* SPDX-License-Identifier: MIT */
/* Reading one value by its row: single values here, lists in conf_types_list.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/conf_schema.h"
#include "ctl/conf_time.h"

/* Values are cut to this when they are quoted in a sentence. */
enum { QUOTE_MAX = 80 };

static int fail_value(const struct conf_tree *node, char *error, const char *sentence)
{
	return conf_tree_fail(node, error, "\"%.*s\" %s", QUOTE_MAX, node->value, sentence);
}

/* "a, b, c" */
static void words_print(const struct conf_word *words, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (const struct conf_word *w = words; w->word && at < size; w++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s", w == words ? "" : ", ", w->word);
}

static int read_bool(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	static const struct conf_word words[] = {{"yes", 1},   {"true", 1},     {"enabled", 1}, {"1", 1}, {"no", 0},
						 {"false", 0}, {"disabled", 0}, {"0", 0},       {NULL}};

	(void)row;
	for (const struct conf_word *w = words; w->word; w++) {
		if (strcasecmp(w->word, node->value))
			continue;
		*(bool *)field = w->value;
		return 0;
	}
	return fail_value(node, error, "is not one of yes, no");
}

static int read_word(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	char allowed[128];

	for (const struct conf_word *w = row->words; w->word; w++) {
		if (strcasecmp(w->word, node->value))
			continue;
		memcpy(field, &w->value, sizeof(w->value)); /* every enum here has the size of an int */
		return 0;
	}
	words_print(row->words, allowed, sizeof(allowed));
	return conf_tree_fail(node, error, "\"%.*s\" is not one of %s", QUOTE_MAX, node->value, allowed);
}

static int read_only(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	char allowed[128];

	(void)field;
	for (const struct conf_word *w = row->words; w->word; w++)
		if (!strcasecmp(w->word, node->value))
			return 0;
	words_print(row->words, allowed, sizeof(allowed));
	return conf_tree_fail(node, error, "\"%.*s\" is not possible: %s; allowed: %s", QUOTE_MAX, node->value,
			      row->why, allowed);
}

static int read_not(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	(void)field;
	return conf_tree_fail(node, error, "is not possible: %s", row->why);
}

static int read_uint(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	uint64_t v;

	if (conf_number_read(node->value, &v) || v < row->min || v > row->max)
		return conf_tree_fail(node, error, "\"%.*s\" is not a number from %llu to %llu", QUOTE_MAX, node->value,
				      (unsigned long long)row->min, (unsigned long long)row->max);
	if (row->size == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)v;
	else if (row->size == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)v;
	else
		*(uint64_t *)field = v;
	return 0;
}

/* "3600s" or "1ms": how a bound is named in a sentence. */
static const char *time_print(uint64_t ns, char *buf, size_t size)
{
	bool whole = ns % 1000000000u == 0;

	snprintf(buf, size, "%llu%s", (unsigned long long)(ns / (whole ? 1000000000u : 1000000u)), whole ? "s" : "ms");
	return buf;
}

static int read_time(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	char min[24], max[24];
	uint64_t ns;

	if (conf_time_read(node->value, &ns) || ns < row->min || ns > row->max)
		return conf_tree_fail(node, error, "\"%.*s\" is not a time from %s to %s (units: ms, s, m, h, d)",
				      QUOTE_MAX, node->value, time_print(row->min, min, sizeof(min)),
				      time_print(row->max, max, sizeof(max)));
	*(uint64_t *)field = ns;
	return 0;
}

static int read_bytes(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	uint64_t v;

	if (conf_bytes_read(node->value, &v) || v == CONF_UNSET)
		return fail_value(node, error, "is not a number of bytes below 2^64 (units: k, m, g, t)");
	if (row->max && (v < row->min || v > row->max))
		return conf_tree_fail(node, error, "\"%.*s\" is not a number of bytes from %llu to %llu", QUOTE_MAX,
				      node->value, (unsigned long long)row->min, (unsigned long long)row->max);
	*(uint64_t *)field = v;
	return 0;
}

static int read_real(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	char *end;
	double v = strtod(node->value, &end);

	if (end == node->value || *end || !(v >= (double)row->min && v <= (double)row->max))
		return conf_tree_fail(node, error, "\"%.*s\" is not a number from %llu to %llu", QUOTE_MAX, node->value,
				      (unsigned long long)row->min, (unsigned long long)row->max);
	*(double *)field = v;
	return 0;
}

static int read_text(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	if (node->len >= row->size)
		return conf_tree_fail(node, error, "\"%.*s...\" is longer than %zu characters", QUOTE_MAX, node->value,
				      row->size - 1);
	memcpy(field, node->value, node->len + 1);
	return 0;
}

static int read_profile(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	char allowed[200] = "";
	size_t at = 0;

	if (offload_profile_find(node->value))
		return read_text(row, node, field, error);
	for (unsigned int n = 0; at < sizeof(allowed); n++) {
		const struct offload_profile *p = offload_profile_at(n);

		if (!p)
			break;
		at += (size_t)snprintf(allowed + at, sizeof(allowed) - at, "%s%s", n ? ", " : "", p->name);
	}
	return conf_tree_fail(node, error, "\"%.*s\" is not one of %s", QUOTE_MAX, node->value, allowed);
}

static int read_policy(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	const struct rekey_policy *p = rekey_policy_find(node->value);
	char allowed[200] = "";
	size_t at = 0;

	(void)row;
	if (p) {
		*(const struct rekey_policy **)field = p;
		return 0;
	}
	for (unsigned int n = 0; at < sizeof(allowed) && (p = rekey_policy_at(n)); n++)
		at += (size_t)snprintf(allowed + at, sizeof(allowed) - at, "%s%s", n ? ", " : "", p->name);
	return conf_tree_fail(node, error, "\"%.*s\" is not one of %s", QUOTE_MAX, node->value, allowed);
}

static int read_queues(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	uint64_t v;

	if (!strcasecmp(node->value, "no"))
		v = 0;
	else if (!strcasecmp(node->value, "yes"))
		v = UINT64_MAX;
	else if (conf_number_read(node->value, &v) || v > row->max)
		return conf_tree_fail(node, error, "\"%.*s\" is not one of no, yes, or a number up to %llu", QUOTE_MAX,
				      node->value, (unsigned long long)row->max);
	*(int *)field = v == UINT64_MAX ? CONF_PER_CPU_YES : (int)v;
	return 0;
}

static int read_identity(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	(void)row;
	if (!conf_id_read(node->value, field))
		return 0;
	return fail_value(node, error,
			  "is not an identity: an address, a name, a mail address, %any, or keyid: and text or #hex "
			  "(no patterns, no distinguished names)");
}

static int read_identities(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	struct conf_secret *s = field;

	if (s->n_ids == CONF_SECRET_IDS_MAX)
		return conf_tree_fail(node, error, "more than %d identities for one secret", CONF_SECRET_IDS_MAX);
	return read_identity(row, node, &s->ids[s->n_ids], error) ?: (s->n_ids++, 0);
}

static int psk_hex(const char *hex, size_t len, struct conf_secret *s)
{
	int n = conf_hex_read(hex, len, s->secret, sizeof(s->secret));

	if (n < 0)
		return n;
	s->len = (uint16_t)n;
	return 0;
}

/* Base64 with or without the padding that strongSwan leaves out. */
static int psk_base64(const char *text, size_t len, struct conf_secret *s)
{
	char padded[(IKE_PSK_MAX + 2) / 3 * 4 + 1];
	uint8_t out[(IKE_PSK_MAX + 2) / 3 * 3];
	size_t pad;
	int n = -1;

	while (len && text[len - 1] == '=')
		len--;
	pad = (4 - len % 4) % 4;
	if (len && pad < 3 && len + pad < sizeof(padded)) {
		memcpy(padded, text, len);
		memset(padded + len, '=', pad);
		n = EVP_DecodeBlock(out, (const unsigned char *)padded, (int)(len + pad)) - (int)pad;
	}
	if (n > (int)sizeof(s->secret))
		n = -1;
	if (n > 0) {
		memcpy(s->secret, out, (size_t)n);
		s->len = (uint16_t)n;
	}
	OPENSSL_cleanse(padded, sizeof(padded));
	OPENSSL_cleanse(out, sizeof(out));
	return n > 0 ? 0 : -EINVAL;
}

static int read_psk(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	struct conf_secret *s = field;
	int err = 0;

	(void)row;
	if (!strncasecmp(node->value, "0x", 2))
		err = psk_hex(node->value + 2, node->len - 2, s);
	else if (!strncasecmp(node->value, "0s", 2))
		err = psk_base64(node->value + 2, node->len - 2, s);
	else if (node->len <= sizeof(s->secret))
		memcpy(s->secret, node->value, s->len = (uint16_t)node->len);
	else
		err = -EINVAL;
	if (err || !s->len)
		return conf_tree_fail(node, error,
				      "is not text, 0x and hexadecimal, or 0s and base64, of 1 to %d octets",
				      IKE_PSK_MAX);
	return 0;
}

int conf_value_read(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	static const struct {
		int (*read)(const struct conf_row *row, const struct conf_tree *node, void *field, char *error);
		bool list;
	} types[] = {
		[CONF_BOOL] = {read_bool},
		[CONF_WORD] = {read_word},
		[CONF_UINT] = {read_uint},
		[CONF_TIME] = {read_time},
		[CONF_BYTES] = {read_bytes},
		[CONF_REAL] = {read_real},
		[CONF_TEXT] = {read_text},
		[CONF_ADDRS] = {conf_list_read, true},
		[CONF_PROPOSALS] = {conf_list_read, true},
		[CONF_SELECTORS] = {conf_list_read, true},
		[CONF_IDENTITY] = {read_identity},
		[CONF_IDENTITIES] = {read_identities},
		[CONF_PSK] = {read_psk},
		[CONF_QUEUES] = {read_queues},
		[CONF_PROFILE] = {read_profile},
		[CONF_POLICY] = {read_policy},
		[CONF_ONLY] = {read_only},
		[CONF_NOT] = {read_not, true},
	};

	if (row->type == CONF_ENTER)
		return conf_tree_fail(node, error, "is a section: write %s { ... }", node->name);
	if (node->kind == CONF_LIST && !types[row->type].list)
		return conf_tree_fail(node, error, "is one value, not a list");
	if (node->kind == CONF_VALUE && strlen(node->value) != node->len)
		return conf_tree_fail(node, error, "has a zero octet in it");
	return types[row->type].read(row, node, field, error);
}
