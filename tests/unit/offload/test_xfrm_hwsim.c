/* SPDX-License-Identifier: MIT */
/* The driver against a card in memory: what one sends the other must understand, and both must count alike. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/offload/card.h"

static void test_modes(void **state)
{
	struct card_rig r;
	struct xfrm_sa in = card_sa(false, 1), out = card_sa(true, 2), crypto = card_sa(true, 3),
		       plain = card_sa(false, 4);

	(void)state;
	card_start(&r, "cx7", 0);
	assert_int_equal(card_add(&r, &in).mode, OFFLOAD_PACKET);
	assert_int_equal(card_add(&r, &out).mode, OFFLOAD_PACKET);
	crypto.mode = OFFLOAD_CRYPTO;
	crypto.cpu = 3;
	assert_int_equal(card_add(&r, &crypto).mode, OFFLOAD_CRYPTO);
	plain.mode = OFFLOAD_SOFTWARE;
	assert_int_equal(card_add(&r, &plain).mode, OFFLOAD_SOFTWARE);
	assert_int_equal(card_add(&r, &in).err, -EEXIST);
	assert_int_equal(card_used(&r), 3);
	assert_int_equal(card_get(&r, &in).counts.replay_window, 64);
	assert_false(card_get(&r, &in).counts.out);
	assert_true(card_get(&r, &crypto).counts.out);
	assert_int_equal(card_get(&r, &plain).counts.mode, OFFLOAD_SOFTWARE);
	assert_int_equal(card_delete(&r, &in).err, 0);
	assert_int_equal(card_delete(&r, &in).err, -ESRCH);
	assert_int_equal(card_delete(&r, &out).err, 0);
	assert_int_equal(card_delete(&r, &crypto).err, 0);
	assert_int_equal(card_delete(&r, &plain).err, 0);
	assert_int_equal(card_used(&r), 0);
	card_finish(&r);
}

/* Every kind of SA that the driver can write, on a card that takes all of them in one mode or another. */
static void test_kinds(void **state)
{
	struct card_rig r;
	uint32_t spi = 0x100;

	(void)state;
	card_start(&r, "tiny-33", 0);
	for (unsigned int bits = 0; bits < 64; bits++) {
		struct xfrm_sa s = card_sa(bits & 1, ++spi);
		struct card_outcome o;

		s.esn = bits & 2;
		s.replay_window = bits & 4 ? 32 : 1024;
		s.encap = bits & 8;
		s.encap_sport = s.encap_dport = 4500;
		s.tunnel = bits & 16;
		s.cpu = bits & 32 ? 1 : UINT32_MAX;
		if (!s.tunnel)
			s.sel = (struct xfrm_selector_cfg){
				.family = AF_INET, .src_len = 32, .dst_len = 32, .protocol = 6};
		o = card_add(&r, &s);
		if (o.err)
			fail_msg("kind %u: %s: %s", bits, strerror(-o.err), o.text);
		assert_int_equal(card_get(&r, &s).counts.replay_window, s.out ? 0 : s.replay_window);
		assert_int_equal(card_delete(&r, &s).err, 0);
	}
	card_finish(&r);
}

static void test_refused(void **state)
{
	struct card_rig r;
	struct xfrm_sa s = card_sa(false, 1);
	struct card_outcome o;

	(void)state;
	card_start(&r, "cx7", 0);
	s.replay_window = 96;
	o = card_add(&r, &s);
	assert_int_equal(o.err, -EINVAL);
	assert_string_equal(o.text, "mlx5_core: Unsupported replay window size");
	s.replay_window = 128;
	s.reqid = 0;
	o = card_add(&r, &s);
	assert_string_equal(o.text, "mlx5_core: Cannot offload without reqid");
	s.reqid = 1;
	assert_int_equal(hwsim_fault(r.card, "refuse", 1, ENOMEM), 0);
	assert_int_equal(card_add(&r, &s).err, -ENOMEM);
	assert_int_equal(card_add(&r, &s).err, 0);
	assert_int_equal(card_delete(&r, &s).err, 0);
	card_finish(&r);
}

/* A full table, and a ledger that believed in more, learns. */
static void test_full(void **state)
{
	struct slots_config config = {.n_pools = 1, .pool = {{.name = "shared", .size = 10}}};
	struct slots *slots = slots_new(&config);
	struct slots_count count;
	struct card_rig r;
	uint32_t n = 0;

	(void)state;
	card_start(&r, "tiny-33", 4);
	for (;;) {
		int64_t slot = slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL);
		struct xfrm_sa s = card_sa(n % 2, 0x100 + n);
		struct card_outcome o;

		if (slot < 0)
			break;
		o = card_add(&r, &s);
		if (!o.err) {
			slots_commit(slots, (uint32_t)slot);
			n++;
			continue;
		}
		assert_int_equal(o.err, -ENOSPC);
		assert_string_equal(o.text, "SA table full");
		assert_true(slots_errno_is_full(-o.err));
		slots_release(slots, (uint32_t)slot);
		assert_true(slots_learn(slots, SLOTS_IN, SLOTS_IPV4, -o.err, r.now));
	}
	slots_count_get(slots, 0, &count);
	assert_int_equal(n, 4);
	assert_int_equal(count.size, 4);
	assert_int_equal(count.occ, card_used(&r));
	slots_free(slots);
	for (uint32_t i = 0; i < n; i++) {
		struct xfrm_sa s = card_sa(i % 2, 0x100 + i);

		assert_int_equal(card_delete(&r, &s).err, 0);
	}
	card_finish(&r);
}

/* The card says yes and does it in software: found, taken back, said. */
static void test_silent(void **state)
{
	struct card_rig r;
	struct xfrm_sa s = card_sa(false, 1);
	struct xfrm_policy_cfg p = card_policy(XFRM_DIR_OUT);
	struct card_outcome o;

	(void)state;
	card_start(&r, "cx7", 0);
	assert_int_equal(hwsim_fault(r.card, "silent_no_offload", 2, 0), 0);
	o = card_add(&r, &s);
	assert_int_equal(o.err, -EOPNOTSUPP);
	assert_non_null(strstr(o.text, "acknowledged but not offloaded"));
	assert_int_equal(card_get(&r, &s).err, -ESRCH);
	assert_int_equal(card_policy_add(&r, &p, false).err, -EOPNOTSUPP);
	assert_int_equal(card_policy_add(&r, &p, false).err, 0); /* it was removed, so it is new again */
	assert_int_equal(card_add(&r, &s).err, 0);
	card_finish(&r);
}

static void test_limits(void **state)
{
	struct card_rig r;
	struct xfrm_sa s = card_sa(true, 1);
	struct xfrm_policy_cfg p = card_policy(XFRM_DIR_OUT);
	struct card_outcome o;

	(void)state;
	card_start(&r, "tiny-33", 0);
	assert_int_equal(card_policy_add(&r, &p, false).err, 0);
	s.limits.soft_packets = 3;
	s.limits.hard_packets = 5;
	assert_int_equal(card_add(&r, &s).err, 0);
	card_transmit(&r);
	card_transmit(&r);
	card_at(&r, r.now);
	assert_int_equal(r.n_expire, 0);
	card_transmit(&r);
	card_at(&r, r.now);
	assert_int_equal(r.n_expire, 1);
	assert_false(r.expire[0].hard);
	assert_int_equal(r.expire[0].id.spi, 1);
	assert_int_equal(r.expire[0].reqid, 7);
	assert_int_equal(r.expire[0].packets, 3);
	o = card_get(&r, &s);
	assert_int_equal(o.counts.packets, 3);
	assert_true(o.counts.bytes > 300);
	assert_true(o.counts.use_time != 0);
	card_transmit(&r);
	card_transmit(&r);
	card_at(&r, r.now);
	assert_int_equal(r.n_expire, 2);
	assert_true(r.expire[1].hard);
	assert_int_equal(card_delete(&r, &s).err, -ESRCH); /* it is gone by the time one hears of it */
	card_finish(&r);
}

static void test_time_limits(void **state)
{
	struct card_rig r;
	struct xfrm_sa s = card_sa(false, 1);

	(void)state;
	card_start(&r, "cx7", 0);
	s.limits.soft_seconds = 10;
	s.limits.hard_seconds = 20;
	assert_int_equal(card_add(&r, &s).err, 0);
	card_at(&r, r.now + 9 * SECOND);
	assert_int_equal(r.n_expire, 0);
	card_at(&r, r.now + 2 * SECOND);
	assert_int_equal(r.n_expire, 1);
	assert_false(r.expire[0].hard);
	card_at(&r, r.now + 10 * SECOND);
	assert_int_equal(r.n_expire, 2);
	assert_true(r.expire[1].hard);
	card_finish(&r);
}

/* New limits for an SA that is in use take no slot, even when there is none. */
static void test_update(void **state)
{
	struct card_rig r;
	struct xfrm_sa s = card_sa(true, 1);
	struct xfrm_key k = card_key(1);
	struct card_outcome o = {0};

	(void)state;
	card_start(&r, "tiny-33", 1);
	assert_int_equal(card_add(&r, &s).err, 0);
	s.limits.hard_packets = 1000;
	s.limits.soft_packets = 900;
	assert_int_equal(xfrm_sa_update(r.x, &s, &k, card_done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.calls, 1);
	if (o.err)
		fail_msg("%s: %s", strerror(-o.err), o.text);
	assert_int_equal(card_used(&r), 1);
	assert_int_equal(card_get(&r, &s).counts.mode, OFFLOAD_PACKET);
	card_finish(&r);
}

static void test_larval(void **state)
{
	struct card_rig r;
	struct xfrm_sa s = card_sa(false, 0);
	struct card_outcome o = {0};

	(void)state;
	card_start(&r, "cx7", 0);
	assert_int_equal(xfrm_spi_alloc(r.x, &s.src, &s.dst, 7, 0x5000, 0x5fff, card_done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.err, 0);
	assert_true(o.spi >= 0x5000 && o.spi <= 0x5fff);
	assert_int_equal(card_used(&r), 0);
	s.spi = o.spi;
	assert_int_equal(card_add(&r, &s).err, -EEXIST); /* the SPI is taken, by ourselves */
	s.larval = true;
	o = card_add(&r, &s);
	if (o.err)
		fail_msg("%s: %s", strerror(-o.err), o.text);
	assert_int_equal(o.mode, OFFLOAD_PACKET);
	assert_int_equal(card_used(&r), 1);
	card_finish(&r);
}

static void test_dump(void **state)
{
	enum { N = 500 };
	struct card_rig r;
	struct card_outcome o = {0}, added = {0};

	(void)state;
	card_start(&r, "cx7", 0);
	for (uint32_t i = 0; i < N; i++) {
		struct xfrm_sa s = card_sa(i % 2, 0x1000 + i);
		struct xfrm_key k = card_key(s.spi);

		assert_int_equal(xfrm_sa_add(r.x, &s, &k, card_done, &added), 0); /* all at once */
	}
	assert_int_equal(xfrm_sa_dump(r.x, card_each, card_done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(added.calls, N);
	assert_int_equal(added.err, 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.n_counts, N);
	assert_int_equal(card_used(&r), N);
	card_finish(&r);
}

static void test_policies(void **state)
{
	struct card_rig r;
	struct xfrm_policy_cfg out = card_policy(XFRM_DIR_OUT), in = card_policy(XFRM_DIR_IN),
			       fwd = card_policy(XFRM_DIR_FWD);
	struct card_outcome o = {0};

	(void)state;
	card_start(&r, "cx7", 0);
	assert_int_equal(card_policy_add(&r, &out, false).err, 0);
	assert_int_equal(card_policy_add(&r, &out, false).err, -EEXIST);
	out.priority = 10;
	o = card_policy_add(&r, &out, true);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.mode, OFFLOAD_PACKET);
	assert_int_equal(card_policy_add(&r, &in, false).err, 0);
	o = card_policy_add(&r, &fwd, false);
	assert_int_equal(o.err, -EINVAL);
	assert_string_equal(o.text, "mlx5_core: Cannot offload forward policy");
	fwd.packet = false;
	assert_int_equal(card_policy_add(&r, &fwd, false).err, 0);
	o = (struct card_outcome){0};
	assert_int_equal(xfrm_policy_delete(r.x, &out, card_done, &o), 0);
	assert_int_equal(xfrm_policy_delete(r.x, &in, card_done, &o), 0);
	assert_int_equal(xfrm_policy_delete(r.x, &fwd, card_done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.calls, 3);
	assert_int_equal(o.err, 0);
	assert_int_equal(xfrm_policy_delete(r.x, &fwd, card_done, &o), 0);
	xfrm_process(r.x);
	assert_int_equal(o.err, -ENOENT);
	card_finish(&r);
}

/* A packet that finds a policy and no SA asks for one, and is not sent in the clear. */
static void test_acquire(void **state)
{
	struct card_rig r;
	struct xfrm_policy_cfg p = card_policy(XFRM_DIR_OUT);
	struct xfrm_sa s = card_sa(true, 1);

	(void)state;
	card_start(&r, "tiny-33", 0);
	assert_int_equal(card_policy_add(&r, &p, false).err, 0);
	card_transmit(&r);
	card_at(&r, r.now);
	assert_int_equal(r.n_wire, 0);
	assert_int_equal(r.n_acquire, 1);
	assert_int_equal(r.acquire.reqid, 7);
	assert_memory_equal(r.acquire.dst.ip, s.dst.ip, 4);
	assert_int_equal(r.acquire.sel.family, AF_INET);
	s.seq = r.acquire.seq; /* answers it */
	assert_int_equal(card_add(&r, &s).err, 0);
	card_transmit(&r);
	assert_int_equal(r.n_wire, 1);
	card_finish(&r);
}

/* The delete is acknowledged before the slot is free: the ledger waits as long. */
static void test_delayed_free(void **state)
{
	struct slots_config config = {.n_pools = 1, .pool = {{.name = "shared", .size = 1}}, .let_go_ns = SECOND};
	struct slots *slots = slots_new(&config);
	struct card_rig r;
	struct xfrm_sa a = card_sa(false, 1), b = card_sa(false, 2);

	(void)state;
	card_start(&r, "tiny-33", 1);
	assert_int_equal(hwsim_fault(r.card, "delayed_free", UINT32_MAX, 1000), 0);
	slots_commit(slots, (uint32_t)slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL));
	assert_int_equal(card_add(&r, &a).err, 0);
	slots_drain(slots, 0);
	assert_int_equal(card_delete(&r, &a).err, 0);
	slots_gone(slots, 0, r.now, false);
	assert_int_equal(card_add(&r, &b).err, -ENOSPC); /* who does not wait is refused */
	assert_false(slots_learn(slots, SLOTS_IN, SLOTS_IPV4, ENOSPC, r.now));
	assert_int_equal(slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL), -ENOSPC);
	card_at(&r, slots_next(slots));
	slots_tick(slots, r.now);
	assert_int_equal(slots_reserve(slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, NULL), 0);
	assert_int_equal(card_add(&r, &b).err, 0);
	slots_free(slots);
	card_finish(&r);
}

/* hwsim's cards and our profiles of them agree on what is in both. */
static void test_profiles(void **state)
{
	const struct hwsim_profile *card;

	(void)state;
	for (unsigned int n = 0; (card = hwsim_profile_at(n)); n++) {
		const struct offload_profile *p = offload_profile_find(card->name);

		if (!p) {
			fail_msg("no profile %s", card->name);
			return;
		}
		assert_string_equal(p->driver, card->driver);
		assert_int_equal(p->shared, card->shared);
		if (p->size_in) /* krnic's is a parameter, and learned */
			assert_int_equal(p->size_in, card->sa_in);
		if (p->size_out)
			assert_int_equal(p->size_out, card->sa_out);
		assert_int_equal(p->packet, card->packet_offload);
		assert_int_equal(p->crypto, card->crypto_offload);
		assert_int_equal(p->esn, card->esn);
		assert_int_equal(p->tx_by_reqid, card->tx_by_reqid);
		assert_int_equal(p->rss_spi == RSS_SPI_YES, card->rss_spi);
		assert_int_equal(p->esp_rules, card->ntuple_esp > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),        cmocka_unit_test(test_kinds),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),         cmocka_unit_test(test_silent),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_time_limits),  cmocka_unit_test(test_update),   cmocka_unit_test(test_larval),
		cmocka_unit_test(test_dump),         cmocka_unit_test(test_policies), cmocka_unit_test(test_acquire),
		cmocka_unit_test(test_delayed_free), cmocka_unit_test(test_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
