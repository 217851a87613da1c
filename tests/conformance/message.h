/* SPDX-License-Identifier: MIT */
/*
 * Requests as data: one of a few complete messages that a card accepts, and a list of changes to it. So a row of a test
 * shows just what is wrong with its message.
 *
 * Hosts: LEFT is 192.0.2.1 and fd00::1, RIGHT 192.0.2.2 and fd00::2. Networks behind them, for tunnels: 10.1.0.0/16 and
 * fd00:1::/32 behind LEFT, 10.2.0.0/16 and fd00:2::/32 behind RIGHT, of which each host has the address that ends in 1.
 */
#ifndef CONFORMANCE_MESSAGE_H
#define CONFORMANCE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "base/xfrm_uapi.h"

enum side { LEFT, RIGHT, SIDES };

enum { EDITS = 10, MESSAGE_MAX = 8192, NO_CPU = 0 };

enum base {
	BASE_SA,        /* NEWSA: tunnel mode, AES-128-GCM, ESN, a window of 64 if inbound, packet offload */
	BASE_SA_ID,     /* GETSA of it */
	BASE_SPI,       /* ALLOCSPI: one of the SPIs 0x400 to 0x40f */
	BASE_FLUSH_SA,  /* FLUSHSA: ESP */
	BASE_AE,        /* GETAE of the SA */
	BASE_POLICY,    /* NEWPOLICY: from network to network, one template for the SA, packet offload */
	BASE_POLICY_ID, /* GETPOLICY of it by its selector */
	BASE_NOTHING,   /* FLUSHPOLICY: no fixed part */
	BASE_INFO,      /* GETSADINFO */
	BASE_DUMP_SA,   /* GETSA and GETPOLICY of all: no fixed part */
	BASE_DUMP_POLICY,
};

enum edit_kind {
	EDIT_END,
	EDIT_FIXED,        /* a field of the fixed part */
	EDIT_FIXED_BE,     /* the same, in network order */
	EDIT_FIXED_LENGTH, /* the fixed part has this length: cut, or zeros appended */
	EDIT_DROP,         /* no such attribute */
	EDIT_PUT,          /* an attribute of this size and value */
	EDIT_FIELD,        /* a field of an attribute */
	EDIT_FIELD_BE,
	EDIT_LENGTH,    /* an attribute has this length: cut, or zeros appended; made if need be */
	EDIT_ALGORITHM, /* an algorithm with a key of this many bits */
	EDIT_TEMPLATES, /* the template this many times */
};

struct edit {
	enum edit_kind kind;
	uint16_t attr;
	uint16_t at, size; /* octets */
	uint64_t value;    /* host order */
	const char *text;  /* of an algorithm: its name */
};

#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define SET(type, member, v)                                                            \
	{                                                                               \
		EDIT_FIXED, 0, offsetof(type, member), SIZE_OF(type, member), (v), NULL \
	}
#define SET_BE(type, member, v)                                                            \
	{                                                                                  \
		EDIT_FIXED_BE, 0, offsetof(type, member), SIZE_OF(type, member), (v), NULL \
	}
#define SA(member, v)     SET(struct xfrm_usersa_info, member, v)
#define POLICY(member, v) SET(struct xfrm_userpolicy_info, member, v)
#define FIXED_LENGTH(n)                         \
	{                                       \
		EDIT_FIXED_LENGTH, .value = (n) \
	}
#define DROP(attr)                               \
	{                                        \
		EDIT_DROP, (attr), 0, 0, 0, NULL \
	}
#define PUT8(attr, v)                             \
	{                                         \
		EDIT_PUT, (attr), 0, 1, (v), NULL \
	}
#define PUT32(attr, v)                            \
	{                                         \
		EDIT_PUT, (attr), 0, 4, (v), NULL \
	}
#define LENGTH(attr, n)                              \
	{                                            \
		EDIT_LENGTH, (attr), 0, 0, (n), NULL \
	}
#define FIELD(attr, type, member, v)                                                         \
	{                                                                                    \
		EDIT_FIELD, (attr), offsetof(type, member), SIZE_OF(type, member), (v), NULL \
	}
#define FIELD_BE(attr, type, member, v)                                                         \
	{                                                                                       \
		EDIT_FIELD_BE, (attr), offsetof(type, member), SIZE_OF(type, member), (v), NULL \
	}
#define ESN(member, v)      FIELD(XFRMA_REPLAY_ESN_VAL, struct xfrm_replay_state_esn, member, v)
#define REPLAY(member, v)   FIELD(XFRMA_REPLAY_VAL, struct xfrm_replay_state, member, v)
#define AEAD(member, v)     FIELD(XFRMA_ALG_AEAD, struct xfrm_algo_aead, member, v)
#define TEMPLATE(member, v) FIELD(XFRMA_TMPL, struct xfrm_user_tmpl, member, v)
#define OFFLOAD(member, v)  FIELD(XFRMA_OFFLOAD_DEV, struct xfrm_user_offload, member, v)
/* extra: what stands between the key's length and the key: an ICV's bits */
#define ALGORITHM(attr, name, bits, extra)                         \
	{                                                          \
		EDIT_ALGORITHM, (attr), 0, (extra), (bits), (name) \
	}
#define TEMPLATES(n)                                        \
	{                                                   \
		EDIT_TEMPLATES, XFRMA_TMPL, 0, 0, (n), NULL \
	}

struct request {
	enum base base;
	uint16_t type;  /* XFRM_MSG_*; 0: the base's */
	uint16_t flags; /* NLM_F_*, more than REQUEST and ACK */
	/* what is common enough to have a name */
	enum side from; /* who sends what the SA or policy protects */
	bool in;        /* for who receives it */
	bool six, transport, crypto, software;
	uint32_t spi;                                                /* host order; 0: 0x100 */
	uint32_t reqid;                                              /* 0: 7 */
	int cpu;                                                     /* NO_CPU, or 1 more than its number */
	uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes; /* 0: none */
	struct edit edit[EDITS];
};

/* What a row need not know. */
struct request_context {
	uint32_t seq, pid;
	int ifindex;
	uint32_t key; /* makes the keys of a test other ones than those of the tests before */
};

/* Writes the message into buf (MESSAGE_MAX, aligned). */
struct nlmsghdr *message_build(void *buf, const struct request *r, const struct request_context *ctx);

/* Octets of the fixed part. */
size_t message_body(const struct request *r);

/* Addresses: of a host, and of the host in the network behind it. */
const char *message_host(enum side side, bool six);
const char *message_inner(enum side side, bool six);

#endif
