/* SPDX-License-Identifier: MIT */
/* Messages: written one after the other into a datagram, and read without trust in their lengths. */
#include <openssl/crypto.h>
#include <string.h>

#include "offload/xfrm_priv.h"

void xfrm_msg_init(struct xfrm_msg *m)
{
	memset(m, 0, sizeof(*m));
}

void *xfrm_msg_begin(struct xfrm_msg *m, uint16_t type, uint16_t flags, size_t size)
{
	/* both sums are multiples of 4, as messages in one datagram must be */
	m->nlh = mnl_nlmsg_put_header(m->buf + m->len);
	m->nlh->nlmsg_type = type;
	m->nlh->nlmsg_flags = flags | NLM_F_REQUEST;
	m->count++;
	mnl_nlmsg_put_extra_header(m->nlh, size);
	m->len += MNL_ALIGN(m->nlh->nlmsg_len);
	return mnl_nlmsg_get_payload(m->nlh);
}

void xfrm_msg_attr(struct xfrm_msg *m, uint16_t type, const void *data, size_t len)
{
	size_t before = m->nlh->nlmsg_len, start = m->len - MNL_ALIGN(before);

	if (!mnl_attr_put_check(m->nlh, sizeof(m->buf) - start, type, len, data)) {
		m->bad = true;
		return;
	}
	m->len = start + MNL_ALIGN(m->nlh->nlmsg_len);
}

void xfrm_msg_wipe(struct xfrm_msg *m)
{
	OPENSSL_cleanse(m->buf, m->len);
	m->len = 0;
}

/*
 * Not mnl_nlmsg_ok(): in libmnl 1.0.4 that takes a length above 2^31 for a negative number, and lets it pass.
 */
struct nlmsghdr *xfrm_msg_next(uint8_t **p, size_t *left)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)*p;
	size_t step;

	if (*left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > *left)
		return NULL;
	step = MNL_ALIGN((size_t)nlh->nlmsg_len);
	if (step > *left)
		step = *left;
	*p += step;
	*left -= step;
	return nlh;
}

bool xfrm_body(const struct nlmsghdr *nlh, void *out, size_t size)
{
	if (mnl_nlmsg_get_payload_len(nlh) < size)
		return false;
	memcpy(out, mnl_nlmsg_get_payload(nlh), size);
	return true;
}

bool xfrm_attr_get(const struct nlmsghdr *nlh, size_t body, uint16_t type, void *out, size_t size)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, body) {
		if (mnl_attr_get_type(attr) != type || mnl_attr_get_payload_len(attr) < size)
			continue;
		memcpy(out, mnl_attr_get_payload(attr), size);
		return true;
	}
	return false;
}

struct xfrm_readback xfrm_readback_get(const struct nlmsghdr *nlh, size_t body, bool *inbound)
{
	struct xfrm_readback back = {.found = true, .mode = OFFLOAD_SOFTWARE};
	struct xfrm_user_offload dev;

	if (!xfrm_attr_get(nlh, body, XFRMA_OFFLOAD_DEV, &dev, sizeof(dev)))
		return back;
	back.mode = dev.flags & KR_XFRM_OFFLOAD_PACKET ? OFFLOAD_PACKET : OFFLOAD_CRYPTO;
	back.ifindex = dev.ifindex;
	if (inbound)
		*inbound = dev.flags & XFRM_OFFLOAD_INBOUND;
	return back;
}
