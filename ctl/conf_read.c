/* SPDX-License-Identifier: MIT */
/* Walking a section by its rows: reading it, and hashing what was read. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "ctl/conf_schema.h"

/* An exact name wins over a prefix. */
static const struct conf_row *row_find(const struct conf_row *rows, const struct conf_tree *node)
{
	const struct conf_row *prefix = NULL;
	bool section = node->kind == CONF_SECTION;

	for (const struct conf_row *r = rows; r->key; r++) {
		size_t len = strlen(r->key);

		if (!strcmp(r->key, node->name))
			return r;
		/* "local*" is a section and must not take in the key "local_adrs" */
		if (r->key[len - 1] == '*' && !strncmp(r->key, node->name, len - 1) &&
		    section == (r->type == CONF_ENTER))
			prefix = r;
	}
	return prefix;
}

/* Edit distance, for names of at most 31 characters. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[32], la = (unsigned int)strlen(a), lb = (unsigned int)strlen(b);

	if (la > 31 || lb > 31)
		return 100;
	for (unsigned int j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned int i = 1; i <= la; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= lb; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

static int fail_unknown(const struct conf_row *rows, const struct conf_tree *node, char *error)
{
	const char *kind = node->kind == CONF_SECTION ? "section" : "key", *nearest = NULL;
	unsigned int best = 3; /* further away is no misspelling */

	for (const struct conf_row *r = rows; r->key; r++) {
		unsigned int d = distance(r->key, node->name);

		if (d < best && r->type != CONF_NOT) {
			best = d;
			nearest = r->key;
		}
	}
	if (nearest)
		return conf_tree_fail(node, error, "unknown %s; did you mean %.*s?", kind, (int)strcspn(nearest, "*"),
				      nearest);
	return conf_tree_fail(node, error, "unknown %s", kind);
}

int conf_section_read(const struct conf_row *rows, const struct conf_tree *section, void *out, char *error)
{
	int err = 0;

	for (const struct conf_tree *n = section->first; n && !err; n = n->next) {
		const struct conf_row *row = row_find(rows, n);

		if (!row)
			err = fail_unknown(rows, n, error);
		else if (n->kind == CONF_SECTION && row->type == CONF_ENTER)
			err = row->enter(row, n, out, error);
		else if (n->kind == CONF_SECTION && row->type != CONF_NOT)
			err = conf_tree_fail(n, error, "is a key: write %s = ...", n->name);
		else if (n->kind == CONF_VALUE && !n->len)
			continue; /* `key =`: as if it were not there */
		else
			err = conf_value_read(row, n, (char *)out + row->at, error);
	}
	return err;
}

static void hash(EVP_MD_CTX *digest, const void *p, size_t len)
{
	EVP_DigestUpdate(digest, p, len);
}

static void hash_addrs(EVP_MD_CTX *digest, const struct conf_addrs *a)
{
	hash(digest, &a->n, sizeof(a->n));
	for (unsigned int i = 0; i < a->n; i++) {
		hash(digest, &a->at[i].family, sizeof(a->at[i].family));
		hash(digest, a->at[i].ip, sizeof(a->at[i].ip));
	}
}

static void hash_proposals(EVP_MD_CTX *digest, const struct conf_proposals *p)
{
	hash(digest, &p->n, sizeof(p->n));
	for (unsigned int i = 0; i < p->n; i++)
		for (unsigned int t = 0; t < p->at[i].n; t++) {
			hash(digest, &p->at[i].t[t].type, sizeof(p->at[i].t[t].type));
			hash(digest, &p->at[i].t[t].id, sizeof(p->at[i].t[t].id));
			hash(digest, &p->at[i].t[t].key_bits, sizeof(p->at[i].t[t].key_bits));
		}
}

static void hash_selectors(EVP_MD_CTX *digest, const struct conf_selectors *s)
{
	hash(digest, &s->n, sizeof(s->n));
	for (unsigned int i = 0; i < s->n; i++) {
		const struct ike_ts *ts = &s->at[i];

		hash(digest, &ts->type, sizeof(ts->type));
		hash(digest, &ts->protocol, sizeof(ts->protocol));
		hash(digest, &ts->start_port, sizeof(ts->start_port));
		hash(digest, &ts->end_port, sizeof(ts->end_port));
		hash(digest, ts->start, sizeof(ts->start));
		hash(digest, ts->end, sizeof(ts->end));
	}
}

/* Field by field: padding between fields may hold anything. */
void conf_rows_hash(const struct conf_row *rows, const void *in, EVP_MD_CTX *digest)
{
	for (const struct conf_row *r = rows; r->key; r++) {
		const void *field = (const char *)in + r->at;

		hash(digest, r->key, strlen(r->key) + 1);
		switch (r->type) {
		case CONF_BOOL:
		case CONF_WORD:
		case CONF_UINT:
		case CONF_TIME:
		case CONF_BYTES:
		case CONF_REAL:
		case CONF_QUEUES:
			hash(digest, field, r->size);
			break;
		case CONF_TEXT:
		case CONF_PROFILE:
			hash(digest, field, strlen(field) + 1);
			break;
		case CONF_ADDRS:
			hash_addrs(digest, field);
			break;
		case CONF_PROPOSALS:
			hash_proposals(digest, field);
			break;
		case CONF_SELECTORS:
			hash_selectors(digest, field);
			break;
		case CONF_IDENTITY: {
			const struct ike_id *id = field;

			hash(digest, &id->kind, sizeof(id->kind));
			hash(digest, id->data, id->len);
			break;
		}
		case CONF_POLICY: /* of no connection */
		case CONF_IDENTITIES:
		case CONF_PSK:
		case CONF_ONLY:
		case CONF_NOT:
		case CONF_ENTER:
			break;
		}
	}
}
