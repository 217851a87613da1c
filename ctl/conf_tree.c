/* SPDX-License-Identifier: MIT */
#include "ctl/conf_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/conf_tree_impl.h"

static struct conf_tree *node_new(struct conf_tree *parent, enum conf_kind kind, const char *name, size_t name_len)
{
	struct conf_tree_root *root = parent->root;
	struct conf_tree *n;

	if (name_len > CONF_TREE_NAME_MAX || root->nodes >= CONF_TREE_NODES_MAX) {
		errno = E2BIG;
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n || !(n->name = strndup(name, name_len))) {
		free(n);
		errno = ENOMEM;
		return NULL;
	}
	n->kind = kind;
	n->parent = parent;
	n->root = root;
	root->nodes++;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	if (parent->kind == CONF_SECTION)
		HASH_ADD_KEYPTR(hh, parent->index, n->name, strlen(n->name), n);
	return n;
}

static void value_wipe(struct conf_tree *n)
{
	if (n->value)
		explicit_bzero(n->value, n->len);
	free(n->value);
	n->value = NULL;
	n->len = 0;
}

/* Without recursion: a tree as deep as the bounds allow must not need stack. */
static void nodes_free(struct conf_tree *top)
{
	struct conf_tree *n = top->first;

	HASH_CLEAR(hh, top->index); /* while the nodes in it exist */
	while (n) {
		struct conf_tree *next;

		if (n->first) {
			next = n->first;
			n->first = NULL;
			HASH_CLEAR(hh, n->index);
		} else {
			next = n->next ? n->next : n->parent == top ? NULL : n->parent;
			value_wipe(n);
			n->root->nodes--;
			free(n->name);
			free(n);
		}
		n = next;
	}
	top->first = top->last = NULL;
}

struct conf_tree *conf_tree_new(void)
{
	struct conf_tree *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->kind = CONF_SECTION;
	n->root = calloc(1, sizeof(*n->root));
	n->name = strdup("");
	if (!n->root || !n->name) {
		free(n->root);
		free(n->name);
		free(n);
		return NULL;
	}
	SLIST_INIT(&n->root->files);
	return n;
}

void conf_tree_free(struct conf_tree *root)
{
	if (!root)
		return;
	nodes_free(root);
	while (!SLIST_EMPTY(&root->root->files)) {
		struct conf_tree_file *f = SLIST_FIRST(&root->root->files);

		SLIST_REMOVE_HEAD(&root->root->files, entry);
		free(f->name);
		free(f);
	}
	free(root->root);
	free(root->name);
	free(root);
}

static struct conf_tree *find(const struct conf_tree *section, const char *name, size_t len)
{
	struct conf_tree *n;

	HASH_FIND(hh, section->index, name, len, n);
	return n;
}

/* The node of that name and kind, made if there is none. */
static struct conf_tree *get(struct conf_tree *parent, enum conf_kind kind, const char *name, size_t len)
{
	struct conf_tree *n = find(parent, name, len);

	if (!n)
		return node_new(parent, kind, name, len);
	if (n->kind == kind)
		return n;
	errno = EEXIST;
	return NULL;
}

static int depth(const struct conf_tree *n)
{
	int d = 0;

	while ((n = n->parent))
		d++;
	return d;
}

struct conf_tree *conf_tree_section(struct conf_tree *parent, const char *name, size_t name_len)
{
	if (depth(parent) >= CONF_TREE_DEPTH_MAX) {
		errno = E2BIG;
		return NULL;
	}
	return get(parent, CONF_SECTION, name, name_len);
}

static struct conf_tree *value_set(struct conf_tree *n, const void *value, size_t len)
{
	char *copy;

	if (!n)
		return NULL;
	if (len > CONF_TREE_VALUE_MAX) {
		errno = E2BIG;
		return NULL;
	}
	copy = malloc(len + 1);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, value, len);
	copy[len] = '\0';
	value_wipe(n);
	n->value = copy;
	n->len = len;
	return n;
}

struct conf_tree *conf_tree_value(struct conf_tree *parent, const char *name, size_t name_len, const void *value,
				  size_t len)
{
	return value_set(get(parent, CONF_VALUE, name, name_len), value, len);
}

struct conf_tree *conf_tree_list(struct conf_tree *parent, const char *name, size_t name_len)
{
	struct conf_tree *n = get(parent, CONF_LIST, name, name_len);

	if (n)
		nodes_free(n);
	return n;
}

struct conf_tree *conf_tree_item(struct conf_tree *list, const void *value, size_t len)
{
	return value_set(node_new(list, CONF_ITEM, "", 0), value, len);
}

const struct conf_tree *conf_tree_find(const struct conf_tree *section, const char *name)
{
	return section ? find(section, name, strlen(name)) : NULL;
}

const char *conf_tree_get(const struct conf_tree *section, const char *name, const char *otherwise)
{
	const struct conf_tree *n = conf_tree_find(section, name);

	return n && n->kind == CONF_VALUE && n->value && strlen(n->value) == n->len ? n->value : otherwise;
}

const char *conf_tree_path(const struct conf_tree *node, char *buf, size_t size)
{
	const struct conf_tree *up[CONF_TREE_DEPTH_MAX + 2] = {NULL};
	unsigned int n = 0;
	size_t at = 0;

	if (node->kind == CONF_ITEM)
		node = node->parent;
	for (; node->parent && n < CONF_TREE_DEPTH_MAX + 2; node = node->parent)
		up[n++] = node;
	buf[0] = '\0';
	for (; n && at < size; n--)
		at += (size_t)snprintf(buf + at, size - at, "%s%s", up[n - 1]->name, n > 1 ? "." : "");
	return buf;
}

int conf_tree_fail(const struct conf_tree *node, char *error, const char *fmt, ...)
{
	char path[CONF_TREE_ERROR_MAX / 2];
	size_t at = 0;
	va_list ap;

	conf_tree_path(node, path, sizeof(path));
	if (node->file)
		at = (size_t)snprintf(error, CONF_TREE_ERROR_MAX, "%s:%u: ", node->file, node->line);
	if (path[0] && at < CONF_TREE_ERROR_MAX)
		at += (size_t)snprintf(error + at, CONF_TREE_ERROR_MAX - at, "%s: ", path);
	if (at < CONF_TREE_ERROR_MAX) {
		va_start(ap, fmt);
		vsnprintf(error + at, CONF_TREE_ERROR_MAX - at, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}
