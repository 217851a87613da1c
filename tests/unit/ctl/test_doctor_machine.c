/* SPDX-License-Identifier: MIT */
/* What the doctor says of a machine: made trees of files, and the lines that must come of them. */
#include "doctor_rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

struct row {
	const char *release; /* NULL: 6.13.0 */
	const char *path[2], *text[2];
	const char *check;
	enum doctor_level level;
	const char *words;
};

#define CAPS(hex)                              \
	{"proc/self/status"},                  \
	{                                      \
		"Name:\tx\nCapEff:\t" hex "\n" \
	}
#define CLOCK                                                                     \
	{                                                                         \
		"sys/devices/system/clocksource/clocksource0/current_clocksource" \
	}

static const struct row rows[] = {
	{"6.18.44-fc", {0}, {0}, "kernel", DOCTOR_OK, "Linux 6.18.44-fc: packet offload"},
	{"6.12.117+deb13-amd64", {0}, {0}, "kernel", DOCTOR_OK, "per-CPU SAs"},
	{"6.12.38+deb13-amd64", {0}, {0}, "kernel", DOCTOR_WARNING, "without XFRMA_SA_PCPU"},
	{"6.9.7", {0}, {0}, "kernel", DOCTOR_WARNING, "without XFRMA_SA_DIR (6.10), XFRMA_SA_PCPU"},
	{"6.6.0", {0}, {0}, "kernel", DOCTOR_WARNING, "byte and packet limits"},
	{"6.1.0-42-amd64", {0}, {0}, "kernel", DOCTOR_ERROR, "packet offload (6.2)"},
	{"5.15", {0}, {0}, "kernel", DOCTOR_ERROR, "use Linux 6.13"},
	{"10.0-rc1", {0}, {0}, "kernel", DOCTOR_OK, "10.0-rc1"},
	{"mainline", {0}, {0}, "kernel", DOCTOR_INFO, "\"mainline\""},

	{NULL, {0}, {0}, "kernel-options", DOCTOR_OK, "ESP for IPv4 and IPv6"},
	{"6.14.1", {0}, {0}, "kernel-options", DOCTOR_INFO, "/boot/config-6.14.1"},
	{NULL,
	 {"boot/config-6.13.0"},
	 {"CONFIG_XFRM_USER=y\n"},
	 "kernel-options",
	 DOCTOR_ERROR,
	 "without CONFIG_XFRM_OFFLOAD, CONFIG_INET_ESP, CONFIG_INET_ESP_OFFLOAD, CONFIG_INET6_ESP, "
	 "CONFIG_INET6_ESP_OFFLOAD"},
	{NULL,
	 {"boot/config-6.13.0"},
	 {"CONFIG_XFRM_USER=m\n# CONFIG_XFRM_OFFLOAD is not set\nCONFIG_INET_ESP=m\nCONFIG_INET_ESP_OFFLOAD=m\n"
	  "CONFIG_INET6_ESP=m\nCONFIG_INET6_ESP_OFFLOAD=m\n"},
	 "kernel-options",
	 DOCTOR_ERROR,
	 "without CONFIG_XFRM_OFFLOAD"},
	{NULL, {"boot/config-6.13.0"}, {"\n"}, "kernel-options", DOCTOR_INFO, "unknown"},

	{NULL, {0}, {0}, "esp4_offload", DOCTOR_OK, "loaded"},
	{NULL,
	 {"proc/modules"},
	 {"esp4_offload_not 1 0 - Live 0x0\n"},
	 "esp4_offload",
	 DOCTOR_ERROR,
	 "modprobe esp4_offload"},
	{NULL, {"proc/modules"}, {""}, "esp6_offload", DOCTOR_ERROR, "IPv6 is not offloaded"},
	{NULL,
	 {"proc/modules", "lib/modules/6.13.0/modules.builtin"},
	 {"", "kernel/net/ipv6/esp6_offload.ko\n"},
	 "esp6_offload",
	 DOCTOR_OK,
	 "built in"},
	{NULL,
	 {"proc/modules", "lib/modules/6.13.0/modules.dep"},
	 {"", "kernel/net/ipv4/esp4_offload.ko.xz: kernel/net/ipv4/esp4.ko.xz\n"},
	 "esp4_offload",
	 DOCTOR_OK,
	 "which the kernel loads"},
	{NULL,
	 {"proc/modules", "boot/config-6.13.0"},
	 {"", "CONFIG_INET6_ESP_OFFLOAD=y\n"},
	 "esp6_offload",
	 DOCTOR_OK,
	 "built in"},
	{NULL,
	 {"proc/modules", "boot/config-6.13.0"},
	 {"", "CONFIG_INET6_ESP_OFFLOAD=y\n"},
	 "esp4_offload",
	 DOCTOR_ERROR,
	 "a kernel with CONFIG_INET_ESP_OFFLOAD"},

	{NULL, {0}, {0}, "larval-drop", DOCTOR_OK, "packets wait"},
	{NULL,
	 {"proc/sys/net/core/xfrm_larval_drop"},
	 {"1\n"},
	 "larval-drop",
	 DOCTOR_WARNING,
	 "sysctl -w net.core.xfrm_larval_drop=0"},
	{NULL, {"proc/sys/net/core/xfrm_larval_drop"}, {"\n"}, "larval-drop", DOCTOR_INFO, "unknown"},

	{NULL, {0}, {0}, "clock", DOCTOR_OK, "tsc"},
	{NULL, CLOCK, {"kvm-clock\n"}, "clock", DOCTOR_OK, "kvm-clock"},
	{NULL, CLOCK, {"hpet\n"}, "clock", DOCTOR_WARNING, "\"hpet\""},

	{NULL, {0}, {0}, "privileges", DOCTOR_OK, "effective"},
	{NULL, CAPS("000001ffffffffff"), "privileges", DOCTOR_OK, "effective"},
	{NULL, CAPS("0000000000001000"), "privileges", DOCTOR_WARNING, "without CAP_NET_BIND_SERVICE here"},
	{NULL, CAPS("0000000000000000"), "privileges", DOCTOR_WARNING, "CAP_NET_ADMIN, CAP_NET_BIND_SERVICE"},
	{NULL, {"proc/self/status"}, {"Name:\tx\n"}, "privileges", DOCTOR_INFO, "there is no CapEff"},

	{NULL, {0}, {0}, "limits", DOCTOR_OK, "1024 descriptors"},
	{NULL,
	 {"proc/self/limits"},
	 {"Max open files            unlimited            unlimited            files\n"},
	 "limits",
	 DOCTOR_OK,
	 "descriptors"},
	{NULL,
	 {"proc/self/limits"},
	 {"Max open files            128                  4096                 files\n"},
	 "limits",
	 DOCTOR_WARNING,
	 "LimitNOFILE=256"},
	{NULL, {"proc/self/limits"}, {""}, "limits", DOCTOR_INFO, "unknown"},

	{NULL, {0}, {0}, "ike-ports", DOCTOR_OK, "are free"},
	{NULL,
	 {"proc/net/udp"},
	 {"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	  " 7: 00000000:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0 0\n"},
	 "ike-ports",
	 DOCTOR_WARNING,
	 "UDP port 500 is taken"},
	{NULL,
	 {"proc/net/udp6"},
	 {" 7: 00000000000000000000000000000000:1194 00000000000000000000000000000000:0000 07 00000000:00000000 "
	  "00:00000000 00000000     0        0 4243 2 0 0\n"},
	 "ike-ports",
	 DOCTOR_WARNING,
	 "UDP port 4500 is taken"},
	{NULL,
	 {"proc/net/udp"},
	 {" 7: 00000000:01F5 00000000:01F4 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0 0\n7:\n"},
	 "ike-ports",
	 DOCTOR_OK,
	 "are free"},

	{NULL, {0}, {0}, "policies", DOCTOR_ERROR, "NETLINK_XFRM: Protocol not supported"},
	{NULL, {0}, {0}, "keyrackd", DOCTOR_INFO, "/run/keyrack/keyrackd.vici: No such file"},
	{NULL, {0}, {0}, "device", DOCTOR_ERROR, "there is no network device"},
};

static void made_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doctor_rig *r = doctor_rig_new();

		if (rows[i].release)
			r->config.release = rows[i].release;
		for (int k = 0; k < 2 && rows[i].path[k]; k++)
			files_put(r->files, rows[i].text[k], "%s", rows[i].path[k]);
		doctor_rig_run(r);
		doctor_rig_expect(r, rows[i].check, rows[i].level, rows[i].words);
		doctor_rig_free(r);
	}
}

static void remove_file(struct doctor_rig *r, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", r->files->root, path);
	assert_int_equal(unlink(whole), 0);
}

/* As in a container or a chroot: what cannot be known is no error, and nothing crashes. */
static void without_proc_and_sys(void **state)
{
	static const char *const paths[] = {"proc/modules",
					    "proc/self/status",
					    "proc/self/limits",
					    "proc/net/udp",
					    "boot/config-6.13.0",
					    "proc/sys/net/core/xfrm_larval_drop",
					    "sys/devices/system/clocksource/clocksource0/current_clocksource"};
	static const char *const unknown[] = {"kernel-options", "larval-drop", "clock",
					      "privileges",     "limits",      "ike-ports"};
	struct doctor_rig *r = doctor_rig_new();

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		remove_file(r, paths[i]);
	doctor_rig_run(r);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		doctor_rig_expect(r, unknown[i], DOCTOR_INFO, "unknown");
	doctor_rig_expect(r, "esp4_offload", DOCTOR_ERROR, "neither");
	assert_int_equal(r->worst, DOCTOR_ERROR);
	doctor_rig_free(r);
}

static void options_are_read_gzipped(void **state)
{
	struct doctor_rig *r = doctor_rig_new();
	char path[256];
	gzFile file;

	(void)state;
	files_put(r->files, "", "proc/config.gz");
	snprintf(path, sizeof(path), "%s/proc/config.gz", r->files->root);
	file = gzopen(path, "w");
	assert_non_null(file);
	assert_true(gzputs(file, "CONFIG_XFRM_USER=y\n") > 0);
	assert_int_equal(gzclose(file), Z_OK);
	doctor_rig_run(r);
	doctor_rig_expect(r, "kernel-options", DOCTOR_ERROR, "CONFIG_XFRM_OFFLOAD"); /* it goes before /boot */
	doctor_rig_free(r);
}

/* The process behind a socket, by its descriptors. */
static void who_has_the_ports(void **state)
{
	static const struct {
		const char *comm;
		enum doctor_level level;
		const char *words;
	} owners[] = {{"charon\n", DOCTOR_WARNING, "ports 500 and 4500 are taken by charon"},
		      {"keyrackd\n", DOCTOR_OK, "keyrackd's"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct doctor_rig *r = doctor_rig_new();
		char path[256];

		files_put(r->files,
			  " 7: 00000000:01F4 00000000:0000 07 0:0 00:0 0 0 0 4241 2 0 0\n"
			  " 8: 00000000:1194 00000000:0000 07 0:0 00:0 0 0 0 4242 2 0 0\n",
			  "proc/net/udp");
		files_put(r->files, owners[i].comm, "proc/77/comm");
		files_put(r->files, "", "proc/77/fd/3");
		snprintf(path, sizeof(path), "%s/proc/77/fd/4", r->files->root);
		assert_int_equal(symlink("socket:[4242]", path), 0);
		doctor_rig_run(r);
		doctor_rig_expect(r, "ike-ports", owners[i].level, owners[i].words);
		doctor_rig_free(r);
	}
}

static void a_running_keyrackd(void **state)
{
	json_t *status =
		json_pack("{s:s, s:s, s:s, s:s}", "version", "9.8", "uptime", "12.5", "ike_sas", "3", "children", "7");
	struct doctor_rig *r = doctor_rig_new();

	(void)state;
	r->config.status = status;
	files_put(r->files, "CapEff:\t0\n", "proc/self/status");
	doctor_rig_run(r);
	doctor_rig_expect(r, "keyrackd", DOCTOR_OK, "version 9.8 on no device, up 12 s, 3 IKE SAs, 7 Child SAs");
	doctor_rig_expect(r, "privileges", DOCTOR_INFO, "without CAP_NET_ADMIN"); /* keyrackd has what it needs */
	json_decref(status);
	doctor_rig_free(r);
}

/* Every line has words of its own, and each row is there once. */
static void each_check_speaks_once(void **state)
{
	static const char *const names[] = {"kernel",      "kernel-options", "esp4_offload", "esp6_offload",
					    "larval-drop", "clock",          "privileges",   "limits",
					    "ike-ports",   "policies",       "keyrackd",     "device"};
	struct doctor_rig *r = doctor_rig_new();

	(void)state;
	doctor_rig_run(r);
	assert_int_equal(r->n, sizeof(names) / sizeof(names[0]));
	for (unsigned int i = 0; i < r->n; i++) {
		assert_string_equal(r->lines[i].check, names[i]);
		assert_true(r->lines[i].level < DOCTOR_WARNING || r->lines[i].todo[0]);
	}
	doctor_rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_trees),
		cmocka_unit_test(without_proc_and_sys),
		cmocka_unit_test(options_are_read_gzipped),
		cmocka_unit_test(who_has_the_ports),
		cmocka_unit_test(a_running_keyrackd),
		cmocka_unit_test(each_check_speaks_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
