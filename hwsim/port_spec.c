/* SPDX-License-Identifier: MIT */
#include "hwsim/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kind_row {
	const char *name;
	const char *form; /* what a person is told to write */
	enum port_kind kind;
	unsigned int sides;
	int (*parse)(struct port_spec *spec, const char *rest, char *why, size_t size);
};

static int refuse(char *why, size_t size, const char *text, const char *must)
{
	snprintf(why, size, "'%s' is not %s", text, must);
	return -EINVAL;
}

/* ADDR:PORT or [ADDR6]:PORT, `len` bytes of it. */
static int parse_endpoint(struct sockaddr_storage *to, const char *text, size_t len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	char copy[INET6_ADDRSTRLEN + 16], *colon, *host = copy, *end;
	unsigned long port;

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	colon = strrchr(copy, ':');
	if (!colon || colon == copy || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	*colon = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (*end || port < 1 || port > UINT16_MAX)
		return -EINVAL;
	memset(to, 0, sizeof(*to));
	if (*host == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

static int parse_udp(struct port_spec *spec, const char *rest, char *why, size_t size)
{
	const char *comma = strchr(rest, ',');

	if (!comma)
		return refuse(why, size, rest, "LADDR:PORT,RADDR:PORT");
	if (parse_endpoint(&spec->local, rest, (size_t)(comma - rest)) < 0) {
		snprintf(why, size, "local '%.*s' is not ADDRESS:PORT", (int)(comma - rest), rest);
		return -EINVAL;
	}
	if (parse_endpoint(&spec->remote, comma + 1, strlen(comma + 1)) < 0) {
		snprintf(why, size, "remote '%s' is not ADDRESS:PORT", comma + 1);
		return -EINVAL;
	}
	if (spec->local.ss_family != spec->remote.ss_family)
		return refuse(why, size, rest, "two addresses of one family");
	return 0;
}

static int parse_ifname(struct port_spec *spec, const char *name, size_t len, char *why, size_t size)
{
	if (len == 0 || len >= IFNAMSIZ || memchr(name, '/', len) || memchr(name, ' ', len)) {
		snprintf(why, size, "interface name '%.*s' must have 1 to %d characters, no '/' and no space", (int)len,
			 name, IFNAMSIZ - 1);
		return -EINVAL;
	}
	memcpy(spec->ifname, name, len);
	spec->ifname[len] = '\0';
	return 0;
}

static int parse_packet(struct port_spec *spec, const char *rest, char *why, size_t size)
{
	return parse_ifname(spec, rest, strlen(rest), why, size);
}

static int parse_tun(struct port_spec *spec, const char *rest, char *why, size_t size)
{
	const char *comma = strchr(rest, ',');
	unsigned long mtu = PORT_TAP_MTU;
	char *end;
	int err = parse_ifname(spec, rest, comma ? (size_t)(comma - rest) : strlen(rest), why, size);

	if (err < 0)
		return err;
	if (comma) {
		if (strncmp(comma, ",mtu=", 5) != 0 || comma[5] < '0' || comma[5] > '9')
			return refuse(why, size, comma + 1, "mtu=BYTES");
		mtu = strtoul(comma + 5, &end, 10);
		if (*end || mtu < 576 || mtu > 9000)
			return refuse(why, size, comma + 5, "an MTU from 576 to 9000");
	}
	spec->mtu = (unsigned int)mtu;
	return 0;
}

static const struct kind_row kinds[] = {
	{"udp", "udp:LADDR:PORT,RADDR:PORT", PORT_UDP, PORT_WIRE, parse_udp},
	{"packet", "packet:IFNAME", PORT_PACKET, PORT_WIRE, parse_packet},
	{"tap", "tap:NAME[,mtu=N]", PORT_TAP, PORT_HOST, parse_tun},
	{"tun", "tun:NAME[,mtu=N]", PORT_TUN, PORT_HOST, parse_tun},
	{"gen", "gen", PORT_GEN, PORT_HOST, NULL},
	{"none", "none", PORT_NONE, PORT_WIRE | PORT_HOST, NULL},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static int refuse_kind(enum port_side side, const char *text, char *why, size_t size)
{
	int n = snprintf(why, size, "'%s' is not a %s port; known:", text, side == PORT_WIRE ? "wire" : "host");

	for (unsigned int i = 0; i < KINDS && n > 0 && (size_t)n < size; i++)
		if (kinds[i].sides & side)
			n += snprintf(why + n, size - (size_t)n, " %s", kinds[i].form);
	return -EINVAL;
}

int port_spec_parse(struct port_spec *spec, enum port_side side, const char *text, char *why, size_t size)
{
	size_t name_len = strcspn(text, ":");

	memset(spec, 0, sizeof(*spec));
	for (unsigned int i = 0; i < KINDS; i++) {
		const struct kind_row *row = &kinds[i];

		if (strlen(row->name) != name_len || strncmp(row->name, text, name_len) != 0 || !(row->sides & side))
			continue;
		spec->kind = row->kind;
		if (row->parse && text[name_len] == ':')
			return row->parse(spec, text + name_len + 1, why, size);
		if (row->parse || text[name_len] == ':')
			return refuse(why, size, text, row->form);
		return 0;
	}
	return refuse_kind(side, text, why, size);
}
