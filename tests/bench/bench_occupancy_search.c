/* SPDX-License-Identifier: MIT */
#include "bench_occupancy.h"

#include <string.h>

/* The rows of rekey/policy.h, in the order of the tables. */
const struct occ_policy occ_policies[] = {
	{"fixed", false}, {"strongswan", false}, {"libreswan", false}, {"draft", false}, {"keyrack", true},
};

const unsigned int occ_n_policies = sizeof(occ_policies) / sizeof(occ_policies[0]);

/*
 * Most of what goes wrong goes wrong in the first lives of the keys, when they are still in step: candidates are tried
 * for so long, and then the best one for the whole time.
 */
static const uint64_t trial_ns = 4 * 3600 * OCC_S;

static uint32_t step_of(const struct occ_options *o)
{
	uint32_t step = o->slots / 1024;

	return step ? step : 1;
}

static void say(const struct occ_options *o, const struct occ_policy *policy, const struct occ_result *r)
{
	if (o->verbose)
		fprintf(stderr, "%s: %u pairs: %s%s (%.1f h, %.1f s)\n", policy->name, r->pairs,
			r->good ? "good" : "bad: ", r->why, (double)r->ran_ns / 3600e9, r->cpu_s);
}

/* The largest number below `bad` that is good for `ns`; 0: none. */
static uint32_t bisect(const struct occ_options *o, const struct occ_policy *policy, uint32_t bad, uint64_t ns)
{
	uint32_t good = 0, pairs = o->slots / 2 - o->slots / 32;
	struct occ_result r;

	while (bad - good > step_of(o)) {
		if (pairs <= good || pairs >= bad)
			pairs = good + (bad - good) / 2;
		occ_run(o, policy, pairs, ns, true, &r);
		say(o, policy, &r);
		if (r.good)
			good = pairs;
		else
			bad = pairs;
		pairs = 0;
	}
	return good;
}

void occ_search(const struct occ_options *o, const struct occ_policy *policy, struct occ_result *out)
{
	uint32_t pairs = o->pairs, less;

	if (!pairs)
		pairs = bisect(o, policy, o->slots / 2 + 1, o->ns < trial_ns ? o->ns : trial_ns);
	for (;;) {
		if (!pairs) {
			*out = (struct occ_result){.why = "not even one SA pair"};
			return;
		}
		occ_run(o, policy, pairs, o->ns, !o->pairs, out);
		say(o, policy, out);
		if (out->good || o->pairs)
			return;
		less = pairs / 250;
		pairs -= less ? less : 1;
	}
}

bool occ_wanted(const struct occ_options *o, unsigned int policy)
{
	return !o->policy || !strcmp(o->policy, occ_policies[policy].name);
}

double occ_usable(const struct occ_options *o, const struct occ_result *r)
{
	return r->good || o->pairs ? 2.0 * r->pairs / o->slots : 0;
}
