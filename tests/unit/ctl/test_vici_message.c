/* SPDX-License-Identifier: MIT */
/* The codec: what is written reads back, the documented example, every truncation and every bad nesting refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/vici_message.h"

/* The example of the protocol's documentation (strongSwan, src/libcharon/plugins/vici/README.md, "Encoding example").
 */
static const uint8_t example[] = {
	3, 4,  'k', 'e', 'y', '1', 0,   6,   'v', 'a', 'l', 'u', 'e', '1',    /* key1 = value1 */
	1, 8,  's', 'e', 'c', 't', 'i', 'o', 'n', '1',                        /* section1 = { */
	1, 11, 's', 'u', 'b', '-', 's', 'e', 'c', 't', 'i', 'o', 'n',         /* sub-section = { */
	3, 4,  'k', 'e', 'y', '2', 0,   6,   'v', 'a', 'l', 'u', 'e', '2', 2, /* key2 = value2 } */
	4, 5,  'l', 'i', 's', 't', '1', 5,   0,   5,   'i', 't', 'e', 'm', '1',
	5, 0,  5,   'i', 't', 'e', 'm', '2', 6, /* [ .. ] */
	2,                                      /* } */
};

static void write_example(struct vici_writer *w)
{
	vici_start(w, VICI_CMD_RESPONSE, NULL);
	vici_text(w, "key1", "value1");
	vici_section(w, "section1");
	vici_section(w, "sub-section");
	vici_format(w, "key2", "value%d", 2);
	vici_section_end(w);
	vici_list(w, "list1");
	vici_item(w, "item1");
	vici_item_bytes(w, "item2", 5);
	vici_list_end(w);
	vici_section_end(w);
}

static void the_documented_example(void **state)
{
	struct vici_writer w;

	(void)state;
	write_example(&w);
	assert_int_equal(vici_finish(&w), 0);
	assert_int_equal(w.len, 4 + 1 + sizeof(example));
	assert_int_equal(get_be32(w.buf), 1 + sizeof(example));
	assert_int_equal(w.buf[4], VICI_CMD_RESPONSE);
	assert_memory_equal(w.buf + 5, example, sizeof(example));
	vici_writer_free(&w);
}

/* Reads a packet and writes it again from its elements. */
static int copy(struct vici_writer *w, const uint8_t *packet, size_t len)
{
	char name[VICI_NAME_MAX + 1], key[VICI_NAME_MAX + 1] = "";
	enum vici_packet type;
	struct vici_reader r;
	int kind = vici_open(&r, packet, len, &type, name);

	if (kind)
		return kind;
	vici_start(w, type, type == VICI_CMD_REQUEST || (type != VICI_CMD_RESPONSE && name[0]) ? name : NULL);
	while ((kind = vici_next(&r)) > 0) {
		if (kind == VICI_SECTION_START || kind == VICI_KEY_VALUE || kind == VICI_LIST_START) {
			memcpy(key, r.name, r.name_len);
			key[r.name_len] = '\0';
		}
		switch ((enum vici_element)kind) {
		case VICI_SECTION_START:
			vici_section(w, key);
			break;
		case VICI_SECTION_END:
			vici_section_end(w);
			break;
		case VICI_KEY_VALUE:
			vici_value(w, key, r.value, r.value_len);
			break;
		case VICI_LIST_START:
			vici_list(w, key);
			break;
		case VICI_LIST_ITEM:
			vici_item_bytes(w, r.value, r.value_len);
			break;
		case VICI_LIST_END:
			vici_list_end(w);
			break;
		case VICI_END:
			break;
		}
	}
	return kind;
}

static void reading_and_writing_are_inverse(void **state)
{
	static const enum vici_packet types[] = {VICI_CMD_REQUEST, VICI_CMD_RESPONSE, VICI_EVENT};
	struct vici_writer w, again;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		vici_start(&w, types[i], types[i] == VICI_CMD_RESPONSE ? NULL : "name");
		vici_value(&w, "zeros", "\0\0", 2);
		vici_value(&w, "", "", 0);
		vici_section(&w, "s");
		vici_list(&w, "empty");
		vici_list_end(&w);
		vici_section_end(&w);
		assert_int_equal(vici_finish(&w), 0);
		assert_int_equal(copy(&again, w.buf + 4, w.len - 4), VICI_END);
		assert_int_equal(vici_finish(&again), 0);
		assert_int_equal(again.len, w.len);
		assert_memory_equal(again.buf, w.buf, w.len);
		vici_writer_free(&w);
		vici_writer_free(&again);
	}
}

/* Cut anywhere but between elements at depth 0, a message is malformed; and no read goes past the end (ASan). */
static void every_truncation(void **state)
{
	struct vici_writer w, out;

	(void)state;
	write_example(&w);
	assert_int_equal(vici_finish(&w), 0);
	for (size_t len = 0; len < w.len - 4; len++) {
		uint8_t *exact = malloc(len ? len : 1);
		bool whole = len == 1 || len == 1 + 14; /* nothing yet; after key1 = value1 */

		assert_non_null(exact);
		memcpy(exact, w.buf + 4, len);
		out = (struct vici_writer){0};
		assert_int_equal(copy(&out, exact, len) == VICI_END, whole);
		vici_writer_free(&out);
		free(exact);
	}
	vici_writer_free(&w);
}

static void bad_messages(void **state)
{
	static const struct {
		uint8_t bytes[40];
		size_t len;
	} rows[] = {
		{{8}, 1},                                /* no such packet type */
		{{VICI_CMD_REQUEST, 3, 'a', 0, 'b'}, 5}, /* a zero in a command's name */
		{{VICI_CMD_RESPONSE, 0}, 2},             /* no such element */
		{{VICI_CMD_RESPONSE, 7}, 2},
		{{VICI_CMD_RESPONSE, 2}, 2},                          /* the end of a section that did not start */
		{{VICI_CMD_RESPONSE, 6}, 2},                          /* of a list */
		{{VICI_CMD_RESPONSE, 5, 0, 1, 'a'}, 5},               /* an item outside of a list */
		{{VICI_CMD_RESPONSE, 4, 1, 'a', 4, 1, 'b'}, 7},       /* a list in a list */
		{{VICI_CMD_RESPONSE, 4, 1, 'a', 3, 1, 'b', 0, 0}, 9}, /* a key in a list */
		{{VICI_CMD_RESPONSE, 4, 1, 'a', 1, 1, 'b'}, 7},       /* a section in a list */
		{{VICI_CMD_RESPONSE, 1, 1, 'a', 4, 1, 'b', 2}, 8},    /* a section ends in its list */
		{{VICI_CMD_RESPONSE, 3, 1, 'a', 0xff, 0xff, 'b'}, 7}, /* a value longer than the packet */
		{{VICI_CMD_RESPONSE, 1, 255, 'a'}, 4},                /* a name longer than the packet */
		{{VICI_CMD_RESPONSE,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0,
		  1,
		  0},
		 35}, /* 17 sections in each other */
	};
	struct vici_writer out;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		out = (struct vici_writer){0};
		assert_true(copy(&out, rows[i].bytes, rows[i].len) < 0);
		vici_writer_free(&out);
	}
}

static void a_packet_has_a_bound(void **state)
{
	static const char value[65535];
	char name[VICI_NAME_MAX + 2];
	struct vici_writer w;

	(void)state;
	vici_start(&w, VICI_EVENT, "big");
	for (int i = 0; i < 7; i++)
		vici_value(&w, "k", value, sizeof(value));
	assert_false(w.bad);
	vici_value(&w, "k", value, sizeof(value));
	assert_true(w.bad);
	assert_int_not_equal(vici_finish(&w), 0);
	vici_writer_free(&w);

	vici_start(&w, VICI_EVENT, "long name");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	vici_text(&w, name, "");
	assert_int_not_equal(vici_finish(&w), 0);
	vici_writer_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documented_example), cmocka_unit_test(reading_and_writing_are_inverse),
		cmocka_unit_test(every_truncation),       cmocka_unit_test(bad_messages),
		cmocka_unit_test(a_packet_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
