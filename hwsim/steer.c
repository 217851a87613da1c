/* SPDX-License-Identifier: MIT */
#include "hwsim/steer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/card.h"
#include "hwsim/ethtool_stats.h"

static void xps_default(struct hwsim *card)
{
	struct steer *s = &card->steer;

	for (unsigned int cpu = 0; cpu < HWSIM_MAX_QUEUES; cpu++)
		s->xps[cpu] = (uint16_t)(cpu % s->channels);
}

/* The queues in turn, for as many channels as are in use. */
static void rss_default(struct hwsim *card)
{
	struct steer *s = &card->steer;
	struct hwsim_rss rss;

	memcpy(rss.key, s->rss.key, sizeof(rss.key));
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = card->profile.rss ? (uint16_t)(i % s->channels) : 0;
	rss_set(&s->rss, &rss);
}

int steer_init(struct hwsim *card)
{
	struct steer *s = &card->steer;

	s->channels = card->config.queues;
	s->rss.spi = card->profile.rss_spi;
	s->features = feature_defaults(card);
	for (size_t i = 0; i < sizeof(s->rss.key); i++)
		s->rss.key[i] = (uint8_t)prng_next(&card->rng);
	rss_default(card);
	xps_default(card);
	pthread_rwlock_init(&s->rules_lock, NULL);
	s->table_size = card->profile.ntuple_esp < STEER_RULES ? card->profile.ntuple_esp : STEER_RULES;
	s->table = calloc(s->table_size + 1, sizeof(*s->table));
	return s->table ? 0 : -ENOMEM;
}

void steer_free(struct hwsim *card)
{
	if (!card->steer.table)
		return;
	free(card->steer.table);
	pthread_rwlock_destroy(&card->steer.rules_lock);
}

/* The highest queue that a rule sends packets to, plus one. */
static uint64_t rules_need(const struct steer *s)
{
	uint64_t need = 0;

	for (uint32_t i = 0; i < s->table_size; i++)
		if (s->table[i].used && s->table[i].spec.ring_cookie >= need)
			need = s->table[i].spec.ring_cookie + 1;
	return need;
}

int steer_set_channels(struct hwsim *card, unsigned int channels, const char **why)
{
	struct steer *s = &card->steer;
	unsigned int highest = 0;

	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		if (s->rss.indir[i] > highest)
			highest = s->rss.indir[i];
	if (s->rss_configured && channels <= highest) {
		*why = "requested channel counts are too low for existing indirection table settings";
		return -EINVAL;
	}
	if (channels < rules_need(s)) {
		*why = "requested channel counts are too low for existing ntuple filter settings";
		return -EINVAL;
	}
	s->channels = channels;
	if (!s->rss_configured)
		rss_default(card);
	/* as the kernel does it: a map that names a queue which is no more is gone */
	xps_default(card);
	return 0;
}

static bool rule_valid(const struct ethtool_rx_flow_spec *spec)
{
	if (spec->flow_type == ESP_V4_FLOW)
		return spec->m_u.esp_ip4_spec.spi != 0;
	return spec->flow_type == ESP_V6_FLOW && spec->m_u.esp_ip6_spec.spi != 0;
}

/* Where a new rule goes; -1: nowhere. */
static int64_t rule_place(const struct steer *s, uint32_t location)
{
	bool last = location == RX_CLS_LOC_LAST;

	if (!(location & RX_CLS_LOC_SPECIAL))
		return location < s->table_size ? (int64_t)location : -1;
	for (uint32_t n = 0; n < s->table_size; n++) {
		uint32_t i = last ? s->table_size - 1 - n : n;

		if (!s->table[i].used)
			return i;
	}
	return -1;
}

int steer_rule_insert(struct hwsim *card, struct ethtool_rx_flow_spec *spec)
{
	struct steer *s = &card->steer;
	int64_t at;

	if (!s->table_size || !feature_active(card, FEATURE_NTUPLE) || !rule_valid(spec))
		return -EOPNOTSUPP;
	if (spec->ring_cookie >= s->channels)
		return -EINVAL;
	at = rule_place(s, spec->location);
	if (at < 0)
		return spec->location & RX_CLS_LOC_SPECIAL ? -ENOSPC : -EINVAL;
	spec->location = (uint32_t)at;
	pthread_rwlock_wrlock(&s->rules_lock);
	s->rules += !s->table[at].used;
	s->table[at] = (struct flow_rule){true, *spec};
	pthread_rwlock_unlock(&s->rules_lock);
	return 0;
}

int steer_rule_delete(struct hwsim *card, uint32_t location)
{
	struct steer *s = &card->steer;

	if (location >= s->table_size || !s->table[location].used)
		return -ENOENT;
	pthread_rwlock_wrlock(&s->rules_lock);
	s->table[location].used = false;
	s->rules--;
	pthread_rwlock_unlock(&s->rules_lock);
	return 0;
}

static bool masked_equal(const void *a, const void *b, const void *mask, size_t len)
{
	const uint8_t *x = a, *y = b, *m = mask;

	for (size_t i = 0; i < len; i++)
		if ((x[i] ^ y[i]) & m[i])
			return false;
	return true;
}

static bool rule_matches(const struct ethtool_rx_flow_spec *r, const struct packet *p)
{
	const uint8_t *spi = p->data + p->l4;

	if (r->flow_type == ESP_V4_FLOW) {
		const struct ethtool_ah_espip4_spec *v = &r->h_u.esp_ip4_spec, *m = &r->m_u.esp_ip4_spec;

		return p->flow.family == AF_INET && masked_equal(spi, &v->spi, &m->spi, 4) &&
		       masked_equal(p->flow.src, &v->ip4src, &m->ip4src, 4) &&
		       masked_equal(p->flow.dst, &v->ip4dst, &m->ip4dst, 4) && !((p->tos ^ v->tos) & m->tos);
	} else {
		const struct ethtool_ah_espip6_spec *v = &r->h_u.esp_ip6_spec, *m = &r->m_u.esp_ip6_spec;

		return p->flow.family == AF_INET6 && masked_equal(spi, &v->spi, &m->spi, 4) &&
		       masked_equal(p->flow.src, v->ip6src, m->ip6src, 16) &&
		       masked_equal(p->flow.dst, v->ip6dst, m->ip6dst, 16) && !((p->tos ^ v->tclass) & m->tclass);
	}
}

/* The queue a rule names; -1: none does. */
static int rule_queue(struct steer *s, const struct packet *p)
{
	int queue = -1;

	if (p->flow.proto != IPPROTO_ESP || !p->l4 || p->len - p->l4 < 4)
		return -1;
	pthread_rwlock_rdlock(&s->rules_lock);
	for (uint32_t i = 0; i < s->table_size; i++)
		if (s->table[i].used && rule_matches(&s->table[i].spec, p)) {
			queue = (int)s->table[i].spec.ring_cookie;
			break;
		}
	pthread_rwlock_unlock(&s->rules_lock);
	return queue;
}

unsigned int steer_rx_queue(struct steer *s, const struct packet *packet)
{
	int queue = -1;

	if (atomic_load_explicit(&s->rules, memory_order_relaxed))
		queue = rule_queue(s, packet);
	return queue >= 0 ? (unsigned int)queue : rss_queue(&s->rss, packet);
}

unsigned int steer_tx_queue(const struct steer *s, unsigned int cpu)
{
	return atomic_load_explicit(&s->xps[cpu % HWSIM_MAX_QUEUES], memory_order_relaxed);
}

void hwsim_rss_get(struct hwsim *card, struct hwsim_rss *out)
{
	card_lock(card, 0);
	memcpy(out->key, card->steer.rss.key, sizeof(out->key));
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		out->indir[i] = card->steer.rss.indir[i];
	card_unlock(card);
}

int hwsim_rss_set(struct hwsim *card, const struct hwsim_rss *rss)
{
	int err = 0;

	card_lock(card, 0);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		if (rss->indir[i] >= card->steer.channels)
			err = -EINVAL;
	if (!err) {
		rss_set(&card->steer.rss, rss);
		card->steer.rss_configured = true;
	}
	card_unlock(card);
	return err;
}

unsigned int hwsim_rss_queue(struct hwsim *card, const uint8_t *packet, size_t len)
{
	struct packet p;

	return packet_parse(&p, packet, len) ? 0 : steer_rx_queue(&card->steer, &p);
}

int hwsim_xps_set(struct hwsim *card, unsigned int cpu, unsigned int queue)
{
	int err = -EINVAL;

	card_lock(card, 0);
	if (cpu < card->config.queues && queue < card->steer.channels) {
		card->steer.xps[cpu] = (uint16_t)queue;
		err = 0;
	}
	card_unlock(card);
	return err;
}

int hwsim_xps_get(struct hwsim *card, unsigned int cpu)
{
	return cpu < card->config.queues ? (int)steer_tx_queue(&card->steer, cpu) : -EINVAL;
}
