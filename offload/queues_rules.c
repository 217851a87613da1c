/* SPDX-License-Identifier: MIT */
/* Flow rules: one for each inbound SA that cannot be steered by its SPI. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "offload/queues_priv.h"

static void rule_drop(struct queues_rule *rule)
{
	LIST_REMOVE(rule, link);
	rule->queues->n_rules--;
	free(rule);
}

void queues_rules_free(struct queues *q)
{
	struct queues_rule *rule = LIST_FIRST(&q->rules), *next;

	LIST_INIT(&q->rules);
	for (; rule; rule = next) {
		next = LIST_NEXT(rule, link);
		free(rule);
	}
	q->n_rules = 0;
}

static bool same_address(const struct xfrm_addr *a, const struct xfrm_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16);
}

struct queues_rule *queues_rule_find(const struct queues *q, const struct xfrm_addr *dst, uint32_t spi)
{
	struct queues_rule *rule;

	LIST_FOREACH (rule, &q->rules, link)
		if (rule->rule.spi == spi && !rule->unwanted && same_address(&rule->rule.dst, dst))
			return rule;
	return NULL;
}

static void on_deleted(void *ctx, const struct ethtool_result *r)
{
	struct queues *q = ctx;

	if (r->err && r->err != -EPIPE && r->err != -ECANCELED)
		log_at(q->config.log, LOG_LEVEL_WARN, "queues.rule", "%s: a flow rule cannot be deleted: %s", q->ifname,
		       strerror(-r->err));
}

/* Takes it from the card, and forgets it. */
static void rule_delete(struct queues_rule *rule)
{
	struct queues *q = rule->queues;
	uint32_t location = rule->location;

	rule_drop(rule);
	(void)ethtool_rule_delete(q->ethtool, location, on_deleted, q); /* fails only when the driver is closed */
}

static void on_added(void *ctx, const struct ethtool_result *r)
{
	struct queues_rule *rule = ctx;
	struct queues *q = rule->queues;
	ethtool_done done = rule->done;
	void *done_ctx = rule->ctx;

	if (r->err) {
		if (r->err == -EOPNOTSUPP && !q->no_rules) {
			q->no_rules = true;
			log_at(q->config.log, LOG_LEVEL_NOTICE, "queues.rule",
			       "%s: the device has no flow rules for ESP with an SPI", q->ifname);
		}
		rule_drop(rule);
	} else {
		rule->set = true;
		rule->location = r->location;
		if (rule->unwanted)
			rule_delete(rule);
	}
	if (done)
		done(done_ctx, r);
}

int queues_rule_add(struct queues *q, const struct xfrm_addr *dst, uint32_t spi, int rx, ethtool_done done, void *ctx)
{
	struct queues_rule *rule;
	int err;

	if (rx < 0 || (unsigned int)rx >= q->facts.rx)
		return -EINVAL;
	if (queues_rule_find(q, dst, spi))
		return -EEXIST;
	if (q->n_rules >= QUEUES_RULES_MAX)
		return -ENOSPC;
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return -ENOMEM;
	rule->queues = q;
	rule->rule = (struct nic_rule){*dst, spi, (uint32_t)rx};
	rule->done = done;
	rule->ctx = ctx;
	LIST_INSERT_HEAD(&q->rules, rule, link);
	q->n_rules++;
	err = ethtool_rule_add(q->ethtool, &rule->rule, on_added, rule);
	if (err)
		rule_drop(rule);
	return err;
}

void queues_rule_delete(struct queues *q, const struct xfrm_addr *dst, uint32_t spi)
{
	struct queues_rule *rule = queues_rule_find(q, dst, spi);

	if (!rule)
		return;
	if (rule->set)
		rule_delete(rule);
	else
		rule->unwanted = true; /* goes when the driver has said where it is */
}
