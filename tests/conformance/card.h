/* SPDX-License-Identifier: MIT */
/*
 * A pair of cards at the two ends of a cable, LEFT and RIGHT, behind the netlink of their hosts: two keyrack-hwsim, or
 * a kernel with the module krnic whose devices are in two network namespaces. A test asks, sends, and compares texts;
 * what is expected is written once for both.
 *
 * An answer is "ok", or "EINVAL at AEAD: what the kernel says"; messages are as text.h writes them. All functions but
 * the first fail the running test when something is not as wanted.
 */
#ifndef CONFORMANCE_CARD_H
#define CONFORMANCE_CARD_H

#include "message.h"

enum card_kind { CARD_HWSIM, CARD_KERNEL };

enum {
	CARD_SLOTS = 64,          /* of each table */
	CARD_CPUS = 4,            /* at least */
	CARD_ACQUIRE_SECONDS = 3, /* how long a larval SA waits: net.core.xfrm_acq_expires */
	CARD_WAIT_MS = 20000,     /* the longest that anything is waited for; the VM is slow */
	CARD_SILENCE_MS = 200,    /* what does not come within this time does not come */
	CARD_TEXT = 2048,
};

struct flow {
	enum side from;
	bool six, transport; /* transport: between the hosts themselves */
	unsigned int cpu;    /* that sends */
	uint16_t bytes;      /* of payload, 48 at least; 0: 100 */
};

struct card;

/* What the two kinds do in different ways. */
struct card_ops {
	/* A socket that is told of the groups (a mask, 1 << (XFRMNLGRP_* - 1)). */
	int (*listen)(struct card *c, enum side side, uint32_t groups);
	/* Sends so many packets of a flow and waits until so many have arrived, and a moment longer. How many have. */
	unsigned int (*send)(struct card *c, const struct flow *f, unsigned int count, unsigned int wanted);
	void (*fault)(struct card *c, enum side side, const char *name, uint32_t count, uint64_t arg);
	/* Whether its slots are free: those of deleted SAs are in the kernel's time. */
	bool (*is_free)(struct card *c, enum side side);
	void (*close)(struct card *c);
};

struct card {
	enum card_kind kind;
	const struct card_ops *ops;
	void *ctx;
	int request[SIDES], events[SIDES]; /* sockets; events: -1 when nobody listens */
	uint32_t pid[SIDES];
	int ifindex[SIDES];
	uint32_t seq, test;
	unsigned int made;    /* SAs since all slots were known to be free */
	char said[CARD_TEXT]; /* the last message as text */
};

/* Two keyrack-hwsim of this program, connected by UDP on loopback, with traffic generators. */
void card_open_hwsim(struct card *c, const char *program);
/*
 * LEFT: the network namespace this program runs in, and its device; RIGHT: the namespace that is mounted at this path,
 * and its device.
 */
void card_open_kernel(struct card *c, const char *device, const char *peer_netns, const char *peer_device);
void card_close(struct card *c);

/* Before each test: nobody listens, nothing is installed, and most slots are free. */
void card_clear(struct card *c);

/* Waits until all slots are free, for a test that needs them all. Nothing may be installed. */
void card_drain(struct card *c);

/* Events from now on. */
void card_listen(struct card *c, enum side side, uint32_t groups);

/* The request's answer as text, which is good until the next call. Replies but the last one are in said. */
const char *card_answer(struct card *c, enum side side, const struct request *r);
/* The answer must be this. */
void card_ask(struct card *c, enum side side, const struct request *r, const char *answer);
/* The request must be granted, after one reply, which must be this. */
void card_reply(struct card *c, enum side side, const struct request *r, const char *reply);
/* All of them in one datagram; each must have its answer, in turn. */
void card_batch(struct card *c, enum side side, const struct request *requests, const char *const *answers,
		unsigned int n);
/* The next event must be this, and come in time. */
void card_event(struct card *c, enum side side, const char *event);
/* There must be no event for a moment. */
void card_silence(struct card *c, enum side side);
/* Sends, and so many must arrive. */
void card_send(struct card *c, const struct flow *f, unsigned int count, unsigned int arrive);
void card_fault(struct card *c, enum side side, const char *name, uint32_t count, uint64_t arg);

/* A dump: messages, datagrams, and whether each message had NLM_F_MULTI and the last one was NLMSG_DONE. */
struct card_dump {
	unsigned int messages, datagrams;
	bool multi, done;
};
/* Of BASE_DUMP_SA or BASE_DUMP_POLICY. */
struct card_dump card_dump(struct card *c, enum side side, const struct request *r);

/* The number after this word in said, or 0 when the word is not there. */
unsigned int card_number(const struct card *c, const char *word);

/* SAs that there are, by GETSADINFO. */
unsigned int card_states(struct card *c, enum side side);

void card_wait_ms(unsigned int ms);

#endif
