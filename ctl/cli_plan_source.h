/* SPDX-License-Identifier: MIT */
/* Between cli_plan_source.c and cli_plan_daemon.c. */
#ifndef CTL_CLI_PLAN_SOURCE_H
#define CTL_CLI_PLAN_SOURCE_H

#include "ctl/cli_plan.h"
#include "offload/profile.h"

/* One more group: one tunnel, no limits. Valid until the next is added. NULL after a message. */
struct plan_group *cli_plan_group_add(struct plan_source *s);
/* What a card of this kind has and does. */
void cli_plan_profile_use(struct plan_source *s, const struct offload_profile *p);
/* Everything from the running keyrackd. CLI_OK, or the exit code after a message. */
int cli_plan_daemon(struct cli *cli, struct plan_source *s);

#endif
