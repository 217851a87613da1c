/* SPDX-License-Identifier: MIT */
#include "hwsim/gen_check.h"

#include <stdlib.h>
#include <string.h>

struct gen_check *gen_check_new(unsigned int queues)
{
	struct gen_check *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->queues = queues;
	c->arrived = calloc((size_t)GEN_MAX_STREAMS * queues, sizeof(*c->arrived));
	if (!c->arrived) {
		free(c);
		return NULL;
	}
	gen_check_reset(c);
	return c;
}

void gen_check_free(struct gen_check *c)
{
	if (!c)
		return;
	free(c->arrived);
	free(c);
}

void gen_check_reset(struct gen_check *c)
{
	unsigned int queues = c->queues;
	uint64_t *arrived = c->arrived;

	memset(c, 0, sizeof(*c));
	memset(arrived, 0, (size_t)GEN_MAX_STREAMS * queues * sizeof(*arrived));
	c->queues = queues;
	c->arrived = arrived;
	c->latency_min = UINT64_MAX;
}

static bool bit_test(const struct gen_check_stream *s, uint64_t number)
{
	return s->bitmap[number % GEN_WINDOW / 64] >> number % 64 & 1;
}

static void bit_put(struct gen_check_stream *s, uint64_t number, bool on)
{
	uint64_t mask = (uint64_t)1 << number % 64, *word = &s->bitmap[number % GEN_WINDOW / 64];

	*word = on ? *word | mask : *word & ~mask;
}

/* Moves the window up to `number`, clearing the places of the numbers that were skipped. */
static void advance(struct gen_check_stream *s, uint64_t number)
{
	if (!s->seen || number - s->highest >= GEN_WINDOW)
		memset(s->bitmap, 0, sizeof(s->bitmap));
	else
		for (uint64_t n = s->highest + 1; n < number; n++)
			bit_put(s, n, false);
	s->seen = true;
	s->highest = number;
}

/* True when this number is new. */
static bool count_number(struct gen_check_stream *s, uint64_t number)
{
	if (!s->seen || number > s->highest) {
		advance(s, number);
	} else if (s->highest - number >= GEN_WINDOW) {
		s->late++;
		return false;
	} else if (bit_test(s, number)) {
		s->duplicates++;
		return false;
	} else {
		s->reordered++;
	}
	bit_put(s, number, true);
	s->received++;
	return true;
}

static void count_latency(struct gen_check *c, uint64_t now, uint64_t sent)
{
	uint64_t ns = now > sent ? now - sent : 0;

	if (ns < c->latency_min)
		c->latency_min = ns;
	if (ns > c->latency_max)
		c->latency_max = ns;
	c->latency_sum += ns;
}

void gen_check_packet(struct gen_check *c, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct gen_header h;
	struct gen_check_stream *s;

	switch (gen_packet_parse(packet, len, &h)) {
	case GEN_FOREIGN:
		c->foreign++;
		return;
	case GEN_CORRUPT:
		c->payload_errors++;
		return;
	case GEN_GOOD:
		break;
	}
	if (h.run < c->run) {
		c->stale++;
		return;
	}
	if (h.run > c->run) {
		gen_check_reset(c);
		c->run = h.run;
	}
	s = &c->stream[h.stream];
	if (count_number(s, h.number)) {
		s->bytes += len;
		count_latency(c, now, h.sent_ns);
	}
	if (queue < c->queues)
		c->arrived[(size_t)h.stream * c->queues + queue]++;
	if (queue != h.stream)
		s->misrouted++;
}

uint64_t gen_check_gaps(const struct gen_check_stream *s)
{
	return s->seen ? s->highest + 1 - s->received : 0;
}
