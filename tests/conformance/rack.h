/* SPDX-License-Identifier: MIT */
/* What stories have in common. */
#ifndef CONFORMANCE_RACK_H
#define CONFORMANCE_RACK_H

#include "card.h"

/*
 * An SA and a policy for it at both ends, for what `from` sends; what the request has besides is for all four. Limits
 * are for the sender alone.
 */
void rack_connect(struct card *c, enum side from, const struct request *like);

/* The reply must be this, in which KEY stands for the algorithm of BASE_SA, and BITS for "bits" as this card shows a
 * key. */
void rack_shows(struct card *c, enum side side, const struct request *r, const char *reply);
/* The same of the next event. */
void rack_tells(struct card *c, enum side side, const char *event);

/* The answer must be this, but perhaps not at once: a slot is free when the kernel has let go of the SA before. */
void rack_until(struct card *c, enum side side, const struct request *r, const char *answer);

/* How many packets the SA has, by GETSA. */
unsigned int rack_packets(struct card *c, enum side side, const struct request *id);

#endif
