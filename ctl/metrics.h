/* SPDX-License-Identifier: MIT */
/*
 * The controller's counters, slots and queues as Prometheus reads them: text exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Names begin with "keyrack_", are in base units (bytes,
 * seconds, ratios of 1), and end in "_total" where they only grow.
 *
 * A queue is told apart by connection, child section, reqid (one for each peer of the connection) and queue number;
 * never by SPI or Child SA, since a series that ends with each rekey is of no use.
 */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "ctl/controller.h"

enum { METRICS_QUEUES_MAX = 4096 }; /* rows; what is left out is counted in keyrack_queues_left_out */

struct metrics_source {
	struct controller *controller;
	const struct conf_nic *nic;
	uint64_t now;          /* ns, the controller's clock */
	uint64_t started_unix; /* s */
};

/* All of it, onto `to`, which the caller checks with ferror(). 0 or -ENOMEM (then what was written is not whole). */
int metrics_write(FILE *to, const struct metrics_source *source);

#endif
