/* SPDX-License-Identifier: MIT */
/*
 * Limits of an SA. A count is checked by the packet that makes it; what follows (events, deletion) is control's. Linux:
 * xfrm_state_check_expire, xfrm_timer_handler. A soft limit is reported once (`dying`), until UPDSA arms it again.
 */
#ifndef HWSIM_LIFETIME_H
#define HWSIM_LIFETIME_H

#include "hwsim/card.h"

/* After limits or `dying` changed; the card stopped or the SA in no table. */
void lifetime_arm(struct sa *sa);
/* A packet reached stop_packets or stop_bytes; from a lane, sa->lock held. */
void lifetime_reached(struct hwsim *card, struct sa *sa);
/* The SA's first packet; from a lane, sa->lock held. */
void lifetime_first_use(struct hwsim *card, struct sa *sa);
/* Does what is due by counts and time. The SA may be gone afterwards. Stopped. */
void lifetime_run(struct hwsim *card, struct sa *sa);
/* What a dump at `now` shows of the counters: as old as the card's counter period makes them. sa->lock held. */
struct sa_counts lifetime_shown(const struct hwsim *card, const struct sa *sa, uint64_t now);

/* Whether the sample is what dumps show at `now`; the period may have changed since it was taken. sa->lock held. */
static inline bool lifetime_sample_holds(const struct hwsim *card, const struct sa *sa, uint64_t now)
{
	return now < sa->sample_until && sa->sample_until - now <= card->counter_period;
}

/* Before the counts change at `now`: what they were when the last counter period ended. sa->lock held. */
static inline void lifetime_sample(const struct hwsim *card, struct sa *sa, uint64_t now)
{
	if (card->counter_period && !lifetime_sample_holds(card, sa, now)) {
		sa->sample = sa->counts;
		sa->sample_until = (now / card->counter_period + 1) * card->counter_period;
	}
}

/* Counts one packet of `bytes`; from a lane, sa->lock held. */
static inline void lifetime_count(struct hwsim *card, struct sa *sa, size_t bytes, uint64_t now)
{
	struct sa_counts *c = &sa->counts;

	lifetime_sample(card, sa, now);
	c->packets++;
	c->bytes += bytes;
	c->last_use = now;
	if (c->first_use == UINT64_MAX) {
		c->first_use = now;
		lifetime_first_use(card, sa);
	}
	if (c->packets >= sa->stop_packets || c->bytes >= sa->stop_bytes)
		lifetime_reached(card, sa);
}

#endif
