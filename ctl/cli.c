/* SPDX-License-Identifier: MIT */
#include "ctl/cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_socket[] = "/run/keyrack/keyrackd.vici";

enum { ANSWER_MS = 60000 };

struct verb {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
	bool alone; /* needs no daemon, and reads its own options */
	const char *arguments, *help;
	const char *all; /* the arguments, where there are more than a line of --help holds; NULL: none */
};

static const char match_arguments[] = "NAME | --ike NAME | --child NAME | --ike-id N | --child-id N";

static const struct verb verbs[] = {
	{"status", cli_status, false, "", "IKE SAs, Child SAs, slots and counters"},
	{"slots", cli_slots, false, "", "each slot in use: SA, peer, queue, direction, mode, wear, next rekey, state"},
	{"queues", cli_queues, false, "", "each queue: its SA, mode, rate, wear, and how packets find it"},
	{"top", cli_top, false, "[--interval SECONDS] [--once]", "the rack, the queues and their keys, live"},
	{"up", cli_up, false, "[CONNECTION/]CHILD", "negotiate a child, with its queue SAs"},
	{"down", cli_down, false, "NAME | --ike-id N | --child-id N",
	 "delete a connection's or child's SAs and tell the peer", match_arguments},
	{"rekey", cli_rekey, false, "NAME | --ike-id N | --child-id N", "replace keys now", match_arguments},
	{"monitor", cli_monitor, false, "", "what happens, as it happens, until interrupted"},
	{"reload", cli_reload, false, "", "read the configuration file again"},
	{"version", cli_version, false, "", "of the daemon and of this program"},
	{"plan", cli_plan, true, "[--help]", "do these tunnels fit that card, and what to change"},
	{"doctor", cli_doctor, true, "[DEVICE] [--probe]", "what machine, NIC and driver can do, and what to change"},
	{"demo", cli_demo, true, "[--help]", "two gateways with software cards on this machine, and a verdict"},
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static void usage(FILE *f)
{
	fprintf(f, "usage: keyrack [--socket PATH] VERB [--json] [ARGUMENTS]\n\n");
	for (int i = 0; i < VERBS; i++)
		fprintf(f, "  %-8s %-34s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
	fprintf(f, "\n  --socket PATH  keyrackd's control socket; else $KEYRACK_SOCKET, else %s\n", default_socket);
	fprintf(f, "  --json         JSON on standard output\n");
	fprintf(f, "exit codes: 0 good, 1 failed, 2 usage, 3 keyrackd cannot be reached\n");
}

static void verb_usage(const struct verb *v)
{
	const char *arguments = v->all ? v->all : v->arguments;

	printf("usage: keyrack %s%s%s [--json] [--socket PATH]\n  %s\n", v->name, arguments[0] ? " " : "", arguments,
	       v->help);
}

static int verb_run(struct cli *cli, const struct verb *v, int argc, char **argv)
{
	int code;

	if (v->alone)
		return v->run(cli, argc, argv);
	cli->vici = vici_client_open(cli->socket, ANSWER_MS);
	if (!cli->vici) {
		fprintf(stderr, "keyrack: %s: %s\n", cli->socket, strerror(errno));
		return CLI_UNREACHABLE;
	}
	code = v->run(cli, argc, argv);
	vici_client_close(cli->vici);
	return code;
}

/* Takes `--json` and `--socket PATH` out of a verb's arguments, wherever they stand. The number left, or -1. */
static int common_options(struct cli *cli, int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			cli->json = true;
		} else if (strcmp(argv[i], "--socket") == 0) {
			if (++i == argc)
				return -1;
			cli->socket = argv[i];
		} else {
			argv[n++] = argv[i];
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	struct cli cli = {.socket = getenv("KEYRACK_SOCKET")};
	int at = 1;

	if (!cli.socket)
		cli.socket = default_socket;
	signal(SIGPIPE, SIG_IGN);
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--socket") == 0 && at + 1 < argc) {
			cli.socket = argv[++at];
		} else if (strcmp(argv[at], "--json") == 0) {
			cli.json = true;
		} else if (strcmp(argv[at], "--version") == 0) {
			printf("keyrack %s\n", KEYRACK_VERSION);
			return CLI_OK;
		} else if (strcmp(argv[at], "--help") == 0) {
			usage(stdout);
			return CLI_OK;
		} else {
			fprintf(stderr, "keyrack: \"%s\" is not an option\n", argv[at]);
			usage(stderr);
			return CLI_USAGE;
		}
	}
	for (int i = 0; at < argc && i < VERBS; i++) {
		int n = argc - at;

		if (strcmp(verbs[i].name, argv[at]) != 0)
			continue;
		if (!verbs[i].alone) {
			n = common_options(&cli, n, argv + at);
			if (n == 2 && strcmp(argv[at + 1], "--help") == 0) {
				verb_usage(&verbs[i]);
				return CLI_OK;
			}
		}
		if (n > 0)
			return verb_run(&cli, &verbs[i], n, argv + at);
		fprintf(stderr, "keyrack: --socket needs a path\n");
		return CLI_USAGE;
	}
	if (at < argc)
		fprintf(stderr, "keyrack: \"%s\" is not a verb\n", argv[at]);
	usage(stderr);
	return CLI_USAGE;
}
