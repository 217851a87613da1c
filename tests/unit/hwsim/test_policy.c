/* SPDX-License-Identifier: MIT */
/* Nothing that a policy covers leaves or enters unprotected. */
#include "rig.h"

static const struct spec tunnel = {
	RIG_TUNNEL,
	.spi = 0x500,
	.reqid = 3,
};

static size_t covered(uint8_t *p, uint16_t dport)
{
	return rig_packet(p, "10.1.0.5", "10.2.0.9", 1000, dport, 40);
}

static void a_covered_packet_never_leaves_in_the_clear(void **state)
{
	struct rig *a = rig_new("cx7", 0);
	struct spec s = tunnel;
	uint8_t p[200];
	size_t n = covered(p, 80);

	(void)state;
	s.dir = XFRM_POLICY_OUT;
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 1); /* no policy yet */
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &s), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &s), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 2);
	assert_int_equal(a->wire[1].data[9], 50);
	assert_int_equal(rig_sa(a, XFRM_MSG_DELSA, &s), 0);
	rig_tx(a, 0, p, n);
	/* a later fragment shows no ports, but the addresses are covered */
	put_be16(p + 6, 4);
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 2);
	assert_int_equal(rig_stats(a).tx_no_sa, 3);
	rig_free(a);
}

static void blocked_packets_are_dropped(void **state)
{
	struct rig *a = rig_new("tiny-33", 0);
	struct spec s = tunnel;
	uint8_t p[200];
	size_t n = covered(p, 80);

	(void)state;
	s.dir = XFRM_POLICY_OUT;
	s.block = true;
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &s), 0);
	rig_tx(a, 0, p, n);
	s.dir = XFRM_POLICY_IN;
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &s), 0);
	rig_rx(a, p, n);
	assert_int_equal(a->wires + a->hosts, 0);
	assert_int_equal(rig_stats(a).tx_drop, 1);
	assert_int_equal(rig_stats(a).rx_policy_drop, 1);
	assert_int_equal(a->events, 2); /* the two policies; no acquire */
	rig_free(a);
}

/* Port 22 goes in the clear by a policy of its own, the rest is protected; then the priorities are swapped. */
static void the_smaller_priority_wins(void **state)
{
	struct rig *a = rig_new("tiny-33", 0);
	struct spec all = tunnel, ssh = tunnel;
	uint8_t p[200];
	size_t n = covered(p, 22);

	(void)state;
	all.dir = ssh.dir = XFRM_POLICY_OUT;
	all.priority = 200;
	ssh.priority = 100;
	ssh.bypass = true;
	ssh.proto = 17;
	ssh.dport = 22;
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &all), 0);
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &ssh), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(rig_stats(a).tx_plain, 1);
	n = covered(p, 23);
	rig_tx(a, 0, p, n);
	assert_int_equal(rig_stats(a).tx_no_sa, 1);
	n = covered(p, 22);
	/* of a fragment nobody can tell whether it is for port 22: it must not pass for that */
	put_be16(p + 6, 8);
	rig_tx(a, 0, p, n);
	assert_int_equal(rig_stats(a).tx_plain, 1);
	n = covered(p, 22);
	all.priority = 50;
	assert_int_equal(rig_policy(a, XFRM_MSG_UPDPOLICY, &all), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(rig_stats(a).tx_plain, 1);
	assert_int_equal(a->wires, 1);
	rig_free(a);
}

/* An offloaded policy looks at offloaded SAs only, a software policy at the others; and the offloaded one comes first.
 */
static void offloaded_and_software_do_not_mix(void **state)
{
	struct rig *a = rig_new("tiny-33", 0);
	struct spec hw = tunnel, sw = tunnel, crypto = tunnel;
	uint8_t p[200];
	size_t n = covered(p, 80);

	(void)state;
	sw.software = true;
	sw.spi = 0x600;
	sw.key = 6;
	sw.dir = hw.dir = XFRM_POLICY_OUT;
	sw.priority = 1;
	hw.priority = 900;
	sw.from = "10.1.0.0/24";
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &sw), 0);
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &hw), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 0);
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &sw), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires,
			 0); /* the software policy is more specific and has the better priority, and does not count */
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &hw), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(get_be32(a->wire[0].data + 20), 0x500);
	assert_int_equal(hwsim_fault(a->card, "link_down", 1, 0), 0); /* takes the offloaded ones away */
	rig_tx(a, 0, p, n);
	assert_int_equal(get_be32(a->wire[1].data + 20), 0x600);
	crypto.crypto = true;
	crypto.spi = 0x700;
	crypto.key = 7;
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &crypto), 0);
	assert_int_equal(rig_stats(a).total.used, 1);
	rig_tx(a, 0, p, n); /* crypto offload serves software policies: the kernel chooses, here the newer SA */
	assert_int_equal(get_be32(a->wire[2].data + 20), 0x700);
	rig_free(a);
}

static void plaintext_that_should_be_protected_is_not_let_in(void **state)
{
	struct rig *a = rig_new("tiny-33", 0), *b = rig_new("tiny-33", 0);
	struct spec other = tunnel, in = tunnel;
	uint8_t p[200], q[200];
	size_t n = covered(p, 80), m = rig_packet(q, "10.9.0.5", "10.2.0.9", 1, 2, 40);

	(void)state;
	rig_rx(b, p, n);
	assert_int_equal(b->hosts, 1);
	rig_connect(a, b, &tunnel);
	rig_rx(b, p, n);
	rig_rx(b, q, m); /* not covered */
	assert_int_equal(b->hosts, 2);
	assert_int_equal(rig_stats(b).rx_policy_drop, 1);
	assert_int_equal(rig_stats(b).rx_plain, 2);
	/* what a tunnel brings must be what was agreed for it: a second tunnel of the same peer may not carry this */
	other.spi = 0x501;
	other.reqid = 4;
	other.key = 4;
	other.from = "10.1.0.0/17";
	other.priority = 0;
	other.dir = XFRM_POLICY_OUT;
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &other), 0);
	in = other;
	in.in = true;
	assert_int_equal(rig_sa(b, XFRM_MSG_NEWSA, &in), 0);
	/* a sends by reqid 4, as if it had agreed that */
	{
		struct spec again = tunnel;

		again.dir = XFRM_POLICY_OUT;
		again.reqid = 4;
		assert_int_equal(rig_policy(a, XFRM_MSG_UPDPOLICY, &again), 0);
	}
	a->peer = b;
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 1);
	assert_int_equal(get_be32(a->wire[0].data + 20), 0x501);
	assert_int_equal(b->hosts, 2);
	assert_int_equal(rig_stats(b).rx_policy_drop, 2);
	rig_free(a);
	rig_free(b);
}

/* A gateway that forwards has fwd policies, which cannot be offloaded. */
static void a_forward_policy_lets_in_too(void **state)
{
	struct rig *a = rig_new("cx7", 0), *b = rig_new("cx7", 0);
	struct spec in = tunnel, out = tunnel;
	uint8_t p[200];
	size_t n = covered(p, 80);

	(void)state;
	a->peer = b;
	in.in = true;
	out.dir = XFRM_POLICY_OUT;
	assert_int_equal(rig_sa(a, XFRM_MSG_NEWSA, &out), 0);
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &out), 0);
	assert_int_equal(rig_sa(b, XFRM_MSG_NEWSA, &in), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(b->hosts, 0); /* a tunnel that no policy asked for */
	in.dir = XFRM_POLICY_FWD;
	assert_int_equal(rig_policy(b, XFRM_MSG_NEWPOLICY, &in), -EINVAL);
	assert_string_equal(b->text, "mlx5_core: Cannot offload forward policy");
	in.software = true;
	assert_int_equal(rig_policy(b, XFRM_MSG_NEWPOLICY, &in), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(b->hosts, 1);
	rig_free(a);
	rig_free(b);
}

static void strange_headers_do_not_slip_through(void **state)
{
	struct rig *a = rig_new("tiny-33", 0);
	struct spec s = {.src = "2001:db8::1",
			 .dst = "2001:db8::2",
			 .from = "fd01::/64",
			 .to = "fd02::/64",
			 .reqid = 1,
			 .proto = 17,
			 .dport = 80,
			 .dir = XFRM_POLICY_OUT};
	uint8_t p[400] = {0};
	size_t n = rig_packet(p, "fd01::5", "fd02::9", 1, 80, 200);

	(void)state;
	assert_int_equal(rig_policy(a, XFRM_MSG_NEWPOLICY, &s), 0);
	rig_tx(a, 0, p, n);
	assert_int_equal(rig_stats(a).tx_no_sa, 1);
	/* the same behind nine destination option headers: more than the card looks through */
	memset(p + 40, 0, 80);
	p[6] = 60;
	for (int i = 0; i < 9; i++)
		p[40 + 8 * i] = 60;
	p[40 + 8 * 9] = 17;
	rig_tx(a, 0, p, n);
	/* and behind a header that claims to be longer than the packet */
	p[41] = 255;
	rig_tx(a, 0, p, n);
	assert_int_equal(rig_stats(a).tx_drop, 2);
	/* another protocol is not covered */
	n = rig_packet(p, "fd01::5", "fd02::9", 1, 80, 200);
	p[6] = 6;
	rig_tx(a, 0, p, n);
	assert_int_equal(a->wires, 1);
	/* not IP at all */
	memset(p, 0x55, 40);
	rig_tx(a, 0, p, 40);
	rig_tx(a, 0, p, 0);
	assert_int_equal(rig_stats(a).tx_drop, 4);
	rig_free(a);
}

static void the_policy_table_has_an_end(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct spec s = tunnel;

	(void)state;
	s.dir = XFRM_POLICY_OUT;
	for (s.dport = 1; s.dport <= 8; s.dport++) {
		s.proto = 17;
		assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	}
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), -ENOSPC);
	assert_string_equal(rig->text, "mlx5_core: Device failed to offload this policy");
	s.software = true;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), -EEXIST);
	assert_int_equal(rig_stats(rig).policies, 9);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_covered_packet_never_leaves_in_the_clear),
		cmocka_unit_test(blocked_packets_are_dropped),
		cmocka_unit_test(the_smaller_priority_wins),
		cmocka_unit_test(offloaded_and_software_do_not_mix),
		cmocka_unit_test(plaintext_that_should_be_protected_is_not_let_in),
		cmocka_unit_test(a_forward_policy_lets_in_too),
		cmocka_unit_test(strange_headers_do_not_slip_through),
		cmocka_unit_test(the_policy_table_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
