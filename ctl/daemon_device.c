/* SPDX-License-Identifier: MIT */
/*
 * What the interface that offloads says of itself: its driver where the configuration leaves it open, and when
 * it goes down. ethtool by ioctl, which every kernel has; Linux uapi/linux/ethtool.h, uapi/linux/rtnetlink.h.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ctl/daemon.h"

/* ---- what it is ---- */

static int ethtool(int fd, const char *device, void *command)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	request.ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static void driver_read(struct conf_nic *nic, int fd)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (ethtool(fd, nic->device, &info))
		return;
	info.driver[sizeof(info.driver) - 1] = '\0';
	snprintf(nic->profile, sizeof(nic->profile), "%s", offload_profile_for_driver(info.driver)->name);
}

/* Whether this kernel has XFRMA_SA_DIR, which Linux 6.10 brought and older ones silently ignore. */
static bool kernel_knows_sa_dir(void)
{
	struct utsname name;
	unsigned long major, minor;
	char *end;

	if (uname(&name) != 0)
		return true;
	major = strtoul(name.release, &end, 10);
	if (!major || *end != '.')
		return true;
	minor = strtoul(end + 1, NULL, 10);
	return major > 6 || (major == 6 && minor >= 10);
}

/*
 * A lookup that meets a table of SAs while it grows, which doubles it, ends like one that has to wait for an SA
 * (net/xfrm/xfrm_state.c, xfrm_state_find). Linux drops such packets unless it is told to hold them.
 */
static void larval_drop_look(struct daemon *d)
{
	FILE *file = fopen("/proc/sys/net/core/xfrm_larval_drop", "re");
	int drop = file ? fgetc(file) : EOF;

	if (file)
		(void)fclose(file);
	if (drop == '1')
		log_at(&d->log, LOG_LEVEL_WARN, "nic.larval_drop",
		       "net.core.xfrm_larval_drop is 1: packets are lost whenever the kernel's SA tables grow; set it "
		       "to 0");
}

int daemon_device_find(struct daemon *d)
{
	struct conf_nic *nic = &d->conf->nic;
	int fd;

	larval_drop_look(d);

	nic->no_sa_dir = !kernel_knows_sa_dir();
	if (!nic->device[0])
		return 0;
	nic->ifindex = (int)if_nametoindex(nic->device);
	if (!nic->ifindex) {
		int err = -errno;

		log_at(&d->log, LOG_LEVEL_ERROR, "nic.device", "nic.device \"%s\": %s", nic->device, strerror(-err));
		return err;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!nic->profile[0])
		driver_read(nic, fd);
	close(fd);
	log_at(&d->log, LOG_LEVEL_INFO, "nic.device", "%s: profile %s", nic->device,
	       nic->profile[0] ? nic->profile : "generic");
	return 0;
}

/* ---- up and down ---- */

static bool is_card(const struct daemon *d)
{
	return d->conf->nic.backend == CONF_BACKEND_HWSIM;
}

/*
 * A device that goes down loses its SAs and policies without a word from XFRM (Linux net/xfrm/xfrm_device.c,
 * xfrm_dev_down).
 */
static void link_changed(struct daemon *d, bool up)
{
	char why[64];

	if (up == d->nic.link_up)
		return;
	d->nic.link_up = up;
	snprintf(why, sizeof(why), "%s is %s", is_card(d) ? "the card's link" : d->conf->nic.device,
		 up ? "up again" : "down");
	controller_resync(d->controller, daemon_now(), why);
}

static const char links_lost[] = "link events were lost";

static int link_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct daemon *d = ctx;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == NLMSG_OVERRUN)
		controller_resync(d->controller, daemon_now(), links_lost);
	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*info) || info->ifi_index != d->conf->nic.ifindex)
		return MNL_CB_OK;
	link_changed(d, nlh->nlmsg_type == RTM_NEWLINK && info->ifi_flags & IFF_UP);
	return MNL_CB_OK;
}

static void on_link(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;
	alignas(struct nlmsghdr) char buf[16384];
	ssize_t n;

	(void)status;
	(void)events;
	while ((n = recv(d->nic.link_fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0 || (n < 0 && errno == ENOBUFS)) {
		if (n > 0)
			(void)mnl_cb_run(buf, (size_t)n, 0, 0, link_message, d);
		else
			controller_resync(d->controller, daemon_now(), links_lost);
	}
	if (n == 0) /* the card is gone: daemon_nic.c sees it too */
		uv_poll_stop(poll);
}

static bool is_up(const char *device)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	if (fd < 0)
		return true;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	up = ioctl(fd, SIOCGIFFLAGS, &request) < 0 || request.ifr_flags & IFF_UP;
	close(fd);
	return up;
}

static int kernel_links(void)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (const struct sockaddr *)&local, sizeof(local)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int daemon_device_watch(struct daemon *d)
{
	int err;

	if (!d->conf->nic.ifindex)
		return 0;
	d->nic.link_fd = is_card(d) ? xfrm_hwsim_links(d->conf->nic.socket) : kernel_links();
	if (d->nic.link_fd < 0)
		return d->nic.link_fd;
	d->nic.link_up = is_card(d) || is_up(d->conf->nic.device);
	err = uv_poll_init(&d->loop, &d->nic.link_poll, d->nic.link_fd);
	if (err)
		return err;
	d->nic.link_poll.data = d;
	return uv_poll_start(&d->nic.link_poll, UV_READABLE, on_link);
}

void daemon_device_unwatch(struct daemon *d)
{
	if (d->nic.link_poll.data)
		uv_close((uv_handle_t *)&d->nic.link_poll, NULL);
	if (d->nic.link_fd >= 0)
		close(d->nic.link_fd);
	d->nic.link_fd = -1;
}
