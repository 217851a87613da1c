/* SPDX-License-Identifier: MIT */
/* Traffic as arithmetic has the effects of as many packets. */
#include "rig.h"

#include "base/prng.h"
#include "hwsim/charge.h"

enum { INNER = 128 }; /* bytes of the packets sent: 20 + 8 + 100 */

static const struct spec base = {
	RIG_TUNNEL, .spi = 0x500, .reqid = 3, .esn = true, .dir = XFRM_POLICY_OUT,
};

static const struct hwsim_charge_sa id = {.family = AF_INET, .dst = {192, 0, 2, 2}, .spi = 0x500};

static void send_inner(struct rig *a, uint64_t count)
{
	uint8_t p[INNER];
	size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, 100);

	assert_int_equal(n, INNER);
	while (count--)
		rig_tx(a, 0, p, n);
}

static void equal(struct rig *a, struct rig *b, const struct spec *s)
{
	struct hwsim_stats x = rig_stats(a), y = rig_stats(b);

	assert_int_equal(x.soft_expired, y.soft_expired);
	assert_int_equal(x.hard_expired, y.hard_expired);
	assert_int_equal(x.total.used, y.total.used);
	assert_int_equal(hwsim_slots_held(a->card), x.total.used + x.total.freeing);
	if (x.total.used) {
		struct xfrm_usersa_info i = rig_get(a, s), j = rig_get(b, s);

		assert_int_equal(i.curlft.packets, j.curlft.packets);
		assert_int_equal(i.curlft.bytes, j.curlft.bytes);
		assert_int_equal(i.curlft.use_time, j.curlft.use_time);
	}
	for (unsigned int n = 0; n < b->events; n++)
		assert_int_equal(a->event[n].len, b->event[n].len);
}

/* Two cards alike: through one go packets, the other is charged, in runs of any length. */
static void is_what_packets_do(void **state)
{
	static const uint64_t rows[][4] = {
		/* soft and hard packets, soft and hard bytes */
		{3, 5, 0, 0},
		{1, 2, 0, 0},
		{0, 40, 0, 0},
		{4, 0, 0, 0},
		{0, 0, 20 * INNER, 41 * INNER},
		{0, 0, 2 * INNER + 1, 44 * INNER - 1},
		{5, 90, 33 * INNER, 50 * INNER + 1},
		{0, 0, 0, 0},
	};
	struct prng rng = prng_init(7);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
		struct spec s = base;
		uint64_t sent = 0, carried = 0;

		s.soft_packets = rows[i][0];
		s.hard_packets = rows[i][1];
		s.soft_bytes = rows[i][2];
		s.hard_bytes = rows[i][3];
		assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &s), 0);
		assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &s), 0);
		assert_int_equal(rig_policy(b, XFRM_MSG_NEWPOLICY, &s), 0);
		assert_int_equal(rig_sa(b, XFRM_MSG_NEWSA, &s), 0);
		while (sent < 60) {
			uint64_t run = 1 + prng_below(&rng, 12);

			rig_wait(a, 300 * MS);
			rig_wait(b, 300 * MS);
			send_inner(a, run);
			carried += hwsim_charge(b->card, b->now, &id, run, INNER);
			sent += run;
			equal(a, b, &s);
		}
		assert_int_equal(carried, rig_stats(a).tx_esp);
		rig_free(a);
		rig_free(b);
	}
}

static void says_what_is_left(void **state)
{
	struct rig *a = rig_new("tiny-33", 0);
	struct spec s = base;
	bool hard = true;

	(void)state;
	s.soft_bytes = 10 * INNER - 1;
	s.hard_packets = 15;
	assert_int_equal(hwsim_charge_left(a->card, &id, INNER, &hard), 0);
	assert_int_equal(hwsim_charge(a->card, a->now, &id, 5, INNER), 0);
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &s), 0);
	assert_int_equal(hwsim_charge_left(a->card, &id, INNER, &hard), 10);
	assert_false(hard);
	assert_int_equal(hwsim_charge(a->card, a->now, &id, 10, INNER), 10);
	assert_int_equal(rig_stats(a).soft_expired, 1);
	assert_int_equal(hwsim_charge_left(a->card, &id, INNER, &hard), 5);
	assert_true(hard);
	assert_int_equal(hwsim_charge(a->card, a->now, &id, 100, INNER), 5);
	assert_int_equal(rig_stats(a).hard_expired, 1);
	assert_int_equal(hwsim_charge_left(a->card, &id, INNER, &hard), 0);
	rig_free(a);
}

/* The newer SA of the sender's own CPU, as for a packet. */
static void takes_the_way_of_a_packet(void **state)
{
	struct rig *a = rig_new("tiny-33", 0);
	struct spec any = base, own = base, newer = base;
	struct hwsim_charge_sa sa;
	uint8_t p[INNER];
	size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, 100);

	(void)state;
	own.spi = 0x501;
	own.pcpu = newer.pcpu = 2; /* CPU 1 */
	newer.spi = 0x502;
	assert_false(hwsim_charge_route(a->card, a->now, 0, p, n, &sa));
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &any), 0);
	assert_false(hwsim_charge_route(a->card, a->now, 0, p, n, &sa));
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &any), 0);
	assert_true(hwsim_charge_route(a->card, a->now, 1, p, n, &sa));
	assert_int_equal(sa.spi, 0x500);
	assert_memory_equal(sa.dst, id.dst, sizeof(sa.dst));
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &own), 0);
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &newer), 0);
	assert_true(hwsim_charge_route(a->card, a->now, 1, p, n, &sa));
	assert_int_equal(sa.spi, 0x502);
	assert_true(hwsim_charge_route(a->card, a->now, 0, p, n, &sa));
	assert_int_equal(sa.spi, 0x500);
	rig_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_packets_do),
		cmocka_unit_test(says_what_is_left),
		cmocka_unit_test(takes_the_way_of_a_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
