/* SPDX-License-Identifier: MIT */
/* Numbers with units, as swanctl.conf(5) writes them. All readers: 0, -EINVAL (not such a number), -ERANGE (above 2^64
 * - 1). */
#ifndef CTL_CONF_TIME_H
#define CTL_CONF_TIME_H

#include <stdint.h>

/* "90", "0.5", "90s", "500ms", "5m", "4h", "1d" in ns; without a unit: seconds. */
int conf_time_read(const char *text, uint64_t *ns);
/* "1000", "64k", "10m", "4g", "1t" in octets; the units are powers of 1024. */
int conf_bytes_read(const char *text, uint64_t *bytes);
/* "100G", "2.5g", "800M", "9600" in bit/s; the units are powers of 1000. */
int conf_rate_read(const char *text, uint64_t *bits);
/* Decimal digits and nothing else. */
int conf_number_read(const char *text, uint64_t *value);

#endif
