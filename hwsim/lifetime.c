/* SPDX-License-Identifier: MIT */
#include "hwsim/lifetime.h"

#include "hwsim/events.h"

static bool over(uint64_t have, uint64_t limit)
{
	return limit != XFRM_INF && have >= limit;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void lifetime_arm(struct sa *sa)
{
	const struct xfrm_lifetime_cfg *lft = &sa->info.lft;

	sa->stop_packets = lft->hard_packet_limit;
	sa->stop_bytes = lft->hard_byte_limit;
	if (!sa->dying) {
		sa->stop_packets = smaller(sa->stop_packets, lft->soft_packet_limit);
		sa->stop_bytes = smaller(sa->stop_bytes, lft->soft_byte_limit);
	}
}

void lifetime_reached(struct hwsim *card, struct sa *sa)
{
	const struct xfrm_lifetime_cfg *lft = &sa->info.lft;

	if (over(sa->counts.packets, lft->hard_packet_limit) || over(sa->counts.bytes, lft->hard_byte_limit))
		sa->dead = true;
	/* the soft limit is on its way to control: from here on only the hard one stops a packet */
	sa->stop_packets = lft->hard_packet_limit;
	sa->stop_bytes = lft->hard_byte_limit;
	card_sa_due(card, sa);
}

void lifetime_first_use(struct hwsim *card, struct sa *sa)
{
	if (sa->info.lft.soft_use_expires_seconds || sa->info.lft.hard_use_expires_seconds)
		card_sa_due(card, sa); /* to have its timer set */
}

/* Whether `seconds` (0: no limit) have passed since `from`. */
static bool passed(const struct hwsim *card, uint64_t from, uint64_t seconds)
{
	return seconds && from <= card->now && (card->now - from) / NS_PER_SEC >= seconds;
}

static void expire_hard(struct hwsim *card, struct sa *sa)
{
	struct event event;

	/* Linux deletes first and then tells (xfrm_timer_handler): who hears of it finds no SA */
	event_prepare_expire(card, &event, sa, true);
	card->hard_expired += !sa->larval;
	sadb_remove(card, sa);
	event_send(card, &event);
}

void lifetime_run(struct hwsim *card, struct sa *sa)
{
	const struct xfrm_lifetime_cfg *lft = &sa->info.lft;
	const struct sa_counts *c = &sa->counts;
	struct event event;

	if (sa->larval) {
		if (card->now >= sa->expires)
			expire_hard(card, sa);
		return;
	}
	if (!sa->active && card->now >= sa->active_at)
		sa->active = true;
	if (sa->dead || passed(card, sa->add_time, lft->hard_add_expires_seconds) ||
	    passed(card, c->first_use, lft->hard_use_expires_seconds)) {
		expire_hard(card, sa);
		return;
	}
	if (!sa->dying && (over(c->packets, lft->soft_packet_limit) || over(c->bytes, lft->soft_byte_limit) ||
			   passed(card, sa->add_time, lft->soft_add_expires_seconds) ||
			   passed(card, c->first_use, lft->soft_use_expires_seconds))) {
		sa->dying = true;
		card->soft_expired++;
		event_prepare_expire(card, &event, sa, false);
		event_send(card, &event);
	}
	lifetime_arm(sa);
	sadb_arm(card, sa);
}

struct sa_counts lifetime_shown(const struct hwsim *card, const struct sa *sa, uint64_t now)
{
	/* no packet since the period before this one ended: what was read then is what there is */
	return lifetime_sample_holds(card, sa, now) ? sa->sample : sa->counts;
}
