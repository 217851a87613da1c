/* SPDX-License-Identifier: MIT */
/* What the front door says to bad requests: the words of net/xfrm and of the drivers, Linux 6.12. */
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

static void icv_100(struct nlmsghdr *nlh)
{
	aead(nlh)->alg_icv_len = 100;
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
	((struct xfrm_user_offload *)mnl_attr_get_payload(find(nlh, XFRMA_OFFLOAD_DEV)))->ifindex =
		1; /* the host's loopback */
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
	{.info = proto_ah, .err = -EINVAL, .text = "Missing required attribute for AH: AUTH_TRUNC or AUTH"},
	{.attr = no_algorithm, .err = -EINVAL, .text = ESP_NEEDS},
	{.attr = auth_too,
	 .err = -EINVAL,
	 .text = "Invalid attribute combination for ESP: AEAD can't be used with AUTH, AUTH_TRUNC, CRYPT"},
	{.attr = key_longer_than_message, .err = -EINVAL, .text = "Invalid AEAD attribute length"},
	{.attr = no_window, .err = -EINVAL, .text = "Missing required attribute for ESN"},
	{.attr = bitmap_129, .err = -EINVAL, .text = "ESN bitmap length must be <= 128"},
	{.attr = bitmap_short, .err = -EINVAL, .text = "ESN attribute is too short to fit the full bitmap length"},
	{.info = legacy_window, .err = -EINVAL, .text = "ESN not compatible with legacy replay_window"},
	{.attr = window_over, .err = -EINVAL, .text = "ESN replay window is too large for the chosen bitmap size"},
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
	{.attr = icv_100, .err = -ENOSYS, .text = "Requested AEAD algorithm not found"},
	{.attr = icv_64,
	 .err = -EINVAL,
	 .text = "mlx5_core: Cannot offload xfrm states with AEAD ICV length other than 128bit"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests_get_the_kernels_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
