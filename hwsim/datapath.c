/* SPDX-License-Identifier: MIT */
/* The way of a packet through the card, in both directions. */
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/acquire.h"
#include "hwsim/card.h"
#include "hwsim/esp.h"
#include "hwsim/lifetime.h"

enum { NATT_PORT = 4500 };

_Static_assert(sizeof(struct flow) == 5 * sizeof(uint64_t), "a flow is hashed and compared as five words");

static struct flow_entry *flow_slot(struct lane *lane, const struct flow *flow)
{
	uint64_t w[5], h = 0;

	memcpy(w, flow, sizeof(w));
	for (unsigned int i = 0; i < 5; i++)
		h = (h ^ w[i]) * 0x9e3779b97f4a7c15u;
	return &lane->flows[h >> 32 & (CARD_FLOWS - 1)];
}

/* The verdict for a flow, from the lane's cache if nothing changed since. */
static const struct spd_verdict *verdict_of(struct hwsim *card, struct lane *lane, const struct flow *flow, int cpu,
					    bool out)
{
	struct flow_entry *e = flow_slot(lane, flow);

	if (e->generation != card->generation || e->cpu != cpu || memcmp(&e->flow, flow, sizeof(*flow)) != 0) {
		e->cpu = cpu;
		e->flow = *flow;
		e->generation = card->generation;
		e->verdict = out ? spd_out(card, flow, cpu) : spd_in(card, flow);
	}
	return &e->verdict;
}

/* Protects into out. The length, or 0 and what to count. */
static size_t tx_protect(struct hwsim *card, struct sa *sa, const struct packet *p, uint64_t now, uint8_t *out,
			 enum counter *count)
{
	int len = 0;

	pthread_mutex_lock(&sa->lock);
	if (sa->dead) {
		*count = TX_NO_SA;
	} else {
		len = esp_protect(sa, p, out);
		*count = len > 0 ? TX_ESP : TX_DROP;
		if (len > 0)
			lifetime_count(card, sa, p->len, now);
	}
	pthread_mutex_unlock(&sa->lock);
	return len > 0 ? (size_t)len : 0;
}

/* wire_out is told queue `tell`. */
static void tx(struct hwsim *card, struct lane *lane, int cpu, unsigned int tell, uint64_t now, const uint8_t *packet,
	       size_t len)
{
	enum counter count = TX_DROP;
	const uint8_t *send = NULL;
	struct spd_verdict v = {0};
	uint8_t out[HWSIM_MAX_PACKET];
	size_t send_len = 0;
	struct packet p;
	bool ip = !packet_parse(&p, packet, len);

	pthread_mutex_lock(&lane->lock);
	if (ip && atomic_load_explicit(&card->link_up, memory_order_relaxed)) {
		v = *verdict_of(card, lane, &p.flow, cpu, true);
		switch (v.action) {
		case SPD_PASS:
			count = TX_PLAIN;
			send = packet;
			send_len = p.len;
			break;
		case SPD_PROTECT:
			send_len = tx_protect(card, v.sa, &p, now, out, &count);
			send = send_len ? out : NULL;
			break;
		case SPD_NO_SA:
			count = TX_NO_SA;
			break;
		case SPD_DROP:
			break;
		}
	}
	lane->count[count]++;
	lane->count[LANE_PACKETS]++;
	if (send)
		lane->count[TX_BYTES] += p.len;
	if (count == TX_ESP)
		lane->count[TX_ESP_BYTES] += p.len;
	pthread_mutex_unlock(&lane->lock);
	if (v.acquire)
		acquire_send(card, &p.flow, cpu, now);
	card_run_due(card, now);
	if (send && card->ops.wire_out)
		card->ops.wire_out(card->ops.ctx, tell, send, send_len);
}

void hwsim_tx(struct hwsim *card, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	unsigned int n = queue % card->config.queues;
	unsigned int channels = atomic_load_explicit(&card->steer.channels, memory_order_relaxed);

	tx(card, &card->queues[n < channels ? n : n % channels].tx, (int)n, n, now, packet, len);
}

void hwsim_tx_cpu(struct hwsim *card, unsigned int cpu, uint64_t now, const uint8_t *packet, size_t len)
{
	unsigned int n = cpu % card->config.queues, queue = steer_tx_queue(&card->steer, n);

	tx(card, &card->queues[queue].tx, (int)n, queue, now, packet, len);
}

/* What a packet from the wire is to the card: where its ESP header is (0: it has none), and the SA for it. */
struct rx_esp {
	size_t at;
	struct sa *sa;
};

static struct sa *rx_find(const struct hwsim *card, const struct packet *p, size_t at)
{
	xfrm_address_t daddr;
	uint32_t spi;

	addr_set(&daddr, p->flow.dst, p->flow.family);
	memcpy(&spi, p->data + at, sizeof(spi));
	return sadb_find(card, &daddr, spi, IPPROTO_ESP, p->flow.family);
}

static struct rx_esp rx_classify(const struct hwsim *card, const struct packet *p)
{
	size_t left = p->l4 && !p->fragment ? p->len - p->l4 : 0;
	struct rx_esp r = {0};
	struct sa *sa;
	bool encap;

	if (p->flow.proto == IPPROTO_ESP) {
		r.at = p->l4 ? p->l4 : p->len;
		encap = false;
	} else if (p->flow.proto == IPPROTO_UDP && left >= UDP_HEADER + ESP_HEADER &&
		   get_be32(p->data + p->l4 + UDP_HEADER)) { /* RFC 3948: zero marks IKE */
		r.at = p->l4 + (size_t)UDP_HEADER;
		encap = true;
	} else {
		return r;
	}
	sa = left >= ESP_HEADER ? rx_find(card, p, r.at) : NULL;
	if (sa && (sa->larval || !sa->active || sa->dir == KR_XFRM_SA_DIR_OUT || encap != !!sa->encap.encap_type))
		sa = NULL;
	if (encap && p->flow.dport != NATT_PORT && (!sa || p->flow.dport != ntohs(sa->encap.encap_dport)))
		return (struct rx_esp){0}; /* some other UDP packet */
	r.sa = sa;
	return r;
}

/* Opens into out. Returns what to count: RX_ESP if it may go on. */
static enum counter rx_open(struct hwsim *card, const struct rx_esp *esp, const struct packet *p, uint64_t now,
			    uint8_t *out, struct packet *inner, bool *dummy)
{
	enum counter count = RX_NO_SA;
	struct sa *sa = esp->sa;

	*dummy = false;
	pthread_mutex_lock(&sa->lock);
	if (!sa->dead) {
		switch (esp_open(sa, p, esp->at, out, inner)) {
		case ESP_OK:
			count = RX_ESP;
			lifetime_count(card, sa, inner->len, now);
			break;
		case ESP_DUMMY:
			*dummy = true;
			count = RX_ESP;
			lifetime_count(card, sa, 0, now);
			break;
		case ESP_REPLAY:
			count = RX_REPLAY;
			break;
		case ESP_BAD_ICV:
			count = RX_AUTH_FAIL;
			break;
		case ESP_MALFORMED:
			count = RX_MALFORMED;
			break;
		}
	}
	pthread_mutex_unlock(&sa->lock);
	return count;
}

/* Decides on one packet. True: *deliver goes to the host; false: *count says why not. */
static bool rx_accept(struct hwsim *card, struct lane *lane, const struct packet *p, uint64_t now, uint8_t *out,
		      struct packet *deliver, enum counter *count)
{
	struct rx_esp esp = rx_classify(card, p);
	bool dummy;

	*deliver = *p;
	*count = RX_PLAIN;
	if (esp.at) {
		*count = RX_NO_SA;
		if (!esp.sa)
			return false;
		*count = rx_open(card, &esp, p, now, out, deliver, &dummy);
		if (*count != RX_ESP || dummy)
			return false;
	}
	if (spd_in_allows(verdict_of(card, lane, &deliver->flow, SA_ANY_CPU, false), &deliver->flow, esp.sa))
		return true;
	*count = RX_POLICY_DROP;
	return false;
}

void hwsim_rx(struct hwsim *card, uint64_t now, const uint8_t *packet, size_t len)
{
	uint8_t out[HWSIM_MAX_PACKET];
	struct packet p, deliver;
	bool ip = !packet_parse(&p, packet, len), ok = false;
	unsigned int queue = ip ? steer_rx_queue(&card->steer, &p) : 0;
	struct lane *lane = &card->queues[queue].rx;
	enum counter count = RX_MALFORMED;

	pthread_mutex_lock(&lane->lock);
	if (ip && atomic_load_explicit(&card->link_up, memory_order_relaxed)) {
		ok = rx_accept(card, lane, &p, now, out, &deliver, &count);
		if (ok)
			lane->count[RX_BYTES] += deliver.len;
		if (count == RX_ESP)
			lane->count[RX_ESP_BYTES] += deliver.len;
	}
	lane->count[count]++;
	lane->count[LANE_PACKETS]++;
	pthread_mutex_unlock(&lane->lock);
	card_run_due(card, now);
	if (ok && card->ops.host_in)
		card->ops.host_in(card->ops.ctx, queue, deliver.data, deliver.len);
}
