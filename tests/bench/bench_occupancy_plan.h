/* SPDX-License-Identifier: MIT */
/* What plan and traffic agree on. */
#ifndef BENCH_OCCUPANCY_PLAN_H
#define BENCH_OCCUPANCY_PLAN_H

/* How much more a tunnel sends in a burst, and at the top of its day. */
static const double occ_burst_factor = 3, occ_day_factor = 0.6;

#endif
