/* SPDX-License-Identifier: MIT */
/* Sets of CPUs as text, and the files of a device. */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "offload/sysfs.h"

static const struct {
	const char *list, *mask;
	unsigned int count;
} same[] = {
	{"", "0", 0},
	{"\n", "00000000\n", 0},
	{"0", "1", 1},
	{"0-3\n", "f\n", 4},
	{"0,2,4-5", "35", 4},
	{"31-32", "1,80000000", 2},
	{"64", "1,00000000,00000000", 1},
	{"4095", NULL, 1},
};

static void lists_and_masks(void **state)
{
	char text[CPUSET_TEXT];
	struct cpuset a, b;

	(void)state;
	for (size_t n = 0; n < sizeof(same) / sizeof(same[0]); n++) {
		assert_int_equal(cpuset_read_list(&a, same[n].list), 0);
		assert_int_equal(cpuset_count(&a), same[n].count);
		cpuset_write_mask(&a, text);
		assert_int_equal(cpuset_read_mask(&b, text), 0);
		assert_true(cpuset_equal(&a, &b));
		if (!same[n].mask)
			continue;
		assert_int_equal(cpuset_read_mask(&b, same[n].mask), 0);
		assert_true(cpuset_equal(&a, &b));
	}
}

static void what_is_no_set(void **state)
{
	static const char *const lists[] = {"a", "1-", "-1", "3-1", "1,", ",1", "1 2", "1\n2", "1-2-3", "0x1"};
	static const char *const masks[] = {"",          "\n",  "g",      "1,",  ",1",
					    "123456789", "1,1", "ff\n\n", "0x1", "1,,00000000"};
	struct cpuset set;

	(void)state;
	for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++)
		assert_int_equal(cpuset_read_list(&set, lists[n]), -EINVAL);
	for (size_t n = 0; n < sizeof(masks) / sizeof(masks[0]); n++)
		assert_int_equal(cpuset_read_mask(&set, masks[n]), -EINVAL);
	assert_int_equal(cpuset_read_list(&set, "4096"), -ERANGE);
	assert_int_equal(cpuset_read_list(&set, "0-99999999999999999999"), -ERANGE);
}

static void any_set_survives_its_text(void **state)
{
	struct prng rng = prng_init(2);
	char text[CPUSET_TEXT];

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct cpuset a = {0}, b;
		unsigned int n = 0;

		for (uint64_t left = prng_below(&rng, 40); left; left--)
			cpuset_add(&a, (uint32_t)prng_below(&rng, i % 2 ? CPUSET_MAX : 70));
		cpuset_write_mask(&a, text);
		assert_int_equal(cpuset_read_mask(&b, text), 0);
		assert_true(cpuset_equal(&a, &b));
		for (uint32_t cpu = cpuset_next(&a, 0); cpu != UINT32_MAX; cpu = cpuset_next(&a, cpu + 1), n++)
			assert_true(cpuset_has(&a, cpu));
		assert_int_equal(n, cpuset_count(&a));
	}
}

static void interrupts_have_names(void **state)
{
	static const struct {
		const char *name;
		int queue;
	} rows[] = {
		{"mlx5_comp3@pci:0000:08:00.0\n", 3},
		{"mlx5_comp12", 12},
		{"mlx5_async0@pci:0000:08:00.0\n", -1},
		{"eth0-TxRx-7", 7},
		{"i40e-eth0-TxRx-31\n", 31},
		{"nfp-0000:04:00.0-eth0-rxtx-2", 2},
		{"enp1s0-rx-4", 4},
		{"enp1s0-tx-4", -1},
		{"virtio2-input.1\n", 1},
		{"virtio2-output.1", -1},
		{"virtio2-config", -1},
		{"eth1-Tx-Rx-9", 9},
		{"", -1},
		{"7", -1},
		{"mlx5_comp99999999999", -1},
	};

	(void)state;
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
		if (sysfs_irq_queue(rows[n].name) != rows[n].queue)
			fail_msg("%s: %d", rows[n].name, sysfs_irq_queue(rows[n].name));
}

static void a_device_s_files(void **state)
{
	struct files *f = files_new();
	struct cpuset set, back;
	uint32_t cpu[6];

	(void)state;
	files_device(f, "eth7", 4, 3);
	assert_int_equal(sysfs_cpus_online(f->root, &set), 0);
	assert_int_equal(cpuset_count(&set), 3);
	assert_int_equal(sysfs_queue_count(f->root, "eth7", "tx"), 4);
	assert_int_equal(sysfs_queue_count(f->root, "eth8", "tx"), 0);
	assert_int_equal(sysfs_xps_get(f->root, "eth7", 2, &back), 0);
	assert_int_equal(cpuset_count(&back), 0);
	assert_int_equal(sysfs_xps_set(f->root, "eth7", 2, &set), 0);
	assert_string_equal(files_get(f, "sys/class/net/eth7/queues/tx-2/xps_cpus"), "7");
	assert_int_equal(sysfs_xps_get(f->root, "eth7", 2, &back), 0);
	assert_true(cpuset_equal(&set, &back));
	assert_int_equal(sysfs_xps_get(f->root, "eth7", 4, &back), -ENOENT);
	assert_int_equal(sysfs_xps_set(f->root, "eth7", 4, &set), -ENOENT);
	assert_int_equal(sysfs_irq_cpus(f->root, "eth7", cpu, 6), 4);
	assert_int_equal(cpu[0], 0);
	assert_int_equal(cpu[2], 2);
	assert_int_equal(cpu[3], 0);
	assert_int_equal(cpu[4], UINT32_MAX);
	assert_int_equal(sysfs_irq_cpus(f->root, "eth8", cpu, 6), -ENOENT);
	files_put(f, "12\n", "sys/devices/system/cpu/online");
	assert_int_equal(sysfs_cpus_online(f->root, &set), 0);
	assert_int_equal(cpuset_next(&set, 0), 12);
	files_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_masks),           cmocka_unit_test(what_is_no_set),
		cmocka_unit_test(any_set_survives_its_text), cmocka_unit_test(interrupts_have_names),
		cmocka_unit_test(a_device_s_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
