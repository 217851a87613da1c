/* SPDX-License-Identifier: MIT */
/* A transport in memory with the test as the kernel: it reads what was sent and puts answers and events into the way.
 */
#ifndef TESTS_UNIT_OFFLOAD_WIRE_H
#define TESTS_UNIT_OFFLOAD_WIRE_H

#include "base/xfrm_uapi.h"
#include "offload/xfrm.h"

enum { WIRE_SENT_MAX = 128, WIRE_QUEUE_MAX = 256, WIRE_DATAGRAM_MAX = 2048, WIRE_LOG_MAX = 16 };

enum wire_channel { WIRE_REQUESTS, WIRE_EVENTS };

struct wire_datagram {
	ssize_t len; /* or what recv shall return: 0, -errno */
	uint8_t data[WIRE_DATAGRAM_MAX];
};

struct wire_queue {
	struct wire_datagram at[WIRE_QUEUE_MAX];
	unsigned int n, read;
};

struct wire {
	struct xfrm *x;
	struct log log;
	struct wire_datagram sent[WIRE_SENT_MAX];
	unsigned int n_sent;
	int send_result; /* what send returns instead of taking the datagram; 0: it takes it */
	struct wire_queue queue[2];
	char logged[WIRE_LOG_MAX][256]; /* "event: text" */
	unsigned int n_logged;
	struct xfrm_expire expire[8];
	struct xfrm_acquire acquire[8];
	char resync[256]; /* why, the last time */
	unsigned int n_expire, n_acquire, n_resync, n_closed;
};

/* A driver on the wire. */
void wire_open(struct wire *w);
/* Frees the driver; fails the test when an answer or event was not read. */
void wire_close(struct wire *w);
/* The same around each test of a cmocka group; *state is the wire. */
int wire_setup(void **state);
int wire_teardown(void **state);

/* The n-th message (from 0) of a datagram that was sent. */
const struct nlmsghdr *wire_sent(const struct wire *w, unsigned int datagram, unsigned int message);
/* Its attribute's payload, or NULL. */
const void *wire_attr(const struct nlmsghdr *nlh, size_t body, uint16_t type, size_t *len);

/* Puts a datagram, or a return value of recv, into a queue. */
void wire_put(struct wire *w, enum wire_channel channel, const void *data, size_t len);
void wire_put_result(struct wire *w, enum wire_channel channel, ssize_t result);

/* NLMSG_ERROR. text NULL: none. With `echo` the request's payload of that many octets stands before the text (not
 * capped). */
void wire_ack(struct wire *w, uint32_t seq, int err, const char *text, size_t echo);
/* NLMSG_DONE, or any other message without a body but an int. */
void wire_int(struct wire *w, uint16_t type, uint16_t flags, uint32_t seq, int value);

struct wire_sa {
	uint32_t spi, reqid;
	bool offloaded, packet, inbound;
	int ifindex;
	uint8_t dir;     /* SA_DIR; 0: absent */
	uint32_t window; /* in REPLAY_ESN_VAL */
	uint64_t bytes, packets;
};

/* XFRM_MSG_NEWSA from 192.0.2.1 to 192.0.2.2, as a GETSA is answered, with a key in it as the kernel does. */
void wire_newsa(struct wire *w, uint16_t flags, uint32_t seq, const struct wire_sa *sa);
/* XFRM_MSG_NEWPOLICY. ifindex 0: not offloaded. */
void wire_newpolicy(struct wire *w, uint32_t seq, int ifindex);

/* What `done` is called with. */
struct outcome {
	unsigned int calls;
	int err;
	char text[256]; /* "" for NULL */
	enum offload_mode mode;
	uint32_t spi;
	struct xfrm_sa_counts counts[8];
	unsigned int n_counts;
};

void outcome_done(void *ctx, const struct xfrm_result *result);
void outcome_got(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts);
void outcome_each(void *ctx, const struct xfrm_sa_counts *counts);

/* An inbound AES-GCM-128 tunnel SA in packet mode on interface 3, and a key for it. */
struct xfrm_sa sample_sa(void);
struct xfrm_key sample_key(void);
struct xfrm_policy_cfg sample_policy(void);

#endif
