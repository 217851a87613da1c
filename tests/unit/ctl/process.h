/* SPDX-License-Identifier: MIT */
/* Programs under test: started, read from, stopped. Everything waits for something that happens, at most PROCESS_MS. */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PROCESS_MS = 30000 };

struct process {
	pid_t pid; /* 0: not running */
	int out;   /* its stdout and stderr */
	char log[262144];
	size_t len;
};

/* argv ends with NULL; argv[0] is the program's path. The test fails if it cannot be started. */
void process_start(struct process *p, const char *const argv[]);
/* Reads on until the text has come. false: it ended or took too long without. */
bool process_says(struct process *p, const char *text);
bool process_says_within(struct process *p, const char *text, int ms);
/* Sends the signal (0: none) and reads to the end. The exit code, or minus the signal that ended it. */
int process_end(struct process *p, int signal);
/* Starts it and waits for its end; what it said is in p->log. */
int process_run(struct process *p, const char *const argv[]);

#endif
