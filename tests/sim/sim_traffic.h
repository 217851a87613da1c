/* SPDX-License-Identifier: MIT */
/* Numbered packets from host to host, and the verdict on each. */
#ifndef SIM_TRAFFIC_H
#define SIM_TRAFFIC_H

#include "sim_world.h"

/* One packet now, from the CPU of that number. */
void traffic_send(struct side *s, unsigned int queue);
/* Sends what the streams have due. */
void traffic_run(struct world *w);
uint64_t traffic_next(const struct world *w);
/* A packet leaves a card for the network; one from the network reaches a card; one leaves a card for its host. */
void traffic_on_wire(struct side *s, const uint8_t *packet, size_t len);
void traffic_deliver(struct side *s, const struct net_packet *p);
void traffic_arrived(struct side *s, unsigned int queue, const uint8_t *packet, size_t len);

#endif
