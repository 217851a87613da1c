/* SPDX-License-Identifier: MIT */
/* A card of hwsim with the ethtool driver at its generic door, in memory. */
#ifndef TESTS_OFFLOAD_NIC_H
#define TESTS_OFFLOAD_NIC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/ethtool_uapi.h"
#include "hwsim/hwsim.h"
#include "offload/ethtool.h"
#include "tests/unit/offload/datagrams.h"

enum { NIC_IFINDEX = 9 };

struct nic {
	struct hwsim *card;
	struct ethtool *ethtool;
	struct datagrams answers, events;
	struct log log;
	unsigned int sent;
	/* how the kernel is made older or worse */
	bool no_family;       /* before 5.6 */
	bool no_rss_get;      /* before 6.3 */
	bool no_rss_set;      /* before 6.17 */
	int fail;             /* every ioctl fails so; 0: none */
	int send_error;       /* of the next datagrams; -EAGAIN */
	bool hold;            /* answers are kept back */
	bool closed, lose;    /* lose: the next answer is -ENOBUFS */
	unsigned int changes; /* events.changed */
	char what[64];
	unsigned int closes;
	void (*changed)(void *ctx, const char *what); /* passed on to */
	void *ctx;
};

/* A card of a profile. Its host's kernel is a new one until it is made older. */
struct nic *nic_new(const char *profile, unsigned int queues);
void nic_free(struct nic *nic);
/* Frees the driver alone, as nic_free does first. */
void nic_free_ethtool(struct nic *nic);

#endif
