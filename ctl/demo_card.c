/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/demo.h"

enum { ANSWER_MAX = 1 << 20 };

int demo_card_connect(struct demo *d, struct demo_side *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = 10};

	if (snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s.control", d->dir, s->name) >= (int)sizeof(a.sun_path))
		return -1; /* demo_dir_make keeps the directory short */
	s->card_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->card_fd < 0)
		return -1;
	if (connect(s->card_fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    setsockopt(s->card_fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0) {
		close(s->card_fd);
		s->card_fd = -1;
		return -1; /* not there yet: the caller tries again */
	}
	return 0;
}

/* One line of the answer, without its end; the caller frees it. NULL: error or end of file. */
static char *line_read(int fd)
{
	size_t len = 0, cap = 65536;
	char *buf = malloc(cap);

	while (buf) {
		ssize_t n = recv(fd, buf + len, cap - len - 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (buf[len - 1] == '\n') {
			buf[len - 1] = '\0';
			return buf;
		}
		if (len + 1 == cap) {
			char *more = cap < ANSWER_MAX ? realloc(buf, cap *= 2) : NULL;

			if (!more)
				break;
			buf = more;
		}
	}
	free(buf);
	return NULL;
}

json_t *demo_card_ask(struct demo_side *s, json_t *request)
{
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL, *line = NULL;
	json_t *answer = NULL;
	json_error_t error;

	json_decref(request);
	if (text && s->card_fd >= 0 && send(s->card_fd, text, strlen(text), MSG_NOSIGNAL | MSG_MORE) >= 0 &&
	    send(s->card_fd, "\n", 1, MSG_NOSIGNAL) == 1)
		line = line_read(s->card_fd);
	if (line)
		answer = json_loads(line, 0, &error);
	if (answer && json_object_get(answer, "error")) {
		fprintf(stderr, "demo: the %s card: %s: %s\n", s->name, text,
			json_string_value(json_object_get(answer, "error")));
		json_decref(answer);
		answer = NULL;
	} else if (!answer) {
		fprintf(stderr, "demo: the %s card does not answer\n", s->name);
	}
	free(line);
	free(text);
	return answer;
}

int demo_card_stats(struct demo_side *s)
{
	json_t *stats = demo_card_ask(s, json_pack("{s:s}", "cmd", "stats"));

	if (!stats)
		return -1;
	json_decref(s->card_stats);
	s->card_stats = stats;
	return 0;
}

const json_t *demo_stream(const struct demo_side *s, unsigned int stream)
{
	return json_array_get(json_object_get(json_object_get(s->card_stats, "gen"), "streams"), stream);
}

int64_t demo_number(const json_t *object, const char *path)
{
	char key[64];

	while (object && *path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		object = json_object_get(object, key);
		path += n + (path[n] == '.');
	}
	if (json_is_string(object))
		return strtoll(json_string_value(object), NULL, 10);
	return json_is_real(object) ? (int64_t)json_real_value(object) : json_integer_value(object);
}
