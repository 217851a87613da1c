/* SPDX-License-Identifier: MIT */
#include "offload/placement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ENCR_AES_GCM_16 = 20 }; /* IANA IKEv2 transform type 1 */

static bool has_packet(const struct offload_profile *p, const struct placement_ask *ask)
{
	(void)ask;
	return p->packet;
}

static bool has_crypto(const struct offload_profile *p, const struct placement_ask *ask)
{
	(void)ask;
	return p->crypto;
}

static bool has_cipher(const struct offload_profile *p, const struct placement_ask *ask)
{
	enum { N = sizeof(p->gcm_bits) / sizeof(p->gcm_bits[0]) };

	if (!p->gcm_bits[0])
		return true;
	for (int i = 0; ask->encr == ENCR_AES_GCM_16 && i < N && p->gcm_bits[i]; i++)
		if (p->gcm_bits[i] == ask->encr_bits)
			return true;
	return false;
}

static bool has_esn(const struct offload_profile *p, const struct placement_ask *ask)
{
	return p->esn || !ask->esn;
}

static bool has_limits(const struct offload_profile *p, const struct placement_ask *ask)
{
	return p->limits || !ask->limits;
}

static bool has_tunnel_packet(const struct offload_profile *p, const struct placement_ask *ask)
{
	return p->tunnel_packet || !ask->tunnel;
}

static bool has_tunnel_crypto(const struct offload_profile *p, const struct placement_ask *ask)
{
	return p->tunnel_crypto || !ask->tunnel;
}

/*
 * Linux looks up the route to the other end with the IP version of the packet where the card is to build the tunnel's
 * header (xfrm_bundle_create, since 6.15): such packets would be dropped, whatever the device can do.
 */
static bool has_one_version(const struct offload_profile *p, const struct placement_ask *ask)
{
	(void)p;
	return !ask->mixed;
}

static bool has_encap_packet(const struct offload_profile *p, const struct placement_ask *ask)
{
	return !ask->encap || (p->encap && (p->encap_tunnel || !ask->tunnel));
}

static bool has_encap_crypto(const struct offload_profile *p, const struct placement_ask *ask)
{
	(void)p;
	return !ask->encap; /* xfrm_dev_state_add() refuses it for every device */
}

/* What a mode needs, the plainest reason first. */
static const struct rule {
	enum offload_mode mode;
	bool (*has)(const struct offload_profile *p, const struct placement_ask *ask);
	const char *missing;
} rules[] = {
	{OFFLOAD_PACKET, has_packet, "the device has no packet offload"},
	{OFFLOAD_PACKET, has_cipher, "the device does not offload this cipher or key length"},
	{OFFLOAD_PACKET, has_esn, "the device does not offload extended sequence numbers"},
	{OFFLOAD_PACKET, has_tunnel_packet, "the device does not offload packets in tunnel mode"},
	{OFFLOAD_PACKET, has_one_version, "packet offload does no IPv4 in IPv6, and no IPv6 in IPv4"},
	{OFFLOAD_PACKET, has_encap_packet, "the device does not offload UDP encapsulation in this mode"},
	{OFFLOAD_PACKET, has_limits, "the device takes no byte or packet limits"},
	{OFFLOAD_CRYPTO, has_crypto, "the device has no crypto offload"},
	{OFFLOAD_CRYPTO, has_cipher, "the device does not offload this cipher or key length"},
	{OFFLOAD_CRYPTO, has_esn, "the device does not offload extended sequence numbers"},
	{OFFLOAD_CRYPTO, has_tunnel_crypto, "the device does not offload tunnel mode"},
	{OFFLOAD_CRYPTO, has_encap_crypto, "crypto offload does not do UDP encapsulation"},
};

/* NULL: nothing is missing. */
static const char *missing(enum offload_mode mode, const struct offload_profile *p, const struct placement_ask *ask)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].mode == mode && !rules[i].has(p, ask))
			return rules[i].missing;
	return NULL;
}

static int demand(enum offload_mode mode, const struct offload_profile *p, const struct placement_ask *ask, char *why,
		  size_t size)
{
	const char *lack = missing(mode, p, ask);

	if (!lack)
		return (int)mode;
	snprintf(why, size, "%s: %s (encr %u, %u bits)", p->name, lack, ask->encr, ask->encr_bits);
	return -EOPNOTSUPP;
}

int placement_first(enum hw_offload want, const struct offload_profile *p, const struct placement_ask *ask, char *why,
		    size_t size)
{
	const char *packet, *crypto;

	if (size)
		why[0] = '\0';
	switch (want) {
	case HW_OFFLOAD_NO:
		return OFFLOAD_SOFTWARE;
	case HW_OFFLOAD_PACKET:
		return demand(OFFLOAD_PACKET, p, ask, why, size);
	case HW_OFFLOAD_CRYPTO:
		return demand(OFFLOAD_CRYPTO, p, ask, why, size);
	case HW_OFFLOAD_AUTO:
		break;
	}
	packet = missing(OFFLOAD_PACKET, p, ask);
	if (!packet)
		return OFFLOAD_PACKET;
	crypto = missing(OFFLOAD_CRYPTO, p, ask);
	if (!crypto) {
		snprintf(why, size, "%s: not packet: %s", p->name, packet);
		return OFFLOAD_CRYPTO;
	}
	snprintf(why, size, "%s: not packet: %s; not crypto: %s", p->name, packet, crypto);
	return OFFLOAD_SOFTWARE;
}

int placement_next(enum hw_offload want, const struct offload_profile *p, const struct placement_ask *ask,
		   enum offload_mode tried)
{
	if (want != HW_OFFLOAD_AUTO || tried == OFFLOAD_SOFTWARE)
		return -EOPNOTSUPP;
	if (tried == OFFLOAD_PACKET && !missing(OFFLOAD_CRYPTO, p, ask))
		return OFFLOAD_CRYPTO;
	return OFFLOAD_SOFTWARE;
}

const char *offload_mode_name(enum offload_mode mode)
{
	switch (mode) {
	case OFFLOAD_SOFTWARE:
		return "software";
	case OFFLOAD_CRYPTO:
		return "crypto";
	case OFFLOAD_PACKET:
		return "packet";
	}
	return "?";
}
