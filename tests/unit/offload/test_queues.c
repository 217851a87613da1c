/* SPDX-License-Identifier: MIT */
/* Rows of the queue map: what they are made of, what they follow, and what is managed and put back. */
#include "queues_rig.h"

#include <errno.h>
#include <string.h>

static void without_files_a_cpu_is_a_queue(void **state)
{
	struct rig *r = rig_begin("tiny-33", 8, 0, false);
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
	rig_end(r);
}

static void interrupts_and_xps_make_the_rows(void **state)
{
	struct rig *r = rig_start("tiny-33", 4, 4, false);
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
	rig_refresh(r);
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
	rig_end(r);

	r = rig_begin("tiny-33", 2, 4, false); /* more CPUs than queues, no XPS */
	assert_int_equal(queues_count(r->queues), 4);
	for (unsigned int n = 0; n < 4; n++) {
		assert_int_equal(queues_at(r->queues, n)->tx, -1);
		assert_int_equal(queues_at(r->queues, n)->out, QUEUES_OUT_HASH);
		assert_int_equal(queues_at(r->queues, n)->rx, n % 2);
		assert_true(queues_at(r->queues, n)->rx_shared);
	}
	rig_end(r);
}

static void on_restored(void *ctx)
{
	((struct rig *)ctx)->restored = true;
}

static void managed_and_put_back(void **state)
{
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2");
	struct rig *r = rig_start("tiny-33", 4, 4, true);
	struct hwsim_rss before, now;
	const char *mask;

	(void)state;
	files_put(r->files, "f\n", "sys/class/net/eth7/queues/tx-1/xps_cpus");
	files_put(r->files, "1\n", "proc/irq/102/effective_affinity_list"); /* CPU 1 has 1 and 2, CPU 2 none */
	hwsim_rss_get(r->nic->card, &before);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		before.indir[i] = (uint16_t)(i % 2);
	assert_int_equal(hwsim_rss_set(r->nic->card, &before), 0);
	rig_refresh(r);
	assert_int_equal(r->changed, 1);
	for (unsigned int n = 0; n < 4; n++) {
		const struct queue *q = queues_at(r->queues, n);

		assert_int_equal(q->tx, n);
		assert_int_equal(q->rx, n);
		assert_int_equal(q->out, QUEUES_OUT_XPS);
		mask = files_get(r->files, "sys/class/net/eth7/queues/tx-%u/xps_cpus", n);
		assert_int_equal(strtol(mask, NULL, 16), 1 << n);
		assert_int_equal(rig_choose(r, &flow, (int)n).in, QUEUES_IN_HASH);
	}
	hwsim_rss_get(r->nic->card, &now);
	assert_int_equal(now.indir[3], 3);
	assert_memory_equal(now.key, before.key, sizeof(now.key));
	rig_refresh(r); /* our own change is none to tell of */
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
	rig_refresh(r);
	assert_string_equal(files_get(r->files, "sys/class/net/eth7/queues/tx-1/xps_cpus"), "f"); /* managed no more */
	rig_end(r);
}

static void a_table_that_cannot_be_set(void **state)
{
	struct rig *r = rig_start("rules-33", 4, 4, true);
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2");
	struct hwsim_rss rss;

	(void)state;
	hwsim_rss_get(r->nic->card, &rss);
	for (unsigned int i = 0; i < HWSIM_RSS_INDIR; i++)
		rss.indir[i] = 0;
	assert_int_equal(hwsim_rss_set(r->nic->card, &rss), 0);
	rig_refresh(r);
	assert_int_equal(r->changed, 1);
	assert_int_equal(queues_count(r->queues), 4);
	assert_int_equal(queues_at(r->queues, 3)->rx, 3); /* a rule gets there */
	assert_int_equal(rig_choose(r, &flow, 3).in, QUEUES_IN_RULE);
	assert_int_equal(queues_rule_add(r->queues, &flow.dst, 0x777, 3, rig_rule, r), 0);
	assert_int_equal(rig_card_queue(r, &flow, 0x777), 3);
	assert_int_equal(queues_restore(r->queues, on_restored, r), 0);
	assert_true(r->restored);
	assert_int_equal(rig_card_queue(r, &flow, 0x777), 0);
	rig_end(r);
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
	struct rig *r = rig_begin("tiny-33", 4, 4, false);
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
	rig_refresh(r);
	assert_int_equal(r->changed, 3);
	assert_string_equal(r->what, "3 CPUs are online, before 4");
	assert_int_equal(queues_count(r->queues), 4);
	assert_false(queues_by_cpu(r->queues, 2)->online);
	assert_true(queues_by_cpu(r->queues, 3)->online);
	assert_int_equal(queues_owner_set(r->queues, 2, NULL), 0);
	rig_refresh(r);
	assert_int_equal(queues_count(r->queues), 3);
	assert_null(queues_by_cpu(r->queues, 2));
	files_put(r->files, "0-3\n", "sys/devices/system/cpu/online");
	rig_refresh(r);
	assert_int_equal(queues_count(r->queues), 4);
	assert_true(queues_by_cpu(r->queues, 2)->online);
	assert_null(queues_by_cpu(r->queues, 2)->owner);
	files_put(r->files, "4\n", "sys/class/net/eth7/queues/tx-0/xps_cpus");
	rig_refresh(r);
	assert_string_equal(r->what, "the queues of CPU 2 have changed");
	assert_int_equal(queues_by_cpu(r->queues, 2)->tx, 0);
	rig_end(r);
}

/* A device that tells nothing (a tap, an old driver) still gives a map, and says what it lacks. */
static void a_silent_device(void **state)
{
	struct queues_flow flow = rig_flow("192.0.2.1", "192.0.2.2");
	struct rig *r = rig_start("tiny-33", 4, 4, false);

	(void)state;
	r->nic->no_family = true;
	r->nic->fail = -EOPNOTSUPP;
	rig_refresh(r);
	assert_int_equal(queues_count(r->queues), 4);
	assert_int_equal(queues_rx_count(r->queues), 4); /* by the files */
	assert_non_null(queues_poor(r->queues));
	assert_int_equal(rig_choose(r, &flow, 1).in, QUEUES_IN_ANY);
	rig_end(r);
}

static void a_refresh_during_a_refresh_starts_over(void **state)
{
	struct rig *r = rig_start("tiny-33", 4, 0, false);

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
	rig_end(r);

	r = rig_start("rules-33", 4, 0, false);
	r->nic->hold = true;
	assert_int_equal(queues_refresh(r->queues), 0);
	rig_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_files_a_cpu_is_a_queue),
		cmocka_unit_test(interrupts_and_xps_make_the_rows),
		cmocka_unit_test(managed_and_put_back),
		cmocka_unit_test(a_table_that_cannot_be_set),
		cmocka_unit_test(it_follows_channels_and_cpus),
		cmocka_unit_test(a_silent_device),
		cmocka_unit_test(a_refresh_during_a_refresh_starts_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
