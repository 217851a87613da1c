/* SPDX-License-Identifier: MIT */
/*
 * Where Linux keeps an SA for its lookup by addresses and reqid. A lookup for a policy in packet mode ends at the first
 * SA of the chain that is not in packet mode, and one may come before those that are (net/xfrm/xfrm_state.c,
 * XFRM_STATE_INSERT and xfrm_state_find, 7.3): the packets of a tunnel that the card has would be dropped because
 * another tunnel is in software. So the two kinds are given reqids whose chains are never the same.
 */
#ifndef OFFLOAD_XFRM_CHAIN_H
#define OFFLOAD_XFRM_CHAIN_H

#include <stdint.h>

#include "offload/xfrm.h"

/*
 * The hash of which the kernel's table, a power of two in size and at least 8, takes the lowest bits: __xfrm_dst_hash()
 * in net/xfrm/xfrm_hash.h. It is the same in both directions, and reqids that differ in bit 0 differ in its bit 0.
 * reqid in host order; a and b of one family. Kernels that mix IPv6 addresses in another way than 7.3 have other
 * values: then bit 0 tells apart the tunnels between the same two addresses only.
 */
uint32_t xfrm_chain_hash(uint32_t reqid, const struct xfrm_addr *a, const struct xfrm_addr *b);

#endif
