/* SPDX-License-Identifier: MIT */
/*
 * Two hosts: on each a controller and a card, between them a bad network, on top of them traffic that is checked packet
 * by packet. Time is virtual; everything follows from one seed.
 *
 * A packet counts as lost when the network did not lose it and it did not arrive; it is found at the very moment: when
 * it was to leave the sender's card and did not, or when it reached the receiver's card and did not get through.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "ctl/controller.h"
#include "sim_net.h"
#include "sim_nic.h"

enum { WORLD_LINES = 600, WORLD_LINE = 240, WORLD_STREAMS_MAX = 64, WORLD_WHY_MAX = 400 };

static const uint64_t sim_ms = 1000000u, sim_s = 1000000000u;

struct side_config {
	const char *profile;
	uint32_t slots, queues;
	uint32_t believed; /* slots that the controller is told of; 0: all of them, and no more */
	const char *start_action, *dpd_action, *close_action, *hw_offload, *per_cpu_sas;
	uint64_t rekey_packets, life_packets; /* 0: off */
	bool wide;                            /* soft limits are drawn from all below rekey_packets, else a quarter */
	unsigned int rekey_s;                 /* by age, hard at twice that; 0: off */
	const char *child_extra;              /* more lines for the child section */
	const char *conn_extra;
	const char *esp;         /* esp_proposals */
	const char *connections; /* instead of the one that is made from all this */
	uint64_t counter_poll_ms, counter_gap_ms, drain_ms;
	bool no_sa_dir;             /* the kernel knows neither XFRMA_SA_DIR nor XFRMA_SA_PCPU */
	unsigned int retransmit_ms; /* the first wait for an answer; 0: 300 */
	const char *nic_extra;      /* more lines for the nic section */
	const char *root;           /* the queue map's files; NULL: none */
	bool no_ethtool;            /* the card never answers */
	bool queues_open;           /* nic.queues is not configured */
};

struct world_config {
	struct side_config side[2];
	struct net_config net;
	uint64_t nic_delay_ns;
	bool v6, transport;
};

struct world;

/* An inbound SA that is up: where its packets are to arrive. */
struct side_sa {
	uint32_t spi;
	int rx;           /* -1: anywhere */
	bool rule;        /* by a flow rule, which is set a moment after the SA is up */
	uint64_t from_ns; /* up since */
};

enum { SIDE_SAS = 1024 };

struct side {
	struct world *w;
	unsigned int i;
	char name; /* 'A', 'B' */
	struct side_config config;
	struct nic nic;
	struct conf *conf;
	struct controller *c;
	struct prng rng;
	struct log log;
	bool flushed;                    /* the card has lost SAs and the controller does not know yet */
	unsigned int ups, downs, rekeys; /* events */
	unsigned int next_sa;
	struct side_sa sas[SIDE_SAS]; /* the newest, in turn */
	int expect_rx;                /* of the packet on its way in right now; -1: any */
};

struct stream {
	unsigned int from, queue;
	double rate; /* packets a second, on average */
	uint64_t next_ns;
};

struct world {
	uint64_t seed, now;
	bool v6, transport, verbose;
	struct prng rng;
	struct net net;
	struct side side[2];
	unsigned int n_streams;
	struct stream stream[WORLD_STREAMS_MAX];
	bool flowing; /* streams send */
	bool strict;  /* what is sent now must arrive */
	bool closed;  /* nothing may leave unprotected */
	bool starved; /* no exchange got through for a while: SAs may run into their hard limits */
	uint64_t n_packets, cap_packets;
	uint8_t *packet;       /* PACKET_* of each */
	int64_t current;       /* the packet on its way through a card right now */
	uint32_t arriving_spi; /* of what a card is taking from the network right now; host order */
	uint64_t sent, received, net_lost;
	bool moving;      /* queues change: nothing is said of where packets arrive */
	uint64_t steered; /* packets that arrived on the RX queue that was wanted */
	/* a packet that CPU `queue` of the other side sent has reached this host in an SA of that SPI; may be NULL */
	void (*arrived)(void *ctx, struct side *s, unsigned int queue, uint32_t spi);
	void *arrived_ctx;
	uint64_t check_at, deep_at;
	bool failed;
	char why[WORLD_WHY_MAX];
	unsigned int line; /* next in the ring */
	char (*lines)[WORLD_LINE];
};

/* A side's controller is gone without a word, and a new one comes up; the card stays as it is. */
void side_restart(struct side *s);
void world_make(struct world *w, uint64_t seed, const struct world_config *config, bool verbose);
void world_free(struct world *w);

/* The first failure stays; everything stops soon. */
void world_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lets time pass. False: something has failed. */
bool world_run(struct world *w, uint64_t ns);
/* Until the condition holds, or the time is over (a failure that says `what`). */
bool world_until(struct world *w, bool (*condition)(struct world *w), uint64_t ns, const char *what);

/* One stream per queue and direction, at so many packets a second each. */
void world_streams(struct world *w, unsigned int queues, double rate);
/* Stops the streams and waits until everything that was sent has arrived. */
bool world_quiet(struct world *w);
/* The invariants: card, controller, ledger against card. deep: those too that look at every SA. */
void world_check(struct world *w, bool deep);

/* A side's configuration as text; what conf_parse takes. */
void side_text(const struct world *w, const struct side *s, char *out, size_t size);
/* Reads it anew from side->config. */
void side_reload(struct side *s);
/* Where packets are to arrive is as the controller says it now. */
void side_sas_read(struct side *s);
uint32_t side_children(struct side *s); /* Child SAs that are up and not replaced */

#endif
