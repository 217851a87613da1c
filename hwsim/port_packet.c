/* SPDX-License-Identifier: MIT */
/*
 * The wire as an interface of this host (packet(7)). The card shares it with the kernel: it takes ESP and
 * UDP-encapsulated ESP that is for this host, everything else, IKE included, is the kernel's.
 */
#include "hwsim/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "hwsim/port_batch.h"
#include "hwsim/port_ip.h"
#include "hwsim/port_neigh.h"

enum {
	MAX_ADDRESSES = 256,                     /* of this host that the port knows */
	ADDRESSES_FRESH_NS = 1000 * 1000 * 1000, /* an unknown destination makes it look again, this often at most */
};

struct address {
	uint8_t family;
	uint8_t addr[16];
};

struct port_packet {
	struct port port;
	int fd;
	int mute[2]; /* see open_mute */
	uint8_t mac[ETH_ALEN];
	struct neigh *neigh;
	struct port_batch *tx; /* one per queue */
	struct port_batch *rx;
	unsigned int addresses;
	uint64_t addresses_at; /* ns */
	struct address address[MAX_ADDRESSES];
};

static int packet_fd(struct port *p, unsigned int queue)
{
	return queue == 0 ? ((struct port_packet *)p)->fd : -1;
}

static void read_addresses(struct port_packet *k)
{
	struct ifaddrs *list, *i;

	k->addresses = 0;
	if (getifaddrs(&list) < 0)
		return;
	for (i = list; i && k->addresses < MAX_ADDRESSES; i = i->ifa_next) {
		struct address *a = &k->address[k->addresses];

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			a->family = 4;
			memcpy(a->addr, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
			k->addresses++;
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			a->family = 6;
			memcpy(a->addr, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
			k->addresses++;
		}
	}
	freeifaddrs(list);
}

static bool has_address(const struct port_packet *k, uint8_t family, const uint8_t *addr)
{
	for (unsigned int i = 0; i < k->addresses; i++)
		if (k->address[i].family == family && memcmp(k->address[i].addr, addr, family == 4 ? 4 : 16) == 0)
			return true;
	return false;
}

static bool is_ours(struct port_packet *k, uint64_t now, const struct ip_view *view)
{
	if (has_address(k, view->family, view->dst))
		return true;
	if (now - k->addresses_at < ADDRESSES_FRESH_NS)
		return false;
	k->addresses_at = now;
	read_addresses(k);
	return has_address(k, view->family, view->dst);
}

/* A sender on this machine leaves the checksum to a device that veth never is. */
static bool is_checksum_missing(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
		    c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	return false;
}

static void take(struct port_packet *k, uint64_t now, struct port_batch *b, unsigned int i, port_packet_fn *fn,
		 void *ctx)
{
	const struct sockaddr_ll *from = (const struct sockaddr_ll *)&b->from[i];
	uint8_t *packet = b->slot[i] + PORT_HEADROOM;
	struct msghdr *msg = &b->msg[i].msg_hdr;
	struct ip_view view;

	if (msg->msg_flags & MSG_TRUNC) {
		port_count(&k->port, PORT_RX_TRUNCATED, 1);
		return;
	}
	if (from->sll_pkttype != PACKET_HOST || b->msg[i].msg_len < ETH_HLEN ||
	    !ip_parse(packet, b->msg[i].msg_len - ETH_HLEN, &view) || !ip_is_esp(&view) || !is_ours(k, now, &view)) {
		port_count(&k->port, PORT_RX_IGNORED, 1);
		return;
	}
	neigh_learn(k->neigh, view.family, view.src, packet - ETH_HLEN + ETH_ALEN);
	if (is_checksum_missing(msg))
		ip_complete_checksum(packet, view.total);
	port_count(&k->port, PORT_RX_PACKETS, 1);
	port_count(&k->port, PORT_RX_BYTES, view.total);
	fn(ctx, 0, now, packet, view.total); /* without Ethernet's padding */
}

static int packet_receive(struct port *p, unsigned int queue, uint64_t now, port_packet_fn *fn, void *ctx)
{
	struct port_packet *k = (struct port_packet *)p;
	int n = port_batch_receive(k->rx, k->fd, ETH_HLEN, true);

	(void)queue;
	for (int i = 0; i < n; i++)
		take(k, now, k->rx, (unsigned int)i, fn, ctx);
	return n;
}

static uint64_t packet_next(struct port *p, unsigned int queue)
{
	(void)p;
	(void)queue;
	return UINT64_MAX;
}

static void packet_flush(struct port *p, unsigned int queue)
{
	struct port_packet *k = (struct port_packet *)p;

	port_batch_send(p, &k->tx[queue], k->fd, ETH_HLEN);
}

static void packet_send(struct port *p, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct port_packet *k = (struct port_packet *)p;
	struct ip_view view;
	uint8_t *slot, mac[ETH_ALEN];

	if (len > PORT_PACKET_MAX || !ip_parse(packet, len, &view)) {
		port_count(p, len > PORT_PACKET_MAX ? PORT_TX_TOO_BIG : PORT_TX_ERRORS, 1);
		return;
	}
	if (!neigh_lookup(k->neigh, view.family, view.dst, now, mac)) {
		port_count(p, PORT_TX_NO_NEIGHBOUR, 1);
		return;
	}
	slot = port_batch_slot(&k->tx[queue]);
	memcpy(slot, packet, len);
	memcpy(slot - ETH_HLEN, mac, ETH_ALEN);
	memcpy(slot - ETH_ALEN - 2, k->mac, ETH_ALEN);
	put_be16(slot - 2, view.family == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	port_batch_take(&k->tx[queue], ETH_HLEN, len);
	if (k->tx[queue].n == PORT_BATCH)
		packet_flush(p, queue);
}

static void packet_refresh(struct port *p)
{
	port_socket_drops(p, ((struct port_packet *)p)->fd);
}

static void packet_close(struct port *p)
{
	struct port_packet *k = (struct port_packet *)p;

	for (int i = 0; i < 2; i++)
		if (k->mute[i] >= 0)
			close(k->mute[i]);
	if (k->fd >= 0)
		close(k->fd);
	neigh_free(k->neigh);
	free(k->tx);
	free(k->rx);
	free(k);
}

static const struct port_ops packet_ops = {
	"packet", packet_fd, packet_receive, packet_next, packet_send, packet_flush, packet_refresh, packet_close,
};

/* ESP, and UDP with port 4500 at either end, over IPv4 or IPv6; the rest never leaves the kernel. */
static const struct sock_filter wanted[] = {
	/*  0 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12), /* EtherType */
	/*  1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 8),
	/*  2 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23), /* IPv4 protocol */
	/*  3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ESP, 15, 0),
	/*  4 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 13),
	/*  5 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14), /* header length */
	/*  6 */ BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14),  /* source port */
	/*  7 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4500, 11, 0),
	/*  8 */ BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16), /* destination port */
	/*  9 */ BPF_STMT(BPF_JMP | BPF_JA, 7),
	/* 10 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 0, 7),
	/* 11 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20), /* next header */
	/* 12 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ESP, 6, 0),
	/* 13 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
	/* 14 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 54),
	/* 15 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4500, 3, 0),
	/* 16 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 56),
	/* 17 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4500, 1, 0),
	/* 18 */ BPF_STMT(BPF_RET | BPF_K, 0),
	/* 19 */ BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
};

static int attach_filter(int fd, const struct sock_filter *code, unsigned short len)
{
	struct sock_fprog prog = {len, (struct sock_filter *)code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

/*
 * A kernel without ESP answers ESP with "protocol unreachable" unless a raw socket takes it (ip_protocol_deliver_rcu in
 * net/ipv4/ip_input.c). This one does, and throws it away.
 */
static int open_mute(int family)
{
	static const struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ESP);

	if (fd >= 0 && attach_filter(fd, nothing, 1) < 0) {
		close(fd);
		return -1;
	}
	return fd; /* -1: no IPv6 here, and then nothing to keep quiet */
}

static int read_mac(struct port_packet *k, const char *ifname)
{
	struct ifreq req = {0};

	memcpy(req.ifr_name, ifname, IFNAMSIZ);
	if (ioctl(k->fd, SIOCGIFHWADDR, &req) < 0)
		return -errno;
	memcpy(k->mac, req.ifr_hwaddr.sa_data, ETH_ALEN);
	return 0;
}

static int open_socket(struct port_packet *k, const char *ifname, char *why, size_t size)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int one = 1, err;

	at.sll_ifindex = (int)if_nametoindex(ifname);
	if (!at.sll_ifindex) {
		snprintf(why, size, "there is no interface '%s'", ifname);
		return -ENODEV;
	}
	/* Protocol 0 receives nothing: the filter is there before bind() opens the door. */
	k->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (k->fd < 0) {
		err = -errno;
		snprintf(why, size, "cannot open a packet socket (CAP_NET_RAW): %s", strerror(-err));
		return err;
	}
	port_socket_buffer(k->fd);
	if ((err = attach_filter(k->fd, wanted, sizeof(wanted) / sizeof(wanted[0]))) == 0 &&
	    (setsockopt(k->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0 ||
	     setsockopt(k->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	     bind(k->fd, (const struct sockaddr *)&at, sizeof(at)) < 0))
		err = -errno;
	if (err == 0)
		err = read_mac(k, ifname);
	if (err < 0) {
		snprintf(why, size, "cannot use interface '%s': %s", ifname, strerror(-err));
		return err;
	}
	k->neigh = neigh_new(at.sll_ifindex, why, size);
	return k->neigh ? 0 : -ENOMEM;
}

struct port *port_open_packet(const struct port_spec *spec, unsigned int queues, char *why, size_t size)
{
	struct port_packet *k = calloc(1, sizeof(*k));

	if (!k) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	k->port.ops = &packet_ops;
	k->fd = k->mute[0] = k->mute[1] = -1;
	k->tx = port_batches_new(queues);
	k->rx = port_batches_new(1);
	if (!k->tx || !k->rx) {
		snprintf(why, size, "out of memory");
		goto fail;
	}
	if (open_socket(k, spec->ifname, why, size) < 0)
		goto fail;
	k->mute[0] = open_mute(AF_INET);
	k->mute[1] = open_mute(AF_INET6);
	read_addresses(k);
	return &k->port;
fail:
	packet_close(&k->port);
	return NULL;
}
