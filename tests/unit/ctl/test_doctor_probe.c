/* SPDX-License-Identifier: MIT */
/* Trial SAs on a card of hwsim: what they say, and that none is ever left. doctor_rig_free() looks for SAs left. */
#include "doctor_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const trials[] = {"packet-in", "packet-out", "crypto-in", "crypto-out"};

enum { LINES = sizeof(trials) / sizeof(trials[0]), TRIALS = 4 * LINES }; /* of an SA each */

struct row {
	const char *profile;
	const char *fault; /* NULL: none */
	uint32_t count;
	uint64_t arg;
	enum doctor_level level[LINES];
	const char *words[LINES];
};

#define ACCEPTED "accepted, read back and removed: transport4, tunnel4, transport6, tunnel6 (AES-GCM-16 with 128 bits"
#define TRANSPORT_ONLY \
	"removed: transport4, transport6 (AES-GCM-16 with 128 bits, no ESN); refused: tunnel4, tunnel6 (Invalid"
#define FORESEEN    "as its profile says"
#define ALL_REFUSED "refused: transport4, tunnel4, transport6, tunnel6 ("
#define ALL(x)             \
	{                  \
		x, x, x, x \
	}

static const struct row rows[] = {
	{"cx7", NULL, 0, 0, ALL(DOCTOR_OK), ALL(ACCEPTED ", ESN)")},
	{"tiny-33", NULL, 0, 0, ALL(DOCTOR_OK), ALL(ACCEPTED)},
	/* transport mode and crypto offload only, and its profile knows */
	{"ixgbe-1024",
	 NULL,
	 0,
	 0,
	 ALL(DOCTOR_INFO),
	 {FORESEEN, "tunnel6 (Invalid argument: Unsupported mode for ipsec offload, as its profile says)",
	  TRANSPORT_ONLY, FORESEEN}},
	{"netdevsim-33",
	 NULL,
	 0,
	 0,
	 {DOCTOR_INFO, DOCTOR_INFO, DOCTOR_OK, DOCTOR_OK},
	 {FORESEEN, FORESEEN, ACCEPTED, ACCEPTED}},
	{"cx7",
	 "full",
	 UINT32_MAX,
	 0,
	 {DOCTOR_WARNING, DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_ERROR},
	 ALL("its table may be full")},
	{"cx7",
	 "refuse",
	 UINT32_MAX,
	 EINVAL,
	 {DOCTOR_WARNING, DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_ERROR},
	 ALL(ALL_REFUSED "Invalid argument")},
	/* one kind: the first in packet mode */
	{"cx7",
	 "refuse",
	 1,
	 EINVAL,
	 {DOCTOR_WARNING, DOCTOR_OK, DOCTOR_OK, DOCTOR_OK},
	 {"removed: tunnel4, transport6, tunnel6 (AES-GCM-16 with 128 bits, ESN); refused: transport4 (Invalid "
	  "argument",
	  ACCEPTED, ACCEPTED, ACCEPTED}},
	/* four kinds and one more: the first line wholly, then the second's first; crypto mode has them */
	{"cx7",
	 "refuse",
	 5,
	 EOPNOTSUPP,
	 {DOCTOR_WARNING, DOCTOR_WARNING, DOCTOR_OK, DOCTOR_OK},
	 {ALL_REFUSED "Operation not supported", "refused: transport4 (Operation not supported", ACCEPTED, ACCEPTED}},
	/* in crypto mode what packet mode accepts does not matter much */
	{"cx7",
	 "refuse_nth",
	 1,
	 9,
	 {DOCTOR_OK, DOCTOR_OK, DOCTOR_INFO, DOCTOR_OK},
	 {ACCEPTED, ACCEPTED, "; refused: transport4 (", ACCEPTED}},
	/* it says yes and does it in software: found by reading back */
	{"cx7",
	 "silent_no_offload",
	 UINT32_MAX,
	 0,
	 {DOCTOR_WARNING, DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_ERROR},
	 ALL(ALL_REFUSED "Operation not supported: acknowledged but not offloaded: ")},
	{"cx7", "delayed_free", UINT32_MAX, 100, ALL(DOCTOR_OK), ALL(ACCEPTED)},
};

static void what_a_card_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doctor_rig *r = doctor_rig_card(rows[i].profile, 4, 0);

		r->config.probe = true;
		if (rows[i].fault)
			assert_int_equal(hwsim_fault(r->card, rows[i].fault, rows[i].count, rows[i].arg), 0);
		doctor_rig_run(r);
		for (int k = 0; k < LINES; k++)
			doctor_rig_expect(r, trials[k], rows[i].level[k], rows[i].words[k]);
		doctor_rig_free(r);
	}
}

/* Without --probe nothing is installed. */
static void only_when_asked(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);
	struct hwsim_stats s;

	(void)state;
	doctor_rig_run(r);
	hwsim_stats(r->card, &s);
	assert_int_equal(s.installs, 0);
	r->config.probe = true;
	doctor_rig_run(r);
	hwsim_stats(r->card, &s);
	assert_int_equal(s.installs, TRIALS);
	assert_int_equal(s.deletes, TRIALS);
	doctor_rig_free(r);
}

/* A table with one slot left is enough: they come one after the other. */
static void one_slot(void **state)
{
	struct doctor_rig *r = doctor_rig_card("tiny-33", 4, 1);

	(void)state;
	r->config.probe = true;
	doctor_rig_run(r);
	for (int k = 0; k < LINES; k++)
		doctor_rig_expect(r, trials[k], DOCTOR_OK, ACCEPTED);
	assert_int_equal(r->paused_ms, 0);
	doctor_rig_free(r);
}

/* A card that is slow to let go is waited for; a table that is full from the start is not. */
static void one_slot_that_is_freed_late(void **state)
{
	struct doctor_rig *r = doctor_rig_card("tiny-33", 4, 1);

	(void)state;
	r->config.probe = true;
	assert_int_equal(hwsim_fault(r->card, "delayed_free", UINT32_MAX, 150), 0);
	doctor_rig_run(r);
	for (int k = 0; k < LINES; k++)
		doctor_rig_expect(r, trials[k], DOCTOR_OK, ACCEPTED);
	assert_true(r->paused_ms >= 150 * (TRIALS - 1));
	r->now += UINT64_C(1000000000);
	hwsim_tick(r->card, r->now);
	assert_int_equal(hwsim_fault(r->card, "delayed_free", 0, 0), 0);

	r->paused_ms = 0;
	assert_int_equal(hwsim_fault(r->card, "full", UINT32_MAX, 0), 0);
	doctor_rig_run(r);
	doctor_rig_expect(r, "crypto-out", DOCTOR_ERROR, "its table may be full");
	assert_int_equal(r->paused_ms, 0);
	doctor_rig_free(r);
}

/* Whichever answer is lost, no SA stays. */
static void an_answer_is_lost(void **state)
{
	unsigned int sent;
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	r->config.probe = true;
	doctor_rig_run(r);
	sent = r->xfrm_sent;
	assert_int_equal(sent, 1 + 2 * TRIALS); /* policies; install with its read-back, and removal */
	for (r->lose = 1; r->lose <= sent; r->lose++) {
		doctor_rig_run(r);
		assert_int_equal(doctor_rig_used(r), 0);
		r->now += UINT64_C(10000000000);
		hwsim_tick(r->card, r->now);
	}
	doctor_rig_free(r);
}

/* A request that cannot be sent: if it was the removal, the kernel's own limit takes the SA away. */
static void a_request_is_lost(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);
	unsigned int sent, left = 0;

	(void)state;
	r->config.probe = true;
	r->lose_request = true;
	doctor_rig_run(r);
	sent = r->xfrm_sent;
	for (r->lose = 1; r->lose <= sent; r->lose++) {
		doctor_rig_run(r);
		left += doctor_rig_used(r);
		r->now += UINT64_C(31000000000);
		hwsim_tick(r->card, r->now);
		assert_int_equal(doctor_rig_used(r), 0);
	}
	assert_int_equal(left, TRIALS); /* each time a removal was what was lost */
	doctor_rig_free(r);
}

static void without_a_socket(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	r->config.probe = true;
	r->config.xfrm.err = -EPROTONOSUPPORT;
	doctor_rig_run(r);
	doctor_rig_expect(r, "packet-in", DOCTOR_WARNING, "modprobe xfrm_user");
	doctor_rig_expect(r, "packet-out", DOCTOR_WARNING, ALL_REFUSED "Protocol not supported)");
	doctor_rig_expect(r, "crypto-out", DOCTOR_ERROR, "Protocol not supported");
	r->config.xfrm.err = -EPERM;
	doctor_rig_run(r);
	doctor_rig_expect(r, "crypto-in", DOCTOR_WARNING, "CAP_NET_ADMIN");
	doctor_rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_card_accepts),
		cmocka_unit_test(only_when_asked),
		cmocka_unit_test(one_slot),
		cmocka_unit_test(one_slot_that_is_freed_late),
		cmocka_unit_test(an_answer_is_lost),
		cmocka_unit_test(a_request_is_lost),
		cmocka_unit_test(without_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
