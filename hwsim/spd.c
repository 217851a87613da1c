/* SPDX-License-Identifier: MIT */
#include "hwsim/spd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/card.h"

void spd_init(struct hwsim *card)
{
	for (unsigned int dir = 0; dir < SPD_DIRS; dir++)
		TAILQ_INIT(&card->spd.list[dir]);
}

void spd_free(struct hwsim *card)
{
	struct policy *p, *next;

	for (unsigned int dir = 0; dir < SPD_DIRS; dir++)
		for (p = TAILQ_FIRST(&card->spd.list[dir]); p; p = next) {
			next = TAILQ_NEXT(p, entry);
			spd_remove(card, p);
		}
}

/* Whether a goes before b where their order matters; equals keep the order they came in. */
static bool goes_before(const struct policy *a, const struct policy *b)
{
	if (a->packet != b->packet)
		return a->packet;
	return a->info.priority < b->info.priority;
}

void spd_insert(struct hwsim *card, struct policy *policy)
{
	struct policy_list *list = &card->spd.list[policy->info.dir];
	struct policy *p;

	policy->add_time = card->now;
	TAILQ_FOREACH (p, list, entry)
		if (goes_before(policy, p))
			break;
	if (p)
		TAILQ_INSERT_BEFORE(p, policy, entry);
	else
		TAILQ_INSERT_TAIL(list, policy, entry);
	card->spd.count[policy->info.dir]++;
	card->spd.offloaded += policy->packet;
	card->spd.software += !policy->packet;
}

void spd_remove(struct hwsim *card, struct policy *policy)
{
	TAILQ_REMOVE(&card->spd.list[policy->info.dir], policy, entry);
	card->spd.count[policy->info.dir]--;
	card->spd.offloaded -= policy->packet;
	card->spd.software -= !policy->packet;
	free(policy);
}

void spd_remove_offloaded(struct hwsim *card, uint8_t dir)
{
	struct policy *p, *next;

	for (p = TAILQ_FIRST(&card->spd.list[dir]); p; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (p->packet)
			spd_remove(card, p);
	}
}

static bool selector_equal(const struct xfrm_selector *a, const struct xfrm_selector *b)
{
	return a->family == b->family && a->proto == b->proto && a->sport == b->sport && a->dport == b->dport &&
	       a->sport_mask == b->sport_mask && a->dport_mask == b->dport_mask && a->prefixlen_s == b->prefixlen_s &&
	       a->prefixlen_d == b->prefixlen_d && a->ifindex == b->ifindex && a->user == b->user &&
	       addr_equal(&a->saddr, &b->saddr, AF_INET6) && addr_equal(&a->daddr, &b->daddr, AF_INET6);
}

struct policy *spd_find(const struct hwsim *card, uint8_t dir, const struct xfrm_selector *sel, uint32_t if_id)
{
	struct policy *p;

	TAILQ_FOREACH (p, &card->spd.list[dir], entry)
		if (p->if_id == if_id && selector_equal(&p->info.sel, sel))
			return p;
	return NULL;
}

struct policy *spd_find_index(const struct hwsim *card, uint8_t dir, uint32_t index)
{
	struct policy *p;

	TAILQ_FOREACH (p, &card->spd.list[dir], entry)
		if (p->info.index == index)
			return p;
	return NULL;
}

static bool prefix_match(const uint8_t *addr, const xfrm_address_t *net, unsigned int bits)
{
	const uint8_t *n = (const uint8_t *)net;
	unsigned int bytes = bits / 8;

	if (memcmp(addr, n, bytes) != 0)
		return false;
	return bits % 8 == 0 || !((addr[bytes] ^ n[bytes]) & (0xff00 >> bits % 8 & 0xff));
}

enum sel_match selector_match(const struct xfrm_selector *sel, const struct flow *flow)
{
	bool ports = sel->sport_mask || sel->dport_mask;

	if (sel->family && (sel->family != flow->family || !prefix_match(flow->src, &sel->saddr, sel->prefixlen_s) ||
			    !prefix_match(flow->dst, &sel->daddr, sel->prefixlen_d)))
		return SEL_NO;
	if (flow->opaque) {
		/* an IPv4 fragment names its protocol; an IPv6 header chain that could not be followed does not */
		if (sel->proto && flow->family == AF_INET && sel->proto != flow->proto)
			return SEL_NO;
		return ports || (sel->proto && flow->family != AF_INET) ? SEL_MAYBE : SEL_YES;
	}
	if ((sel->proto && sel->proto != flow->proto) || ((htons(flow->sport) ^ sel->sport) & sel->sport_mask) ||
	    ((htons(flow->dport) ^ sel->dport) & sel->dport_mask))
		return SEL_NO;
	return SEL_YES;
}

static bool protects(const struct policy *policy)
{
	return policy->info.action == XFRM_POLICY_BLOCK || policy->has_tmpl;
}

/*
 * The first policy that covers the flow. *unsure: one before it might, depending on ports that cannot be seen, and it
 * would not let the packet pass: then neither may we.
 */
static const struct policy *first_match(const struct policy_list *list, const struct flow *flow, bool *unsure)
{
	const struct policy *p;

	*unsure = false;
	TAILQ_FOREACH (p, list, entry) {
		enum sel_match match = selector_match(&p->info.sel, flow);

		if (match == SEL_YES)
			return p;
		if (match == SEL_MAYBE && protects(p)) {
			*unsure = true;
			return p;
		}
	}
	return NULL;
}

static struct spd_verdict plain_verdict(const struct policy *policy, bool unsure)
{
	if (!policy)
		return (struct spd_verdict){.action = SPD_PASS};
	if (unsure || policy->info.action == XFRM_POLICY_BLOCK)
		return (struct spd_verdict){.policy = policy, .action = SPD_DROP};
	return (struct spd_verdict){.policy = policy, .action = policy->has_tmpl ? SPD_PROTECT : SPD_PASS};
}

struct spd_verdict spd_out(const struct hwsim *card, const struct flow *flow, int cpu)
{
	bool unsure;
	const struct policy *policy = first_match(&card->spd.list[XFRM_POLICY_OUT], flow, &unsure);
	struct spd_verdict v = plain_verdict(policy, unsure);
	struct tx_choice choice;

	if (v.action != SPD_PROTECT)
		return v;
	choice = sadb_choose(card, policy, flow, cpu);
	v.sa = choice.carrier;
	if (policy->info.flags & KR_XFRM_POLICY_CPU_ACQUIRE && (!choice.sa || choice.sa->pcpu != cpu)) {
		/*
		 * As measured on Linux: every CPU asks for an SA of its own. The packet that triggers the acquire still
		 * uses the fallback SA; while one is pending, packets of CPUs that have none are dropped.
		 */
		v.acquire = !choice.acquiring && !choice.pending;
		if (!v.acquire)
			v.sa = NULL;
	} else if (!v.sa) {
		v.acquire = !choice.acquiring && !choice.pending;
	}
	if (!v.sa)
		v.action = policy->tmpl.optional ? SPD_PASS : SPD_NO_SA;
	return v;
}

struct spd_verdict spd_in(const struct hwsim *card, const struct flow *flow)
{
	bool unsure_in, unsure_fwd;
	const struct policy *in = first_match(&card->spd.list[XFRM_POLICY_IN], flow, &unsure_in);
	const struct policy *fwd = first_match(&card->spd.list[XFRM_POLICY_FWD], flow, &unsure_fwd);

	if (fwd && (!in || goes_before(fwd, in)))
		return plain_verdict(fwd, unsure_fwd);
	return plain_verdict(in, unsure_in);
}

/* Linux xfrm_state_ok. */
static bool template_accepts(const struct xfrm_user_tmpl *t, const struct sa *sa)
{
	const struct xfrm_usersa_info *s = &sa->info;

	if (t->id.proto != s->id.proto || (t->reqid && t->reqid != s->reqid) || t->mode != s->mode ||
	    (t->id.spi && t->id.spi != s->id.spi))
		return false;
	if (s->mode == XFRM_MODE_TRANSPORT)
		return true;
	return t->family == s->family &&
	       (addr_any(&t->saddr, s->family) || addr_equal(&t->saddr, &s->saddr, s->family)) &&
	       (addr_any(&t->id.daddr, s->family) || addr_equal(&t->id.daddr, &s->id.daddr, s->family));
}

bool spd_in_allows(const struct spd_verdict *verdict, const struct flow *flow, const struct sa *sa)
{
	bool tunnel = sa && sa->info.mode == XFRM_MODE_TUNNEL;

	if (sa && selector_match(&sa->info.sel, flow) == SEL_NO)
		return false;
	switch (verdict->action) {
	case SPD_PASS:
		return !tunnel; /* nobody asked for what came through a tunnel */
	case SPD_PROTECT:
		return sa ? template_accepts(&verdict->policy->tmpl, sa) : verdict->policy->tmpl.optional;
	case SPD_DROP:
	case SPD_NO_SA:
		return false;
	}
	return false;
}
