/* SPDX-License-Identifier: MIT */
/*
 * What `keyrack top` knows: the answers to get-status, list-slots and list-queues (docs/vici.md) of one moment after
 * the other, and what follows from the differences: rates, rekeys under way, history. It does no I/O; the answers and
 * the time are passed in.
 */
#ifndef CTL_TOP_MODEL_H
#define CTL_TOP_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	TOP_TEXT_MAX = 128,      /* names, longer ones are cut */
	TOP_POOLS_MAX = 8,       /* slots.h has at most 4 */
	TOP_SLOTS_MAX = 1 << 20, /* slots of a pool that are shown one by one; others are only in the totals */
	TOP_QUEUES_MAX = 1 << 16,
	TOP_REKEYS_MAX = 128, /* shown; `rekeys_running` counts them all */
	TOP_HISTORY = 128,    /* samples */
	TOP_WINDOW_MAX = 64,  /* samples that a rate may reach back */
};

enum top_slot_state {
	TOP_SLOT_FREE,
	TOP_SLOT_RESERVED, /* for an exchange under way */
	TOP_SLOT_OCCUPIED,
	TOP_SLOT_REKEYING, /* occupied; a replacement of its SA is being negotiated */
	TOP_SLOT_REPLACED, /* occupied by an SA that another has replaced, for packets still on their way */
	TOP_SLOT_DRAINING, /* deleted, the card has not let go of it */
};

struct top_slot {
	uint8_t state;      /* enum top_slot_state */
	uint8_t soft, hard; /* wear in percent of the soft and hard count, at most 255 */
};

struct top_pool {
	char name[TOP_TEXT_MAX];
	uint32_t size, occ, reserved, draining, free, peak, reserve;
	int64_t learned; /* -1: nothing */
	uint64_t refused;
	uint64_t first; /* number of its first slot */
	struct top_slot *slot;
	uint32_t n_slots, room;
};

struct top_history { /* a ring of the last values */
	float at[TOP_HISTORY];
	unsigned int n, next;
};

/* One lane of one tunnel: all SAs that its queue has used, one after the other. */
struct top_queue {
	char tunnel[TOP_TEXT_MAX]; /* "connection/child" */
	uint32_t ike_id;
	uint32_t queue; /* UINT32_MAX: any, the fallback */
	uint32_t child_id;
	char spi_in[16], spi_out[16], mode[16], state[16], steering[TOP_TEXT_MAX];
	double wear_soft, wear_hard; /* percent */
	double rekey_in;             /* seconds; below 0: not known */
	double out, in, packets;     /* bytes and packets (both ways) a second */
	double share;                /* 0..1 of the bytes of its tunnel, both ways */
	struct top_history history;  /* of out + in */
};

enum top_phase {
	TOP_PHASE_STARTING, /* a first SA is being negotiated or installed */
	TOP_PHASE_REKEYING, /* the replacement is */
	TOP_PHASE_REPLACED, /* the new one is in use, the old one waits for late packets */
	TOP_PHASE_DELETING,
};

struct top_rekey {
	char tunnel[TOP_TEXT_MAX];
	uint32_t queue;
	uint32_t old_id, new_id;       /* Child SAs; 0: none */
	char old_spi[16], new_spi[16]; /* inbound */
	enum top_phase phase;
	double seconds; /* since it was first seen */
};

struct top_status {
	char version[TOP_TEXT_MAX], backend[TOP_TEXT_MAX], profile[TOP_TEXT_MAX], device[TOP_TEXT_MAX];
	double uptime; /* seconds */
	uint64_t ike_sas, half_open, children;
	uint64_t rekeys_done, rekeys_failed, rekeys_peer, collisions;
	uint64_t refused_card, refused_rack; /* installs the card refused; SAs the ledger had no slot for */
	uint64_t hard_expired, fallbacks;
};

struct top_model {
	bool known;              /* there was an answer */
	char lost[TOP_TEXT_MAX]; /* why the daemon does not answer; empty while it does */
	struct top_status status;
	struct top_pool pool[TOP_POOLS_MAX];
	unsigned int n_pools;
	struct top_queue **queue; /* by connection, child and queue, the fallback first */
	unsigned int n_queues;
	bool one_tunnel;                        /* all queues are one tunnel's */
	bool same_names;                        /* tunnels with the same name: tell them apart by ike_id */
	struct top_rekey rekey[TOP_REKEYS_MAX]; /* the longest first */
	unsigned int n_rekeys, rekeys_running;
	double out, in, rekey_rate; /* bytes and rekeys a second, all together */
	struct top_history traffic, rekeys;

	struct top_lane *lanes; /* the rest is the model's own */
	struct top_sa *sas;
	uint64_t at[TOP_WINDOW_MAX], rekeys_at[TOP_WINDOW_MAX];
	uint32_t samples; /* since the daemon started or came back */
	uint32_t generation;
	double started; /* the daemon, in seconds of our clock */
};

/* Zeroed memory is an empty model. */
void top_model_free(struct top_model *m);

/*
 * Answers of one moment; now in ns of a clock that only goes forward. Missing or odd values count as 0. Rates are over
 * the last two seconds, or since the last answers if that is longer. 0, or -ENOMEM with the model as before or emptied.
 */
int top_model_take(struct top_model *m, uint64_t now, const json_t *status, const json_t *slots, const json_t *queues);

/* The daemon does not answer: what was known stays, as the past. */
void top_model_lose(struct top_model *m, const char *why);

/* The value `back` samples ago (0: the last); 0 when there is none. */
double top_history_get(const struct top_history *h, unsigned int back);

#endif
