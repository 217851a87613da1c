/* SPDX-License-Identifier: MIT */
/* What conf_tree.c and conf_parse.c share: the part of a tree that belongs to all of it. */
#ifndef CTL_CONF_TREE_IMPL_H
#define CTL_CONF_TREE_IMPL_H

#include <sys/queue.h>

#include "ctl/conf_tree.h"

struct conf_tree_file {
	SLIST_ENTRY(conf_tree_file) entry;
	char *name;
};

struct conf_tree_root {
	uint32_t nodes;
	size_t text;                                       /* octets read so far, all files together */
	SLIST_HEAD(conf_tree_files, conf_tree_file) files; /* names that nodes point at */
};

#endif
