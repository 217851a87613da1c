/* SPDX-License-Identifier: MIT */
#include "doctor_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_xfrm_reply(void *ctx, const void *msg, size_t len)
{
	struct doctor_rig *r = ctx;

	if (r->lose != r->xfrm_sent)
		datagrams_put(&r->xfrm, msg, len);
}

/* Of a list of features: first those that could be on, then those that are wanted, then those that are on. */
static void on_ethtool_reply(void *ctx, const void *msg, size_t len)
{
	static const char esp[] = "esp-hw-offload";
	struct doctor_rig *r = ctx;
	uint8_t changed[16384];
	unsigned int named = 0;

	assert_true(len <= sizeof(changed));
	memcpy(changed, msg, len);
	for (size_t i = 0; r->esp_named && i + sizeof(esp) <= len; i++)
		if (!memcmp(changed + i, esp, sizeof(esp)) && named++ >= r->esp_named - 1)
			changed[i] = '-';
	datagrams_put(&r->ethtool, changed, len);
}

static int xfrm_request(void *ctx, const void *buf, size_t len)
{
	struct doctor_rig *r = ctx;

	r->xfrm_sent++;
	if (r->lose_request && r->lose == r->xfrm_sent)
		return -ENOBUFS;
	hwsim_netlink(r->card, r->now, buf, len, on_xfrm_reply, r);
	return 0;
}

static int ethtool_request(void *ctx, const void *buf, size_t len)
{
	struct doctor_rig *r = ctx;

	if (!r->deaf)
		hwsim_generic(r->card, r->now, buf, len, on_ethtool_reply, r);
	return 0;
}

static ssize_t xfrm_answer(void *ctx, void *buf, size_t size)
{
	return datagrams_take(&((struct doctor_rig *)ctx)->xfrm, buf, size);
}

static ssize_t ethtool_answer(void *ctx, void *buf, size_t size)
{
	return datagrams_take(&((struct doctor_rig *)ctx)->ethtool, buf, size);
}

static int no_rdma(unsigned int ifindex, struct verbs_device *out)
{
	(void)ifindex, (void)out;
	return -ENODEV;
}

static int no_rdma_at(const struct xfrm_addr *addr, struct verbs_device *out)
{
	(void)addr, (void)out;
	return -ENODEV;
}

static unsigned int no_address(const char *device, struct xfrm_addr *out, unsigned int max)
{
	(void)device, (void)out, (void)max;
	return 0;
}

static uint32_t random_word(void *ctx)
{
	return (uint32_t)prng_next(&((struct doctor_rig *)ctx)->rng);
}

static void pause_ms(void *ctx, unsigned int ms)
{
	struct doctor_rig *r = ctx;

	r->paused_ms += ms;
	r->now += UINT64_C(1000000) * ms;
	if (r->card)
		hwsim_tick(r->card, r->now);
}

static void machine_make(struct files *f)
{
	static const char options[] = "CONFIG_XFRM_USER=m\nCONFIG_XFRM_OFFLOAD=y\nCONFIG_INET_ESP=m\n"
				      "CONFIG_INET_ESP_OFFLOAD=m\nCONFIG_INET6_ESP=m\nCONFIG_INET6_ESP_OFFLOAD=m\n";

	files_put(f, options, "boot/config-6.13.0");
	files_put(f, "esp4_offload 16384 2 - Live 0x0\nesp6_offload 16384 0 - Live 0x0\n", "proc/modules");
	files_put(f, "0\n", "proc/sys/net/core/xfrm_larval_drop");
	files_put(f, "tsc\n", "sys/devices/system/clocksource/clocksource0/current_clocksource");
	files_put(f, "Name:\tkeyrack\nCapEff:\t0000000000001400\n", "proc/self/status");
	files_put(f, "Max open files            1024                 4096                 files\n", "proc/self/limits");
	files_put(f, "  sl  local_address rem_address\n", "proc/net/udp");
}

struct doctor_rig *doctor_rig_new(void)
{
	struct doctor_rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->files = files_new();
	r->rng = prng_init(3);
	r->now = UINT64_C(1000000000000);
	STAILQ_INIT(&r->xfrm);
	STAILQ_INIT(&r->ethtool);
	machine_make(r->files);
	r->config = (struct doctor_config){
		.root = r->files->root,
		.release = "6.13.0",
		.xfrm = {.fd = -1, .err = -EPROTONOSUPPORT},
		.ethtool = {.fd = -1, .err = -EPROTONOSUPPORT},
		.socket = "/run/keyrack/keyrackd.vici",
		.unreachable = "No such file or directory",
		.rdma_by_ifindex = no_rdma,
		.rdma_by_addr = no_rdma_at,
		.addresses = no_address,
		.random = random_word,
		.pause = pause_ms,
		.ctx = r,
	};
	return r;
}

struct doctor_rig *doctor_rig_card(const char *profile, unsigned int queues, uint32_t slots)
{
	const struct hwsim_config config = {.profile = hwsim_profile_find(profile),
					    .slots = slots,
					    .queues = queues,
					    .ifindex = DOCTOR_RIG_IFINDEX,
					    .seed = 5};
	const struct hwsim_ops ops = {.ctx = NULL};
	struct doctor_rig *r = doctor_rig_new();
	char mask[16];

	r->card = hwsim_new(&config, &ops);
	assert_non_null(r->card);
	r->config.device = "eth7";
	r->config.xfrm = (struct doctor_door){{r, xfrm_request, xfrm_answer}, -1, 0};
	r->config.ethtool = (struct doctor_door){{r, ethtool_request, ethtool_answer}, -1, 0};
	files_device(r->files, "eth7", queues, queues);
	for (unsigned int n = 0; n < queues; n++) {
		snprintf(mask, sizeof(mask), "%08x\n", 1u << n);
		files_put(r->files, mask, "sys/class/net/eth7/queues/tx-%u/xps_cpus", n);
	}
	files_put(r->files, "9\n", "sys/class/net/eth7/ifindex");
	files_put(r->files, "0x1003\n", "sys/class/net/eth7/flags");
	files_put(r->files, "1\n", "sys/class/net/eth7/carrier");
	files_put(r->files, "100000\n", "sys/class/net/eth7/speed");
	files_put(r->files, "9000\n", "sys/class/net/eth7/mtu");
	return r;
}

static void drain(struct datagrams *q)
{
	struct datagram *d;

	while ((d = STAILQ_FIRST(q))) {
		STAILQ_REMOVE_HEAD(q, next);
		free(d);
	}
}

uint32_t doctor_rig_used(struct doctor_rig *r)
{
	struct hwsim_stats s;

	hwsim_stats(r->card, &s);
	return s.total.used;
}

void doctor_rig_free(struct doctor_rig *r)
{
	char why[256] = "";

	if (r->card && hwsim_check(r->card, why, sizeof(why)))
		fail_msg("%s", why);
	if (r->card)
		assert_int_equal(doctor_rig_used(r), 0);
	hwsim_free(r->card);
	drain(&r->xfrm);
	drain(&r->ethtool);
	files_free(r->files);
	free(r);
}

static void on_line(void *ctx, const struct doctor_line *line)
{
	struct doctor_rig *r = ctx;

	assert_true(r->n < DOCTOR_RIG_LINES);
	assert_int_not_equal(line->text[0], '\0');
	r->lines[r->n] = *line;
	r->lines[r->n++].device = NULL; /* it may be gone */
}

void doctor_rig_run(struct doctor_rig *r)
{
	r->n = 0;
	r->xfrm_sent = 0;
	r->worst = doctor_run(&r->config, on_line, r);
}

static const struct doctor_line *find(const struct doctor_rig *r, const char *check)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (!strcmp(r->lines[i].check, check))
			return &r->lines[i];
	return NULL;
}

const struct doctor_line *doctor_rig_line(const struct doctor_rig *r, const char *check)
{
	const struct doctor_line *l = find(r, check);

	if (!l)
		fail_msg("there is no line of %s", check);
	return l;
}

void doctor_rig_expect(const struct doctor_rig *r, const char *check, enum doctor_level level, const char *words)
{
	const struct doctor_line *l = find(r, check);

	if (!l)
		fail_msg("there is no line of %s", check);
	else if (l->level != level || (!strstr(l->text, words) && !strstr(l->todo, words)))
		fail_msg("%s: expected %s and \"%s\", and it is %s: %s. To do: %s", check, doctor_level_name(level),
			 words, doctor_level_name(l->level), l->text, l->todo);
}
