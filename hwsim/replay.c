/* SPDX-License-Identifier: MIT */
#include "hwsim/replay.h"

#include <string.h>

void replay_init(struct replay *r, uint32_t window, bool esn, uint64_t top)
{
	memset(r, 0, sizeof(*r));
	r->window = window;
	r->esn = esn;
	r->top = top;
}

static uint64_t bit_of(const struct replay *r, uint64_t seq)
{
	return (seq - 1) % r->window;
}

/*
 * RFC 4303 A2.2. The window [bottom, top] lies in one 2^32 period, or across two. A low half at or above the window's
 * bottom is in the period of the bottom; one below it is in the next.
 */
static uint64_t whole_number(const struct replay *r, uint32_t low)
{
	uint64_t window = r->window ? r->window : 1;
	uint64_t bottom = r->top >= window ? r->top - window + 1 : 0;
	uint64_t period = bottom >> 32;

	if (low < (uint32_t)bottom)
		period++;
	return period << 32 | low;
}

bool replay_check(const struct replay *r, uint32_t low, uint64_t *seq)
{
	uint64_t n = r->esn ? whole_number(r, low) : low;

	*seq = n;
	if (!r->window)
		return true;
	if (!n)
		return false;
	if (n > r->top)
		return true;
	if (r->top - n >= r->window)
		return false;
	return !(r->bitmap[bit_of(r, n) / 32] >> bit_of(r, n) % 32 & 1);
}

void replay_advance(struct replay *r, uint64_t seq)
{
	if (!r->window) {
		/* no check, but with ESN the high half still has to follow the sender */
		if (seq > r->top)
			r->top = seq;
		return;
	}
	if (seq > r->top) {
		if (seq - r->top >= r->window)
			memset(r->bitmap, 0, sizeof(r->bitmap));
		else
			for (uint64_t n = r->top + 1; n < seq; n++)
				r->bitmap[bit_of(r, n) / 32] &= ~(1u << bit_of(r, n) % 32);
		r->top = seq;
	}
	r->bitmap[bit_of(r, seq) / 32] |= 1u << bit_of(r, seq) % 32;
}
