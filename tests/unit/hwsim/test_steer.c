/* SPDX-License-Identifier: MIT */
/* Flow rules, XPS, and which of several queues' SAs carries what. */
#include "rig.h"

#include "base/ethtool_uapi.h"
#include "base/prng.h"

enum { QUEUES = 4 };

/* One rxnfc ioctl. 0 or -errno. */
static int rxnfc(struct rig *rig, struct ethtool_rxnfc *n)
{
	static union {
		struct nlmsghdr nlh;
		uint8_t room[512];
	} u;
	struct kr_ethtool_ioctl *head;
	struct nlmsghdr *nlh;
	int err;

	memset(&u, 0, sizeof(u));
	nlh = mnl_nlmsg_put_header(&u);
	nlh->nlmsg_type = KR_ETHTOOL_IOCTL;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->ifindex = RIG_IFINDEX;
	memcpy(head + 1, n, sizeof(*n));
	nlh->nlmsg_len += (uint32_t)sizeof(*n);
	err = rig_send_generic(rig, nlh);
	if (!err)
		memcpy(n, rig->reply + NLMSG_HDRLEN + sizeof(*head), sizeof(*n));
	return err;
}

/* SPI (host order) to queue, with a destination or (NULL) any. The location, or -errno. */
static int rule(struct rig *rig, const char *dst, uint32_t spi, uint64_t queue, uint32_t location)
{
	struct ethtool_rxnfc n = {.cmd = ETHTOOL_SRXCLSRLINS};
	uint8_t addr[16] = {0};
	bool v6 = dst && rig_addr(dst, addr, NULL) == AF_INET6;
	int err;

	n.fs.flow_type = v6 ? ESP_V6_FLOW : ESP_V4_FLOW;
	n.fs.ring_cookie = queue;
	n.fs.location = location;
	if (v6) {
		n.fs.h_u.esp_ip6_spec.spi = htonl(spi);
		n.fs.m_u.esp_ip6_spec.spi = UINT32_MAX;
		memcpy(n.fs.h_u.esp_ip6_spec.ip6dst, addr, 16);
		memset(n.fs.m_u.esp_ip6_spec.ip6dst, 0xff, 16);
	} else {
		n.fs.h_u.esp_ip4_spec.spi = htonl(spi);
		n.fs.m_u.esp_ip4_spec.spi = UINT32_MAX;
		memcpy(&n.fs.h_u.esp_ip4_spec.ip4dst, addr, 4);
		n.fs.m_u.esp_ip4_spec.ip4dst = dst ? UINT32_MAX : 0;
	}
	err = rxnfc(rig, &n);
	return err ? err : (int)n.fs.location;
}

/* The RX queue of an ESP packet. */
static unsigned int queue_of(struct rig *rig, const char *src, const char *dst, uint32_t spi)
{
	uint8_t p[200];
	size_t n = rig_packet(p, src, dst, 0, 0, 40), at = strchr(src, ':') ? 40 : 20;

	p[at == 40 ? 6 : 9] = IPPROTO_ESP;
	put_be32(p + at, spi);
	return hwsim_rss_queue(rig->card, p, n);
}

static void a_rule_wins_over_rss(void **state)
{
	struct rig *rig = rig_new("rules-33", 0);
	unsigned int rss = queue_of(rig, "192.0.2.1", "192.0.2.2", 77), other = (rss + 1) % QUEUES,
		     third = (rss + 2) % QUEUES;
	struct ethtool_rxnfc n = {.cmd = ETHTOOL_GRXCLSRLCNT};
	int at;

	(void)state;
	at = rule(rig, "192.0.2.2", 77, other, RX_CLS_LOC_ANY);
	assert_int_equal(at, 0);
	assert_int_equal(queue_of(rig, "192.0.2.1", "192.0.2.2", 77), other);
	assert_int_equal(queue_of(rig, "192.0.2.1", "192.0.2.2", 78), rss); /* the SPI is not hashed */
	assert_int_equal(queue_of(rig, "192.0.2.9", "192.0.2.2", 77), other);
	assert_int_not_equal(queue_of(rig, "2001:db8::1", "2001:db8::2", 77), QUEUES);
	/* of two the smaller location, and `last` is behind the first */
	assert_int_equal(rule(rig, NULL, 77, third, RX_CLS_LOC_LAST), 127);
	assert_int_equal(queue_of(rig, "192.0.2.1", "192.0.2.2", 77), other);
	assert_int_equal(queue_of(rig, "192.0.2.1", "198.51.100.1", 77), third);
	assert_int_equal(rxnfc(rig, &n), 0);
	assert_int_equal(n.rule_cnt, 2);
	assert_int_equal(n.data, 128 | RX_CLS_LOC_SPECIAL);
	n = (struct ethtool_rxnfc){.cmd = ETHTOOL_SRXCLSRLDEL, .fs.location = 0};
	assert_int_equal(rxnfc(rig, &n), 0);
	assert_int_equal(rxnfc(rig, &n), -ENOENT);
	assert_int_equal(queue_of(rig, "192.0.2.1", "192.0.2.2", 77), third);
	assert_int_equal(rule(rig, "2001:db8::2", 5, 3, 9), 9);
	assert_int_equal(queue_of(rig, "2001:db8::1", "2001:db8::2", 5), 3);
	n = (struct ethtool_rxnfc){.cmd = ETHTOOL_GRXCLSRULE, .fs.location = 9};
	assert_int_equal(rxnfc(rig, &n), 0);
	assert_int_equal(n.fs.ring_cookie, 3);
	assert_int_equal(ntohl(n.fs.h_u.esp_ip6_spec.spi), 5);
	rig_free(rig);
}

static void rules_that_cannot_be(void **state)
{
	struct rig *rig = rig_new("rules-33", 0), *cx7 = rig_new("cx7", 0);
	struct ethtool_rxnfc n = {.cmd = ETHTOOL_SRXCLSRLINS, .fs = {.flow_type = TCP_V4_FLOW}};
	struct ethtool_rxnfc list = {.cmd = ETHTOOL_GRXCLSRLALL};
	int at;

	(void)state;
	assert_int_equal(rxnfc(rig, &n), -EOPNOTSUPP);
	n.fs.flow_type = ESP_V4_FLOW; /* without an SPI */
	assert_int_equal(rxnfc(rig, &n), -EOPNOTSUPP);
	assert_int_equal(rule(rig, NULL, 1, QUEUES, RX_CLS_LOC_ANY), -EINVAL);
	assert_int_equal(rule(rig, NULL, 1, 0, 128), -EINVAL);
	assert_int_equal(rule(cx7, NULL, 1, 0, RX_CLS_LOC_ANY), -EOPNOTSUPP);
	assert_int_equal(rule(cx7, NULL, 1, 0, 0), -EOPNOTSUPP);
	for (at = 0; at < 128; at++)
		assert_int_equal(rule(rig, NULL, (uint32_t)at, 0, RX_CLS_LOC_FIRST), at);
	assert_int_equal(rule(rig, NULL, 1, 0, RX_CLS_LOC_ANY), -ENOSPC);
	assert_int_equal(rule(rig, NULL, 1000, 1, 17), 17); /* in the place of another */
	assert_int_equal(queue_of(rig, "192.0.2.1", "192.0.2.2", 1000), 1);
	assert_int_equal(rxnfc(rig, &list), -EMSGSIZE); /* no room for the list */
	rig_free(cx7);
	rig_free(rig);
}

/* XPS: CPUs that share a TX queue still use their own SAs. */
static void cpus_choose_the_queue_and_the_sa(void **state)
{
	struct spec s = {RIG_TUNNEL, .reqid = 3};
	struct rig *rig = rig_new("tiny-33", 0);
	uint64_t tx[QUEUES], rx;
	uint8_t p[200];
	size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, 20);

	(void)state;
	s.dir = XFRM_POLICY_OUT;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	for (unsigned int cpu = 0; cpu < QUEUES; cpu++) {
		s.spi = 0x100 + cpu;
		s.pcpu = (int)cpu + 1;
		s.key = (uint8_t)(cpu + 1);
		assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
		assert_int_equal(hwsim_xps_get(rig->card, cpu), cpu);
	}
	assert_int_equal(hwsim_xps_set(rig->card, 3, 1), 0);
	assert_int_equal(hwsim_xps_set(rig->card, 3, QUEUES), -EINVAL);
	assert_int_equal(hwsim_xps_set(rig->card, QUEUES, 0), -EINVAL);
	assert_int_equal(hwsim_xps_get(rig->card, QUEUES), -EINVAL);
	for (int round = 0; round < 2; round++)
		for (unsigned int cpu = 0; cpu < QUEUES; cpu++) {
			unsigned int before = rig->wires;

			hwsim_tx_cpu(rig->card, cpu, rig->now, p, n);
			assert_int_equal(rig->wires, before + 1);
			assert_int_equal(get_be32(rig->wire[before % RIG_PACKETS].data + 20), 0x100 + cpu);
			assert_int_equal(rig->wire[before % RIG_PACKETS].queue, cpu == 3 ? 1 : cpu);
		}
	for (unsigned int q = 0; q < QUEUES; q++)
		hwsim_queue_stats(rig->card, q, &tx[q], &rx);
	assert_int_equal(tx[0], 2);
	assert_int_equal(tx[1], 4);
	assert_int_equal(tx[3], 0);
	rig_free(rig);
}

static uint64_t packets_of(struct rig *rig, struct spec s, uint32_t spi)
{
	s.spi = spi;
	return rig_get(rig, &s).curlft.packets;
}

/*
 * The SA of each CPU, all of one reqid, on a card like mlx5: in packet mode the card goes by the reqid and one SA
 * carries everything, whatever CPU it was made for; in crypto mode the kernel's choice of SA goes with the packet.
 */
static void per_cpu_sas_collapse_in_packet_mode_and_not_in_crypto_mode(void **state)
{
	const struct spec base = {RIG_TUNNEL, .reqid = 3, .dir = XFRM_POLICY_OUT};
	uint8_t p[200];
	size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", 1, 2, 20);

	(void)state;
	for (int crypto = 0; crypto <= 1; crypto++) {
		struct rig *rig = rig_new("cx7", 0);
		struct spec s = base;
		unsigned int used = 0;

		s.software = crypto; /* of the policy: an offloaded one wants packet mode */
		assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
		s.software = false;
		s.crypto = crypto;
		for (unsigned int cpu = 0; cpu < QUEUES; cpu++) {
			s.spi = 0x100 + cpu;
			s.pcpu = (int)cpu + 1;
			s.key = (uint8_t)(cpu + 1);
			assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
		}
		for (unsigned int i = 0; i < 10 * QUEUES; i++)
			hwsim_tx_cpu(rig->card, i % QUEUES, rig->now, p, n);
		assert_int_equal(rig_stats(rig).tx_esp, 10 * QUEUES);
		rig->now += 2 * SEC; /* counters of this card are a second old */
		for (unsigned int cpu = 0; cpu < QUEUES; cpu++) {
			uint64_t packets = packets_of(rig, s, 0x100 + cpu);

			used += packets > 0;
			assert_int_equal(packets, crypto ? 10 : cpu == QUEUES - 1 ? 10 * QUEUES : 0);
		}
		assert_int_equal(used, crypto ? QUEUES : 1);
		rig_free(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_wins_over_rss),
		cmocka_unit_test(rules_that_cannot_be),
		cmocka_unit_test(cpus_choose_the_queue_and_the_sa),
		cmocka_unit_test(per_cpu_sas_collapse_in_packet_mode_and_not_in_crypto_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
