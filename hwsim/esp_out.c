/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/esp.h"
#include "hwsim/hwsim.h"

/* Where the parts of the packet to be made begin, and how long they are. */
struct layout {
	size_t header; /* IP header: the packet's own in transport mode */
	size_t esp;    /* offset of the ESP header, after the IP header and perhaps UDP */
	size_t text;   /* offset of the text */
	size_t plain;  /* bytes of text before padding */
	size_t padded; /* with padding, pad length and next header */
	size_t total;
	uint8_t next_header;
};

static int plan(const struct sa *sa, const struct packet *p, struct layout *l)
{
	const struct esp_shape *shape = esp_crypto_shape(sa->crypto);

	if (sa->packet && p->options)
		return -EHOSTUNREACH; /* Linux xfrm_dev_offload_ok */
	if (sa->info.mode == XFRM_MODE_TUNNEL) {
		l->header = sa->info.family == AF_INET ? IPV4_HEADER : IPV6_HEADER;
		l->plain = p->len;
		if (l->plain < sa->tfcpad && sa->tfcpad < HWSIM_MAX_PACKET)
			l->plain = sa->tfcpad; /* RFC 4303 2.7: the receiver goes by the inner packet's length */
		l->next_header = p->flow.family == AF_INET ? IPPROTO_IPIP : IPPROTO_IPV6;
	} else {
		if (p->fragment || !p->l4 || (p->flow.family == AF_INET6 && p->options))
			return -EHOSTUNREACH; /* RFC 4303 3.3.4: transport mode takes whole packets */
		l->header = p->l4;
		l->plain = p->len - p->l4;
		l->next_header = p->flow.proto;
	}
	l->esp = l->header + (sa->encap.encap_type ? UDP_HEADER : 0);
	l->text = l->esp + ESP_HEADER + shape->iv;
	l->padded = (l->plain + 2 + shape->block - 1) / shape->block * shape->block;
	l->total = l->text + l->padded + shape->icv;
	return l->total > HWSIM_MAX_PACKET ? -EMSGSIZE : 0;
}

static void write_trailer(uint8_t *text, const struct layout *l)
{
	size_t pad = l->padded - l->plain - 2;

	for (size_t i = 0; i < pad; i++)
		text[l->plain + i] = (uint8_t)(i + 1);
	text[l->padded - 2] = (uint8_t)pad;
	text[l->padded - 1] = l->next_header;
}

/*
 * As Linux (INET_ECN_encapsulate): a tunnel begins without congestion, where RFC 6040 would copy the mark. A sender
 * whose peer knows no ECN at all sets XFRM_STATE_NOECN.
 */
static uint8_t outer_tos(const struct sa *sa, const struct packet *p)
{
	uint8_t tos = p->tos;

	if (sa->extra_flags & XFRM_SA_XFLAG_DONT_ENCAP_DSCP)
		tos &= TOS_ECN;
	if ((tos & TOS_ECN) == TOS_ECN)
		tos = (uint8_t)((tos & ~TOS_ECN) | TOS_ECT0);
	if (sa->info.flags & XFRM_STATE_NOECN)
		tos &= (uint8_t)~TOS_ECN;
	return tos;
}

static void write_ip(const struct sa *sa, const struct packet *p, const struct layout *l, uint8_t *out)
{
	const struct xfrm_usersa_info *s = &sa->info;
	uint8_t proto = sa->encap.encap_type ? IPPROTO_UDP : IPPROTO_ESP;

	if (s->mode == XFRM_MODE_TUNNEL) {
		ip_write_header(out, s->family, l->total, (const uint8_t *)&s->saddr, (const uint8_t *)&s->id.daddr,
				proto, outer_tos(sa, p), OUTER_TTL, p->df && !(s->flags & XFRM_STATE_NOPMTUDISC),
				(uint16_t)sa->oseq);
		return;
	}
	memcpy(out, p->data, l->header);
	out[p->l4_field] = proto;
	if (s->family == AF_INET) {
		put_be16(out + 2, (uint16_t)l->total);
		ipv4_set_checksum(out);
	} else {
		put_be16(out + 4, (uint16_t)(l->total - IPV6_HEADER));
	}
}

static void write_udp(const struct sa *sa, const struct layout *l, uint8_t *out)
{
	uint8_t *udp = out + l->header;
	size_t len = l->total - l->header;
	uint32_t sum;

	memcpy(udp, &sa->encap.encap_sport, 2);
	memcpy(udp + 2, &sa->encap.encap_dport, 2);
	put_be16(udp + 4, (uint16_t)len);
	put_be16(udp + 6, 0); /* RFC 3948 2.1: none with IPv4 */
	if (sa->info.family == AF_INET)
		return;
	sum = checksum_add(IPPROTO_UDP + (uint32_t)len, out + 8, 32);
	sum = checksum_end(checksum_add(sum, udp, len));
	put_be16(udp + 6, sum ? (uint16_t)sum : 0xffff);
}

int esp_protect(struct sa *sa, const struct packet *p, uint8_t *out)
{
	bool esn = sa->info.flags & XFRM_STATE_ESN, tunnel = sa->info.mode == XFRM_MODE_TUNNEL;
	size_t from = tunnel ? 0 : p->l4;
	struct layout l;
	uint8_t *esp;
	int err;

	if ((err = plan(sa, p, &l)))
		return err;
	if (sa->oseq == (esn ? UINT64_MAX : UINT32_MAX))
		return -EOVERFLOW;
	sa->oseq++;
	esp = out + l.esp;
	memcpy(esp, &sa->info.id.spi, 4);
	put_be32(esp + 4, (uint32_t)sa->oseq);
	memcpy(out + l.text, p->data + from, p->len - from);
	memset(out + l.text + (p->len - from), 0, l.plain - (p->len - from));
	write_trailer(out + l.text, &l);
	if ((err = esp_crypto_seal(sa->crypto, esp, l.padded, sa->oseq, esn)))
		return err;
	write_ip(sa, p, &l, out);
	if (sa->encap.encap_type)
		write_udp(sa, &l, out);
	return (int)l.total;
}
