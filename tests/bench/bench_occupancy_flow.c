/* SPDX-License-Identifier: MIT */
/*
 * One flow: what it has sent since it was last looked at is charged to its SA, and on the other side one way's delay
 * later, less what the network has lost.
 */
#include "bench_occupancy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_occupancy_flow.h"
#include "hwsim/gen_packet.h"

/* An estimate of when a limit is reached that came too early is not made again before this. */
static const uint64_t again_ns = OCC_MS;

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

/* Another SA takes over: what the one before it could have carried is known now (the fallback's goes on). */
static void flow_moves(struct occ_world *w, struct occ_flow *f, const struct hwsim_charge_sa *sa)
{
	if (f->known && f->busy && f->cpu != OCC_FALLBACK_CPU && !sa_same(&f->sa, &f->live->flows[f->from].sa)) {
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

void occ_flow_settle(struct occ_world *w, struct occ_flow *f)
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

void occ_flow_plan(struct occ_world *w, struct occ_flow *f)
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
