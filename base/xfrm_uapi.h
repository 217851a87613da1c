/* SPDX-License-Identifier: MIT */
/*
 * <linux/xfrm.h> plus what kernels after 6.1 (Debian 12's headers) added to NETLINK_XFRM. The numbers are the
 * kernel's ABI (include/uapi/linux/xfrm.h, Linux 6.17); the names here are our own, so that a newer header does no
 * harm.
 */
#ifndef BASE_XFRM_UAPI_H
#define BASE_XFRM_UAPI_H

#include <linux/netlink.h>
#include <linux/xfrm.h>

#define KR_XFRM_OFFLOAD_PACKET 4 /* xfrm_user_offload.flags: XFRM_OFFLOAD_PACKET, 6.2 */

#define KR_XFRMA_SA_DIR  33 /* u8: KR_XFRM_SA_DIR_*, 6.10 */
#define KR_XFRMA_SA_PCPU 35 /* u32: CPU number, 6.13 (and stable 6.12) */

#define KR_XFRMA_MTIMER_THRESH 32 /* u32: seconds, 5.10 */

#define KR_XFRM_MODE_IPTFS    5 /* 6.14 */
#define KR_TCP_ENCAP_ESPINTCP 7 /* linux/udp.h, 5.6 */

#define KR_XFRM_SA_DIR_IN  1
#define KR_XFRM_SA_DIR_OUT 2

#define KR_XFRM_POLICY_CPU_ACQUIRE 4 /* xfrm_userpolicy_info.flags, 6.13 */

/* room for attribute tables that reach past XFRMA_MAX of an old header */
#define KR_XFRMA_MAX 64

#endif
