/* SPDX-License-Identifier: MIT */
/*
 * What only files tell of queues: which CPUs there are, XPS, and where a queue's interrupt is served. Every function
 * takes the directory in which "sys" and "proc" are ("" for this machine's own), so that tests can bring theirs.
 *
 * Sources: Documentation/ABI/testing/sysfs-class-net-queues (xps_cpus), sysfs-devices-system-cpu (online),
 * sysfs-kernel-irq (actions), Documentation/core-api/irq/irq-affinity.rst.
 */
#ifndef OFFLOAD_SYSFS_H
#define OFFLOAD_SYSFS_H

#include "offload/cpuset.h"

/* CPUs that are online. 0, or -errno. */
int sysfs_cpus_online(const char *root, struct cpuset *out);

/* Queues of the device in that direction, in use or not: "rx", "tx". 0: not to be found. */
unsigned int sysfs_queue_count(const char *root, const char *ifname, const char *direction);

/* The CPUs whose packets leave on TX queue `queue`. 0; -ENOENT: no such queue, or a kernel without XPS; -errno. */
int sysfs_xps_get(const char *root, const char *ifname, unsigned int queue, struct cpuset *out);
/* 0 or -errno (-EACCES: not permitted). */
int sysfs_xps_set(const char *root, const char *ifname, unsigned int queue, const struct cpuset *cpus);

/* The RX queue that an interrupt of this name serves ("mlx5_comp3@pci:0000:08:00.0", "eth0-TxRx-3"); -1: of none. */
int sysfs_irq_queue(const char *name);
/*
 * For queues 0..n-1: the CPU on which the interrupt of RX queue i is served, UINT32_MAX where that cannot be found. How
 * many were found, or -ENOENT: the device has no interrupts of its own.
 */
int sysfs_irq_cpus(const char *root, const char *ifname, uint32_t *cpu, unsigned int n);

#endif
