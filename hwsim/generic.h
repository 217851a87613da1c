/* SPDX-License-Identifier: MIT */
/*
 * The front door for NETLINK_GENERIC: the control family and "ethtool", and ethtool's ioctl as a message
 * (KR_ETHTOOL_IOCTL). generic.c finds the handler; handlers return 0 or -errno and leave extack text in the request.
 */
#ifndef HWSIM_GENERIC_H
#define HWSIM_GENERIC_H

#include "base/ethtool_uapi.h"
#include "hwsim/netlink.h"

enum {
	GENERIC_FAMILY = 21,                  /* the number "ethtool" has here; any from GENL_START_ALLOC on */
	GENERIC_MESSAGE = HWSIM_MAX_DATAGRAM, /* bytes of card->generic, in which messages are built */
};

/* One message of the family, its attributes in r->attr; header: the attribute that names the device. */
int ethtool_request(struct request *r, uint8_t cmd);

/*
 * The ethtool structure of one ioctl: changed in place. Its first member is the command. 0 or -errno, as the ioctl
 * gives them.
 */
int ethtool_ioctl(struct hwsim *card, void *data, size_t len);

/* Tells everybody that channels or RSS changed: CHANNELS_NTF or RSS_NTF. */
void ethtool_notify(struct hwsim *card, uint8_t cmd);

#endif
