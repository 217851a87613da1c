/* SPDX-License-Identifier: MIT */
/* Two cards in memory, and a tunnel from one to the other with a Child SA for every queue. */
#ifndef TESTS_BENCH_CARDS_H
#define TESTS_BENCH_CARDS_H

#include "hwsim/hwsim.h"

struct cards {
	struct hwsim *a, *b;
};

/*
 * AES-128-GCM, ESN, a window of 256 packets; from 10.1.0.0/16 behind a to 10.2.0.0/16 behind b. SA q is of CPU q on a,
 * and arrives on queue q of b. Ends the program when something fails.
 */
void cards_connect(struct cards *cards, unsigned int queues, const struct hwsim_ops *ops);
/* Checks the cards' invariants (an error ends the program), and frees them. */
void cards_free(struct cards *cards);

/* A line on stderr, and the end. */
void die(const char *what) __attribute__((noreturn));

#endif
