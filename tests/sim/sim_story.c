/* SPDX-License-Identifier: MIT */
#include "sim_story.h"

#include <string.h>

/* ---- conditions ---- */

static bool up_with(struct world *w, uint32_t a, uint32_t b)
{
	return side_children(&w->side[0]) >= a && side_children(&w->side[1]) >= b;
}

bool story_one_up(struct world *w)
{
	return up_with(w, 1, 1);
}

bool story_two_up(struct world *w)
{
	return up_with(w, 2, 2);
}

bool story_three_up(struct world *w)
{
	return up_with(w, 3, 3);
}

bool story_five_up(struct world *w)
{
	return up_with(w, 5, 5);
}

bool story_nine_up(struct world *w)
{
	return up_with(w, 9, 9);
}

bool story_none_up(struct world *w)
{
	return !side_children(&w->side[0]) && !side_children(&w->side[1]);
}

bool story_cards_are_empty(struct world *w)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct hwsim_stats st;

		hwsim_stats(w->side[i].nic.card, &st);
		if (st.total.used || st.total.freeing || st.policies)
			return false;
	}
	return true;
}

bool story_drained(struct world *w)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct slots *slots = controller_slots(w->side[i].c);

		for (unsigned int p = 0; p < slots_pools(slots); p++) {
			struct slots_count count;

			slots_count_get(slots, p, &count);
			if (count.reserved || count.draining)
				return false;
		}
	}
	return true;
}

/* ---- the end of every story ---- */

struct stopping {
	bool done;
	int err;
};

static void stop_done(void *ctx, int err, const char *text)
{
	struct stopping *s = ctx;

	(void)text;
	s->done = true;
	s->err = err;
}

void story_finish(struct world *w)
{
	struct stopping stop[2] = {0};

	if (w->flowing && !world_quiet(w))
		return;
	w->strict = w->closed = false;
	for (unsigned int i = 0; i < 2; i++) {
		struct controller_counters c;

		controller_counters_get(w->side[i].c, &c);
		if (c.hard_expired && !w->starved)
			world_fail(w, "%c: %llu SAs reached their hard limit", w->side[i].name,
				   (unsigned long long)c.hard_expired);
	}
	controller_stop(w->side[0].c, w->now, w->now + 30 * sim_s, stop_done, &stop[0]);
	if (!world_run(w, 100 * sim_ms))
		return;
	controller_stop(w->side[1].c, w->now, w->now + 30 * sim_s, stop_done, &stop[1]);
	if (!world_run(w, 35 * sim_s))
		return;
	for (unsigned int i = 0; i < 2; i++)
		if (!stop[i].done || stop[i].err)
			world_fail(w, "%c: %s", w->side[i].name,
				   stop[i].done ? strerror(-stop[i].err) : "has not stopped");
	world_check(w, true);
	if (!story_cards_are_empty(w))
		world_fail(w, "a card is not empty at the end");
}

void story_expect_rekeys(struct world *w, unsigned int least)
{
	if (w->side[0].rekeys < least)
		world_fail(w, "only %u rekeys, %u expected", w->side[0].rekeys, least);
}

bool story_flow(struct world *w, bool (*condition)(struct world *), unsigned int queues, double rate)
{
	if (!world_until(w, condition, 20 * sim_s, "up"))
		return false;
	w->strict = w->closed = true;
	world_streams(w, queues, rate);
	return true;
}

/* ---- configurations ---- */

static void bad_net(struct world_config *c, struct prng *rng)
{
	c->net.loss = 0.02 * prng_unit(rng);
	c->net.twice = 0.02 * prng_unit(rng);
	c->net.delay_ns = sim_ms / 2 + prng_below(rng, 30 * sim_ms);
	c->net.jitter_ns = prng_below(rng, 20 * sim_ms);
	c->nic_delay_ns = 20000 + prng_below(rng, 3 * sim_ms);
}

void story_common(struct world_config *c, struct prng *rng)
{
	bad_net(c, rng);
	for (unsigned int i = 0; i < 2; i++)
		c->side[i] = (struct side_config){.queues = 4, .slots = 64};
	for (unsigned int i = 0; i < 2; i++)
		c->side[i].counter_gap_ms = prng_below(rng, 2) ? 20000 : 0;
	c->side[0].start_action = "start";
	c->side[1].dpd_action = "trap";
	c->v6 = prng_below(rng, 4) == 0;
	if (prng_below(rng, 3) == 0)
		c->side[0].esp = c->side[1].esp = "aes256gcm16-esn";
}

void story_limits(struct world_config *c, struct prng *rng, uint64_t rekey)
{
	for (unsigned int i = 0; i < 2; i++) {
		c->side[i].rekey_packets = rekey + prng_below(rng, rekey / 4);
		c->side[i].life_packets = 2 * c->side[i].rekey_packets;
	}
}

void story_per_queue(struct world_config *c, const char *n)
{
	c->side[0].per_cpu_sas = c->side[1].per_cpu_sas = n;
}

void story_rekeys(struct world_config *c, struct prng *rng)
{
	story_common(c, rng);
	story_per_queue(c, "4");
	story_limits(c, rng, 400);
}

void story_rekeys_play(struct world *w)
{
	if (!story_flow(w, story_five_up, 4, 150) || !world_run(w, 20 * sim_s))
		return;
	story_expect_rekeys(w, 10);
	story_finish(w);
}
