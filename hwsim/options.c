/* SPDX-License-Identifier: MIT */
#include "hwsim/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_STRING, OPT_NUMBER, OPT_PROFILE, OPT_WIRE, OPT_HOST, OPT_LEVEL, OPT_FLAG };

enum place { AT_NETLINK, AT_CONTROL, AT_SLOTS, AT_POLICIES, AT_QUEUES, AT_IFINDEX, AT_ACQUIRE, AT_SEED, AT_NONE };

/* One row an option: how it is read, its range, and its line of help. */
struct option_row {
	const char *name;
	const char *value;
	int type;
	enum place place;
	unsigned long long min, max;
	const char *help;
};

static const struct option_row rows[] = {
	{"netlink", "PATH", OPT_STRING, AT_NETLINK, 0, 0, "netlink (XFRM) socket, SOCK_SEQPACKET; required"},
	{"control", "PATH", OPT_STRING, AT_CONTROL, 0, 0, "control socket, JSON lines; required"},
	{"profile", "NAME", OPT_PROFILE, AT_NONE, 0, 0, "which card to be; default cx7"},
	{"slots", "N", OPT_NUMBER, AT_SLOTS, 1, 1 << 24, "SA table size instead of the profile's"},
	{"policies", "N", OPT_NUMBER, AT_POLICIES, 1, 1 << 20, "policy table size; default 1024"},
	{"queues", "N", OPT_NUMBER, AT_QUEUES, 1, HWSIM_MAX_QUEUES, "TX/RX queue pairs; default 1"},
	{"ifindex", "N", OPT_NUMBER, AT_IFINDEX, 1, INT_MAX, "interface index that SAs must name; default 1"},
	{"acquire-seconds", "N", OPT_NUMBER, AT_ACQUIRE, 1, 3600, "how long an acquire waits for its SA; default 30"},
	{"seed", "N", OPT_NUMBER, AT_SEED, 0, ULLONG_MAX, "seed of the card's randomness; default 1"},
	{"wire", "SPEC", OPT_WIRE, AT_NONE, 0, 0, "udp:LADDR:PORT,RADDR:PORT | packet:IFNAME | none; required"},
	{"host", "SPEC", OPT_HOST, AT_NONE, 0, 0, "tap:NAME[,mtu=N] | tun:NAME[,mtu=N] | gen | none; required"},
	{"log-level", "LEVEL", OPT_LEVEL, AT_NONE, 0, 0, "error, warning, notice, info or debug; default notice"},
	{"help", NULL, OPT_FLAG, AT_NONE, 0, 0, "this text"},
	{"version", NULL, OPT_FLAG, AT_NONE, 0, 0, "the version"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static int set_string(struct options *o, const struct option_row *row, const char *text, char *why, size_t size)
{
	if (!*text) {
		snprintf(why, size, "--%s: the path is empty", row->name);
		return -EINVAL;
	}
	if (row->place == AT_NETLINK)
		o->netlink = text;
	else
		o->control = text;
	return 0;
}

static int set_number(struct options *o, const struct option_row *row, const char *text, char *why, size_t size)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v < row->min || v > row->max) {
		snprintf(why, size, "--%s: '%s' is not a number from %llu to %llu", row->name, text, row->min,
			 row->max);
		return -EINVAL;
	}
	switch (row->place) {
	case AT_SLOTS:
		o->card.slots = (uint32_t)v;
		break;
	case AT_POLICIES:
		o->card.policies = (uint32_t)v;
		break;
	case AT_QUEUES:
		o->card.queues = (unsigned int)v;
		break;
	case AT_IFINDEX:
		o->card.ifindex = (int)v;
		break;
	case AT_ACQUIRE:
		o->card.acquire_seconds = (uint32_t)v;
		break;
	case AT_SEED:
		o->card.seed = v;
		break;
	case AT_NETLINK:
	case AT_CONTROL:
	case AT_NONE:
		break;
	}
	return 0;
}

static int set_profile(struct options *o, const char *text, char *why, size_t size)
{
	const struct hwsim_profile *p;
	int n;

	o->card.profile = hwsim_profile_find(text);
	if (o->card.profile)
		return 0;
	n = snprintf(why, size, "--profile: there is no '%s'; known:", text);
	for (unsigned int i = 0; (p = hwsim_profile_at(i)) && n > 0 && (size_t)n < size; i++)
		n += snprintf(why + n, size - (size_t)n, " %s", p->name);
	return -EINVAL;
}

static int set_port(struct port_spec *spec, enum port_side side, const char *name, const char *text, char *why,
		    size_t size)
{
	int n = snprintf(why, size, "--%s: ", name);

	return port_spec_parse(spec, side, text, why + n, size - (size_t)n);
}

static int set_level(struct options *o, const char *text, char *why, size_t size)
{
	for (int l = LOG_LEVEL_ERROR; l <= LOG_LEVEL_DEBUG; l++)
		if (strcmp(text, log_level_name((enum log_level)l)) == 0) {
			o->level = (enum log_level)l;
			return 0;
		}
	snprintf(why, size, "--log-level: '%s' is not error, warning, notice, info or debug", text);
	return -EINVAL;
}

static int set(struct options *o, const struct option_row *row, const char *text, char *why, size_t size)
{
	switch (row->type) {
	case OPT_STRING:
		return set_string(o, row, text, why, size);
	case OPT_NUMBER:
		return set_number(o, row, text, why, size);
	case OPT_PROFILE:
		return set_profile(o, text, why, size);
	case OPT_WIRE:
		o->wire_text = text;
		return set_port(&o->wire, PORT_WIRE, row->name, text, why, size);
	case OPT_HOST:
		o->host_text = text;
		return set_port(&o->host, PORT_HOST, row->name, text, why, size);
	case OPT_LEVEL:
		return set_level(o, text, why, size);
	case OPT_FLAG:
		*(row->name[0] == 'h' ? &o->help : &o->version) = true;
		return 0;
	}
	return 0;
}

static int check_required(const struct options *o, char *why, size_t size)
{
	const struct {
		const char *name;
		const char *value;
	} required[] = {
		{"netlink", o->netlink}, {"control", o->control}, {"wire", o->wire_text}, {"host", o->host_text}};

	if (o->help || o->version)
		return 0;
	for (unsigned int i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!required[i].value) {
			snprintf(why, size, "--%s is required (--help tells more)", required[i].name);
			return -EINVAL;
		}
	return 0;
}

static int set_defaults(struct options *o, char *why, size_t size)
{
	memset(o, 0, sizeof(*o));
	o->level = LOG_LEVEL_NOTICE;
	o->card.queues = 1;
	o->card.ifindex = 1;
	o->card.seed = 1;
	return set_profile(o, "cx7", why, size);
}

int options_parse(struct options *o, int argc, char **argv, char *why, size_t size)
{
	struct option table[ROWS + 1] = {0};
	int c, index = 0, err = set_defaults(o, why, size);

	for (unsigned int i = 0; i < ROWS; i++)
		table[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument, NULL, 'x'};
	opterr = 0;
	optind = 1;
	while (err == 0 && (c = getopt_long(argc, argv, ":", table, &index)) != -1) {
		if (c == 'x') {
			err = set(o, &rows[index], optarg, why, size);
			continue;
		}
		snprintf(why, size, c == ':' ? "%s needs a value" : "unknown option '%s' (--help tells more)",
			 argv[optind - 1]);
		err = -EINVAL;
	}
	if (err == 0 && optind < argc) {
		snprintf(why, size, "'%s' is not an option (--help tells more)", argv[optind]);
		err = -EINVAL;
	}
	return err ? err : check_required(o, why, size);
}

void options_help(FILE *to)
{
	fputs("usage: keyrack-hwsim --netlink PATH --control PATH --wire SPEC --host SPEC [options]\n"
	      "A NIC with IPsec packet offload, as a process.\n\n",
	      to);
	for (unsigned int i = 0; i < ROWS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
		fprintf(to, "  %-22s %s\n", left, rows[i].help);
	}
	fputs("\nprofiles:", to);
	for (unsigned int i = 0; hwsim_profile_at(i); i++)
		fprintf(to, " %s", hwsim_profile_at(i)->name);
	fputc('\n', to);
}
