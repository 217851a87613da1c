/* SPDX-License-Identifier: MIT */
/*
 * The RDMA side of a NIC: which RDMA device sits behind a netdev or a local address, how much it can hold, and what its
 * RSS can hash. RoCEv2 traffic of such a device is UDP over the netdev's addresses, and packet offload covers it with
 * the same SAs and policies (Linux drivers/net/ethernet/mellanox/mlx5/core/en_accel/ipsec_fs_roce.c), so there is
 * nothing to program here: it is found, and named to the operator.
 *
 * Blocking, a few ms, and only to be called by tools, not by the controller. Where the kernel or the machine has no
 * RDMA at all, that is an answer (-ENODEV), not a failure.
 *
 * Sources: libibverbs ibv_query_gid_table(3), ibv_query_device_ex(3), librdmacm rdma_bind_addr(3).
 */
#ifndef OFFLOAD_VERBS_H
#define OFFLOAD_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "offload/xfrm.h"

enum { VERBS_NAME = 64 };

struct verbs_device {
	char name[VERBS_NAME]; /* "mlx5_0" */
	uint32_t port;         /* from 1 */
	bool active;           /* the port is up */
	bool ethernet;         /* RoCE; else InfiniBand */
	uint32_t mtu;          /* bytes, of the port, as RDMA counts */
	uint32_t max_qp, max_cq, max_mr, max_sge;
	uint64_t max_mr_size; /* bytes */
	/* RSS of queue pairs (ibv_rss_caps); all 0: it has none */
	uint32_t rss_tables, rss_table_size; /* indirection tables, and entries of the largest */
	bool rss_toeplitz;
	bool rss_spi; /* IBV_RX_HASH_IPSEC_SPI: the SPI of ESP can be hashed */
};

/*
 * The device with a GID that belongs to this netdev. 0; -ENODEV: there is none, or no RDMA; -ENOMEM; another -errno:
 * one could not be opened, and it may be that one. The kernel compares no network namespaces here: where RDMA devices
 * are shared between them (`rdma system show netns`), the netdev may be another namespace's with the same index.
 */
int verbs_find_by_ifindex(unsigned int ifindex, struct verbs_device *out);
/* The device that librdmacm would use from this local address. 0 or -ENODEV: there is none, or no RDMA. */
int verbs_find_by_addr(const struct xfrm_addr *addr, struct verbs_device *out);

#endif
