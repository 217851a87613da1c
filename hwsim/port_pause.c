/* SPDX-License-Identifier: MIT */
#include "hwsim/port_pause.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"

enum { KIND_PROBE, KIND_ECHO, SKB_OVERHEAD = 320 + 64, SKB_SELF = 256 };

static const uint8_t mark[7] = {0, 'K', 'R', 'p', 'a', 'u', 's'};

void port_pause_init(struct port_pause *p, uint64_t session, uint64_t window)
{
	pthread_condattr_t attr;

	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->moved, &attr);
	pthread_condattr_destroy(&attr);
	p->session = session;
	p->window = window;
}

void port_pause_destroy(struct port_pause *p)
{
	pthread_cond_destroy(&p->moved);
	pthread_mutex_destroy(&p->lock);
}

uint64_t port_pause_cost(size_t len)
{
	uint64_t size = 512;

	/* The data with skb_shared_info behind it, from a kmalloc cache of the next power of two; and the sk_buff. */
	while (size < len + SKB_OVERHEAD)
		size *= 2;
	return size + SKB_SELF;
}

static void send_frame(int fd, uint8_t kind, uint64_t session, uint64_t token)
{
	uint8_t frame[PAUSE_FRAME];
	struct wr w = wr_init(frame, sizeof(frame));

	wr_bytes(&w, mark, sizeof(mark));
	wr_u8(&w, kind);
	wr_be64(&w, session);
	wr_be64(&w, token);
	/* A frame that is lost is sent again by who waits for it. */
	while (send(fd, frame, sizeof(frame), MSG_DONTWAIT) < 0 && errno == EINTR)
		;
}

/* False when no echo came in time. The lock is held. */
static bool wait_echo(struct port_pause *p)
{
	struct timespec until;
	uint64_t before = p->echoed;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)PAUSE_WAIT_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (p->echoed == before)
		if (pthread_cond_timedwait(&p->moved, &p->lock, &until) == ETIMEDOUT)
			return p->echoed != before;
	return true;
}

void port_pause_enter(struct port_pause *p, struct port *port, int fd, uint64_t cost)
{
	int tries = 0;

	pthread_mutex_lock(&p->lock);
	if (p->active && p->sent - p->echoed > p->window)
		port_count(port, PORT_TX_PAUSED, 1);
	while (p->active && p->sent - p->echoed > p->window) {
		if (wait_echo(p))
			continue;
		p->active = ++tries < PAUSE_TRIES;
		send_frame(fd, KIND_PROBE, p->session, p->sent);
	}
	p->sent += cost;
	pthread_mutex_unlock(&p->lock);
}

void port_pause_leave(struct port_pause *p, int fd)
{
	uint64_t token = 0;

	pthread_mutex_lock(&p->lock);
	if (p->sent - p->probed >= p->window / 4)
		token = p->probed = p->sent;
	pthread_mutex_unlock(&p->lock);
	if (token)
		send_frame(fd, KIND_PROBE, p->session, token);
}

static void take_echo(struct port_pause *p, uint64_t session, uint64_t token)
{
	pthread_mutex_lock(&p->lock);
	if (session == p->session && token > p->echoed && token <= p->sent) {
		p->echoed = token;
		p->active = true;
		pthread_cond_broadcast(&p->moved);
	}
	pthread_mutex_unlock(&p->lock);
}

bool port_pause_receive(struct port_pause *p, int fd, const uint8_t *datagram, size_t len)
{
	struct rd r = rd_init(datagram, len);
	const uint8_t *start = rd_bytes(&r, sizeof(mark));
	uint8_t kind = rd_u8(&r);
	uint64_t session = rd_be64(&r), token = rd_be64(&r);

	if (r.bad || r.left || memcmp(start, mark, sizeof(mark)) != 0)
		return false;
	if (kind == KIND_PROBE)
		send_frame(fd, KIND_ECHO, session, token);
	else
		take_echo(p, session, token);
	return true;
}
