/* SPDX-License-Identifier: MIT */
/* What the doctor says of a device: a card of hwsim, with made files. */
#include "doctor_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct row {
	const char *profile;
	unsigned int queues;
	const char *path, *text; /* a file that is otherwise; NULL: none */
	const char *check;
	enum doctor_level level;
	const char *words;
};

static const struct row rows[] = {
	{"cx7", 4, NULL, NULL, "device", DOCTOR_OK, "eth7, interface 9, driver mlx5_core"},
	{"cx7", 4, NULL, NULL, "link", DOCTOR_OK, "up, 100000 Mbit/s"},
	{"cx7", 4, "flags", "0x1002\n", "link", DOCTOR_ERROR, "ip link set eth7 up"},
	{"cx7", 4, "carrier", "0\n", "link", DOCTOR_WARNING, "without a carrier"},
	{"cx7", 4, "speed", "-1\n", "link", DOCTOR_OK, "up"},
	{"cx7", 4, "flags", "?\n", "link", DOCTOR_INFO, "flags: Invalid argument"},

	{"cx7", 4, NULL, NULL, "features", DOCTOR_INFO, "ethtool -K eth7"},
	{"cx7", 4, NULL, NULL, "profile", DOCTOR_OK, "cx7: packet and crypto offload, ESN, one outbound SA"},
	{"ixgbe-1024", 4, NULL, NULL, "profile", DOCTOR_WARNING, "crypto offload only, no ESN"},

	{"cx7", 4, NULL, NULL, "table", DOCTOR_OK, "known: 10922 in (each family), 32768 out"},
	{"tiny-33", 4, NULL, NULL, "table", DOCTOR_OK, "known: 33 for both directions"},

	{"cx7", 4, NULL, NULL, "channels", DOCTOR_OK, "4 RX and 4 TX queues, 4 CPUs"},
	{"cx7", 1, NULL, NULL, "rss", DOCTOR_OK, "one RX queue"},
	{"cx7", 4, NULL, NULL, "rss", DOCTOR_OK, "over 4 queues, key of 40 bytes; the SPI is hashed (profile cx7)"},
	{"ixgbe-1024", 4, NULL, NULL, "rss", DOCTOR_WARNING, "several gateway addresses"},
	{"rules-33", 4, NULL, NULL, "rss", DOCTOR_OK, "flow rules lead SAs to queues"},

	{"cx7", 4, NULL, NULL, "irq", DOCTOR_OK, "each CPU"},
	{"cx7", 4, "../../../../proc/irq/102/effective_affinity_list", "0\n", "irq", DOCTOR_WARNING,
	 "1 of 4 CPUs receive elsewhere: CPU 2 has RX queue 2, served on CPU 0"},
	{"cx7", 4, NULL, NULL, "xps", DOCTOR_OK, "4 CPUs, each with a TX and an RX queue of its own"},
	{"cx7", 4, "queues/tx-3/xps_cpus", "0\n", "xps", DOCTOR_WARNING, "1 of 4 CPUs have no TX queue"},
	{"cx7", 4, "queues/tx-0/xps_cpus", "f\n", "xps", DOCTOR_INFO, "4 CPUs: 4 share a TX queue"},
	{"cx7", 4, "../../../devices/system/cpu/online", "x\n", "xps", DOCTOR_WARNING, "online CPUs cannot be read"},

	/* RFC 4303 and 4106: 20 + 8 + 8 + 1446 + 2 + 16 = 1500, and 1446 + 2 is a multiple of 4 */
	{"cx7", 4, "mtu", "1500\n", "mtu", DOCTOR_INFO,
	 "1500: inside a tunnel 1446 (over IPv6 1426, in UDP 1438), transport mode 1466 (IPv6 1466)"},
	{"cx7", 4, "mtu", "1500\n", "mtu", DOCTOR_INFO, "mtu 1576 or more"},
	{"cx7", 4, "mtu", "1400\n", "mtu", DOCTOR_WARNING, "1400: inside a tunnel 1346"},
	{"cx7", 4, "mtu", "1556\n", "mtu", DOCTOR_OK, "1556: inside a tunnel 1502"},
	{"cx7", 4, "upper_vlan3/mtu", "9216\n", "mtu", DOCTOR_WARNING, "eth7 has 9000, and vlan3 above it 9216"},
	{"cx7", 4, "upper_vlan3/mtu", "9000\n", "mtu", DOCTOR_OK, "9000: inside"},
	{"cx7", 4, NULL, NULL, "rdma", DOCTOR_OK, "none"},
	{"cx7", 4, NULL, NULL, "probe", DOCTOR_INFO, "was not tried"},
};

static void made_devices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doctor_rig *r = doctor_rig_card(rows[i].profile, rows[i].queues, 0);

		if (rows[i].path)
			files_put(r->files, rows[i].text, "sys/class/net/eth7/%s", rows[i].path);
		doctor_rig_run(r);
		doctor_rig_expect(r, rows[i].check, rows[i].level, rows[i].words);
		doctor_rig_free(r);
	}
}

static void no_offload(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	r->esp_named = 2; /* could be on, and no more */
	doctor_rig_run(r);
	doctor_rig_expect(r, "features", DOCTOR_ERROR, "ethtool -K eth7 esp-hw-offload on");
	r->esp_named = 1;
	doctor_rig_run(r);
	doctor_rig_expect(r, "features", DOCTOR_ERROR, "there is no esp-hw-offload");
	doctor_rig_free(r);
}

static void fewer_queues_than_cpus(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	files_put(r->files, "0-7\n", "sys/devices/system/cpu/online");
	doctor_rig_run(r);
	doctor_rig_expect(r, "channels", DOCTOR_INFO, "4 RX and 4 TX queues of at most 4, for 8 CPUs");
	doctor_rig_expect(r, "xps", DOCTOR_WARNING, "4 of 8 CPUs have no TX queue");
	doctor_rig_free(r);
}

static void no_such_device(void **state)
{
	static const char *const names[] = {"eth8", "", "../eth7", "a-name-that-is-much-too-long"};
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		r->config.device = names[i];
		doctor_rig_run(r);
		doctor_rig_expect(r, "device", DOCTOR_ERROR, "No such device");
		assert_string_equal(r->lines[r->n - 1].check, "device"); /* nothing else is said of it */
	}
	doctor_rig_free(r);
}

/* Without a name: those that offload ESP; else a list of what there is. */
static void devices_are_found(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	r->config.device = NULL;
	files_put(r->files, "1\n", "sys/class/net/lo/ifindex");
	files_put(r->files, "5\n", "sys/class/net/eth0/ifindex");
	files_put(r->files, "eth0 eth7\n", "sys/class/net/bonding_masters");
	doctor_rig_run(r);
	doctor_rig_expect(r, "device", DOCTOR_OK, "eth7, interface 9");
	files_put(r->files, "6\n", "sys/class/net/eth7/ifindex");
	doctor_rig_run(r);
	doctor_rig_expect(r, "device", DOCTOR_ERROR, "(esp-hw-offload): eth");
	assert_null(strstr(doctor_rig_line(r, "device")->text, " lo"));
	assert_null(strstr(doctor_rig_line(r, "device")->text, "bonding"));
	doctor_rig_free(r);
}

static void a_card_of_hwsim(void **state)
{
	static const char *const silent[] = {"kernel", "kernel-options", "esp4_offload", "link", "irq", "mtu", "rdma"};
	struct doctor_rig *r = doctor_rig_card("tiny-33", 4, 0);

	(void)state;
	r->config.device = "/run/hwsim.sock";
	r->config.hwsim = true;
	doctor_rig_run(r);
	/* it calls itself 9, and hwsim's cards are 1 where nothing else is said */
	doctor_rig_expect(r, "features", DOCTOR_WARNING, "cannot be read");
	for (unsigned int i = 0; i < r->n; i++)
		for (size_t k = 0; k < sizeof(silent) / sizeof(silent[0]); k++)
			assert_string_not_equal(r->lines[i].check, silent[k]);
	doctor_rig_free(r);
}

/* A driver that does not answer: each thing that is missing has its line. */
static void deaf(void **state)
{
	static const char *const checks[] = {"features", "channels", "rss", "irq"};
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	r->deaf = true;
	doctor_rig_run(r);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		doctor_rig_expect(r, checks[i], DOCTOR_WARNING, "timed out");
	doctor_rig_expect(r, "device", DOCTOR_OK, "driver unknown");
	doctor_rig_expect(r, "profile", DOCTOR_INFO, "generic");
	doctor_rig_expect(r, "table", DOCTOR_WARNING, "nic.slots = N");
	doctor_rig_free(r);
}

static void no_ethtool(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	(void)state;
	r->config.ethtool.err = -EPROTONOSUPPORT;
	doctor_rig_run(r);
	doctor_rig_expect(r, "features", DOCTOR_WARNING, "Protocol not supported");
	doctor_rig_expect(r, "irq", DOCTOR_WARNING, "Protocol not supported");
	doctor_rig_free(r);
}

/* ---- with keyrackd ---- */

static json_t *status_make(const char *device, const char *learned)
{
	json_t *status = json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}}", "device", device, "profile",
				   "tiny-33", "pools", "in", "configured", "500", "size", "400", "occ", "7", "out",
				   "configured", "600", "size", "600", "occ", "8");

	assert_non_null(status);
	if (learned)
		json_object_set_new(json_object_get(json_object_get(status, "pools"), "in"), "learned",
				    json_string(learned));
	return status;
}

static void tables_of_keyrackd(void **state)
{
	static const struct {
		const char *device, *learned;
		enum doctor_level level;
		const char *words;
	} cases[] = {
		{"eth7", NULL, DOCTOR_OK,
		 "known: 33 for both directions; in configured 500, nothing learned, in use 7 of 400, out configured "
		 "600, nothing learned, in use 8 of 600"},
		{"eth7", "400", DOCTOR_WARNING, "in configured 500, learned 400"},
		{"eth7", "500", DOCTOR_OK, "learned 500"},
		{"eth1", "400", DOCTOR_OK, "ask with keyrackd running on it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);
		json_t *status = status_make(cases[i].device, cases[i].learned);

		r->config.status = status;
		doctor_rig_run(r);
		doctor_rig_expect(r, "table", cases[i].level, cases[i].words);
		json_decref(status);
		doctor_rig_free(r);
	}
}

static void steering_of_keyrackd(void **state)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);
	json_t *status = status_make("eth7", NULL), *none = json_array(),
	       *some = json_pack("[{s:s}, {s:s, s:s}]", "ike", "gw", "ike", "gw", "unsteered", "in UDP");

	(void)state;
	r->config.status = status;
	r->config.queues = none;
	doctor_rig_run(r);
	doctor_rig_expect(r, "steering", DOCTOR_INFO, "no SAs now");
	r->config.queues = some;
	doctor_rig_run(r);
	doctor_rig_expect(r, "steering", DOCTOR_WARNING, "2 SAs of keyrackd, 1 not led to their queue: in UDP");
	json_decref(status);
	json_decref(none);
	json_decref(some);
	doctor_rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_devices),
		cmocka_unit_test(no_offload),
		cmocka_unit_test(fewer_queues_than_cpus),
		cmocka_unit_test(no_such_device),
		cmocka_unit_test(devices_are_found),
		cmocka_unit_test(a_card_of_hwsim),
		cmocka_unit_test(deaf),
		cmocka_unit_test(no_ethtool),
		cmocka_unit_test(tables_of_keyrackd),
		cmocka_unit_test(steering_of_keyrackd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
