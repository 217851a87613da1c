/* SPDX-License-Identifier: MIT */
#include "ctl/vici_message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_LEN = 4, FIRST_CAP = 512, TEXT_MAX = 1024 };

static uint8_t *writer_room(struct vici_writer *w, size_t n)
{
	uint8_t *p;

	if (w->bad)
		return NULL;
	if (n > LENGTH_LEN + VICI_PACKET_MAX - w->len) {
		w->bad = true;
		return NULL;
	}
	if (n > w->cap - w->len) {
		size_t cap = w->cap ? w->cap : FIRST_CAP;
		uint8_t *more;

		while (n > cap - w->len)
			cap *= 2;
		more = realloc(w->buf, cap);
		if (!more) {
			w->bad = true;
			return NULL;
		}
		w->buf = more;
		w->cap = cap;
	}
	p = w->buf + w->len;
	w->len += n;
	return p;
}

static void write_octet(struct vici_writer *w, uint8_t v)
{
	uint8_t *p = writer_room(w, 1);

	if (p)
		*p = v;
}

static void write_name(struct vici_writer *w, const char *name)
{
	size_t n = strlen(name);
	uint8_t *p;

	if (n > VICI_NAME_MAX) {
		w->bad = true;
		return;
	}
	p = writer_room(w, 1 + n);
	if (p) {
		*p++ = (uint8_t)n;
		while (n--) /* without the terminating zero */
			*p++ = (uint8_t)*name++;
	}
}

static void write_value(struct vici_writer *w, const void *value, size_t len)
{
	uint8_t *p;

	if (len > UINT16_MAX) {
		w->bad = true;
		return;
	}
	p = writer_room(w, 2 + len);
	if (p) {
		put_be16(p, (uint16_t)len);
		if (len)
			memcpy(p + 2, value, len);
	}
}

void vici_start(struct vici_writer *w, enum vici_packet type, const char *name)
{
	*w = (struct vici_writer){0};
	writer_room(w, LENGTH_LEN);
	write_octet(w, (uint8_t)type);
	if (name)
		write_name(w, name);
}

void vici_section(struct vici_writer *w, const char *name)
{
	write_octet(w, VICI_SECTION_START);
	write_name(w, name);
}

void vici_section_end(struct vici_writer *w)
{
	write_octet(w, VICI_SECTION_END);
}

void vici_value(struct vici_writer *w, const char *key, const void *value, size_t len)
{
	write_octet(w, VICI_KEY_VALUE);
	write_name(w, key);
	write_value(w, value, len);
}

void vici_text(struct vici_writer *w, const char *key, const char *text)
{
	vici_value(w, key, text, strlen(text));
}

void vici_format(struct vici_writer *w, const char *key, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(text))
		n = (int)strnlen(text, sizeof(text) - 1);
	vici_value(w, key, text, (size_t)n);
}

void vici_list(struct vici_writer *w, const char *name)
{
	write_octet(w, VICI_LIST_START);
	write_name(w, name);
}

void vici_item_bytes(struct vici_writer *w, const void *value, size_t len)
{
	write_octet(w, VICI_LIST_ITEM);
	write_value(w, value, len);
}

void vici_item(struct vici_writer *w, const char *text)
{
	vici_item_bytes(w, text, strlen(text));
}

void vici_list_end(struct vici_writer *w)
{
	write_octet(w, VICI_LIST_END);
}

int vici_finish(struct vici_writer *w)
{
	if (w->bad)
		return w->buf && w->len > FIRST_CAP ? -EMSGSIZE : -ENOMEM;
	put_be32(w->buf, (uint32_t)(w->len - LENGTH_LEN));
	return 0;
}

void vici_writer_free(struct vici_writer *w)
{
	free(w->buf);
	*w = (struct vici_writer){0};
}

static int read_name(struct rd *rd, const char **name, size_t *len)
{
	size_t n = rd_u8(rd);

	*name = (const char *)rd_bytes(rd, n);
	*len = n;
	return rd->bad ? -EBADMSG : 0;
}

static int read_value(struct vici_reader *r)
{
	r->value_len = rd_be16(&r->rd);
	r->value = rd_bytes(&r->rd, r->value_len);
	return r->rd.bad ? -EBADMSG : 0;
}

int vici_open(struct vici_reader *r, const uint8_t *packet, size_t len, enum vici_packet *type,
	      char name_out[VICI_NAME_MAX + 1])
{
	uint8_t t;

	*r = (struct vici_reader){.rd = rd_init(packet, len)};
	name_out[0] = '\0';
	t = rd_u8(&r->rd);
	if (r->rd.bad || t > VICI_EVENT)
		return -EBADMSG;
	*type = (enum vici_packet)t;
	switch (*type) {
	case VICI_CMD_REQUEST:
	case VICI_EVENT_REGISTER:
	case VICI_EVENT_UNREGISTER:
	case VICI_EVENT:
		if (read_name(&r->rd, &r->name, &r->name_len) || memchr(r->name, '\0', r->name_len))
			return -EBADMSG;
		memcpy(name_out, r->name, r->name_len);
		name_out[r->name_len] = '\0';
		return 0;
	case VICI_CMD_RESPONSE:
	case VICI_CMD_UNKNOWN:
	case VICI_EVENT_CONFIRM:
	case VICI_EVENT_UNKNOWN:
		return 0;
	}
	return -EBADMSG;
}

/* Is this element allowed where we are? Keeps track of where that is. */
static bool nesting_step(struct vici_reader *r)
{
	switch (r->kind) {
	case VICI_SECTION_START:
		return !r->in_list && r->depth++ < VICI_DEPTH_MAX;
	case VICI_SECTION_END:
		return !r->in_list && r->depth-- > 0;
	case VICI_KEY_VALUE:
		return !r->in_list;
	case VICI_LIST_START:
		if (r->in_list)
			return false;
		r->in_list = true;
		return true;
	case VICI_LIST_ITEM:
		return r->in_list;
	case VICI_LIST_END:
		if (!r->in_list)
			return false;
		r->in_list = false;
		return true;
	case VICI_END:
		return false; /* no element has this number */
	}
	return false;
}

int vici_next(struct vici_reader *r)
{
	uint8_t kind;

	if (!r->rd.bad && !r->rd.left) {
		r->kind = VICI_END;
		return r->depth || r->in_list ? -EBADMSG : VICI_END;
	}
	kind = rd_u8(&r->rd);
	if (r->rd.bad || kind > VICI_LIST_END)
		return -EBADMSG;
	r->kind = (enum vici_element)kind;
	if (!nesting_step(r)) {
		r->rd.bad = true; /* every later call fails as well */
		return -EBADMSG;
	}
	if (r->kind == VICI_SECTION_START || r->kind == VICI_KEY_VALUE || r->kind == VICI_LIST_START)
		if (read_name(&r->rd, &r->name, &r->name_len))
			return -EBADMSG;
	if (r->kind == VICI_KEY_VALUE || r->kind == VICI_LIST_ITEM)
		if (read_value(r))
			return -EBADMSG;
	return (int)r->kind;
}
