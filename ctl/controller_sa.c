/* SPDX-License-Identifier: MIT */
/* What is told to the card about a Child SA: addresses, algorithms, limits. */
#include <errno.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* The kernel's own clock is the last resort: the scheduler acts at soft, and a second is the kernel's resolution. */
static const uint64_t hard_slack_s = 2;

enum {
	COUNT_SHORTEST = 64, /* a peer's count-based lifetime may be one part in so many of ours */
	TIGHT_SHARE = 4,     /* a table of which less than one part in so many is free is tight */
};

struct xfrm_addr xfrm_addr_of(const struct ike_addr *a)
{
	struct xfrm_addr out = {.family = a->family};

	memcpy(out.ip, a->ip, sizeof(out.ip));
	return out;
}

static void range_fill(struct xfrm_range *r, const struct ike_ts *ts)
{
	*r = (struct xfrm_range){
		.family = ts->type == IKE_TS_IPV4 ? AF_INET : AF_INET6,
		.protocol = ts->protocol,
		.start_port = ts->start_port,
		.end_port = ts->end_port,
	};
	memcpy(r->start, ts->start, sizeof(r->start));
	memcpy(r->end, ts->end, sizeof(r->end));
}

int selectors_of_pair(const struct ike_ts *src, const struct ike_ts *dst, struct xfrm_selector_cfg *out,
		      unsigned int max)
{
	struct xfrm_range a, b;

	range_fill(&a, src);
	range_fill(&b, dst);
	if (a.family != b.family)
		return 0; /* nothing goes from an IPv4 address to an IPv6 one */
	return xfrm_selectors_from_ranges(&a, &b, out, max);
}

/* Transport mode: the SA's own selector, where one can say all of it. */
static struct xfrm_selector_cfg sel_of(const struct ike_child_sa *sa, bool out)
{
	struct xfrm_selector_cfg sel[2];

	if (sa->mode == IKE_MODE_TRANSPORT && sa->n_local_ts == 1 && sa->n_remote_ts == 1) {
		const struct ike_ts *src = out ? sa->local_ts : sa->remote_ts,
				    *dst = out ? sa->remote_ts : sa->local_ts;

		if (selectors_of_pair(src, dst, sel, 2) == 1)
			return sel[0];
	}
	return (struct xfrm_selector_cfg){0};
}

static uint64_t seconds(uint64_t ns)
{
	return ns == REKEY_INF ? UINT64_MAX : ns / second_ns + hard_slack_s;
}

static struct xfrm_limits limits_of(const struct rekey_limits *l, bool in_card)
{
	if (!in_card)
		return (struct xfrm_limits){UINT64_MAX, UINT64_MAX, UINT64_MAX,
					    UINT64_MAX, UINT64_MAX, seconds(l->hard_ns)};
	return (struct xfrm_limits){
		.soft_bytes = l->soft_bytes,
		.hard_bytes = l->hard_bytes,
		.soft_packets = l->soft_packets,
		.hard_packets = l->hard_packets,
		.soft_seconds = UINT64_MAX,
		.hard_seconds = seconds(l->hard_ns),
	};
}

void half_sa(struct ctl_half *h, struct xfrm_sa *sa)
{
	struct ctl_child *ch = h->child;
	struct controller *c = ch->c;
	const struct ike_child_sa *ike = &ch->sa;
	const struct ike_addr *src = h->out ? &ike->path.local : &ike->path.remote;
	const struct ike_addr *dst = h->out ? &ike->path.remote : &ike->path.local;
	enum offload_mode mode = half_mode(h);

	h->limits_in_card = mode != OFFLOAD_PACKET || c->profile->limits;
	*sa = (struct xfrm_sa){
		.out = h->out,
		.spi = h->out ? ike->spi_out : ike->spi_in,
		.reqid = ch->tunnel->reqid,
		.src = xfrm_addr_of(src),
		.dst = xfrm_addr_of(dst),
		.tunnel = ike->mode == IKE_MODE_TUNNEL,
		.encr = ike->encr,
		.encr_bits = ike->encr_bits,
		.integ = ike->integ,
		.esn = ike->esn,
		.limits = limits_of(h->out ? &ch->limits : &ch->limits_in, h->limits_in_card),
		.encap = ike->encap,
		.encap_sport = ike->encap ? src->port : 0,
		.encap_dport = ike->encap ? dst->port : 0,
		.sel = sel_of(ike, h->out),
		.cpu = h->out ? ch->lane->cpu : UINT32_MAX,
		.mode = mode,
		.ifindex = mode == OFFLOAD_SOFTWARE ? 0 : c->nic.ifindex,
		.seq = h->out ? ch->lane->acquire_seq : 0,
	};
	if (!h->out)
		sa->replay_window = mode == OFFLOAD_SOFTWARE
					    ? ch->tunnel->cfg->replay_window
					    : offload_profile_window(c->profile, ch->tunnel->cfg->replay_window);
	if (h->out) {
		ch->lane->acquire_seq = 0;
		ch->cpu_out = ch->lane->cpu;
	}
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Which end should rekey: as agreed, else by what the policy goes by. */
static enum rekey_role role_of(const struct ctl_child *ch)
{
	const struct rekey_policy *p = ch->c->policy;
	bool us;

	if (p->counts && ch->sa.count.agreed) {
		if (ch->sa.count.rekeyer == IKE_REKEYER_NOBODY)
			return REKEY_ROLE_NONE;
		us = ch->sa.count.rekeyer == IKE_REKEYER_US;
	} else if (p->counts && !p->split) {
		return REKEY_ROLE_NONE;
	} else {
		us = p->split ? ch->peer && ch->peer->initiator : ch->initiator;
	}
	return us ? REKEY_ROLE_FIRST : REKEY_ROLE_SECOND;
}

/* The tunnel's queues come due one after the other, each in its stratum. */
static struct rekey_draw draw_of(const struct ctl_child *ch, const struct rekey_ceiling *ceiling)
{
	struct rekey_draw in = {
		.config = &ch->tunnel->cfg->rekey,
		.ceiling = *ceiling,
		.role = role_of(ch),
		.sibling = ch->lane->index % ch->tunnel->n_lanes,
		.siblings = ch->tunnel->n_lanes,
		.seed = ch->tunnel->strata_seed,
		.agreed_bytes = ch->sa.count.agreed ? ch->sa.count.bytes : 0,
	};

	if (ch->replaces)
		in.margin = rekey_entry_margin(&ch->replaces->entry, pace_replace_ns(ch->c, ch->peer));
	return in;
}

/*
 * Inbound, the sender's limits come first: its soft limit should make it rekey. Only where it has gone past what we
 * would allow ourselves do we start, unless it was agreed that we do: then both directions count alike. Policies of
 * others have us start by what comes in as well. What the card may never exceed is the ceiling of the cipher and the
 * sequence numbers. 0 or -EINVAL.
 */
static int limits_in_set(struct ctl_child *ch, const struct rekey_draw *in)
{
	const struct rekey_ceiling *ceiling = &in->ceiling;
	const struct rekey_limits *l = &ch->limits;
	bool ours = ch->sa.count.agreed && ch->sa.count.rekeyer == IKE_REKEYER_US;
	uint64_t bytes = ours ? l->soft_bytes : l->hard_bytes, packets = ours ? l->soft_packets : l->hard_packets;

	if (ch->c->policy->inbound) {
		struct rekey_limits own;
		int err = rekey_policy_draw(ch->c->policy, in, &ch->c->rng, &own);

		if (err)
			return err;
		bytes = own.soft_bytes;
		packets = own.soft_packets;
	}
	ch->limits_in = (struct rekey_limits){
		.soft_bytes = least(bytes, ceiling->bytes - ceiling->bytes / 16),
		.hard_bytes = ceiling->bytes,
		.soft_packets = least(packets, ceiling->packets - ceiling->packets / 16),
		.hard_packets = ceiling->packets,
		.soft_ns = REKEY_INF,
		.hard_ns = l->hard_ns,
	};
	return 0;
}

int child_limits_draw(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	struct rekey_ceiling ceiling;
	struct rekey_draw in;
	int err = rekey_ceiling_find(ch->sa.encr, ch->sa.encr_bits, ch->sa.esn, &ceiling);

	if (err) {
		log_at(c->log, LOG_LEVEL_ERROR, "rekey.ceiling",
		       "%s: cipher %u with %u bits has no known limit, so it is not used", ch->tunnel->name,
		       ch->sa.encr, ch->sa.encr_bits);
		return err;
	}
	in = draw_of(ch, &ceiling);
	err = rekey_policy_draw(c->policy, &in, &c->rng, &ch->limits);
	if (!err)
		err = limits_in_set(ch, &in);
	if (err) {
		log_at(c->log, LOG_LEVEL_ERROR, "rekey.limits", "%s: no limits can be drawn from its configuration",
		       ch->tunnel->name);
		return err;
	}
	return 0;
}

/*
 * Who rekeys keeps its own slots in order, and the other end takes what comes. So the end that has fewer to spare
 * should be the one; and where that tells nothing, always the same one, that they do not start at the same moment for
 * different SAs and have no slot left for each other's: the one that made the IKE SA.
 */
static uint8_t eagerness(const struct ctl_child *ch)
{
	bool maker = ch->peer && ch->peer->initiator, tight = false;

	for (unsigned int i = 0; i < slots_pools(ch->c->slots); i++) {
		struct slots_count n;

		slots_count_get(ch->c->slots, i, &n);
		tight = tight || (n.size && n.free < n.size / TIGHT_SHARE);
	}
	return (uint8_t)(1 + 2 * tight + maker);
}

bool child_count(void *ctx, const struct ike_child_sa *child, uint16_t encr, uint16_t key_bits,
		 struct ike_count_range *out)
{
	struct controller *c = ctx;
	struct ctl_child *ch = child->user;
	struct rekey_limits limits;
	struct prng rng = c->rng; /* nothing is drawn yet: only the hard limit is of interest */
	struct rekey_ceiling ceiling;
	struct rekey_draw in;

	if (rekey_ceiling_find(encr, key_bits, true, &ceiling))
		return false;
	in = draw_of(ch, &ceiling);
	in.agreed_bytes = 0;
	if (rekey_policy_draw(c->policy, &in, &rng, &limits))
		return false;
	*out = (struct ike_count_range){
		.min = limits.hard_bytes / COUNT_SHORTEST,
		.max = limits.hard_bytes,
		.eager = eagerness(ch),
	};
	return out->min > 0;
}
