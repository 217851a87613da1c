/* SPDX-License-Identifier: MIT */
/*
 * The devices. Every number names where it is from; paths are those of the Linux source (6.12 and 6.17), below
 * drivers/net/ethernet where no other is given.
 */
#include "offload/profile.h"

#include <stddef.h>
#include <string.h>

static const struct offload_profile profiles[] = {
	{
		.name = "cx7",
		.driver = "mlx5_core",
		/* mellanox/mlx5/core/en_accel/ipsec_fs.c: NUM_IPSEC_FTE is 2^15 entries a table. An outbound SA takes
		 * one; an inbound SA takes three in the status table (replay, authentication, trailer), of which
		 * there is one for each address family. Firmware may allow less: it is learned. */
		.size_in = 32768 / 3,
		.size_out = 32768,
		.in_per_family = true,
		.packet = true,
		.crypto = true,
		.esn = true,
		.limits = true,
		.tx_by_reqid = true,    /* tx_add_rule() matches reg_c_4, the reqid, and nothing else of the SA */
		.rss_spi = RSS_SPI_YES, /* MLX5_HASH_IP_IPSEC_SPI, fixed for ESP (mellanox/mlx5/core/en/rss.c) */
		/* mlx5e_xfrm_validate_state() (en_accel/ipsec.c): windows, key lengths, modes and encapsulation */
		.replay_windows = {32, 64, 128, 256},
		.gcm_bits = {128, 256},
		.tunnel_packet = true,
		.tunnel_crypto = true,
		.encap = true,
		/* the entry is freed by xfrm_state_gc_task, after a grace period and the last packet's reference */
		.let_go_ms = 100,
	},
	{
		/* intel/ixgbe/ixgbe_ipsec.h: IXGBE_IPSEC_MAX_SA_COUNT; ixgbe_ipsec.c: transport mode, 128-bit keys,
		 * no ESN; the delete frees the entry */
		.name = "ixgbe-1024",
		.driver = "ixgbe",
		.size_in = 1024,
		.size_out = 1024,
		.crypto = true,
		.limits = true,
		.rss_spi = RSS_SPI_NO, /* ixgbe_main.c, ixgbe_setup_mrqc(): addresses, ports of TCP and UDP */
		.gcm_bits = {128},
	},
	{
		/* netronome/nfp/crypto/crypto.h: NFP_NET_IPSEC_MAX_SA_CNT, one table; ipsec.c: GCM, CBC and more */
		.name = "nfp-16k",
		.driver = "nfp",
		.size_in = 16 * 1024,
		.shared = true,
		.crypto = true,
		.limits = true,
		.rss_spi = RSS_SPI_NO, /* nfp_net_common.c, nfp_net_rss_init(): addresses, ports of TCP and UDP */
		.tunnel_crypto = true,
	},
	{
		/* drivers/net/netdevsim/netdevsim.h: NSIM_IPSEC_MAX_SA_COUNT; ipsec.c: 128-bit AES-GCM */
		.name = "netdevsim-33",
		.driver = "netdevsim",
		.size_in = 33,
		.shared = true,
		.crypto = true,
		.limits = true,
		.rss_spi = RSS_SPI_NO, /* it has no RSS */
		.gcm_bits = {128},
		.tunnel_crypto = true,
	},
	{
		/* no such card: netdevsim's small table with packet offload and nothing else in the way */
		.name = "tiny-33",
		.driver = "hwsim",
		.size_in = 33,
		.shared = true,
		.packet = true,
		.crypto = true,
		.esn = true,
		.limits = true,
		.rss_spi = RSS_SPI_YES,
		.tunnel_packet = true,
		.tunnel_crypto = true,
		.encap = true,
		.encap_tunnel = true,
	},
	{
		/* no such card either: the same with RSS that does not see the SPI, and flow rules that do, as
		 * intel/iavf/iavf_fdir.c has them */
		.name = "rules-33",
		.driver = "hwsim-rules",
		.size_in = 33,
		.shared = true,
		.packet = true,
		.crypto = true,
		.esn = true,
		.limits = true,
		.rss_spi = RSS_SPI_NO,
		.esp_rules = true,
		.tunnel_packet = true,
		.tunnel_crypto = true,
		.encap = true,
		.encap_tunnel = true,
	},
	{
		/* hwsim/kmod/check.c: what it refuses; rss.c; its table's size is a parameter of the module */
		.name = "krnic",
		.driver = "krnic",
		.packet = true,
		.crypto = true,
		.esn = true,
		.limits = true,
		.rss_spi = RSS_SPI_YES,
		.esp_rules = true,
		.replay_windows = {32, 64, 128, 256},
		.gcm_bits = {128, 256},
		.tunnel_packet = true,
		.tunnel_crypto = true,
		.encap = true,
		.encap_tunnel = true,
		.let_go_ms = 100, /* as with every driver: the kernel frees states in its own time */
	},
	{
		/* nothing is known, so everything is tried; the driver says what it cannot do. Windows: what all
		 * known packet offload takes */
		.name = "generic",
		.packet = true,
		.crypto = true,
		.esn = true,
		.limits = true,
		.esp_rules = true,
		.replay_windows = {32, 64, 128, 256},
		.tunnel_packet = true,
		.tunnel_crypto = true,
		.encap = true,
		.encap_tunnel = true,
		.let_go_ms = 100,
	},
};

const struct offload_profile *offload_profile_at(unsigned int n)
{
	return n < sizeof(profiles) / sizeof(profiles[0]) ? &profiles[n] : NULL;
}

const struct offload_profile *offload_profile_find(const char *name)
{
	const struct offload_profile *p;

	for (unsigned int n = 0; (p = offload_profile_at(n)); n++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

const struct offload_profile *offload_profile_for_driver(const char *driver)
{
	const struct offload_profile *p;

	for (unsigned int n = 0; (p = offload_profile_at(n)); n++)
		if (p->driver && !strcmp(p->driver, driver))
			return p;
	return offload_profile_find("generic");
}

uint32_t offload_profile_window(const struct offload_profile *p, uint32_t wanted)
{
	enum { N = sizeof(p->replay_windows) / sizeof(p->replay_windows[0]) };
	uint32_t best = 0, smallest = UINT32_MAX;

	for (int i = 0; i < N && p->replay_windows[i]; i++) {
		uint32_t w = p->replay_windows[i];

		if (w <= wanted && w > best)
			best = w;
		if (w < smallest)
			smallest = w;
	}
	if (smallest == UINT32_MAX)
		return wanted; /* the card does not look at sequence numbers: the kernel does */
	return best ? best : smallest;
}
