/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/cli.h"

int cli_queues(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {
		{"CONNECTION", "ike", CLI_TEXT},       {"CHILD", "child", CLI_TEXT},
		{"QUEUE", "queue", CLI_TEXT},          {"SPI IN", "spi_in", CLI_TEXT},
		{"SPI OUT", "spi_out", CLI_TEXT},      {"MODE", "mode", CLI_TEXT},
		{"BIT/S", "byte_rate", CLI_RATE_BITS}, {"PACKETS IN", "packets_in", CLI_COUNT},
		{"OUT", "packets_out", CLI_COUNT},     {"WEAR", "wear_soft", CLI_PERCENT},
		{"REKEY", "rekey_in", CLI_SECONDS},    {"SA", "child_state", CLI_TEXT},
		{"STEERING", "steering", CLI_TEXT},
	};
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
		cli_table(queues, columns, sizeof(columns) / sizeof(columns[0]));
	json_decref(queues);
	return CLI_OK;
}
