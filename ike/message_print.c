/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "ike/payload.h"

struct ike_text ike_text_init(char *buf, size_t size)
{
	if (size)
		buf[0] = '\0';
	return (struct ike_text){buf, size, 0};
}

void ike_text_add(struct ike_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < t->size - t->len ? (size_t)n : t->size - t->len - 1;
}

void ike_text_hex(struct ike_text *t, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ike_text_add(t, "%02x", p[i]);
}

static void print_payload(struct ike_text *t, const struct ike_payload *p)
{
	const char *name = ike_payload_name(p->type);
	const struct ike_notify_info *info;

	if (p->type == IKE_P_NOTIFY) {
		info = ike_notify_find(p->u.notify.kind);
		if (info)
			ike_text_add(t, " N(%s)", info->brief);
		else
			ike_text_add(t, " N(%u)", p->u.notify.kind);
	} else if (name) {
		ike_text_add(t, " %s", name);
	} else {
		ike_text_add(t, " (%u)", p->type);
	}
}

const char *ike_message_print(const struct ike_message *m, char *buf, size_t size)
{
	struct ike_text t = ike_text_init(buf, size);
	const char *exchange = ike_exchange_name(m->hdr.exchange);

	if (exchange)
		ike_text_add(&t, "%s", exchange);
	else
		ike_text_add(&t, "EXCHANGE_%u", m->hdr.exchange);
	ike_text_add(&t, " %s %u [", m->hdr.flags & IKE_FLAG_RESPONSE ? "response" : "request", m->hdr.msgid);
	for (unsigned int i = 0; i < m->n; i++)
		/* an SK payload that has been opened is what follows it */
		if (m->p[i].type != IKE_P_SK || (i + 1 == m->n && m->p[i].u.sk.next != IKE_P_NONE))
			print_payload(&t, &m->p[i]);
	ike_text_add(&t, " ]");
	return buf;
}
