/* SPDX-License-Identifier: MIT */
#include "hwsim/card.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/events.h"
#include "hwsim/faults.h"
#include "hwsim/generic.h"
#include "hwsim/lifetime.h"

void card_lock(struct hwsim *card, uint64_t now)
{
	struct heap_node *node;

	pthread_mutex_lock(&card->control);
	if (now > card->now)
		card->now = now;
	while ((node = heap_first(&card->timers)) && node->key <= card->now) {
		struct timer *timer = heap_entry(node, struct timer, node);

		card_stop(card);
		switch ((enum timer_kind)timer->kind) {
		case TIMER_SA:
			lifetime_run(card, heap_entry(node, struct sa, timer.node));
			break;
		case TIMER_SLOT:
			slot_freed(card, heap_entry(node, struct slot, timer.node));
			break;
		case TIMER_EVENT:
			event_late(card, timer);
			break;
		case TIMER_LINK:
			timer_clear(card, timer);
			card->link_up = true;
			if (card->ops.link)
				card->ops.link(card->ops.ctx, true);
			break;
		}
	}
}

void card_stop(struct hwsim *card)
{
	if (card->stopped)
		return;
	for (unsigned int q = 0; q < card->config.queues; q++) {
		pthread_mutex_lock(&card->queues[q].tx.lock);
		pthread_mutex_lock(&card->queues[q].rx.lock);
	}
	card->stopped = true;
}

void card_unlock(struct hwsim *card)
{
	struct heap_node *first = heap_first(&card->timers);

	card->next = first ? first->key : UINT64_MAX;
	if (card->stopped) {
		card->stopped = false;
		card->generation++;
		for (unsigned int q = 0; q < card->config.queues; q++) {
			pthread_mutex_unlock(&card->queues[q].tx.lock);
			pthread_mutex_unlock(&card->queues[q].rx.lock);
		}
	}
	pthread_mutex_unlock(&card->control);
}

int timer_set(struct hwsim *card, struct timer *timer, enum timer_kind kind, uint64_t due)
{
	timer->kind = kind;
	return heap_set(&card->timers, &timer->node, due);
}

void timer_clear(struct hwsim *card, struct timer *timer)
{
	heap_remove(&card->timers, &timer->node);
}

void card_sa_due(struct hwsim *card, struct sa *sa)
{
	pthread_mutex_lock(&card->due_lock);
	if (!sa->due) {
		sa->due = true;
		TAILQ_INSERT_TAIL(&card->due, sa, due_entry);
		card->any_due = true;
	}
	pthread_mutex_unlock(&card->due_lock);
}

void card_sa_not_due(struct hwsim *card, struct sa *sa)
{
	pthread_mutex_lock(&card->due_lock);
	if (sa->due) {
		sa->due = false;
		TAILQ_REMOVE(&card->due, sa, due_entry);
	}
	pthread_mutex_unlock(&card->due_lock);
}

static struct sa *due_first(struct hwsim *card)
{
	struct sa *sa;

	pthread_mutex_lock(&card->due_lock);
	sa = TAILQ_FIRST(&card->due);
	if (sa) {
		sa->due = false;
		TAILQ_REMOVE(&card->due, sa, due_entry);
	}
	card->any_due = !TAILQ_EMPTY(&card->due);
	pthread_mutex_unlock(&card->due_lock);
	return sa;
}

void card_run_due(struct hwsim *card, uint64_t now)
{
	struct sa *sa;

	if (!atomic_load_explicit(&card->any_due, memory_order_relaxed))
		return;
	card_lock(card, now);
	card_stop(card);
	while ((sa = due_first(card)))
		lifetime_run(card, sa);
	card_unlock(card);
}

/* No PHY comes up in less. */
enum { RESET_MS = 50 };

void card_link_down(struct hwsim *card, uint64_t ms)
{
	struct sa *sa, *next;

	for (sa = TAILQ_FIRST(&card->sadb.all); sa; sa = next) {
		next = TAILQ_NEXT(sa, entry);
		if (sa->offloaded)
			sadb_remove(card, sa);
	}
	for (unsigned int dir = 0; dir < SPD_DIRS; dir++)
		spd_remove_offloaded(card, dir);
	card->link_up = false;
	if (card->ops.link)
		card->ops.link(card->ops.ctx, false);
	if (ms && !timer_set(card, &card->link_timer, TIMER_LINK, card->now + ms * NS_PER_MS))
		return;
	timer_clear(card, &card->link_timer);
	card->link_up = true;
	if (card->ops.link)
		card->ops.link(card->ops.ctx, true);
}

static void table_reset(struct hwsim *card, struct slot_table *table)
{
	for (uint32_t i = 0; i < table->size; i++)
		if (table->slots[i].state == SLOT_FREEING)
			slot_freed(card, &table->slots[i]);
}

void card_reset(struct hwsim *card)
{
	card_link_down(card, RESET_MS);
	table_reset(card, &card->sadb.in);
	table_reset(card, &card->sadb.out);
}

static int lane_init(struct lane *lane)
{
	pthread_mutexattr_t attr;
	int err;

	/* a packet's time is short: where two threads meet in a lane, spinning is better than sleeping */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	err = pthread_mutex_init(&lane->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	if (err)
		return -ENOMEM;
	lane->flows = calloc(CARD_FLOWS, sizeof(*lane->flows));
	return lane->flows ? 0 : -ENOMEM;
}

static int queues_init(struct hwsim *card)
{
	unsigned int n = card->config.queues;
	int err = 0;

	card->queues = aligned_alloc(alignof(struct queue), n * sizeof(*card->queues));
	if (!card->queues)
		return -ENOMEM;
	memset(card->queues, 0, n * sizeof(*card->queues));
	for (unsigned int q = 0; q < n; q++) {
		err |= lane_init(&card->queues[q].tx);
		err |= lane_init(&card->queues[q].rx);
	}
	return err ? -ENOMEM : 0;
}

static void config_copy(struct hwsim *card, const struct hwsim_config *config)
{
	struct hwsim_profile *p = &card->profile;

	card->config = *config;
	if (!card->config.policies)
		card->config.policies = CARD_POLICIES;
	if (!card->config.acquire_seconds)
		card->config.acquire_seconds = CARD_ACQUIRE_SECONDS;
	*p = *config->profile;
	if (config->slots)
		p->sa_in = p->sa_out = config->slots;
	card->config.profile = p;
}

static bool config_valid(const struct hwsim_config *c)
{
	return c && c->profile && c->queues >= 1 && c->queues <= HWSIM_MAX_QUEUES && c->slots <= CARD_STATES &&
	       c->policies <= CARD_SOFT_POLICIES && c->ifindex > 0;
}

struct hwsim *hwsim_new(const struct hwsim_config *config, const struct hwsim_ops *ops)
{
	struct hwsim *card;

	if (!config_valid(config)) {
		errno = EINVAL;
		return NULL;
	}
	card = calloc(1, sizeof(*card));
	if (!card)
		return NULL;
	config_copy(card, config);
	if (ops)
		card->ops = *ops;
	card->rng = prng_init(config->seed);
	card->link_up = true;
	card->next = UINT64_MAX;
	card->generation = 1;
	card->counter_period = card->profile.counter_period_ms * NS_PER_MS;
	TAILQ_INIT(&card->due);
	pthread_mutex_init(&card->control, NULL);
	pthread_mutex_init(&card->due_lock, NULL);
	spd_init(card);
	card->datagram = malloc(HWSIM_MAX_DATAGRAM);
	card->reply = malloc(CARD_REPLY);
	card->message = malloc(NL_MSG_MAX);
	card->generic = malloc(GENERIC_MESSAGE);
	if (!card->datagram || !card->reply || !card->message || !card->generic || queues_init(card) ||
	    sadb_init(card) || steer_init(card)) {
		hwsim_free(card);
		errno = ENOMEM;
		return NULL;
	}
	return card;
}

void hwsim_free(struct hwsim *card)
{
	if (!card)
		return;
	event_free_late(card); /* first: timers are inside what is freed next */
	if (card->sadb.by_reqid)
		sadb_free(card);
	spd_free(card);
	heap_free(&card->timers);
	for (unsigned int q = 0; card->queues && q < card->config.queues; q++) {
		free(card->queues[q].tx.flows);
		free(card->queues[q].rx.flows);
		pthread_mutex_destroy(&card->queues[q].tx.lock);
		pthread_mutex_destroy(&card->queues[q].rx.lock);
	}
	free(card->queues);
	free(card->datagram);
	free(card->reply);
	free(card->message);
	free(card->generic);
	steer_free(card);
	pthread_mutex_destroy(&card->control);
	pthread_mutex_destroy(&card->due_lock);
	free(card);
}

void hwsim_tick(struct hwsim *card, uint64_t now)
{
	card_lock(card, now);
	card_unlock(card);
	card_run_due(card, now);
}

uint64_t hwsim_next(const struct hwsim *card)
{
	return card->next;
}
