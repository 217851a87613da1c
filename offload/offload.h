/* SPDX-License-Identifier: MIT */
/*
 * The card as the controller sees it. Four parts, each usable alone:
 *   slots.h     the ledger of slots
 *   profile.h   what a device can do, as data
 *   placement.h in which mode an SA goes to the card, and what comes next when that is refused
 *   xfrm.h      the driver: NETLINK_XFRM through a transport (AF_NETLINK, or a socket whose other end is hwsim)
 */
#ifndef OFFLOAD_OFFLOAD_H
#define OFFLOAD_OFFLOAD_H

#include "offload/placement.h"
#include "offload/profile.h"
#include "offload/slots.h"
#include "offload/xfrm.h"

#endif
