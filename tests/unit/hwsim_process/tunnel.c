/* SPDX-License-Identifier: MIT */
#include "tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { REQID = 7 };

void tunnel_request(struct proc *p, const struct nlmsghdr *nlh)
{
	uint8_t answer[4096];
	size_t len = proc_netlink(p, nlh, nlh->nlmsg_len, answer, sizeof(answer));

	assert_int_equal(xfrm_ack(answer, len), 0);
}

struct xfrm_sa tunnel_sa(const struct tunnel *t, int side, int from, unsigned int queue)
{
	return (struct xfrm_sa){
		.in = side != from,
		.src = t->outer[from],
		.dst = t->outer[!from],
		.spi = 0xc1000000u + (uint32_t)from * 256 + queue,
		.reqid = REQID,
		.cpu = side == from ? (int)queue : -1,
		.ifindex = t->ifindex,
	};
}

static struct xfrm_policy tunnel_policy(const struct tunnel *t, int side, bool in)
{
	int from = in ? !side : side;

	return (struct xfrm_policy){
		.in = in,
		.inner_src = t->inner[from],
		.inner_dst = t->inner[!from],
		.src = t->outer[from],
		.dst = t->outer[!from],
		.reqid = REQID,
		.ifindex = t->ifindex,
	};
}

void tunnel_install(const struct tunnel *t)
{
	uint8_t buf[XFRM_REQUEST_MAX];

	for (int side = 0; side < 2; side++)
		for (unsigned int q = 0; q < t->queues; q++)
			for (int in = 1; in >= 0; in--) {
				struct xfrm_sa sa = tunnel_sa(t, side, in ? !side : side, q);

				tunnel_request(&t->side[side], xfrm_new_sa(buf, &sa));
			}
	for (int side = 0; side < 2; side++)
		for (int in = 0; in < 2; in++) {
			struct xfrm_policy policy = tunnel_policy(t, side, in);

			tunnel_request(&t->side[side], xfrm_new_policy(buf, &policy));
		}
}

void tunnel_remove(const struct tunnel *t, int side, int from)
{
	uint8_t buf[XFRM_REQUEST_MAX];

	for (unsigned int q = 0; q < t->queues; q++) {
		struct xfrm_sa sa = tunnel_sa(t, side, from, q);

		tunnel_request(&t->side[side], xfrm_del_sa(buf, &sa));
	}
}
