/* SPDX-License-Identifier: MIT */
/* NETLINK_XFRM requests made by hand, as far as a tunnel with packet offload needs them. */
#ifndef TESTS_XFRM_REQUESTS_H
#define TESTS_XFRM_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

enum { XFRM_REQUEST_MAX = 4096 };

/* One SA in tunnel mode, AES-128-GCM with a key that follows from the SPI. IPv4, host order. */
struct xfrm_sa {
	bool in;
	uint32_t src, dst, spi, reqid;
	int cpu; /* -1: of no one CPU */
	int ifindex;
};

/* One policy: everything from one inner address to another goes through the tunnel. */
struct xfrm_policy {
	bool in;
	uint32_t inner_src, inner_dst, src, dst, reqid;
	int ifindex;
};

/* Each writes one message with NLM_F_ACK into buf (XFRM_REQUEST_MAX bytes) and returns it. */
struct nlmsghdr *xfrm_new_sa(void *buf, const struct xfrm_sa *sa);
struct nlmsghdr *xfrm_del_sa(void *buf, const struct xfrm_sa *sa);
struct nlmsghdr *xfrm_new_policy(void *buf, const struct xfrm_policy *p);
struct nlmsghdr *xfrm_get_sadinfo(void *buf);

/* The errno of an NLMSG_ERROR (0: an ACK); -1 when it is something else. */
int xfrm_ack(const void *buf, size_t len);

#endif
