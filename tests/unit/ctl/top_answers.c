/* SPDX-License-Identifier: MIT */
#include "top_answers.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void set(json_t *object, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void set(json_t *object, const char *key, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_set_new(object, key, json_string(text));
}

void answers_init(struct answers *a, double uptime, unsigned int rekeys)
{
	json_t *counters = json_object();

	*a = (struct answers){json_object(), json_array(), json_array()};
	set(a->status, "version", "1.2.3");
	set(a->status, "uptime", "%.3f", uptime);
	set(a->status, "backend", "hwsim");
	set(a->status, "profile", "cx7");
	set(a->status, "device", "/run/card");
	set(a->status, "ike_sas", "1");
	set(a->status, "half_open", "2");
	set(a->status, "children", "3");
	set(counters, "rekeys_done", "%u", rekeys);
	set(counters, "rekeys_failed", "4");
	set(counters, "install_refused", "5");
	set(counters, "admission_refused", "6");
	json_object_set_new(a->status, "counters", counters);
	json_object_set_new(a->status, "pools", json_object());
}

void answers_free(struct answers *a)
{
	json_decref(a->status);
	json_decref(a->slots);
	json_decref(a->queues);
}

void answers_pool(struct answers *a, const char *name, unsigned int size, unsigned int occ, unsigned int reserve)
{
	json_t *pool = json_object();

	set(pool, "size", "%u", size);
	set(pool, "occ", "%u", occ);
	set(pool, "reserved", "0");
	set(pool, "draining", "0");
	set(pool, "free", "%u", size - occ);
	set(pool, "peak", "%u", occ);
	set(pool, "reserve", "%u", reserve);
	set(pool, "configured", "%u", size);
	set(pool, "refused", "0");
	json_object_set_new(json_object_get(a->status, "pools"), name, pool);
}

static void sa_set(json_t *row, const struct answer_sa *sa)
{
	set(row, "ike", "gw");
	set(row, "ike_id", "%u", sa->ike_id);
	set(row, "child", "%s", sa->child ? sa->child : "net");
	set(row, "child_id", "%u", sa->id);
	set(row, "child_state", "%s", sa->state);
	set(row, "mode", "packet");
	if (sa->queue < 0)
		set(row, "queue", "any");
	else
		set(row, "queue", "%d", sa->queue);
	set(row, "wear_soft", "%.1f", sa->soft);
	set(row, "wear_hard", "%.1f", sa->hard);
}

void answers_slot(struct answers *a, const char *pool, unsigned int slot, const char *state, const char *dir,
		  const struct answer_sa *sa)
{
	json_t *row = json_object();

	set(row, "slot", "%u", slot);
	set(row, "pool", "%s", pool);
	set(row, "state", "%s", state);
	set(row, "dir", "%s", dir);
	if (sa) {
		sa_set(row, sa);
		set(row, "spi", "c%07x", sa->id);
	}
	json_array_append_new(a->slots, row);
}

void answers_queue(struct answers *a, const struct answer_sa *sa, uint64_t in, uint64_t out)
{
	json_t *row = json_object();

	sa_set(row, sa);
	set(row, "spi_in", "c%07x", sa->id);
	set(row, "spi_out", "d%07x", sa->id);
	set(row, "byte_rate", "77");
	set(row, "packet_rate", "7.0");
	set(row, "total_bytes_in", "%" PRIu64, in);
	set(row, "total_bytes_out", "%" PRIu64, out);
	set(row, "total_packets_in", "%" PRIu64, in / 100);
	set(row, "total_packets_out", "%" PRIu64, out / 100);
	set(row, "rekey_in", "12.5");
	if (sa->queue >= 0) {
		set(row, "cpu", "%d", sa->queue);
		set(row, "tx", "%d", sa->queue);
		if (sa->unsteered) {
			set(row, "steered_in", "any");
			set(row, "unsteered", "%s", sa->unsteered);
		} else {
			set(row, "rx", "%d", sa->queue);
			set(row, "steered_in", "hash");
		}
	}
	json_array_append_new(a->queues, row);
}

void answers_give(struct answers *a, struct top_model *m, uint64_t now)
{
	assert_int_equal(top_model_take(m, now, a->status, a->slots, a->queues), 0);
	answers_free(a);
}
