/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_XFRM messages as one line of text, so that a test can say all of what it expects. What is as usual (no limit,
 * a count of 0) is left out, and what is another value every time (times, numbers that the kernel chooses) is only said
 * to be there. Attributes come in the order of the message, each after a bar.
 */
#ifndef CONFORMANCE_TEXT_H
#define CONFORMANCE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

struct text_context {
	int ifindex;                    /* written as "card" */
	uint32_t pid, seq;              /* of the last request */
	const struct nlmsghdr *request; /* the last request, for its answer */
	size_t body;                    /* octets of its fixed part */
};

void text_message(char *out, size_t size, const struct nlmsghdr *nlh, const struct text_context *ctx);
/* NLMSG_ERROR or NLMSG_DONE: "ok", or "EINVAL at ATTRIBUTE: text"; "with policy" if the attribute's policy is there. */
void text_answer(char *out, size_t size, const struct nlmsghdr *nlh, const struct text_context *ctx);

#endif
