/* SPDX-License-Identifier: MIT */
#include "ctl/vici_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/vici_message.h"

struct vici_client {
	int fd;
	uint8_t packet[VICI_PACKET_MAX];
};

struct vici_client *vici_client_open(const char *path, int timeout_ms)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	struct vici_client *c;
	int err;

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) != 0) {
		err = errno;
		vici_client_close(c);
		errno = err;
		return NULL;
	}
	return c;
}

void vici_client_close(struct vici_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static int read_all(int fd, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t got = recv(fd, p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (got == 0)
			return -EPIPE;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

/* ---- JSON to elements ---- */

static void write_json(struct vici_writer *w, const json_t *object)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)object, key, v)
	{
		if (json_is_object(v)) {
			vici_section(w, key);
			write_json(w, v);
			vici_section_end(w);
		} else if (json_is_array(v)) {
			size_t i;
			json_t *item;

			vici_list(w, key);
			json_array_foreach(v, i, item)
				vici_item(w, json_is_string(item) ? json_string_value(item) : "");
			vici_list_end(w);
		} else if (json_is_string(v)) {
			vici_text(w, key, json_string_value(v));
		} else if (json_is_integer(v)) {
			vici_format(w, key, "%lld", (long long)json_integer_value(v));
		} else if (json_is_boolean(v)) {
			vici_text(w, key, json_is_true(v) ? "yes" : "no");
		}
	}
}

/* ---- elements to JSON ---- */

/* A value is text nearly always; what is not UTF-8 is shown as hex, as swanctl does. */
static json_t *value_json(const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	json_t *s = json_stringn((const char *)p, n);
	char *hex;

	if (s)
		return s;
	hex = malloc(2 * n + 3);
	if (!hex)
		return NULL;
	memcpy(hex, "0x", 2);
	for (size_t i = 0; i < n; i++) {
		hex[2 + 2 * i] = digit[p[i] >> 4];
		hex[3 + 2 * i] = digit[p[i] & 15];
	}
	s = json_stringn(hex, 2 + 2 * n);
	free(hex);
	return s;
}

static json_t *read_json(struct vici_reader *r)
{
	json_t *stack[VICI_DEPTH_MAX + 1] = {json_object()}, *list = NULL;
	unsigned int depth = 0;
	int kind;

	while ((kind = vici_next(r)) > 0) {
		switch ((enum vici_element)kind) {
		case VICI_SECTION_START:
			json_object_setn_new(stack[depth], r->name, r->name_len, json_object());
			stack[depth + 1] = json_object_getn(stack[depth], r->name, r->name_len);
			depth++;
			break;
		case VICI_SECTION_END:
			depth--;
			break;
		case VICI_KEY_VALUE:
			json_object_setn_new(stack[depth], r->name, r->name_len, value_json(r->value, r->value_len));
			break;
		case VICI_LIST_START:
			json_object_setn_new(stack[depth], r->name, r->name_len, json_array());
			list = json_object_getn(stack[depth], r->name, r->name_len);
			break;
		case VICI_LIST_ITEM:
			json_array_append_new(list, value_json(r->value, r->value_len));
			break;
		case VICI_LIST_END:
		case VICI_END:
			break;
		}
	}
	if (kind < 0) {
		json_decref(stack[0]);
		errno = EBADMSG;
		return NULL;
	}
	return stack[0];
}

/* ---- exchanges ---- */

static int packet_read(struct vici_client *c, struct vici_reader *r, enum vici_packet *type,
		       char name[VICI_NAME_MAX + 1])
{
	uint8_t head[4];
	size_t len;
	int err = read_all(c->fd, head, sizeof(head));

	if (err)
		return err;
	len = get_be32(head);
	if (len > VICI_PACKET_MAX)
		return -EBADMSG;
	err = read_all(c->fd, c->packet, len);
	return err ? err : vici_open(r, c->packet, len, type, name);
}

static int packet_write(struct vici_client *c, enum vici_packet type, const char *name, const json_t *message)
{
	struct vici_writer w;
	int err;

	vici_start(&w, type, name);
	if (message)
		write_json(&w, message);
	err = vici_finish(&w);
	if (!err)
		err = write_all(c->fd, w.buf, w.len);
	if (w.buf)
		explicit_bzero(w.buf, w.len); /* load-shared carries a secret */
	vici_writer_free(&w);
	return err;
}

json_t *vici_client_call(struct vici_client *c, const char *command, json_t *request,
			 void (*event)(void *ctx, const char *name, const json_t *message), void *ctx)
{
	char name[VICI_NAME_MAX + 1];
	enum vici_packet type;
	struct vici_reader r;
	int err = packet_write(c, VICI_CMD_REQUEST, command, request);

	json_decref(request);
	while (!err && !(err = packet_read(c, &r, &type, name))) {
		json_t *message;

		if (type == VICI_CMD_RESPONSE)
			return read_json(&r);
		if (type == VICI_CMD_UNKNOWN) {
			err = -EOPNOTSUPP;
		} else if (type == VICI_EVENT && event) {
			message = read_json(&r);
			if (message)
				event(ctx, name, message);
			json_decref(message);
		}
	}
	errno = -err;
	return NULL;
}

struct stream {
	const char *name;
	json_t *items;
};

static void stream_add(void *ctx, const char *name, const json_t *message)
{
	struct stream *s = ctx;

	if (strcmp(name, s->name) == 0)
		json_array_append(s->items, (json_t *)message);
}

/* (Un)subscribe; events of other subscriptions that come meanwhile are passed over. */
static int subscribe(struct vici_client *c, enum vici_packet what, const char *event)
{
	char name[VICI_NAME_MAX + 1];
	enum vici_packet type;
	struct vici_reader r;
	int err = packet_write(c, what, event, NULL);

	while (!err && !(err = packet_read(c, &r, &type, name))) {
		if (type == VICI_EVENT_CONFIRM)
			return 0;
		if (type == VICI_EVENT_UNKNOWN)
			return -ENOENT;
	}
	return err;
}

int vici_client_register(struct vici_client *c, const char *event)
{
	return subscribe(c, VICI_EVENT_REGISTER, event);
}

json_t *vici_client_list(struct vici_client *c, const char *command, const char *stream, json_t *request)
{
	struct stream s = {stream, json_array()};
	json_t *answer = NULL;
	int err = subscribe(c, VICI_EVENT_REGISTER, stream);

	if (err) {
		json_decref(request);
		errno = -err;
	} else {
		answer = vici_client_call(c, command, request, stream_add, &s);
		err = answer ? subscribe(c, VICI_EVENT_UNREGISTER, stream) : -errno;
	}
	json_decref(answer);
	if (!err)
		return s.items;
	json_decref(s.items);
	errno = -err;
	return NULL;
}

json_t *vici_client_wait(struct vici_client *c, char name[VICI_NAME_MAX + 1])
{
	enum vici_packet type;
	struct vici_reader r;
	int err;

	while (!(err = packet_read(c, &r, &type, name)))
		if (type == VICI_EVENT)
			return read_json(&r);
	errno = -err;
	return NULL;
}
