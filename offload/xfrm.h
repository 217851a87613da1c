/* SPDX-License-Identifier: MIT */
/*
 * The XFRM driver: SAs and policies in the kernel, or in hwsim, by NETLINK_XFRM messages.
 *
 * Sans-I/O: bytes go through a `struct xfrm_transport`. Requests are asynchronous and answered in order; each ends with
 * exactly one call of its `done`, possibly before the request function returns. Every install is read back, because a
 * kernel can acknowledge an offload that it did not do. Nothing here blocks or allocates per packet of traffic.
 *
 * SPIs, ports and marks are in host order. Addresses are 4 or 16 octets in network order.
 * Sources: Linux include/uapi/linux/xfrm.h, net/xfrm/xfrm_user.c, xfrm_state.c, xfrm_device.c.
 */
#ifndef OFFLOAD_XFRM_H
#define OFFLOAD_XFRM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "offload/placement.h"

struct xfrm;

enum {
	XFRM_PENDING_MAX = 65536, /* open requests */
	XFRM_WINDOW = 32, /* datagrams sent and not answered: their answers fit into a socket's receive buffer */
};

/* Two of these: one for requests, one that has joined the multicast groups. */
struct xfrm_transport {
	void *ctx;
	int (*send)(void *ctx, const void *buf, size_t len); /* one datagram: 0 or -errno (-EAGAIN: try again later) */
	ssize_t (*recv)(void *ctx, void *buf, size_t size); /* one datagram: length, -EAGAIN: none, -ENOBUFS: lost some,
							       0 or another -errno: closed */
};

struct xfrm_addr {
	uint16_t family; /* AF_INET, AF_INET6 */
	uint8_t ip[16];
};

struct xfrm_selector_cfg { /* a traffic selector as XFRM can express it: prefixes, of ports too */
	uint16_t family;
	uint8_t src[16], dst[16];
	uint8_t src_len, dst_len;                      /* prefix lengths */
	uint8_t protocol;                              /* 0: any */
	uint16_t sport, dport, sport_mask, dport_mask; /* mask 0: any */
};

struct xfrm_limits { /* UINT64_MAX: none */
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;
	uint64_t soft_seconds, hard_seconds; /* of age; 0 or UINT64_MAX: none */
};

struct xfrm_key {                     /* wiped by the driver in its buffers after sending; the caller wipes his */
	uint8_t encr[64], integ[64];  /* encr: key, then salt for AEAD */
	uint16_t encr_len, integ_len; /* octets; must be what the algorithms take */
};

struct xfrm_sa {
	bool out; /* direction */
	bool tunnel;
	bool larval; /* there is a larval state from xfrm_spi_alloc: UPDSA instead of NEWSA */
	uint32_t spi, reqid;
	struct xfrm_addr src, dst;
	uint16_t encr, encr_bits, integ; /* IANA; rows of xfrm_alg.c give the kernel's names */
	bool esn;
	bool encap; /* in UDP (RFC 3948), with these ports */
	uint16_t encap_sport, encap_dport;
	uint32_t replay_window; /* inbound: packets, at most 4096; 0: none (with ESN the kernel refuses that) */
	struct xfrm_limits limits;
	struct xfrm_selector_cfg sel; /* transport mode; family 0: any */
	uint32_t cpu;                 /* XFRMA_SA_PCPU, outbound only; UINT32_MAX: any */
	enum offload_mode mode;
	int ifindex;  /* for crypto and packet mode */
	uint32_t seq; /* of the acquire this answers; 0: none */
};

/* What names one SA: XFRM's lookup key. */
struct xfrm_sa_id {
	uint32_t spi;
	struct xfrm_addr dst, src;
};

struct xfrm_result {
	int err;                /* 0 or -errno */
	const char *text;       /* the kernel's extack text, or our own sentence; NULL: none. Valid during the call. */
	enum offload_mode mode; /* install: where the read-back found it */
	uint32_t spi;           /* spi_alloc */
};

typedef void (*xfrm_done)(void *ctx, const struct xfrm_result *result);

struct xfrm_sa_counts {
	struct xfrm_sa_id id;
	bool out; /* of an SA in software without XFRMA_SA_DIR the kernel does not say it: false */
	uint32_t reqid;
	uint32_t seq, cpu; /* with SPI 0 it stands for an acquire that is open, and these are the acquire's */
	enum offload_mode mode;
	uint64_t bytes, packets;
	uint64_t use_time;                                /* first used: UNIX seconds; 0: never */
	uint32_t replay, replay_window, integrity_failed; /* usersa_info.stats */
};

enum xfrm_policy_dir { XFRM_DIR_IN, XFRM_DIR_OUT, XFRM_DIR_FWD };

struct xfrm_policy_cfg {
	enum xfrm_policy_dir dir;
	struct xfrm_selector_cfg sel;
	uint32_t priority; /* smaller wins */
	uint32_t reqid;
	bool tunnel;
	struct xfrm_addr tmpl_src, tmpl_dst; /* tunnel end points */
	bool packet;                         /* offloaded to ifindex */
	int ifindex;
	bool cpu_acquire; /* XFRM_POLICY_CPU_ACQUIRE */
	bool bypass;      /* allow without a template */
	bool block;       /* drop: nothing may leave unprotected while no SA exists; reqid 0: without a template */
};

/* Events, from the multicast transport. */
struct xfrm_expire {
	struct xfrm_sa_id id;
	uint32_t reqid;
	bool hard;
	uint64_t bytes, packets;
};

struct xfrm_acquire {
	uint32_t seq, reqid, cpu; /* cpu UINT32_MAX: none named */
	struct xfrm_selector_cfg sel;
	struct xfrm_addr src, dst;
};

struct xfrm_events {
	void *ctx;
	void (*expire)(void *ctx, const struct xfrm_expire *e);
	void (*acquire)(void *ctx, const struct xfrm_acquire *a);
	/* events were lost, or the card was flushed under us: ask xfrm_sa_dump() what is left */
	void (*resync)(void *ctx, const char *why);
	/* a transport closed: every open request has just ended with -EPIPE */
	void (*closed)(void *ctx);
};

/* NULL and errno. Transports and events are copied; log must live as long, and may be NULL. */
struct xfrm *xfrm_new(const struct xfrm_transport *requests, const struct xfrm_transport *multicast,
		      const struct xfrm_events *events, const struct log *log);
/* Open requests end with -ECANCELED. Not from within a callback. */
void xfrm_free(struct xfrm *x);

/*
 * Whether the kernel knows XFRMA_SA_DIR (Linux 6.10); true until told otherwise. Older kernels ignore the attribute,
 * but want a replay window of an outbound SA with ESN, which newer ones refuse; without it there is no SA_PCPU either.
 */
void xfrm_sa_dir_set(struct xfrm *x, bool known);

/* Call when a transport is readable (or writable again): reads all there is, runs `done`s and events. */
void xfrm_process(struct xfrm *x);
/* Requests not answered yet. */
unsigned int xfrm_pending(const struct xfrm *x);
/* The request transport said -EAGAIN: call xfrm_process() when it is writable. */
bool xfrm_wants_write(const struct xfrm *x);

/*
 * All requests: 0 (then `done` will be called), or -errno and `done` is never called: -EINVAL (an algorithm without a
 * row, a family mismatch; logged with the value), -ENOMEM, -ENOBUFS (XFRM_PENDING_MAX open requests), -EPIPE (closed).
 * They are carried out in the order of the calls, and end in that order, except that a dump may end after what was
 * asked for later, and so does an install that must be undone. A result of -ENOBUFS says that the answer was lost, and
 * comes with a resync event.
 */
/*
 * Install and read back. Fails as the kernel says, or with -EOPNOTSUPP when it acknowledged an offload that it did not
 * do; then the SA has been deleted again.
 */
int xfrm_sa_add(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key, xfrm_done done, void *ctx);
/*
 * Change the limits of an SA that is in use (UPDSA). `sa` and `key` as they were installed. It is sent without the
 * offload attribute, because the kernel makes a second SA of it, which would need a slot; a card that counts by itself
 * keeps the limits that it was given at install (xfrm_state_update, xfrm_state.c).
 */
int xfrm_sa_update(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key, xfrm_done done, void *ctx);
/* -ESRCH: there is none (any more). That it is acknowledged does not say that the card has freed its slot (slots.h). */
int xfrm_sa_delete(struct xfrm *x, const struct xfrm_sa_id *id, xfrm_done done, void *ctx);
/* One SA's counters; `counts` is valid during the call, and filled in only when result->err is 0. */
int xfrm_sa_get(struct xfrm *x, const struct xfrm_sa_id *id,
		void (*done)(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts),
		void *ctx);
/* Every SA there is; `each` may be called many times, then `done` once (-EINTR: the dump changed under it). */
int xfrm_sa_dump(struct xfrm *x, void (*each)(void *ctx, const struct xfrm_sa_counts *counts), xfrm_done done,
		 void *ctx);
/*
 * An SPI of the kernel's choice in min..max (min above 0) for inbound SAs: result->spi. It holds a larval state until
 * an SA is added with `larval`, it is deleted, or net.core.xfrm_acq_expires has passed.
 */
int xfrm_spi_alloc(struct xfrm *x, const struct xfrm_addr *src, const struct xfrm_addr *dst, uint32_t reqid,
		   uint32_t min, uint32_t max, xfrm_done done, void *ctx);
/*
 * Also read back when offloaded: -EOPNOTSUPP if it is in software only. A new one is then deleted again; an updated one
 * stays, since what it covers must not leave unprotected.
 */
int xfrm_policy_add(struct xfrm *x, const struct xfrm_policy_cfg *policy, bool update, xfrm_done done, void *ctx);
int xfrm_policy_delete(struct xfrm *x, const struct xfrm_policy_cfg *policy, xfrm_done done, void *ctx);
/* Every policy there is but those of sockets, as xfrm_sa_dump(); reqid and end points are those of its first template.
 */
int xfrm_policy_dump(struct xfrm *x, void (*each)(void *ctx, const struct xfrm_policy_cfg *policy), xfrm_done done,
		     void *ctx);

/*
 * The selectors (prefix x prefix, also of ports) that together cover exactly a pair of ranges as IKEv2 has them (RFC
 * 7296 3.13.1); at most max. Count, -E2BIG (more than max), -EINVAL (families or protocols differ, start above end,
 * OPAQUE ports, ports without a protocol, ICMP types and codes that are not a rectangle).
 */
struct xfrm_range {
	uint16_t family;
	uint8_t start[16], end[16];
	uint8_t protocol;
	uint16_t start_port, end_port; /* ICMP: type in the high octet, code in the low one */
};
int xfrm_selectors_from_ranges(const struct xfrm_range *src, const struct xfrm_range *dst,
			       struct xfrm_selector_cfg *out, unsigned int max);

struct xfrm_counters {
	uint64_t requests, errors, installs, deletes, not_offloaded, expires_soft, expires_hard, acquires, overruns,
		malformed;
};
void xfrm_counters_get(const struct xfrm *x, struct xfrm_counters *out);

/*
 * AF_NETLINK transports (ext ack, cap ack; groups: EXPIRE and ACQUIRE). fds for polling. event_buffer: octets of events
 * that may wait to be read, with the kernel's overhead; 0: 8 MB. 0 or -errno.
 */
int xfrm_kernel_open(struct xfrm_transport *requests, int *request_fd, struct xfrm_transport *multicast,
		     int *multicast_fd, uint32_t event_buffer);
/* The same against keyrack-hwsim's socket (hwsim/server_netlink.h). */
int xfrm_hwsim_open(const char *path, struct xfrm_transport *requests, int *request_fd,
		    struct xfrm_transport *multicast, int *multicast_fd);
/* Closes what the two functions above opened. */
void xfrm_transport_close(struct xfrm_transport *t);
/* A channel to keyrack-hwsim on which RTM_NEWLINK says when its link goes down or up, as NETLINK_ROUTE has it. The
 * socket, non-blocking, for the caller to close; or -errno. */
int xfrm_hwsim_links(const char *path);

#endif
