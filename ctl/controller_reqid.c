/* SPDX-License-Identifier: MIT */
/*
 * Reqids. A tunnel has two of keyrackd's range, which differ in bit 0, and uses one: which, follows from whether its
 * outbound policies are in packet mode, because Linux does not find an SA in packet mode behind one that is not
 * (offload/xfrm_chain.h). One that the configuration names is used as it is.
 */
#include "ctl/controller_internal.h"
#include "offload/xfrm_chain.h"

static bool is_of_range(uint32_t reqid)
{
	return reqid >= REQID_BASE && reqid - REQID_BASE < REQID_RANGE;
}

/* The same for both of a tunnel's. */
static uint32_t reqid_key(uint32_t reqid)
{
	return is_of_range(reqid) ? reqid & ~UINT32_C(1) : reqid;
}

struct ctl_tunnel *tunnel_by_reqid(struct controller *c, uint32_t reqid)
{
	uint32_t key = reqid_key(reqid);
	struct ctl_tunnel *t;

	HASH_FIND(hh, c->tunnels, &key, sizeof(key), t);
	return t;
}

bool tunnel_reqid_choose(struct ctl_tunnel *t)
{
	struct controller *c = t->c;

	t->reqid = t->strata_seed = t->cfg->reqid;
	for (uint32_t i = 0; i < REQID_RANGE && (!t->reqid || tunnel_by_reqid(c, t->reqid)); i++) {
		c->next_reqid = c->next_reqid % (REQID_RANGE - 1) + 1;
		t->strata_seed = REQID_BASE + c->next_reqid;
		t->reqid = REQID_BASE + c->next_reqid % (REQID_RANGE / 2) * 2;
	}
	t->reqid_key = reqid_key(t->reqid);
	return !tunnel_by_reqid(c, t->reqid);
}

void tunnel_reqid_follow(struct ctl_tunnel *t, const struct ike_addr *local, const struct ike_addr *remote)
{
	const struct xfrm_addr from = xfrm_addr_of(local), to = xfrm_addr_of(remote);
	uint32_t packet = t->mode_known && t->mode[SLOTS_OUT] == OFFLOAD_PACKET;

	if (is_of_range(t->reqid) && t->reqid != t->cfg->reqid)
		t->reqid ^= (xfrm_chain_hash(t->reqid, &from, &to) & 1) ^ !packet;
}

/* A connection names it for its SAs and policies. */
static bool reqid_is_configured(const struct controller *c, uint32_t reqid)
{
	const struct ctl_conn *conn;

	TAILQ_FOREACH (conn, &c->conns, link)
		for (unsigned int i = 0; !conn->unloaded && i < conn->conf->n_children; i++)
			if (conn->conf->children[i].reqid == reqid)
				return true;
	return false;
}

bool reqid_is_ours(const struct controller *c, uint32_t reqid)
{
	return is_of_range(reqid) || (reqid && reqid_is_configured(c, reqid));
}
