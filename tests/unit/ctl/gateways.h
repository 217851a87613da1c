/* SPDX-License-Identifier: MIT */
/* Two keyrackd with a software card each, on loopback, configured for one tunnel "gw/net" with two queue SAs. */
#ifndef TESTS_GATEWAYS_H
#define TESTS_GATEWAYS_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/vici_client.h"
#include "process.h"

struct programs {
	const char *keyrackd, *hwsim, *keyrack;
};

struct gateway {
	const char *name, *ip;
	uint16_t port;
	char conf[64], control[64], netlink[64], card_control[64];
	struct process card, daemon;
	struct vici_client *vici;
};

struct gateways {
	struct programs programs;
	char dir[40];
	struct gateway side[2];
};

/* A directory, free ports, configuration files; nothing runs. */
struct gateways *gateways_new(const struct programs *programs);
/* Ends what runs and removes the directory. */
void gateways_free(struct gateways *g);

/* Writes the file again: so many queue SAs, and `more` after the other keys of the connection. */
void gateways_configure(const struct gateways *g, struct gateway *side, unsigned int queues, const char *more);
void gateway_card_start(const struct gateways *g, struct gateway *side);
/* Starts the daemon and connects to its control socket. */
void gateway_daemon_start(const struct gateways *g, struct gateway *side);
/* Cards and daemons of both sides. */
void gateways_start(struct gateways *g);

/* A command without or with one argument; the answer must have success = yes, unless `fails`. */
void gateway_command(struct gateway *side, const char *command, const char *key, const char *value);
/* Every item of a streamed list. */
json_t *gateway_list(struct gateway *side, const char *command, const char *stream);
/* How many slots are in use. */
size_t gateway_slots(struct gateway *side);
/* Waits until no slot is in use any more. */
void gateway_slots_wait_empty(struct gateway *side);

#endif
