/* SPDX-License-Identifier: MIT */
/* Looking at the card from outside: invariants, statistics, and the table as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hwsim/card.h"
#include "hwsim/key_use.h"

struct finding {
	char *why;
	size_t size;
	bool found;
};

/* Keeps the first violation. */
static void violated(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void violated(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	if (f->found)
		return;
	f->found = true;
	va_start(ap, fmt);
	vsnprintf(f->why, f->size, fmt, ap);
	va_end(ap);
}

static void check_table(struct finding *f, const struct slot_table *t, const char *name)
{
	uint32_t count[3] = {0}, free = 0;
	const struct slot *s;

	for (uint32_t i = 0; i < t->size; i++) {
		s = &t->slots[i];
		count[s->state]++;
		if ((s->state == SLOT_USED) != (s->sa != NULL) || (s->sa && s->sa->slot != s))
			violated(f, "%s slot %u and its SA do not know each other", name, i);
		if (s->state == SLOT_FREEING && !heap_has(&s->timer.node))
			violated(f, "%s slot %u is being freed for ever", name, i);
	}
	LIST_FOREACH (s, &t->free, free)
		free++;
	if (count[SLOT_USED] != t->used || count[SLOT_FREEING] != t->freeing || count[SLOT_FREE] != free ||
	    t->used + t->freeing + free != t->size)
		violated(f, "%s table: %u used, %u freeing, %u free of %u (counted %u, %u, %u)", name, t->used,
			 t->freeing, free, t->size, count[SLOT_USED], count[SLOT_FREEING], count[SLOT_FREE]);
}

static void check_sa(struct finding *f, const struct hwsim *card, const struct sa *sa)
{
	const struct xfrm_usersa_info *s = &sa->info;
	uint32_t spi = ntohl(s->id.spi);
	char why[160];

	if (s->id.spi && sadb_find(card, &s->id.daddr, s->id.spi, s->id.proto, s->family) != sa)
		violated(f, "two SAs have SPI 0x%08x and one destination", spi);
	if (sa->larval == !!sa->crypto)
		violated(f, "SA 0x%08x is larval and has a key, or is not and has none", spi);
	if (sa->offloaded != !!sa->slot)
		violated(f, "SA 0x%08x is offloaded without a slot, or holds one without being offloaded", spi);
	if (sa->packet && !sa->offloaded)
		violated(f, "SA 0x%08x is in packet mode without being offloaded", spi);
	if (key_use_broken(sa)) {
		key_use_explain(sa, why, sizeof(why));
		violated(f, "%s", why);
	}
	if (!heap_has(&sa->timer.node))
		violated(f, "SA 0x%08x has no timer", spi);
}

static void check_policies(struct finding *f, const struct spd *spd)
{
	uint32_t all = 0, offloaded = 0;
	const struct policy *p, *next;

	for (unsigned int dir = 0; dir < SPD_DIRS; dir++)
		TAILQ_FOREACH (p, &spd->list[dir], entry) {
			next = TAILQ_NEXT(p, entry);
			all++;
			offloaded += p->packet;
			if (next && (next->packet > p->packet ||
				     (next->packet == p->packet && next->info.priority < p->info.priority)))
				violated(f, "policy %u is before %u", p->info.index, next->info.index);
		}
	if (offloaded != spd->offloaded || all != spd->offloaded + spd->software)
		violated(f, "%u policies, %u offloaded, but %u and %u counted", all, offloaded,
			 spd->offloaded + spd->software, spd->offloaded);
}

int hwsim_check(struct hwsim *card, char *why, size_t size)
{
	struct finding f = {.why = why, .size = size};
	uint32_t count = 0, larval = 0, offloaded = 0;
	const struct sa *sa;

	card_lock(card, 0);
	card_stop(card);
	if (card->violation[0])
		violated(&f, "%s", card->violation);
	check_table(&f, &card->sadb.in, card->sadb.shared ? "shared" : "inbound");
	check_table(&f, &card->sadb.out, "outbound");
	TAILQ_FOREACH (sa, &card->sadb.all, entry) {
		check_sa(&f, card, sa);
		count++;
		larval += sa->larval;
		offloaded += sa->offloaded;
	}
	if (count != card->sadb.count || larval != card->sadb.larval ||
	    offloaded != card->sadb.in.used + card->sadb.out.used)
		violated(&f, "%u SAs (%u larval, %u offloaded), but %u (%u, %u) counted", count, larval, offloaded,
			 card->sadb.count, card->sadb.larval, card->sadb.in.used + card->sadb.out.used);
	check_policies(&f, &card->spd);
	card_unlock(card);
	return f.found ? -EPROTO : 0;
}

static void sum_lane(uint64_t sum[COUNTERS], struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	for (unsigned int i = 0; i < COUNTERS; i++)
		sum[i] += lane->count[i];
	pthread_mutex_unlock(&lane->lock);
}

void hwsim_stats(struct hwsim *card, struct hwsim_stats *out)
{
	const struct slot_table *in = &card->sadb.in, *to = card->sadb.shared ? in : &card->sadb.out;
	uint64_t sum[COUNTERS] = {0};

	card_lock(card, 0);
	for (unsigned int q = 0; q < card->config.queues; q++) {
		sum_lane(sum, &card->queues[q].tx);
		sum_lane(sum, &card->queues[q].rx);
	}
	*out = (struct hwsim_stats){
		.in = {in->size, in->used, in->freeing, in->peak},
		.out = {to->size, to->used, to->freeing, to->peak},
		.total = {in->size, in->used, in->freeing, in->peak},
		.installs = card->installs,
		.deletes = card->deletes,
		.refused = card->refused,
		.soft_expired = card->soft_expired,
		.hard_expired = card->hard_expired,
		.events_lost = card->events_lost,
		.tx_esp = sum[TX_ESP],
		.tx_plain = sum[TX_PLAIN],
		.tx_no_sa = sum[TX_NO_SA],
		.tx_drop = sum[TX_DROP],
		.rx_esp = sum[RX_ESP],
		.rx_plain = sum[RX_PLAIN],
		.rx_no_sa = sum[RX_NO_SA],
		.rx_auth_fail = sum[RX_AUTH_FAIL],
		.rx_replay = sum[RX_REPLAY],
		.rx_policy_drop = sum[RX_POLICY_DROP],
		.rx_malformed = sum[RX_MALFORMED],
		.tx_bytes = sum[TX_BYTES],
		.rx_bytes = sum[RX_BYTES],
		.policies = card->spd.offloaded + card->spd.software,
	};
	if (!card->sadb.shared) {
		out->total.size += to->size;
		out->total.used += to->used;
		out->total.freeing += to->freeing;
		out->total.peak = card->sadb.peak;
	}
	card_unlock(card);
}

void hwsim_queue_stats(struct hwsim *card, unsigned int queue, uint64_t *tx_packets, uint64_t *rx_packets)
{
	uint64_t tx[COUNTERS] = {0}, rx[COUNTERS] = {0};

	if (queue < card->config.queues) {
		sum_lane(tx, &card->queues[queue].tx);
		sum_lane(rx, &card->queues[queue].rx);
	}
	*tx_packets = tx[LANE_PACKETS];
	*rx_packets = rx[LANE_PACKETS];
}

static const char *dir_name(uint8_t dir)
{
	return dir == KR_XFRM_SA_DIR_IN ? "in" : dir == KR_XFRM_SA_DIR_OUT ? "out" : "any";
}

static void dump_sa(FILE *to, struct sa *sa)
{
	const char *state = sa->larval ? "larval" : !sa->active ? "installing" : sa->dying ? "dying" : "valid";
	struct sa_counts c;
	char place[24] = "-", cpu[16] = "-";
	uint64_t seq;

	pthread_mutex_lock(&sa->lock);
	c = sa->counts;
	seq = sa->dir == KR_XFRM_SA_DIR_IN ? sa->replay.top : sa->oseq;
	pthread_mutex_unlock(&sa->lock);
	if (sa->slot)
		snprintf(place, sizeof(place), "%td", sa->slot - sa->slot->table->slots);
	if (sa->pcpu != SA_ANY_CPU)
		snprintf(cpu, sizeof(cpu), "%d", sa->pcpu);
	fprintf(to,
		"slot %s dir %s spi 0x%08x reqid %u pcpu %s mode %s seq %" PRIu64 " packets %" PRIu64 " bytes %" PRIu64
		" state %s\n",
		place, dir_name(sa->dir), ntohl(sa->info.id.spi), sa->info.reqid, cpu,
		sa->packet      ? "packet"
		: sa->offloaded ? "crypto"
				: "software",
		seq, c.packets, c.bytes, state);
}

void hwsim_dump(struct hwsim *card, FILE *to)
{
	struct sa *sa;

	card_lock(card, 0);
	TAILQ_FOREACH (sa, &card->sadb.all, entry)
		dump_sa(to, sa);
	card_unlock(card);
}
