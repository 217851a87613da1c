/* SPDX-License-Identifier: MIT */
/* What a device can do, as rows of data; each row of profile.c names the source of its facts. */
#ifndef OFFLOAD_PROFILE_H
#define OFFLOAD_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether what the card hashes to choose an RX queue has the SPI of ESP in it. No kernel interface says so. */
enum rss_spi { RSS_SPI_UNKNOWN, RSS_SPI_NO, RSS_SPI_YES };

struct offload_profile {
	const char *name;           /* "cx7", "ixgbe-1024", "nfp-16k", "tiny-33", "generic", ... */
	const char *driver;         /* the kernel driver it is chosen for by itself; NULL: only by name */
	uint32_t size_in, size_out; /* slots; 0: unknown */
	bool shared;                /* one table: size_in counts both */
	bool in_per_family;         /* inbound tables for IPv4 and IPv6 are separate */
	bool packet, crypto;
	bool esn;
	bool limits;      /* takes byte and packet limits in packet mode (in crypto mode the kernel counts) */
	bool tx_by_reqid; /* in packet mode the outbound SA is found by reqid alone */
	enum rss_spi rss_spi;
	bool esp_rules;             /* flow rules can send ESP with one SPI to a queue */
	uint16_t replay_windows[6]; /* sizes supported, in packets, 0-terminated; none: any */
	uint32_t let_go_ms;         /* how long a deleted SA may hold its slot */
	uint16_t
		gcm_bits[4]; /* AES-GCM-16 with these key lengths and no other cipher, 0-terminated; none: any cipher */
	bool tunnel_packet, tunnel_crypto; /* tunnel mode, in packet and in crypto offload */
	bool encap, encap_tunnel; /* packet offload takes UDP encapsulation; in tunnel mode too (crypto offload never
				     does) */
};

/* NULL: no such profile. */
const struct offload_profile *offload_profile_find(const char *name);
/* By kernel driver name ("mlx5_core"); "generic" if there is none for it. */
const struct offload_profile *offload_profile_for_driver(const char *driver);
/* Walks them all; NULL at the end. */
const struct offload_profile *offload_profile_at(unsigned int n);
/* The largest supported window that is at most `wanted`, or the smallest supported; `wanted` if any is supported. */
uint32_t offload_profile_window(const struct offload_profile *p, uint32_t wanted);

#endif
