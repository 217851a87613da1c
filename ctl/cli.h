/* SPDX-License-Identifier: MIT */
/* The command line: one verb a file, each a function of its arguments (argv[0] is the verb) that returns the exit code.
 */
#ifndef CTL_CLI_H
#define CTL_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/vici_client.h"

enum cli_exit { /* what scripts can rely on */
		CLI_OK = 0,
		CLI_FAILED = 1,      /* the daemon said no, or something is wrong */
		CLI_USAGE = 2,       /* the command line is */
		CLI_UNREACHABLE = 3, /* no keyrackd on the socket */
};

struct cli {
	const char *socket; /* --socket, else $KEYRACK_SOCKET, else the default */
	bool json;
	struct vici_client *vici; /* connected for verbs that talk to the daemon */
};

/* A verb each. Returns enum cli_exit; what went wrong is on stderr by then. */
int cli_status(struct cli *cli, int argc, char **argv);
int cli_slots(struct cli *cli, int argc, char **argv);
int cli_queues(struct cli *cli, int argc, char **argv);
int cli_top(struct cli *cli, int argc, char **argv);
int cli_up(struct cli *cli, int argc, char **argv);
int cli_down(struct cli *cli, int argc, char **argv);
int cli_rekey(struct cli *cli, int argc, char **argv);
int cli_reload(struct cli *cli, int argc, char **argv);
int cli_monitor(struct cli *cli, int argc, char **argv);
int cli_version(struct cli *cli, int argc, char **argv);
int cli_plan(struct cli *cli, int argc, char **argv);
int cli_doctor(struct cli *cli, int argc, char **argv);
int cli_demo(struct cli *cli, int argc, char **argv);

/* ---- shared by the verbs (cli_table.c) ---- */

/* Prints a value as JSON on stdout. */
void cli_json(const json_t *value);
/* What went wrong with a call, to stderr; the exit code for it. */
int cli_call_failed(const struct cli *cli, const char *command);

/* A column of a table: its head, the key in each row, and how it is written. */
enum cli_style { CLI_TEXT, CLI_COUNT, CLI_BYTES, CLI_RATE_BITS, CLI_PERCENT, CLI_SECONDS };

struct cli_column {
	const char *head, *key;
	enum cli_style style;
};

/* Rows (an array of objects) as an aligned table; missing values show as "-". */
void cli_table(const json_t *rows, const struct cli_column *columns, unsigned int n);
/* The pools of a status or list-slots answer, in the words of `devlink resource`. */
void cli_pools(const json_t *pools);
/* A number of an answer (values are text); 0 when it is not there. */
double cli_number(const json_t *object, const char *key);
/* The text of an answer, or `otherwise`. */
const char *cli_text(const json_t *object, const char *key, const char *otherwise);

#endif
