/* SPDX-License-Identifier: MIT */
/* The parts that messages and attributes are written with. */
#ifndef CONFORMANCE_TEXT_PRIV_H
#define CONFORMANCE_TEXT_PRIV_H

#include <libmnl/libmnl.h>

#include "base/xfrm_uapi.h"
#include "text.h"

struct text {
	char *at;
	size_t left;
	const struct text_context *ctx;
};

__attribute__((format(printf, 2, 3))) void say(struct text *t, const char *format, ...);
void say_address(struct text *t, const xfrm_address_t *a, uint16_t family);
void say_selector(struct text *t, const struct xfrm_selector *s);
void say_current(struct text *t, const struct xfrm_lifetime_cur *c);
void say_sa(struct text *t, const struct xfrm_usersa_info *u);
void say_sa_id(struct text *t, const struct xfrm_usersa_id *id);
void say_policy(struct text *t, const struct xfrm_userpolicy_info *p);
const char *proto_name(uint8_t proto);
const char *mode_name(uint8_t mode);
void say_attributes(struct text *t, const struct nlmsghdr *nlh, size_t body);
/* NULL if it has none. */
const char *attribute_name(uint16_t type);

#endif
