/* SPDX-License-Identifier: MIT */
#include "sim_queues.h"

#include <inttypes.h>
#include <string.h>

#include "sim_story.h"

/* Nearly all of it arrives on the RX queue that was wanted. */
void queues_steered_play(struct world *w)
{
	story_rekeys_play(w);
	if (!w->failed && w->steered < w->received * 9 / 10)
		world_fail(w, "of %" PRIu64 " packets only %" PRIu64 " were steered", w->received, w->steered);
}

/* The card sees ports only: nothing is steered, and nothing fails. */
void queues_unsteered_play(struct world *w)
{
	story_rekeys_play(w);
	if (!w->failed && w->steered)
		world_fail(w, "%" PRIu64 " packets in UDP were steered", w->steered);
}

/* RSS does not see the SPI, so flow rules lead every SA's packets to its queue. */
void queues_rules_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	for (unsigned int i = 0; i < 2; i++)
		c->side[i].profile = "rules-33";
}

/* Somebody takes channels away and gives them back: SAs are replaced until all land on their queues again. */
void queues_channels_play(struct world *w)
{
	static const uint32_t channels[] = {2, 4, 3, 4};

	if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 2 * sim_s))
		return;
	for (unsigned int i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
		struct side *s = &w->side[prng_below(&w->rng, 2)];
		uint64_t steered;

		w->moving = true;
		nic_channels(&s->nic, channels[i]);
		if (!world_run(w, 4 * sim_s))
			return;
		w->moving = false;
		for (unsigned int n = 0; n < 2; n++)
			side_sas_read(&w->side[n]);
		steered = w->steered;
		if (!world_run(w, 2 * sim_s))
			return;
		if (w->steered < steered + 500)
			world_fail(w, "only %" PRIu64 " packets were steered", w->steered - steered);
	}
	story_finish(w);
}
