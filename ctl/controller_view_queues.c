/* SPDX-License-Identifier: MIT */
/* Looking in: queues, what they carry and how their packets come to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

struct texts {
	char out[QUEUES_TEXT], in[QUEUES_TEXT];
};

static const char *map_lacks(const struct controller *c)
{
	const char *poor;

	switch (c->queues.state) {
	case MAP_NONE:
		return "no ethtool connection to the card";
	case MAP_AWAITED:
	case MAP_LATE:
		return "the queue map has not been read yet";
	case MAP_READY:
		break;
	}
	poor = queues_poor(c->queues.map);
	return poor ? poor : "";
}

static void view_fallback(struct controller_queue *v)
{
	v->steering_out = "every CPU without an SA of its own";
	v->steering_in = "any RX queue";
}

static void view_unmapped(const struct ctl_lane *l, struct controller_queue *v, struct texts *texts)
{
	snprintf(texts->out, sizeof(texts->out), "CPU %u sends on any TX queue", l->cpu);
	v->steering_out = texts->out;
	v->steering_in = "any RX queue";
	v->why = "the queue map is not known";
}

static const char *in_sentence(const struct ctl_child *ch, const struct queue *row, char *buf)
{
	switch (ch->rule) {
	case RULE_ASKED:
		return "a flow rule has been asked for";
	case RULE_REFUSED:
	case RULE_NONE:
	case RULE_SET:
		break;
	}
	return queues_describe_in(row, ch->steered, buf);
}

static void view_steering(const struct ctl_lane *l, const struct ctl_child *ch, struct controller_queue *v,
			  struct texts *texts)
{
	const struct controller *c = l->tunnel->c;
	const struct queue *row = c->queues.state == MAP_READY ? queues_by_cpu(c->queues.map, l->cpu) : NULL;

	v->tx = v->rx = -1;
	v->out = v->in = v->why = "";
	v->poor = map_lacks(c);
	if (!l->index) {
		view_fallback(v);
	} else if (!row) {
		view_unmapped(l, v, texts);
	} else {
		v->tx = row->tx;
		v->rx = row->rx;
		v->out = queues_out_name(row->out);
		v->in = queues_in_name(ch->steered);
		v->steering_out = queues_describe_out(row, texts->out);
		v->steering_in = in_sentence(ch, row, texts->in);
		v->why = ch->unsteered;
	}
}

static double tunnel_rate(const struct ctl_tunnel *t)
{
	double sum = 0;

	for (unsigned int i = 0; i < t->n_lanes; i++)
		sum += t->lanes[i]->byte_rate;
	return sum;
}

static void lane_view(struct ctl_lane *l, struct ctl_child *ch, double all, struct controller_queue *v,
		      struct texts *texts)
{
	*v = (struct controller_queue){
		.queue = l->index ? l->index - 1 : UINT32_MAX,
		.byte_rate = l->byte_rate,
		.packet_rate = l->packet_rate,
		.share = all > 0 ? l->byte_rate / all : 0,
		.bytes_in = l->bytes[0],
		.packets_in = l->packets[0],
		.bytes_out = l->bytes[1],
		.packets_out = l->packets[1],
	};
	view_steering(l, ch, v, texts);
	v->mode_why = l->tunnel->mode_why ? l->tunnel->mode_why : "";
	if (l->index && !tunnel_binds_cpus(l->tunnel))
		v->steering_out = "any CPU: the kernel does not bind SAs to CPUs (no XFRMA_SA_PCPU)";
}

void controller_queue_each(struct controller *c, uint64_t now,
			   void (*each)(void *ctx, const struct controller_queue *queue), void *ctx)
{
	struct ctl_tunnel *t, *next;

	controller_enter(c, now);
	HASH_ITER (hh, c->tunnels, t, next) {
		double all = tunnel_rate(t);

		for (unsigned int i = 0; i < t->n_lanes; i++) {
			struct ctl_child *ch = lane_current(t->lanes[i]);
			struct controller_child view;
			struct controller_queue q;
			struct texts texts;

			if (!ch)
				continue;
			lane_view(t->lanes[i], ch, all, &q, &texts);
			child_show(ch, &view);
			q.child = &view;
			each(ctx, &q);
		}
	}
	controller_leave(c);
}

/* ---- queues without an SA ---- */

static const char *unserved_why(const struct ctl_lane *l)
{
	const struct ctl_tunnel *t = l->tunnel;
	uint64_t now = t->c->now;

	if (l->offline)
		return "its CPU is offline";
	if (l->fresh)
		return "its SA is being made";
	if (queues_awaited(t->c))
		return "the queue map is being read";
	if (now < t->held_ns)
		return "no more are to be had now, from the peer or from the card";
	if (now < l->barred_ns)
		return "it was deleted not long ago";
	if (l->by_traffic)
		return "its CPU does not send";
	if (now < l->retry_ns)
		return "the last try has failed, and it is too early for the next";
	return t->starter ? "it is about to be asked for" : "the peer is left time to ask for it";
}

void controller_unserved_each(struct controller *c, uint64_t now,
			      void (*each)(void *ctx, const struct controller_unserved *queue), void *ctx)
{
	struct ctl_tunnel *t, *next;

	controller_enter(c, now);
	HASH_ITER (hh, c->tunnels, t, next)
		for (unsigned int i = 1; i < t->n_lanes && t->n_up; i++) {
			const struct ctl_lane *l = t->lanes[i];
			struct controller_unserved v = {&t->conf->ike, &t->cfg->ike, i - 1, l->cpu, NULL};

			if (lane_current(l))
				continue;
			v.why = unserved_why(l);
			each(ctx, &v);
		}
	controller_leave(c);
}
