/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_XFRM messages from the card's tables (net/xfrm/xfrm_user.c says what is in which). Each builds into `buf`,
 * which has NL_MSG_MAX bytes and is aligned for netlink. Under control.
 */
#ifndef HWSIM_NETLINK_REPLY_H
#define HWSIM_NETLINK_REPLY_H

#include <libmnl/libmnl.h>

#include "hwsim/card.h"

enum { NL_MSG_MAX = 4096 }; /* the largest is an SA with a 4096-packet window: some 1500 bytes */

struct nl_id {
	uint16_t type, flags;
	uint32_t seq, pid;
};

/* xfrm_usersa_info and attributes (NEWSA, UPDSA). Key bytes are zero. */
struct nlmsghdr *nl_put_sa(void *buf, struct nl_id id, const struct hwsim *card, struct sa *sa);
/* xfrm_usersa_id with all the rest in XFRMA_SA (DELSA). */
struct nlmsghdr *nl_put_sa_deleted(void *buf, struct nl_id id, const struct hwsim *card, struct sa *sa);
struct nlmsghdr *nl_put_expire(void *buf, const struct hwsim *card, struct sa *sa, bool hard);
struct nlmsghdr *nl_put_acquire(void *buf, const struct hwsim *card, struct sa *larval, const struct policy *policy);
/* xfrm_aevent_id with replay state and counts (NEWAE). */
struct nlmsghdr *nl_put_aevent(void *buf, struct nl_id id, const struct hwsim *card, struct sa *sa, uint32_t flags);

/* Every policy is one of the main database; a kernel with CONFIG_XFRM_SUB_POLICY says so. */
void nl_put_policy_type(struct nlmsghdr *nlh);
struct nlmsghdr *nl_put_policy(void *buf, struct nl_id id, const struct policy *policy);
/* DELPOLICY; by_index: it names the index, else the selector. */
struct nlmsghdr *nl_put_policy_deleted(void *buf, struct nl_id id, const struct policy *policy, bool by_index);

/* What an attribute that is a number may be. */
struct nl_number_policy {
	uint8_t size; /* octets; 0: no policy */
	uint64_t min, max;
};

/*
 * NLMSG_ERROR for a request: error 0 or -errno, text (may be NULL), offset of the attribute at fault (0: none) and what
 * it may be (NULL: not told).
 * Only the request's header is given back, never its payload, which may hold keys.
 */
struct nlmsghdr *nl_put_ack(void *buf, const struct nlmsghdr *request, int error, const char *text, uint32_t offset,
			    const struct nl_number_policy *policy);
/* NLMSG_DONE of a dump. */
struct nlmsghdr *nl_put_done(void *buf, const struct nlmsghdr *request);

#endif
