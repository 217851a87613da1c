/* SPDX-License-Identifier: MIT */
#include "hwsim/sadb.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/card.h"
#include "hwsim/faults.h"
#include "hwsim/key_use.h"
#include "hwsim/lifetime.h"

enum { BUCKETS_MIN = 256, BUCKETS_MAX = 65536 };

void addr_set(xfrm_address_t *to, const uint8_t *from, uint16_t family)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, family == AF_INET ? 4 : 16);
}

bool addr_equal(const xfrm_address_t *a, const xfrm_address_t *b, uint16_t family)
{
	return !memcmp(a, b, family == AF_INET ? 4 : 16);
}

bool addr_any(const xfrm_address_t *a, uint16_t family)
{
	static const xfrm_address_t zero;

	return addr_equal(a, &zero, family);
}

static uint32_t mix(uint32_t v)
{
	return (uint32_t)((uint64_t)v * 0x9e3779b97f4a7c15u >> 32);
}

static struct sa_bucket *spi_bucket(const struct sadb *db, const xfrm_address_t *daddr, uint32_t spi, uint16_t family)
{
	uint32_t a = daddr->a6[0];

	if (family == AF_INET6)
		a ^= daddr->a6[1] ^ daddr->a6[2] ^ daddr->a6[3];
	return &db->by_spi[mix(spi ^ mix(a)) & (db->buckets - 1)];
}

static struct sa_bucket *reqid_bucket(const struct sadb *db, uint32_t reqid)
{
	return &db->by_reqid[mix(reqid) & (db->buckets - 1)];
}

int sadb_init(struct hwsim *card)
{
	struct sadb *db = &card->sadb;
	const struct hwsim_profile *p = &card->profile;
	uint64_t slots = (uint64_t)p->sa_in + (p->shared ? 0 : p->sa_out);
	int err;

	TAILQ_INIT(&db->all);
	db->shared = p->shared;
	db->buckets = BUCKETS_MIN;
	while (db->buckets < 2 * slots && db->buckets < BUCKETS_MAX)
		db->buckets *= 2;
	db->by_spi = calloc(db->buckets, sizeof(*db->by_spi));
	db->by_reqid = calloc(db->buckets, sizeof(*db->by_reqid));
	if (!db->by_spi || !db->by_reqid || key_use_init(card))
		return -ENOMEM;
	err = slot_table_init(&db->in, p->sa_in);
	return err || db->shared ? err : slot_table_init(&db->out, p->sa_out);
}

void sadb_free(struct hwsim *card)
{
	struct sadb *db = &card->sadb;

	while (!TAILQ_EMPTY(&db->all))
		sadb_remove(card, TAILQ_FIRST(&db->all));
	free(db->in.slots);
	free(db->out.slots);
	key_use_free(card);
	free(db->by_spi);
	free(db->by_reqid);
}

struct sa *sa_new(void)
{
	struct sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	if (pthread_mutex_init(&sa->lock, NULL)) {
		free(sa);
		return NULL;
	}
	sa->pcpu = SA_ANY_CPU;
	sa->counts.first_use = sa->sample.first_use = UINT64_MAX;
	sa->stop_packets = sa->stop_bytes = UINT64_MAX;
	sa->active = true;
	return sa;
}

void sa_make_larval(const struct hwsim *card, struct sa *sa)
{
	sa->larval = true;
	sa->info.lft = (struct xfrm_lifetime_cfg){
		.soft_byte_limit = XFRM_INF,
		.hard_byte_limit = XFRM_INF,
		.soft_packet_limit = XFRM_INF,
		.hard_packet_limit = XFRM_INF,
		.hard_add_expires_seconds = card->config.acquire_seconds,
	};
	sa->expires = card->now + card->config.acquire_seconds * NS_PER_SEC;
}

void sa_free(struct sa *sa)
{
	if (!sa)
		return;
	free(sa->bitmap_given);
	esp_crypto_free(sa->crypto);
	pthread_mutex_destroy(&sa->lock);
	free(sa);
}

int sadb_insert(struct hwsim *card, struct sa *sa)
{
	struct sadb *db = &card->sadb;
	int err;

	if (db->count >= CARD_STATES)
		return -ENOMEM;
	err = timer_set(card, &sa->timer, TIMER_SA, UINT64_MAX);
	if (!err && sa->crypto && sa->dir != KR_XFRM_SA_DIR_IN)
		err = key_use_begin(card, sa);
	if (err) {
		timer_clear(card, &sa->timer);
		return err;
	}
	sa->install = ++db->installs;
	sa->add_time = card->now;
	TAILQ_INSERT_TAIL(&db->all, sa, entry);
	if (sa->info.id.spi)
		LIST_INSERT_HEAD(spi_bucket(db, &sa->info.id.daddr, sa->info.id.spi, sa->info.family), sa, by_spi);
	LIST_INSERT_HEAD(reqid_bucket(db, sa->info.reqid), sa, by_reqid);
	db->count++;
	db->larval += sa->larval;
	lifetime_arm(sa);
	sadb_arm(card, sa);
	return 0;
}

void sadb_set_spi(struct hwsim *card, struct sa *sa, uint32_t spi)
{
	sa->info.id.spi = spi;
	LIST_INSERT_HEAD(spi_bucket(&card->sadb, &sa->info.id.daddr, spi, sa->info.family), sa, by_spi);
}

void sadb_remove(struct hwsim *card, struct sa *sa)
{
	struct sadb *db = &card->sadb;
	uint64_t ms = 0;

	card_sa_not_due(card, sa);
	timer_clear(card, &sa->timer);
	key_use_end(card, sa);
	TAILQ_REMOVE(&db->all, sa, entry);
	if (sa->info.id.spi)
		LIST_REMOVE(sa, by_spi);
	LIST_REMOVE(sa, by_reqid);
	db->count--;
	db->larval -= sa->larval;
	if (sa->slot) {
		fault_strikes(card, FAULT_DELAYED_FREE, &ms);
		slot_release(card, sa->slot, ms * NS_PER_MS);
	}
	sa_free(sa);
}

static uint64_t later(uint64_t from, uint64_t seconds)
{
	return seconds >= (UINT64_MAX - from) / NS_PER_SEC ? UINT64_MAX : from + seconds * NS_PER_SEC;
}

static void sooner(uint64_t *due, uint64_t from, uint64_t seconds)
{
	uint64_t at = later(from, seconds);

	if (seconds && from != UINT64_MAX && at < *due)
		*due = at;
}

void sadb_arm(struct hwsim *card, struct sa *sa)
{
	const struct xfrm_lifetime_cfg *lft = &sa->info.lft;
	uint64_t due = UINT64_MAX;

	if (sa->larval) {
		due = sa->expires;
	} else {
		sooner(&due, sa->add_time, lft->hard_add_expires_seconds);
		sooner(&due, sa->counts.first_use, lft->hard_use_expires_seconds);
		if (!sa->dying) {
			sooner(&due, sa->add_time, lft->soft_add_expires_seconds);
			sooner(&due, sa->counts.first_use, lft->soft_use_expires_seconds);
		}
		if (!sa->active && sa->active_at < due)
			due = sa->active_at;
	}
	/* cannot fail: the timer has been set since sadb_insert */
	timer_set(card, &sa->timer, TIMER_SA, due);
}

struct sa *sadb_find(const struct hwsim *card, const xfrm_address_t *daddr, uint32_t spi, uint8_t proto,
		     uint16_t family)
{
	struct sa *sa;

	LIST_FOREACH (sa, spi_bucket(&card->sadb, daddr, spi, family), by_spi)
		if (sa->info.id.spi == spi && sa->info.family == family && sa->info.id.proto == proto &&
		    addr_equal(&sa->info.id.daddr, daddr, family))
			return sa;
	return NULL;
}

struct sa *sadb_find_larval(const struct hwsim *card, const struct sa *like)
{
	const struct xfrm_usersa_info *want = &like->info;
	struct sa *sa;

	LIST_FOREACH (sa, reqid_bucket(&card->sadb, want->reqid), by_reqid) {
		const struct xfrm_usersa_info *have = &sa->info;

		if (!sa->larval || sa->pcpu != like->pcpu || have->id.proto != want->id.proto ||
		    have->family != want->family || !addr_equal(&have->id.daddr, &want->id.daddr, want->family))
			continue;
		if (want->seq && have->seq == want->seq)
			return sa;
		if (!have->id.spi && have->reqid == want->reqid && have->mode == want->mode &&
		    sa->if_id == like->if_id && addr_equal(&have->saddr, &want->saddr, want->family))
			return sa;
	}
	return NULL;
}

/* The outer addresses a template asks for: its own in tunnel mode, the packet's in transport mode. */
struct tx_want {
	const struct policy *policy;
	const struct flow *flow;
	xfrm_address_t daddr, saddr;
	uint16_t family;
	int cpu;
};

static bool tx_addresses_match(const struct tx_want *want, const struct sa *sa)
{
	return sa->info.family == want->family && addr_equal(&sa->info.id.daddr, &want->daddr, want->family) &&
	       (addr_any(&want->saddr, want->family) || addr_any(&sa->info.saddr, want->family) ||
		addr_equal(&sa->info.saddr, &want->saddr, want->family));
}

static void tx_consider(struct tx_choice *choice, const struct tx_want *want, struct sa *sa)
{
	const struct xfrm_user_tmpl *t = &want->policy->tmpl;
	const struct sa *best = choice->sa;

	if (sa->dir == KR_XFRM_SA_DIR_IN || sa->info.id.proto != t->id.proto || sa->info.mode != t->mode ||
	    (t->reqid && sa->info.reqid != t->reqid) || sa->if_id != want->policy->if_id ||
	    !tx_addresses_match(want, sa))
		return;
	if (sa->larval) {
		choice->acquiring |= !sa->info.id.spi;
		return;
	}
	if (sa->packet != want->policy->packet || (sa->pcpu != SA_ANY_CPU && sa->pcpu != want->cpu) ||
	    selector_match(&sa->info.sel, want->flow) != SEL_YES)
		return;
	if (!sa->active) {
		choice->pending = true;
		return;
	}
	/* Linux xfrm_state_look_at: own CPU before any, not dying before dying, newer before older */
	if (best && best->pcpu != sa->pcpu     ? best->pcpu == SA_ANY_CPU
	    : best && best->dying != sa->dying ? best->dying
					       : !best || best->install < sa->install)
		choice->sa = sa;
}

/*
 * What mlx5 does in packet mode (ipsec_fs.c tx_add_rule): the kernel has looked for an SA, and drops or acquires when
 * there is none, but the card then takes one by the reqid alone, whoever the peer and whichever the CPU.
 */
static struct sa *tx_by_reqid(const struct hwsim *card, uint32_t reqid)
{
	struct sa *sa, *best = NULL;

	LIST_FOREACH (sa, reqid_bucket(&card->sadb, reqid), by_reqid)
		if (sa->info.reqid == reqid && sa->packet && sa->active && sa->dir == KR_XFRM_SA_DIR_OUT &&
		    (!best || (sa->install < best->install) == card->config.reqid_oldest))
			best = sa;
	return best;
}

struct tx_choice sadb_choose(const struct hwsim *card, const struct policy *policy, const struct flow *flow, int cpu)
{
	const struct xfrm_user_tmpl *t = &policy->tmpl;
	struct tx_want want = {policy, flow, t->id.daddr, t->saddr, t->family, cpu};
	struct tx_choice choice = {0};
	struct sa *sa;

	if (t->mode == XFRM_MODE_TRANSPORT) {
		want.family = flow->family;
		addr_set(&want.daddr, flow->dst, flow->family);
		addr_set(&want.saddr, flow->src, flow->family);
	}
	if (t->reqid)
		LIST_FOREACH (sa, reqid_bucket(&card->sadb, t->reqid), by_reqid)
			tx_consider(&choice, &want, sa);
	else
		TAILQ_FOREACH (sa, &card->sadb.all, entry)
			tx_consider(&choice, &want, sa);
	choice.carrier = choice.sa;
	if (choice.sa && policy->packet && card->profile.tx_by_reqid)
		choice.carrier = tx_by_reqid(card, choice.sa->info.reqid);
	return choice;
}
