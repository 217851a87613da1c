/* SPDX-License-Identifier: MIT */
/* A card of hwsim in memory with the XFRM driver on it, and requests that are waited for. */
#ifndef TESTS_OFFLOAD_CARD_H
#define TESTS_OFFLOAD_CARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hwsim/hwsim.h"
#include "offload/offload.h"
#include "tests/unit/offload/datagrams.h"

#define SECOND UINT64_C(1000000000)

enum { CARD_IFINDEX = 9 };

struct card_rig {
	struct hwsim *card;
	struct xfrm *x;
	struct datagrams answers, events;
	uint64_t now;
	struct xfrm_expire expire[16];
	struct xfrm_acquire acquire;
	unsigned int n_expire, n_acquire, n_wire, n_resync;
	struct log log;
};

struct card_outcome {
	unsigned int calls, n_counts;
	int err;
	enum offload_mode mode;
	uint32_t spi;
	char text[256];
	struct xfrm_sa_counts counts;
};

/* A card of a profile (slots 0: its own number), and a driver on it. */
void card_start(struct card_rig *r, const char *profile, uint32_t slots);
/* Checks the invariants, and that nothing is pending. */
void card_finish(struct card_rig *r);
/* Moves the time; expiries and events reach the driver. */
void card_at(struct card_rig *r, uint64_t now);
/* Slots in use. */
uint32_t card_used(const struct card_rig *r);
/* A UDP packet that card_policy() covers, to be sent. */
void card_transmit(struct card_rig *r);
/* What requests end with, for those that are made by hand; card_each() wants the SPIs from 0x1000 on. */
void card_done(void *ctx, const struct xfrm_result *result);
void card_each(void *ctx, const struct xfrm_sa_counts *counts);
/* A tunnel SA in packet mode, with ESN and a window of 64. */
struct xfrm_sa card_sa(bool out, uint32_t spi);
/* A key for each SPI: the card checks that no nonce is used twice. */
struct xfrm_key card_key(uint32_t spi);
/* 10.1.0.0/16 to 10.2.0.0/16, offloaded. */
struct xfrm_policy_cfg card_policy(enum xfrm_policy_dir dir);
/* Requests that are waited for. */
struct card_outcome card_add(struct card_rig *r, const struct xfrm_sa *s);
struct card_outcome card_delete(struct card_rig *r, const struct xfrm_sa *s);
struct card_outcome card_get(struct card_rig *r, const struct xfrm_sa *s);
struct card_outcome card_policy_add(struct card_rig *r, const struct xfrm_policy_cfg *p, bool update);

#endif
