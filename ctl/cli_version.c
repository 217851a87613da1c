/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ctl/cli.h"

/* Both ends: after an upgrade the daemon may still be the old one. */
int cli_version(struct cli *cli, int argc, char **argv)
{
	json_t *answer;

	if (argc > 1) {
		fprintf(stderr, "keyrack version: \"%s\": no arguments are taken\n", argv[1]);
		return CLI_USAGE;
	}
	answer = vici_client_call(cli->vici, "version", NULL, NULL, NULL);
	if (!answer)
		return cli_call_failed(cli, "version");
	json_object_set_new(answer, "client", json_string(KEYRACK_VERSION));
	if (cli->json)
		cli_json(answer);
	else
		printf("%s %s (%s %s, %s), keyrack %s\n", cli_text(answer, "daemon", "?"),
		       cli_text(answer, "version", "?"), cli_text(answer, "sysname", "?"),
		       cli_text(answer, "release", "?"), cli_text(answer, "machine", "?"), KEYRACK_VERSION);
	json_decref(answer);
	return CLI_OK;
}
