/* SPDX-License-Identifier: MIT */
/*
 * A tree of sections, values and lists, and where in which file each was written. It is what a configuration file and a
 * VICI message have in common. It knows no key: conf_schema.c does.
 *
 * The file syntax is strongswan.conf(5)'s: `section { }`, `key = value`, "quoted strings" with \n \r \t \" \\, #
 * comments, `include GLOB` (relative to the including file). A section written twice is extended, a key written twice
 * is replaced. References (`section : other { }`) are refused with a sentence.
 */
#ifndef CTL_CONF_TREE_H
#define CTL_CONF_TREE_H

#include <stddef.h>
#include <stdint.h>

#ifndef HASH_FUNCTION
#define HASH_FUNCTION HASH_FNV /* the default's switch falls through without saying so: clang warns */
#endif
#include <uthash.h>

enum {
	CONF_TREE_DEPTH_MAX = 16,        /* sections in sections */
	CONF_TREE_NODES_MAX = 200000,    /* in one tree */
	CONF_TREE_NAME_MAX = 255,        /* octets of a name */
	CONF_TREE_VALUE_MAX = 65535,     /* octets of a value */
	CONF_TREE_TEXT_MAX = 4 << 20,    /* octets of all files of one tree together */
	CONF_TREE_INCLUDE_DEPTH_MAX = 8, /* includes in includes */
	CONF_TREE_ERROR_MAX = 512,       /* room for an error sentence */
};

enum conf_kind { CONF_SECTION, CONF_VALUE, CONF_LIST, CONF_ITEM };

struct conf_tree {
	enum conf_kind kind;
	struct conf_tree *parent, *next; /* next: in the order of writing */
	struct conf_tree *first, *last;  /* SECTION: what is in it; LIST: its items */
	struct conf_tree *index;         /* SECTION: the same by name */
	UT_hash_handle hh;
	char *name;  /* "" for the root and for items */
	char *value; /* VALUE, ITEM: zero-terminated, `len` octets, which may include zeros. Wiped when freed. */
	size_t len;
	const char *file; /* NULL: not from a file */
	unsigned int line;
	struct conf_tree_root *root;
};

/* An empty root section, or NULL. Freed with conf_tree_free(). */
struct conf_tree *conf_tree_new(void);
/* The root and everything below it; values are wiped. NULL is fine. */
void conf_tree_free(struct conf_tree *root);

/*
 * What conf_tree_* adds. A section of that name that exists is returned, a value or list is emptied and returned.
 * NULL and errno: ENOMEM, E2BIG (a bound above), EEXIST (there is something else of that name).
 */
struct conf_tree *conf_tree_section(struct conf_tree *parent, const char *name, size_t name_len);
struct conf_tree *conf_tree_value(struct conf_tree *parent, const char *name, size_t name_len, const void *value,
				  size_t len);
struct conf_tree *conf_tree_list(struct conf_tree *parent, const char *name, size_t name_len);
struct conf_tree *conf_tree_item(struct conf_tree *list, const void *value, size_t len);

/* The child of that name, or NULL (also when section is NULL). */
const struct conf_tree *conf_tree_find(const struct conf_tree *section, const char *name);
/* The text of the value of that name; `otherwise` if there is none, or it has zeros inside. */
const char *conf_tree_get(const struct conf_tree *section, const char *name, const char *otherwise);
/* "connections.gw.children.net.mode". Returns buf. */
const char *conf_tree_path(const struct conf_tree *node, char *buf, size_t size);
/* Writes "FILE:LINE: PATH: " and the sentence into error, as much as fits in CONF_TREE_ERROR_MAX. Always -EINVAL. */
int conf_tree_fail(const struct conf_tree *node, char *error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads a file, with its includes, into the tree. 0, or -EINVAL and one sentence. */
int conf_tree_load(struct conf_tree *root, const char *path, char *error);
/* The same from memory, where `name` stands for the file; `include` is refused. */
int conf_tree_parse(struct conf_tree *root, const char *name, const char *text, size_t len, char *error);

#endif
