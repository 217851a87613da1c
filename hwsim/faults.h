/* SPDX-License-Identifier: MIT */
/* Scripted misfortune: each fault is a row of faults.c, armed by hwsim_fault and asked for where it strikes. */
#ifndef HWSIM_FAULTS_H
#define HWSIM_FAULTS_H

#include "hwsim/card.h"

/* Whether the fault is armed and strikes now; uses up one strike. *arg (may be NULL) is its argument. Under control. */
bool fault_strikes(struct hwsim *card, enum fault fault, uint64_t *arg);
/* The same without using it up. */
bool fault_armed(const struct hwsim *card, enum fault fault, uint64_t *arg);

#endif
