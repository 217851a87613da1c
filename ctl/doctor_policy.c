/* SPDX-License-Identifier: MIT */
/* Policies of others that take traffic away from keyrackd's, or IKE itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "ctl/doctor_priv.h"
#include "ctl/reqid.h"

enum { FOREIGN_MAX = 64, IKE_PORT = 500, NATT_PORT = 4500 };

struct policies {
	unsigned int ours, n; /* n: of others; the first FOREIGN_MAX are kept */
	struct xfrm_policy_cfg other[FOREIGN_MAX];
	const struct xfrm_policy_cfg *clash; /* the first that overlaps with one of ours, */
	uint32_t priority;                   /* which has this one */
};

static bool is_ours(const struct xfrm_policy_cfg *p)
{
	return p->reqid >= REQID_BASE && p->reqid - REQID_BASE < REQID_RANGE;
}

static bool port_is(uint16_t port, uint16_t mask, uint16_t wanted)
{
	return (wanted & mask) == (port & mask);
}

/* Lets IKE or neighbour discovery pass and nothing else: keyrackd has these too, and they harm nobody. */
static bool is_narrow_bypass(const struct xfrm_policy_cfg *p)
{
	const struct xfrm_selector_cfg *s = &p->sel;

	return p->bypass && ((s->protocol == IPPROTO_UDP && (s->sport_mask || s->dport_mask)) ||
			     (s->protocol == IPPROTO_ICMPV6 && s->sport_mask));
}

static bool prefixes_overlap(const uint8_t *a, unsigned int a_len, const uint8_t *b, unsigned int b_len)
{
	unsigned int bits = a_len < b_len ? a_len : b_len;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	return !memcmp(a, b, bits / 8) && (!(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) & mask));
}

static bool ports_overlap(uint16_t a, uint16_t a_mask, uint16_t b, uint16_t b_mask)
{
	return ((a ^ b) & a_mask & b_mask) == 0;
}

static bool overlap(const struct xfrm_policy_cfg *p, const struct xfrm_policy_cfg *q)
{
	const struct xfrm_selector_cfg *a = &p->sel, *b = &q->sel;

	return p->dir == q->dir && a->family == b->family &&
	       (!a->protocol || !b->protocol || a->protocol == b->protocol) &&
	       prefixes_overlap(a->src, a->src_len, b->src, b->src_len) &&
	       prefixes_overlap(a->dst, a->dst_len, b->dst, b->dst_len) &&
	       ports_overlap(a->sport, a->sport_mask, b->sport, b->sport_mask) &&
	       ports_overlap(a->dport, a->dport_mask, b->dport, b->dport_mask);
}

/* Everybody's IKE: which address is a gateway is not known here. */
static bool covers_ike(const struct xfrm_policy_cfg *p)
{
	const struct xfrm_selector_cfg *s = &p->sel;

	if (p->bypass || s->src_len || s->dst_len || (s->protocol && s->protocol != IPPROTO_UDP))
		return false;
	return (port_is(s->sport, s->sport_mask, IKE_PORT) && port_is(s->dport, s->dport_mask, IKE_PORT)) ||
	       (port_is(s->sport, s->sport_mask, NATT_PORT) && port_is(s->dport, s->dport_mask, NATT_PORT));
}

static void sort(void *ctx, const struct xfrm_policy_cfg *p)
{
	struct policies *all = ctx;

	if (is_ours(p))
		all->ours++;
	else if (!is_narrow_bypass(p) && all->n++ < FOREIGN_MAX)
		all->other[all->n - 1] = *p;
}

/* The second time round. */
static void compare(void *ctx, const struct xfrm_policy_cfg *p)
{
	struct policies *all = ctx;

	if (!is_ours(p) || all->clash)
		return;
	for (unsigned int i = 0; i < all->n && i < FOREIGN_MAX; i++)
		if (overlap(p, &all->other[i])) {
			all->clash = &all->other[i];
			all->priority = p->priority;
			return;
		}
}

static const char *policy_print(const struct xfrm_policy_cfg *p, char *buf, size_t size)
{
	static const char *const dirs[] = {"in", "out", "fwd"};
	char src[INET6_ADDRSTRLEN] = "?", dst[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(p->sel.family, p->sel.src, src, sizeof(src));
	(void)inet_ntop(p->sel.family, p->sel.dst, dst, sizeof(dst));
	snprintf(buf, size, "src %s/%u dst %s/%u dir %s priority %u%s", src, p->sel.src_len, dst, p->sel.dst_len,
		 dirs[p->dir], p->priority,
		 p->block    ? " action block"
		 : p->bypass ? " without a template"
			     : "");
	return buf;
}

static int read_all(struct doctor *d, struct policies *all)
{
	int err = doctor_ask_policies(d, sort, all);

	return err || !all->n || !all->ours ? err : doctor_ask_policies(d, compare, all);
}

static void unreadable(struct doctor_line *l, int err)
{
	if (err == -EPERM || err == -EACCES) {
		doctor_say(l, DOCTOR_INFO, "unknown: %s", strerror(-err));
		doctor_advise(l, "policies are read with CAP_NET_ADMIN");
		return;
	}
	doctor_say(l, DOCTOR_ERROR, "NETLINK_XFRM: %s", strerror(-err));
	doctor_advise(l, "modprobe xfrm_user, or a kernel with CONFIG_XFRM_USER");
}

void doctor_policies_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	struct policies all = {.n = 0};
	int err = read_all(d, &all);
	char text[200];

	(void)row;
	if (err) {
		unreadable(l, err);
		return;
	}
	for (unsigned int i = 0; i < all.n && i < FOREIGN_MAX; i++)
		if (covers_ike(&all.other[i])) {
			doctor_say(l, DOCTOR_WARNING, "somebody's policy covers IKE: %s",
				   policy_print(&all.other[i], text, sizeof(text)));
			doctor_advise(l, "take it away, or except UDP ports 500 and 4500 from it");
			return;
		}
	if (all.clash) {
		doctor_say(l, DOCTOR_WARNING, "somebody's policy overlaps with keyrackd's (priority %u): %s",
			   all.priority, policy_print(all.clash, text, sizeof(text)));
		doctor_advise(l, "of two the smaller priority wins: take the other away with `ip xfrm policy`");
		return;
	}
	if (all.n)
		doctor_say(l, DOCTOR_INFO, "%u of keyrackd's, %u of others that do not touch them: %s", all.ours, all.n,
			   policy_print(&all.other[0], text, sizeof(text)));
	else if (all.ours)
		doctor_say(l, DOCTOR_OK, "%u, all keyrackd's", all.ours);
	else
		doctor_say(l, DOCTOR_OK, "none");
}
