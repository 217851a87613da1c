/* SPDX-License-Identifier: MIT */
/* What the files of the traffic do for each other. */
#ifndef BENCH_OCCUPANCY_FLOW_H
#define BENCH_OCCUPANCY_FLOW_H

#include "bench_occupancy.h"

enum { OCC_FALLBACK_CPU = OCC_QUEUES - 1 }; /* sends what has no queue */

/*
 * Up to now. What the card shows of its counters is as they were at the end of its last period, so that is a moment at
 * which all has to be charged, too.
 */
void occ_flow_settle(struct occ_world *w, struct occ_flow *f);
/* Its next limit, from where it stands now: it must be settled. */
void occ_flow_plan(struct occ_world *w, struct occ_flow *f);

#endif
