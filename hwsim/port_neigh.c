/* SPDX-License-Identifier: MIT */
#include "hwsim/port_neigh.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAC_SIZE = 6, ADDR_SIZE = 16, BUFFER = 8192 };

struct entry {
	uint8_t family; /* 0: unused */
	uint8_t addr[ADDR_SIZE];
	bool learned, known; /* mac[] from a frame; from the kernel */
	uint8_t learned_mac[MAC_SIZE], mac[MAC_SIZE];
	uint64_t asked; /* ns; 0: never */
};

struct neigh {
	int ifindex;
	pthread_mutex_t lock;
	struct mnl_socket *nl;
	uint32_t seq;
	struct entry entry[NEIGH_SLOTS];
};

/* What a GETROUTE or GETNEIGH answered. */
struct answer {
	int ifindex;
	bool has_gateway, has_mac;
	uint8_t gateway_family;
	uint8_t gateway[ADDR_SIZE];
	uint8_t mac[MAC_SIZE];
	uint16_t state; /* NUD_* */
};

static size_t addr_len(uint8_t family)
{
	return family == 4 ? 4 : ADDR_SIZE;
}

static unsigned char address_family(uint8_t family)
{
	return family == 4 ? AF_INET : AF_INET6;
}

struct neigh *neigh_new(int ifindex, char *why, size_t size)
{
	struct neigh *n = calloc(1, sizeof(*n));

	if (!n) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	n->ifindex = ifindex;
	pthread_mutex_init(&n->lock, NULL);
	n->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!n->nl || mnl_socket_bind(n->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		snprintf(why, size, "cannot open a route socket: %s", strerror(errno));
		neigh_free(n);
		return NULL;
	}
	return n;
}

void neigh_free(struct neigh *n)
{
	if (!n)
		return;
	if (n->nl)
		mnl_socket_close(n->nl);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static void read_route(const struct nlmsghdr *nlh, struct answer *a)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct rtmsg)) {
		uint16_t len = mnl_attr_get_payload_len(attr), skip = 0;

		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			a->ifindex = len == 4 ? (int)mnl_attr_get_u32(attr) : 0;
			break;
		case RTA_VIA: /* a next hop of the other family: struct rtvia */
			skip = sizeof(uint16_t);
			__attribute__((fallthrough));
		case RTA_GATEWAY:
			len = (uint16_t)(len > skip ? len - skip : 0);
			if (len != 4 && len != ADDR_SIZE)
				break;
			a->has_gateway = true;
			a->gateway_family = len == 4 ? 4 : 6;
			memcpy(a->gateway, (const uint8_t *)mnl_attr_get_payload(attr) + skip, len);
			break;
		default:
			break;
		}
	}
}

static void read_neighbour(const struct nlmsghdr *nlh, struct answer *a)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	a->state = ndm->ndm_state;
	mnl_attr_for_each (attr, nlh, sizeof(*ndm))
		if (mnl_attr_get_type(attr) == NDA_LLADDR && mnl_attr_get_payload_len(attr) == MAC_SIZE) {
			a->has_mac = true;
			memcpy(a->mac, mnl_attr_get_payload(attr), MAC_SIZE);
		}
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE && nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)))
		read_route(nlh, ctx);
	else if (nlh->nlmsg_type == RTM_NEWNEIGH && nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ndmsg)))
		read_neighbour(nlh, ctx);
	return MNL_CB_STOP;
}

/* Sends one request and reads its one answer (the message, or an ACK). 0 or -errno. */
static int ask(struct neigh *n, struct nlmsghdr *nlh, struct answer *a)
{
	char buf[BUFFER];
	ssize_t len;

	nlh->nlmsg_seq = ++n->seq;
	if (mnl_socket_sendto(n->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));
	if (len < 0 || mnl_cb_run(buf, (size_t)len, n->seq, mnl_socket_get_portid(n->nl), on_message, a) < 0)
		return -errno;
	return 0;
}

static int ask_route(struct neigh *n, uint8_t family, const uint8_t *addr, struct answer *a)
{
	char buf[BUFFER] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm->rtm_family = address_family(family);
	rtm->rtm_dst_len = (unsigned char)(addr_len(family) * 8);
	mnl_attr_put(nlh, RTA_DST, addr_len(family), addr);
	return ask(n, nlh, a);
}

/* type RTM_GETNEIGH: reads the entry. RTM_NEWNEIGH with NTF_USE: tells the kernel to resolve or confirm it. */
static int ask_neighbour(struct neigh *n, uint16_t type, uint8_t family, const uint8_t *addr, struct answer *a)
{
	char buf[BUFFER] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	if (type == RTM_NEWNEIGH) {
		nlh->nlmsg_flags |= NLM_F_ACK | NLM_F_CREATE;
		ndm->ndm_flags = NTF_USE;
	}
	ndm->ndm_family = address_family(family);
	ndm->ndm_ifindex = n->ifindex;
	mnl_attr_put(nlh, NDA_DST, addr_len(family), addr);
	return ask(n, nlh, a);
}

/* Brings the entry up to date with the kernel's tables. */
static void refresh(struct neigh *n, struct entry *e)
{
	const uint16_t usable = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;
	struct answer route = {0}, hop = {0}, ignored = {0};
	uint8_t family = e->family;
	const uint8_t *addr = e->addr;

	e->known = false;
	if (ask_route(n, e->family, e->addr, &route) < 0 || route.ifindex != n->ifindex)
		return;
	if (route.has_gateway) {
		family = route.gateway_family;
		addr = route.gateway;
	}
	if (ask_neighbour(n, RTM_GETNEIGH, family, addr, &hop) == 0 && hop.has_mac && (hop.state & usable)) {
		e->known = true;
		memcpy(e->mac, hop.mac, MAC_SIZE);
	}
	/* The kernel does not see our frames: without this it would never confirm an entry that only we use. */
	if (!e->known || (hop.state & NUD_STALE))
		(void)ask_neighbour(n, RTM_NEWNEIGH, family, addr, &ignored);
}

/* The place of an address; another that had it is forgotten. */
static struct entry *place(struct neigh *n, uint8_t family, const uint8_t *addr)
{
	uint32_t hash = family;
	struct entry *e;

	for (size_t i = 0; i < addr_len(family); i++)
		hash = (hash ^ addr[i]) * 16777619u; /* FNV-1a */
	e = &n->entry[hash % NEIGH_SLOTS];
	if (e->family != family || memcmp(e->addr, addr, addr_len(family)) != 0) {
		memset(e, 0, sizeof(*e));
		e->family = family;
		memcpy(e->addr, addr, addr_len(family));
	}
	return e;
}

bool neigh_lookup(struct neigh *n, uint8_t family, const uint8_t *addr, uint64_t now, uint8_t mac[6])
{
	struct entry *e;
	bool found;

	pthread_mutex_lock(&n->lock);
	e = place(n, family, addr);
	if (!e->asked || now - e->asked >= (e->known ? NEIGH_FRESH_NS : NEIGH_MISSING_NS)) {
		e->asked = now;
		refresh(n, e);
	}
	found = e->known || e->learned;
	if (found)
		memcpy(mac, e->known ? e->mac : e->learned_mac, MAC_SIZE);
	pthread_mutex_unlock(&n->lock);
	return found;
}

void neigh_learn(struct neigh *n, uint8_t family, const uint8_t *addr, const uint8_t mac[6])
{
	struct entry *e;

	pthread_mutex_lock(&n->lock);
	e = place(n, family, addr);
	e->learned = true;
	memcpy(e->learned_mac, mac, MAC_SIZE);
	pthread_mutex_unlock(&n->lock);
}
