/* SPDX-License-Identifier: MIT */
/*
 * The watcher at the wire: looks at the bytes of every packet in both directions, without asking the card, and counts
 * what should not be seen there.
 */
#ifndef HWSIM_WATCH_H
#define HWSIM_WATCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum watch_dir { WATCH_OUT, WATCH_IN, WATCH_DIRS };

enum watch_counter {
	WATCH_ESP,       /* packets that are ESP, bare or in UDP */
	WATCH_PLAIN,     /* packets that are not */
	WATCH_PLAINTEXT, /* packets of either sort in which the generator's magic can be read: a leak */
	WATCH_COUNTERS,
};

struct watch {
	_Atomic uint64_t count[WATCH_DIRS][WATCH_COUNTERS];
};

void watch_packet(struct watch *w, enum watch_dir dir, const uint8_t *packet, size_t len);

/* "out", "in"; "esp", "plain", "leaks". */
const char *watch_dir_name(enum watch_dir dir);
const char *watch_counter_name(enum watch_counter c);

#endif
