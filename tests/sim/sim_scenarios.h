/* SPDX-License-Identifier: MIT */
#ifndef SIM_SCENARIOS_H
#define SIM_SCENARIOS_H

#include "sim_world.h"

struct scenario {
	const char *name, *story;
	void (*configure)(struct world_config *config, struct prng *rng);
	void (*play)(struct world *w);
};

/* NULL at the end. */
const struct scenario *scenario_at(unsigned int n);

#endif
