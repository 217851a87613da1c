/* SPDX-License-Identifier: MIT */
/* The rack: full, refused, freed late, lost; and the faults that make it so. */
#include "rig.h"

#include <stdlib.h>

#include "base/prng.h"

static struct spec sa_of(uint32_t spi, bool in)
{
	return (struct spec){.src = "192.0.2.1",
			     .dst = in ? "192.0.2.9" : "192.0.2.2",
			     .spi = spi,
			     .reqid = spi,
			     .in = in,
			     .key = (uint8_t)spi};
}

static int add(struct rig *rig, uint32_t spi, bool in)
{
	struct spec s = sa_of(spi, in);

	return rig_sa(rig, XFRM_MSG_NEWSA, &s);
}

static int del(struct rig *rig, uint32_t spi, bool in)
{
	struct spec s = sa_of(spi, in);

	return rig_sa(rig, XFRM_MSG_DELSA, &s);
}

static void every_profile_is_full_at_its_size(void **state)
{
	const struct hwsim_profile *p;

	(void)state;
	for (unsigned int n = 0; (p = hwsim_profile_at(n)); n++) {
		struct rig *rig = rig_new(p->name, 6);
		struct spec s = sa_of(1, true);
		struct hwsim_stats st;

		s.transport = true; /* ixgbe does no tunnels */
		s.crypto = !p->packet_offload;
		for (s.spi = 1; s.spi <= 6; s.spi++)
			assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
		assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), -p->full_errno);
		assert_string_equal(rig->text, p->full_text);
		s.in = false;
		assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), p->shared ? -p->full_errno : 0);
		st = rig_stats(rig);
		assert_int_equal(st.total.size, p->shared ? 6 : 12);
		assert_int_equal(st.total.used, p->shared ? 6 : 7);
		assert_int_equal(st.in.used, 6);
		assert_int_equal(st.refused, p->shared ? 2 : 1);
		rig_free(rig);
	}
}

static void a_duplicate_needs_a_slot_for_a_moment(void **state)
{
	struct rig *rig = rig_new("tiny-33", 2);
	struct spec s;

	(void)state;
	assert_int_equal(add(rig, 1, true), 0);
	assert_int_equal(add(rig, 1, true), -EEXIST);
	assert_int_equal(rig_stats(rig).total.used, 1);
	assert_int_equal(rig_stats(rig).total.peak, 2);
	assert_int_equal(add(rig, 2, true), 0);
	assert_int_equal(add(rig, 1, true), -ENOSPC); /* not EEXIST: the driver is asked first */
	s = sa_of(1, true);
	assert_int_equal(rig_sa(rig, XFRM_MSG_UPDSA, &s), -ENOSPC); /* and it is for an update, too */
	assert_int_equal(del(rig, 1, true), 0);
	assert_int_equal(del(rig, 1, true), -ESRCH);
	assert_int_equal(add(rig, 3, true), 0);
	rig_free(rig);
}

static void software_sas_take_no_slot(void **state)
{
	struct rig *rig = rig_new("tiny-33", 1);
	struct spec s = sa_of(9, true);

	(void)state;
	s.software = true;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	assert_int_equal(rig_stats(rig).total.used, 0);
	assert_int_equal(rig_sa(rig, XFRM_MSG_GETSA, &s), 0);
	assert_null(rig_attr((void *)rig->reply, sizeof(struct xfrm_usersa_info), XFRMA_OFFLOAD_DEV));
	rig_free(rig);
}

static void a_slot_may_be_freed_late(void **state)
{
	struct rig *rig = rig_new("tiny-33", 2);

	(void)state;
	assert_int_equal(add(rig, 1, true), 0);
	assert_int_equal(add(rig, 2, true), 0);
	assert_int_equal(hwsim_fault(rig->card, "delayed_free", 1, 250), 0);
	assert_int_equal(del(rig, 1, true), 0);
	assert_int_equal(rig_stats(rig).total.freeing, 1);
	assert_int_equal(rig_stats(rig).total.used, 1);
	assert_int_equal(add(rig, 3, true), -ENOSPC);
	rig_check(rig);
	assert_int_equal(hwsim_next(rig->card), rig->now + 250 * MS);
	rig->now += 250 * MS - 1;
	assert_int_equal(add(rig, 3, true), -ENOSPC);
	rig->now += 1; /* the request itself runs what is due */
	assert_int_equal(add(rig, 3, true), 0);
	assert_int_equal(del(rig, 2, true), 0); /* the fault has disarmed itself */
	assert_int_equal(rig_stats(rig).total.freeing, 0);
	rig_free(rig);
}

static void installs_are_refused_as_told(void **state)
{
	struct rig *rig = rig_new("cx7", 0);

	(void)state;
	assert_int_equal(hwsim_fault(rig->card, "refuse", 2, ENOMEM), 0);
	assert_int_equal(add(rig, 1, true), -ENOMEM);
	assert_string_equal(rig->text, "mlx5_core: Device failed to offload this state");
	assert_int_equal(add(rig, 1, true), -ENOMEM);
	assert_int_equal(add(rig, 1, true), 0);
	assert_int_equal(hwsim_fault(rig->card, "refuse_nth", 1, 3), 0);
	assert_int_equal(add(rig, 2, true), 0);
	assert_int_equal(add(rig, 3, true), 0);
	assert_int_equal(add(rig, 4, true), -EINVAL);
	assert_int_equal(add(rig, 4, true), 0);
	assert_int_equal(hwsim_fault(rig->card, "full", UINT32_MAX, 0), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(add(rig, 5, true), -ENOSPC);
	assert_int_equal(hwsim_fault(rig->card, "full", 0, 0), 0);
	assert_int_equal(add(rig, 5, true), 0);
	assert_int_equal(rig_stats(rig).refused, 8);
	assert_int_equal(rig_stats(rig).installs, 5);
	rig_free(rig);
}

static void faults_check_their_argument(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	const char *name, *help;
	unsigned int n = 0;

	(void)state;
	assert_int_equal(hwsim_fault(rig->card, "no_such_fault", 1, 0), -ENOENT);
	assert_int_equal(hwsim_fault(rig->card, "refuse", 1, 0), -EINVAL);
	assert_int_equal(hwsim_fault(rig->card, "refuse", 1, 5000), -EINVAL);
	assert_int_equal(hwsim_fault(rig->card, "delayed_free", 1, 0), -EINVAL);
	while ((name = hwsim_fault_at(n++, &help))) {
		assert_non_null(help);
		assert_int_equal(hwsim_fault(rig->card, name, 0, 0), 0); /* disarm */
	}
	assert_true(n > 10);
	rig_free(rig);
}

static void an_offload_may_silently_not_happen(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct spec s = sa_of(1, true);

	(void)state;
	assert_int_equal(hwsim_fault(rig->card, "silent_no_offload", 1, 0), 0);
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	assert_int_equal(rig_stats(rig).total.used, 0);
	rig_get(rig, &s);
	assert_null(rig_attr((void *)rig->reply, sizeof(struct xfrm_usersa_info), XFRMA_OFFLOAD_DEV));
	rig_free(rig);
}

static void events_are_lost_late_and_repeated(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct spec s = sa_of(1, true);
	unsigned int events;

	(void)state;
	s.soft_seconds = 1;
	s.hard_seconds = 2;
	assert_int_equal(hwsim_fault(rig->card, "lose_event", 1, 2), 0); /* a hard one, not the soft one before it */
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	events = rig->events;
	rig_wait(rig, SEC);
	assert_int_equal(rig->events, events + 1);
	rig_wait(rig, SEC);
	assert_int_equal(rig->events, events + 1);
	assert_int_equal(rig_stats(rig).events_lost, 1);
	assert_int_equal(rig_stats(rig).hard_expired, 1);

	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	events = rig->events;
	assert_int_equal(hwsim_fault(rig->card, "late_event", 1, 700), 0);
	rig_wait(rig, SEC);
	assert_int_equal(rig->events, events);
	rig_wait(rig, 699 * MS);
	assert_int_equal(rig->events, events);
	rig_wait(rig, MS);
	rig_event(rig, events, XFRM_MSG_EXPIRE);
	assert_int_equal(hwsim_fault(rig->card, "repeat_event", 1, 2), 0);
	rig_wait(rig, SEC);
	assert_int_equal(rig->events, events + 4);
	rig_event(rig, events + 3, XFRM_MSG_EXPIRE);
	rig_free(rig);
}

static void a_slow_install_carries_nothing_yet(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec s = {.src = "192.0.2.1", .dst = "192.0.2.2", .spi = 0x11, .reqid = 3, .transport = true};
	uint8_t p[100];
	size_t n = rig_packet(p, s.src, s.dst, 5, 6, 10);

	(void)state;
	a->peer = b;
	assert_int_equal(hwsim_fault(a->card, "slow_install", 1, 40), 0);
	rig_connect(a, b, &s);
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 0);
	assert_int_equal(rig_stats(a).tx_no_sa, 1);
	assert_int_equal(rig_stats(a).total.used, 1);
	rig_wait(a, 40 * MS);
	rig_tx(a, 0, p, n);
	assert_int_equal(b->hosts, 1);
	rig_free(a);
	rig_free(b);
}

static void link_down_empties_the_card_in_silence(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct spec s = sa_of(1, false), soft = sa_of(2, false);
	unsigned int events;
	uint8_t p[100];
	size_t n = rig_packet(p, "192.0.2.77", "192.0.2.78", 5, 6, 10);

	(void)state;
	soft.software = true;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &soft), 0);
	s.dir = soft.dir = XFRM_POLICY_OUT;
	soft.proto = 17;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &soft), 0);
	events = rig->events;
	assert_int_equal(hwsim_fault(rig->card, "link_down", 1, 500), 0);
	assert_int_equal(rig->events, events);
	assert_int_equal(rig->links, 1);
	assert_int_equal(rig_sa(rig, XFRM_MSG_GETSA, &s), -ESRCH);
	assert_int_equal(rig_sa(rig, XFRM_MSG_GETSA, &soft), 0);
	assert_int_equal(rig_stats(rig).total.used, 0);
	assert_int_equal(rig_stats(rig).policies, 1);
	rig_tx(rig, 0, p, n);
	assert_int_equal(rig->wires, 0);
	rig_wait(rig, 500 * MS);
	assert_int_equal(rig->links, 2);
	rig_tx(rig, 0, p, n);
	assert_int_equal(rig->wires, 1);
	rig_free(rig);
}

static void a_reset_frees_what_was_being_freed(void **state)
{
	struct rig *rig = rig_new("tiny-33", 2);

	(void)state;
	assert_int_equal(add(rig, 1, true), 0);
	assert_int_equal(add(rig, 2, true), 0);
	assert_int_equal(hwsim_fault(rig->card, "delayed_free", UINT32_MAX, 5000), 0);
	assert_int_equal(del(rig, 1, true), 0);
	assert_int_equal(hwsim_fault(rig->card, "reset", 1, 0), 0);
	assert_int_equal(rig_stats(rig).total.used, 0);
	assert_int_equal(rig_stats(rig).total.freeing, 0);
	assert_int_equal(rig->links, 1);
	rig->now += 50 * UINT64_C(1000000);
	hwsim_tick(rig->card, rig->now);
	assert_int_equal(rig->links, 2);
	rig_free(rig);
}

/* A key installed again with numbers it has used is what hwsim_check is there to find. */
static void nonce_reuse_is_found(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct spec s = {.src = "192.0.2.1", .dst = "192.0.2.2", .spi = 0x11, .reqid = 3, .transport = true, .key = 77};
	char why[200] = "";
	uint8_t p[100];
	size_t n = rig_packet(p, s.src, s.dst, 5, 6, 10);

	(void)state;
	s.dir = XFRM_POLICY_OUT;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	for (int round = 0; round < 3; round++) {
		s.spi++;
		s.seq = (uint64_t)round * 5; /* carries on where the last one stopped: allowed */
		assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
		for (int i = 0; i < 5; i++)
			rig_tx(rig, 0, p, n);
		assert_int_equal(rig_sa(rig, XFRM_MSG_DELSA, &s), 0);
		rig_check(rig);
	}
	s.seq = 14; /* 15 has been used */
	s.spi++;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	rig_check(rig);
	rig_tx(rig, 0, p, n);
	assert_int_equal(hwsim_check(rig->card, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "nonce reuse"));
	assert_int_equal(rig_sa(rig, XFRM_MSG_DELSA, &s), 0);
	assert_int_equal(hwsim_check(rig->card, why, sizeof(why)), -EPROTO); /* and is not forgotten */
	hwsim_free(rig->card);
	free(rig);
}

/* Random installs, deletes, updates and faults; the invariants hold after every step. */
static void the_tables_stay_sound(void **state)
{
	static const char *const faults[] = {"refuse_nth", "delayed_free", "slow_install", "silent_no_offload", "full"};
	struct rig *rig = rig_new("tiny-33", 12);
	struct prng rng = prng_init(23);

	(void)state;
	for (int step = 0; step < 3000; step++) {
		struct spec s = sa_of(1 + (uint32_t)prng_below(&rng, 20), prng_below(&rng, 2));
		uint64_t what = prng_below(&rng, 10);

		s.key = 0;
		s.hard_seconds = 3;
		s.software = !prng_below(&rng, 5);
		if (what < 5)
			rig_sa(rig, XFRM_MSG_NEWSA, &s);
		else if (what < 7)
			rig_sa(rig, XFRM_MSG_DELSA, &s);
		else if (what < 8)
			rig_sa(rig, XFRM_MSG_UPDSA, &s);
		else if (what < 9)
			rig_wait(rig, prng_below(&rng, SEC));
		else
			hwsim_fault(rig->card, faults[prng_below(&rng, 5)], 1, prng_below(&rng, 2000));
		rig_check(rig);
	}
	assert_true(rig_stats(rig).hard_expired > 10);
	assert_true(rig_stats(rig).refused > 10);
	rig_wait(rig, 100 * SEC);
	assert_int_equal(rig_stats(rig).total.used, 0);
	assert_int_equal(rig_stats(rig).total.freeing, 0);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_profile_is_full_at_its_size),
		cmocka_unit_test(a_duplicate_needs_a_slot_for_a_moment),
		cmocka_unit_test(software_sas_take_no_slot),
		cmocka_unit_test(a_slot_may_be_freed_late),
		cmocka_unit_test(installs_are_refused_as_told),
		cmocka_unit_test(faults_check_their_argument),
		cmocka_unit_test(an_offload_may_silently_not_happen),
		cmocka_unit_test(events_are_lost_late_and_repeated),
		cmocka_unit_test(a_slow_install_carries_nothing_yet),
		cmocka_unit_test(link_down_empties_the_card_in_silence),
		cmocka_unit_test(a_reset_frees_what_was_being_freed),
		cmocka_unit_test(nonce_reuse_is_found),
		cmocka_unit_test(the_tables_stay_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
