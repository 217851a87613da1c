/* SPDX-License-Identifier: MIT */
/* The rack itself: which slot is used, free, or still being freed. */
#include <errno.h>
#include <stdlib.h>

#include "hwsim/card.h"

int slot_table_init(struct slot_table *table, uint32_t size)
{
	table->slots = calloc(size ? size : 1, sizeof(*table->slots));
	if (!table->slots)
		return -ENOMEM;
	table->size = size;
	LIST_INIT(&table->free);
	for (uint32_t i = size; i-- > 0;) { /* so that slot 0 is taken first */
		table->slots[i].table = table;
		LIST_INSERT_HEAD(&table->free, &table->slots[i], free);
	}
	return 0;
}

/* Of a direction; a shared table is sadb.in. */
static struct slot_table *table_of(struct hwsim *card, uint8_t dir)
{
	return card->sadb.shared || dir == KR_XFRM_SA_DIR_IN ? &card->sadb.in : &card->sadb.out;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

int slot_take(struct hwsim *card, struct sa *sa)
{
	struct slot_table *table = table_of(card, sa->dir);
	struct slot *slot = LIST_FIRST(&table->free);
	struct sadb *db = &card->sadb;

	if (!slot)
		return -ENOSPC;
	LIST_REMOVE(slot, free);
	slot->state = SLOT_USED;
	slot->sa = sa;
	sa->slot = slot;
	table->used++;
	table->peak = larger(table->peak, table->used + table->freeing);
	db->peak = larger(db->peak, db->in.used + db->in.freeing + db->out.used + db->out.freeing);
	return 0;
}

void slot_release(struct hwsim *card, struct slot *slot, uint64_t delay)
{
	struct slot_table *table = slot->table;

	slot->sa->slot = NULL;
	slot->sa = NULL;
	table->used--;
	table->freeing++;
	slot->state = SLOT_FREEING;
	/* no memory for the timer: better free too early than never */
	if (!delay || timer_set(card, &slot->timer, TIMER_SLOT, card->now + delay))
		slot_freed(card, slot);
}

void slot_freed(struct hwsim *card, struct slot *slot)
{
	struct slot_table *table = slot->table;

	timer_clear(card, &slot->timer);
	table->freeing--;
	slot->state = SLOT_FREE;
	LIST_INSERT_HEAD(&table->free, slot, free);
}
