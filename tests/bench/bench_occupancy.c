/* SPDX-License-Identifier: MIT */
/* Options, and the policies one after the other or on several cores. */
#include "bench_occupancy.h"

#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: bench_occupancy [options]\n"
			    "  --slots N        slots of each card, both directions together (1024)\n"
			    "  --hours H        virtual time (24)\n"
			    "  --seed N         everything follows from it (7)\n"
			    "  --policy NAME    only this one\n"
			    "  --pairs N        no search: so many SA pairs\n"
			    "  --rtt-ms MS      of all tunnels (drawn for each: 1 to 100)\n"
			    "  --loss SHARE     of packets each way, 0 to 0.5 (drawn for each: 0 to 0.02)\n"
			    "  --life-s S       how long the fastest SA lasts at the highest rate there is (100)\n"
			    "  --free-ms MS     how long the card takes to free a slot (100)\n"
			    "  --poll-ms MS     counter poll of the card and the controller (1000)\n"
			    "  --threads N      policies at once (2); results do not depend on it\n"
			    "  --json           results as JSON\n"
			    "  --csv FILE, --svg FILE\n"
			    "  --verbose        tries, and what the controllers warn of\n";

static void options_fail(const char *what, const char *value)
{
	fprintf(stderr, "bench_occupancy: %s: %s\n%s", what, value, usage);
	exit(2);
}

static double number(const char *name, const char *text, double lo, double hi)
{
	char *end;
	double x = strtod(text, &end);

	if (end == text || *end || !(x >= lo) || !(x <= hi))
		options_fail(name, text);
	return x;
}

enum {
	OPT_SLOTS = 256,
	OPT_HOURS,
	OPT_SEED,
	OPT_POLICY,
	OPT_WORKLOAD,
	OPT_PAIRS,
	OPT_RTT,
	OPT_LOSS,
	OPT_LIFE,
	OPT_FREE,
	OPT_POLL,
	OPT_THREADS,
	OPT_JSON,
	OPT_CHECK,
	OPT_CSV,
	OPT_SVG,
	OPT_VERBOSE,
	OPT_HELP
};

static const struct option names[] = {
	{"slots", required_argument, NULL, OPT_SLOTS},
	{"hours", required_argument, NULL, OPT_HOURS},
	{"seed", required_argument, NULL, OPT_SEED},
	{"policy", required_argument, NULL, OPT_POLICY},
	{"workload", required_argument, NULL, OPT_WORKLOAD},

	{"pairs", required_argument, NULL, OPT_PAIRS},
	{"rtt-ms", required_argument, NULL, OPT_RTT},
	{"loss", required_argument, NULL, OPT_LOSS},
	{"life-s", required_argument, NULL, OPT_LIFE},
	{"free-ms", required_argument, NULL, OPT_FREE},
	{"poll-ms", required_argument, NULL, OPT_POLL},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"json", no_argument, NULL, OPT_JSON},
	{"csv", required_argument, NULL, OPT_CSV},
	{"svg", required_argument, NULL, OPT_SVG},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"check", no_argument, NULL, OPT_CHECK},

	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static void policy_check(const char *name)
{
	for (unsigned int i = 0; i < occ_n_policies; i++)
		if (!strcmp(name, occ_policies[i].name))
			return;
	options_fail("--policy", name);
}

static const struct occ_workload *workload_find(const char *name)
{
	const struct occ_workload *k = occ_workloads;

	while (k->name && strcmp(k->name, name))
		k++;
	if (!k->name)
		options_fail("--workload", name);
	return k;
}

static void option_take(struct occ_options *o, int opt)
{
	switch (opt) {
	case OPT_SLOTS:
		o->slots = (uint32_t)number("--slots", optarg, 8, 1 << 18);
		break;
	case OPT_HOURS:
		o->ns = (uint64_t)(number("--hours", optarg, 0.001, 10000) * 3600e9);
		break;
	case OPT_SEED:
		o->seed = (uint64_t)number("--seed", optarg, 0, 1e15);
		break;
	case OPT_POLICY:
		policy_check(optarg);
		o->policy = optarg;
		break;
	case OPT_WORKLOAD:
		o->workload = workload_find(optarg);
		break;
	case OPT_PAIRS:
		o->pairs = (uint32_t)number("--pairs", optarg, 1, 1 << 17);
		break;
	case OPT_RTT:
		o->rtt_ms = number("--rtt-ms", optarg, 0, 10000);
		break;
	case OPT_LOSS:
		o->loss = number("--loss", optarg, 0, 0.5);
		break;
	case OPT_LIFE:
		o->life_s = number("--life-s", optarg, 1, 1e6);
		break;
	case OPT_FREE:
		o->free_ns = (uint64_t)number("--free-ms", optarg, 1, 60000) * OCC_MS;
		break;
	case OPT_POLL:
		o->poll_ns = (uint64_t)number("--poll-ms", optarg, 10, 60000) * OCC_MS;
		break;
	case OPT_THREADS:
		o->threads = (unsigned int)number("--threads", optarg, 1, 64);
		break;
	case OPT_CSV:
		o->csv = optarg;
		break;
	case OPT_SVG:
		o->svg = optarg;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_CHECK:
		o->check = true;
		break;
	case OPT_VERBOSE:
		o->verbose = true;
		break;
	case OPT_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

/* ---- policies side by side ---- */

struct pool {
	const struct occ_options *options;
	struct occ_result *results;
	atomic_uint next;
};

static void *pool_work(void *arg)
{
	struct pool *p = arg;
	unsigned int i;

	while ((i = atomic_fetch_add(&p->next, 1)) < occ_n_policies)
		if (occ_wanted(p->options, i))
			occ_search(p->options, &occ_policies[i], &p->results[i]);
	return NULL;
}

static void pool_run(const struct occ_options *o, struct occ_result *results)
{
	struct pool p = {.options = o, .results = results};
	pthread_t threads[64];
	unsigned int n = 0;

	while (n + 1 < o->threads && !pthread_create(&threads[n], NULL, pool_work, &p))
		n++;
	pool_work(&p);
	while (n)
		pthread_join(threads[--n], NULL);
}

/* What keyrack promises: docs/occupancy.md. */
static const double usable_least = 0.97, collisions_most = 0.001;

/* Rare events: in a short run three standard deviations more than promised, and one, prove nothing. */
static double collisions_may_be(uint64_t rekeys)
{
	double mean = collisions_most * (double)rekeys;

	return mean + 3 * sqrt(mean) + 1;
}

static bool row_kept(const struct occ_options *o, const struct occ_result *r)
{
	bool kept = r->good && !r->packets_lost && r->rekeys && occ_usable(o, r) >= usable_least &&
		    (double)r->collisions <= collisions_may_be(r->rekeys);

	if (!kept)
		fprintf(stderr, "bench_occupancy: keyrack's promise is not kept\n");
	return kept;
}

static bool kept(const struct occ_options *o, const struct occ_result *results)
{
	bool ok = true;

	for (unsigned int i = 0; o->check && i < occ_n_policies; i++)
		if (occ_wanted(o, i) && !strcmp(occ_policies[i].name, "keyrack"))
			ok = row_kept(o, &results[i]);
	return ok;
}

int main(int argc, char **argv)
{
	struct occ_options o = {
		.workload = &occ_workloads[0],
		.slots = 1024,
		.ns = 24 * 3600 * OCC_S,
		.seed = 7,
		.rtt_ms = -1,
		.loss = -1,
		.life_s = 100,
		.free_ns = 100 * OCC_MS,
		.poll_ns = OCC_S,
		.threads = 2,
	};
	struct occ_result *results = calloc(occ_n_policies, sizeof(*results));
	int opt, err = 0;

	if (!results)
		return 1;
	while ((opt = getopt_long(argc, argv, "", names, NULL)) != -1)
		option_take(&o, opt);
	if (optind < argc)
		options_fail("what is this", argv[optind]);
	pool_run(&o, results);
	if (o.json)
		occ_print_json(&o, results, stdout);
	else
		occ_print_text(&o, results, stdout);
	if (o.csv)
		err |= occ_write_csv(&o, results);
	if (o.svg)
		err |= occ_write_svg(&o, results);
	if (!kept(&o, results))
		err = 1;
	free(results);
	return err ? 1 : 0;
}
