/* SPDX-License-Identifier: MIT */
/* Addresses, identities and traffic selectors as people write them, both ways. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "ctl/conf.h"
#include "ctl/conf_time.h"

/* ---- addresses ---- */

int conf_addr_read(const char *text, struct ike_addr *out)
{
	struct ike_addr a = {0};

	if (inet_pton(AF_INET, text, a.ip) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, text, a.ip) == 1)
		a.family = AF_INET6;
	else if (strcasecmp(text, "%any"))
		return -EINVAL;
	*out = a;
	return 0;
}

const char *conf_addr_print(const struct ike_addr *a, char *buf, size_t size)
{
	if (!a->family)
		snprintf(buf, size, "%%any");
	else if (!inet_ntop(a->family, a->ip, buf, (socklen_t)size))
		snprintf(buf, size, "?");
	return buf;
}

/* ---- identities ---- */

static const struct id_prefix {
	const char *prefix;
	uint8_t kind;
} id_prefixes[] = {
	{"ipv4:", IKE_ID_IPV4},    {"ipv6:", IKE_ID_IPV6},       {"rfc822:", IKE_ID_RFC822},
	{"email:", IKE_ID_RFC822}, {"userfqdn:", IKE_ID_RFC822}, {"fqdn:", IKE_ID_FQDN},
	{"dns:", IKE_ID_FQDN},     {"asn1dn:", IKE_ID_DN},       {"keyid:", IKE_ID_KEY},
};

static int id_set(struct ike_id *out, uint8_t kind, const void *data, size_t len)
{
	if (!len || len > sizeof(out->data))
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->kind = kind;
	out->len = (uint16_t)len;
	memcpy(out->data, data, len);
	return 0;
}

int conf_hex_read(const char *hex, size_t len, uint8_t *out, size_t size)
{
	if (len % 2 || len / 2 > size)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int high = OPENSSL_hexchar2int((unsigned char)hex[i]),
		    low = OPENSSL_hexchar2int((unsigned char)hex[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (int)(len / 2);
}

/* After `#`: hexadecimal octets. */
static int id_hex(struct ike_id *out, uint8_t kind, const char *hex)
{
	uint8_t data[IKE_ID_LEN_MAX];
	int n = conf_hex_read(hex, strlen(hex), data, sizeof(data));

	return n < 0 ? n : id_set(out, kind, data, (size_t)n);
}

int conf_id_read(const char *text, struct ike_id *out)
{
	struct ike_addr addr;
	size_t len = strlen(text);

	if (!strcasecmp(text, "%any")) {
		memset(out, 0, sizeof(*out));
		return 0;
	}
	for (size_t i = 0; i < sizeof(id_prefixes) / sizeof(id_prefixes[0]); i++) {
		const struct id_prefix *p = &id_prefixes[i];
		size_t n = strlen(p->prefix);

		if (strncasecmp(text, p->prefix, n))
			continue;
		if (text[n] == '#')
			return id_hex(out, p->kind, text + n + 1);
		return id_set(out, p->kind, text + n, len - n);
	}
	if (!conf_addr_read(text, &addr))
		return addr.family == AF_INET ? id_set(out, IKE_ID_IPV4, addr.ip, 4)
					      : id_set(out, IKE_ID_IPV6, addr.ip, 16);
	if (strpbrk(text, "=*?")) /* a distinguished name in words, or a pattern: neither is done */
		return -EINVAL;
	if (text[0] == '@') /* strongSwan's older spellings */
		return text[1] == '#'   ? id_hex(out, IKE_ID_KEY, text + 2)
		       : text[1] == '@' ? id_set(out, IKE_ID_RFC822, text + 2, len - 2)
					: id_set(out, IKE_ID_FQDN, text + 1, len - 1);
	return id_set(out, strchr(text, '@') ? IKE_ID_RFC822 : IKE_ID_FQDN, text, len);
}

static const char *id_print_hex(const struct ike_id *id, const char *prefix, char *buf, size_t size)
{
	size_t at = (size_t)snprintf(buf, size, "%s#", prefix);

	for (size_t i = 0; i < id->len && at + 2 < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%02x", id->data[i]);
	return buf;
}

static bool id_printable(const struct ike_id *id)
{
	for (size_t i = 0; i < id->len; i++)
		if (!isprint(id->data[i]))
			return false;
	return true;
}

const char *conf_id_print(const struct ike_id *id, char *buf, size_t size)
{
	const char *prefix = "";

	if (!size)
		return buf;
	switch (id->kind) {
	case 0:
		snprintf(buf, size, "%%any");
		return buf;
	case IKE_ID_IPV4:
		if (id->len == 4 && inet_ntop(AF_INET, id->data, buf, (socklen_t)size))
			return buf;
		return id_print_hex(id, "ipv4:", buf, size);
	case IKE_ID_IPV6:
		if (id->len == 16 && inet_ntop(AF_INET6, id->data, buf, (socklen_t)size))
			return buf;
		return id_print_hex(id, "ipv6:", buf, size);
	case IKE_ID_FQDN:
		prefix = "fqdn:";
		break;
	case IKE_ID_RFC822:
		prefix = "email:";
		break;
	case IKE_ID_KEY:
		prefix = "keyid:";
		break;
	case IKE_ID_DN:
		return id_print_hex(id, "asn1dn:", buf, size);
	default: /* a number that a peer sent */
		return id_print_hex(id, "id:", buf, size);
	}
	if (!id_printable(id))
		return id_print_hex(id, prefix, buf, size);
	snprintf(buf, size, "%.*s", (int)id->len, (const char *)id->data);
	return buf;
}

/* ---- traffic selectors ---- */

static const struct protocol {
	const char *name;
	uint8_t number;
	bool ports;
} protocols[] = {
	/* IANA protocol numbers; the names of /etc/protocols, which need not be installed */
	{"icmp", 1, false},     {"ipip", 4, false},   {"tcp", 6, true},         {"udp", 17, true},
	{"ipv6", 41, false},    {"gre", 47, false},   {"ipv6-icmp", 58, false}, {"ospf", 89, false},
	{"vrrp", 112, false},   {"l2tp", 115, false}, {"dccp", 33, true},       {"sctp", 132, true},
	{"udplite", 136, true},
};

static int protocol_read(const char *text, uint8_t *protocol, bool *ports)
{
	uint64_t number;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		const struct protocol *p = &protocols[i];

		if (strcasecmp(text, p->name) && (conf_number_read(text, &number) || number != p->number))
			continue;
		*protocol = p->number;
		*ports = p->ports;
		return 0;
	}
	*ports = false;
	if (conf_number_read(text, &number) || number > 255)
		return -EINVAL;
	*protocol = (uint8_t)number;
	return 0;
}

/* "80", "80-90". */
static int ports_read(char *text, struct ike_ts *out)
{
	char *dash = strchr(text, '-');
	uint64_t from, to;

	if (dash)
		*dash++ = '\0';
	if (conf_number_read(text, &from) || conf_number_read(dash ? dash : text, &to) || to > 65535 || from > to)
		return -EINVAL;
	out->start_port = (uint16_t)from;
	out->end_port = (uint16_t)to;
	return 0;
}

/* "[tcp/80]" without the brackets: protocol, port or both. */
static int restriction_read(char *text, struct ike_ts *out)
{
	char *slash = strchr(text, '/');
	bool ports = false;

	if (slash)
		*slash++ = '\0';
	if (*text && protocol_read(text, &out->protocol, &ports))
		return -EINVAL;
	if (!slash)
		return *text ? 0 : -EINVAL;
	if (!ports)
		return -EINVAL;
	return ports_read(slash, out);
}

static int prefix_read(const char *text, struct ike_ts *out, unsigned int octets)
{
	uint64_t bits;

	if (conf_number_read(text, &bits) || bits > octets * 8)
		return -EINVAL;
	for (unsigned int i = 0; i < octets; i++) {
		unsigned int left = bits > i * 8u ? (unsigned int)bits - i * 8u : 0;
		uint8_t mask = (uint8_t)(left >= 8 ? 0xff : 0xff00u >> left);

		out->start[i] &= mask;
		out->end[i] = (uint8_t)(out->start[i] | (uint8_t)~mask);
	}
	return 0;
}

int conf_ts_read(const char *text, struct ike_ts *out)
{
	struct ike_ts ts = {.end_port = 65535};
	char copy[160], *bracket, *slash, *dash;
	struct ike_addr from, to;
	unsigned int octets;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, strlen(text) + 1);
	bracket = strchr(copy, '[');
	if (bracket) {
		size_t len = strlen(bracket);

		if (bracket[len - 1] != ']')
			return -EINVAL;
		bracket[len - 1] = '\0';
		*bracket++ = '\0';
		if (restriction_read(bracket, &ts))
			return -EINVAL;
	}
	slash = strchr(copy, '/');
	dash = strstr(copy, "..");
	if (slash)
		*slash++ = '\0';
	if (dash) { /* as selectors are printed */
		*dash = '\0';
		dash += 2;
	} else if ((dash = strchr(copy, '-'))) {
		*dash++ = '\0';
	}
	if ((slash && dash) || conf_addr_read(copy, &from) || !from.family)
		return -EINVAL;
	octets = from.family == AF_INET ? 4 : 16;
	ts.type = from.family == AF_INET ? IKE_TS_IPV4 : IKE_TS_IPV6;
	memcpy(ts.start, from.ip, octets);
	memcpy(ts.end, from.ip, octets);
	if (slash && prefix_read(slash, &ts, octets))
		return -EINVAL;
	if (dash) {
		if (conf_addr_read(dash, &to) || to.family != from.family || memcmp(to.ip, from.ip, octets) < 0)
			return -EINVAL;
		memcpy(ts.end, to.ip, octets);
	}
	*out = ts;
	return 0;
}

/* The prefix length that covers start..end exactly, or -1. */
static int prefix_of(const struct ike_ts *ts, unsigned int octets)
{
	unsigned int bits = 0;

	while (bits < octets * 8 && !((ts->start[bits / 8] ^ ts->end[bits / 8]) & 0x80 >> bits % 8))
		bits++;
	for (unsigned int i = bits; i < octets * 8; i++)
		if ((ts->start[i / 8] & 0x80 >> i % 8) || !(ts->end[i / 8] & 0x80 >> i % 8))
			return -1;
	return (int)bits;
}

static void restriction_print(const struct ike_ts *ts, char *buf, size_t size)
{
	bool all_ports = ts->start_port == 0 && ts->end_port == 65535;
	char protocol[24] = "", ports[24] = "";

	buf[0] = '\0';
	if (!ts->protocol && all_ports)
		return;
	if (ts->protocol)
		snprintf(protocol, sizeof(protocol), "%u", ts->protocol);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i].number == ts->protocol)
			snprintf(protocol, sizeof(protocol), "%s", protocols[i].name);
	if (!all_ports && ts->start_port == 65535 && ts->end_port == 0)
		snprintf(ports, sizeof(ports), "/OPAQUE");
	else if (!all_ports && ts->start_port == ts->end_port)
		snprintf(ports, sizeof(ports), "/%u", ts->start_port);
	else if (!all_ports)
		snprintf(ports, sizeof(ports), "/%u-%u", ts->start_port, ts->end_port);
	snprintf(buf, size, "[%s%s]", protocol, ports);
}

const char *conf_ts_print(const struct ike_ts *ts, char *buf, size_t size)
{
	int family = ts->type == IKE_TS_IPV4 ? AF_INET : AF_INET6;
	unsigned int octets = family == AF_INET ? 4 : 16;
	char from[INET6_ADDRSTRLEN] = "?", to[INET6_ADDRSTRLEN] = "?", restriction[56];
	int prefix = prefix_of(ts, octets);

	inet_ntop(family, ts->start, from, sizeof(from));
	inet_ntop(family, ts->end, to, sizeof(to));
	restriction_print(ts, restriction, sizeof(restriction));
	if (prefix >= 0)
		snprintf(buf, size, "%s/%d%s", from, prefix, restriction);
	else
		snprintf(buf, size, "%s..%s%s", from, to, restriction);
	return buf;
}
