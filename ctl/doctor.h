/* SPDX-License-Identifier: MIT */
/*
 * `keyrack doctor`: what this machine, a device in it and its driver can do for keyrackd, and what to change. A table
 * of checks (doctor.c), each of which ends in one line.
 *
 * Nothing is changed, but with `probe`: then SAs between addresses that nobody has (RFC 5737 TEST-NET-3, RFC 3849) are
 * installed, read back and removed. Blocking, with a deadline for each answer. What it looks at is handed in: files
 * below `root`, netlink through transports (offload/xfrm.h, offload/ethtool.h), and what a running keyrackd has
 * answered.
 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "offload/verbs.h"
#include "offload/xfrm.h"

enum { DOCTOR_TEXT = 512, DOCTOR_DEVICES_MAX = 64 };

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_INFO,    /* not as it could be, or not known, and nothing that must be done */
	DOCTOR_WARNING, /* it works, worse than it could */
	DOCTOR_ERROR,   /* no offload, or no keyrackd, as it is */
};

struct doctor_line {
	const char *check;  /* the row's name: stable, for scripts */
	const char *device; /* NULL: it is of the machine. Valid during the call */
	enum doctor_level level;
	char text[DOCTOR_TEXT]; /* what is */
	char todo[DOCTOR_TEXT]; /* what to do; empty: nothing */
};

/* A transport for requests, with what can be polled for its answers (-1: they are there when send returns). */
struct doctor_door {
	struct xfrm_transport requests;
	int fd;
	int err; /* it could not be opened: -errno */
};

struct doctor_config {
	const char *root;    /* the directory that has proc, sys, boot and lib; "" on a real machine */
	const char *release; /* as `uname -r` */
	const char *device;  /* NULL: every device that says it offloads ESP */
	bool hwsim;          /* `device` is a card of keyrack-hwsim: no file tells of it */
	bool probe;
	struct doctor_door xfrm, ethtool;
	/* keyrackd's answers to get-status and list-queues; NULL: not reachable */
	const json_t *status, *queues;
	const char *socket;      /* where it was looked for */
	const char *unreachable; /* why it is not */
	/* verbs_find_by_ifindex() and verbs_find_by_addr(); while they run, standard error is caught */
	int (*rdma_by_ifindex)(unsigned int ifindex, struct verbs_device *out);
	int (*rdma_by_addr)(const struct xfrm_addr *addr, struct verbs_device *out);
	/* the addresses of a device, without link-local ones: fills in up to `max`, returns how many */
	unsigned int (*addresses)(const char *device, struct xfrm_addr *out, unsigned int max);
	uint32_t (*random)(void *ctx);             /* 32 bits, for keys and SPIs of trial SAs */
	void (*pause)(void *ctx, unsigned int ms); /* between trial SAs, for the card to let go of one */
	void *ctx;                                 /* of both */
};

/* Runs all checks; `line` is called for each in order. The worst level. */
enum doctor_level doctor_run(const struct doctor_config *config,
			     void (*line)(void *ctx, const struct doctor_line *line), void *ctx);

/* "ok", "info", "warning", "error". */
const char *doctor_level_name(enum doctor_level level);

#endif
