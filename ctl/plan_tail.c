/* SPDX-License-Identifier: MIT */
#include "ctl/plan_tail.h"

#include <math.h>
#include <stdlib.h>

/* What a tail's further terms may add before they are left out. */
static const double negligible = 1e-12;

/* ---- the binomial distribution ---- */

static double log_mass(double n, double k, double q)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(q) + (n - k) * log1p(-q);
}

/* P(X > c) for c at or above the mean, where each term is smaller than the one before. */
static double tail_above(uint64_t n, double q, uint64_t c)
{
	double k = (double)c + 1, trials = (double)n, term, sum = 0;

	if (c >= n)
		return 0;
	term = exp(log_mass(trials, k, q));
	while (k <= trials && term > 0) {
		sum += term;
		term *= (trials - k) / (k + 1) * q / (1 - q);
		k++;
		if (term < sum * negligible)
			break;
	}
	return sum;
}

uint64_t plan_binomial_most(uint64_t n, double q, double p)
{
	uint64_t low, high = n;

	if (!n || !(q > 0))
		return 0;
	if (q >= 1)
		return n;
	/* below the mean the tail is half and more, which no p of interest allows; if it does, the mean is not too low
	 */
	low = (uint64_t)ceil((double)n * q);
	low = low > n ? n : low;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (tail_above(n, q, middle) <= p)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Trials of which some are certain. */
struct trials {
	uint64_t certain, open; /* open: with a probability between 0 and 1 */
	double mean;            /* of the open ones together */
};

static void trials_add(struct trials *t, uint64_t n, double q)
{
	if (q >= 1) {
		t->certain += n;
	} else if (q > 0) {
		t->open += n;
		t->mean += (double)n * q;
	}
}

static uint64_t trials_most(const struct trials *t, double p)
{
	return t->certain + (t->open ? plan_binomial_most(t->open, t->mean / (double)t->open, p) : 0);
}

/* ---- SAs that came up together ---- */

static int edge_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How much of a span lies in [at, at + window]. */
static double overlap(const struct plan_span *s, double at, double window)
{
	double from = fmax(s->from_s, at), to = fmin(s->to_s, at + window);

	if (to < from)
		return 0;
	return s->to_s > s->from_s ? (to - from) / (s->to_s - s->from_s) : 1;
}

static struct trials trials_at(const struct plan_span *spans, size_t n, double at, double window)
{
	struct trials t = {0};

	for (size_t i = 0; i < n; i++)
		trials_add(&t, spans[i].n, overlap(&spans[i], at, window));
	return t;
}

enum { LOOKS_MAX = 1 << 16, STARTS_MIN = 16 }; /* spans looked at, all starts together: of more, fewer starts, evenly */

/* By the normal distribution: good enough to tell which of two windows is worse. */
static double trials_score(const struct trials *t)
{
	static const double deviations = 5;
	double variance = t->open ? t->mean * (1 - t->mean / (double)t->open) : 0;

	return (double)t->certain + t->mean + deviations * sqrt(fmax(variance, 0));
}

/*
 * The expected number in a window is linear between the places where its beginning or its end meets the edge of a span,
 * so one of these is the worst.
 */
uint64_t plan_due_together(const struct plan_span *spans, size_t n, double window_s, double p, double *edges)
{
	size_t starts = n ? LOOKS_MAX / n : 0, step = 2 * n / (starts > STARTS_MIN ? starts : STARTS_MIN) + 1;
	struct trials worst = {0};

	for (size_t i = 0; i < n; i++) {
		edges[2 * i] = spans[i].from_s;
		edges[2 * i + 1] = spans[i].to_s;
	}
	qsort(edges, 2 * n, sizeof(*edges), edge_compare);
	for (size_t i = 0; i < 2 * n; i += step) {
		for (int end = 0; end < 2; end++) {
			struct trials t = trials_at(spans, n, edges[i] - (end ? window_s : 0), window_s);

			if (trials_score(&t) > trials_score(&worst))
				worst = t;
		}
	}
	return trials_most(&worst, p);
}

/* ---- SAs at any age ---- */

uint64_t plan_due_any(const struct plan_span *spans, size_t n, double window_s, double pause_s, double p)
{
	struct trials t = {0};

	for (size_t i = 0; i < n; i++) {
		double age = (spans[i].from_s + spans[i].to_s) / 2, times = window_s / fmax(age + pause_s, age / 2);
		double whole = floor(times);

		t.certain += (uint64_t)whole * spans[i].n;
		trials_add(&t, spans[i].n, times - whole);
	}
	return trials_most(&t, p);
}
