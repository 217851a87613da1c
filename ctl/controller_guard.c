/* SPDX-License-Identifier: MIT */
/*
 * Policies that an earlier run left behind when it was killed. They have no SAs any more, so they hold back what they
 * cover. Where the configuration still wants that protected, that is what they stay for, until a tunnel comes up and
 * takes them over; the others go. One is known by the reqid in its template. What let IKE or neighbour discovery pass
 * has none, and is known by its ports, which are ours alone, or its priority; it stays for as long as it lets pass
 * something that stays.
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* As bypasses_of() makes them (controller_wish.c). */
static bool lets_ike_pass(const struct controller *c, const struct xfrm_policy_cfg *cfg)
{
	bool out = cfg->dir == XFRM_DIR_OUT;
	uint16_t port = out ? cfg->sel.sport : cfg->sel.dport, mask = out ? cfg->sel.sport_mask : cfg->sel.dport_mask,
		 other = out ? cfg->sel.dport_mask : cfg->sel.sport_mask;

	return cfg->bypass && cfg->packet && cfg->ifindex == c->nic.ifindex && !cfg->priority &&
	       cfg->sel.protocol == IPPROTO_UDP && mask == UINT16_MAX && !other &&
	       (port == c->daemon.ike.port || port == c->daemon.ike.port_natt);
}

/* The same; no other software's policies are of the most urgent priority. */
static bool lets_neighbours_pass(const struct xfrm_policy_cfg *cfg)
{
	const struct xfrm_selector_cfg *s = &cfg->sel;

	return cfg->bypass && !cfg->priority && s->protocol == IPPROTO_ICMPV6 && s->src_len == 128 &&
	       s->dst_len == 128 && s->sport_mask == UINT16_MAX && !s->dport_mask &&
	       (s->sport == ND_NEIGHBOR_SOLICIT || s->sport == ND_NEIGHBOR_ADVERT);
}

static bool pair_has(const struct ike_ts *local, const struct ike_ts *remote, const struct ctl_policy *p)
{
	struct xfrm_selector_cfg sel[TUNNEL_SELECTORS_MAX];
	struct xfrm_policy_cfg cfg = {.dir = p->cfg.dir};
	bool out = p->cfg.dir == XFRM_DIR_OUT;
	int n = selectors_of_pair(out ? local : remote, out ? remote : local, sel, TUNNEL_SELECTORS_MAX);

	for (int i = 0; i < n; i++) {
		struct ctl_policy_key key;

		cfg.sel = sel[i];
		policy_key_fill(&key, &cfg);
		if (!memcmp(&key, &p->key, sizeof(key)))
			return true;
	}
	return false;
}

static bool child_has(const struct ike_conn_cfg *conn, const struct ike_child_cfg *child, const struct ctl_policy *p)
{
	struct ike_ts dynamic[2] = {ts_of_addr(&conn->local), ts_of_addr(&conn->remote)};
	const struct ike_ts *local = child->n_local_ts ? child->local_ts : &dynamic[0],
			    *remote = child->n_remote_ts ? child->remote_ts : &dynamic[1];

	for (unsigned int i = 0; i < (child->n_local_ts ? child->n_local_ts : 1); i++)
		for (unsigned int j = 0; j < (child->n_remote_ts ? child->n_remote_ts : 1); j++)
			if (pair_has(&local[i], &remote[j], p))
				return true;
	return false;
}

static bool is_configured(const struct ctl_policy *p)
{
	const struct ctl_conn *conn;

	TAILQ_FOREACH (conn, &p->c->conns, link)
		for (unsigned int i = 0; !conn->unloaded && i < conn->conf->n_children; i++)
			if (conn->conf->children[i].policies &&
			    child_has(&conn->conf->ike, &conn->conf->children[i].ike, p))
				return true;
	return false;
}

static void guard_remove(struct ctl_policy *p)
{
	struct controller *c = p->c;

	if (p->cfg.bypass)
		log_at(c->log, LOG_LEVEL_WARN, "card.orphan",
		       "a policy that lets IKE or neighbour discovery pass belongs to nobody: removed");
	else
		log_at(c->log, LOG_LEVEL_WARN, "card.orphan", "a policy with reqid %u belongs to nobody: removed",
		       p->cfg.reqid);
	c->counters.orphans_removed++;
	p->guard = false;
	policy_reconcile(p); /* it may be gone now */
}

void guards_review(struct controller *c)
{
	struct ctl_policy *p, *next;
	bool some = false;

	c->guards_changed = false;
	HASH_ITER (hh, c->policies, p, next) {
		if (!p->guard || p->cfg.bypass)
			continue;
		if (!c->stopping && is_configured(p))
			some = true;
		else
			guard_remove(p);
	}
	HASH_ITER (hh, c->policies, p, next)
		if (p->guard && p->cfg.bypass && !some)
			guard_remove(p);
}

static void left_behind(void *ctx, const struct xfrm_policy_cfg *cfg)
{
	struct controller *c = ctx;
	struct ctl_policy_key key;
	struct ctl_policy *p;

	if (c->freeing || !(reqid_is_ours(c, cfg->reqid) || lets_ike_pass(c, cfg) || lets_neighbours_pass(cfg)))
		return;
	policy_key_fill(&key, cfg);
	HASH_FIND(hh, c->policies, &key, sizeof(key), p);
	if (p)
		return;
	p = policy_get(c, cfg);
	if (!p) {
		log_at(c->log, LOG_LEVEL_ERROR, "controller.memory", "no memory for a policy that an earlier run left");
		return;
	}
	p->cfg = *cfg;
	p->installed = p->guard = true;
}

static void all_seen(void *ctx, const struct xfrm_result *result)
{
	struct controller *c = ctx;

	if (c->freeing)
		return;
	if (result->err)
		log_at(c->log, LOG_LEVEL_WARN, "card.orphan", "policies cannot be read: %s", strerror(-result->err));
	guards_review(c);
}

void guards_find(struct controller *c)
{
	int err = xfrm_policy_dump(c->xfrm, left_behind, all_seen, c);

	if (err)
		log_at(c->log, LOG_LEVEL_WARN, "card.orphan", "policies cannot be read: %s", strerror(-err));
}
