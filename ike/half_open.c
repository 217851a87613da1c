/* SPDX-License-Identifier: MIT */
/* Counts half-open IKE SAs in total and per address, for the bounds and for the COOKIE threshold. */
#include <stdlib.h>

#include "ike/engine.h"

struct half_open_ip {
	struct ike_node node;
	struct ike_addr addr; /* port 0 */
	uint32_t n;
};

static struct half_open_ip *half_open_find(struct ike *ike, const struct ike_addr *addr, uint64_t *hash)
{
	struct ike_addr a = *addr;
	struct ike_node *n;

	a.port = 0;
	*hash = ike_table_hash(ike->seed, a.ip, sizeof(a.ip)) ^ a.family;
	for (n = ike_table_first(&ike->half_open_ip, *hash); n; n = ike_table_next(n)) {
		struct half_open_ip *h = ike_entry(n, struct half_open_ip, node);

		if (ike_addr_equal(&h->addr, &a))
			return h;
	}
	return NULL;
}

uint32_t ike_half_open_of(struct ike *ike, const struct ike_addr *addr)
{
	uint64_t hash;
	struct half_open_ip *h = half_open_find(ike, addr, &hash);

	return h ? h->n : 0;
}

void ike_sa_half_open(struct ike_sa *sa, bool on)
{
	struct ike *ike = sa->ike;
	struct half_open_ip *h;
	uint64_t hash;

	if (sa->half_open == on)
		return;
	h = half_open_find(ike, &sa->init_from, &hash);
	if (on && !h) {
		h = calloc(1, sizeof(*h));
		if (!h)
			return; /* not counted: the total bound holds all the same through the memory that is missing */
		h->addr = sa->init_from;
		h->addr.port = 0;
		ike_table_add(&ike->half_open_ip, &h->node, hash);
	}
	sa->half_open = on;
	ike->counters.half_open += on ? 1 : -1u;
	h->n += on ? 1 : -1u;
	if (!h->n) {
		ike_table_remove(&ike->half_open_ip, &h->node);
		free(h);
	}
}
