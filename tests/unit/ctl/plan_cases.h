/* SPDX-License-Identifier: MIT */
/* A plan that is easy to follow by hand, to change one thing of. */
#ifndef TESTS_PLAN_CASES_H
#define TESTS_PLAN_CASES_H

#include "ctl/plan.h"

struct plan_case {
	struct plan_ask ask; /* ask.groups points at group */
	struct plan_group group;
};

/*
 * 1000 slots in each direction, 16 kept. 10 tunnels of 4 queues and the fallback: 50 SAs. Each queue sends 1 GB/s in
 * packets of 1000 bytes; soft at 100 GB, hard at 200 GB, soft limits not spread; no other limit. Polls 1 s, RTT 100 ms,
 * installs 0, watch 50 ms, drain 500 ms, let go 250 ms, retransmission after 1 s: late 2.1 s, holds for 1 s.
 */
void plan_case_make(struct plan_case *c);
/* Computed; the test fails if it cannot be. */
struct plan plan_case_plan(const struct plan_case *c, struct plan_part *part);

#endif
