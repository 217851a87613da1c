/* SPDX-License-Identifier: MIT */
/* An IP packet, looked at: what selectors, RSS and ESP need to know of it. Points into the packet, owns
 * nothing. */
#ifndef HWSIM_PACKET_H
#define HWSIM_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a selector is matched with. Every byte is set (zero when unused), so that it can be compared and
 * hashed whole. */
struct flow {
	uint8_t src[16], dst[16]; /* IPv4 addresses in the first 4 bytes */
	uint16_t sport, dport;    /* host order; ICMP: type and code; 0 when not known */
	uint16_t family;          /* AF_INET, AF_INET6 */
	uint8_t proto;            /* the upper protocol */
	uint8_t opaque;           /* 1: the ports are there but cannot be seen (a fragment, a strange header chain) */
};

struct packet {
	const uint8_t *data;
	size_t len; /* the packet's own length, by its header: bytes after it are not part of it */
	struct flow flow;
	uint16_t l4;       /* offset of the upper protocol's header; 0: not there (a later fragment) or not found */
	uint16_t l4_field; /* offset of the byte that names the upper protocol */
	uint8_t tos;       /* DSCP and ECN */
	uint8_t ttl;
	bool has_ports; /* flow.sport and flow.dport hold ports */
	bool fragment;  /* any fragment, the first included */
	bool options;   /* IPv4 options or IPv6 extension headers */
	bool df;        /* IPv4: don't fragment; true for IPv6 */
};

enum {
	PACKET_EXT_MAX = 8, /* IPv6 extension headers looked through before the chain counts as opaque */
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	UDP_HEADER = 8,
	TOS_ECN = 3, /* the ECN bits of the TOS byte; all set: CE (RFC 3168) */
	TOS_ECT0 = 2,
};

/* 0, or -EINVAL: not an IP packet, or cut off, or larger than HWSIM_MAX_PACKET. */
int packet_parse(struct packet *p, const uint8_t *data, size_t len);

/* The ones' complement sum of RFC 1071 over len bytes, continued from `sum`; not folded. */
uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t len);
/* Folded and complemented: what goes into a header, host order. */
uint16_t checksum_end(uint32_t sum);
/* Computes the header checksum of the IPv4 header at p (its IHL is right) and puts it there. */
void ipv4_set_checksum(uint8_t *p);

/*
 * Writes the header of an IPv4 or IPv6 packet of `len` bytes in all, checksum included. Addresses are in
 * network order; `id` is IPv4's identification. Returns the header's length.
 */
size_t ip_write_header(uint8_t *p, uint16_t family, size_t len, const uint8_t *src, const uint8_t *dst, uint8_t proto,
		       uint8_t tos, uint8_t ttl, bool df, uint16_t id);

#endif
