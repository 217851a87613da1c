/* SPDX-License-Identifier: MIT */
/* What top_model.c and top_model_queues.c share. */
#ifndef CTL_TOP_MODEL_IMPL_H
#define CTL_TOP_MODEL_IMPL_H

#define HASH_FUNCTION            HASH_FNV /* the default's switch falls through without saying so: clang warns */
#define HASH_NONFATAL_OOM        1
#define uthash_nonfatal_oom(elt) ((elt)->hash_failed = true)
#include <uthash.h>

#include "ctl/top_model.h"

struct top_lane_key { /* compared as bytes: zero it first */
	char tunnel[TOP_TEXT_MAX];
	uint32_t ike_id, queue;
};

struct top_total { /* since the lane was first seen */
	uint64_t in, out, packets;
};

struct top_lane {
	struct top_lane_key key;
	struct top_queue view;
	struct top_total total, past[TOP_WINDOW_MAX]; /* past[sample % TOP_WINDOW_MAX] */
	uint32_t since;                               /* first sample */
	uint32_t seen;                                /* generation */
	bool hash_failed;
	UT_hash_handle hh;
};

struct top_sa { /* a Child SA, seen in a slot or on a queue */
	uint32_t id;
	struct top_lane *lane;
	struct top_lane_key key;
	char spi_in[16];
	char state[16]; /* as the daemon spells it */
	uint64_t since; /* ns: when it was first seen in another state than INSTALLED; 0: it was not */
	uint32_t seen;
	bool fresh; /* first seen now */
	bool hash_failed;
	UT_hash_handle hh;
};

/* top_model.c: an unsigned number of an answer, 0 when it is none. */
uint64_t top_count(const json_t *object, const char *key);
void top_history_add(struct top_history *h, double value);
/* The sample that a rate is counted from: two seconds before the last, or the one before it. */
uint32_t top_window(const struct top_model *m);

/* top_model_queues.c: all -ENOMEM or 0. */
/* A slot's or a queue's Child SA. dir: 0 in, 1 out, -1: both are in the row. */
int top_sa_take(struct top_model *m, uint64_t now, const json_t *row, int dir);
int top_queues_take(struct top_model *m, uint64_t now, const json_t *queues);
/* After all SAs were taken: totals, rates, shares, rekeys under way. */
void top_rates_take(struct top_model *m);
int top_rekeys_take(struct top_model *m, uint64_t now);
/* Everything that is known of queues and SAs. */
void top_queues_forget(struct top_model *m);

#endif
