/* SPDX-License-Identifier: MIT */
#include "ctl/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/metrics_rows.h"

static void head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: names come from the configuration and may have anything in them. */
static void label(FILE *to, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '\\':
		case '"':
			fprintf(to, "\\%c", *text);
			break;
		case '\n':
			fputs("\\n", to);
			break;
		default:
			fputc(*text, to);
		}
}

/* ---- single numbers ---- */

static void rows_write(FILE *to, const struct controller_counters *counters)
{
	const char *last = "";

	for (const struct metrics_row *r = metrics_rows; r->name; r++) {
		const char *at = (const char *)counters + r->offset;
		uint64_t value = 0;

		if (strcmp(r->name, last) != 0)
			head(to, r->name, r->kind == METRICS_COUNTER ? "counter" : "gauge", r->help);
		last = r->name;
		switch (r->kind) {
		case METRICS_COUNTER:
			memcpy(&value, at, sizeof(value));
			break;
		case METRICS_GAUGE: {
			uint32_t now;

			memcpy(&now, at, sizeof(now));
			value = now;
			break;
		}
		}
		fprintf(to, "%s%s%s%s %llu\n", r->name, r->labels ? "{" : "", r->labels ? r->labels : "",
			r->labels ? "}" : "", (unsigned long long)value);
	}
}

static void about_write(FILE *to, const struct metrics_source *source)
{
	const struct conf_nic *nic = source->nic;
	bool hwsim = nic->backend == CONF_BACKEND_HWSIM;

	head(to, "keyrack_build_info", "gauge", "Always 1: what is running.");
	fprintf(to, "keyrack_build_info{version=\"" KEYRACK_VERSION "\",backend=\"%s\",device=\"",
		hwsim ? "hwsim" : "xfrm");
	label(to, hwsim ? nic->socket : nic->device);
	fputs("\",profile=\"", to);
	label(to, nic->profile);
	fputs("\"} 1\n", to);
	head(to, "keyrack_start_time_seconds", "gauge", "When keyrackd was started, in seconds since 1970.");
	fprintf(to, "keyrack_start_time_seconds %llu\n", (unsigned long long)source->started_unix);
}

/* ---- slots ---- */

static uint64_t count_size(const struct slots_count *c)
{
	return c->size;
}

static uint64_t count_peak(const struct slots_count *c)
{
	return c->peak;
}

static uint64_t count_reserve(const struct slots_count *c)
{
	return c->reserve;
}

static uint64_t count_refused(const struct slots_count *c)
{
	return c->refused;
}

static uint64_t count_learned(const struct slots_count *c)
{
	return c->learned_events;
}

static const struct {
	const char *name, *type, *help;
	uint64_t (*value)(const struct slots_count *c);
} pool_rows[] = {
	{"keyrack_slots_size", "gauge", "Slots of the card's table, as far as is known.", count_size},
	{"keyrack_slots_peak", "gauge", "The most slots ever occupied, reserved or draining at once.", count_peak},
	{"keyrack_slots_reserve", "gauge", "Slots kept for replacements.", count_reserve},
	{"keyrack_slots_refused_total", "counter", "Reservations that the ledger turned down.", count_refused},
	{"keyrack_slots_learned_total", "counter", "Times that the card had less room than was believed.",
	 count_learned},
};

static void slots_write(FILE *to, const struct slots *slots)
{
	struct slots_count c;

	head(to, "keyrack_slots", "gauge", "Slots of the card's table, by what they are used for.");
	for (unsigned int i = 0; i < slots_pools(slots); i++) {
		slots_count_get(slots, i, &c);
		fprintf(to, "keyrack_slots{pool=\"%s\",state=\"occ\"} %u\n", c.name, c.occ);
		fprintf(to, "keyrack_slots{pool=\"%s\",state=\"reserved\"} %u\n", c.name, c.reserved);
		fprintf(to, "keyrack_slots{pool=\"%s\",state=\"draining\"} %u\n", c.name, c.draining);
		fprintf(to, "keyrack_slots{pool=\"%s\",state=\"free\"} %u\n", c.name, c.free);
	}
	for (size_t r = 0; r < sizeof(pool_rows) / sizeof(pool_rows[0]); r++) {
		head(to, pool_rows[r].name, pool_rows[r].type, pool_rows[r].help);
		for (unsigned int i = 0; i < slots_pools(slots); i++) {
			slots_count_get(slots, i, &c);
			fprintf(to, "%s{pool=\"%s\"} %llu\n", pool_rows[r].name, c.name,
				(unsigned long long)pool_rows[r].value(&c));
		}
	}
}

/* ---- queues ---- */

/* Names stay where they are until the metrics are written: nothing else runs meanwhile. */
struct queue_row {
	const char *conn, *child;
	uint32_t reqid, queue;
	uint64_t bytes[2], packets[2]; /* in, out */
	double wear_soft, wear_hard;
	uint64_t rekey_in_ns;
	enum offload_mode mode[2];
	int tx, rx;
	const char *steered[2]; /* static */
};

struct queue_rows {
	struct queue_row *at;
	size_t n, left_out;
};

static void queue_take(void *ctx, const struct controller_queue *q)
{
	struct queue_rows *rows = ctx;
	const struct controller_child *c = q->child;

	if (!c || !c->ike || !c->ike->conn || !c->ike->cfg)
		return;
	if (rows->n == METRICS_QUEUES_MAX) {
		rows->left_out++;
		return;
	}
	rows->at[rows->n++] = (struct queue_row){
		.conn = c->ike->conn->name,
		.child = c->ike->cfg->name,
		.reqid = c->reqid,
		.queue = q->queue,
		.bytes = {q->bytes_in, q->bytes_out},
		.packets = {q->packets_in, q->packets_out},
		.wear_soft = c->wear_soft,
		.wear_hard = c->wear_hard,
		.rekey_in_ns = c->rekey_in_ns,
		.mode = {c->in.mode, c->out.mode},
		.tx = q->tx,
		.rx = q->rx,
		.steered = {q->in, q->out},
	};
}

static void queue_begin(FILE *to, const char *name, const struct queue_row *q)
{
	fprintf(to, "%s{conn=\"", name);
	label(to, q->conn);
	fputs("\",child=\"", to);
	label(to, q->child);
	fprintf(to, "\",reqid=\"%u\",queue=\"", q->reqid);
	if (q->queue == UINT32_MAX)
		fputs("any\"", to);
	else
		fprintf(to, "%u\"", q->queue);
}

static const char *const directions[2] = {"in", "out"};

static void queue_counts_write(FILE *to, const struct queue_rows *rows)
{
	head(to, "keyrack_queue_bytes_total", "counter", "Plaintext bytes of all SAs that the queue has had.");
	for (size_t i = 0; i < rows->n; i++)
		for (int d = 0; d < 2; d++) {
			queue_begin(to, "keyrack_queue_bytes_total", &rows->at[i]);
			fprintf(to, ",direction=\"%s\"} %llu\n", directions[d],
				(unsigned long long)rows->at[i].bytes[d]);
		}
	head(to, "keyrack_queue_packets_total", "counter", "Packets of all SAs that the queue has had.");
	for (size_t i = 0; i < rows->n; i++)
		for (int d = 0; d < 2; d++) {
			queue_begin(to, "keyrack_queue_packets_total", &rows->at[i]);
			fprintf(to, ",direction=\"%s\"} %llu\n", directions[d],
				(unsigned long long)rows->at[i].packets[d]);
		}
}

static void queue_wear_write(FILE *to, const struct queue_rows *rows)
{
	head(to, "keyrack_queue_wear_ratio", "gauge",
	     "How much of a limit the queue's present Child SA has used, 0 to 1, by limit.");
	for (size_t i = 0; i < rows->n; i++) {
		queue_begin(to, "keyrack_queue_wear_ratio", &rows->at[i]);
		fprintf(to, ",limit=\"soft\"} %.6g\n", rows->at[i].wear_soft);
		queue_begin(to, "keyrack_queue_wear_ratio", &rows->at[i]);
		fprintf(to, ",limit=\"hard\"} %.6g\n", rows->at[i].wear_hard);
	}
	head(to, "keyrack_queue_rekey_seconds", "gauge",
	     "Estimated time until the queue's Child SA is replaced, at its present rate; +Inf: never.");
	for (size_t i = 0; i < rows->n; i++) {
		queue_begin(to, "keyrack_queue_rekey_seconds", &rows->at[i]);
		if (rows->at[i].rekey_in_ns == UINT64_MAX)
			fputs("} +Inf\n", to);
		else
			fprintf(to, "} %.3f\n", (double)rows->at[i].rekey_in_ns / 1e9);
	}
}

static void queue_info_write(FILE *to, const struct queue_rows *rows)
{
	head(to, "keyrack_queue_info", "gauge",
	     "Always 1: the card's queues (-1: none of its own), and how packets come to them (keyrack queues).");
	for (size_t i = 0; i < rows->n; i++) {
		const struct queue_row *q = &rows->at[i];

		queue_begin(to, "keyrack_queue_info", q);
		fprintf(to, ",tx=\"%d\",rx=\"%d\",in=\"%s\",out=\"%s\"} 1\n", q->tx, q->rx, q->steered[0],
			q->steered[1]);
	}
}

static void queue_modes_write(FILE *to, const struct queue_rows *rows)
{
	static const enum offload_mode modes[] = {OFFLOAD_PACKET, OFFLOAD_CRYPTO, OFFLOAD_SOFTWARE};

	head(to, "keyrack_queue_sas", "gauge", "SAs that serve a queue now, by direction and where they run.");
	for (int d = 0; d < 2; d++)
		for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			size_t n = 0;

			for (size_t i = 0; i < rows->n; i++)
				n += rows->at[i].mode[d] == modes[m];
			fprintf(to, "keyrack_queue_sas{direction=\"%s\",mode=\"%s\"} %zu\n", directions[d],
				offload_mode_name(modes[m]), n);
		}
	head(to, "keyrack_queues_left_out", "gauge", "Queues beyond the number that these metrics show.");
	fprintf(to, "keyrack_queues_left_out %zu\n", rows->left_out);
}

int metrics_write(FILE *to, const struct metrics_source *source)
{
	struct queue_rows rows = {.at = calloc(METRICS_QUEUES_MAX, sizeof(*rows.at))};
	struct controller_counters counters = {0};
	const struct slots *slots = controller_slots(source->controller);

	if (!rows.at)
		return -ENOMEM;
	controller_counters_get(source->controller, &counters);
	controller_queue_each(source->controller, source->now, queue_take, &rows);
	about_write(to, source);
	rows_write(to, &counters);
	if (slots)
		slots_write(to, slots);
	queue_info_write(to, &rows);
	queue_counts_write(to, &rows);
	queue_wear_write(to, &rows);
	queue_modes_write(to, &rows);
	free(rows.at);
	return 0;
}
