/* SPDX-License-Identifier: MIT */
/*
 * ESP on one packet (RFC 4303), by an SA whose lock the caller holds. Tunnel mode's outer header follows RFC 4301 5.1.2
 * (DSCP copied, DF copied) and, as Linux's does, RFC 3168 9.2 (ECN); UDP encapsulation RFC 3948.
 */
#ifndef HWSIM_ESP_H
#define HWSIM_ESP_H

#include "hwsim/packet.h"
#include "hwsim/sadb.h"

enum {
	PROTO_NONE = 59, /* RFC 4303 2.6: a dummy packet, for traffic flow confidentiality */
	OUTER_TTL = 64,
};

/*
 * Protects a plaintext packet into out (HWSIM_MAX_PACKET bytes). The length, or -EMSGSIZE (too large), -EOVERFLOW (the
 * sequence numbers are used up), -EHOSTUNREACH (what offload and transport mode cannot carry: IPv4 options and
 * extension headers, fragments), -EIO.
 */
int esp_protect(struct sa *sa, const struct packet *p, uint8_t *out);

enum esp_result { ESP_OK, ESP_DUMMY, ESP_REPLAY, ESP_BAD_ICV, ESP_MALFORMED };

/*
 * Opens the ESP packet that begins at offset `at` of p into out (HWSIM_MAX_PACKET bytes). ESP_OK: *inner is what came
 * out, parsed. The window and the failure counters of the SA are kept.
 */
enum esp_result esp_open(struct sa *sa, const struct packet *p, size_t at, uint8_t *out, struct packet *inner);

#endif
