/* SPDX-License-Identifier: MIT */
/* The file syntax (conf_tree.h). One pass over the text, no recursion except for includes, which are bounded. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/conf_tree_impl.h"

struct parser {
	struct conf_tree *root;    /* of the whole tree */
	struct conf_tree *section; /* that is open now */
	const char *file;
	const char *p, *end;
	unsigned int line;
	unsigned int includes; /* how many files include this one; UINT_MAX: not from a file */
	char *error;
};

enum { NO_INCLUDES = -1 };

static int fail(struct parser *ps, unsigned int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int fail(struct parser *ps, unsigned int line, const char *fmt, ...)
{
	int at = snprintf(ps->error, CONF_TREE_ERROR_MAX, "%s:%u: ", ps->file, line);
	va_list ap;

	if (at > 0 && at < CONF_TREE_ERROR_MAX) {
		va_start(ap, fmt);
		vsnprintf(ps->error + at, (size_t)(CONF_TREE_ERROR_MAX - at), fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

static int fail_errno(struct parser *ps, const char *name, size_t len)
{
	const char *why = errno == E2BIG    ? "is more than fits: too long, too deep or too many"
			  : errno == EEXIST ? "is used as a section and as a key"
					    : "does not fit into memory";

	return fail(ps, ps->line, "\"%.*s\" %s", (int)(len > 64 ? 64 : len), name, why);
}

static void skip_blank(struct parser *ps)
{
	while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\r'))
		ps->p++;
}

static void skip_comment(struct parser *ps)
{
	while (ps->p < ps->end && *ps->p != '\n')
		ps->p++;
}

/* Blanks, newlines and comments. */
static void skip_space(struct parser *ps)
{
	for (;;) {
		skip_blank(ps);
		if (ps->p == ps->end)
			return;
		if (*ps->p == '#') {
			skip_comment(ps);
		} else if (*ps->p == '\n') {
			ps->line++;
			ps->p++;
		} else {
			return;
		}
	}
}

static bool name_char(char c)
{
	return isgraph((unsigned char)c) && !strchr(".,:{}=\"#", c);
}

/* A quoted string with the opening quote at p, unescaped into out (CONF_TREE_VALUE_MAX + 1 octets). */
static int quoted(struct parser *ps, char *out, size_t *len)
{
	unsigned int line = ps->line;

	*len = 0;
	for (ps->p++; ps->p < ps->end && *ps->p != '"'; ps->p++) {
		char c = *ps->p;

		if (c == '\n')
			ps->line++;
		if (c == '\\' && ps->p + 1 < ps->end) {
			c = *++ps->p;
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
		}
		if (*len == CONF_TREE_VALUE_MAX)
			return fail(ps, line, "a value is longer than %d octets", CONF_TREE_VALUE_MAX);
		out[(*len)++] = c;
	}
	if (ps->p == ps->end)
		return fail(ps, line, "the quoted string that starts here does not end");
	ps->p++;
	skip_blank(ps);
	if (ps->p < ps->end && *ps->p != '\n' && *ps->p != '#' && *ps->p != '}')
		return fail(ps, ps->line, "a value ends with its closing quote, but '%c' follows", *ps->p);
	return 0;
}

/* The rest of the line up to a comment or a closing brace. */
static int unquoted(struct parser *ps, char *out, size_t *len)
{
	const char *start = ps->p, *stop;

	for (; ps->p < ps->end && *ps->p != '\n' && *ps->p != '#' && *ps->p != '}'; ps->p++)
		if (*ps->p == '{' || *ps->p == '"')
			return fail(ps, ps->line, "'%c' inside a value: put the whole value in quotes", *ps->p);
	for (stop = ps->p; stop > start && isspace((unsigned char)stop[-1]);)
		stop--;
	if (stop - start > CONF_TREE_VALUE_MAX)
		return fail(ps, ps->line, "a value is longer than %d octets", CONF_TREE_VALUE_MAX);
	*len = (size_t)(stop - start);
	memcpy(out, start, *len);
	return 0;
}

/* A value after '=' or `include`; *out is malloc'd and wiped by value_free(). */
static int value(struct parser *ps, char **out, size_t *len)
{
	int err;

	skip_blank(ps);
	*len = 0;
	*out = malloc(CONF_TREE_VALUE_MAX + 1);
	if (!*out)
		return fail(ps, ps->line, "out of memory");
	err = ps->p < ps->end && *ps->p == '"' ? quoted(ps, *out, len) : unquoted(ps, *out, len);
	(*out)[*len] = '\0';
	return err;
}

static void value_free(char *text, size_t len)
{
	if (text)
		explicit_bzero(text, len);
	free(text);
}

static int parse_file(struct parser *from, const char *path);

/* include GLOB: relative to the directory of the file it stands in. */
static int include(struct parser *ps)
{
	char *pattern = NULL, *full = NULL;
	const char *slash = strrchr(ps->file, '/');
	size_t len = 0;
	glob_t found = {0};
	int err = value(ps, &pattern, &len);

	if (err)
		goto out;
	if (ps->includes == (unsigned int)NO_INCLUDES) {
		err = fail(ps, ps->line, "include is for files only");
		goto out;
	}
	if (asprintf(&full, "%.*s%s", pattern[0] == '/' || !slash ? 0 : (int)(slash - ps->file + 1), ps->file,
		     pattern) < 0) {
		full = NULL;
		err = fail(ps, ps->line, "out of memory");
		goto out;
	}
	switch (glob(full, GLOB_ERR, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH: /* an empty directory of snippets is fine, a missing file is not */
		if (!strpbrk(full, "*?["))
			err = fail(ps, ps->line, "include \"%s\": there is no such file", full);
		goto out;
	default:
		err = fail(ps, ps->line, "include \"%s\": cannot read the directory: %s", full, strerror(errno));
		goto out;
	}
	for (size_t i = 0; !err && i < found.gl_pathc; i++)
		err = parse_file(ps, found.gl_pathv[i]);
out:
	globfree(&found);
	free(full);
	value_free(pattern, len);
	return err;
}

static int assign(struct parser *ps, const char *name, size_t name_len)
{
	unsigned int line = ps->line;
	struct conf_tree *n;
	char *text = NULL;
	size_t len = 0;
	int err = value(ps, &text, &len);

	if (!err) {
		n = conf_tree_value(ps->section, name, name_len, text, len);
		if (n) {
			n->file = ps->file;
			n->line = line;
		} else {
			err = fail_errno(ps, name, name_len);
		}
	}
	value_free(text, len);
	return err;
}

static int section_open(struct parser *ps, const char *name, size_t name_len, unsigned int line)
{
	struct conf_tree *n = conf_tree_section(ps->section, name, name_len);

	if (!n)
		return fail_errno(ps, name, name_len);
	if (!n->file) {
		n->file = ps->file;
		n->line = line;
	}
	ps->section = n;
	return 0;
}

/* One `name = value`, `name {` or `include`. */
static int statement(struct parser *ps)
{
	const char *name = ps->p;
	unsigned int line = ps->line;
	size_t len;

	while (ps->p < ps->end && name_char(*ps->p))
		ps->p++;
	len = (size_t)(ps->p - name);
	if (!len)
		return isprint((unsigned char)*ps->p)
			       ? fail(ps, line, "a key or a section name is expected here, not '%c'", *ps->p)
			       : fail(ps, line, "a key or a section name is expected here, not octet 0x%02x",
				      (unsigned char)*ps->p);
	skip_blank(ps);
	if (len == 7 && !memcmp(name, "include", 7) && ps->p < ps->end && !strchr("={:\n", *ps->p))
		return include(ps);
	if (ps->p < ps->end && *ps->p == '=') {
		ps->p++;
		return assign(ps, name, len);
	}
	skip_space(ps);
	if (ps->p < ps->end && *ps->p == '{') {
		ps->p++;
		return section_open(ps, name, len, line);
	}
	if (ps->p < ps->end && *ps->p == ':')
		return fail(ps, line,
			    "\"%.*s : ...\": sections that refer to others are not supported, write the keys out",
			    (int)len, name);
	return fail(ps, line, "\"%.*s\" must be followed by '= value' or by '{'", (int)(len > 64 ? 64 : len), name);
}

static int parse_text(struct parser *ps)
{
	struct conf_tree *base = ps->section;
	int err = 0;

	while (!err) {
		skip_space(ps);
		if (ps->p == ps->end)
			break;
		if (*ps->p == '}') {
			if (ps->section == base)
				return fail(ps, ps->line, "'}' without a section that it could close");
			ps->section = ps->section->parent;
			ps->p++;
		} else {
			err = statement(ps);
		}
	}
	if (!err && ps->section != base)
		err = fail(ps, ps->line, "the file ends inside section \"%s\" of line %u: '}' is missing",
			   ps->section->name, ps->section->line);
	return err;
}

static const char *file_name(struct conf_tree *root, const char *name)
{
	struct conf_tree_file *f = calloc(1, sizeof(*f));

	if (!f || !(f->name = strdup(name))) {
		free(f);
		return NULL;
	}
	SLIST_INSERT_HEAD(&root->root->files, f, entry);
	return f->name;
}

/* At most CONF_TREE_TEXT_MAX octets for all files together; any kind of file, also a pipe. */
static int file_read(struct parser *from, const char *path, char **text, size_t *len)
{
	size_t room = CONF_TREE_TEXT_MAX - from->root->root->text, cap = room + 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	*len = 0;
	*text = fd < 0 ? NULL : malloc(cap);
	if (!*text) {
		snprintf(from->error, CONF_TREE_ERROR_MAX, "%s: cannot open: %s", path, strerror(errno));
		err = -EINVAL;
	}
	while (!err && *len < cap) {
		ssize_t n = read(fd, *text + *len, cap - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			snprintf(from->error, CONF_TREE_ERROR_MAX, "%s: cannot read: %s", path, strerror(errno));
			err = -EINVAL;
		}
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	if (!err && *len > room) {
		snprintf(from->error, CONF_TREE_ERROR_MAX, "%s: the configuration is larger than %d octets", path,
			 CONF_TREE_TEXT_MAX);
		err = -EINVAL;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int parse_file(struct parser *from, const char *path)
{
	struct parser ps = {.root = from->root, .section = from->section, .line = 1, .error = from->error};
	char *text = NULL;
	size_t len = 0;
	int err;

	ps.includes = from->includes + 1;
	if (ps.includes > CONF_TREE_INCLUDE_DEPTH_MAX + 1)
		return fail(from, from->line, "include \"%s\": more than %d includes in each other", path,
			    CONF_TREE_INCLUDE_DEPTH_MAX);
	err = file_read(from, path, &text, &len);
	if (!err) {
		ps.file = file_name(ps.root, path);
		ps.p = text;
		ps.end = text + len;
		ps.root->root->text += len;
		if (ps.file) {
			err = parse_text(&ps);
		} else {
			snprintf(from->error, CONF_TREE_ERROR_MAX, "%s: out of memory", path);
			err = -EINVAL;
		}
	}
	value_free(text, len);
	return err;
}

int conf_tree_load(struct conf_tree *root, const char *path, char *error)
{
	struct parser top = {.root = root, .section = root, .file = path, .error = error};

	return parse_file(&top, path);
}

int conf_tree_parse(struct conf_tree *root, const char *name, const char *text, size_t len, char *error)
{
	struct parser ps = {
		.root = root,
		.section = root,
		.file = file_name(root, name),
		.p = text,
		.end = text + len,
		.line = 1,
		.includes = (unsigned int)NO_INCLUDES,
		.error = error,
	};

	if (!ps.file || len > CONF_TREE_TEXT_MAX) {
		snprintf(error, CONF_TREE_ERROR_MAX, "%s: the configuration is larger than %d octets", name,
			 CONF_TREE_TEXT_MAX);
		return -EINVAL;
	}
	return parse_text(&ps);
}
