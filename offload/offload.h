/* SPDX-License-Identifier: MIT */
/*
 * The card as the controller sees it. Parts, each usable alone:
 *   slots.h     the ledger of slots
 *   profile.h   what a device can do, as data
 *   placement.h in which mode an SA goes to the card, and what comes next when that is refused
 *   xfrm.h      the driver: NETLINK_XFRM through a transport (AF_NETLINK, or a socket whose other end is hwsim)
 *   ethtool.h   the same for channels, RSS, flow rules and counters
 *   verbs.h     the RDMA device behind a netdev (a library of its own, for tools)
 *   queues.h    which CPU has which queues, and how an SA's packets come to one
 */
#ifndef OFFLOAD_OFFLOAD_H
#define OFFLOAD_OFFLOAD_H

#include "offload/placement.h"
#include "offload/profile.h"
#include "offload/queues.h"
#include "offload/slots.h"
#include "offload/xfrm.h"

#endif
