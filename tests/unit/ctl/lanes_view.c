/* SPDX-License-Identifier: MIT */
#include "lanes_view.h"

#include <linux/netlink.h>

#include "base/xfrm_uapi.h"

/* ---- the queue view ---- */

struct look {
	uint32_t queue;
	unsigned int lanes;
	struct controller_queue found; /* without its texts */
	bool any_cpu, explained;
};

static void look(void *ctx, const struct controller_queue *q)
{
	struct look *l = ctx;

	l->lanes |= q->queue == UINT32_MAX ? LANE_ANY : LANE(q->queue);
	if (q->queue != l->queue)
		return;
	l->found = *q;
	l->any_cpu = strstr(q->steering_out, "any CPU") != NULL;
	l->explained = q->mode_why[0] != '\0';
}

static struct look look_at(struct side *s, uint32_t queue)
{
	struct look l = {.queue = queue};

	controller_queue_each(s->c, s->w->now, look, &l);
	return l;
}

unsigned int lanes_with_sa(struct side *s)
{
	return look_at(s, 0).lanes;
}

uint64_t lane_packets_out(struct side *s, uint32_t queue)
{
	return look_at(s, queue).found.packets_out;
}

bool lane_sends_from_any_cpu(struct side *s, uint32_t queue)
{
	return look_at(s, queue).any_cpu;
}

bool lane_explains_mode(struct side *s, uint32_t queue)
{
	return look_at(s, queue).explained;
}

/* ---- the card ---- */

uint32_t lane_halves_in(struct side *s)
{
	struct hwsim_stats st;

	hwsim_stats(s->nic.card, &st);
	return st.total.used / 2;
}

static void policy_look(void *ctx, const void *msg, size_t len)
{
	const struct nlmsghdr *nlh = msg;
	struct xfrm_userpolicy_info info;
	unsigned int *marked = ctx;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY)
			continue;
		memcpy(&info, NLMSG_DATA(nlh), sizeof(info));
		if (info.dir == XFRM_POLICY_OUT && info.flags & KR_XFRM_POLICY_CPU_ACQUIRE)
			++*marked;
	}
}

bool cpu_acquire_is_set(struct side *s)
{
	struct {
		struct nlmsghdr head;
		struct xfrm_userpolicy_id id;
	} ask = {.head = {.nlmsg_len = sizeof(ask),
			  .nlmsg_type = XFRM_MSG_GETPOLICY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	unsigned int marked = 0;

	hwsim_netlink(s->nic.card, s->w->now, &ask, sizeof(ask), policy_look, &marked);
	return marked > 0;
}

/* ---- the log ---- */

bool log_has(const struct world *w, const char *text)
{
	for (unsigned int i = 0; i < w->line && i < WORLD_LINES; i++)
		if (strstr(w->lines[i], text))
			return true;
	return false;
}

/* ---- traffic ---- */

void stream_more(struct world *w, unsigned int from, unsigned int queue, double rate)
{
	assert_true(w->n_streams < WORLD_STREAMS_MAX);
	w->stream[w->n_streams++] = (struct stream){.from = from, .queue = queue, .rate = rate, .next_ns = w->now};
	w->flowing = true;
}

void stream_only(struct world *w, unsigned int from, unsigned int queue, double rate)
{
	w->n_streams = 0;
	stream_more(w, from, queue, rate);
}
