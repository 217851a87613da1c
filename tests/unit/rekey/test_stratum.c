/* SPDX-License-Identifier: MIT */
/* How the parts of the soft range are dealt out to siblings, and why they keep them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "rekey/policy.h"

enum { SIBLINGS_MAX = 1024 };

static void every_dealing_is_a_permutation(void **state)
{
	static const unsigned int counts[] = {1, 2, 3, 7, 8, 9, 63, 64, 255, 1024};

	(void)state;
	for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
		for (uint64_t seed = 0; seed < 50; seed++) {
			bool taken[SIBLINGS_MAX] = {false};

			for (unsigned int i = 0; i < counts[k]; i++) {
				unsigned int at = rekey_stratum(i, counts[k], seed);

				assert_true(at < counts[k]);
				assert_false(taken[at]);
				taken[at] = true;
			}
		}
}

/* Chi-square over tunnels: a sibling comes to every part equally often, and so do two of them to each distance. */
static void parts_and_distances_are_uniform(void **state)
{
	enum { N = 16, TUNNELS = 32000 };
	static unsigned int part[N][N], distance[N][N];

	(void)state;
	for (uint64_t seed = 0; seed < TUNNELS; seed++) {
		unsigned int at[N];

		for (unsigned int i = 0; i < N; i++) {
			at[i] = rekey_stratum(i, N, seed);
			part[i][at[i]]++;
			distance[i][(at[i] + N - at[0]) % N]++;
		}
	}
	for (unsigned int i = 0; i < N; i++) {
		double chi = 0, chi_distance = 0;

		for (unsigned int k = 0; k < N; k++) {
			double even = TUNNELS / (double)N, apart = TUNNELS / (double)(N - 1);

			chi += (part[i][k] - even) * (part[i][k] - even) / even;
			if (k)
				chi_distance += (distance[i][k] - apart) * (distance[i][k] - apart) / apart;
		}
		assert_true(chi < 45); /* 15 degrees of freedom, 99.99 % */
		assert_true(!i || chi_distance < 43);
	}
}

enum dealing { KEPT, ROTATED, ANEW, RANDOM };

/* Where in the band a sibling draws, 0..1. */
static double draw(enum dealing how, unsigned int i, unsigned int n, uint64_t generation, struct prng *rng)
{
	double within = prng_unit(rng);

	switch (how) {
	case KEPT:
		return (rekey_stratum(i, n, 9) + within) / n;
	case ROTATED:
		return ((i + generation) % n + within) / n;
	case ANEW:
		return (rekey_stratum(i, n, 9 + generation) + within) / n;
	case RANDOM:
		return within;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * `n` siblings at the same rate, made at once; lives from [0.9, 1). The most replacements that begin within the width
 * of two parts, over the generations from..to; the mean of ten runs. Two in the first generation, where it is
 * stratified.
 */
static double densest(enum dealing how, unsigned int n, uint64_t from, uint64_t to)
{
	const double band = 0.1, window = band * 2 / n;
	double *at = calloc((size_t)n * (to - from), sizeof(*at)), sum = 0;

	assert_non_null(at);
	for (uint64_t run = 0; run < 10; run++) {
		struct prng rng = prng_init(run);
		size_t k = 0, most = 0;

		for (unsigned int i = 0; i < n; i++) {
			double t = 0;

			for (uint64_t g = 0; g < to; g++) {
				t += 1 - band + band * draw(how, i, n, g, &rng);
				if (g >= from)
					at[k++] = t;
			}
		}
		qsort(at, k, sizeof(*at), compare);
		for (size_t first = 0, end = 0; first < k; first++) {
			while (end < k && at[end] < at[first] + window)
				end++;
			most = end - first > most ? end - first : most;
		}
		sum += (double)most;
	}
	free(at);
	return sum / 10;
}

static void siblings_do_not_meet_again(void **state)
{
	enum { N = 64, SOON = 20, LATER = 200, LONG = 2000 };

	(void)state;
	/* soon: thinner than in the first generation; the other ways bring them together, some nearly all */
	assert_true(densest(KEPT, N, 2, SOON) < 2.5);
	assert_true(densest(ANEW, N, 2, SOON) > 2 * densest(KEPT, N, 2, SOON));
	assert_true(densest(ROTATED, N, SOON, LATER) > 5 * densest(KEPT, N, SOON, LATER));
	/* in the long run as if each draw had been independent: no resonance */
	assert_true(densest(KEPT, N, LATER, LONG) < 1.2 * densest(RANDOM, N, LATER, LONG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dealing_is_a_permutation),
		cmocka_unit_test(parts_and_distances_are_uniform),
		cmocka_unit_test(siblings_do_not_meet_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
