/* SPDX-License-Identifier: MIT */
#include "rig.h"

enum { INNER = 128 }; /* bytes of the packets sent: 20 + 8 + 100 */

static const struct spec base = {
	RIG_TUNNEL,
	.spi = 0x500,
	.reqid = 3,
	.esn = true,
};

static void send_inner(struct rig *a, int count)
{
	uint8_t p[INNER];
	size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, 100);

	assert_int_equal(n, INNER);
	for (int i = 0; i < count; i++)
		rig_tx(a, 0, p, n);
}

static struct xfrm_user_expire expire_at(struct rig *rig, unsigned int n, bool hard)
{
	const struct nlmsghdr *nlh = rig_event(rig, n, XFRM_MSG_EXPIRE);
	struct xfrm_user_expire e;

	memcpy(&e, mnl_nlmsg_get_payload(nlh), sizeof(e));
	assert_int_equal(rig->event[n].group, XFRMNLGRP_EXPIRE);
	assert_int_equal(e.hard, hard);
	assert_int_equal(nlh->nlmsg_seq, 0);
	assert_null(rig_attr(nlh, sizeof(e), XFRMA_OFFLOAD_DEV));
	assert_non_null(rig_attr(nlh, sizeof(e), KR_XFRMA_SA_DIR));
	return e;
}

/* Counts at which the soft and the hard event come, and how many packets pass, both ways. */
static void counts_have_exact_edges(void **state)
{
	static const struct {
		uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes;
		unsigned int soft_at, hard_at; /* packets; 0: never */
	} rows[] = {
		{3, 5, 0, 0, 3, 5},
		{1, 2, 0, 0, 1, 2},
		{0, 4, 0, 0, 0, 4},
		{4, 0, 0, 0, 4, 0},
		{0, 0, 2 * INNER, 4 * INNER, 2, 4},
		{0, 0, 2 * INNER + 1, 4 * INNER - 1, 3, 4},
		{0, 0, 1, INNER + 1, 1, 2},
		{5, 9, 3 * INNER, 100 * INNER, 3, 9},
		{2, 100, 5 * INNER, 6 * INNER, 2, 6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int inbound = 0; inbound <= 1; inbound++) {
			struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0), *r = inbound ? b : a;
			struct spec limited = base;
			unsigned int events;

			limited.soft_packets = rows[i].soft_packets;
			limited.hard_packets = rows[i].hard_packets;
			limited.soft_bytes = rows[i].soft_bytes;
			limited.hard_bytes = rows[i].hard_bytes;
			a->peer = b;
			limited.in = inbound;
			rig_connect(a, b, &base);
			assert_int_equal(rig_sa(r, XFRM_MSG_DELSA, &limited), 0);
			assert_int_equal(rig_sa(r, XFRM_MSG_NEWSA, &limited), 0);
			events = r->events;
			for (unsigned int n = 1; n <= 12; n++) {
				unsigned int before = r->events;

				send_inner(a, 1);
				if (n == rows[i].hard_at) {
					assert_int_equal(expire_at(r, before, true).state.curlft.packets, n);
					assert_int_equal(rig_sa(r, XFRM_MSG_GETSA, &limited), -ESRCH);
					break;
				}
				if (n == rows[i].soft_at)
					assert_int_equal(expire_at(r, before, false).state.curlft.bytes, n * INNER);
				else
					assert_int_equal(r->events, before);
			}
			assert_int_equal(r->events, events + !!rows[i].soft_at + !!rows[i].hard_at);
			if (rows[i].hard_at) {
				send_inner(a, 3); /* nothing passes any more, and nothing leaks */
				assert_int_equal(b->hosts, rows[i].hard_at);
				assert_int_equal(rig_stats(r).hard_expired, 1);
				assert_int_equal(rig_stats(a).tx_plain + rig_stats(b).rx_plain, 0);
				assert_int_equal(rig_stats(r).total.used, 0);
			}
			rig_free(a);
			rig_free(b);
		}
}

static void an_update_arms_the_soft_limit_again(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = base;
	unsigned int events;

	(void)state;
	s.soft_packets = 2;
	s.hard_packets = 10;
	rig_connect(a, b, &s);
	events = a->events;
	send_inner(a, 4);
	assert_int_equal(a->events, events + 1);
	s.soft_packets = 6;
	assert_int_equal(rig_sa(a, XFRM_MSG_UPDSA, &s), 0);
	events = a->events;
	send_inner(a, 1);
	assert_int_equal(a->events, events);
	send_inner(a, 1);
	expire_at(a, events, false);
	assert_int_equal(rig_get(a, &s).curlft.packets, 6);
	assert_int_equal(rig_stats(a).total.used, 1);
	rig_free(a);
	rig_free(b);
}

static void time_limits_run_on_the_cards_clock(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = base;
	unsigned int events;

	(void)state;
	s.soft_seconds = 10;
	s.hard_seconds = 20;
	rig_connect(a, b, &s);
	events = a->events;
	assert_int_equal(hwsim_next(a->card), a->now + 10 * SEC);
	rig_wait(a, 10 * SEC - 1);
	assert_int_equal(a->events, events);
	rig_wait(a, 1);
	expire_at(a, events, false);
	rig_wait(a, 10 * SEC - 1);
	assert_int_equal(a->events, events + 1);
	rig_wait(a, 1);
	expire_at(a, events + 1, true);
	assert_int_equal(rig_stats(a).total.used, 0);
	assert_int_equal(hwsim_next(a->card), UINT64_MAX);
	rig_free(a);
	rig_free(b);
}

static void use_limits_begin_with_the_first_packet(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = base;
	unsigned int events;

	(void)state;
	s.soft_use = 5;
	s.hard_use = 8;
	rig_connect(a, b, &s);
	events = a->events;
	rig_wait(a, 1000 * SEC);
	assert_int_equal(a->events, events);
	send_inner(a, 1);
	assert_int_equal(hwsim_next(a->card), a->now + 5 * SEC);
	rig_wait(a, 5 * SEC);
	expire_at(a, events, false);
	rig_wait(a, 3 * SEC);
	expire_at(a, events + 1, true);
	rig_free(a);
	rig_free(b);
}

/* cx7: counters in dumps are those of the last whole second, events are exact. */
static void counters_in_dumps_lag(void **state)
{
	struct rig *a = rig_new("cx7", 0), *b = rig_new("cx7", 0);
	struct spec s = base;

	(void)state;
	s.soft_packets = 7;
	a->now = 10 * SEC;
	rig_connect(a, b, &s);
	send_inner(a, 3);
	assert_int_equal(rig_get(a, &s).curlft.packets, 0);
	a->now += SEC;
	assert_int_equal(rig_get(a, &s).curlft.packets, 3);
	send_inner(a, 4);
	assert_int_equal(expire_at(a, a->events - 1, false).state.curlft.packets, 7);
	assert_int_equal(rig_get(a, &s).curlft.packets, 3);
	a->now += SEC;
	assert_int_equal(rig_get(a, &s).curlft.packets, 7);
	assert_int_equal(rig_get(a, &s).curlft.bytes, 7 * INNER);
	/* the fault changes the period */
	assert_int_equal(hwsim_fault(a->card, "counter_lag", 1, 0), 0);
	send_inner(a, 1);
	assert_int_equal(rig_get(a, &s).curlft.packets, 8);
	assert_int_equal(hwsim_fault(a->card, "counter_lag", 1, 3600 * 1000), 0);
	send_inner(a, 1);
	assert_int_equal(rig_get(a, &s).curlft.packets, 8);
	assert_int_equal(hwsim_fault(a->card, "counter_lag", 1, 1000), 0);
	a->now += SEC;
	assert_int_equal(rig_get(a, &s).curlft.packets, 9);
	rig_free(a);
	rig_free(b);
}

static void limits_are_taken_over_from_before(void **state)
{
	struct rig *a = rig_new("tiny-33", 0);
	struct spec s = base;
	_Alignas(8) uint8_t buf[4096];
	struct xfrm_lifetime_cur cur = {.bytes = 1000, .packets = 8};
	struct nlmsghdr *nlh;
	struct spec out = s;

	(void)state;
	s.hard_packets = 10;
	nlh = rig_put_sa(buf, XFRM_MSG_NEWSA, &s);
	mnl_attr_put(nlh, XFRMA_LTIME_VAL, sizeof(cur), &cur);
	assert_int_equal(rig_send(a, nlh), 0);
	out.dir = XFRM_POLICY_OUT;
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &out), 0);
	assert_int_equal(rig_get(a, &s).curlft.packets, 8);
	send_inner(a, 5);
	assert_int_equal(a->wires, 2);
	rig_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_exact_edges),
		cmocka_unit_test(an_update_arms_the_soft_limit_again),
		cmocka_unit_test(time_limits_run_on_the_cards_clock),
		cmocka_unit_test(use_limits_begin_with_the_first_packet),
		cmocka_unit_test(counters_in_dumps_lag),
		cmocka_unit_test(limits_are_taken_over_from_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
