/* SPDX-License-Identifier: MIT */
#include "vici_talk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int env_reload(void *ctx, char *text, size_t size)
{
	struct talk *t = ctx;

	snprintf(text, size, "%s", t->reload_text ? t->reload_text : "");
	return t->reload_err;
}

static int env_admit(void *ctx, struct conf_conn *conn, char error[CONF_ERROR_MAX])
{
	struct talk *t = ctx;

	if (t->admit_err)
		snprintf(error, CONF_ERROR_MAX, "%s is not admitted", conn->ike.name);
	return t->admit_err;
}

static void env_wake(void *ctx, void *user)
{
	struct talk *t = ctx;

	assert_ptr_equal(user, t);
	t->wakes++;
}

static void env_log_wanted(void *ctx, enum log_level level)
{
	((struct talk *)ctx)->log_wanted = level;
}

static uint64_t env_unix_time(void *ctx)
{
	(void)ctx;
	return 1700000000;
}

int talk_setup(void **state)
{
	struct talk *t = calloc(1, sizeof(*t));
	const struct vici_env env = {t, env_reload, env_admit, env_wake, env_log_wanted, env_unix_time};
	struct conf_nic nic;

	if (!t)
		return -1;
	conf_nic_default(&nic);
	t->now = 1000000000;
	t->server = vici_server_new(&t->controller, &nic, &env, NULL, t->now);
	t->session = t->server ? vici_session_new(t->server, t) : NULL;
	*state = t;
	return t->session ? 0 : -1;
}

int talk_teardown(void **state)
{
	struct talk *t = *state;

	vici_server_free(t->server);
	fake_controller_clear(&t->controller);
	free(t);
	return 0;
}

int talk_send(struct talk *t)
{
	int err = vici_finish(&t->w);

	assert_int_equal(err, 0);
	err = vici_session_receive(t->session, t->now, t->w.buf, t->w.len);
	vici_writer_free(&t->w);
	return err;
}

void talk_begin(struct talk *t, const char *command)
{
	vici_start(&t->w, VICI_CMD_REQUEST, command);
}

int talk_command(struct talk *t, const char *command)
{
	talk_begin(t, command);
	return talk_send(t);
}

void talk_register(struct talk *t, const char *event)
{
	vici_start(&t->w, VICI_EVENT_REGISTER, event);
	assert_int_equal(talk_send(t), 0);
	assert_string_equal(talk_next(t), "confirm");
}

const char *talk_ask(struct talk *t)
{
	const char *answer = NULL, *next;

	assert_int_equal(talk_send(t), 0);
	while ((next = talk_next(t)))
		answer = next;
	assert_non_null(answer);
	return answer;
}

/* ---- packets as text ---- */

struct print {
	char *at;
	size_t left;
};

static void add(struct print *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct print *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p->at, p->left, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < p->left);
	p->at += n;
	p->left -= (size_t)n;
}

static void print_elements(struct print *p, struct vici_reader *r)
{
	const char *gap = " ";
	int kind;

	while ((kind = vici_next(r)) > 0) {
		switch ((enum vici_element)kind) {
		case VICI_SECTION_START:
			add(p, "%s%.*s{", gap, (int)r->name_len, r->name);
			gap = "";
			break;
		case VICI_SECTION_END:
			add(p, "}");
			gap = " ";
			break;
		case VICI_KEY_VALUE:
			add(p, "%s%.*s=%.*s", gap, (int)r->name_len, r->name, (int)r->value_len,
			    (const char *)r->value);
			gap = " ";
			break;
		case VICI_LIST_START:
			add(p, "%s%.*s[", gap, (int)r->name_len, r->name);
			gap = "";
			break;
		case VICI_LIST_ITEM:
			add(p, "%s%.*s", gap, (int)r->value_len, (const char *)r->value);
			gap = ",";
			break;
		case VICI_LIST_END:
			add(p, "]");
			gap = " ";
			break;
		case VICI_END:
			break;
		}
	}
	assert_int_equal(kind, VICI_END);
}

const char *talk_next(struct talk *t)
{
	static char text[1 << 20];
	static const char *const types[] = {[VICI_CMD_RESPONSE] = "response",
					    [VICI_CMD_UNKNOWN] = "unknown",
					    [VICI_EVENT_CONFIRM] = "confirm",
					    [VICI_EVENT_UNKNOWN] = "no-event",
					    [VICI_EVENT] = "event"};
	struct print p = {text, sizeof(text)};
	char name[VICI_NAME_MAX + 1];
	enum vici_packet type;
	struct vici_reader r;
	const uint8_t *out;
	size_t len, packet;

	out = vici_session_output(t->session, &len);
	if (!out || !len)
		return NULL;
	assert_true(len >= 5);
	packet = get_be32(out);
	assert_true(len >= 4 + packet && packet <= VICI_PACKET_MAX);
	assert_int_equal(vici_open(&r, out + 4, packet, &type, name), 0);
	add(&p, "%s", types[type]);
	if (name[0])
		add(&p, " %s", name);
	print_elements(&p, &r);
	vici_session_sent(t->session, 4 + packet);
	return text;
}
