/* SPDX-License-Identifier: MIT */
/* A card or two for the tests: messages in, replies, events and packets kept for looking at. Time is a number. */
#ifndef TESTS_HWSIM_RIG_H
#define TESTS_HWSIM_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xfrm_uapi.h"
#include "hwsim/hwsim.h"

#define SEC 1000000000ull
#define MS  1000000ull

enum { RIG_EVENTS = 64, RIG_PACKETS = 64, RIG_IFINDEX = 7 };

struct rig_packet {
	unsigned int queue;
	size_t len;
	uint8_t data[HWSIM_MAX_PACKET];
};

struct rig_message {
	unsigned int group;
	size_t len;
	_Alignas(8) uint8_t data[4096];
};

struct rig {
	struct hwsim *card;
	uint64_t now;
	struct rig *peer; /* where wire_out goes; NULL: only kept */
	/* the last ones, counted from the beginning */
	struct rig_packet wire[RIG_PACKETS], host[RIG_PACKETS];
	struct rig_message event[RIG_EVENTS];
	unsigned int wires, hosts, events, links;
	/* of the last request */
	int error;
	char text[160];
	uint32_t offset;
	size_t reply_len;
	_Alignas(8) uint8_t reply[1 << 20]; /* all datagrams but the ACK, one after the other */
	unsigned int datagrams;
	uint32_t seq;
};

/* A card of a profile with `slots` (0: the profile's own) and four queues. */
struct rig *rig_new(const char *profile, uint32_t slots);
/* Checks the invariants and frees. */
void rig_free(struct rig *rig);
/* hwsim_check must be content. */
void rig_check(struct rig *rig);

/* Sends a message and keeps what comes back; the error is returned (0 or -errno). */
int rig_send(struct rig *rig, struct nlmsghdr *nlh);
/* The same through the door for NETLINK_GENERIC. */
int rig_send_generic(struct rig *rig, struct nlmsghdr *nlh);

struct spec {
	const char *src, *dst; /* outer addresses, or the hosts of transport mode */
	const char *from, *to; /* inner prefixes for policies, "10.0.0.0/24"; NULL: anything */
	uint32_t spi;          /* host order */
	uint32_t reqid;
	bool transport, in, software, crypto, esn, no_dir;
	int pcpu; /* 0: any; n: CPU n - 1 */
	uint32_t window;
	uint16_t encap;                                              /* port of UDP encapsulation, 0: none */
	uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes; /* 0: none */
	uint64_t soft_seconds, hard_seconds, soft_use, hard_use;
	uint64_t seq; /* the last number sent or received */
	uint32_t acquire;
	const char *aead;      /* NULL: rfc4106(gcm(aes)); "": cbc(aes) and hmac(sha256) */
	unsigned int key_bits; /* 0: 160 */
	uint8_t key;           /* every byte of the key */
	uint32_t priority, policy_flags;
	bool block, bypass;
	uint8_t proto; /* of policies */
	uint16_t dport;
	unsigned int dir; /* of policies: XFRM_POLICY_* */
	uint32_t flags, extra_flags;
};

/* Of a spec: the ends and the prefixes of one tunnel. */
#define RIG_TUNNEL .src = "192.0.2.1", .dst = "192.0.2.2", .from = "10.1.0.0/16", .to = "10.2.0.0/16"

struct nlmsghdr *rig_put_sa(void *buf, uint16_t type, const struct spec *s);
struct nlmsghdr *rig_put_policy(void *buf, uint16_t type, const struct spec *s);
/* NEWSA, UPDSA, DELSA, GETSA; NEWPOLICY. */
int rig_sa(struct rig *rig, uint16_t type, const struct spec *s);
int rig_policy(struct rig *rig, uint16_t type, const struct spec *s);
/* GETSA; the reply's fixed part. Fails the test if there is none. */
struct xfrm_usersa_info rig_get(struct rig *rig, const struct spec *s);
/* The attribute of the last reply's first message, or NULL. */
const struct nlattr *rig_attr(const struct nlmsghdr *nlh, size_t body, unsigned int type);

/*
 * Out on `a`, in on `b`, with policies, of one tunnel or transport connection; the other way round with a second call.
 * `s` is as seen from a (outbound).
 */
void rig_connect(struct rig *a, struct rig *b, const struct spec *s);

/* An IP packet with UDP ports and `len` bytes of known content. Returns its length. */
size_t rig_packet(uint8_t *p, const char *src, const char *dst, uint16_t sport, uint16_t dport, size_t len);
void rig_tx(struct rig *rig, unsigned int queue, const uint8_t *packet, size_t len);
void rig_rx(struct rig *rig, const uint8_t *packet, size_t len);
struct hwsim_stats rig_stats(struct rig *rig);
/* The n-th event, of type `type`; fails the test otherwise. */
const struct nlmsghdr *rig_event(struct rig *rig, unsigned int n, uint16_t type);
/* Moves time on and has the card do what is due. */
void rig_wait(struct rig *rig, uint64_t ns);

/* Parses "10.0.0.1" or "fd00::1" (and "/n"); the family. */
uint16_t rig_addr(const char *text, uint8_t addr[16], uint8_t *prefix);

#endif
