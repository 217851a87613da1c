/* SPDX-License-Identifier: MIT */
/* What a running keyrackd says of its slots, SAs, limits and measured rates, as something to plan with. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli_plan_source.h"
#include "ike/crypto.h"

enum { ANSWER_MS = 60000 };

static uint64_t integer(const json_t *object, const char *key)
{
	return strtoull(cli_text(object, key, "0"), NULL, 10);
}

static uint64_t time_ns(const json_t *object, const char *key, uint64_t otherwise)
{
	return json_object_get(object, key) ? (uint64_t)(cli_number(object, key) * 1e9) : otherwise;
}

/* ---- the card ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Of several pools of one direction the smallest counts. */
static void pools_use(struct plan_source *s, const json_t *pools)
{
	const char *name;
	json_t *pool;

	s->ask.shared = false;
	s->ask.size_in = s->ask.size_out = UINT32_MAX;
	json_object_foreach((json_t *)pools, name, pool)
	{
		uint32_t size = (uint32_t)integer(pool, "size");

		s->ask.reserve = (uint32_t)integer(pool, "reserve");
		if (strcmp(name, "out") == 0)
			s->ask.size_out = least(s->ask.size_out, size);
		else
			s->ask.size_in = least(s->ask.size_in, size);
		if (strcmp(name, "shared") == 0)
			s->ask.shared = true;
	}
}

static void card_use(struct plan_source *s, const json_t *status)
{
	const char *profile = cli_text(status, "profile", "generic");
	const struct offload_profile *p = offload_profile_find(profile);

	if (p)
		cli_plan_profile_use(s, p);
	pools_use(s, json_object_get(status, "pools"));
	s->ask.poll_ns = time_ns(status, "counter_poll", s->ask.poll_ns);
	s->ask.drain_ns = time_ns(status, "drain", s->ask.drain_ns);
	s->ask.let_go_ns = time_ns(status, "let_go", s->ask.let_go_ns);
	snprintf(s->card, sizeof(s->card), "%s (running)", profile);
}

/* ---- limits ---- */

static const json_t *child_conf(const json_t *conns, const char *ike, const char *child)
{
	json_t *conn;
	size_t i;

	json_array_foreach(conns, i, conn)
	{
		json_t *found = json_object_get(json_object_get(json_object_get(conn, ike), "children"), child);

		if (found)
			return found;
	}
	return NULL;
}

static struct rekey_band band_read(const json_t *child, const char *what, uint64_t unit)
{
	char rekey[32], life[32], rnd[32];

	snprintf(rekey, sizeof(rekey), "rekey_%s", what);
	snprintf(life, sizeof(life), "life_%s", what);
	snprintf(rnd, sizeof(rnd), "rand_%s", what);
	return (struct rekey_band){
		.rekey = integer(child, rekey) * unit,
		.life = integer(child, life) * unit,
		.rand = json_object_get(child, rnd) ? integer(child, rnd) * unit : REKEY_INF,
	};
}

static void cipher_read(struct plan_group *g, const json_t *queue)
{
	const char *name = cli_text(queue, "encr", "");
	const struct ike_alg *a;

	g->esn = strcmp(cli_text(queue, "esn", "no"), "yes") == 0;
	for (unsigned int n = 0; (a = ike_alg_at(n)); n++)
		if (a->type == IKE_T_ENCR && !strcmp(a->name, name) && a->key_bits == integer(queue, "encr_bits") &&
		    !rekey_ceiling_find(a->id, a->key_bits, g->esn, &g->ceiling))
			return;
}

/* ---- tunnels ---- */

static double most(double a, double b)
{
	return a > b ? a : b;
}

/*
 * One group for each child of each connection. Each of its tunnels has one SA that any queue may use; how many have a
 * queue of their own is counted in g->queues until all are seen.
 */
static int queue_add(struct plan_source *s, const json_t *queue, const json_t *conns)
{
	const char *ike = cli_text(queue, "ike", "?"), *child = cli_text(queue, "child", "?");
	struct plan_group *g = s->n_groups ? &s->groups[s->n_groups - 1] : NULL;
	char name[sizeof(g->name)];
	const json_t *conf;

	if (strcmp(cli_text(queue, "mode", ""), "software") == 0)
		return CLI_OK; /* it holds no slot */
	snprintf(name, sizeof(name), "%.31s/%.31s", ike, child);
	if (!g || strcmp(g->name, name) != 0) { /* rows are sorted by connection and child */
		g = cli_plan_group_add(s);
		if (!g)
			return CLI_FAILED;
		snprintf(g->name, sizeof(g->name), "%s", name);
		g->tunnels = 0;
		conf = child_conf(conns, ike, child);
		g->limits = (struct rekey_config){
			.bytes = band_read(conf, "bytes", 1),
			.packets = band_read(conf, "packets", 1),
			.time = band_read(conf, "time", 1000000000u),
		};
		cipher_read(g, queue);
	}
	if (strcmp(cli_text(queue, "queue", "any"), "any") == 0)
		g->tunnels++;
	else
		g->queues++;
	g->byte_rate += cli_number(queue, "byte_rate");
	g->packet_rate += cli_number(queue, "packet_rate");
	g->byte_peak = most(g->byte_peak, cli_number(queue, "byte_rate"));
	g->packet_peak = most(g->packet_peak, cli_number(queue, "packet_rate"));
	return CLI_OK;
}

static int queues_use(struct plan_source *s, const json_t *queues, const json_t *conns)
{
	int code = CLI_OK;
	json_t *queue;
	size_t i;

	json_array_foreach(queues, i, queue)
	{
		code = queue_add(s, queue, conns);
		if (code != CLI_OK)
			return code;
	}
	for (size_t k = 0; k < s->n_groups; k++) {
		struct plan_group *g = &s->groups[k];

		if (!g->tunnels)
			g->tunnels = 1;
		g->queues = (g->queues + g->tunnels - 1) / g->tunnels;
	}
	if (s->n_groups)
		return CLI_OK;
	fprintf(stderr, "keyrack plan: keyrackd has no SAs on the card now: use --config, or --slots and --tunnels\n");
	return CLI_FAILED;
}

/* ---- asking ---- */

struct answers {
	json_t *status, *conns, *queues;
};

/* The exit code; 0: all are there. */
static int ask(struct cli *cli, struct answers *a)
{
	cli->vici = vici_client_open(cli->socket, ANSWER_MS);
	if (!cli->vici) {
		fprintf(stderr, "keyrack: %s: %s\n", cli->socket, strerror(errno));
		return CLI_UNREACHABLE;
	}
	a->status = vici_client_call(cli->vici, "get-status", NULL, NULL, NULL);
	if (!a->status)
		return cli_call_failed(cli, "get-status");
	a->conns = vici_client_list(cli->vici, "list-conns", "list-conn", NULL);
	if (!a->conns)
		return cli_call_failed(cli, "list-conns");
	a->queues = vici_client_list(cli->vici, "list-queues", "list-queue", NULL);
	return a->queues ? CLI_OK : cli_call_failed(cli, "list-queues");
}

int cli_plan_daemon(struct cli *cli, struct plan_source *s)
{
	struct answers a = {0};
	int code = ask(cli, &a);

	if (code == CLI_OK) {
		card_use(s, a.status);
		code = queues_use(s, a.queues, a.conns);
	}
	json_decref(a.status);
	json_decref(a.conns);
	json_decref(a.queues);
	if (cli->vici)
		vici_client_close(cli->vici);
	cli->vici = NULL;
	return code;
}
