/* SPDX-License-Identifier: MIT */
#include "hwsim/charge.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "hwsim/card.h"
#include "hwsim/lifetime.h"

static struct sa *find(struct hwsim *card, const struct hwsim_charge_sa *id)
{
	xfrm_address_t dst;
	struct sa *sa;

	addr_set(&dst, id->dst, id->family);
	sa = sadb_find(card, &dst, htonl(id->spi), IPPROTO_ESP, id->family);
	return sa && !sa->larval && sa->active ? sa : NULL;
}

bool hwsim_charge_route(struct hwsim *card, uint64_t now, unsigned int cpu, const uint8_t *packet, size_t len,
			struct hwsim_charge_sa *out)
{
	struct spd_verdict v = {0};
	struct packet p;

	if (packet_parse(&p, packet, len))
		return false;
	card_lock(card, now);
	if (card->link_up)
		v = spd_out(card, &p.flow, (int)(cpu % card->config.queues));
	if (v.sa) {
		*out = (struct hwsim_charge_sa){.family = v.sa->info.family, .spi = ntohl(v.sa->info.id.spi)};
		memcpy(out->dst, &v.sa->info.id.daddr, out->family == AF_INET ? 4 : 16);
	}
	card_unlock(card);
	return v.sa;
}

/* Packets up to and with the one that takes `have` to `limit`. */
static uint64_t packets_to(uint64_t have, uint64_t limit, uint32_t bytes)
{
	uint64_t left = limit > have ? limit - have : 0;

	if (limit == XFRM_INF || !bytes)
		return UINT64_MAX;
	return left / bytes + (left % bytes != 0);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t packets_to_stop(const struct sa *sa, uint32_t bytes)
{
	return smaller(packets_to(sa->counts.packets, sa->stop_packets, 1),
		       packets_to(sa->counts.bytes, sa->stop_bytes, bytes));
}

/* A run of packets that reaches a limit at most with its last one counts as that many calls of lifetime_count(). */
static void count_run(struct hwsim *card, struct sa *sa, uint64_t packets, uint32_t bytes, uint64_t now)
{
	lifetime_sample(card, sa, now);
	sa->counts.packets += packets - 1;
	sa->counts.bytes += (packets - 1) * bytes;
	if (sa->dir == KR_XFRM_SA_DIR_OUT)
		sa->oseq += packets;
	lifetime_count(card, sa, bytes, now);
}

/* Packets up to the next limit at most, so that what the limit brings about comes before those after it. How many. */
static uint64_t charge_run(struct hwsim *card, uint64_t now, const struct hwsim_charge_sa *id, uint64_t packets,
			   uint32_t bytes)
{
	uint64_t run = 0;
	struct sa *sa;

	card_lock(card, now);
	sa = find(card, id);
	if (sa) {
		pthread_mutex_lock(&sa->lock);
		if (!sa->dead) {
			run = packets_to_stop(sa, bytes);
			run = smaller(run ? run : 1, packets); /* 0: the limit was lowered below what it has */
			count_run(card, sa, run, bytes, now);
		}
		pthread_mutex_unlock(&sa->lock);
	}
	card_unlock(card);
	card_run_due(card, now);
	return run;
}

uint64_t hwsim_charge(struct hwsim *card, uint64_t now, const struct hwsim_charge_sa *id, uint64_t packets,
		      uint32_t bytes)
{
	uint64_t left = packets, run;

	while (left && (run = charge_run(card, now, id, left, bytes)))
		left -= run;
	return packets - left;
}

uint64_t hwsim_charge_left(struct hwsim *card, const struct hwsim_charge_sa *id, uint32_t bytes, bool *hard)
{
	uint64_t left = 0;
	struct sa *sa;

	card_lock(card, 0);
	sa = find(card, id);
	if (sa) {
		const struct xfrm_lifetime_cfg *lft = &sa->info.lft;

		left = packets_to_stop(sa, bytes);
		*hard = left == smaller(packets_to(sa->counts.packets, lft->hard_packet_limit, 1),
					packets_to(sa->counts.bytes, lft->hard_byte_limit, bytes));
	}
	card_unlock(card);
	return left;
}

uint32_t hwsim_slots_held(struct hwsim *card)
{
	const struct sadb *db = &card->sadb;
	uint32_t n;

	card_lock(card, 0);
	n = db->in.used + db->in.freeing + db->out.used + db->out.freeing;
	card_unlock(card);
	return n;
}
