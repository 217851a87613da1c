/* SPDX-License-Identifier: MIT */
/* Which SA carries a packet, and what is asked for when there is none. */
#include "rig.h"

static const struct spec tunnel = {
	RIG_TUNNEL,
	.spi = 0x500,
	.reqid = 3,
	.dir = XFRM_POLICY_OUT,
};

static void add(struct rig *rig, uint32_t spi, int pcpu, uint64_t soft)
{
	struct spec s = tunnel;

	s.spi = spi;
	s.pcpu = pcpu;
	s.key = (uint8_t)spi;
	s.soft_packets = soft;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
}

/* The SPI that a packet of this queue leaves with; 0: it does not leave. */
static uint32_t spi_used(struct rig *rig, unsigned int queue)
{
	unsigned int before = rig->wires;
	uint8_t p[200];
	size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, 20);

	rig_tx(rig, queue, p, n);
	return rig->wires == before ? 0 : get_be32(rig->wire[before % RIG_PACKETS].data + 20);
}

static void own_cpu_then_not_dying_then_newer(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);

	(void)state;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &tunnel), 0);
	add(rig, 0x10, 0, 0);
	assert_int_equal(spi_used(rig, 2), 0x10);
	add(rig, 0x12, 3, 0); /* of CPU 2 */
	assert_int_equal(spi_used(rig, 2), 0x12);
	assert_int_equal(spi_used(rig, 1), 0x10);
	add(rig, 0x11, 0, 2);
	assert_int_equal(spi_used(rig, 1), 0x11); /* newer */
	assert_int_equal(spi_used(rig, 2), 0x12);
	assert_int_equal(spi_used(rig, 0), 0x11); /* and with that, dying */
	assert_int_equal(spi_used(rig, 0), 0x10);
	rig_free(rig);
}

/* mlx5 in packet mode: SAs of one reqid collapse, whatever their CPU. */
static void by_reqid_all_queues_use_one(void **state)
{
	(void)state;
	for (int oldest = 0; oldest <= 1; oldest++) {
		struct hwsim_config config = {.profile = hwsim_profile_find("cx7"),
					      .queues = 4,
					      .ifindex = RIG_IFINDEX,
					      .reqid_oldest = oldest};
		struct rig *rig = rig_new("cx7", 0);
		struct hwsim_ops ops = {.ctx = rig};
		struct hwsim *card = hwsim_new(&config, &ops);
		struct hwsim *plain = rig->card;

		if (oldest)
			rig->card = card; /* without callbacks: only its tables are looked at */
		assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &tunnel), 0);
		add(rig, 0x10, 0, 0);
		add(rig, 0x11, 1, 0);
		add(rig, 0x12, 2, 0);
		for (unsigned int q = 0; q < 4; q++) {
			uint32_t spi = spi_used(rig, q);

			assert_int_equal(spi, oldest ? 0 : 0x12);
		}
		if (oldest) {
			struct spec s = tunnel;

			s.spi = 0x10;
			rig->now += 2 * SEC;
			assert_int_equal(rig_get(rig, &s).curlft.packets, 4);
			rig->card = plain;
		}
		hwsim_free(card);
		rig_free(rig);
	}
}

static struct xfrm_user_acquire acquire_at(struct rig *rig, unsigned int n, int pcpu)
{
	const struct nlmsghdr *nlh = rig_event(rig, n, XFRM_MSG_ACQUIRE);
	const struct nlattr *attr = rig_attr(nlh, sizeof(struct xfrm_user_acquire), KR_XFRMA_SA_PCPU);
	struct xfrm_user_acquire a;

	memcpy(&a, mnl_nlmsg_get_payload(nlh), sizeof(a));
	assert_int_equal(rig->event[n].group, XFRMNLGRP_ACQUIRE);
	if (pcpu < 0)
		assert_null(attr);
	else
		assert_int_equal(mnl_attr_get_u32(attr), pcpu);
	return a;
}

static void one_acquire_until_it_is_answered_or_expires(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct spec s = tunnel;
	struct xfrm_user_acquire a;
	unsigned int n;
	uint32_t cnt;

	(void)state;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &tunnel), 0);
	n = rig->events;
	assert_int_equal(spi_used(rig, 1), 0);
	a = acquire_at(rig, n, -1);
	assert_int_equal(a.id.spi, 0);
	assert_int_equal(ntohl(a.id.daddr.a4), 0xc0000202);
	assert_int_equal(ntohl(a.saddr.a4), 0xc0000201);
	assert_int_equal(ntohl(a.sel.daddr.a4), 0x0a020009);
	assert_int_equal(a.sel.prefixlen_d, 32);
	assert_int_equal(a.policy.index & 7, XFRM_POLICY_OUT);
	assert_int_equal(a.sel.proto, 17);
	assert_int_not_equal(a.seq, 0);
	for (unsigned int q = 0; q < 4; q++)
		assert_int_equal(spi_used(rig, q), 0);
	assert_int_equal(rig->events, n + 1);
	rig_check(rig);
	assert_int_equal(rig_stats(rig).total.used, 0); /* larval SAs hold no slot */
	rig_wait(rig, 30 * SEC);
	rig_event(rig, n + 1, XFRM_MSG_EXPIRE);
	assert_int_equal(spi_used(rig, 1), 0);
	a = acquire_at(rig, n + 2, -1);
	s.acquire = a.seq;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	assert_int_equal(spi_used(rig, 1), 0x500);
	rig_wait(rig, 60 * SEC); /* the larval SA went with the answer: it does not expire */
	n = rig->events;
	rig_wait(rig, 60 * SEC);
	assert_int_equal(rig->events, n);
	{ /* one SA in all */
		_Alignas(8) uint8_t buf[256];
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

		nlh->nlmsg_type = XFRM_MSG_GETSADINFO;
		mnl_nlmsg_put_extra_header(nlh, 4);
		assert_int_equal(rig_send(rig, nlh), 0);
		memcpy(&cnt, mnl_attr_get_payload(rig_attr((void *)rig->reply, 4, XFRMA_SAD_CNT)), 4);
		assert_int_equal(cnt, 1);
	}
	rig_free(rig);
}

/* XFRM_POLICY_CPU_ACQUIRE as it was measured on Linux 7.2. */
static void each_cpu_asks_after_the_fallback(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct spec s = tunnel, own = tunnel;
	struct xfrm_user_acquire a;
	unsigned int n;

	(void)state;
	s.policy_flags = KR_XFRM_POLICY_CPU_ACQUIRE;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	n = rig->events;
	assert_int_equal(spi_used(rig, 1), 0);
	a = acquire_at(rig, n, -1); /* first the SA for all CPUs */
	s.acquire = a.seq;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	n = rig->events;
	assert_int_equal(spi_used(rig, 1), 0x500); /* the packet that asks still uses the fallback */
	a = acquire_at(rig, n, 1);
	assert_int_equal(spi_used(rig, 1), 0); /* then everybody without an SA of its own waits */
	assert_int_equal(spi_used(rig, 2), 0);
	own.acquire = a.seq;
	own.pcpu = 2;
	own.spi = 0x501;
	own.key = 1;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &own), 0);
	assert_int_equal(spi_used(rig, 1), 0x501);
	n = rig->events;
	assert_int_equal(spi_used(rig, 2), 0x500);
	acquire_at(rig, n, 2);
	rig_free(rig);
}

static void transport_mode_goes_by_the_packets_addresses(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct spec policy = tunnel, s = tunnel;
	unsigned int n;
	struct xfrm_user_acquire a;

	(void)state;
	policy.transport = s.transport = true;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &policy), 0);
	s.src = "10.1.0.5";
	s.dst = "10.2.0.77"; /* another peer under the same policy */
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	n = rig->events;
	assert_int_equal(spi_used(rig, 0), 0);
	a = acquire_at(rig, n, -1);
	assert_int_equal(ntohl(a.id.daddr.a4), 0x0a020009);
	s.dst = "10.2.0.9";
	s.spi = 0x501;
	s.key = 1;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	assert_int_equal(spi_used(rig, 0), 0x501);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_cpu_then_not_dying_then_newer),
		cmocka_unit_test(by_reqid_all_queues_use_one),
		cmocka_unit_test(one_acquire_until_it_is_answered_or_expires),
		cmocka_unit_test(each_cpu_asks_after_the_fallback),
		cmocka_unit_test(transport_mode_goes_by_the_packets_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
