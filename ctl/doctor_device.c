/* SPDX-License-Identifier: MIT */
/* A device: what it says of itself, and what is known of such devices. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cli.h"
#include "ctl/doctor_priv.h"

enum { HWSIM_IFINDEX = 1 }; /* nic.ifindex's default */

/* ---- finding ---- */

static int ifindex_of(const struct doctor *d, const char *name)
{
	int64_t n;

	if (d->config->hwsim)
		return HWSIM_IFINDEX;
	if (!name[0] || strchr(name, '/') || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	n = doctor_file_number(d, "sys/class/net/%s/ifindex", name);
	return n > 0 && n <= INT32_MAX ? (int)n : -ENODEV;
}

struct found {
	struct doctor *d;
	char (*names)[DOCTOR_NAME];
	unsigned int n, max;
	char *seen;
	size_t size;
};

static void device_seen(void *ctx, const char *name)
{
	struct nic_features features = {0};
	char driver[ETHTOOL_NAME] = "";
	struct found *f = ctx;
	int index = ifindex_of(f->d, name), err;

	if (index < 0 || f->n == f->max)
		return;
	err = doctor_ethtool_open(f->d, index);
	if (!err)
		err = doctor_ask_features(f->d, &features);
	if (!err && features.esp)
		snprintf(f->names[f->n++], DOCTOR_NAME, "%s", name);
	else if (strcmp(name, "lo") != 0 && !doctor_ask_driver(f->d, driver))
		doctor_list(f->seen, f->size, "%s (%s)", name, driver);
	else if (strcmp(name, "lo") != 0)
		doctor_list(f->seen, f->size, "%s", name);
	doctor_ethtool_close(f->d);
}

unsigned int doctor_devices_find(struct doctor *d, char (*names)[DOCTOR_NAME], unsigned int max, char *seen,
				 size_t size)
{
	struct found f = {d, names, 0, max, seen, size};

	(void)doctor_file_names(d, "", device_seen, &f, "sys/class/net");
	return f.n;
}

/* ---- reading ---- */

static void profile_choose(struct doctor *d)
{
	struct doctor_device *v = &d->device;
	const char *told = doctor_keyrackd_has(d) ? cli_text(d->config->status, "profile", "") : "";

	v->profile = told[0] ? offload_profile_find(told) : NULL;
	if (!v->profile)
		v->profile = offload_profile_for_driver(v->driver);
}

int doctor_device_open(struct doctor *d, const char *name)
{
	struct doctor_device *v = &d->device;
	struct queues_config config = {.ifname = v->name, .root = d->config->hwsim ? NULL : d->config->root};
	int index = ifindex_of(d, name), err;

	if (index < 0)
		return index;
	*v = (struct doctor_device){.ifindex = index};
	snprintf(v->name, sizeof(v->name), "%s", name);
	err = doctor_ethtool_open(d, index);
	v->driver_err = err ? err : doctor_ask_driver(d, v->driver);
	v->features_err = err ? err : doctor_ask_features(d, &v->features);
	v->channels_err = err ? err : doctor_ask_channels(d, &v->channels);
	v->rss_err = err ? err : doctor_ask_rss(d, &v->rss);
	profile_choose(d);
	config.rss_spi = v->profile->rss_spi;
	config.esp_rules = v->profile->esp_rules;
	v->queues_err = err ? err : doctor_ask_queues(d, &config, &v->queues);
	return 0;
}

void doctor_device_close(struct doctor *d)
{
	doctor_ethtool_close(d);
	queues_free(d->device.queues);
	d->device.queues = NULL;
}

/* ---- checks ---- */

void doctor_link_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const char *name = d->device.name;
	int64_t flags, speed;

	(void)row;
	flags = doctor_file_number(d, "sys/class/net/%s/flags", name);
	if (flags < 0) {
		doctor_say(l, DOCTOR_INFO, "unknown: flags: %s", strerror((int)-flags));
		return;
	}
	if (!(flags & IFF_UP)) {
		doctor_say(l, DOCTOR_ERROR, "%s is down, and holds no SAs then", name);
		doctor_advise(l, "ip link set %s up", name);
		return;
	}
	if (doctor_file_number(d, "sys/class/net/%s/carrier", name) == 0) {
		doctor_say(l, DOCTOR_WARNING, "%s is up, without a carrier", name);
		doctor_advise(l, "see to cable, transceiver and the other end");
		return;
	}
	speed = doctor_file_number(d, "sys/class/net/%s/speed", name);
	if (speed > 0)
		doctor_say(l, DOCTOR_OK, "up, %lld Mbit/s", (long long)speed);
	else
		doctor_say(l, DOCTOR_OK, "up");
}

void doctor_features_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const struct doctor_device *v = &d->device;
	const struct nic_features *f = &v->features;
	char off[DOCTOR_TEXT / 2] = "";

	(void)row;
	if (v->features_err) {
		doctor_say(l, DOCTOR_WARNING, "cannot be read: %s", strerror(-v->features_err));
		doctor_advise(l, "without them nothing tells whether %s offloads ESP: try --probe", v->name);
		return;
	}
	if (!f->esp && !f->esp_can) {
		doctor_say(l, DOCTOR_ERROR,
			   "there is no esp-hw-offload: the card, its firmware or its driver has no IPsec");
		doctor_advise(l, "another NIC, or a firmware and a driver with IPsec; until then SAs run in software");
		return;
	}
	if (!f->esp) {
		doctor_say(l, DOCTOR_ERROR, "esp-hw-offload is off");
		doctor_advise(l, "ethtool -K %s esp-hw-offload on", v->name);
		return;
	}
	if (!f->esp_csum)
		doctor_list(off, sizeof(off), "esp-tx-csum-hw-offload");
	if (!f->esp_gso)
		doctor_list(off, sizeof(off), "tx-esp-segmentation");
	if (!off[0]) {
		doctor_say(l, DOCTOR_OK, "esp-hw-offload, esp-tx-csum-hw-offload and tx-esp-segmentation are on");
		return;
	}
	doctor_say(l, DOCTOR_INFO, "esp-hw-offload is on; off: %s", off);
	if (!d->config->hwsim)
		doctor_advise(l, "ethtool -K %s turns them on where the card can, for less work a packet", v->name);
}

void doctor_profile_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const struct doctor_device *v = &d->device;
	const struct offload_profile *p = v->profile;

	(void)row;
	if (!strcmp(p->name, "generic")) {
		doctor_say(l, DOCTOR_INFO, "generic: nothing is known of driver \"%s\", so everything is tried",
			   v->driver_err ? "?" : v->driver);
		doctor_advise(
			l, "nic.profile names another, if the card is like one of them; --probe shows what it takes");
		return;
	}
	doctor_say(l, p->packet ? DOCTOR_OK : DOCTOR_WARNING, "%s: %s%s%s%s%s", p->name,
		   p->packet && p->crypto ? "packet and crypto offload"
		   : p->packet            ? "packet offload"
					  : "crypto offload only",
		   p->esn ? ", ESN" : ", no ESN", p->packet && !p->tunnel_packet ? ", transport mode only" : "",
		   p->tx_by_reqid ? ", one outbound SA a tunnel (found by reqid)" : "", p->limits ? "" : ", no limits");
	if (!p->packet)
		doctor_advise(l, "the CPU does the rest of ESP, and counts; packet offload takes another card");
}

/* ---- the table ---- */

static void known_print(const struct offload_profile *p, char *buf, size_t size)
{
	if (!p->size_in && !p->size_out)
		snprintf(buf, size, "known: no");
	else if (p->shared)
		snprintf(buf, size, "known: %u for both directions", p->size_in);
	else
		snprintf(buf, size, "known: %u in%s, %u out", p->size_in, p->in_per_family ? " (each family)" : "",
			 p->size_out);
}

/* What keyrackd has in use; a pool it has learned to be smaller than configured is worth a word. */
static bool pools_print(const json_t *pools, char *buf, size_t size)
{
	bool smaller = false;
	const char *name;
	json_t *pool;

	json_object_foreach((json_t *)pools, name, pool)
	{
		const char *learned = cli_text(pool, "learned", "");

		doctor_list(buf, size, "%s configured %s%s%s, in use %s of %s", name, cli_text(pool, "configured", "?"),
			    learned[0] ? ", learned " : ", nothing learned", learned, cli_text(pool, "occ", "?"),
			    cli_text(pool, "size", "?"));
		smaller = smaller || (learned[0] && cli_number(pool, "learned") < cli_number(pool, "configured"));
	}
	return smaller;
}

void doctor_table_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const struct offload_profile *p = d->device.profile;
	char known[96], pools[DOCTOR_TEXT / 2] = "";
	bool smaller;

	(void)row;
	known_print(p, known, sizeof(known));
	if (!doctor_keyrackd_has(d)) {
		doctor_say(l, p->size_in ? DOCTOR_OK : DOCTOR_WARNING,
			   "%s; configured and learned: ask with keyrackd "
			   "running on it",
			   known);
		if (!p->size_in)
			doctor_advise(l, "nic.slots = N, from the card's data sheet; what it refuses is learned");
		return;
	}
	smaller = pools_print(json_object_get(d->config->status, "pools"), pools, sizeof(pools));
	doctor_say(l, smaller ? DOCTOR_WARNING : DOCTOR_OK, "%s; %s", known, pools[0] ? pools : "keyrackd has no pool");
	if (smaller)
		doctor_advise(l, "the card took less than was configured: set nic.slots to what was learned, or see "
				 "what else has SAs on it");
}
