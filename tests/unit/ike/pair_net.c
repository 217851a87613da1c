/* SPDX-License-Identifier: MIT */
/* The network between the two, and its faults. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

/* A NAT in front of A: its source becomes nat_outside, and the way back. */
static void pair_translate(struct pair *p, int from, struct ike_path *path)
{
	if (!p->nat)
		return;
	if (from == A) {
		uint16_t port = (uint16_t)(path->local.port + p->nat_shift);

		path->local = p->nat_outside;
		path->local.port = port;
	} else {
		uint16_t port = (uint16_t)(path->remote.port - p->nat_shift);

		path->remote = p->side[A].conn.local;
		path->remote.port = port;
	}
}

void pair_deliver_copy(struct pair *p, const struct pair_datagram *d)
{
	struct ike_path path = d->path, seen;
	uint8_t *copy = malloc(d->len ? d->len : 1);

	assert_non_null(copy);
	pair_translate(p, d->from, &path);
	seen.local = path.remote;
	seen.remote = path.local;
	memcpy(copy, d->bytes, d->len);
	p->datagrams++;
	if (!p->deaf[!d->from])
		ike_receive(p->side[!d->from].ike, p->now, &seen, copy, d->len);
	free(copy);
}

void pair_drop(struct pair_datagram *d)
{
	free(d);
}

void pair_deliver(struct pair *p, struct pair_datagram *d)
{
	pair_deliver_copy(p, d);
	free(d);
}

struct pair_datagram *pair_take(struct pair *p, int from)
{
	struct pair_datagram *d;

	TAILQ_FOREACH (d, &p->net, link)
		if (d->from == from) {
			TAILQ_REMOVE(&p->net, d, link);
			return d;
		}
	fail_msg("nothing is on the way from %c", 'A' + from);
	return NULL;
}

unsigned int pair_count(struct pair *p, int from)
{
	struct pair_datagram *d;
	unsigned int n = 0;

	TAILQ_FOREACH (d, &p->net, link)
		n += d->from == from;
	return n;
}

bool pair_waiting(struct pair *p, int from)
{
	return pair_count(p, from) != 0;
}

void pair_step(struct pair *p, int from)
{
	pair_deliver(p, pair_take(p, from));
}

static struct pair_datagram *pair_next(struct pair *p)
{
	struct pair_datagram *d = TAILQ_FIRST(&p->net), *other;

	if (d && p->b_first)
		TAILQ_FOREACH (other, &p->net, link)
			if (other->from == B) {
				d = other;
				break;
			}
	if (d && p->reorder && prng_below(&p->prng, 2)) {
		other = TAILQ_NEXT(d, link);
		d = other ? other : d;
	}
	if (d)
		TAILQ_REMOVE(&p->net, d, link);
	return d;
}

void pair_faults(struct pair *p, const struct pair_fault *fault, unsigned int n)
{
	p->seq = 0;
	for (unsigned int i = 0; i < PAIR_FAULTS_AT_ONCE; i++)
		p->fault[i] = i < n ? fault[i] : (struct pair_fault){0};
}

static struct pair_datagram *pair_again(const struct pair_datagram *d)
{
	struct pair_datagram *copy = malloc(sizeof(*d) + d->len);

	assert_non_null(copy);
	memcpy(copy, d, sizeof(*d) + d->len);
	return copy;
}

/* True: the datagram has been taken care of. */
static bool pair_spoil(struct pair *p, struct pair_datagram *d)
{
	for (unsigned int i = 0; i < PAIR_FAULTS_AT_ONCE; i++) {
		if (!p->fault[i].on || p->fault[i].seq != d->seq || d->faulted)
			continue;
		d->faulted = true;
		switch (p->fault[i].kind) {
		case PAIR_LOST:
			free(d);
			return true;
		case PAIR_LATE:
			TAILQ_INSERT_TAIL(&p->late, d, link);
			return true;
		case PAIR_VERY_LATE:
			TAILQ_INSERT_TAIL(&p->very_late, d, link);
			p->very_late_at = p->now + p->settings.retransmit_ns * 3 / 2;
			return true;
		case PAIR_TWICE:
			d = pair_again(d);
			TAILQ_INSERT_TAIL(&p->late, d, link);
			return false;
		case PAIR_FAULTS:
			break;
		}
	}
	return false;
}

static void pair_release(struct pair_queue *from, struct pair *p)
{
	struct pair_datagram *d;

	while ((d = TAILQ_FIRST(from))) {
		TAILQ_REMOVE(from, d, link);
		TAILQ_INSERT_TAIL(&p->net, d, link);
	}
}

void pair_run(struct pair *p)
{
	struct pair_datagram *d;

	for (unsigned int i = 0;; i++) {
		d = pair_next(p);
		if (!d && TAILQ_EMPTY(&p->late))
			return;
		if (!d) {
			pair_release(&p->late, p);
			continue;
		}
		if (i > 100000)
			fail_msg("the two never fall silent");
		if (pair_spoil(p, d))
			continue;
		if (prng_below(&p->prng, 100) < p->loss_percent) {
			free(d);
			continue;
		}
		if (prng_below(&p->prng, 100) < p->dup_percent)
			pair_deliver_copy(p, d);
		pair_deliver(p, d);
	}
}

void pair_pass(struct pair *p, uint64_t ns)
{
	uint64_t end = p->now + ns;

	for (;;) {
		uint64_t a, b, next;

		pair_run(p);
		a = ike_next(p->side[A].ike);
		b = ike_next(p->side[B].ike);
		next = a < b ? a : b;
		if (!TAILQ_EMPTY(&p->very_late) && p->very_late_at < next)
			next = p->very_late_at;
		if (next > end)
			break;
		if (next > p->now)
			p->now = next;
		if (!TAILQ_EMPTY(&p->very_late) && p->very_late_at <= p->now)
			pair_release(&p->very_late, p);
		ike_tick(p->side[A].ike, p->now);
		ike_tick(p->side[B].ike, p->now);
	}
	p->now = end;
	pair_run(p);
}

void pair_net_end(struct pair *p)
{
	struct pair_datagram *d;

	pair_release(&p->late, p);
	pair_release(&p->very_late, p);
	while ((d = TAILQ_FIRST(&p->net))) {
		TAILQ_REMOVE(&p->net, d, link);
		free(d);
	}
}
