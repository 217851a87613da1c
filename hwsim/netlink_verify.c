/* SPDX-License-Identifier: MIT */
/* What Linux 6.12 checks in an SA before it makes one (verify_newsa_info), in its order and with its words. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "hwsim/netlink.h"

static int verify_selector(struct request *r, const struct xfrm_usersa_info *p)
{
	const struct xfrm_selector *sel = &p->sel;

	if (p->family != AF_INET && p->family != AF_INET6)
		return request_fail(r, -EINVAL, "Invalid address family");
	if (sel->family == AF_INET && (sel->prefixlen_d > 32 || sel->prefixlen_s > 32))
		return request_fail(r, -EINVAL, "Invalid prefix length in selector (must be <= 32 for IPv4)");
	if (sel->family == AF_INET6 && (sel->prefixlen_d > 128 || sel->prefixlen_s > 128))
		return request_fail(r, -EINVAL, "Invalid prefix length in selector (must be <= 128 for IPv6)");
	if (sel->family != AF_UNSPEC && sel->family != AF_INET && sel->family != AF_INET6)
		return request_fail(r, -EINVAL, "Invalid address family in selector");
	return 0;
}

static int verify_proto(struct request *r, const struct xfrm_usersa_info *p)
{
	bool auth = r->attr[XFRMA_ALG_AUTH] || r->attr[XFRMA_ALG_AUTH_TRUNC];
	bool crypt = r->attr[XFRMA_ALG_CRYPT], aead = r->attr[XFRMA_ALG_AEAD];

	switch (p->id.proto) {
	case IPPROTO_ESP:
		break;
	case IPPROTO_AH:
	case IPPROTO_COMP:
	case IPPROTO_DSTOPTS:
	case IPPROTO_ROUTING: /* known to the kernel, but this host has no module for them */
		return request_fail(r, -EPROTONOSUPPORT, "Requested type not found");
	default:
		return request_fail(r, -EINVAL, "Unsupported protocol");
	}
	if (r->attr[XFRMA_ALG_COMP])
		return request_fail(r, -EINVAL, "Invalid attribute for ESP: COMP");
	if (!auth && !crypt && !aead)
		return request_fail(
			r, -EINVAL,
			"Missing required attribute for ESP: at least one of AUTH, AUTH_TRUNC, CRYPT, AEAD");
	if ((auth || crypt) && aead)
		return request_fail(
			r, -EINVAL,
			"Invalid attribute combination for ESP: AEAD can't be used with AUTH, AUTH_TRUNC, CRYPT");
	if (r->attr[XFRMA_TFCPAD] && p->mode != XFRM_MODE_TUNNEL)
		return request_fail(r, -EINVAL, "TFC padding can only be used in tunnel mode");
	return 0;
}

/* An algorithm attribute is its header and as many key bytes as the header says. */
static int verify_algorithm(struct request *r, unsigned int type, size_t header, uint32_t key_bits, const char *text)
{
	size_t key = ((uint64_t)key_bits + 7) / 8;

	if (mnl_attr_get_payload_len(r->attr[type]) >= header + key)
		return 0;
	r->offset = request_offset(r, type);
	return request_fail(r, -EINVAL, text);
}

static int verify_algorithms(struct request *r)
{
	const struct xfrm_algo_aead *aead = request_attr(r, XFRMA_ALG_AEAD);
	const struct xfrm_algo_auth *trunc = request_attr(r, XFRMA_ALG_AUTH_TRUNC);
	const struct xfrm_algo *auth = request_attr(r, XFRMA_ALG_AUTH), *crypt = request_attr(r, XFRMA_ALG_CRYPT);
	int err = 0;

	if (aead)
		err = verify_algorithm(r, XFRMA_ALG_AEAD, sizeof(*aead), aead->alg_key_len,
				       "Invalid AEAD attribute length");
	if (!err && trunc)
		err = verify_algorithm(r, XFRMA_ALG_AUTH_TRUNC, sizeof(*trunc), trunc->alg_key_len,
				       "Invalid AUTH_TRUNC attribute length");
	if (!err && auth)
		err = verify_algorithm(r, XFRMA_ALG_AUTH, sizeof(*auth), auth->alg_key_len,
				       "Invalid AUTH/CRYPT/COMP attribute length");
	if (!err && crypt)
		err = verify_algorithm(r, XFRMA_ALG_CRYPT, sizeof(*crypt), crypt->alg_key_len,
				       "Invalid AUTH/CRYPT/COMP attribute length");
	return err;
}

static int verify_replay(struct request *r, const struct xfrm_usersa_info *p, uint8_t dir)
{
	const struct xfrm_replay_state_esn *rs = request_attr(r, XFRMA_REPLAY_ESN_VAL);
	size_t len;

	if (!rs) {
		if (p->flags & XFRM_STATE_ESN)
			return request_fail(r, -EINVAL, "Missing required attribute for ESN");
		return 0;
	}
	len = mnl_attr_get_payload_len(r->attr[XFRMA_REPLAY_ESN_VAL]);
	if (rs->bmp_len > XFRMA_REPLAY_ESN_MAX / sizeof(rs->bmp[0]) / 8)
		return request_fail(r, -EINVAL, "ESN bitmap length must be <= 128");
	if (len < sizeof(*rs) + rs->bmp_len * sizeof(rs->bmp[0]) && len != sizeof(*rs))
		return request_fail(r, -EINVAL, "ESN attribute is too short to fit the full bitmap length");
	if (p->replay_window)
		return request_fail(r, -EINVAL, "ESN not compatible with legacy replay_window");
	if (dir == KR_XFRM_SA_DIR_OUT) {
		if (rs->replay_window)
			return request_fail(r, -EINVAL, "Replay window should be 0 for output SA");
		if (rs->seq || rs->seq_hi)
			return request_fail(r, -EINVAL, "Replay seq and seq_hi should be 0 for output SA");
		if (rs->bmp_len)
			return request_fail(r, -EINVAL, "Replay bmp_len should 0 for output SA");
	}
	if (dir == KR_XFRM_SA_DIR_IN && (rs->oseq || rs->oseq_hi))
		return request_fail(r, -EINVAL, "Replay oseq and oseq_hi should be 0 for input SA");
	return 0;
}

static int verify_out(struct request *r, const struct xfrm_usersa_info *p)
{
	const struct xfrm_replay_state *replay = request_attr(r, XFRMA_REPLAY_VAL);

	if (p->flags & XFRM_STATE_DECAP_DSCP)
		return request_fail(r, -EINVAL, "Flag DECAP_DSCP should not be set for output SA");
	if (p->flags & XFRM_STATE_ICMP)
		return request_fail(r, -EINVAL, "Flag ICMP should not be set for output SA");
	if (p->flags & XFRM_STATE_WILDRECV)
		return request_fail(r, -EINVAL, "Flag WILDRECV should not be set for output SA");
	if (p->replay_window)
		return request_fail(r, -EINVAL, "Replay window should be 0 for output SA");
	if (replay && (replay->seq || replay->bitmap))
		return request_fail(r, -EINVAL, "Replay seq and bitmap should be 0 for output SA");
	return 0;
}

static int verify_in(struct request *r, const struct xfrm_usersa_info *p)
{
	const struct xfrm_replay_state *replay = request_attr(r, XFRMA_REPLAY_VAL);
	uint32_t extra = request_u32(r, XFRMA_SA_EXTRA_FLAGS, 0);

	if (p->flags & XFRM_STATE_NOPMTUDISC)
		return request_fail(r, -EINVAL, "Flag NOPMTUDISC should not be set for input SA");
	if (extra & XFRM_SA_XFLAG_DONT_ENCAP_DSCP)
		return request_fail(r, -EINVAL, "Flag DONT_ENCAP_DSCP should not be set for input SA");
	if (extra & XFRM_SA_XFLAG_OSEQ_MAY_WRAP)
		return request_fail(r, -EINVAL, "Flag OSEQ_MAY_WRAP should not be set for input SA");
	if (replay && replay->oseq)
		return request_fail(r, -EINVAL, "Replay oseq should be 0 for input SA");
	return 0;
}

static uint8_t direction(const struct request *r)
{
	return r->attr[KR_XFRMA_SA_DIR] ? mnl_attr_get_u8(r->attr[KR_XFRMA_SA_DIR]) : 0;
}

int verify_new_sa(struct request *r, const struct xfrm_usersa_info *p)
{
	uint8_t dir = direction(r);
	int err;

	if ((err = verify_selector(r, p)) || (err = verify_proto(r, p)) || (err = verify_algorithms(r)) ||
	    (err = verify_replay(r, p, dir)))
		return err;
	if (p->mode > XFRM_MODE_BEET)
		return request_fail(r, -EINVAL, "Unsupported mode");
	if ((dir == KR_XFRM_SA_DIR_OUT && (err = verify_out(r, p))) ||
	    (dir == KR_XFRM_SA_DIR_IN && (err = verify_in(r, p))))
		return err;
	if (r->attr[KR_XFRMA_SA_PCPU] && !dir)
		return request_fail(r, -EINVAL, "SA_PCPU only supported with SA_DIR");
	return 0;
}

int verify_construct(struct request *r, const struct xfrm_usersa_info *p)
{
	const struct xfrm_replay_state_esn *rs = request_attr(r, XFRMA_REPLAY_ESN_VAL);

	if (request_u32(r, KR_XFRMA_SA_PCPU, 0) >= r->card->config.queues)
		return request_fail(r, -ERANGE, "pCPU number too big");
	if (p->mode != XFRM_MODE_TRANSPORT && p->mode != XFRM_MODE_TUNNEL)
		return request_fail(r, -EPROTONOSUPPORT, "Requested mode not found");
	if (rs && rs->replay_window > rs->bmp_len * 32)
		return request_fail(r, -EINVAL, "ESN replay window is larger than the bitmap");
	if (rs && p->flags & XFRM_STATE_ESN && !rs->replay_window && direction(r) != KR_XFRM_SA_DIR_OUT)
		return request_fail(r, -EINVAL, "ESN replay window must be > 0");
	return 0;
}
