/* SPDX-License-Identifier: MIT */
#include "ctl/vici_tree.h"

#include <errno.h>
#include <string.h>

/* Puts the element that r stands at below *at, and moves *at into and out of sections and lists. 0 or -errno. */
static int element_add(struct conf_tree **at, const struct vici_reader *r)
{
	struct conf_tree *n = NULL;

	switch (r->kind) {
	case VICI_SECTION_END:
	case VICI_LIST_END:
		*at = (*at)->parent;
		return 0;
	case VICI_LIST_ITEM:
		return conf_tree_item(*at, r->value, r->value_len) ? 0 : -errno;
	case VICI_SECTION_START:
	case VICI_KEY_VALUE:
	case VICI_LIST_START:
		if (!r->name_len || memchr(r->name, '\0', r->name_len))
			return -EBADMSG;
		break;
	case VICI_END:
		return -EBADMSG;
	}
	if (r->kind == VICI_SECTION_START)
		n = conf_tree_section(*at, r->name, r->name_len);
	else if (r->kind == VICI_LIST_START)
		n = conf_tree_list(*at, r->name, r->name_len);
	else if (conf_tree_value(*at, r->name, r->name_len, r->value, r->value_len))
		return 0;
	if (!n)
		return errno == EEXIST ? -EBADMSG : -errno;
	*at = n;
	return 0;
}

struct conf_tree *vici_tree_read(struct vici_reader *r)
{
	struct conf_tree *root = conf_tree_new(), *at = root;
	int kind, err = root ? 0 : -ENOMEM;

	while (!err && (kind = vici_next(r)) != VICI_END)
		err = kind < 0 ? kind : element_add(&at, r);
	if (!err)
		return root;
	conf_tree_free(root);
	errno = -err;
	return NULL;
}
