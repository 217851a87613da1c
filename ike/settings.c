/* SPDX-License-Identifier: MIT */
#include "ike/ike.h"

void ike_settings_default(struct ike_settings *s)
{
	*s = (struct ike_settings){
		.port = 500,
		.port_natt = 4500,
		/* about 3 KiB each: 12 MiB at worst */
		.half_open_max = 4096,
		/* many peers may sit behind one NAT, and a lab uses one address for all */
		.half_open_per_ip = 256,
		/* a burst of honest peers after a restart is no attack; a round trip more costs them little */
		.cookie_threshold = 512,
		/* as long as an honest initiator needs for IKE_AUTH with several losses on the way */
		.half_open_ns = UINT64_C(30000000000),
		/* 1, 1.6, 2.56 ... s: nine repeats within about three minutes (RFC 7296 2.1, 2.4: several minutes) */
		.retransmit_ns = UINT64_C(1000000000),
		.retransmit_base = 1.6,
		.retransmit_tries = 9,
		/* enough for a peer that restarted, useless as an amplifier */
		.unauth_reply_rate = 50,
	};
}
