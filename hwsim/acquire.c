/* SPDX-License-Identifier: MIT */
#include "hwsim/acquire.h"

#include <arpa/inet.h>

#include "hwsim/events.h"

/* The selector of exactly this flow, as Linux makes it for a larval SA. */
static struct xfrm_selector flow_selector(const struct hwsim *card, const struct flow *flow)
{
	uint8_t bits = flow->family == AF_INET ? 32 : 128;
	struct xfrm_selector sel = {
		.family = flow->family,
		.prefixlen_d = bits,
		.prefixlen_s = bits,
		.proto = flow->proto,
		.sport = htons(flow->sport),
		.dport = htons(flow->dport),
		.sport_mask = UINT16_MAX,
		.dport_mask = UINT16_MAX,
		/* a kernel's route fills in the device of an IPv4 flow, and none of an IPv6 flow */
		.ifindex = flow->family == AF_INET ? card->config.ifindex : 0,
	};

	addr_set(&sel.daddr, flow->dst, flow->family);
	addr_set(&sel.saddr, flow->src, flow->family);
	return sel;
}

static struct sa *larval_new(struct hwsim *card, const struct policy *policy, const struct flow *flow)
{
	const struct xfrm_user_tmpl *t = &policy->tmpl;
	struct sa *sa = sa_new();

	if (!sa)
		return NULL;
	sa->dir = KR_XFRM_SA_DIR_OUT;
	sa->dir_attr = true;
	sa->if_id = policy->if_id;
	sa->info = (struct xfrm_usersa_info){
		.sel = flow_selector(card, flow),
		.id = {.daddr = t->id.daddr, .proto = t->id.proto},
		.saddr = t->saddr,
		.family = t->family,
		.mode = t->mode,
		.reqid = t->reqid,
		.seq = ++card->acquire_seq,
	};
	if (policy->packet) /* xfrm_state_find offers it to the driver, which has nothing to do */
		sa->offload = policy->offload;
	sa_make_larval(card, sa);
	if (t->mode == XFRM_MODE_TRANSPORT) {
		sa->info.family = flow->family;
		addr_set(&sa->info.id.daddr, flow->dst, flow->family);
		addr_set(&sa->info.saddr, flow->src, flow->family);
	}
	return sa;
}

void acquire_send(struct hwsim *card, const struct flow *flow, int cpu, uint64_t now)
{
	struct spd_verdict v;
	struct sa *sa;

	card_lock(card, now);
	card_stop(card);
	v = spd_out(card, flow, cpu);
	if (v.acquire && (sa = larval_new(card, v.policy, flow))) {
		/* the first acquire asks for the SA of all CPUs; only when that is there does a CPU ask for its own */
		if (v.sa)
			sa->pcpu = cpu;
		if (sadb_insert(card, sa))
			sa_free(sa);
		else
			event_acquire(card, sa, v.policy);
	}
	card_unlock(card);
}
