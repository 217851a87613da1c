/* SPDX-License-Identifier: MIT */
/* Between lifetimes.c and draw.c: a configured band with its defaults filled in. */
#ifndef REKEY_LIFETIMES_H
#define REKEY_LIFETIMES_H

#include <stdbool.h>

#include "rekey/rekey.h"

/*
 * Fills in what was left out, as swanctl.conf(5) has it: life = rekey + 10 %, rekey = life - 10 %, rand = life - rekey
 * (at most rekey). False: the dimension is off.
 */
bool rekey_band_resolve(const struct rekey_band *in, struct rekey_band *out);

#endif
