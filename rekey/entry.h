/* SPDX-License-Identifier: MIT */
/* Between entry.c and sched.c: what one SA's counts say. */
#ifndef REKEY_ENTRY_H
#define REKEY_ENTRY_H

#include "rekey/rekey.h"

/* Takes in counts; updates the measured rates. True if anything changed. */
bool rekey_entry_count(struct rekey_entry *e, uint64_t bytes, uint64_t packets, uint64_t now);

/* Rates and peaks from the SA that it replaces. */
void rekey_entry_inherit(struct rekey_entry *e, const struct rekey_entry *old);

/* Estimated ns until the hard limit at the peak rate: the order of urgency. */
uint64_t rekey_entry_urgency(const struct rekey_entry *e, uint64_t now);

/* Why it is due now, REKEY_NONE if it is not. replace_ns: see struct rekey_settings. */
enum rekey_reason rekey_entry_reason(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now);

/* The estimated time at which rekey_entry_reason() gives a reason; UINT64_MAX: not at this rate. */
uint64_t rekey_entry_due_at(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now);

/* Will it have come due by `at`, which is not before now? */
bool rekey_entry_due_by(const struct rekey_entry *e, uint64_t replace_ns, uint64_t now, uint64_t at);

/* The dimension whose soft limit is used up most, and how much of it, as rekey_entry_wear_soft(). */
enum rekey_reason rekey_entry_foremost(const struct rekey_entry *e, uint64_t now, double *wear);

#endif
