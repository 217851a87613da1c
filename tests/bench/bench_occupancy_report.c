/* SPDX-License-Identifier: MIT */
/* The results as text, JSON and CSV. */
#include "bench_occupancy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

void occ_print_text(const struct occ_options *o, const struct occ_result *r, FILE *to)
{
	fprintf(to, "%u slots, %.3g h, %s traffic, seed %" PRIu64 "\n%-11s %7s %6s %8s %6s %6s %8s %6s %9s %6s %9s\n",
		o->slots, (double)o->ns / 3600e9, o->workload->name, o->seed, "policy", "usable", "SAs", "refused",
		"hard", "lost", "rekeys", "coll.", "redundant", "peak", "unused");
	for (unsigned int i = 0; i < occ_n_policies; i++) {
		if (!occ_wanted(o, i))
			continue;
		fprintf(to,
			"%-11s %6.1f%% %6" PRIu32 " %8" PRIu64 " %6" PRIu64 " %6" PRIu64 " %8" PRIu64 " %6" PRIu64
			" %8.2f%% %5.1f%% %8.1f%%  %s\n",
			occ_policies[i].name, 100 * occ_usable(o, &r[i]), 2 * r[i].pairs,
			r[i].card_refused + r[i].ledger_refused, r[i].hard_expired, r[i].packets_lost, r[i].rekeys,
			r[i].collisions, 100 * r[i].redundant_avg, 100 * r[i].redundant_peak,
			100 * share(r[i].early_bytes, r[i].early_life), r[i].why);
	}
}

static json_t *row_json(const struct occ_options *o, unsigned int i, const struct occ_result *r)
{
	return json_pack("{s:s, s:f, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:f, s:s}", "policy",
			 occ_policies[i].name, "usable_share", occ_usable(o, r), "hard_expiries",
			 (json_int_t)r->hard_expired, "refused_installs",
			 (json_int_t)r->card_refused + (json_int_t)r->ledger_refused, "packets_lost",
			 (json_int_t)r->packets_lost, "redundant_share_avg", r->redundant_avg, "redundant_share_peak",
			 r->redundant_peak, "rekeys", (json_int_t)r->rekeys, "collisions", (json_int_t)r->collisions,
			 "sas", 2 * (json_int_t)r->pairs, "tunnels", (json_int_t)r->tunnels, "bytes_lost_early",
			 (double)r->early_bytes, "share_lost_early", share(r->early_bytes, r->early_life),
			 "packets_sent", (json_int_t)r->packets_sent, "cpu_seconds", r->cpu_s, "why", r->why);
}

/* null: drawn for each tunnel */
static json_t *drawn_or(double given)
{
	return given < 0 ? json_null() : json_real(given);
}

void occ_print_json(const struct occ_options *o, const struct occ_result *r, FILE *to)
{
	json_t *rows = json_array(), *root;

	for (unsigned int i = 0; i < occ_n_policies; i++)
		if (occ_wanted(o, i))
			json_array_append_new(rows, row_json(o, i, &r[i]));
	root = json_pack("{s:s, s:I, s:f, s:I, s:o, s:o, s:f, s:o}", "workload", o->workload->name, "slots",
			 (json_int_t)o->slots, "hours", (double)o->ns / 3600e9, "seed", (json_int_t)o->seed, "rtt_ms",
			 drawn_or(o->rtt_ms), "loss", drawn_or(o->loss), "life_seconds", o->life_s, "policies", rows);
	json_dumpf(root, to, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	fputc('\n', to);
	json_decref(root);
}

int occ_write_csv(const struct occ_options *o, const struct occ_result *r)
{
	FILE *f = fopen(o->csv, "w");
	int err;

	if (!f) {
		err = errno;
		fprintf(stderr, "bench_occupancy: %s: %s\n", o->csv, strerror(err));
		return -err;
	}
	fprintf(f, "workload,slots,hours,seed,policy,usable_share,hard_expiries,refused_installs,packets_lost,"
		   "redundant_share_avg,redundant_share_peak,rekeys,collisions,bytes_lost_early,share_lost_early\n");
	for (unsigned int i = 0; i < occ_n_policies; i++)
		if (occ_wanted(o, i))
			fprintf(f,
				"%s,%" PRIu32 ",%g,%" PRIu64 ",%s,%.4f,%" PRIu64 ",%" PRIu64 ",%" PRIu64
				",%.5f,%.4f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.4f\n",
				o->workload->name, o->slots, (double)o->ns / 3600e9, o->seed, occ_policies[i].name,
				occ_usable(o, &r[i]), r[i].hard_expired, r[i].card_refused + r[i].ledger_refused,
				r[i].packets_lost, r[i].redundant_avg, r[i].redundant_peak, r[i].rekeys,
				r[i].collisions, r[i].early_bytes, share(r[i].early_bytes, r[i].early_life));
	err = ferror(f) ? -EIO : 0;
	return fclose(f) ? -errno : err;
}
