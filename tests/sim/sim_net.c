/* SPDX-License-Identifier: MIT */
#include "sim_net.h"

#include <stdlib.h>
#include <string.h>

static void net_queue(struct net *n, uint64_t now, const struct net_packet *head, const void *data, size_t len,
		      bool copy)
{
	struct net_packet *p = malloc(sizeof(*p) + len);

	if (!p)
		abort();
	*p = *head;
	p->due = (struct heap_node){0};
	p->copy = copy;
	p->len = len;
	memcpy(p->data, data, len);
	if (heap_set(&n->heap, &p->due, now + n->config.delay_ns + prng_below(&n->rng, n->config.jitter_ns + 1)))
		abort();
}

bool net_send(struct net *n, uint64_t now, const struct net_packet *head, const void *data, size_t len)
{
	if (n->cut || prng_unit(&n->rng) < n->config.loss) {
		n->lost++;
		return false;
	}
	n->carried++;
	net_queue(n, now, head, data, len, false);
	if (prng_unit(&n->rng) < n->config.twice)
		net_queue(n, now, head, data, len, true);
	return true;
}

struct net_packet *net_take(struct net *n, uint64_t now)
{
	struct heap_node *first = heap_first(&n->heap);

	if (!first || first->key > now)
		return NULL;
	heap_remove(&n->heap, first);
	return heap_entry(first, struct net_packet, due);
}

uint64_t net_next(const struct net *n)
{
	struct heap_node *first = heap_first(&n->heap);

	return first ? first->key : UINT64_MAX;
}

void net_free(struct net *n)
{
	struct net_packet *p;

	while ((p = net_take(n, UINT64_MAX)))
		free(p);
	heap_free(&n->heap);
}
