/* SPDX-License-Identifier: MIT */
/*
 * The card as a process: card, ports, data threads, sockets and the loop that ties them.
 */
#ifndef HWSIM_PROCESS_H
#define HWSIM_PROCESS_H

#include <jansson.h>
#include <stdatomic.h>
#include <uv.h>

#include "hwsim/data.h"
#include "hwsim/event_queue.h"
#include "hwsim/gen.h"
#include "hwsim/options.h"
#include "hwsim/server_control.h"
#include "hwsim/server_netlink.h"

struct process {
	const struct options *options;
	const struct log *log;
	uv_loop_t loop;
	uv_async_t events_ready;
	uv_timer_t tick;
	uv_signal_t on_term, on_int;
	_Atomic bool stopping; /* card events come on any thread */
	bool quit;             /* asked for by a client that is still to be answered */
	_Atomic bool link;     /* up */
	struct gen *gen;       /* NULL unless the host port is one */
	struct port *wire, *host;
	struct watch watch;
	struct data *data;
	struct hwsim *card;
	struct event_queue *events;
	struct server_netlink *netlink;
	struct server_control *control;
};

/* CLOCK_MONOTONIC in ns. */
uint64_t process_clock(void);

/* Builds everything and runs until SIGTERM, SIGINT or `quit`. The exit code: 0; 1 with a line in the log. */
int process_run(const struct options *options, const struct log *log);

/* Closes what keeps the loop alive. Not to be called from within a client's request. */
void process_stop(struct process *p);
/* The same, after the request that is being served has been answered. */
void process_quit(struct process *p);

/* One control request (process_commands.c). A new reference. */
json_t *process_command(void *ctx, const json_t *request);

/* The answer to `stats` (process_stats.c). A new reference, or NULL. */
json_t *process_stats(struct process *p);

#endif
