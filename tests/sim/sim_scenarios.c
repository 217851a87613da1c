/* SPDX-License-Identifier: MIT */
/* What happens to the two hosts, one story a row. */
#include "sim_scenarios.h"

#include <errno.h>
#include <string.h>

#include "sim_queues.h"
#include "sim_rekeys.h"
#include "sim_story.h"

/* ---- stories ---- */

static void plain_play(struct world *w)
{
	if (!story_flow(w, story_one_up, 4, 100) || !world_run(w, 5 * sim_s))
		return;
	story_finish(w);
}

static void tight_configure(struct world_config *c, struct prng *rng)
{
	story_common(c, rng);
	story_per_queue(c, "8");
	story_limits(c, rng, 1000);
	for (unsigned int i = 0; i < 2; i++) {
		c->side[i].slots = 20; /* 9 pairs, and one replacement at a time */
		c->side[i].queues = 8;
		c->side[i].drain_ms = 100;
	}
}

static void tight_play(struct world *w)
{
	if (!story_flow(w, story_nine_up, 8, 60) || !world_run(w, 40 * sim_s))
		return;
	story_expect_rekeys(w, 8);
	story_finish(w);
}

/* Cards that turn out to be smaller than the controllers believe, under traffic. */
static void believed_configure(struct world_config *c, struct prng *rng)
{
	tight_configure(c, rng);
	for (unsigned int i = 0; i < 2; i++) {
		c->side[i].slots = 6 + 2 * (uint32_t)prng_below(rng, 6);
		c->side[i].believed = 64;
		c->side[i].life_packets *= 4; /* a full table is asked for seconds before it is believed */
	}
}

static void believed_play(struct world *w)
{
	if (!story_flow(w, story_one_up, 8, 60) || !world_run(w, 60 * sim_s))
		return;
	story_expect_rekeys(w, 4);
	story_finish(w);
}

static void both_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[1].start_action = "start";
}

static void both_play(struct world *w)
{
	if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 10 * sim_s))
		return;
	for (unsigned int i = 0; i < 2; i++) {
		struct controller_counters c;

		controller_counters_get(w->side[i].c, &c);
		if (c.ike.sas != 1)
			world_fail(w, "%c: %u IKE SAs remain of two made at once", w->side[i].name, c.ike.sas);
	}
	story_finish(w);
}

/* Faults of the card that a controller must ride out without losing a packet. */
static void faults_play(struct world *w)
{
	static const struct {
		const char *name;
		uint64_t arg;
	} rows[] = {{"refuse", EINVAL}, {"refuse", ENOSPC}, {"refuse", ENOMEM},  {"refuse_nth", 3},  {"full", 0},
		    {"lose_event", 1},  {"lose_event", 0},  {"late_event", 200}, {"repeat_event", 2}};

	if (!story_flow(w, story_five_up, 4, 150))
		return;
	for (unsigned int i = 0; i < 60; i++) {
		unsigned int n = (unsigned int)prng_below(&w->rng, sizeof(rows) / sizeof(rows[0]));
		struct side *s = &w->side[prng_below(&w->rng, 2)];

		hwsim_fault(s->nic.card, rows[n].name, 1 + (uint32_t)prng_below(&w->rng, 2), rows[n].arg);
		if (!world_run(w, 300 * sim_ms))
			return;
	}
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
			hwsim_fault(w->side[i].nic.card, rows[n].name, 0, rows[n].arg);
	story_expect_rekeys(w, 5);
	story_finish(w);
}

static void overrun_play(struct world *w)
{
	if (!story_flow(w, story_five_up, 4, 150))
		return;
	for (unsigned int i = 0; i < 20; i++) {
		nic_overrun(&w->side[prng_below(&w->rng, 2)].nic);
		if (!world_run(w, prng_below(&w->rng, 1000 * sim_ms)))
			return;
	}
	story_expect_rekeys(w, 5);
	story_finish(w);
}

static void reload_play(struct world *w)
{
	unsigned int ups;

	if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 2 * sim_s))
		return;
	ups = w->side[0].ups;
	side_reload(&w->side[0]);
	side_reload(&w->side[1]);
	if (!world_run(w, 2 * sim_s))
		return;
	if (w->side[0].ups != ups)
		world_fail(w, "a reload without a change made new SAs");
	w->side[0].config.conn_extra = w->side[1].config.conn_extra = "dpd_delay = 20s";
	side_reload(&w->side[0]);
	side_reload(&w->side[1]);
	if (!world_run(w, 2 * sim_s))
		return;
	if (w->side[0].ups != ups)
		world_fail(w, "a change that touches no SA made new ones");
	if (!world_quiet(w))
		return;
	w->strict = false;
	w->side[0].config.child_extra = w->side[1].config.child_extra = "priority = 7";
	side_reload(&w->side[1]);
	side_reload(&w->side[0]);
	if (!world_run(w, 3 * sim_s) || !story_flow(w, story_five_up, 4, 100) || !world_run(w, 2 * sim_s))
		return;
	if (w->side[0].ups == ups)
		world_fail(w, "a changed child kept its SAs");
	story_finish(w);
}

struct outcome {
	bool done;
	int err;
};

static void command_done(void *ctx, int err, const char *text)
{
	struct outcome *o = ctx;

	(void)text;
	o->done = true;
	o->err = err;
}

static void terminate_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[0].start_action = "none";
}

static void terminate_play(struct world *w)
{
	struct controller_match child = {.child = "net"}, ike = {.ike = "peer"};
	struct outcome o = {0};
	unsigned int n = 0;

	for (unsigned int round = 0; round < 4; round++) {
		struct side *s = &w->side[round % 2];

		o.done = false;
		controller_initiate(s->c, w->now, "peer", "net", 20 * sim_s, command_done, &o);
		if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 2 * sim_s))
			return;
		if (!o.done || o.err)
			world_fail(w, "%c: initiate: %s", s->name, o.done ? strerror(-o.err) : "no answer");
		if (!world_quiet(w))
			return;
		w->strict = w->closed = false;
		o.done = false;
		s = &w->side[round / 2];
		controller_terminate(s->c, w->now, round % 2 ? &ike : &child, false, 20 * sim_s, command_done, &o, &n);
		if (!world_until(w, story_none_up, 20 * sim_s, "down") ||
		    !world_until(w, story_drained, 20 * sim_s, "drained"))
			return;
		if (!world_run(w, 5 * sim_s))
			return;
		if (!o.done || o.err || !n)
			world_fail(w, "%c: terminate: %s, %u SAs", s->name, o.done ? strerror(-o.err) : "no answer", n);
		if (!story_cards_are_empty(w))
			world_fail(w, "after a terminate a card is not empty");
	}
	story_finish(w);
}

/* The card forgets everything: outage until new SAs are negotiated, and never a packet unprotected. */
static void reset_play(struct world *w)
{
	if (!story_flow(w, story_five_up, 4, 100))
		return;
	for (unsigned int i = 0; i < 3; i++) {
		struct side *s = &w->side[prng_below(&w->rng, 2)];

		if (!world_run(w, 2 * sim_s) || !world_quiet(w))
			return;
		w->strict = false;
		s->flushed = true;
		hwsim_fault(s->nic.card, "reset", 1, 0);
		if (prng_below(&w->rng, 2))
			controller_resync(s->c, w->now, "the link went down");
		if (!world_run(w, 8 * sim_s))
			return;
		s->flushed = false;
		if (!story_flow(w, story_five_up, 4, 100))
			return;
	}
	story_finish(w);
}

static void cut_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	for (unsigned int i = 0; i < 2; i++)
		c->side[i].conn_extra = "dpd_delay = 2s";
}

/* Nobody answers any more: DPD, no leak, and up again when the network is back. */
static void cut_play(struct world *w)
{
	if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 3 * sim_s))
		return;
	w->strict = false;
	w->starved = true;
	w->net.cut = true;
	if (!world_until(w, story_none_up, 120 * sim_s, "down") || !world_run(w, 5 * sim_s))
		return;
	w->net.cut = false;
	if (!world_until(w, story_five_up, 90 * sim_s, "up again") || !world_run(w, 2 * sim_s))
		return;
	w->strict = true;
	if (!world_run(w, 3 * sim_s))
		return;
	story_finish(w);
}

static void small_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[1].slots = 8; /* three pairs and a replacement: two queues get none of their own */
}

static void small_play(struct world *w)
{
	if (!story_flow(w, story_three_up, 4, 60) || !world_run(w, 15 * sim_s))
		return;
	if (side_children(&w->side[0]) != 3)
		world_fail(w, "%u Child SAs where three fit", side_children(&w->side[0]));
	story_finish(w);
}

static void serial_configure(struct world_config *c, struct prng *rng)
{
	story_common(c, rng);
	story_per_queue(c, "8");
	c->net.delay_ns = 300 * sim_ms; /* so that it takes longer than the other end waits before it asks itself */
	for (unsigned int i = 0; i < 2; i++) {
		c->side[i].queues = 8;
		c->side[i].conn_extra = "window = 1";
		c->side[i].retransmit_ms = 1000;
	}
}

/* A window of one: SAs come one after the other, each once, and only one end asks. */
static void serial_play(struct world *w)
{
	if (!world_until(w, story_nine_up, 60 * sim_s, "up") || !world_run(w, 5 * sim_s))
		return;
	for (unsigned int i = 0; i < 2; i++)
		if (w->side[i].ups != 9)
			world_fail(w, "%c: %u Child SAs for 8 queues and the fallback", w->side[i].name,
				   w->side[i].ups);
	if (!story_flow(w, story_nine_up, 8, 50) || !world_run(w, 5 * sim_s))
		return;
	story_finish(w);
}

static void unequal_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[0].per_cpu_sas = "2";
	c->side[0].queues = 2;
	c->side[1].per_cpu_sas = "6";
	c->side[1].queues = 6;
}

/* Two queues here, six there: the other end asks for those that it lacks, up to what this one allows. */
static void unequal_play(struct world *w)
{
	if (!story_flow(w, story_three_up, 2, 100) || !world_run(w, 15 * sim_s))
		return;
	if (side_children(&w->side[0]) != 3 || side_children(&w->side[1]) != 5)
		world_fail(w, "%u and %u lanes with a Child SA where 3 and 5 should be", side_children(&w->side[0]),
			   side_children(&w->side[1]));
	story_finish(w);
}

static void age_configure(struct world_config *c, struct prng *rng)
{
	story_common(c, rng);
	story_per_queue(c, "4");
	for (unsigned int i = 0; i < 2; i++)
		c->side[i].rekey_s = 4 + (unsigned int)prng_below(rng, 4);
}

static void trap_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[0].start_action = "trap";
}

static void trap_play(struct world *w)
{
	w->closed = true;
	if (!world_run(w, sim_s))
		return;
	world_streams(w, 4, 50);
	w->n_streams = 4; /* A's: B has no policies yet */
	if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 5 * sim_s))
		return;
	story_finish(w);
}

static void demand_configure(struct world_config *c, struct prng *rng)
{
	trap_configure(c, rng);
	for (unsigned int i = 0; i < 2; i++)
		c->side[i].child_extra = "per_cpu_start = demand";
}

/* While the kernel's question is open, CPUs without an SA wait: nothing counts before all have one. */
static void demand_play(struct world *w)
{
	w->closed = true;
	world_streams(w, 4, 50);
	w->n_streams = 4; /* A's: B has no policies yet */
	if (!world_until(w, story_five_up, 30 * sim_s, "up") || !world_run(w, 15 * sim_s) ||
	    !story_flow(w, story_five_up, 4, 100) || !world_run(w, 10 * sim_s))
		return;
	story_finish(w);
}

static void idle_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[0].child_extra = "per_cpu_idle = 3s";
	if (prng_below(rng, 2))
		c->side[1].child_extra = "per_cpu_idle = 3s";
	if (prng_below(rng, 2))
		c->side[1].start_action = "start";
}

/* Queues fall silent and send again; whatever their SAs do, the fallback is there. */
static void idle_play(struct world *w)
{
	if (!story_flow(w, story_five_up, 4, 60))
		return;
	for (unsigned int round = 0; round < 6; round++) {
		world_streams(w, 1 + (unsigned int)prng_below(&w->rng, 4), 60);
		if (!world_run(w, 3 * sim_s + prng_below(&w->rng, 9 * sim_s)))
			return;
	}
	story_finish(w);
}

static void crypto_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[0].profile = "ixgbe-1024";
	c->side[0].hw_offload = "auto";
	c->side[1].hw_offload = prng_below(rng, 2) ? "crypto" : "no";
	if (prng_below(rng, 2))
		c->side[0].child_extra = c->side[1].child_extra = ""; /* tunnel mode: not for ixgbe */
}

static void cx7_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[0].profile = "cx7";
	c->side[1].profile = prng_below(rng, 2) ? "cx7" : NULL;
}

static void ike_rekey_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	for (unsigned int i = 0; i < 2; i++)
		c->side[i].conn_extra = "rekey_time = 4s\nover_time = 8s\nrand_time = 1s";
}

static void transport_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->transport = true;
}

static void encap_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[prng_below(rng, 2)].conn_extra = "encap = yes";
}

static void restart_configure(struct world_config *c, struct prng *rng)
{
	story_rekeys(c, rng);
	c->side[0].conn_extra = "dpd_delay = 1s";
	c->side[1].conn_extra = "dpd_delay = 1s";
	if (prng_below(rng, 2))
		c->side[1].start_action = "start";
}

/* A controller dies and comes back; the card is as it left it. */
static void restart_play(struct world *w)
{
	for (unsigned int i = 0; i < 3; i++) {
		if (!story_flow(w, story_five_up, 4, 100) || !world_run(w, 3 * sim_s) || !world_quiet(w))
			return;
		w->strict = w->closed = false;
		w->starved = true;
		side_restart(&w->side[prng_below(&w->rng, 2)]);
		if (!world_run(w, 30 * sim_s) || !world_until(w, story_five_up, 60 * sim_s, "up again"))
			return;
		w->starved = false;
	}
	story_finish(w);
}

/* Two clients behind one address, one connection for both; each is granted its part. */
#define CLIENT(name, net)                                                                                           \
	name " {\nlocal_addrs = 192.0.2.1\nremote_addrs = 192.0.2.2\nrekey_time = 0\nkeyingtries = 0\n"             \
	     "local {\nauth = psk\nid = " name ".sim\n}\nremote {\nauth = psk\nid = b.sim\n}\n"                     \
	     "children {\nnet {\nlocal_ts = " net "\nremote_ts = 10.2.0.0/16\nesp_proposals = aes128gcm16\n"        \
	     "hw_offload = packet\nstart_action = start\nrekey_time = 0\nrekey_packets = 300\nlife_packets = 600\n" \
	     "replay_window = 128\n}\n}\n}\n"

static void clients_configure(struct world_config *c, struct prng *rng)
{
	story_common(c, rng);
	c->v6 = false;
	c->side[0].esp = c->side[1].esp = NULL;
	c->side[0].connections = "connections {\n" CLIENT("one", "10.1.0.0/24") CLIENT("two", "10.1.1.0/24") "}\n";
	c->side[1].connections =
		"connections {\nall {\nlocal_addrs = 192.0.2.2\nremote_addrs = %any\nrekey_time = 0\n"
		"local {\nauth = psk\nid = b.sim\n}\nremote {\nauth = psk\nid = %any\n}\n"
		"children {\nnet {\nlocal_ts = 10.2.0.0/16\nremote_ts = 10.1.0.0/16\nesp_proposals = aes128gcm16\n"
		"hw_offload = packet\nrekey_time = 0\nreplay_window = 128\n}\n}\n}\n}\n";
}

static void clients_play(struct world *w)
{
	if (!story_flow(w, story_two_up, 2, 100) || !world_run(w, 8 * sim_s))
		return;
	story_expect_rekeys(w, 2);
	story_finish(w);
}

static const struct scenario scenarios[] = {
	{"plain", "one SA for all queues", story_common, plain_play},
	{"rekeys", "an SA per queue, replaced by count from both ends", story_rekeys, queues_steered_play},
	{"believed", "cards are smaller than believed", believed_configure, believed_play},
	{"tight", "room for one replacement at a time", tight_configure, tight_play},
	{"both", "both ends start at once", both_configure, both_play},
	{"faults", "the card refuses and loses events", story_rekeys, faults_play},
	{"overrun", "the event socket overruns", story_rekeys, overrun_play},
	{"reload", "the configuration is read again, the same and changed", story_rekeys, reload_play},
	{"terminate", "up and down by command, from both ends", terminate_configure, terminate_play},
	{"reset", "the card forgets everything", story_rekeys, reset_play},
	{"cut", "the network is gone for a while", cut_configure, cut_play},
	{"small", "one end has too few slots for all queues", small_configure, small_play},
	{"serial", "eight queues and a window of one", serial_configure, serial_play},
	{"unequal", "two queues on one end, six on the other", unequal_configure, unequal_play},
	{"age", "keys replaced by their age", age_configure, story_rekeys_play},
	{"trap", "traffic brings the tunnel up", trap_configure, trap_play},
	{"demand", "queues get SAs when their CPUs send", demand_configure, demand_play},
	{"idle", "queue SAs that carry nothing go, and come back", idle_configure, idle_play},
	{"crypto", "crypto offload on one end, anything on the other", crypto_configure, story_rekeys_play},
	{"cx7", "a card that finds outbound SAs by reqid", cx7_configure, queues_steered_play},
	{"transport", "transport mode, from host to host", transport_configure, story_rekeys_play},
	{"encap", "ESP in UDP", encap_configure, queues_unsteered_play},
	{"rules", "flow rules instead of a choice of SPIs", queues_rules_configure, queues_steered_play},
	{"channels", "the number of channels changes", story_rekeys, queues_channels_play},
	{"restart", "a controller dies and comes back", restart_configure, restart_play},
	{"clients", "two clients on one connection", clients_configure, clients_play},
	{"ike", "the IKE SA is rekeyed under the Child SAs", ike_rekey_configure, story_rekeys_play},
	{"deaf", "no event ever comes, and counters lag", rekeys_deaf_configure, rekeys_deaf_play},
	{"late", "events come late and again and again", story_rekeys, rekeys_late_play},
	{"frees", "a full card that frees slots late", rekeys_frees_configure, rekeys_frees_play},
	{"collide", "both ends rekey at the same moments", story_rekeys, rekeys_collide_play},
	{"oneway", "one end never rekeys", rekeys_oneway_configure, story_rekeys_play},
	{"chain", "keys replaced before they have quite replaced others", rekeys_chain_configure, story_rekeys_play},
	{"bursts", "silence and bursts, and counters read seldom", rekeys_bursts_configure, rekeys_bursts_play},
};

const struct scenario *scenario_at(unsigned int n)
{
	return n < sizeof(scenarios) / sizeof(scenarios[0]) ? &scenarios[n] : NULL;
}
