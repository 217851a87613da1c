/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cli_plan.h"
#include "ctl/conf_time.h"
#include "ike/crypto.h"
#include "offload/profile.h"
#include "offload/slots.h"

enum option_type {
	OPTION_TEXT,
	OPTION_FLAG,
	OPTION_NUMBER,
	OPTION_BYTES,
	OPTION_TIME,
	OPTION_MS,
	OPTION_RATE,
	OPTION_YES
};

struct option_row {
	const char *name;
	enum option_type type;
	size_t at;
	uint64_t min, max;
	const char *argument, *help;
};

#define AT(field) offsetof(struct plan_options, field)
#define COUNT_MAX (UINT64_MAX - 1)

static const struct option_row rows[] = {
	{"config", OPTION_TEXT, AT(config), 0, 0, "FILE", "a keyrackd configuration: its card, connections and limits"},
	{"socket", OPTION_TEXT, AT(socket), 0, 0, "PATH",
	 "the running keyrackd: its slots, SAs, limits and measured rates"},
	{"slots", OPTION_NUMBER, AT(slots), 1, SLOTS_SIZE_MAX, "N",
	 "slots of the card: each direction, or both together if the profile says so"},
	{"profile", OPTION_TEXT, AT(profile), 0, 0, "NAME", "the card, a name of offload/profile.c (generic)"},
	{"reserve", OPTION_NUMBER, AT(reserve), 0, SLOTS_SIZE_MAX, "N", "slots a pool kept for replacements (1 in 64)"},
	{"tunnels", OPTION_NUMBER, AT(tunnels), 1, PLAN_TUNNELS_MAX, "N",
	 "tunnels, or with --config peers of each child (1)"},
	{"queues", OPTION_NUMBER, AT(queues), 0, PLAN_QUEUES_MAX, "N",
	 "queues of each, with an SA of their own beside the fallback; 0: one SA (0)"},
	{"rate", OPTION_RATE, AT(rate), 0, COUNT_MAX, "BIT/S",
	 "sent by all tunnels together, spread evenly: 100G, 2.5G, 800M"},
	{"queue-rate", OPTION_RATE, AT(queue_rate), 0, COUNT_MAX, "BIT/S", "the most that one queue sends (its share)"},
	{"packet-bytes", OPTION_NUMBER, AT(packet_bytes), 1, 65535, "N", "bytes of a packet, on average (1400)"},
	{"rtt-ms", OPTION_MS, AT(rtt_ns), 0, 60 * 1000000000ull, "MS", "round trip to the peer (10)"},
	{"cipher", OPTION_TEXT, AT(cipher), 0, 0, "NAME",
	 "as in esp_proposals: aes128gcm16, aes256, ... (aes256gcm16)"},
	{"esn", OPTION_YES, AT(esn), 0, 1, "yes|no", "64-bit sequence numbers (yes)"},
	{"rekey-bytes", OPTION_BYTES, AT(rekey_bytes), 0, COUNT_MAX, "N",
	 "limits, with the meaning, the units and the"},
	{"life-bytes", OPTION_BYTES, AT(life_bytes), 0, COUNT_MAX, "N", "defaults that swanctl.conf(5) has"},
	{"rand-bytes", OPTION_BYTES, AT(rand_bytes), 0, COUNT_MAX, "N", ""},
	{"rekey-packets", OPTION_NUMBER, AT(rekey_packets), 0, COUNT_MAX, "N", ""},
	{"life-packets", OPTION_NUMBER, AT(life_packets), 0, COUNT_MAX, "N", ""},
	{"rand-packets", OPTION_NUMBER, AT(rand_packets), 0, COUNT_MAX, "N", ""},
	{"rekey-time", OPTION_TIME, AT(rekey_time), 0, COUNT_MAX, "TIME", ""},
	{"life-time", OPTION_TIME, AT(life_time), 0, COUNT_MAX, "TIME", ""},
	{"rand-time", OPTION_TIME, AT(rand_time), 0, COUNT_MAX, "TIME", ""},
	{"poll", OPTION_TIME, AT(poll_ns), 1000000, 3600 * 1000000000ull, "TIME",
	 "how often counters are read, nic.counter_poll (1s)"},
	{"drain", OPTION_TIME, AT(drain_ns), 0, 3600 * 1000000000ull, "TIME",
	 "how long an old SA still receives, nic.drain (1s)"},
	{"let-go", OPTION_TIME, AT(let_go_ns), 0, 3600 * 1000000000ull, "TIME",
	 "how long a deleted SA holds its slot (by profile)"},
	{"json", OPTION_FLAG, AT(json), 0, 0, "", "JSON on standard output"},
	{"help", OPTION_FLAG, AT(help), 0, 0, "", "this"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

void cli_plan_help(void)
{
	puts("usage: keyrack plan [--config FILE | --slots N | --profile NAME] [OPTIONS]\n"
	     "\n"
	     "Do these tunnels fit the card, and can their keys be replaced in time within the slots that are left? "
	     "Says how\n"
	     "many slots are used, how many replacements go on at once, rekeys a second, the worst minute, and what to "
	     "change.\n"
	     "Without --config, --slots and --profile the running keyrackd is asked. Other options then go before what "
	     "it says.\n");
	for (int i = 0; i < ROWS; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s %s", rows[i].name, rows[i].argument);
		printf("  %-22s %s\n", left, rows[i].help);
	}
	puts("\n"
	     "exit codes: 0 it fits, 1 it does not, 2 usage, 3 keyrackd cannot be reached\n"
	     "example: keyrack plan --profile cx7 --tunnels 500 --queues 16 --rate 200G --rekey-bytes 100g --rtt-ms "
	     "20");
}

/* ---- values ---- */

/* "0.5": conf_time_read() knows how to read it. */
static int ms_read(const char *text, uint64_t *ns)
{
	char with_unit[40];

	if (strspn(text, "0123456789.") != strlen(text) || strlen(text) > sizeof(with_unit) - 3)
		return -EINVAL;
	snprintf(with_unit, sizeof(with_unit), "%sms", text);
	return conf_time_read(with_unit, ns);
}

static int yes_read(const char *text, uint64_t *value)
{
	*value = strcmp(text, "yes") == 0;
	return *value || strcmp(text, "no") == 0 ? 0 : -EINVAL;
}

static const struct number_type {
	int (*read)(const char *text, uint64_t *value);
	const char *what, *unit; /* for the sentence; unit: of the bounds */
	uint64_t scale;          /* of the bounds */
} types[] = {
	[OPTION_NUMBER] = {conf_number_read, "a number", "", 1},
	[OPTION_BYTES] = {conf_bytes_read, "a number of bytes below 2^64 (units: k, m, g, t)", "", 1},
	[OPTION_TIME] = {conf_time_read, "a time (units: ms, s, m, h, d)", "ms", 1000000},
	[OPTION_MS] = {ms_read, "a number of milliseconds", "", 1000000},
	[OPTION_RATE] = {conf_rate_read, "a rate in bit/s (units: k, M, G, T)", "", 1},
	[OPTION_YES] = {yes_read, "yes or no", "", 1},
};

static int number_set(const struct option_row *row, const char *text, uint64_t *field)
{
	const struct number_type *t = &types[row->type];
	uint64_t v;

	if (!t->read(text, &v) && v >= row->min && v <= row->max) {
		*field = v;
		return 0;
	}
	fprintf(stderr, "keyrack plan: --%s: \"%s\" is not %s", row->name, text, t->what);
	if (row->max != COUNT_MAX && row->type != OPTION_YES)
		fprintf(stderr, " from %llu%s to %llu%s", (unsigned long long)(row->min / t->scale), t->unit,
			(unsigned long long)(row->max / t->scale), t->unit);
	fputc('\n', stderr);
	return -EINVAL;
}

static int option_set(const struct option_row *row, const char *text, struct plan_options *o)
{
	void *field = (char *)o + row->at;

	switch (row->type) {
	case OPTION_TEXT:
		*(const char **)field = text;
		return 0;
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_NUMBER:
	case OPTION_BYTES:
	case OPTION_TIME:
	case OPTION_MS:
	case OPTION_RATE:
	case OPTION_YES:
		return number_set(row, text, field);
	}
	return -EINVAL;
}

/* ---- names ---- */

static int profile_check(const char *name)
{
	if (!name || offload_profile_find(name))
		return 0;
	fprintf(stderr, "keyrack plan: --profile: \"%s\" is not one of", name);
	for (unsigned int n = 0; offload_profile_at(n); n++)
		fprintf(stderr, "%s %s", n ? "," : "", offload_profile_at(n)->name);
	fputc('\n', stderr);
	return -EINVAL;
}

static int cipher_check(const char *name)
{
	if (!name || ike_alg_keyword(IKE_T_ENCR, name))
		return 0;
	fprintf(stderr,
		"keyrack plan: --cipher: \"%s\" is not a cipher; for example aes128gcm16, aes256gcm16, "
		"chacha20poly1305, aes256\n",
		name);
	return -EINVAL;
}

/* ---- all of them ---- */

static void unset(struct plan_options *o)
{
	for (int i = 0; i < ROWS; i++)
		if (rows[i].type != OPTION_TEXT && rows[i].type != OPTION_FLAG)
			*(uint64_t *)((char *)o + rows[i].at) = PLAN_UNSET;
}

int cli_plan_options(int argc, char **argv, struct plan_options *o)
{
	struct option known[ROWS + 1] = {0};
	int c, err = 0;

	for (int i = 0; i < ROWS; i++)
		known[i] = (struct option){.name = rows[i].name,
					   .has_arg = rows[i].type == OPTION_FLAG ? no_argument : required_argument,
					   .val = i + 1};
	unset(o);
	optind = 1;
	while (!err && (c = getopt_long(argc, argv, "", known, NULL)) != -1)
		err = c > 0 && c <= ROWS ? option_set(&rows[c - 1], optarg, o) : -EINVAL; /* getopt has said it */
	if (!err && optind < argc) {
		fprintf(stderr, "keyrack plan: \"%s\": only options are taken\n", argv[optind]);
		err = -EINVAL;
	}
	if (!err)
		err = profile_check(o->profile) ?: cipher_check(o->cipher);
	return err;
}
