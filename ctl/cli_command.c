/* SPDX-License-Identifier: MIT */
/* The verbs that change something: up, down, rekey, reload. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli.h"

static void log_line(void *ctx, const char *name, const json_t *message)
{
	(void)ctx;
	if (strcmp(name, "control-log") == 0)
		fprintf(stderr, "%s\n", cli_text(message, "msg", ""));
}

/* Sends the command and reports its success or error. */
static int command_run(struct cli *cli, const char *command, json_t *request)
{
	json_t *answer;
	bool good;

	if (!cli->json && vici_client_register(cli->vici, "control-log") != 0) {
		json_decref(request);
		return cli_call_failed(cli, command);
	}
	answer = vici_client_call(cli->vici, command, request, log_line, NULL);
	if (!answer)
		return cli_call_failed(cli, command);
	good = strcmp(cli_text(answer, "success", "no"), "yes") == 0;
	if (cli->json)
		cli_json(answer);
	else if (!good)
		fprintf(stderr, "keyrack: %s\n", cli_text(answer, "errmsg", "failed, and the daemon does not say why"));
	else if (json_object_get(answer, "text"))
		printf("%s\n", cli_text(answer, "text", ""));
	json_decref(answer);
	return good ? CLI_OK : CLI_FAILED;
}

int cli_up(struct cli *cli, int argc, char **argv)
{
	json_t *request;
	char *slash;

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: keyrack up [CONNECTION/]CHILD\n");
		return CLI_USAGE;
	}
	slash = strchr(argv[1], '/');
	request =
		json_pack("{s:s, s:s, s:s}", "child", slash ? slash + 1 : argv[1], "timeout", "30000", "loglevel", "1");
	if (slash)
		json_object_set_new(request, "ike", json_stringn(argv[1], (size_t)(slash - argv[1])));
	return command_run(cli, "initiate", request);
}

static bool number_good(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* What "NAME | --ike-id N | --child-id N" says, as VICI's keys. NULL: usage. */
static json_t *match_read(const char *verb, int argc, char **argv, const char *name_key)
{
	static const struct option options[] = {{"ike", required_argument, NULL, 'i'},
						{"child", required_argument, NULL, 'c'},
						{"ike-id", required_argument, NULL, 'I'},
						{"child-id", required_argument, NULL, 'C'},
						{0}};
	static const char *const keys[] = {"ike", "child", "ike-id", "child-id"};
	json_t *request = json_object();
	int at, c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, &at)) != -1) {
		if (c == '?' || ((c == 'I' || c == 'C') && !number_good(optarg)))
			goto usage;
		json_object_set_new(request, keys[at], json_string(optarg));
	}
	if (optind + 1 == argc)
		json_object_set_new(request, name_key, json_string(argv[optind++]));
	if (optind == argc && json_object_size(request))
		return request;
usage:
	fprintf(stderr, "usage: keyrack %s NAME | --ike NAME | --child NAME | --ike-id N | --child-id N\n", verb);
	json_decref(request);
	return NULL;
}

/* Is NAME a connection rather than a child? Asked of the daemon, so that one word is enough on the command line. */
static bool is_connection(struct cli *cli, const char *name)
{
	json_t *conns = vici_client_list(cli->vici, "list-conns", "list-conn", json_pack("{s:s}", "ike", name));
	bool found = json_array_size(conns) > 0;

	json_decref(conns);
	return found;
}

static const char *name_key(struct cli *cli, int argc, char **argv)
{
	return argc == 2 && is_connection(cli, argv[1]) ? "ike" : "child";
}

int cli_down(struct cli *cli, int argc, char **argv)
{
	json_t *request = match_read("down", argc, argv, name_key(cli, argc, argv));

	if (!request)
		return CLI_USAGE;
	json_object_set_new(request, "timeout", json_string("30000"));
	json_object_set_new(request, "loglevel", json_string("1"));
	return command_run(cli, "terminate", request);
}

int cli_rekey(struct cli *cli, int argc, char **argv)
{
	json_t *request = match_read("rekey", argc, argv, name_key(cli, argc, argv));

	return request ? command_run(cli, "rekey", request) : CLI_USAGE;
}

int cli_reload(struct cli *cli, int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "keyrack reload: \"%s\": no arguments are taken\n", argv[1]);
		return CLI_USAGE;
	}
	return command_run(cli, "reload", NULL);
}
