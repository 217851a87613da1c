/* SPDX-License-Identifier: MIT */
/* A whole VICI message as a tree of sections, values and lists: what commands read their arguments from. */
#ifndef CTL_VICI_TREE_H
#define CTL_VICI_TREE_H

#include "ctl/conf_tree.h"
#include "ctl/vici_message.h"

/*
 * The elements from r to the end of the message. NULL and errno: EBADMSG (malformed, an empty name, or one name used
 * for two things), E2BIG (more than a tree may hold), ENOMEM. Freed with conf_tree_free(), which wipes the values.
 */
struct conf_tree *vici_tree_read(struct vici_reader *r);

#endif
