/* SPDX-License-Identifier: MIT */
/*
 * Where log lines go. Libraries never print: they are handed a `struct log` and call log_at. An event is a stable
 * dotted name ("child.rekeyed", "slots.full") that scripts can match; the text after it is for people. No secret
 * is ever passed to a log call.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,  /* an operator must act */
	LOG_LEVEL_WARN,   /* something was lost, refused or worked around */
	LOG_LEVEL_NOTICE, /* what an operator wants in a quiet log: up, down, rekeyed */
	LOG_LEVEL_INFO,   /* every exchange */
	LOG_LEVEL_DEBUG,  /* every message, field by field */
};

struct log {
	enum log_level max; /* lines above this level are not formatted at all */
	void *ctx;
	void (*line)(void *ctx, enum log_level level, const char *event, const char *text);
};

/* Format and hand over one line; `log` may be NULL. Lines are cut at 1023 bytes. */
void log_at(const struct log *log, enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "error", "warning", "notice", "info", "debug". */
const char *log_level_name(enum log_level level);

#endif
