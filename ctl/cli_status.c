/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "ctl/cli.h"

static void child_print(const char *name, const json_t *child)
{
	printf("  %s #%s %s %s %s reqid %s, in %s %s packets, out %s %s packets\n", cli_text(child, "name", name),
	       cli_text(child, "uniqueid", "?"), cli_text(child, "state", "?"), cli_text(child, "mode", "?"),
	       cli_text(child, "encr-alg", "?"), cli_text(child, "reqid", "?"), cli_text(child, "spi-in", "-"),
	       cli_text(child, "packets-in", "0"), cli_text(child, "spi-out", "-"),
	       cli_text(child, "packets-out", "0"));
	if (json_object_get(child, "count-bytes"))
		printf("    agreed: at most %s bytes, replaced by %s\n", cli_text(child, "count-bytes", "?"),
		       cli_text(child, "count-rekeyer", "?"));
	if (json_object_get(child, "optimized"))
		printf("    the last rekey was an optimized one\n");
}

static void sas_print(const json_t *sas)
{
	const char *name, *key;
	json_t *entry, *sa, *child;
	size_t i;

	json_array_foreach(sas, i, entry)
	{
		json_object_foreach(entry, name, sa)
		{
			printf("%s #%s %s %s[%s] - %s[%s], up %ss\n", name, cli_text(sa, "uniqueid", "?"),
			       cli_text(sa, "state", "?"), cli_text(sa, "local-host", "?"),
			       cli_text(sa, "local-id", "?"), cli_text(sa, "remote-host", "?"),
			       cli_text(sa, "remote-id", "?"), cli_text(sa, "established", "0"));
			json_object_foreach(json_object_get(sa, "child-sas"), key, child) child_print(key, child);
		}
	}
}

/* Only what has happened: a quiet machine has a short status. */
static void counters_print(const char *head, const json_t *counters)
{
	const char *name;
	json_t *v;
	int n = 0;

	json_object_foreach((json_t *)counters, name, v)
	{
		if (strcmp(json_string_value(v) ? json_string_value(v) : "0", "0") == 0)
			continue;
		printf("%s%s %s", n++ ? ", " : head, name, json_string_value(v));
	}
	if (n)
		putchar('\n');
}

int cli_status(struct cli *cli, int argc, char **argv)
{
	json_t *status, *sas;

	if (argc > 1) {
		fprintf(stderr, "keyrack status: \"%s\": no arguments are taken\n", argv[1]);
		return CLI_USAGE;
	}
	status = vici_client_call(cli->vici, "get-status", NULL, NULL, NULL);
	if (!status)
		return cli_call_failed(cli, "get-status");
	sas = vici_client_list(cli->vici, "list-sas", "list-sa", NULL);
	if (!sas) {
		json_decref(status);
		return cli_call_failed(cli, "list-sas");
	}
	if (cli->json) {
		json_object_set(status, "sas", sas);
		cli_json(status);
	} else {
		printf("keyrackd %s, up %ss: %s IKE SAs, %s Child SAs, %s half-open\n",
		       cli_text(status, "version", "?"), cli_text(status, "uptime", "?"),
		       cli_text(status, "ike_sas", "?"), cli_text(status, "children", "?"),
		       cli_text(status, "half_open", "?"));
		cli_pools(json_object_get(status, "pools"));
		sas_print(sas);
		counters_print("counters: ", json_object_get(status, "counters"));
	}
	json_decref(sas);
	json_decref(status);
	return CLI_OK;
}
