/* SPDX-License-Identifier: MIT */
/*
 * The ethtool driver: channels, RSS, features, counters and flow rules of one device, by the "ethtool" family of
 * NETLINK_GENERIC, and by ethtool's ioctl where a kernel has no netlink for it (RSS before Linux 6.3, setting it before
 * 6.17, flow rules and counters to this day).
 *
 * Sans-I/O, as xfrm.h: bytes go through two transports of the same kind. The ioctl goes through them too, as a message
 * (base/ethtool_uapi.h), which the transport to a kernel carries out and hwsim answers. Requests are asynchronous and
 * carried out one after the other in the order of the calls; each ends with exactly one call of its `done`, possibly
 * before the request function returns.
 *
 * Sources: Linux Documentation/networking/ethtool-netlink.rst, net/ethtool/ioctl.c, include/uapi/linux/ethtool.h.
 */
#ifndef OFFLOAD_ETHTOOL_H
#define OFFLOAD_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "offload/xfrm.h"

struct ethtool;

enum {
	ETHTOOL_PENDING_MAX = 4096, /* open requests */
	ETHTOOL_INDIR_MAX = 4096,   /* entries of an indirection table */
	ETHTOOL_KEY_MAX = 128,      /* bytes of a hash key */
	ETHTOOL_NAME = 32,          /* bytes of a driver's or counter's name, with its NUL */
};

struct ethtool_result {
	int err;           /* 0 or -errno; -EOPNOTSUPP: the device or the kernel cannot */
	const char *text;  /* the kernel's extack text, or our own sentence; NULL: none. Valid during the call. */
	uint32_t location; /* ethtool_rule_add */
};

typedef void (*ethtool_done)(void *ctx, const struct ethtool_result *result);

/* Queues in use: combined ones are a pair. */
struct nic_channels {
	uint32_t rx, tx, combined;
	uint32_t rx_max, tx_max, combined_max;
};

struct nic_rss {
	uint32_t indir_size, key_size; /* entries, bytes */
	bool toeplitz;                 /* the hash function is Toeplitz; false: another, or not told */
	uint16_t indir[ETHTOOL_INDIR_MAX];
	uint8_t key[ETHTOOL_KEY_MAX];
};

struct nic_features { /* what is on */
	bool esp, esp_csum, esp_gso, ntuple, rxhash;
	bool esp_can; /* esp could be turned on; true, too, where the device does not say */
};

/* A flow rule: ESP with this SPI and destination goes to this RX queue. */
struct nic_rule {
	struct xfrm_addr dst;
	uint32_t spi;
	uint32_t queue;
};

struct ethtool_events {
	void *ctx;
	/* somebody changed channels, RSS or features, or notifications were lost: read them again */
	void (*changed)(void *ctx, const char *what);
	/* a transport closed: every open request has just ended with -EPIPE */
	void (*closed)(void *ctx);
};

/*
 * NULL and errno. Transports and events are copied; log must live as long, and may be NULL. multicast: one that has
 * joined the family's group "monitor", or NULL, or one whose recv is NULL: then nothing is heard of changes.
 */
struct ethtool *ethtool_new(const struct xfrm_transport *requests, const struct xfrm_transport *multicast,
			    const struct ethtool_events *events, int ifindex, const struct log *log);
/* Open requests end with -ECANCELED. Not from within a callback. */
void ethtool_free(struct ethtool *e);

/* Call when a transport is readable (or writable again): reads all there is, runs `done`s and events. */
void ethtool_process(struct ethtool *e);
unsigned int ethtool_pending(const struct ethtool *e);
/* The request transport said -EAGAIN: call ethtool_process() when it is writable. */
bool ethtool_wants_write(const struct ethtool *e);

/* All requests: 0, or -errno and `done` is never called: -EINVAL, -ENOMEM, -ENOBUFS (too many open), -EPIPE (closed).
 */

int ethtool_channels_get(struct ethtool *e,
			 void (*done)(void *ctx, const struct ethtool_result *result,
				      const struct nic_channels *channels),
			 void *ctx);
/* `rss` is valid during the call, and NULL with an error. */
int ethtool_rss_get(struct ethtool *e,
		    void (*done)(void *ctx, const struct ethtool_result *result, const struct nic_rss *rss), void *ctx);
/* Key and table; sizes of 0: that part stays as it is. indir_default: the device's own table instead. */
int ethtool_rss_set(struct ethtool *e, const struct nic_rss *rss, bool indir_default, ethtool_done done, void *ctx);
int ethtool_features_get(struct ethtool *e,
			 void (*done)(void *ctx, const struct ethtool_result *result,
				      const struct nic_features *features),
			 void *ctx);
/* The kernel driver's name ("mlx5_core"), for offload_profile_for_driver(). */
int ethtool_driver_get(struct ethtool *e,
		       void (*done)(void *ctx, const struct ethtool_result *result, const char *name), void *ctx);
/* Every counter of the device, as `ethtool -S` shows them; `each` may be called many times, then `done` once. */
int ethtool_stats_get(struct ethtool *e, void (*each)(void *ctx, const char *name, uint64_t value), ethtool_done done,
		      void *ctx);
/* result->location names the rule from then on. */
int ethtool_rule_add(struct ethtool *e, const struct nic_rule *rule, ethtool_done done, void *ctx);
int ethtool_rule_delete(struct ethtool *e, uint32_t location, ethtool_done done, void *ctx);

struct ethtool_counters {
	uint64_t requests, errors, ioctls, notifications, overruns, malformed;
};
void ethtool_counters_get(const struct ethtool *e, struct ethtool_counters *out);

/*
 * Transports to this machine's kernel; multicast and its fd stay empty (recv NULL, -1) where the kernel has no ethtool
 * family (before Linux 5.6). 0 or -errno. Closed with ethtool_transport_close().
 */
int ethtool_kernel_open(struct xfrm_transport *requests, int *request_fd, struct xfrm_transport *multicast,
			int *multicast_fd);
/* The same to keyrack-hwsim's socket (docs/hwsim.md, "The generic channel"). */
int ethtool_hwsim_open(const char *path, struct xfrm_transport *requests, int *request_fd,
		       struct xfrm_transport *multicast, int *multicast_fd);
/* Closes what the two functions above opened. */
void ethtool_transport_close(struct xfrm_transport *t);

#endif
