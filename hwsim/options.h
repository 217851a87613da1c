/* SPDX-License-Identifier: MIT */
/* The command line of keyrack-hwsim. */
#ifndef HWSIM_OPTIONS_H
#define HWSIM_OPTIONS_H

#include <stdio.h>

#include "base/log.h"
#include "hwsim/hwsim.h"
#include "hwsim/port.h"

struct options {
	const char *netlink; /* socket paths, in argv */
	const char *control;
	struct hwsim_config card; /* log is left NULL */
	struct port_spec wire, host;
	const char *wire_text, *host_text; /* as they were given */
	enum log_level level;
	bool help, version;
};

/* 0, or -EINVAL with one sentence in `why`. Pointers of the result are into argv. */
int options_parse(struct options *o, int argc, char **argv, char *why, size_t size);

void options_help(FILE *to);

#endif
