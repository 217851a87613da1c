/* SPDX-License-Identifier: MIT */
/*
 * The anti-replay window of an inbound SA: RFC 4303 3.4.3 and appendix A (extended sequence numbers), with the bitmap
 * laid out as in Linux struct xfrm_replay_state_esn: packet n is bit (n - 1) % window.
 */
#ifndef HWSIM_REPLAY_H
#define HWSIM_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum { REPLAY_WINDOW_MAX = 4096 }; /* packets; XFRMA_REPLAY_ESN_MAX, in bits */

struct replay {
	uint64_t top;    /* the highest sequence number accepted; 0: none yet */
	uint32_t window; /* packets; 0: no check at all */
	bool esn;        /* top has 64 bits, the packet carries the low 32 */
	uint32_t bitmap[REPLAY_WINDOW_MAX / 32];
};

/* window is at most REPLAY_WINDOW_MAX. Marks nothing as seen but what `top` says: older numbers count as not seen. */
void replay_init(struct replay *r, uint32_t window, bool esn, uint64_t top);

/*
 * Whether a packet with this low half may still be accepted, and its whole number in *seq (the caller authenticates
 * with it). False: outside the window, or seen. Number 0 is never accepted where a window is kept.
 */
bool replay_check(const struct replay *r, uint32_t low, uint64_t *seq);

/* Marks an authenticated number that replay_check gave and allowed. */
void replay_advance(struct replay *r, uint64_t seq);

#endif
