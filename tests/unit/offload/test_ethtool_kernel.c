/* SPDX-License-Identifier: MIT */
/*
 * The ethtool driver and the queue map on the kernel of this machine: a veth pair with four queues in a network
 * namespace of the test's own, with that namespace's sysfs. Needs root; skips with the reason otherwise. What depends
 * on the kernel's options is not judged, only that it is reported.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>

#include "base/ethtool_uapi.h"
#include "offload/queues.h"
#include "offload/sysfs.h"

enum { SKIPPED = 77, ANSWER_MS = 5000, QUEUES = 4 };

static char root[] = "/tmp/kr-root-XXXXXX";

struct fixture {
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd;
	struct ethtool *e;
	struct queues *queues;
	struct log log;
	unsigned int calls, changes, counters, maps;
	char what[QUEUES_TEXT];
	int err;
	struct nic_channels channels;
	struct nic_features features;
	char driver[ETHTOOL_NAME];
};

/* One rtnetlink request. 0 or -errno. */
static int route(struct nlmsghdr *nlh)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = -EIO;
	union {
		struct nlmsghdr nlh;
		uint8_t room[4096];
	} u;

	if (fd < 0)
		return -errno;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, nlh, nlh->nlmsg_len, 0) == (ssize_t)nlh->nlmsg_len && recv(fd, &u, sizeof(u), 0) > 0 &&
	    u.nlh.nlmsg_type == NLMSG_ERROR)
		err = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(&u.nlh))->error;
	close(fd);
	return err;
}

/* kr0 and kr1, with QUEUES queues in each direction. */
static int make_veth(void)
{
	union {
		struct nlmsghdr nlh;
		uint8_t room[1024];
	} u = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&u);
	struct nlattr *link, *data, *peer;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "kr0");
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, QUEUES);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, QUEUES);
	link = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "kr1");
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, QUEUES);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, QUEUES);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, link);
	return route(nlh);
}

static void on_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	(void)ctx;
	print_message("    %s %s: %s\n", log_level_name(level), event, text);
}

static void on_changed(void *ctx, const char *what)
{
	struct fixture *f = ctx;

	f->changes++;
	if (f->queues)
		queues_notified(f->queues, what);
}

static void on_map(void *ctx, const char *what)
{
	struct fixture *f = ctx;

	f->maps++;
	snprintf(f->what, sizeof(f->what), "%s", what);
}

static int setup(void **state)
{
	static struct fixture f;
	struct ethtool_events events = {.ctx = &f, .changed = on_changed};

	memset(&f, 0, sizeof(f));
	f.log = (struct log){LOG_LEVEL_DEBUG, NULL, on_line};
	assert_int_equal(ethtool_kernel_open(&f.requests, &f.request_fd, &f.multicast, &f.multicast_fd), 0);
	f.e = ethtool_new(&f.requests, &f.multicast, &events, (int)if_nametoindex("kr0"), &f.log);
	assert_non_null(f.e);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ethtool_free(f->e);
	queues_free(f->queues);
	ethtool_transport_close(&f->requests);
	ethtool_transport_close(&f->multicast);
	ethtool_transport_close(&f->multicast);
	return 0;
}

static void keep(struct fixture *f, const struct ethtool_result *r)
{
	f->calls++;
	f->err = r->err;
	if (r->err)
		print_message("    %s%s%s\n", strerror(-r->err), r->text ? ": " : "", r->text ? r->text : "");
}

static void on_plain(void *ctx, const struct ethtool_result *r)
{
	keep(ctx, r);
}

static void on_channels(void *ctx, const struct ethtool_result *r, const struct nic_channels *channels)
{
	keep(ctx, r);
	if (channels)
		((struct fixture *)ctx)->channels = *channels;
}

static void on_rss(void *ctx, const struct ethtool_result *r, const struct nic_rss *rss)
{
	(void)rss;
	keep(ctx, r);
}

static void on_features(void *ctx, const struct ethtool_result *r, const struct nic_features *features)
{
	keep(ctx, r);
	if (features)
		((struct fixture *)ctx)->features = *features;
}

static void on_driver(void *ctx, const struct ethtool_result *r, const char *name)
{
	struct fixture *f = ctx;

	keep(f, r);
	snprintf(f->driver, sizeof(f->driver), "%s", name ? name : "");
}

static void each_counter(void *ctx, const char *name, uint64_t value)
{
	(void)value;
	assert_true(name[0]);
	((struct fixture *)ctx)->counters++;
}

static void a_veth(void **state)
{
	struct fixture *f = *state;
	struct nic_rule rule = {{AF_INET, {192, 0, 2, 2}}, 77, 2};
	struct ethtool_counters counters;

	assert_int_equal(ethtool_channels_get(f->e, on_channels, f), 0);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->channels.rx + f->channels.combined, QUEUES);
	assert_int_equal(f->channels.tx + f->channels.combined, QUEUES);
	assert_int_equal(ethtool_features_get(f->e, on_features, f), 0);
	assert_int_equal(f->err, 0);
	assert_false(f->features.esp || f->features.esp_can);
	assert_int_equal(ethtool_driver_get(f->e, on_driver, f), 0);
	assert_string_equal(f->driver, "veth");
	assert_int_equal(ethtool_stats_get(f->e, each_counter, on_plain, f), 0);
	assert_int_equal(f->err, 0);
	assert_true(f->counters > 0);
	/* a veth has neither RSS nor rules, by netlink or by ioctl */
	assert_int_equal(ethtool_rss_get(f->e, on_rss, f), 0);
	assert_int_equal(f->err, -EOPNOTSUPP);
	assert_int_equal(ethtool_rule_add(f->e, &rule, on_plain, f), 0);
	assert_int_equal(f->err, -EOPNOTSUPP);
	assert_int_equal(f->calls, 6);
	ethtool_counters_get(f->e, &counters);
	assert_int_equal(counters.malformed, 0);
	assert_true(counters.ioctls >= 5);
}

static void a_device_that_is_gone(void **state)
{
	struct fixture *f = *state;

	ethtool_free(f->e);
	f->e = ethtool_new(&f->requests, &f->multicast, NULL, 9999, &f->log);
	assert_int_equal(ethtool_channels_get(f->e, on_channels, f), 0);
	assert_int_equal(f->err, -ENODEV);
	assert_int_equal(ethtool_driver_get(f->e, on_driver, f), 0);
	assert_int_equal(f->err, -ENODEV);
}

static void set_channels(uint32_t n)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_SCHANNELS, .rx_count = n, .tx_count = n};
	struct ifreq r = {.ifr_name = "kr0", .ifr_data = (void *)&c};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (ioctl(fd, SIOCETHTOOL, &r))
		fail_msg("SCHANNELS: %s", strerror(errno));
	close(fd);
}

static void wait_for_map(struct fixture *f, unsigned int maps)
{
	while (f->maps < maps) {
		struct pollfd p[2] = {{f->request_fd, POLLIN, 0}, {f->multicast_fd, POLLIN, 0}};

		assert_true(poll(p, 2, ANSWER_MS) > 0);
		ethtool_process(f->e);
	}
}

static void on_restored(void *ctx)
{
	((struct fixture *)ctx)->calls++;
}

/* With the kernel's own XPS files, and CHANNELS_NTF. */
static void a_map_of_a_veth(void **state)
{
	struct fixture *f = *state;
	struct queues_events events = {f, on_map};
	struct queues_config config = {.ifname = "kr0", .root = root, .manage = true, .log = &f->log};
	struct cpuset online, xps;
	bool files = !sysfs_xps_get(root, "kr0", 0, &xps);

	f->queues = queues_new(&config, f->e, &events);
	assert_non_null(f->queues);
	assert_int_equal(queues_refresh(f->queues), 0);
	wait_for_map(f, 1);
	assert_int_equal(sysfs_cpus_online(root, &online), 0);
	assert_int_equal(queues_count(f->queues), cpuset_count(&online));
	assert_int_equal(queues_tx_count(f->queues), QUEUES);
	for (unsigned int n = 0; files && n < queues_count(f->queues); n++) {
		const struct queue *q = queues_at(f->queues, n);

		assert_true(q->out == (queues_count(f->queues) > QUEUES ? QUEUES_OUT_SHARED : QUEUES_OUT_XPS) ||
			    n >= QUEUES);
		assert_int_equal(sysfs_xps_get(root, "kr0", (unsigned int)q->tx, &xps), 0);
		assert_true(cpuset_has(&xps, q->cpu));
	}
	if (!files)
		print_message("    this kernel has no XPS: %s\n", queues_poor(f->queues));
	set_channels(2);
	wait_for_map(f, 2);
	assert_int_equal(queues_tx_count(f->queues), 2);
	set_channels(QUEUES);
	wait_for_map(f, 3);
	assert_int_equal(queues_restore(f->queues, on_restored, f), 0);
	assert_int_equal(f->calls, 1);
	for (unsigned int n = 0; files && n < QUEUES; n++) {
		assert_int_equal(sysfs_xps_get(root, "kr0", n, &xps), 0);
		assert_int_equal(cpuset_count(&xps), 0);
	}
}

/* This namespace's sysfs at root/sys. */
static int mount_files(void)
{
	char path[64];

	if (!mkdtemp(root))
		return -errno;
	snprintf(path, sizeof(path), "%s/proc", root);
	if (symlink("/proc", path))
		return -errno;
	snprintf(path, sizeof(path), "%s/sys", root);
	if (mkdir(path, 0755) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", path, "sysfs", 0, NULL))
		return -errno;
	return 0;
}

static void unmount_files(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/sys", root);
	(void)umount2(path, MNT_DETACH);
	(void)rmdir(path);
	snprintf(path, sizeof(path), "%s/proc", root);
	(void)unlink(path);
	(void)rmdir(root);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {CASE(a_veth), CASE(a_device_that_is_gone), CASE(a_map_of_a_veth)};
	int err;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS)) {
		printf("skipped: no network namespace of its own: %s\n", strerror(errno));
		return SKIPPED;
	}
	err = mount_files();
	if (!err)
		err = make_veth();
	if (err) {
		printf("skipped: no veth, or no sysfs of its own: %s\n", strerror(-err));
		unmount_files();
		return SKIPPED;
	}
	err = cmocka_run_group_tests(tests, NULL, NULL);
	unmount_files();
	return err;
}
