/* SPDX-License-Identifier: MIT */
/* What the demo found: counted at both ends, by the cards' generators, wires and tables and by the controllers. */
#include <stdio.h>
#include <string.h>

#include "ctl/demo.h"

/* Of both sides. */
static int64_t both(const struct demo *d, const char *path)
{
	return demo_number(d->side[0].card_stats, path) + demo_number(d->side[1].card_stats, path);
}

static int64_t both_status(const struct demo *d, const char *path)
{
	return demo_number(d->side[0].status, path) + demo_number(d->side[1].status, path);
}

static bool is_steered(const struct demo_side *s, unsigned int q)
{
	const char *in = json_string_value(json_object_get(json_array_get(s->queues, q), "steered_in"));

	return in && strcmp(in, "any") != 0;
}

/* Of one queue, what has arrived on another RX queue since its own SAs are used. */
static int64_t misrouted(const struct demo_side *s, unsigned int q)
{
	return demo_number(demo_stream(s, q), "misrouted") - s->fallback_misrouted[q];
}

static void put_misrouted(json_t *v, const struct demo *d)
{
	int64_t steered = 0, unsteered = 0, fallback = 0;

	for (int i = 0; i < 2; i++)
		for (unsigned int q = 0; q < d->opt.queues; q++) {
			*(is_steered(&d->side[i], q) ? &steered : &unsteered) += misrouted(&d->side[i], q);
			fallback += d->side[i].fallback_misrouted[q];
		}
	json_object_set_new(v, "misrouted", json_integer(steered));
	json_object_set_new(v, "misrouted_unsteered", json_integer(unsteered));
	json_object_set_new(v, "misrouted_fallback", json_integer(fallback));
}

/* Seen from the left: what queue q sent, and what the right's queue q sent and the left received. */
static json_t *queues_make(const struct demo *d)
{
	json_t *list = json_array();

	for (unsigned int q = 0; q < d->opt.queues; q++) {
		const json_t *sa = json_array_get(d->side[0].queues, q);

		json_array_append_new(
			list, json_pack("{s:i, s:O?, s:O?, s:O?, s:I, s:I}", "queue", q, "spi_in",
					json_object_get(sa, "spi_in"), "spi_out", json_object_get(sa, "spi_out"),
					"steered_in", json_object_get(sa, "steered_in"), "packets_in",
					(json_int_t)demo_number(demo_stream(&d->side[0], q), "received"), "packets_out",
					(json_int_t)demo_number(demo_stream(&d->side[0], q), "sent")));
	}
	return list;
}

static json_t *slots_make(const struct demo *d, int64_t leaked)
{
	int64_t peak[2];

	for (int i = 0; i < 2; i++)
		peak[i] = demo_number(d->side[i].card_stats, "card.total.peak");
	return json_pack("{s:I, s:I, s:I}", "size", (json_int_t)demo_number(d->side[0].card_stats, "card.total.size"),
			 "peak", (json_int_t)(peak[0] > peak[1] ? peak[0] : peak[1]), "leaked", (json_int_t)leaked);
}

json_t *demo_verdict_make(const struct demo *d, int64_t leaked)
{
	static const struct {
		const char *name, *path;
	} rows[] = {
		{"packets_sent", "gen.sent"},
		{"packets_received", "gen.received"},
		{"payload_errors", "gen.payload_errors"},
		{"duplicates", "gen.duplicates"},
		{"reordered", "gen.reordered"},
		{"hard_expired", "card.hard_expired"},
		{"offload_refused", "card.refused"},
		{"plaintext_leaks", "watch.in.leaks"},
		{"esp_packets", "card.tx_esp"},
	};
	json_t *v = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(v, rows[i].name, json_integer(both(d, rows[i].path)));
	put_misrouted(v, d);
	json_object_set_new(v, "packets_lost", json_integer(both(d, "gen.sent") - both(d, "gen.received")));
	json_object_set_new(v, "plaintext_leaks", json_integer(both(d, "watch.in.leaks") + both(d, "watch.out.leaks")));
	json_object_set_new(v, "rekeys", json_integer(both_status(d, "counters.rekeys_done")));
	json_object_set_new(v, "collisions", json_integer(both_status(d, "counters.collisions")));
	json_object_set_new(v, "time_to_all_queues_ms", json_real(d->all_queues_ms));
	json_object_set_new(v, "seconds", json_integer(d->opt.seconds));
	json_object_set_new(v, "queue_sas", json_integer(demo_daemon_queues_up(&d->side[0], true)));
	json_object_set_new(v, "fallback", json_boolean(d->side[0].fallback));
	json_object_set_new(v, "slots", slots_make(d, leaked));
	json_object_set_new(v, "queues", queues_make(d));
	return v;
}

bool demo_verdict_good(const json_t *v, const struct demo *d)
{
	static const char *const zero[] = {"packets_lost", "payload_errors",  "duplicates",      "misrouted",
					   "hard_expired", "offload_refused", "plaintext_leaks", "slots.leaked"};
	/* each queue's SA is replaced that often; half of it is the least that shows it happens */
	int64_t least = (int64_t)(d->opt.seconds * d->opt.queues / d->sa_seconds / 2);
	bool good = true;
	size_t i;
	json_t *q;

	for (i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		if (demo_number(v, zero[i]) != 0) {
			fprintf(stderr, "demo: %s is %lld, not 0\n", zero[i], (long long)demo_number(v, zero[i]));
			good = false;
		}
	if (demo_number(v, "packets_received") <= 0) {
		fprintf(stderr, "demo: no packet arrived\n");
		good = false;
	}
	if (demo_number(v, "rekeys") < least) {
		fprintf(stderr, "demo: %lld rekeys are fewer than %lld\n", (long long)demo_number(v, "rekeys"),
			(long long)least);
		good = false;
	}
	json_array_foreach(json_object_get(v, "queues"), i, q)
	{
		if (demo_number(q, "packets_in") <= 0 || demo_number(q, "packets_out") <= 0) {
			fprintf(stderr, "demo: queue %zu was idle\n", i);
			good = false;
		}
	}
	return good;
}

void demo_verdict_print(const json_t *v)
{
	printf("packets   %lld sent, %lld received, %lld lost, %lld with a wrong payload, %lld duplicated\n",
	       (long long)demo_number(v, "packets_sent"), (long long)demo_number(v, "packets_received"),
	       (long long)demo_number(v, "packets_lost"), (long long)demo_number(v, "payload_errors"),
	       (long long)demo_number(v, "duplicates"));
	printf("queues    %lld with an SA of their own, %lld packets on another RX queue than their own\n",
	       (long long)demo_number(v, "queue_sas"), (long long)demo_number(v, "misrouted"));
	printf("keys      %lld replaced under traffic, %lld hard expiries, %lld collisions\n",
	       (long long)demo_number(v, "rekeys"), (long long)demo_number(v, "hard_expired"),
	       (long long)demo_number(v, "collisions"));
	printf("slots     %lld, at most %lld in use, %lld leaked, %lld installs refused\n",
	       (long long)demo_number(v, "slots.size"), (long long)demo_number(v, "slots.peak"),
	       (long long)demo_number(v, "slots.leaked"), (long long)demo_number(v, "offload_refused"));
	printf("wire      %lld ESP packets, %lld inner packets unprotected\n", (long long)demo_number(v, "esp_packets"),
	       (long long)demo_number(v, "plaintext_leaks"));
}
