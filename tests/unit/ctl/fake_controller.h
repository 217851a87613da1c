/* SPDX-License-Identifier: MIT */
/* A controller that only remembers what it was asked and shows what it is told to: for tests of those who call it. */
#ifndef TESTS_FAKE_CONTROLLER_H
#define TESTS_FAKE_CONTROLLER_H

#include "ctl/controller.h"

enum { FAKE_MAX = 16 };

struct controller {
	unsigned int n_conns, n_secrets;
	struct conf_conn *conns[FAKE_MAX]; /* references */
	struct conf_secret secrets[FAKE_MAX];
	/* the last command */
	char conn[64], child[64];
	struct controller_match match;
	uint64_t timeout_ns;
	bool force;
	unsigned int calls;
	/* how it is answered: at once, or by fake_controller_done() */
	bool at_once;
	int err;
	const char *text;
	unsigned int matches;
	controller_done done;
	void *ctx;
	/* what there is to see */
	unsigned int n_sas, n_children;
	struct ike_sa_info sas[4];
	struct controller_child children[FAKE_MAX]; /* of the IKE SA that their ike_sa names */
	unsigned int many;                          /* the first child is shown so many times more */
	struct slots *slots;
	struct conf_nic nic;
	struct controller_counters counters;
};

void fake_controller_done(struct controller *c, int err, const char *text);
/* Drops what was loaded. */
void fake_controller_clear(struct controller *c);

#endif
