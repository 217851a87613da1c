/* SPDX-License-Identifier: MIT */
/* Values that are lists: with commas in a file, as VICI lists in a message. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "ctl/conf_schema.h"
#include "ike/message.h"

enum { ITEM_MAX = 400 };

/*
 * What "default" means. AEAD ciphers first, because cards do no others; no ESN in ESP, as in swanctl: both ends must be
 * able to do it. An algorithm that this OpenSSL lacks is not offered.
 */
static const char *const ike_defaults[] = {
	"aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-modp3072-modp2048",
	"aes128-aes256-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-modp3072-modp2048",
};
static const char *const esp_defaults[] = {
	"aes128gcm16-aes256gcm16-chacha20poly1305",
	"aes128-aes256-sha256-sha384-sha512",
};

/* What is left of a list node, or of a value with commas. */
struct items {
	const struct conf_tree *node;
	const char *text;
};

static struct items items_of(const struct conf_tree *node)
{
	return node->kind == CONF_LIST ? (struct items){node->first, NULL} : (struct items){NULL, node->value};
}

/* The next stretch between commas, without the blanks around it. */
static const char *item_cut(struct items *items, size_t *len)
{
	const char *start = items->text + strspn(items->text, " \t\n\r,"), *stop = start + strcspn(start, ",");

	items->text = stop;
	while (stop > start && isspace((unsigned char)stop[-1]))
		stop--;
	*len = (size_t)(stop - start);
	return start;
}

/* False at the end. An item that is too long is cut to "". */
static bool items_next(struct items *items, char *buf, size_t size)
{
	const char *text = NULL;
	size_t len = 0;

	if (items->text) {
		text = item_cut(items, &len);
	} else if (items->node) {
		text = items->node->value;
		len = items->node->len;
		items->node = items->node->next;
	}
	if (!text || (items->text && !len))
		return false;
	if (len >= size || memchr(text, '\0', len))
		len = 0;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return true;
}

static int add_addr(const struct conf_row *row, const struct conf_tree *node, const char *item, void *field,
		    char *error)
{
	struct conf_addrs *a = field;
	struct ike_addr addr;

	if (conf_addr_read(item, &addr))
		return conf_tree_fail(
			node, error,
			"\"%s\" is not an IPv4 or IPv6 address or %%any (names, subnets and ranges are not possible)",
			item);
	if (!addr.family)
		return a->n ? conf_tree_fail(node, error, "%%any stands alone or not at all") : 0;
	if (a->n == row->max)
		return conf_tree_fail(node, error, "\"%s\" is one more than the %u possible", item,
				      (unsigned int)row->max);
	a->at[a->n++] = addr;
	return 0;
}

static int proposal_add(uint8_t protocol, const struct conf_tree *node, const char *spec, struct conf_proposals *p,
			char *error)
{
	char why[160] = "";

	if (p->n == IKE_PROPOSALS_CFG_MAX)
		return conf_tree_fail(node, error, "more than %d proposals", IKE_PROPOSALS_CFG_MAX);
	if (ike_proposal_read(&p->at[p->n], protocol, spec, why, sizeof(why)))
		return conf_tree_fail(node, error, "\"%s\": %s", spec, why);
	p->n++;
	return 0;
}

int conf_proposals_default(uint8_t protocol, const struct conf_tree *node, struct conf_proposals *out, char *error)
{
	const char *const *defaults = protocol == IKE_PROTO_IKE ? ike_defaults : esp_defaults;
	int err = 0;

	for (unsigned int i = 0; !err && i < 2; i++)
		err = proposal_add(protocol, node, defaults[i], out, error);
	return err;
}

static int add_proposal(const struct conf_row *row, const struct conf_tree *node, const char *item, void *field,
			char *error)
{
	uint8_t protocol = (uint8_t)row->min;

	return strcmp(item, "default") ? proposal_add(protocol, node, item, field, error)
				       : conf_proposals_default(protocol, node, field, error);
}

static int add_selector(const struct conf_row *row, const struct conf_tree *node, const char *item, void *field,
			char *error)
{
	struct conf_selectors *s = field;

	(void)row;
	if (!strcmp(item, "dynamic"))
		return s->n ? conf_tree_fail(node, error, "dynamic stands alone or not at all") : 0;
	if (s->n == IKE_TS_MAX)
		return conf_tree_fail(node, error, "more than %d selectors", IKE_TS_MAX);
	if (conf_ts_read(item, &s->at[s->n]))
		return conf_tree_fail(
			node, error,
			"\"%s\" is not a traffic selector: dynamic, or ADDR, ADDR/BITS or ADDR-ADDR, with [PROTO], "
			"[PROTO/PORT] or [PROTO/PORT-PORT] after it",
			item);
	s->n++;
	return 0;
}

int conf_list_read(const struct conf_row *row, const struct conf_tree *node, void *field, char *error)
{
	int (*add)(const struct conf_row *row, const struct conf_tree *node, const char *item, void *field,
		   char *error) = row->type == CONF_ADDRS       ? add_addr
				  : row->type == CONF_PROPOSALS ? add_proposal
								: add_selector;
	struct items items = items_of(node);
	unsigned int before, n = 0;
	char item[ITEM_MAX];
	bool alone = false;

	*(unsigned int *)field = 0; /* each of the structs starts with its count */
	while (items_next(&items, item, sizeof(item))) {
		int err;

		if (!item[0])
			return conf_tree_fail(node, error, "an item is empty or longer than %d characters",
					      ITEM_MAX - 1);
		if (alone)
			return conf_tree_fail(node, error, "dynamic and %%any stand alone or not at all");
		before = *(unsigned int *)field;
		err = add(row, node, item, field, error);
		if (err)
			return err;
		alone = *(unsigned int *)field == before;
		n++;
	}
	return n ? 0 : conf_tree_fail(node, error, "is an empty list");
}
