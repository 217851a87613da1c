/* SPDX-License-Identifier: MIT */
/* Answers of a daemon to `keyrack top`, made by hand. */
#ifndef TESTS_UNIT_CTL_TOP_ANSWERS_H
#define TESTS_UNIT_CTL_TOP_ANSWERS_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/top_model.h"

static const uint64_t top_second = 1000000000u;

struct answers {
	json_t *status, *slots, *queues;
};

struct answer_sa {
	const char *child; /* of the connection gw; NULL: "net" */
	unsigned int ike_id, id;
	int queue; /* -1: any */
	const char *state;
	double soft, hard;
	const char *unsteered; /* why what comes in goes to any RX queue; NULL: it goes to its own */
};

void answers_init(struct answers *a, double uptime, unsigned int rekeys);
void answers_free(struct answers *a);
void answers_pool(struct answers *a, const char *name, unsigned int size, unsigned int occ, unsigned int reserve);
/* state: of the slot. sa: NULL when nobody knows it. */
void answers_slot(struct answers *a, const char *pool, unsigned int slot, const char *state, const char *dir,
		  const struct answer_sa *sa);
/* The totals of its queue, in bytes; a packet has 100. */
void answers_queue(struct answers *a, const struct answer_sa *sa, uint64_t in, uint64_t out);
/* Hands them to the model and frees them. */
void answers_give(struct answers *a, struct top_model *m, uint64_t now);

#endif
