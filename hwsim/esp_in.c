/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/esp.h"
#include "hwsim/hwsim.h"

static bool number_acceptable(struct sa *sa, uint32_t low, uint64_t *seq)
{
	if (replay_check(&sa->replay, low, seq))
		return true;
	if (sa->replay.top - *seq >= sa->replay.window)
		sa->window_failed++;
	else
		sa->replay_failed++;
	return false;
}

/* RFC 4303 2.4: padding counts 1, 2, 3, ... Returns the bytes of text before it, or -1. */
static int without_padding(const uint8_t *text, size_t len)
{
	size_t pad = text[len - 2];

	if (pad + 2 > len)
		return -1;
	for (size_t i = 0; i < pad; i++)
		if (text[len - 2 - pad + i] != (uint8_t)(i + 1))
			return -1;
	return (int)(len - 2 - pad);
}

static void set_tos(uint8_t *ip, uint8_t tos)
{
	if (ip[0] >> 4 == 4) {
		ip[1] = tos;
		ipv4_set_checksum(ip);
	} else {
		ip[0] = (uint8_t)(6 << 4 | tos >> 4);
		ip[1] = (uint8_t)(tos << 4 | (ip[1] & 15));
	}
}

/*
 * DSCP as the SA says, ECN as RFC 4301 section 5.1.2.2 says, as Linux does: a mark on what knows no ECN is not looked
 * at, where RFC 6040 would drop the packet.
 */
static void tunnel_tos(const struct sa *sa, const struct packet *outer, struct packet *inner, uint8_t *ip)
{
	uint8_t tos = inner->tos;

	if (sa->info.flags & XFRM_STATE_DECAP_DSCP)
		tos = (uint8_t)((outer->tos & ~TOS_ECN) | (tos & TOS_ECN));
	if ((outer->tos & TOS_ECN) == TOS_ECN && (tos & TOS_ECN) && !(sa->info.flags & XFRM_STATE_NOECN))
		tos |= TOS_ECN;
	if (tos != inner->tos)
		set_tos(ip, tos);
	inner->tos = tos;
}

static enum esp_result take_tunnel(const struct sa *sa, const struct packet *p, uint8_t next, uint8_t *out, size_t len,
				   struct packet *inner)
{
	if ((next != IPPROTO_IPIP && next != IPPROTO_IPV6) || packet_parse(inner, out, len) ||
	    (inner->flow.family == AF_INET) != (next == IPPROTO_IPIP))
		return ESP_MALFORMED;
	tunnel_tos(sa, p, inner, out);
	return ESP_OK;
}

static enum esp_result take_transport(const struct packet *p, size_t header, uint8_t next, uint8_t *out, size_t len,
				      struct packet *inner)
{
	memcpy(out, p->data, header);
	out[p->l4_field] = next;
	if (p->flow.family == AF_INET) {
		put_be16(out + 2, (uint16_t)len);
		ipv4_set_checksum(out);
	} else {
		put_be16(out + 4, (uint16_t)(len - IPV6_HEADER));
	}
	return packet_parse(inner, out, len) ? ESP_MALFORMED : ESP_OK;
}

enum esp_result esp_open(struct sa *sa, const struct packet *p, size_t at, uint8_t *out, struct packet *inner)
{
	const struct esp_shape *shape = esp_crypto_shape(sa->crypto);
	bool esn = sa->info.flags & XFRM_STATE_ESN, tunnel = sa->info.mode == XFRM_MODE_TUNNEL;
	size_t overhead = ESP_HEADER + shape->iv + shape->icv;
	size_t header = tunnel ? 0 : p->l4; /* transport: the text goes where the IP header ends */
	const uint8_t *esp = p->data + at;
	size_t text_len;
	uint64_t seq;
	uint8_t next;
	int plain;

	if (p->len - at < overhead + shape->block)
		return ESP_MALFORMED;
	text_len = p->len - at - overhead;
	if (text_len % shape->block)
		return ESP_MALFORMED;
	if (!number_acceptable(sa, get_be32(esp + 4), &seq))
		return ESP_REPLAY;
	if (esp_crypto_open(sa->crypto, esp, text_len, seq, esn, out + header)) {
		sa->integrity_failed++;
		return ESP_BAD_ICV;
	}
	replay_advance(&sa->replay, seq);
	plain = without_padding(out + header, text_len);
	if (plain < 0)
		return ESP_MALFORMED;
	next = out[header + text_len - 1];
	if (next == PROTO_NONE)
		return ESP_DUMMY;
	return tunnel ? take_tunnel(sa, p, next, out, (size_t)plain, inner)
		      : take_transport(p, header, next, out, header + (size_t)plain, inner);
}
