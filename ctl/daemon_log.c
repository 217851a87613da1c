/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/daemon.h"

/* syslog severities, as sd-daemon(3) has journald read them */
static int severity(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return 3;
	case LOG_LEVEL_WARN:
		return 4;
	case LOG_LEVEL_NOTICE:
		return 5;
	case LOG_LEVEL_INFO:
		return 6;
	case LOG_LEVEL_DEBUG:
		return 7;
	}
	return 7;
}

static void line(void *ctx, enum log_level level, const char *event, const char *text)
{
	struct daemon *d = ctx;

	if (level > d->log_shown)
		; /* for VICI clients only */
	else if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s: %s\n", severity(level), event, text);
	else
		fprintf(stderr, "%-7s %s: %s\n", log_level_name(level), event, text);
	daemon_control_log(d, level, event, text);
}

void daemon_log_init(struct daemon *d)
{
	setvbuf(stderr, NULL, _IOLBF, 0);
	d->log_shown = LOG_LEVEL_NOTICE;
	d->log = (struct log){.max = LOG_LEVEL_NOTICE, .ctx = d, .line = line};
}
