/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include <errno.h>
#include <stdlib.h>

static void heap_put(struct heap *h, uint32_t i, struct heap_node *n)
{
	h->at[i] = n;
	n->place = i + 1;
}

static void heap_up(struct heap *h, uint32_t i)
{
	struct heap_node *n = h->at[i];

	while (i) {
		uint32_t parent = (i - 1) / 2;

		if (h->at[parent]->key <= n->key)
			break;
		heap_put(h, i, h->at[parent]);
		i = parent;
	}
	heap_put(h, i, n);
}

static void heap_down(struct heap *h, uint32_t i)
{
	struct heap_node *n = h->at[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= h->len)
			break;
		if (child + 1 < h->len && h->at[child + 1]->key < h->at[child]->key)
			child++;
		if (n->key <= h->at[child]->key)
			break;
		heap_put(h, i, h->at[child]);
		i = child;
	}
	heap_put(h, i, n);
}

int heap_reserve(struct heap *h, uint32_t n)
{
	uint32_t cap = h->cap ? h->cap : 16;
	struct heap_node **at;

	if (n <= h->cap)
		return 0;
	while (cap < n)
		cap = cap > UINT32_MAX / 2 ? UINT32_MAX : cap * 2;
	at = realloc(h->at, cap * sizeof(struct heap_node *));
	if (!at)
		return -ENOMEM;
	h->at = at;
	h->cap = cap;
	return 0;
}

int heap_set(struct heap *h, struct heap_node *n, uint64_t key)
{
	uint64_t old = n->key;

	if (n->place) {
		n->key = key;
		if (key < old)
			heap_up(h, n->place - 1);
		else
			heap_down(h, n->place - 1);
		return 0;
	}
	if (heap_reserve(h, h->len + 1))
		return -ENOMEM;
	n->key = key;
	heap_put(h, h->len++, n);
	heap_up(h, n->place - 1);
	return 0;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	uint32_t i = n->place - 1;
	struct heap_node *last;

	if (!n->place)
		return;
	n->place = 0;
	last = h->at[--h->len];
	if (last == n)
		return;
	heap_put(h, i, last);
	if (last->key < n->key)
		heap_up(h, i);
	else
		heap_down(h, i);
}

void heap_free(struct heap *h)
{
	free(h->at);
	*h = (struct heap){0};
}
