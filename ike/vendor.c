/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ike/vendor.h"

/* The first 16 octets of SHA-256("keyrack IKEv2 private-use notifies, version 1"). */
static const uint8_t vendor_id[IKE_VENDOR_LEN] = {0x62, 0x64, 0xd9, 0xdc, 0xa1, 0x04, 0x5b, 0x07,
						  0xa9, 0x9a, 0x36, 0x45, 0xff, 0x04, 0x7a, 0x1c};

void ike_vendor_build(struct ike_builder *b)
{
	ike_build_vendor(b, vendor_id, sizeof(vendor_id));
}

bool ike_vendor_seen(const struct ike_message *m)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (m->p[i].type == IKE_P_VENDOR && m->p[i].data_len == sizeof(vendor_id) &&
		    !memcmp(m->p[i].data, vendor_id, sizeof(vendor_id)))
			return true;
	return false;
}
