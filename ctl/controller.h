/* SPDX-License-Identifier: MIT */
/*
 * The controller: the only place that knows ike/, rekey/ and offload/. It turns negotiated Child SAs into SAs in the
 * card's slots, replaces them in time and keeps the ledger, and does no I/O: datagrams, netlink bytes and the time come
 * in, calls through `struct controller_env` and the xfrm transports go out. The daemon, the unit tests and the
 * two-controller simulation all drive this same code.
 */
#ifndef CTL_CONTROLLER_H
#define CTL_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "ctl/conf.h"
#include "ike/ike.h"
#include "offload/offload.h"
#include "rekey/rekey.h"

struct controller;

enum controller_event_kind {
	CONTROLLER_IKE_UP,
	CONTROLLER_IKE_DOWN,
	CONTROLLER_IKE_REKEYED,
	CONTROLLER_CHILD_UP,
	CONTROLLER_CHILD_DOWN,
	CONTROLLER_CHILD_REKEYED,
	CONTROLLER_SLOT, /* a slot changed state */
};

struct controller_child;

struct controller_event {
	enum controller_event_kind kind;
	uint32_t ike_sa, old_ike_sa;
	const struct ike_conn_cfg *conn;
	const struct controller_child *child, *old_child; /* CHILD events */
	enum ike_down down;
	uint16_t notify;
};

struct controller_env {
	void *ctx;
	void (*random)(void *ctx, uint8_t *out, size_t n);
	void (*emit)(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len);
	void (*event)(void *ctx, const struct controller_event *event); /* may be NULL */
};

/*
 * daemon and nic are copied. The transports must be usable until controller_free(); log may be NULL.
 * seed: for spreading rekeys (not for keys). NULL and errno, with a logged reason.
 */
struct controller *controller_new(const struct conf_daemon *daemon, const struct conf_nic *nic,
				  const struct controller_env *env, const struct xfrm_transport *requests,
				  const struct xfrm_transport *multicast, uint64_t seed, const struct log *log);
/*
 * The card's ethtool, once and before connections are loaded: from then on the queue map (offload/queues.h) decides
 * which CPU and which queues a tunnel's queue has. The transports must be usable until controller_free(). root: as
 * queues_config's. 0, or -errno (logged): then all goes on without the map.
 */
int controller_queues_open(struct controller *c, uint64_t now, const struct xfrm_transport *requests,
			   const struct xfrm_transport *multicast, const char *root);
/* Without telling anybody: use controller_stop() first. Keys are wiped. */
void controller_free(struct controller *c);

/* ---- inputs ---- */

/* A datagram that came to an IKE port; buf is scratch, as for ike_receive(). */
void controller_receive(struct controller *c, uint64_t now, const struct ike_path *path, uint8_t *buf, size_t len);
/* A datagram of `len` octets was longer than the shell could take, and is lost. */
void controller_receive_too_long(struct controller *c, const struct ike_path *path, size_t len);
/* A netlink transport is readable. */
void controller_nic(struct controller *c, uint64_t now);
/* The request transport was full: call controller_nic() when it is writable, too. */
bool controller_nic_wants_write(const struct controller *c);
/* The same for the transports of controller_queues_open(). */
void controller_ethtool(struct controller *c, uint64_t now);
bool controller_ethtool_wants_write(const struct controller *c);
/* The other end is gone: nothing is to be read any more. */
bool controller_ethtool_closed(const struct controller *c);
/* The card may have lost what it held (link down, reset, a driver's reload): read everything back. */
void controller_resync(struct controller *c, uint64_t now, const char *why);
void controller_tick(struct controller *c, uint64_t now);
uint64_t controller_next(const struct controller *c);

/* ---- connections and secrets ---- */

/*
 * Add a connection, or replace the one of that name: unchanged (same fingerprint) is a no-op; children that did not
 * change keep their SAs; start_action is carried out for what is new. The controller takes its own reference. 0 or
 * -errno.
 */
int controller_conn_load(struct controller *c, uint64_t now, struct conf_conn *conf);
/* Forget it and close its SAs if close. 0, -ENOENT. */
int controller_conn_unload(struct controller *c, uint64_t now, const char *name, bool close);
void controller_conn_each(struct controller *c, void (*each)(void *ctx, const struct conf_conn *conn), void *ctx);
/* Copied; replaces the secret of that name. */
int controller_secret_load(struct controller *c, const struct conf_secret *secret);
int controller_secret_unload(struct controller *c, const char *name);
void controller_secret_each(struct controller *c, void (*each)(void *ctx, const char *name), void *ctx);
/*
 * A whole new configuration: loads, replaces, unloads what it does not have (but not what came over VICI); nothing
 * unchanged is touched. nic and daemon changes that need a
 * restart are named in `text`. 0, or -errno of the first thing that could not be loaded; the rest has been.
 */
int controller_reload(struct controller *c, uint64_t now, const struct conf *conf, char *text, size_t size);

/* ---- commands: `done` is called once, at once or later; text is a sentence for people, never NULL ---- */

typedef void (*controller_done)(void *ctx, int err, const char *text);

/* Child by name (all its queue SAs too), in the connection `conn` if not NULL. timeout 0: none. */
void controller_initiate(struct controller *c, uint64_t now, const char *conn, const char *child, uint64_t timeout_ns,
			 controller_done done, void *ctx);

struct controller_match { /* unset (NULL or 0): any. All empty matches nothing. */
	const char *ike, *child;
	uint32_t ike_id, child_id, reqid;
};
/* Counts in *matches how many SAs matched. */
void controller_terminate(struct controller *c, uint64_t now, const struct controller_match *match, bool force,
			  uint64_t timeout_ns, controller_done done, void *ctx, unsigned int *matches);
/* Starts the rekeys; *matches, if not NULL: how many. 0, or -ENOENT: none. */
int controller_rekey(struct controller *c, uint64_t now, const struct controller_match *match, unsigned int *matches);
/* Delete everything, tell the peers, remove policies; done when nothing is left or the deadline has passed. */
void controller_stop(struct controller *c, uint64_t now, uint64_t deadline_ns, controller_done done, void *ctx);

/* ---- views ---- */

struct controller_half { /* one direction */
	uint32_t spi;
	bool installed;
	enum offload_mode mode; /* with queue SAs on some cards the two directions differ (profile.h, tx_by_reqid) */
	int64_t slot;           /* -1: none */
	uint64_t bytes, packets;
	uint64_t use_time; /* last used, UNIX seconds; 0: never */
	struct rekey_limits limits;
};

struct controller_child {
	uint32_t id, ike_sa, reqid;
	const struct ike_child_sa *ike; /* names, selectors, algorithms */
	uint32_t queue;                 /* of its tunnel; UINT32_MAX: any (the fallback) */
	uint32_t cpu;                   /* whose it is; UINT32_MAX: any */
	int rx;                         /* RX queue on which its packets are to arrive; -1: any */
	enum queues_in steered;         /* how they come there; QUEUES_IN_ANY: they do not */
	enum offload_mode mode;         /* inbound */
	enum child_state {
		CHILD_RESERVED, /* slots held, exchange under way */
		CHILD_INSTALLING,
		CHILD_INSTALLED,
		CHILD_REKEYING, /* its replacement is under way */
		CHILD_REKEYED,  /* replaced, draining */
		CHILD_DELETING,
	} state;
	uint64_t installed_ns;            /* when */
	uint64_t rekey_in_ns, hard_in_ns; /* estimates from now; UINT64_MAX: never */
	double wear_soft, wear_hard;      /* 0..1 */
	struct controller_half in, out;
};

const char *child_state_name(enum child_state state); /* as swanctl: "INSTALLED", "REKEYING", ... */

/* Every IKE SA; every Child SA of one of them, if there is such. What `each` is given is valid during its call. */
void controller_ike_each(struct controller *c, void (*each)(void *ctx, const struct ike_sa_info *sa), void *ctx);
void controller_child_each(struct controller *c, uint64_t now, uint32_t ike_sa,
			   void (*each)(void *ctx, const struct controller_child *child), void *ctx);
/* Each slot in use, with its child (NULL while it drains after its SA is gone) and direction. */
void controller_slot_each(struct controller *c, uint64_t now,
			  void (*each)(void *ctx, const struct slots_view *slot, const struct controller_child *child),
			  void *ctx);
const struct slots *controller_slots(const struct controller *c);
/* As it is in force now: reloads change counter_poll and drain. */
const struct conf_nic *controller_nic_conf(const struct controller *c);

struct controller_queue { /* one queue of one tunnel; texts are valid during the call */
	uint32_t queue;   /* UINT32_MAX: the fallback for all */
	const struct controller_child *child;
	int tx, rx;                                            /* the card's; -1: none of its own, or not known */
	const char *out, *in;                                  /* queues_out_name(), queues_in_name(); "": not known */
	const char *steering_out, *steering_in;                /* the same as sentences for people */
	const char *mode_why;                                  /* why its SAs are in their modes; "": nothing to say */
	const char *why;                                       /* why inbound packets are not steered; "": they are */
	const char *poor;                                      /* what the queue map lacks; "": nothing */
	double byte_rate, packet_rate;                         /* a second, measured; out */
	double share;                                          /* of the tunnel's byte_rate, 0..1 */
	uint64_t bytes_in, packets_in, bytes_out, packets_out; /* of all SAs that the queue has had */
};
void controller_queue_each(struct controller *c, uint64_t now,
			   void (*each)(void *ctx, const struct controller_queue *queue), void *ctx);

struct controller_unserved { /* a queue that uses the fallback; texts are valid during the call */
	const struct ike_conn_cfg *conn;
	const struct ike_child_cfg *child;
	uint32_t queue, cpu;
	const char *why; /* it has no SA of its own */
};
/* Queues without an SA of their own, of tunnels that are up. */
void controller_unserved_each(struct controller *c, uint64_t now,
			      void (*each)(void *ctx, const struct controller_unserved *queue), void *ctx);

struct controller_policy {
	const struct ike_child_cfg *child;
	const struct ike_conn_cfg *conn;
	uint32_t reqid;
	enum offload_mode mode;
	bool installed;
};
void controller_policy_each(struct controller *c, void (*each)(void *ctx, const struct controller_policy *policy),
			    void *ctx);

/* clang-format off */
#define CONTROLLER_COUNTERS(X)                                                                                         \
	X(rekeys_done) X(rekeys_failed) X(rekeys_peer) X(collisions) X(installs) X(install_refused)                    \
	X(fallback_crypto) X(fallback_software) X(admission_refused) X(hard_expired) X(soft_events) X(resyncs)         \
	X(orphans_removed) X(retries) X(queue_maps) X(queue_rekeys) X(queue_rules) X(queue_rules_refused)    \
	X(datagrams_too_long) X(taken_back)
/* clang-format on */

struct controller_counters {
#define CONTROLLER_COUNTER_FIELD(name) uint64_t name;
	CONTROLLER_COUNTERS(CONTROLLER_COUNTER_FIELD)
#undef CONTROLLER_COUNTER_FIELD
	struct ike_counters ike;
	struct xfrm_counters xfrm;
	struct rekey_counters rekey;
};
void controller_counters_get(const struct controller *c, struct controller_counters *out);

/* Slots in use equal the SAs that exist, every SA has an owner: 0, or -EPROTO and the first violation. For tests. */
int controller_check(struct controller *c, char *why, size_t size);

/* An IKE SA's keys for Wireshark, only on explicit request (keyrackd --dump-keys). */
int controller_wireshark_row(struct controller *c, uint32_t ike_sa, char *buf, size_t size);

#endif
