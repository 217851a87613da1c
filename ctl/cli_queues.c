/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/cli.h"

/* What is not as one would like it: why a mode was chosen, and why packets are not steered. */
static void note_add(json_t *row)
{
	const char *mode = cli_text(row, "mode_why", ""), *in = cli_text(row, "unsteered", "");
	char text[400];

	if (!mode[0] && !in[0])
		return;
	snprintf(text, sizeof(text), "%s%s%s", mode, mode[0] && in[0] ? "; " : "", in);
	json_object_set_new(row, "note", json_string(text));
}

static void queues_print(json_t *queues)
{
	static const struct cli_column columns[] = {
		{"CONNECTION", "ike", CLI_TEXT},
		{"CHILD", "child", CLI_TEXT},
		{"QUEUE", "queue", CLI_TEXT},
		{"CPU", "cpu", CLI_TEXT},
		{"SPI IN", "spi_in", CLI_TEXT},
		{"SPI OUT", "spi_out", CLI_TEXT},
		{"MODE IN", "mode_in", CLI_TEXT},
		{"OUT", "mode", CLI_TEXT},
		{"BIT/S", "byte_rate", CLI_RATE_BITS},
		{"SHARE", "share", CLI_PERCENT},
		{"AGE", "age", CLI_SECONDS},
		{"REKEY", "rekey_in", CLI_SECONDS},
		{"SA", "child_state", CLI_TEXT},
		{"STEERING", "steering", CLI_TEXT},
		{"NOTE", "note", CLI_TEXT},
	};
	unsigned int n = sizeof(columns) / sizeof(columns[0]) - 1;
	const char *lacks;
	json_t *row;
	size_t i;

	json_array_foreach(queues, i, row)
	{
		note_add(row);
		if (json_object_get(row, "note"))
			n = sizeof(columns) / sizeof(columns[0]);
	}
	cli_table(queues, columns, n);
	lacks = cli_text(json_array_get(queues, 0), "map_lacks", "");
	if (lacks[0])
		printf("queue map: %s\n", lacks);
}

static void unserved_print(const struct cli *cli)
{
	json_t *answer = vici_client_call(cli->vici, "list-queues", NULL, NULL, NULL), *q;
	const char *name;

	json_object_foreach(json_object_get(answer, "unserved"), name, q)
	{
		printf("%s (CPU %s) has no SA and uses the fallback: %s\n", name, cli_text(q, "cpu", "?"),
		       cli_text(q, "why", "?"));
	}
	json_decref(answer);
}

int cli_queues(struct cli *cli, int argc, char **argv)
{
	json_t *queues;

	if (argc > 1) {
		fprintf(stderr, "keyrack queues: \"%s\": no arguments are taken\n", argv[1]);
		return CLI_USAGE;
	}
	queues = vici_client_list(cli->vici, "list-queues", "list-queue", NULL);
	if (!queues)
		return cli_call_failed(cli, "list-queues");
	if (cli->json)
		cli_json(queues);
	else {
		queues_print(queues);
		unserved_print(cli);
	}
	json_decref(queues);
	return CLI_OK;
}
