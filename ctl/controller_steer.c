/* SPDX-License-Identifier: MIT */
/* How the packets of a Child SA come to the RX queue of its lane: by the SPI that we choose for it, or by a flow rule.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

/* SAs whose packets arrive on another queue than before are replaced so many at a time, and then again after a while.
 */
enum { SPREAD_MAX = 4 };
static const uint64_t spread_ns = 20000000u;

/* ---- the SPI ---- */

static uint32_t spi_random(void *ctx)
{
	struct controller *c = ctx;
	uint32_t n;

	c->env.random(c->env.ctx, (uint8_t *)&n, sizeof(n));
	return n;
}

/* Unique among all inbound SPIs, of whichever peer. */
static bool spi_taken(void *ctx, uint32_t spi)
{
	struct controller *c = ctx;
	struct ctl_child *other;

	HASH_FIND(hh, c->by_spi, &spi, sizeof(spi), other);
	return other != NULL;
}

static struct queues_flow flow_of(const struct ike_path *path, bool encap)
{
	return (struct queues_flow){
		.src = xfrm_addr_of(&path->remote), .dst = xfrm_addr_of(&path->local), .encap = encap};
}

/* Before the first exchange nobody knows whether there is a NAT; child_steer() looks again. */
static bool encap_expected(struct controller *c, const struct ike_child_offer *offer)
{
	struct ike_sa_info info;

	return offer->conn->encap || (ike_sa_get(c->ike, offer->ike_sa, &info) && info.encap);
}

static int spi_draw(struct controller *c, uint32_t *spi)
{
	for (unsigned int i = 0; i < SPI_DRAWS_MAX; i++) {
		*spi = spi_random(c);
		if (*spi >= SPI_MIN && !spi_taken(c, *spi))
			return 0;
	}
	return -ENOSPC;
}

int child_spi_choose(struct ctl_child *ch, const struct ike_child_offer *offer)
{
	struct controller *c = ch->c;
	struct queues_flow flow = flow_of(offer->path, encap_expected(c, offer));
	struct queues_spi chosen;
	int err;

	ch->steered = QUEUES_IN_ANY;
	ch->cpu_out = UINT32_MAX;
	ch->rule_rx = -1;
	if (c->queues.state != MAP_READY || !flow.dst.family)
		return spi_draw(c, &ch->spi_in);
	err = queues_choose_spi(c->queues.map, &flow, ch->lane->rx, spi_random, spi_taken, c, &chosen);
	if (err)
		return err;
	ch->spi_in = chosen.spi;
	ch->steered = chosen.in;
	memcpy(ch->unsteered, chosen.why, sizeof(ch->unsteered));
	return 0;
}

/* ---- flow rules ---- */

/* Who waits for the answer: the Child SA may be gone when it comes. */
struct rule_ask {
	struct controller *c;
	uint32_t spi, id;
};

static void rule_refused(struct ctl_child *ch, int err, const char *text)
{
	struct controller *c = ch->c;

	ch->rule = RULE_REFUSED;
	ch->steered = QUEUES_IN_ANY;
	snprintf(ch->unsteered, sizeof(ch->unsteered), "its flow rule is refused: %s", text ? text : strerror(-err));
	c->counters.queue_rules_refused++;
	log_at(c->log, LOG_LEVEL_WARN, "queue.rule", "%s: no flow rule for SPI %08x to RX queue %d: %s",
	       ch->tunnel->name, ch->spi_in, ch->lane->rx, text ? text : strerror(-err));
}

static void rule_done(void *ctx, const struct ethtool_result *result)
{
	struct rule_ask *ask = ctx;
	struct controller *c = ask->c;
	struct ctl_child *ch = NULL;

	if (!c->freeing)
		HASH_FIND(hh, c->by_spi, &ask->spi, sizeof(ask->spi), ch);
	if (ch && ch->id == ask->id && ch->rule == RULE_ASKED) {
		if (result->err) {
			rule_refused(ch, result->err, result->text);
		} else {
			ch->rule = RULE_SET;
			c->counters.queue_rules++;
		}
	}
	free(ask);
}

static void rule_drop(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	struct xfrm_addr dst = xfrm_addr_of(&ch->sa.path.local);

	if ((ch->rule == RULE_SET || ch->rule == RULE_ASKED) && c->queues.map)
		queues_rule_delete(c->queues.map, &dst, ch->spi_in);
	ch->rule = RULE_NONE;
	ch->rule_rx = -1;
}

static void rule_put(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	struct xfrm_addr dst = xfrm_addr_of(&ch->sa.path.local);
	struct rule_ask *ask;
	int err = -ENOMEM;

	if ((ch->rule == RULE_SET || ch->rule == RULE_ASKED) && ch->rule_rx == ch->lane->rx)
		return;
	rule_drop(ch);
	ch->rule = RULE_ASKED;
	ch->rule_rx = ch->lane->rx;
	ask = malloc(sizeof(*ask));
	if (ask) {
		*ask = (struct rule_ask){c, ch->spi_in, ch->id};
		err = queues_rule_add(c->queues.map, &dst, ch->spi_in, ch->lane->rx, rule_done, ask);
		if (err)
			free(ask);
	}
	if (err)
		rule_refused(ch, err, NULL);
}

/* ---- as things are now ---- */

/* Asks for its replacement, or not if that is on its way. False: it is too early. */
static bool move_ask(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	bool goes = !ch->fresh || ch->deleting || ch->running; /* and what replaces it will be placed well */

	if (!goes && !ch->watched)
		return false;
	ch->misplaced = false;
	if (goes)
		return true;
	c->counters.queue_rekeys++;
	log_at(c->log, LOG_LEVEL_INFO, "queue.rekey",
	       "%s: Child SA %u is to be replaced: its packets do not arrive on RX queue %d, or its CPU is another",
	       ch->tunnel->name, ch->id, ch->lane->rx);
	rekey_ask(ch);
	return true;
}

static void spread_fire(struct controller *c, struct ctl_timer *t)
{
	unsigned int asked = 0;
	bool more = false;
	struct ctl_child *ch;

	TAILQ_FOREACH (ch, &c->children, link) {
		if (!ch->misplaced)
			continue;
		if (asked == SPREAD_MAX) {
			more = true;
			break;
		}
		if (move_ask(ch))
			asked++;
		else
			more = true;
	}
	if (more)
		ctl_timer_set(c, t, c->now + spread_ns, spread_fire);
}

static void misplace(struct ctl_child *ch)
{
	struct controller *c = ch->c;

	ch->misplaced = true;
	if (!heap_has(&c->queues.spread.node))
		ctl_timer_set(c, &c->queues.spread, c->now + spread_ns, spread_fire);
}

/* Its lane's CPU became known, or another, after the outbound half was installed. */
static bool bound_wrongly(const struct ctl_child *ch)
{
	return ch->out.state == HALF_INSTALLED && ch->cpu_out != ch->lane->cpu && !ch->lane->offline;
}

void child_steer(struct ctl_child *ch)
{
	struct controller *c = ch->c;
	struct queues_flow flow = flow_of(&ch->sa.path, ch->sa.encap);
	struct queues_spi now;
	bool better;

	if (c->queues.state != MAP_READY || ch->down || ch->in.state != HALF_INSTALLED)
		return;
	better = queues_look(c->queues.map, &flow, ch->lane->rx, ch->spi_in, &now);
	ch->steered = now.in;
	memcpy(ch->unsteered, now.why, sizeof(ch->unsteered));
	if (now.in == QUEUES_IN_RULE)
		rule_put(ch);
	else
		rule_drop(ch);
	ch->misplaced = false;
	if ((better || bound_wrongly(ch)) && ch->fresh)
		misplace(ch);
}

void child_unsteer(struct ctl_child *ch)
{
	rule_drop(ch);
}
