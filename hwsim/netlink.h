/* SPDX-License-Identifier: MIT */
/*
 * The front door: one request at a time, as net/xfrm/xfrm_user.c would take it. netlink.c checks what the kernel's
 * generic code checks (lengths, attribute policy) and calls the handler of the message type; handlers return 0 or
 * -errno and leave the extack text in the request.
 */
#ifndef HWSIM_NETLINK_H
#define HWSIM_NETLINK_H

#include <libmnl/libmnl.h>

#include "hwsim/card.h"
#include "hwsim/netlink_reply.h"

typedef void netlink_reply(void *ctx, const void *msg, size_t len);

/*
 * One datagram: `each` is called for each nlmsghdr in it with an aligned copy, which is wiped afterwards; what is due
 * is done before and after.
 */
void netlink_datagram(struct hwsim *card, uint64_t now, const void *buf, size_t len,
		      void (*each)(struct hwsim *card, const struct nlmsghdr *nlh, netlink_reply *reply, void *ctx),
		      netlink_reply *reply, void *ctx);

struct request {
	struct hwsim *card;
	const struct nlmsghdr *nlh;
	const void *body; /* the fixed part, checked to be there, but in a dump */
	const struct nlattr *attr[KR_XFRMA_MAX];
	void (*reply)(void *ctx, const void *msg, size_t len);
	void *ctx;
	char text[160];                 /* extack; empty: none */
	uint32_t offset;                /* of the attribute at fault, from the start of the message; 0: none */
	struct nl_number_policy policy; /* of that attribute */
};

/* Sets the extack text and returns err. */
int request_fail(struct request *r, int err, const char *text);
/* The same, with the driver's name before the text where the driver writes it so (NL_SET_ERR_MSG_MOD: mlx5,
 * krnic). */
int request_fail_driver(struct request *r, int err, const char *text);

/* Payload of an attribute whose length was checked, or NULL. */
const void *request_attr(const struct request *r, unsigned int type);
/* Value of a u32 attribute, or `absent`. */
uint32_t request_u32(const struct request *r, unsigned int type, uint32_t absent);
/* The attribute's place, for extack. */
uint32_t request_offset(const struct request *r, unsigned int type);
struct nl_id request_id(const struct request *r, uint16_t type, uint16_t flags);

/* Sends one message. */
void request_reply(struct request *r, const struct nlmsghdr *nlh);

/* Collects the messages of a dump into datagrams of at most CARD_REPLY bytes. */
struct dump {
	struct request *request;
	size_t len;
};

/* Room to build one message in (NL_MSG_MAX bytes); dump_added then takes it, and sends a datagram that is full. */
void *dump_room(struct dump *d);
void dump_added(struct dump *d, const struct nlmsghdr *nlh);
/* NLMSG_DONE, and everything sent. */
void dump_end(struct dump *d);

/* Handlers; sa: netlink_sa.c, netlink_sa_query.c; policy: netlink_policy.c. */
int request_new_sa(struct request *r);
int request_del_sa(struct request *r);
int request_get_sa(struct request *r);
int request_flush_sa(struct request *r);
int request_alloc_spi(struct request *r);
int request_get_sadinfo(struct request *r);
int request_get_ae(struct request *r);
int request_new_policy(struct request *r);
int request_get_policy(struct request *r);
int request_flush_policy(struct request *r);
int request_get_spdinfo(struct request *r);
int request_set_spdinfo(struct request *r);

/* verify_newsa_info: 0 or -errno with the text. netlink_verify.c. */
int verify_new_sa(struct request *r, const struct xfrm_usersa_info *p);
/* What xfrm_state_construct checks after the algorithms and before the driver (CPU, mode, xfrm_init_replay). */
int verify_construct(struct request *r, const struct xfrm_usersa_info *p);

/* What the driver says to an SA or policy that is to be offloaded. offload_check.c. */
int offload_check_sa(struct request *r, const struct sa *sa, bool packet);
int offload_check_policy(struct request *r, const struct policy *policy, unsigned int templates);

#endif
