/* SPDX-License-Identifier: MIT */
/*
 * Policies. A tunnel wishes for policies; several tunnels may wish for the same selector (an old IKE SA of a peer and
 * its new one), and XFRM has one policy for a selector and direction: the newest wish is installed, and when it is
 * withdrawn, the one before it. So a selector is never left without protection while one SA is exchanged for another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

static const uint64_t retry_first_ns = 100000000u, retry_most_ns = 60000000000u;

/* Priorities: the more a selector says, the smaller its number; all below what other software uses as "last". */
enum { PRIORITY_WIDEST = 400000, PRIORITY_BIT = 512, PRIORITY_PROTOCOL = 128, PRIORITY_PORT = 64 };

/* ---- one policy in the kernel or the card ---- */

static bool addr_equal(const struct xfrm_addr *a, const struct xfrm_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

/* Selectors and directions are equal: they are the key. */
static bool cfg_equal(const struct xfrm_policy_cfg *a, const struct xfrm_policy_cfg *b)
{
	return a->priority == b->priority && a->reqid == b->reqid && a->tunnel == b->tunnel &&
	       addr_equal(&a->tmpl_src, &b->tmpl_src) && addr_equal(&a->tmpl_dst, &b->tmpl_dst) &&
	       a->packet == b->packet && a->ifindex == b->ifindex && a->bypass == b->bypass;
}

static void key_fill(struct ctl_policy_key *key, const struct xfrm_policy_cfg *cfg)
{
	const struct xfrm_selector_cfg *s = &cfg->sel;

	memset(key, 0, sizeof(*key));
	key->dir = cfg->dir;
	key->family = s->family;
	key->sport = s->sport;
	key->dport = s->dport;
	key->sport_mask = s->sport_mask;
	key->dport_mask = s->dport_mask;
	memcpy(key->src, s->src, sizeof(key->src));
	memcpy(key->dst, s->dst, sizeof(key->dst));
	key->src_len = s->src_len;
	key->dst_len = s->dst_len;
	key->protocol = s->protocol;
}

static struct ctl_policy *policy_get(struct controller *c, const struct xfrm_policy_cfg *cfg)
{
	struct ctl_policy_key key;
	struct ctl_policy *p;

	key_fill(&key, cfg);
	HASH_FIND(hh, c->policies, &key, sizeof(key), p);
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->c = c;
	memcpy(&p->key, &key, sizeof(key));
	TAILQ_INIT(&p->wishes);
	HASH_ADD(hh, c->policies, key, sizeof(p->key), p);
	if (p->hash_failed) {
		free(p);
		return NULL;
	}
	return p;
}

static void policy_free(struct ctl_policy *p)
{
	ctl_timer_stop(p->c, &p->retry);
	HASH_DEL(p->c->policies, p);
	free(p);
}

/* Not at once: what follows may withdraw the wishes that somebody up the stack is walking. */
static void tunnel_policies_settled(struct ctl_tunnel *t)
{
	if (t->settled)
		return;
	t->settled = true;
	TAILQ_INSERT_TAIL(&t->c->settled, t, settled_link);
}

/* Those who waited for this policy know now. */
static void policy_settled(struct ctl_policy *p, int err)
{
	struct ctl_policy_wish *w;

	TAILQ_FOREACH (w, &p->wishes, link) {
		if (!w->counted)
			continue;
		w->counted = false;
		if (err)
			w->tunnel->policies_err = err;
		if (!--w->tunnel->policies_waited)
			tunnel_policies_settled(w->tunnel);
	}
}

static void policy_retry(struct controller *c, struct ctl_timer *t)
{
	(void)c;
	policy_reconcile(heap_entry(t, struct ctl_policy, retry));
}

static void policy_done(struct ctl_policy *p, int err, const char *text)
{
	struct controller *c = p->c;
	bool adding = p->adding;

	p->busy = false;
	if (!adding && (err == -ENOENT || err == -ESRCH))
		err = 0; /* it is gone, which is what was asked for */
	if (!err) {
		p->installed = adding;
		p->stale = false;
		p->failures = 0;
		policy_reconcile(p);
		return;
	}
	log_at(c->log, LOG_LEVEL_WARN, "policy.refused", "policy for reqid %u: not %s: %s (%s)", p->cfg.reqid,
	       adding ? "installed" : "deleted", text ? text : "no reason given", strerror(-err));
	p->failures++;
	if (adding)
		policy_settled(p, err);
	else if (p->failures >= INSTALL_TRIES_MAX)
		p->installed = false; /* nothing more can be done about it */
	ctl_timer_set(c, &p->retry, c->now + backoff_ns(c, p->failures, retry_first_ns, retry_most_ns), policy_retry);
}

static void policy_answered(void *ctx, const struct xfrm_result *result)
{
	struct ctl_policy *p = ctx;

	if (!p->c->freeing)
		policy_done(p, result->err, result->text);
}

void policy_reconcile(struct ctl_policy *p)
{
	struct ctl_policy_wish *w = TAILQ_FIRST(&p->wishes);
	int err;

	if (p->busy)
		return;
	if (!w && !p->installed) {
		policy_free(p);
		return;
	}
	if (w && p->installed && !p->stale && cfg_equal(&p->cfg, &w->cfg)) {
		policy_settled(p, 0);
		return;
	}
	ctl_timer_stop(p->c, &p->retry);
	p->busy = true;
	p->adding = w != NULL;
	if (w)
		p->cfg = w->cfg;
	err = w ? xfrm_policy_add(p->c->xfrm, &p->cfg, true, policy_answered, p)
		: xfrm_policy_delete(p->c->xfrm, &p->cfg, policy_answered, p);
	if (err) /* from here on p may be gone */
		policy_done(p, err, NULL);
}

void policies_reinstall(struct controller *c)
{
	struct ctl_policy *p, *next;

	HASH_ITER (hh, c->policies, p, next) {
		p->stale = true;
		policy_reconcile(p);
	}
}

void policies_free(struct controller *c)
{
	struct ctl_policy *p, *next;

	HASH_ITER (hh, c->policies, p, next)
		policy_free(p);
}

/* ---- what a tunnel wishes for ---- */

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

static struct xfrm_addr addr_of(const struct ike_addr *a)
{
	struct xfrm_addr out = {.family = a->family};

	memcpy(out.ip, a->ip, sizeof(out.ip));
	return out;
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
			.tmpl_src = addr_of(outward ? local : remote),
			.tmpl_dst = addr_of(outward ? remote : local),
			/* no card takes forward policies */
			.packet = t->mode_known && mode == OFFLOAD_PACKET && dirs[i] != XFRM_DIR_FWD,
		};
		out[i].ifindex = out[i].packet ? t->c->nic.ifindex : 0;
		if (!outward)
			turn(&out[i].sel);
	}
	return n;
}

/* ---- IKE itself, where the selectors cover it ---- */

enum { IKE_BYPASSES = 4 }; /* two ports, in and out */

static bool prefix_covers(const uint8_t net[16], unsigned int len, const struct ike_addr *a)
{
	for (unsigned int i = 0; i < len; i++)
		if ((net[i / 8] ^ a->ip[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static bool covers_ike(const struct xfrm_selector_cfg *s, const struct ike_addr *local, const struct ike_addr *remote)
{
	return s->family == local->family && (!s->protocol || s->protocol == IPPROTO_UDP) &&
	       prefix_covers(s->src, s->src_len, local) && prefix_covers(s->dst, s->dst_len, remote);
}

/*
 * IKE's sockets have policies of their own, but a card does not see sockets: it would protect the answer that brings
 * the peer the keys. So it gets policies that let IKE pass. They say what the sockets say: our ports, any of the
 * peer's.
 */
static unsigned int bypasses_of(const struct ctl_tunnel *t, const struct ike_addr *local, const struct ike_addr *remote,
				struct xfrm_policy_cfg out[IKE_BYPASSES])
{
	const uint16_t ports[2] = {t->c->daemon.ike.port, t->c->daemon.ike.port_natt};
	uint8_t whole = local->family == AF_INET6 ? 128 : 32;
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct xfrm_selector_cfg s = {
			.family = local->family,
			.src_len = whole,
			.dst_len = whole,
			.protocol = IPPROTO_UDP,
			.sport = ports[i],
			.sport_mask = UINT16_MAX,
		};

		memcpy(s.src, local->ip, sizeof(s.src));
		memcpy(s.dst, remote->ip, sizeof(s.dst));
		out[n] = (struct xfrm_policy_cfg){
			.dir = XFRM_DIR_OUT, .sel = s, .bypass = true, .packet = true, .ifindex = t->c->nic.ifindex};
		out[n + 1] = out[n];
		out[n + 1].dir = XFRM_DIR_IN;
		turn(&out[n + 1].sel);
		n += 2;
	}
	return n;
}

static bool wants_bypasses(const struct ctl_tunnel *t)
{
	return t->mode_known && (t->mode[SLOTS_IN] == OFFLOAD_PACKET || t->mode[SLOTS_OUT] == OFFLOAD_PACKET);
}

struct shape { /* selectors and end points, of an SA or as configured */
	const struct ike_ts *local, *remote;
	unsigned int n_local, n_remote;
	struct ike_addr from, to;
	bool tunnel;
};

static int cfgs_make(const struct ctl_tunnel *t, const struct shape *s, struct xfrm_policy_cfg **out)
{
	struct xfrm_selector_cfg sel[TUNNEL_SELECTORS_MAX];
	unsigned int n_sel = 0, n = 0;
	bool bypasses = false;

	for (unsigned int i = 0; i < s->n_local; i++)
		for (unsigned int j = 0; j < s->n_remote; j++) {
			int more = selectors_of_pair(&s->local[i], &s->remote[j], sel + n_sel,
						     TUNNEL_SELECTORS_MAX - n_sel);

			if (more < 0)
				return more;
			n_sel += (unsigned int)more;
		}
	if (!n_sel)
		return -EINVAL;
	*out = calloc(IKE_BYPASSES + 3 * (size_t)n_sel, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (unsigned int i = 0; i < n_sel && wants_bypasses(t); i++)
		bypasses = bypasses || covers_ike(&sel[i], &s->from, &s->to);
	if (bypasses) /* first: nothing may be protected before they are there */
		n = bypasses_of(t, &s->from, &s->to, *out);
	for (unsigned int i = 0; i < n_sel; i++)
		n += cfgs_of(t, &sel[i], &s->from, &s->to, s->tunnel, *out + n);
	return (int)n;
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

		key_fill(&key, &cfgs[i]);
		if (memcmp(&key, &t->wishes[i].policy->key, sizeof(key)) || !cfg_equal(&cfgs[i], &t->wishes[i].cfg))
			return false;
	}
	return true;
}

static int wishes_set(struct ctl_tunnel *t, const struct xfrm_policy_cfg *cfgs, unsigned int n)
{
	struct ctl_policy_wish *old = t->wishes, *w = calloc(n, sizeof(*w));
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

/* The whole of an address, where the configuration says "dynamic". */
static struct ike_ts ts_of_addr(const struct ike_addr *a)
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

int tunnel_policies_set(struct ctl_tunnel *t, const struct ike_child_sa *sa)
{
	struct xfrm_policy_cfg *cfgs = NULL;
	struct ike_ts dynamic[2];
	struct shape s;
	int n, err = 0;

	if (!t->cfg->policies)
		return 0;
	if (sa)
		s = (struct shape){sa->local_ts,
				   sa->remote_ts,
				   sa->n_local_ts,
				   sa->n_remote_ts,
				   sa->path.local,
				   sa->path.remote,
				   sa->mode == IKE_MODE_TUNNEL};
	else
		err = shape_configured(t, &s, dynamic);
	n = err ? err : cfgs_make(t, &s, &cfgs);
	if (n < 0) {
		log_at(t->c->log, LOG_LEVEL_ERROR, "policy.selectors", "%s: no policies for its selectors: %s", t->name,
		       strerror(-n));
		return n;
	}
	if (!wishes_same(t, cfgs, (unsigned int)n))
		err = wishes_set(t, cfgs, (unsigned int)n);
	free(cfgs);
	return err;
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
