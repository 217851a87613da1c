/* SPDX-License-Identifier: MIT */
/*
 * The card inside: what the parts of hwsim/ share. Only hwsim/ includes it.
 *
 * Locks, in the order they are taken:
 *   control       one for the card: every control call. Its holder may read every table.
 *   lane          one for each direction of each queue: a packet's way through the card. Its holder may read every
 * table too. To change one, a control call takes all lanes (card_stop), so that no packet is under way. sa->lock
 * sequence number, window, counters and cipher state of one SA, which two queues may share. due_lock      the list of
 * SAs whose limits were reached by a packet. A packet never waits for control: what it finds that needs a change is put
 * on the due list, and the thread runs that list after it has let go of its lane.
 */
#ifndef HWSIM_CARD_H
#define HWSIM_CARD_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/heap.h"
#include "base/prng.h"
#include "base/xfrm_uapi.h"
#include "hwsim/hwsim.h"
#include "hwsim/packet.h"
#include "hwsim/rss.h"
#include "hwsim/sadb.h"
#include "hwsim/spd.h"
#include "hwsim/steer.h"

enum {
	CARD_POLICIES = 1024,       /* offloaded policies, when the config names no number */
	CARD_SOFT_POLICIES = 65536, /* policies of the host's own IPsec */
	CARD_STATES = 1 << 20,      /* SAs of all kinds: offloaded, software and larval */
	CARD_LATE_EVENTS = 65536,   /* delayed by the fault late_event; more are lost */
	CARD_ACQUIRE_SECONDS =
		30,         /* net.core.xfrm_acq_expires: how long a larval SA waits, when the config names no number */
	CARD_FLOWS = 256,   /* flow cache entries of a lane; a power of two */
	CARD_REPLY = 16384, /* bytes of the largest datagram to a netlink client */
};

#define NS_PER_MS  1000000ull
#define NS_PER_SEC 1000000000ull

enum counter {
	TX_ESP,
	TX_PLAIN,
	TX_NO_SA,
	TX_DROP,
	TX_BYTES,
	TX_ESP_BYTES, /* of plaintext, as an SA counts them */
	RX_ESP,
	RX_PLAIN,
	RX_NO_SA,
	RX_AUTH_FAIL,
	RX_REPLAY,
	RX_POLICY_DROP,
	RX_MALFORMED,
	RX_BYTES,
	RX_ESP_BYTES,
	LANE_PACKETS,
	COUNTERS,
};

/* What became of a flow the last time it was looked up; good while `generation` is the card's. */
struct flow_entry {
	struct flow flow;
	uint64_t generation;
	int cpu;
	struct spd_verdict verdict;
};

struct lane {
	alignas(64) pthread_mutex_t lock;
	uint64_t count[COUNTERS];
	struct flow_entry *flows; /* CARD_FLOWS */
};

struct queue {
	struct lane tx, rx;
};

enum timer_kind { TIMER_SA, TIMER_SLOT, TIMER_EVENT, TIMER_LINK };

enum fault {
	FAULT_REFUSE,
	FAULT_REFUSE_NTH,
	FAULT_FULL,
	FAULT_SLOW_INSTALL,
	FAULT_DELAYED_FREE,
	FAULT_LOSE_EVENT,
	FAULT_LATE_EVENT,
	FAULT_REPEAT_EVENT,
	FAULT_SILENT_NO_OFFLOAD,
	FAULT_COUNTER_LAG,
	FAULT_LINK_DOWN,
	FAULT_RESET,
	FAULTS,
};

struct armed_fault {
	uint32_t count; /* strikes left; UINT32_MAX: always */
	uint64_t arg;
	uint64_t seen; /* refuse_nth: installs since it was armed or last struck */
};

struct hwsim {
	struct hwsim_config config;
	struct hwsim_profile profile; /* slots overridden */
	struct hwsim_ops ops;
	struct prng rng; /* control only */
	struct queue *queues;
	struct steer steer;

	pthread_mutex_t control;
	bool stopped; /* all lanes are held by the holder of control */
	uint64_t now; /* the latest time any control call was given */
	_Atomic uint64_t next;
	atomic_bool link_up;

	uint64_t generation; /* changes with every table; flow cache entries of another one are stale */
	struct sadb sadb;
	struct spd spd;
	uint32_t acquire_seq, policy_index;

	struct heap timers;
	struct timer link_timer;
	uint32_t late_events;
	struct armed_fault faults[FAULTS];
	uint64_t counter_period; /* ns */

	pthread_mutex_t due_lock;
	TAILQ_HEAD(, sa) due;
	atomic_bool any_due;

	uint64_t installs, deletes, refused, soft_expired, hard_expired, events_lost;
	char violation[160]; /* the first broken invariant that did not stay visible in the tables */
	/* buffers of a netlink call, aligned */
	uint8_t *datagram; /* HWSIM_MAX_DATAGRAM: the request; wiped after each */
	uint8_t *reply;    /* CARD_REPLY: a datagram of a dump */
	uint8_t *message;  /* NL_MSG_MAX: a message being built */
	uint8_t *generic;  /* GENERIC_MESSAGE: the same for NETLINK_GENERIC */
};

/* Takes control and runs what is due at `now`. */
void card_lock(struct hwsim *card, uint64_t now);
/* Takes all lanes as well (once; card_unlock gives them back), so that tables may change. */
void card_stop(struct hwsim *card);
void card_unlock(struct hwsim *card);

/* Timers; under control. 0 or -ENOMEM, the latter only for a timer that is not set already. */
int timer_set(struct hwsim *card, struct timer *timer, enum timer_kind kind, uint64_t due);
void timer_clear(struct hwsim *card, struct timer *timer);

/* From a lane, with sa->lock held: has lifetime_run called for the SA by card_run_due. */
void card_sa_due(struct hwsim *card, struct sa *sa);
/* With no lock held: runs the due list, if there is anything on it. */
void card_run_due(struct hwsim *card, uint64_t now);
/* Under control: the SA is going away. */
void card_sa_not_due(struct hwsim *card, struct sa *sa);

/* Takes the link down for `ms`: everything offloaded is gone, without a message (Linux NETDEV_DOWN). Stopped. */
void card_link_down(struct hwsim *card, uint64_t ms);
/* Firmware reset: the link is down for 50 ms and slots that are still being freed are free at once. Stopped. */
void card_reset(struct hwsim *card);

#endif
