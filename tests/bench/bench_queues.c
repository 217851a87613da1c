/* SPDX-License-Identifier: MIT */
/*
 * How long a tunnel with an SA for every queue takes to come up: two whole controllers and two software cards of
 * tests/sim, between them a path of a given round trip time, in virtual time. The clock runs from the moment one end is
 * told to initiate, with nothing there, until both ends have had a packet from every CPU of the other in that CPU's own
 * SA, and one in the fallback. What the machines compute takes no virtual time; a card answers within 50 us. Aim: 64
 * queues at a window of 64 within 6 round trips.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sim_traffic.h"

enum {
	SIDES = 2,
	FALLBACK = HWSIM_MAX_QUEUES, /* its place in `carried` */
	RESERVE_SLOTS = 8,
	NIC_NS = 50000,
	RTT_MS_MAX = 2000,
	STEPS_PER_RTT = 100,    /* how often queues are looked at: the error of what is measured */
	PROBES_PER_RTT = 50,    /* packets from a CPU, until one has arrived */
	ROUND_TRIPS_MAX = 1000, /* and some for each queue: then it has failed */
	ROUND_TRIPS_QUEUE = 20,
};

#define LOSS_MAX 0.3 /* a probability */

struct options {
	unsigned int rtt_ms, queues, window; /* queues, window: 0 for all */
	double loss;
	uint64_t seed;
	bool json;
};

struct row {
	unsigned int queues, window;
	double seconds, round_trips;
};

/* ---- one tunnel ---- */

struct probe {             /* a queue of one side, or the fallback */
	uint32_t spi;      /* outbound, of the SA that is up; 0: none yet */
	uint64_t again_ns; /* the packet that was sent must have been lost */
	bool carried;      /* one has arrived in this SA */
};

struct run {
	unsigned int queues;
	uint64_t rtt_ns;
	struct side *side; /* whose queues are looked at */
	struct probe probe[SIDES][FALLBACK + 1];
	bool initiated;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_queues: %s\n", what);
	exit(1);
}

static void probe_send(struct run *r, struct probe *p, unsigned int cpu)
{
	uint64_t now = r->side->w->now;

	if (p->carried || now < p->again_ns)
		return;
	p->again_ns = now + r->rtt_ns / PROBES_PER_RTT;
	traffic_send(r->side, cpu);
}

/*
 * Until a CPU has an SA of its own, what it sends goes by the fallback. That is not for long: a lost packet must not be
 * the only one.
 */
static void look_at_queue(void *ctx, const struct controller_queue *q)
{
	struct run *r = ctx;
	bool any = q->queue == UINT32_MAX;
	struct probe *p = &r->probe[r->side->i][any ? FALLBACK : q->queue];

	if (!q->child->out.installed)
		return;
	p->spi = q->child->out.spi;
	probe_send(r, p, any ? r->queues - 1 : q->queue);
}

static void look(struct run *r, struct world *w)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		r->side = &w->side[i];
		controller_queue_each(r->side->c, w->now, look_at_queue, r);
	}
}

static void arrived(void *ctx, struct side *s, unsigned int cpu, uint32_t spi)
{
	struct run *r = ctx;
	struct probe *from = r->probe[!s->i];

	if (from[cpu].spi == spi)
		from[cpu].carried = true;
	if (from[FALLBACK].spi == spi)
		from[FALLBACK].carried = true;
}

static bool all_carried(const struct run *r)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		for (unsigned int q = 0; q < r->queues; q++)
			if (!r->probe[i][q].carried)
				return false;
		if (!r->probe[i][FALLBACK].carried)
			return false;
	}
	return true;
}

static void initiated(void *ctx, int err, const char *text)
{
	struct run *r = ctx;

	if (err)
		die(text);
	r->initiated = true;
}

struct config_text {
	char per_cpu_sas[16], window[32];
};

static void configure(struct world_config *c, const struct options *o, const struct row *row, struct config_text *text)
{
	uint64_t rtt_ns = o->rtt_ms * sim_ms;

	*c = (struct world_config){.nic_delay_ns = NIC_NS};
	c->net.delay_ns = rtt_ns / 2;
	c->net.loss = o->loss;
	snprintf(text->per_cpu_sas, sizeof(text->per_cpu_sas), "%u", row->queues);
	snprintf(text->window, sizeof(text->window), "window = %u", row->window);
	for (unsigned int i = 0; i < SIDES; i++)
		c->side[i] = (struct side_config){
			.queues = row->queues,
			.slots = 2 * (row->queues + 1) + RESERVE_SLOTS,
			.per_cpu_sas = text->per_cpu_sas,
			.conn_extra = text->window,
			.retransmit_ms = 300 + 2 * o->rtt_ms,
		};
}

static void measure(const struct options *o, struct row *row)
{
	struct run *r = calloc(1, sizeof(*r));
	struct world_config config;
	struct config_text text = {0};
	uint64_t start, end;
	struct world w;

	if (!r)
		die("no memory");
	configure(&config, o, row, &text);
	world_make(&w, o->seed, &config, false);
	r->queues = row->queues;
	r->rtt_ns = o->rtt_ms * sim_ms;
	w.arrived = arrived;
	w.arrived_ctx = r;
	start = w.now;
	end = start + (ROUND_TRIPS_MAX + ROUND_TRIPS_QUEUE * (uint64_t)row->queues) * r->rtt_ns;
	controller_initiate(w.side[0].c, w.now, "peer", "net", 0, initiated, r);
	while (!all_carried(r) && w.now < end) {
		look(r, &w);
		if (!world_run(&w, r->rtt_ns / STEPS_PER_RTT))
			die(w.why);
	}
	if (w.now >= end || !r->initiated)
		die("not all queues came up");
	row->seconds = (double)(w.now - start) / 1e9;
	row->round_trips = (double)(w.now - start) / (double)r->rtt_ns;
	world_free(&w);
	free(r);
}

/* ---- all of them ---- */

static const struct row all_rows[] = {
	{.queues = 16, .window = 1},  {.queues = 16, .window = 64}, {.queues = 64, .window = 1},
	{.queues = 64, .window = 64}, {.queues = 256, .window = 1}, {.queues = 256, .window = 64},
};

enum { ROWS = sizeof(all_rows) / sizeof(all_rows[0]) };

/* The rows that are asked for; with queues and window given, the one, whether it is among the usual or not. */
static unsigned int rows_choose(const struct options *o, struct row rows[ROWS])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ROWS; i++) {
		struct row row = all_rows[i];
		bool have = false;

		row.queues = o->queues ? o->queues : row.queues;
		row.window = o->window ? o->window : row.window;
		for (unsigned int k = 0; k < n; k++)
			have = have || (rows[k].queues == row.queues && rows[k].window == row.window);
		if (!have)
			rows[n++] = row;
	}
	return n;
}

static void print_text(const struct options *o, const struct row *rows, unsigned int n)
{
	printf("From nothing until all queue SAs carry traffic both ways; %u ms round trip, loss %g\n", o->rtt_ms,
	       o->loss);
	printf("queues  window  seconds  round trips\n");
	for (unsigned int i = 0; i < n; i++)
		printf("%6u  %6u  %7.3f  %11.2f\n", rows[i].queues, rows[i].window, rows[i].seconds,
		       rows[i].round_trips);
}

static void print_json(const struct options *o, const struct row *rows, unsigned int n)
{
	json_t *list = json_array(), *out;

	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:i, s:i, s:i, s:f, s:f}", "queues", (int)rows[i].queues,
						      "window", (int)rows[i].window, "rtt_ms", (int)o->rtt_ms,
						      "seconds", rows[i].seconds, "round_trips", rows[i].round_trips));
	out = json_pack("{s:o}", "rows", list);
	if (!out)
		die("no memory");
	json_dumpf(out, stdout, JSON_REAL_PRECISION(6) | JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

static bool number_read(const char *text, unsigned int min, unsigned int max, unsigned int *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*out = (unsigned int)n;
	return end != text && !*end && n >= min && n <= max;
}

static bool options_read(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		char *end = NULL;
		bool ok = true;

		if (!strcmp(argv[i], "--json")) {
			o->json = true;
			continue;
		}
		if (!strcmp(argv[i], "--rtt-ms"))
			ok = number_read(value, 1, RTT_MS_MAX, &o->rtt_ms);
		else if (!strcmp(argv[i], "--queues"))
			ok = number_read(value, 1, HWSIM_MAX_QUEUES, &o->queues);
		else if (!strcmp(argv[i], "--window"))
			ok = number_read(value, 1, IKE_WINDOW_MAX, &o->window);
		else if (!strcmp(argv[i], "--loss"))
			ok = (o->loss = strtod(value, &end)) >= 0 && o->loss <= LOSS_MAX && end != value && !*end;
		else if (!strcmp(argv[i], "--seed"))
			ok = (o->seed = strtoull(value, &end, 0), end != value && !*end);
		else
			ok = false;
		if (!ok) {
			fprintf(stderr, "bench_queues: %s %s\n", argv[i], value);
			return false;
		}
		i++;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options o = {.rtt_ms = 50, .seed = 1};
	struct row rows[ROWS];
	unsigned int n;

	if (!options_read(&o, argc, argv)) {
		fprintf(stderr,
			"usage: bench_queues [--rtt-ms 1..%d] [--queues 1..%d] [--window 1..%d] [--loss 0..%g]\n"
			"                    [--seed N] [--json]\n"
			"From nothing until every CPU of both ends sends in an SA of its own, in virtual time.\n",
			RTT_MS_MAX, HWSIM_MAX_QUEUES, IKE_WINDOW_MAX, LOSS_MAX);
		return 2;
	}
	n = rows_choose(&o, rows);
	for (unsigned int i = 0; i < n; i++)
		measure(&o, &rows[i]);
	if (o.json)
		print_json(&o, rows, n);
	else
		print_text(&o, rows, n);
	return 0;
}
