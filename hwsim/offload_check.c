/* SPDX-License-Identifier: MIT */
/*
 * What drivers refuse, and how they say it. sa_facts() names what a driver could object to in an SA; a driver is a list
 * of facts it does object to, in its order, with its words.
 */
#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>

#include "hwsim/netlink.h"

enum fact {
	FACT_AUTHENC = 1 << 0,
	FACT_NOT_GCM = 1 << 1, /* not AES-GCM with any ICV */
	FACT_ESN = 1 << 2,     /* ESN on a card without */
	FACT_ENCAP_NOT_UDP = 1 << 3,
	FACT_ENCAP_CRYPTO = 1 << 4, /* UDP encapsulation in crypto mode */
	FACT_ENCAP_TUNNEL = 1 << 5,
	FACT_ICV = 1 << 6, /* not 128 bits */
	FACT_KEY = 1 << 7, /* not 128 or 256 bits and the salt */
	FACT_KEY_256 = 1 << 8,
	FACT_PROTO = 1 << 9, /* selector: neither any, TCP nor UDP */
	FACT_TUNNEL = 1 << 10,
	FACT_PACKET = 1 << 11, /* packet offload on a card that does crypto offload only */
	FACT_WINDOW = 1 << 12, /* a replay window the card does not have */
	FACT_REQID = 1 << 13,  /* none */
	FACT_BYTES_ORDER = 1 << 14,
	FACT_BYTES_ZERO = 1 << 15,
	FACT_PACKETS_ORDER = 1 << 16,
	FACT_PACKETS_ZERO = 1 << 17,
	FACT_MODE = 1 << 18,          /* neither tunnel nor transport mode */
	FACT_WINDOW_LEGACY = 1 << 19, /* a replay window the card does not have, not in the ESN attribute */
};

/* Facts that only packet offload knows of. */
enum {
	FACTS_PACKET = FACT_WINDOW | FACT_WINDOW_LEGACY | FACT_REQID | FACT_BYTES_ORDER | FACT_BYTES_ZERO |
		       FACT_PACKETS_ORDER | FACT_PACKETS_ZERO
};

struct objection {
	enum fact fact;
	const char *text;
};

/* mlx5/core/en_accel/ipsec.c, mlx5e_xfrm_validate_state */
static const struct objection mlx5[] = {
	{FACT_AUTHENC, "Cannot offload authenticated xfrm states"},
	{FACT_NOT_GCM, "Only AES-GCM-ICV16 xfrm state may be offloaded"},
	{FACT_ESN, "Cannot offload ESN xfrm states"},
	{FACT_ENCAP_NOT_UDP, "Encapsulation other than UDP is not supported"},
	{FACT_ENCAP_CRYPTO, "Encapsulation is supported in packet offload mode only"},
	{FACT_ENCAP_TUNNEL, "Encapsulation is supported in transport mode only"},
	{FACT_ICV, "Cannot offload xfrm states with AEAD ICV length other than 128bit"},
	{FACT_KEY, "Cannot offload xfrm states with AEAD key length other than 128/256 bit"},
	{FACT_PROTO, "Device does not support upper protocol other than TCP/UDP"},
	{FACT_PACKET, "Packet offload is not supported"},
	{FACT_WINDOW, "Unsupported replay window size"},
	{FACT_REQID, "Cannot offload without reqid"},
	{FACT_BYTES_ORDER, "Hard byte limit must be greater than soft one"},
	{FACT_BYTES_ZERO, "Soft/hard byte limits can't be 0"},
	{FACT_PACKETS_ORDER, "Hard packet limit must be greater than soft one"},
	{FACT_PACKETS_ZERO, "Soft/hard packet limits can't be 0"},
	{0},
};

/* ixgbe/ixgbe_ipsec.c, ixgbe_ipsec_add_sa; net/xfrm/xfrm_device.c for ESN */
static const struct objection ixgbe[] = {
	{FACT_ESN, "Device doesn't support offload with ESN"},
	{FACT_TUNNEL, "Unsupported mode for ipsec offload"},
	{FACT_PACKET, "Unsupported ipsec offload type"},
	{FACT_AUTHENC, "Unsupported IPsec algorithm"},
	{FACT_NOT_GCM, "Unsupported IPsec algorithm"},
	{FACT_KEY_256, "IPsec hw offload only supports keys up to 128 bits with a 32 bit salt"},
	{0},
};

/* nfp/crypto/ipsec.c, nfp_net_xfrm_add_state */
static const struct objection nfp[] = {
	{FACT_ESN, "Device doesn't support offload with ESN"},
	{FACT_PACKET, "Unsupported xfrm offload type"},
	{FACT_NOT_GCM, "Unsupported encryption algorithm"},
	{0},
};

/* netdevsim/ipsec.c, nsim_ipsec_add_sa */
static const struct objection netdevsim[] = {
	{FACT_ESN, "Device doesn't support offload with ESN"},
	{FACT_PACKET, "Unsupported ipsec offload type"},
	{FACT_AUTHENC, "Unsupported IPsec algorithm"},
	{FACT_NOT_GCM, "Unsupported IPsec algorithm"},
	{FACT_KEY_256, "IPsec hw offload only supports keys up to 128 bits with a 32 bit salt"},
	{0},
};

/* hwsim/kmod/check.c */
static const struct objection krnic[] = {
	{FACT_MODE, "only tunnel and transport mode"},
	{FACT_NOT_GCM, "only rfc4106(gcm(aes))"},
	{FACT_ICV, "only an ICV of 128 bits"},
	{FACT_KEY, "only AES keys of 128 and 256 bits"},
	{FACT_ENCAP_NOT_UDP, "only UDP encapsulation"},
	{FACT_ENCAP_CRYPTO, "UDP encapsulation only in packet offload"},
	{FACT_REQID, "an SA needs a reqid"},
	{FACT_WINDOW, "a replay window has 32, 64, 128 or 256 packets"},
	{FACT_WINDOW_LEGACY, "a replay window has 32, 64, 128 or 256 packets"},
	{FACT_BYTES_ZERO, "byte and packet limits can't be 0"},
	{FACT_PACKETS_ZERO, "byte and packet limits can't be 0"},
	{0},
};

/* A card of our own: what its ESP engine and its counters cannot do. */
static const struct objection hwsim[] = {
	{FACT_AUTHENC, "only AES-GCM with a 16-byte ICV"},
	{FACT_NOT_GCM, "only AES-GCM with a 16-byte ICV"},
	{FACT_ENCAP_NOT_UDP, "encapsulation other than UDP"},
	{FACT_ICV, "only AES-GCM with a 16-byte ICV"},
	{FACT_WINDOW, "unsupported replay window"},
	{FACT_REQID, "packet offload needs a reqid"},
	{FACT_BYTES_ZERO, "byte limits can't be 0"},
	{FACT_PACKETS_ZERO, "packet limits can't be 0"},
	{0},
};

static const struct {
	const char *name;
	const struct objection *objections;
} drivers[] = {{"mlx5_core", mlx5},      {"ixgbe", ixgbe}, {"nfp", nfp},
	       {"netdevsim", netdevsim}, {"krnic", krnic}, {"hwsim", hwsim}};

/* Soft and hard may both be infinite; else soft must come first. */
static bool wrong_order(uint64_t soft, uint64_t hard)
{
	return hard != XFRM_INF && soft >= hard;
}

static unsigned int if_fact(bool holds, enum fact fact)
{
	return holds ? fact : 0;
}

static bool window_unsupported(const struct hwsim_profile *p, const struct sa *sa)
{
	uint32_t window = sa->replay.window;

	if (sa->dir != KR_XFRM_SA_DIR_IN || p->replay_windows == UINT32_MAX)
		return false;
	for (unsigned int n = 0; n < 8; n++)
		if (p->replay_windows >> n & 1 && window == 32u << n)
			return false;
	return true;
}

static unsigned int sa_facts(const struct hwsim_profile *p, const struct sa *sa, bool packet)
{
	const struct xfrm_lifetime_cfg *lft = &sa->info.lft;
	bool gcm = !strcmp(sa->aead_name, "rfc4106(gcm(aes))"), tunnel = sa->info.mode == XFRM_MODE_TUNNEL;
	uint8_t proto = sa->info.sel.proto;
	unsigned int facts = 0;

	facts |= if_fact(sa->auth_name[0], FACT_AUTHENC);
	facts |= if_fact(!gcm, FACT_NOT_GCM);
	facts |= if_fact(sa->info.flags & XFRM_STATE_ESN && !p->esn, FACT_ESN);
	facts |= if_fact(sa->encap.encap_type && sa->encap.encap_type != UDP_ENCAP_ESPINUDP, FACT_ENCAP_NOT_UDP);
	facts |= if_fact(sa->encap.encap_type && !packet, FACT_ENCAP_CRYPTO);
	facts |= if_fact(sa->encap.encap_type && tunnel, FACT_ENCAP_TUNNEL);
	facts |= if_fact(sa->icv_bits != 128, FACT_ICV);
	facts |= if_fact(sa->key_bits != 160 && sa->key_bits != 288, FACT_KEY);
	facts |= if_fact(sa->key_bits > 160, FACT_KEY_256);
	facts |= if_fact(proto && proto != IPPROTO_TCP && proto != IPPROTO_UDP, FACT_PROTO);
	facts |= if_fact(tunnel, FACT_TUNNEL);
	facts |= if_fact(packet && !p->packet_offload, FACT_PACKET);
	facts |= if_fact(sa->info.mode != XFRM_MODE_TRANSPORT && !tunnel, FACT_MODE);
	facts |= if_fact(sa->esn_attr && window_unsupported(p, sa), FACT_WINDOW);
	facts |= if_fact(!sa->esn_attr && sa->replay.window && window_unsupported(p, sa), FACT_WINDOW_LEGACY);
	facts |= if_fact(!sa->info.reqid, FACT_REQID);
	facts |= if_fact(wrong_order(lft->soft_byte_limit, lft->hard_byte_limit), FACT_BYTES_ORDER);
	facts |= if_fact(!lft->soft_byte_limit || !lft->hard_byte_limit, FACT_BYTES_ZERO);
	facts |= if_fact(wrong_order(lft->soft_packet_limit, lft->hard_packet_limit), FACT_PACKETS_ORDER);
	facts |= if_fact(!lft->soft_packet_limit || !lft->hard_packet_limit, FACT_PACKETS_ZERO);
	return packet ? facts : facts & ~(unsigned int)FACTS_PACKET;
}

int offload_check_sa(struct request *r, const struct sa *sa, bool packet)
{
	const struct hwsim_profile *p = &r->card->profile;
	unsigned int facts = sa_facts(p, sa, packet);
	const struct objection *o = NULL;

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(drivers[i].name, p->driver))
			o = drivers[i].objections;
	for (; o && o->fact; o++)
		if (facts & o->fact)
			return request_fail_driver(r, -EINVAL, o->text);
	if (facts & FACT_MODE) /* not asked about by every driver, but none has it */
		return request_fail(r, -EPROTONOSUPPORT, "Requested mode not found");
	return 0;
}

/* ---- policies ---- */

enum policy_fact {
	POLICY_TEMPLATES = 1 << 0, /* more than one */
	POLICY_FORWARD = 1 << 1,
	POLICY_ANY_REQID = 1 << 2, /* a template without reqid, and a selector of everything */
	POLICY_PROTO = 1 << 3,     /* selector: neither any, TCP nor UDP */
	POLICY_PRIORITY = 1 << 4,  /* the last one */
	POLICY_NOT_ESP = 1 << 5,
	POLICY_NO_REQID = 1 << 6, /* a template without reqid */
};

struct policy_objection {
	enum policy_fact fact;
	const char *text;
};

/* mlx5/core/en_accel/ipsec.c, mlx5e_xfrm_validate_policy: the only driver that takes policies, so cards of our own say
 * the same */
static const struct policy_objection mlx5_policy[] = {
	{POLICY_TEMPLATES, "Cannot offload more than one template"},
	{POLICY_FORWARD, "Cannot offload forward policy"},
	{POLICY_ANY_REQID, "Cannot offload policy without reqid"},
	{POLICY_PROTO, "Device does not support upper protocol other than TCP/UDP"},
	{POLICY_PRIORITY, "Device does not support requested policy priority"},
	{0},
};

/* hwsim/kmod/policy.c */
static const struct policy_objection krnic_policy[] = {
	{POLICY_FORWARD, "only policies in and out"},
	{POLICY_TEMPLATES, "only one template"},
	{POLICY_NOT_ESP, "only ESP"},
	{POLICY_NO_REQID, "a template needs a reqid"},
	{0},
};

static unsigned int policy_facts(const struct policy *policy, unsigned int templates)
{
	const struct xfrm_selector *sel = &policy->info.sel;
	bool any = !sel->proto && !sel->prefixlen_d && !sel->prefixlen_s;
	bool no_reqid = policy->has_tmpl && !policy->tmpl.reqid;
	unsigned int facts = 0;

	facts |= templates > 1 ? POLICY_TEMPLATES : 0u;
	facts |= policy->info.dir == XFRM_POLICY_FWD ? POLICY_FORWARD : 0u;
	facts |= no_reqid && any ? POLICY_ANY_REQID : 0u;
	facts |= sel->proto && sel->proto != IPPROTO_TCP && sel->proto != IPPROTO_UDP ? POLICY_PROTO : 0u;
	facts |= policy->info.priority == UINT32_MAX ? POLICY_PRIORITY : 0u;
	facts |= policy->has_tmpl && policy->tmpl.id.proto != IPPROTO_ESP ? POLICY_NOT_ESP : 0u;
	facts |= no_reqid ? POLICY_NO_REQID : 0u;
	return facts;
}

/* xfrm_dev_policy_add, then the driver. */
int offload_check_policy(struct request *r, const struct policy *policy, unsigned int templates)
{
	const struct xfrm_user_offload *xuo = request_attr(r, XFRMA_OFFLOAD_DEV);
	const struct hwsim_profile *p = &r->card->profile;
	const struct policy_objection *o = strcmp(p->driver, "krnic") ? mlx5_policy : krnic_policy;
	unsigned int facts = policy_facts(policy, templates);

	if (xuo->flags != KR_XFRM_OFFLOAD_PACKET)
		return request_fail(r, -EINVAL, "Unrecognized flags in offload request");
	if (xuo->ifindex && xuo->ifindex != r->card->config.ifindex)
		return -EINVAL;
	if (!p->packet_offload)
		return request_fail(r, -EINVAL, "Policy offload is not supported");
	for (; o->fact; o++)
		if (facts & o->fact)
			return request_fail_driver(r, -EINVAL, o->text);
	return 0;
}
