/* SPDX-License-Identifier: MIT */
/*
 * The generator's packets: IP, UDP, and a payload in which every byte is determined by a few numbers, so that any
 * change on the way is seen.
 *
 * Payload, big-endian: magic[8], run u64, number u64, sent u64 (ns), stream u16, length u16 (of the payload), then
 * pattern bytes derived from all of these to the end.
 */
#ifndef HWSIM_GEN_PACKET_H
#define HWSIM_GEN_PACKET_H

#include <stddef.h>
#include <stdint.h>

enum {
	GEN_MAGIC_SIZE = 8,
	GEN_HEADER = 36,        /* bytes of payload before the pattern */
	GEN_PAYLOAD_MIN = 48,   /* bytes; leaves pattern enough to protect the header */
	GEN_PAYLOAD_MAX = 9000, /* bytes */
	GEN_PACKET_MAX = 40 + 8 + GEN_PAYLOAD_MAX,
	GEN_MAX_STREAMS = 256,
};

/* What plaintext contains and ciphertext does not. */
extern const uint8_t gen_magic[GEN_MAGIC_SIZE];

/* Where packets go. Addresses in network order, 4 or 16 bytes of them by family; ports in host order. */
struct gen_flow {
	uint8_t family; /* 4 or 6 */
	uint8_t src[16], dst[16];
	uint16_t sport, dport; /* the stream is added to sport, so that every stream is its own flow */
};

struct gen_header {
	uint64_t run;     /* which start of the generator; rising */
	uint64_t number;  /* in the stream, from 0 */
	uint64_t sent_ns; /* sender's monotonic clock */
	uint16_t stream;
	uint16_t len; /* payload bytes, GEN_PAYLOAD_MIN..GEN_PAYLOAD_MAX */
};

enum gen_verdict {
	GEN_GOOD,
	GEN_FOREIGN, /* not one of the generator's */
	GEN_CORRUPT, /* one of the generator's, but not as it was sent */
};

/* Writes the whole IP packet with checksums. Its length, or 0 if h->len is out of range or `cap` too small. */
size_t gen_packet_build(const struct gen_flow *flow, const struct gen_header *h, uint8_t *packet, size_t cap);

/* Reads one back; `h` is filled in for GEN_GOOD. */
enum gen_verdict gen_packet_parse(const uint8_t *packet, size_t len, struct gen_header *h);

#endif
