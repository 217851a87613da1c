/* SPDX-License-Identifier: MIT */
/*
 * The cards. Every number names where it is from; paths are those of the Linux source.
 *
 * replay_windows: bit n set means a window of 32 << n packets.
 */
#include <errno.h>
#include <string.h>

#include "hwsim/hwsim.h"

enum {
	WINDOWS_32_TO_256 = 0xf,  /* mlx5: 32, 64, 128, 256 (mlx5/core/en_accel/ipsec.c) */
	WINDOWS_ANY = UINT32_MAX, /* crypto offload: the kernel keeps the window, so any */
};

static const struct hwsim_profile profiles[] = {
	{
		.name = "cx7",
		.driver = "mlx5_core",
		/* NUM_IPSEC_FTE is 2^15 entries a table (mlx5/core/en_accel/ipsec_fs.c). An outbound SA takes
		 * one entry; an inbound SA takes three in the status table (replay, authentication, trailer),
		 * so a third as many fit. What the firmware of a real card allows may be less: nobody has
		 * published a number. */
		.sa_in = 32768 / 3,
		.sa_out = 32768,
		.packet_offload = true,
		.crypto_offload = true,
		.esn = true,
		.tx_by_reqid = true, /* tx_add_rule matches reg_c_4, the reqid, and nothing else of the SA
					(ipsec_fs.c) */
		.rss = true,
		.rss_spi = true, /* MLX5_HASH_IP_IPSEC_SPI, fixed for ESP (mlx5/core/en/rss.c) */
		.rss_settable = true,
		.replay_windows = WINDOWS_32_TO_256,
		.counter_period_ms = 1000, /* MLX5_FC_STATS_PERIOD (mlx5/core/fs_counters.c) */
		.full_errno = ENOSPC,      /* the flow table's answer */
		.full_text = "mlx5_core: Device failed to offload this state",
	},
	{
		.name = "ixgbe-1024",
		.driver = "ixgbe",
		.sa_in = 1024, /* IXGBE_IPSEC_MAX_SA_COUNT (ixgbe/ixgbe_ipsec.h) */
		.sa_out = 1024,
		.crypto_offload = true,
		.rss = true, /* of ESP the addresses only (IXGBE_MRQC_RSS_FIELD_IPV4, ixgbe/ixgbe_main.c) */
		.rss_settable = true,
		.replay_windows = WINDOWS_ANY,
		.full_errno = ENOSPC,
		.full_text = "No space for SA in Rx table!",
		.full_text_out = "No space for SA in Tx table",
	},
	{
		.name = "nfp-16k",
		.driver = "nfp",
		.sa_in = 16 * 1024, /* NFP_NET_IPSEC_MAX_SA_CNT, both directions (nfp/crypto/crypto.h) */
		.shared = true,
		.crypto_offload = true,
		.rss = true, /* of ESP the addresses only: nfp_net_rss_init asks for IP, TCP and UDP */
		.rss_settable = true,
		.replay_windows = WINDOWS_ANY,
		.full_errno = EBUSY, /* what xa_alloc gives for a full range (nfp/crypto/ipsec.c) */
		.full_text = "Unable to get sa_data number for IPsec",
	},
	{
		.name = "netdevsim-33",
		.driver = "netdevsim",
		.sa_in = 33, /* NSIM_IPSEC_MAX_SA_COUNT (netdevsim/netdevsim.h) */
		.shared = true,
		.crypto_offload = true,
		.replay_windows = WINDOWS_ANY,
		.full_errno = ENOSPC,
		.full_text = "No space for SA in Rx table!",
	},
	{
		/* hwsim/kmod: the kernel module that is a NIC with packet offload. Sizes are its defaults. */
		.name = "krnic",
		.driver = "krnic",
		.sa_in = 64, /* the parameter slots (main.c) */
		.sa_out = 64,
		.packet_offload = true,
		.crypto_offload = true,
		.esn = true,
		.rss = true,
		.rss_spi = true, /* rss.c */
		.rss_settable = true,
		.ntuple_esp = 64, /* KRNIC_RULES (krnic.h) */
		.replay_windows = WINDOWS_32_TO_256,
		.full_errno = ENOSPC,
		.full_text = "krnic: the SA table is full",
	},
	{
		/* netdevsim's one small table on a card that does packet offload and picks the SA by CPU, to
		 * see a rack fill up and RFC 9611 work. There is no such card: the rest is as free as ESP
		 * allows. */
		.name = "tiny-33",
		.driver = "hwsim",
		.sa_in = 33,
		.shared = true,
		.packet_offload = true,
		.crypto_offload = true,
		.esn = true,
		.rss = true,
		.rss_spi = true,
		.rss_settable = true,
		.replay_windows = WINDOWS_ANY,
		.full_errno = ENOSPC,
		.full_text = "SA table full",
	},
	{
		/* The same with RSS that does not see the SPI and cannot be changed, and flow rules that see it: iavf's
		 * way with ESP (intel/iavf/iavf_fdir.h, 128 filters: IAVF_MAX_FDIR_FILTERS), which has no IPsec. */
		.name = "rules-33",
		.driver = "hwsim-rules",
		.sa_in = 33,
		.shared = true,
		.packet_offload = true,
		.crypto_offload = true,
		.esn = true,
		.rss = true,
		.ntuple_esp = 128,
		.replay_windows = WINDOWS_ANY,
		.full_errno = ENOSPC,
		.full_text = "SA table full",
	},
};

const struct hwsim_profile *hwsim_profile_at(unsigned int n)
{
	return n < sizeof(profiles) / sizeof(profiles[0]) ? &profiles[n] : NULL;
}

const struct hwsim_profile *hwsim_profile_find(const char *name)
{
	const struct hwsim_profile *p;

	for (unsigned int n = 0; (p = hwsim_profile_at(n)); n++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}
