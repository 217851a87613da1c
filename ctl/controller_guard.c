/* SPDX-License-Identifier: MIT */
/*
 * Policies that an earlier run left behind when it was killed. They have no SAs any more, so they hold back what they
 * cover. Where the configuration still wants that protected, that is what they stay for, until a tunnel comes up and
 * takes them over; the others go. One is known by the reqid in its template: what let IKE pass and what blocked has
 * none.
 */
#include <string.h>

#include "ctl/controller_internal.h"

bool reqid_is_ours(uint32_t reqid)
{
	return reqid >= REQID_BASE && reqid - REQID_BASE < REQID_RANGE;
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

void guards_review(struct controller *c)
{
	struct ctl_policy *p, *next;

	HASH_ITER (hh, c->policies, p, next) {
		if (!p->guard || (!c->stopping && is_configured(p)))
			continue;
		log_at(c->log, LOG_LEVEL_WARN, "orphan", "a policy with reqid %u belongs to nobody: removed",
		       p->cfg.reqid);
		c->counters.orphans_removed++;
		p->guard = false;
		policy_reconcile(p); /* it may be gone now */
	}
}

static void left_behind(void *ctx, const struct xfrm_policy_cfg *cfg)
{
	struct controller *c = ctx;
	struct ctl_policy_key key;
	struct ctl_policy *p;

	if (c->freeing || !reqid_is_ours(cfg->reqid))
		return;
	policy_key_fill(&key, cfg);
	HASH_FIND(hh, c->policies, &key, sizeof(key), p);
	if (p)
		return;
	p = policy_get(c, cfg);
	if (!p) {
		log_at(c->log, LOG_LEVEL_ERROR, "memory", "no memory for a policy that an earlier run left");
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
		log_at(c->log, LOG_LEVEL_WARN, "orphan", "policies cannot be read: %s", strerror(-result->err));
	guards_review(c);
}

void guards_find(struct controller *c)
{
	int err = xfrm_policy_dump(c->xfrm, left_behind, all_seen, c);

	if (err)
		log_at(c->log, LOG_LEVEL_WARN, "orphan", "policies cannot be read: %s", strerror(-err));
}
