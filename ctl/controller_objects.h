/* SPDX-License-Identifier: MIT */
/*
 * The objects of the controller, which its files share:
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
#ifndef CTL_CONTROLLER_OBJECTS_H
#define CTL_CONTROLLER_OBJECTS_H

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
#include "ctl/reqid.h"

struct ctl_child;
struct ctl_tunnel;
struct ctl_timer;

static const uint64_t ms_ns = 1000000u, second_ns = 1000000000u;

enum {
	TUNNEL_SELECTORS_MAX = 64,
	TUNNEL_LANES_MAX = 257, /* 256 queues and the fallback */
	TUNNELS_MAX = 65536,
	INSTALL_TRIES_MAX = 8,     /* when the table is said to be full */
	INSTALL_ODD_TRIES_MAX = 3, /* when it is not clear what is wrong */
	SPI_MIN = 256,             /* RFC 4303 2.1 reserves those below */
	SPI_DRAWS_MAX = 64,        /* tries to find one that is unused */
	LANES_MAX = TUNNEL_LANES_MAX - 1,
	RESOURCE_ID_LEN = 8,    /* octets of SA_RESOURCE_INFO data; random, so that they say nothing of CPUs */
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
	bool full;        /* it was refused for want of room */
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

struct ctl_pace { /* how long replacements take */
	bool known;
	uint64_t mean_ns, deviation_ns;
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
	enum queues_in steered; /* how its packets come to the lane's RX queue, and if they do not, why */
	char unsteered[QUEUES_TEXT];
	enum ctl_rule { RULE_NONE, RULE_ASKED, RULE_SET, RULE_REFUSED } rule;
	int rule_rx;          /* where to */
	bool misplaced;       /* to be replaced by one that lands on its queue, in its turn */
	uint32_t cpu_out;     /* its outbound half is bound to it */
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
	bool carried[2];      /* [SLOTS_IN], [SLOTS_OUT]: traffic was seen on it */
	bool checked;         /* until it has carried traffic, or a while has passed */
	uint8_t reading;      /* questions for its counters under way ... */
	uint8_t parting;      /* ... and those that go with a delete */
	bool watched;         /* by the scheduler */
	uint8_t sched;        /* by this one: enum ctl_sched */
	bool counted;         /* as replaced */
	bool leaving;         /* counted in controller.n_leaving: its slots will be free soon */
	bool waits;           /* counted in controller.n_waiting: for slots */
	bool out_after;       /* down, but its outbound half stays until the replacement's is installed */
	bool expired;         /* its hard limit was reached */
	bool lost;            /* the card does not have all of it any more */
	bool terminated;      /* an operator wants it gone */
	bool moves;           /* its tunnel goes to software */
	bool idle;            /* deleted because it carried nothing for long */
	bool ours;            /* we asked for it, or for what it has replaced */
	unsigned int running; /* replacements under way */
	struct ctl_child *replaces;         /* what this one replaces, while it exists */
	struct ctl_child *replacement;      /* the one that does replace this one */
	TAILQ_HEAD(, ctl_child) successors; /* those whose `replaces` is this one: two when both sides rekey at once */
	struct ctl_keys *keys;
	struct rekey_entry entry;
	struct rekey_limits limits;    /* outbound */
	struct rekey_limits limits_in; /* inbound: soft is our own hard limit, hard the ceiling */
	struct ctl_timer timer;        /* checking a new one; draining an old one */
	struct heap_node read;         /* controller.reads: when its counters are read next */
	uint64_t read_ns;              /* when they were last; 0: never */
	uint64_t wait_until_ns;        /* for slots; 0: has not begun */
	uint64_t began_ns;             /* when its slots were reserved, until its outbound half is installed */
	uint64_t doubled_ns;           /* since when its replacement has slots of its own */
	uint64_t installed_ns;
	struct ctl_half in, out;
	struct ctl_waiters waiters;
};
TAILQ_HEAD(ctl_children, ctl_child);

/* ---- tunnels ---- */

struct ctl_lane {
	struct ctl_tunnel *tunnel;
	unsigned int index; /* 0: the fallback; n: queue n - 1 */
	uint32_t cpu;       /* UINT32_MAX: any (the fallback) */
	int rx;             /* where its packets are to arrive; -1: anywhere, or the map is not known */
	bool offline;       /* its CPU is gone */
	struct ctl_children children;
	uint32_t fresh;         /* of them: not replaced, not going */
	uint32_t replacing;     /* of those: not up yet, and to replace another */
	uint32_t acquire_seq;   /* of the acquire that the next SA answers; 0: none */
	uint64_t retry_ns;      /* not asked for before */
	uint64_t barred_ns;     /* the same, whatever changes: the peer or an operator does not want it */
	uint64_t asked_ns;      /* when the kernel's acquire came; 0: none is open */
	uint64_t active_ns;     /* when traffic was last seen on it */
	bool by_traffic;        /* not asked for until traffic wants it */
	bool used;              /* traffic was seen on the SA that it has, or had last */
	unsigned int deletions; /* by the peer while it was in use, one after the other */
	unsigned int useless;   /* times it was brought back and carried nothing, one after the other */
	enum ike_down lost_why; /* what ended the last one that was up */
	unsigned int failures;
	uint8_t resource[RESOURCE_ID_LEN];
	uint64_t peer_resource; /* a hash of the identifier with which the peer asked for it last; 0: it did not */
	uint64_t bytes[2], packets[2];              /* in, out: of all SAs that it has had */
	uint64_t rate_ns, rate_bytes, rate_packets; /* when the rates were taken last, and what had been sent then */
	double byte_rate, packet_rate;              /* a second, outbound */
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
	uint32_t reqid, reqid_key; /* reqid: may change while it has no SA; reqid_key: does not (controller_reqid.c) */
	uint32_t strata_seed;      /* of its queues' limits (rekey_draw); unlike its reqid it stays */
	UT_hash_handle hh, hh_key; /* controller.tunnels: reqid_key; controller.tunnels_by_key */
	bool hash_failed;
	TAILQ_ENTRY(ctl_tunnel) link;
	bool configured; /* made for the connection, not for a peer that came: stays while the connection does */
	bool mode_known;
	enum offload_mode mode[2]; /* [SLOTS_IN], [SLOTS_OUT] */
	const char *mode_why;      /* of queues, if there is something to say */
	unsigned int n_lanes;      /* in use; those beyond only drain */
	unsigned int lanes_made;
	struct ctl_lane **lanes;
	char name[2 * CONF_NAME_MAX];                    /* connection/child, for logs */
	uint32_t n_children, n_fresh, n_replacing, n_up; /* Child SAs: all, fresh, of those replacing, of those up */
	uint32_t n_installed;                            /* halves */
	enum ctl_want { WANT_NOTHING, WANT_POLICIES, WANT_UP } want;
	bool was_up;         /* once: from then on it is brought up again for ever; keyingtries is for the first time */
	bool restart;        /* bring it up again as soon as its children are gone: its configuration has changed */
	bool starter;        /* we asked for its first Child SA: it is for us to ask for the queues' */
	bool candidate;      /* in controller.idle */
	bool settled;        /* in controller.settled */
	bool crowded;        /* in controller.crowded */
	bool fallback_based; /* its counters have been read since queues rest */
	bool fallback_used;  /* the fallback has sent since the last look */
	bool cpu_acquire;    /* its policies have the kernel ask for an SA for each CPU */
	unsigned int refusals; /* of queue SAs, one after the other */
	uint64_t settle_ns;    /* the end that is not the starter asks for none before */
	enum slots_family crowded_family;
	uint64_t held_ns;           /* no queue SA is asked for before; 0: nothing holds them back */
	struct ctl_peer *lost_with; /* in its `lost` */
	TAILQ_ENTRY(ctl_tunnel) lost_link, idle_link, settled_link, crowded_link;
	unsigned int tries;
	uint64_t retry_ns;
	struct ctl_timer timer;                 /* when to try again */
	struct ctl_timer lanes_timer;           /* when to look after its lanes again */
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
	struct ctl_pace pace;    /* of replacements with it */
	uint32_t seen_on;        /* Child SA on which traffic came from it last; 0: none yet */
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

/*
 * SAs in software need no slots, so they must not wait for any; and where the card has a table for each address
 * family, a full one must not hold up the other.
 */
enum ctl_sched { SCHED_SOFTWARE, SCHED_SLOTS, SCHED_SLOTS_IPV6, CTL_SCHEDS };

/* The card's queues as the controller uses them: queue n of every tunnel, its lane n + 1, is that of CPU cpu[n]. */
struct ctl_queues {
	struct ethtool *ethtool; /* NULL: there are no transports to it */
	struct queues *map;
	enum ctl_map {
		MAP_NONE,    /* there is none */
		MAP_AWAITED, /* it is being read for the first time, and queue SAs wait for it */
		MAP_LATE,    /* they do not wait any more */
		MAP_READY,
	} state;
	bool changed; /* queues_run() has something to do */
	bool closed;  /* the transports are */
	bool restoring, restored;
	unsigned int n;
	uint32_t cpu[LANES_MAX]; /* in the order in which they were seen: a row never gets another CPU */
	struct ctl_timer wait, refresh, spread;
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
	struct ctl_queues queues;
	const struct rekey_policy *policy;
	struct rekey_sched *sched[CTL_SCHEDS];
	uint32_t n_leaving, n_waiting; /* Child SAs */
	uint64_t hold_until_ns;        /* one pair of slots is the peers' until then */
	struct ctl_timer hold;
	struct ctl_timer shed;    /* when it is looked whether SAs are to be taken back */
	unsigned int sched_first; /* whose turn it is to be asked first */
	struct prng rng;
	struct heap timers;
	uint64_t now;
	struct ctl_pace pace; /* of replacements, with any peer */
	struct ctl_pace turn; /* from their start until the slots of what they replaced are free */
	unsigned int depth;   /* of calls into the controller */
	bool freeing, stopping, closed;

	TAILQ_HEAD(, ctl_conn) conns;
	struct ctl_conn *conns_by_cfg, *conns_by_name;
	bool conns_idle; /* an unloaded one may be freed */
	struct ctl_peer *peers;
	struct ctl_peers dead_peers;
	struct ctl_tunnel *tunnels, *tunnels_by_key;
	struct ctl_tunnels idle;    /* may be freed, if still idle then */
	struct ctl_tunnels settled; /* their policies are all installed, or refused */
	struct ctl_tunnels crowded; /* their queues wait for slots of ours */
	uint32_t n_tunnels, next_reqid;
	struct ctl_children children, dead;
	struct ctl_child *by_spi;
	struct ctl_half *halves;
	uint32_t n_installed, n_retrying; /* halves: in the card; to be installed again */
	struct ctl_policy *policies;
	bool guards_changed; /* some of an earlier run's may not be needed any more */
	unsigned int n_secrets;
	struct conf_secret *secrets;
	TAILQ_HEAD(, ctl_command) commands;

	struct heap reads;                     /* Child SAs, by when their counters are read next */
	uint32_t reading;                      /* of them: being read */
	uint64_t read_ns;                      /* when one was last */
	double top_byte_rate, top_packet_rate; /* of the fastest SA so far, a second */
	struct ctl_timer poll;
	bool dumping;   /* a dump is under way */
	bool sweep;     /* the next one is wanted at once */
	uint32_t dumps; /* number of the last dump started */

	struct ctl_command *stop;
	bool stop_forced;
	struct controller_counters counters;
};

#endif
