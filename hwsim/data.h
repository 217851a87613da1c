/* SPDX-License-Identifier: MIT */
/*
 * The data path of the process: threads that move packets between the ports and the card.
 *
 * Queue n belongs to worker n mod workers, which takes what the host sends on it through hwsim_tx and flushes the
 * wire's batch. One more thread takes everything from the wire through hwsim_rx, so that packets of one SA stay in
 * order.
 */
#ifndef HWSIM_DATA_H
#define HWSIM_DATA_H

#include "base/log.h"
#include "hwsim/hwsim.h"
#include "hwsim/port.h"
#include "hwsim/watch.h"

struct data;

struct data_config {
	unsigned int queues;
	unsigned int workers; /* 1..queues */
	struct port *wire, *host;
	struct watch *watch;
	uint64_t (*clock)(void); /* ns, monotonic; called on every thread */
	const struct log *log;
};

/* NULL: no memory. The ports must outlive it. */
struct data *data_new(const struct data_config *config);

/* Fills in wire_out and host_in of the card's ops. `ctx` of those calls is the data path itself. */
void data_wire_out(struct data *d, unsigned int queue, const uint8_t *packet, size_t len);
void data_host_in(struct data *d, unsigned int queue, const uint8_t *packet, size_t len);

/* Starts the threads. 0 or -errno; on error none is left running. */
int data_start(struct data *d, struct hwsim *card);
/* Makes sleeping workers look at the ports again: the generator was started. */
void data_wake(struct data *d);
/* Stops and joins the threads; may be called when none runs. */
void data_stop(struct data *d);
/* Stops and frees. NULL is allowed. */
void data_free(struct data *d);

#endif
