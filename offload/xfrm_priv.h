/* SPDX-License-Identifier: MIT */
/*
 * Inside the XFRM driver. xfrm.c carries requests (`struct xfrm_op`) to and fro and knows nothing of what they say; the
 * files xfrm_sa.c, xfrm_policy.c and xfrm_event.c write and read the messages.
 */
#ifndef OFFLOAD_XFRM_PRIV_H
#define OFFLOAD_XFRM_PRIV_H

#include <libmnl/libmnl.h>
#include <stdalign.h>
#include <sys/queue.h>

#include "base/xfrm_uapi.h"
#include "offload/xfrm.h"

enum {
	XFRM_MSG_ROOM = 2048,      /* octets; an install with the largest key and replay window takes 1300 */
	XFRM_RECV_ROOM = 64 << 10, /* octets; the kernel's dumps come in parts of 32 KiB at most */
	XFRM_TEXT_ROOM = 256,      /* of an extack text */
	XFRM_WINDOW_MAX = 4096,    /* packets: XFRMA_REPLAY_ESN_MAX words of 32 */
};

/* ---- a datagram of one or two messages being written ---- */

struct xfrm_msg {
	alignas(8) uint8_t buf[XFRM_MSG_ROOM];
	size_t len;           /* of all messages begun */
	struct nlmsghdr *nlh; /* the last one */
	unsigned int count;
	bool bad; /* it did not fit */
};

void xfrm_msg_init(struct xfrm_msg *m);
/* Begins a message with a zeroed body of `size` octets, 4-aligned. NLM_F_REQUEST is added to the flags. */
void *xfrm_msg_begin(struct xfrm_msg *m, uint16_t type, uint16_t flags, size_t size);
void xfrm_msg_attr(struct xfrm_msg *m, uint16_t type, const void *data, size_t len);
/* Messages hold keys. */
void xfrm_msg_wipe(struct xfrm_msg *m);

/* The next whole message of a datagram, and moves on; NULL: what is left (if anything) is not one. */
struct nlmsghdr *xfrm_msg_next(uint8_t **p, size_t *left);

/* ---- a request under way ---- */

struct xfrm_op;

struct xfrm_op_kind {
	const char *name;
	/* A message with data came in answer; it is not validated beyond its header. NULL: none is expected. */
	void (*data)(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh);
	/* All answers are in (op->err, op->text, op->lost): ends with xfrm_op_finish() or xfrm_op_again(). */
	void (*end)(struct xfrm *x, struct xfrm_op *op);
};

struct xfrm_readback { /* of an SA or a policy */
	bool found;
	enum offload_mode mode;
	int ifindex;
};

struct xfrm_op {
	STAILQ_ENTRY(xfrm_op) next; /* in the queue */
	TAILQ_ENTRY(xfrm_op) link;  /* among those sent */
	const struct xfrm_op_kind *kind;
	uint32_t seq;            /* of its first message, once sent */
	uint8_t count, answered; /* messages */
	bool dump, interrupted;
	int err;        /* of its first message that failed; -ENOBUFS and lost: its answer did not reach us */
	uint8_t err_at; /* which message that was */
	bool lost;
	char *text; /* extack text; owned */
	xfrm_done done;
	void (*finish)(struct xfrm_op *op, const struct xfrm_result *result); /* instead of done, when not NULL */
	void *ctx;
	union {
		struct { /* install: what was asked for and what was found */
			struct xfrm_sa_id id;
			bool out;
			uint32_t reqid;
			enum offload_mode mode;
			int ifindex;
			struct xfrm_readback back;
		} sa;
		struct {
			struct xfrm_userpolicy_id id;
			bool packet, update;
			int ifindex;
			struct xfrm_readback back;
		} policy;
		struct {
			struct xfrm_sa_counts counts;
			bool found;
			void (*done)(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts);
		} get;
		struct {
			void (*each)(void *ctx, const struct xfrm_sa_counts *counts);
		} dump;
		struct {
			void (*each)(void *ctx, const struct xfrm_policy_cfg *policy);
		} policy_dump;
		struct xfrm_sa_id id; /* delete */
		uint32_t spi;         /* spi_alloc */
	} u;
	uint32_t len, room;
	alignas(8) uint8_t msg[];
};

/*
 * A request with a copy of the message; the caller fills in the rest and sends it. NULL and errno when it cannot be
 * taken (see the errors in xfrm.h). Wipes the message.
 */
struct xfrm_op *xfrm_op_new(struct xfrm *x, const struct xfrm_op_kind *kind, struct xfrm_msg *m, xfrm_done done,
			    void *ctx);
/* The same for a dump of everything there is of a kind: only the header goes out, and the kernel reads no attributes.
 */
struct xfrm_op *xfrm_op_new_dump(struct xfrm *x, const struct xfrm_op_kind *kind, uint16_t type, xfrm_done done,
				 void *ctx);
/* Queues it and sends what can be sent. */
void xfrm_op_send(struct xfrm *x, struct xfrm_op *op);
/* Sends another message for the same request, before all that waits; it must not be longer than the first. Wipes m. */
void xfrm_op_again(struct xfrm *x, struct xfrm_op *op, const struct xfrm_op_kind *kind, struct xfrm_msg *m);
/* Calls `done` and frees it. */
void xfrm_op_finish(struct xfrm *x, struct xfrm_op *op, const struct xfrm_result *result);
/* Finishes with the operation's own err and text. */
void xfrm_op_finish_plain(struct xfrm *x, struct xfrm_op *op);

STAILQ_HEAD(xfrm_queue, xfrm_op);
TAILQ_HEAD(xfrm_ops, xfrm_op);

struct xfrm {
	struct xfrm_transport requests, multicast;
	struct xfrm_events events;
	const struct log *log;
	struct xfrm_counters counters;
	struct xfrm_queue queue; /* to be sent */
	struct xfrm_ops sent;    /* to be answered */
	unsigned int pending, in_flight;
	uint32_t seq;
	bool sa_dir;
	bool dumping;              /* netlink runs one dump a socket */
	bool blocked;              /* the transport said -EAGAIN */
	bool processing, flushing; /* callbacks may call us */
	int closed;                /* 0, or the -errno that every request ends with */
	uint8_t *buf;              /* XFRM_RECV_ROOM octets */
};

/* ---- pieces shared by the message files ---- */

struct xfrm_alg { /* a row of xfrm_alg.c */
	uint16_t iana;
	const char *name; /* the kernel's */
	bool aead;
	uint16_t salt_bits;   /* part of the key as XFRM has it */
	uint16_t icv_bits;    /* AEAD and integrity */
	uint16_t key_bits[4]; /* without the salt; 0-terminated */
};

/* NULL: no row. bits 0: the only key length there is. */
const struct xfrm_alg *xfrm_alg_encr(uint16_t iana, uint16_t bits);
const struct xfrm_alg *xfrm_alg_integ(uint16_t iana);

/* 0, or -EINVAL and a log line: the SA is wrong in itself, or the key is not what its algorithms take. */
int xfrm_sa_check(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key);
/* Everything of an SA but the offload: the same for an install and for an update. */
void xfrm_sa_put(const struct xfrm *x, struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct xfrm_sa *sa,
		 const struct xfrm_key *key);
void xfrm_sa_put_offload(struct xfrm_msg *m, const struct xfrm_sa *sa);

xfrm_address_t xfrm_address_put(const struct xfrm_addr *a);
struct xfrm_addr xfrm_address_get(const xfrm_address_t *a, uint16_t family);
bool xfrm_family_ok(uint16_t family);
struct xfrm_selector xfrm_selector_put(const struct xfrm_selector_cfg *s);
struct xfrm_selector_cfg xfrm_selector_get(const struct xfrm_selector *s);

/* Copies a fixed part out of a message (its alignment is not ours); false if the message is shorter. */
bool xfrm_body(const struct nlmsghdr *nlh, void *out, size_t size);
/* The attribute's payload, if it is there with at least `size` octets after a body of `body` octets; copied to out. */
bool xfrm_attr_get(const struct nlmsghdr *nlh, size_t body, uint16_t type, void *out, size_t size);
/* What XFRMA_OFFLOAD_DEV of a dumped SA or policy says. */
struct xfrm_readback xfrm_readback_get(const struct nlmsghdr *nlh, size_t body, bool *inbound);

/* Reads all answers there are, or all events. Whether there were any answers. */
bool xfrm_answers_read(struct xfrm *x);
void xfrm_events_read(struct xfrm *x);
/* A message from the multicast channel. */
void xfrm_event_take(struct xfrm *x, const struct nlmsghdr *nlh);
/* A transport is closed: ends every request and says so, once. err 0: end of file. */
void xfrm_closed(struct xfrm *x, const char *which, int err);

#endif
