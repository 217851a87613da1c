/* SPDX-License-Identifier: MIT */
/* keyrack-hwsim: a NIC that does IPsec, as a process. docs/hwsim.md is the manual. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "hwsim/options.h"
#include "hwsim/process.h"

enum { EXIT_USAGE = 2 };

/* One write per line, so that lines of several threads do not mix. */
static void write_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	(void)ctx;
	dprintf(STDERR_FILENO, "keyrack-hwsim: %s: %s: %s\n", log_level_name(level), event, text);
}

int main(int argc, char **argv)
{
	struct options options;
	struct log log = {LOG_LEVEL_NOTICE, NULL, write_line};
	char why[512];

	if (options_parse(&options, argc, argv, why, sizeof(why)) < 0) {
		fprintf(stderr, "keyrack-hwsim: %s\n", why);
		return EXIT_USAGE;
	}
	if (options.help) {
		options_help(stdout);
		return 0;
	}
	if (options.version) {
		puts("keyrack-hwsim " KEYRACK_VERSION);
		return 0;
	}
	log.max = options.level;
	signal(SIGPIPE, SIG_IGN);
	return process_run(&options, &log);
}
