/* SPDX-License-Identifier: MIT */
#include "hwsim/events.h"

#include <stdlib.h>
#include <string.h>

#include "hwsim/faults.h"

struct late_event {
	struct timer timer;
	TAILQ_ENTRY(late_event) entry;
	unsigned int group;
	size_t len;
	uint8_t msg[];
};

static void hand_over(struct hwsim *card, unsigned int group, const void *msg, size_t len)
{
	if (card->ops.event)
		card->ops.event(card->ops.ctx, group, msg, len);
}

static void delay(struct hwsim *card, const struct event *event, uint64_t ms)
{
	struct late_event *late = NULL;

	if (card->late_events < CARD_LATE_EVENTS)
		late = malloc(sizeof(*late) + event->len);
	if (late) {
		*late = (struct late_event){.group = event->group, .len = event->len};
		memcpy(late->msg, event->msg, event->len);
		if (!timer_set(card, &late->timer, TIMER_EVENT, card->now + ms * NS_PER_MS)) {
			card->late_events++;
			return;
		}
	}
	free(late);
	card->events_lost++;
}

static bool is_lost(struct hwsim *card, enum event_kind kind)
{
	uint64_t which;

	if (!fault_armed(card, FAULT_LOSE_EVENT, &which) || (which != EVENT_ANY && which != (uint64_t)kind))
		return false;
	return fault_strikes(card, FAULT_LOSE_EVENT, NULL);
}

void event_send(struct hwsim *card, const struct event *event)
{
	uint64_t copies = 0, ms;

	if (event->kind == EVENT_CHANGE) {
		hand_over(card, event->group, event->msg, event->len);
		return;
	}
	if (is_lost(card, event->kind)) {
		card->events_lost++;
		return;
	}
	fault_strikes(card, FAULT_REPEAT_EVENT, &copies);
	for (copies++; copies > 0; copies--) {
		if (fault_strikes(card, FAULT_LATE_EVENT, &ms))
			delay(card, event, ms);
		else
			hand_over(card, event->group, event->msg, event->len);
	}
}

void event_late(struct hwsim *card, struct timer *timer)
{
	struct late_event *late = heap_entry(&timer->node, struct late_event, timer.node);

	timer_clear(card, timer);
	card->late_events--;
	hand_over(card, late->group, late->msg, late->len);
	free(late);
}

void event_free_late(struct hwsim *card)
{
	struct heap_node *node;

	while ((node = heap_first(&card->timers))) {
		struct timer *timer = heap_entry(node, struct timer, node);

		timer_clear(card, timer);
		if (timer->kind == TIMER_EVENT)
			free(heap_entry(node, struct late_event, timer.node));
	}
	card->late_events = 0;
}

void event_prepare_expire(const struct hwsim *card, struct event *event, struct sa *sa, bool hard)
{
	event->kind = hard ? EVENT_HARD : EVENT_SOFT;
	event->group = XFRMNLGRP_EXPIRE;
	event->len = nl_put_expire(event->msg, card, sa, hard)->nlmsg_len;
}

void event_acquire(struct hwsim *card, struct sa *larval, const struct policy *policy)
{
	struct event event = {.kind = EVENT_ACQUIRE, .group = XFRMNLGRP_ACQUIRE};

	event.len = nl_put_acquire(event.msg, card, larval, policy)->nlmsg_len;
	event_send(card, &event);
}

void event_sa_changed(struct hwsim *card, uint16_t type, struct sa *sa, uint32_t seq, uint32_t pid)
{
	struct event event = {.kind = EVENT_CHANGE, .group = XFRMNLGRP_SA};
	struct nl_id id = {.type = type, .seq = seq, .pid = pid};

	if (type == XFRM_MSG_DELSA)
		event.len = nl_put_sa_deleted(event.msg, id, card, sa)->nlmsg_len;
	else
		event.len = nl_put_sa(event.msg, id, card, sa)->nlmsg_len;
	event_send(card, &event);
}

void event_policy_changed(struct hwsim *card, uint16_t type, const struct policy *policy, uint32_t seq, uint32_t pid)
{
	struct event event = {.kind = EVENT_CHANGE, .group = XFRMNLGRP_POLICY};

	event.len = nl_put_policy(event.msg, (struct nl_id){.type = type, .seq = seq, .pid = pid}, policy)->nlmsg_len;
	event_send(card, &event);
}

void event_policy_deleted(struct hwsim *card, const struct policy *policy, bool by_index, uint32_t seq, uint32_t pid)
{
	struct event event = {.kind = EVENT_CHANGE, .group = XFRMNLGRP_POLICY};
	struct nl_id id = {.type = XFRM_MSG_DELPOLICY, .seq = seq, .pid = pid};

	event.len = nl_put_policy_deleted(event.msg, id, policy, by_index)->nlmsg_len;
	event_send(card, &event);
}

void event_flushed(struct hwsim *card, uint16_t type, uint8_t proto, uint32_t seq, uint32_t pid)
{
	bool sa = type == XFRM_MSG_FLUSHSA;
	struct event event = {.kind = EVENT_CHANGE, .group = sa ? XFRMNLGRP_SA : XFRMNLGRP_POLICY};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(event.msg);
	struct xfrm_usersa_flush *flush;

	nlh->nlmsg_type = type;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = pid;
	if (sa) {
		flush = mnl_nlmsg_put_extra_header(nlh, sizeof(*flush));
		flush->proto = proto;
	} else {
		nl_put_policy_type(nlh);
	}
	event.len = nlh->nlmsg_len;
	event_send(card, &event);
}
