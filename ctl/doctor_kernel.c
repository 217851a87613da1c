/* SPDX-License-Identifier: MIT */
/* The kernel: its version, how it was built, its modules and its clock. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/doctor_priv.h"

/* ---- version ---- */

static const struct feature {
	unsigned int major, minor, patch;
	enum doctor_level level; /* of its lack */
	const char *text;
} features[] = {
	{6, 2, 0, DOCTOR_ERROR, "packet offload (6.2)"},
	{6, 7, 0, DOCTOR_WARNING, "byte and packet limits in mlx5's packet offload (6.7)"},
	{6, 10, 0, DOCTOR_WARNING, "XFRMA_SA_DIR (6.10)"},
	/* it was also taken into the 6.12 long-term series; Debian's 6.12.117 has it */
	{6, 12, 117, DOCTOR_WARNING, "XFRMA_SA_PCPU, an SA for each CPU (6.13)"},
};

/* "6.12.117+deb13-amd64". False: it does not begin with two numbers. */
static bool release_read(const char *release, unsigned long v[3])
{
	char *end;

	v[0] = strtoul(release, &end, 10);
	if (end == release || *end != '.')
		return false;
	release = end + 1;
	v[1] = strtoul(release, &end, 10);
	if (end == release)
		return false;
	v[2] = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return true;
}

bool doctor_release_is(const char *release, unsigned int major, unsigned int minor, unsigned int patch)
{
	unsigned long v[3];

	if (!release_read(release, v))
		return true;
	if (v[0] != major)
		return v[0] > major;
	return v[1] != minor ? v[1] > minor : v[2] >= patch;
}

void doctor_kernel_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const char *release = d->config->release;
	enum doctor_level level = DOCTOR_OK;
	char lacks[DOCTOR_TEXT / 2] = "";
	unsigned long v[3];

	(void)row;
	if (!release_read(release, v)) {
		doctor_say(l, DOCTOR_INFO, "Linux \"%s\": no version that could be compared", release);
		return;
	}
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];

		if (doctor_release_is(release, f->major, f->minor, f->patch))
			continue;
		doctor_list(lacks, sizeof(lacks), "%s", f->text);
		if (f->level > level)
			level = f->level;
	}
	if (!lacks[0]) {
		doctor_say(l, DOCTOR_OK, "Linux %s: packet offload, SA direction and per-CPU SAs are known to it",
			   release);
		return;
	}
	doctor_say(l, level, "Linux %s is without %s", release, lacks);
	doctor_advise(l, "use Linux 6.13 or newer");
}

/* ---- options ---- */

static const char *const option_names[] = {"CONFIG_XFRM_USER", "CONFIG_XFRM_OFFLOAD",
					   "CONFIG_INET_ESP",  "CONFIG_INET_ESP_OFFLOAD",
					   "CONFIG_INET6_ESP", "CONFIG_INET6_ESP_OFFLOAD"};

enum { OPTIONS = sizeof(option_names) / sizeof(option_names[0]) };

struct options {
	bool seen;           /* the file has options at all */
	char value[OPTIONS]; /* 'y', 'm'; 0: not set */
};

static bool option_line(void *ctx, char *text)
{
	struct options *o = ctx;

	o->seen = o->seen || !strncmp(text, "CONFIG_", 7);
	for (size_t i = 0; i < OPTIONS; i++) {
		size_t n = strlen(option_names[i]);

		if (!strncmp(text, option_names[i], n) && text[n] == '=' && (text[n + 1] == 'y' || text[n + 1] == 'm'))
			o->value[i] = text[n + 1];
	}
	return true;
}

static bool options_read(const struct doctor *d, struct options *o)
{
	const char *release = d->config->release;

	*o = (struct options){.seen = false};
	if (!doctor_file_lines(d, option_line, o, "proc/config.gz") && o->seen)
		return true;
	if (!doctor_file_lines(d, option_line, o, "boot/config-%s", release) && o->seen)
		return true;
	return !doctor_file_lines(d, option_line, o, "lib/modules/%s/config", release) && o->seen;
}

void doctor_options_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	char lacks[DOCTOR_TEXT / 2] = "";
	struct options o;

	(void)row;
	if (!options_read(d, &o)) {
		doctor_say(l, DOCTOR_INFO, "unknown: neither /proc/config.gz nor /boot/config-%s can be read",
			   d->config->release);
		return;
	}
	for (size_t i = 0; i < OPTIONS; i++)
		if (!o.value[i])
			doctor_list(lacks, sizeof(lacks), "%s", option_names[i]);
	if (lacks[0]) {
		doctor_say(l, DOCTOR_ERROR, "the kernel is built without %s", lacks);
		doctor_advise(l, "use a kernel that has them, as Debian's do");
		return;
	}
	doctor_say(l, DOCTOR_OK, "XFRM, its offload and ESP for IPv4 and IPv6 are built in or modules");
}

/* ---- modules ---- */

struct search {
	const char *text;
	bool found;
};

static bool starts_line(void *ctx, char *text)
{
	struct search *s = ctx;
	size_t n = strlen(s->text);

	s->found = !strncmp(text, s->text, n) && text[n] == ' ';
	return !s->found;
}

static bool in_line(void *ctx, char *text)
{
	struct search *s = ctx;

	s->found = strstr(text, s->text) != NULL;
	return !s->found;
}

/* 'y', 'm', or 0: not set; '?': the kernel's options cannot be read. */
static char option_value(const struct doctor *d, const char *name)
{
	struct options o;

	if (!options_read(d, &o))
		return '?';
	for (size_t i = 0; i < OPTIONS; i++)
		if (!strcmp(option_names[i], name))
			return o.value[i];
	return '?';
}

static const char *module_option(const char *name)
{
	return strchr(name, '6') ? "CONFIG_INET6_ESP_OFFLOAD" : "CONFIG_INET_ESP_OFFLOAD";
}

/* NULL: it is nowhere. */
static const char *module_state(const struct doctor *d, const char *name)
{
	const char *release = d->config->release;
	struct search s = {.text = name};
	char file[64];

	if (!doctor_file_lines(d, starts_line, &s, "proc/modules") && s.found)
		return "loaded";
	snprintf(file, sizeof(file), "/%s.ko", name);
	s.text = file;
	if (!doctor_file_lines(d, in_line, &s, "lib/modules/%s/modules.builtin", release) && s.found)
		return "built in";
	if (!doctor_file_lines(d, in_line, &s, "lib/modules/%s/modules.dep", release) && s.found)
		return "a module, which the kernel loads when it is needed";
	if (option_value(d, module_option(name)) == 'y')
		return "built in";
	return NULL;
}

void doctor_module_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const char *state = module_state(d, row->name);

	if (state) {
		doctor_say(l, DOCTOR_OK, "%s", state);
		return;
	}
	doctor_say(l, DOCTOR_ERROR, "neither loaded, nor built in, nor below /lib/modules/%s: IPv%c is not offloaded",
		   d->config->release, row->name[3]);
	if (option_value(d, module_option(row->name)))
		doctor_advise(l, "modprobe %s, or a kernel that has it", row->name);
	else
		doctor_advise(l, "a kernel with %s, as Debian's", module_option(row->name));
}

/* ---- packets that find no SA ---- */

void doctor_larval_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	int64_t drop = doctor_file_number(d, "proc/sys/net/core/xfrm_larval_drop");

	(void)row;
	if (drop < 0) {
		doctor_say(l, DOCTOR_INFO, "unknown: net.core.xfrm_larval_drop: %s", strerror((int)-drop));
		return;
	}
	if (!drop) {
		doctor_say(l, DOCTOR_OK, "packets wait for an SA, and while the kernel's SA tables grow");
		return;
	}
	doctor_say(
		l, DOCTOR_WARNING,
		"packets that wait for an SA are dropped, and so are those that meet the kernel's SA tables growing");
	doctor_advise(l, "sysctl -w net.core.xfrm_larval_drop=0");
}

/* ---- clock ---- */

void doctor_clock_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	/* those that are read without a system call: arch/x86/entry/vdso, lib/vdso */
	static const char *const fast[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"};
	char name[64];
	int err = doctor_file_read(d, name, sizeof(name),
				   "sys/devices/system/clocksource/clocksource0/current_clocksource");

	(void)row;
	if (err) {
		doctor_say(l, DOCTOR_INFO, "unknown: current_clocksource: %s", strerror(-err));
		return;
	}
	for (size_t i = 0; i < sizeof(fast) / sizeof(fast[0]); i++)
		if (!strcmp(name, fast[i])) {
			doctor_say(l, DOCTOR_OK, "%s", name);
			return;
		}
	doctor_say(l, DOCTOR_WARNING, "time is read from \"%s\", which costs a system call or more", name);
	doctor_advise(l, "see available_clocksource beside current_clocksource; boot with tsc=reliable if the TSC is");
}
