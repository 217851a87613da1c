/* SPDX-License-Identifier: MIT */
/* What Linux (7.3) checks in an SA before it makes one (verify_newsa_info), in its order and with its words. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>

#include "hwsim/netlink.h"

static int verify_selector(struct request *r, const struct xfrm_usersa_info *p)
{
	const struct xfrm_selector *sel = &p->sel;
	uint16_t family = sel->family;

	if (p->family != AF_INET && p->family != AF_INET6)
		return request_fail(r, -EINVAL, "Invalid address family");
	if (!family && !(p->flags & XFRM_STATE_AF_UNSPEC))
		family = p->family;
	if (family == AF_INET && (sel->prefixlen_d > 32 || sel->prefixlen_s > 32))
		return request_fail(r, -EINVAL, "Invalid prefix length in selector (must be <= 32 for IPv4)");
	if (family == AF_INET6 && (sel->prefixlen_d > 128 || sel->prefixlen_s > 128))
		return request_fail(r, -EINVAL, "Invalid prefix length in selector (must be <= 128 for IPv6)");
	if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
		return request_fail(r, -EINVAL, "Invalid address family in selector");
	return 0;
}

/* Attributes that a request has and must not have, or the other way round, are what protocols differ in. */
enum attr_bit {
	HAS_AUTH = 1 << 0, /* or AUTH_TRUNC */
	HAS_CRYPT = 1 << 1,
	HAS_AEAD = 1 << 2,
	HAS_COMP = 1 << 3,
	HAS_TFCPAD = 1 << 4,
	HAS_COADDR = 1 << 5,
	HAS_ENCAP = 1 << 6,
};

static unsigned int attr_bits(const struct request *r)
{
	return (r->attr[XFRMA_ALG_AUTH] || r->attr[XFRMA_ALG_AUTH_TRUNC] ? HAS_AUTH : 0u) |
	       (r->attr[XFRMA_ALG_CRYPT] ? HAS_CRYPT : 0u) | (r->attr[XFRMA_ALG_AEAD] ? HAS_AEAD : 0u) |
	       (r->attr[XFRMA_ALG_COMP] ? HAS_COMP : 0u) | (r->attr[XFRMA_TFCPAD] ? HAS_TFCPAD : 0u) |
	       (r->attr[XFRMA_COADDR] ? HAS_COADDR : 0u) | (r->attr[XFRMA_ENCAP] ? HAS_ENCAP : 0u);
}

static int verify_esp(struct request *r, const struct xfrm_usersa_info *p, unsigned int has)
{
	if (has & HAS_COMP)
		return request_fail(r, -EINVAL, "Invalid attribute for ESP: COMP");
	if (!(has & (HAS_AUTH | HAS_CRYPT | HAS_AEAD)))
		return request_fail(
			r, -EINVAL,
			"Missing required attribute for ESP: at least one of AUTH, AUTH_TRUNC, CRYPT, AEAD");
	if (has & (HAS_AUTH | HAS_CRYPT) && has & HAS_AEAD)
		return request_fail(
			r, -EINVAL,
			"Invalid attribute combination for ESP: AEAD can't be used with AUTH, AUTH_TRUNC, CRYPT");
	if (has & HAS_TFCPAD && p->mode != XFRM_MODE_TUNNEL)
		return request_fail(r, -EINVAL, "TFC padding can only be used in tunnel mode");
	return 0;
}

static int verify_comp(struct request *r, const struct xfrm_usersa_info *p, unsigned int has)
{
	if (!(has & HAS_COMP))
		return request_fail(r, -EINVAL, "Missing required attribute for COMP: COMP");
	if (has & (HAS_AEAD | HAS_AUTH | HAS_CRYPT | HAS_TFCPAD))
		return request_fail(r, -EINVAL, "Invalid attributes for COMP: AEAD, AUTH, AUTH_TRUNC, CRYPT, TFCPAD");
	if (ntohl(p->id.spi) >= 0x10000)
		return request_fail(r, -EINVAL, "SPI is too large for COMP (must be < 0x10000)");
	return 0;
}

static int verify_proto(struct request *r, const struct xfrm_usersa_info *p)
{
	unsigned int has = attr_bits(r);

	switch (p->id.proto) {
	case IPPROTO_ESP:
		return verify_esp(r, p, has);
	case IPPROTO_AH:
		if (!(has & HAS_AUTH))
			return request_fail(r, -EINVAL, "Missing required attribute for AH: AUTH_TRUNC or AUTH");
		if (has & (HAS_AEAD | HAS_CRYPT | HAS_COMP | HAS_TFCPAD))
			return request_fail(r, -EINVAL, "Invalid attributes for AH: AEAD, CRYPT, COMP, TFCPAD");
		return 0;
	case IPPROTO_COMP:
		return verify_comp(r, p, has);
	case IPPROTO_DSTOPTS:
	case IPPROTO_ROUTING:
		if (has & ~(unsigned int)HAS_COADDR)
			return request_fail(r, -EINVAL, "Invalid attributes for DSTOPTS/ROUTING");
		if (!(has & HAS_COADDR))
			return request_fail(r, -EINVAL, "Missing required COADDR attribute for DSTOPTS/ROUTING");
		return 0;
	default:
		return request_fail(r, -EINVAL, "Unsupported protocol");
	}
}

/* An algorithm attribute is its header and as many key bytes as the header says. */
static int verify_algorithm(struct request *r, unsigned int type, size_t header, uint32_t key_bits, const char *text)
{
	size_t key = ((uint64_t)key_bits + 7) / 8;

	if (mnl_attr_get_payload_len(r->attr[type]) >= header + key)
		return 0;
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

static int verify_esn_out(struct request *r, const struct xfrm_usersa_info *p, const struct xfrm_replay_state_esn *rs)
{
	bool esn = p->flags & XFRM_STATE_ESN;

	if (rs->replay_window)
		return request_fail(r, -EINVAL, "Replay window should be 0 for output SA");
	if (rs->seq || rs->seq_hi)
		return request_fail(r, -EINVAL, "Replay seq and seq_hi should be 0 for output SA");
	if (!esn && rs->oseq_hi)
		return request_fail(r, -EINVAL, "Replay oseq_hi should be 0 in non-ESN mode for output SA");
	if (!esn && rs->oseq == UINT32_MAX)
		return request_fail(r, -EINVAL,
				    "Replay oseq should be less than 0xFFFFFFFF in non-ESN mode for output SA");
	if (esn && rs->oseq == UINT32_MAX && rs->oseq_hi == UINT32_MAX)
		return request_fail(r, -EINVAL, "Replay oseq and oseq_hi should be less than 0xFFFFFFFF for output SA");
	if (rs->bmp_len)
		return request_fail(r, -EINVAL, "Replay bmp_len should 0 for output SA");
	return 0;
}

static int verify_esn_in(struct request *r, const struct xfrm_usersa_info *p, const struct xfrm_replay_state_esn *rs)
{
	bool esn = p->flags & XFRM_STATE_ESN;

	if (rs->oseq || rs->oseq_hi)
		return request_fail(r, -EINVAL, "Replay oseq and oseq_hi should be 0 for input SA");
	if (!esn && rs->seq_hi)
		return request_fail(r, -EINVAL, "Replay seq_hi should be 0 in non-ESN mode for input SA");
	if (!esn && rs->seq == UINT32_MAX)
		return request_fail(r, -EINVAL,
				    "Replay seq should be less than 0xFFFFFFFF in non-ESN mode for input SA");
	if (esn && rs->seq == UINT32_MAX && rs->seq_hi == UINT32_MAX)
		return request_fail(r, -EINVAL, "Replay seq and seq_hi should be less than 0xFFFFFFFF for input SA");
	return 0;
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
	if (dir == KR_XFRM_SA_DIR_OUT)
		return verify_esn_out(r, p, rs);
	return dir == KR_XFRM_SA_DIR_IN ? verify_esn_in(r, p, rs) : 0;
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
	uint32_t extra = request_u32(r, XFRMA_SA_EXTRA_FLAGS, 0);

	if (p->flags & XFRM_STATE_NOPMTUDISC)
		return request_fail(r, -EINVAL, "Flag NOPMTUDISC should not be set for input SA");
	if (extra & XFRM_SA_XFLAG_DONT_ENCAP_DSCP)
		return request_fail(r, -EINVAL, "Flag DONT_ENCAP_DSCP should not be set for input SA");
	if (extra & XFRM_SA_XFLAG_OSEQ_MAY_WRAP)
		return request_fail(r, -EINVAL, "Flag OSEQ_MAY_WRAP should not be set for input SA");
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
	if (p->mode > KR_XFRM_MODE_IPTFS)
		return request_fail(r, -EINVAL, "Unsupported mode");
	if (p->mode == KR_XFRM_MODE_IPTFS && !dir)
		return request_fail(r, -EINVAL, "IP-TFS mode requires in or out direction attribute");
	if (r->attr[KR_XFRMA_MTIMER_THRESH] && !r->attr[XFRMA_ENCAP])
		return request_fail(r, -EINVAL, "MTIMER_THRESH requires encapsulation");
	if (r->attr[KR_XFRMA_MTIMER_THRESH] && dir == KR_XFRM_SA_DIR_OUT)
		return request_fail(r, -EINVAL, "MTIMER_THRESH should not be set on output SA");
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
	const struct xfrm_encap_tmpl *encap = request_attr(r, XFRMA_ENCAP);

	if (request_u32(r, XFRMA_TFCPAD, 0) > UINT16_MAX)
		return request_fail(r, -EINVAL, "Excessive TFC padding");
	if (request_u32(r, KR_XFRMA_SA_PCPU, 0) >= r->card->config.queues)
		return request_fail(r, -ERANGE, "pCPU number too big");
	if (p->mode == XFRM_MODE_ROUTEOPTIMIZATION)
		return request_fail(r, -EPROTONOSUPPORT, "Requested mode not found");
	if (encap && encap->encap_type != UDP_ENCAP_ESPINUDP && encap->encap_type != KR_TCP_ENCAP_ESPINTCP)
		return request_fail(r, -EINVAL, "Unsupported encapsulation type for ESP");
	if (rs && rs->replay_window > rs->bmp_len * 32)
		return request_fail(r, -EINVAL, "ESN replay window is too large for the chosen bitmap size");
	if (rs && p->flags & XFRM_STATE_ESN && !rs->replay_window && direction(r) != KR_XFRM_SA_DIR_OUT)
		return request_fail(r, -EINVAL, "ESN replay window must be > 0");
	return 0;
}
