/* SPDX-License-Identifier: MIT */
/* As much of IPv4 (RFC 791) and IPv6 (RFC 8200) as ports and the generator need. */
#ifndef HWSIM_PORT_IP_H
#define HWSIM_PORT_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_view {
	uint8_t family;     /* 4 or 6 */
	uint8_t proto;      /* IPv4 protocol, or IPv6 next header of the fixed header */
	bool fragment;      /* IPv4: part of a fragmented packet */
	size_t total;       /* bytes of the packet by its own header; never more than were given */
	const uint8_t *src; /* 4 or 16 bytes, network order */
	const uint8_t *dst;
	const uint8_t *payload; /* what follows the (fixed) header */
	size_t payload_len;
};

/* False if these are not the bytes of a whole IP packet. Bytes behind it (Ethernet padding) are allowed. */
bool ip_parse(const uint8_t *packet, size_t len, struct ip_view *view);

/*
 * ESP (RFC 4303), or ESP in UDP to or from port 4500 (RFC 3948: not the non-ESP marker that IKE has, not a keepalive).
 */
bool ip_is_esp(const struct ip_view *view);

/* Not to be forwarded by a router: link-local or link-scope multicast addresses, limited broadcast. */
bool ip_is_link_local(const struct ip_view *view);

/* The Internet checksum (RFC 1071) of the bytes, in host order. */
uint16_t ip_checksum(const uint8_t *data, size_t len);

/*
 * Computes the UDP or TCP checksum of the packet in place (pseudo-header included). Other protocols, fragments and
 * packets too short for the field are left as they are.
 */
void ip_complete_checksum(uint8_t *packet, size_t len);

#endif
