/* SPDX-License-Identifier: MIT */
/* Policies of others beside keyrackd's, in a card of hwsim. */
#include "doctor_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/reqid.h"

enum { PORT_EXACT = 0xffff, POLICIES_MAX = 3 };

#define OURS                                                                                             \
	{                                                                                                \
		.dir = XFRM_DIR_OUT, .sel = {.family = AF_INET, .src = {10, 1}, .dst = {10, 2}, 16, 16}, \
		.priority = 1000, .reqid = REQID_BASE + 1                                                \
	}
#define THEIRS(reqid_, ...)                                                                                  \
	{                                                                                                    \
		.dir = XFRM_DIR_OUT, .sel = {.family = AF_INET, __VA_ARGS__}, .priority = 5, .reqid = reqid_ \
	}

struct row {
	struct xfrm_policy_cfg policy[POLICIES_MAX]; /* family 0: none */
	enum doctor_level level;
	const char *words;
};

static const struct row rows[] = {
	{{{0}}, DOCTOR_OK, "none"},
	{{OURS}, DOCTOR_OK, "1, all keyrackd's"},
	{{OURS, THEIRS(7, .src = {10, 9}, .dst = {10, 2}, 16, 16)},
	 DOCTOR_INFO,
	 "1 of keyrackd's, 1 of others that do not touch them: src 10.9.0.0/16 dst 10.2.0.0/16 dir out priority 5"},
	{{THEIRS(7, .src = {10, 9}, .dst = {10, 2}, 16, 16)}, DOCTOR_INFO, "0 of keyrackd's, 1 of others"},
	/* prefixes of which one is in the other, also off the octet */
	{{OURS, THEIRS(7, .src = {10, 1, 5}, .dst = {10, 2, 128}, 24, 17)},
	 DOCTOR_WARNING,
	 "overlaps with keyrackd's (priority 1000): src 10.1.5.0/24 dst 10.2.128.0/17"},
	{{OURS, THEIRS(7, .src = {10, 0}, .dst = {10, 0}, 14, 14)}, DOCTOR_WARNING, "overlaps"},
	{{OURS, THEIRS(7, .src = {10, 4}, .dst = {10, 0}, 14, 14)}, DOCTOR_INFO, "do not touch"},
	/* the range of reqids has an end */
	{{OURS, THEIRS(REQID_BASE + REQID_RANGE, .src = {10, 1}, .dst = {10, 2}, 17, 16)}, DOCTOR_WARNING, "overlaps"},
	{{OURS, THEIRS(REQID_BASE + REQID_RANGE - 1, .src = {10, 1}, .dst = {10, 2}, 17, 16)}, DOCTOR_OK, "2, all"},
	/* everything, and so IKE */
	{{THEIRS(7, .src = {0})}, DOCTOR_WARNING, "covers IKE: src 0.0.0.0/0"},
	{{THEIRS(7, .protocol = IPPROTO_UDP)}, DOCTOR_WARNING, "covers IKE"},
	{{THEIRS(7, .protocol = IPPROTO_UDP, .dport = 4500, .dport_mask = PORT_EXACT)}, DOCTOR_WARNING, "covers IKE"},
	{{THEIRS(7, .protocol = IPPROTO_UDP, .dport = 53, .dport_mask = PORT_EXACT)}, DOCTOR_INFO, "do not touch"},
	{{THEIRS(7, .protocol = IPPROTO_TCP)}, DOCTOR_INFO, "do not touch"},
	{{{.dir = XFRM_DIR_IN, .sel = {.family = AF_INET}, .block = true, .priority = 9}},
	 DOCTOR_WARNING,
	 "dir in priority 9 action block"},
	/* what lets IKE pass is nobody's trouble, also beside ours */
	{{OURS,
	  {.dir = XFRM_DIR_OUT,
	   .sel = {.family = AF_INET, .protocol = IPPROTO_UDP, .dport = 500, .dport_mask = PORT_EXACT},
	   .bypass = true}},
	 DOCTOR_OK,
	 "1, all keyrackd's"},
	/* what lets ours pass in the clear is */
	{{OURS, {.dir = XFRM_DIR_OUT, .sel = {.family = AF_INET, .dst = {10, 2, 3}, .dst_len = 24}, .bypass = true}},
	 DOCTOR_WARNING,
	 "without a template"},
};

static void ignore(void *ctx, const struct xfrm_result *result)
{
	(void)ctx;
	assert_int_equal(result->err, 0);
}

static ssize_t no_events(void *ctx, void *buf, size_t size)
{
	(void)ctx, (void)buf, (void)size;
	return -EAGAIN;
}

static void install(struct doctor_rig *r, const struct row *row)
{
	struct xfrm_transport quiet = {.recv = no_events};
	struct xfrm_events none = {0};
	struct xfrm *x = xfrm_new(&r->config.xfrm.requests, &quiet, &none, NULL);

	assert_non_null(x);
	for (int i = 0; i < POLICIES_MAX && row->policy[i].sel.family; i++)
		assert_int_equal(xfrm_policy_add(x, &row->policy[i], false, ignore, NULL), 0);
	xfrm_process(x);
	assert_int_equal(xfrm_pending(x), 0);
	xfrm_free(x);
}

static void conflicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

		install(r, &rows[i]);
		doctor_rig_run(r);
		doctor_rig_expect(r, "policies", rows[i].level, rows[i].words);
		doctor_rig_free(r);
	}
}

static void many_of_others(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	for (uint8_t n = 0; n < 100; n++) {
		struct row row = {{THEIRS(7, .src = {10, 9, n}, .dst = {10, 2}, 24, 16)}, DOCTOR_INFO, ""};

		install(r, &row);
	}
	doctor_rig_run(r);
	doctor_rig_expect(r, "policies", DOCTOR_INFO, "0 of keyrackd's, 100 of others");
	doctor_rig_free(r);
}

static void unreadable(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	r->lose = 1;
	doctor_rig_run(r);
	doctor_rig_expect(r, "policies", DOCTOR_ERROR, "timed out");
	r->lose_request = true;
	doctor_rig_run(r);
	doctor_rig_expect(r, "policies", DOCTOR_ERROR, "No buffer space");
	r->config.xfrm.err = -EPERM;
	doctor_rig_run(r);
	doctor_rig_expect(r, "policies", DOCTOR_INFO, "CAP_NET_ADMIN");
	doctor_rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conflicts),
		cmocka_unit_test(many_of_others),
		cmocka_unit_test(unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
