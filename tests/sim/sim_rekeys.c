/* SPDX-License-Identifier: MIT */
#include "sim_rekeys.h"

#include "sim_story.h"

static const uint32_t for_ever = UINT32_MAX;

static void fault_both(struct world *w, const char *name, uint32_t count, uint64_t arg)
{
	for (unsigned int i = 0; i < 2; i++)
		hwsim_fault(w->side[i].nic.card, name, count, arg);
}

static struct controller_counters counters(struct world *w, unsigned int side)
{
	struct controller_counters c;

	controller_counters_get(w->side[side].c, &c);
	return c;
}

/* Without an event a soft limit is noticed at a poll, of counters that are old already. */
void rekeys_deaf_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	for (unsigned int i = 0; i < 2; i++) {
		c->side[i].rekey_packets *= 2;
		c->side[i].life_packets *= 2;
	}
}

void rekeys_deaf_play(struct world *w)
{
	fault_both(w, "lose_event", for_ever, 0);
	fault_both(w, "counter_lag", 1, 100 + prng_below(&w->rng, 900));
	if (!story_flow(w, story_five_up, 4, 150) || !world_run(w, 30 * sim_s))
		return;
	for (unsigned int i = 0; i < 2; i++)
		if (counters(w, i).soft_events)
			world_fail(w, "%c: an event came", w->side[i].name);
	story_expect_rekeys(w, 10);
	story_finish(w);
}

void rekeys_late_play(struct world *w)
{
	fault_both(w, "late_event", for_ever, 200 + prng_below(&w->rng, 3000));
	fault_both(w, "repeat_event", for_ever, 3);
	if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 25 * sim_s))
		return;
	story_expect_rekeys(w, 10);
	story_finish(w);
}

/* Five pairs, one slot more in each table, and each deleted SA keeps its slot for nearly as long as the profile says.
 */
void rekeys_frees_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	for (unsigned int i = 0; i < 2; i++) {
		c->side[i].profile = "cx7";
		c->side[i].slots = 6;
		c->side[i].drain_ms = 50 + prng_below(rng, 200);
		c->side[i].rekey_packets *= 2;
		c->side[i].life_packets *= 2;
	}
}

void rekeys_frees_play(struct world *w)
{
	fault_both(w, "delayed_free", for_ever, 90);
	if (!story_flow(w, story_five_up, 4, 60) || !world_run(w, 40 * sim_s))
		return;
	for (unsigned int i = 0; i < 2; i++)
		if (counters(w, i).install_refused)
			world_fail(w, "%c: the card refused %llu installs", w->side[i].name,
				   (unsigned long long)counters(w, i).install_refused);
	story_expect_rekeys(w, 5);
	story_finish(w);
}

/* At rest, each replacement is counted once at each end, whoever has asked for it and however often they collided. */
void rekeys_collide_play(struct world *w)
{
	const struct controller_match all = {.child = "net"};
	struct controller_counters a, b;

	if (!story_flow(w, story_five_up, 4, 100))
		return;
	for (unsigned int i = 0; i < 15; i++) {
		for (unsigned int side = 0; side < 2; side++)
			controller_rekey(w->side[side].c, w->now, &all, NULL);
		if (!world_run(w, 1000 * sim_ms + prng_below(&w->rng, 2000 * sim_ms)))
			return;
	}
	if (!world_quiet(w) || !world_run(w, 15 * sim_s))
		return;
	a = counters(w, 0);
	b = counters(w, 1);
	if (!a.collisions || !b.collisions)
		world_fail(w, "both ends rekeyed, and never at the same time");
	if (a.rekeys_done + a.rekeys_peer != b.rekeys_done + b.rekeys_peer)
		world_fail(w, "A counts %llu + %llu replacements, B %llu + %llu", (unsigned long long)a.rekeys_done,
			   (unsigned long long)a.rekeys_peer, (unsigned long long)b.rekeys_done,
			   (unsigned long long)b.rekeys_peer);
	story_finish(w);
}

void rekeys_oneway_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[1].rekey_packets = c->side[1].life_packets = 0;
	if (prng_below(rng, 2)) /* the one that does is not the one that made the IKE SA */
		c->side[1].start_action = "start", c->side[0].start_action = "none";
}

void rekeys_chain_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	for (unsigned int i = 0; i < 2; i++)
		c->side[i].wide = true;
}

void rekeys_bursts_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	for (unsigned int i = 0; i < 2; i++) {
		c->side[i].counter_gap_ms = 60000;
		c->side[i].rekey_packets *= 4;
		c->side[i].life_packets *= 4;
	}
}

/* What the busiest can do is known; then events get lost, and now this queue is busy, now that one. */
void rekeys_bursts_play(struct world *w)
{
	if (!story_flow(w, story_five_up, 4, 200) || !world_run(w, 10 * sim_s))
		return;
	fault_both(w, "lose_event", for_ever, 1);
	for (unsigned int i = 0; i < 15; i++) {
		for (unsigned int s = 0; s < w->n_streams; s++)
			w->stream[s].rate = prng_below(&w->rng, 3) ? 0.2 : 200;
		if (!world_run(w, prng_below(&w->rng, 15 * sim_s)))
			return;
	}
	story_expect_rekeys(w, 5);
	story_finish(w);
}
