/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/cli.h"

static bool any_has(const json_t *rows, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (json_object_get(row, key)) return true;
	return false;
}

int cli_queues(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {
		{"CONNECTION", "ike", CLI_TEXT},       {"CHILD", "child", CLI_TEXT},
		{"QUEUE", "queue", CLI_TEXT},          {"SPI IN", "spi_in", CLI_TEXT},
		{"SPI OUT", "spi_out", CLI_TEXT},      {"MODE", "mode", CLI_TEXT},
		{"BIT/S", "byte_rate", CLI_RATE_BITS}, {"PACKETS IN", "packets_in", CLI_COUNT},
		{"OUT", "packets_out", CLI_COUNT},     {"WEAR", "wear_soft", CLI_PERCENT},
		{"REKEY", "rekey_in", CLI_SECONDS},    {"SA", "child_state", CLI_TEXT},
		{"STEERING", "steering", CLI_TEXT},    {"WHY THIS MODE", "mode_why", CLI_TEXT},
	};
	unsigned int n = sizeof(columns) / sizeof(columns[0]);
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
	else
		cli_table(queues, columns, n - !any_has(queues, columns[n - 1].key));
	json_decref(queues);
	return CLI_OK;
}
