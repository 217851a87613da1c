/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_priv.h"

void say(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->at, t->left, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->left)
		abort(); /* a test's buffer is too small: CARD_TEXT */
	t->at += n;
	t->left -= (size_t)n;
}

void say_address(struct text *t, const xfrm_address_t *a, uint16_t family)
{
	char text[INET6_ADDRSTRLEN];

	say(t, "%s", inet_ntop(family == AF_INET6 ? AF_INET6 : AF_INET, a, text, sizeof(text)));
}

void say_selector(struct text *t, const struct xfrm_selector *s)
{
	bool ports = s->sport || s->sport_mask || s->dport || s->dport_mask;

	if (!s->prefixlen_s && !s->prefixlen_d && !s->proto && !s->ifindex && !s->user && !ports) {
		say(t, " sel %s", s->family == AF_INET ? "v4" : s->family == AF_INET6 ? "v6" : "none");
		return;
	}
	say(t, " sel ");
	say_address(t, &s->saddr, s->family);
	say(t, "/%u", s->prefixlen_s);
	if (s->sport_mask)
		say(t, "[%u/%04x]", ntohs(s->sport), ntohs(s->sport_mask));
	say(t, ">");
	say_address(t, &s->daddr, s->family);
	say(t, "/%u", s->prefixlen_d);
	if (s->dport_mask)
		say(t, "[%u/%04x]", ntohs(s->dport), ntohs(s->dport_mask));
	if (s->proto)
		say(t, " proto %u", s->proto);
	if (s->ifindex)
		say(t, " if %s", s->ifindex == t->ctx->ifindex ? "card" : "other");
}

static void say_limit(struct text *t, const char *name, uint64_t packets, uint64_t bytes)
{
	if (packets == XFRM_INF && bytes == XFRM_INF)
		return;
	say(t, " %s", name);
	if (packets != XFRM_INF)
		say(t, " %" PRIu64 "p", packets);
	if (bytes != XFRM_INF)
		say(t, " %" PRIu64 "B", bytes);
}

static void say_lifetime(struct text *t, const struct xfrm_lifetime_cfg *l)
{
	say_limit(t, "soft", l->soft_packet_limit, l->soft_byte_limit);
	say_limit(t, "hard", l->hard_packet_limit, l->hard_byte_limit);
	if (l->soft_add_expires_seconds || l->hard_add_expires_seconds)
		say(t, " add %" PRIu64 "/%" PRIu64 "s", (uint64_t)l->soft_add_expires_seconds,
		    (uint64_t)l->hard_add_expires_seconds);
	if (l->soft_use_expires_seconds || l->hard_use_expires_seconds)
		say(t, " use %" PRIu64 "/%" PRIu64 "s", (uint64_t)l->soft_use_expires_seconds,
		    (uint64_t)l->hard_use_expires_seconds);
}

void say_current(struct text *t, const struct xfrm_lifetime_cur *c)
{
	if (c->packets || c->bytes)
		say(t, " has %" PRIu64 "p %" PRIu64 "B", (uint64_t)c->packets, (uint64_t)c->bytes);
	say(t, "%s%s", c->add_time ? " added" : "", c->use_time ? " used" : "");
}

const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_ESP ? "esp" : proto == IPPROTO_AH ? "ah" : proto ? "other" : "none";
}

const char *mode_name(uint8_t mode)
{
	return mode == XFRM_MODE_TUNNEL ? "tunnel" : mode == XFRM_MODE_TRANSPORT ? "transport" : "other";
}

void say_sa(struct text *t, const struct xfrm_usersa_info *u)
{
	say(t, " ");
	say_address(t, &u->saddr, u->family);
	say(t, ">");
	say_address(t, &u->id.daddr, u->family);
	say(t, " %s %08x %s reqid %u", proto_name(u->id.proto), ntohl(u->id.spi), mode_name(u->mode), u->reqid);
	say_selector(t, &u->sel);
	if (u->replay_window)
		say(t, " window %u", u->replay_window);
	if (u->flags)
		say(t, " flags %02x", u->flags);
	if (u->seq)
		say(t, " seq set");
	say_lifetime(t, &u->lft);
	say_current(t, &u->curlft);
	if (u->stats.replay_window || u->stats.replay || u->stats.integrity_failed)
		say(t, " stats %u/%u/%u", u->stats.replay_window, u->stats.replay, u->stats.integrity_failed);
}

void say_sa_id(struct text *t, const struct xfrm_usersa_id *id)
{
	say(t, " >");
	say_address(t, &id->daddr, id->family);
	say(t, " %s %08x", proto_name(id->proto), ntohl(id->spi));
}

void say_policy(struct text *t, const struct xfrm_userpolicy_info *p)
{
	static const char *const dirs[] = {"in", "out", "fwd"};

	say(t, " %s", p->dir < 3 ? dirs[p->dir] : "other");
	say_selector(t, &p->sel);
	say(t, " priority %u%s", p->priority, p->action == XFRM_POLICY_ALLOW ? "" : " block");
	if (!p->index || (p->index & 7) != p->dir)
		say(t, " index %u", p->index);
	if (p->flags)
		say(t, " flags %02x", p->flags);
	if (p->share)
		say(t, " share %u", p->share);
	say_lifetime(t, &p->lft);
	say_current(t, &p->curlft);
}
