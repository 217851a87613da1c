/* SPDX-License-Identifier: MIT */
/*
 * In which mode the SAs of a tunnel go to the card: packet, else crypto, else software, as hw_offload and the device
 * allow. The mode is the tunnel's, not the single SA's: a packet-offloaded policy only ever uses packet-offloaded SAs
 * of its device (Linux xfrm_state_find), so mixing modes under one policy would lose packets.
 */
#ifndef OFFLOAD_PLACEMENT_H
#define OFFLOAD_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "offload/profile.h"

enum offload_mode { OFFLOAD_SOFTWARE, OFFLOAD_CRYPTO, OFFLOAD_PACKET };

enum hw_offload { /* the configuration's hw_offload */
		  HW_OFFLOAD_NO,
		  HW_OFFLOAD_CRYPTO, /* crypto or nothing */
		  HW_OFFLOAD_PACKET, /* packet or nothing */
		  HW_OFFLOAD_AUTO,   /* packet, else crypto, else software */
};

/* What an SA needs of the card. IANA numbers. */
struct placement_ask {
	unsigned short encr, encr_bits, integ;
	bool esn, encap, tunnel, limits;
	bool mixed; /* packets of one IP version in a tunnel of the other */
};

/*
 * The first mode to try, or -EOPNOTSUPP when hw_offload demands what the profile cannot do; `why` then says what is
 * missing, and otherwise, if a better mode was passed over, why (empty if none was). At most `size` octets with the
 * NUL.
 */
int placement_first(enum hw_offload want, const struct offload_profile *p, const struct placement_ask *ask, char *why,
		    size_t size);
/* The mode to try after `tried` was refused, or -EOPNOTSUPP: give up. */
int placement_next(enum hw_offload want, const struct offload_profile *p, const struct placement_ask *ask,
		   enum offload_mode tried);

const char *offload_mode_name(enum offload_mode mode); /* "software", "crypto", "packet" */

#endif
