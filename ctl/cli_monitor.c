/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/cli.h"

static const char *const events[] = {"ike-updown", "ike-rekey", "child-updown", "child-rekey", "log"};

/* Of an event: "gw/net#3" for the first Child SA in it, or the connection. */
static void subject_print(const json_t *message)
{
	const char *name, *key;
	json_t *sa, *child;

	json_object_foreach((json_t *)message, name, sa)
	{
		if (!json_is_object(sa))
			continue;
		printf(" %s#%s", name, cli_text(sa, "uniqueid", "?"));
		json_object_foreach(json_object_get(sa, "child-sas"), key, child)
		{
			/* a rekey has the old one and the new one */
			const json_t *c = json_object_get(child, "new") ? json_object_get(child, "new") : child;

			printf(" %s#%s in %s out %s", cli_text(c, "name", key), cli_text(c, "uniqueid", "?"),
			       cli_text(c, "spi-in", "-"), cli_text(c, "spi-out", "-"));
		}
	}
}

/* charon's level of what an operator wants in a quiet log; --json shows the rest as well */
enum { QUIET_LEVEL = 0 };

static void event_print(const char *name, const json_t *message)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	if (strcmp(name, "log") == 0 && cli_number(message, "level") > QUIET_LEVEL)
		return;
	if (localtime_r(&now, &tm) && strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm))
		printf("%s ", stamp);
	if (strcmp(name, "log") == 0) {
		printf("%s: %s\n", cli_text(message, "group", "log"), cli_text(message, "msg", ""));
	} else {
		printf("%s%s", name, json_object_get(message, "up") ? " up" : "");
		subject_print(message);
		putchar('\n');
	}
	fflush(stdout);
}

int cli_monitor(struct cli *cli, int argc, char **argv)
{
	char name[256];

	if (argc > 1) {
		fprintf(stderr, "keyrack monitor: \"%s\": no arguments are taken\n", argv[1]);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (vici_client_register(cli->vici, events[i]) != 0)
			return cli_call_failed(cli, events[i]);
	for (;;) {
		json_t *message = vici_client_wait(cli->vici, name);

		if (!message && errno == ETIMEDOUT)
			continue; /* a quiet minute */
		if (!message)
			return cli_call_failed(cli, "monitor");
		if (cli->json) {
			json_t *line = json_pack("{s:s, s:O}", "event", name, "message", message);

			json_dumpf(line, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
			putchar('\n');
			fflush(stdout);
			json_decref(line);
		} else {
			event_print(name, message);
		}
		json_decref(message);
	}
}
