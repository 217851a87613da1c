/* SPDX-License-Identifier: MIT */
/* The queue map on a card in memory and files in a directory of the test's own. */
#include "files.h"
#include "nic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "offload/queues.h"

struct rig {
	struct nic *nic;
	struct files *files;
	struct queues *queues;
	struct prng rng;
	unsigned int changed;
	char what[QUEUES_TEXT];
	bool restored;
	uint32_t taken; /* SPIs that are multiples of this are; 0: none */
	int rule_err;
	unsigned int rule_calls;
};

static void on_changed(void *ctx, const char *what)
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

/* cpus 0: no files. */
static struct rig *start(const char *profile, unsigned int queues, unsigned int cpus, bool manage)
{
	const struct offload_profile *p = offload_profile_find(profile);
	struct rig *r = calloc(1, sizeof(*r));
	struct queues_events events = {r, on_changed};
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

static void refresh(struct rig *r)
{
	assert_int_equal(queues_refresh(r->queues), 0);
	ethtool_process(r->nic->ethtool);
	assert_true(queues_ready(r->queues));
	assert_int_equal(ethtool_pending(r->nic->ethtool), 0);
}

static struct rig *begin(const char *profile, unsigned int queues, unsigned int cpus, bool manage)
{
	struct rig *r = start(profile, queues, cpus, manage);

	refresh(r);
	assert_int_equal(r->changed, 1);
	return r;
}

static void end(struct rig *r)
{
	nic_free_ethtool(r->nic);
	queues_free(r->queues);
	nic_free(r->nic);
	if (r->files)
		files_free(r->files);
	free(r);
}

static uint32_t next_random(void *ctx)
{
	return (uint32_t)prng_next(&((struct rig *)ctx)->rng);
}

static bool is_taken(void *ctx, uint32_t spi)
{
	const struct rig *r = ctx;

	return r->taken && spi % r->taken == 0;
}

static struct queues_flow flow_of(const char *src, const char *dst)
{
	uint16_t family = strchr(src, ':') ? AF_INET6 : AF_INET;
	struct queues_flow f = {{family, {0}}, {family, {0}}, false};

	assert_int_equal(inet_pton(family, src, f.src.ip), 1);
	assert_int_equal(inet_pton(family, dst, f.dst.ip), 1);
	return f;
}

static struct queues_spi choose(struct rig *r, const struct queues_flow *flow, int rx)
{
	struct queues_spi spi;

	assert_int_equal(queues_choose_spi(r->queues, flow, rx, next_random, is_taken, r, &spi), 0);
	assert_true(spi.spi >= QUEUES_SPI_MIN);
	return spi;
}

/* Where the card puts an ESP packet of that flow. */
static int card_queue(struct rig *r, const struct queues_flow *flow, uint32_t spi)
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

static void without_files_a_cpu_is_a_queue(void **state)
{
	struct rig *r = begin("tiny-33", 8, 0, false);
	char text[QUEUES_TEXT];

	(void)state;
	assert_int_equal(queues_count(r->queues), 8);
	assert_int_equal(queues_rx_count(r->queues), 8);
	assert_null(queues_poor(r->queues));
	for (unsigned int n = 0; n < 8; n++) {
		const struct queue *q = queues_at(r->queues, n);

		assert_int_equal(q->cpu, n);
		assert_int_equal(q->tx, n);
		assert_int_equal(q->rx, n);
		assert_int_equal(q->rx_cpu, UINT32_MAX);
		assert_true(q->online && !q->owner && !q->rx_shared);
		assert_ptr_equal(queues_by_rx(r->queues, (int)n), q);
		assert_ptr_equal(queues_by_cpu(r->queues, n), q);
	}
	assert_null(queues_at(r->queues, 8));
	assert_null(queues_by_cpu(r->queues, 8));
	assert_string_equal(queues_describe_out(queues_at(r->queues, 3), text), "CPU 3 sends on TX queue 3");
	assert_string_equal(queues_describe_in(queues_at(r->queues, 3), QUEUES_IN_HASH, text),
			    "RX queue 3: the SPI's hash lands there");
	end(r);
}

static void interrupts_and_xps_make_the_rows(void **state)
{
	struct rig *r = start("tiny-33", 4, 4, false);
	char text[QUEUES_TEXT];

	(void)state;
	/* crosswise: TX queue n is CPU 3 - n's, whose interrupt serves RX queue 3 - n as well but for two */
	files_put(r->files, "8\n", "sys/class/net/eth7/queues/tx-0/xps_cpus");
	files_put(r->files, "4\n", "sys/class/net/eth7/queues/tx-1/xps_cpus");
	files_put(r->files, "3\n", "sys/class/net/eth7/queues/tx-2/xps_cpus");
	files_put(r->files, "3\n", "proc/irq/100/effective_affinity_list");
	files_put(r->files, "2\n", "proc/irq/101/effective_affinity_list");
	files_put(r->files, "0\n", "proc/irq/102/effective_affinity_list");
	files_put(r->files, "0\n", "proc/irq/103/effective_affinity_list");
	refresh(r);
	assert_int_equal(queues_by_cpu(r->queues, 3)->tx, 0);
	assert_int_equal(queues_by_cpu(r->queues, 3)->rx, 0);
	assert_int_equal(queues_by_cpu(r->queues, 3)->out, QUEUES_OUT_XPS);
	assert_int_equal(queues_by_cpu(r->queues, 2)->tx, 1);
	assert_int_equal(queues_by_cpu(r->queues, 2)->rx, 1);
	assert_int_equal(queues_by_cpu(r->queues, 0)->tx, 2);
	assert_int_equal(queues_by_cpu(r->queues, 0)->rx, 2);
	assert_int_equal(queues_by_cpu(r->queues, 0)->out, QUEUES_OUT_SHARED);
	/* what is left is served elsewhere, and it says so */
	assert_int_equal(queues_by_cpu(r->queues, 1)->rx, 3);
	assert_int_equal(queues_by_cpu(r->queues, 1)->rx_cpu, 0);
	assert_string_equal(queues_describe_in(queues_by_cpu(r->queues, 1), QUEUES_IN_RULE, text),
			    "RX queue 3: a flow rule; its interrupt is on CPU 0");
	assert_string_equal(queues_describe_out(queues_by_cpu(r->queues, 0), text),
			    "CPU 0 sends on TX queue 2, as other CPUs do");
	end(r);

	r = begin("tiny-33", 2, 4, false); /* more CPUs than queues, no XPS */
	assert_int_equal(queues_count(r->queues), 4);
	for (unsigned int n = 0; n < 4; n++) {
		assert_int_equal(queues_at(r->queues, n)->tx, -1);
		assert_int_equal(queues_at(r->queues, n)->out, QUEUES_OUT_HASH);
		assert_int_equal(queues_at(r->queues, n)->rx, n % 2);
		assert_true(queues_at(r->queues, n)->rx_shared);
	}
	end(r);
}

/* The chosen SPI lands where it was wanted, whatever key, table, addresses and numbers of queues. */
static void a_chosen_spi_lands_on_its_queue(void **state)
{
	static const char *const pairs[][2] = {
		{"192.0.2.1", "192.0.2.2"},
		{"10.255.0.1", "203.0.113.77"},
		{"2001:db8::1", "2001:db8:ffff::2"},
		{"fe80::1", "fe80::2"},
	};

	(void)state;
	for (unsigned int queues = 1; queues <= 256; queues = queues * 2 + queues / 3) {
		struct rig *r = start("tiny-33", queues, 0, false);
		struct hwsim_rss rss;
		unsigned int tries = 0, n = 0, weight[256] = {0};
		double expected = 0;

		hwsim_rss_get(r->nic->card, &rss);
		for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
			rss.indir[i] = (uint16_t)((i * 7 + i / 5) % queues);
		for (unsigned int i = 0; i < queues; i++) /* each is reached */
			rss.indir[i * (HWSIM_RSS_INDIR / queues)] = (uint16_t)i;
		for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
			weight[rss.indir[i]]++;
		for (unsigned int i = 0; i < sizeof(rss.key); i++)
			rss.key[i] = (uint8_t)prng_next(&r->rng);
		assert_int_equal(hwsim_rss_set(r->nic->card, &rss), 0);
		refresh(r);
		r->taken = 3;
		for (unsigned int p = 0; p < 4; p++) {
			struct queues_flow flow = flow_of(pairs[p][0], pairs[p][1]);

			for (unsigned int rx = 0; rx < queues; rx++) {
				struct queues_spi spi = choose(r, &flow, (int)rx);

				assert_int_equal(spi.in, queues == 1 ? QUEUES_IN_ONE : QUEUES_IN_HASH);
				assert_string_equal(spi.why, "");
				assert_int_not_equal(spi.spi % 3, 0);
				assert_int_equal(card_queue(r, &flow, spi.spi), rx);
				assert_int_equal(queues_rx_of(r->queues, &flow, spi.spi), rx);
				tries += spi.tries;
				expected +=
					queues == 1 ? 1.5 : 1.5 * HWSIM_RSS_INDIR / weight[rx]; /* a third is taken */
				n++;
			}
		}
		assert_true(tries < 2 * expected + 20 && n == 4 * queues);
		end(r);
	}
}

static void what_cannot_be_steered_is_said(void **state)
{
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2"), v6 = flow_of("2001:db8::1", "2001:db8::2");
	struct rig *r = begin("tiny-33", 4, 0, false);
	struct queues_spi spi;
	struct hwsim_rss rss;
	char text[QUEUES_TEXT];

	(void)state;
	flow.encap = true;
	spi = choose(r, &flow, 2);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_string_equal(spi.why, "in UDP: the device hashes ports, and sees no SPI");
	assert_int_equal(queues_rx_of(r->queues, &flow, spi.spi), -1);
	assert_string_equal(queues_describe_in(queues_at(r->queues, 2), spi.in, text), "not steered: any RX queue");
	flow.encap = false;
	spi = choose(r, &flow, -1);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	hwsim_rss_get(r->nic->card, &rss);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = (uint16_t)(i % 3);
	assert_int_equal(hwsim_rss_set(r->nic->card, &rss), 0);
	refresh(r);
	assert_int_equal(r->changed, 2);
	assert_string_equal(r->what, "RSS has changed");
	spi = choose(r, &flow, 3);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_non_null(strstr(spi.why, "the RSS indirection table sends nothing to that queue"));
	/* no row has that queue any more */
	assert_null(queues_by_rx(r->queues, 3));
	assert_true(queues_at(r->queues, 0)->rx_shared);
	end(r);

	r = begin("ixgbe-1024", 4, 0, false);
	spi = choose(r, &v6, 1);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_string_equal(spi.why, "the device's RSS does not hash the SPI, and it has no flow rules for SPIs");
	assert_int_equal(queues_rx_of(r->queues, &v6, spi.spi), card_queue(r, &v6, spi.spi));
	end(r);

	r = begin("netdevsim-33", 4, 0, false);
	assert_non_null(strstr(queues_poor(r->queues), "RSS cannot be read"));
	assert_int_equal(choose(r, &flow, 1).in, QUEUES_IN_ANY);
	end(r);
}

/* A profile that does not know whether the SPI is hashed: it is tried, and called an assumption. */
static void an_unknown_card(void **state)
{
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2");
	struct rig *r = start("tiny-33", 4, 0, false);
	struct queues_config config = {.ifname = "eth7", .log = &r->nic->log};
	struct queues_events events = {r, on_changed};
	struct queues_spi spi;

	(void)state;
	queues_free(r->queues);
	r->queues = queues_new(&config, r->nic->ethtool, &events);
	refresh(r);
	spi = choose(r, &flow, 2);
	assert_int_equal(spi.in, QUEUES_IN_ASSUMED);
	assert_int_equal(card_queue(r, &flow, spi.spi), 2);
	assert_int_equal(queues_rx_of(r->queues, &flow, spi.spi), -1);
	end(r);
}

static uint32_t always_same(void *ctx)
{
	(void)ctx;
	return 0x1000;
}

static uint32_t always_reserved(void *ctx)
{
	(void)ctx;
	return 255;
}

static void the_search_ends(void **state)
{
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2");
	struct rig *r = begin("tiny-33", 4, 0, false);
	struct queues_spi spi;
	int lands = queues_rx_of(r->queues, &flow, 0x1000);

	(void)state;
	assert_int_equal(queues_choose_spi(r->queues, &flow, (lands + 1) % 4, always_same, NULL, r, &spi), 0);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_int_equal(spi.spi, 0x1000);
	assert_int_equal(spi.tries, QUEUES_SPI_TRIES);
	assert_non_null(strstr(spi.why, "none of 16384 SPIs lands on queue"));
	assert_int_equal(queues_choose_spi(r->queues, &flow, 1, always_reserved, NULL, r, &spi), -ENOSPC);
	r->taken = 1;
	assert_int_equal(queues_choose_spi(r->queues, &flow, 1, next_random, is_taken, r, &spi), -ENOSPC);
	end(r);
}

static void on_rule(void *ctx, const struct ethtool_result *result)
{
	struct rig *r = ctx;

	r->rule_calls++;
	r->rule_err = result->err;
}

static void rules_steer_where_the_hash_does_not(void **state)
{
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2");
	struct rig *r = begin("rules-33", 4, 0, false);
	struct queues_spi spi[4];

	(void)state;
	for (int rx = 0; rx < 4; rx++) {
		spi[rx] = choose(r, &flow, rx);
		assert_int_equal(spi[rx].in, QUEUES_IN_RULE);
		assert_int_equal(queues_rule_add(r->queues, &flow.dst, spi[rx].spi, rx, on_rule, r), 0);
		assert_int_equal(r->rule_err, 0);
		assert_int_equal(queues_rule_add(r->queues, &flow.dst, spi[rx].spi, rx, on_rule, r), -EEXIST);
	}
	assert_int_equal(r->rule_calls, 4);
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, 1000, 4, on_rule, r), -EINVAL);
	for (int rx = 0; rx < 4; rx++) {
		assert_int_equal(card_queue(r, &flow, spi[rx].spi), rx);
		assert_int_equal(queues_rx_of(r->queues, &flow, spi[rx].spi), rx);
	}
	queues_rule_delete(r->queues, &flow.dst, spi[1].spi);
	queues_rule_delete(r->queues, &flow.dst, spi[1].spi);
	assert_int_equal(queues_rx_of(r->queues, &flow, spi[1].spi), card_queue(r, &flow, spi[1].spi));
	/* deleted before the answer came: it goes all the same */
	r->nic->hold = true;
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, 5000, 2, on_rule, r), 0);
	queues_rule_delete(r->queues, &flow.dst, 5000);
	r->nic->hold = false;
	ethtool_process(r->nic->ethtool);
	assert_int_equal(r->rule_calls, 5);
	assert_int_equal(card_queue(r, &flow, 5000), card_queue(r, &flow, 5001));
	/* what is left goes with the rest */
	assert_int_equal(queues_rx_of(r->queues, &flow, spi[2].spi), 2);
	end(r);
}

static void a_card_without_rules_is_asked_once(void **state)
{
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2");
	struct rig *r = begin("rules-33", 4, 0, false);
	struct queues_spi spi;

	(void)state;
	r->nic->fail = -EOPNOTSUPP;
	spi = choose(r, &flow, 1);
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, spi.spi, 1, on_rule, r), 0);
	assert_int_equal(r->rule_err, -EOPNOTSUPP);
	spi = choose(r, &flow, 1);
	assert_int_equal(spi.in, QUEUES_IN_ANY);
	assert_non_null(strstr(spi.why, "it refuses flow rules for SPIs"));
	end(r);
}

static void on_restored(void *ctx)
{
	((struct rig *)ctx)->restored = true;
}

static void managed_and_put_back(void **state)
{
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2");
	struct rig *r = start("tiny-33", 4, 4, true);
	struct hwsim_rss before, now;
	const char *mask;

	(void)state;
	files_put(r->files, "f\n", "sys/class/net/eth7/queues/tx-1/xps_cpus");
	files_put(r->files, "1\n", "proc/irq/102/effective_affinity_list"); /* CPU 1 has 1 and 2, CPU 2 none */
	hwsim_rss_get(r->nic->card, &before);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		before.indir[i] = (uint16_t)(i % 2);
	assert_int_equal(hwsim_rss_set(r->nic->card, &before), 0);
	refresh(r);
	assert_int_equal(r->changed, 1);
	for (unsigned int n = 0; n < 4; n++) {
		const struct queue *q = queues_at(r->queues, n);

		assert_int_equal(q->tx, n);
		assert_int_equal(q->rx, n);
		assert_int_equal(q->out, QUEUES_OUT_XPS);
		mask = files_get(r->files, "sys/class/net/eth7/queues/tx-%u/xps_cpus", n);
		assert_int_equal(strtol(mask, NULL, 16), 1 << n);
		assert_int_equal(choose(r, &flow, (int)n).in, QUEUES_IN_HASH);
	}
	hwsim_rss_get(r->nic->card, &now);
	assert_int_equal(now.indir[3], 3);
	assert_memory_equal(now.key, before.key, sizeof(now.key));
	refresh(r); /* our own change is none to tell of */
	assert_int_equal(r->changed, 1);
	/* somebody else's change of one queue stays as it is */
	files_put(r->files, "0\n", "sys/class/net/eth7/queues/tx-3/xps_cpus");
	assert_int_equal(queues_restore(r->queues, on_restored, r), 0);
	assert_true(r->restored);
	hwsim_rss_get(r->nic->card, &now);
	assert_memory_equal(now.indir, before.indir, sizeof(now.indir));
	assert_string_equal(files_get(r->files, "sys/class/net/eth7/queues/tx-1/xps_cpus"), "f");
	assert_string_equal(files_get(r->files, "sys/class/net/eth7/queues/tx-0/xps_cpus"), "0");
	assert_string_equal(files_get(r->files, "sys/class/net/eth7/queues/tx-3/xps_cpus"), "0\n");
	refresh(r);
	assert_string_equal(files_get(r->files, "sys/class/net/eth7/queues/tx-1/xps_cpus"), "f"); /* managed no more */
	end(r);
}

static void a_table_that_cannot_be_set(void **state)
{
	struct rig *r = start("rules-33", 4, 4, true);
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2");
	struct hwsim_rss rss;

	(void)state;
	hwsim_rss_get(r->nic->card, &rss);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = 0;
	assert_int_equal(hwsim_rss_set(r->nic->card, &rss), 0);
	refresh(r);
	assert_int_equal(r->changed, 1);
	assert_int_equal(queues_count(r->queues), 4);
	assert_int_equal(queues_at(r->queues, 3)->rx, 3); /* a rule gets there */
	assert_int_equal(choose(r, &flow, 3).in, QUEUES_IN_RULE);
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, 0x777, 3, on_rule, r), 0);
	assert_int_equal(card_queue(r, &flow, 0x777), 3);
	assert_int_equal(queues_restore(r->queues, on_restored, r), 0);
	assert_true(r->restored);
	assert_int_equal(card_queue(r, &flow, 0x777), 0);
	end(r);
}

static int set_channels(struct rig *r, uint8_t n)
{
	union {
		struct nlmsghdr nlh;
		uint8_t room[64];
	} u = {.nlh = {40, 21, NLM_F_REQUEST, 1, 0}};
	struct genlmsghdr *genl = (void *)(u.room + 16);

	genl->cmd = ETHTOOL_MSG_CHANNELS_SET;
	memcpy(u.room + 20, (const uint16_t[]){12, 1, 8, ETHTOOL_A_HEADER_DEV_INDEX}, 8);
	u.room[28] = NIC_IFINDEX;
	memcpy(u.room + 32, (const uint16_t[]){8, ETHTOOL_A_CHANNELS_COMBINED_COUNT}, 4);
	u.room[36] = n;
	hwsim_generic(r->nic->card, 1, &u, 40, NULL, NULL);
	return 0;
}

static void it_follows_channels_and_cpus(void **state)
{
	struct rig *r = begin("tiny-33", 4, 4, false);
	int owner;

	(void)state;
	assert_int_equal(queues_owner_set(r->queues, 2, &owner), 0);
	assert_int_equal(queues_owner_set(r->queues, 9, &owner), -ENOENT);
	set_channels(r, 2);
	ethtool_process(r->nic->ethtool); /* the notification is enough */
	assert_int_equal(r->changed, 2);
	assert_string_equal(r->what, "2 TX and 2 RX queues, before 4 and 4");
	assert_int_equal(queues_rx_count(r->queues), 2);
	assert_ptr_equal(queues_by_cpu(r->queues, 2)->owner, &owner);
	assert_ptr_equal(queues_by_rx(r->queues, queues_by_cpu(r->queues, 2)->rx)->owner, &owner);
	/* CPU 2 goes: its row stays while it has an owner */
	files_put(r->files, "0-1,3\n", "sys/devices/system/cpu/online");
	refresh(r);
	assert_int_equal(r->changed, 3);
	assert_string_equal(r->what, "3 CPUs are online, before 4");
	assert_int_equal(queues_count(r->queues), 4);
	assert_false(queues_by_cpu(r->queues, 2)->online);
	assert_true(queues_by_cpu(r->queues, 3)->online);
	assert_int_equal(queues_owner_set(r->queues, 2, NULL), 0);
	refresh(r);
	assert_int_equal(queues_count(r->queues), 3);
	assert_null(queues_by_cpu(r->queues, 2));
	files_put(r->files, "0-3\n", "sys/devices/system/cpu/online");
	refresh(r);
	assert_int_equal(queues_count(r->queues), 4);
	assert_true(queues_by_cpu(r->queues, 2)->online);
	assert_null(queues_by_cpu(r->queues, 2)->owner);
	files_put(r->files, "4\n", "sys/class/net/eth7/queues/tx-0/xps_cpus");
	refresh(r);
	assert_string_equal(r->what, "the queues of CPU 2 have changed");
	assert_int_equal(queues_by_cpu(r->queues, 2)->tx, 0);
	end(r);
}

/* A device that tells nothing (a tap, an old driver) still gives a map, and says what it lacks. */
static void a_silent_device(void **state)
{
	struct queues_flow flow = flow_of("192.0.2.1", "192.0.2.2");
	struct rig *r = start("tiny-33", 4, 4, false);

	(void)state;
	r->nic->no_family = true;
	r->nic->fail = -EOPNOTSUPP;
	refresh(r);
	assert_int_equal(queues_count(r->queues), 4);
	assert_int_equal(queues_rx_count(r->queues), 4); /* by the files */
	assert_non_null(queues_poor(r->queues));
	assert_int_equal(choose(r, &flow, 1).in, QUEUES_IN_ANY);
	end(r);
}

static void a_refresh_during_a_refresh_starts_over(void **state)
{
	struct rig *r = start("tiny-33", 4, 0, false);

	(void)state;
	r->nic->hold = true;
	assert_int_equal(queues_refresh(r->queues), 0);
	assert_int_equal(queues_refresh(r->queues), 0);
	set_channels(r, 3);
	r->nic->hold = false;
	ethtool_process(r->nic->ethtool);
	assert_true(queues_ready(r->queues));
	assert_int_equal(queues_count(r->queues), 3);
	assert_int_equal(r->changed, 1);
	assert_int_equal(ethtool_pending(r->nic->ethtool), 0);
	/* the driver goes in the middle of it */
	r->nic->hold = true;
	assert_int_equal(queues_refresh(r->queues), 0);
	r->nic->closed = true;
	ethtool_process(r->nic->ethtool);
	assert_int_equal(queues_count(r->queues), 3);
	assert_int_equal(r->changed, 1);
	end(r);

	r = start("rules-33", 4, 0, false);
	r->nic->hold = true;
	assert_int_equal(queues_refresh(r->queues), 0);
	end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_files_a_cpu_is_a_queue),
		cmocka_unit_test(interrupts_and_xps_make_the_rows),
		cmocka_unit_test(a_chosen_spi_lands_on_its_queue),
		cmocka_unit_test(what_cannot_be_steered_is_said),
		cmocka_unit_test(an_unknown_card),
		cmocka_unit_test(the_search_ends),
		cmocka_unit_test(rules_steer_where_the_hash_does_not),
		cmocka_unit_test(a_card_without_rules_is_asked_once),
		cmocka_unit_test(managed_and_put_back),
		cmocka_unit_test(a_table_that_cannot_be_set),
		cmocka_unit_test(it_follows_channels_and_cpus),
		cmocka_unit_test(a_silent_device),
		cmocka_unit_test(a_refresh_during_a_refresh_starts_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
