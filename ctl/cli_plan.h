/* SPDX-License-Identifier: MIT */
/* `keyrack plan`: what its files share. cli_plan.c is the verb. */
#ifndef CTL_CLI_PLAN_H
#define CTL_CLI_PLAN_H

#include <jansson.h>

#include "ctl/cli.h"
#include "ctl/plan.h"

/* "Not given", for numbers. */
#define PLAN_UNSET UINT64_MAX

/* The command line. */
struct plan_options {
	const char *socket; /* as everywhere: of the running keyrackd */
	const char *config, *profile, *cipher;
	uint64_t slots, reserve, tunnels, queues;
	uint64_t rate, queue_rate; /* bit/s */
	uint64_t packet_bytes;
	uint64_t rtt_ns, poll_ns, drain_ns, let_go_ns;
	uint64_t rekey_bytes, life_bytes, rand_bytes;
	uint64_t rekey_packets, life_packets, rand_packets;
	uint64_t rekey_time, life_time, rand_time; /* ns */
	uint64_t esn;                              /* 0, 1 */
	bool json, help;
};

/* 0, or -EINVAL with what is wrong on stderr. */
int cli_plan_options(int argc, char **argv, struct plan_options *o);
void cli_plan_help(void);

/* What the plan is made for. */
struct plan_source {
	struct plan_ask ask;       /* ask.groups is `groups` */
	struct plan_group *groups; /* owned */
	size_t n_groups, room;
	char card[96]; /* where the slots are from, for people */
};

/*
 * From the configuration (--config), the command line (--slots or --profile), or the running keyrackd; what else the
 * command line says goes before. CLI_OK, or the exit code with a message on stderr.
 */
int cli_plan_source(struct cli *cli, const struct plan_options *o, struct plan_source *out);
void cli_plan_source_free(struct plan_source *s);

struct plan_result {
	struct plan plan;
	struct plan_part *parts; /* one a group */
	size_t n_advice;
	struct plan_advice advice[PLAN_ADVICE_MAX];
};

/* To stdout, as a table for people. */
void cli_plan_print(const struct plan_source *s, const struct plan_result *r);
/* Owned by the caller. NULL: no memory. */
json_t *cli_plan_json(const struct plan_source *s, const struct plan_result *r);

#endif
