/* SPDX-License-Identifier: MIT */
/* The front door answers as net/xfrm/xfrm_user.c of Linux 6.12 does. */
#include "rig.h"

#include <netinet/in.h>

static const struct spec base = {
	.src = "192.0.2.1",
	.dst = "192.0.2.2",
	.spi = 0xabcd,
	.reqid = 7,
	.in = true,
	.esn = true,
	.window = 128,
	.key = 0x5a,
};

static size_t last_len;
static uint8_t last[4096];

static void keep(void *ctx, const void *msg, size_t len)
{
	(void)ctx;
	last_len = len;
	memcpy(last, msg, len < sizeof(last) ? len : sizeof(last));
}

/* The bytes of an acknowledgement, of an error with text, and what is not answered. */
static void acknowledgements_byte_for_byte(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct {
		struct nlmsghdr nlh;
		struct xfrm_usersa_flush flush;
	} __attribute__((aligned(8))) m = {{20, XFRM_MSG_FLUSHSA, NLM_F_REQUEST | NLM_F_ACK, 0x1234, 42}, {50}};
	static const uint8_t ack[36] = {36, 0, 0,      0, 2, 0, 0,    1, 0x34, 0x12, 0,    0,    42, 0, 0,  0, 0, 0,
					0,  0, 17 + 3, 0, 0, 0, 0x1c, 0, 5,    0,    0x34, 0x12, 0,  0, 42, 0, 0, 0};

	(void)state;
	hwsim_netlink(rig->card, 0, &m, sizeof(m), keep, NULL);
	assert_int_equal(last_len, sizeof(ack));
	assert_memory_equal(last, ack, sizeof(ack));

	/* an error is told without being asked for */
	m.nlh.nlmsg_type = 0x10 + 60;
	m.nlh.nlmsg_flags = NLM_F_REQUEST;
	hwsim_netlink(rig->card, 0, &m, sizeof(m), keep, NULL);
	assert_int_equal(last_len, 36);
	assert_int_equal((int32_t)last[16] - 256, -EINVAL);

	/* not a request, a control message, half a message: nothing */
	last_len = 0;
	m.nlh.nlmsg_flags = 0;
	hwsim_netlink(rig->card, 0, &m, sizeof(m), keep, NULL);
	m.nlh.nlmsg_flags = NLM_F_REQUEST;
	m.nlh.nlmsg_type = NLMSG_NOOP;
	hwsim_netlink(rig->card, 0, &m, sizeof(m), keep, NULL);
	hwsim_netlink(rig->card, 0, &m, sizeof(m) - 1, keep, NULL);
	hwsim_netlink(rig->card, 0, &m, 3, keep, NULL);
	assert_int_equal(last_len, 0);
	rig_free(rig);
}

/* No byte of a key comes back: not in errors, not in dumps, not in events. */
static void keys_do_not_come_back(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct spec s = base;
	_Alignas(8) uint8_t buf[4096];
	struct nlmsghdr *nlh = rig_put_sa(buf, XFRM_MSG_NEWSA, &s);
	static const uint8_t piece[4] = {0x5a, 0x5a, 0x5a, 0x5a};

	(void)state;
	assert_non_null(memmem(nlh, nlh->nlmsg_len, piece, sizeof(piece)));
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	for (int i = 0; i < 2; i++) {
		hwsim_netlink(rig->card, rig->now, nlh, nlh->nlmsg_len, keep, NULL);
		assert_null(memmem(last, last_len, piece, sizeof(piece)));
	}
	assert_int_equal(rig->events, 1);
	assert_null(memmem(rig->event[0].data, rig->event[0].len, piece, sizeof(piece)));
	rig_get(rig, &s);
	assert_null(memmem(rig->reply, rig->reply_len, piece, sizeof(piece)));
	rig_free(rig);
}

/* What went in comes out of GETSA, and the same SA is told to those who listen. */
static void an_sa_reads_back(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct spec s = base;
	struct xfrm_usersa_info info;
	struct xfrm_user_offload xuo;
	struct xfrm_replay_state_esn v;
	const struct nlmsghdr *nlh = (void *)rig->reply;
	const size_t body = sizeof(info);

	(void)state;
	s.seq = 0x500000002ull;
	s.pcpu = 3;
	s.soft_packets = 100;
	s.hard_packets = 200;
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	info = rig_get(rig, &s);
	assert_int_equal(nlh->nlmsg_type, XFRM_MSG_NEWSA);
	assert_int_equal(ntohl(info.id.spi), 0xabcd);
	assert_int_equal(info.reqid, 7);
	assert_int_equal(info.lft.hard_packet_limit, 200);
	assert_int_equal(info.curlft.add_time, 5);
	assert_int_equal(info.curlft.use_time, 0);
	memcpy(&xuo, mnl_attr_get_payload(rig_attr(nlh, body, XFRMA_OFFLOAD_DEV)), sizeof(xuo));
	assert_int_equal(xuo.ifindex, RIG_IFINDEX);
	assert_int_equal(xuo.flags, XFRM_OFFLOAD_INBOUND | KR_XFRM_OFFLOAD_PACKET);
	assert_int_equal(mnl_attr_get_u8(rig_attr(nlh, body, KR_XFRMA_SA_DIR)), KR_XFRM_SA_DIR_IN);
	assert_int_equal(mnl_attr_get_u32(rig_attr(nlh, body, KR_XFRMA_SA_PCPU)), 2);
	memcpy(&v, mnl_attr_get_payload(rig_attr(nlh, body, XFRMA_REPLAY_ESN_VAL)), sizeof(v));
	assert_int_equal(v.seq, 2);
	assert_int_equal(v.seq_hi, 5);
	assert_int_equal(v.replay_window, 128);
	assert_int_equal(v.bmp_len, 4);
	nlh = rig_event(rig, 0, XFRM_MSG_NEWSA);
	assert_int_equal(rig->event[0].group, XFRMNLGRP_SA);
	assert_non_null(rig_attr(nlh, body, XFRMA_OFFLOAD_DEV));
	assert_int_equal(rig_sa(rig, XFRM_MSG_DELSA, &s), 0);
	nlh = rig_event(rig, 1, XFRM_MSG_DELSA);
	assert_non_null(rig_attr(nlh, sizeof(struct xfrm_usersa_id), XFRMA_SA));
	assert_int_equal(rig_sa(rig, XFRM_MSG_GETSA, &s), -ESRCH);
	rig_free(rig);
}

static unsigned int count_dump(struct rig *rig, uint16_t request, uint16_t type)
{
	_Alignas(8) uint8_t buf[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	unsigned int n = 0;
	size_t at = 0;

	nlh->nlmsg_type = request;
	nlh->nlmsg_flags = NLM_F_DUMP;
	rig_send(rig, nlh);
	while (at < rig->reply_len) {
		struct nlmsghdr h;

		memcpy(&h, rig->reply + at, sizeof(h));
		assert_true(h.nlmsg_flags & NLM_F_MULTI);
		assert_int_equal(h.nlmsg_seq, rig->seq);
		at += NLMSG_ALIGN(h.nlmsg_len);
		if (h.nlmsg_type == NLMSG_DONE) {
			assert_int_equal(at, rig->reply_len);
			return n;
		}
		assert_int_equal(h.nlmsg_type, type);
		n++;
	}
	fail_msg("the dump has no end");
	return 0;
}

static void dumps_are_complete_and_in_parts(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct spec s = base;

	(void)state;
	assert_int_equal(count_dump(rig, XFRM_MSG_GETSA, XFRM_MSG_NEWSA), 0);
	for (s.spi = 1; s.spi <= 500; s.spi++)
		assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), 0);
	assert_int_equal(count_dump(rig, XFRM_MSG_GETSA, XFRM_MSG_NEWSA), 500);
	assert_true(rig->datagrams > 10);
	assert_int_equal(rig->error, 1); /* no ACK after NLMSG_DONE */
	s.dir = XFRM_POLICY_IN;
	for (s.dport = 1; s.dport <= 3; s.dport++) {
		s.proto = 17;
		assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	}
	assert_int_equal(count_dump(rig, XFRM_MSG_GETPOLICY, XFRM_MSG_NEWPOLICY), 3);
	rig_free(rig);
}

static uint32_t alloc_spi(struct rig *rig, uint32_t min, uint32_t max)
{
	_Alignas(8) uint8_t buf[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_userspi_info *p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));
	struct xfrm_usersa_info info;

	nlh->nlmsg_type = XFRM_MSG_ALLOCSPI;
	p->info.family = rig_addr(base.src, (uint8_t *)&p->info.saddr, NULL);
	rig_addr(base.dst, (uint8_t *)&p->info.id.daddr, NULL);
	p->info.id.proto = IPPROTO_ESP;
	p->info.mode = XFRM_MODE_TUNNEL;
	p->info.reqid = base.reqid;
	p->min = min;
	p->max = max;
	if (rig_send(rig, nlh))
		return 0;
	memcpy(&info, rig->reply + NLMSG_HDRLEN, sizeof(info));
	return ntohl(info.id.spi);
}

static void an_spi_is_allocated_and_then_filled(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	struct spec s = base;
	unsigned int n;

	(void)state;
	s.spi = alloc_spi(rig, 0x1000, 0x1fff);
	assert_in_range(s.spi, 0x1000, 0x1fff);
	assert_int_equal(alloc_spi(rig, s.spi, s.spi), 0);
	assert_int_equal(rig->error, -ENOENT);
	assert_string_equal(rig->text, "No SPI available in the requested range");
	assert_int_equal(alloc_spi(rig, 5, 4), 0);
	assert_int_equal(rig->error, -EINVAL);
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), -EEXIST); /* only an update fills it */
	assert_int_equal(rig_sa(rig, XFRM_MSG_UPDSA, &s), 0);
	assert_int_equal(rig_stats(rig).total.used, 1);
	assert_int_equal(rig_get(rig, &s).reqid, 7);
	n = rig->events;
	rig_wait(rig, 100 * SEC);
	/* the larval SA is gone; the one of the request that found no SPI has expired */
	assert_int_equal(rig->events, n + 1);
	rig_event(rig, n++, XFRM_MSG_EXPIRE);
	/* one that nobody fills expires, with its SPI in the event */
	s.spi = alloc_spi(rig, 0x2000, 0x2fff);
	rig_wait(rig, 30 * SEC);
	{
		struct xfrm_user_expire e;

		memcpy(&e, mnl_nlmsg_get_payload(rig_event(rig, n, XFRM_MSG_EXPIRE)), sizeof(e));
		assert_int_equal(ntohl(e.state.id.spi), s.spi);
		assert_int_equal(e.hard, 1);
	}
	assert_int_equal(rig_sa(rig, XFRM_MSG_UPDSA, &s), -ESRCH);
	rig_free(rig);
}

static int by_index(struct rig *rig, uint16_t type, uint32_t index, uint8_t dir)
{
	_Alignas(8) uint8_t buf[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_userpolicy_id *p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));

	nlh->nlmsg_type = type;
	p->index = index;
	p->dir = dir;
	return rig_send(rig, nlh);
}

static void policies_are_found_by_index_and_selector(void **state)
{
	struct rig *rig = rig_new("tiny-33", 0);
	struct spec s = {.src = "192.0.2.1", .dst = "192.0.2.2", .reqid = 4, .dir = XFRM_POLICY_OUT, .priority = 9};
	_Alignas(8) uint8_t buf[512];
	struct nlmsghdr *nlh;
	struct xfrm_userpolicy_id *id;
	struct xfrm_userpolicy_info info;
	uint32_t index;

	(void)state;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), 0);
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = XFRM_MSG_GETPOLICY;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	id->dir = XFRM_POLICY_OUT;
	id->sel.family = rig_addr(s.src, (uint8_t *)&id->sel.saddr, &id->sel.prefixlen_s);
	rig_addr(s.dst, (uint8_t *)&id->sel.daddr, &id->sel.prefixlen_d);
	assert_int_equal(rig_send(rig, nlh), 0);
	memcpy(&info, rig->reply + NLMSG_HDRLEN, sizeof(info));
	index = info.index;
	assert_int_equal(index & 7, XFRM_POLICY_OUT);
	assert_int_equal(info.priority, 9);
	assert_non_null(rig_attr((void *)rig->reply, sizeof(info), XFRMA_TMPL));
	assert_non_null(rig_attr((void *)rig->reply, sizeof(info), XFRMA_OFFLOAD_DEV));
	s.priority = 5;
	assert_int_equal(rig_policy(rig, XFRM_MSG_NEWPOLICY, &s), -EEXIST);
	assert_int_equal(rig_policy(rig, XFRM_MSG_UPDPOLICY, &s), 0);
	assert_int_equal(by_index(rig, XFRM_MSG_GETPOLICY, index, XFRM_POLICY_OUT), 0);
	memcpy(&info, rig->reply + NLMSG_HDRLEN, sizeof(info));
	assert_int_equal(info.priority, 5);
	assert_int_equal(by_index(rig, XFRM_MSG_GETPOLICY, index, XFRM_POLICY_IN), -ENOENT);
	assert_int_equal(by_index(rig, XFRM_MSG_DELPOLICY, index, 3), -EINVAL);
	assert_int_equal(by_index(rig, XFRM_MSG_DELPOLICY, index, XFRM_POLICY_OUT), 0);
	assert_int_equal(by_index(rig, XFRM_MSG_DELPOLICY, index, XFRM_POLICY_OUT), -ENOENT);
	rig_free(rig);
}

/* Several requests in one datagram are answered one by one. */
static void a_batch_is_answered_in_order(void **state)
{
	struct rig *rig = rig_new("cx7", 0);
	_Alignas(8) uint8_t buf[8192];
	struct spec s = base;
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		_Alignas(8) uint8_t one[4096];
		struct nlmsghdr *nlh;

		s.spi = 0x100 + (uint32_t)(i / 2); /* every second one is there already */
		nlh = rig_put_sa(one, XFRM_MSG_NEWSA, &s);
		nlh->nlmsg_flags = NLM_F_REQUEST;
		memcpy(buf + len, nlh, nlh->nlmsg_len);
		len += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	last_len = 0;
	hwsim_netlink(rig->card, rig->now, buf, len, keep, NULL);
	assert_int_equal(last_len, 36);
	assert_int_equal((int32_t)last[16] - 256, -EEXIST);
	assert_int_equal(rig_stats(rig).total.used, 3);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledgements_byte_for_byte),
		cmocka_unit_test(keys_do_not_come_back),
		cmocka_unit_test(an_sa_reads_back),
		cmocka_unit_test(dumps_are_complete_and_in_parts),
		cmocka_unit_test(an_spi_is_allocated_and_then_filled),
		cmocka_unit_test(policies_are_found_by_index_and_selector),
		cmocka_unit_test(a_batch_is_answered_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
