/* SPDX-License-Identifier: MIT */
#include "hwsim/gen.h"

#include <pthread.h>
#include <stdlib.h>

struct sender {
	pthread_mutex_t lock;
	bool running;
	uint64_t due;      /* ns */
	uint64_t interval; /* ns */
	uint64_t number;   /* of the next packet */
	uint64_t bytes;
	struct gen_config config;
};

struct gen {
	unsigned int queues;
	struct sender *sender; /* [queues] */
	pthread_mutex_t check_lock;
	struct gen_check *check;
};

struct gen *gen_new(unsigned int queues)
{
	struct gen *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->queues = queues;
	g->sender = calloc(queues, sizeof(*g->sender));
	g->check = gen_check_new(queues);
	if (!g->sender || !g->check) {
		gen_check_free(g->check);
		free(g->sender);
		free(g);
		return NULL;
	}
	pthread_mutex_init(&g->check_lock, NULL);
	for (unsigned int i = 0; i < queues; i++)
		pthread_mutex_init(&g->sender[i].lock, NULL);
	return g;
}

void gen_free(struct gen *g)
{
	if (!g)
		return;
	for (unsigned int i = 0; i < g->queues; i++)
		pthread_mutex_destroy(&g->sender[i].lock);
	pthread_mutex_destroy(&g->check_lock);
	gen_check_free(g->check);
	free(g->sender);
	free(g);
}

const char *gen_config_error(const struct gen *g, const struct gen_config *c)
{
	if (c->flow.family != 4 && c->flow.family != 6)
		return "no address family";
	if (c->first >= g->queues)
		return "first must be less than the number of queues";
	if (c->streams < 1 || c->streams > g->queues - c->first)
		return "streams must be from 1 to the number of queues that are left";
	if (c->pps > GEN_MAX_PPS)
		return "pps must be at most 10000000";
	if (c->run == 0)
		return "run must not be 0";
	if (c->sizes < 1 || c->sizes > GEN_MAX_SIZES)
		return "there must be 1 to 64 payload sizes";
	for (unsigned int i = 0; i < c->sizes; i++)
		if (c->size[i] < GEN_PAYLOAD_MIN || c->size[i] > GEN_PAYLOAD_MAX)
			return "a payload size must be from 48 to 9000 bytes";
	return NULL;
}

void gen_start(struct gen *g, const struct gen_config *c, uint64_t now)
{
	unsigned int streams = c->streams ? c->streams : 1;
	uint64_t pps = c->pps ? c->pps : GEN_DEFAULT_PPS / streams;
	uint64_t interval = UINT64_C(1000000000) / (pps ? pps : 1);

	for (unsigned int i = 0; i < g->queues; i++) {
		struct sender *s = &g->sender[i];

		pthread_mutex_lock(&s->lock);
		s->running = i >= c->first && i - c->first < streams;
		s->interval = interval;
		s->due = now + interval * i / streams; /* streams take turns, not all at once */
		s->number = 0;
		s->bytes = 0;
		s->config = *c;
		pthread_mutex_unlock(&s->lock);
	}
}

void gen_stop(struct gen *g)
{
	for (unsigned int i = 0; i < g->queues; i++) {
		pthread_mutex_lock(&g->sender[i].lock);
		g->sender[i].running = false;
		pthread_mutex_unlock(&g->sender[i].lock);
	}
}

void gen_reset(struct gen *g)
{
	pthread_mutex_lock(&g->check_lock);
	gen_check_reset(g->check);
	pthread_mutex_unlock(&g->check_lock);
}

uint64_t gen_next(struct gen *g, unsigned int stream)
{
	struct sender *s = &g->sender[stream];
	uint64_t due;

	pthread_mutex_lock(&s->lock);
	due = s->running ? s->due : UINT64_MAX;
	pthread_mutex_unlock(&s->lock);
	return due;
}

size_t gen_build(struct gen *g, unsigned int stream, uint64_t now, uint8_t *packet, size_t cap)
{
	struct sender *s = &g->sender[stream];
	size_t len = 0;

	pthread_mutex_lock(&s->lock);
	if (s->running && now >= s->due) {
		struct gen_header h = {
			.run = s->config.run,
			.number = s->number,
			.sent_ns = now,
			.stream = (uint16_t)stream,
			.len = s->config.size[s->number % s->config.sizes],
		};

		len = gen_packet_build(&s->config.flow, &h, packet, cap);
		s->number += len ? 1 : 0;
		s->bytes += len;
		s->due = now - s->due > GEN_MAX_LAG_NS ? now : s->due + s->interval;
		if (s->config.count && s->number == s->config.count)
			s->running = false;
	}
	pthread_mutex_unlock(&s->lock);
	return len;
}

void gen_receive(struct gen *g, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	pthread_mutex_lock(&g->check_lock);
	gen_check_packet(g->check, queue, now, packet, len);
	pthread_mutex_unlock(&g->check_lock);
}

unsigned int gen_queues(const struct gen *g)
{
	return g->queues;
}

uint64_t gen_run(struct gen *g)
{
	uint64_t run;

	pthread_mutex_lock(&g->sender[0].lock);
	run = g->sender[0].config.run;
	pthread_mutex_unlock(&g->sender[0].lock);
	return run;
}

void gen_stream_status(struct gen *g, unsigned int stream, struct gen_stream_status *out)
{
	struct sender *s = &g->sender[stream];

	pthread_mutex_lock(&s->lock);
	*out = (struct gen_stream_status){s->running, s->number, s->bytes};
	pthread_mutex_unlock(&s->lock);
}

const struct gen_check *gen_check_lock(struct gen *g)
{
	pthread_mutex_lock(&g->check_lock);
	return g->check;
}

void gen_check_release(struct gen *g)
{
	pthread_mutex_unlock(&g->check_lock);
}
