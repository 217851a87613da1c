/* SPDX-License-Identifier: MIT */
#include "queues_rig.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

void rig_changed(void *ctx, const char *what)
{
	struct rig *r = ctx;

	r->changed++;
	snprintf(r->what, sizeof(r->what), "%s", what);
}

static void on_notified(void *ctx, const char *what)
{
	struct rig *r = ctx;

	queues_notified(r->queues, what);
}

struct rig *rig_start(const char *profile, unsigned int queues, unsigned int cpus, bool manage)
{
	const struct offload_profile *p = offload_profile_find(profile);
	struct rig *r = calloc(1, sizeof(*r));
	struct queues_events events = {r, rig_changed};
	struct queues_config config = {.ifname = "eth7", .manage = manage};

	assert_non_null(r);
	assert_non_null(p);
	r->rng = prng_init(17);
	r->nic = nic_new(profile, queues);
	r->nic->changed = on_notified;
	r->nic->ctx = r;
	if (cpus) {
		r->files = files_new();
		files_device(r->files, "eth7", queues, cpus);
		config.root = r->files->root;
	}
	config.rss_spi = p->rss_spi;
	config.esp_rules = p->esp_rules;
	config.log = &r->nic->log;
	r->queues = queues_new(&config, r->nic->ethtool, &events);
	assert_non_null(r->queues);
	assert_false(queues_ready(r->queues));
	return r;
}

void rig_refresh(struct rig *r)
{
	assert_int_equal(queues_refresh(r->queues), 0);
	ethtool_process(r->nic->ethtool);
	assert_true(queues_ready(r->queues));
	assert_int_equal(ethtool_pending(r->nic->ethtool), 0);
}

struct rig *rig_begin(const char *profile, unsigned int queues, unsigned int cpus, bool manage)
{
	struct rig *r = rig_start(profile, queues, cpus, manage);

	rig_refresh(r);
	assert_int_equal(r->changed, 1);
	return r;
}

void rig_end(struct rig *r)
{
	nic_free_ethtool(r->nic);
	queues_free(r->queues);
	nic_free(r->nic);
	if (r->files)
		files_free(r->files);
	free(r);
}

uint32_t rig_random(void *ctx)
{
	return (uint32_t)prng_next(&((struct rig *)ctx)->rng);
}

bool rig_taken(void *ctx, uint32_t spi)
{
	const struct rig *r = ctx;

	return r->taken && spi % r->taken == 0;
}

struct queues_flow rig_flow(const char *src, const char *dst)
{
	uint16_t family = strchr(src, ':') ? AF_INET6 : AF_INET;
	struct queues_flow f = {{family, {0}}, {family, {0}}, false};

	assert_int_equal(inet_pton(family, src, f.src.ip), 1);
	assert_int_equal(inet_pton(family, dst, f.dst.ip), 1);
	return f;
}

struct queues_spi rig_choose(struct rig *r, const struct queues_flow *flow, int rx)
{
	struct queues_spi spi;

	assert_int_equal(queues_choose_spi(r->queues, flow, rx, rig_random, rig_taken, r, &spi), 0);
	assert_true(spi.spi >= QUEUES_SPI_MIN);
	return spi;
}

int rig_card_queue(struct rig *r, const struct queues_flow *flow, uint32_t spi)
{
	bool v6 = flow->src.family == AF_INET6;
	uint8_t p[80] = {0};
	size_t header = v6 ? 40 : 20;

	if (v6) {
		p[0] = 0x60;
		p[5] = 40;
		p[6] = 50;
		memcpy(p + 8, flow->src.ip, 16);
		memcpy(p + 24, flow->dst.ip, 16);
	} else {
		p[0] = 0x45;
		p[3] = 60;
		p[9] = 50;
		memcpy(p + 12, flow->src.ip, 4);
		memcpy(p + 16, flow->dst.ip, 4);
	}
	put_be32(p + header, spi);
	return (int)hwsim_rss_queue(r->nic->card, p, header + 40);
}

void rig_rule(void *ctx, const struct ethtool_result *result)
{
	struct rig *r = ctx;

	r->rule_calls++;
	r->rule_err = result->err;
}
