/* SPDX-License-Identifier: MIT */
/*
 * VICI messages as charon speaks them: packets framed by a 32-bit length, elements of sections, key/values and lists.
 * Names are at most 255 octets, values 65535, a packet 512 KiB. Values are octets, usually text; nothing is terminated.
 */
#ifndef CTL_VICI_MESSAGE_H
#define CTL_VICI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum vici_packet { /* first octet of a packet */
		   VICI_CMD_REQUEST = 0,
		   VICI_CMD_RESPONSE = 1,
		   VICI_CMD_UNKNOWN = 2,
		   VICI_EVENT_REGISTER = 3,
		   VICI_EVENT_UNREGISTER = 4,
		   VICI_EVENT_CONFIRM = 5,
		   VICI_EVENT_UNKNOWN = 6,
		   VICI_EVENT = 7,
};

enum vici_element {
	VICI_END = 0, /* of the message */
	VICI_SECTION_START = 1,
	VICI_SECTION_END = 2,
	VICI_KEY_VALUE = 3,
	VICI_LIST_START = 4,
	VICI_LIST_ITEM = 5,
	VICI_LIST_END = 6,
};

enum { VICI_PACKET_MAX = 512 * 1024, VICI_NAME_MAX = 255, VICI_DEPTH_MAX = 16 };

/* Writes into a buffer that grows up to VICI_PACKET_MAX. Sticky: once `bad`, nothing more is written. */
struct vici_writer {
	uint8_t *buf; /* the packet: length, type, name, elements */
	size_t len, cap;
	bool bad; /* out of memory, or too long */
};

/* Starts a packet; a name (command or event) belongs to REQUEST, REGISTER, UNREGISTER and EVENT, else NULL. */
void vici_start(struct vici_writer *w, enum vici_packet type, const char *name);
void vici_section(struct vici_writer *w, const char *name);
void vici_section_end(struct vici_writer *w);
void vici_value(struct vici_writer *w, const char *key, const void *value, size_t len);
void vici_text(struct vici_writer *w, const char *key, const char *text);
void vici_format(struct vici_writer *w, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void vici_list(struct vici_writer *w, const char *name);
void vici_item(struct vici_writer *w, const char *text);
void vici_item_bytes(struct vici_writer *w, const void *value, size_t len);
void vici_list_end(struct vici_writer *w);
/* Completes the length. The packet (buf, len) is the caller's until vici_writer_free. 0, -ENOMEM, -EMSGSIZE. */
int vici_finish(struct vici_writer *w);
void vici_writer_free(struct vici_writer *w);

/* Reads the elements of a packet, one after the other; points into the caller's bytes. */
struct vici_reader {
	struct rd rd;
	unsigned int depth; /* of sections open */
	bool in_list;
	enum vici_element kind;
	const char *name; /* SECTION_START, KEY_VALUE, LIST_START; not terminated */
	size_t name_len;
	const uint8_t *value; /* KEY_VALUE, LIST_ITEM */
	size_t value_len;
};

/*
 * Takes a packet without its length: reads the type and, where the type has one, the name (into name_out, terminated),
 * and sets r at the first element. 0 or -EBADMSG.
 */
int vici_open(struct vici_reader *r, const uint8_t *packet, size_t len, enum vici_packet *type,
	      char name_out[VICI_NAME_MAX + 1]);
/* The next element's kind, VICI_END after the last; -EBADMSG for anything malformed (nesting, lengths, a list in a
 * list). */
int vici_next(struct vici_reader *r);

#endif
