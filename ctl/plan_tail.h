/* SPDX-License-Identifier: MIT */
/*
 * How many of many SAs come due together: the tails behind `keyrack plan`. Pure: no I/O, no clock, no randomness.
 *
 * An SA is due once in an interval of its age (its stratum of the soft band, in time), and once it has been replaced
 * the next one is due in the same interval of its own age. Two cases, of which the plan takes the worse:
 *
 *   together   all SAs came up at the same time, as after a restart, and are due for the first time. Of those whose
 *              interval lies in the window all are due, of the others each with the probability that its part of the
 *              interval has.
 *   any        each SA is somewhere in its life. Then an SA that lives L is due floor(W / L) times in a window of W,
 * and once more with probability W / L - floor(W / L).
 *
 * Either way a sum of independent trials with different probabilities. Its upper tail is at most that of a binomial
 * distribution with the same number of trials and the same mean (W. Hoeffding, On the distribution of the number of
 * successes in independent trials, Ann. Math. Statist. 27, 1956, theorem 4), so the figures are never too low.
 */
#ifndef CTL_PLAN_TAIL_H
#define CTL_PLAN_TAIL_H

#include <stddef.h>
#include <stdint.h>

/* SAs that are alike: each is due between these ages, in seconds (0 < from_s <= to_s). */
struct plan_span {
	double from_s, to_s;
	uint64_t n;
};

/*
 * The least c, but not below the mean, with P(X > c) <= p, X binomial with n trials of probability q. 0 < p < 1; q is
 * taken into [0, 1].
 */
uint64_t plan_binomial_most(uint64_t n, double q, double p);

/*
 * So many are due in the worst window of window_s seconds, but for probability p: SAs that came up together, in their
 * first life (all of them at most). `edges` is room for 2 * n numbers.
 */
uint64_t plan_due_together(const struct plan_span *spans, size_t n, double window_s, double p, double *edges);
/*
 * The same of SAs at any age; pause_s: from due to the next SA's first packet, below 0 if they may be replaced earlier
 * than due (at half of that age at the earliest).
 */
uint64_t plan_due_any(const struct plan_span *spans, size_t n, double window_s, double pause_s, double p);

#endif
