/* SPDX-License-Identifier: MIT */
/* `keyrack plan`: ctl/plan.h does the arithmetic, cli_plan_source.c gathers what it is done on. */
#include "ctl/cli_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli.h"

static int failed(int err)
{
	fprintf(stderr, "keyrack plan: %s\n", strerror(-err));
	return CLI_FAILED;
}

static int show(struct cli *cli, const struct plan_source *s, const struct plan_result *r)
{
	json_t *all;

	if (!cli->json) {
		cli_plan_print(s, r);
		return r->plan.fits ? CLI_OK : CLI_FAILED;
	}
	all = cli_plan_json(s, r);
	if (!all)
		return failed(-ENOMEM);
	cli_json(all);
	json_decref(all);
	return r->plan.fits ? CLI_OK : CLI_FAILED;
}

int cli_plan(struct cli *cli, int argc, char **argv)
{
	struct plan_options options = {.socket = cli->socket};
	struct plan_source source = {0};
	struct plan_result result = {0};
	int code, err;

	if (cli_plan_options(argc, argv, &options) != 0)
		return CLI_USAGE;
	if (options.help) {
		cli_plan_help();
		return CLI_OK;
	}
	cli->json = cli->json || options.json;
	cli->socket = options.socket;
	code = cli_plan_source(cli, &options, &source);
	if (code != CLI_OK)
		goto out;
	result.parts = calloc(source.n_groups + 1, sizeof(*result.parts));
	err = result.parts ? plan_make(&source.ask, &result.plan, result.parts) : -ENOMEM;
	if (err) {
		code = failed(err);
		goto out;
	}
	result.n_advice = plan_advise(&source.ask, &result.plan, result.parts, result.advice, PLAN_ADVICE_MAX);
	code = show(cli, &source, &result);
out:
	free(result.parts);
	cli_plan_source_free(&source);
	return code;
}
