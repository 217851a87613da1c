/* SPDX-License-Identifier: MIT */
/*
 * Policies. A tunnel wishes for policies; several tunnels may wish for the same selector (an old IKE SA of a peer and
 * its new one), and XFRM has one policy for a selector and direction: the newest wish is installed, and when it is
 * withdrawn, the one before it. So a selector is never left without protection while one SA is exchanged for another.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

static const uint64_t retry_first_ns = 100000000u, retry_most_ns = 60000000000u;

/* ---- one policy in the kernel or the card ---- */

static bool addr_equal(const struct xfrm_addr *a, const struct xfrm_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

/* Selectors and directions are equal: they are the key. */
bool policy_cfg_equal(const struct xfrm_policy_cfg *a, const struct xfrm_policy_cfg *b)
{
	return a->priority == b->priority && a->reqid == b->reqid && a->tunnel == b->tunnel &&
	       addr_equal(&a->tmpl_src, &b->tmpl_src) && addr_equal(&a->tmpl_dst, &b->tmpl_dst) &&
	       a->packet == b->packet && a->ifindex == b->ifindex && a->bypass == b->bypass && a->block == b->block &&
	       a->cpu_acquire == b->cpu_acquire;
}

void policy_key_fill(struct ctl_policy_key *key, const struct xfrm_policy_cfg *cfg)
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

struct ctl_policy *policy_get(struct controller *c, const struct xfrm_policy_cfg *cfg)
{
	struct ctl_policy_key key;
	struct ctl_policy *p;

	policy_key_fill(&key, cfg);
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

/*
 * A card may take policies of TCP and UDP only (mlx5): then the peer's link address is found through the SAs, or has to
 * be configured.
 */
static bool policy_is_optional(const struct xfrm_policy_cfg *cfg)
{
	return cfg->bypass && cfg->sel.protocol == IPPROTO_ICMPV6;
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
	if (adding && policy_is_optional(&p->cfg)) {
		log_at(c->log, LOG_LEVEL_NOTICE, "policy.neighbours",
		       "neighbour discovery goes through the SAs, for it cannot be let pass: %s (%s); a permanent "
		       "neighbour entry for the peer would help",
		       text ? text : "no reason given", strerror(-err));
		policy_settled(p, 0);
		return;
	}
	log_at(c->log, LOG_LEVEL_WARN, "policy.refused", "policy for reqid %u: not %s: %s (%s)", p->cfg.reqid,
	       adding ? "installed" : "deleted", text ? text : "no reason given", strerror(-err));
	p->failures++;
	if (adding && (err == -EOPNOTSUPP || err == -ENOBUFS))
		p->installed = p->stale = true; /* acknowledged, but not offloaded; or the answer was lost */
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
	if (p->guard && w) {
		p->guard = false;
		p->c->guards_changed = true; /* what let IKE pass it may not be needed any more */
	}
	if (p->guard)
		return;
	if (!w && !p->installed) {
		policy_free(p);
		return;
	}
	if (w && p->installed && !p->stale && policy_cfg_equal(&p->cfg, &w->cfg)) {
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
