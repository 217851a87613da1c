/* SPDX-License-Identifier: MIT */
#include "offload/verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one device; a port of mlx5 has 256. The kernel takes no longer answer: an attribute's length has 16 bits
 * (struct ib_uverbs_attr). */
enum { GIDS_MAX = UINT16_MAX / sizeof(struct ibv_gid_entry) };

static uint32_t mtu_bytes(enum ibv_mtu mtu)
{
	return mtu >= IBV_MTU_256 && mtu <= IBV_MTU_4096 ? 128u << mtu : 0;
}

static uint32_t count_of(int n)
{
	return n > 0 ? (uint32_t)n : 0;
}

/* What cannot be asked stays 0: an old provider is no reason to hide the device. */
static void limits_read(struct ibv_context *context, struct verbs_device *out)
{
	struct ibv_device_attr_ex attr = {0};

	if (ibv_query_device_ex(context, NULL, &attr))
		return;
	out->max_qp = count_of(attr.orig_attr.max_qp);
	out->max_cq = count_of(attr.orig_attr.max_cq);
	out->max_mr = count_of(attr.orig_attr.max_mr);
	out->max_sge = count_of(attr.orig_attr.max_sge);
	out->max_mr_size = attr.orig_attr.max_mr_size;
	out->rss_tables = attr.rss_caps.max_rwq_indirection_tables;
	out->rss_table_size = attr.rss_caps.max_rwq_indirection_table_size;
	out->rss_toeplitz = attr.rss_caps.rx_hash_function & IBV_RX_HASH_FUNC_TOEPLITZ;
	out->rss_spi = attr.rss_caps.rx_hash_fields_mask & IBV_RX_HASH_IPSEC_SPI;
}

static void device_read(struct ibv_context *context, uint32_t port, struct verbs_device *out)
{
	struct ibv_port_attr attr = {0};

	*out = (struct verbs_device){.port = port};
	snprintf(out->name, sizeof(out->name), "%s", ibv_get_device_name(context->device));
	if (!ibv_query_port(context, (uint8_t)port, &attr)) {
		out->active = attr.state == IBV_PORT_ACTIVE;
		out->ethernet = attr.link_layer == IBV_LINK_LAYER_ETHERNET;
		out->mtu = mtu_bytes(attr.active_mtu);
	}
	limits_read(context, out);
}

/* The port that has a GID of this netdev; 0: none. */
static uint32_t port_of(struct ibv_context *context, unsigned int ifindex, struct ibv_gid_entry *gids)
{
	ssize_t n = ibv_query_gid_table(context, gids, GIDS_MAX, 0);

	for (ssize_t i = 0; i < n; i++)
		if (gids[i].ndev_ifindex == ifindex)
			return gids[i].port_num;
	return 0;
}

int verbs_find_by_ifindex(unsigned int ifindex, struct verbs_device *out)
{
	struct ibv_gid_entry *gids = calloc(GIDS_MAX, sizeof(*gids));
	struct ibv_device **list = NULL;
	int n = 0, err = -ENODEV;

	if (!gids)
		return -ENOMEM;
	list = ibv_get_device_list(&n); /* NULL, too, where the kernel has no RDMA */
	for (int i = 0; list && err && i < n; i++) {
		struct ibv_context *context = ibv_open_device(list[i]);
		uint32_t port;

		if (!context) {
			err = errno ? -errno : -ENODEV; /* it may be this one */
			continue;
		}
		port = port_of(context, ifindex, gids);
		if (port) {
			device_read(context, port, out);
			err = 0;
		}
		ibv_close_device(context);
	}
	if (list)
		ibv_free_device_list(list);
	free(gids);
	return err;
}

static void sockaddr_fill(struct sockaddr_storage *to, const struct xfrm_addr *addr)
{
	memset(to, 0, sizeof(*to));
	to->ss_family = (sa_family_t)addr->family;
	if (addr->family == AF_INET)
		memcpy(&((struct sockaddr_in *)to)->sin_addr, addr->ip, sizeof(struct in_addr));
	else
		memcpy(&((struct sockaddr_in6 *)to)->sin6_addr, addr->ip, sizeof(struct in6_addr));
}

int verbs_find_by_addr(const struct xfrm_addr *addr, struct verbs_device *out)
{
	struct rdma_event_channel *channel = rdma_create_event_channel();
	struct rdma_cm_id *id = NULL;
	struct sockaddr_storage at;
	int err = -ENODEV;

	if (!channel)
		return -ENODEV;
	sockaddr_fill(&at, addr);
	if (!rdma_create_id(channel, &id, NULL, RDMA_PS_TCP) && !rdma_bind_addr(id, (struct sockaddr *)&at) &&
	    id->verbs) {
		device_read(id->verbs, id->port_num, out);
		err = 0;
	}
	if (id)
		rdma_destroy_id(id);
	rdma_destroy_event_channel(channel);
	return err;
}
