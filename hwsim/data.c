/* SPDX-License-Identifier: MIT */
#include "hwsim/data.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_EVENTS = 64,
	PACE_NS = 500 * 1000, /* a paced sender is woken at most this often; it then sends what is due in one batch */
	WAKE_ID = HWSIM_MAX_QUEUES,
};

struct thread {
	struct data *data;
	pthread_t id;
	bool started;
	unsigned int first;   /* queue; then every data->config.workers-th */
	struct port *source;  /* host port for a worker, wire port for the wire thread */
	port_packet_fn *into; /* what takes the packets of `source` */
	unsigned int queues;  /* queues of `source` that this process uses: the wire has one */
	int epoll, wake;
};

struct data {
	struct data_config config;
	struct hwsim *card;
	_Atomic bool stopping;
	unsigned int threads; /* workers + 1; the last is the wire's */
	struct thread *thread;
};

static void tx_packet(void *ctx, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct data *d = ctx;

	hwsim_tx(d->card, queue, now, packet, len);
}

static void rx_packet(void *ctx, unsigned int queue, uint64_t now, const uint8_t *packet, size_t len)
{
	struct data *d = ctx;

	(void)queue; /* the card's RSS chooses */
	watch_packet(d->config.watch, WATCH_IN, packet, len);
	hwsim_rx(d->card, now, packet, len);
}

void data_wire_out(struct data *d, unsigned int queue, const uint8_t *packet, size_t len)
{
	watch_packet(d->config.watch, WATCH_OUT, packet, len);
	d->config.wire->ops->send(d->config.wire, queue, d->config.clock(), packet, len);
}

void data_host_in(struct data *d, unsigned int queue, const uint8_t *packet, size_t len)
{
	d->config.host->ops->send(d->config.host, queue, d->config.clock(), packet, len);
}

/* Takes what one queue has. A queue that is dead is taken out of the poll set. */
static int serve_queue(struct thread *t, unsigned int queue, uint64_t now)
{
	struct data *d = t->data;
	const struct port_ops *wire = d->config.wire->ops;
	int n = t->source->ops->receive(t->source, queue, now, t->into, d);

	if (n < 0) {
		log_at(d->config.log, LOG_LEVEL_ERROR, "port.dead", "%s port, queue %u: %s", t->source->ops->name,
		       queue, strerror(-n));
		(void)epoll_ctl(t->epoll, EPOLL_CTL_DEL, t->source->ops->fd(t->source, queue), NULL);
		return 0;
	}
	if (t->source != d->config.wire)
		wire->flush(d->config.wire, queue);
	return n;
}

/* Serves the queues that have no descriptor and says when (ns) the first of them is due again. */
static uint64_t serve_due(struct thread *t)
{
	const struct port_ops *ops = t->source->ops;
	uint64_t now = t->data->config.clock(), next = UINT64_MAX;

	for (unsigned int q = t->first; q < t->queues; q += t->data->config.workers) {
		uint64_t due = ops->next(t->source, q);

		if (due <= now) {
			serve_queue(t, q, now);
			due = ops->next(t->source, q);
		}
		if (due < next)
			next = due;
	}
	return next;
}

static int wait_events(struct thread *t, uint64_t next, struct epoll_event *ev)
{
	struct timespec ts;
	uint64_t now = t->data->config.clock(), ns;

	if (next == UINT64_MAX)
		return epoll_pwait2(t->epoll, ev, MAX_EVENTS, NULL, NULL);
	if (next <= now)
		ns = 0; /* behind: no rest */
	else
		ns = next - now > PACE_NS ? next - now : PACE_NS;
	ts = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
	return epoll_pwait2(t->epoll, ev, MAX_EVENTS, &ts, NULL);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	struct epoll_event ev[MAX_EVENTS];

	while (!atomic_load(&t->data->stopping)) {
		int n = wait_events(t, serve_due(t), ev);

		for (int i = 0; i < n; i++) {
			uint64_t junk;

			if (ev[i].data.u32 != WAKE_ID)
				serve_queue(t, ev[i].data.u32, t->data->config.clock());
			else if (read(t->wake, &junk, sizeof(junk)) < 0 && errno != EAGAIN)
				log_at(t->data->config.log, LOG_LEVEL_ERROR, "data.wake", "%s", strerror(errno));
		}
	}
	return NULL;
}

static int watch_fd(struct thread *t, int fd, uint32_t id)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = id};

	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int thread_open(struct thread *t)
{
	int err;

	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->epoll < 0 || t->wake < 0)
		return -errno;
	if ((err = watch_fd(t, t->wake, WAKE_ID)) < 0)
		return err;
	for (unsigned int q = t->first; q < t->queues; q += t->data->config.workers) {
		int fd = t->source->ops->fd(t->source, q);

		if (fd >= 0 && (err = watch_fd(t, fd, q)) < 0)
			return err;
	}
	err = -pthread_create(&t->id, NULL, thread_main, t);
	t->started = err == 0;
	return err;
}

struct data *data_new(const struct data_config *config)
{
	struct data *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->config = *config;
	d->threads = config->workers + 1;
	d->thread = calloc(d->threads, sizeof(*d->thread));
	if (!d->thread) {
		free(d);
		return NULL;
	}
	for (unsigned int i = 0; i < d->threads; i++) {
		bool is_wire = i == config->workers;

		d->thread[i] = (struct thread){
			.data = d,
			.first = is_wire ? 0 : i,
			.source = is_wire ? config->wire : config->host,
			.into = is_wire ? rx_packet : tx_packet,
			.queues = is_wire ? 1 : config->queues,
			.epoll = -1,
			.wake = -1,
		};
	}
	return d;
}

int data_start(struct data *d, struct hwsim *card)
{
	sigset_t all, old;
	int err = 0;

	d->card = card;
	atomic_store(&d->stopping, false);
	/* Signals are the loop thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned int i = 0; i < d->threads && err == 0; i++)
		err = thread_open(&d->thread[i]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err < 0)
		data_stop(d);
	return err;
}

void data_wake(struct data *d)
{
	uint64_t one = 1;

	for (unsigned int i = 0; i < d->threads; i++)
		if (d->thread[i].started && write(d->thread[i].wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
			log_at(d->config.log, LOG_LEVEL_ERROR, "data.wake", "%s", strerror(errno));
}

void data_stop(struct data *d)
{
	atomic_store(&d->stopping, true);
	data_wake(d);
	for (unsigned int i = 0; i < d->threads; i++) {
		struct thread *t = &d->thread[i];

		if (t->started)
			pthread_join(t->id, NULL);
		if (t->epoll >= 0)
			close(t->epoll);
		if (t->wake >= 0)
			close(t->wake);
		t->started = false;
		t->epoll = t->wake = -1;
	}
}

void data_free(struct data *d)
{
	if (!d)
		return;
	data_stop(d);
	free(d->thread);
	free(d);
}
