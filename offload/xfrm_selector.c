/* SPDX-License-Identifier: MIT */
/* Addresses and selectors, to and from XFRM, and IKE's ranges as selectors. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "offload/xfrm_priv.h"

bool xfrm_family_ok(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static size_t address_size(uint16_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

xfrm_address_t xfrm_address_put(const struct xfrm_addr *a)
{
	xfrm_address_t out = {0};

	memcpy(&out, a->ip, address_size(a->family));
	return out;
}

struct xfrm_addr xfrm_address_get(const xfrm_address_t *a, uint16_t family)
{
	struct xfrm_addr out = {.family = family};

	memcpy(out.ip, a, address_size(family));
	return out;
}

struct xfrm_selector xfrm_selector_put(const struct xfrm_selector_cfg *s)
{
	struct xfrm_selector out = {
		.family = s->family,
		.prefixlen_s = s->src_len,
		.prefixlen_d = s->dst_len,
		.proto = s->protocol,
		.sport = htons(s->sport),
		.sport_mask = htons(s->sport_mask),
		.dport = htons(s->dport),
		.dport_mask = htons(s->dport_mask),
	};

	memcpy(&out.saddr, s->src, address_size(s->family));
	memcpy(&out.daddr, s->dst, address_size(s->family));
	return out;
}

struct xfrm_selector_cfg xfrm_selector_get(const struct xfrm_selector *s)
{
	struct xfrm_selector_cfg out = {
		.family = s->family,
		.src_len = s->prefixlen_s,
		.dst_len = s->prefixlen_d,
		.protocol = s->proto,
		.sport = ntohs(s->sport),
		.sport_mask = ntohs(s->sport_mask),
		.dport = ntohs(s->dport),
		.dport_mask = ntohs(s->dport_mask),
	};

	memcpy(out.src, &s->saddr, address_size(s->family));
	memcpy(out.dst, &s->daddr, address_size(s->family));
	return out;
}

/* ---- ranges ---- */

typedef unsigned __int128 wide;

enum {
	PREFIXES_MAX = 2 * 128 - 2, /* that an IPv6 range can need */
	PORT_PREFIXES_MAX = 2 * 16 - 2,
};

struct prefix {
	wide value;
	uint8_t len;
};

struct port_prefix {
	uint16_t value, mask;
};

/* The fewest prefixes that cover lo..hi, numbers of `width` bits: each the largest that starts where the last ended. */
static unsigned int prefixes_from_range(wide lo, wide hi, unsigned int width, struct prefix *out)
{
	unsigned int n = 0;

	for (;;) {
		unsigned int free = 0; /* low bits that the prefix leaves open */
		wide size, last;

		while (free < width && !(lo >> free & 1)) {
			size = (wide)2 << free; /* 0 for all 128 bits, and the sum below is then right all the same */
			if (lo + (size - 1) > hi)
				break;
			free++;
		}
		out[n++] = (struct prefix){lo, (uint8_t)(width - free)};
		last = free < 128 ? lo + (((wide)1 << free) - 1) : ~(wide)0;
		if (last >= hi)
			return n;
		lo = last + 1;
	}
}

static wide address_number(const uint8_t *ip, uint16_t family)
{
	wide v = 0;

	for (size_t i = 0; i < address_size(family); i++)
		v = v << 8 | ip[i];
	return v;
}

static void address_bytes(wide v, uint8_t *ip, uint16_t family)
{
	for (size_t i = address_size(family); i-- > 0; v >>= 8)
		ip[i] = (uint8_t)v;
}

static unsigned int ports_from_range(uint16_t lo, uint16_t hi, struct port_prefix *out)
{
	struct prefix p[PORT_PREFIXES_MAX];
	unsigned int n = prefixes_from_range(lo, hi, 16, p);

	for (unsigned int i = 0; i < n; i++)
		out[i] = (struct port_prefix){(uint16_t)p[i].value, (uint16_t)(0xffff0000u >> p[i].len)};
	return n;
}

static bool ports_any(const struct xfrm_range *r)
{
	return r->start_port == 0 && r->end_port == UINT16_MAX;
}

struct ports {
	struct port_prefix s[PORT_PREFIXES_MAX], d[PORT_PREFIXES_MAX];
	unsigned int n_s, n_d;
};

static bool has_types(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6 || protocol == IPPROTO_MH;
}

/*
 * A flow of ICMP has its type where others have the source port and its code where others have the destination port
 * (Linux xfrm_flowi_sport and _dport), while IKE has both in one port (RFC 7296 3.13.1). Either end may state them.
 * The mobility header is the same without a code.
 */
static int type_ports(const struct xfrm_range *src, const struct xfrm_range *dst, struct ports *out)
{
	const struct xfrm_range *r = ports_any(src) ? dst : src;
	uint8_t type_lo = (uint8_t)(r->start_port >> 8), type_hi = (uint8_t)(r->end_port >> 8);
	uint8_t code_lo = (uint8_t)r->start_port, code_hi = (uint8_t)r->end_port;

	if (!ports_any(src) && !ports_any(dst) &&
	    (src->start_port != dst->start_port || src->end_port != dst->end_port))
		return -EINVAL;
	if (type_lo != type_hi && (code_lo != 0 || code_hi != UINT8_MAX))
		return -EINVAL; /* not a rectangle of types and codes */
	if (ports_any(r)) {
		out->n_s = ports_from_range(0, UINT16_MAX, out->s);
		out->n_d = ports_from_range(0, UINT16_MAX, out->d);
		return 0;
	}
	out->n_s = ports_from_range(type_lo, type_hi, out->s);
	if (code_lo == 0 && code_hi == UINT8_MAX)
		out->n_d = ports_from_range(0, UINT16_MAX, out->d);
	else
		out->n_d = ports_from_range(code_lo, code_hi, out->d);
	return 0;
}

static int range_check(const struct xfrm_range *r, uint8_t protocol)
{
	if (!xfrm_family_ok(r->family) || address_number(r->start, r->family) > address_number(r->end, r->family))
		return -EINVAL;
	if (r->start_port > r->end_port) /* OPAQUE (65535-0) too, which XFRM cannot express */
		return -EINVAL;
	return protocol || ports_any(r) ? 0 : -EINVAL;
}

int xfrm_selectors_from_ranges(const struct xfrm_range *src, const struct xfrm_range *dst,
			       struct xfrm_selector_cfg *out, unsigned int max)
{
	uint8_t protocol = src->protocol ? src->protocol : dst->protocol;
	struct prefix from[PREFIXES_MAX], to[PREFIXES_MAX];
	unsigned int n_from, n_to, n = 0;
	struct ports ports;
	int err;

	if (src->family != dst->family || (dst->protocol && dst->protocol != protocol))
		return -EINVAL;
	if ((err = range_check(src, protocol)) || (err = range_check(dst, protocol)))
		return err;
	if (has_types(protocol)) {
		if ((err = type_ports(src, dst, &ports)))
			return err;
	} else {
		ports.n_s = ports_from_range(src->start_port, src->end_port, ports.s);
		ports.n_d = ports_from_range(dst->start_port, dst->end_port, ports.d);
	}
	n_from = prefixes_from_range(address_number(src->start, src->family), address_number(src->end, src->family),
				     (unsigned int)address_size(src->family) * 8, from);
	n_to = prefixes_from_range(address_number(dst->start, dst->family), address_number(dst->end, dst->family),
				   (unsigned int)address_size(dst->family) * 8, to);
	if ((uint64_t)n_from * n_to * ports.n_s * ports.n_d > max)
		return -E2BIG;
	for (unsigned int i = 0; i < n_from * n_to * ports.n_s * ports.n_d; i++) {
		const struct prefix *f = &from[i / (n_to * ports.n_s * ports.n_d)],
				    *t = &to[i / (ports.n_s * ports.n_d) % n_to];
		const struct port_prefix *s = &ports.s[i / ports.n_d % ports.n_s], *d = &ports.d[i % ports.n_d];

		out[n] = (struct xfrm_selector_cfg){
			.family = src->family,
			.src_len = f->len,
			.dst_len = t->len,
			.protocol = protocol,
			.sport = s->value,
			.sport_mask = s->mask,
			.dport = d->value,
			.dport_mask = d->mask,
		};
		address_bytes(f->value, out[n].src, src->family);
		address_bytes(t->value, out[n].dst, src->family);
		n++;
	}
	return (int)n;
}
