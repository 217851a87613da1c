/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer's input as what two transports receive: octet 0, bit 0: which (0: answers, 1: events); octets 1 and 2: the
 * length of a datagram, little-endian; then the datagram. Length 0: some were lost (-ENOBUFS). What is sent is ignored.
 */
#ifndef OFFLOAD_FUZZ_FEED_H
#define OFFLOAD_FUZZ_FEED_H

#include "offload/xfrm.h"

struct fuzz_feed {
	const uint8_t *p;
	size_t left;
};

/* A transport that receives from the feed, which must live as long. */
struct xfrm_transport fuzz_feed_answers(struct fuzz_feed *feed);
struct xfrm_transport fuzz_feed_events(struct fuzz_feed *feed);

#endif
