/* SPDX-License-Identifier: MIT */
/*
 * What the files of the controller share. Its objects:
 *
 *   ctl_conn    a connection as it is configured now
 *   ctl_tunnel  one child section of a connection, towards one peer: one reqid, one mode, one set of policies. It
 *               outlives the IKE SAs that serve it, so that its policies keep dropping what they cover.
 *   ctl_lane    one queue of a tunnel; lane 0 is the fallback that every queue may use
 *   ctl_peer    an IKE SA
 *   ctl_child   a Child SA, from the reservation of its slots until the card has let go of both its halves
 *   ctl_half    one direction of it: what sits in a slot
 *
 * Life of a half:
 *
 *   NONE -reserve-> RESERVED -install-> INSTALLING -ok-> INSTALLED -remove-> DELETING -ok-> NONE
 *                                        |    ^ refused, to be tried again
 *                                        v    |
 *                                        WAITING
 */
#ifndef CTL_CONTROLLER_INTERNAL_H
#define CTL_CONTROLLER_INTERNAL_H

#include <netinet/in.h>
#include <sys/queue.h>

/* Keys are identifiers, addresses and names: FNV-1a (draft-eastlake-fnv) spreads them. */
static inline unsigned int ctl_hash(const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return (unsigned int)(h ^ h >> 32);
}

#define HASH_FUNCTION(key, len, hash) ((hash) = ctl_hash(key, len))
#define HASH_NONFATAL_OOM             1
#define uthash_nonfatal_oom(elt)      ((elt)->hash_failed = true)
#include <uthash.h>

#include "ctl/controller.h"

struct ctl_child;
struct ctl_tunnel;
struct ctl_timer;

static const uint64_t ms_ns = 1000000u, second_ns = 1000000000u;

enum {
	REQID_BASE = 0x4b520000,  /* "KR": SAs with reqids from here on are ours, whoever installed them */
	REQID_RANGE = 0x00100000, /* so many */
	TUNNEL_SELECTORS_MAX = 64,
	TUNNEL_LANES_MAX = 257, /* 256 queues and the fallback */
	TUNNELS_MAX = 65536,
	INSTALL_TRIES_MAX = 8,     /* when the table is said to be full */
	INSTALL_ODD_TRIES_MAX = 3, /* when it is not clear what is wrong */
	SPI_MIN = 256,             /* RFC 4303 2.1 reserves those below */
	SPI_DRAWS_MAX = 64,        /* tries to find one that is unused */
	RESOURCE_ID_LEN = 8,       /* octets of SA_RESOURCE_INFO data; random, so that they say nothing of CPUs */
	CHILDREN_SPARE_MAX = 4, /* Child SAs without a resource that a peer may have on one tunnel, beyond the first */
	SECRETS_MAX = 4096,
};

struct ctl_timer {
	struct heap_node node;
	void (*fire)(struct controller *c, struct ctl_timer *t);
};

/* ---- Child SAs ---- */

struct ctl_half_key { /* compared as bytes: zero it first */
	uint32_t spi;
	uint32_t out;
	uint8_t dst[16];
};

struct ctl_half {
	struct ctl_child *child;
	bool out;
	bool remove;      /* remove it as soon as the request under way is answered */
	bool hash_failed; /* uthash had no memory */
	bool indexed;
	bool keep_trying; /* a refusal is not the end: there is nobody left to report it to */
	bool unsure;      /* the answer to its install was lost */
	bool limits_in_card;
	enum ctl_half_state {
		HALF_NONE,
		HALF_RESERVED,
		HALF_INSTALLING,
		HALF_WAITING,
		HALF_INSTALLED,
		HALF_DELETING,
	} state;
	int64_t slot; /* -1: none */
	unsigned int tries;
	struct ctl_timer retry;
	struct xfrm_sa_id id;
	struct ctl_half_key key;
	UT_hash_handle hh; /* in controller.halves while INSTALLING to DELETING */
	struct xfrm_limits limits;
	uint64_t bytes, packets, use_time;
	uint32_t seen, since; /* number of the dump that saw it last; of the dumps started when it was installed */
};

struct ctl_waiter { /* somebody waits for an object to end */
	LIST_ENTRY(ctl_waiter) link;
	struct ctl_command *command;
	bool waiting; /* in a list */
};
LIST_HEAD(ctl_waiters, ctl_waiter);

struct ctl_keys { /* wiped as soon as both halves are installed */
	struct xfrm_key in, out;
};

struct ctl_child {
	struct controller *c;
	uint32_t id;
	struct ctl_tunnel *tunnel;
	struct ctl_lane *lane;
	struct ctl_peer *peer;  /* NULL when the engine has let go */
	struct conf_conn *conf; /* a reference: `sa` points into it */
	struct ike_child_sa sa; /* a copy; its selectors are the engine's, so none are left once it is down */
	TAILQ_ENTRY(ctl_child) link, dead_link, lane_link, peer_link, successor_link;
	UT_hash_handle hh; /* controller.by_spi: inbound SPI, from reservation on */
	bool hash_failed;
	uint32_t spi_in;
	bool initiator;       /* we asked for it */
	bool rekeys;          /* it was made to replace another */
	bool replacing;       /* counted in lane->replacing */
	bool fresh;           /* counted in lane->fresh: neither replaced nor going */
	bool dead;            /* in controller.dead */
	bool want_out;        /* the outbound half may be installed */
	bool late_out;        /* it is to be, as soon as the peer has been seen to use it */
	bool redundant;       /* lost a collision: not for use */
	bool reported;        /* ike_child_installed() was called */
	bool wait_policies;   /* installed, but its tunnel's policies are not */
	bool was_up;          /* once: then it is brought up again for ever, and keyingtries is for the first time */
	bool restart;         /* both halves go, then they are installed again in the tunnel's new mode */
	bool up;              /* CHILD_UP came */
	bool down;            /* CHILD_DOWN came */
	bool deleting;        /* we asked the engine to delete it */
	bool delete_old;      /* it is for us to delete `replaces` */
	bool carried;         /* inbound traffic was seen on it */
	bool peeking;         /* a question for its counters is under way */
	bool watched;         /* by the scheduler */
	bool offloaded;       /* by the one for SAs in slots */
	bool out_after;       /* down, but its outbound half stays until the replacement's is installed */
	bool expired;         /* its hard limit was reached */
	bool lost;            /* the card does not have all of it any more */
	bool terminated;      /* an operator wants it gone */
	unsigned int running; /* replacements under way */
	struct ctl_child *replaces;         /* what this one replaces, while it exists */
	struct ctl_child *replacement;      /* the one that does replace this one */
	TAILQ_HEAD(, ctl_child) successors; /* those whose `replaces` is this one: two when both sides rekey at once */
	struct ctl_keys *keys;
	struct rekey_entry entry;
	struct rekey_limits limits;    /* outbound */
	struct rekey_limits limits_in; /* inbound: soft is our own hard limit, hard the ceiling */
	struct ctl_timer timer;        /* watching a new one; draining an old one */
	uint64_t installed_ns, deadline_ns;
	struct ctl_half in, out;
	struct ctl_waiters waiters;
};
TAILQ_HEAD(ctl_children, ctl_child);

/* ---- tunnels ---- */

struct ctl_lane {
	struct ctl_tunnel *tunnel;
	unsigned int index; /* 0: the fallback; n: queue n - 1 */
	struct ctl_children children;
	uint32_t fresh;         /* of them: not replaced, not going */
	uint32_t replacing;     /* of those: not up yet, and to replace another */
	uint32_t acquire_seq;   /* of the acquire that the next SA answers; 0: none */
	uint64_t retry_ns;      /* not asked for before */
	enum ike_down lost_why; /* what ended the last one that was up */
	unsigned int failures;
	uint8_t resource[RESOURCE_ID_LEN];
	uint64_t bytes[2], packets[2]; /* in, out: of all SAs that it has had */
};

/* One policy of one tunnel: a wish. Several tunnels may wish for the same selector; the newest is installed. */
struct ctl_policy_wish {
	TAILQ_ENTRY(ctl_policy_wish) link;
	struct ctl_tunnel *tunnel;
	struct ctl_policy *policy;
	struct xfrm_policy_cfg cfg;
	bool counted; /* the tunnel waits for it */
};

struct ctl_policy_key { /* compared as bytes: zero it first */
	uint32_t dir;
	uint16_t family, sport, dport, sport_mask, dport_mask;
	uint8_t src[16], dst[16], src_len, dst_len, protocol;
	uint8_t zero[3]; /* so that every octet of it is a member's */
};

/* One policy in the kernel or the card. */
struct ctl_policy {
	struct controller *c;
	struct ctl_policy_key key;
	UT_hash_handle hh;
	bool hash_failed;
	TAILQ_HEAD(, ctl_policy_wish) wishes; /* newest first */
	bool installed, busy, adding;         /* adding: what it is busy with, or was */
	bool stale;                           /* what is installed may be gone: install again */
	bool guard;                           /* of an earlier run: kept without a wish (controller_guard.c) */
	struct xfrm_policy_cfg cfg;           /* as installed, or as asked for while busy */
	unsigned int failures;
	struct ctl_timer retry;
};

struct ctl_tunnel_key { /* compared as bytes: zero it first */
	const struct ctl_conn *conn;
	uint64_t identity; /* of the peer; 0 where the connection is for one peer only */
	struct ike_addr remote;
	char child[CONF_NAME_MAX];
};

struct ctl_tunnel {
	struct controller *c;
	struct ctl_conn *conn;
	struct conf_conn *conf; /* a reference: cfg points into it */
	const struct conf_child *cfg;
	struct ctl_tunnel_key key;
	uint32_t reqid;
	UT_hash_handle hh, hh_key; /* controller.tunnels: reqid; controller.tunnels_by_key */
	bool hash_failed;
	TAILQ_ENTRY(ctl_tunnel) link;
	bool configured; /* made for the connection, not for a peer that came: stays while the connection does */
	bool mode_known;
	enum offload_mode mode[2]; /* [SLOTS_IN], [SLOTS_OUT] */
	unsigned int n_lanes;      /* in use; those beyond only drain */
	unsigned int lanes_made;
	struct ctl_lane **lanes;
	char name[2 * CONF_NAME_MAX];                    /* connection/child, for logs */
	uint32_t n_children, n_fresh, n_replacing, n_up; /* Child SAs: all, fresh, of those replacing, of those up */
	uint32_t n_installed;                            /* halves */
	enum ctl_want { WANT_NOTHING, WANT_POLICIES, WANT_UP } want;
	bool was_up;    /* once: from then on it is brought up again for ever; keyingtries is for the first time */
	bool restart;   /* bring it up again as soon as its children are gone: its configuration has changed */
	bool starter;   /* we asked for its first Child SA: it is for us to ask for the queues' */
	bool candidate; /* in controller.idle */
	bool settled;   /* in controller.settled */
	struct ctl_peer *lost_with; /* in its `lost` */
	TAILQ_ENTRY(ctl_tunnel) lost_link, idle_link, settled_link;
	unsigned int tries;
	uint64_t retry_ns;
	struct ctl_timer timer;                 /* when to try again, or to ask for queue SAs */
	unsigned int n_wishes, policies_waited; /* of them, not installed yet */
	int policies_err;                       /* the last refusal among them */
	struct ctl_policy_wish *wishes;
	bool policies_set;
	struct ctl_waiters waiters; /* for it to be up */
};
TAILQ_HEAD(ctl_tunnels, ctl_tunnel);

/* ---- connections and IKE SAs ---- */

struct ctl_peer {
	uint32_t id;
	UT_hash_handle hh;
	bool hash_failed;
	struct ctl_conn *conn;
	TAILQ_ENTRY(ctl_peer) link;
	bool initiator, up, closing, terminated, dead; /* terminated: because we wanted it */
	struct ctl_children children;
	struct ctl_timer timer;
	struct ctl_tunnels lost; /* tunnels that lost their last Child SA with it: why, SA_DOWN will tell */
	struct ctl_waiters waiters;
};
TAILQ_HEAD(ctl_peers, ctl_peer);

struct ctl_conn {
	struct conf_conn *conf;         /* a reference */
	const struct ike_conn_cfg *cfg; /* &conf->ike */
	UT_hash_handle hh_cfg, hh_name; /* the name only while it is loaded */
	bool hash_failed;
	TAILQ_ENTRY(ctl_conn) link;
	bool unloaded; /* forgotten; lives until its last IKE SA and tunnel are gone */
	struct ctl_peers peers;
	struct ctl_tunnels tunnels;
};

struct ctl_command {
	TAILQ_ENTRY(ctl_command) link;
	struct controller *c;
	controller_done done;
	void *ctx;
	unsigned int left, asked;
	int err;
	char text[200];
	struct ctl_timer timer;
	const char *verb;
	struct ctl_waiter *waiters; /* `asked` of them */
};

struct controller {
	struct log log_copy;
	const struct log *log;
	struct controller_env env;
	struct conf_daemon daemon;
	struct conf_nic nic;
	const struct offload_profile *profile;
	struct ike *ike;
	struct xfrm *xfrm;
	struct slots *slots;
	struct rekey_sched *sched[2]; /* software; in slots */
	struct prng rng;
	struct heap timers;
	uint64_t now, replace_ns;
	unsigned int depth; /* of calls into the controller */
	bool freeing, stopping, closed;

	TAILQ_HEAD(, ctl_conn) conns;
	struct ctl_conn *conns_by_cfg, *conns_by_name;
	bool conns_idle; /* an unloaded one may be freed */
	struct ctl_peer *peers;
	struct ctl_peers dead_peers;
	struct ctl_tunnel *tunnels, *tunnels_by_key;
	struct ctl_tunnels idle;    /* may be freed, if still idle then */
	struct ctl_tunnels settled; /* their policies are all installed, or refused */
	uint32_t n_tunnels, next_reqid;
	struct ctl_children children, dead;
	uint32_t offloaded[2]; /* [enum slots_family]: Child SAs of tunnels in hardware */
	struct ctl_child *by_spi;
	struct ctl_half *halves;
	uint32_t n_installed;
	struct ctl_policy *policies;
	unsigned int n_secrets;
	struct conf_secret *secrets;
	TAILQ_HEAD(, ctl_command) commands;

	struct ctl_timer poll;
	bool dumping, dump_sweeps; /* a dump is under way; and it also looks for strangers */
	bool sweep;                /* the next dump must */
	uint32_t dumps;            /* number of the last dump started */
	uint32_t dump_seen;        /* installed halves that it has shown */

	struct ctl_command *stop;
	bool stop_forced;
	struct controller_counters counters;
};

/* controller.c */
void ctl_timer_set(struct controller *c, struct ctl_timer *t, uint64_t at,
		   void (*fire)(struct controller *, struct ctl_timer *));
void ctl_timer_stop(struct controller *c, struct ctl_timer *t);
/* Around every call from outside: the time; and at the end what follows from whatever happened. They nest. */
void controller_enter(struct controller *c, uint64_t now);
void controller_leave(struct controller *c);
/* first_ns, doubled for each failure after the first, at most most_ns; up to half of it is taken off at random. */
uint64_t backoff_ns(struct controller *c, unsigned int failures, uint64_t first_ns, uint64_t most_ns);

/* controller_secret.c */
int secret_psk(struct controller *c, const struct ike_id *local, const struct ike_id *remote, uint8_t *out);
void secrets_wipe(struct controller *c);

/* controller_conn.c */
struct ctl_conn *conn_by_cfg(struct controller *c, const struct ike_conn_cfg *cfg);
struct ctl_conn *conn_by_name(struct controller *c, const char *name);
const struct conf_child *conn_child(const struct conf_conn *conf, const char *name);
bool conn_is_idle(const struct ctl_conn *conn);
void conn_free(struct controller *c, struct ctl_conn *conn);
/* Everything below connections, too: Child SAs, IKE SAs, tunnels. */
void conns_free(struct controller *c);

/* controller_peer.c */
struct ctl_peer *peer_find(struct controller *c, uint32_t id);
struct ctl_peer *peer_get(struct controller *c, uint32_t id, struct ctl_conn *conn); /* makes it; NULL: no memory */
/* An IKE SA that can carry exchanges for this tunnel now, or NULL; *connecting: one of ours is on its way. */
struct ctl_peer *peer_for_tunnel(const struct ctl_tunnel *t, bool *connecting);
void peer_unref(struct controller *c, struct ctl_peer *p); /* ends it if no event will */
void peer_event(struct controller *c, const struct ike_event *ev);
/* Nothing new goes over it, and at that time it is closed, if we made it and another one is there. */
void peer_retire(struct controller *c, struct ctl_peer *p, uint64_t at);
void peer_close(struct controller *c, struct ctl_peer *p); /* because an operator wants it */
void peer_free(struct controller *c, struct ctl_peer *p);

/* controller_tunnel.c */
struct ctl_tunnel *tunnel_for_conn(struct controller *c, struct ctl_conn *conn, const struct conf_child *cfg);
struct ctl_tunnel *tunnel_for_offer(struct controller *c, struct ctl_conn *conn, const struct ike_child_offer *offer);
struct ctl_tunnel *tunnel_by_reqid(struct controller *c, uint32_t reqid);
struct ctl_lane *tunnel_lane_for_peer(struct ctl_tunnel *t, bool resource);
int tunnel_lanes_make(struct ctl_tunnel *t); /* as many as its configuration wants; -ENOMEM */
void tunnel_ref_conf(struct ctl_tunnel *t, struct conf_conn *conf, const struct conf_child *cfg);
bool tunnel_is_idle(const struct ctl_tunnel *t);
void tunnel_delete_children(struct ctl_tunnel *t);
void tunnel_release(struct ctl_tunnel *t); /* to be freed, if nothing needs it any more */
void tunnel_free(struct ctl_tunnel *t);
uint32_t lane_cpu(const struct ctl_lane *l);              /* UINT32_MAX: any */
struct ctl_child *lane_current(const struct ctl_lane *l); /* the newest that is up and fresh, or NULL */

/* controller_start.c */
void tunnel_want(struct ctl_tunnel *t, enum ctl_want want);
void tunnel_reopen(struct ctl_tunnel *t); /* its configuration is new, and nothing of the old one is left */
void tunnel_acquire(struct ctl_tunnel *t, const struct xfrm_acquire *a);
void tunnel_peer_up(struct ctl_peer *p);
void tunnel_peer_down(struct ctl_peer *p, enum ike_down why, uint16_t notify);
void tunnel_child_up(struct ctl_tunnel *t, struct ctl_child *ch, bool replaces);
void tunnel_child_down(struct ctl_tunnel *t, struct ctl_child *ch, enum ike_down why, uint16_t notify);
void tunnel_failed(struct ctl_tunnel *t, enum ike_down why, uint16_t notify); /* it did not come up */
void tunnel_lost(struct ctl_tunnel *t, enum ike_down why, uint16_t notify);   /* it was up */
bool tunnel_complete(const struct ctl_tunnel *t); /* up, with all that it is to have, as far as the peer grants it */
void tunnel_settle(struct ctl_tunnel *t);         /* if it is complete, those who wait for that are told */

/* controller_mode.c */
bool tunnel_may_offload(const struct ctl_tunnel *t); /* its SAs need slots, or might */
bool tunnel_may_be_software(const struct ctl_tunnel *t);
/* -EOPNOTSUPP (logged): hw_offload demands what this card cannot do with any of the child's proposals. */
int tunnel_mode_check(const struct ctl_tunnel *t);
/* Decides the mode; room: slots are reserved. 0, -EOPNOTSUPP (logged). */
int tunnel_mode_first(struct ctl_tunnel *t, const struct ike_child_sa *sa, bool room);
/* The next mode after `err`. 0, -EOPNOTSUPP: there is none. */
int tunnel_mode_next(struct ctl_tunnel *t, const struct ike_child_sa *sa, int err, const char *text);
enum offload_mode half_mode(const struct ctl_half *h);

/* controller_policy.c: policies in the kernel or the card */
struct ctl_policy *policy_get(struct controller *c, const struct xfrm_policy_cfg *cfg); /* makes it; NULL: no memory */
void policy_key_fill(struct ctl_policy_key *key, const struct xfrm_policy_cfg *cfg);
/* Apart from selector and direction, which are the key. */
bool policy_cfg_equal(const struct xfrm_policy_cfg *a, const struct xfrm_policy_cfg *b);
void policy_reconcile(struct ctl_policy *p); /* towards what is wished for; may free it */
void policies_reinstall(struct controller *c);
void policies_free(struct controller *c);

/* controller_guard.c */
bool reqid_is_ours(uint32_t reqid);
void guards_find(struct controller *c);   /* at the start: what an earlier run has left */
void guards_review(struct controller *c); /* removes those that are not configured (any more) */

/* controller_wish.c: policies of a tunnel */
/* Wishes for the policies of an SA, or (NULL) of the configuration. 0; -errno (logged). */
int tunnel_policies_set(struct ctl_tunnel *t, const struct ike_child_sa *sa);
void tunnel_policies_drop(struct ctl_tunnel *t);
void tunnel_policies_ready(struct ctl_tunnel *t);

/* controller_half.c */
int half_reserve(struct ctl_half *h, enum slots_purpose purpose); /* 0, -ENOSPC, -ENOMEM */
void half_install(struct ctl_half *h);                            /* ends in child_half_done() */
void half_remove(struct ctl_half *h); /* whatever its state; ends in child_half_gone(), but if there was nothing */
void half_unindex(struct ctl_half *h);
void half_release(struct ctl_half *h); /* RESERVED to NONE; nothing else */
void half_lost(struct ctl_half *h);    /* the card does not have it any more */
struct ctl_half *half_find(struct controller *c, const struct xfrm_sa_id *id, bool out);

/* controller_sa.c */
struct xfrm_addr xfrm_addr_of(const struct ike_addr *a);
void half_sa(struct ctl_half *h, struct xfrm_sa *sa);
int child_limits_draw(struct ctl_child *ch);        /* 0, -ENOENT or -EINVAL (logged) */
struct ike_ts ts_of_addr(const struct ike_addr *a); /* the whole of it, where the configuration says "dynamic" */
/* The selectors of a pair of IKE's, at most max. Count (0: of two families), -E2BIG, -EINVAL. */
int selectors_of_pair(const struct ike_ts *src, const struct ike_ts *dst, struct xfrm_selector_cfg *out,
		      unsigned int max);

/* controller_child.c */
uint16_t child_reserve(void *ctx, const struct ike_child_offer *offer, uint32_t *spi_in, void **user);
void child_event(struct controller *c, const struct ike_event *ev);
void child_tell_slot(struct ctl_child *ch);
enum slots_family child_family(const struct ctl_child *ch);
void child_unfresh(struct ctl_child *ch);
void child_refresh(struct ctl_child *ch);
void child_delete(struct ctl_child *ch); /* ask the engine to delete it, once */
void child_keys_wipe(struct ctl_child *ch);
void child_release(struct ctl_child *ch); /* to be freed, if engine and card have let go */
void child_free(struct ctl_child *ch);

/* controller_install.c */
void child_install(struct ctl_child *ch, const struct ike_event *ev);
void child_install_step(struct ctl_child *ch); /* whatever comes next; the Child SA may end in it */
void child_policies_ready(struct ctl_child *ch, int err);
void child_half_done(struct ctl_half *h, int err, const char *text); /* installed, or finally refused */
void child_half_gone(struct ctl_half *h);
void child_outbound(struct ctl_child *ch); /* the peer has it: use it for sending */

/* controller_replace.c */
void child_rekey_began(struct ctl_child *ch, struct ctl_child *old);
void child_replacing_end(struct ctl_child *ch);
void child_rekey_ended(struct ctl_child *ch); /* it goes down: what it was to replace stays */
void child_replaced(struct ctl_child *ch, struct ctl_child *old, bool delete_old);
void child_watch_start(struct ctl_child *ch);
void child_carried(struct ctl_child *ch); /* inbound traffic was seen on it */
void child_out_ready(struct ctl_child *ch);
void child_retire(struct ctl_child *ch, enum ike_down why); /* down: outbound goes, inbound drains */

/* controller_rekey.c */
struct rekey_sched *sched_of(const struct ctl_child *ch);
void rekey_watch(struct ctl_child *ch);
void rekey_unwatch(struct ctl_child *ch);
void rekey_ask(struct ctl_child *ch); /* replace it as soon as there is room */
void rekey_run(struct controller *c);
void rekey_expire(void *ctx, const struct xfrm_expire *e);
void rekey_counts(struct ctl_half *h, const struct xfrm_sa_counts *counts);

/* controller_resync.c */
void poll_start(struct controller *c);
void resync_wanted(void *ctx, const char *why);

/* controller_command.c */
/* One thing less to wait for, for each who waits here. */
void command_left(struct ctl_waiters *waiters, int err, const char *text);
void commands_free(struct controller *c);
void command_stop_check(struct controller *c);

/* controller_view.c */
void child_view(struct ctl_child *ch, struct controller_child *v);

#endif
