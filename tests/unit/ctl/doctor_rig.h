/* SPDX-License-Identifier: MIT */
/* The doctor on a made machine: files in a directory of the test's own, and a card of hwsim as the device "eth7". */
#ifndef TESTS_CTL_DOCTOR_RIG_H
#define TESTS_CTL_DOCTOR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "ctl/doctor.h"
#include "hwsim/hwsim.h"
#include "tests/unit/offload/datagrams.h"
#include "tests/unit/offload/files.h"

enum { DOCTOR_RIG_IFINDEX = 9, DOCTOR_RIG_LINES = 64 };

struct doctor_rig {
	struct files *files;
	struct hwsim *card; /* NULL: none */
	struct prng rng;
	struct datagrams xfrm, ethtool; /* answers */
	uint64_t now;                   /* of the card: ns */
	unsigned int paused_ms;         /* as the doctor asked for, in all */
	unsigned int xfrm_sent;
	unsigned int lose;      /* the answer to the lose-th XFRM request from the start never comes; 0: none */
	bool lose_request;      /* that request itself is refused with -ENOBUFS instead */
	bool deaf;              /* no ethtool request is answered */
	unsigned int esp_named; /* an answer says "esp-hw-offload" fewer times than that; 0: as often as it likes */
	struct doctor_config config;
	/* what the last run said */
	struct doctor_line lines[DOCTOR_RIG_LINES];
	unsigned int n;
	enum doctor_level worst;
};

/* A machine on which all is well, without a card; as `config.device` stands, every device is looked at. */
struct doctor_rig *doctor_rig_new(void);
/* A card of a profile with so many queues, and as many CPUs; "eth7" is looked at. slots 0: the profile's number. */
struct doctor_rig *doctor_rig_card(const char *profile, unsigned int queues, uint32_t slots);
/* Checks the card's invariants, and that no SA is left in it. */
void doctor_rig_free(struct doctor_rig *r);
void doctor_rig_run(struct doctor_rig *r);
/* The line of a check; fails the test if there is none. */
const struct doctor_line *doctor_rig_line(const struct doctor_rig *r, const char *check);
/* That line has this level, and these words in its text or in what to do. */
void doctor_rig_expect(const struct doctor_rig *r, const char *check, enum doctor_level level, const char *words);
/* SAs in the card. */
uint32_t doctor_rig_used(struct doctor_rig *r);

#endif
