/* SPDX-License-Identifier: MIT */
/* Every field of a message as lines of text, by the layout rows. */
#include <arpa/inet.h>
#include <string.h>

#include "ike/payload.h"

enum { LINE_MAX_LEN = 512, DATA_SHOWN = 64 };

struct dump {
	void (*line)(void *ctx, const char *text);
	void *ctx;
	char buf[LINE_MAX_LEN];
	struct ike_text t;
};

static void begin(struct dump *d, const char *indent)
{
	d->t = ike_text_init(d->buf, sizeof(d->buf));
	ike_text_add(&d->t, "%s", indent);
}

static void end(struct dump *d)
{
	d->line(d->ctx, d->buf);
}

static void add_named(struct dump *d, const char *field, const char *name, unsigned int v)
{
	if (name)
		ike_text_add(&d->t, ", %s %s (%u)", field, name, v);
	else
		ike_text_add(&d->t, ", %s %u", field, v);
}

static void add_data(struct dump *d, const char *what, const uint8_t *p, size_t len)
{
	ike_text_add(&d->t, ", %s of %zu octets", what, len);
	if (!len)
		return;
	ike_text_add(&d->t, " ");
	ike_text_hex(&d->t, p, len < DATA_SHOWN ? len : DATA_SHOWN);
	if (len > DATA_SHOWN)
		ike_text_add(&d->t, "...");
}

static void add_field(struct dump *d, const struct ike_field *f, const struct ike_payload *p)
{
	const uint8_t *at = (const uint8_t *)p + f->at;
	unsigned int v = *at;
	uint16_t wide;

	switch (f->kind) {
	case IKE_FIELD_U16:
		memcpy(&wide, at, sizeof(wide));
		v = wide;
		add_named(d, f->name, f->value ? f->value(v) : NULL, v);
		break;
	case IKE_FIELD_U8:
		add_named(d, f->name, f->value ? f->value(v) : NULL, v);
		break;
	case IKE_FIELD_SPI:
		if (p->u.notify.spi_size)
			add_data(d, f->name, p->u.notify.spi, p->u.notify.spi_size);
		break;
	case IKE_FIELD_RESERVED:
	case IKE_FIELD_END:
		break;
	}
}

static void dump_error(struct dump *d, const struct ike_parse_error *err)
{
	begin(d, "    ");
	ike_text_add(&d->t, "malformed: %s", err->text);
	end(d);
}

static void dump_proposals(struct dump *d, const struct ike_payload *p)
{
	struct ike_proposal proposals[IKE_PROPOSALS_MAX];
	struct ike_parse_error err;
	char text[LINE_MAX_LEN];
	int n = ike_proposals_parse(p, proposals, IKE_PROPOSALS_MAX, &err);

	if (n < 0)
		dump_error(d, &err);
	for (int i = 0; i < n; i++) {
		const struct ike_proposal *one = &proposals[i];
		const char *protocol = ike_protocol_name(one->protocol);

		begin(d, "    ");
		ike_text_add(&d->t, "proposal %u", one->number);
		add_named(d, "protocol", protocol, one->protocol);
		if (one->spi_size)
			add_data(d, "spi", one->spi, one->spi_size);
		ike_text_add(&d->t, ": %s", ike_proposal_print(one, text, sizeof(text)));
		end(d);
	}
}

static void dump_selectors(struct dump *d, const struct ike_payload *p)
{
	struct ike_ts ts[UINT8_MAX];
	struct ike_parse_error err;
	int n = ike_ts_parse(p, ts, UINT8_MAX, &err);

	if (n < 0)
		dump_error(d, &err);
	for (int i = 0; i < n; i++) {
		int family = ts[i].type == IKE_TS_IPV4 ? AF_INET : AF_INET6;
		char start[INET6_ADDRSTRLEN] = "", stop[INET6_ADDRSTRLEN] = "";

		inet_ntop(family, ts[i].start, start, sizeof(start));
		inet_ntop(family, ts[i].end, stop, sizeof(stop));
		begin(d, "    ");
		ike_text_add(&d->t, "%s - %s, protocol %u, ports %u - %u", start, stop, ts[i].protocol,
			     ts[i].start_port, ts[i].end_port);
		end(d);
	}
}

static void dump_payload(struct dump *d, const struct ike_payload *p)
{
	const struct ike_layout *layout = ike_layout_find(p->type);
	char label[IKE_LABEL_LEN];

	begin(d, "  ");
	ike_text_add(&d->t, "%s (%s%s), %u octets", ike_payload_label(p->type, label),
		     layout ? layout->title : "unknown", p->critical ? ", critical" : "", p->len + IKE_GENERIC_LEN);
	for (const struct ike_field *f = layout ? layout->field : NULL; f && f->kind != IKE_FIELD_END; f++)
		add_field(d, f, p);
	if (p->type == IKE_P_SK)
		add_named(d, "first inside", ike_payload_name(p->u.sk.next), p->u.sk.next);
	if (p->type == IKE_P_AUTH) /* with it a weak preshared key could be guessed at leisure */
		ike_text_add(&d->t, ", data of %zu octets", (size_t)p->data_len);
	else if (p->type != IKE_P_SA && p->type != IKE_P_TSI && p->type != IKE_P_TSR)
		add_data(d, "data", p->data, p->data_len);
	end(d);
	if (p->type == IKE_P_SA)
		dump_proposals(d, p);
	if (p->type == IKE_P_TSI || p->type == IKE_P_TSR)
		dump_selectors(d, p);
}

void ike_message_dump(const struct ike_message *m, void (*line)(void *ctx, const char *text), void *ctx)
{
	struct dump d = {.line = line, .ctx = ctx};
	const char *exchange = ike_exchange_name(m->hdr.exchange);

	begin(&d, "");
	ike_text_hex(&d.t, m->hdr.spi_i, 8);
	ike_text_add(&d.t, "_i ");
	ike_text_hex(&d.t, m->hdr.spi_r, 8);
	ike_text_add(&d.t, "_r, version %u.%u", m->hdr.version >> 4, m->hdr.version & 15);
	add_named(&d, "exchange", exchange, m->hdr.exchange);
	ike_text_add(&d.t, ", %s of the %s, message ID %u, %u octets",
		     m->hdr.flags & IKE_FLAG_RESPONSE ? "response" : "request",
		     m->hdr.flags & IKE_FLAG_INITIATOR ? "initiator" : "responder", m->hdr.msgid, m->hdr.length);
	end(&d);
	for (unsigned int i = 0; i < m->n; i++)
		dump_payload(&d, &m->p[i]);
}
