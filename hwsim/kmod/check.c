// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the card cannot do, and how it says so. The kernel has looked before (net/xfrm/xfrm_user.c, xfrm_device.c): only
 * ESP, IPv4 and IPv6, directions in and out, and no traffic flow padding come here.
 */
#include <linux/udp.h>

#include "krnic.h"

static bool is_packet(const struct xfrm_state *x)
{
	return x->xso.type == XFRM_DEV_OFFLOAD_PACKET;
}

u32 krnic_window_of(const struct xfrm_state *x)
{
	return x->replay_esn ? x->replay_esn->replay_window : x->props.replay_window;
}

static bool has_other_mode(const struct xfrm_state *x)
{
	return x->props.mode != XFRM_MODE_TUNNEL && x->props.mode != XFRM_MODE_TRANSPORT;
}

static bool has_other_cipher(const struct xfrm_state *x)
{
	return !x->aead || strcmp(x->aead->alg_name, "rfc4106(gcm(aes))");
}

static bool has_other_icv(const struct xfrm_state *x)
{
	return x->aead->alg_icv_len != 8 * KRNIC_ICV;
}

static bool has_other_key(const struct xfrm_state *x)
{
	return x->aead->alg_key_len != 128 + 32 && x->aead->alg_key_len != 256 + 32;
}

static bool has_other_encap(const struct xfrm_state *x)
{
	return x->encap && x->encap->encap_type != UDP_ENCAP_ESPINUDP;
}

static bool has_encap_in_crypto(const struct xfrm_state *x)
{
	return x->encap && !is_packet(x);
}

static bool has_no_reqid(const struct xfrm_state *x)
{
	return is_packet(x) && !x->props.reqid;
}

static bool has_other_window(const struct xfrm_state *x)
{
	u32 w = krnic_window_of(x);

	return is_packet(x) && x->xso.dir == XFRM_DEV_OFFLOAD_IN && w && w != 32 && w != 64 && w != 128 &&
	       w != KRNIC_WINDOW;
}

static bool has_no_limits(const struct xfrm_state *x)
{
	const struct xfrm_lifetime_cfg *l = &x->lft;

	return is_packet(x) &&
	       (!l->soft_byte_limit || !l->hard_byte_limit || !l->soft_packet_limit || !l->hard_packet_limit);
}

/* In this order: a row may rely on those above it. In crypto offload the kernel keeps windows, limits and reqids. */
static const struct {
	bool (*holds)(const struct xfrm_state *x);
	const char *text;
} objections[] = {
	{has_other_mode, "only tunnel and transport mode"},
	{has_other_cipher, "only rfc4106(gcm(aes))"},
	{has_other_icv, "only an ICV of 128 bits"},
	{has_other_key, "only AES keys of 128 and 256 bits"},
	{has_other_encap, "only UDP encapsulation"},
	{has_encap_in_crypto, "UDP encapsulation only in packet offload"},
	{has_no_reqid, "an SA needs a reqid"},
	{has_other_window, "a replay window has 32, 64, 128 or 256 packets"},
	{has_no_limits, "byte and packet limits can't be 0"},
};

int krnic_state_check(const struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(objections); i++)
		if (objections[i].holds(x)) {
			NL_SET_ERR_MSG_FMT_MOD(extack, "%s", objections[i].text);
			return -EINVAL;
		}
	return 0;
}
