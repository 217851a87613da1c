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

/* What is done to a good NEWSA before it is sent. */
struct broken {
	const char *profile; /* NULL: cx7 */
	void (*spec)(struct spec *s);
	void (*info)(struct xfrm_usersa_info *p);
	void (*attr)(struct nlmsghdr *nlh);
	const char *text;
	int err;
	unsigned int offset; /* type of the attribute that the offset points to; 0: none */
};

static struct nlattr *find(struct nlmsghdr *nlh, unsigned int type)
{
	return (struct nlattr *)(uintptr_t)rig_attr(nlh, sizeof(struct xfrm_usersa_info), type);
}

static struct xfrm_replay_state_esn *esn(struct nlmsghdr *nlh)
{
	return mnl_attr_get_payload(find(nlh, XFRMA_REPLAY_ESN_VAL));
}

static struct xfrm_algo_aead *aead(struct nlmsghdr *nlh)
{
	return mnl_attr_get_payload(find(nlh, XFRMA_ALG_AEAD));
}

/* An attribute type that the kernel does not know: as if the attribute were not there. */
static void hide(struct nlmsghdr *nlh, unsigned int type)
{
	find(nlh, type)->nla_type = 60;
}

static void out(struct spec *s)
{
	s->in = false;
}

static void out_without_dir(struct spec *s)
{
	s->in = false;
	s->no_dir = true;
	s->pcpu = 1;
}

static void cpu_99(struct spec *s)
{
	s->pcpu = 100;
}

static void window_96(struct spec *s)
{
	s->window = 96;
}

static void no_reqid(struct spec *s)
{
	s->reqid = 0;
}

static void encap(struct spec *s)
{
	s->encap = 4500;
}

static void key_192(struct spec *s)
{
	s->key_bits = 224;
}

static void cbc(struct spec *s)
{
	s->aead = "";
}

static void chacha(struct spec *s)
{
	s->aead = "rfc7539esp(chacha20,poly1305)";
	s->key_bits = 288;
}

static void soft_over_hard(struct spec *s)
{
	s->soft_packets = 5;
	s->hard_packets = 5;
}

static void crypto_esn(struct spec *s)
{
	s->crypto = true;
}

static void packet_no_esn(struct spec *s)
{
	s->esn = false;
}

static void transport_no_esn(struct spec *s)
{
	s->esn = false;
	s->transport = true;
}

static void crypto_no_esn(struct spec *s)
{
	s->esn = false;
	s->crypto = true;
}

static void family_9(struct xfrm_usersa_info *p)
{
	p->family = 9;
}

static void prefix_33(struct xfrm_usersa_info *p)
{
	p->sel.family = AF_INET;
	p->sel.prefixlen_d = 33;
}

static void sel_family(struct xfrm_usersa_info *p)
{
	p->sel.family = 77;
}

static void proto_tcp(struct xfrm_usersa_info *p)
{
	p->id.proto = 6;
}

static void proto_ah(struct xfrm_usersa_info *p)
{
	p->id.proto = IPPROTO_AH;
}

static void mode_beet(struct xfrm_usersa_info *p)
{
	p->mode = XFRM_MODE_BEET;
}

static void mode_77(struct xfrm_usersa_info *p)
{
	p->mode = 77;
}

static void legacy_window(struct xfrm_usersa_info *p)
{
	p->replay_window = 32;
}

static void limit_0(struct xfrm_usersa_info *p)
{
	p->lft.soft_byte_limit = 0;
}

static void sel_icmp(struct xfrm_usersa_info *p)
{
	p->sel.proto = IPPROTO_ICMP;
}

static void flag_pmtu(struct xfrm_usersa_info *p)
{
	p->flags |= XFRM_STATE_NOPMTUDISC;
}

static void flag_dscp(struct xfrm_usersa_info *p)
{
	p->flags |= XFRM_STATE_DECAP_DSCP;
}

static void no_algorithm(struct nlmsghdr *nlh)
{
	hide(nlh, XFRMA_ALG_AEAD);
}

static void no_window(struct nlmsghdr *nlh)
{
	hide(nlh, XFRMA_REPLAY_ESN_VAL);
}

static void bitmap_129(struct nlmsghdr *nlh)
{
	esn(nlh)->bmp_len = 129;
}

static void bitmap_short(struct nlmsghdr *nlh)
{
	esn(nlh)->bmp_len = 5;
}

static void window_over(struct nlmsghdr *nlh)
{
	esn(nlh)->replay_window = 129;
}

static void window_0(struct nlmsghdr *nlh)
{
	esn(nlh)->replay_window = 0;
}

static void window_out(struct nlmsghdr *nlh)
{
	esn(nlh)->replay_window = 32;
}

static void seq_out(struct nlmsghdr *nlh)
{
	esn(nlh)->seq_hi = 1;
}

static void oseq_in(struct nlmsghdr *nlh)
{
	esn(nlh)->oseq = 1;
}

static void algorithm_foo(struct nlmsghdr *nlh)
{
	memcpy(aead(nlh)->alg_name, "rfc9999(foo)", 13);
}

static void icv_64(struct nlmsghdr *nlh)
{
	aead(nlh)->alg_icv_len = 64;
}

static void key_longer_than_message(struct nlmsghdr *nlh)
{
	aead(nlh)->alg_key_len = 0xfffffff8;
}

static void auth_too(struct nlmsghdr *nlh)
{
	struct xfrm_algo auth = {.alg_name = "hmac(sha256)"};

	mnl_attr_put(nlh, XFRMA_ALG_AUTH, sizeof(auth), &auth);
}

static void dir_3(struct nlmsghdr *nlh)
{
	*(uint8_t *)mnl_attr_get_payload(find(nlh, KR_XFRMA_SA_DIR)) = 3;
}

static void dir_long(struct nlmsghdr *nlh)
{
	hide(nlh, KR_XFRMA_SA_DIR);
	mnl_attr_put_u32(nlh, KR_XFRMA_SA_DIR, 1);
}

static void dir_other(struct nlmsghdr *nlh)
{
	*(uint8_t *)mnl_attr_get_payload(find(nlh, KR_XFRMA_SA_DIR)) = KR_XFRM_SA_DIR_OUT;
	esn(nlh)->replay_window = 0;
	esn(nlh)->bmp_len = 0;
}

static void mark_short(struct nlmsghdr *nlh)
{
	mnl_attr_put_u32(nlh, XFRMA_MARK, 1);
}

static void offload_flag_8(struct nlmsghdr *nlh)
{
	((struct xfrm_user_offload *)mnl_attr_get_payload(find(nlh, XFRMA_OFFLOAD_DEV)))->flags |= 8;
}

static void other_device(struct nlmsghdr *nlh)
{
	((struct xfrm_user_offload *)mnl_attr_get_payload(find(nlh, XFRMA_OFFLOAD_DEV)))->ifindex = 99;
}

static void tfc(struct nlmsghdr *nlh)
{
	mnl_attr_put_u32(nlh, XFRMA_TFCPAD, 1400);
}

#define ESP_NEEDS "Missing required attribute for ESP: at least one of AUTH, AUTH_TRUNC, CRYPT, AEAD"

static const struct broken rows[] = {
	{.info = family_9, .err = -EINVAL, .text = "Invalid address family"},
	{.info = prefix_33, .err = -EINVAL, .text = "Invalid prefix length in selector (must be <= 32 for IPv4)"},
	{.info = sel_family, .err = -EINVAL, .text = "Invalid address family in selector"},
	{.info = proto_tcp, .err = -EINVAL, .text = "Unsupported protocol"},
	{.info = proto_ah, .err = -EPROTONOSUPPORT, .text = "Requested type not found"},
	{.attr = no_algorithm, .err = -EINVAL, .text = ESP_NEEDS},
	{.attr = auth_too,
	 .err = -EINVAL,
	 .text = "Invalid attribute combination for ESP: AEAD can't be used with AUTH, AUTH_TRUNC, CRYPT"},
	{.attr = key_longer_than_message,
	 .err = -EINVAL,
	 .text = "Invalid AEAD attribute length",
	 .offset = XFRMA_ALG_AEAD},
	{.attr = no_window, .err = -EINVAL, .text = "Missing required attribute for ESN"},
	{.attr = bitmap_129, .err = -EINVAL, .text = "ESN bitmap length must be <= 128"},
	{.attr = bitmap_short, .err = -EINVAL, .text = "ESN attribute is too short to fit the full bitmap length"},
	{.info = legacy_window, .err = -EINVAL, .text = "ESN not compatible with legacy replay_window"},
	{.attr = window_over, .err = -EINVAL, .text = "ESN replay window is larger than the bitmap"},
	{.attr = window_0, .err = -EINVAL, .text = "ESN replay window must be > 0"},
	{.attr = oseq_in, .err = -EINVAL, .text = "Replay oseq and oseq_hi should be 0 for input SA"},
	{.spec = out, .attr = window_out, .err = -EINVAL, .text = "Replay window should be 0 for output SA"},
	{.spec = out, .attr = seq_out, .err = -EINVAL, .text = "Replay seq and seq_hi should be 0 for output SA"},
	{.spec = out, .info = flag_dscp, .err = -EINVAL, .text = "Flag DECAP_DSCP should not be set for output SA"},
	{.info = flag_pmtu, .err = -EINVAL, .text = "Flag NOPMTUDISC should not be set for input SA"},
	{.info = mode_77, .err = -EINVAL, .text = "Unsupported mode"},
	{.info = mode_beet, .err = -EPROTONOSUPPORT, .text = "Requested mode not found"},
	{.spec = out_without_dir, .err = -EINVAL, .text = "SA_PCPU only supported with SA_DIR"},
	{.spec = cpu_99, .err = -ERANGE, .text = "pCPU number too big"},
	{.attr = dir_3, .err = -ERANGE, .text = "integer out of range", .offset = KR_XFRMA_SA_DIR},
	{.attr = dir_long, .err = -EINVAL, .text = "invalid attribute length", .offset = KR_XFRMA_SA_DIR},
	{.attr = mark_short, .err = -ERANGE, .text = "Attribute failed policy validation", .offset = XFRMA_MARK},
	{.attr = algorithm_foo, .err = -ENOSYS, .text = "Requested AEAD algorithm not found"},
	{.attr = icv_64, .err = -ENOSYS, .text = "Requested AEAD algorithm not found"},
	{.attr = offload_flag_8, .err = -EINVAL, .text = "Unrecognized flags in offload request"},
	{.attr = dir_other, .err = -EINVAL, .text = "Mismatched SA and offload direction"},
	{.attr = tfc, .err = -EINVAL, .text = "TFC padding can't be offloaded"},
	{.attr = other_device, .err = -EINVAL, .text = ""},
	{.spec = window_96, .err = -EINVAL, .text = "mlx5_core: Unsupported replay window size"},
	{.spec = no_reqid, .err = -EINVAL, .text = "mlx5_core: Cannot offload without reqid"},
	{.spec = encap, .err = -EINVAL, .text = "mlx5_core: Encapsulation is supported in transport mode only"},
	{.spec = key_192,
	 .err = -EINVAL,
	 .text = "mlx5_core: Cannot offload xfrm states with AEAD key length other than 128/256 bit"},
	{.spec = cbc, .err = -EINVAL, .text = "mlx5_core: Cannot offload authenticated xfrm states"},
	{.spec = chacha, .err = -EINVAL, .text = "mlx5_core: Only AES-GCM-ICV16 xfrm state may be offloaded"},
	{.spec = soft_over_hard, .err = -EINVAL, .text = "mlx5_core: Hard packet limit must be greater than soft one"},
	{.info = limit_0, .err = -EINVAL, .text = "mlx5_core: Soft/hard byte limits can't be 0"},
	{.info = sel_icmp,
	 .err = -EINVAL,
	 .text = "mlx5_core: Device does not support upper protocol other than TCP/UDP"},
	{"ixgbe-1024", crypto_esn, NULL, NULL, "Device doesn't support offload with ESN", -EINVAL, 0},
	{"ixgbe-1024", transport_no_esn, NULL, NULL, "Unsupported ipsec offload type", -EINVAL, 0},
	{"ixgbe-1024", crypto_no_esn, NULL, NULL, "Unsupported mode for ipsec offload", -EINVAL, 0},
	{"netdevsim-33", packet_no_esn, NULL, NULL, "Unsupported ipsec offload type", -EINVAL, 0},
};

static void bad_requests_get_the_kernels_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *rig = rig_new(rows[i].profile ? rows[i].profile : "cx7", 0);
		_Alignas(8) uint8_t buf[4096];
		struct spec s = base;
		struct nlmsghdr *nlh;

		if (rows[i].spec)
			rows[i].spec(&s);
		nlh = rig_put_sa(buf, XFRM_MSG_NEWSA, &s);
		if (rows[i].info)
			rows[i].info(mnl_nlmsg_get_payload(nlh));
		if (rows[i].attr)
			rows[i].attr(nlh);
		if (rig_send(rig, nlh) != rows[i].err || strcmp(rig->text, rows[i].text) != 0)
			fail_msg("row %zu (%s): error %d, \"%s\"", i, rows[i].text, rig->error, rig->text);
		if (rows[i].offset) {
			const struct nlattr *at = (const void *)(buf + rig->offset);

			assert_int_equal(mnl_attr_get_type(at), rows[i].offset);
		} else {
			assert_int_equal(rig->offset, 0);
		}
		assert_int_equal(rig_stats(rig).total.used, 0);
		assert_int_equal(rig->events, 0);
		rig_free(rig);
	}
}

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
	assert_string_equal(rig->text, "Requested SPI is already in use");
	assert_int_equal(alloc_spi(rig, 5, 4), 0);
	assert_int_equal(rig->error, -EINVAL);
	assert_int_equal(rig_sa(rig, XFRM_MSG_NEWSA, &s), -EEXIST); /* only an update fills it */
	assert_int_equal(rig_sa(rig, XFRM_MSG_UPDSA, &s), 0);
	assert_int_equal(rig_stats(rig).total.used, 1);
	assert_int_equal(rig_get(rig, &s).reqid, 7);
	n = rig->events;
	rig_wait(rig, 100 * SEC);
	assert_int_equal(rig->events, n); /* the larval SA is gone */
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
		cmocka_unit_test(bad_requests_get_the_kernels_words),
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
