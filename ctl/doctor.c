/* SPDX-License-Identifier: MIT */
#include "ctl/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/doctor_priv.h"

/* Paths are of the Linux source where they are no file of the running system. */
static const struct doctor_check machine_checks[] = {
	{"kernel", doctor_kernel_check, true, "uname(2); net/xfrm/xfrm_device.c, include/uapi/linux/xfrm.h"},
	{"kernel-options", doctor_options_check, true,
	 "/proc/config.gz, /boot/config-*; net/xfrm/Kconfig, net/ipv4/Kconfig"},
	{"esp4_offload", doctor_module_check, true,
	 "/proc/modules, modules.builtin, modules.dep; xfrm_get_type_offload()"},
	{"esp6_offload", doctor_module_check, true,
	 "/proc/modules, modules.builtin, modules.dep; xfrm_get_type_offload()"},
	{"larval-drop", doctor_larval_check, true, "net/xfrm/xfrm_policy.c, xfrm_lookup_with_ifid()"},
	{"clock", doctor_clock_check, false, "Documentation/ABI/testing/sysfs-devices-system-clocksource"},
	{"privileges", doctor_privileges_check, false, "proc(5), /proc/self/status; capabilities(7)"},
	{"limits", doctor_limits_check, false, "proc(5), /proc/self/limits"},
	{"ike-ports", doctor_ike_check, false, "proc(5), /proc/net/udp and udp6; RFC 7296 2"},
	{"policies", doctor_policies_check, false, "XFRM_MSG_GETPOLICY; net/xfrm/xfrm_policy.c"},
	{"keyrackd", doctor_keyrackd_check, false, "docs/vici.md, get-status"},
};

static const struct doctor_check device_checks[] = {
	{"link", doctor_link_check, true, "Documentation/ABI/testing/sysfs-class-net: flags, carrier, speed"},
	{"features", doctor_features_check, false,
	 "ethtool-netlink.rst, ETHTOOL_MSG_FEATURES_GET; netdev-features.rst"},
	{"profile", doctor_profile_check, false, "ETHTOOL_GDRVINFO; offload/profile.c"},
	{"probe", doctor_probe_off_check, false, "keyrack(1)"},
	{"packet-in", doctor_probe_check, false,
	 "XFRM_MSG_NEWSA, XFRMA_OFFLOAD_DEV; Documentation/networking/xfrm_device.rst"},
	{"packet-out", doctor_probe_check, false, "the same"},
	{"crypto-in", doctor_probe_check, false, "the same"},
	{"crypto-out", doctor_probe_check, false, "the same"},
	{"table", doctor_table_check, false, "offload/profile.c; docs/vici.md, get-status"},
	{"channels", doctor_channels_check, false, "ETHTOOL_MSG_CHANNELS_GET"},
	{"rss", doctor_rss_check, false, "ETHTOOL_MSG_RSS_GET, ETHTOOL_GRSSH; offload/profile.c"},
	{"irq", doctor_irq_check, true, "/proc/irq/N/effective_affinity_list; offload/queues.h"},
	{"xps", doctor_xps_check, false, "Documentation/networking/scaling.rst; offload/queues.h"},
	{"steering", doctor_steering_check, false, "docs/vici.md, list-queues"},
	{"mtu", doctor_mtu_check, true, "RFC 4303 2, RFC 4106 8; RFC 3948 2.1"},
	{"rdma", doctor_rdma_check, true, "offload/verbs.h"},
};

static const struct doctor_check device_row = {"device", NULL, false, "/sys/class/net"};

enum {
	MACHINE_CHECKS = sizeof(machine_checks) / sizeof(machine_checks[0]),
	DEVICE_CHECKS = sizeof(device_checks) / sizeof(device_checks[0]),
};

const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = {"ok", "info", "warning", "error"};

	return names[level];
}

void doctor_say(struct doctor_line *l, enum doctor_level level, const char *fmt, ...)
{
	va_list ap;

	l->level = level;
	va_start(ap, fmt);
	(void)vsnprintf(l->text, sizeof(l->text), fmt, ap);
	va_end(ap);
}

void doctor_advise(struct doctor_line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(l->todo, sizeof(l->todo), fmt, ap);
	va_end(ap);
}

void doctor_list(char *list, size_t size, const char *fmt, ...)
{
	size_t n = strlen(list);
	va_list ap;

	if (n && n + 2 < size) {
		memcpy(list + n, ", ", 3);
		n += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(list + n, size - n, fmt, ap);
	va_end(ap);
}

bool doctor_keyrackd_has(const struct doctor *d)
{
	const char *device = json_string_value(json_object_get(d->config->status, "device"));

	return device && !strcmp(device, d->device.name);
}

/* ---- running ---- */

struct run {
	struct doctor d;
	enum doctor_level worst;
	void (*line)(void *ctx, const struct doctor_line *line);
	void *ctx;
};

static void say(struct run *r, const struct doctor_line *l)
{
	if (!l->text[0])
		return;
	if (l->level > r->worst)
		r->worst = l->level;
	r->line(r->ctx, l);
}

static void run_all(struct run *r, const struct doctor_check *rows, size_t n, const char *device)
{
	for (size_t i = 0; i < n; i++) {
		struct doctor_line l = {.check = rows[i].name, .device = device};

		if (rows[i].kernel && r->d.config->hwsim)
			continue;
		rows[i].run(&r->d, &rows[i], &l);
		say(r, &l);
	}
}

static void device_run(struct run *r, const char *name)
{
	struct doctor_line l = {.check = device_row.name, .device = name};
	int err = doctor_device_open(&r->d, name);

	if (err) {
		doctor_say(&l, DOCTOR_ERROR, "\"%s\": %s", name, strerror(-err));
		doctor_advise(&l, "`ip link` lists what there is");
		say(r, &l);
		return;
	}
	doctor_say(&l, DOCTOR_OK, "%s, interface %d, driver %s", name, r->d.device.ifindex,
		   r->d.device.driver_err ? "unknown" : r->d.device.driver);
	say(r, &l);
	run_all(r, device_checks, DEVICE_CHECKS, name);
	doctor_device_close(&r->d);
}

static void devices_run(struct run *r)
{
	char names[DOCTOR_DEVICES_MAX][DOCTOR_NAME], seen[DOCTOR_TEXT / 2] = "";
	unsigned int n = doctor_devices_find(&r->d, names, DOCTOR_DEVICES_MAX, seen, sizeof(seen));
	struct doctor_line l = {.check = device_row.name};

	for (unsigned int i = 0; i < n; i++)
		device_run(r, names[i]);
	if (n)
		return;
	doctor_say(&l, DOCTOR_ERROR, "none says that it offloads ESP (esp-hw-offload): %s",
		   seen[0] ? seen : "there is no network device");
	doctor_advise(&l, "a NIC with IPsec offload and its driver; `keyrack doctor DEVICE` says more of one");
	say(r, &l);
}

enum doctor_level doctor_run(const struct doctor_config *config,
			     void (*line)(void *ctx, const struct doctor_line *line), void *ctx)
{
	struct run r = {.d = {.config = config}, .line = line, .ctx = ctx};

	run_all(&r, machine_checks, MACHINE_CHECKS, NULL);
	if (config->device)
		device_run(&r, config->device);
	else
		devices_run(&r);
	doctor_xfrm_close(&r.d);
	return r.worst;
}
