/* SPDX-License-Identifier: MIT */
/*
 * A hash table of nodes inside their owners: chained, doubly linked so that removal needs no search, growing by
 * doubling. Several nodes may share a hash: the owner compares. Hashes come from ike_table_hash() with a secret seed,
 * because peers choose some of the keys.
 */
#ifndef IKE_TABLE_H
#define IKE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ike_node {
	struct ike_node *next, **prev; /* prev NULL: not in a table. Zero-initialise. */
	uint64_t hash;
};

struct ike_table {
	struct ike_node **at;
	uint32_t mask; /* buckets - 1 */
	uint32_t n;
};

/* 0 or -ENOMEM. Later growth that fails only makes the chains longer. */
int ike_table_init(struct ike_table *t);
/* Frees the buckets, not the nodes. */
void ike_table_free(struct ike_table *t);
/* The node goes in front of others with the same hash. */
void ike_table_add(struct ike_table *t, struct ike_node *n, uint64_t hash);
/* Nothing happens if it is in no table. */
void ike_table_remove(struct ike_table *t, struct ike_node *n);
/* The first node with this hash, and the next one after it; NULL: no more. */
struct ike_node *ike_table_first(const struct ike_table *t, uint64_t hash);
struct ike_node *ike_table_next(const struct ike_node *n);

/* Keyed hash of len octets; not cryptographic: the seed is secret and random. */
uint64_t ike_table_hash(uint64_t seed, const void *data, size_t len);
/* The same for one integer. */
uint64_t ike_table_mix(uint64_t seed, uint64_t value);

#define ike_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
