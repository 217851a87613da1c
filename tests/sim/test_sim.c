/* SPDX-License-Identifier: MIT */
/* test_sim [--seed N] [--seeds N] [--scenario NAME] [--verbose] [--list] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_scenarios.h"

struct options {
	uint64_t seed, seeds;
	const char *scenario;
	bool verbose, list;
};

static bool options_read(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--verbose"))
			o->verbose = true;
		else if (!strcmp(argv[i], "--list"))
			o->list = true;
		else if (!strcmp(argv[i], "--seed") && value)
			o->seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--seeds") && value)
			o->seeds = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--scenario") && value)
			o->scenario = argv[++i];
		else
			return false;
	}
	return true;
}

/* Different scenarios of one seed are different worlds. */
static uint64_t seed_of(uint64_t seed, const char *name)
{
	for (; *name; name++)
		seed = (seed ^ (uint8_t)*name) * 0x100000001b3u;
	return seed;
}

static void tell_failure(const struct world *w, const struct scenario *s, uint64_t seed)
{
	unsigned int from = w->line > WORLD_LINES ? w->line - WORLD_LINES : 0;

	if (!w->verbose)
		for (unsigned int i = from; i < w->line; i++)
			printf("%s\n", w->lines[i % WORLD_LINES]);
	printf("FAILED: %s\nagain: test_sim --seed %" PRIu64 " --scenario %s --verbose\n", w->why, seed, s->name);
}

static bool play(const struct scenario *s, uint64_t seed, bool verbose)
{
	struct world_config config = {0};
	struct prng rng = prng_init(seed_of(seed, s->name));
	struct world w;
	bool ok;

	s->configure(&config, &rng);
	world_make(&w, prng_next(&rng), &config, verbose);
	s->play(&w);
	ok = !w.failed;
	if (!ok)
		tell_failure(&w, s, seed);
	else
		printf("%-10s seed %-4" PRIu64 " %7.1f s  %6" PRIu64 " packets, %4" PRIu64
		       " lost by the network, %6" PRIu64 " steered, rekeys %u and %u\n",
		       s->name, seed, (double)w.now / 1e9, w.sent, w.net_lost, w.steered, w.side[0].rekeys,
		       w.side[1].rekeys);
	world_free(&w);
	return ok;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .seeds = 1};
	const struct scenario *s;
	unsigned int played = 0;

	if (!options_read(&o, argc, argv)) {
		fprintf(stderr, "usage: test_sim [--seed N] [--seeds N] [--scenario NAME] [--verbose] [--list]\n");
		return 2;
	}
	for (unsigned int n = 0; o.list && (s = scenario_at(n)); n++)
		printf("%-10s %s\n", s->name, s->story);
	for (uint64_t seed = o.seed; !o.list && seed < o.seed + o.seeds; seed++)
		for (unsigned int n = 0; (s = scenario_at(n)); n++) {
			if (o.scenario && strcmp(o.scenario, s->name))
				continue;
			played++;
			if (!play(s, seed, o.verbose))
				return 1;
		}
	if (!played && !o.list) {
		fprintf(stderr, "there is no scenario \"%s\"; --list shows them\n", o.scenario);
		return 2;
	}
	return 0;
}
