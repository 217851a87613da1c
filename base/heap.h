/* SPDX-License-Identifier: MIT */
/*
 * A binary min-heap of timers with the node inside its owner. The node knows its place, so moving or removing it
 * is O(log n) without a search, and a million of them cost 16 bytes each plus one pointer.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key;   /* smallest first: a due time in ns, usually */
	uint32_t place; /* 1-based place in the heap; 0: not in it. Zero-initialise. */
};

struct heap {
	struct heap_node **at;
	uint32_t len;
	uint32_t cap;
};

#define heap_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Insert the node with this key, or move it there if it is in the heap. 0, or -ENOMEM (the node is then not moved). */
int heap_set(struct heap *h, struct heap_node *n, uint64_t key);

/* Make room for n nodes in all, so that heap_set() cannot fail up to there. 0 or -ENOMEM. */
int heap_reserve(struct heap *h, uint32_t n);

/* Remove the node; nothing happens if it is not in the heap. */
void heap_remove(struct heap *h, struct heap_node *n);

/* The node with the smallest key, or NULL. It stays in the heap. */
static inline struct heap_node *heap_first(const struct heap *h)
{
	return h->len ? h->at[0] : NULL;
}

static inline bool heap_has(const struct heap_node *n)
{
	return n->place != 0;
}

/* Free the heap's own memory (not the nodes). The nodes in it must not be used with it again. */
void heap_free(struct heap *h);

#endif
