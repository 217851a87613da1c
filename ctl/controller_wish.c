/* SPDX-License-Identifier: MIT */
/*
 * The policies that a tunnel wishes for: what its SAs protect; what lets IKE and neighbour discovery pass; and, where
 * the peer has granted less than the configuration asks for, what keeps the rest from leaving unprotected.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* Priorities: the more a selector says, the smaller its number; all below what other software uses as "last". */
enum {
	PRIORITY_WIDEST = 400000,
	PRIORITY_BIT = 512,
	PRIORITY_PROTOCOL = 128,
	PRIORITY_PORT = 64,
	PRIORITY_BLOCK = 800000, /* what must not leave: after all else of ours */
};

static uint32_t priority_of(const struct conf_child *cfg, const struct xfrm_selector_cfg *s)
{
	uint32_t n = PRIORITY_WIDEST - PRIORITY_BIT * (uint32_t)(s->src_len + s->dst_len);

	if (cfg->priority)
		return cfg->priority;
	if (s->protocol)
		n -= PRIORITY_PROTOCOL;
	if (s->sport_mask)
		n -= PRIORITY_PORT;
	if (s->dport_mask)
		n -= PRIORITY_PORT;
	return n;
}

static void turn(struct xfrm_selector_cfg *s)
{
	struct xfrm_selector_cfg t = *s;

	memcpy(s->src, t.dst, sizeof(s->src));
	memcpy(s->dst, t.src, sizeof(s->dst));
	s->src_len = t.dst_len;
	s->dst_len = t.src_len;
	s->sport = t.dport;
	s->dport = t.sport;
	s->sport_mask = t.dport_mask;
	s->dport_mask = t.sport_mask;
}

/* The policies of one outbound selector: out, in, and for tunnels forward. How many. */
static unsigned int cfgs_of(const struct ctl_tunnel *t, const struct xfrm_selector_cfg *sel,
			    const struct ike_addr *local, const struct ike_addr *remote, bool tunnel,
			    struct xfrm_policy_cfg out[3])
{
	static const enum xfrm_policy_dir dirs[3] = {XFRM_DIR_OUT, XFRM_DIR_IN, XFRM_DIR_FWD};
	unsigned int n = tunnel ? 3 : 2;

	for (unsigned int i = 0; i < n; i++) {
		bool outward = dirs[i] == XFRM_DIR_OUT;
		enum offload_mode mode = t->mode[outward ? SLOTS_OUT : SLOTS_IN];

		out[i] = (struct xfrm_policy_cfg){
			.dir = dirs[i],
			.sel = *sel,
			.priority = priority_of(t->cfg, sel),
			.reqid = t->reqid,
			.tunnel = tunnel,
			.tmpl_src = xfrm_addr_of(outward ? local : remote),
			.tmpl_dst = xfrm_addr_of(outward ? remote : local),
			.cpu_acquire = outward && t->cpu_acquire,
			/* no card takes forward policies */
			.packet = t->mode_known && mode == OFFLOAD_PACKET && dirs[i] != XFRM_DIR_FWD,
		};
		out[i].ifindex = out[i].packet ? t->c->nic.ifindex : 0;
		if (!outward)
			turn(&out[i].sel);
	}
	return n;
}

/* ---- IKE itself, and neighbour discovery, where the selectors cover them ---- */

enum { BYPASSES = 8 }; /* two ports, two kinds of message, in and out */

static bool prefix_covers(const uint8_t net[16], unsigned int len, const struct ike_addr *a)
{
	for (unsigned int i = 0; i < len; i++)
		if ((net[i / 8] ^ a->ip[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static bool covers(const struct xfrm_selector_cfg *s, uint8_t protocol, const struct ike_addr *local,
		   const struct ike_addr *remote)
{
	return s->family == local->family && (!s->protocol || s->protocol == protocol) &&
	       prefix_covers(s->src, s->src_len, local) && prefix_covers(s->dst, s->dst_len, remote);
}

static bool is_packet(const struct ctl_tunnel *t)
{
	return t->mode_known && (t->mode[SLOTS_IN] == OFFLOAD_PACKET || t->mode[SLOTS_OUT] == OFFLOAD_PACKET);
}

/* One that lets packets between the gateways pass, in either direction. */
static void bypass_fill(const struct ctl_tunnel *t, struct xfrm_policy_cfg *out, enum xfrm_policy_dir dir,
			uint8_t protocol, const struct ike_addr *local, const struct ike_addr *remote)
{
	uint8_t whole = local->family == AF_INET6 ? 128 : 32;

	*out = (struct xfrm_policy_cfg){
		.dir = dir,
		.sel = {.family = local->family, .src_len = whole, .dst_len = whole, .protocol = protocol},
		.bypass = true,
		.packet = is_packet(t),
		.ifindex = is_packet(t) ? t->c->nic.ifindex : 0,
	};
	memcpy(out->sel.src, dir == XFRM_DIR_OUT ? local->ip : remote->ip, sizeof(out->sel.src));
	memcpy(out->sel.dst, dir == XFRM_DIR_OUT ? remote->ip : local->ip, sizeof(out->sel.dst));
}

/*
 * IKE's sockets have policies of their own, but a card does not see sockets: it would protect the answer that brings
 * the peer the keys. So it gets policies that let IKE pass. They say what the sockets say: our ports, any of the
 * peer's.
 */
static unsigned int bypasses_of_ike(const struct ctl_tunnel *t, const struct ike_addr *local,
				    const struct ike_addr *remote, struct xfrm_policy_cfg *out)
{
	const uint16_t ports[2] = {t->c->daemon.ike.port, t->c->daemon.ike.port_natt};

	for (unsigned int i = 0; i < 2; i++, out += 2) {
		bypass_fill(t, &out[0], XFRM_DIR_OUT, IPPROTO_UDP, local, remote);
		bypass_fill(t, &out[1], XFRM_DIR_IN, IPPROTO_UDP, local, remote);
		out[0].sel.sport = out[1].sel.dport = ports[i];
		out[0].sel.sport_mask = out[1].sel.dport_mask = UINT16_MAX;
	}
	return 4;
}

/*
 * Neighbour discovery finds the peer's link address, without which no ESP and no IKE reaches it: what of it goes from
 * one address to the other (solicitations and advertisements) must not wait for an SA. The kernel sends them past its
 * policies, and then drops what comes (net/ipv6/icmp.c, icmpv6_rcv); a card does both. XFRM has ICMP's type where the
 * source port is, in both directions (include/net/xfrm.h, xfrm_flowi_sport).
 */
static unsigned int bypasses_of_neighbours(const struct ctl_tunnel *t, const struct ike_addr *local,
					   const struct ike_addr *remote, struct xfrm_policy_cfg *out)
{
	for (unsigned int i = 0; i < 4; i++) {
		bypass_fill(t, &out[i], i % 2 ? XFRM_DIR_IN : XFRM_DIR_OUT, IPPROTO_ICMPV6, local, remote);
		out[i].sel.sport = i / 2 ? ND_NEIGHBOR_ADVERT : ND_NEIGHBOR_SOLICIT;
		out[i].sel.sport_mask = UINT16_MAX;
	}
	return 4;
}

/* What lets pass what the n selectors of an SA should not cover. How many. */
static unsigned int bypasses_of(const struct ctl_tunnel *t, const struct xfrm_selector_cfg *sel, unsigned int n,
				const struct ike_addr *local, const struct ike_addr *remote,
				struct xfrm_policy_cfg out[BYPASSES])
{
	bool ike = false, neighbours = false;
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		ike = ike || covers(&sel[i], IPPROTO_UDP, local, remote);
		neighbours =
			neighbours || (local->family == AF_INET6 && covers(&sel[i], IPPROTO_ICMPV6, local, remote));
	}
	if (ike && is_packet(t))
		k += bypasses_of_ike(t, local, remote, out);
	if (neighbours)
		k += bypasses_of_neighbours(t, local, remote, out + k);
	return k;
}

struct shape { /* selectors and end points, of an SA or as configured */
	const struct ike_ts *local, *remote;
	unsigned int n_local, n_remote;
	struct ike_addr from, to;
	bool tunnel;
};

static int selectors_of_shape(const struct shape *s, struct xfrm_selector_cfg sel[TUNNEL_SELECTORS_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->n_local; i++)
		for (unsigned int j = 0; j < s->n_remote; j++) {
			int more = selectors_of_pair(&s->local[i], &s->remote[j], sel + n, TUNNEL_SELECTORS_MAX - n);

			if (more < 0)
				return more;
			n += (unsigned int)more;
		}
	return n ? (int)n : -EINVAL;
}

static bool cfgs_have(const struct xfrm_policy_cfg *cfgs, unsigned int n, const struct xfrm_policy_cfg *cfg)
{
	struct ctl_policy_key a, b;

	policy_key_fill(&a, cfg);
	for (unsigned int i = 0; i < n; i++) {
		policy_key_fill(&b, &cfgs[i]);
		if (!memcmp(&a, &b, sizeof(a)))
			return true;
	}
	return false;
}

/* Of `whole`, what is not among the n policies: blocked. How many more there are. */
static unsigned int blocks_add(const struct ctl_tunnel *t, const struct shape *whole, struct xfrm_policy_cfg *cfgs,
			       unsigned int n)
{
	struct xfrm_selector_cfg sel[TUNNEL_SELECTORS_MAX];
	int n_sel = whole ? selectors_of_shape(whole, sel) : 0;
	unsigned int more = 0;

	for (int i = 0; i < n_sel; i++) {
		struct xfrm_policy_cfg one[3];
		unsigned int k = cfgs_of(t, &sel[i], &whole->from, &whole->to, whole->tunnel, one);

		for (unsigned int j = 0; j < k; j++) {
			if (cfgs_have(cfgs, n, &one[j]))
				continue;
			one[j].block = true;
			one[j].packet = false;
			one[j].cpu_acquire = false;
			one[j].ifindex = 0;
			one[j].priority += PRIORITY_BLOCK;
			cfgs[n + more++] = one[j];
		}
	}
	return more;
}

/* All policies for what an SA protects (`s`), and for what the configuration would have it protect (NULL: the same). */
static int cfgs_make(struct ctl_tunnel *t, const struct shape *s, const struct shape *whole,
		     struct xfrm_policy_cfg **out)
{
	struct xfrm_selector_cfg sel[TUNNEL_SELECTORS_MAX];
	int n_sel = selectors_of_shape(s, sel);
	unsigned int n;

	if (n_sel < 0)
		return n_sel;
	if (!t->n_installed)
		tunnel_reqid_follow(t, &s->from, &s->to);
	*out = calloc(BYPASSES + 3 * ((size_t)n_sel + (whole ? TUNNEL_SELECTORS_MAX : 0)), sizeof(**out));
	if (!*out)
		return -ENOMEM;
	/* first: nothing may be protected before they are there */
	n = bypasses_of(t, sel, (unsigned int)n_sel, &s->from, &s->to, *out);
	for (int i = 0; i < n_sel; i++)
		n += cfgs_of(t, &sel[i], &s->from, &s->to, s->tunnel, *out + n);
	return (int)(n + blocks_add(t, whole, *out, n));
}

static void wish_withdraw(struct ctl_policy_wish *w)
{
	struct ctl_policy *p = w->policy;

	if (!p)
		return;
	if (w->counted)
		w->tunnel->policies_waited--;
	TAILQ_REMOVE(&p->wishes, w, link);
	if (!p->c->freeing)
		policy_reconcile(p);
}

static void wishes_withdraw(struct ctl_policy_wish *w, unsigned int n)
{
	while (n-- > 0) /* what lets IKE pass goes last, as it came first */
		wish_withdraw(&w[n]);
	free(w);
}

static bool wishes_same(const struct ctl_tunnel *t, const struct xfrm_policy_cfg *cfgs, unsigned int n)
{
	if (t->n_wishes != n)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		struct ctl_policy_key key;

		policy_key_fill(&key, &cfgs[i]);
		if (memcmp(&key, &t->wishes[i].policy->key, sizeof(key)) ||
		    !policy_cfg_equal(&cfgs[i], &t->wishes[i].cfg))
			return false;
	}
	return true;
}

static int wishes_set(struct ctl_tunnel *t, const struct xfrm_policy_cfg *cfgs, unsigned int n)
{
	struct ctl_policy_wish *old = t->wishes, *w = calloc(n ? n : 1, sizeof(*w));
	unsigned int n_old = t->n_wishes;

	if (!w)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		w[i] = (struct ctl_policy_wish){.tunnel = t, .cfg = cfgs[i], .policy = policy_get(t->c, &cfgs[i])};
		if (!w[i].policy) {
			wishes_withdraw(w, i);
			return -ENOMEM;
		}
		TAILQ_INSERT_HEAD(&w[i].policy->wishes, &w[i], link);
		w[i].counted = true;
		t->policies_waited++;
	}
	t->policies_err = 0;
	t->wishes = w;
	t->n_wishes = n;
	t->policies_set = true;
	for (unsigned int i = 0; i < n; i++)
		policy_reconcile(w[i].policy);
	wishes_withdraw(old, n_old);
	return 0;
}

struct ike_ts ts_of_addr(const struct ike_addr *a)
{
	struct ike_ts ts = {.type = a->family == AF_INET6 ? IKE_TS_IPV6 : IKE_TS_IPV4, .end_port = UINT16_MAX};

	memcpy(ts.start, a->ip, sizeof(ts.start));
	memcpy(ts.end, a->ip, sizeof(ts.end));
	return ts;
}

static int shape_configured(const struct ctl_tunnel *t, struct shape *s, struct ike_ts dynamic[2])
{
	const struct ike_conn_cfg *conn = &t->conf->ike;
	const struct ike_child_cfg *cfg = &t->cfg->ike;

	if (!conn->local.family || !conn->remote.family)
		return -EDESTADDRREQ;
	dynamic[0] = ts_of_addr(&conn->local);
	dynamic[1] = ts_of_addr(&conn->remote);
	*s = (struct shape){
		.local = cfg->n_local_ts ? cfg->local_ts : &dynamic[0],
		.n_local = cfg->n_local_ts ? cfg->n_local_ts : 1,
		.remote = cfg->n_remote_ts ? cfg->remote_ts : &dynamic[1],
		.n_remote = cfg->n_remote_ts ? cfg->n_remote_ts : 1,
		.from = conn->local,
		.to = conn->remote,
		.tunnel = cfg->mode == IKE_MODE_TUNNEL,
	};
	return 0;
}

static struct shape shape_of_sa(const struct ike_child_sa *sa)
{
	return (struct shape){
		.local = sa->local_ts,
		.n_local = sa->n_local_ts,
		.remote = sa->remote_ts,
		.n_remote = sa->n_remote_ts,
		.from = sa->path.local,
		.to = sa->path.remote,
		.tunnel = sa->mode == IKE_MODE_TUNNEL,
	};
}

int tunnel_policies_set(struct ctl_tunnel *t, const struct ike_child_sa *sa)
{
	struct shape configured, s;
	bool known = t->cfg->start_action == CONF_ACTION_TRAP && t->configured; /* all of it is ours to guard */
	struct xfrm_policy_cfg *cfgs = NULL;
	struct ike_ts dynamic[2];
	int n, err = 0;

	if (!t->cfg->policies)
		return 0;
	if (known || !sa)
		err = shape_configured(t, &configured, dynamic);
	known = known && !err;
	if (sa)
		s = shape_of_sa(sa);
	n = sa || !err ? cfgs_make(t, sa ? &s : &configured, sa && known ? &configured : NULL, &cfgs) : err;
	if (n < 0) {
		log_at(t->c->log, LOG_LEVEL_ERROR, "policy.selectors", "%s: no policies for its selectors: %s", t->name,
		       strerror(-n));
		return n;
	}
	err = wishes_same(t, cfgs, (unsigned int)n) ? 0 : wishes_set(t, cfgs, (unsigned int)n);
	free(cfgs);
	return err;
}

void tunnel_policies_mark(struct ctl_tunnel *t)
{
	for (unsigned int i = 0; i < t->n_wishes; i++) {
		struct ctl_policy_wish *w = &t->wishes[i];

		if (w->cfg.dir != XFRM_DIR_OUT || w->cfg.bypass || w->cfg.block)
			continue;
		w->cfg.cpu_acquire = t->cpu_acquire;
		policy_reconcile(w->policy);
	}
}

void tunnel_policies_drop(struct ctl_tunnel *t)
{
	struct ctl_policy_wish *w = t->wishes;
	unsigned int n = t->n_wishes;

	t->wishes = NULL;
	t->n_wishes = 0;
	t->policies_set = false;
	wishes_withdraw(w, n);
}

void tunnel_policies_ready(struct ctl_tunnel *t)
{
	for (unsigned int i = 0; i < t->n_lanes && !t->policies_waited; i++) {
		struct ctl_child *ch, *next;

		for (ch = TAILQ_FIRST(&t->lanes[i]->children); ch; ch = next) {
			next = TAILQ_NEXT(ch, lane_link);
			if (ch->wait_policies)
				child_policies_ready(ch, t->policies_err);
		}
	}
	tunnel_settle(t);
}
