/* SPDX-License-Identifier: MIT */
/* Between the controller and its card: whatever a request asks about or changes is charged first. */
#include "bench_occupancy.h"

#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>

#include "base/xfrm_uapi.h"
#include "bench_occupancy_flow.h"

struct question {
	const struct nlmsghdr *nlh;
	const uint8_t *dst;
	uint32_t spi; /* host order */
	uint32_t cpu; /* of a new outbound SA; UINT32_MAX: any */
};

static uint32_t cpu_read(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct xfrm_usersa_info))
		if (mnl_attr_get_type(attr) == KR_XFRMA_SA_PCPU)
			return mnl_attr_get_u32(attr);
	return UINT32_MAX;
}

/* False: it is about no single SA. */
static bool question_read(const struct nlmsghdr *nlh, struct question *q)
{
	const void *body = NLMSG_DATA(nlh);

	*q = (struct question){.nlh = nlh};
	if (nlh->nlmsg_type == XFRM_MSG_NEWSA && nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct xfrm_usersa_info))) {
		const struct xfrm_usersa_info *info = body;

		q->dst = (const uint8_t *)&info->id.daddr;
		q->spi = ntohl(info->id.spi);
		q->cpu = cpu_read(nlh);
		return true;
	}
	if ((nlh->nlmsg_type == XFRM_MSG_DELSA || nlh->nlmsg_type == XFRM_MSG_GETSA) &&
	    !(nlh->nlmsg_flags & NLM_F_DUMP) && nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct xfrm_usersa_id))) {
		const struct xfrm_usersa_id *id = body;

		q->dst = (const uint8_t *)&id->daddr;
		q->spi = ntohl(id->spi);
		return true;
	}
	return false;
}

/* Whether the flow has anything to do with the SA, of which `side` is told. */
static bool flow_concerned(const struct occ_flow *f, unsigned int side, const struct question *q)
{
	if (f->from == side && q->nlh->nlmsg_type == XFRM_MSG_NEWSA)
		return q->cpu == UINT32_MAX || q->cpu == f->cpu; /* it may be for it, from now on */
	if (f->known && f->sa.spi == q->spi)
		return true;
	for (unsigned int i = 0; f->from != side && i < f->n; i++)
		if (f->segment[(f->first + i) % OCC_SEGMENTS].sa.spi == q->spi)
			return true;
	return false;
}

/*
 * Which flow was found for an SPI last: most questions are for counters, and walking a tunnel's flows for each of them
 * would be most of the work. Another flow that shares the SA for a moment is charged when something happens to it.
 */
static struct occ_flow **seen_at(const struct occ_world *w, uint32_t spi)
{
	return &w->seen[(spi * UINT32_C(2654435761)) >> (32 - OCC_SEEN_BITS)];
}

static void question_each(struct occ_world *w, unsigned int side, const struct question *q,
			  void (*each)(struct occ_world *w, struct occ_flow *f))
{
	unsigned int to = 0;
	uint32_t n = occ_tunnel_of(q->dst, &to);
	bool out = to != side;

	if (n >= w->plan->n_tunnels)
		return;
	for (uint32_t i = 0; i < 2 * w->live[n].plan->pairs; i++) {
		struct occ_flow *f = &w->live[n].flows[i];

		if ((f->from == side) == out && flow_concerned(f, side, q)) {
			*seen_at(w, q->spi) = f;
			each(w, f);
		}
	}
}

static void counters_before(struct occ_world *w, unsigned int side, const struct question *q)
{
	struct occ_flow *f = *seen_at(w, q->spi);

	if (f && f->known && f->sa.spi == q->spi)
		occ_flow_settle(w, f);
	else
		question_each(w, side, q, occ_flow_settle);
}

static void flow_reroute(struct occ_world *w, struct occ_flow *f)
{
	f->routed = false;
	occ_flow_plan(w, f);
}

void occ_traffic_before(struct occ_world *w, unsigned int side, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	struct question q;

	if (!w->live || !mnl_nlmsg_ok(nlh, (int)len))
		return;
	if (question_read(nlh, &q) && nlh->nlmsg_type == XFRM_MSG_GETSA)
		counters_before(w, side, &q);
	else if (q.dst)
		question_each(w, side, &q, occ_flow_settle);
	else if (nlh->nlmsg_type == XFRM_MSG_GETSA)
		occ_traffic_settle(w);
}

bool occ_traffic_after(struct occ_world *w, unsigned int side, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	struct question q;

	if (!mnl_nlmsg_ok(nlh, (int)len) || !question_read(nlh, &q) || nlh->nlmsg_type == XFRM_MSG_GETSA)
		return false;
	if (w->live)
		question_each(w, side, &q, flow_reroute);
	return true;
}
