/* SPDX-License-Identifier: MIT */
/*
 * Traffic as arithmetic, for simulations and benchmarks: an SA is charged as if so many packets of one size had passed
 * through it. Counters, limits, events, last use and the end of an SA at its hard limit are those of the data path
 * (lifetime.c), and so is the choice of the outbound SA. What is left out: nothing is encrypted or authenticated, no
 * packet leaves or arrives, the replay window of an inbound SA stays where it is, and the card's own packet counters
 * (hwsim_stats) do not move.
 *
 * Calls may come from any thread, as those of hwsim.h.
 */
#ifndef HWSIM_CHARGE_H
#define HWSIM_CHARGE_H

#include "hwsim/hwsim.h"

/* What names an ESP SA in the card. */
struct hwsim_charge_sa {
	uint16_t family; /* AF_INET, AF_INET6 */
	uint8_t dst[16]; /* outer destination; IPv4 in the first 4 bytes */
	uint32_t spi;    /* host order */
};

/*
 * The SA that protects `packet` (a plaintext IP packet, of which only headers are read) when CPU `cpu` sends it now.
 * False: there is none, and it would be dropped or leave as it is. No acquire is raised.
 */
bool hwsim_charge_route(struct hwsim *card, uint64_t now, unsigned int cpu, const uint8_t *packet, size_t len,
			struct hwsim_charge_sa *out);

/*
 * `packets` packets of `bytes` bytes of plaintext each pass the SA. How many of them it carried: fewer where its hard
 * limit came first (the packet that reaches it is carried), 0 where there is no such SA or it is not active yet.
 */
uint64_t hwsim_charge(struct hwsim *card, uint64_t now, const struct hwsim_charge_sa *id, uint64_t packets,
		      uint32_t bytes);

/*
 * How many packets of that size there are up to and with the one that reaches the SA's next limit by count; *hard: that
 * is a hard one. UINT64_MAX: it has none; 0: there is no such SA.
 */
uint64_t hwsim_charge_left(struct hwsim *card, const struct hwsim_charge_sa *id, uint32_t bytes, bool *hard);

/* Slots used or still being freed, of all tables: what hwsim_stats() says too, without stopping at every queue. */
uint32_t hwsim_slots_held(struct hwsim *card);

#endif
