/* SPDX-License-Identifier: MIT */
/*
 * The ethtool driver inside. A request is an op with a kind; ethtool_ask.c writes the message of its next step,
 * ethtool_answer.c reads what came back and says whether there is a further step.
 */
#ifndef OFFLOAD_ETHTOOL_PRIV_H
#define OFFLOAD_ETHTOOL_PRIV_H

#include <libmnl/libmnl.h>
#include <sys/queue.h>

#include "base/ethtool_uapi.h"
#include "offload/ethtool.h"

enum op_kind {
	OP_FAMILY, /* resolve "ethtool"; made by the driver itself, before all else */
	OP_CHANNELS_GET,
	OP_RSS_GET,
	OP_RSS_SET,
	OP_FEATURES_GET,
	OP_DRIVER_GET,
	OP_STATS_GET,
	OP_RULE_ADD,
	OP_RULE_DELETE,
};

enum step {
	STEP_NETLINK,
	STEP_IOCTL,       /* the only one, or the first: sizes */
	STEP_IOCTL_NAMES, /* statistics */
	STEP_IOCTL_DATA,  /* with room for what the sizes said */
};

struct op {
	STAILQ_ENTRY(op) link;
	enum op_kind kind;
	enum step step;
	uint32_t seq;
	union {
		ethtool_done plain;
		void (*channels)(void *ctx, const struct ethtool_result *result, const struct nic_channels *channels);
		void (*rss)(void *ctx, const struct ethtool_result *result, const struct nic_rss *rss);
		void (*features)(void *ctx, const struct ethtool_result *result, const struct nic_features *features);
		void (*driver)(void *ctx, const struct ethtool_result *result, const char *name);
	} done;
	void (*each)(void *ctx, const char *name, uint64_t value);
	void *ctx;
	/* what is asked */
	struct nic_rss *rss; /* OP_RSS_SET; owned */
	bool indir_default;
	struct nic_rule rule;
	uint32_t location;
	/* what earlier steps told */
	uint32_t indir_size, key_size, count;
	char (*names)[ETHTOOL_NAME]; /* owned */
};

STAILQ_HEAD(op_list, op);

/* What was read for the op in hand; `done` is told of it. */
struct nic_value {
	struct nic_channels channels;
	struct nic_rss rss;
	struct nic_features features;
	char driver[ETHTOOL_NAME];
	uint32_t location;
};

struct ethtool {
	struct xfrm_transport requests, multicast;
	struct ethtool_events events;
	const struct log *log;
	int ifindex;
	uint16_t family;             /* 0: not known, or the kernel has none */
	bool no_rss_get, no_rss_set; /* the kernel has no netlink message for it */
	struct op_list ops;          /* the first is under way once `sent` */
	unsigned int pending;
	bool sent, wants_write, closed, running;
	uint32_t seq;
	struct nic_value value;
	struct ethtool_counters counters;
	union {
		struct nlmsghdr nlh;
		uint8_t room[KR_ETHTOOL_IOCTL_MAX];
	} out, in;
};

/* Writes the message of the op's step into e->out. 0; -EMSGSIZE; -EOPNOTSUPP: it takes a family that is not there. */
int ethtool_ask(struct ethtool *e, struct op *op);

/*
 * What answers a step, read: reply, the one message that a question has (not NLMSG_ERROR), or error, 0 or -errno from
 * NLMSG_ERROR. 1: op->step is the next one, to be asked. 0: the op is done, the value is in e->value. Or -errno;
 * -EPROTO for what makes no sense.
 */
int ethtool_read_reply(struct ethtool *e, struct op *op, const struct nlmsghdr *nlh);
int ethtool_read_error(struct ethtool *e, struct op *op, int error);

/* Bounded walk over the messages of a datagram; NULL at its end, and *bad when what is left is no message. */
const struct nlmsghdr *ethtool_next(const uint8_t **p, size_t *left, bool *bad);
/* The ifindex in the header attribute (number 1) of a message of the family; -1: there is none. */
int ethtool_ifindex(const struct nlmsghdr *nlh);

#endif
