/* SPDX-License-Identifier: MIT */
#ifndef HWSIM_ACQUIRE_H
#define HWSIM_ACQUIRE_H

#include "hwsim/card.h"

/*
 * A packet of this flow, on the queue of CPU `cpu`, was covered by a policy and found no SA (or none of its CPU): makes
 * the larval SA, which keeps further packets from asking again until it expires, and sends the ACQUIRE. Nothing happens
 * if another thread was faster. With no lock held.
 */
void acquire_send(struct hwsim *card, const struct flow *flow, int cpu, uint64_t now);

#endif
