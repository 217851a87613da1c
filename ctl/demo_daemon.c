/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/demo.h"
#include "ctl/vici_client.h"

enum { ANSWER_MS = 10000 };

int demo_daemon_connect(struct demo *d, struct demo_side *s)
{
	char path[DEMO_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s.vici", d->dir, s->name);
	if (!s->vici)
		s->vici = vici_client_open(path, ANSWER_MS);
	return s->vici ? 0 : -1;
}

/* list-queues, with each queue's SA at the index of its queue. The fallback and whatever is being replaced are left
 * out. */
static json_t *queues_by_number(const json_t *list)
{
	json_t *by_number = json_array(), *q;
	size_t i;

	json_array_foreach(list, i, q)
	{
		const char *number = json_string_value(json_object_get(q, "queue"));
		size_t n = number && *number >= '0' && *number <= '9' ? strtoul(number, NULL, 10) : DEMO_QUEUES_MAX;

		while (n < DEMO_QUEUES_MAX && json_array_size(by_number) <= n)
			json_array_append_new(by_number, json_null());
		if (n < DEMO_QUEUES_MAX)
			json_array_set(by_number, n, q);
	}
	return by_number;
}

static bool has_fallback(const json_t *list)
{
	json_t *q;
	size_t i;

	json_array_foreach(list, i, q)
	{
		const char *number = json_string_value(json_object_get(q, "queue"));

		if (number && strcmp(number, "any") == 0)
			return true;
	}
	return false;
}

int demo_daemon_refresh(struct demo_side *s)
{
	json_t *status = vici_client_call(s->vici, "get-status", NULL, NULL, NULL), *list;

	if (!status) {
		fprintf(stderr, "demo: the %s controller: get-status: %s\n", s->name, strerror(errno));
		return -1;
	}
	json_decref(s->status);
	s->status = status;
	list = vici_client_list(s->vici, "list-queues", "list-queue", NULL);
	if (!list) {
		fprintf(stderr, "demo: the %s controller: list-queues: %s\n", s->name, strerror(errno));
		return -1;
	}
	json_decref(s->queues);
	s->queues = queues_by_number(list);
	s->fallback = has_fallback(list);
	json_decref(list);
	return 0;
}

static bool is_up(const json_t *queue)
{
	const char *state = json_string_value(json_object_get(queue, "child_state"));

	return state && (strcmp(state, "INSTALLED") == 0 || strcmp(state, "REKEYING") == 0);
}

static bool is_sending(const json_t *queue)
{
	const char *sends = json_string_value(json_object_get(queue, "sends"));

	return sends && strcmp(sends, "yes") == 0;
}

unsigned int demo_daemon_queues_up(const struct demo_side *s, bool sending)
{
	unsigned int up = 0;
	size_t i;
	json_t *q;

	json_array_foreach(s->queues, i, q)
	{
		up += is_up(q) && (!sending || is_sending(q));
	}
	return up;
}

void demo_side_close(struct demo_side *s)
{
	demo_process_end(&s->daemon, 5);
	demo_process_end(&s->card, 5);
	vici_client_close(s->vici);
	s->vici = NULL;
	if (s->card_fd >= 0)
		close(s->card_fd);
	s->card_fd = -1;
	json_decref(s->card_stats);
	json_decref(s->status);
	json_decref(s->queues);
	s->card_stats = s->status = s->queues = NULL;
}
