/* SPDX-License-Identifier: MIT */
/*
 * Flows. Nothing happens packet by packet: what a flow has sent since it was last looked at is charged to its SA when
 * somebody reads that SA's counters, the SA or its successor comes or goes, the rate changes, or a limit is due. On the
 * other side the same packets are charged one way's delay later, less what the network has lost.
 */
#include "bench_occupancy.h"

#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/xfrm_uapi.h"
#include "bench_occupancy_plan.h"
#include "hwsim/gen_packet.h"

enum { FALLBACK_CPU = OCC_QUEUES - 1 };

/* Bursts of a whole tunnel, exponential on average so long and so far apart. */
static const double burst_s = 15, calm_s = 120;
/* The day and RSS's luck with the flows of the moment. */
static const uint64_t step_ns = 300 * OCC_S;
static const double fallback_share = 0.01;
/* An estimate of when a limit is reached that came too early is not made again before this. */
static const uint64_t again_ns = OCC_MS;
static const double day_ns = 86400e9;

/* ---- the two ends of a flow ---- */

static struct hwsim *card_of(const struct occ_world *w, unsigned int side)
{
	return w->side[side].nic.card;
}

static uint64_t delay_of(const struct occ_flow *f)
{
	return f->live->plan->delay_ns;
}

/* The plaintext that the flow is made of, for the card to choose an SA by. */
static void packet_build(const struct occ_flow *f, uint8_t *packet, size_t size, size_t *len)
{
	uint8_t hi = (uint8_t)(f->live->number >> 8), lo = (uint8_t)f->live->number;
	struct gen_flow flow = {
		.family = 4,
		.src = {10, hi, lo, (uint8_t)(1 + 128 * f->from)},
		.dst = {10, hi, lo, (uint8_t)(1 + 128 * !f->from)},
		.sport = 4000,
		.dport = 5000,
	};
	struct gen_header h = {.len = GEN_PAYLOAD_MIN};

	*len = gen_packet_build(&flow, &h, packet, size);
}

static bool sa_same(const struct hwsim_charge_sa *a, const struct hwsim_charge_sa *b)
{
	return a->spi == b->spi && !memcmp(a->dst, b->dst, sizeof(a->dst));
}

/* Another SA takes over: what the one before it could have carried is known now. */
static void flow_moves(struct occ_world *w, struct occ_flow *f, const struct hwsim_charge_sa *sa)
{
	if (f->known && f->busy && f->cpu != FALLBACK_CPU) {
		uint64_t life = w->plan->life_bytes;

		w->early_bytes += f->sa_bytes < life ? life - f->sa_bytes : 0;
		w->early_life += life;
	}
	f->sa = *sa;
	f->known = true;
	f->sa_bytes = 0;
}

static bool flow_route(struct occ_world *w, struct occ_flow *f)
{
	uint8_t packet[GEN_PACKET_MAX];
	struct hwsim_charge_sa sa;
	size_t len;

	if (f->routed)
		return true;
	packet_build(f, packet, sizeof(packet), &len);
	f->routed = hwsim_charge_route(card_of(w, f->from), w->now, f->cpu, packet, len, &sa);
	if (f->routed && (!f->known || !sa_same(&sa, &f->sa)))
		flow_moves(w, f, &sa);
	return f->routed;
}

/* ---- receiving ---- */

static void segment_arrives(struct occ_world *w, struct occ_flow *f, const struct hwsim_charge_sa *sa, uint64_t packets,
			    uint64_t at)
{
	double kept = (double)packets * (1 - f->live->plan->loss) + f->lost_part;
	uint64_t n = (uint64_t)kept;

	f->lost_part = kept - (double)n;
	if (n)
		w->lost_rx += n - hwsim_charge(card_of(w, !f->from), at, sa, n, OCC_PACKET_BYTES);
}

/* What was sent up to `until` has arrived. */
static void flow_deliver(struct occ_world *w, struct occ_flow *f, uint64_t until, uint64_t at)
{
	while (f->n) {
		struct occ_segment *s = &f->segment[f->first];
		uint64_t part;

		if (s->to <= until) {
			segment_arrives(w, f, &s->sa, s->packets, at);
			f->first = (f->first + 1) % OCC_SEGMENTS;
			f->n--;
			continue;
		}
		if (s->from >= until)
			return;
		part = (uint64_t)((unsigned __int128)s->packets * (until - s->from) / (s->to - s->from));
		segment_arrives(w, f, &s->sa, part, at);
		s->packets -= part;
		s->from = until;
		return;
	}
}

/* ---- sending ---- */

static void segment_put(struct occ_world *w, struct occ_flow *f, uint64_t from, uint64_t to, uint64_t packets)
{
	struct occ_segment *s;

	if (f->n == OCC_SEGMENTS) { /* so many changes within one way's delay: the oldest arrives a little early */
		s = &f->segment[f->first];
		flow_deliver(w, f, s->to, w->now);
	}
	s = &f->segment[(f->first + f->n++) % OCC_SEGMENTS];
	*s = (struct occ_segment){.from = from, .to = to, .packets = packets, .sa = f->sa};
}

static uint64_t packets_due(struct occ_flow *f, uint64_t to)
{
	double n = f->rate * (double)(to - f->sent_to) / 1e9 + f->sent_part;

	f->sent_part = n - floor(n);
	return (uint64_t)n;
}

static void flow_send(struct occ_world *w, struct occ_flow *f, uint64_t to)
{
	uint64_t n, carried, from = f->sent_to;

	if (to <= f->sent_to)
		return;
	n = packets_due(f, to);
	f->sent_to = to;
	w->sent += n;
	while (n && flow_route(w, f)) {
		carried = hwsim_charge(card_of(w, f->from), to, &f->sa, n, OCC_PACKET_BYTES);
		f->sa_bytes += carried * OCC_PACKET_BYTES;
		if (carried)
			segment_put(w, f, from, to, carried);
		n -= carried;
		if (n)
			f->routed = false; /* its hard limit, or it is gone: whatever the card does now */
		if (!carried)
			break;
	}
	w->lost_tx += n;
}

/*
 * Up to now. What the card shows of its counters is as they were at the end of its last period, so that is a moment at
 * which all has to be charged, too.
 */
static void flow_settle(struct occ_world *w, struct occ_flow *f)
{
	uint64_t poll = w->options->poll_ns, edge = w->now / poll * poll;
	uint64_t d = delay_of(f);

	if (edge && edge - 1 > f->sent_to) {
		flow_send(w, f, edge - 1);
		flow_deliver(w, f, edge - 1 > d ? edge - 1 - d : 0, edge - 1);
	}
	flow_send(w, f, w->now);
	flow_deliver(w, f, w->now > d ? w->now - d : 0, w->now);
}

/* ---- when a limit is reached ---- */

static uint64_t after(uint64_t now, double ns)
{
	return ns < 0x1p62 ? now + (uint64_t)ns : UINT64_MAX;
}

static uint64_t limit_at(const struct occ_world *w, unsigned int side, const struct hwsim_charge_sa *sa, double rate,
			 uint64_t delay)
{
	uint64_t poll = w->options->poll_ns, at;
	bool hard = false;
	uint64_t left = hwsim_charge_left(card_of(w, side), sa, OCC_PACKET_BYTES, &hard);

	if (!left || left == UINT64_MAX || rate <= 0)
		return UINT64_MAX;
	at = after(w->now + delay, (double)left / rate * 1e9);
	if (at == UINT64_MAX || hard)
		return at;
	return (at / poll + 1) * poll; /* drivers look at soft limits when they poll: mlx5, once a second */
}

/* Its next event, from where it stands now. */
static void flow_plan(struct occ_world *w, struct occ_flow *f)
{
	uint64_t out = UINT64_MAX, in = UINT64_MAX;

	if (flow_route(w, f)) {
		out = limit_at(w, f->from, &f->sa, f->rate, 0);
		in = limit_at(w, !f->from, &f->sa, f->rate * (1 - f->live->plan->loss), delay_of(f));
	}
	in = in < out ? in : out;
	if (in == UINT64_MAX)
		heap_remove(&w->flows, &f->due);
	else if (heap_set(&w->flows, &f->due, in > w->now + again_ns ? in : w->now + again_ns))
		abort();
}

/* ---- rates ---- */

static double normal(struct prng *rng)
{
	return sqrt(-2 * log(1 - prng_unit(rng))) * cos(2 * M_PI * prng_unit(rng));
}

static uint64_t exponential(struct prng *rng, double mean_s)
{
	return (uint64_t)(-log(1 - prng_unit(rng)) * mean_s * 1e9) + 1;
}

/* Half of what makes a queue's share uneven lasts, half changes with the step: `share` is the half that lasts. */
static double share_now(struct prng *rng, const struct occ_flow *f, double spread)
{
	double s = f->share + spread * M_SQRT1_2 * normal(rng);

	return s < 0 ? 0 : s;
}

static void live_rates(struct occ_world *w, struct occ_live *l, bool shares)
{
	const struct occ_tunnel *t = l->plan;
	double day = 1 + occ_day_factor * sin(2 * M_PI * (double)w->now / day_ns + t->phase);
	double factor = day * (l->burst ? occ_burst_factor : 1);

	for (uint32_t i = 0; i < 2 * t->pairs; i++) {
		struct occ_flow *f = &l->flows[i];

		flow_settle(w, f);
		if (shares)
			f->share_now = share_now(&l->rng, f, t->spread);
		f->rate = t->rate[f->from] * factor * f->share_now * (f->cpu == FALLBACK_CPU ? fallback_share : 1);
		flow_plan(w, f);
	}
}

static void live_plan(struct occ_world *w, struct occ_live *l)
{
	if (heap_set(&w->tunnels, &l->due, l->burst_at < l->step_at ? l->burst_at : l->step_at))
		abort();
}

static void live_run(struct occ_world *w, struct occ_live *l)
{
	bool step = l->step_at <= w->now;

	if (l->burst_at <= w->now) {
		l->burst = !l->burst;
		l->burst_at = w->now + exponential(&l->rng, l->burst ? burst_s : calm_s);
	}
	if (step)
		l->step_at = w->now + step_ns;
	live_rates(w, l, step);
	live_plan(w, l);
}

static void live_start(struct occ_world *w, struct occ_live *l, uint32_t number)
{
	const struct occ_tunnel *t = &w->plan->tunnels[number];

	l->plan = t;
	l->number = number;
	l->rng = prng_init(t->seed);
	l->flows = calloc(2 * (size_t)t->pairs, sizeof(*l->flows));
	if (!l->flows)
		abort();
	for (uint32_t i = 0; i < 2 * t->pairs; i++)
		l->flows[i] = (struct occ_flow){
			.live = l,
			.from = i & 1,
			.cpu = i / 2 ? i / 2 - 1 : FALLBACK_CPU,
			.busy = t->rate[i & 1] >= t->rate[!(i & 1)],
			.share = 1 + t->spread * M_SQRT1_2 * normal(&l->rng),
			.sent_to = w->now,
		};
	if (t->pairs == 1) /* no queues: the fallback carries everything */
		l->flows[0].cpu = l->flows[1].cpu = 0;
	l->burst_at = w->now + exponential(&l->rng, calm_s);
	l->step_at = w->now + 1 + prng_below(&l->rng, step_ns);
	live_rates(w, l, true);
	live_plan(w, l);
}

void occ_traffic_start(struct occ_world *w)
{
	w->live = calloc(w->plan->n_tunnels, sizeof(*w->live));
	w->seen = calloc(1u << OCC_SEEN_BITS, sizeof(*w->seen));
	if (!w->live || !w->seen)
		abort();
	for (uint32_t n = 0; n < w->plan->n_tunnels; n++)
		live_start(w, &w->live[n], n);
}

void occ_traffic_free(struct occ_world *w)
{
	for (uint32_t n = 0; w->live && n < w->plan->n_tunnels; n++)
		free(w->live[n].flows);
	free(w->live);
	free(w->seen);
	heap_free(&w->flows);
	heap_free(&w->tunnels);
}

/* ---- time ---- */

uint64_t occ_traffic_next(const struct occ_world *w)
{
	struct heap_node *f = heap_first(&w->flows), *t = heap_first(&w->tunnels);
	uint64_t at = f ? f->key : UINT64_MAX;

	return t && t->key < at ? t->key : at;
}

void occ_traffic_run(struct occ_world *w)
{
	struct heap_node *n;

	while ((n = heap_first(&w->tunnels)) && n->key <= w->now)
		live_run(w, heap_entry(n, struct occ_live, due));
	while ((n = heap_first(&w->flows)) && n->key <= w->now) {
		struct occ_flow *f = heap_entry(n, struct occ_flow, due);

		flow_settle(w, f);
		flow_plan(w, f);
	}
}

void occ_traffic_settle(struct occ_world *w)
{
	for (uint32_t n = 0; w->live && n < w->plan->n_tunnels; n++)
		for (uint32_t i = 0; i < 2 * w->live[n].plan->pairs; i++)
			flow_settle(w, &w->live[n].flows[i]);
}

/* ---- what the controller asks the card for ---- */

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
		flow_settle(w, f);
	else
		question_each(w, side, q, flow_settle);
}

static void flow_reroute(struct occ_world *w, struct occ_flow *f)
{
	f->routed = false;
	flow_plan(w, f);
}

void occ_traffic_before(struct occ_world *w, unsigned int side, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	struct question q;

	if (!w->live || !NLMSG_OK(nlh, (int)len))
		return;
	if (question_read(nlh, &q) && nlh->nlmsg_type == XFRM_MSG_GETSA)
		counters_before(w, side, &q);
	else if (q.dst)
		question_each(w, side, &q, flow_settle);
	else if (nlh->nlmsg_type == XFRM_MSG_GETSA)
		occ_traffic_settle(w);
}

bool occ_traffic_after(struct occ_world *w, unsigned int side, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	struct question q;

	if (!NLMSG_OK(nlh, (int)len) || !question_read(nlh, &q) || nlh->nlmsg_type == XFRM_MSG_GETSA)
		return false;
	if (w->live)
		question_each(w, side, &q, flow_reroute);
	return true;
}
