/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/cli.h"

static json_t *pools_of(struct cli *cli)
{
	json_t *status = vici_client_call(cli->vici, "get-status", NULL, NULL, NULL), *pools;

	if (!status)
		return NULL;
	pools = json_incref(json_object_get(status, "pools"));
	json_decref(status);
	return pools ? pools : json_object();
}

int cli_slots(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {
		{"SLOT", "slot", CLI_COUNT},        {"DIR", "dir", CLI_TEXT},
		{"STATE", "state", CLI_TEXT},       {"CONNECTION", "ike", CLI_TEXT},
		{"CHILD", "child", CLI_TEXT},       {"PEER", "peer", CLI_TEXT},
		{"QUEUE", "queue", CLI_TEXT},       {"SPI", "spi", CLI_TEXT},
		{"MODE", "mode", CLI_TEXT},         {"PACKETS", "packets", CLI_COUNT},
		{"BYTES", "bytes", CLI_BYTES},      {"SOFT", "wear_soft", CLI_PERCENT},
		{"HARD", "wear_hard", CLI_PERCENT}, {"REKEY", "rekey_in", CLI_SECONDS},
		{"SA", "child_state", CLI_TEXT},
	};
	json_t *slots, *pools;

	if (argc > 1) {
		fprintf(stderr, "keyrack slots: \"%s\": no arguments are taken\n", argv[1]);
		return CLI_USAGE;
	}
	slots = vici_client_list(cli->vici, "list-slots", "list-slot", NULL);
	if (!slots)
		return cli_call_failed(cli, "list-slots");
	pools = pools_of(cli);
	if (!pools) {
		json_decref(slots);
		return cli_call_failed(cli, "get-status");
	}
	if (cli->json) {
		json_t *all = json_pack("{s:O, s:O}", "pools", pools, "slots", slots);

		cli_json(all);
		json_decref(all);
	} else {
		cli_pools(pools);
		cli_table(slots, columns, sizeof(columns) / sizeof(columns[0]));
	}
	json_decref(slots);
	json_decref(pools);
	return CLI_OK;
}
