/* SPDX-License-Identifier: MIT */
/*
 * Private to ike/: our Vendor ID (RFC 7296 3.12). Two ends that have sent it to each other in IKE_SA_INIT give the
 * private-use notifies of ike.h the meaning that they have here. Other vendors use numbers of that range, too.
 */
#ifndef IKE_VENDOR_H
#define IKE_VENDOR_H

#include "ike/message.h"

enum { IKE_VENDOR_LEN = 16 };

/* Appends it. */
void ike_vendor_build(struct ike_builder *b);
/* Is it in the message? */
bool ike_vendor_seen(const struct ike_message *m);

#endif
