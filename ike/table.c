/* SPDX-License-Identifier: MIT */
#include "ike/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_BUCKETS_MIN = 64 };

int ike_table_init(struct ike_table *t)
{
	t->at = calloc(TABLE_BUCKETS_MIN, sizeof(struct ike_node *));
	t->mask = TABLE_BUCKETS_MIN - 1;
	t->n = 0;
	return t->at ? 0 : -ENOMEM;
}

void ike_table_free(struct ike_table *t)
{
	free(t->at);
	*t = (struct ike_table){0};
}

static void table_link(struct ike_table *t, struct ike_node *n)
{
	struct ike_node **bucket = &t->at[n->hash & t->mask];

	n->next = *bucket;
	n->prev = bucket;
	if (n->next)
		n->next->prev = &n->next;
	*bucket = n;
}

static void table_grow(struct ike_table *t)
{
	struct ike_table big = {.mask = t->mask * 2 + 1, .n = t->n};

	big.at = calloc((size_t)big.mask + 1, sizeof(struct ike_node *));
	if (!big.at)
		return;
	for (uint32_t i = 0; i <= t->mask; i++)
		for (struct ike_node *n = t->at[i], *next; n; n = next) {
			next = n->next;
			table_link(&big, n);
		}
	free(t->at);
	*t = big;
}

void ike_table_add(struct ike_table *t, struct ike_node *n, uint64_t hash)
{
	if (t->n > t->mask && t->mask < UINT32_MAX / 2)
		table_grow(t);
	n->hash = hash;
	table_link(t, n);
	t->n++;
}

void ike_table_remove(struct ike_table *t, struct ike_node *n)
{
	if (!n->prev)
		return;
	*n->prev = n->next;
	if (n->next)
		n->next->prev = n->prev;
	n->prev = NULL;
	t->n--;
}

static struct ike_node *table_match(struct ike_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct ike_node *ike_table_first(const struct ike_table *t, uint64_t hash)
{
	return table_match(t->at[hash & t->mask], hash);
}

struct ike_node *ike_table_next(const struct ike_node *n)
{
	return table_match(n->next, n->hash);
}

uint64_t ike_table_mix(uint64_t seed, uint64_t value)
{
	unsigned __int128 m = (unsigned __int128)(value ^ seed) * (0x9e3779b97f4a7c15u ^ seed << 1);
	uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64);

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

uint64_t ike_table_hash(uint64_t seed, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = ike_table_mix(seed, len), v;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&v, p, 8);
		h = ike_table_mix(seed, h ^ v);
	}
	v = 0;
	memcpy(&v, p, len);
	return ike_table_mix(seed ^ 1, h ^ v);
}
