/* SPDX-License-Identifier: MIT */
/*
 * The host side as a TAP or TUN interface with one queue per queue of the card (linux/if_tun.h). What the host's kernel
 * routes to the interface is what the host sends through the card.
 *
 * A TAP is set to IFF_NOARP: the kernel then takes the interface's own MAC address for every neighbour (arp_constructor
 * in net/ipv4/arp.c, ndisc_constructor in net/ipv6/ndisc.c), so there is nothing to resolve and the host just routes
 * via it.
 */
#include "hwsim/port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "hwsim/port_ip.h"

struct port_tun {
	struct port port;
	size_t link;                 /* bytes of link-layer header: ETH_HLEN or 0 */
	uint8_t header[2][ETH_HLEN]; /* towards the host: for IPv4, for IPv6 */
	unsigned int fds;
	int fd[];
};

static int tun_fd(struct port *p, unsigned int queue)
{
	return ((struct port_tun *)p)->fd[queue];
}

static void take(struct port_tun *t, unsigned int queue, uint64_t now, const uint8_t *frame, size_t len,
		 port_packet_fn *fn, void *ctx)
{
	struct ip_view view;

	/* Not IP at all, or IPv6's own talk on a link that is not one. */
	if (len < t->link || !ip_parse(frame + t->link, len - t->link, &view) || ip_is_link_local(&view)) {
		port_count(&t->port, PORT_RX_IGNORED, 1);
		return;
	}
	port_count(&t->port, PORT_RX_PACKETS, 1);
	port_count(&t->port, PORT_RX_BYTES, view.total);
	fn(ctx, queue, now, frame + t->link, view.total);
}

static int tun_receive(struct port *p, unsigned int queue, uint64_t now, port_packet_fn *fn, void *ctx)
{
	struct port_tun *t = (struct port_tun *)p;
	uint8_t frame[ETH_HLEN + PORT_PACKET_MAX];
	int n = 0;

	while (n < PORT_BATCH) {
		ssize_t len = read(t->fd[queue], frame, sizeof(frame));

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (len < 0)
			return -errno;
		take(t, queue, now, frame, (size_t)len, fn, ctx);
		n++;
	}
	return n;
}

static uint64_t tun_next(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
	return UINT64_MAX;
}

static void tun_send(struct port *p, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct port_tun *t = (struct port_tun *)p;
	bool six = len && packet[0] >> 4 == 6;
	struct iovec iov[2] = {{t->header[six], t->link}, {(void *)packet, len}};

	(void)now;
	if (writev(t->fd[queue], iov, 2) < 0) {
		port_count(p, PORT_TX_ERRORS, 1);
		return;
	}
	port_count(p, PORT_TX_PACKETS, 1);
	port_count(p, PORT_TX_BYTES, len);
}

static void tun_nothing(struct port *p)
{
	(void)p;
}

static void tun_flush(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
}

static void tun_close(struct port *p)
{
	struct port_tun *t = (struct port_tun *)p;

	for (unsigned int i = 0; i < t->fds; i++)
		close(t->fd[i]);
	free(t);
}

static const struct port_ops tap_ops = {
	"tap", tun_fd, tun_receive, tun_next, tun_send, tun_flush, tun_nothing, tun_close,
};

static const struct port_ops tun_ops = {
	"tun", tun_fd, tun_receive, tun_next, tun_send, tun_flush, tun_nothing, tun_close,
};

static int open_queue(struct port_tun *t, const struct port_spec *spec, char *why, size_t size)
{
	struct ifreq req = {.ifr_flags = IFF_NO_PI | IFF_MULTI_QUEUE};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), err;

	if (fd < 0) {
		err = -errno;
		snprintf(why, size, "cannot open /dev/net/tun: %s", strerror(-err));
		return err;
	}
	req.ifr_flags = (short)(req.ifr_flags | (spec->kind == PORT_TAP ? IFF_TAP : IFF_TUN));
	memcpy(req.ifr_name, spec->ifname, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &req) < 0) {
		err = -errno;
		snprintf(why, size, "cannot make queue %u of interface '%s': %s", t->fds, spec->ifname, strerror(-err));
		close(fd);
		return err;
	}
	t->fd[t->fds++] = fd;
	return 0;
}

/* Frames to the host come from the card's own address, which differs from the interface's in one bit. */
static void set_headers(struct port_tun *t, const uint8_t *mac)
{
	for (int six = 0; six < 2; six++) {
		memcpy(t->header[six], mac, ETH_ALEN);
		memcpy(t->header[six] + ETH_ALEN, mac, ETH_ALEN);
		t->header[six][2 * ETH_ALEN - 1] ^= 1;
		put_be16(t->header[six] + (size_t)2 * ETH_ALEN, six ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	}
}

static int configure(struct port_tun *t, const struct port_spec *spec, char *why, size_t size)
{
	struct ifreq req = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	memcpy(req.ifr_name, spec->ifname, IFNAMSIZ);
	req.ifr_mtu = (int)spec->mtu;
	if (fd < 0 || ioctl(fd, SIOCSIFMTU, &req) < 0)
		goto fail;
	if (spec->kind == PORT_TAP) {
		if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
			goto fail;
		set_headers(t, (const uint8_t *)req.ifr_hwaddr.sa_data);
	}
	if (ioctl(fd, SIOCGIFFLAGS, &req) < 0)
		goto fail;
	req.ifr_flags = (short)(req.ifr_flags | IFF_UP | IFF_NOARP);
	if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		goto fail;
	goto out;
fail:
	err = -errno;
	snprintf(why, size, "cannot set up interface '%s' (MTU %u): %s", spec->ifname, spec->mtu, strerror(-err));
out:
	if (fd >= 0)
		close(fd);
	return err;
}

struct port *port_open_tun(const struct port_spec *spec, unsigned int queues, char *why, size_t size)
{
	struct port_tun *t = calloc(1, sizeof(*t) + queues * sizeof(t->fd[0]));

	if (!t) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	t->port.ops = spec->kind == PORT_TAP ? &tap_ops : &tun_ops;
	t->link = spec->kind == PORT_TAP ? ETH_HLEN : 0;
	while (t->fds < queues)
		if (open_queue(t, spec, why, size) < 0)
			goto fail;
	if (configure(t, spec, why, size) < 0)
		goto fail;
	return &t->port;
fail:
	tun_close(&t->port);
	return NULL;
}
