/* SPDX-License-Identifier: MIT */
/* What `keyrack plan` computes on: from the command line or a configuration; cli_plan_daemon.c asks keyrackd. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli_plan_source.h"
#include "ctl/conf.h"
#include "ike/crypto.h"
#include "offload/profile.h"
#include "offload/slots.h"

static const uint64_t hour_ns = 3600000000000u, ms_ns = 1000000u;

enum { PACKET_BYTES = 1400 }; /* on average, where nothing is said */

struct plan_group *cli_plan_group_add(struct plan_source *s)
{
	static const struct rekey_band off = {0, 0, REKEY_INF};
	struct plan_group *g;

	if (s->n_groups == s->room) {
		size_t room = s->room ? 2 * s->room : 8;
		struct plan_group *more = reallocarray(s->groups, room, sizeof(*more));

		if (!more) {
			fprintf(stderr, "keyrack plan: out of memory\n");
			return NULL;
		}
		s->groups = more;
		s->room = room;
	}
	g = &s->groups[s->n_groups++];
	*g = (struct plan_group){.tunnels = 1, .limits = {off, off, off}};
	return g;
}

void cli_plan_source_free(struct plan_source *s)
{
	free(s->groups);
	*s = (struct plan_source){0};
}

/* ---- the card ---- */

void cli_plan_profile_use(struct plan_source *s, const struct offload_profile *p)
{
	s->ask.shared = p->shared;
	s->ask.size_in = p->size_in ? p->size_in : SLOTS_ASSUMED;
	s->ask.size_out = p->shared ? 0 : p->size_out ? p->size_out : SLOTS_ASSUMED;
	s->ask.let_go_ns = p->let_go_ms * ms_ns;
	s->ask.tx_by_reqid = p->tx_by_reqid;
	s->ask.card_esn = p->esn;
}

static void slots_use(struct plan_source *s, uint64_t slots)
{
	s->ask.size_in = (uint32_t)slots;
	s->ask.size_out = s->ask.shared ? 0 : (uint32_t)slots;
}

static void card_name(struct plan_source *s, const char *profile)
{
	snprintf(s->card, sizeof(s->card), "%s", profile[0] ? profile : "generic");
}

/* ---- the command line alone ---- */

static int from_options(struct plan_source *s)
{
	struct plan_group *g = cli_plan_group_add(s);

	if (!g)
		return CLI_FAILED;
	snprintf(g->name, sizeof(g->name), "tunnels");
	g->limits.time.rekey = hour_ns; /* as without a rekey_time in the configuration */
	g->esn = true;
	return CLI_OK;
}

/* ---- a configuration ---- */

static void cipher_use(struct plan_group *g, uint16_t encr, uint16_t bits)
{
	if (rekey_ceiling_find(encr, bits, g->esn, &g->ceiling)) /* none is known, so none is used: conf refuses it */
		g->ceiling = (struct rekey_ceiling){g->esn ? REKEY_INF : UINT32_MAX, REKEY_INF};
}

/* What a peer will most likely choose: the first of the first proposal. */
static void proposal_use(struct plan_group *g, const struct ike_proposal *p)
{
	const struct ike_transform *encr = NULL;
	bool esn_first = false, esn_seen = false;

	for (unsigned int i = 0; i < p->n; i++) {
		if (p->t[i].type == IKE_T_ENCR && !encr)
			encr = &p->t[i];
		if (p->t[i].type == IKE_T_ESN && !esn_seen) {
			esn_seen = true;
			esn_first = p->t[i].id == IKE_ESN_YES;
		}
	}
	g->esn = esn_first;
	if (encr)
		cipher_use(g, encr->id, encr->key_bits);
}

static int child_use(struct plan_source *s, const struct conf_conn *conn, const struct conf_child *child,
		     uint32_t queues)
{
	struct plan_group *g;

	if (child->hw_offload == HW_OFFLOAD_NO)
		return CLI_OK; /* it needs no slots */
	g = cli_plan_group_add(s);
	if (!g)
		return CLI_FAILED;
	snprintf(g->name, sizeof(g->name), "%.31s/%.31s", conn->name, child->name);
	g->queues = child->per_cpu_sas == CONF_PER_CPU_YES ? queues : (uint32_t)child->per_cpu_sas;
	g->limits = child->rekey;
	proposal_use(g, &child->ike.proposals[0]);
	return CLI_OK;
}

static int from_conf(const char *path, const struct plan_options *o, struct plan_source *s)
{
	char error[CONF_ERROR_MAX];
	struct conf *conf = conf_load(path, error);
	const struct offload_profile *profile;
	int code = CLI_OK;

	if (!conf) {
		fprintf(stderr, "keyrack plan: %s\n", error);
		return CLI_USAGE;
	}
	profile = offload_profile_find(conf->nic.profile[0] ? conf->nic.profile : "generic");
	cli_plan_profile_use(s, profile);
	card_name(s, profile->name);
	if (conf->nic.slots)
		slots_use(s, conf->nic.slots);
	s->ask.reserve = conf->nic.reserve;
	s->ask.poll_ns = conf->nic.counter_poll_ns ? conf->nic.counter_poll_ns : s->ask.poll_ns;
	s->ask.drain_ns = conf->nic.drain_ns ? conf->nic.drain_ns : s->ask.drain_ns;
	s->ask.let_go_ns = conf->nic.let_go_ns ? conf->nic.let_go_ns : s->ask.let_go_ns;
	s->ask.retransmit_ns = conf->daemon.ike.retransmit_ns;
	for (unsigned int i = 0; i < conf->n_conns; i++)
		for (unsigned int k = 0; k < conf->conns[i]->n_children && code == CLI_OK; k++)
			code = child_use(s, conf->conns[i], &conf->conns[i]->children[k],
					 o->queues != PLAN_UNSET ? (uint32_t)o->queues
					 : conf->nic.queues      ? conf->nic.queues
								 : 1);
	conf_free(conf);
	if (code == CLI_OK && !s->n_groups) {
		fprintf(stderr, "keyrack plan: %s: no child has SAs on the card\n", path);
		code = CLI_FAILED;
	}
	return code;
}

/* ---- what the command line says goes before ---- */

struct override {
	uint64_t from;
	uint64_t *to;
};

static void overrides_use(const struct override *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (o[i].from != PLAN_UNSET)
			*o[i].to = o[i].from;
}

static void ask_override(const struct plan_options *o, struct plan_source *s)
{
	const struct override rows[] = {
		{o->rtt_ns, &s->ask.rtt_ns},
		{o->poll_ns, &s->ask.poll_ns},
		{o->drain_ns, &s->ask.drain_ns},
		{o->let_go_ns, &s->ask.let_go_ns},
	};

	if (o->profile) {
		cli_plan_profile_use(s, offload_profile_find(o->profile));
		card_name(s, o->profile);
	}
	if (o->slots != PLAN_UNSET)
		slots_use(s, o->slots);
	if (o->reserve != PLAN_UNSET)
		s->ask.reserve = (uint32_t)o->reserve;
	overrides_use(rows, sizeof(rows) / sizeof(rows[0]));
}

/* A band of which the command line says something is the command line's alone, so that its parts fit each other. */
static void band_override(uint64_t rekey, uint64_t life, uint64_t rnd, struct rekey_band *b)
{
	if (rekey == PLAN_UNSET && life == PLAN_UNSET && rnd == PLAN_UNSET)
		return;
	if (rekey != PLAN_UNSET || life != PLAN_UNSET)
		*b = (struct rekey_band){0, 0, REKEY_INF};
	overrides_use((const struct override[]){{rekey, &b->rekey}, {life, &b->life}, {rnd, &b->rand}}, 3);
}

static int group_override(const struct plan_options *o, struct plan_group *g)
{
	char why[200];
	const struct ike_alg *alg = ike_alg_keyword(IKE_T_ENCR, o->cipher ? o->cipher : "aes256gcm16");

	if (o->tunnels != PLAN_UNSET)
		g->tunnels = (uint32_t)o->tunnels;
	if (o->esn != PLAN_UNSET)
		g->esn = o->esn;
	if (o->cipher || !g->ceiling.packets)
		cipher_use(g, alg->id, alg->key_bits);
	g->ceiling.packets = g->esn ? REKEY_INF : UINT32_MAX;
	band_override(o->rekey_bytes, o->life_bytes, o->rand_bytes, &g->limits.bytes);
	band_override(o->rekey_packets, o->life_packets, o->rand_packets, &g->limits.packets);
	band_override(o->rekey_time, o->life_time, o->rand_time, &g->limits.time);
	if (rekey_config_check(&g->limits, why, sizeof(why))) {
		fprintf(stderr, "keyrack plan: %s: %s\n", g->name, why);
		return CLI_USAGE;
	}
	return CLI_OK;
}

/* The rate of all together is spread over all tunnels; a group with queues has no more of it than one without. */
static void rates_override(const struct plan_options *o, struct plan_source *s)
{
	double packet = o->packet_bytes == PLAN_UNSET ? PACKET_BYTES : (double)o->packet_bytes, tunnels = 0;

	for (size_t i = 0; i < s->n_groups; i++)
		tunnels += s->groups[i].tunnels;
	for (size_t i = 0; i < s->n_groups; i++) {
		struct plan_group *g = &s->groups[i];

		if (o->rate != PLAN_UNSET) {
			g->byte_rate = (double)o->rate / 8 * g->tunnels / tunnels;
			g->packet_rate = g->byte_rate / packet;
		}
		if (o->queue_rate != PLAN_UNSET) {
			g->byte_peak = (double)o->queue_rate / 8;
			g->packet_peak = g->byte_peak / packet;
		}
	}
}

static int override(const struct plan_options *o, bool conf, struct plan_source *s)
{
	int code = CLI_OK;

	ask_override(o, s);
	for (size_t i = 0; i < s->n_groups && code == CLI_OK; i++) {
		if (o->queues != PLAN_UNSET && !conf)
			s->groups[i].queues = (uint32_t)o->queues;
		code = group_override(o, &s->groups[i]);
	}
	rates_override(o, s);
	s->ask.groups = s->groups;
	s->ask.n_groups = s->n_groups;
	return code;
}

int cli_plan_source(struct cli *cli, const struct plan_options *o, struct plan_source *out)
{
	int code;

	*out = (struct plan_source){0};
	plan_ask_default(&out->ask);
	cli_plan_profile_use(out, offload_profile_find("generic"));
	card_name(out, "generic");
	if (o->config)
		code = from_conf(o->config, o, out);
	else if (o->slots != PLAN_UNSET || o->profile)
		code = from_options(out);
	else
		code = cli_plan_daemon(cli, out);
	return code == CLI_OK ? override(o, o->config != NULL, out) : code;
}
