/* SPDX-License-Identifier: MIT */
/*
 * <linux/ethtool.h> and <linux/ethtool_netlink.h> plus what kernels after 6.1 (Debian 12's headers) added to the
 * ethtool netlink family. The numbers are the kernel's ABI (include/uapi/linux/ethtool_netlink_generated.h,
 * Linux 6.17); the names here are our own, so that a newer header does no harm.
 *
 * What ethtool can do only by ioctl (flow rules, the fields that are hashed, statistics, and RSS before Linux 6.17) has
 * no netlink message. So that it can go through the same transport as the rest, it has one here: KR_ETHTOOL_IOCTL.
 */
#ifndef BASE_ETHTOOL_UAPI_H
#define BASE_ETHTOOL_UAPI_H

#include <stdint.h>

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

/* User messages; the replies and notifications are numbered apart. */
#define KR_ETHTOOL_MSG_RSS_GET 38 /* 6.3 */
#define KR_ETHTOOL_MSG_RSS_SET 48 /* 6.17 */

#define KR_ETHTOOL_MSG_RSS_GET_REPLY 38
#define KR_ETHTOOL_MSG_RSS_NTF       50 /* 6.17 */

#define KR_ETHTOOL_A_RSS_HEADER     1
#define KR_ETHTOOL_A_RSS_CONTEXT    2 /* u32 */
#define KR_ETHTOOL_A_RSS_HFUNC      3 /* u32: bits of ETH_RSS_HASH_* */
#define KR_ETHTOOL_A_RSS_INDIR      4 /* u32 queue numbers, native byte order */
#define KR_ETHTOOL_A_RSS_HKEY       5 /* bytes */
#define KR_ETHTOOL_A_RSS_INPUT_XFRM 6 /* u32: bits of RXH_XFRM_*, what is done to the input before it is hashed */

#define KR_ETH_RSS_HASH_TOP 1 /* bit 0 of the "rss-hash-funcs" string set: toeplitz */

/*
 * One SIOCETHTOOL request as a netlink message: nlmsghdr, this header, then the ethtool structure as the ioctl has it
 * (its first member is the command). The answer has the same type, sequence number and length, with the structure as
 * the ioctl left it; or it is NLMSG_ERROR. A structure with an array at its end (rxfh, rxnfc with rule_locs, gstrings,
 * stats) comes with room for what is to be filled in. The type is above any that a family can get (GENL_MAX_ID).
 */
#define KR_ETHTOOL_IOCTL 0x6574

struct kr_ethtool_ioctl {
	int32_t ifindex;
	uint32_t pad; /* the structure that follows is aligned to 8 bytes */
};

#define KR_ETHTOOL_IOCTL_MAX 65536 /* bytes of the whole message */

#endif
