/* SPDX-License-Identifier: MIT */
/*
 * How many SAs a card of N slots can carry while all of them are replaced by count. Two hosts alike, each with a whole
 * controller and a simulated card, exchange IKE over a bad network in virtual time; the traffic is arithmetic
 * (hwsim/charge.h). docs/occupancy.md says what is modelled and what each policy was given.
 *
 *   plan     the tunnels, their queues and rates, from the seed alone: the same for every policy
 *   conf     a side's configuration as text
 *   traffic  flows: one per queue and direction, charged to the cards when somebody looks or a limit is due
 *   world    both sides, the network and the clock
 *   search   the largest number of SAs with nothing refused and no hard expiry
 */
#ifndef BENCH_OCCUPANCY_H
#define BENCH_OCCUPANCY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/heap.h"
#include "base/prng.h"
#include "ctl/controller.h"
#include "hwsim/charge.h"
#include "tests/sim/sim_nic.h"

#define OCC_MS UINT64_C(1000000)
#define OCC_S  UINT64_C(1000000000)

enum {
	OCC_PAIRS_MAX = 64,      /* of one tunnel: a fallback and 63 queues */
	OCC_QUEUES = 64,         /* of a card */
	OCC_PACKET_BYTES = 1000, /* of plaintext */
	OCC_SEGMENTS = 16,       /* of a flow on the wire */
	OCC_WHY_MAX = 160,
	OCC_SEEN_BITS = 16,
};

/* How the traffic is. A row of plan.c. */
struct occ_workload {
	const char *name;
	double rate_most;                 /* the fastest tunnel, of the slowest: Pareto in between */
	double asymmetry_most;            /* one direction of the other */
	double spread_least, spread_most; /* of the queues' shares of one tunnel */
	double burst, day;                /* factor of a burst; how far the rate swings over the day */
};

extern const struct occ_workload occ_workloads[]; /* the last one has no name */

struct occ_options {
	const struct occ_workload *workload;
	uint32_t slots; /* of each card, both directions together */
	uint64_t ns;    /* virtual time of a run */
	uint64_t seed;
	double rtt_ms;      /* of all tunnels; below 0: drawn for each */
	double loss;        /* probability, each way; below 0: drawn for each */
	double life_s;      /* how long the fastest SA lasts at the highest rate there is */
	uint64_t free_ns;   /* how long the card takes to free a slot */
	uint64_t poll_ns;   /* counter poll, of the card and of the controller */
	const char *policy; /* only this one; NULL: all */
	const char *csv, *svg;
	bool json, verbose, check;
	unsigned int threads;
	uint32_t pairs; /* no search: this many; 0: search */
};

/* What is compared. A row of search.c. */
struct occ_policy {
	const char *name; /* of the configuration's rekey_policy */
	bool ledger;      /* it knows how many slots there are; else it finds out by being refused */
};

extern const struct occ_policy occ_policies[];
extern const unsigned int occ_n_policies;

/* ---- plan ---- */

struct occ_tunnel {
	uint32_t pairs;    /* SA pairs: the fallback and the queues */
	uint64_t delay_ns; /* one way */
	double loss;
	double rate[2]; /* of a queue, on average over the day: packets a second, sent by side 0 and 1 */
	double spread;  /* how unevenly RSS fills its queues: standard deviation of a queue's share */
	double phase;   /* of its day, radians */
	uint64_t seed;
};

struct occ_plan {
	uint32_t n_tunnels, pairs;
	struct occ_tunnel *tunnels;
	uint64_t life_bytes; /* L: every SA's hard limit */
};

/* The first `pairs` pairs of the seed's tunnels: the last one has fewer queues than it wants. */
struct occ_plan occ_plan_make(const struct occ_options *o, uint32_t pairs);
void occ_plan_free(struct occ_plan *p);

/* ---- configuration ---- */

/* Outer addresses: of tunnel n on side i. The number of the tunnel that has this address; UINT32_MAX: none. */
struct ike_addr occ_addr(unsigned int side, uint32_t tunnel);
uint32_t occ_tunnel_of(const uint8_t ip[4], unsigned int *side);
/* NULL and a message on stderr. */
struct conf *occ_conf(const struct occ_options *o, const struct occ_policy *policy, const struct occ_plan *plan,
		      unsigned int side);

/* ---- traffic ---- */

struct occ_segment { /* sent with one SA, and not all of it has arrived */
	uint64_t from, to, packets;
	struct hwsim_charge_sa sa;
};

struct occ_flow {
	struct occ_live *live;
	unsigned int from, cpu;
	bool busy; /* the direction with more traffic: it decides when the pair is due */
	double share, share_now, rate;
	bool routed, known; /* known: `sa` has been found */
	struct hwsim_charge_sa sa;
	uint64_t sa_bytes; /* sent with it */
	uint64_t sent_to;
	double sent_part, lost_part; /* of a packet */
	unsigned int first, n;
	struct occ_segment segment[OCC_SEGMENTS];
	struct heap_node due; /* a limit will be reached */
};

struct occ_live { /* a tunnel at work */
	const struct occ_tunnel *plan;
	uint32_t number;
	struct prng rng;
	bool burst;
	uint64_t burst_at, step_at; /* when that changes; when the day and the shares are looked at again */
	struct heap_node due;
	struct occ_flow *flows; /* 2 * pairs */
};

struct occ_world;

/* Every flow starts now. */
void occ_traffic_start(struct occ_world *w);
void occ_traffic_free(struct occ_world *w);
uint64_t occ_traffic_next(const struct occ_world *w);
void occ_traffic_run(struct occ_world *w);
/* Before and after a datagram with one netlink request goes to a side's card. after: whether it can have changed the
 * table. */
void occ_traffic_before(struct occ_world *w, unsigned int side, const void *buf, size_t len);
bool occ_traffic_after(struct occ_world *w, unsigned int side, const void *buf, size_t len);
/* Everything sent up to now is charged. */
void occ_traffic_settle(struct occ_world *w);

/* ---- world ---- */

struct occ_result {
	bool up;               /* all SAs came up */
	bool good;             /* ... and nothing was refused, nothing expired */
	char why[OCC_WHY_MAX]; /* otherwise */
	uint32_t pairs, tunnels;
	uint64_t ran_ns;
	uint64_t card_refused, ledger_refused; /* by the cards; replacements turned down by a ledger */
	uint64_t hard_expired;
	uint64_t packets_sent, packets_lost;
	uint64_t rekeys, collisions;
	uint64_t early_bytes, early_life;     /* of the SAs replaced: bytes they could have carried; had as limit */
	double redundant_avg, redundant_peak; /* share of the slots */
	double used_peak;
	double cpu_s;
};

struct occ_side {
	struct occ_world *w;
	unsigned int i;
	struct nic nic;
	struct xfrm_transport requests;
	struct conf *conf;
	struct controller *c;
	struct prng rng;
	struct log log;
	uint64_t ups, card_refused, ledger_refused, hard_expired; /* since the beginning, by what it logs */
	double area;                                              /* slots held beyond those needed, times ns */
	uint64_t area_at;                                         /* integrated up to here */
	uint32_t held, held_peak;
};

struct occ_datagram;

struct occ_world {
	const struct occ_options *options;
	const struct occ_plan *plan;
	uint64_t now, measured_from;
	struct prng rng;
	struct occ_side side[2];
	struct heap wire; /* struct occ_datagram */
	bool measuring;
	struct occ_live *live;
	struct heap flows, tunnels;
	struct occ_flow **seen; /* by SPI */
	uint64_t sent, lost_tx, lost_rx, early_bytes, early_life;
};

/* One run from a cold start. stop: end at the first refusal or hard expiry. */
void occ_run(const struct occ_options *o, const struct occ_policy *policy, uint32_t pairs, uint64_t ns, bool stop,
	     struct occ_result *out);

/* ---- search and reports ---- */

void occ_search(const struct occ_options *o, const struct occ_policy *policy, struct occ_result *out);
void occ_print_text(const struct occ_options *o, const struct occ_result *r, FILE *to);
void occ_print_json(const struct occ_options *o, const struct occ_result *r, FILE *to);
int occ_write_csv(const struct occ_options *o, const struct occ_result *r);
int occ_write_svg(const struct occ_options *o, const struct occ_result *r);
bool occ_wanted(const struct occ_options *o, unsigned int policy);
double occ_usable(const struct occ_options *o, const struct occ_result *r);

#endif
