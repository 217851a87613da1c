/* SPDX-License-Identifier: MIT */
/* Multicast messages of the card, and what the faults do to them. Under control. */
#ifndef HWSIM_EVENTS_H
#define HWSIM_EVENTS_H

#include "hwsim/card.h"
#include "hwsim/netlink_reply.h"

/* What the fault lose_event may pick by its argument. */
enum event_kind { EVENT_ANY, EVENT_SOFT, EVENT_HARD, EVENT_ACQUIRE, EVENT_CHANGE };

struct event {
	enum event_kind kind;
	unsigned int group; /* XFRMNLGRP_* */
	size_t len;
	alignas(8) uint8_t msg[NL_MSG_MAX];
};

void event_prepare_expire(const struct hwsim *card, struct event *event, struct sa *sa, bool hard);

/* Sends, unless a fault loses, delays or repeats it (EVENT_CHANGE is never touched by faults). */
void event_send(struct hwsim *card, const struct event *event);

/* XFRM_MSG_ACQUIRE for a larval SA made for a policy. */
void event_acquire(struct hwsim *card, struct sa *larval, const struct policy *policy);

/* NEWSA, UPDSA, DELSA, NEWPOLICY, UPDPOLICY and DELPOLICY as the requester's message is told to everybody else. */
void event_sa_changed(struct hwsim *card, uint16_t type, struct sa *sa, uint32_t seq, uint32_t pid);
void event_policy_changed(struct hwsim *card, uint16_t type, const struct policy *policy, uint32_t seq, uint32_t pid);
/* DELPOLICY: with what it was found by, its index or its selector. */
void event_policy_deleted(struct hwsim *card, const struct policy *policy, bool by_index, uint32_t seq, uint32_t pid);
/* FLUSHSA (proto) and FLUSHPOLICY. */
void event_flushed(struct hwsim *card, uint16_t type, uint8_t proto, uint32_t seq, uint32_t pid);

/* A delayed event whose time has come. */
void event_late(struct hwsim *card, struct timer *timer);
/* The card's end: clears every timer, and frees the events that waited for theirs. */
void event_free_late(struct hwsim *card);

#endif
